/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An option of one subflow of an MPTCP connection: rust_mptcp's alone. In-tree MPTCP answers
 * ENOPROTOOPT (set) and EOPNOTSUPP (get).
 *
 * The value of MPTCP_SUBFLOW_OPT, at level SOL_MPTCP, is this header and, right behind it, the
 * value of that option as setsockopt(2) and getsockopt(2) take it for a TCP socket. The length
 * counts both.
 */
#ifndef SUBFLOW_OPT_H
#define SUBFLOW_OPT_H

#include <stdint.h>

#ifndef SOL_MPTCP
#define SOL_MPTCP 284
#endif
#define MPTCP_SUBFLOW_OPT 257

struct mptcp_subflow_opt {
	uint32_t id;		/* Of the subflow: `id` in the answer to MPTCP_FULL_INFO, 1 for the first. */
	int32_t level;		/* SOL_SOCKET, SOL_IP, SOL_IPV6 or SOL_TCP. */
	int32_t name;		/* SO_MARK, IP_TOS, TCP_CONGESTION, ... */
	uint32_t reserved;	/* 0 */
};

#endif
