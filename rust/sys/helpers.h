/* SPDX-License-Identifier: GPL-2.0 */
/* One-line wrappers of inline functions and macros; see helpers.c. */
#ifndef RUST_MPTCP_HELPERS_H
#define RUST_MPTCP_HELPERS_H

#include <net/tcp.h>

struct tcp_sock *rmptcp_tcp_sk(struct sock *sk);
void rmptcp_sock_put(struct sock *sk);

#endif
