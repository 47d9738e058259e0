// SPDX-License-Identifier: GPL-2.0

//! Every segment that arrives for a subflow, before TCP sees it. Softirq, no lock held.

use super::act;
use super::msk::Msk;
use super::sha256::KernelSha256;
use super::subflow::Subflow;
use super::trace;
use super::Mptcp;
use crate::engine::fast_open::PeerKeys;
use crate::engine::{mapping, Event, RxSegment as Incoming, Shared, SubflowId};
use crate::sys::rx_filter::RxVerdict;
use crate::sys::segment::{Header, RxSegment};
use crate::sys::sock::{state, Sock};
use crate::sys::subflow::lock_in_softirq;
use crate::sys::tcp_sock::Numbers;
use crate::wire::{self, Mapping, SegmentKind};

/// Tells the engine of the segment, and leaves its mapping on the buffer for when TCP has it in order.
pub(super) fn received(subflow: &Subflow, ssk: &Sock, segment: &mut RxSegment<'_>) -> RxVerdict {
    let (Some(sf), Some((sk, msk))) = (subflow.id(), subflow.msk()) else {
        return RxVerdict::Pass;
    };
    let header = segment.header;
    if header.syn() || ssk.state() == state::SYN_SENT {
        return RxVerdict::Pass;
    }
    if msk.shared.is_fallback() {
        return after_fallback(&msk.shared, segment);
    }
    let mut numbers = ssk.tcp_numbers();
    if before(right_edge(&numbers), header.seq.wrapping_add(segment.len)) {
        share_window(&msk.shared, ssk, &mut numbers);
    }
    if !acceptable(&header, segment.len, &numbers) {
        return RxVerdict::Pass;
    }
    let options = options_of(segment);
    let incoming = incoming(subflow, &header, segment.len, &numbers);
    let event = Event::Segment {
        sf,
        segment: incoming,
        options: &options,
    };
    let keys = msk.shared.wants_keys(&incoming).then(|| Event::PeerKeys {
        sf,
        keys: PeerKeys::read::<KernelSha256>(&options),
        promised: numbers.rcv_wnd,
    });
    let (outcome, idsn, others) = {
        let mut inner = msk.inner.lock();
        // Its turn has come, so that TCP takes it now or, if a process owns the subflow, when that lets go.
        if incoming.fin && incoming.len == 0 && header.seq == numbers.rcv_nxt {
            inner.expect_fin(sf, true);
        }
        let before = trace::Allowed::before(&inner);
        let first = keys.map(|keys| inner.step(sk, msk, keys));
        let outcome = inner.step(sk, msk, event);
        if let Some(before) = before {
            before.told(msk, sf, &options, &inner);
        }
        let outcome = first.unwrap_or_default().and(outcome);
        (
            outcome,
            inner.conn.as_ref().and_then(|conn| conn.remote_idsn()),
            inner.subflows.others_wait(sf),
        )
    };
    if segment.len == 0 {
        outcome.finish_for(sk, msk, sf, ssk);
    } else {
        outcome.finish_in_softirq(sk, msk);
    }
    if others {
        act::flush_others(sk, msk, sf);
    }
    let mapping = idsn.and_then(|idsn| mapping::of_segment(&options, idsn));
    mapping.map_or(RxVerdict::Pass, |map| keep_mapping(msk, sf, segment, &map))
}

/// Leaves a mapping on the buffer of the bytes that it came with.
fn keep_mapping(msk: &Msk, sf: SubflowId, segment: &mut RxSegment<'_>, map: &Mapping) -> RxVerdict {
    trace::mapped(msk, sf, map, segment.len);
    if segment.len > 0 && segment.attach(map).is_err() {
        return RxVerdict::Drop;
    }
    RxVerdict::Pass
}

/// The TCP part of a segment, as the engine has it.
fn incoming(subflow: &Subflow, header: &Header, len: u32, numbers: &Numbers) -> Incoming {
    Incoming {
        ssn: subflow.peer_ssn(header.seq),
        len,
        ack: header.ack().then(|| subflow.local_ssn(header.ack_seq)),
        window: u32::from(header.window) << numbers.snd_wscale,
        fin: header.fin(),
        rst: header.rst(),
    }
}

/// The options of a segment after the handshake.
fn options_of(segment: &RxSegment<'_>) -> wire::Options {
    let kind = if segment.header.rst() {
        SegmentKind::Rst
    } else {
        SegmentKind::NonSyn {
            payload_len: segment.len,
        }
    };
    wire::parse(segment.header.options(), kind)
}

/// RFC 8684 3.7: options are ignored after a fallback. Only a mapping still goes along with its bytes: it may show that
/// the peer knows nothing of the fallback and sends them again.
fn after_fallback(shared: &Shared, segment: &mut RxSegment<'_>) -> RxVerdict {
    if segment.len == 0 || !shared.may_hear_mappings() {
        return RxVerdict::Pass;
    }
    match options_of(segment).dss.and_then(|dss| dss.map) {
        Some(mapping) if segment.attach(&mapping).is_err() => RxVerdict::Drop,
        _ => RxVerdict::Pass,
    }
}

/// RFC 8684 3.3.1: what was told of our window on one subflow counts on all, so that TCP has to take it here as well. If a
/// process owns the subflow, TCP may drop the segment and get it once more.
fn share_window(shared: &Shared, ssk: &Sock, numbers: &mut Numbers) {
    let promised = shared.promised();
    let edge = numbers.rcv_nxt.wrapping_add(promised);
    if before(right_edge(numbers), edge) {
        if let Some(mut locked) = lock_in_softirq::<Mptcp>(ssk) {
            locked.accept_up_to(promised);
        }
        numbers.rcv_edge = edge;
    }
}

/// Whether one sequence number comes before another.
fn before(a: u32, b: u32) -> bool {
    a.wrapping_sub(b) > u32::MAX / 2
}

/// The edge of what TCP takes: it takes back what it promised when it runs out of memory, but accepts what fits the
/// promise.
fn right_edge(numbers: &Numbers) -> u32 {
    let right = numbers.rcv_nxt.wrapping_add(numbers.rcv_wnd);
    if before(right, numbers.rcv_edge) {
        numbers.rcv_edge
    } else {
        right
    }
}

/// Whether TCP will take the segment, as far as can be told without its lock (RFC 9293 3.10.7.4, RFC 5961): in the
/// window, and acknowledging nothing absurd.
fn acceptable(header: &Header, len: u32, numbers: &Numbers) -> bool {
    let end = header.seq.wrapping_add(len);
    let in_window = !before(end, numbers.rcv_nxt) && !before(right_edge(numbers), header.seq);
    if header.rst() {
        // It need not be next in turn: the segments before it may wait in TCP's backlog.
        return in_window;
    }
    let oldest = numbers.snd_una.wrapping_sub(numbers.max_window);
    // Not `snd_nxt`: TCP raises that after it has sent, and over a virtual device the answer may be here by then.
    let ack_ok = header.ack()
        && !before(header.ack_seq, oldest)
        && !before(numbers.write_seq, header.ack_seq);
    in_window && ack_ok
}
