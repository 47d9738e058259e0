// SPDX-License-Identifier: GPL-2.0

//! The tracepoints of the system `rust_mptcp`, which `rmptcp_trace.h` lays out.
//!
//! One that nobody has enabled costs a NOP: its arguments are made behind the static key. Any context.

use super::bindings;
use super::sock::Sock;
use kernel::bindings::tracepoint;
use kernel::jump_label::static_branch_unlikely;

/// For each event a structure of what it tells, and a function that tells it if somebody listens.
macro_rules! events {
    ($(
        $(#[$attr:meta])*
        $fun:ident($ty:ident { $($(#[$doc:meta])* $field:ident: $t:ty),* $(,)? }) = $key:ident, $call:ident;
    )*) => {$(
        $(#[$attr])*
        pub(crate) struct $ty {
            $($(#[$doc])* pub(crate) $field: $t),*
        }

        /// Tells it if somebody listens.
        #[inline(always)]
        pub(crate) fn $fun(what: impl FnOnce() -> $ty) {
            // SAFETY: A tracepoint that `rmptcp_trace.c` defines, whose key lives as long as the module.
            if unsafe { static_branch_unlikely!(bindings::$key, tracepoint, key) } {
                let $ty { $($field),* } = what();
                // SAFETY: Plain numbers, which C copies.
                unsafe { bindings::$call($($field),*) };
            }
        }
    )*};
}

events! {
    /// TCP is done with a subflow.
    subflow_close(SubflowClose {
        token: u32,
        subflow: u32,
        /// The error of its TCP socket; 0 for an orderly end.
        err: i32,
    }) = __tracepoint_rmptcp_subflow_close, rust_do_trace_rmptcp_subflow_close;

    /// A range is this subflow's to send.
    sched(Sched {
        token: u32,
        subflow: u32,
        dsn: u64,
        len: u32,
        /// These bytes were handed to a subflow before.
        again: bool,
        /// What TCP had room for.
        room: u32,
        srtt: u32,
        cwnd: u32,
        pacing: u64,
        /// How many subflows there are.
        subflows: u32,
    }) = __tracepoint_rmptcp_sched, rust_do_trace_rmptcp_sched;

    /// TCP took bytes, or fewer than it was offered, or none.
    send(Send {
        token: u32,
        subflow: u32,
        dsn: u64,
        ssn: u32,
        offered: u32,
        sent: u32,
        infinite: bool,
    }) = __tracepoint_rmptcp_send, rust_do_trace_rmptcp_send;

    /// A mapping arrived.
    mapping(Mapping {
        token: u32,
        subflow: u32,
        /// As in the option.
        dsn: u64,
        dsn64: bool,
        ssn: u32,
        len: u16,
        fin: bool,
        /// -1 if there is none.
        csum: i32,
        /// Octets of the segment that brought it.
        payload: u32,
    }) = __tracepoint_rmptcp_mapping, rust_do_trace_rmptcp_mapping;

    /// TCP delivered bytes, and they were sorted in.
    data(Data {
        token: u32,
        subflow: u32,
        ssn: u32,
        len: u32,
        old_nxt: u64,
        new_nxt: u64,
    }) = __tracepoint_rmptcp_data, rust_do_trace_rmptcp_data;

    /// A DATA_ACK arrived.
    data_ack(DataAck {
        token: u32,
        subflow: u32,
        /// As in the option.
        data_ack: u64,
        old_una: u64,
        new_una: u64,
        old_edge: u64,
        new_edge: u64,
    }) = __tracepoint_rmptcp_data_ack, rust_do_trace_rmptcp_data_ack;

    /// The connection is plain TCP from here on.
    fallback(Fallback {
        token: u32,
        /// A place in the table of `rmptcp_trace.h`.
        reason: u8,
    }) = __tracepoint_rmptcp_fallback, rust_do_trace_rmptcp_fallback;

    /// The receive buffer grew.
    rcvbuf_grow(RcvbufGrow {
        token: u32,
        old_buf: i32,
        new_buf: i32,
        rtt: u32,
    }) = __tracepoint_rmptcp_rcvbuf_grow, rust_do_trace_rmptcp_rcvbuf_grow;
}

/// Whether somebody listens to [`data_ack`], for what must be looked at before the event.
#[inline(always)]
pub(crate) fn data_ack_is_heard() -> bool {
    // SAFETY: As in `events`.
    unsafe { static_branch_unlikely!(bindings::__tracepoint_rmptcp_data_ack, tracepoint, key) }
}

/// A subflow began: its SYN is out, or its handshake is complete.
pub(crate) struct SubflowOpen<'a> {
    pub(crate) token: u32,
    pub(crate) subflow: u32,
    /// Its TCP socket.
    pub(crate) ssk: &'a Sock,
    pub(crate) active: bool,
    pub(crate) local_id: u8,
    pub(crate) remote_id: u8,
    pub(crate) backup: bool,
}

/// Tells it if somebody listens.
#[inline(always)]
pub(crate) fn subflow_open<'a>(what: impl FnOnce() -> SubflowOpen<'a>) {
    // SAFETY: As in `events`.
    if unsafe {
        static_branch_unlikely!(bindings::__tracepoint_rmptcp_subflow_open, tracepoint, key)
    } {
        let open = what();
        // SAFETY: The socket is alive by its type invariant; C reads its addresses and keeps nothing of it.
        unsafe {
            bindings::rust_do_trace_rmptcp_subflow_open(
                open.token,
                open.subflow,
                open.ssk.as_ptr(),
                open.active,
                open.local_id,
                open.remote_id,
                open.backup,
            );
        }
    }
}
