// SPDX-License-Identifier: GPL-2.0

//! A TCP segment on its way.

use crate::bytes::Bytes;
use rust_mptcp::wire::walk::END;
use rust_mptcp::wire::walk::NOP;
use rust_mptcp::wire::KIND;
use rust_mptcp::wire::OPTION_SPACE;
use std::hash::Hash;
use std::hash::Hasher;

/// An IPv4 address and a port. The third octet of the address names the path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Addr {
    /// The address.
    pub ip: u32,
    /// The port.
    pub port: u16,
}

impl Hash for Addr {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(u64::from(self.ip) << 16 | u64::from(self.port));
    }
}

/// The FIN bit.
pub const FIN: u8 = 0x01;
/// The SYN bit.
pub const SYN: u8 = 0x02;
/// The RST bit.
pub const RST: u8 = 0x04;
/// The ACK bit.
pub const ACK: u8 = 0x10;

/// The shift of every window that is not on a SYN.
pub const WINDOW_SCALE: u32 = 7;

/// The option area of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    bytes: [u8; OPTION_SPACE],
    len: u8,
}

impl Default for Area {
    fn default() -> Self {
        Self {
            bytes: [NOP; OPTION_SPACE],
            len: 0,
        }
    }
}

impl Area {
    /// The first `len` of `bytes`.
    pub fn new(bytes: [u8; OPTION_SPACE], len: u8) -> Self {
        Self { bytes, len }
    }

    /// The octets.
    pub fn octets(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// Adds an option if there is room for it.
    pub fn push(&mut self, option: &[u8]) {
        let from = usize::from(self.len);
        let padded = option.len().div_ceil(4) * 4;
        if from + padded <= OPTION_SPACE {
            self.bytes[from..from + option.len()].copy_from_slice(option);
            self.len += padded as u8;
        }
    }

    /// Kind, place and length of each option that has a length.
    fn spans(&self) -> impl Iterator<Item = (u8, usize, usize)> + '_ {
        let area = self.octets();
        let mut at = 0;
        core::iter::from_fn(move || {
            while area.get(at) == Some(&NOP) {
                at += 1;
            }
            let (kind, len) = (*area.get(at)?, usize::from(*area.get(at + 1)?));
            if kind == END || len < 2 || at + len > area.len() {
                return None;
            }
            let start = at;
            at += len;
            Some((kind, start, len))
        })
    }

    /// Place and length of each MPTCP option.
    pub fn mptcp(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.spans()
            .filter(|(kind, ..)| *kind == KIND)
            .map(|(_, start, len)| (start, len))
    }

    /// Whether there is any MPTCP option.
    pub fn has_mptcp(&self) -> bool {
        self.mptcp().next().is_some()
    }

    /// Puts a DSS that is no longer in the place of the one that is there.
    pub fn replace_dss(&mut self, option: &[u8]) {
        let found = self
            .mptcp()
            .find(|(start, len)| *len > 2 && self.bytes[start + 2] >> 4 == 2);
        if let Some((start, len)) = found {
            let padded = len.div_ceil(4) * 4;
            self.bytes[start..start + padded].fill(NOP);
            self.bytes[start..start + option.len()].copy_from_slice(option);
        }
    }

    /// Changes bits of the octet at `at` of each MPTCP option of a subtype.
    pub fn flip(&mut self, subtype: u8, at: usize, bits: u8) {
        let mut found = self.mptcp();
        let place = found.find(|(start, len)| at < *len && self.bytes[start + 2] >> 4 == subtype);
        drop(found);
        if let Some((start, _)) = place {
            self.bytes[start + at] ^= bits;
        }
    }

    /// Turns the options of a kind into NOPs, as most strippers do; `subtype` narrows it down.
    pub fn strip(&mut self, kind: u8, subtype: Option<u8>) {
        let mut found = [(0, 0); OPTION_SPACE];
        let mut count = 0;
        for (one, start, len) in self.spans() {
            let fits = subtype.is_none_or(|sub| len > 2 && self.bytes[start + 2] >> 4 == sub);
            if one == kind && fits {
                found[count] = (start, len);
                count += 1;
            }
        }
        for (start, len) in &found[..count] {
            self.bytes[*start..start + len].fill(NOP);
        }
    }
}

/// A segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// Where it says that it comes from.
    pub src: Addr,
    /// Where it goes.
    pub dst: Addr,
    /// The sequence number.
    pub seq: u32,
    /// The acknowledgement number.
    pub ack: u32,
    /// The flags.
    pub flags: u8,
    /// The window field.
    pub window: u16,
    /// The options.
    pub options: Area,
    /// The payload.
    pub payload: Bytes,
    /// Which connection of the simulation made it, for oracles only.
    pub tag: u32,
}

/// The tag of a segment that no connection made.
pub const NOBODY: u32 = u32::MAX;

impl Segment {
    /// Whether all of `flags` are set.
    pub fn has(&self, flags: u8) -> bool {
        self.flags & flags == flags
    }

    /// Sequence numbers that it takes.
    pub fn span(&self) -> u32 {
        self.payload.len() + u32::from(self.has(FIN)) + u32::from(self.has(SYN))
    }

    /// Octets of the IP packet.
    pub fn wire_len(&self) -> u32 {
        40 + u32::from(self.options.len) + self.payload.len()
    }

    /// The path that it takes.
    pub fn path(&self) -> usize {
        (self.dst.ip >> 8 & 0xFF) as usize
    }
}
