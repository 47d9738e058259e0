// SPDX-License-Identifier: GPL-2.0

//! The arguments of setsockopt and getsockopt.
//!
//! C header: [`include/linux/sockptr.h`](srctree/include/linux/sockptr.h)

use super::bindings;
use super::kernel_socket::KernelSocket;
use super::sock::Sock;
use super::stack::Stack;
use kernel::ffi::{c_char, c_int, c_uint, c_void};
use kernel::prelude::*;

pub(crate) mod fields;
pub(crate) mod info;
pub(crate) mod names;
mod one_subflow;

/// The arguments of one setsockopt call.
pub(crate) struct SetOpt {
    pub(crate) level: u32,
    pub(crate) name: u32,
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
            level: level as u32,
            name: name as u32,
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
                self.level as c_int,
                self.name as c_int,
                self.value,
                self.len,
            ))
        }
    }

    /// Applies a SOL_SOCKET option to a TCP socket that we opened, by the generic code.
    pub(crate) fn apply_to_first<S: Stack>(&self, first: &KernelSocket<S>) -> Result {
        // SAFETY: The socket is alive; the generic code takes its lock itself.
        kernel::error::to_result(unsafe {
            bindings::sock_setsockopt(
                first.as_ptr(),
                self.level as c_int,
                self.name as c_int,
                self.value,
                self.len,
            )
        })
    }

    /// Applies a SOL_IP option to the MPTCP socket itself.
    pub(crate) fn apply_to_ip(&self, sk: &Sock) -> Result {
        // SAFETY: An inet socket, alive; the generic code takes its lock itself.
        kernel::error::to_result(unsafe {
            bindings::ip_setsockopt(
                sk.as_ptr(),
                self.level as c_int,
                self.name as c_int,
                self.value,
                self.len,
            )
        })
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
                self.level as c_int,
                self.name as c_int,
                self.value,
                self.len,
            ))
        }
    }
}

/// Sets an option of a TCP socket to `value`, by TCP's own code.
///
/// Context: process context. TCP takes the socket's lock itself.
pub(crate) fn set_tcp(ssk: &Sock, name: u32, value: &[u8]) -> Result {
    // SAFETY: TCP's own `setsockopt` is behind the pointer; it only reads the value, which outlives the call.
    unsafe {
        let set = (*(*ssk.as_ptr()).__sk_common.skc_prot)
            .setsockopt
            .ok_or(EOPNOTSUPP)?;
        kernel::error::to_result(set(
            ssk.as_ptr(),
            bindings::SOL_TCP as c_int,
            name as c_int,
            bindings::rmptcp_kernel_sockptr(value.as_ptr().cast_mut().cast()),
            value.len() as c_uint,
        ))
    }
}

/// The arguments of one getsockopt call.
pub(crate) struct GetOpt {
    pub(crate) level: u32,
    pub(crate) name: u32,
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
            level: level as u32,
            name: name as u32,
            value,
            len,
        }
    }

    /// The room that the caller has.
    pub(crate) fn room(&self) -> Result<i32> {
        let mut bytes = [0; 4];
        // SAFETY: The destination has the room; the source is checked by the copy.
        if unsafe { bindings::rmptcp_copy_from_user(bytes.as_mut_ptr().cast(), self.len.cast(), 4) }
            != 0
        {
            return Err(EFAULT);
        }
        Ok(i32::from_ne_bytes(bytes))
    }

    /// Writes the value, and its length.
    pub(crate) fn write(&self, value: &[u8]) -> Result {
        self.write_len(value.len())?;
        self.write_at(0, value)
    }

    /// Writes the length alone.
    pub(crate) fn write_len(&self, len: usize) -> Result {
        let len = i32::try_from(len).map_err(|_| EINVAL)?.to_ne_bytes();
        write_user(self.len as u64, &len)
    }

    /// Writes a part of the value, `offset` bytes behind its start.
    pub(crate) fn write_at(&self, offset: usize, bytes: &[u8]) -> Result {
        write_user((self.value as u64).wrapping_add(offset as u64), bytes)
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
                self.level as c_int,
                self.name as c_int,
                self.value,
                self.len,
            ))
        }
    }
}

/// Copies bytes to an address of the calling program.
pub(crate) fn write_user(to: u64, bytes: &[u8]) -> Result {
    // SAFETY: The source is valid; the destination is checked by the copy.
    match unsafe {
        bindings::rmptcp_copy_to_user(to as *mut c_void, bytes.as_ptr().cast(), bytes.len())
    } {
        0 => Ok(()),
        _ => Err(EFAULT),
    }
}
