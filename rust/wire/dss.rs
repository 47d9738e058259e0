// SPDX-License-Identifier: GPL-2.0

//! DSS: where bytes of a subflow belong in the connection, and what has arrived (RFC 8684 3.3).

use super::cursor::{Reader, Writer};
use super::seq::{Dsn, Ssn, WireDsn};
use super::{Refusal, Subtype};

/// Flag A: a `DATA_ACK` is present.
const ACK: u8 = 0x01;
/// Flag a: the `DATA_ACK` has 8 octets.
const ACK_LONG: u8 = 0x02;
/// Flag M: a mapping is present.
const MAP: u8 = 0x04;
/// Flag m: the data sequence number has 8 octets.
const MAP_LONG: u8 = 0x08;
/// Flag F: the mapping ends in a `DATA_FIN`.
const DATA_FIN: u8 = 0x10;

/// Octets of the longest DSS: both numbers in 8 octets, and a checksum.
pub const MAX_LEN: usize = 28;

/// A data sequence signal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dss {
    /// The next data sequence number that the sender expects (RFC 8684 3.3.2).
    pub data_ack: Option<WireDsn>,
    /// Where bytes of this subflow belong (RFC 8684 3.3.1).
    pub map: Option<Mapping>,
}

/// A mapping of subflow sequence space to data sequence space (RFC 8684 3.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// The data sequence number of the first byte.
    pub dsn: WireDsn,
    /// The subflow sequence number of the first byte; 0 where no byte is mapped.
    pub ssn: Ssn,
    /// The data-level length as on the wire: bytes covered, and one more for a `DATA_FIN`.
    pub len: u16,
    /// The mapping ends in a `DATA_FIN`. Without meaning in an infinite mapping.
    pub data_fin: bool,
    /// The checksum of the mapping, where checksums are in use.
    pub checksum: Option<u16>,
}

impl Mapping {
    /// Whether this maps all that follows and ends the use of MPTCP (RFC 8684 3.7).
    pub const fn is_infinite(&self) -> bool {
        self.len == 0
    }

    /// Whether a `DATA_FIN` ends this mapping; an infinite one never has any.
    pub const fn has_data_fin(&self) -> bool {
        self.data_fin && self.len != 0
    }

    /// Bytes of payload covered, 0 for an infinite mapping.
    pub const fn payload_len(&self) -> u16 {
        if self.has_data_fin() {
            self.len.saturating_sub(1)
        } else {
            self.len
        }
    }

    /// The data sequence number of the `DATA_FIN`, given that of the first byte in full.
    ///
    /// RFC 8684 3.3.3: it comes after the last byte mapped.
    pub fn data_fin_dsn(&self, first: Dsn) -> Option<Dsn> {
        self.has_data_fin()
            .then(|| first.advance(u64::from(self.payload_len())))
    }

    /// Octets that the mapping adds to a DSS.
    const fn encoded_len(&self) -> usize {
        let numbers = match self.dsn {
            WireDsn::Short(_) => 10,
            WireDsn::Long(_) => 14,
        };
        match self.checksum {
            None => numbers,
            Some(_) => 2_usize.saturating_add(numbers),
        }
    }
}

impl Dss {
    /// A signal with a `DATA_ACK` and no mapping.
    pub const fn ack(data_ack: WireDsn) -> Self {
        Self {
            data_ack: Some(data_ack),
            map: None,
        }
    }

    /// Whether the mapping is an infinite one (RFC 8684 3.7).
    pub fn is_infinite(&self) -> bool {
        self.map.is_some_and(|map| map.is_infinite())
    }

    /// Octets on the wire, padding not counted.
    pub const fn encoded_len(&self) -> usize {
        let ack = match self.data_ack {
            None => 0,
            Some(number) => number.encoded_len(),
        };
        let map = match &self.map {
            None => 0,
            Some(map) => map.encoded_len(),
        };
        4_usize.saturating_add(ack).saturating_add(map)
    }

    /// Reads the octets that follow kind and length.
    ///
    /// Whether a checksum is there is told by the length alone: it is what the flags give, or two
    /// octets more. Any other length makes the option absent.
    #[inline]
    pub(super) fn parse(body: &[u8]) -> Result<Self, Refusal> {
        Self::read(Reader::new(body)).ok_or(Refusal::Length)
    }

    #[inline]
    fn read(mut reader: Reader<'_>) -> Option<Self> {
        let _subtype = reader.u8()?;
        let flags = reader.u8()?;
        let data_ack = if flags & ACK == 0 {
            None
        } else {
            Some(number(&mut reader, flags & ACK_LONG != 0)?)
        };
        let map = if flags & MAP == 0 {
            None
        } else {
            let dsn = number(&mut reader, flags & MAP_LONG != 0)?;
            let ssn = Ssn(reader.u32()?);
            let len = reader.u16()?;
            Some(Mapping {
                dsn,
                ssn,
                len,
                data_fin: flags & DATA_FIN != 0 && len != 0,
                checksum: reader.u16(),
            })
        };
        reader.rest().is_empty().then_some(Self { data_ack, map })
    }

    /// Writes the octets that follow kind and length.
    #[inline]
    pub(super) fn emit(&self, writer: &mut Writer<'_>) {
        writer.u8(Subtype::Dss.high_nibble());
        writer.u8(self.flags());
        if let Some(data_ack) = self.data_ack {
            put_number(writer, data_ack);
        }
        if let Some(map) = &self.map {
            put_number(writer, map.dsn);
            writer.u32(map.ssn.0);
            writer.u16(map.len);
            if let Some(checksum) = map.checksum {
                writer.u16(checksum);
            }
        }
    }

    const fn flags(&self) -> u8 {
        let ack = match self.data_ack {
            None => 0,
            Some(WireDsn::Short(_)) => ACK,
            Some(WireDsn::Long(_)) => ACK | ACK_LONG,
        };
        let map = match &self.map {
            None => 0,
            Some(map) => {
                let long = match map.dsn {
                    WireDsn::Short(_) => 0,
                    WireDsn::Long(_) => MAP_LONG,
                };
                let data_fin = if map.has_data_fin() { DATA_FIN } else { 0 };
                MAP | long | data_fin
            }
        };
        ack | map
    }
}

#[inline]
fn number(reader: &mut Reader<'_>, long: bool) -> Option<WireDsn> {
    if long {
        reader.u64().map(WireDsn::Long)
    } else {
        reader.u32().map(WireDsn::Short)
    }
}

#[inline]
fn put_number(writer: &mut Writer<'_>, number: WireDsn) {
    match number {
        WireDsn::Short(low) => writer.u32(low),
        WireDsn::Long(number) => writer.u64(number),
    }
}
