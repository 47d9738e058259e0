// SPDX-License-Identifier: GPL-2.0

//! Path managers: what `ip mptcp` and mptcpd ask for, and what they are told (family `mptcp_pm` of generic netlink).
//!
//! | what | file |
//! |---|---|
//! | addresses in answers | `address.rs` |
//! | endpoints and limits of a namespace | `endpoints.rs` |
//! | listeners at their ports | `ports.rs` |
//! | what their changes mean to connections | `live.rs` |
//! | commands on one connection | `user.rs` |
//! | events | `events.rs` |
//!
//! The policy is the engine's (`engine/path_manager/`), and so is what commands mean; here it is stored, asked, and obeyed.

use super::netns::Net;
use crate::engine::path_manager::command::{decode, decode_list, Command, Refusal};
use crate::sys::netlink::{Dump, Request};
use kernel::prelude::*;

mod address;
mod endpoints;
pub(super) mod events;
mod live;
mod ports;
mod user;

pub(super) use self::ports::PortListeners;

/// Carries out a command.
pub(super) fn command(net: &Net, request: &Request<'_>) -> Result {
    let command = decode(request.command(), request.attributes());
    match command.map_err(|no| refuse(request, no))? {
        Command::Add { new, at } => endpoints::add(net, request, new, at),
        Command::Remove { id, at } => endpoints::remove(net, request, id, at),
        Command::RemoveFirst { place } => {
            endpoints::remove_first(net, place);
            Ok(())
        }
        Command::Get { id, at } => endpoints::get(net, request, id, at),
        Command::Flush => endpoints::flush(net),
        Command::SetLimits {
            accepted,
            extra_subflows,
        } => {
            endpoints::set_limits(net, accepted, extra_subflows);
            Ok(())
        }
        Command::Limits => endpoints::limits(net, request),
        Command::SetFlags { which, flags, at } => {
            endpoints::set_flags(net, request, which, flags, at)
        }
        Command::Of(of) => user::command(net, request, &of),
    }
}

/// Adds to a list of addresses.
pub(super) fn list(net: &Net, dump: &mut Dump<'_>) -> Result {
    let of = decode_list(dump.request.attributes());
    match of.map_err(|no| refuse(&dump.request, no))? {
        Some((token, at)) => user::list(net, dump, token, at),
        None => endpoints::list(net, dump),
    }
}

/// Says why a command is not carried out.
fn refuse(request: &Request<'_>, no: Refusal) -> Error {
    match no {
        Refusal::Unknown => EOPNOTSUPP,
        Refusal::Short => ERANGE,
        Refusal::Missing(number) => {
            request.miss(number);
            EINVAL
        }
        Refusal::Senseless { at, why } => {
            request.explain(at, format_args!("{why}"));
            EINVAL
        }
        Refusal::Nameless { at } => {
            request.explain(Some(at), format_args!("neither id nor address is given"));
            EOPNOTSUPP
        }
    }
}
