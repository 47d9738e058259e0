// SPDX-License-Identifier: GPL-2.0

//! Which control groups a socket belongs to, and whom its memory is charged to.
//!
//! C headers: [`include/linux/cgroup.h`](srctree/include/linux/cgroup.h),
//! [`include/linux/memcontrol.h`](srctree/include/linux/memcontrol.h)

use super::bindings;
use super::sock::{state, Sock};
use super::stack::Stack;
use super::subflow::SubflowLocked;
use core::ptr;

/// Puts `to` into the groups of `from`: whoever runs this, a worker of the kernel perhaps, is in others.
///
/// # Safety
///
/// Both are valid, and no memory is charged to `to` yet, whose lock is held or which nobody else knows. `from` is an MPTCP
/// socket, whose groups are set when it is made and once more, from none, when it is accepted.
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
            let old = (*to).sk_memcg;
            let new = ptr::addr_of!((*from).sk_memcg).read_volatile();
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

impl<S: Stack> SubflowLocked<'_, S> {
    /// Puts the child of a join into the groups of its connection: TCP made it in those of the listener. Right after TCP
    /// made it, while nothing is charged to it.
    pub(crate) fn join_groups(&mut self, msk: &Sock) {
        if is_uncharged(self.sock()) {
            // SAFETY: The lock of the child is held; the groups of an MPTCP socket stay.
            unsafe { copy(self.sock().as_ptr(), msk.as_ptr()) }
        }
    }
}

/// Whether TCP has accounted for no memory of a socket whose lock is held.
fn is_uncharged(sk: &Sock) -> bool {
    // SAFETY: The socket is alive and locked.
    let (forward, received) = unsafe {
        (
            (*sk.as_ptr()).sk_forward_alloc,
            bindings::rmptcp_rmem_get(sk.as_ptr()),
        )
    };
    forward == 0 && received == 0 && sk.wmem_queued() == 0
}

/// Whether `__inet_accept` may have the memory group of the calling program pay for this child, whose lock is held: it
/// counts what was received, knows some states only, and does it once.
pub(super) fn may_be_charged(child: &Sock) -> bool {
    let knows = matches!(
        child.state(),
        state::ESTABLISHED | state::SYN_RECV | state::CLOSE_WAIT
    );
    #[cfg(CONFIG_MEMCG)]
    // SAFETY: The socket is alive and locked.
    let unpaid = unsafe { (*child.as_ptr()).sk_memcg.is_null() };
    #[cfg(not(CONFIG_MEMCG))]
    let unpaid = false;
    knows && unpaid && child.wmem_queued() == 0
}

/// Has the memory group of the calling program pay for the socket itself. Process context.
#[cfg(CONFIG_MEMCG)]
pub(super) fn pay_for_object(sk: &Sock) {
    // SAFETY: The socket is alive and lies in a slab.
    unsafe { bindings::rmptcp_memcg_pays_for(sk.as_ptr()) }
}

#[cfg(not(CONFIG_MEMCG))]
pub(super) fn pay_for_object(_sk: &Sock) {}

/// Has the memory group that pays for `child`, if one does, pay from now on for what the MPTCP socket `sk` holds, too. Call it
/// with the connection's lock held, which guards that account.
///
/// The generic code that does so at accept(2) (`__sk_charge`) relies on the socket's lock, and is not to be had alone.
#[cfg(CONFIG_MEMCG)]
pub(crate) fn pay_as(sk: &Sock, child: &Sock) {
    const PAGE: i32 = kernel::page::PAGE_SIZE as i32;
    // SAFETY: Both sockets are alive, and the child has its group for as long as it lives. The bytes are booked once more,
    // on the group and on all sockets of the protocol, and then given back without a look at the group.
    unsafe {
        let raw = sk.as_ptr();
        let group = ptr::addr_of!((*child.as_ptr()).sk_memcg).read_volatile();
        if group.is_null() || !(*raw).sk_memcg.is_null() {
            return;
        }
        bindings::rmptcp_memcg_hold(group);
        (*raw).sk_memcg = group;
        let held = (*raw)
            .sk_forward_alloc
            .saturating_add(bindings::rmptcp_rmem_get(raw));
        let whole = held.max(0).saturating_add(PAGE - 1) / PAGE * PAGE;
        if whole == 0 {
            return;
        }
        let booked = bindings::__sk_mem_schedule(raw, whole, bindings::SK_MEM_RECV as i32) != 0;
        (*raw).sk_memcg = ptr::null_mut();
        if booked {
            bindings::__sk_mem_reclaim(raw, whole);
            (*raw).sk_memcg = group;
        } else {
            // The group is full: as in softirq, the bytes are nobody's.
            bindings::rmptcp_memcg_drop(group);
        }
    }
}

#[cfg(not(CONFIG_MEMCG))]
pub(crate) fn pay_as(_sk: &Sock, _child: &Sock) {}
