// SPDX-License-Identifier: GPL-2.0

//! bind(2) and connect(2).

use super::entry::Entry;
use super::mib::set_state;
use super::msk::{now, Msk};
use super::netns;
use super::send_queue::SendQueue;
use super::sha256::KernelSha256;
use super::sockopt::Parting;
use super::subflow::{Locked, Subflow};
use super::Mptcp;
use crate::engine::{Connection, KeyMaterial, Mib, SubflowId, SubflowTx};
use crate::sys::kernel_socket::KernelSocket;
use crate::sys::msg::{Address, Msg};
use crate::sys::proto;
use crate::sys::random;
use crate::sys::skb::Skb;
use crate::sys::slab;
use crate::sys::sock::{state, Sock};
use crate::sys::subflow;
use crate::wire::{Key, Token};
use kernel::prelude::*;
use kernel::sync::aref::ARef;
use kernel::sync::Arc;

/// How often a key is drawn again because its token is taken.
const KEY_TRIES: u32 = 4;

/// The first subflow's TCP socket: opened on first need. The socket is locked and in CLOSE or LISTEN.
pub(super) fn first_socket(sk: &Sock, msk: &Msk) -> Result<ARef<Sock>> {
    if !matches!(sk.state(), state::CLOSE | state::LISTEN) {
        return Err(EINVAL);
    }
    if let Some(ssk) = msk.first_ssk() {
        return Ok(ssk);
    }
    let socket = KernelSocket::<Mptcp>::open(sk, |_| {
        let subflow = Subflow::new(sk.hold(), Some(SubflowId::FIRST));
        Ok((subflow, Locked::new(SubflowTx::plain())))
    })?;
    super::sockopt::inherit(sk, msk, socket.sock());
    super::sockopt::inherit_reuse(sk, socket.sock());
    let ssk = socket.sock().hold();
    let socket = Arc::new(socket, GFP_KERNEL)?;
    msk.inner.lock().first = Some(socket);
    Ok(ssk)
}

/// Has the namespace's hooks see what this socket sends without passing `queue_xmit`. The socket is locked.
pub(super) fn need_hooks(sk: &Sock, msk: &Msk) -> Result {
    if !msk.options.hooked() {
        netns::of(sk).attach_hooks()?;
        msk.options.set_hooked(true);
    }
    Ok(())
}

/// bind(2).
pub(super) fn bind(sk: &Sock, msk: &Msk, addr: Address<'_>) -> Result {
    let guard = sk.lock();
    let ssk = first_socket(sk, msk)?;
    let result = with_first(msk, |first| first.bind(addr));
    if result.is_ok() {
        proto::copy_addresses(sk, &ssk);
    }
    drop(guard);
    result
}

/// Runs `f` on the socket of the first subflow, without the connection's lock: its operations sleep.
///
/// The socket is locked, so nobody takes it away meanwhile.
pub(super) fn with_first<R>(
    msk: &Msk,
    f: impl FnOnce(&KernelSocket<Mptcp>) -> Result<R>,
) -> Result<R> {
    let first = msk.inner.lock().first.clone().ok_or(EINVAL)?;
    f(&first)
}

/// A key of our own, with its token reserved in the namespace; nothing if none is to be had.
fn draw_key(sk: &Sock) -> Option<KeyMaterial> {
    (0..KEY_TRIES)
        .map(|_| KeyMaterial::derive::<KernelSha256>(Key::from_bytes(random::bytes())))
        .find(|keys| netns::of(sk).tokens.insert(keys.token, sk).is_ok())
}

/// What a connection starts from: the engine's two halves and the keys.
struct Start {
    conn: KBox<Connection<Skb>>,
    tx: SubflowTx,
    material: KeyMaterial,
    token: Option<Token>,
}

/// Decides with the namespace whether to offer MPTCP, and makes the engine's halves.
fn start(sk: &Sock, msk: &Msk, ssk: &Sock) -> Result<Start> {
    let ns = netns::of(sk);
    let config = ns.config().with_scheduler(msk.options.scheduler());
    let keys = if ns.may_offer(ssk) {
        let keys = draw_key(sk);
        if keys.is_none() {
            ns.count(Mib::MPFallbackTokenInit, 1);
        }
        keys
    } else {
        None
    };
    let material = keys
        .unwrap_or_else(|| KeyMaterial::derive::<KernelSha256>(Key::from_bytes(random::bytes())));
    let (conn, tx) = match keys {
        Some(keys) => (
            Connection::active(config, keys, &msk.shared, now()),
            SubflowTx::active(&config, keys),
        ),
        None => (
            Connection::plain(config, material, &msk.shared, now()),
            SubflowTx::plain(),
        ),
    };
    let conn = conn
        .ok()
        .and_then(|conn| slab::boxed(&slab::CONNECTIONS, conn, GFP_KERNEL).ok());
    let Some(conn) = conn else {
        if let Some(keys) = keys {
            ns.tokens.remove(keys.token);
        }
        return Err(ENOMEM);
    };
    Ok(Start {
        conn,
        tx,
        material,
        token: keys.map(|keys| keys.token),
    })
}

/// Makes everything ready for the SYN. The socket is locked; on an error call [`give_up`].
fn prepare(sk: &Sock, msk: &Msk, ssk: &ARef<Sock>) -> Result {
    let Start {
        conn,
        tx,
        material,
        token,
    } = start(sk, msk, ssk)?;
    {
        let mut inner = msk.inner.lock();
        inner.conn = Some(conn);
        inner.tx = SendQueue::new(material.idsn.advance(1));
        inner.token = token;
        inner.gone = false;
        inner.connecting = true;
        inner.held = None;
        let entry = Entry::new(SubflowId::FIRST, ssk.clone());
        inner.subflows.push(entry)?;
    }
    msk.options.set_parting(Parting::Due);
    msk.set_token(token);
    set_state(sk, state::SYN_SENT);
    let mut locked = subflow::lock::<Mptcp>(ssk).ok_or(EINVAL)?;
    if locked.sock().state() != state::CLOSE {
        return Err(EINVAL);
    }
    *locked.locked() = Locked::new(tx);
    Ok(())
}

/// Frees the `struct socket` of the first subflow, once it is connected: its operations have done what they were for.
/// From then on the subflow borrows the program's, as one does that TCP made. The socket is locked.
///
/// One that a program has bound keeps it, so that it can stay bound after a disconnect; and so does one that was a
/// listener, because somebody may still be about to wake up on it.
#[inline]
pub(super) fn part(sk: &Sock, msk: &Msk) {
    if msk.options.may_part() && sk.state() == state::ESTABLISHED {
        part_once(sk, msk);
        msk.options.set_parting(Parting::Done);
    }
}

fn part_once(sk: &Sock, msk: &Msk) -> Option<()> {
    let ssk = {
        let inner = msk.inner.lock();
        let first = inner.first.as_ref()?;
        inner.subflows.get(SubflowId::FIRST)?;
        first.sock().hold()
    };
    if ssk.is_bound_by_program() {
        return None;
    }
    let mut locked = subflow::lock::<Mptcp>(&ssk)?;
    let first = msk.inner.lock().first.take()?;
    // The socket is locked, so that nobody else has it.
    let first = Arc::into_unique_or_drop(first)?;
    {
        let mut inner = msk.inner.lock();
        let entry = inner.subflows.get_mut(SubflowId::FIRST)?;
        (entry.child, entry.lent) = (true, true);
    }
    KernelSocket::part(first, &mut locked, sk);
    Some(())
}

/// Takes back what [`prepare`] did. The socket is locked.
fn give_up(sk: &Sock, msk: &Msk) {
    super::close::forget_connection(sk, msk);
    super::close::reset_first(msk);
    set_state(sk, state::CLOSE);
}

/// connect(2). The socket is locked.
pub(super) fn connect(sk: &Sock, msk: &Msk, addr: Address<'_>) -> Result {
    let ssk = first_socket(sk, msk)?;
    if addr.may_be_mapped() {
        need_hooks(sk, msk)?;
    }
    let result = prepare(sk, msk, &ssk).and_then(|()| {
        let mut locked = subflow::lock::<Mptcp>(&ssk).ok_or(EINVAL)?;
        locked.connect(addr)
    });
    match result {
        Ok(()) => {
            super::trace::opened(msk, SubflowId::FIRST, &ssk, true);
            proto::copy_addresses(sk, &ssk);
            sk.defer_connect(ssk.defers_connect());
            if sk.defers_connect() {
                with_first(msk, |first| {
                    first.set_connecting(true);
                    Ok(())
                })?;
            }
        }
        Err(_) => give_up(sk, msk),
    }
    result
}

/// sendmsg(2) with MSG_FASTOPEN, or the first one after TCP_FASTOPEN_CONNECT: TCP puts what it can on the SYN. The
/// socket is locked. `Ok` with how much that was.
///
/// Those bytes have no place in the data sequence space (uapi.md 7.10).
pub(super) fn fast_open(sk: &Sock, msk: &Msk, msg: &mut Msg<'_>) -> Result<usize> {
    let deferred = sk.defers_connect();
    let ssk = if deferred {
        msk.first_ssk().ok_or(EINVAL)?
    } else {
        let ssk = first_socket(sk, msk)?;
        if msg.address().may_be_mapped() {
            need_hooks(sk, msk)?;
        }
        prepare(sk, msk, &ssk).inspect_err(|_| give_up(sk, msk))?;
        ssk
    };
    let result = {
        let mut locked = subflow::lock::<Mptcp>(&ssk).ok_or(EINVAL)?;
        locked.send_on_syn(msg, deferred)
    };
    sk.defer_connect(false);
    match result {
        Ok(bytes) => {
            super::trace::opened(msk, SubflowId::FIRST, &ssk, true);
            proto::copy_addresses(sk, &ssk);
            sk.set_connecting();
            Ok(bytes)
        }
        Err(e) => {
            give_up(sk, msk);
            Err(e)
        }
    }
}
