// SPDX-License-Identifier: GPL-2.0

//! The passive handshake, without state: SYN, SYN/ACK and third ACK at a listener. Softirq throughout.

use super::entry::Entry;
use super::msk::{now, Msk};
use super::netns;
use super::send_queue::SendQueue;
use super::sha256::KernelSha256;
use super::siphash::KernelSipHash;
use super::subflow::{Locked, Subflow};
use super::Mptcp;
use crate::engine::fast_open::EarlyOpen;
use crate::engine::initiate::{
    accept_third_ack, answer_syn, syn_ack_options, ListenPolicy, PassiveOpen, SynAnswer, SynOffer,
    ThirdAck,
};
use crate::engine::{join, mapping, Connection, KeyMaterial, Mib, SubflowId, SubflowTx};
use crate::sys::percpu::CpuNote;
use crate::sys::proto;
use crate::sys::request::Request;
use crate::sys::segment::{FourTuple, RxSegment, TxSegment};
use crate::sys::sock::{self, Sock};
use crate::sys::stack::Origin;
use crate::sys::subflow::SubflowLocked;
use crate::wire::keys::{Stateless, SECRET};
use crate::wire::{self, Capable, Key, OptionSet, SegmentKind};
use kernel::prelude::*;
use kernel::sync::aref::ARef;

/// What a SYN at a listener asked for, while TCP answers it on the same CPU.
#[derive(Clone)]
pub(super) struct Note {
    offer: SynOffer,
    listener: ARef<Sock>,
}

/// Under SYN cookies TCP keeps nothing of a SYN: the note does for the time of one call.
static NOTE: CpuNote<Note> = CpuNote::new();

/// What `third_ack` hands to `opened`.
pub(crate) struct Opening {
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
pub(super) fn syn(listener: &Subflow, segment: &RxSegment<'_>) -> Option<u8> {
    let options = wire::parse(segment.header.options(), SegmentKind::Syn);
    let (sk, _) = listener.msk()?;
    match answer_syn(&options) {
        SynAnswer::Plain => None,
        SynAnswer::Capable(offer) => {
            netns::of(sk).count(Mib::MPCapableSYNRX, 1);
            NOTE.set(Note {
                offer,
                listener: sk.hold(),
            });
            None
        }
        SynAnswer::Join(join) => {
            let refused = join::answer_syn(&join, None, join::Door::Same, None, None);
            for mib in refused.counted() {
                netns::of(sk).count(mib, 1);
            }
            refused.verdict.err().map(|reset| reset.reason.0)
        }
    }
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
    let (offer, listener) = match origin {
        Origin::Child => return fit(segment, &of_connection(subflow?.msk()?.1)?),
        Origin::Request(request) => {
            let listener = subflow?.msk()?.0;
            let offer = match request.syn_options() {
                Some(area) => offer_of(&area)?,
                None => match noted {
                    Some(note) => note.offer,
                    // TCP gave the SYN to the child of a fast open.
                    None => return fit(segment, &again(listener, request, segment)?),
                },
            };
            (offer, listener.hold())
        }
        Origin::Cookie => {
            let note = noted?;
            (note.offer, note.listener)
        }
    };
    let ns = netns::of(&listener);
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

/// What the options of a SYN offer.
fn offer_of(area: &[u8]) -> Option<SynOffer> {
    match answer_syn(&wire::parse(area, SegmentKind::Syn)) {
        SynAnswer::Capable(offer) => Some(offer),
        _ => None,
    }
}

/// What the SYN offered of a handshake that a segment with `options` completes.
fn offered(request: &Request, options: &wire::Options) -> Option<SynOffer> {
    if let Some(area) = request.syn_options() {
        return offer_of(&area);
    }
    // SYN cookies: the ACK repeats what was agreed on.
    match options.capable {
        Some(Capable::Ack { flags, .. } | Capable::AckData { flags, .. }) => Some(SynOffer {
            checksum: flags.checksum,
            deny_join: flags.deny_join,
        }),
        _ => None,
    }
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
fn fast_open(sk: &Sock, request: &Request, segment: &RxSegment<'_>) -> Option<Opening> {
    let ns = netns::of(sk);
    let header = segment.header;
    let offer = offer_of(header.options())?;
    let policy = ns.listen_policy();
    let (snt_isn, rcv_isn) = (request.snt_isn(), request.rcv_isn());
    let key = key(&ns.secret, &segment.four_tuple(), rcv_isn, snt_isn, policy);
    let local = KeyMaterial::derive::<KernelSha256>(key);
    is_free(ns, &local).then(|| Opening {
        open: Open::Early(EarlyOpen::new(offer, policy, local)),
        window: header.window,
        snt_isn,
        rcv_isn: rcv_isn.wrapping_add(segment.len),
    })
}

/// The segment that completes a handshake: `Some` if it makes an MPTCP connection.
pub(super) fn third_ack(
    listener: &Subflow,
    request: &Request,
    segment: &mut RxSegment<'_>,
) -> Option<Opening> {
    let (sk, _) = listener.msk()?;
    let ns = netns::of(sk);
    let header = segment.header;
    if header.syn() {
        return fast_open(sk, request, segment);
    }
    let kind = SegmentKind::NonSyn {
        payload_len: segment.len,
    };
    let options = wire::parse(header.options(), kind);
    let offer = offered(request, &options)?;
    let (snt_isn, rcv_isn) = (request.snt_isn(), request.rcv_isn());
    let ends = segment.four_tuple();
    let accept = |policy| {
        let key = key(&ns.secret, &ends, rcv_isn, snt_isn, policy);
        let local = KeyMaterial::derive::<KernelSha256>(key);
        accept_third_ack::<KernelSha256>(&options, offer, policy, local)
    };
    let policy = ns.listen_policy();
    let mut answer = accept(policy);
    if matches!(answer, ThirdAck::Fallback) && options.capable.is_some() {
        // The knob may have been turned since the SYN/ACK.
        answer = accept(ListenPolicy {
            checksum: !policy.checksum,
            ..policy
        });
    }
    match answer {
        ThirdAck::Capable(open) => {
            if let Some(mapping) = mapping::of_segment(&options, open.remote.idsn) {
                if segment.len > 0 && segment.attach(&mapping).is_err() {
                    return None;
                }
            }
            Some(Opening {
                open: Open::Full(open),
                window: header.window,
                snt_isn,
                rcv_isn,
            })
        }
        ThirdAck::Fallback => {
            ns.count(Mib::MPCapableFallbackACK, 1);
            None
        }
    }
}

/// TCP made the child: its connection and MPTCP socket. Without memory for them it stays plain TCP.
pub(super) fn opened(
    listener: &Subflow,
    opening: Opening,
    child: &Sock,
) -> Option<(Subflow, Locked)> {
    let (parent, parent_msk) = listener.msk()?;
    let made = make(parent, parent_msk, opening, child);
    if made.is_none() {
        netns::of(parent).count(Mib::MPCapableFallbackACK, 1);
    }
    made
}

fn make(
    parent: &Sock,
    parent_msk: &Msk,
    opening: Opening,
    child: &Sock,
) -> Option<(Subflow, Locked)> {
    let ns = netns::of(parent);
    let numbers = child.tcp_numbers();
    let window = u32::from(opening.window);
    let state = Msk::new(parent_msk.options.inherit(), GFP_ATOMIC).ok()?;
    let (conn, local, tx) = match &opening.open {
        Open::Full(open) => {
            let window = window << numbers.snd_wscale;
            let conn = Connection::passive(
                ns.config(),
                open,
                window,
                numbers.rcv_wnd,
                &state.shared,
                now(),
            );
            (conn, open.local, SubflowTx::passive(open))
        }
        Open::Early(open) => {
            let conn = Connection::early(ns.config(), open, window, &state.shared, now());
            (conn, open.local, SubflowTx::early(open))
        }
    };
    let conn = conn.ok()?;
    let conn = KBox::new(conn, GFP_ATOMIC).ok()?;
    let sk = proto::clone::<Mptcp>(parent, child, state.clone())?;
    state.worker.bind(&sk);
    ns.share_hooks();
    state.options.set_hooked(true);
    // The copy begins in ESTABLISHED.
    ns.gauge(sock::state::CLOSE, sk.state());
    let token = local.token;
    {
        let mut inner = state.inner.lock();
        inner.conn = Some(conn);
        inner.tx = SendQueue::new(local.idsn.advance(1));
        inner.accepted = false;
        let entry = Entry::new(SubflowId::FIRST, child.hold());
        inner.subflows.push(entry).ok()?;
    }
    if ns.tokens.insert(token, &sk).is_err() {
        super::close::abandon(&sk, &state);
        return None;
    }
    state.inner.lock().token = Some(token);
    let subflow =
        Subflow::new(sk, Some(SubflowId::FIRST)).with_isns(opening.snt_isn, opening.rcv_isn);
    Some((subflow, Locked::new(tx)))
}

/// There was no memory to make the child a subflow: nobody will see the connection that was made for it.
pub(super) fn not_opened(subflow: &Subflow) {
    if let Some((sk, msk)) = subflow.msk() {
        super::close::abandon(sk, msk);
    }
}

/// The child is a subflow now.
pub(super) fn opened_done(locked: &mut SubflowLocked<'_, Mptcp>) {
    locked.forget_syn();
    super::subflow::reserve(locked);
}
