// SPDX-License-Identifier: GPL-2.0

//! Deferred work of a network namespace, in process context.
//!
//! C header: [`include/linux/workqueue.h`](srctree/include/linux/workqueue.h)

use super::bindings;
use super::netns::{self, NetRef};
use super::stack::Stack;
use super::work;
use core::cell::UnsafeCell;
use core::marker::PhantomPinned;
use core::ptr;
use kernel::prelude::*;

/// The work item of one namespace. Lives in the namespace's state and never moves; [`Self::cancel`] before that goes.
#[pin_data]
pub(crate) struct NetWorker {
    #[pin]
    later: UnsafeCell<bindings::delayed_work>,
    net: NetRef,
    #[pin]
    pinned: PhantomPinned,
}

// SAFETY: C guards its structure; the rest does not change.
unsafe impl Send for NetWorker {}
// SAFETY: As above.
unsafe impl Sync for NetWorker {}

impl NetWorker {
    /// An item that runs the stack's `net_work`.
    pub(crate) fn new<S: Stack>(net: NetRef) -> impl PinInit<Self> {
        // SAFETY: The closure initialises every field in place.
        unsafe {
            pin_init::pin_init_from_closure::<_, core::convert::Infallible>(
                move |slot: *mut Self| {
                    bindings::rmptcp_init_delayed_work(
                        ptr::addr_of_mut!((*slot).later).cast(),
                        Some(run::<S>),
                    );
                    ptr::addr_of_mut!((*slot).net).write(net);
                    Ok(())
                },
            )
        }
    }

    /// Runs the work in `jiffies` from now. Any context.
    pub(crate) fn queue_in(&self, jiffies: usize) {
        // SAFETY: The item is initialised and outlives what is queued, by the contract of the type.
        unsafe {
            bindings::rmptcp_mod_delayed_work(work::queue(), self.later.get(), jiffies);
        }
    }

    /// Takes the work back, and waits for it if it runs. Context: may sleep.
    pub(crate) fn cancel(&self) {
        // SAFETY: The item is initialised.
        unsafe { bindings::cancel_delayed_work_sync(self.later.get()) };
    }
}

/// # Safety
///
/// Called by C alone, under the contract of the table that it stands in.
unsafe extern "C" fn run<S: Stack>(item: *mut bindings::work_struct) {
    // SAFETY: The item is the first member of the field of a worker, whose namespace is there until `cancel` returned.
    unsafe {
        let later = bindings::rmptcp_to_delayed_work(item);
        let worker = later
            .cast::<u8>()
            .sub(core::mem::offset_of!(NetWorker, later))
            .cast::<NetWorker>();
        netns::with_state::<S>((*worker).net, S::net_work);
    }
}
