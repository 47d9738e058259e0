// SPDX-License-Identifier: GPL-2.0

//! Sequence numbers of the connection and of a subflow.
//!
//! Both spaces wrap, so neither type has an order: [`Dsn::before`] and its kin compare by signed
//! distance, which is right as long as the two numbers lie within half the space of each other.
//! There are no arithmetic operators either: [`Dsn::advance`] adds a length and wraps,
//! [`Dsn::distance_from`] subtracts and keeps the sign.

/// Reads the bits of an unsigned 64-bit distance as a signed one.
const fn signed64(distance: u64) -> i64 {
    i64::from_ne_bytes(distance.to_ne_bytes())
}

/// Reads the bits of an unsigned 32-bit distance as a signed one.
const fn signed32(distance: u32) -> i32 {
    i32::from_ne_bytes(distance.to_ne_bytes())
}

/// A data sequence number: the place of a byte in the stream of the connection.
///
/// RFC 8684 3.3: 64 bits, counted from the initial data sequence number that the sender's key
/// gives; the handshake consumes that number, so the first byte is one above it. Also used for a
/// `DATA_ACK`, which is the next data sequence number expected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Dsn(pub u64);

impl Dsn {
    /// The number as 64 bits.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The low half, as a 4-octet field carries it.
    pub const fn low(self) -> u32 {
        let [_, _, _, _, a, b, c, d] = self.0.to_be_bytes();
        u32::from_be_bytes([a, b, c, d])
    }

    /// The number `length` places further on, wrapping.
    #[must_use]
    pub const fn advance(self, length: u64) -> Self {
        Self(self.0.wrapping_add(length))
    }

    /// The number `length` places back, wrapping.
    #[must_use]
    pub const fn retreat(self, length: u64) -> Self {
        Self(self.0.wrapping_sub(length))
    }

    /// How far `self` is ahead of `other`; negative when it is behind.
    pub const fn distance_from(self, other: Self) -> i64 {
        signed64(self.0.wrapping_sub(other.0))
    }

    /// How far `self` is ahead of `other`, or `None` when it is behind.
    pub const fn checked_distance_from(self, other: Self) -> Option<u64> {
        if self.before(other) {
            None
        } else {
            Some(self.0.wrapping_sub(other.0))
        }
    }

    /// Whether `self` comes strictly before `other`.
    pub const fn before(self, other: Self) -> bool {
        self.distance_from(other) < 0
    }

    /// Whether `self` comes strictly after `other`.
    pub const fn after(self, other: Self) -> bool {
        other.before(self)
    }

    /// Whether `self` is `other` or comes before it.
    pub const fn at_or_before(self, other: Self) -> bool {
        !other.before(self)
    }

    /// Whether `self` is `other` or comes after it.
    pub const fn at_or_after(self, other: Self) -> bool {
        !self.before(other)
    }

    /// The one of the two that comes first.
    #[must_use]
    pub const fn earliest(self, other: Self) -> Self {
        if other.before(self) {
            other
        } else {
            self
        }
    }

    /// The one of the two that comes last.
    #[must_use]
    pub const fn latest(self, other: Self) -> Self {
        if self.before(other) {
            other
        } else {
            self
        }
    }
}

/// A subflow sequence number, relative to the initial sequence number of its sender.
///
/// RFC 8684 3.3.1: the SYN is 0, the first byte of payload 1. Relative numbers survive middleboxes
/// that randomise the initial one. Wraps after 4 GiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ssn(pub u32);

impl Ssn {
    /// The place of the first byte of payload of a subflow.
    pub const FIRST: Self = Self(1);

    /// The relative number of the TCP sequence number `seq` where the SYN had `isn`.
    pub const fn from_tcp(seq: u32, isn: u32) -> Self {
        Self(seq.wrapping_sub(isn))
    }

    /// The TCP sequence number of this place where the SYN had `isn`.
    pub const fn to_tcp(self, isn: u32) -> u32 {
        isn.wrapping_add(self.0)
    }

    /// The number as 32 bits.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The number `length` places further on, wrapping.
    #[must_use]
    pub const fn advance(self, length: u32) -> Self {
        Self(self.0.wrapping_add(length))
    }

    /// The number `length` places back, wrapping.
    #[must_use]
    pub const fn retreat(self, length: u32) -> Self {
        Self(self.0.wrapping_sub(length))
    }

    /// How far `self` is ahead of `other`; negative when it is behind.
    pub const fn distance_from(self, other: Self) -> i32 {
        signed32(self.0.wrapping_sub(other.0))
    }

    /// How far `self` is ahead of `other`, or `None` when it is behind.
    pub const fn checked_distance_from(self, other: Self) -> Option<u32> {
        if self.before(other) {
            None
        } else {
            Some(self.0.wrapping_sub(other.0))
        }
    }

    /// Whether `self` comes strictly before `other`.
    pub const fn before(self, other: Self) -> bool {
        self.distance_from(other) < 0
    }

    /// Whether `self` comes strictly after `other`.
    pub const fn after(self, other: Self) -> bool {
        other.before(self)
    }

    /// Whether `self` is `other` or comes before it.
    pub const fn at_or_before(self, other: Self) -> bool {
        !other.before(self)
    }

    /// Whether `self` is `other` or comes after it.
    pub const fn at_or_after(self, other: Self) -> bool {
        !self.before(other)
    }

    /// The one of the two that comes first.
    #[must_use]
    pub const fn earliest(self, other: Self) -> Self {
        if other.before(self) {
            other
        } else {
            self
        }
    }

    /// The one of the two that comes last.
    #[must_use]
    pub const fn latest(self, other: Self) -> Self {
        if self.before(other) {
            other
        } else {
            self
        }
    }
}

/// A data sequence number or `DATA_ACK` as an option carries it: in 4 octets or in 8.
///
/// RFC 8684 3.3.1: a receiver must understand any mix of the two at any time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WireDsn {
    /// The low 32 bits; the reader supplies the rest.
    Short(u32),
    /// All 64 bits.
    Long(u64),
}

impl WireDsn {
    /// The 4-octet form of `dsn`.
    pub const fn short(dsn: Dsn) -> Self {
        Self::Short(dsn.low())
    }

    /// The 8-octet form of `dsn`.
    pub const fn long(dsn: Dsn) -> Self {
        Self::Long(dsn.get())
    }

    /// The full number, taking a short one to be the nearest to `near`.
    ///
    /// `near` is the next data sequence number expected for a received one, and the first
    /// unacknowledged one for a `DATA_ACK`. A difference of exactly 2^31 is taken backwards.
    pub const fn expand(self, near: Dsn) -> Dsn {
        match self {
            Self::Long(number) => Dsn(number),
            Self::Short(low) => {
                let ahead = low.wrapping_sub(near.low());
                if signed32(ahead) < 0 {
                    near.retreat(widen(near.low().wrapping_sub(low)))
                } else {
                    near.advance(widen(ahead))
                }
            }
        }
    }

    /// The same number in the 4-octet form.
    #[must_use]
    pub const fn shortened(self) -> Self {
        match self {
            Self::Short(_) => self,
            Self::Long(number) => Self::short(Dsn(number)),
        }
    }

    /// Octets on the wire.
    pub const fn encoded_len(self) -> usize {
        match self {
            Self::Short(_) => 4,
            Self::Long(_) => 8,
        }
    }
}

/// `u64::from`, which is not const in Rust 1.85.
const fn widen(value: u32) -> u64 {
    let [a, b, c, d] = value.to_be_bytes();
    u64::from_be_bytes([0, 0, 0, 0, a, b, c, d])
}

#[cfg(test)]
mod tests;
