// SPDX-License-Identifier: GPL-2.0

//! Any `struct sock`: the fields and calls that our sockets and their subflows have in common.
//!
//! C header: [`include/net/sock.h`](srctree/include/net/sock.h)

use super::bindings;
use core::ptr::{addr_of, addr_of_mut, NonNull};
use core::sync::atomic::{fence, AtomicI32, AtomicU8, Ordering};
use kernel::prelude::*;
use kernel::sync::aref::{ARef, AlwaysRefCounted};
use kernel::types::Opaque;

/// A `struct sock` that is alive for as long as the reference is.
///
/// # Invariants
///
/// The C object is initialised and holds at least one reference.
#[repr(transparent)]
pub(crate) struct Sock(Opaque<bindings::sock>);

// SAFETY: A `struct sock` is made for use from many CPUs; every method says what guards what it touches.
unsafe impl Send for Sock {}
// SAFETY: As above.
unsafe impl Sync for Sock {}

// SAFETY: `sock_hold` and `sock_put` count the references of the C object.
unsafe impl AlwaysRefCounted for Sock {
    fn inc_ref(&self) {
        // SAFETY: By the type invariant the socket is alive.
        unsafe { bindings::rmptcp_sock_hold(self.as_ptr()) }
    }

    unsafe fn dec_ref(obj: NonNull<Self>) {
        // SAFETY: By the contract of `dec_ref` the caller gives up one reference.
        unsafe { bindings::rmptcp_sock_put(obj.as_ptr().cast()) }
    }
}

/// The states of `enum tcp_state` that `sk_state` takes.
pub(crate) mod state {
    use super::bindings;

    pub(crate) const ESTABLISHED: u8 = bindings::TCP_ESTABLISHED as u8;
    pub(crate) const SYN_SENT: u8 = bindings::TCP_SYN_SENT as u8;
    pub(crate) const SYN_RECV: u8 = bindings::TCP_SYN_RECV as u8;
    pub(crate) const FIN_WAIT1: u8 = bindings::TCP_FIN_WAIT1 as u8;
    pub(crate) const FIN_WAIT2: u8 = bindings::TCP_FIN_WAIT2 as u8;
    pub(crate) const CLOSE: u8 = bindings::TCP_CLOSE as u8;
    pub(crate) const CLOSE_WAIT: u8 = bindings::TCP_CLOSE_WAIT as u8;
    pub(crate) const LAST_ACK: u8 = bindings::TCP_LAST_ACK as u8;
    pub(crate) const LISTEN: u8 = bindings::TCP_LISTEN as u8;
    pub(crate) const CLOSING: u8 = bindings::TCP_CLOSING as u8;
}

/// Bits of `sk_shutdown`.
pub(crate) const RCV_SHUTDOWN: u8 = bindings::RCV_SHUTDOWN as u8;
/// See [`RCV_SHUTDOWN`].
pub(crate) const SEND_SHUTDOWN: u8 = bindings::SEND_SHUTDOWN as u8;
/// Both.
pub(crate) const SHUTDOWN_MASK: u8 = RCV_SHUTDOWN | SEND_SHUTDOWN;

pub(crate) const AF_INET: u16 = bindings::AF_INET as u16;
pub(crate) const AF_INET6: u16 = bindings::AF_INET6 as u16;

impl Sock {
    /// The C object.
    pub(super) fn as_ptr(&self) -> *mut bindings::sock {
        self.0.get()
    }

    /// Borrows a C socket.
    ///
    /// # Safety
    ///
    /// `ptr` is a valid `struct sock` whose reference count stays above zero for `'a`.
    pub(super) unsafe fn from_raw<'a>(ptr: *mut bindings::sock) -> &'a Self {
        // SAFETY: By the contract above; the type is transparent.
        unsafe { &*ptr.cast::<Self>() }
    }

    /// Takes over a reference that the caller holds.
    ///
    /// # Safety
    ///
    /// `ptr` is a valid `struct sock`, and the caller owns one reference that it gives away.
    pub(super) unsafe fn from_owned(ptr: *mut bindings::sock) -> Option<ARef<Self>> {
        // SAFETY: By the contract above.
        NonNull::new(ptr.cast::<Self>()).map(|p| unsafe { ARef::from_raw(p) })
    }

    /// A reference of one's own.
    pub(crate) fn hold(&self) -> ARef<Self> {
        ARef::from(self)
    }

    /// `sk_state`, as other CPUs may be changing it.
    pub(crate) fn state(&self) -> u8 {
        // SAFETY: The field is valid by the type invariant; C reads and writes it with READ_ONCE and WRITE_ONCE.
        unsafe { AtomicU8::from_ptr(addr_of_mut!((*self.as_ptr()).__sk_common.skc_state).cast()) }
            .load(Ordering::Acquire)
    }

    /// Sets `sk_state` and fires the tracepoint.
    ///
    /// Context: the caller serialises changes of the state (our socket's lock, or our connection's).
    pub(crate) fn set_state(&self, state: u8) {
        // SAFETY: The socket is alive by the type invariant.
        unsafe { bindings::inet_sk_set_state(self.as_ptr(), state.into()) }
    }

    /// `sk_shutdown`.
    pub(crate) fn shutdown(&self) -> u8 {
        // SAFETY: As in `state`.
        unsafe { AtomicU8::from_ptr(addr_of_mut!((*self.as_ptr()).sk_shutdown)) }
            .load(Ordering::Acquire)
    }

    /// Adds bits to `sk_shutdown`.
    pub(crate) fn add_shutdown(&self, bits: u8) {
        // SAFETY: As in `state`.
        unsafe { AtomicU8::from_ptr(addr_of_mut!((*self.as_ptr()).sk_shutdown)) }
            .fetch_or(bits, Ordering::AcqRel);
    }

    /// Clears `sk_shutdown`, for a socket that is to be used again.
    pub(crate) fn clear_shutdown(&self) {
        // SAFETY: As in `state`.
        unsafe { AtomicU8::from_ptr(addr_of_mut!((*self.as_ptr()).sk_shutdown)) }
            .store(0, Ordering::Release);
    }

    /// The device that it uses; 0 for any.
    pub(crate) fn bound_device(&self) -> u32 {
        // SAFETY: The socket is alive; C writes the field as a whole.
        let index =
            unsafe { addr_of!((*self.as_ptr()).__sk_common.skc_bound_dev_if).read_volatile() };
        u32::try_from(index).unwrap_or(0)
    }

    fn err_word(&self) -> &AtomicI32 {
        // SAFETY: As in `state`.
        unsafe { AtomicI32::from_ptr(addr_of_mut!((*self.as_ptr()).sk_err)) }
    }

    /// The pending error (a positive errno), which stays pending.
    pub(crate) fn err(&self) -> i32 {
        self.err_word().load(Ordering::Acquire)
    }

    /// Sets the pending error (a positive errno).
    pub(crate) fn set_err(&self, errno: i32) {
        self.err_word().store(errno, Ordering::Release);
    }

    /// Takes the pending error: `Err` with it, or nothing.
    pub(crate) fn take_err(&self) -> Result {
        match self.err_word().swap(0, Ordering::AcqRel) {
            0 => Ok(()),
            errno => Err(Error::from_errno(-errno)),
        }
    }

    /// `sk_family`.
    pub(crate) fn family(&self) -> u16 {
        // SAFETY: The field does not change under us except by IPV6_ADDRFORM, which our sockets refuse.
        unsafe { (*self.as_ptr()).__sk_common.skc_family }
    }

    /// `sk_sndbuf`.
    pub(crate) fn sndbuf(&self) -> i32 {
        // SAFETY: As in `state`.
        unsafe { AtomicI32::from_ptr(addr_of_mut!((*self.as_ptr()).sk_sndbuf)) }
            .load(Ordering::Relaxed)
    }

    /// The smallest send buffer (`tcp_wmem[0]`).
    pub(crate) fn wmem_min(&self) -> i32 {
        // SAFETY: The socket is alive, so is its namespace.
        unsafe { bindings::rmptcp_wmem_min(self.as_ptr()) }
    }

    /// The largest send buffer that TCP makes for itself (`net.ipv4.tcp_wmem`).
    pub(crate) fn wmem_max(&self) -> i32 {
        // SAFETY: The socket is alive, so is its namespace.
        unsafe { bindings::rmptcp_wmem_max(self.as_ptr()) }
    }

    /// Sets `sk_sndbuf`.
    pub(crate) fn set_sndbuf(&self, bytes: i32) {
        // SAFETY: As in `state`.
        unsafe { AtomicI32::from_ptr(addr_of_mut!((*self.as_ptr()).sk_sndbuf)) }
            .store(bytes, Ordering::Relaxed);
    }

    /// `sk_rcvbuf`.
    pub(crate) fn rcvbuf(&self) -> i32 {
        // SAFETY: As in `state`.
        unsafe { AtomicI32::from_ptr(addr_of_mut!((*self.as_ptr()).sk_rcvbuf)) }
            .load(Ordering::Relaxed)
    }

    /// Sets `sk_rcvbuf`.
    pub(crate) fn set_rcvbuf(&self, bytes: i32) {
        // SAFETY: As in `state`.
        unsafe { AtomicI32::from_ptr(addr_of_mut!((*self.as_ptr()).sk_rcvbuf)) }
            .store(bytes, Ordering::Relaxed);
    }

    /// Whether the user fixed SO_SNDBUF.
    pub(crate) fn sndbuf_locked(&self) -> bool {
        // SAFETY: A bit-field that only setsockopt changes, under the socket's lock; a stale read is harmless.
        unsafe { u32::from((*self.as_ptr()).sk_userlocks) & bindings::SOCK_SNDBUF_LOCK != 0 }
    }

    /// Whether the user fixed SO_RCVBUF.
    pub(crate) fn rcvbuf_locked(&self) -> bool {
        // SAFETY: As in `sndbuf_locked`.
        unsafe { u32::from((*self.as_ptr()).sk_userlocks) & bindings::SOCK_RCVBUF_LOCK != 0 }
    }

    /// Whether a program has bound it to an address or a port.
    pub(crate) fn is_bound_by_program(&self) -> bool {
        let bound = bindings::SOCK_BINDADDR_LOCK | bindings::SOCK_BINDPORT_LOCK;
        // SAFETY: The field is valid by the type invariant; it changes under the socket's lock.
        unsafe { u32::from((*self.as_ptr()).sk_userlocks) & bound != 0 }
    }

    /// Bytes of memory charged for received data (`sk_rmem_alloc`).
    pub(crate) fn rmem(&self) -> i32 {
        // SAFETY: The socket is alive.
        unsafe { bindings::rmptcp_rmem_get(self.as_ptr()) }
    }

    /// Bytes of memory of segments on their way out (`sk_wmem_alloc`).
    pub(crate) fn wmem(&self) -> u32 {
        // SAFETY: The socket is alive.
        u32::try_from(unsafe { bindings::rmptcp_wmem_get(self.as_ptr()) }).unwrap_or(0)
    }

    /// How many connections wait to be accepted, and how many may.
    pub(crate) fn accept_backlog(&self) -> (u32, u32) {
        // SAFETY: The socket is alive.
        unsafe {
            (
                bindings::rmptcp_ack_backlog(self.as_ptr()),
                bindings::rmptcp_max_ack_backlog(self.as_ptr()),
            )
        }
    }

    /// `sk_wmem_queued`.
    pub(crate) fn wmem_queued(&self) -> i32 {
        // SAFETY: As in `state`.
        unsafe { AtomicI32::from_ptr(addr_of_mut!((*self.as_ptr()).sk_wmem_queued)) }
            .load(Ordering::Relaxed)
    }

    /// The socket's lock, in process context.
    ///
    /// Context: may sleep.
    pub(crate) fn lock(&self) -> SockGuard<'_> {
        // SAFETY: The socket is alive; the guard releases the lock.
        unsafe { bindings::rmptcp_lock_sock(self.as_ptr()) };
        SockGuard(self)
    }

    /// Wakes readers (`sk_data_ready`).
    pub(crate) fn data_ready(&self) {
        // SAFETY: The socket is alive and the callback is set from the start.
        unsafe { bindings::rmptcp_sk_data_ready(self.as_ptr()) }
    }

    /// Wakes whoever waits for a change of state.
    pub(crate) fn state_change(&self) {
        // SAFETY: As in `data_ready`.
        unsafe { bindings::rmptcp_sk_state_change(self.as_ptr()) }
    }

    /// Wakes writers if there is room (`sk_write_space`).
    pub(crate) fn write_space(&self) {
        // SAFETY: As in `data_ready`.
        unsafe { bindings::rmptcp_sk_write_space(self.as_ptr()) }
    }

    /// Reports the pending error to waiters.
    pub(crate) fn error_report(&self) {
        // SAFETY: As in `data_ready`.
        unsafe { bindings::sk_error_report(self.as_ptr()) }
    }

    /// Whether the stream has room to write (`sk_stream_memory_free`).
    pub(crate) fn memory_free(&self) -> bool {
        // SAFETY: The socket is alive.
        unsafe { bindings::rmptcp_sk_stream_memory_free(self.as_ptr()) }
    }

    /// Whether poll may say writable (`sk_stream_is_writeable`).
    pub(crate) fn is_writeable(&self) -> bool {
        // SAFETY: The socket is alive.
        unsafe { bindings::rmptcp_sk_stream_is_writeable(self.as_ptr()) }
    }

    /// Whether somebody asked for that since `write_space` was called last. Call it after the room was made.
    ///
    /// Context: as `want_write_space`.
    pub(crate) fn wants_write_space(&self) -> bool {
        // Who asks sets the flag before he looks for room once more.
        fence(Ordering::SeqCst);
        // SAFETY: As in `want_write_space`.
        unsafe {
            let socket = addr_of!((*self.as_ptr()).sk_socket).read_volatile();
            !socket.is_null() && bindings::rmptcp_is_nospace(socket)
        }
    }

    /// Asks for a `sk_write_space` call once there is room, if somebody still owns the socket.
    ///
    /// Context: the socket's lock is held, or softirq, or a system call on the open file.
    pub(crate) fn want_write_space(&self) {
        // SAFETY: The socket is alive. Its `struct socket` goes only after the lock was let go and RCU readers are done,
        // and softirq is one; the pointer is read once.
        unsafe {
            let socket = addr_of!((*self.as_ptr()).sk_socket).read_volatile();
            if !socket.is_null() {
                bindings::rmptcp_sk_set_bit_async_nospace(self.as_ptr());
                bindings::rmptcp_set_nospace(socket);
            }
        }
    }

    /// Whether nobody owns the socket any more.
    pub(crate) fn is_dead(&self) -> bool {
        self.flag(bindings::sock_flags_SOCK_DEAD)
    }

    /// A flag of `enum sock_flags`.
    pub(super) fn flag(&self, flag: bindings::sock_flags) -> bool {
        // SAFETY: The socket is alive.
        unsafe { bindings::rmptcp_sock_flag(self.as_ptr(), flag) }
    }

    /// The linger time if SO_LINGER is on, in jiffies.
    pub(crate) fn linger(&self) -> Option<usize> {
        if !self.flag(bindings::sock_flags_SOCK_LINGER) {
            return None;
        }
        // SAFETY: Written by setsockopt under the lock; a stale read is harmless.
        Some(unsafe { addr_of!((*self.as_ptr()).sk_lingertime).read_volatile() })
    }

    /// SO_RCVTIMEO in jiffies, 0 if `nonblock`.
    pub(crate) fn rcvtimeo(&self, nonblock: bool) -> isize {
        // SAFETY: The socket is alive.
        unsafe { bindings::rmptcp_sock_rcvtimeo(self.as_ptr(), nonblock) }
    }

    /// SO_SNDTIMEO in jiffies, 0 if `nonblock`.
    pub(crate) fn sndtimeo(&self, nonblock: bool) -> isize {
        // SAFETY: The socket is alive.
        unsafe { bindings::rmptcp_sock_sndtimeo(self.as_ptr(), nonblock) }
    }

    /// SO_RCVLOWAT.
    pub(crate) fn set_rcvlowat(&self, bytes: i32) {
        // SAFETY: As in `state`.
        unsafe { AtomicI32::from_ptr(addr_of_mut!((*self.as_ptr()).sk_rcvlowat)) }
            .store(if bytes == 0 { 1 } else { bytes }, Ordering::Relaxed);
    }

    /// The largest receive buffer that tuning may reach (`tcp_rmem[2]`).
    pub(crate) fn rmem_max(&self) -> i32 {
        // SAFETY: The socket is alive, so is its namespace.
        unsafe { bindings::rmptcp_rmem_max(self.as_ptr()) }
    }

    /// Whether connect(2) waits for the first write (TCP_FASTOPEN_CONNECT).
    pub(crate) fn defers_connect(&self) -> bool {
        // SAFETY: An inet socket, alive.
        unsafe { bindings::rmptcp_defers_connect(self.as_ptr()) }
    }

    /// Says whether connect(2) waits for the first write.
    pub(crate) fn defer_connect(&self, on: bool) {
        // SAFETY: An inet socket, alive, locked by the caller.
        unsafe { bindings::rmptcp_set_defer_connect(self.as_ptr(), on) }
    }

    /// Tells the `struct socket` that a handshake is on its way.
    pub(crate) fn set_connecting(&self) {
        // SAFETY: Locked by the caller, a system call on the descriptor: the `struct socket` is there.
        unsafe {
            let socket = (*self.as_ptr()).sk_socket;
            if !socket.is_null() && (*socket).state == bindings::socket_state_SS_UNCONNECTED {
                (*socket).state = bindings::socket_state_SS_CONNECTING;
            }
        }
    }

    /// Whether the route in use is the loopback device's. The caller has the socket's lock.
    pub(crate) fn routes_over_loopback(&self) -> bool {
        // SAFETY: The socket is alive, and its lock keeps the route.
        unsafe { bindings::rmptcp_routes_over_loopback(self.as_ptr()) }
    }

    /// Whether a TCP-MD5 key is set. For TCP sockets only.
    pub(crate) fn has_md5(&self) -> bool {
        // SAFETY: A TCP socket, alive.
        unsafe { bindings::rmptcp_has_md5(self.as_ptr()) }
    }

    /// How many bytes a receive call waits for.
    pub(crate) fn rcvlowat(&self, waitall: bool, len: usize) -> usize {
        let len = i32::try_from(len).unwrap_or(i32::MAX);
        // SAFETY: The socket is alive.
        let bytes = unsafe { bindings::rmptcp_sock_rcvlowat(self.as_ptr(), waitall.into(), len) };
        usize::try_from(bytes).unwrap_or(1)
    }

    /// Whether the last reference that C counts in `inuse` is to be taken or given.
    pub(crate) fn prot_inuse_add(&self, n: i32) {
        // SAFETY: The socket is alive.
        unsafe { bindings::rmptcp_sock_prot_inuse_add(self.as_ptr(), n) }
    }
}

/// The socket lock held in process context.
pub(crate) struct SockGuard<'a>(&'a Sock);

impl Drop for SockGuard<'_> {
    fn drop(&mut self) {
        // SAFETY: The guard is the proof that this context took the lock.
        unsafe { bindings::release_sock(self.0.as_ptr()) }
    }
}

/// What a signal makes of a wait of `timeo` jiffies: ERESTARTSYS or EINTR.
pub(crate) fn interrupted(timeo: isize) -> Error {
    // SAFETY: A pure function.
    Error::from_errno(unsafe { bindings::rmptcp_sock_intr_errno(timeo) })
}

/// Whether the current task has a signal to handle.
pub(crate) fn signal_pending() -> bool {
    // SAFETY: Reads the current task's flags.
    unsafe { bindings::rmptcp_signal_pending() }
}
