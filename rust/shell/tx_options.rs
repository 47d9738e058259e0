// SPDX-License-Identifier: GPL-2.0

//! Every segment that a subflow sends, on its way from TCP to IP. The subflow is locked.

use super::act;
use super::msk::Msk;
use super::trace;
use super::Mptcp;
use crate::engine::{Brief, Event, Signal, Stamp, Stamped, SubflowId, TxSegment as Outgoing, Window};
use crate::sys::segment::TxSegment;
use crate::sys::sock::{state, Sock};
use crate::sys::stack::TxVerdict;
use crate::sys::subflow::SubflowLocked;
use crate::sys::tcp_sock::Numbers;
use crate::wire::checksum::Partial;
use crate::wire::{self, Ssn};

/// Has the engine say what the segment carries, and writes it.
pub(super) fn transmit(
    locked: &mut SubflowLocked<'_, Mptcp>,
    segment: &mut TxSegment<'_>,
) -> TxVerdict {
    let subflow = locked.subflow();
    let Some((sk, msk)) = subflow.msk() else {
        return TxVerdict::Send;
    };
    if subflow.id().is_none() {
        return TxVerdict::Send;
    }
    let header = segment.header;
    let numbers = locked.numbers();
    if header.syn() {
        subflow.set_local_isn(header.seq);
    }
    let is_first = subflow.id() == Some(SubflowId::FIRST);
    if let (true, true, Some(sf)) = (header.syn(), header.ack(), subflow.id()) {
        // The answer to a SYN that crossed ours.
        if !is_first {
            // There is no such join: neither side proves itself.
            return TxVerdict::Lose;
        }
        let event = Event::SimultaneousOpen { sf };
        msk.post(sk, event).finish_in_softirq(sk, msk);
        return TxVerdict::Send;
    }
    if segment.len > 0 && header.seq == numbers.snd_nxt {
        locked.end_buffer(header.seq);
    }
    if header.rst() && is_first && !msk.inner.lock().accepted {
        // Nobody will ever see this connection: the peer must learn of its end, not only of the subflow's.
        msk.post(sk, Event::Abort).finish_without_push(sk, msk);
        act::apply_orders(msk, locked);
    }
    if numbers.retransmits != locked.locked().timeouts {
        timed_out(locked, (sk, msk), numbers.retransmits);
    }
    let ssn = subflow.local_ssn(header.seq);
    let outgoing = Outgoing {
        ssn,
        len: segment.len,
        una: subflow.local_ssn(numbers.snd_una),
        syn: header.syn(),
        fin: header.fin(),
        rst: header.rst(),
        syn_retransmits: numbers.retransmits,
        free: free_space(sk, locked.sock(), &numbers),
    };
    let scale = numbers.rcv_wscale;
    match locked.locked().tx.stamp_briefly(&outgoing, &msk.shared) {
        Brief::Signal(signal) => return write_signal(locked, segment, sk, &signal, scale),
        Brief::Withhold => return TxVerdict::Lose,
        Brief::More => {}
    }
    match locked.locked().tx.stamp_at_length(&outgoing, &msk.shared) {
        Stamp::Send(stamped) => write(locked, segment, (sk, msk), stamped, ssn, scale),
        Stamp::Withhold => TxVerdict::Lose,
    }
}

/// TCP's count of timeouts has changed: it goes up with each, and back to 0 when an acknowledgement comes.
fn timed_out(locked: &mut SubflowLocked<'_, Mptcp>, (sk, msk): (&Sock, &Msk), timeouts: u8) {
    let before = core::mem::replace(&mut locked.locked().timeouts, timeouts);
    let Some(sf) = locked.subflow().id() else {
        return;
    };
    if timeouts > before && locked.sock().state() != state::SYN_SENT {
        msk.post(sk, Event::PathFailed { sf })
            .finish_for_others(sk, msk, sf);
    }
}

/// Writes what nearly every segment says.
fn write_signal(
    locked: &mut SubflowLocked<'_, Mptcp>,
    segment: &mut TxSegment<'_>,
    sk: &Sock,
    signal: &Signal,
    scale: u8,
) -> TxVerdict {
    if signal.payload < segment.len && segment.cut(signal.payload).is_err() {
        return TxVerdict::Lose;
    }
    let raised = tell_window(locked, segment, &signal.window, scale);
    trace::count_window(sk, &signal.window, raised);
    match wire::fit_dss(segment.header.options(), &signal.dss) {
        Some((area, len)) => TxVerdict::SendWith(area, len),
        None => {
            let fitted = wire::fit(segment.header.options(), &signal.dss.into());
            TxVerdict::SendWith(fitted.area, fitted.len)
        }
    }
}

/// Puts the window into the header; says whether TCP alone would have told a smaller one.
fn tell_window(
    locked: &mut SubflowLocked<'_, Mptcp>,
    segment: &mut TxSegment<'_>,
    window: &Window,
    scale: u8,
) -> bool {
    let field = u16::try_from(window.octets >> scale).unwrap_or(u16::MAX);
    let raised = field > segment.header.window;
    segment.set_window(field);
    locked.promise_window(window.octets);
    raised
}

fn write(
    locked: &mut SubflowLocked<'_, Mptcp>,
    segment: &mut TxSegment<'_>,
    (sk, msk): (&Sock, &Msk),
    mut stamped: Stamped,
    ssn: Ssn,
    scale: u8,
) -> TxVerdict {
    if stamped.fell_back {
        if let Some(sf) = locked.subflow().id() {
            msk.post(sk, Event::SynDropped { sf })
                .finish_in_softirq(sk, msk);
        }
    }
    if stamped.payload < segment.len && segment.cut(stamped.payload).is_err() {
        return TxVerdict::Lose;
    }
    if stamped.needs_checksum {
        let mut sum = Partial::EMPTY;
        let bytes = usize::try_from(segment.len).unwrap_or(usize::MAX);
        sum.add_native(segment.payload_checksum(), bytes);
        locked.locked().tx.complete(&mut stamped, ssn, sum);
    }
    if let Some(window) = &stamped.window {
        let raised = tell_window(locked, segment, window, scale);
        trace::count_window(sk, window, raised);
    }
    if segment.header.syn() && stamped.options.is_empty() {
        let count = &mut locked.locked().plain_syns;
        *count = count.saturating_add(1);
    }
    if stamped.options.is_empty() && stamped.window.is_none() {
        return TxVerdict::Send;
    }
    let fitted = wire::fit(segment.header.options(), &stamped.options);
    trace::count_header(sk, &stamped, &fitted.dropped);
    if stamped.again || fitted.dropped.add_addr {
        signals(locked, (sk, msk), &stamped, fitted.dropped.add_addr);
    }
    TxVerdict::SendWith(fitted.area, fitted.len)
}

/// What was said of addresses and priorities is not all that there is, or did not fit.
fn signals(
    locked: &SubflowLocked<'_, Mptcp>,
    (sk, msk): (&Sock, &Msk),
    stamped: &Stamped,
    dropped: bool,
) {
    let Some(sf) = locked.subflow().id() else {
        return;
    };
    if stamped.again {
        msk.inner.lock().owe_ack(sf);
        msk.worker.queue();
    }
    if let Some(option) = stamped.options.add_addr.filter(|_| dropped) {
        msk.post(sk, Event::AddressDropped { option })
            .finish_in_softirq(sk, msk);
    }
}

/// The segment at `seq` never left the host.
pub(super) fn not_sent(locked: &mut SubflowLocked<'_, Mptcp>, seq: u32) {
    let ssn = locked.subflow().local_ssn(seq);
    locked.locked().tx.take_back(ssn);
}

/// Octets of window that the receive buffer has room for, in steps of the window field of `ssk`, as TCP rounds them
/// (`__tcp_select_window`): up while half of the buffer is free, so that a small window is not scaled away for good.
pub(super) fn free_space(sk: &Sock, ssk: &Sock, numbers: &Numbers) -> u32 {
    let buffer = sk.rcvbuf();
    let space = buffer.saturating_sub(sk.rmem());
    let Ok(octets) = u32::try_from(space) else {
        return 0;
    };
    let step = 1_u32 << numbers.rcv_wscale.min(14);
    let most = u32::from(u16::MAX) << numbers.rcv_wscale.min(14);
    let window = ssk.window_from_space(octets).min(most);
    if space >= buffer / 2 {
        window.max(1).next_multiple_of(step)
    } else {
        window & !(step - 1)
    }
}
