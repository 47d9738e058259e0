// SPDX-License-Identifier: GPL-2.0

//! The passive handshake, without state: SYN, SYN/ACK and third ACK at a listener. Softirq throughout.

use super::entry::Entry;
use super::joins;
use super::msk::{now, Inner, Msk};
use super::netns;
use super::send_queue::SendQueue;
use super::sha256::KernelSha256;
use super::siphash::KernelSipHash;
use super::subflow::{Locked, Subflow};
use super::Mptcp;
use crate::engine::fast_open::EarlyOpen;
use crate::engine::initiate::{
    accept_third_ack, answer_syn, syn_ack_options, ListenPolicy, PassiveOpen, SynAnswer, SynOffer,
    ThirdAck as Answer,
};
use crate::engine::join::JoinSyn;
use crate::engine::{mapping, Config, Connection, KeyMaterial, Mib, Shared, SubflowId, SubflowTx};
use crate::sys::percpu::CpuNote;
use crate::sys::proto;
use crate::sys::request::Request;
use crate::sys::segment::{FourTuple, RxSegment, TxSegment};
use crate::sys::skb::Skb;
use crate::sys::slab;
use crate::sys::sock::{self, Sock};
use crate::sys::stack::{Child, Origin, ThirdAck};
use crate::sys::subflow::SubflowLocked;
use crate::wire::keys::{Stateless, SECRET};
use crate::wire::{self, Capable, Join, Key, OptionSet, ResetReason, SegmentKind};
use kernel::prelude::*;
use kernel::sync::aref::ARef;
use kernel::sync::atomic::ordering;

/// What a SYN at a listener asked for, while TCP answers it on the same CPU.
#[derive(Clone)]
pub(super) struct Note {
    asked: Asked,
    listener: ARef<Sock>,
}

/// What a SYN asked for.
#[derive(Clone, Copy)]
enum Asked {
    /// A connection.
    Open(SynOffer),
    /// To join one.
    Join(JoinSyn),
}

/// Under SYN cookies TCP keeps nothing of a SYN: the note does for the time of one call.
static NOTE: CpuNote<Note> = CpuNote::new();

/// What `third_ack` hands to `opened`.
pub(crate) enum Opening {
    Connection(NewConnection),
    Join(joins::Opening),
}

/// A connection that is about to be made.
pub(crate) struct NewConnection {
    open: Open,
    /// The window field of the segment.
    window: u16,
    snt_isn: u32,
    /// The number before the first byte that has a data sequence number.
    rcv_isn: u32,
}

/// How much of the handshake there has been.
enum Open {
    /// All of it.
    Full(PassiveOpen),
    /// A SYN with data that TCP takes.
    Early(EarlyOpen),
}

/// A SYN arrived. `Some` refuses it, with a reset that gives this reason.
pub(super) fn syn(listener: &Subflow, tcp: &Sock, segment: &RxSegment<'_>) -> Option<u8> {
    let (sk, msk) = listener.msk()?;
    if tcp.has_md5() {
        // There is no room for the signature beside our options: as in-tree, such a listener answers nobody.
        netns::of(sk).count(Mib::MD5SigReset, 1);
        return Some(ResetReason::MPTCP.0);
    }
    let options = wire::parse(segment.header.options(), SegmentKind::Syn);
    let answer = answer_syn(&options);
    if matches!(answer, SynAnswer::Capable(_)) {
        netns::of(sk).count(Mib::MPCapableSYNRX, 1);
    }
    match answer {
        SynAnswer::Plain | SynAnswer::Capable(_) if msk.joins_only.load(ordering::Relaxed) => {
            netns::of(sk).count(Mib::MPCapableEndpAttempt, 1);
            Some(ResetReason::PROHIBITED.0)
        }
        SynAnswer::Plain => None,
        SynAnswer::Capable(offer) => {
            note(sk, Asked::Open(offer));
            None
        }
        SynAnswer::Join(join) => match joins::syn(sk, tcp, segment, &join) {
            Ok(()) => {
                note(sk, Asked::Join(join));
                None
            }
            Err(reason) => Some(reason),
        },
    }
}

fn note(listener: &Sock, asked: Asked) {
    NOTE.set(Note {
        asked,
        listener: listener.hold(),
    });
}

/// The SYN was answered, or not.
pub(super) fn syn_done() {
    NOTE.clear();
}

/// Our key of a connection, the same whenever it is computed.
///
/// What the SYN/ACK asks for goes in as well: the key that the third ACK echoes then tells what that was, whatever the
/// knob says by now.
fn key(
    secret: &[u8; SECRET],
    ends: &FourTuple,
    peer_isn: u32,
    our_isn: u32,
    policy: ListenPolicy,
) -> Key {
    Stateless {
        four_tuple: ends,
        peer_isn,
        our_isn,
        variant: u32::from(policy.checksum),
    }
    .key::<KernelSipHash>(secret)
}

/// The options of a SYN/ACK that leaves.
pub(super) fn options(
    origin: Origin<'_>,
    subflow: Option<&Subflow>,
    segment: &TxSegment<'_>,
) -> Option<([u8; 40], u8)> {
    let noted = NOTE.get();
    let header = &segment.header;
    let (asked, listener) = match origin {
        Origin::Child => return fit(segment, &of_connection(subflow?.msk()?.1)?),
        Origin::Request(request) => {
            let listener = subflow?.msk()?.0;
            let asked = match request.syn_options() {
                Some(area) => asked_by(&area)?,
                None => match noted {
                    Some(note) => note.asked,
                    // TCP gave the SYN to the child of a fast open.
                    None => return fit(segment, &again(listener, request, segment)?),
                },
            };
            (asked, listener.hold())
        }
        Origin::Cookie => {
            let note = noted?;
            (note.asked, note.listener)
        }
    };
    let ns = netns::of(&listener);
    let offer = match asked {
        Asked::Open(offer) => offer,
        Asked::Join(join) => {
            let cookie = matches!(origin, Origin::Cookie);
            return fit(segment, &joins::options(ns, segment, &join, cookie)?);
        }
    };
    let policy = ns.listen_policy();
    let peer_isn = header.ack_seq.wrapping_sub(1);
    // Whether its token is free is asked when the third ACK comes.
    let local = key(
        &ns.secret,
        &segment.four_tuple(),
        peer_isn,
        header.seq,
        policy,
    );
    fit(segment, &syn_ack_options(offer, policy, local))
}

fn fit(segment: &TxSegment<'_>, want: &OptionSet) -> Option<([u8; 40], u8)> {
    let fitted = wire::fit(segment.header.options(), want);
    Some((fitted.area, fitted.len))
}

/// What the options of a SYN ask for.
fn asked_by(area: &[u8]) -> Option<Asked> {
    match answer_syn(&wire::parse(area, SegmentKind::Syn)) {
        SynAnswer::Plain => None,
        SynAnswer::Capable(offer) => Some(Asked::Open(offer)),
        SynAnswer::Join(join) => Some(Asked::Join(join)),
    }
}

/// What the SYN asked for of a handshake that a segment with `options` completes, where TCP did not keep the SYN. `Err`
/// is a join that nobody remembers.
fn asked_once(
    ns: &netns::Net,
    request: &Request,
    segment: &RxSegment<'_>,
    options: &wire::Options,
) -> Result<Option<Asked>, ResetReason> {
    if let Some(Join::Ack { .. }) = options.join {
        let join = joins::recall(ns, request, segment).ok_or(ResetReason::MPTCP)?;
        return Ok(Some(Asked::Join(join)));
    }
    // The ACK repeats what was agreed on.
    Ok(match options.capable {
        Some(Capable::Ack { flags, .. } | Capable::AckData { flags, .. }) => {
            Some(Asked::Open(SynOffer {
                checksum: flags.checksum,
                deny_join: flags.deny_join,
            }))
        }
        _ => None,
    })
}

/// Whether a connection may have this token.
fn is_free(ns: &netns::Net, local: &KeyMaterial) -> bool {
    let free = local.token.is_usable() && ns.tokens.find(local.token).is_none();
    if !free {
        ns.count(Mib::MPFallbackTokenInit, 1);
    }
    free
}

/// What the SYN/ACK of a connection says that there is already.
fn of_connection(msk: &Msk) -> Option<OptionSet> {
    let inner = msk.inner.lock();
    Some(inner.conn.as_ref()?.syn_ack_options())
}

/// The SYN/ACK of a fast open is sent again by its request, which knows neither the SYN nor the child any more.
fn again(listener: &Sock, request: &Request, segment: &TxSegment<'_>) -> Option<OptionSet> {
    let ns = netns::of(listener);
    let ends = segment.four_tuple();
    let found = [false, true].into_iter().find_map(|checksum| {
        let policy = ListenPolicy {
            checksum,
            ..ListenPolicy::default()
        };
        let local = key(
            &ns.secret,
            &ends,
            request.rcv_isn(),
            request.snt_isn(),
            policy,
        );
        ns.tokens.find(local.token::<KernelSha256>())
    })?;
    of_connection(proto::msk_of::<Mptcp>(&found)?)
}

/// A SYN with data, which TCP takes: a connection before the handshake is over (RFC 8684 B.2).
fn fast_open(sk: &Sock, request: &Request, segment: &RxSegment<'_>) -> ThirdAck<Opening> {
    match asked_by(segment.header.options()) {
        None => ThirdAck::Plain,
        Some(Asked::Open(offer)) => match early(sk, request, segment, offer) {
            Some(new) => ThirdAck::Open(Opening::Connection(new)),
            None => ThirdAck::Plain,
        },
        // A join proves itself later: it goes the usual way.
        Some(Asked::Join(_)) => ThirdAck::Refuse(None),
    }
}

fn early(
    sk: &Sock,
    request: &Request,
    segment: &RxSegment<'_>,
    offer: SynOffer,
) -> Option<NewConnection> {
    let ns = netns::of(sk);
    let header = segment.header;
    let policy = ns.listen_policy();
    let (snt_isn, rcv_isn) = (request.snt_isn(), request.rcv_isn());
    let key = key(&ns.secret, &segment.four_tuple(), rcv_isn, snt_isn, policy);
    let local = KeyMaterial::derive::<KernelSha256>(key);
    is_free(ns, &local).then(|| NewConnection {
        open: Open::Early(EarlyOpen::new(offer, policy, local)),
        window: header.window,
        snt_isn,
        rcv_isn: rcv_isn.wrapping_add(segment.len),
    })
}

/// The segment that completes a handshake: what TCP is to make of it.
pub(super) fn third_ack(
    listener: &Subflow,
    request: &Request,
    segment: &mut RxSegment<'_>,
) -> ThirdAck<Opening> {
    let Some((sk, msk)) = listener.msk() else {
        return ThirdAck::Plain;
    };
    let ns = netns::of(sk);
    let header = segment.header;
    if header.syn() {
        return fast_open(sk, request, segment);
    }
    let kind = SegmentKind::NonSyn {
        payload_len: segment.len,
    };
    let options = wire::parse(header.options(), kind);
    let asked = match request.syn_options() {
        Some(area) => asked_by(&area),
        None => match asked_once(ns, request, segment, &options) {
            Ok(asked) => asked,
            Err(reason) => return ThirdAck::Refuse(Some(reason.0)),
        },
    };
    // Under SYN cookies its SYN may have asked for something else.
    if msk.joins_only.load(ordering::Relaxed) && !matches!(asked, Some(Asked::Join(_))) {
        return ThirdAck::Refuse(Some(ResetReason::PROHIBITED.0));
    }
    let offer = match asked {
        None => return ThirdAck::Plain,
        Some(Asked::Open(offer)) => offer,
        Some(Asked::Join(join)) => {
            return joins::third_ack(ns, request, segment, &options, &join);
        }
    };
    capable_ack(ns, request, segment, &options, offer)
}

/// As [`third_ack`], of a connection that the SYN offered.
fn capable_ack(
    ns: &netns::Net,
    request: &Request,
    segment: &mut RxSegment<'_>,
    options: &wire::Options,
    offer: SynOffer,
) -> ThirdAck<Opening> {
    let (snt_isn, rcv_isn) = (request.snt_isn(), request.rcv_isn());
    let ends = segment.four_tuple();
    let accept = |policy| {
        let key = key(&ns.secret, &ends, rcv_isn, snt_isn, policy);
        let local = KeyMaterial::derive::<KernelSha256>(key);
        accept_third_ack::<KernelSha256>(options, offer, policy, local)
    };
    let policy = ns.listen_policy();
    let mut answer = accept(policy);
    if matches!(answer, Answer::Fallback) && options.capable.is_some() {
        // The knob may have been turned since the SYN/ACK.
        answer = accept(ListenPolicy {
            checksum: !policy.checksum,
            ..policy
        });
    }
    match answer {
        Answer::Capable(open) => {
            if let Some(mapping) = mapping::of_segment(options, open.remote.idsn) {
                if segment.len > 0 && segment.attach(&mapping).is_err() {
                    return ThirdAck::Plain;
                }
            }
            ThirdAck::Open(Opening::Connection(NewConnection {
                open: Open::Full(open),
                window: segment.header.window,
                snt_isn,
                rcv_isn,
            }))
        }
        Answer::Fallback => {
            ns.count(Mib::MPCapableFallbackACK, 1);
            ThirdAck::Plain
        }
    }
}

/// TCP made the child: its connection and MPTCP socket. Without memory for them it stays plain TCP.
pub(super) fn opened(listener: &Subflow, opening: Opening, child: &Sock) -> Child<Mptcp> {
    let opening = match opening {
        Opening::Connection(new) => new,
        Opening::Join(opening) => return joins::opened(&opening, child),
    };
    let Some((parent, parent_msk)) = listener.msk() else {
        return Child::Plain;
    };
    match make(parent, parent_msk, opening, child) {
        Some((subflow, locked)) => Child::Subflow(subflow, locked),
        None => {
            netns::of(parent).count(Mib::MPCapableFallbackACK, 1);
            Child::Plain
        }
    }
}

/// TCP made no child after all.
pub(super) fn not_made(opening: &Opening) {
    if let Opening::Join(opening) = opening {
        joins::not_made(opening);
    }
}

/// The engine's halves of a new connection, and our keys.
///
/// A function of its own, so that the stack which it takes is free again when the socket is made.
#[inline(never)]
fn halves(
    config: Config,
    opening: &NewConnection,
    child: &Sock,
    shared: &Shared,
) -> Option<(KBox<Connection<Skb>>, KeyMaterial, SubflowTx)> {
    let numbers = child.tcp_numbers();
    let window = u32::from(opening.window);
    let (conn, local, tx) = match &opening.open {
        Open::Full(open) => {
            let window = window << numbers.snd_wscale;
            let promised = numbers.rcv_wnd;
            let conn = Connection::passive(config, open, window, promised, shared, now());
            (conn, open.local, SubflowTx::passive(open))
        }
        Open::Early(open) => {
            let conn = Connection::early(config, open, window, shared, now());
            (conn, open.local, SubflowTx::early(open))
        }
    };
    let conn = slab::boxed(&slab::CONNECTIONS, conn.ok()?, GFP_ATOMIC).ok()?;
    Some((conn, local, tx))
}

fn make(
    parent: &Sock,
    parent_msk: &Msk,
    opening: NewConnection,
    child: &Sock,
) -> Option<(Subflow, Locked)> {
    let ns = netns::of(parent);
    let options = parent_msk.options.inherit();
    let config = ns.config().with_scheduler(options.scheduler());
    let shared = Shared::new();
    let is_early = matches!(opening.open, Open::Early(_));
    let (conn, local, tx) = halves(config, &opening, child, &shared)?;
    let mut inner = Inner::new();
    inner.conn = Some(conn);
    inner.tx = SendQueue::new(local.idsn.advance(1));
    inner.accepted = false;
    let entry = Entry::new(SubflowId::FIRST, child.hold());
    inner.subflows.push(entry).ok()?;
    let sk = proto::clone::<Mptcp, _>(parent, child, |sk| Msk::new(sk, options, shared, inner))?;
    let state = proto::msk_of::<Mptcp>(&sk)?;
    if is_early {
        // Its SYN/ACK may have to be sent again when the listener is gone.
        ns.share_hooks();
        state.options.set_hooked(true);
    }
    // The copy begins in ESTABLISHED.
    ns.gauge(sock::state::CLOSE, sk.state());
    let token = local.token;
    if ns.tokens.insert(token, &sk).is_err() {
        super::close::abandon(&sk, state);
        return None;
    }
    state.set_token(Some(token));
    state.inner.lock().begin(&sk, token);
    super::trace::opened(state, SubflowId::FIRST, child, false);
    let subflow =
        Subflow::new(sk, Some(SubflowId::FIRST)).with_isns(opening.snt_isn, opening.rcv_isn);
    Some((subflow, Locked::new(tx)))
}

/// There was no memory to make the child a subflow: nobody will see the connection that was made for it.
pub(super) fn not_opened(subflow: &Subflow) {
    match (subflow.id(), subflow.msk()) {
        (Some(SubflowId::FIRST), Some((sk, msk))) => super::close::abandon(sk, msk),
        (Some(sf), Some((sk, msk))) => joins::not_opened(sk, msk, sf),
        _ => {}
    }
}

/// The child is a subflow now.
pub(super) fn opened_done(locked: &mut SubflowLocked<'_, Mptcp>) {
    locked.forget_syn();
    super::subflow::reserve(locked);
    if locked.subflow().id() != Some(SubflowId::FIRST) {
        // The program's is lent to it by the worker.
        locked.set_parent(None);
        if let Some((sk, _)) = locked.subflow().msk() {
            locked.join_groups(sk);
            super::sockopt::inherit_at_birth(sk, locked.sock());
            locked.sock().raise_rcvbuf(sk.rcvbuf());
        }
    }
}
