// SPDX-License-Identifier: GPL-2.0

//! `MP_FAIL`: a checksum failed (RFC 8684 3.7).

use super::cursor::{Reader, Writer};
use super::seq::Dsn;
use super::{Refusal, Subtype};

/// `MP_FAIL`: on a reset, this subflow altered data; on an ACK, use an infinite mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fail {
    /// The start of the mapping whose checksum failed, always in full.
    pub dsn: Dsn,
}

impl Fail {
    /// Octets on the wire.
    pub const ENCODED_LEN: usize = 12;

    /// Reads the octets that follow kind and length.
    pub(super) fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let mut reader = Reader::new(body);
        match (reader.array::<2>(), reader.u64(), reader.rest()) {
            (Some(_), Some(dsn), []) => Ok(Self { dsn: Dsn(dsn) }),
            _ => Err(Refusal::Length),
        }
    }

    /// Writes the octets that follow kind and length.
    pub(super) fn emit(&self, writer: &mut Writer<'_>) {
        writer.array([Subtype::Fail.high_nibble(), 0]);
        writer.u64(self.dsn.0);
    }
}
