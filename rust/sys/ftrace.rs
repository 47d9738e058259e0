// SPDX-License-Identifier: GPL-2.0

//! Functions of the kernel that are made to run ours instead.
//!
//! C header: [`include/linux/ftrace.h`](srctree/include/linux/ftrace.h)
//!
//! ftrace calls [`divert`] at the first instruction of each function, with its arguments still in their registers, and goes
//! on where `divert` says: at our function, which then returns to the caller of the other.

use super::bindings;
use core::cell::UnsafeCell;
use core::ptr::{self, NonNull};
use kernel::error::to_result;
use kernel::ffi::c_ulong;
use kernel::prelude::*;
use kernel::str::{CStr, CStrExt};

/// What C keeps of one diversion. Static: C may look at it until `Diversion` is dropped.
#[repr(C)]
pub(super) struct Slot {
    /// First: [`divert`] finds the rest by its address.
    ops: UnsafeCell<bindings::ftrace_ops>,
    to: UnsafeCell<c_ulong>,
}

// SAFETY: Written before it is registered; then C guards what it changes.
unsafe impl Sync for Slot {}

impl Slot {
    pub(super) const fn new() -> Self {
        Self {
            // SAFETY: All zeroes is valid for the C structure.
            ops: UnsafeCell::new(unsafe { core::mem::zeroed() }),
            to: UnsafeCell::new(0),
        }
    }
}

/// Functions that run ours instead, until this is dropped.
pub(super) struct Diversion(&'static Slot);

impl Diversion {
    /// Diverts all functions of these names. Context: may sleep. Fails if one of them is not there, or may not be
    /// diverted.
    ///
    /// # Safety
    ///
    /// - `slot` is not in use.
    /// - `to` is a function of the type that those of these names have, and stays in memory until after nobody runs it
    ///   any more. Dropping this value waits for those on their way to `to`, not for those who sleep in it.
    pub(super) unsafe fn new(slot: &'static Slot, names: &[&CStr], to: usize) -> Result<Self> {
        let add = |ops, name: &CStr| {
            // SAFETY: `divert_from` gives a valid structure; the name is a string that C only reads.
            unsafe { bindings::rmptcp_ftrace_set_filter(ops, name.as_char_ptr().cast()) }
        };
        // SAFETY: By the contract above.
        unsafe {
            Self::divert_from(slot, to, |ops| {
                names.iter().try_for_each(|name| to_result(add(ops, name)))
            })
        }
    }

    /// As [`Self::new`], for the one function at an address.
    ///
    /// # Safety
    ///
    /// As for [`Self::new`].
    pub(super) unsafe fn at(slot: &'static Slot, from: usize, to: usize) -> Result<Self> {
        // SAFETY: By the contract above; `divert_from` gives a valid structure, and C looks the address up.
        unsafe {
            Self::divert_from(slot, to, |ops| {
                to_result(bindings::rmptcp_ftrace_set_filter_ip(ops, from as c_ulong))
            })
        }
    }

    /// Diverts what `choose` puts into the filter.
    ///
    /// # Safety
    ///
    /// As for [`Self::new`].
    unsafe fn divert_from(
        slot: &'static Slot,
        to: usize,
        choose: impl FnOnce(*mut bindings::ftrace_ops) -> Result,
    ) -> Result<Self> {
        let ops = slot.ops.get();
        // SAFETY: By the contract above nobody else looks at the slot.
        unsafe {
            ptr::write_bytes(ops, 0, 1);
            (*ops).func = Some(divert);
            (*ops).flags = (bindings::FTRACE_OPS_FL_SAVE_REGS_IF_SUPPORTED
                | bindings::FTRACE_OPS_FL_RECURSION
                | bindings::FTRACE_OPS_FL_IPMODIFY
                | bindings::FTRACE_OPS_FL_PERMANENT) as c_ulong;
            *slot.to.get() = to as c_ulong;
        }
        let diverted = choose(ops).and_then(|()| {
            // SAFETY: The structure is filled.
            to_result(unsafe { bindings::rmptcp_register_ftrace(ops) })
        });
        if let Err(e) = diverted {
            // SAFETY: It is not registered.
            unsafe { bindings::rmptcp_ftrace_free_filter(ops) };
            return Err(e);
        }
        Ok(Self(slot))
    }
}

impl Drop for Diversion {
    fn drop(&mut self) {
        let ops = self.0.ops.get();
        // SAFETY: Registered by `new`. C returns when no CPU and no task is in or before `divert` any more.
        unsafe {
            let err = bindings::rmptcp_unregister_ftrace(ops);
            if err != 0 {
                pr_err!("ftrace does not let go of handlers of in-tree MPTCP ({err})\n");
            }
            bindings::rmptcp_ftrace_free_filter(ops);
        }
    }
}

/// # Safety
///
/// Called by C alone, with the `ops` of a [`Slot`].
unsafe extern "C" fn divert(
    _ip: c_ulong,
    _parent_ip: c_ulong,
    ops: *mut bindings::ftrace_ops,
    regs: *mut bindings::ftrace_regs,
) {
    // SAFETY: By the contract above; the slot does not change while it is registered.
    unsafe {
        if let Some(slot) = NonNull::new(ops.cast::<Slot>()) {
            bindings::rmptcp_ftrace_set_ip(regs, *slot.as_ref().to.get());
        }
    }
}
