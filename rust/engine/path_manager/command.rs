// SPDX-License-Identifier: GPL-2.0

//! What programs ask of path managers: a command of the family `mptcp_pm` of generic netlink, with its attributes, becomes
//! a [`Command`], or a [`Refusal`] that says what is wrong with it and where.
//!
//! What is wrong is found in the order in which in-tree finds it, because programs see which error comes first.

use super::endpoints::Endpoint;
use super::endpoints::Flags;
use super::endpoints::Which;
use crate::wire::netlink::Attr;
use crate::wire::netlink::Attrs;
use crate::wire::netlink::Short;
use crate::wire::AddrId;
use crate::wire::Token;
use core::net::IpAddr;
use core::num::NonZeroU16;

/// Commands (`MPTCP_PM_CMD_*`).
pub mod number {
    /// An endpoint more.
    pub const ADD_ADDR: u8 = 1;
    /// An endpoint less.
    pub const DEL_ADDR: u8 = 2;
    /// One endpoint, or all.
    pub const GET_ADDR: u8 = 3;
    /// No endpoints any more.
    pub const FLUSH_ADDRS: u8 = 4;
    /// Other limits.
    pub const SET_LIMITS: u8 = 5;
    /// The limits.
    pub const GET_LIMITS: u8 = 6;
    /// Other flags, of an endpoint or of a subflow.
    pub const SET_FLAGS: u8 = 7;
    /// Tell the peer of an address.
    pub const ANNOUNCE: u8 = 8;
    /// Tell the peer that it is gone.
    pub const REMOVE: u8 = 9;
    /// Open a subflow.
    pub const SUBFLOW_CREATE: u8 = 10;
    /// Close a subflow.
    pub const SUBFLOW_DESTROY: u8 = 11;
}

/// Attributes of commands (`MPTCP_PM_ATTR_*`, `MPTCP_PM_ENDPOINT_ADDR`).
pub mod attr {
    /// Our address.
    pub const ADDR: u16 = 1;
    /// A limit: announcements that are acted on.
    pub const RCV_ADD_ADDRS: u16 = 2;
    /// A limit: subflows beside the first.
    pub const SUBFLOWS: u16 = 3;
    /// The connection that is meant.
    pub const TOKEN: u16 = 4;
    /// The number of an address of ours.
    pub const LOC_ID: u16 = 5;
    /// The peer's address.
    pub const ADDR_REMOTE: u16 = 6;
    /// One more than the last of them.
    pub(super) const NUMBERS: usize = 7;
}

/// Parts of addresses (`MPTCP_PM_ADDR_ATTR_*`).
pub mod part {
    /// The address family.
    pub const FAMILY: u16 = 1;
    /// The number of the address.
    pub const ID: u16 = 2;
    /// An IPv4 address.
    pub const ADDR4: u16 = 3;
    /// An IPv6 address.
    pub const ADDR6: u16 = 4;
    /// The port.
    pub const PORT: u16 = 5;
    /// What it is for.
    pub const FLAGS: u16 = 6;
    /// The device.
    pub const IF_IDX: u16 = 7;
    /// One more than the last of them.
    pub(super) const NUMBERS: usize = 8;
}

/// Address families as messages number them.
pub mod family {
    /// IPv4.
    pub const INET: u16 = 2;
    /// IPv6.
    pub const INET6: u16 = 10;
}

/// The highest of each limit.
pub const LIMIT_MAX: u8 = 64;

/// Where an attribute is: octets from the first one of the message.
pub type At = usize;

/// What a program wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// An endpoint more.
    Add {
        /// That one.
        new: Endpoint,
        /// Where it was said.
        at: At,
    },
    /// The endpoint with this number is to go.
    Remove {
        /// Its number.
        id: AddrId,
        /// Where it was said.
        at: At,
    },
    /// The first address of connections is to go, which is no endpoint by its number; without an address nothing is.
    RemoveFirst {
        /// The address, and its port if that matters.
        place: Option<(IpAddr, Option<NonZeroU16>)>,
    },
    /// The endpoint with this number is to be told.
    Get {
        /// Its number.
        id: AddrId,
        /// Where it was said.
        at: At,
    },
    /// All endpoints are to go.
    Flush,
    /// Other limits.
    SetLimits {
        /// Announcements that are acted on.
        accepted: Option<u8>,
        /// Subflows beside the first.
        extra_subflows: Option<u8>,
    },
    /// The limits are to be told.
    Limits,
    /// Other flags for an endpoint.
    SetFlags {
        /// Which endpoint.
        which: Which,
        /// The flags.
        flags: Flags,
        /// Where it was said.
        at: At,
    },
    /// Something about one connection, whose paths a program manages. That it is there is to be seen to first.
    Of(OfConnection),
}

/// What a program wants of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfConnection {
    /// The connection.
    pub token: Token,
    /// Where that was said.
    pub at: At,
    /// What it is to do.
    pub wish: Result<Wish, Refusal>,
}

/// What one connection is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Tell the peer of an address.
    Announce {
        /// The address.
        new: Endpoint,
        /// Where it was said.
        at: At,
    },
    /// Tell the peer that an address is gone.
    Withdraw {
        /// Its number.
        id: AddrId,
        /// Where it was said.
        at: At,
    },
    /// Open a subflow.
    Create {
        /// From here.
        from: Endpoint,
        /// To there; at the usual port without one.
        to: Endpoint,
        /// Where the first of the two was said.
        at: At,
    },
    /// Close a subflow. Both addresses have ports.
    Destroy {
        /// From here.
        from: Endpoint,
        /// To there.
        to: Endpoint,
    },
    /// Make a subflow a backup, or no longer.
    SetBackup {
        /// From here.
        from: Endpoint,
        /// To there.
        to: Endpoint,
        /// Which of the two.
        backup: bool,
    },
    /// Tell the address with this number.
    Get {
        /// Its number.
        id: AddrId,
        /// Where it was said.
        at: At,
    },
}

/// Why a request is not looked at any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such command.
    Unknown,
    /// A value has too few octets.
    Short,
    /// An attribute is missing.
    Missing(u16),
    /// It makes no sense.
    Senseless {
        /// The attribute that is to blame.
        at: Option<At>,
        /// Why.
        why: &'static str,
    },
    /// Of which endpoint it speaks is not said.
    Nameless {
        /// The attribute that should say it.
        at: At,
    },
}

impl From<Short> for Refusal {
    fn from(Short: Short) -> Self {
        Self::Short
    }
}

fn senseless(attr: Attr<'_>, why: &'static str) -> Refusal {
    let at = Some(attr.at());
    Refusal::Senseless { at, why }
}

type Level<'a> = Attrs<'a, { attr::NUMBERS }>;

/// Reads a command and its attributes.
pub fn decode(command: u8, attributes: &[u8]) -> Result<Command, Refusal> {
    let all = Attrs::parse(attributes);
    match command {
        number::ADD_ADDR => add(&all),
        number::DEL_ADDR => remove(&all),
        number::GET_ADDR => get(&all),
        number::FLUSH_ADDRS => Ok(Command::Flush),
        number::SET_LIMITS => set_limits(&all),
        number::GET_LIMITS => Ok(Command::Limits),
        number::SET_FLAGS => set_flags(&all),
        number::ANNOUNCE => {
            let attr = need(&all, attr::ADDR)?;
            of_connection(&all, || announce(attr))
        }
        number::REMOVE => {
            let attr = need(&all, attr::LOC_ID)?;
            let (id, at) = (AddrId(attr.u8()?), attr.at());
            of_connection(&all, || Ok(Wish::Withdraw { id, at }))
        }
        number::SUBFLOW_CREATE => {
            let ends = both_ends(&all)?;
            of_connection(&all, || create(ends))
        }
        number::SUBFLOW_DESTROY => {
            let ends = both_ends(&all)?;
            of_connection(&all, || destroy(ends))
        }
        _ => Err(Refusal::Unknown),
    }
}

/// Reads what a list is wanted of: a connection, or else the namespace.
pub fn decode_list(attributes: &[u8]) -> Result<Option<(Token, At)>, Refusal> {
    let all: Level<'_> = Attrs::parse(attributes);
    let token = all.get(attr::TOKEN).map(|attr| token(attr));
    token.transpose()
}

fn need<'a>(all: &Level<'a>, number: u16) -> Result<Attr<'a>, Refusal> {
    all.get(number).ok_or(Refusal::Missing(number))
}

fn token(attr: Attr<'_>) -> Result<(Token, At), Refusal> {
    Ok((Token(attr.u32()?), attr.at()))
}

fn both_ends<'a>(all: &Level<'a>) -> Result<[Attr<'a>; 2], Refusal> {
    Ok([need(all, attr::ADDR)?, need(all, attr::ADDR_REMOTE)?])
}

fn of_connection(
    all: &Level<'_>,
    wish: impl FnOnce() -> Result<Wish, Refusal>,
) -> Result<Command, Refusal> {
    let (token, at) = token(need(all, attr::TOKEN)?)?;
    let wish = wish();
    Ok(Command::Of(OfConnection { token, at, wish }))
}

fn add(all: &Level<'_>) -> Result<Command, Refusal> {
    let attr = need(all, attr::ADDR)?;
    let (new, at) = (Given::read(attr)?.endpoint(attr)?, attr.at());
    Ok(Command::Add { new, at })
}

fn remove(all: &Level<'_>) -> Result<Command, Refusal> {
    let attr = need(all, attr::ADDR)?;
    let given = Given::read(attr)?;
    if given.id == AddrId::INITIAL {
        let place = given.addr.map(|addr| (addr, given.port));
        return Ok(Command::RemoveFirst { place });
    }
    let (id, at) = (given.id, attr.at());
    Ok(Command::Remove { id, at })
}

fn get(all: &Level<'_>) -> Result<Command, Refusal> {
    let attr = need(all, attr::ADDR)?;
    let (id, at) = (Given::read(attr)?.id, attr.at());
    if all.get(attr::TOKEN).is_some() {
        return of_connection(all, || Ok(Wish::Get { id, at }));
    }
    Ok(Command::Get { id, at })
}

fn set_limits(all: &Level<'_>) -> Result<Command, Refusal> {
    let read = |number| {
        let Some(attr) = all.get(number) else {
            return Ok(None);
        };
        let limit = u8::try_from(attr.u32()?).ok();
        let limit = limit.filter(|limit| *limit <= LIMIT_MAX);
        let refusal = || senseless(attr, "a limit is at most 64");
        limit.map(Some).ok_or_else(refusal)
    };
    Ok(Command::SetLimits {
        accepted: read(attr::RCV_ADD_ADDRS)?,
        extra_subflows: read(attr::SUBFLOWS)?,
    })
}

fn set_flags(all: &Level<'_>) -> Result<Command, Refusal> {
    let attr = need(all, attr::ADDR)?;
    let given = Given::read(attr)?;
    if all.get(attr::TOKEN).is_some() {
        let to = need(all, attr::ADDR_REMOTE)?;
        return of_connection(all, || set_backup(&given, [attr, to]));
    }
    let at = attr.at();
    let which = match given.addr {
        Some(addr) => Which::At(addr, given.port),
        None if given.id == AddrId::INITIAL => return Err(Refusal::Nameless { at }),
        None => Which::Id(given.id),
    };
    let flags = given.flags;
    Ok(Command::SetFlags { which, flags, at })
}

fn announce(attr: Attr<'_>) -> Result<Wish, Refusal> {
    let (new, at) = (Given::read(attr)?.endpoint(attr)?, attr.at());
    if new.id == AddrId::INITIAL {
        return Err(senseless(attr, "an id above 0 is needed"));
    }
    if !new.flags.has(Flags::SIGNAL) {
        return Err(senseless(attr, WRONG_FLAGS));
    }
    Ok(Wish::Announce { new, at })
}

const WRONG_FLAGS: &str = "these flags make no sense here";

fn create([attr, to]: [Attr<'_>; 2]) -> Result<Wish, Refusal> {
    let mut from = Given::read(attr)?.endpoint(attr)?;
    if from.flags.has(Flags::SIGNAL) {
        return Err(senseless(attr, WRONG_FLAGS));
    }
    from.flags = from.flags.with(Flags::SUBFLOW, true);
    let to = Given::read(to)?.endpoint(to)?;
    of_one_family(&from, &to)?;
    let at = attr.at();
    Ok(Wish::Create { from, to, at })
}

fn destroy([attr, to_attr]: [Attr<'_>; 2]) -> Result<Wish, Refusal> {
    let from = Given::read(attr)?.endpoint(attr)?;
    let to = Given::read(to_attr)?.endpoint(to_attr)?;
    of_one_family(&from, &to)?;
    if from.port.is_none() {
        return Err(senseless(attr, "the local port is missing"));
    }
    if to.port.is_none() {
        return Err(senseless(to_attr, "the remote port is missing"));
    }
    Ok(Wish::Destroy { from, to })
}

fn of_one_family(from: &Endpoint, to: &Endpoint) -> Result<(), Refusal> {
    if from.addr.to_canonical().is_ipv4() == to.addr.to_canonical().is_ipv4() {
        return Ok(());
    }
    let why = "both addresses must be of one family";
    Err(Refusal::Senseless { at: None, why })
}

fn set_backup(given: &Given, [attr, to]: [Attr<'_>; 2]) -> Result<Wish, Refusal> {
    let from = given.endpoint(attr)?;
    let to = Given::read(to)?.endpoint(to)?;
    let backup = from.flags.has(Flags::BACKUP);
    Ok(Wish::SetBackup { from, to, backup })
}

/// An address as a program gives it, which may be a mere number.
struct Given {
    id: AddrId,
    addr: Option<IpAddr>,
    port: Option<NonZeroU16>,
    flags: Flags,
    device: u32,
}

impl Given {
    fn read(attr: Attr<'_>) -> Result<Self, Refusal> {
        let parts: Attrs<'_, { part::NUMBERS }> = attr.nested();
        let flags = value(&parts, part::FLAGS, Attr::u32)?;
        Ok(Self {
            id: AddrId(value(&parts, part::ID, Attr::u8)?),
            addr: ip(attr, &parts)?,
            port: NonZeroU16::new(value(&parts, part::PORT, Attr::u16)?),
            flags: Flags::known(flags),
            device: value(&parts, part::IF_IDX, Attr::u32)?,
        })
    }

    /// The address itself with what is said of it; there must be one.
    fn endpoint(&self, attr: Attr<'_>) -> Result<Endpoint, Refusal> {
        let missing = || senseless(attr, "the address family is missing");
        Ok(Endpoint {
            id: self.id,
            addr: self.addr.ok_or_else(missing)?,
            port: self.port,
            flags: self.flags,
            device: self.device,
        })
    }
}

/// A part of an address, or 0 where there is none.
fn value<'a, T: Default>(
    parts: &Attrs<'a, { part::NUMBERS }>,
    which: u16,
    read: impl FnOnce(&Attr<'a>) -> Result<T, Short>,
) -> Result<T, Short> {
    parts
        .get(which)
        .map_or(Ok(T::default()), |attr| read(&attr))
}

fn ip(attr: Attr<'_>, parts: &Attrs<'_, { part::NUMBERS }>) -> Result<Option<IpAddr>, Refusal> {
    let Some(family) = parts.get(part::FAMILY) else {
        return Ok(None);
    };
    let missing = || senseless(attr, "the address itself is missing");
    let addr = match family.u16()? {
        family::INET => parts.get(part::ADDR4).ok_or_else(missing)?.v4()?,
        family::INET6 => parts.get(part::ADDR6).ok_or_else(missing)?.v6()?,
        _ => return Err(senseless(attr, "the address is neither IPv4 nor IPv6")),
    };
    Ok(Some(addr))
}

/// The family of an address as messages number it.
pub fn family_of(addr: IpAddr) -> u16 {
    match addr {
        IpAddr::V4(_) => family::INET,
        IpAddr::V6(_) => family::INET6,
    }
}

#[cfg(test)]
mod tests;
