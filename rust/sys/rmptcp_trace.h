/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints of the system rust_mptcp: layouts and texts only. Rust asks the static keys and makes the arguments (trace.rs);
 * what each tells is in Documentation/observing.rst. The names begin with rmptcp_, so that none is one of in-tree's.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM rust_mptcp

#if !defined(RUST_MPTCP_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define RUST_MPTCP_TRACE_H

#include <linux/tracepoint.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>
#include <trace/events/net_probe_common.h>

TRACE_EVENT(rmptcp_subflow_open,
	TP_PROTO(u32 token, u32 subflow, const struct sock *sk, bool active, u8 local_id, u8 remote_id, bool backup),
	TP_ARGS(token, subflow, sk, active, local_id, remote_id, backup),
	TP_STRUCT__entry(
		__field(u32, token)
		__field(u32, subflow)
		__field(bool, active)
		__field(bool, backup)
		__field(u8, local_id)
		__field(u8, remote_id)
		__array(u8, saddr, sizeof(struct sockaddr_in6))
		__array(u8, daddr, sizeof(struct sockaddr_in6))
	),
	TP_fast_assign(
		const struct inet_sock *inet = inet_sk(sk);

		__entry->token = token;
		__entry->subflow = subflow;
		__entry->active = active;
		__entry->backup = backup;
		__entry->local_id = local_id;
		__entry->remote_id = remote_id;
		memset(__entry->saddr, 0, sizeof(struct sockaddr_in6));
		memset(__entry->daddr, 0, sizeof(struct sockaddr_in6));
		TP_STORE_ADDR_PORTS(__entry, inet, sk);
	),
	TP_printk("token=%08x subflow=%u %s local_id=%u remote_id=%u backup=%d src=%pISpc dst=%pISpc",
		  __entry->token, __entry->subflow, __entry->active ? "active" : "passive",
		  __entry->local_id, __entry->remote_id, __entry->backup, __entry->saddr, __entry->daddr)
);

TRACE_EVENT(rmptcp_subflow_close,
	TP_PROTO(u32 token, u32 subflow, int err),
	TP_ARGS(token, subflow, err),
	TP_STRUCT__entry(
		__field(u32, token)
		__field(u32, subflow)
		__field(int, err)
	),
	TP_fast_assign(
		__entry->token = token;
		__entry->subflow = subflow;
		__entry->err = err;
	),
	TP_printk("token=%08x subflow=%u err=%d", __entry->token, __entry->subflow, __entry->err)
);

TRACE_EVENT(rmptcp_sched,
	TP_PROTO(u32 token, u32 subflow, u64 dsn, u32 len, bool again, u32 room, u32 srtt, u32 cwnd, u64 pacing, u32 subflows),
	TP_ARGS(token, subflow, dsn, len, again, room, srtt, cwnd, pacing, subflows),
	TP_STRUCT__entry(
		__field(u64, dsn)
		__field(u64, pacing)
		__field(u32, token)
		__field(u32, subflow)
		__field(u32, len)
		__field(u32, room)
		__field(u32, srtt)
		__field(u32, cwnd)
		__field(u32, subflows)
		__field(bool, again)
	),
	TP_fast_assign(
		__entry->dsn = dsn;
		__entry->pacing = pacing;
		__entry->token = token;
		__entry->subflow = subflow;
		__entry->len = len;
		__entry->room = room;
		__entry->srtt = srtt;
		__entry->cwnd = cwnd;
		__entry->subflows = subflows;
		__entry->again = again;
	),
	TP_printk("token=%08x subflow=%u of=%u dsn=%llu len=%u again=%d room=%u srtt_us=%u cwnd=%u pacing=%llu",
		  __entry->token, __entry->subflow, __entry->subflows, __entry->dsn, __entry->len,
		  __entry->again, __entry->room, __entry->srtt, __entry->cwnd, __entry->pacing)
);

TRACE_EVENT(rmptcp_send,
	TP_PROTO(u32 token, u32 subflow, u64 dsn, u32 ssn, u32 offered, u32 sent, bool infinite),
	TP_ARGS(token, subflow, dsn, ssn, offered, sent, infinite),
	TP_STRUCT__entry(
		__field(u64, dsn)
		__field(u32, token)
		__field(u32, subflow)
		__field(u32, ssn)
		__field(u32, offered)
		__field(u32, sent)
		__field(bool, infinite)
	),
	TP_fast_assign(
		__entry->dsn = dsn;
		__entry->token = token;
		__entry->subflow = subflow;
		__entry->ssn = ssn;
		__entry->offered = offered;
		__entry->sent = sent;
		__entry->infinite = infinite;
	),
	TP_printk("token=%08x subflow=%u dsn=%llu ssn=%u offered=%u sent=%u infinite=%d",
		  __entry->token, __entry->subflow, __entry->dsn, __entry->ssn, __entry->offered,
		  __entry->sent, __entry->infinite)
);

TRACE_EVENT(rmptcp_mapping,
	TP_PROTO(u32 token, u32 subflow, u64 dsn, bool dsn64, u32 ssn, u16 len, bool fin, int csum, u32 payload),
	TP_ARGS(token, subflow, dsn, dsn64, ssn, len, fin, csum, payload),
	TP_STRUCT__entry(
		__field(u64, dsn)
		__field(u32, token)
		__field(u32, subflow)
		__field(u32, ssn)
		__field(u32, payload)
		__field(int, csum)
		__field(u16, len)
		__field(bool, dsn64)
		__field(bool, fin)
	),
	TP_fast_assign(
		__entry->dsn = dsn;
		__entry->token = token;
		__entry->subflow = subflow;
		__entry->ssn = ssn;
		__entry->payload = payload;
		__entry->csum = csum;
		__entry->len = len;
		__entry->dsn64 = dsn64;
		__entry->fin = fin;
	),
	TP_printk("token=%08x subflow=%u dsn=%llu dsn64=%d ssn=%u len=%u data_fin=%d csum=%d payload=%u",
		  __entry->token, __entry->subflow, __entry->dsn, __entry->dsn64, __entry->ssn,
		  __entry->len, __entry->fin, __entry->csum, __entry->payload)
);

TRACE_EVENT(rmptcp_data,
	TP_PROTO(u32 token, u32 subflow, u32 ssn, u32 len, u64 old_nxt, u64 new_nxt),
	TP_ARGS(token, subflow, ssn, len, old_nxt, new_nxt),
	TP_STRUCT__entry(
		__field(u64, old_nxt)
		__field(u64, new_nxt)
		__field(u32, token)
		__field(u32, subflow)
		__field(u32, ssn)
		__field(u32, len)
	),
	TP_fast_assign(
		__entry->old_nxt = old_nxt;
		__entry->new_nxt = new_nxt;
		__entry->token = token;
		__entry->subflow = subflow;
		__entry->ssn = ssn;
		__entry->len = len;
	),
	TP_printk("token=%08x subflow=%u ssn=%u len=%u old_rcv_nxt=%llu new_rcv_nxt=%llu",
		  __entry->token, __entry->subflow, __entry->ssn, __entry->len, __entry->old_nxt,
		  __entry->new_nxt)
);

TRACE_EVENT(rmptcp_data_ack,
	TP_PROTO(u32 token, u32 subflow, u64 data_ack, u64 old_una, u64 new_una, u64 old_edge, u64 new_edge),
	TP_ARGS(token, subflow, data_ack, old_una, new_una, old_edge, new_edge),
	TP_STRUCT__entry(
		__field(u64, data_ack)
		__field(u64, old_una)
		__field(u64, new_una)
		__field(u64, old_edge)
		__field(u64, new_edge)
		__field(u32, token)
		__field(u32, subflow)
	),
	TP_fast_assign(
		__entry->data_ack = data_ack;
		__entry->old_una = old_una;
		__entry->new_una = new_una;
		__entry->old_edge = old_edge;
		__entry->new_edge = new_edge;
		__entry->token = token;
		__entry->subflow = subflow;
	),
	TP_printk("token=%08x subflow=%u data_ack=%llu old_snd_una=%llu new_snd_una=%llu old_wnd_end=%llu new_wnd_end=%llu",
		  __entry->token, __entry->subflow, __entry->data_ack, __entry->old_una,
		  __entry->new_una, __entry->old_edge, __entry->new_edge)
);

TRACE_EVENT(rmptcp_fallback,
	TP_PROTO(u32 token, u8 reason),
	TP_ARGS(token, reason),
	TP_STRUCT__entry(
		__field(u32, token)
		__field(u8, reason)
	),
	TP_fast_assign(
		__entry->token = token;
		__entry->reason = reason;
	),
	TP_printk("token=%08x reason=%s", __entry->token,
		  __print_symbolic(__entry->reason,
				   { 0, "syn_ack" },
				   { 1, "syn_dropped" },
				   { 2, "simultaneous_open" },
				   { 3, "no_options" },
				   { 4, "mapping" },
				   { 5, "checksum" },
				   { 6, "infinite_received" },
				   { 7, "infinite_sent" }))
);

TRACE_EVENT(rmptcp_rcvbuf_grow,
	TP_PROTO(u32 token, int old_buf, int new_buf, u32 rtt),
	TP_ARGS(token, old_buf, new_buf, rtt),
	TP_STRUCT__entry(
		__field(u32, token)
		__field(int, old_buf)
		__field(int, new_buf)
		__field(u32, rtt)
	),
	TP_fast_assign(
		__entry->token = token;
		__entry->old_buf = old_buf;
		__entry->new_buf = new_buf;
		__entry->rtt = rtt;
	),
	TP_printk("token=%08x old=%d new=%d rtt_us=%u", __entry->token, __entry->old_buf,
		  __entry->new_buf, __entry->rtt)
);

#endif

#undef TRACE_INCLUDE_PATH
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_PATH .
#define TRACE_INCLUDE_FILE rmptcp_trace
#include <trace/define_trace.h>
