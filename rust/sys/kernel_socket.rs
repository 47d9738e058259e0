// SPDX-License-Identifier: GPL-2.0

//! TCP sockets that we open ourselves: for the first subflow of an active connection, and for listeners.
//!
//! C header: [`include/linux/net.h`](srctree/include/linux/net.h)

use super::bindings;
use super::cgroup;
use super::msg::{Address, AddressBuf};
use super::netns::NetRef;
use super::rx_filter;
use super::sock::Sock;
use super::stack::Stack;
use super::subflow::{attach, SubflowLocked};
use super::ulp_ops;
use core::marker::PhantomData;
use core::net::IpAddr;
use core::ptr::{self, NonNull};
use kernel::prelude::*;
use kernel::sync::UniqueArc;

/// A TCP socket that the kernel opened for a subflow, with the `struct socket` that its operations need.
///
/// # Invariants
///
/// The pointer is a kernel socket whose `sk` is a subflow of ours.
pub(crate) struct KernelSocket<S: Stack> {
    socket: NonNull<bindings::socket>,
    stack: PhantomData<fn() -> S>,
}

// SAFETY: A socket may be used from any thread; its operations take its lock.
unsafe impl<S: Stack> Send for KernelSocket<S> {}
// SAFETY: As above.
unsafe impl<S: Stack> Sync for KernelSocket<S> {}

/// A socket that the kernel opened for us and that nobody else knows yet.
///
/// # Invariants
///
/// The pointer is a kernel socket.
pub(crate) struct BareSocket(NonNull<bindings::socket>);

impl BareSocket {
    /// Opens a TCP socket in the namespace of `msk`, owned by whom `msk` belongs to.
    ///
    /// Context: may sleep; the lock of `msk` is held.
    pub(crate) fn open(msk: &Sock, family: u16) -> Result<Self> {
        let kind = (bindings::sock_type_SOCK_STREAM, bindings::IPPROTO_TCP);
        let this = Self::create(msk, family, kind)?;
        // SAFETY: The socket is new and nobody else knows it.
        unsafe {
            let sk = this.sock().as_ptr();
            // What a namespace itself has does not keep it.
            if (*msk.as_ptr()).__sk_common.skc_net_refcnt() != 0 {
                bindings::sk_net_refcnt_upgrade(sk);
            }
            (*sk).sk_allocation = kernel::bindings::GFP_ATOMIC;
            bindings::rmptcp_copy_owner(sk, msk.as_ptr());
            cgroup::copy(sk, msk.as_ptr());
            // Who opens it is the kernel, whom it acts for is `msk`.
            bindings::security_sk_clone(msk.as_ptr(), sk);
        }
        Ok(this)
    }

    fn create(msk: &Sock, family: u16, (kind, protocol): (u32, u32)) -> Result<Self> {
        let mut socket = ptr::null_mut();
        // SAFETY: The namespace is that of a living socket.
        kernel::error::to_result(unsafe {
            bindings::sock_create_kern(
                bindings::rmptcp_sock_net(msk.as_ptr()),
                family.into(),
                kind as i32,
                protocol as i32,
                &mut socket,
            )
        })?;
        NonNull::new(socket).map(Self).ok_or(ENOMEM)
    }

    /// The socket below.
    pub(crate) fn sock(&self) -> &Sock {
        // SAFETY: By the type invariant; the `struct socket` holds its reference.
        unsafe { Sock::from_raw((*self.0.as_ptr()).sk) }
    }

    /// `kernel_bind`. Context: may sleep.
    pub(crate) fn bind(&self, addr: Address<'_>) -> Result {
        // SAFETY: The socket is ours and the address valid.
        kernel::error::to_result(unsafe {
            bindings::kernel_bind(self.0.as_ptr(), addr.as_ptr(), addr.len())
        })
    }

    /// Uses this device only. Context: may sleep.
    pub(crate) fn bind_device(&self, index: u32) -> Result {
        let index = i32::try_from(index).map_err(|_| EINVAL)?;
        // SAFETY: The socket is ours; C takes its lock.
        kernel::error::to_result(unsafe {
            bindings::sock_bindtoindex(self.sock().as_ptr(), index, true)
        })
    }

    /// Makes it a subflow. Context: may sleep.
    pub(crate) fn become_subflow<S: Stack>(
        self,
        subflow: S::Subflow,
        locked: S::Locked,
    ) -> Result<KernelSocket<S>> {
        // SAFETY: A TCP socket of ours that nobody else knows.
        unsafe { attach::<S>(self.sock().as_ptr(), subflow, locked, GFP_KERNEL) }
            .map_err(|_| ENOMEM)?;
        let socket = self.0;
        // The other one releases it.
        core::mem::forget(self);
        Ok(KernelSocket {
            socket,
            stack: PhantomData,
        })
    }
}

impl Drop for BareSocket {
    fn drop(&mut self) {
        // SAFETY: The socket is ours.
        unsafe { bindings::sock_release(self.0.as_ptr()) }
    }
}

/// An MPTCP socket of ours that belongs to its namespace, and goes before that does.
pub(crate) struct NetSocket(BareSocket);

// SAFETY: A socket may be used from any thread; its operations take its lock.
unsafe impl Send for NetSocket {}

impl NetSocket {
    /// Opens one that is bound to `addr`. Context: may sleep.
    pub(crate) fn open(net: NetRef, addr: &AddressBuf) -> Result<Self> {
        let mut socket = ptr::null_mut();
        // SAFETY: The namespace is alive.
        kernel::error::to_result(unsafe {
            bindings::sock_create_kern(
                net.as_ptr(),
                addr.family().into(),
                bindings::sock_type_SOCK_STREAM as i32,
                bindings::IPPROTO_MPTCP as i32,
                &mut socket,
            )
        })?;
        let bare = NonNull::new(socket).map(BareSocket).ok_or(ENOMEM)?;
        // Its TCP socket is the kernel's too and is locked below it: lockdep is to tell the two apart.
        // SAFETY: Nobody else knows the socket, so that nobody holds its lock.
        unsafe { bindings::rmptcp_own_lock_class(bare.sock().as_ptr()) };
        bare.bind(addr.get())?;
        Ok(Self(bare))
    }

    /// The socket below.
    pub(crate) fn sock(&self) -> &Sock {
        self.0.sock()
    }

    /// `kernel_listen`. Context: may sleep.
    pub(crate) fn listen(&self, backlog: i32) -> Result {
        // SAFETY: The socket is ours.
        kernel::error::to_result(unsafe { bindings::kernel_listen(self.0 .0.as_ptr(), backlog) })
    }
}

/// The address that the route to `to` starts at, for whom `msk` belongs to. Context: may sleep.
pub(crate) fn source_towards(msk: &Sock, to: &AddressBuf) -> Result<IpAddr> {
    let kind = (bindings::sock_type_SOCK_DGRAM, bindings::IPPROTO_UDP);
    let socket = BareSocket::create(msk, to.family(), kind)?;
    let addr = to.get();
    // SAFETY: The socket is ours and the address valid. A datagram socket sends nothing when it connects.
    kernel::error::to_result(unsafe {
        let (probe, msk) = (socket.sock().as_ptr(), msk.as_ptr());
        // What rules of routing look at.
        (*probe).__sk_common.skc_bound_dev_if = (*msk).__sk_common.skc_bound_dev_if;
        (*probe).sk_mark = (*msk).sk_mark;
        bindings::rmptcp_copy_owner(probe, msk);
        bindings::kernel_connect(socket.0.as_ptr(), addr.as_ptr(), addr.len(), 0)
    })?;
    Ok(socket.sock().local_end().ip())
}

impl<S: Stack> KernelSocket<S> {
    /// Opens a TCP socket of the family of `msk`, in its namespace, owned by whom `msk` belongs to.
    ///
    /// Context: may sleep; the lock of `msk` is held.
    pub(crate) fn open(
        msk: &Sock,
        make: impl FnOnce(&Sock) -> Result<(S::Subflow, S::Locked)>,
    ) -> Result<Self> {
        let bare = BareSocket::open(msk, msk.family())?;
        let (subflow, locked) = make(bare.sock())?;
        bare.become_subflow(subflow, locked)
    }

    /// The TCP socket.
    pub(crate) fn sock(&self) -> &Sock {
        // SAFETY: By the type invariant; the `struct socket` holds its reference.
        unsafe { Sock::from_raw((*self.socket.as_ptr()).sk) }
    }

    /// Frees the `struct socket` of the TCP socket that `locked` locks, which is this one. It borrows that of `parent`
    /// instead, and whoever calls this closes it with [`super::child::close`]. Process context.
    pub(crate) fn part(
        this: Pin<UniqueArc<Self>>,
        locked: &mut SubflowLocked<'_, S>,
        parent: &Sock,
    ) {
        locked.set_parent(Some(parent));
        // SAFETY: The socket is ours alone. Without a TCP socket its release, which follows at once, does nothing but
        // free it.
        unsafe { (*this.socket.as_ptr()).sk = ptr::null_mut() }
    }

    /// The C object.
    pub(super) fn as_ptr(&self) -> *mut bindings::socket {
        self.socket.as_ptr()
    }

    /// `kernel_bind`. Context: may sleep.
    pub(crate) fn bind(&self, addr: Address<'_>) -> Result {
        // SAFETY: The socket is ours and the address valid.
        kernel::error::to_result(unsafe {
            bindings::kernel_bind(self.socket.as_ptr(), addr.as_ptr(), addr.len())
        })
    }

    /// Says whether a connect is under way that waits for its first data (TCP_FASTOPEN_CONNECT), as `connect` and
    /// `disconnect` of the generic code do: TCP looks there when the data comes. The MPTCP socket is locked.
    pub(crate) fn set_connecting(&self, connecting: bool) {
        // SAFETY: The socket is ours, and only its owner looks at the state.
        unsafe {
            (*self.socket.as_ptr()).state = if connecting {
                bindings::socket_state_SS_CONNECTING
            } else {
                bindings::socket_state_SS_UNCONNECTED
            };
        }
    }

    /// `kernel_listen`. Context: may sleep.
    pub(crate) fn listen(&self, backlog: i32) -> Result {
        // SAFETY: The socket is ours, and whoever reads its ULP sees one of two tables that are always there.
        kernel::error::to_result(unsafe {
            let sk = (*self.socket.as_ptr()).sk;
            // From a connect that failed.
            rx_filter::clear(sk);
            let icsk = sk.cast::<bindings::inet_connection_sock>();
            ptr::addr_of_mut!((*icsk).icsk_ulp_ops).write_volatile(ulp_ops::listener());
            bindings::kernel_listen(self.socket.as_ptr(), backlog)
        })
    }
}

impl<S: Stack> Drop for KernelSocket<S> {
    fn drop(&mut self) {
        // SAFETY: The socket is ours; TCP lives on by itself where it has to.
        unsafe { bindings::sock_release(self.socket.as_ptr()) }
    }
}
