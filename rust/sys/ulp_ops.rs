// SPDX-License-Identifier: GPL-2.0

//! The ULP of a subflow's TCP socket, which is how TCP tells of its copies and of its end.
//!
//! C header: [`include/net/tcp.h`](srctree/include/net/tcp.h)

use super::bindings;
use super::callbacks::with;
use super::child;
use super::module;
use super::stack::Stack;
use super::subflow::{self, Ctx};
use super::ulp;
use core::cell::UnsafeCell;
use core::ptr;
use kernel::ffi::c_char;

/// A `tcp_ulp_ops` of the module; never registered, so that no program can ask for it.
struct UlpOps(UnsafeCell<bindings::tcp_ulp_ops>);

// SAFETY: Written once at load, before any socket can reach it.
unsafe impl Sync for UlpOps {}

impl UlpOps {
    const fn new() -> Self {
        // SAFETY: All zeroes is valid: no callback, an empty name.
        Self(UnsafeCell::new(unsafe { core::mem::zeroed() }))
    }
}

static ULP_OPS: UlpOps = UlpOps::new();

/// The same for listeners, by another name: in-tree `mptcp_diag` takes every listener with a ULP "mptcp" for one of its
/// own, and would follow pointers that are not there.
static LISTENER_ULP_OPS: UlpOps = UlpOps::new();

/// Fills the table. Once, at load.
pub(super) fn init<S: Stack>() {
    // SAFETY: Nothing of the module is registered yet, so nobody reads the table.
    unsafe {
        for (table, name) in [(&ULP_OPS, c"mptcp"), (&LISTENER_ULP_OPS, c"mptcp-listener")] {
            let ops = table.0.get();
            (*ops).release = Some(ulp_release::<S>);
            (*ops).clone = Some(ulp_clone::<S>);
            (*ops).get_info = Some(ulp::get_info::<S>);
            (*ops).get_info_size = Some(ulp::get_info_size);
            (*ops).owner = module::this();
            for (to, from) in (*ops).name.iter_mut().zip(name.to_bytes_with_nul()) {
                *to = *from as c_char;
            }
        }
    }
}

pub(super) fn ops<S: Stack>() -> *const bindings::tcp_ulp_ops {
    ULP_OPS.0.get()
}

/// See [`LISTENER_ULP_OPS`].
pub(super) fn listener() -> *const bindings::tcp_ulp_ops {
    LISTENER_ULP_OPS.0.get()
}

/// # Safety
///
/// Called by C alone, under the contract of the table that it stands in.
unsafe extern "C" fn ulp_release<S: Stack>(sk: *mut bindings::sock) {
    // SAFETY: TCP is destroying the connection and nobody else can be using the socket.
    unsafe {
        with::<S>(sk, |l, _| S::release(l));
        if let Some(ctx) = subflow::ctx::<S>(sk) {
            subflow::restore::<S>(sk, &ctx.saved);
        }
    }
}

/// # Safety
///
/// Called by C alone, under the contract of the table that it stands in.
unsafe extern "C" fn ulp_clone<S: Stack>(
    _req: *const bindings::request_sock,
    new: *mut bindings::sock,
    _priority: bindings::gfp_t,
) {
    // SAFETY: TCP has just copied a listener of ours; nobody else knows the copy. It must not share the context. TCP puts it
    // into its table before we hear of it again: its segments pass the filter from then on. The context is the listener's,
    // which TCP keeps from being freed meanwhile.
    unsafe {
        let icsk = new.cast::<bindings::inet_connection_sock>();
        let Some(ctx) = (*icsk).icsk_ulp_data.cast::<Ctx<S>>().as_ref() else {
            return;
        };
        (*new).sk_data_ready = ctx.saved.data_ready;
        (*new).sk_write_space = ctx.saved.write_space;
        (*new).sk_state_change = ctx.saved.state_change;
        (*new).sk_error_report = ctx.saved.error_report;
        child::begin(new);
        (*new).sk_allocation = kernel::bindings::GFP_KERNEL;
        (*icsk).icsk_ulp_data = ptr::null_mut();
        (*icsk).icsk_ulp_ops = ptr::null();
    }
}
