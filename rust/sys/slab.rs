// SPDX-License-Identifier: GPL-2.0

//! Caches for what every connection has: objects of just the size that they need, where kmalloc would round up to
//! the next power of two.
//!
//! C header: [`include/linux/slab.h`](srctree/include/linux/slab.h)

use super::bindings;
use super::stack::Stack;
use super::subflow::Ctx;
use core::mem::{align_of, size_of, MaybeUninit};
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use kernel::alloc::{AllocError, Flags};
use kernel::prelude::*;
use kernel::str::CStrExt;

/// A cache for objects of one size.
pub(crate) struct Slab {
    cache: AtomicPtr<bindings::kmem_cache>,
    size: AtomicUsize,
}

/// The engine's connections.
pub(crate) static CONNECTIONS: Slab = Slab::new();
/// What hangs on the TCP socket of a subflow.
pub(super) static SUBFLOWS: Slab = Slab::new();

impl Slab {
    const fn new() -> Self {
        Self {
            cache: AtomicPtr::new(ptr::null_mut()),
            size: AtomicUsize::new(0),
        }
    }

    /// Before the first use. Process context.
    fn create<T>(&self, name: &'static CStr) -> Result {
        // SAFETY: Makes a cache; the name is there as long as we are.
        let cache = unsafe {
            bindings::rmptcp_kmem_cache_create(name.as_char_ptr().cast(), size_of::<T>() as u32)
        };
        if cache.is_null() {
            return Err(ENOMEM);
        }
        self.cache.store(cache, Ordering::Release);
        self.size.store(size_of::<T>(), Ordering::Release);
        Ok(())
    }

    /// After the last use. Process context.
    fn destroy(&self) {
        self.size.store(0, Ordering::Release);
        let cache = self.cache.swap(ptr::null_mut(), Ordering::AcqRel);
        if !cache.is_null() {
            // SAFETY: By the contract of this function no object of the cache is left.
            unsafe { bindings::rmptcp_kmem_cache_destroy(cache) }
        }
    }

    /// Room for a `T`, for which the cache was made.
    pub(super) fn uninit<T>(&self, flags: Flags) -> Result<KBox<MaybeUninit<T>>, AllocError> {
        if size_of::<T>() != self.size.load(Ordering::Acquire)
            || align_of::<T>() > align_of::<u64>()
        {
            return KBox::new_uninit(flags);
        }
        // SAFETY: The cache is there, since it has a size, and its objects are as large as a `T` and aligned to words.
        // A `KBox` gives its memory back with `kfree`, which takes objects of any cache.
        unsafe {
            let room =
                bindings::rmptcp_kmem_cache_alloc(self.cache.load(Ordering::Acquire), raw(flags));
            if room.is_null() {
                return Err(AllocError);
            }
            Ok(KBox::from_raw(room.cast()))
        }
    }
}

/// The flags as C has them; of those that we use only one may sleep.
fn raw(flags: Flags) -> bindings::gfp_t {
    if flags == GFP_KERNEL {
        kernel::bindings::GFP_KERNEL
    } else {
        kernel::bindings::GFP_ATOMIC
    }
}

/// A `value` in a cache that was made for its like.
pub(crate) fn boxed<T>(slab: &Slab, value: T, flags: Flags) -> Result<KBox<T>, AllocError> {
    Ok(KBox::write(slab.uninit(flags)?, value))
}

/// The caches of the module. To be dropped when nothing of what was in them is left.
pub(super) struct Registration(());

impl Registration {
    /// Makes them. Process context.
    pub(super) fn new<S: Stack>() -> Result<Self> {
        let this = Self(());
        CONNECTIONS.create::<S::Connection>(c"rust_mptcp_connection")?;
        SUBFLOWS.create::<Ctx<S>>(c"rust_mptcp_subflow")?;
        Ok(this)
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        CONNECTIONS.destroy();
        SUBFLOWS.destroy();
    }
}
