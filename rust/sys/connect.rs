// SPDX-License-Identifier: GPL-2.0

//! TCP's handshake on a subflow.
//!
//! C header: [`include/net/sock.h`](srctree/include/net/sock.h)

use super::af_ops;
use super::msg::Address;
use super::rx_filter;
use super::stack::Stack;
use super::subflow::SubflowLocked;
use core::ptr;
use kernel::prelude::*;

impl<S: Stack> SubflowLocked<'_, S> {
    /// Starts TCP's handshake with `addr`. Does not wait for it.
    pub(crate) fn connect(&mut self, addr: Address<'_>) -> Result {
        let sk = self.sock().as_ptr();
        // Programs of the control group may forbid it, or rewrite the address.
        let mut own = addr.to_storage();
        let to = ptr::from_mut(&mut own).cast();
        // SAFETY: The lock is held; TCP's own functions are behind the pointers.
        unsafe {
            let prot = (*sk).__sk_common.skc_prot;
            if let Some(pre_connect) = (*prot).pre_connect {
                kernel::error::to_result(pre_connect(sk, to, addr.len()))?;
            }
            let connect = (*prot).connect.ok_or(EINVAL)?;
            rx_filter::set(sk);
            kernel::error::to_result(connect(sk, to, addr.len()))?;
            // A v4-mapped address changes the table of an IPv6 socket.
            af_ops::wrap::<S>(sk)
        }
    }
}
