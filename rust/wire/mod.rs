// SPDX-License-Identifier: GPL-2.0

//! Bytes to values and back: the MPTCP option of RFC 8684, and attributes of netlink. Pure functions that know no connection.
//!
//! | subtype | name | RFC 8684 | file |
//! |---|---|---|---|
//! | 0x0 | `MP_CAPABLE` | 3.1 | [`capable`] |
//! | 0x1 | `MP_JOIN` | 3.2 | [`join`] |
//! | 0x2 | DSS | 3.3 | [`dss`] |
//! | 0x3, 0x4 | `ADD_ADDR`, `REMOVE_ADDR` | 3.4 | [`address`] |
//! | 0x5 | `MP_PRIO` | 3.3.8 | [`prio`] |
//! | 0x6 | `MP_FAIL` | 3.7 | [`fail`] |
//! | 0x7 | `MP_FASTCLOSE` | 3.5 | [`fast_close`] |
//! | 0x8 | `MP_TCPRST` | 3.6 | [`reset`] |
//!
//! [`walk`] is the only reader of kind and length octets, [`parse()`](parse::parse) turns the
//! options of a segment into [`Options`], [`emit`] turns an [`OptionSet`] into octets, and
//! [`space`] decides what fits beside the options of TCP. [`seq`] has the sequence numbers,
//! [`keys`] the keys, tokens and HMACs, [`checksum`] the DSS checksum. [`netlink`] reads what path managers say.
//!
//! Nothing here panics, allocates or loops for longer than its input is: 40 octets of an option area, or a message.

#![forbid(unsafe_code)]
#![deny(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::as_conversions))]
// The module links what the shell and the engine call, and its root is not public.
#![cfg_attr(MODULE, allow(dead_code, unreachable_pub, unused_imports))]

pub mod address;
pub mod capable;
pub mod checksum;
mod cursor;
pub mod dss;
pub mod emit;
pub mod fail;
pub mod fast_close;
pub mod join;
pub mod keys;
pub mod netlink;
pub mod parse;
pub mod prio;
pub mod reset;
pub mod seq;
pub mod space;
pub mod walk;

#[cfg(test)]
pub(crate) mod testing;

pub use self::address::{AddAddr, AddrId, RemoveAddr};
pub use self::capable::{Capable, CapableFlags, Unusable};
pub use self::dss::{Dss, Mapping};
pub use self::emit::{Lead, OptionSet};
pub use self::fail::Fail;
pub use self::fast_close::FastClose;
pub use self::join::Join;
pub use self::keys::{AddAddrHmac, HmacI, HmacR, Key, Nonce, Token};
pub use self::parse::{parse, Options, Rejected, SegmentKind};
pub use self::prio::Prio;
pub use self::reset::{Reset, ResetReason};
pub use self::seq::{Dsn, Ssn, WireDsn};
pub use self::space::{fit, fit_dss, Dropped, Fitted};

/// The TCP option kind of Multipath TCP (RFC 8684 3).
pub const KIND: u8 = 30;

/// Octets of options that a TCP header can hold (RFC 9293 3.1).
pub const OPTION_SPACE: usize = 40;

/// The version of the protocol that we speak (RFC 8684 3.1).
pub const VERSION: u8 = 1;

/// The subtypes of the MPTCP option (RFC 8684 8, table 3).
///
/// 0x9 to 0xE are unassigned and 0xF is for experiments: all are skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subtype {
    /// `MP_CAPABLE`, 0x0.
    Capable,
    /// `MP_JOIN`, 0x1.
    Join,
    /// Data sequence signal, 0x2.
    Dss,
    /// `ADD_ADDR`, 0x3.
    AddAddr,
    /// `REMOVE_ADDR`, 0x4.
    RemoveAddr,
    /// `MP_PRIO`, 0x5.
    Prio,
    /// `MP_FAIL`, 0x6.
    Fail,
    /// `MP_FASTCLOSE`, 0x7.
    FastClose,
    /// `MP_TCPRST`, 0x8.
    Reset,
}

impl Subtype {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 9] = [
        Self::Capable,
        Self::Join,
        Self::Dss,
        Self::AddAddr,
        Self::RemoveAddr,
        Self::Prio,
        Self::Fail,
        Self::FastClose,
        Self::Reset,
    ];

    /// The subtype in the high half of `octet`, the third of an option.
    pub const fn of(octet: u8) -> Option<Self> {
        Some(match octet & 0xF0 {
            0x00 => Self::Capable,
            0x10 => Self::Join,
            0x20 => Self::Dss,
            0x30 => Self::AddAddr,
            0x40 => Self::RemoveAddr,
            0x50 => Self::Prio,
            0x60 => Self::Fail,
            0x70 => Self::FastClose,
            0x80 => Self::Reset,
            _ => return None,
        })
    }

    /// The subtype in the high half of an octet whose low half is zero.
    pub const fn high_nibble(self) -> u8 {
        match self {
            Self::Capable => 0x00,
            Self::Join => 0x10,
            Self::Dss => 0x20,
            Self::AddAddr => 0x30,
            Self::RemoveAddr => 0x40,
            Self::Prio => 0x50,
            Self::Fail => 0x60,
            Self::FastClose => 0x70,
            Self::Reset => 0x80,
        }
    }

    /// The set with this subtype alone.
    pub const fn alone(self) -> Subtypes {
        Subtypes(match self {
            Self::Capable => 0x001,
            Self::Join => 0x002,
            Self::Dss => 0x004,
            Self::AddAddr => 0x008,
            Self::RemoveAddr => 0x010,
            Self::Prio => 0x020,
            Self::Fail => 0x040,
            Self::FastClose => 0x080,
            Self::Reset => 0x100,
        })
    }
}

/// A set of subtypes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Subtypes(u16);

impl Subtypes {
    /// No subtype.
    pub const NONE: Self = Self(0);

    /// The set of those listed.
    pub const fn of(mut list: &[Subtype]) -> Self {
        let mut set = Self::NONE;
        while let [first, rest @ ..] = list {
            set.insert(*first);
            list = rest;
        }
        set
    }

    /// Whether `subtype` is in the set.
    pub const fn contains(self, subtype: Subtype) -> bool {
        self.0 & subtype.alone().0 != 0
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Adds `subtype`.
    pub const fn insert(&mut self, subtype: Subtype) {
        self.0 |= subtype.alone().0;
    }

    /// What is in either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether everything in `self` is in `other`.
    pub const fn is_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }
}

/// Why one option was not taken (the rest of the segment is read on).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    /// Its length is none that its subtype and segment allow.
    Length,
    /// Its subtype does not belong on this kind of segment.
    Segment,
    /// An `MP_CAPABLE` that asks for what we cannot do.
    Unusable(Unusable),
}
