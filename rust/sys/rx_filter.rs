// SPDX-License-Identifier: GPL-2.0

//! Every segment that arrives for a subflow, before TCP sees it: the subflow's own socket filter.
//!
//! C header: [`include/linux/filter.h`](srctree/include/linux/filter.h)
//!
//! TCP runs `sk_filter` of a socket on each segment that it found the socket for, after netfilter and before it takes the
//! socket's lock. A filter is a BPF program, whose entry is a C function in its header: ours is a function of the module.
//! So segments of other sockets do not meet us at all.
//!
//! A subflow has the filter while it may get segments of a connection, and the child of a handshake until it turns out to be
//! plain TCP; a listener never. No program can reach the filter of a subflow's TCP socket to change it.

use super::bindings;
use super::segment::RxSegment;
use super::sock::Sock;
use super::stack::Stack;
use super::subflow;
use core::cell::UnsafeCell;
use core::ptr::{self, NonNull};
use kernel::ffi::{c_uint, c_void};

/// What is to happen to a segment that arrived.
pub(crate) enum RxVerdict {
    /// TCP gets it.
    Pass,
    /// Nobody gets it: the network might have lost it.
    Drop,
}

/// What a filter says of a packet: how many octets of it are wanted.
const ALL: c_uint = c_uint::MAX;
const NONE: c_uint = 0;

/// The filter of every subflow, with its program.
struct Filter {
    filter: UnsafeCell<bindings::sk_filter>,
    program: UnsafeCell<bindings::bpf_prog>,
}

// SAFETY: Written once at load, before any socket has it, and then only read.
unsafe impl Sync for Filter {}

static FILTER: Filter = Filter {
    // SAFETY: All zeroes is valid for the C structure.
    filter: UnsafeCell::new(unsafe { core::mem::zeroed() }),
    // SAFETY: All zeroes is valid for the C structure: no instructions, no statistics.
    program: UnsafeCell::new(unsafe { core::mem::zeroed() }),
};

/// Fills the table. Once, at load.
pub(super) fn init<S: Stack>() {
    // SAFETY: No socket has the filter yet. The references are the module's and never given back, and there are
    // enough of them that C never sees the last one go: it would free what it did not allocate.
    unsafe {
        (*FILTER.program.get()).bpf_func = Some(run::<S>);
        let filter = FILTER.filter.get();
        (*filter).prog = FILTER.program.get();
        bindings::rmptcp_filter_hold(filter);
    }
}

/// Has the segments of a subflow pass [`Stack::received`] from now on.
///
/// # Safety
///
/// `sk` is a subflow of ours that does not listen, or the child of a handshake; locked or known to nobody else.
pub(super) unsafe fn set(sk: *mut bindings::sock) {
    // SAFETY: By the contract above.
    unsafe { bindings::rmptcp_set_filter(sk, FILTER.filter.get()) }
}

/// Whether a socket has it.
///
/// # Safety
///
/// `sk` is a valid socket, locked or known to nobody else.
pub(super) unsafe fn is_set(sk: *const bindings::sock) -> bool {
    // SAFETY: By the contract above the pointer does not change.
    unsafe { ptr::eq((*sk).sk_filter, FILTER.filter.get()) }
}

/// Takes the filter away; one that is running goes on.
///
/// # Safety
///
/// `sk` is a subflow of ours, or the child of a handshake.
pub(super) unsafe fn clear(sk: *mut bindings::sock) {
    // SAFETY: By the contract above the filter is ours, if there is one.
    unsafe { bindings::rmptcp_set_filter(sk, ptr::null_mut()) }
}

/// # Safety
///
/// Called by C alone, under the contract of the table that it stands in.
unsafe extern "C" fn run<S: Stack>(
    skb: *const c_void,
    _instructions: *const bindings::bpf_insn,
) -> c_uint {
    // SAFETY: TCP has made the segment its own, its header is linear, and the checksum is known to be right or the sum of
    // the pseudo header is there to compute it. The socket in it is the one that has the filter, with a reference.
    unsafe {
        let skb = skb.cast::<bindings::sk_buff>().cast_mut();
        let sk = (*skb).sk;
        let Some(ctx) = subflow::ctx::<S>(sk).or_else(|| decided::<S>(sk)) else {
            return ALL;
        };
        // What the network broke TCP will drop: nothing of it may be believed before. That the sum is right is noted in the
        // packet, so that TCP does not do it again; where it is wrong TCP finds the packet as it was.
        if bindings::rmptcp_tcp_checksum_complete(skb) {
            return ALL;
        }
        let Some(mut segment) = NonNull::new(skb).and_then(|p| RxSegment::parse(p)) else {
            return ALL;
        };
        match S::received(&ctx.subflow, Sock::from_raw(sk), &mut segment) {
            RxVerdict::Pass => ALL,
            RxVerdict::Drop => NONE,
        }
    }
}

/// What became of the child of a handshake whose segment is here before we have decided, on another CPU, what it is: whoever
/// decides has the lock, which TCP will want for this segment anyway.
///
/// # Safety
///
/// `sk` is a valid TCP socket whose lock this context does not hold.
#[cold]
unsafe fn decided<'a, S: Stack>(sk: *mut bindings::sock) -> Option<&'a subflow::Ctx<S>> {
    // SAFETY: By the contract above.
    unsafe {
        if bindings::rmptcp_bh_try_lock_sock(sk) {
            bindings::rmptcp_bh_give_back_sock(sk);
        }
        subflow::ctx::<S>(sk)
    }
}
