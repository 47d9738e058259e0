// SPDX-License-Identifier: GPL-2.0

//! `MP_CAPABLE`: the handshake of the first subflow (RFC 8684 3.1).

use super::cursor::{Reader, Writer};
use super::dss::Mapping;
use super::keys::Key;
use super::parse::SegmentKind;
use super::seq::{Dsn, Ssn, WireDsn};
use super::{Refusal, Subtype, VERSION};

/// Flag A: checksums of the data are required.
const CHECKSUM: u8 = 0x80;
/// Flag B: an extension that we do not know; the option is then to be ignored.
const EXTENSION: u8 = 0x40;
/// Flag C: do not open subflows to the source address and port of this one.
const DENY_JOIN: u8 = 0x20;
/// Flags D to H: the crypto algorithms.
const CRYPTO: u8 = 0x1F;
/// Flag H: HMAC-SHA256, the only algorithm that there is.
const HMAC_SHA256: u8 = 0x01;

/// The flags of `MP_CAPABLE` that two version 1 hosts can vary.
///
/// Flag H is implied: an option without it is [`Unusable`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CapableFlags {
    /// Flag A: the sender requires checksums; either side's wish is enough.
    pub checksum: bool,
    /// Flag C: the peer must not open subflows to this source address and port.
    pub deny_join: bool,
}

impl CapableFlags {
    const fn from_octet(octet: u8) -> Self {
        Self {
            checksum: octet & CHECKSUM != 0,
            deny_join: octet & DENY_JOIN != 0,
        }
    }

    const fn octet(self) -> u8 {
        let checksum = if self.checksum { CHECKSUM } else { 0 };
        let deny_join = if self.deny_join { DENY_JOIN } else { 0 };
        HMAC_SHA256 | checksum | deny_join
    }
}

/// An `MP_CAPABLE` that we can act on, one variant per step of the handshake.
///
/// I is the host that sent the SYN, R the one that answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capable {
    /// On the SYN: I offers MPTCP.
    Syn {
        /// The version that I asks for, at least 1; a higher one is answered with ours.
        version: u8,
        /// The flags of I.
        flags: CapableFlags,
    },
    /// On the SYN/ACK: R accepts.
    SynAck {
        /// The flags of R.
        flags: CapableFlags,
        /// The key of R.
        key: Key,
    },
    /// On the third ACK, without payload.
    Ack {
        /// The flags that hold now.
        flags: CapableFlags,
        /// The key of I, who sends this.
        sender: Key,
        /// The key of R, echoed.
        receiver: Key,
    },
    /// On the first data of I: keys again, and a mapping in place of a DSS.
    AckData {
        /// The flags that hold now.
        flags: CapableFlags,
        /// The key of I, who sends this.
        sender: Key,
        /// The key of R, echoed.
        receiver: Key,
        /// Octets of payload covered.
        len: u16,
        /// The checksum of the mapping, where checksums are in use.
        checksum: Option<u16>,
    },
}

/// Why a well-formed `MP_CAPABLE` cannot be acted on: the peer is then to be treated as plain TCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// A version that we do not speak.
    Version(u8),
    /// Flag B is set: RFC 8684 3.1 demands that the option be ignored.
    Extension,
    /// No crypto algorithm that we know, or an answer that does not name exactly one.
    Crypto(u8),
    /// The key of the sender is zero.
    ZeroKey,
}

/// The mapping that stands in the data form, as a DSS would have said it.
pub const fn first_mapping(idsn: Dsn, len: u16, checksum: Option<u16>) -> Mapping {
    Mapping {
        dsn: WireDsn::long(idsn.advance(1)),
        ssn: Ssn::FIRST,
        len,
        data_fin: false,
        checksum,
    }
}

impl Capable {
    /// Octets on the wire, padding not counted.
    pub const fn encoded_len(&self) -> usize {
        match self {
            Self::Syn { .. } => 4,
            Self::SynAck { .. } => 12,
            Self::Ack { .. } => 20,
            Self::AckData { checksum: None, .. } => 22,
            Self::AckData {
                checksum: Some(_), ..
            } => 24,
        }
    }

    /// Reads the octets that follow kind and length.
    pub(super) fn parse(body: &[u8], segment: SegmentKind) -> Result<Self, Refusal> {
        let mut reader = Reader::new(body);
        let step = Step::of(body.len(), segment)?;
        let (Some(version), Some(flags)) = (reader.u8(), reader.u8()) else {
            return Err(Refusal::Length);
        };
        let version = version & 0x0F;
        usable(step, version, flags).map_err(Refusal::Unusable)?;
        let flags = CapableFlags::from_octet(flags);
        if matches!(step, Step::Syn) {
            return Ok(Self::Syn { version, flags });
        }
        let key = key(&mut reader)?;
        if matches!(step, Step::SynAck) {
            return Ok(Self::SynAck { flags, key });
        }
        if key == Key::ZERO {
            return Err(Refusal::Unusable(Unusable::ZeroKey));
        }
        let receiver = self::key(&mut reader)?;
        match reader.u16() {
            None => Ok(Self::Ack {
                flags,
                sender: key,
                receiver,
            }),
            Some(len) => Ok(Self::AckData {
                flags,
                sender: key,
                receiver,
                len,
                checksum: reader.u16(),
            }),
        }
    }

    /// Writes the octets that follow kind and length.
    pub(super) fn emit(&self, writer: &mut Writer<'_>) {
        let head = |writer: &mut Writer<'_>, version: u8, flags: CapableFlags| {
            writer.u8(Subtype::Capable.high_nibble() | (version & 0x0F));
            writer.u8(flags.octet());
        };
        match *self {
            Self::Syn { version, flags } => head(writer, version, flags),
            Self::SynAck { flags, key } => {
                head(writer, VERSION, flags);
                writer.array(key.to_bytes());
            }
            Self::Ack {
                flags,
                sender,
                receiver,
            } => {
                head(writer, VERSION, flags);
                writer.array(sender.to_bytes());
                writer.array(receiver.to_bytes());
            }
            Self::AckData {
                flags,
                sender,
                receiver,
                len,
                checksum,
            } => {
                head(writer, VERSION, flags);
                writer.array(sender.to_bytes());
                writer.array(receiver.to_bytes());
                writer.u16(len);
                if let Some(checksum) = checksum {
                    writer.u16(checksum);
                }
            }
        }
    }
}

/// The step of the handshake that length and segment agree on.
#[derive(Clone, Copy, Debug)]
enum Step {
    Syn,
    SynAck,
    Ack,
}

impl Step {
    fn of(body_len: usize, segment: SegmentKind) -> Result<Self, Refusal> {
        match (segment, body_len) {
            (SegmentKind::Syn, 2) => Ok(Self::Syn),
            (SegmentKind::SynAck, 10) => Ok(Self::SynAck),
            (SegmentKind::NonSyn { payload_len: 0 }, 18) => Ok(Self::Ack),
            (SegmentKind::NonSyn { payload_len: 1.. }, 20 | 22) => Ok(Self::Ack),
            _ => Err(Refusal::Length),
        }
    }
}

fn usable(step: Step, version: u8, flags: u8) -> Result<(), Unusable> {
    let version_known = match step {
        // A later version is answered with ours, and its sender decides.
        Step::Syn => version >= VERSION,
        Step::SynAck | Step::Ack => version == VERSION,
    };
    let crypto_known = match step {
        // The offer may name several, the answer names one.
        Step::Syn => flags & HMAC_SHA256 != 0,
        Step::SynAck | Step::Ack => flags & CRYPTO == HMAC_SHA256,
    };
    if !version_known {
        Err(Unusable::Version(version))
    } else if flags & EXTENSION != 0 {
        Err(Unusable::Extension)
    } else if !crypto_known {
        Err(Unusable::Crypto(flags & CRYPTO))
    } else {
        Ok(())
    }
}

fn key(reader: &mut Reader<'_>) -> Result<Key, Refusal> {
    reader.array().map(Key::from_bytes).ok_or(Refusal::Length)
}
