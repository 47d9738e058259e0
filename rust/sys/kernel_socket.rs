// SPDX-License-Identifier: GPL-2.0

//! TCP sockets that we open ourselves: for the first subflow of an active connection, and for listeners.
//!
//! C header: [`include/linux/net.h`](srctree/include/linux/net.h)

use super::bindings;
use super::msg::Address;
use super::sock::Sock;
use super::stack::Stack;
use super::subflow::attach;
use super::ulp_ops;
use core::marker::PhantomData;
use core::ptr::{self, NonNull};
use kernel::prelude::*;

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

impl<S: Stack> KernelSocket<S> {
    /// Opens a TCP socket of the family of `msk`, in its namespace, owned by whom `msk` belongs to.
    ///
    /// Context: may sleep; the lock of `msk` is held.
    pub(crate) fn open(
        msk: &Sock,
        make: impl FnOnce(&Sock) -> Result<(S::Subflow, S::Locked)>,
    ) -> Result<Self> {
        let mut socket = ptr::null_mut();
        // SAFETY: The namespace is that of a living socket.
        kernel::error::to_result(unsafe {
            bindings::sock_create_kern(
                bindings::rmptcp_sock_net(msk.as_ptr()),
                msk.family().into(),
                bindings::sock_type_SOCK_STREAM as i32,
                bindings::IPPROTO_TCP as i32,
                &mut socket,
            )
        })?;
        let this = Self {
            socket: NonNull::new(socket).ok_or(ENOMEM)?,
            stack: PhantomData,
        };
        // SAFETY: The socket is new and nobody else knows it.
        unsafe {
            let sk = (*socket).sk;
            bindings::sk_net_refcnt_upgrade(sk);
            let (subflow, locked) = make(Sock::from_raw(sk))?;
            attach::<S>(sk, subflow, locked, GFP_KERNEL).map_err(|_| ENOMEM)?;
            (*sk).sk_allocation = kernel::bindings::GFP_ATOMIC;
            bindings::rmptcp_copy_owner(sk, msk.as_ptr());
        }
        Ok(this)
    }

    /// The TCP socket.
    pub(crate) fn sock(&self) -> &Sock {
        // SAFETY: By the type invariant; the `struct socket` holds its reference.
        unsafe { Sock::from_raw((*self.socket.as_ptr()).sk) }
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
            let icsk = (*self.socket.as_ptr())
                .sk
                .cast::<bindings::inet_connection_sock>();
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
