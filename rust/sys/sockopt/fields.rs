// SPDX-License-Identifier: GPL-2.0

//! Options that C keeps in fields of `struct sock` and `struct inet_sock`: reading them, and copying them from the
//! MPTCP socket to its subflows.
//!
//! C headers: [`include/net/sock.h`](srctree/include/net/sock.h),
//! [`include/net/inet_sock.h`](srctree/include/net/inet_sock.h)

use super::super::bindings;
use super::super::sock::Sock;
use core::ptr::{addr_of, addr_of_mut};

/// An option that is a field.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Reuse,
    ReusePort,
    BoundDevice,
    V6Only,
    KeepAlive,
    Debug,
    Tos,
    Priority,
    Mark,
    IncomingCpu,
    SendBuffer,
    ReceiveBuffer,
    Linger,
    Transparent,
    FreeBind,
    BindAddressNoPort,
    LocalPortRange,
}

/// What a subflow that is made later takes over from the MPTCP socket. The priority follows the type of service, which
/// implies one.
pub(crate) const REPLAYED: [Field; 15] = [
    Field::BoundDevice,
    Field::V6Only,
    Field::KeepAlive,
    Field::Debug,
    Field::Tos,
    Field::Priority,
    Field::Mark,
    Field::IncomingCpu,
    Field::SendBuffer,
    Field::ReceiveBuffer,
    Field::Linger,
    Field::Transparent,
    Field::FreeBind,
    Field::BindAddressNoPort,
    Field::LocalPortRange,
];

/// What of it the segments of a subflow show, or the way that they take.
pub(crate) const ON_SEGMENTS: [Field; 4] =
    [Field::Tos, Field::Priority, Field::Mark, Field::Transparent];

/// The bits of the type of service that TCP owns.
const ECN_MASK: u8 = 3;

/// Copies one option. Whatever both have already stays untouched.
///
/// Context: the lock of `to` is held, or nobody else knows it. Either may be an MPTCP socket or a TCP socket.
pub(crate) fn copy(to: &Sock, from: &Sock, field: Field) {
    let (t, f) = (to.as_ptr(), from.as_ptr());
    // SAFETY: Both are inet sockets and alive. C changes these fields under the lock of the socket too, and reads some
    // without it, so the writes to those are volatile.
    unsafe {
        match field {
            Field::Reuse => {
                let value = (*f).__sk_common.skc_reuse();
                (*t).__sk_common.set_skc_reuse(value);
            }
            Field::ReusePort => {
                let value = (*f).__sk_common.skc_reuseport();
                (*t).__sk_common.set_skc_reuseport(value);
            }
            Field::BoundDevice => {
                let value = (*f).__sk_common.skc_bound_dev_if;
                addr_of_mut!((*t).__sk_common.skc_bound_dev_if).write_volatile(value);
            }
            Field::V6Only => {
                let value = (*f).__sk_common.skc_ipv6only();
                (*t).__sk_common.set_skc_ipv6only(value);
            }
            Field::KeepAlive => copy_keepalive(to, from),
            Field::Debug => copy_flag(to, from, bindings::sock_flags_SOCK_DBG),
            Field::Tos => copy_tos(to, from),
            Field::Priority => {
                let value = addr_of!((*f).sk_priority).read_volatile();
                addr_of_mut!((*t).sk_priority).write_volatile(value);
            }
            Field::Mark => {
                let value = addr_of!((*f).sk_mark).read_volatile();
                if (*t).sk_mark != value {
                    addr_of_mut!((*t).sk_mark).write_volatile(value);
                    bindings::rmptcp_sk_dst_reset(t);
                }
            }
            Field::IncomingCpu => to.set_incoming_cpu(from.incoming_cpu()),
            Field::SendBuffer => copy_send_buffer(to, from),
            Field::ReceiveBuffer => copy_receive_buffer(to, from),
            Field::Linger => {
                (*t).sk_lingertime = (*f).sk_lingertime;
                copy_flag(to, from, bindings::sock_flags_SOCK_LINGER);
            }
            Field::Transparent => copy_inet_flag(to, from, bindings::INET_FLAGS_TRANSPARENT),
            Field::FreeBind => copy_inet_flag(to, from, bindings::INET_FLAGS_FREEBIND),
            Field::BindAddressNoPort => {
                copy_inet_flag(to, from, bindings::INET_FLAGS_BIND_ADDRESS_NO_PORT);
            }
            Field::LocalPortRange => {
                let value = inet(from, |i| addr_of!((*i).local_port_range).read_volatile());
                let to = t.cast::<bindings::inet_sock>();
                addr_of_mut!((*to).local_port_range).write_volatile(value);
            }
        }
    }
}

/// Reads a field of the inet part of a socket.
///
/// # Safety
///
/// `read` only reads.
unsafe fn inet<R>(sk: &Sock, read: impl FnOnce(*const bindings::inet_sock) -> R) -> R {
    read(sk.as_ptr().cast())
}

fn copy_flag(to: &Sock, from: &Sock, flag: bindings::sock_flags) {
    let value = from.flag(flag);
    if value == to.flag(flag) {
        return;
    }
    // SAFETY: The socket is alive and its lock held.
    unsafe {
        if value {
            bindings::rmptcp_sock_set_flag(to.as_ptr(), flag);
        } else {
            bindings::rmptcp_sock_reset_flag(to.as_ptr(), flag);
        }
    }
}

fn copy_inet_flag(to: &Sock, from: &Sock, flag: u32) {
    // SAFETY: Both are inet sockets and alive; the flags are atomic.
    unsafe {
        let value = bindings::rmptcp_inet_flag(from.as_ptr(), flag);
        bindings::rmptcp_inet_assign_flag(to.as_ptr(), flag, value);
    }
}

fn copy_keepalive(to: &Sock, from: &Sock) {
    let keep_open = bindings::sock_flags_SOCK_KEEPOPEN;
    let value = from.flag(keep_open);
    if value == to.flag(keep_open) {
        return;
    }
    // SAFETY: The socket is alive and its lock held; TCP's own function, if any, is behind the pointer.
    unsafe {
        if let Some(f) = (*(*to.as_ptr()).__sk_common.skc_prot).keepalive {
            f(to.as_ptr(), value.into());
        }
    }
    copy_flag(to, from, keep_open);
}

/// TCP's own bits stay; a new type of service brings the priority that it implies.
fn copy_tos(to: &Sock, from: &Sock) {
    let t = to.as_ptr();
    // SAFETY: Both are inet sockets and alive.
    unsafe {
        let inet = t.cast::<bindings::inet_sock>();
        let old = addr_of!((*inet).tos).read_volatile();
        let new = (from.tos() & !ECN_MASK) | (old & ECN_MASK);
        if new != old {
            addr_of_mut!((*inet).tos).write_volatile(new);
            let priority = bindings::rmptcp_tos2priority(new);
            addr_of_mut!((*t).sk_priority).write_volatile(priority);
            bindings::rmptcp_sk_dst_reset(t);
        }
    }
}

fn copy_send_buffer(to: &Sock, from: &Sock) {
    if from.sndbuf_locked() {
        // SAFETY: The socket is alive and its lock held.
        unsafe { (*to.as_ptr()).sk_userlocks |= bindings::SOCK_SNDBUF_LOCK as u8 };
        to.set_sndbuf(from.sndbuf());
    }
}

fn copy_receive_buffer(to: &Sock, from: &Sock) {
    if from.rcvbuf_locked() {
        // SAFETY: The socket is alive and its lock held.
        unsafe { (*to.as_ptr()).sk_userlocks |= bindings::SOCK_RCVBUF_LOCK as u8 };
        to.set_tcp_rcvbuf(from.rcvbuf());
    }
}

impl Sock {
    /// SO_INCOMING_CPU.
    pub(crate) fn incoming_cpu(&self) -> i32 {
        // SAFETY: The socket is alive; C reads the field without the lock.
        unsafe {
            addr_of!(
                (*self.as_ptr())
                    .__sk_common
                    .__bindgen_anon_7
                    .skc_incoming_cpu
            )
            .read_volatile()
        }
    }

    /// Sets SO_INCOMING_CPU.
    pub(crate) fn set_incoming_cpu(&self, cpu: i32) {
        // SAFETY: As above.
        unsafe {
            addr_of_mut!(
                (*self.as_ptr())
                    .__sk_common
                    .__bindgen_anon_7
                    .skc_incoming_cpu
            )
            .write_volatile(cpu);
        }
    }

    /// IP_TOS.
    pub(crate) fn tos(&self) -> u8 {
        // SAFETY: An inet socket, alive; C reads the field without the lock.
        unsafe { inet(self, |i| addr_of!((*i).tos).read_volatile()) }
    }

    /// IP_LOCAL_PORT_RANGE: the highest port in the upper half, the lowest in the lower.
    pub(crate) fn local_port_range(&self) -> u32 {
        // SAFETY: As above.
        unsafe { inet(self, |i| addr_of!((*i).local_port_range).read_volatile()) }
    }

    /// IPV6_V6ONLY.
    pub(crate) fn is_v6only(&self) -> bool {
        // SAFETY: The socket is alive; a stale read is harmless.
        unsafe { (*self.as_ptr()).__sk_common.skc_ipv6only() != 0 }
    }

    /// IP_TRANSPARENT and IPV6_TRANSPARENT.
    pub(crate) fn is_transparent(&self) -> bool {
        // SAFETY: An inet socket, alive.
        unsafe { bindings::rmptcp_inet_flag(self.as_ptr(), bindings::INET_FLAGS_TRANSPARENT) }
    }

    /// IP_FREEBIND and IPV6_FREEBIND.
    pub(crate) fn is_freebind(&self) -> bool {
        // SAFETY: An inet socket, alive.
        unsafe { bindings::rmptcp_inet_flag(self.as_ptr(), bindings::INET_FLAGS_FREEBIND) }
    }

    /// IP_BIND_ADDRESS_NO_PORT.
    pub(crate) fn binds_address_only(&self) -> bool {
        let flag = bindings::INET_FLAGS_BIND_ADDRESS_NO_PORT;
        // SAFETY: An inet socket, alive.
        unsafe { bindings::rmptcp_inet_flag(self.as_ptr(), flag) }
    }

    /// Sets `sk_rcvbuf` of a TCP socket, and the window that goes with it.
    fn set_tcp_rcvbuf(&self, bytes: i32) {
        self.set_rcvbuf(bytes);
        // SAFETY: Subflows are TCP sockets; C writes the field with WRITE_ONCE as well.
        unsafe {
            let tp = self.as_ptr().cast::<bindings::tcp_sock>();
            let clamp = bindings::rmptcp_tcp_win_from_space(self.as_ptr(), bytes as u32);
            addr_of_mut!((*tp).window_clamp).write_volatile(clamp);
        }
    }

    /// Has a TCP socket report every byte and every bit of room: what programs wait for is up to the MPTCP socket.
    ///
    /// Context: nobody else knows the socket yet, or its lock is held.
    pub(crate) fn report_everything(&self) {
        // SAFETY: Subflows are TCP sockets; C reads the fields with READ_ONCE.
        unsafe {
            let tp = self.as_ptr().cast::<bindings::tcp_sock>();
            addr_of_mut!((*self.as_ptr()).sk_rcvlowat).write_volatile(0);
            addr_of_mut!((*tp).notsent_lowat).write_volatile(u32::MAX);
        }
    }

    /// The keepalive times that the namespace gives to sockets that set none: idle and interval in seconds, and how
    /// many probes.
    pub(crate) fn default_keepalive(&self) -> (i32, i32, i32) {
        // SAFETY: The socket is alive, so is its namespace.
        unsafe {
            (
                bindings::rmptcp_keepalive_time(self.as_ptr()),
                bindings::rmptcp_keepalive_intvl(self.as_ptr()),
                bindings::rmptcp_keepalive_probes(self.as_ptr()),
            )
        }
    }
}
