// SPDX-License-Identifier: GPL-2.0

//! Octets of the fuzzer, read as numbers. Past the end everything is zero.

use rust_mptcp::wire::SegmentKind;

/// The octets that are left.
pub struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub fn new(octets: &'a [u8]) -> Self {
        Self(octets)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next `len` octets, or what is left of them.
    pub fn octets(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// All that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        self.octets(usize::MAX)
    }

    fn number<const N: usize>(&mut self) -> u64 {
        let octets = self.octets(N).iter();
        octets.fold(0, |sum, octet| sum << 8 | u64::from(*octet))
    }

    pub fn u8(&mut self) -> u8 {
        self.number::<1>() as u8
    }

    pub fn u16(&mut self) -> u16 {
        self.number::<2>() as u16
    }

    pub fn u32(&mut self) -> u32 {
        self.number::<4>() as u32
    }

    pub fn u64(&mut self) -> u64 {
        self.number::<8>()
    }

    pub fn flag(&mut self) -> bool {
        self.u8() & 1 != 0
    }

    /// A length: mostly short, so that much happens; now and then as long as a mapping can be.
    pub fn len(&mut self) -> u32 {
        match self.u8() {
            short @ 0..=0xEF => u32::from(short),
            _ => u32::from(self.u16()),
        }
    }

    /// A step to either side: mostly a small one.
    pub fn near(&mut self) -> i64 {
        match self.u8() as i8 {
            i8::MAX => i64::from(self.u32() as i32),
            i8::MIN => self.u64() as i64,
            small => i64::from(small),
        }
    }

    /// A number below `limit`, which is small or of which the scale matters more than the value.
    pub fn below(&mut self, limit: u64) -> u64 {
        if limit <= 0x100 {
            u64::from(self.u8()) % limit.max(1)
        } else {
            u64::from(self.u32()) % limit
        }
    }

    /// A kind of segment.
    pub fn kind(&mut self) -> SegmentKind {
        match self.u8() & 7 {
            0 => SegmentKind::Syn,
            1 => SegmentKind::SynAck,
            2 => SegmentKind::Rst,
            3 | 4 => SegmentKind::NonSyn { payload_len: 0 },
            _ => SegmentKind::NonSyn { payload_len: 5 },
        }
    }
}
