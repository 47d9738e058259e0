// SPDX-License-Identifier: GPL-2.0

//! The arguments of setsockopt and getsockopt.
//!
//! C header: [`include/linux/sockptr.h`](srctree/include/linux/sockptr.h)

use super::bindings;
use super::sock::Sock;
use kernel::ffi::{c_char, c_int, c_uint, c_void};
use kernel::prelude::*;

/// The arguments of one setsockopt call.
pub(crate) struct SetOpt {
    pub(crate) level: i32,
    pub(crate) name: i32,
    value: bindings::sockptr_t,
    len: c_uint,
}

impl SetOpt {
    /// # Safety
    ///
    /// `value` is the value argument of a call that lasts as long as this lives.
    pub(super) unsafe fn new(
        level: c_int,
        name: c_int,
        value: bindings::sockptr_t,
        len: c_uint,
    ) -> Self {
        Self {
            level,
            name,
            value,
            len,
        }
    }

    /// The length of the value.
    pub(crate) fn len(&self) -> usize {
        self.len as usize
    }

    /// The value as an `int`; EINVAL if it is shorter.
    pub(crate) fn int(&self) -> Result<i32> {
        let mut bytes = [0; 4];
        if self.len() < bytes.len() {
            return Err(EINVAL);
        }
        self.read(&mut bytes)?;
        Ok(i32::from_ne_bytes(bytes))
    }

    /// Copies the first bytes of the value.
    pub(crate) fn read(&self, to: &mut [u8]) -> Result {
        if self.len() < to.len() {
            return Err(EINVAL);
        }
        // SAFETY: The destination has the room; the source is checked by the copy.
        match unsafe {
            bindings::rmptcp_copy_from_sockptr(
                to.as_mut_ptr().cast::<c_void>(),
                self.value,
                to.len(),
            )
        } {
            0 => Ok(()),
            _ => Err(EFAULT),
        }
    }

    /// Applies the option to another socket: to a subflow, by TCP's own code.
    ///
    /// Context: process context. TCP takes the socket's lock itself.
    pub(crate) fn apply_to_tcp(&self, ssk: &Sock) -> Result {
        // SAFETY: TCP's own `setsockopt` is behind the pointer.
        unsafe {
            let set = (*(*ssk.as_ptr()).__sk_common.skc_prot)
                .setsockopt
                .ok_or(EOPNOTSUPP)?;
            kernel::error::to_result(set(
                ssk.as_ptr(),
                self.level,
                self.name,
                self.value,
                self.len,
            ))
        }
    }

    /// Applies a SOL_SOCKET option by the generic code.
    pub(crate) fn apply_to_sock(&self, sk: &Sock) -> Result {
        // SAFETY: The socket is alive; the generic code takes its lock itself.
        unsafe {
            let socket = (*sk.as_ptr()).sk_socket;
            if socket.is_null() {
                return Err(EINVAL);
            }
            kernel::error::to_result(bindings::sock_setsockopt(
                socket,
                self.level,
                self.name,
                self.value,
                self.len,
            ))
        }
    }
}

/// The arguments of one getsockopt call.
pub(crate) struct GetOpt {
    pub(crate) level: i32,
    pub(crate) name: i32,
    value: *mut c_char,
    len: *mut c_int,
}

impl GetOpt {
    /// # Safety
    ///
    /// The pointers are those of a call that lasts as long as this lives.
    pub(super) unsafe fn new(
        level: c_int,
        name: c_int,
        value: *mut c_char,
        len: *mut c_int,
    ) -> Self {
        Self {
            level,
            name,
            value,
            len,
        }
    }

    /// The room that the caller has.
    pub(crate) fn room(&self) -> Result<i32> {
        let mut bytes = [0; 4];
        // SAFETY: The destination has the room; the source is checked by the copy.
        if unsafe {
            bindings::rmptcp_copy_from_user(bytes.as_mut_ptr().cast(), self.len.cast(), 4)
        } != 0
        {
            return Err(EFAULT);
        }
        Ok(i32::from_ne_bytes(bytes))
    }

    /// Writes the value, and its length.
    pub(crate) fn write(&self, value: &[u8]) -> Result {
        let len = i32::try_from(value.len()).map_err(|_| EINVAL)?.to_ne_bytes();
        // SAFETY: The sources are valid; the destinations are checked by the copies.
        unsafe {
            if bindings::rmptcp_copy_to_user(self.len.cast(), len.as_ptr().cast(), 4) != 0
                || bindings::rmptcp_copy_to_user(
                    self.value.cast(),
                    value.as_ptr().cast(),
                    value.len(),
                ) != 0
            {
                return Err(EFAULT);
            }
        }
        Ok(())
    }

    /// Copies bytes that the caller gave at the start of the value.
    pub(crate) fn read(&self, to: &mut [u8]) -> Result {
        // SAFETY: The destination has the room; the source is checked by the copy.
        match unsafe {
            bindings::rmptcp_copy_from_user(to.as_mut_ptr().cast(), self.value.cast(), to.len())
        } {
            0 => Ok(()),
            _ => Err(EFAULT),
        }
    }

    /// Asks another socket: a subflow, by TCP's own code.
    pub(crate) fn ask_tcp(&self, ssk: &Sock) -> Result {
        // SAFETY: TCP's own `getsockopt` is behind the pointer.
        unsafe {
            let get = (*(*ssk.as_ptr()).__sk_common.skc_prot)
                .getsockopt
                .ok_or(EOPNOTSUPP)?;
            kernel::error::to_result(get(
                ssk.as_ptr(),
                self.level,
                self.name,
                self.value,
                self.len,
            ))
        }
    }
}
