// SPDX-License-Identifier: GPL-2.0

//! Deferred work of an MPTCP socket, in process context, at once or at a time.
//!
//! C header: [`include/linux/workqueue.h`](srctree/include/linux/workqueue.h)
//!
//! A pending work item holds a reference of its socket, so that neither goes away before it has run.

use super::bindings;
use super::proto;
use super::sock::Sock;
use super::stack::Stack;
use core::cell::UnsafeCell;
use core::marker::PhantomPinned;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, Ordering};
use kernel::prelude::*;
use kernel::sync::aref::ARef;

/// The queue that every item runs on.
static QUEUE: AtomicPtr<bindings::workqueue_struct> = AtomicPtr::new(ptr::null_mut());

/// Our workqueue; dropping it waits for what runs.
pub(super) struct Queue(());

impl Queue {
    pub(super) fn new() -> Result<Self> {
        // SAFETY: Allocates a queue.
        let queue = unsafe { bindings::rmptcp_alloc_workqueue() };
        if queue.is_null() {
            return Err(ENOMEM);
        }
        QUEUE.store(queue, Ordering::Release);
        Ok(Self(()))
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: No socket is left, so nothing queues any more.
        unsafe { bindings::destroy_workqueue(QUEUE.swap(ptr::null_mut(), Ordering::AcqRel)) }
    }
}

/// The queue, for whoever may queue.
pub(super) fn queue() -> *mut bindings::workqueue_struct {
    QUEUE.load(Ordering::Acquire)
}

/// The work item of one socket. Lives in the socket's state and never moves.
#[pin_data]
pub(crate) struct Worker {
    #[pin]
    now: UnsafeCell<bindings::work_struct>,
    #[pin]
    later: UnsafeCell<bindings::delayed_work>,
    /// The socket, which owns this.
    sk: NonNull<bindings::sock>,
    #[pin]
    pinned: PhantomPinned,
}

// SAFETY: C guards its structures; the pointer does not change.
unsafe impl Send for Worker {}
// SAFETY: As above.
unsafe impl Sync for Worker {}

impl Worker {
    /// The item that works for `sk`, to be kept in the state of that.
    pub(crate) fn new<S: Stack>(sk: &Sock) -> impl PinInit<Self> {
        // SAFETY: No socket is at null.
        let sk = unsafe { NonNull::new_unchecked(sk.as_ptr()) };
        // SAFETY: `f` initialises every field in place.
        unsafe {
            pin_init::pin_init_from_closure::<_, core::convert::Infallible>(
                move |slot: *mut Self| {
                    bindings::rmptcp_init_work(
                        ptr::addr_of_mut!((*slot).now).cast(),
                        Some(run_now::<S>),
                    );
                    bindings::rmptcp_init_delayed_work(
                        ptr::addr_of_mut!((*slot).later).cast(),
                        Some(run_later::<S>),
                    );
                    ptr::addr_of_mut!((*slot).sk).write(sk);
                    Ok(())
                },
            )
        }
    }

    /// Runs the stack's `work` soon. Any context.
    pub(crate) fn queue(&self) {
        let sk = self.sk.as_ptr();
        // SAFETY: The socket owns us, so it is alive; the reference goes to the item if that was not pending.
        unsafe {
            bindings::rmptcp_sock_hold(sk);
            if !bindings::rmptcp_queue_work(QUEUE.load(Ordering::Acquire), self.now.get()) {
                bindings::rmptcp_sock_put(sk);
            }
        }
    }

    /// Runs the stack's `work` in `jiffies`, or earlier if it was to run earlier anyway. Any context.
    pub(crate) fn queue_in(&self, jiffies: usize) {
        let sk = self.sk.as_ptr();
        // SAFETY: As in `queue`; `mod_delayed_work` says whether the item was pending, with its reference.
        unsafe {
            bindings::rmptcp_sock_hold(sk);
            if bindings::rmptcp_mod_delayed_work(
                QUEUE.load(Ordering::Acquire),
                self.later.get(),
                jiffies,
            ) {
                bindings::rmptcp_sock_put(sk);
            }
        }
    }

    /// Takes the timed run back. Any context.
    pub(crate) fn cancel_timer(&self) {
        let sk = self.sk.as_ptr();
        // SAFETY: As in `queue`; a cancelled item gives its reference back. The caller holds another.
        unsafe {
            if bindings::cancel_delayed_work(self.later.get()) {
                bindings::rmptcp_sock_put(sk);
            }
        }
    }
}

/// # Safety
///
/// `worker` is the item that C runs, with the reference that it holds.
unsafe fn run<S: Stack>(worker: *const Worker) {
    // SAFETY: By the contract above: the reference keeps the socket, and so the item, alive until it is dropped.
    unsafe {
        let sk = (*worker).sk.as_ptr();
        let Some(owned): Option<ARef<Sock>> = Sock::from_owned(sk) else {
            return;
        };
        S::work(&owned, proto::state::<S>(sk));
    }
}

/// # Safety
///
/// Called by C alone, under the contract of the table that it stands in.
unsafe extern "C" fn run_now<S: Stack>(work: *mut bindings::work_struct) {
    // SAFETY: The item is the field of a worker.
    unsafe {
        let at = work.cast::<u8>().sub(core::mem::offset_of!(Worker, now));
        run::<S>(at.cast());
    }
}

/// # Safety
///
/// Called by C alone, under the contract of the table that it stands in.
unsafe extern "C" fn run_later<S: Stack>(work: *mut bindings::work_struct) {
    // SAFETY: The item is the first member of the field of a worker.
    unsafe {
        let delayed = NonNull::new_unchecked(bindings::rmptcp_to_delayed_work(work));
        let at = delayed
            .as_ptr()
            .cast::<u8>()
            .sub(core::mem::offset_of!(Worker, later));
        run::<S>(at.cast());
    }
}
