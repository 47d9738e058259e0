// SPDX-License-Identifier: GPL-2.0

//! The DSS checksum (RFC 8684 3.3.1).
//!
//! A 16-bit ones' complement sum (RFC 1071) over a pseudo-header and the payload of the *whole*
//! mapping, which may arrive on many segments: [`Partial`] sums it piece by piece.

use super::seq::{Dsn, Ssn};

/// The sum of the payload of a mapping so far.
///
/// Pieces come in order. A piece that starts at an odd place counts with its octets swapped, which
/// `Partial` keeps track of by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Partial {
    /// Folded to 16 bits.
    sum: u16,
    /// The number of octets summed so far is odd.
    odd: bool,
}

impl Partial {
    /// No payload yet.
    pub const EMPTY: Self = Self { sum: 0, odd: false };

    /// Adds the octets of the next piece.
    pub fn add_bytes(&mut self, bytes: &[u8]) {
        self.add_sum(sum_bytes(bytes), bytes.len());
    }

    /// Adds the next piece, `len` octets long, by its own sum.
    ///
    /// `sum` is in network order: the octets at even places of the piece count as high halves.
    pub fn add_sum(&mut self, sum: u16, len: usize) {
        let sum = if self.odd { sum.swap_bytes() } else { sum };
        self.sum = fold(u64::from(self.sum).wrapping_add(u64::from(sum)));
        self.odd ^= len & 1 != 0;
    }

    /// Adds the next piece by the 32-bit sum that the kernel has for it.
    ///
    /// `skb_checksum()` and `csum_partial()` (started from 0) yield a `__wsum`: not folded, and
    /// over 16-bit words *in the byte order of the machine*. As the ones' complement sum commutes
    /// with swapping the octets of every word, folding it and reading the result as the machine
    /// stores it gives the sum in network order.
    pub fn add_native(&mut self, csum: u32, len: usize) {
        let native = fold(u64::from(csum));
        self.add_sum(u16::from_be_bytes(native.to_ne_bytes()), len);
    }

    /// The sum so far, folded, in network order, not complemented.
    pub const fn sum(&self) -> u16 {
        self.sum
    }

    /// The checksum to send for a mapping whose payload is summed here.
    ///
    /// `dsn` is always in full, whatever the option carries; `len` is the data-level length as in
    /// the option, a `DATA_FIN` included.
    pub fn checksum(&self, dsn: Dsn, ssn: Ssn, len: u16) -> u16 {
        !self.with_pseudo_header(dsn, ssn, len)
    }

    /// Whether `received` is right for a mapping whose payload is summed here.
    pub fn verify(&self, dsn: Dsn, ssn: Ssn, len: u16, received: u16) -> bool {
        let sum = u64::from(self.with_pseudo_header(dsn, ssn, len));
        fold(sum.wrapping_add(u64::from(received))) == 0xFFFF
    }

    fn with_pseudo_header(&self, dsn: Dsn, ssn: Ssn, len: u16) -> u16 {
        let [a, b, c, d, e, f, g, h] = dsn.0.to_be_bytes();
        let high = u64::from(u32::from_be_bytes([a, b, c, d]));
        let low = u64::from(u32::from_be_bytes([e, f, g, h]));
        fold(
            u64::from(self.sum)
                .wrapping_add(high)
                .wrapping_add(low)
                .wrapping_add(u64::from(ssn.0))
                .wrapping_add(u64::from(len)),
        )
    }
}

/// The ones' complement sum of `bytes`, an odd one at the end padded with a zero.
fn sum_bytes(bytes: &[u8]) -> u16 {
    let mut sum = 0_u64;
    let mut rest = bytes;
    // 32 bits at a time: 2^16 is 1 modulo 2^16 - 1, so folding sorts it out. The sum of less than
    // 2^32 words cannot overflow 64 bits.
    while let Some((word, tail)) = rest.split_first_chunk::<4>() {
        sum = sum.wrapping_add(u64::from(u32::from_be_bytes(*word)));
        rest = tail;
    }
    let last = match *rest {
        [a] => [a, 0, 0, 0],
        [a, b] => [a, b, 0, 0],
        [a, b, c] => [a, b, c, 0],
        _ => [0; 4],
    };
    fold(sum.wrapping_add(u64::from(u32::from_be_bytes(last))))
}

/// Folds a sum to 16 bits with end-around carry. Yields 0 only for 0.
fn fold(sum: u64) -> u16 {
    let [a, b, c, d, e, f, g, h] = sum.to_be_bytes();
    let quarter = |high, low| u32::from(u16::from_be_bytes([high, low]));
    let sum = quarter(a, b)
        .wrapping_add(quarter(c, d))
        .wrapping_add(quarter(e, f))
        .wrapping_add(quarter(g, h));
    // At most 4 * 0xffff here, so that one round leaves at most 0x10002 and the second is exact.
    let [_, carry, high, low] = sum.to_be_bytes();
    let once = quarter(high, low).wrapping_add(u32::from(carry));
    let [_, carry, high, low] = once.to_be_bytes();
    u16::from_be_bytes([high, low]).wrapping_add(u16::from(carry))
}

#[cfg(test)]
mod tests;
