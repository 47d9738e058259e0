// SPDX-License-Identifier: GPL-2.0

//! Commands on the endpoints and limits of a namespace: the in-kernel path manager (`ip mptcp endpoint`, `limits`).

use super::address;
use super::live;
use super::ports::PortListener;
use crate::engine::path_manager::command::{attr, At};
use crate::engine::path_manager::{Endpoint, EndpointError, Flags, Limits, Which};
use crate::shell::netns::Net;
use crate::sys::netlink::{Dump, Request};
use crate::wire::AddrId;
use core::net::IpAddr;
use core::num::NonZeroU16;
use kernel::prelude::*;

/// ADD_ADDR.
pub(super) fn add(net: &Net, request: &Request<'_>, new: Endpoint, at: At) -> Result {
    let listener = open_port(net, request, &new)?;
    let added = net.endpoints().lock().add(new);
    if let Ok(id) = added {
        if let Some(listener) = listener {
            net.port_listeners.lock().add(id, listener);
        }
        live::tell_all(net, |_| {});
    }
    added.map(|_| ()).map_err(|error| {
        let errno = errno(error);
        let code = errno.to_errno();
        match error {
            EndpointError::Port => request.explain(
                Some(at),
                format_args!("a port needs the flag signal, and not the flag subflow"),
            ),
            EndpointError::SignalAndFullmesh => request.explain(
                Some(at),
                format_args!("the flags signal and fullmesh exclude each other"),
            ),
            EndpointError::Implicit => request.explain(
                Some(at),
                format_args!("endpoints become implicit by themselves only"),
            ),
            EndpointError::NoMemory => request.explain(None, format_args!("no memory")),
            _ => request.explain(
                None,
                format_args!("too many endpoints, or one of this kind exists: {code}"),
            ),
        }
        errno
    })
}

/// Listens at the port of an endpoint that has one and makes sense.
fn open_port(net: &Net, request: &Request<'_>, new: &Endpoint) -> Result<Option<PortListener>> {
    let Some(port) = new.port.filter(|_| new.check().is_ok()) else {
        return Ok(None);
    };
    let opened = net.port_listeners.lock().reserve();
    let opened = opened.and_then(|()| PortListener::open(net, new, port));
    opened.map(Some).inspect_err(|e| {
        let code = e.to_errno();
        request.explain(None, format_args!("nobody can listen at this port: {code}"));
    })
}

fn errno(error: EndpointError) -> Error {
    match error {
        EndpointError::Exists => EEXIST,
        EndpointError::IdTaken => EBUSY,
        EndpointError::Full => ERANGE,
        EndpointError::NoMemory => ENOMEM,
        EndpointError::Port
        | EndpointError::SignalAndFullmesh
        | EndpointError::Implicit
        | EndpointError::ImplicitHasId
        | EndpointError::NotFound => EINVAL,
    }
}

/// DEL_ADDR.
pub(super) fn remove(net: &Net, request: &Request<'_>, id: AddrId, at: At) -> Result {
    let removed = net.endpoints().lock().remove(id);
    let gone = removed.map_err(|_| {
        request.explain(Some(at), format_args!("no endpoint has this id"));
        EINVAL
    })?;
    live::tell_all(net, |policy| policy.on_endpoint_removed(&gone));
    net.port_listeners.lock().close(gone.id);
    Ok(())
}

/// DEL_ADDR of the first address of each connection, which is no endpoint by its number.
pub(super) fn remove_first(net: &Net, place: Option<(IpAddr, Option<NonZeroU16>)>) {
    if let Some((addr, port)) = place {
        live::tell_all(net, |policy| policy.on_first_removed(addr, port));
    }
}

/// GET_ADDR, of one.
pub(super) fn get(net: &Net, request: &Request<'_>, id: AddrId, at: At) -> Result {
    let found = net.endpoints().lock().get(id).copied();
    let endpoint = found.ok_or_else(|| {
        request.explain(Some(at), format_args!("no endpoint has this id"));
        EINVAL
    })?;
    request.reply(|fields| address::write(fields, &endpoint))
}

/// GET_ADDR, of all.
pub(super) fn list(net: &Net, dump: &mut Dump<'_>) -> Result {
    loop {
        let [last, ..] = *dump.progress();
        let above = AddrId(u8::try_from(last).unwrap_or(u8::MAX));
        let next = net.endpoints().lock().above(above).copied();
        let Some(endpoint) = next else {
            return Ok(());
        };
        if dump
            .add(|fields| address::write(fields, &endpoint))
            .is_err()
        {
            return Ok(());
        }
        let [last, ..] = dump.progress();
        *last = endpoint.id.0.into();
    }
}

/// FLUSH_ADDRS.
pub(super) fn flush(net: &Net) -> Result {
    let gone = net.endpoints().lock().flush();
    if !gone.is_empty() {
        live::tell_all(net, |policy| {
            gone.iter().for_each(|endpoint| policy.on_flushed(endpoint));
        });
        net.port_listeners.lock().close_all();
    }
    Ok(())
}

/// SET_LIMITS.
pub(super) fn set_limits(net: &Net, accepted: Option<u8>, extra_subflows: Option<u8>) {
    let limits = &mut net.endpoints().lock().limits;
    limits.accepted = accepted.unwrap_or(limits.accepted);
    limits.extra_subflows = extra_subflows.unwrap_or(limits.extra_subflows);
}

/// GET_LIMITS.
pub(super) fn limits(net: &Net, request: &Request<'_>) -> Result {
    let Limits {
        extra_subflows,
        accepted,
    } = net.endpoints().lock().limits;
    request.reply(|fields| {
        fields.u32(attr::RCV_ADD_ADDRS, accepted.into())?;
        fields.u32(attr::SUBFLOWS, extra_subflows.into())
    })
}

/// SET_FLAGS.
pub(super) fn set_flags(
    net: &Net,
    request: &Request<'_>,
    which: Which,
    flags: Flags,
    at: At,
) -> Result {
    let changed = net.endpoints().lock().change(which, flags);
    let (old, new) = changed.map_err(|error| {
        let why = match error {
            EndpointError::NotFound => "there is no such endpoint",
            _ => "an endpoint with flag signal or implicit cannot be fullmesh",
        };
        request.explain(Some(at), format_args!("{why}"));
        errno(error)
    })?;
    let differs = |flag| old.flags.has(flag) != new.flags.has(flag);
    live::tell_all(net, |policy| {
        if differs(Flags::BACKUP) {
            policy.on_backup(&new);
        }
        if differs(Flags::FULLMESH) {
            policy.on_fullmesh(&new);
        }
    });
    Ok(())
}
