/* SPDX-License-Identifier: GPL-2.0 */
/* What bindgen reads: the networking headers that the kernel crate does not bind. */
#include <linux/errqueue.h>
#include <linux/filter.h>
#include <linux/ftrace.h>
#include <linux/inet_diag.h>
#include <linux/mptcp.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <linux/rtnetlink.h>
#include <linux/skbuff.h>
#include <linux/skbuff_ref.h>
#include <linux/socket.h>
#include <linux/splice.h>
#include <linux/sysctl.h>
#include <linux/tcp.h>
#include <linux/workqueue.h>
#include <net/genetlink.h>
#include <net/inet6_hashtables.h>
#include <net/inet_common.h>
#include <net/inet_connection_sock.h>
#include <net/inet_hashtables.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/mptcp.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>
#include <net/protocol.h>
#include <net/request_sock.h>
#include <net/sock.h>
#include <net/tcp.h>
#include <net/transp_v6.h>

#include "helpers.h"
#include "rmptcp_trace.h"
