// SPDX-License-Identifier: GPL-2.0

//! RFC 8684 3.2, our side: a TCP socket of its own for each further subflow, opened without waiting for it.

use super::act::Outcome;
use super::entry::Entry;
use super::msk::{now, Msk};
use super::netns;
use super::sockopt;
use super::subflow::{Locked, Subflow};
use crate::engine::join::LocalAddr;
use crate::engine::path_manager::policy::Place;
use crate::engine::path_manager::{Endpoint, Flags};
use crate::engine::{JoinRequest, Mib, SubflowId, SubflowTx};
use crate::sys::kernel_socket::{source_towards, BareSocket};
use crate::sys::msg::AddressBuf;
use crate::sys::random;
use crate::sys::sock::{Sock, AF_INET, AF_INET6};
use crate::sys::subflow;
use crate::wire::{AddrId, Nonce};
use core::net::{IpAddr, SocketAddr};
use core::num::NonZeroU16;
use kernel::prelude::*;
use kernel::sync::Arc;

/// Where a subflow is to start.
pub(super) struct Source {
    pub(super) addr: IpAddr,
    pub(super) port: Option<NonZeroU16>,
    pub(super) id: AddrId,
    pub(super) backup: bool,
    pub(super) device: u32,
}

/// Opens a subflow, from an endpoint or from where the route to the peer starts. Gives its number and that of our
/// address; what becomes of it comes as events. Process context, the socket locked, no subflow's lock held.
pub(super) fn join(
    sk: &Sock,
    msk: &Msk,
    from: Option<&Endpoint>,
    to: &Place,
) -> Option<(SubflowId, AddrId)> {
    let remote = remote(sk, to)?;
    let source = match from {
        Some(endpoint) => source_of(sk, msk, endpoint)?,
        None => routed(sk, msk, remote)?,
    };
    open(sk, msk, &source, remote, to.id).ok()
}

/// The address to connect to. Behind an IPv6 socket that is not for IPv6 alone IPv4 counts as well (uapi.md 7.11).
fn remote(sk: &Sock, to: &Place) -> Option<SocketAddr> {
    let addr = to.addr.to_canonical();
    let port = to.port?.get();
    fits(sk, addr).then(|| SocketAddr::new(addr, port))
}

/// Whether the connection of `sk` may have subflows of the family of `addr`.
pub(super) fn fits(sk: &Sock, addr: IpAddr) -> bool {
    match addr.to_canonical() {
        IpAddr::V4(_) => sk.family() == AF_INET || !sk.is_v6only(),
        IpAddr::V6(_) => sk.family() == AF_INET6,
    }
}

fn source_of(sk: &Sock, msk: &Msk, endpoint: &Endpoint) -> Option<Source> {
    let mut inner = msk.inner.lock();
    let id = inner.with_policy(sk, |policy, _| policy.id_of(endpoint))?;
    Some(Source {
        addr: endpoint.addr.to_canonical(),
        port: None,
        id,
        backup: endpoint.flags.has(Flags::BACKUP),
        device: endpoint.device,
    })
}

/// From the address that the route to `remote` starts at.
fn routed(sk: &Sock, msk: &Msk, remote: SocketAddr) -> Option<Source> {
    let found = source_towards(sk, &AddressBuf::new(remote, 0));
    // In-tree has TCP's connect find the route: it is that which fails.
    let found = found.inspect_err(|_| netns::of(sk).count(Mib::MPJoinSynTxConnectErr, 1));
    let addr = found.ok()?;
    let local = {
        let mut inner = msk.inner.lock();
        inner.with_policy(sk, |_, table| {
            super::joins::local_addr(sk, table, addr, None)
        })??
    };
    Some(Source {
        addr: addr.to_canonical(),
        port: None,
        id: local.id,
        backup: local.backup,
        device: 0,
    })
}

/// Opens a subflow from this very address. Otherwise as [`join`].
pub(super) fn open(
    sk: &Sock,
    msk: &Msk,
    source: &Source,
    remote: SocketAddr,
    remote_id: AddrId,
) -> Result<(SubflowId, AddrId)> {
    if source.addr.is_ipv4() != remote.is_ipv4() {
        return Err(EAFNOSUPPORT);
    }
    let ns = netns::of(sk);
    let count = |mib| {
        move |e: &Error| {
            let _errno = e;
            ns.count(mib, 1);
        }
    };
    let bare = bare_socket(sk, msk, source).inspect_err(count(Mib::MPJoinSynTxCreatSkErr))?;
    let port = source.port.map_or(0, NonZeroU16::get);
    let local = AddressBuf::new(SocketAddr::new(source.addr, port), source.device);
    bare.bind(local.get())
        .inspect_err(count(Mib::MPJoinSynTxBindErr))?;
    let (sf, tx) = begin(sk, msk, source, remote_id)?;
    let attached = attach(sk, msk, bare, sf, tx).inspect_err(count(Mib::MPJoinSynTxCreatSkErr));
    let begun = attached.and_then(|socket| {
        let mut locked = subflow::lock::<super::Mptcp>(socket.sock()).ok_or(EINVAL)?;
        let to = AddressBuf::new(remote, source.device);
        locked
            .connect(to.get())
            .inspect_err(count(Mib::MPJoinSynTxConnectErr))?;
        super::trace::opened(msk, sf, socket.sock(), true);
        Ok(())
    });
    // The policy hears of it from us: it does not know the subflow by its number yet.
    syn_sent(sk, msk, sf, begun.is_ok());
    begun.map(|()| (sf, source.id))
}

/// The TCP socket, with what programs have set.
fn bare_socket(sk: &Sock, msk: &Msk, source: &Source) -> Result<BareSocket> {
    let family = if source.addr.is_ipv4() {
        AF_INET
    } else {
        AF_INET6
    };
    let bare = BareSocket::open(sk, family)?;
    sockopt::inherit(sk, msk, bare.sock());
    if source.device != 0 {
        bare.bind_device(source.device)?;
    }
    Ok(bare)
}

/// Has the engine begin the subflow.
fn begin(
    sk: &Sock,
    msk: &Msk,
    source: &Source,
    remote_id: AddrId,
) -> Result<(SubflowId, SubflowTx)> {
    let request = JoinRequest {
        local: LocalAddr {
            id: source.id,
            backup: source.backup,
        },
        remote_id,
        nonce: Nonce::from_bytes(random::bytes()),
    };
    let asked = {
        let mut inner = msk.inner.lock();
        inner.ask(sk, msk, |conn, entries, _| {
            entries.reserve()?;
            conn.join(&request, now()).map_err(|_| ENOTCONN)
        })
    };
    let (answer, out) = asked.unwrap_or_else(|| (Err(ENOTCONN), Outcome::default()));
    out.finish(sk, msk);
    answer
}

/// Makes the TCP socket the subflow.
fn attach(
    sk: &Sock,
    msk: &Msk,
    bare: BareSocket,
    sf: SubflowId,
    tx: SubflowTx,
) -> Result<Arc<super::entry::OwnSocket>> {
    let subflow = Subflow::new(sk.hold(), Some(sf));
    let socket = Arc::new(bare.become_subflow(subflow, Locked::new(tx))?, GFP_KERNEL)?;
    let mut entry = Entry::new(sf, socket.sock().hold());
    entry.socket = Some(socket.clone());
    msk.inner.lock().subflows.push(entry)?;
    Ok(socket)
}

/// The SYN is out, or nothing will come of it.
fn syn_sent(sk: &Sock, msk: &Msk, sf: SubflowId, sent: bool) {
    let asked = {
        let mut inner = msk.inner.lock();
        let asked = inner.ask(sk, msk, |conn, _, now| conn.syn_sent(sf, sent, now));
        if !sent {
            inner.bury(sf);
        }
        asked
    };
    if let Some(((), out)) = asked {
        out.finish(sk, msk);
    }
    if !sent {
        msk.worker.queue();
    }
}
