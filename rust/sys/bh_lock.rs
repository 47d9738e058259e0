// SPDX-License-Identifier: GPL-2.0

//! A spinlock shared by process context and softirq.
//!
//! C header: [`include/linux/spinlock.h`](srctree/include/linux/spinlock.h)

use super::bindings;
use kernel::ffi::c_char;
use kernel::sync::lock::{Backend, Guard, Lock};

/// `spin_lock_bh`: what it guards may be touched from softirq as well as from process context.
///
/// Nothing may sleep, log or call into the network stack while it is held; see Documentation/locking.rst.
pub(crate) type BhLock<T> = Lock<T, BhBackend>;

/// What [`BhLock::lock`] returns.
#[allow(dead_code)]
pub(crate) type BhGuard<'a, T> = Guard<'a, T, BhBackend>;

/// The backend of [`BhLock`].
pub(crate) struct BhBackend;

// SAFETY: A `spinlock_t` gives mutual exclusion, and `relock` is the default that calls `lock`.
unsafe impl Backend for BhBackend {
    type State = kernel::bindings::spinlock_t;
    type GuardState = ();

    unsafe fn init(
        ptr: *mut Self::State,
        name: *const c_char,
        key: *mut kernel::bindings::lock_class_key,
    ) {
        // SAFETY: By the contract of `init`, `ptr` is valid for writes, `name` and `key` live for ever.
        unsafe { kernel::bindings::__spin_lock_init(ptr, name, key) }
    }

    #[inline]
    unsafe fn lock(ptr: *mut Self::State) -> Self::GuardState {
        // SAFETY: By the contract of `lock`, `ptr` was initialised; both bindings name the same C type.
        unsafe { bindings::rmptcp_spin_lock_bh(ptr.cast()) }
    }

    unsafe fn try_lock(_ptr: *mut Self::State) -> Option<Self::GuardState> {
        None
    }

    #[inline]
    unsafe fn unlock(ptr: *mut Self::State, _guard_state: &Self::GuardState) {
        // SAFETY: By the contract of `unlock`, the caller owns the lock.
        unsafe { bindings::rmptcp_spin_unlock_bh(ptr.cast()) }
    }

    unsafe fn assert_is_held(_ptr: *mut Self::State) {}
}

/// Makes an initialiser of a [`BhLock`] with a lock class of its own.
#[macro_export]
macro_rules! new_bh_lock {
    ($inner:expr, $name:literal) => {
        $crate::sys::bh_lock::BhLock::new(
            $inner,
            kernel::c_str!($name),
            kernel::static_lock_class!(),
        )
    };
}
