// SPDX-License-Identifier: GPL-2.0

//! The address family operations of subflows: copies of TCP's tables with our functions in four places.
//!
//! C header: [`include/net/inet_connection_sock.h`](srctree/include/net/inet_connection_sock.h)
//!
//! TCP has three such tables (IPv4, IPv6, and IPv4 behind an IPv6 socket), none of which is exported. We find each one
//! on a socket that uses it and keep one copy per table for the life of the module.

use super::bindings;
use super::callbacks;
use super::stack::Stack;
use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};
use kernel::prelude::*;

type Ops = bindings::inet_connection_sock_af_ops;

/// One copy. The operations come first, so that a pointer to them is a pointer to the copy.
#[repr(C)]
struct Table {
    ops: UnsafeCell<MaybeUninit<Ops>>,
    /// The table that was copied; null while the slot is free.
    original: AtomicPtr<Ops>,
    /// Set once `ops` is complete.
    ready: AtomicPtr<Ops>,
}

// SAFETY: `ops` is written once, by whoever claimed the slot through `original`, before `ready` is set.
unsafe impl Sync for Table {}

static TABLES: [Table; 3] = [const {
    Table {
        ops: UnsafeCell::new(MaybeUninit::uninit()),
        original: AtomicPtr::new(ptr::null_mut()),
        ready: AtomicPtr::new(ptr::null_mut()),
    }
}; 3];

fn is_ours(ops: *const Ops) -> Option<&'static Table> {
    TABLES.iter().find(|t| ptr::eq(t.ops.get().cast(), ops))
}

/// The table that TCP gave to the socket.
///
/// # Safety
///
/// `sk` is a valid connection socket.
pub(super) unsafe fn original(sk: *const bindings::sock) -> *const Ops {
    // SAFETY: By the contract above.
    let ops = unsafe { (*sk.cast::<bindings::inet_connection_sock>()).icsk_af_ops };
    match is_ours(ops) {
        Some(table) => table.original.load(Ordering::Relaxed),
        None => ops,
    }
}

/// Puts our copy in place of the table of the socket.
///
/// # Safety
///
/// `sk` is a valid connection socket, locked.
pub(super) unsafe fn wrap<S: Stack>(sk: *mut bindings::sock) -> Result {
    let icsk = sk.cast::<bindings::inet_connection_sock>();
    // SAFETY: By the contract above.
    let ops = unsafe { (*icsk).icsk_af_ops };
    if is_ours(ops).is_some() {
        return Ok(());
    }
    for table in &TABLES {
        let claim = table.original.compare_exchange(
            ptr::null_mut(),
            ops.cast_mut(),
            Ordering::AcqRel,
            Ordering::Acquire,
        );
        match claim {
            Ok(_) => {
                // SAFETY: The slot is ours alone until `ready` is set; `ops` is a table of TCP's, which is constant.
                unsafe {
                    let mut copy = ops.read();
                    copy.queue_xmit = Some(callbacks::queue_xmit::<S>);
                    copy.sk_rx_dst_set = Some(callbacks::sk_rx_dst_set::<S>);
                    copy.conn_request = Some(callbacks::conn_request::<S>);
                    copy.syn_recv_sock = Some(callbacks::syn_recv_sock::<S>);
                    table.ops.get().write(MaybeUninit::new(copy));
                }
                table.ready.store(ops.cast_mut(), Ordering::Release);
            }
            Err(found) if ptr::eq(found, ops) => {}
            Err(_) => continue,
        }
        while table.ready.load(Ordering::Acquire).is_null() {
            core::hint::spin_loop();
        }
        // SAFETY: By the contract of the function; the copy is complete and lives as long as the module.
        unsafe { (*icsk).icsk_af_ops = table.ops.get().cast() };
        return Ok(());
    }
    // A fourth table: a kernel that we do not know.
    Err(EOPNOTSUPP)
}

/// Gives the socket its own table back.
///
/// # Safety
///
/// `sk` is a valid connection socket that nobody else can be using the table of: locked, or new.
pub(super) unsafe fn unwrap(sk: *mut bindings::sock) {
    // SAFETY: By the contract above.
    unsafe {
        let ops = original(sk);
        (*sk.cast::<bindings::inet_connection_sock>()).icsk_af_ops = ops;
    }
}

/// Whether the socket uses a copy of ours.
///
/// # Safety
///
/// `sk` is a valid connection socket.
pub(super) unsafe fn is_wrapped(sk: *const bindings::sock) -> bool {
    // SAFETY: By the contract above.
    is_ours(unsafe { (*sk.cast::<bindings::inet_connection_sock>()).icsk_af_ops }).is_some()
}
