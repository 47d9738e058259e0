// SPDX-License-Identifier: GPL-2.0

//! Which control groups a socket belongs to, and whom its memory is charged to.
//!
//! C headers: [`include/linux/cgroup.h`](srctree/include/linux/cgroup.h),
//! [`include/linux/memcontrol.h`](srctree/include/linux/memcontrol.h)

use super::bindings;

/// Puts `to` into the groups of `from`: whoever runs this, a worker of the kernel perhaps, is in others.
///
/// # Safety
///
/// Both are valid; nobody else knows `to`, and no memory is charged to it yet. `from` stays in its groups meanwhile: its
/// lock is held.
pub(super) unsafe fn copy(to: *mut bindings::sock, from: *mut bindings::sock) {
    // SAFETY: By the contract above. Each holds its own reference on its groups.
    unsafe {
        #[cfg(CONFIG_SOCK_CGROUP_DATA)]
        {
            let (old, new) = ((*to).sk_cgrp_data, (*from).sk_cgrp_data);
            if !new.cgroup.is_null() {
                bindings::rmptcp_cgroup_hold(new.cgroup);
                (*to).sk_cgrp_data = new;
                if !old.cgroup.is_null() {
                    bindings::rmptcp_cgroup_drop(old.cgroup);
                }
            }
        }
        #[cfg(CONFIG_MEMCG)]
        {
            let (old, new) = ((*to).sk_memcg, (*from).sk_memcg);
            if !new.is_null() {
                bindings::rmptcp_memcg_hold(new);
            }
            (*to).sk_memcg = new;
            if !old.is_null() {
                bindings::rmptcp_memcg_drop(old);
            }
        }
    }
}
