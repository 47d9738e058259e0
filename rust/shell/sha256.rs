// SPDX-License-Identifier: GPL-2.0

//! SHA-256 of lib/crypto, for `wire`.

use crate::sys::random;
use crate::wire::keys::Sha256;

/// The kernel's implementation.
pub(crate) struct KernelSha256;

impl Sha256 for KernelSha256 {
    fn digest(parts: &[&[u8]]) -> [u8; 32] {
        random::sha256(parts)
    }
}
