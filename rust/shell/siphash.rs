// SPDX-License-Identifier: GPL-2.0

//! SipHash of the kernel's library, for `wire`.

use crate::sys::random;
use crate::wire::keys::{SipHash, SECRET};

/// The kernel's implementation.
pub(crate) struct KernelSipHash;

impl SipHash for KernelSipHash {
    fn hash(secret: &[u8; SECRET], message: &[u8]) -> u64 {
        random::siphash(secret, message)
    }
}
