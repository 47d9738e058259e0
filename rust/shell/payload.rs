// SPDX-License-Identifier: GPL-2.0

//! Received buffers as the engine's opaque payload.

use super::sha256::KernelSha256;
use crate::engine::Payload;
use crate::sys::skb::Skb;
use crate::wire::checksum::Partial;

impl Payload for Skb {
    type Sha256 = KernelSha256;

    fn len(&self) -> u32 {
        Skb::len(self)
    }

    fn trim_front(&mut self, count: u32) {
        Skb::trim_front(self, count);
    }

    fn truncate(&mut self, len: u32) {
        Skb::truncate(self, len);
    }

    fn split_off(&mut self, at: u32) -> Option<Self> {
        Skb::split_off(self, at)
    }

    fn checksum(&self, from: u32, len: u32, sum: &mut Partial) {
        let bytes = usize::try_from(len).unwrap_or(usize::MAX);
        sum.add_native(Skb::checksum(self, from, len), bytes);
    }

    // The queue that programs read from merges buffers; the engine's own need not.
    fn try_append(&mut self, next: Self) -> Result<(), Self> {
        Err(next)
    }
}
