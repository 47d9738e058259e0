// SPDX-License-Identifier: GPL-2.0

//! `MP_PRIO`: whether a subflow is only a backup (RFC 8684 3.3.8).

use super::cursor::Writer;
use super::{Refusal, Subtype};

/// Flag B: send data here only when nothing else works.
const BACKUP: u8 = 0x01;

/// `MP_PRIO`: a wish about the subflow that it travels on, for data towards its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prio {
    /// Use this subflow only while no other works.
    pub backup: bool,
}

impl Prio {
    /// Octets on the wire, padding not counted.
    pub const ENCODED_LEN: usize = 3;

    /// Reads the octets that follow kind and length.
    ///
    /// The form of version 0, with an identifier, is refused.
    pub(super) fn parse(body: &[u8]) -> Result<Self, Refusal> {
        match body {
            [octet] => Ok(Self {
                backup: octet & BACKUP != 0,
            }),
            _ => Err(Refusal::Length),
        }
    }

    /// Writes the octets that follow kind and length.
    pub(super) fn emit(&self, writer: &mut Writer<'_>) {
        let backup = if self.backup { BACKUP } else { 0 };
        writer.u8(Subtype::Prio.high_nibble() | backup);
    }
}
