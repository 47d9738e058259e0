// SPDX-License-Identifier: GPL-2.0

//! sendmsg(2), and handing what was written to TCP.

use super::act::Outcome;
use super::msk::{now, Inner, Msk, Visit};
use super::netns;
use super::Mptcp;
use crate::engine::{Duration, Event, Mib, PathStats, SubflowId, Transmit};
use crate::sys::msg::{copy_in, flags, Msg};
use crate::sys::skb::Skb;
use crate::sys::sock::{interrupted, signal_pending, state, Sock, SEND_SHUTDOWN};
use crate::sys::stream;
use crate::sys::subflow::{Chunk, SubflowLocked, MAX_CHUNKS};
use crate::sys::time::millis;
use crate::wire::Ssn;
use kernel::prelude::*;

/// How much is copied before TCP is called: a few full mappings.
const BATCH: u32 = 128 << 10;

/// The most that is copied at once, so that the send buffer bounds what is charged.
const COPY_MAX: u32 = 64 << 10;

/// sendmsg(2). Process context.
pub(super) fn sendmsg(sk: &Sock, msk: &Msk, msg: &mut Msg<'_>) -> Result<usize> {
    let call = msg.flags();
    let guard = sk.lock();
    super::connect::part(sk, msk);
    let mut timeo = sk.sndtimeo(call & flags::DONTWAIT != 0);
    let mut copied = 0;
    let result = match ready_to_send(sk, msk, msg, &mut timeo, &mut copied) {
        Ok(()) => write(sk, msk, msg, &mut timeo, &mut copied),
        Err(e) => Err(e),
    };
    push_all(sk, msk);
    let result = match result {
        Err(e) if copied == 0 => Err(stream::write_error(sk, call, e)),
        _ => Ok(copied),
    };
    drop(guard);
    result
}

fn ready_to_send(
    sk: &Sock,
    msk: &Msk,
    msg: &mut Msg<'_>,
    timeo: &mut isize,
    copied: &mut usize,
) -> Result {
    if msg.flags() & flags::FASTOPEN != 0 || sk.defers_connect() {
        *copied = super::connect::fast_open(sk, msk, msg)?;
        if *timeo == 0 {
            return Err(EINPROGRESS);
        }
    }
    if !matches!(sk.state(), state::ESTABLISHED | state::CLOSE_WAIT) {
        stream::wait_connect(sk, timeo)?;
    }
    Ok(())
}

fn write(sk: &Sock, msk: &Msk, msg: &mut Msg<'_>, timeo: &mut isize, copied: &mut usize) -> Result {
    let mut untold = 0;
    let result = fill(sk, msk, msg, timeo, copied, &mut untold);
    tell(sk, msk, &mut untold);
    result
}

/// Queues what there is to write. `untold`: bytes that the engine does not know of yet, for one event is cheaper than many.
fn fill(
    sk: &Sock,
    msk: &Msk,
    msg: &mut Msg<'_>,
    timeo: &mut isize,
    copied: &mut usize,
    untold: &mut u32,
) -> Result {
    while msg.left() > 0 {
        if sk.err() != 0 || sk.shutdown() & SEND_SHUTDOWN != 0 {
            return Err(EPIPE);
        }
        if !sk.memory_free() {
            hand_over(sk, msk, untold);
            wait_room(sk, timeo)?;
            continue;
        }
        let limit = room(sk, msg.left());
        if !stream_schedule(sk, msk, limit) {
            hand_over(sk, msk, untold);
            stream::wait_memory(sk, timeo)?;
            continue;
        }
        let Some(piece) = copy_in(sk, msg, limit)? else {
            hand_over(sk, msk, untold);
            stream::wait_memory(sk, timeo)?;
            continue;
        };
        let len = piece.len;
        let batch = untold.saturating_add(len);
        // With a bound for what is unsent, that decides whether there is room for more.
        let is_due = batch >= BATCH || msg.left() == 0 || msk.options.notsent_lowat().is_some();
        queue(sk, msk, piece, is_due.then_some(batch))?;
        *copied = copied.saturating_add(usize::try_from(len).unwrap_or(0));
        *untold = if is_due { 0 } else { batch };
        if batch >= BATCH {
            push_all(sk, msk);
        }
    }
    Ok(())
}

/// Tells the engine of what was queued.
fn tell(sk: &Sock, msk: &Msk, untold: &mut u32) {
    let len = core::mem::take(untold);
    if len > 0 {
        // What it asks for is a push, which the caller does for the whole call.
        msk.post(sk, Event::AppWrote { len })
            .finish_without_push(sk, msk);
    }
}

fn hand_over(sk: &Sock, msk: &Msk, untold: &mut u32) {
    tell(sk, msk, untold);
    push_all(sk, msk);
}

/// Waits for room in the send buffer.
///
/// Not by `sk_stream_wait_memory`: an acknowledgement may make room while we hold the socket, and room that is there
/// when it is called the kernel takes for a shortage of memory, which it sits out for up to 200 ms.
fn wait_room(sk: &Sock, timeo: &mut isize) -> Result {
    let over = || sk.err() != 0 || sk.shutdown() & SEND_SHUTDOWN != 0;
    while !sk.memory_free() {
        if over() {
            return Err(EPIPE);
        }
        sk.want_write_space();
        if *timeo == 0 {
            // What came ahead of the wish above nobody was told of.
            return if sk.memory_free() {
                Ok(())
            } else {
                Err(EAGAIN)
            };
        }
        if signal_pending() {
            return Err(interrupted(*timeo));
        }
        stream::wait_once(sk, timeo, || {
            // TCP clears the wish when it wakes whoever sleeps: so it counts from now on, as we are about to.
            sk.want_write_space();
            sk.memory_free() || over()
        });
    }
    Ok(())
}

/// How much to copy at once.
fn room(sk: &Sock, left: usize) -> u32 {
    let free = sk.sndbuf().saturating_sub(sk.wmem_queued());
    let free = u32::try_from(free).unwrap_or(0).max(2048);
    u32::try_from(left)
        .unwrap_or(u32::MAX)
        .min(free)
        .min(COPY_MAX)
}

fn stream_schedule(sk: &Sock, msk: &Msk, bytes: u32) -> bool {
    let _inner = msk.inner.lock();
    stream::schedule_send(sk, bytes)
}

/// Appends what was copied to the send queue, and tells the engine of so many bytes.
fn queue(sk: &Sock, msk: &Msk, piece: crate::sys::msg::Copied, told: Option<u32>) -> Result {
    let out = {
        let mut inner = msk.inner.lock();
        let charged = inner.tx.push(piece)?;
        stream::charge_send(sk, charged);
        told.map(|len| inner.step(sk, msk, Event::AppWrote { len }))
    };
    if let Some(out) = out {
        // What it asks for is a push, which the caller does for the whole call.
        out.finish_without_push(sk, msk);
    }
    Ok(())
}

/// Hands what there is to send to the subflows that have room. Process context, the socket locked.
pub(super) fn push_all(sk: &Sock, msk: &Msk) {
    let (mut last, mut each) = (None, None);
    while let Some(visit) = next_to_push(msk, last, &mut each) {
        if let Some(mut locked) = visit.lock() {
            if !visit.waits || !super::act::flush(sk, msk, &mut locked).pushed {
                push(sk, msk, &mut locked);
            }
        }
        if visit.alone {
            return;
        }
        last = Some(visit.id);
    }
    // What one of them left may be for another.
    if last.is_some() {
        super::worker::flush_all(sk, msk);
    }
}

/// The first subflow above `last` that there may be something for: all while something is to be sent, or if they are to be
/// visited anyhow (`each`).
fn next_to_push(msk: &Msk, last: Option<SubflowId>, each: &mut Option<bool>) -> Option<Visit> {
    let mut inner = msk.inner.lock();
    let due = |inner: &mut Inner| {
        inner
            .conn
            .as_mut()
            .is_some_and(|conn| conn.wants_visits(now()))
    };
    let each = *each.get_or_insert_with(|| due(&mut inner));
    if each || wants_acks(msk, &inner) {
        inner.next_subflow(last)
    } else {
        inner.next_waiting(last)
    }
}

/// Hands to TCP on this subflow what the engine chooses, while TCP has room. Says whether something waits for another
/// subflow.
pub(super) fn push(sk: &Sock, msk: &Msk, locked: &mut SubflowLocked<'_, Mptcp>) -> bool {
    let Some(sf) = locked.subflow().id() else {
        return false;
    };
    let mut out = Outcome::default();
    let (mut wanted, mut others, mut measured) = (None, false, false);
    loop {
        let room = locked.room();
        let mut inner = msk.inner.lock();
        inner.subflows.is_pushed(sf);
        let several = inner.subflows.are_several();
        if room == 0 && !several {
            wanted = wanted.or_else(|| Some(wants_acks(msk, &inner)));
            break;
        }
        if several && !core::mem::replace(&mut measured, true) {
            out = out.and(measure(sk, msk, &mut inner, locked, sf));
        }
        let Some(conn) = inner.conn.as_mut() else {
            break;
        };
        let Some(mut transmit) = conn.poll_transmit(&msk.shared, sf, room, now()) else {
            if several {
                let more;
                (more, others) = give_turn(sk, msk, &mut inner, sf);
                out = out.and(more);
            }
            wanted = wanted.or_else(|| Some(wants_acks(msk, &inner)));
            break;
        };
        super::trace::chosen(msk, sf, &transmit, room, &inner, || stats(locked));
        let mut chunks = [const { None }; MAX_CHUNKS];
        let bytes = inner.tx.collect(transmit.dsn, transmit.len, &mut chunks);
        drop(inner);
        transmit.more |= bytes < transmit.len;
        transmit.len = bytes;
        let ssn = locked.subflow().local_ssn(locked.numbers().write_seq);
        let sent = hand(msk, (sf, locked), ssn, &transmit, &chunks);
        let rto = Duration::from_millis(millis(locked.numbers().rto));
        let event = Event::Transmitted {
            sf,
            dsn: transmit.dsn,
            len: sent,
            ssn,
            rto,
        };
        let more;
        (more, others) = report(sk, msk, sf, event);
        out = out.and(more);
        wanted = (!msk.shared.is_fallback()).then(|| out.unsent());
        if sent < bytes || bytes == 0 || !transmit.more {
            break;
        }
    }
    if wanted.unwrap_or_else(|| wants_acks(msk, &msk.inner.lock())) {
        locked.want_write_space();
    }
    out.finish_without_push(sk, msk);
    others
}

/// Hands a range to TCP; says how much it took.
fn hand(
    msk: &Msk,
    (sf, locked): (SubflowId, &mut SubflowLocked<'_, Mptcp>),
    ssn: Ssn,
    transmit: &Transmit,
    chunks: &[Option<Chunk>],
) -> u32 {
    let state = locked.locked();
    if transmit.len == 0 || state.tx.record_run(ssn, transmit).is_err() {
        return 0;
    }
    if state.handed != Some(transmit.dsn) {
        locked.end_queue();
    }
    let sent = locked.send(chunks, transmit.more).unwrap_or(0);
    locked.locked().handed = Some(transmit.dsn.advance(sent.into()));
    super::trace::handed(msk, sf, ssn, transmit, sent);
    sent
}

/// Tells the engine; says what it leads to, and whether something waits for another subflow.
fn report(sk: &Sock, msk: &Msk, sf: SubflowId, event: Event<'_, Skb>) -> (Outcome, bool) {
    let mut inner = msk.inner.lock();
    let out = inner.step(sk, msk, event);
    (out, inner.subflows.others_wait(sf))
}

/// Says what it leads to that a subflow was offered nothing: it may be the turn of another one.
fn give_turn(sk: &Sock, msk: &Msk, inner: &mut Inner, sf: SubflowId) -> (Outcome, bool) {
    let asked = inner.ask(sk, msk, |_, _, _| ());
    let ((), out) = asked.unwrap_or_else(|| ((), Outcome::default()));
    (out, inner.subflows.others_wait(sf))
}

/// What TCP measures of a subflow.
fn stats(locked: &SubflowLocked<'_, Mptcp>) -> PathStats {
    let path = locked.sock().path();
    PathStats {
        srtt: path.srtt,
        rttvar: path.rttvar,
        // TCP has the largest number there is while it has measured nothing.
        min_rtt: path.min_rtt.min(path.srtt),
        cwnd: path.cwnd,
        in_flight: path.in_flight,
        unsent: path.unsent,
        pacing: path.pacing,
        mss: path.mss,
    }
}

/// Tells the engine what it chooses among several subflows by, and TCP what the peer said of its window on others
/// (RFC 8684 3.3.1).
fn measure(
    sk: &Sock,
    msk: &Msk,
    inner: &mut Inner,
    locked: &mut SubflowLocked<'_, Mptcp>,
    sf: SubflowId,
) -> Outcome {
    let stats = stats(locked);
    let rto = Duration::from_millis(millis(locked.numbers().rto));
    let out = inner.step(sk, msk, Event::Measured { sf, stats, rto });
    let window = inner.conn.as_ref().map_or(0, |conn| conn.peer_window());
    if locked.raise_send_window(window) {
        netns::of(sk).count(Mib::SndWndShared, 1);
    }
    out
}

/// Whether the acknowledgements of TCP matter: they make room for what is unsent, and in fallback they free what was
/// sent.
pub(super) fn wants_acks(msk: &Msk, inner: &Inner) -> bool {
    inner.conn.as_ref().is_some_and(|conn| {
        conn.is_waiting() || (msk.shared.is_fallback() && conn.unacknowledged() > 0)
    })
}

/// Whether writers have room beyond the bound of the send buffer (TCP_NOTSENT_LOWAT).
pub(super) fn stream_memory_free(_sk: &Sock, msk: &Msk, wake: bool) -> bool {
    let Some(limit) = msk.options.notsent_lowat() else {
        return true;
    };
    let unsent = msk
        .inner
        .lock()
        .conn
        .as_ref()
        .map_or(0, |conn| conn.unsent());
    unsent << u32::from(wake) < u64::from(limit)
}
