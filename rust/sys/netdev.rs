// SPDX-License-Identifier: GPL-2.0

//! Network devices that go down, lose their carrier, or come back.
//!
//! C header: [`include/linux/netdevice.h`](srctree/include/linux/netdevice.h)

use super::bindings;
use super::netns;
use super::sock::Sock;
use super::stack::Stack;
use core::cell::UnsafeCell;
use core::marker::PhantomData;
use core::ptr;
use kernel::ffi::{c_int, c_ulong, c_void};
use kernel::prelude::*;
use kernel::sync::rcu;

struct Notifier(UnsafeCell<bindings::notifier_block>);

// SAFETY: Filled once at load before it is registered; C guards what it changes.
unsafe impl Sync for Notifier {}

static NOTIFIER: Notifier = Notifier(UnsafeCell::new(
    // SAFETY: All zeroes is valid for the C structure.
    unsafe { core::mem::zeroed() },
));

/// The registration.
pub(super) struct Registration<S: Stack>(PhantomData<fn() -> S>);

impl<S: Stack> Registration<S> {
    /// Process context. C tells of the devices that are there already.
    pub(super) fn new() -> Result<Self> {
        // SAFETY: The structure is static and not registered yet.
        kernel::error::to_result(unsafe {
            (*NOTIFIER.0.get()).notifier_call = Some(device_event::<S>);
            bindings::register_netdevice_notifier(NOTIFIER.0.get())
        })?;
        Ok(Self(PhantomData))
    }
}

impl<S: Stack> Drop for Registration<S> {
    fn drop(&mut self) {
        // SAFETY: Registered by `new`.
        unsafe {
            bindings::unregister_netdevice_notifier(NOTIFIER.0.get());
        }
    }
}

/// Something happened to a device. Process context, under the lock of all devices.
///
/// # Safety
///
/// Called by C alone, under the contract of the table that it stands in.
unsafe extern "C" fn device_event<S: Stack>(
    _nb: *mut bindings::notifier_block,
    event: c_ulong,
    info: *mut c_void,
) -> c_int {
    let up = match event as u32 {
        bindings::netdev_cmd_NETDEV_UP | bindings::netdev_cmd_NETDEV_CHANGE => true,
        bindings::netdev_cmd_NETDEV_DOWN => false,
        _ => return 0,
    };
    // SAFETY: C passes a `netdev_notifier_info` of a device in a namespace that is there, and with it our state of that, if
    // any: it goes after the devices, and after this notifier.
    unsafe {
        let device = (*info.cast::<bindings::netdev_notifier_info>()).dev;
        let index = (*device).ifindex;
        let up = up && bindings::rmptcp_netdev_works(device);
        if let Some(net) = netns::NetRef::from_raw(bindings::rmptcp_dev_net(device)) {
            netns::with_state::<S>(net, |net| S::link(net, index as u32, up));
        }
    }
    0
}

impl Sock {
    /// The device that its segments use, by its number; 0 if that is not known.
    pub(crate) fn device(&self) -> u32 {
        let sk = self.as_ptr();
        let _rcu = rcu::read_lock();
        // SAFETY: The socket is alive, and RCU keeps its route; the numbers may be a little old.
        unsafe {
            let bound = ptr::addr_of!((*sk).__sk_common.skc_bound_dev_if).read_volatile();
            let routed = bindings::rmptcp_route_device(sk);
            let last = ptr::addr_of!((*sk).sk_rx_dst_ifindex).read_volatile();
            let known = [bound, routed, last].into_iter().find(|index| *index != 0);
            known.unwrap_or(0) as u32
        }
    }
}
