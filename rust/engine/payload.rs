// SPDX-License-Identifier: GPL-2.0

//! The opaque handle of received bytes.

use crate::wire::checksum::Partial;
use crate::wire::keys::Sha256;

/// Bytes that a subflow delivered: a packet buffer in the kernel, a range of numbers in simulation.
///
/// The engine moves handles and never looks at a byte. Dropping a handle frees the bytes.
pub trait Payload: Sized {
    /// What computes SHA-256 where the bytes live.
    type Sha256: Sha256;

    /// Octets left in it; at least 1 while the engine holds it.
    fn len(&self) -> u32;

    /// Whether no octet is left.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes the first `count` octets away; `count` is less than [`Payload::len`].
    fn trim_front(&mut self, count: u32);

    /// Keeps the first `len` octets; `len` is at least 1 and at most [`Payload::len`].
    fn truncate(&mut self, len: u32);

    /// Splits off what follows the first `at` octets, `0 < at < len`; `self` keeps those.
    ///
    /// `None` when there is no memory for a second handle: nothing has changed then.
    fn split_off(&mut self, at: u32) -> Option<Self>;

    /// Adds `len` octets from `from` on to the running sum of a mapping ([`Partial::add_native`]).
    fn checksum(&self, from: u32, len: u32, sum: &mut Partial);

    /// Joins `next`, whose bytes follow this one's, or gives it back.
    fn try_append(&mut self, next: Self) -> Result<(), Self>;
}

/// A payload that has its octets, for tests.
#[cfg(test)]
pub(super) mod fake {
    use super::*;
    use std::vec::Vec;

    /// Octets.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(in crate::engine) struct Bytes(pub(in crate::engine) Vec<u8>);

    impl Payload for Bytes {
        type Sha256 = crate::wire::keys::HostSha256;

        fn len(&self) -> u32 {
            u32::try_from(self.0.len()).unwrap()
        }

        fn trim_front(&mut self, count: u32) {
            self.0.drain(..count as usize);
        }

        fn truncate(&mut self, len: u32) {
            self.0.truncate(len as usize);
        }

        fn split_off(&mut self, at: u32) -> Option<Self> {
            // For bytes that end so there is no memory.
            let refused = self.0.last() == Some(&b'#');
            (!refused).then(|| Self(self.0.split_off(at as usize)))
        }

        fn checksum(&self, from: u32, len: u32, sum: &mut Partial) {
            let from = from as usize;
            sum.add_bytes(&self.0[from..from + len as usize]);
        }

        fn try_append(&mut self, next: Self) -> Result<(), Self> {
            // Some join and some do not, as buffers of the kernel.
            if (self.0.len() + next.0.len()) % 3 == 0 {
                return Err(next);
            }
            self.0.extend(next.0);
            Ok(())
        }
    }
}
