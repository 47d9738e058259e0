// SPDX-License-Identifier: GPL-2.0

//! What getsockopt tells of a subflow's TCP socket.
//!
//! C headers: [`include/uapi/linux/tcp.h`](srctree/include/uapi/linux/tcp.h),
//! [`include/uapi/linux/mptcp.h`](srctree/include/uapi/linux/mptcp.h)

use super::super::bindings;
use super::super::sock::{Sock, AF_INET6};
use core::mem::{size_of, zeroed};

/// The size of `struct tcp_info`.
pub(crate) const TCP_INFO_LEN: usize = size_of::<bindings::tcp_info>();
/// The size of `struct mptcp_subflow_addrs`.
pub(crate) const SUBFLOW_ADDRS_LEN: usize = size_of::<bindings::mptcp_subflow_addrs>();

const _: () = assert!(SUBFLOW_ADDRS_LEN == 2 * size_of::<bindings::__kernel_sockaddr_storage>());

impl Sock {
    /// TCP_INFO of a TCP socket. Context: may sleep; TCP takes the socket's lock itself.
    pub(crate) fn tcp_info(&self) -> [u8; TCP_INFO_LEN] {
        // SAFETY: A TCP socket, alive. C clears the structure before it fills it, padding included; it is plain data.
        unsafe {
            let mut info: bindings::tcp_info = zeroed();
            bindings::tcp_get_info(self.as_ptr(), &mut info);
            core::mem::transmute::<bindings::tcp_info, [u8; TCP_INFO_LEN]>(info)
        }
    }

    /// The two addresses of a TCP socket as `struct mptcp_subflow_addrs`.
    pub(crate) fn subflow_addrs(&self) -> [u8; SUBFLOW_ADDRS_LEN] {
        let mut addrs = [[0; SUBFLOW_ADDRS_LEN / 2]; 2];
        let [local, remote] = &mut addrs;
        // SAFETY: An inet socket, alive. The C functions fill plain fields of structures that are all zeroes.
        unsafe {
            if self.family() == AF_INET6 {
                let mut ends: [bindings::sockaddr_in6; 2] = zeroed();
                let [from, to] = &mut ends;
                bindings::rmptcp_v6_ends(self.as_ptr(), from, to);
                put(local, from);
                put(remote, to);
            } else {
                let mut ends: [bindings::sockaddr_in; 2] = zeroed();
                let [from, to] = &mut ends;
                bindings::rmptcp_v4_ends(self.as_ptr(), from, to);
                put(local, from);
                put(remote, to);
            }
            core::mem::transmute::<[[u8; SUBFLOW_ADDRS_LEN / 2]; 2], [u8; SUBFLOW_ADDRS_LEN]>(addrs)
        }
    }
}

/// Writes a structure at the start of a byte array.
///
/// # Safety
///
/// `T` is plain data without padding, or with padding that was cleared.
unsafe fn put<T>(to: &mut [u8; SUBFLOW_ADDRS_LEN / 2], from: &T) {
    const { assert!(size_of::<T>() <= SUBFLOW_ADDRS_LEN / 2) };
    // SAFETY: By the contract above, and the room is checked at build time.
    unsafe {
        core::ptr::copy_nonoverlapping(
            core::ptr::from_ref(from).cast::<u8>(),
            to.as_mut_ptr(),
            size_of::<T>(),
        );
    }
}
