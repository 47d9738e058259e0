// SPDX-License-Identifier: GPL-2.0

//! Attributes of netlink messages (`struct nlattr`), in which path managers say what they want.
//!
//! Read as C's `__nla_parse` reads them without a policy and liberally: a list ends where the next attribute does not fit
//! any more; numbers that nobody knows, and 0, are passed over; of several with one number the last counts; a value may
//! be longer than it needs to be. Numbers and values are in the byte order of the host.

use core::net::IpAddr;

/// Octets of a header: a length, which counts the header, and a number.
const HEADER: usize = 4;

/// The two highest bits of a number say how the value is to be read; C does not ask here.
const NUMBER: u16 = 0x3FFF;

/// Each attribute begins at a multiple of so many octets from the first one.
const ALIGNMENT: usize = 4;

/// The octets are too few for the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Short;

/// An attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attr<'a> {
    at: usize,
    payload: &'a [u8],
}

impl<'a> Attr<'a> {
    /// Where its header begins: octets from the first attribute of the message.
    pub const fn at(&self) -> usize {
        self.at
    }

    /// Its value.
    pub const fn payload(&self) -> &'a [u8] {
        self.payload
    }

    fn bytes<const N: usize>(&self) -> Result<[u8; N], Short> {
        self.payload.first_chunk().copied().ok_or(Short)
    }

    /// A number of 8 bits.
    pub fn u8(&self) -> Result<u8, Short> {
        self.bytes().map(u8::from_ne_bytes)
    }

    /// A number of 16 bits.
    pub fn u16(&self) -> Result<u16, Short> {
        self.bytes().map(u16::from_ne_bytes)
    }

    /// A number of 32 bits.
    pub fn u32(&self) -> Result<u32, Short> {
        self.bytes().map(u32::from_ne_bytes)
    }

    /// An IPv4 address.
    pub fn v4(&self) -> Result<IpAddr, Short> {
        self.bytes::<4>().map(IpAddr::from)
    }

    /// An IPv6 address, of no other length.
    pub fn v6(&self) -> Result<IpAddr, Short> {
        let bytes: Result<[u8; 16], _> = self.payload.try_into();
        bytes.map(IpAddr::from).map_err(|_| Short)
    }

    /// The attributes within.
    pub fn nested<const N: usize>(&self) -> Attrs<'a, N> {
        Attrs::read(List {
            rest: self.payload,
            at: self.at.saturating_add(HEADER),
        })
    }
}

/// A list of attributes, one after the other, with their numbers.
#[derive(Clone, Debug)]
pub struct List<'a> {
    rest: &'a [u8],
    at: usize,
}

impl<'a> List<'a> {
    /// The attributes of a message.
    pub const fn new(octets: &'a [u8]) -> Self {
        Self {
            rest: octets,
            at: 0,
        }
    }
}

impl<'a> Iterator for List<'a> {
    type Item = (u16, Attr<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let [a, b, c, d] = *self.rest.first_chunk::<HEADER>()?;
        let len = usize::from(u16::from_ne_bytes([a, b]));
        // Nothing where the length is less than that of a header, or more than there is.
        let payload = self.rest.get(HEADER..len)?;
        let attr = Attr {
            at: self.at,
            payload,
        };
        let whole = len.next_multiple_of(ALIGNMENT);
        self.rest = self.rest.get(whole..).unwrap_or_default();
        self.at = self.at.saturating_add(whole);
        Some((u16::from_ne_bytes([c, d]) & NUMBER, attr))
    }
}

/// The attributes of one level, by their numbers, which are below `N`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attrs<'a, const N: usize>([Option<Attr<'a>>; N]);

impl<'a, const N: usize> Attrs<'a, N> {
    /// The attributes of a message.
    pub fn parse(octets: &'a [u8]) -> Self {
        Self::read(List::new(octets))
    }

    fn read(list: List<'a>) -> Self {
        let mut found = [None; N];
        for (number, attr) in list.filter(|(number, _)| *number > 0) {
            if let Some(slot) = found.get_mut(usize::from(number)) {
                *slot = Some(attr);
            }
        }
        Self(found)
    }

    /// The attribute with this number.
    pub fn get(&self, number: u16) -> Option<Attr<'a>> {
        *self.0.get(usize::from(number))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    /// An attribute as C lays it out, padded.
    fn attr(number: u16, value: &[u8]) -> Vec<u8> {
        let mut all = Vec::new();
        all.extend(((HEADER + value.len()) as u16).to_ne_bytes());
        all.extend(number.to_ne_bytes());
        all.extend(value);
        all.resize(all.len().next_multiple_of(ALIGNMENT), 0);
        all
    }

    #[test]
    fn values_are_read_in_the_order_of_the_host() {
        let octets = [
            attr(1, &[7]),
            attr(2, &0x1234_u16.to_ne_bytes()),
            attr(3, &0x1234_5678_u32.to_ne_bytes()),
            attr(4, &[10, 0, 0, 1]),
            attr(5, &[0; 16]),
        ]
        .concat();
        let all: Attrs<'_, 6> = Attrs::parse(&octets);
        let get = |number| all.get(number).unwrap();
        assert_eq!(get(1).u8(), Ok(7));
        assert_eq!(get(2).u16(), Ok(0x1234));
        assert_eq!(get(3).u32(), Ok(0x1234_5678));
        assert_eq!(get(4).v4(), Ok(IpAddr::from([10, 0, 0, 1])));
        assert_eq!(get(5).v6(), Ok(IpAddr::from([0; 16])));
        assert_eq!([1, 2, 3].map(|number| get(number).at()), [0, 8, 16]);
    }

    #[test]
    fn a_value_may_be_longer_but_not_shorter() {
        let octets = [attr(1, &[1, 0, 9]), attr(2, &[]), attr(3, &[0; 17])].concat();
        let all: Attrs<'_, 4> = Attrs::parse(&octets);
        let get = |number| all.get(number).unwrap();
        assert_eq!(get(1).u8(), Ok(1));
        assert_eq!(get(1).u16(), Ok(u16::from_ne_bytes([1, 0])));
        assert_eq!(get(1).u32(), Err(Short));
        assert_eq!(get(2).u8(), Err(Short));
        assert_eq!(get(2).payload(), []);
        assert_eq!(get(3).v6(), Err(Short));
    }

    #[test]
    fn the_last_one_counts_and_strangers_do_not() {
        let octets = [
            attr(0, &[1]),
            attr(1, &[2]),
            attr(3, &[3]),
            attr(0x8001, &[4]),
            attr(0x4002, &[5]),
        ]
        .concat();
        let all: Attrs<'_, 3> = Attrs::parse(&octets);
        assert_eq!(all.get(0), None);
        assert_eq!(all.get(1).unwrap().u8(), Ok(4));
        assert_eq!(all.get(2).unwrap().u8(), Ok(5));
        assert_eq!(all.get(3), None);
        assert_eq!(Attrs::<'_, 0>::parse(&octets).get(1), None);
    }

    #[test]
    fn a_list_ends_where_the_next_does_not_fit() {
        let whole = [attr(1, &[1]), attr(2, &[2])].concat();
        // Padding behind the last one may be missing.
        let found = |len: usize| Attrs::<'_, 3>::parse(&whole[..len]).get(2).is_some();
        assert!(found(13) && !found(12) && !found(8));
        for len in [0_u16, 3, 100] {
            let mut broken = whole.clone();
            broken[..2].copy_from_slice(&len.to_ne_bytes());
            let all: Attrs<'_, 3> = Attrs::parse(&broken);
            assert_eq!((all.get(1), all.get(2)), (None, None), "{len}");
        }
    }

    #[test]
    fn nested_ones_know_where_they_are_in_the_message() {
        let inner = [attr(1, &[1]), attr(2, &[2])].concat();
        let octets = [attr(3, &[9; 5]), attr(1, &inner)].concat();
        let outer: Attrs<'_, 4> = Attrs::parse(&octets);
        let nest = outer.get(1).unwrap();
        assert_eq!(nest.at(), 12);
        let inner: Attrs<'_, 3> = nest.nested();
        assert_eq!(inner.get(2).unwrap().at(), 24);
        assert_eq!(inner.get(2).unwrap().u8(), Ok(2));
    }

    /// What C does, written down as C does it: with a place and with what remains.
    fn by_the_book(octets: &[u8], numbers: usize) -> Vec<Option<(usize, usize)>> {
        let mut found = std::vec![None; numbers];
        let (mut at, mut rest) = (0_usize, octets.len() as i64);
        while rest >= 4 {
            let len = u16::from_ne_bytes([octets[at], octets[at + 1]]);
            let number = usize::from(u16::from_ne_bytes([octets[at + 2], octets[at + 3]]) & 0x3FFF);
            if len < 4 || i64::from(len) > rest {
                break;
            }
            if number > 0 && number < numbers {
                found[number] = Some((at, usize::from(len) - 4));
            }
            let aligned = (usize::from(len) + 3) & !3;
            at += aligned;
            rest -= aligned as i64;
        }
        found
    }

    proptest! {
        #[test]
        fn any_octets_are_read_as_c_reads_them(
            pieces in prop::collection::vec((0_u16..12, 0_u16..0x5, prop::collection::vec(any::<u8>(), 0..9)), 0..12),
            high in any::<u16>(),
        ) {
            let mut octets = Vec::new();
            for (len, number, value) in pieces {
                octets.extend(len.to_ne_bytes());
                octets.extend((number | high & 0xC000).to_ne_bytes());
                octets.extend(value);
            }
            let all: Attrs<'_, 4> = Attrs::parse(&octets);
            let ours: Vec<_> = (0..4)
                .map(|number| all.get(number).map(|attr| (attr.at(), attr.payload().len())))
                .collect();
            prop_assert_eq!(ours, by_the_book(&octets, 4));
        }
    }
}
