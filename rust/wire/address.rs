// SPDX-License-Identifier: GPL-2.0

//! `ADD_ADDR` and `REMOVE_ADDR`: the addresses of a host (RFC 8684 3.4).

use core::net::IpAddr;
use core::num::NonZeroU16;

use super::cursor::{Reader, Writer};
use super::keys::AddAddrHmac;
use super::{Refusal, Subtype};

/// Flag E: this only confirms that an announcement arrived.
const ECHO: u8 = 0x01;

/// The identifier of an address, in the numbering of the host that has it.
///
/// RFC 8684 3.2: survives the rewriting of addresses by NATs. 0 is the address that the host used
/// on the first subflow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AddrId(pub u8);

impl AddrId {
    /// The address of the first subflow.
    pub const INITIAL: Self = Self(0);
}

/// `ADD_ADDR`: announces an address, or echoes an announcement (RFC 8684 3.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddAddr {
    /// The identifier that the announcer gave the address.
    pub id: AddrId,
    /// The address.
    pub addr: IpAddr,
    /// The port; without one, that of the first subflow is meant.
    pub port: Option<NonZeroU16>,
    /// The proof of an announcement; an echo has none.
    pub hmac: Option<AddAddrHmac>,
}

impl AddAddr {
    /// Whether this is an echo.
    pub const fn is_echo(&self) -> bool {
        self.hmac.is_none()
    }

    /// The echo of this announcement: the same without the HMAC.
    #[must_use]
    pub const fn echo(self) -> Self {
        Self { hmac: None, ..self }
    }

    /// Octets on the wire, padding not counted.
    pub const fn encoded_len(&self) -> usize {
        let base: usize = match self.addr {
            IpAddr::V4(_) => 8,
            IpAddr::V6(_) => 20,
        };
        let port = if self.port.is_some() { 2 } else { 0 };
        let hmac = if self.hmac.is_some() { 8 } else { 0 };
        base.saturating_add(port).saturating_add(hmac)
    }

    /// Reads the octets that follow kind and length.
    ///
    /// Length and flag E together tell the family and what is present.
    pub(super) fn parse(body: &[u8]) -> Result<Self, Refusal> {
        Self::read(Reader::new(body)).ok_or(Refusal::Length)
    }

    fn read(mut reader: Reader<'_>) -> Option<Self> {
        let echo = reader.u8()? & ECHO != 0;
        let id = AddrId(reader.u8()?);
        let (v6, with_port) = match (echo, reader.rest().len()) {
            (true, 4) | (false, 12) => (false, false),
            (true, 6) | (false, 14) => (false, true),
            (true, 16) | (false, 24) => (true, false),
            (true, 18) | (false, 26) => (true, true),
            _ => return None,
        };
        let addr = if v6 {
            IpAddr::from(reader.array::<16>()?)
        } else {
            IpAddr::from(reader.array::<4>()?)
        };
        let port = if with_port {
            NonZeroU16::new(reader.u16()?)
        } else {
            None
        };
        let hmac = if echo {
            None
        } else {
            Some(AddAddrHmac::from_bytes(reader.array()?))
        };
        Some(Self {
            id,
            addr,
            port,
            hmac,
        })
    }

    /// Writes the octets that follow kind and length.
    pub(super) fn emit(&self, writer: &mut Writer<'_>) {
        let echo = if self.is_echo() { ECHO } else { 0 };
        writer.u8(Subtype::AddAddr.high_nibble() | echo);
        writer.u8(self.id.0);
        match self.addr {
            IpAddr::V4(addr) => writer.array(addr.octets()),
            IpAddr::V6(addr) => writer.array(addr.octets()),
        }
        if let Some(port) = self.port {
            writer.u16(port.get());
        }
        if let Some(hmac) = self.hmac {
            writer.array(hmac.to_bytes());
        }
    }
}

/// Identifiers that a `REMOVE_ADDR` of 40 octets can name.
const MAX_IDS: usize = 37;

/// `REMOVE_ADDR`: addresses that their host no longer has (RFC 8684 3.4.2).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RemoveAddr {
    /// How many of `ids` count, at least 1; the others are 0.
    count: u8,
    ids: [u8; MAX_IDS],
}

impl RemoveAddr {
    /// The most that one option of ours names: in-tree MPTCP ignores longer lists.
    pub const MAX_SENT: usize = 8;

    /// An option that names `ids`, or `None` where they are none or more than [`Self::MAX_SENT`].
    pub fn new(ids: &[AddrId]) -> Option<Self> {
        if ids.len() > Self::MAX_SENT {
            return None;
        }
        Self::collect(ids.iter().map(|id| id.0))
    }

    /// The same with one more; none where there is no room for it.
    #[must_use]
    pub fn with(mut self, id: AddrId) -> Option<Self> {
        if self.ids().any(|old| old == id) {
            return Some(self);
        }
        let at = usize::from(self.count);
        let slot = self.ids.get_mut(at).filter(|_| at < Self::MAX_SENT)?;
        *slot = id.0;
        self.count = self.count.saturating_add(1);
        Some(self)
    }

    fn collect(source: impl ExactSizeIterator<Item = u8>) -> Option<Self> {
        let count = u8::try_from(source.len()).ok()?;
        if count == 0 || source.len() > MAX_IDS {
            return None;
        }
        let mut ids = [0; MAX_IDS];
        for (slot, id) in ids.iter_mut().zip(source) {
            *slot = id;
        }
        Some(Self { count, ids })
    }

    /// The identifiers, in the order given.
    pub fn ids(&self) -> impl ExactSizeIterator<Item = AddrId> + '_ {
        self.octets().iter().map(|&id| AddrId(id))
    }

    fn octets(&self) -> &[u8] {
        self.ids
            .get(..usize::from(self.count))
            .unwrap_or(self.ids.as_slice())
    }

    /// Octets on the wire, padding not counted.
    pub fn encoded_len(&self) -> usize {
        usize::from(self.count).saturating_add(3)
    }

    /// Reads the octets that follow kind and length.
    pub(super) fn parse(body: &[u8]) -> Result<Self, Refusal> {
        match body {
            [_subtype, ids @ ..] => Self::collect(ids.iter().copied()).ok_or(Refusal::Length),
            [] => Err(Refusal::Length),
        }
    }

    /// Writes the octets that follow kind and length.
    pub(super) fn emit(&self, writer: &mut Writer<'_>) {
        writer.u8(Subtype::RemoveAddr.high_nibble());
        writer.slice(self.octets());
    }
}

impl core::fmt::Debug for RemoveAddr {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("RemoveAddr").field(&self.octets()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_takes_one_more_up_to_eight() {
        let mut list = RemoveAddr::new(&[AddrId(1)]).unwrap();
        for id in [2, 1, 3, 4, 5, 6, 7, 8, 8] {
            list = list.with(AddrId(id)).unwrap();
        }
        assert_eq!(list.octets(), [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(list.with(AddrId(9)), None);
    }
}
