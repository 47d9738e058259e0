// SPDX-License-Identifier: GPL-2.0

//! Path managers: what `ip mptcp` and mptcpd ask for, and what they are told (family `mptcp_pm` of generic netlink).
//!
//! | what | file |
//! |---|---|
//! | addresses in messages | `address.rs` |
//! | endpoints and limits of a namespace | `endpoints.rs` |
//! | listeners at their ports | `ports.rs` |
//! | what their changes mean to connections | `live.rs` |
//! | commands on one connection | `user.rs` |
//! | events | `events.rs` |
//!
//! The policy is the engine's (`engine/path_manager/`); here it is stored, asked, and obeyed.

use super::netns::Net;
use crate::sys::netlink::{Dump, Request};
use kernel::prelude::*;

mod address;
mod endpoints;
pub(super) mod events;
mod live;
mod ports;
mod user;

/// Commands (`MPTCP_PM_CMD_*`).
mod command {
    pub(super) const ADD_ADDR: u8 = 1;
    pub(super) const DEL_ADDR: u8 = 2;
    pub(super) const GET_ADDR: u8 = 3;
    pub(super) const FLUSH_ADDRS: u8 = 4;
    pub(super) const SET_LIMITS: u8 = 5;
    pub(super) const GET_LIMITS: u8 = 6;
    pub(super) const SET_FLAGS: u8 = 7;
    pub(super) const ANNOUNCE: u8 = 8;
    pub(super) const REMOVE: u8 = 9;
    pub(super) const SUBFLOW_CREATE: u8 = 10;
    pub(super) const SUBFLOW_DESTROY: u8 = 11;
}

/// Attributes of commands (`MPTCP_PM_ATTR_*`, `MPTCP_PM_ENDPOINT_ADDR`).
mod attr {
    pub(super) const ADDR: u16 = 1;
    pub(super) const RCV_ADD_ADDRS: u16 = 2;
    pub(super) const SUBFLOWS: u16 = 3;
    pub(super) const TOKEN: u16 = 4;
    pub(super) const LOC_ID: u16 = 5;
    pub(super) const ADDR_REMOTE: u16 = 6;
}

pub(super) use self::ports::PortListeners;

/// Carries out a command.
pub(super) fn command(net: &Net, request: &Request<'_>) -> Result {
    match request.command() {
        command::ADD_ADDR => endpoints::add(net, request),
        command::DEL_ADDR => endpoints::remove(net, request),
        command::GET_ADDR => endpoints::get(net, request),
        command::FLUSH_ADDRS => endpoints::flush(net),
        command::SET_LIMITS => endpoints::set_limits(net, request),
        command::GET_LIMITS => endpoints::limits(net, request),
        command::SET_FLAGS => endpoints::set_flags(net, request),
        command::ANNOUNCE => user::announce(net, request),
        command::REMOVE => user::remove(net, request),
        command::SUBFLOW_CREATE => user::create(net, request),
        command::SUBFLOW_DESTROY => user::destroy(net, request),
        _ => Err(EOPNOTSUPP),
    }
}

/// Adds to a list of addresses.
pub(super) fn list(net: &Net, dump: &mut Dump<'_>) -> Result {
    endpoints::list(net, dump)
}
