// SPDX-License-Identifier: GPL-2.0

//! The endpoints of a network namespace: addresses with a number and what they are for.

use crate::engine::mem::FVec;
use crate::engine::mem::NoMemory;
use crate::wire::AddrId;
use core::net::IpAddr;
use core::num::NonZeroU16;

/// What an endpoint is for, as netlink numbers it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(pub u8);

impl Flags {
    /// Announce it.
    pub const SIGNAL: Self = Self(0x01);
    /// Open a subflow from it to the peer's first address.
    pub const SUBFLOW: Self = Self(0x02);
    /// Subflows from it are backups.
    pub const BACKUP: Self = Self(0x04);
    /// Open a subflow from it to every address of the peer.
    pub const FULLMESH: Self = Self(0x08);
    /// Nobody configured it: a subflow happened to use it.
    pub const IMPLICIT: Self = Self(0x10);
    /// Use it for one address that the peer announces.
    pub const LAMINAR: Self = Self(0x20);

    /// Those of a program's flags that have a meaning; others vanish.
    pub const fn known(flags: u32) -> Self {
        let [lowest, ..] = flags.to_le_bytes();
        Self(lowest & 0x3F)
    }

    /// Whether all flags of `other` are set.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// These flags, with `other` set or cleared.
    #[must_use]
    pub const fn with(self, other: Self, on: bool) -> Self {
        if on {
            Self(self.0 | other.0)
        } else {
            Self(self.0 & !other.0)
        }
    }
}

/// An address that subflows may start from, or that the peer is to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its number; 0 when it is to be added: the next free one.
    pub id: AddrId,
    /// The address.
    pub addr: IpAddr,
    /// The port that the peer is to connect to, if not the usual one.
    pub port: Option<NonZeroU16>,
    /// What it is for.
    pub flags: Flags,
    /// The device to use; 0 for any.
    pub device: u32,
}

impl Endpoint {
    /// Whether a user may configure such a one.
    pub fn check(&self) -> Result<(), EndpointError> {
        let signal = self.flags.has(Flags::SIGNAL);
        if self.port.is_some() && (!signal || self.flags.has(Flags::SUBFLOW)) {
            return Err(EndpointError::Port);
        }
        if signal && self.flags.has(Flags::FULLMESH) {
            return Err(EndpointError::SignalAndFullmesh);
        }
        if self.flags.has(Flags::IMPLICIT) {
            return Err(EndpointError::Implicit);
        }
        Ok(())
    }
}

/// How a program names an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// By its number.
    Id(AddrId),
    /// By its address, and its port if it has one.
    At(IpAddr, Option<NonZeroU16>),
}

/// Why endpoints stay as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointError {
    /// A port goes only with an address that is announced and no source of subflows.
    Port,
    /// What is announced meets nobody by itself.
    SignalAndFullmesh,
    /// Only a subflow makes one that is implicit.
    Implicit,
    /// An implicit endpoint has this address, and keeps its number.
    ImplicitHasId,
    /// There is one for this address.
    Exists,
    /// Another one has this number.
    IdTaken,
    /// All numbers are in use.
    Full,
    /// There is none.
    NotFound,
    /// There is no memory for it.
    NoMemory,
}

/// How far the path manager goes with one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Subflows beside the first.
    pub extra_subflows: u8,
    /// Announcements of the peer that are acted on.
    pub accepted: u8,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            extra_subflows: 2,
            accepted: 0,
        }
    }
}

/// Endpoints of one namespace at most: as many as there are numbers.
const MOST: usize = 255;

/// The endpoints of a network namespace, in the order in which they are considered.
#[derive(Default)]
pub struct Endpoints {
    list: FVec<Endpoint>,
    /// No number below this is handed out by itself. 0 stands for 1.
    cursor: u8,
    /// The limits of its connections.
    pub limits: Limits,
}

/// Whether two addresses are one, an IPv4 address being the same when mapped into IPv6.
pub fn same(one: IpAddr, other: IpAddr) -> bool {
    one.to_canonical() == other.to_canonical()
}

impl Endpoints {
    /// The endpoints, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Endpoint> + Clone {
        self.list.iter()
    }

    /// The endpoint with this number.
    pub fn get(&self, id: AddrId) -> Option<&Endpoint> {
        self.list.iter().find(|one| one.id == id)
    }

    /// The first endpoint above this number: the list by numbers.
    pub fn above(&self, id: AddrId) -> Option<&Endpoint> {
        let above = self.list.iter().filter(|one| one.id.0 > id.0);
        above.min_by_key(|one| one.id.0)
    }

    /// The endpoint with this address, at the usual port.
    pub fn of(&self, addr: IpAddr) -> Option<&Endpoint> {
        self.at(addr, None)
    }

    /// The endpoint with this address. One with a port is meant only where that is named.
    pub fn at(&self, addr: IpAddr, port: Option<NonZeroU16>) -> Option<&Endpoint> {
        let is_it =
            |one: &&Endpoint| same(one.addr, addr) && (one.port.is_none() || one.port == port);
        self.list.iter().find(is_it)
    }

    /// How many may open subflows by themselves.
    pub fn sources(&self) -> usize {
        self.with(Flags::SUBFLOW)
    }

    /// How many have all of these flags.
    pub fn with(&self, flags: Flags) -> usize {
        self.list.iter().filter(|one| one.flags.has(flags)).count()
    }

    /// Adds one that a user configured; gives its number.
    pub fn add(&mut self, new: Endpoint) -> Result<AddrId, EndpointError> {
        new.check()?;
        self.insert(new)
    }

    /// The number of an address that a subflow happened to use; makes an endpoint of it if needed.
    pub fn implicit(&mut self, addr: IpAddr) -> Result<AddrId, EndpointError> {
        if let Some(known) = self.of(addr) {
            return Ok(known.id);
        }
        self.insert(Endpoint {
            id: AddrId::INITIAL,
            addr,
            port: None,
            flags: Flags::IMPLICIT,
            device: 0,
        })
    }

    fn insert(&mut self, mut new: Endpoint) -> Result<AddrId, EndpointError> {
        let given = new.id != AddrId::INITIAL;
        // In this order, as in-tree: programs see which error comes first.
        if self.list.len() >= MOST {
            return Err(EndpointError::Full);
        }
        if given && self.get(new.id).is_some() {
            return Err(EndpointError::IdTaken);
        }
        let twin = self.list.iter().position(|old| {
            // Ports tell endpoints apart as soon as one of the two has one.
            same(old.addr, new.addr) && old.port == new.port
        });
        if let Some(old) = twin.and_then(|at| self.list.get(at)).copied() {
            if !old.flags.has(Flags::IMPLICIT) {
                return Err(EndpointError::Exists);
            }
            if given {
                return Err(EndpointError::ImplicitHasId);
            }
            new.id = old.id;
            if let Some(slot) = twin.and_then(|at| self.list.get_mut(at)) {
                *slot = new;
            }
            return Ok(new.id);
        }
        let mut cursor = self.cursor;
        if cursor == u8::MAX {
            cursor = 1;
        }
        if !given {
            (new.id, cursor) = self.free_id(cursor).ok_or(EndpointError::Full)?;
        }
        let at = if new.port.is_some() {
            0
        } else {
            self.list.len()
        };
        let added = self.list.insert(at, new);
        added.map_err(|NoMemory| EndpointError::NoMemory)?;
        self.cursor = cursor.max(new.id.0);
        Ok(new.id)
    }

    /// The first number that is free from the cursor on, then from 1 on, and where the search began.
    fn free_id(&self, cursor: u8) -> Option<(AddrId, u8)> {
        let from = |first: u8| {
            let mut ids = first..=u8::MAX;
            let id = ids.find(|id| self.get(AddrId(*id)).is_none())?;
            Some((AddrId(id), first))
        };
        from(cursor.max(1)).or_else(|| from(1))
    }

    /// Removes one.
    pub fn remove(&mut self, id: AddrId) -> Result<Endpoint, EndpointError> {
        let at = self.list.iter().position(|one| one.id == id);
        let gone = at.and_then(|at| self.list.remove(at));
        gone.ok_or(EndpointError::NotFound)
    }

    /// Removes all; numbers begin at 1 again. Gives those that were there.
    pub fn flush(&mut self) -> FVec<Endpoint> {
        self.cursor = 0;
        core::mem::take(&mut self.list)
    }

    /// Changes the flags of an endpoint as [`Endpoints::set_flags`]; gives what it was and what it is.
    pub fn change(
        &mut self,
        which: Which,
        flags: Flags,
    ) -> Result<(Endpoint, Endpoint), EndpointError> {
        let found = match which {
            Which::Id(id) => self.get(id),
            Which::At(addr, port) => self.at(addr, port),
        };
        let old = *found.ok_or(EndpointError::NotFound)?;
        let new = self.set_flags(old.id, flags)?;
        Ok((old, new))
    }

    /// Changes what may be changed: backup and fullmesh. Gives the endpoint as it is now.
    pub fn set_flags(&mut self, id: AddrId, flags: Flags) -> Result<Endpoint, EndpointError> {
        let mut list = self.list.iter_mut();
        let one = list.find(|one| one.id == id);
        let one = one.ok_or(EndpointError::NotFound)?;
        let fixed = one.flags.has(Flags::SIGNAL) || one.flags.has(Flags::IMPLICIT);
        if flags.has(Flags::FULLMESH) && fixed {
            return Err(EndpointError::SignalAndFullmesh);
        }
        for flag in [Flags::BACKUP, Flags::FULLMESH] {
            one.flags = one.flags.with(flag, flags.has(flag));
        }
        Ok(*one)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::mem::refuse;
    use std::vec::Vec;

    fn endpoint(last: u8, flags: Flags) -> Endpoint {
        Endpoint {
            id: AddrId(0),
            addr: IpAddr::from([10, 0, 0, last]),
            port: None,
            flags,
            device: 0,
        }
    }

    fn with_id(last: u8, id: u8) -> Endpoint {
        Endpoint {
            id: AddrId(id),
            ..endpoint(last, Flags::SUBFLOW)
        }
    }

    #[test]
    fn numbers_go_up_and_begin_again() {
        let mut all = Endpoints::default();
        assert_eq!(all.add(with_id(1, 0)), Ok(AddrId(1)));
        assert_eq!(all.add(with_id(2, 10)), Ok(AddrId(10)));
        assert_eq!(all.add(with_id(3, 0)), Ok(AddrId(11)));
        // One that was given up is not taken while there are higher ones.
        assert!(all.remove(AddrId(11)).is_ok());
        assert_eq!(all.add(with_id(4, 255)), Ok(AddrId(255)));
        assert_eq!(all.add(with_id(5, 0)), Ok(AddrId(2)));
        // Having begun again, they go up from there.
        assert_eq!(all.add(with_id(6, 0)), Ok(AddrId(3)));
        assert!(all.remove(AddrId(2)).is_ok());
        assert_eq!(all.add(with_id(7, 0)), Ok(AddrId(4)));
        let mut ids = Vec::new();
        while let Some(next) = all.above(AddrId(ids.last().copied().unwrap_or(0))) {
            ids.push(next.id.0);
        }
        assert_eq!(ids, [1, 3, 4, 10, 255]);
        assert_eq!(all.flush().len(), 5);
        assert_eq!(all.add(with_id(1, 0)), Ok(AddrId(1)));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let mut all = Endpoints::default();
        let port = NonZeroU16::new(99);
        let odd = [
            (Flags::SUBFLOW, port, EndpointError::Port),
            (Flags(3), port, EndpointError::Port),
            (Flags(9), None, EndpointError::SignalAndFullmesh),
            (Flags::IMPLICIT, None, EndpointError::Implicit),
        ];
        for (flags, port, error) in odd {
            let new = Endpoint {
                port,
                ..endpoint(1, flags)
            };
            assert_eq!(all.add(new), Err(error));
        }
        assert_eq!(all.remove(AddrId(1)), Err(EndpointError::NotFound));
    }

    #[test]
    fn an_address_is_there_once_mapped_or_not() {
        let mut all = Endpoints::default();
        all.add(endpoint(1, Flags::SIGNAL)).unwrap();
        let mapped = Endpoint {
            addr: "::ffff:10.0.0.1".parse().unwrap(),
            ..endpoint(1, Flags::SUBFLOW)
        };
        assert_eq!(all.add(mapped), Err(EndpointError::Exists));
        assert_eq!(all.add(with_id(2, 1)), Err(EndpointError::IdTaken));
        // With a port it is another one, and comes first.
        let port = Endpoint {
            port: NonZeroU16::new(99),
            ..endpoint(1, Flags::SIGNAL)
        };
        assert_eq!(all.add(port), Ok(AddrId(2)));
        let order: Vec<u8> = all.iter().map(|one| one.id.0).collect();
        assert_eq!(order, [2, 1]);
        // It is found only with its port.
        let found = |port| {
            all.at(mapped.addr, NonZeroU16::new(port))
                .map(|one| one.id.0)
        };
        assert_eq!(
            (found(0), found(99), found(98)),
            (Some(1), Some(2), Some(1))
        );
    }

    #[test]
    fn an_implicit_endpoint_gives_way_to_one_that_is_configured() {
        let mut all = Endpoints::default();
        let addr = endpoint(1, Flags::IMPLICIT).addr;
        assert_eq!(all.implicit(addr), Ok(AddrId(1)));
        assert_eq!(all.implicit(addr), Ok(AddrId(1)));
        assert_eq!(all.add(with_id(1, 7)), Err(EndpointError::ImplicitHasId));
        assert_eq!(all.add(with_id(1, 1)), Err(EndpointError::IdTaken));
        assert_eq!(all.add(endpoint(1, Flags::SUBFLOW)), Ok(AddrId(1)));
        assert_eq!(all.get(AddrId(1)).unwrap().flags, Flags::SUBFLOW);
    }

    #[test]
    fn only_backup_and_fullmesh_change() {
        let mut all = Endpoints::default();
        all.add(endpoint(1, Flags::SUBFLOW)).unwrap();
        all.add(endpoint(2, Flags::SIGNAL)).unwrap();
        let now = all.set_flags(AddrId(1), Flags(0x3D)).unwrap();
        assert_eq!(now.flags, Flags(0x0E));
        let none = all.set_flags(AddrId(2), Flags::FULLMESH);
        assert_eq!(none, Err(EndpointError::SignalAndFullmesh));
    }

    #[test]
    fn all_numbers_can_be_used_and_no_more() {
        let mut all = Endpoints::default();
        for last in 0..255 {
            assert!(all.add(endpoint(last, Flags::SUBFLOW)).is_ok());
        }
        let more = all.add(endpoint(255, Flags::SUBFLOW));
        assert_eq!(more, Err(EndpointError::Full));
        assert_eq!(all.sources(), 255);
    }

    #[test]
    fn without_memory_nothing_changes() {
        let mut all = Endpoints::default();
        refuse::nth(0);
        let refused = all.add(endpoint(1, Flags::SUBFLOW));
        refuse::nothing();
        assert_eq!(refused, Err(EndpointError::NoMemory));
        assert_eq!(all.add(endpoint(1, Flags::SUBFLOW)), Ok(AddrId(1)));
    }
}
