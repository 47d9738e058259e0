// SPDX-License-Identifier: GPL-2.0

//! References to this module, for what C holds of it without knowing.
//!
//! C header: [`include/linux/module.h`](srctree/include/linux/module.h)

use super::bindings;
/// The `struct module` that C structures name as their owner.
pub(super) fn this() -> *mut bindings::module {
    kernel::module::this_module::<crate::LocalModule>()
        .as_ptr()
        .cast()
}

/// Takes a reference. Only from code that something else already keeps loaded.
pub(super) fn get() {
    // SAFETY: The module is loaded, or this would not run.
    unsafe { bindings::rmptcp_module_get(this()) }
}

/// Drops a reference.
pub(super) fn put() {
    // SAFETY: The caller gives up one of its references.
    unsafe { bindings::module_put(this()) }
}
