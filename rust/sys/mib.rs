// SPDX-License-Identifier: GPL-2.0

//! The counters of a namespace that `/proc/net/netstat` prints as `MPTcpExt`.
//!
//! C header: [`include/net/netns/mib.h`](srctree/include/net/netns/mib.h)
//!
//! The namespace owns them (it frees them when it goes), the first MPTCP socket of either implementation allocates them,
//! and the kernel's own code prints them.

use super::bindings;
use super::netns::NetRef;
use kernel::prelude::*;

/// Allocates the counters if nobody did. Context: may sleep.
pub(crate) fn allocate(net: NetRef) -> Result {
    // SAFETY: The namespace is alive. Whoever loses the race frees what it allocated.
    unsafe {
        if bindings::rmptcp_mib(net.as_ptr()) != 0 {
            return Ok(());
        }
        let new = bindings::rmptcp_mib_alloc();
        if new == 0 {
            return Err(ENOMEM);
        }
        if bindings::rmptcp_mib_install(net.as_ptr(), new) != 0 {
            bindings::rmptcp_mib_free(new);
        }
    }
    Ok(())
}

/// Adds to the counter that is printed in place `index`, from 0. Any context.
pub(crate) fn add(net: NetRef, index: usize, n: i32) {
    // SAFETY: The namespace is alive. The counters never change once they are there; the index is below their number,
    // since the list is that of the kernel built against (place 0 of the array is not used).
    unsafe {
        let mib = bindings::rmptcp_mib(net.as_ptr());
        if mib != 0 && index < bindings::RMPTCP_MIB_PLACES as usize {
            bindings::rmptcp_mib_add(mib, index as u32 + 1, n);
        }
    }
}
