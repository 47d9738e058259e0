// SPDX-License-Identifier: GPL-2.0

//! Addresses in messages of path managers (`MPTCP_PM_ADDR_ATTR_*`).

use super::attr;
use crate::engine::path_manager::{Endpoint, Flags};
use crate::sys::netlink::{Attr, Attrs, Fields, Request};
use crate::wire::AddrId;
use core::net::IpAddr;
use core::num::NonZeroU16;
use kernel::prelude::*;

const FAMILY: u16 = 1;
const ID: u16 = 2;
const ADDR4: u16 = 3;
const ADDR6: u16 = 4;
const PORT: u16 = 5;
const FLAGS: u16 = 6;
const IF_IDX: u16 = 7;
/// One more than the last of them.
const NUMBERS: usize = 8;

/// Flags that have a meaning; others vanish.
const KNOWN_FLAGS: u32 = 0x3f;

/// Address families as messages number them.
mod family {
    pub(super) const INET: u16 = 2;
    pub(super) const INET6: u16 = 10;
}

/// An address as a program gives it.
pub(super) struct Given {
    pub(super) id: AddrId,
    pub(super) addr: Option<IpAddr>,
    pub(super) port: Option<NonZeroU16>,
    pub(super) flags: Flags,
    pub(super) device: u32,
}

impl Given {
    /// Reads an address that may be a mere number.
    pub(super) fn read(request: &Request<'_>, attr: Attr<'_>) -> Result<Self> {
        let parts: Attrs<'_, NUMBERS> = attr.nested()?;
        let flags = number(&parts, FLAGS, Attr::u32)? & KNOWN_FLAGS;
        Ok(Self {
            id: AddrId(number(&parts, ID, Attr::u8)?),
            addr: ip(request, attr, &parts)?,
            port: NonZeroU16::new(number(&parts, PORT, Attr::u16)?),
            flags: Flags(u8::try_from(flags)?),
            device: number(&parts, IF_IDX, Attr::u32)?,
        })
    }

    /// The address itself with what is said of it; there must be one.
    pub(super) fn endpoint(&self, request: &Request<'_>, attr: Attr<'_>) -> Result<Endpoint> {
        Ok(Endpoint {
            id: self.id,
            addr: self.ip(request, attr)?,
            port: self.port,
            flags: self.flags,
            device: self.device,
        })
    }

    fn ip(&self, request: &Request<'_>, attr: Attr<'_>) -> Result<IpAddr> {
        self.addr.ok_or_else(|| {
            request.explain(Some(attr), format_args!("the address family is missing"));
            EINVAL
        })
    }
}

/// A part of an address, or 0 where there is none.
fn number<'a, T: Default>(
    parts: &Attrs<'a, NUMBERS>,
    which: u16,
    read: impl FnOnce(Attr<'a>) -> Result<T>,
) -> Result<T> {
    parts.get(which).map_or(Ok(T::default()), read)
}

fn ip(request: &Request<'_>, attr: Attr<'_>, parts: &Attrs<'_, NUMBERS>) -> Result<Option<IpAddr>> {
    let Some(family) = parts.get(FAMILY) else {
        return Ok(None);
    };
    let wrong = |what: &str| {
        request.explain(Some(attr), format_args!("{what}"));
        EINVAL
    };
    let missing = || wrong("the address itself is missing");
    match family.u16()? {
        family::INET => parts.get(ADDR4).ok_or_else(missing)?.v4().map(Some),
        family::INET6 => parts.get(ADDR6).ok_or_else(missing)?.v6().map(Some),
        _ => Err(wrong("the address is neither IPv4 nor IPv6")),
    }
}

/// The family of an address as messages number it.
pub(super) fn family_of(addr: IpAddr) -> u16 {
    match addr {
        IpAddr::V4(_) => family::INET,
        IpAddr::V6(_) => family::INET6,
    }
}

/// Writes an endpoint, in an order that programs count on.
pub(super) fn write(fields: &mut Fields<'_>, endpoint: &Endpoint) -> Result {
    fields.nested(attr::ADDR, |fields| {
        fields.u16(FAMILY, family_of(endpoint.addr))?;
        fields.u16(PORT, endpoint.port.map_or(0, NonZeroU16::get))?;
        fields.u8(ID, endpoint.id.0)?;
        fields.u32(FLAGS, endpoint.flags.0.into())?;
        if endpoint.device != 0 {
            fields.u32(IF_IDX, endpoint.device)?;
        }
        fields.address(ADDR4, ADDR6, endpoint.addr)
    })
}
