// SPDX-License-Identifier: GPL-2.0

//! `MP_JOIN`: a further subflow (RFC 8684 3.2).

use super::address::AddrId;
use super::cursor::{Reader, Writer};
use super::keys::{HmacI, HmacR, Nonce, Token};
use super::parse::SegmentKind;
use super::{Refusal, Subtype};

/// Flag B: the sender asks to be sent data here only when nothing else works.
const BACKUP: u8 = 0x01;

/// An `MP_JOIN`, one variant per step of the handshake.
///
/// I is the host that sent the SYN of this subflow, R the one that answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Join {
    /// On the SYN: I names the connection.
    Syn {
        /// I asks that this be a backup subflow.
        backup: bool,
        /// The identifier, in the numbering of I, of the address that this came from.
        id: AddrId,
        /// The token of R, which selects the connection.
        token: Token,
        /// The random number of I.
        nonce: Nonce,
    },
    /// On the SYN/ACK: R proves that it knows the keys.
    SynAck {
        /// R asks that this be a backup subflow.
        backup: bool,
        /// The identifier, in the numbering of R, of the address that this came from.
        id: AddrId,
        /// The leftmost 64 bits of the HMAC of R.
        hmac: HmacR,
        /// The random number of R.
        nonce: Nonce,
    },
    /// On the third ACK: I proves that it knows the keys.
    Ack {
        /// The leftmost 160 bits of the HMAC of I.
        hmac: HmacI,
    },
}

impl Join {
    /// Octets on the wire; none need padding.
    pub const fn encoded_len(&self) -> usize {
        match self {
            Self::Syn { .. } => 12,
            Self::SynAck { .. } => 16,
            Self::Ack { .. } => 24,
        }
    }

    /// Reads the octets that follow kind and length.
    pub(super) fn parse(body: &[u8], segment: SegmentKind) -> Result<Self, Refusal> {
        match (segment, body.len()) {
            (SegmentKind::Syn, 10)
            | (SegmentKind::SynAck, 14)
            | (SegmentKind::NonSyn { .. }, 22) => {}
            _ => return Err(Refusal::Length),
        }
        Self::read(Reader::new(body), segment).ok_or(Refusal::Length)
    }

    fn read(mut reader: Reader<'_>, segment: SegmentKind) -> Option<Self> {
        let backup = reader.u8()? & BACKUP != 0;
        let id = AddrId(reader.u8()?);
        Some(match segment {
            SegmentKind::Syn => Self::Syn {
                backup,
                id,
                token: Token(reader.u32()?),
                nonce: Nonce::new(reader.u32()?),
            },
            SegmentKind::SynAck => Self::SynAck {
                backup,
                id,
                hmac: HmacR::from_bytes(reader.array()?),
                nonce: Nonce::new(reader.u32()?),
            },
            SegmentKind::NonSyn { .. } | SegmentKind::Rst => Self::Ack {
                hmac: HmacI::from_bytes(reader.array()?),
            },
        })
    }

    /// Writes the octets that follow kind and length.
    pub(super) fn emit(&self, writer: &mut Writer<'_>) {
        let head = |writer: &mut Writer<'_>, backup: bool, id: AddrId| {
            let backup = if backup { BACKUP } else { 0 };
            writer.u8(Subtype::Join.high_nibble() | backup);
            writer.u8(id.0);
        };
        match *self {
            Self::Syn {
                backup,
                id,
                token,
                nonce,
            } => {
                head(writer, backup, id);
                writer.u32(token.0);
                writer.u32(nonce.get());
            }
            Self::SynAck {
                backup,
                id,
                hmac,
                nonce,
            } => {
                head(writer, backup, id);
                writer.array(hmac.to_bytes());
                writer.u32(nonce.get());
            }
            Self::Ack { hmac } => {
                head(writer, false, AddrId(0));
                writer.array(hmac.to_bytes());
            }
        }
    }
}
