// SPDX-License-Identifier: GPL-2.0

//! Waiting on an MPTCP socket, and the memory that it is charged for.
//!
//! C headers: [`include/net/sock.h`](srctree/include/net/sock.h), `net/core/stream.c`

use super::bindings;
use super::sock::Sock;
use kernel::error::to_result;
use kernel::prelude::*;

/// Waits until the connection is there. The socket is locked; `timeo` in jiffies counts down.
pub(crate) fn wait_connect(sk: &Sock, timeo: &mut isize) -> Result {
    // SAFETY: The socket is alive and locked by the caller.
    to_result(unsafe { bindings::sk_stream_wait_connect(sk.as_ptr(), timeo) })
}

/// Waits until there is room to write. As [`wait_connect`].
pub(crate) fn wait_memory(sk: &Sock, timeo: &mut isize) -> Result {
    // SAFETY: As above.
    to_result(unsafe { bindings::sk_stream_wait_memory(sk.as_ptr(), timeo) })
}

/// Sleeps once until `ready`, a wake-up, a signal or the end of `timeo`. The socket is locked, but not while sleeping.
///
/// `ready` is asked after the task is on the wait queue, so that no wake-up is missed.
pub(crate) fn wait_once(sk: &Sock, timeo: &mut isize, ready: impl Fn() -> bool) {
    let p = sk.as_ptr();
    // SAFETY: The entry lives on our stack and leaves the queue before we return; the queue is that of the open file
    // whose system call this is. The caller holds the lock that is released and taken again here.
    unsafe {
        let mut wait: bindings::wait_queue_entry = core::mem::zeroed();
        wait.private = bindings::rmptcp_current();
        wait.func = Some(bindings::woken_wake_function);
        wait.entry.next = &mut wait.entry;
        wait.entry.prev = &mut wait.entry;
        let queue = bindings::rmptcp_sk_sleep(p);
        bindings::add_wait_queue(queue, &mut wait);
        bindings::release_sock(p);
        if !ready() {
            *timeo = bindings::wait_woken(&mut wait, bindings::TASK_INTERRUPTIBLE, *timeo);
        }
        bindings::rmptcp_lock_sock(p);
        bindings::remove_wait_queue(queue, &mut wait);
    }
}

/// What a failed write returns: the pending error instead of EPIPE, and the signal that goes with EPIPE.
pub(crate) fn write_error(sk: &Sock, flags: u32, error: Error) -> Error {
    // SAFETY: The socket is alive and locked by the caller.
    Error::from_errno(unsafe {
        bindings::sk_stream_error(sk.as_ptr(), flags as i32, error.to_errno())
    })
}

/// Makes sure that `bytes` more may be charged for sending. Under the connection's lock, as all that follow.
pub(crate) fn schedule_send(sk: &Sock, bytes: u32) -> bool {
    // SAFETY: The socket is alive; the connection's lock guards its forward allocation.
    unsafe { bindings::rmptcp_sk_wmem_schedule(sk.as_ptr(), bytes as i32) }
}

/// Charges for `bytes` that are queued for sending.
pub(crate) fn charge_send(sk: &Sock, bytes: u32) {
    // SAFETY: As above.
    unsafe {
        bindings::rmptcp_sk_wmem_queued_add(sk.as_ptr(), bytes as i32);
        bindings::rmptcp_sk_mem_charge(sk.as_ptr(), bytes as i32);
    }
}

/// Gives back what [`charge_send`] took.
pub(crate) fn uncharge_send(sk: &Sock, bytes: u32) {
    // SAFETY: As above.
    unsafe {
        bindings::rmptcp_sk_wmem_queued_add(sk.as_ptr(), -(bytes as i32));
        bindings::rmptcp_sk_mem_uncharge(sk.as_ptr(), bytes as i32);
    }
}

/// Makes sure that `bytes` more may be charged for received data.
pub(crate) fn schedule_receive(sk: &Sock, bytes: u32) -> bool {
    // SAFETY: As above.
    unsafe { bindings::rmptcp_sk_rmem_schedule(sk.as_ptr(), bytes as i32) }
}

/// Charges for received data.
pub(crate) fn charge_receive(sk: &Sock, bytes: u32) {
    // SAFETY: As above.
    unsafe {
        bindings::rmptcp_rmem_add(sk.as_ptr(), bytes as i32);
        bindings::rmptcp_sk_mem_charge(sk.as_ptr(), bytes as i32);
    }
}

/// Gives back what [`charge_receive`] took.
pub(crate) fn uncharge_receive(sk: &Sock, bytes: u32) {
    // SAFETY: As above.
    unsafe {
        bindings::rmptcp_rmem_add(sk.as_ptr(), -(bytes as i32));
        bindings::rmptcp_sk_mem_uncharge(sk.as_ptr(), bytes as i32);
    }
}

/// Gives memory that is not charged for back to the pool.
pub(crate) fn reclaim(sk: &Sock) {
    // SAFETY: As above.
    unsafe { bindings::rmptcp_sk_mem_reclaim(sk.as_ptr()) }
}

/// Takes the socket out of its last descriptor: nobody waits, reads or writes any more.
pub(crate) fn orphan(sk: &Sock) {
    // SAFETY: The socket is alive. Its callback lock, which C takes, guards what is changed.
    unsafe { bindings::rmptcp_sock_orphan(sk.as_ptr()) }
}

/// One MPTCP socket less in the count of the protocol.
pub(crate) fn sockets_allocated_dec(sk: &Sock) {
    // SAFETY: The socket is alive; it was counted when it was made.
    unsafe { bindings::rmptcp_sk_sockets_allocated_dec(sk.as_ptr()) }
}

/// Whether data may be waiting while TCP is short of memory: readers should not wait for more then.
pub(crate) fn under_memory_pressure(sk: &Sock) -> bool {
    // SAFETY: The socket is alive.
    unsafe { bindings::rmptcp_tcp_under_memory_pressure(sk.as_ptr()) }
}
