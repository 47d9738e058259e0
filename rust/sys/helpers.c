// SPDX-License-Identifier: GPL-2.0
/* One-line wrappers of inline functions and macros that Rust cannot call: no branch, no loop, no lock of their own. */
#include "helpers.h"

struct tcp_sock *rmptcp_tcp_sk(struct sock *sk) { return tcp_sk(sk); }
void rmptcp_sock_put(struct sock *sk) { sock_put(sk); }
