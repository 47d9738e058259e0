// SPDX-License-Identifier: GPL-2.0

//! Options of one subflow, whose value follows a header in the value of an option of the MPTCP socket.
//!
//! C header: [`include/linux/sockptr.h`](srctree/include/linux/sockptr.h)

use super::super::bindings;
use super::super::sock::{Sock, AF_INET6};
use super::{GetOpt, SetOpt};
use core::mem::zeroed;
use core::ptr;
use kernel::ffi::c_int;
use kernel::prelude::*;

/// A `struct socket` for the generic code, which takes one, and looks there for nothing but its `sk` and its operations.
fn stand_in(ssk: &Sock) -> bindings::socket {
    // SAFETY: All zeroes is valid for this C structure.
    let mut socket: bindings::socket = unsafe { zeroed() };
    socket.sk = ssk.as_ptr();
    socket.ops = if ssk.family() == AF_INET6 {
        ptr::addr_of!(bindings::inet6_stream_ops)
    } else {
        ptr::addr_of!(bindings::inet_stream_ops)
    };
    socket
}

impl SetOpt {
    /// Applies what follows the first `skip` bytes of the value to a subflow, as an option of its own.
    ///
    /// Context: process context; no subflow's lock held.
    pub(crate) fn apply_behind(&self, ssk: &Sock, skip: usize, level: u32, name: u32) -> Result {
        let len = self.len().checked_sub(skip).ok_or(EINVAL)?;
        let mut value = self.value;
        // SAFETY: Both members are pointers, of which the arithmetic is the same.
        unsafe {
            let at = &mut value.__bindgen_anon_1.kernel;
            *at = at.wrapping_byte_add(skip);
        }
        let mut socket = stand_in(ssk);
        // SAFETY: The TCP socket is alive. The generic code asks whoever may forbid it, as for a call of its own, and TCP
        // takes the lock.
        kernel::error::to_result(unsafe {
            bindings::do_sock_setsockopt(
                &mut socket,
                false,
                level as c_int,
                name as c_int,
                value,
                c_int::try_from(len).map_err(|_| EINVAL)?,
            )
        })
    }
}

impl GetOpt {
    /// Has a subflow write the value of an option of its own behind the first `skip` bytes. The length counts those too.
    ///
    /// Context: process context; no subflow's lock held.
    pub(crate) fn ask_behind(&self, ssk: &Sock, skip: usize, level: u32, name: u32) -> Result {
        let room = usize::try_from(self.room()?).map_err(|_| EINVAL)?;
        self.write_len(room.checked_sub(skip).ok_or(EINVAL)?)?;
        let inner = Self {
            level,
            name,
            value: self.value.wrapping_byte_add(skip),
            len: self.len,
        };
        let result = inner.ask_socket(ssk);
        let written = inner.room().map(|len| usize::try_from(len).unwrap_or(0));
        self.write_len(match (&result, written) {
            (Ok(()), Ok(len)) => len.saturating_add(skip),
            _ => room,
        })?;
        result
    }

    /// Has the generic code answer for a TCP socket, as for a call of its own.
    fn ask_socket(&self, ssk: &Sock) -> Result {
        let mut socket = stand_in(ssk);
        // SAFETY: The TCP socket is alive, and C checks the pointers of the program.
        kernel::error::to_result(unsafe {
            bindings::do_sock_getsockopt(
                &mut socket,
                false,
                self.level as c_int,
                self.name as c_int,
                bindings::rmptcp_user_sockptr(self.value.cast()),
                bindings::rmptcp_user_sockptr(self.len.cast()),
            )
        })
    }
}
