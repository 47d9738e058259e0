// SPDX-License-Identifier: GPL-2.0

//! The opaque handle of received bytes.

use crate::wire::checksum::Partial;

/// Bytes that a subflow delivered: a packet buffer in the kernel, a range of numbers in simulation.
///
/// The engine moves handles and never looks at a byte. Dropping a handle frees the bytes.
pub trait Payload: Sized {
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
