// SPDX-License-Identifier: GPL-2.0

//! `MP_FASTCLOSE`: the whole connection is to end at once (RFC 8684 3.5).

use super::cursor::{Reader, Writer};
use super::keys::Key;
use super::{Refusal, Subtype};

/// `MP_FASTCLOSE`: abort the connection, proved by the key of the host that receives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FastClose {
    /// The key of the receiver; any other makes the option void.
    pub key: Key,
}

impl FastClose {
    /// Octets on the wire.
    pub const ENCODED_LEN: usize = 12;

    /// Reads the octets that follow kind and length.
    pub(super) fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let mut reader = Reader::new(body);
        match (reader.array::<2>(), reader.array(), reader.rest()) {
            (Some(_), Some(key), []) => Ok(Self {
                key: Key::from_bytes(key),
            }),
            _ => Err(Refusal::Length),
        }
    }

    /// Writes the octets that follow kind and length.
    pub(super) fn emit(&self, writer: &mut Writer<'_>) {
        writer.array([Subtype::FastClose.high_nibble(), 0]);
        writer.array(self.key.to_bytes());
    }
}
