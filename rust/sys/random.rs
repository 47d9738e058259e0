// SPDX-License-Identifier: GPL-2.0

//! Random bytes, SHA-256 of lib/crypto and SipHash of lib.
//!
//! C headers: [`include/linux/random.h`](srctree/include/linux/random.h),
//! [`include/crypto/sha2.h`](srctree/include/crypto/sha2.h), [`include/linux/siphash.h`](srctree/include/linux/siphash.h)

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

/// SipHash-2-4 of `message`. Any context.
pub(crate) fn siphash(secret: &[u8; 16], message: &[u8]) -> u64 {
    // SAFETY: Both are readable for their lengths; the helper copies the secret to where it is aligned.
    unsafe { bindings::rmptcp_siphash(secret.as_ptr(), message.as_ptr(), message.len()) }
}
