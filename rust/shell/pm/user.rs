// SPDX-License-Identifier: GPL-2.0

//! Commands on one connection whose paths a program manages (mptcpd, `pm_nl_ctl`): announce, withdraw, open, close.

use super::{address, refuse};
use crate::engine::path_manager::command::{At, OfConnection, Wish};
use crate::engine::path_manager::{Endpoint, EndpointError, Flags, UserAddresses};
use crate::engine::{Connection, Mib, SubflowId};
use crate::shell::entry::Entries;
use crate::shell::msk::{now, Inner, Msk};
use crate::shell::netns::{self, Net};
use crate::shell::open::{self, Source};
use crate::shell::paths;
use crate::shell::Mptcp;
use crate::sys::netlink::{Dump, Request};
use crate::sys::proto;
use crate::sys::skb::Skb;
use crate::sys::sock::Sock;
use crate::wire::{AddrId, RemoveAddr, Token};
use core::net::SocketAddr;
use kernel::prelude::*;
use kernel::sync::aref::ARef;

/// The connection that a command names by its token.
struct Managed(ARef<Sock>);

impl Managed {
    fn find(net: &Net, request: &Request<'_>, token: Token, at: At) -> Result<Self> {
        let refuse = |why: &str| {
            request.explain(Some(at), format_args!("{why}"));
            EINVAL
        };
        let sk = net.tokens.find(token);
        let found = Self(sk.ok_or_else(|| refuse("no connection has this token"))?);
        if found.msk()?.shared.is_fallback() {
            return Err(refuse("the connection is plain TCP"));
        }
        let is_managed = found.msk()?.inner.lock().user.is_some();
        if !is_managed {
            return Err(refuse(
                "the paths of this connection are left to the kernel",
            ));
        }
        Ok(found)
    }

    fn msk(&self) -> Result<&Msk> {
        proto::msk_of::<Mptcp>(&self.0).ok_or(EINVAL)
    }

    /// What the connection keeps for its program.
    fn addresses<R>(&self, f: impl FnOnce(&mut UserAddresses) -> Result<R>) -> Result<R> {
        let mut inner = self.msk()?.inner.lock();
        f(inner.user.as_mut().ok_or(EINVAL)?)
    }

    /// Has the engine do something, with the socket locked.
    fn command(&self, f: impl FnOnce(&mut Connection<Skb>)) -> Result {
        let guard = self.0.lock();
        paths::command(&self.0, self.msk()?, f);
        drop(guard);
        Ok(())
    }

    fn withdraw(&self, id: AddrId) -> Result {
        let gone = RemoveAddr::new(&[id]).ok_or(EINVAL)?;
        self.command(|conn| conn.withdraw(&gone, now()))
    }

    /// Whether a subflow starts at our address of this number.
    fn uses(&self, id: AddrId) -> Result<bool> {
        let inner = self.msk()?.inner.lock();
        let conn = inner.conn.as_ref().ok_or(EINVAL)?;
        let local = |sf| conn.ends(sf).map(|ends| ends.local_id);
        let used = inner
            .subflows
            .iter()
            .any(|entry| local(entry.id) == Some(id));
        Ok(used)
    }
}

/// Notes that an address is used by this number; says so if it is known by another one.
fn note(connection: &Managed, request: &Request<'_>, at: At, new: Endpoint) -> Result {
    let noted = connection.addresses(|list| Ok(list.add(new)))?;
    noted.map_err(|error| match error {
        EndpointError::NoMemory => ENOMEM,
        _ => {
            let why = "this address has another id, or this id another address";
            request.explain(Some(at), format_args!("{why}"));
            EINVAL
        }
    })
}

/// Carries out a command on a connection.
pub(super) fn command(net: &Net, request: &Request<'_>, of: &OfConnection) -> Result {
    let found = Managed::find(net, request, of.token, of.at);
    let connection = &found.inspect_err(|_| {
        if let Ok(Wish::Get { at, .. }) = of.wish {
            miss_address(request, at);
        }
    })?;
    match of.wish.map_err(|no| refuse(request, no))? {
        Wish::Announce { new, at } => announce(connection, request, new, at),
        Wish::Withdraw { id, at } => remove(connection, request, id, at),
        Wish::Create { from, to, at } => create(connection, request, &from, &to, at),
        Wish::Destroy { from, to } => destroy(connection, request, &from, &to),
        Wish::SetBackup { from, to, backup } => set_backup(connection, request, &from, &to, backup),
        Wish::Get { id, at } => get(connection, request, id, at),
    }
}

/// ANNOUNCE.
fn announce(connection: &Managed, request: &Request<'_>, new: Endpoint, at: At) -> Result {
    note(connection, request, at, new)?;
    connection.command(|conn| {
        // As in-tree: one that cannot be sent is no error.
        let _unsent = conn.announce(new.id, new.addr, new.port, now());
    })
}

/// REMOVE.
fn remove(connection: &Managed, request: &Request<'_>, id: AddrId, at: At) -> Result {
    let used = connection.uses(id)?;
    let known = if id == AddrId::INITIAL {
        used
    } else {
        connection.addresses(|list| Ok(list.remove(id).is_some()))?
    };
    if !known {
        request.explain(Some(at), format_args!("no address has id {}", id.0));
        return Err(EINVAL);
    }
    let announced = {
        let inner = connection.msk()?.inner.lock();
        inner
            .conn
            .as_ref()
            .is_some_and(|conn| conn.is_announced(id))
    };
    if used || announced {
        connection.withdraw(id)?;
    }
    Ok(())
}

/// SUBFLOW_CREATE.
fn create(
    connection: &Managed,
    request: &Request<'_>,
    from: &Endpoint,
    to: &Endpoint,
    at: At,
) -> Result {
    if !open::fits(&connection.0, to.addr) {
        request.explain(None, format_args!("the socket is of another family"));
        return Err(EINVAL);
    }
    note(connection, request, at, *from)?;
    let source = Source {
        addr: from.addr.to_canonical(),
        port: from.port,
        id: from.id,
        backup: from.flags.has(Flags::BACKUP),
        device: from.device,
    };
    let (sk, msk) = (&connection.0, connection.msk()?);
    let port = to.port.map_or(sk.remote_end().port(), |port| port.get());
    let remote = SocketAddr::new(to.addr.to_canonical(), port);
    let opened = {
        let _guard = sk.lock();
        open::open(sk, msk, &source, remote, to.id)
    };
    opened.map(|_| ()).inspect_err(|e| {
        let code = e.to_errno();
        request.explain(None, format_args!("the connect fails: {code}"));
        let _kept = connection.addresses(|list| Ok(list.remove_of(from.addr)));
    })
}

/// SUBFLOW_DESTROY.
fn destroy(connection: &Managed, request: &Request<'_>, from: &Endpoint, to: &Endpoint) -> Result {
    let sf = {
        let inner = connection.msk()?.inner.lock();
        between(&inner.subflows, from, to, |_| true)
    };
    let Some(sf) = sf else {
        request.explain(None, format_args!("there is no such subflow"));
        return Err(ESRCH);
    };
    connection.addresses(|list| Ok(list.remove_of(from.addr)))?;
    netns::of(&connection.0).count(Mib::RmSubflow, 1);
    connection.command(|conn| {
        conn.close_subflow(sf, now());
    })
}

/// The first subflow between two addresses, at their ports where they have any, that `is_it` finds good.
fn between(
    subflows: &Entries,
    from: &Endpoint,
    to: &Endpoint,
    is_it: impl Fn(SubflowId) -> bool,
) -> Option<SubflowId> {
    let fits = |end: SocketAddr, wanted: &Endpoint| {
        let port = wanted.port.is_none_or(|port| port.get() == end.port());
        port && end.ip().to_canonical() == wanted.addr.to_canonical()
    };
    let mut all = subflows.iter();
    let found = all.find(|entry| {
        fits(entry.ssk.local_end(), from) && fits(entry.ssk.remote_end(), to) && is_it(entry.id)
    });
    found.map(|entry| entry.id)
}

/// SET_FLAGS of a connection: whether a subflow is a backup.
fn set_backup(
    connection: &Managed,
    request: &Request<'_>,
    from: &Endpoint,
    to: &Endpoint,
    backup: bool,
) -> Result {
    connection.addresses(|list| {
        list.set_backup(from.addr, backup);
        Ok(())
    })?;
    let sf = {
        let inner = connection.msk()?.inner.lock();
        between(&inner.subflows, from, to, |sf| is_open(&inner, sf))
    };
    let sf = sf.ok_or_else(|| {
        request.explain(None, format_args!("there is no such subflow"));
        EINVAL
    })?;
    connection.command(|conn| {
        conn.set_priority(sf, backup, now());
    })
}

fn is_open(inner: &Inner, sf: SubflowId) -> bool {
    inner.conn.as_ref().is_some_and(|conn| conn.is_open(sf))
}

/// GET_ADDR of a connection, of one.
fn get(connection: &Managed, request: &Request<'_>, id: AddrId, at: At) -> Result {
    let address = connection.addresses(|list| list.get(id).copied().ok_or(EINVAL));
    let address = address.inspect_err(|_| miss_address(request, at))?;
    request.reply(|fields| address::write(fields, &address))
}

fn miss_address(request: &Request<'_>, at: At) {
    let why = "no address of such a connection has this id";
    request.explain(Some(at), format_args!("{why}"));
}

/// GET_ADDR of a connection, of all: each number once.
pub(super) fn list(net: &Net, dump: &mut Dump<'_>, token: Token, at: At) -> Result {
    let connection = Managed::find(net, &dump.request, token, at)?;
    loop {
        let listed = *dump.progress();
        let next = connection.addresses(|list| {
            let mut list = list.iter();
            Ok(list.find(|one| !is_listed(&listed, one.id)).copied())
        })?;
        let Some(address) = next else {
            return Ok(());
        };
        let added = dump.add(|fields| address::write(fields, &address));
        if added.is_err() {
            return Ok(());
        }
        let (word, bit) = place(address.id);
        if let Some(word) = dump.progress().get_mut(word) {
            *word |= bit;
        }
    }
}

fn place(id: AddrId) -> (usize, u64) {
    (usize::from(id.0 / 64), 1 << (id.0 % 64))
}

fn is_listed(listed: &[u64; 4], id: AddrId) -> bool {
    let (word, bit) = place(id);
    listed.get(word).is_some_and(|word| word & bit != 0)
}
