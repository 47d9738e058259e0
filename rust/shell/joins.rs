// SPDX-License-Identifier: GPL-2.0

//! RFC 8684 3.2 at a listener: SYN, SYN/ACK and third ACK of a further subflow. Softirq throughout.
//!
//! As with MP_CAPABLE nothing is kept until the third ACK: TCP's saved SYN and the keys of the connection give the same
//! answer whenever it is computed. Only under SYN cookies the namespace remembers the join.

use super::entry::Entry;
use super::msk::Inner;
use super::netns::{self, Net};
use super::pm;
use super::sha256::KernelSha256;
use super::siphash::KernelSipHash;
use super::subflow::{Locked, Subflow};
use super::{msk, syn_ack, Mptcp};
use crate::engine::join::{
    answer_syn, prove_third_ack, syn_ack_options, Door, HalfJoin, JoinKeys, JoinSyn, LocalAddr,
    Refused,
};
use crate::engine::path_manager::endpoints::same;
use crate::engine::path_manager::{Endpoints, Flags, UserAddresses};
use crate::engine::{Ending, Event, JoinAck, Mib, SubflowId, SubflowTx};
use crate::sys::proto;
use crate::sys::request::Request;
use crate::sys::segment::{FourTuple, RxSegment, TxSegment};
use crate::sys::sock::Sock;
use crate::sys::stack::{Child, ThirdAck};
use crate::wire::keys::Stateless;
use crate::wire::{self, AddrId, Nonce, OptionSet, ResetReason, Token};
use core::net::IpAddr;
use core::num::NonZeroU16;
use kernel::prelude::*;
use kernel::sync::aref::ARef;

/// A join whose proof is right, while TCP makes its child.
pub(crate) struct Opening {
    /// The MPTCP socket that it joins.
    sk: ARef<Sock>,
    half: HalfJoin,
    nonce: Nonce,
    door: Door,
    /// The proof.
    proof: Option<wire::Join>,
    snt_isn: u32,
    rcv_isn: u32,
}

/// What a token leads to, seen from the address and port that a segment came to.
struct Met {
    sk: ARef<Sock>,
    keys: Option<JoinKeys>,
    local: Option<LocalAddr>,
    door: Door,
}

fn meet(ns: &Net, token: Token, addr: IpAddr, port: u16) -> Option<Met> {
    let sk = ns.tokens.find(token)?;
    let msk = proto::msk_of::<Mptcp>(&sk)?;
    let (keys, local, door) = {
        let mut inner = msk.inner.lock();
        let mut table = ns.endpoints().lock();
        (
            inner.conn.as_ref().and_then(|conn| conn.join_keys()),
            match inner.user.as_mut() {
                Some(list) => user_addr(&sk, list, addr),
                None => local_addr(&sk, &mut table, addr, NonZeroU16::new(port)),
            },
            door(&sk, &inner, addr, port),
        )
    };
    Some(Met {
        sk,
        keys,
        local,
        door,
    })
}

/// What the path manager knows of our address. `port` is the one that a peer came to.
pub(super) fn local_addr(
    sk: &Sock,
    table: &mut Endpoints,
    addr: IpAddr,
    port: Option<NonZeroU16>,
) -> Option<LocalAddr> {
    let endpoint = table.at(addr, port).copied();
    let backup = endpoint.is_some_and(|one| one.flags.has(Flags::BACKUP));
    let id = match endpoint {
        Some(one) if one.port.is_some() => one.id,
        _ if same(addr, sk.local_end().ip()) => AddrId::INITIAL,
        Some(one) => one.id,
        None => table.implicit(addr).ok()?,
    };
    Some(LocalAddr { id, backup })
}

/// What the program that manages the connection said of our address.
fn user_addr(sk: &Sock, list: &mut UserAddresses, addr: IpAddr) -> Option<LocalAddr> {
    let known = list.of(addr);
    let backup = known.is_some_and(|one| one.flags.has(Flags::BACKUP));
    let id = if same(addr, sk.local_end().ip()) {
        AddrId::INITIAL
    } else {
        list.implicit(addr).ok()?
    };
    Some(LocalAddr { id, backup })
}

fn door(sk: &Sock, inner: &Inner, addr: IpAddr, port: u16) -> Door {
    if port == sk.local_end().port() {
        return Door::Same;
    }
    let conn = inner.conn.as_ref();
    if conn.is_some_and(|conn| conn.announces(addr, port)) {
        Door::Announced
    } else {
        Door::Other
    }
}

/// A SYN that wants to join arrived at a listener, whose TCP socket is `tcp`. `Err` is the reason of the reset.
pub(super) fn syn(
    listener: &Sock,
    tcp: &Sock,
    segment: &RxSegment<'_>,
    join: &JoinSyn,
) -> Result<(), u8> {
    let ns = netns::of(listener);
    let met = meet(ns, join.token, segment.local_addr(), segment.header.dest);
    let cookie = tcp
        .syn_gets_cookie()
        .then(|| met.as_ref().is_some_and(|met| is_allowed(&met.sk)));
    let answer = match &met {
        Some(met) => answer_syn(join, met.keys, met.door, met.local, cookie),
        None => answer_syn(join, None, Door::Same, None, cookie),
    };
    for mib in answer.counted() {
        ns.count(mib, 1);
    }
    answer
        .verdict
        .map(|_half| ())
        .map_err(|reset| reset.reason.0)
}

/// Whether the path manager takes one more subflow.
fn is_allowed(sk: &Sock) -> bool {
    proto::msk_of::<Mptcp>(sk).is_some_and(|msk| allows_join(&mut msk.inner.lock(), sk))
}

fn allows_join(inner: &mut Inner, sk: &Sock) -> bool {
    if inner.user.is_some() {
        // The program that listens may close it again.
        return pm::events::is_heard(sk);
    }
    inner
        .with_policy(sk, |policy, table| policy.allows_join(table))
        .unwrap_or(false)
}

/// What every segment of a handshake shows.
fn stateless<'a>(ends: &'a FourTuple, peer_isn: u32, our_isn: u32) -> Stateless<'a> {
    Stateless {
        four_tuple: ends,
        peer_isn,
        our_isn,
        variant: 0,
    }
}

/// The options of the SYN/ACK that answers a join. With a SYN cookie the join is remembered.
pub(super) fn options(
    ns: &Net,
    segment: &TxSegment<'_>,
    join: &JoinSyn,
    cookie: bool,
) -> Option<OptionSet> {
    let header = &segment.header;
    let met = meet(ns, join.token, segment.local_addr(), header.source)?;
    let half = HalfJoin {
        syn: *join,
        local: met.local?,
    };
    let ends = segment.four_tuple();
    let handshake = stateless(&ends, header.ack_seq.wrapping_sub(1), header.seq);
    let nonce = handshake.nonce::<KernelSipHash>(&ns.secret);
    if cookie {
        ns.cookies
            .lock()
            .put(handshake.tag::<KernelSipHash>(&ns.secret), half);
    }
    Some(syn_ack_options::<KernelSha256>(&half, &met.keys?, nonce))
}

/// The join that a third ACK completes whose SYN nobody kept, if it is remembered.
pub(super) fn recall(ns: &Net, request: &Request, segment: &RxSegment<'_>) -> Option<JoinSyn> {
    let ends = segment.four_tuple();
    let tag =
        stateless(&ends, request.rcv_isn(), request.snt_isn()).tag::<KernelSipHash>(&ns.secret);
    let half = ns.cookies.lock().take(tag)?;
    Some(half.syn)
}

/// The third ACK of a join arrived: whether TCP shall make a child.
pub(super) fn third_ack(
    ns: &Net,
    request: &Request,
    segment: &RxSegment<'_>,
    options: &wire::Options,
    join: &JoinSyn,
) -> ThirdAck<syn_ack::Opening> {
    let (snt_isn, rcv_isn) = (request.snt_isn(), request.rcv_isn());
    let ends = segment.four_tuple();
    let nonce = stateless(&ends, rcv_isn, snt_isn).nonce::<KernelSipHash>(&ns.secret);
    let met = meet(ns, join.token, segment.local_addr(), segment.header.dest);
    let Some(Met {
        sk,
        keys: Some(keys),
        local: Some(local),
        door,
    }) = met
    else {
        // The connection is over, or the address is gone.
        return ThirdAck::Refuse(Some(ResetReason::MPTCP.0));
    };
    let half = HalfJoin { syn: *join, local };
    if let Err(refused) = prove_third_ack::<KernelSha256>(options, &half, &keys, nonce) {
        return ThirdAck::Refuse(Some(refuse(ns, &refused)));
    }
    if !ns.promise_stray() {
        ns.count(Mib::MPJoinAckNoCtx, 1);
        return ThirdAck::Refuse(Some(ResetReason::RESOURCES.0));
    }
    ThirdAck::Join(syn_ack::Opening::Join(Opening {
        sk,
        half,
        nonce,
        door,
        proof: options.join,
        snt_isn,
        rcv_isn,
    }))
}

fn refuse(ns: &Net, refused: &Refused) -> u8 {
    if let Some(mib) = refused.counter {
        ns.count(mib, 1);
    }
    refused.reset.reason.0
}

/// TCP made the child of a join. Not inlined: a connection is built on the stack of the caller.
#[inline(never)]
pub(super) fn opened(opening: &Opening, child: &Sock) -> Child<Mptcp> {
    let sk = &opening.sk;
    let ns = netns::of(sk);
    match take_in(opening, child) {
        Ok((sf, tx)) => {
            ns.forget_stray();
            if let Some(msk) = proto::msk_of::<Mptcp>(sk) {
                super::trace::opened(msk, sf, child, false);
            }
            let subflow =
                Subflow::new(sk.clone(), Some(sf)).with_isns(opening.snt_isn, opening.rcv_isn);
            Child::Subflow(subflow, Locked::new(tx))
        }
        Err(reason) => {
            ns.take_stray(child);
            Child::Refused(reason)
        }
    }
}

/// Has the engine take the subflow in. `Err` is the reason of the reset.
fn take_in(opening: &Opening, child: &Sock) -> Result<(SubflowId, SubflowTx), u8> {
    let sk: &Sock = &opening.sk;
    let options = wire::Options {
        join: opening.proof,
        ..wire::Options::default()
    };
    let msk = proto::msk_of::<Mptcp>(sk).ok_or(ResetReason::MPTCP.0)?;
    let (answer, out) = {
        let mut inner = msk.inner.lock();
        let allowed = allows_join(&mut inner, sk);
        let ack = JoinAck {
            half: opening.half,
            nonce: opening.nonce,
            door: opening.door,
            allowed,
            options: &options,
        };
        let asked = inner.ask(sk, msk, |conn, entries, now| {
            if entries.reserve().is_err() {
                return Err(refuse(netns::of(sk), &Refused::NO_MEMORY));
            }
            let accepted = conn.accept_join(&ack, now);
            let (sf, tx) = accepted.map_err(|refused| refuse(netns::of(sk), &refused))?;
            let mut entry = Entry::new(sf, child.hold());
            entry.child = true;
            // There is room.
            let _pushed = entries.push(entry);
            Ok((sf, tx))
        });
        let (answer, out) = asked.ok_or(ResetReason::MPTCP.0)?;
        if let Ok((sf, _)) = &answer {
            // Without memory for it one more is let in.
            let local = opening.half.local.id;
            let _noted = inner.with_policy(sk, |policy, _| policy.joined(*sf, local));
        }
        (answer, out)
    };
    out.finish_in_softirq(sk, msk);
    answer
}

/// TCP made no child after all.
pub(super) fn not_made(opening: &Opening) {
    netns::of(&opening.sk).forget_stray();
}

/// There was no memory to make the child a subflow.
pub(super) fn not_opened(sk: &Sock, msk: &msk::Msk, sf: SubflowId) {
    netns::of(sk).count(Mib::MPJoinAckNoCtx, 1);
    let out = {
        let mut inner = msk.inner.lock();
        let ending = Ending::Local;
        let out = inner.step(sk, msk, Event::SubflowClosed { sf, ending });
        inner.bury(sf);
        out
    };
    out.finish_in_softirq(sk, msk);
    msk.worker.queue();
}
