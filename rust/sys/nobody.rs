// SPDX-License-Identifier: GPL-2.0

//! The `struct socket` of accepted subflows whose program has closed: nobody reads, writes or waits there.
//!
//! C header: [`include/linux/net.h`](srctree/include/linux/net.h)
//!
//! While an orphan still sends, TCP tests flags of its `sk_socket`. All orphans share this one, whose wish for
//! `sk_write_space` is always there: a call too many costs little, and in fallback nothing else would push.

use super::bindings;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};
use kernel::prelude::*;

static SOCKET: AtomicPtr<bindings::socket> = AtomicPtr::new(ptr::null_mut());

/// The socket, there while the module is loaded.
pub(super) fn socket() -> *mut bindings::socket {
    SOCKET.load(Ordering::Acquire)
}

/// Keeps the socket; dropping it frees it.
pub(super) struct Registration(());

impl Registration {
    pub(super) fn new() -> Result<Self> {
        let mut socket = ptr::null_mut();
        // SAFETY: Makes a socket without a `struct sock`.
        kernel::error::to_result(unsafe {
            bindings::sock_create_lite(
                bindings::AF_INET as i32,
                bindings::sock_type_SOCK_STREAM as i32,
                bindings::IPPROTO_TCP as i32,
                &mut socket,
            )
        })?;
        // SAFETY: Made above. Nobody clears it: see `callbacks::subflow_write_space`.
        unsafe { bindings::rmptcp_set_nospace(socket) }
        SOCKET.store(socket, Ordering::Release);
        Ok(Self(()))
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        // SAFETY: No subflow is left that could point to it.
        unsafe { bindings::sock_release(SOCKET.swap(ptr::null_mut(), Ordering::AcqRel)) }
    }
}
