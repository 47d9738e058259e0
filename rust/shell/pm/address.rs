// SPDX-License-Identifier: GPL-2.0

//! Addresses in answers of path managers (`MPTCP_PM_ADDR_ATTR_*`).

use crate::engine::path_manager::command::{attr, family_of, part};
use crate::engine::path_manager::Endpoint;
use crate::sys::netlink::Fields;
use core::num::NonZeroU16;
use kernel::prelude::*;

/// Writes an endpoint, in an order that programs count on.
pub(super) fn write(fields: &mut Fields<'_>, endpoint: &Endpoint) -> Result {
    fields.nested(attr::ADDR, |fields| {
        fields.u16(part::FAMILY, family_of(endpoint.addr))?;
        fields.u16(part::PORT, endpoint.port.map_or(0, NonZeroU16::get))?;
        fields.u8(part::ID, endpoint.id.0)?;
        fields.u32(part::FLAGS, endpoint.flags.0.into())?;
        if endpoint.device != 0 {
            fields.u32(part::IF_IDX, endpoint.device)?;
        }
        fields.address(part::ADDR4, part::ADDR6, endpoint.addr)
    })
}
