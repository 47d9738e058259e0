// SPDX-License-Identifier: GPL-2.0

//! Options of one subflow, whose value follows a header in the value of an option of the MPTCP socket.
//!
//! C header: [`include/linux/sockptr.h`](srctree/include/linux/sockptr.h)

use super::super::bindings;
use super::super::sock::Sock;
use super::{GetOpt, SetOpt};
use core::mem::zeroed;
use kernel::ffi::c_int;
use kernel::prelude::*;

/// A `struct socket` for the generic code of SOL_SOCKET, which takes one and looks for nothing there but its `sk`.
fn stand_in(ssk: &Sock) -> bindings::socket {
    // SAFETY: All zeroes is valid for this C structure.
    let mut socket: bindings::socket = unsafe { zeroed() };
    socket.sk = ssk.as_ptr();
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
        let inner = Self {
            level,
            name,
            value,
            len: u32::try_from(len).map_err(|_| EINVAL)?,
        };
        if level != bindings::SOL_SOCKET {
            return inner.apply_to_tcp(ssk);
        }
        let mut socket = stand_in(ssk);
        // SAFETY: The TCP socket is alive; the generic code takes its lock itself.
        kernel::error::to_result(unsafe {
            bindings::sock_setsockopt(
                &mut socket,
                level as c_int,
                name as c_int,
                inner.value,
                inner.len,
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
        let result = if level == bindings::SOL_SOCKET {
            inner.ask_sock(ssk)
        } else {
            inner.ask_tcp(ssk)
        };
        let written = inner.room().map(|len| usize::try_from(len).unwrap_or(0));
        self.write_len(match (&result, written) {
            (Ok(()), Ok(len)) => len.saturating_add(skip),
            _ => room,
        })?;
        result
    }

    /// Has the generic code answer for a TCP socket.
    fn ask_sock(&self, ssk: &Sock) -> Result {
        let mut socket = stand_in(ssk);
        // SAFETY: The TCP socket is alive, and C checks the pointers of the program. As a compat call, of which the programs
        // of the control group are not told: they hear of the call for the MPTCP socket.
        kernel::error::to_result(unsafe {
            bindings::do_sock_getsockopt(
                &mut socket,
                true,
                self.level as c_int,
                self.name as c_int,
                bindings::rmptcp_user_sockptr(self.value.cast()),
                bindings::rmptcp_user_sockptr(self.len.cast()),
            )
        })
    }
}
