// SPDX-License-Identifier: GPL-2.0

//! Received bytes that remember where on the subflow they came from, and check how they are used.

use rust_mptcp::engine::Payload;
use rust_mptcp::wire::checksum::Partial;
use rust_mptcp::wire::keys::HostSha256;

/// The octet at a place of either stream.
pub fn octet(place: u64) -> u8 {
    (place ^ (place >> 7)).wrapping_mul(0x9D) as u8
}

/// Sums the octets at `len` places from `from` on.
pub fn sum(from: u64, len: u32, sum: &mut Partial) {
    let octets: Vec<u8> = (from..from + u64::from(len)).map(octet).collect();
    sum.add_bytes(&octets);
}

/// Octets of a subflow, as pieces of consecutive places; none of them empty.
#[derive(Debug, PartialEq, Eq)]
pub struct Places {
    pub pieces: Vec<(u64, u32)>,
    /// There is no memory to split it.
    pub whole: bool,
}

impl Places {
    pub fn new(place: u64, len: u32, whole: bool) -> Self {
        Self {
            pieces: vec![(place, len)],
            whole,
        }
    }
}

impl Payload for Places {
    type Sha256 = HostSha256;

    fn len(&self) -> u32 {
        self.pieces.iter().map(|(_, len)| len).sum()
    }

    fn trim_front(&mut self, mut count: u32) {
        assert!(count < self.len());
        while count > 0 {
            let (place, len) = &mut self.pieces[0];
            let gone = count.min(*len);
            *place += u64::from(gone);
            *len -= gone;
            count -= gone;
            if *len == 0 {
                self.pieces.remove(0);
            }
        }
    }

    fn truncate(&mut self, len: u32) {
        assert!(len >= 1 && len <= self.len());
        let mut left = len;
        self.pieces.retain_mut(|(_, len)| {
            *len = left.min(*len);
            left -= *len;
            *len > 0
        });
    }

    fn split_off(&mut self, at: u32) -> Option<Self> {
        assert!(at > 0 && at < self.len());
        if self.whole {
            return None;
        }
        let mut tail = Self {
            pieces: self.pieces.clone(),
            whole: false,
        };
        tail.trim_front(at);
        self.truncate(at);
        Some(tail)
    }

    fn checksum(&self, from: u32, len: u32, partial: &mut Partial) {
        assert!(from + len <= self.len());
        let mut skip = from;
        let mut left = len;
        for &(place, len) in &self.pieces {
            let skipped = skip.min(len);
            let part = left.min(len - skipped);
            sum(place + u64::from(skipped), part, partial);
            skip -= skipped;
            left -= part;
        }
    }

    fn try_append(&mut self, next: Self) -> Result<(), Self> {
        // Some join and some do not, as buffers of the kernel.
        if (self.len() + next.len()) % 3 == 0 {
            return Err(next);
        }
        self.pieces.extend(next.pieces);
        Ok(())
    }
}
