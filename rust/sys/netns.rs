// SPDX-License-Identifier: GPL-2.0

//! Network namespaces: what we keep of each.
//!
//! C header: [`include/net/net_namespace.h`](srctree/include/net/net_namespace.h)

use super::bindings;
use super::sock::Sock;
use super::stack::Stack;
use core::cell::UnsafeCell;
use core::marker::PhantomData;
use core::ptr::{self, NonNull};
use kernel::error::from_result;
use kernel::ffi::{c_int, c_uint};
use kernel::prelude::*;

/// A network namespace that outlives the value: it is that of a living socket, or its state is not yet torn down.
#[derive(Clone, Copy)]
pub(crate) struct NetRef(NonNull<bindings::net>);

// SAFETY: A `struct net` is made for use from many CPUs.
unsafe impl Send for NetRef {}
// SAFETY: As above.
unsafe impl Sync for NetRef {}

impl NetRef {
    /// The namespace that C passes, which is there for as long as the value is used.
    pub(super) fn from_raw(net: *mut bindings::net) -> Option<Self> {
        NonNull::new(net).map(Self)
    }

    /// The one that is always there.
    pub(super) fn first() -> Self {
        // SAFETY: A static of the kernel.
        Self(unsafe { NonNull::new_unchecked(core::ptr::addr_of_mut!(bindings::init_net)) })
    }

    pub(super) fn as_ptr(self) -> *mut bindings::net {
        self.0.as_ptr()
    }

    /// TCP's shortest and longest retransmission timeouts, in milliseconds.
    pub(crate) fn rto_bounds(self) -> (u32, u32) {
        // SAFETY: The namespace is alive.
        unsafe {
            (
                bindings::rmptcp_tcp_rto_min_us(self.as_ptr()) / 1000,
                bindings::rmptcp_tcp_rto_max_ms(self.as_ptr()),
            )
        }
    }
}

/// Waits until TCP has freed the sockets that are closed. Context: may sleep.
pub(crate) fn wait_for_frees() {
    // SAFETY: Only waits.
    unsafe { bindings::rcu_barrier() }
}

struct Ops(UnsafeCell<bindings::pernet_operations>, UnsafeCell<c_uint>);

// SAFETY: Written once at load, before registration; C then guards what it changes.
unsafe impl Sync for Ops {}

static OPS: Ops = Ops(
    // SAFETY: All zeroes is valid for the C structure.
    UnsafeCell::new(unsafe { core::mem::zeroed() }),
    UnsafeCell::new(0),
);

/// What C keeps for us in each namespace: it allocates and zeroes it.
#[repr(C)]
struct Slot<S: Stack>(*mut S::Net);

/// The registration; dropping it takes our state out of every namespace.
pub(super) struct Registration<S: Stack>(PhantomData<fn() -> S>);

impl<S: Stack> Registration<S> {
    pub(super) fn new() -> Result<Self> {
        // SAFETY: The structure is static and not registered yet.
        kernel::error::to_result(unsafe {
            let ops = OPS.0.get();
            (*ops).init = Some(init::<S>);
            (*ops).exit = Some(exit::<S>);
            (*ops).id = OPS.1.get();
            (*ops).size = core::mem::size_of::<Slot<S>>();
            bindings::register_pernet_subsys(ops)
        })?;
        Ok(Self(PhantomData))
    }
}

impl<S: Stack> Drop for Registration<S> {
    fn drop(&mut self) {
        // SAFETY: Registered by `new`.
        unsafe { bindings::unregister_pernet_subsys(OPS.0.get()) }
    }
}

/// # Safety
///
/// `net` is a namespace in which the registration has run `init` or is running it.
unsafe fn slot<S: Stack>(net: *mut bindings::net) -> *mut Slot<S> {
    // SAFETY: By the contract above the id is ours.
    unsafe { bindings::rmptcp_net_generic(net, *OPS.1.get()).cast() }
}

/// # Safety
///
/// Called by C alone, under the contract of the table that it stands in.
unsafe extern "C" fn init<S: Stack>(net: *mut bindings::net) -> c_int {
    from_result(|| {
        let net_ref = NetRef(NonNull::new(net).ok_or(EINVAL)?);
        let state = KBox::new(S::net_init(net_ref)?, GFP_KERNEL)?;
        // SAFETY: C calls this once for the namespace.
        unsafe { (*slot::<S>(net)).0 = KBox::into_raw(state) };
        Ok(0)
    })
}

/// # Safety
///
/// Called by C alone, under the contract of the table that it stands in.
unsafe extern "C" fn exit<S: Stack>(net: *mut bindings::net) {
    // SAFETY: C calls this once for the namespace, after `init`; no socket of it is left but our own listeners, which
    // `net_exit` closes: they find the state in its place until they are gone.
    unsafe {
        let state = (*slot::<S>(net)).0;
        if !state.is_null() {
            S::net_exit(&*state);
            (*slot::<S>(net)).0 = core::ptr::null_mut();
            drop(KBox::from_raw(state));
        }
    }
}

/// Our state of a namespace.
///
/// # Safety
///
/// `net` is alive for `'a`, and the registration is there.
pub(super) unsafe fn state_of<'a, S: Stack>(net: *mut bindings::net) -> &'a S::Net {
    // SAFETY: By the contract above `init` has run for the namespace.
    unsafe { &*(*slot::<S>(net)).0 }
}

/// Runs `f` on our state of a namespace, unless that is going.
///
/// # Safety
///
/// The state is not taken down while this runs: `net_exit` cancels the work that the caller is, or the caller is a notifier
/// of devices, all of which are gone from a namespace before our state of it goes.
pub(super) unsafe fn with_state<S: Stack>(net: NetRef, f: impl FnOnce(&S::Net)) {
    // SAFETY: By the contract above the state outlives the call if it is still there.
    unsafe {
        let state = ptr::addr_of!((*slot::<S>(net.as_ptr())).0).read_volatile();
        if let Some(state) = state.as_ref() {
            f(state);
        }
    }
}

/// Our state of the namespace that a socket is in.
pub(crate) fn of<S: Stack>(sk: &Sock) -> &S::Net {
    // SAFETY: The socket is alive, so is its namespace and our state of it.
    unsafe {
        let net = bindings::rmptcp_sock_net(sk.as_ptr());
        &*(*slot::<S>(net)).0
    }
}
