// SPDX-License-Identifier: GPL-2.0

//! The addresses of one connection whose paths a program manages: what it used, and what it announced.

use super::endpoints::same;
use super::endpoints::Endpoint;
use super::endpoints::EndpointError;
use super::endpoints::Flags;
use crate::engine::mem::FVec;
use crate::engine::mem::NoMemory;
use crate::wire::AddrId;
use core::net::IpAddr;

/// Our addresses on one connection, in the order in which they came.
#[derive(Default)]
pub struct UserAddresses {
    list: FVec<Endpoint>,
}

impl UserAddresses {
    /// The addresses, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Endpoint> {
        self.list.iter()
    }

    /// The first address with this number.
    pub fn get(&self, id: AddrId) -> Option<&Endpoint> {
        self.list.iter().find(|one| one.id == id)
    }

    /// The first entry for this address, whatever its port.
    pub fn of(&self, addr: IpAddr) -> Option<&Endpoint> {
        self.list.iter().find(|one| same(one.addr, addr))
    }

    /// Notes that an address is used by this very number, 0 included. An address keeps its number, and a number its
    /// address.
    pub fn add(&mut self, new: Endpoint) -> Result<(), EndpointError> {
        let is_twin = |old: &Endpoint| same(old.addr, new.addr) && old.port == new.port;
        let mut list = self.list.iter();
        match list.find(|old| is_twin(old) || old.id == new.id) {
            Some(old) if is_twin(old) && old.id == new.id => Ok(()),
            Some(old) if is_twin(old) => Err(EndpointError::Exists),
            Some(_) => Err(EndpointError::IdTaken),
            None => self.push(new),
        }
    }

    /// The number of an address that a subflow happened to use; the lowest that is free if it has none.
    pub fn implicit(&mut self, addr: IpAddr) -> Result<AddrId, EndpointError> {
        if let Some(known) = self.of(addr) {
            return Ok(known.id);
        }
        let free = |id: &u8| self.get(AddrId(*id)).is_none();
        let id = (1..=u8::MAX).find(free).ok_or(EndpointError::Full)?;
        self.push(Endpoint {
            id: AddrId(id),
            addr,
            port: None,
            flags: Flags::IMPLICIT,
            device: 0,
        })?;
        Ok(AddrId(id))
    }

    fn push(&mut self, new: Endpoint) -> Result<(), EndpointError> {
        let pushed = self.list.push(new);
        pushed.map_err(|NoMemory| EndpointError::NoMemory)
    }

    /// Forgets the address with this number.
    pub fn remove(&mut self, id: AddrId) -> Option<Endpoint> {
        let at = self.list.iter().position(|one| one.id == id)?;
        self.list.remove(at)
    }

    /// Forgets the first entry for this address.
    pub fn remove_of(&mut self, addr: IpAddr) -> Option<Endpoint> {
        let at = self.list.iter().position(|one| same(one.addr, addr))?;
        self.list.remove(at)
    }

    /// Subflows from this address are to be backups, or no longer.
    pub fn set_backup(&mut self, addr: IpAddr, backup: bool) {
        let mut list = self.list.iter_mut();
        if let Some(one) = list.find(|one| same(one.addr, addr)) {
            one.flags = one.flags.with(Flags::BACKUP, backup);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::num::NonZeroU16;

    fn used(last: u8, id: u8) -> Endpoint {
        Endpoint {
            id: AddrId(id),
            addr: IpAddr::from([10, 0, 0, last]),
            port: None,
            flags: Flags::SUBFLOW,
            device: 0,
        }
    }

    #[test]
    fn an_address_keeps_its_number_and_a_number_its_address() {
        let mut all = UserAddresses::default();
        assert_eq!(all.add(used(1, 7)), Ok(()));
        assert_eq!(all.add(used(1, 7)), Ok(()));
        assert_eq!(all.add(used(1, 8)), Err(EndpointError::Exists));
        assert_eq!(all.add(used(2, 7)), Err(EndpointError::IdTaken));
        assert_eq!(all.iter().count(), 1);
        // The same address at another port is another one.
        let port = Endpoint {
            port: NonZeroU16::new(99),
            ..used(1, 8)
        };
        assert_eq!(all.add(port), Ok(()));
        assert_eq!(all.add(used(3, 0)), Ok(()));
        assert_eq!(all.get(AddrId(0)).unwrap().addr, used(3, 0).addr);
    }

    #[test]
    fn what_a_subflow_happened_to_use_gets_the_lowest_number() {
        let mut all = UserAddresses::default();
        all.add(used(1, 1)).unwrap();
        assert_eq!(all.implicit(used(9, 0).addr), Ok(AddrId(2)));
        assert_eq!(all.implicit(used(9, 0).addr), Ok(AddrId(2)));
        assert_eq!(
            all.implicit("::ffff:10.0.0.1".parse().unwrap()),
            Ok(AddrId(1))
        );
        assert_eq!(all.get(AddrId(2)).unwrap().flags, Flags::IMPLICIT);
        assert!(all.remove(AddrId(1)).is_some());
        assert!(all.remove(AddrId(1)).is_none());
        assert_eq!(all.implicit(used(8, 0).addr), Ok(AddrId(1)));
    }

    #[test]
    fn backup_is_a_matter_of_the_address() {
        let mut all = UserAddresses::default();
        all.add(used(1, 1)).unwrap();
        all.set_backup(used(1, 0).addr, true);
        all.set_backup(used(2, 0).addr, true);
        assert!(all.get(AddrId(1)).unwrap().flags.has(Flags::BACKUP));
        all.set_backup(used(1, 0).addr, false);
        assert_eq!(all.get(AddrId(1)).unwrap().flags, Flags::SUBFLOW);
        assert!(all.remove_of(used(1, 0).addr).is_some());
        assert!(all.remove_of(used(1, 0).addr).is_none());
    }

    #[test]
    fn all_numbers_can_be_used_and_no_more() {
        let mut all = UserAddresses::default();
        for last in 0..255 {
            assert!(all.implicit(used(last, 0).addr).is_ok());
        }
        assert_eq!(all.implicit(used(255, 0).addr), Err(EndpointError::Full));
    }
}
