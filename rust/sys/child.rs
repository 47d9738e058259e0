// SPDX-License-Identifier: GPL-2.0

//! The TCP sockets that handshakes at our listeners make, from the moment that TCP copies the listener until it is clear what
//! they are: subflows, plain TCP, or nobody's.
//!
//! C header: [`include/net/inet_connection_sock.h`](srctree/include/net/inet_connection_sock.h)
//!
//! TCP puts a child into its table before it tells us of it, so that another CPU may have segments for it meanwhile. They
//! wait in the filter for the child's lock, which is held all that time.

use super::bindings;
use super::callbacks::with;
use super::module;
use super::rx_filter;
use super::sock::{Sock, AF_INET6};
use super::stack::{Child, Stack};
use super::subflow::{attach, Ctx, Destruct, Saved};
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};
use kernel::prelude::*;

/// What TCP's own `sk_destruct` is for IPv4 and for IPv6, once a subflow has shown it.
static DESTRUCT: [AtomicPtr<()>; 2] = [const { AtomicPtr::new(ptr::null_mut()) }; 2];

/// # Safety
///
/// `sk` is a valid socket.
unsafe fn destruct_of(sk: *const bindings::sock) -> &'static AtomicPtr<()> {
    // SAFETY: By the contract above.
    let is_v6 = unsafe { (*sk).__sk_common.skc_family } == AF_INET6;
    &DESTRUCT[usize::from(is_v6)]
}

/// The socket `sk` is about to become a subflow: what its `sk_destruct` is, copies of it need to know without it.
///
/// # Safety
///
/// `sk` is a valid TCP socket.
pub(super) unsafe fn note_destruct(sk: *const bindings::sock, destruct: Option<Destruct>) {
    // SAFETY: By the contract above.
    let known = unsafe { destruct_of(sk) };
    let original = destruct.map_or(ptr::null_mut(), |f| f as *mut ());
    if known.load(Ordering::Relaxed) != original {
        known.store(original, Ordering::Relaxed);
    }
}

/// A copy of a listener is to become the child of a handshake: its segments wait in the filter until we have decided what
/// it is. Until then TCP may free it without a word to us.
///
/// # Safety
///
/// `child` is a valid TCP socket that nobody else knows.
pub(super) unsafe fn begin(child: *mut bindings::sock) {
    // SAFETY: By the contract above.
    unsafe {
        // For `unmade_destruct`, which TCP may put off beyond the life of the listener (sock_diag).
        module::get();
        (*child).sk_destruct = Some(unmade_destruct);
        rx_filter::set(child);
    }
}

/// The child is plain TCP, at least for now; its segments do not meet us any more. A copy without [`begin`]
/// stays as it is: a listener that is being closed loses its ULP first, and TCP may copy it after that.
///
/// # Safety
///
/// `child` is a valid TCP socket that TCP copied from a listener, locked; `saved` are the functions of that.
pub(super) unsafe fn make_plain(child: *mut bindings::sock, saved: &Saved) {
    // SAFETY: By the contract above. The listener has a reference of the module as well.
    unsafe {
        (*child).sk_destruct = saved.destruct;
        if rx_filter::is_set(child) {
            rx_filter::clear(child);
            module::put();
        }
    }
}

/// # Safety
///
/// Called by C alone, under the contract of the table that it stands in.
unsafe extern "C" fn unmade_destruct(sk: *mut bindings::sock) {
    // SAFETY: The last reference is gone.
    unsafe {
        rx_filter::clear(sk);
        destruct_copy(sk);
    }
    module::put();
}

/// Frees what TCP has in a copy of a listener; what is ours in there is the listener's.
///
/// # Safety
///
/// The last reference to `sk`, a valid TCP socket, is gone.
pub(super) unsafe fn destruct_copy(sk: *mut bindings::sock) {
    // SAFETY: By the contract above. `note_destruct` stored a function of this type for the listener.
    unsafe {
        let original = destruct_of(sk).load(Ordering::Relaxed);
        if !original.is_null() {
            core::mem::transmute::<*mut (), Destruct>(original)(sk);
        }
    }
}

/// Makes `child`, which TCP just made from a handshake, a subflow; as [`attach`]. On an error it [`make_plain`], once told so.
///
/// # Safety
///
/// As [`make_plain`], and the child is no subflow.
unsafe fn adopt<S: Stack>(
    child: *mut bindings::sock,
    subflow: S::Subflow,
    locked: S::Locked,
    saved: &Saved,
) -> Result<(), S::Subflow> {
    // SAFETY: By the contract above. The filter stays: a segment may wait there.
    unsafe {
        (*child).sk_destruct = saved.destruct;
        attach::<S>(child, subflow, locked, GFP_ATOMIC)?;
        if rx_filter::is_set(child) {
            module::put();
        } else {
            rx_filter::set(child);
        }
        (*child).sk_allocation = kernel::bindings::GFP_ATOMIC;
    }
    Ok(())
}

/// Settles what a child is: plain TCP without an `opening`. `Some` refuses it, with this MP_TCPRST reason.
///
/// # Safety
///
/// `child` is a valid TCP socket, new and locked, that was copied from `listener` and is no subflow yet.
pub(super) unsafe fn settle<S: Stack>(
    listener: &Ctx<S>,
    opening: Option<S::Opening>,
    child: *mut bindings::sock,
) -> Option<u8> {
    // SAFETY: By the contract above.
    unsafe {
        let kind = match opening {
            Some(opening) => S::opened(&listener.subflow, opening, Sock::from_raw(child)),
            None => Child::Plain,
        };
        match kind {
            Child::Subflow(subflow, locked) => {
                match adopt::<S>(child, subflow, locked, &listener.saved) {
                    Ok(()) => with::<S>(child, |l, _| S::opened_done(l)),
                    Err(subflow) => {
                        make_plain(child, &listener.saved);
                        S::not_opened(&subflow);
                    }
                }
                None
            }
            Child::Plain => {
                make_plain(child, &listener.saved);
                None
            }
            Child::Refused(reason) => {
                make_plain(child, &listener.saved);
                Some(reason)
            }
        }
    }
}

/// Ends the TCP connection of a child that TCP just made, without a word; [`close`] is still due.
///
/// # Safety
///
/// `child` is a valid TCP socket, locked by its spinlock, that no program knows.
pub(super) unsafe fn drop_connection(child: *mut bindings::sock) {
    // SAFETY: By the contract above. As TCP does with what waits in an accept queue; in repair mode it sends nothing.
    unsafe {
        if let Some(disconnect) = (*(*child).__sk_common.skc_prot).disconnect {
            bindings::rmptcp_tcp_set_repair(child, true);
            disconnect(child, bindings::O_NONBLOCK as i32);
            bindings::rmptcp_tcp_set_repair(child, false);
        }
    }
}

/// Closes a TCP connection that no `struct socket` stands for: the child of a handshake.
///
/// Context: may sleep. TCP goes on by itself until its FIN is acknowledged.
pub(crate) fn close(ssk: &Sock) {
    // SAFETY: The socket is alive, and this is the one close of it: it drops the reference that its life began with.
    unsafe { bindings::tcp_close(ssk.as_ptr(), 0) }
}
