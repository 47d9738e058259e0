// SPDX-License-Identifier: GPL-2.0

//! Random bytes, and SHA-256 of lib/crypto.
//!
//! C headers: [`include/linux/random.h`](srctree/include/linux/random.h),
//! [`include/crypto/sha2.h`](srctree/include/crypto/sha2.h)

use super::bindings;
use core::mem::MaybeUninit;

/// `N` bytes from the kernel's generator. Any context.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut out = [0; N];
    // SAFETY: The array has the room.
    unsafe { bindings::get_random_bytes(out.as_mut_ptr().cast(), N) };
    out
}

/// The digest of `parts`, one after the other. Any context.
pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut ctx = MaybeUninit::<bindings::sha256_ctx>::uninit();
    let mut out = [0; 32];
    // SAFETY: `sha256_init` initialises the context, and each part is readable for its length.
    unsafe {
        bindings::sha256_init(ctx.as_mut_ptr());
        for part in parts {
            bindings::rmptcp_sha256_update(ctx.as_mut_ptr(), part.as_ptr(), part.len());
        }
        bindings::sha256_final(ctx.as_mut_ptr(), out.as_mut_ptr());
    }
    out
}
