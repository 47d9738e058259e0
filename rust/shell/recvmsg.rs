// SPDX-License-Identifier: GPL-2.0

//! recvmsg(2), splice(2) and in-kernel readers.
//!
//! A reader takes the whole queue of the connection, works on it without any lock but the socket's, and puts back what
//! is left: bytes are copied with no spinlock held.

use super::msk::{Msk, Visit};
use super::Mptcp;
use crate::engine::Event;
use crate::sys::msg::{flags, Msg};
use crate::sys::skb::{Skb, SkbList};
use crate::sys::sock::{interrupted, signal_pending, state, Sock, RCV_SHUTDOWN};
use crate::sys::stream;
use crate::sys::subflow;
use kernel::prelude::*;
use kernel::sync::atomic::ordering;

/// recvmsg(2). Process context.
pub(super) fn recvmsg(
    sk: &Sock,
    msk: &Msk,
    msg: &mut Msg<'_>,
    len: usize,
    call: u32,
) -> Result<usize> {
    if call & flags::ERRQUEUE != 0 {
        return Err(EAGAIN);
    }
    let guard = sk.lock();
    super::connect::part(sk, msk);
    if sk.state() == state::LISTEN {
        return Err(ENOTCONN);
    }
    let mut timeo = sk.rcvtimeo(call & flags::DONTWAIT != 0);
    let target = sk.rcvlowat(call & flags::WAITALL != 0, len);
    let result = read(sk, msk, msg, len, call, target, &mut timeo);
    if result.is_ok() && msk.options.inq() {
        let inq = match msk.unread() {
            0 if at_end(sk) => 1,
            bytes => i32::try_from(bytes).unwrap_or(i32::MAX),
        };
        msg.put_cmsg_int(super::sockopt::SOL_TCP, super::sockopt::TCP_CM_INQ, inq);
    }
    drop(guard);
    result
}

/// Nothing will come any more.
fn at_end(sk: &Sock) -> bool {
    sk.shutdown() & RCV_SHUTDOWN != 0 || sk.state() == state::CLOSE
}

fn read(
    sk: &Sock,
    msk: &Msk,
    msg: &mut Msg<'_>,
    len: usize,
    call: u32,
    target: usize,
    timeo: &mut isize,
) -> Result<usize> {
    let peek = call & flags::PEEK != 0;
    let mut copied = 0;
    let mut peeked = 0;
    while copied < len {
        let mut took = |skb: &Skb, skip: u32| -> Result<u32> {
            let want = u32::try_from(len - copied).unwrap_or(u32::MAX);
            let want = want.min(skb.len().saturating_sub(skip));
            if call & flags::TRUNC == 0 {
                skb.copy_to(skip, msg, want)?;
            }
            msg.put_timestamp(sk, skb);
            copied = copied.saturating_add(usize::try_from(want).unwrap_or(0));
            Ok(want)
        };
        let n = if peek {
            peek_at(msk, peeked, &mut took)?
        } else {
            consume(sk, msk, &mut |skb| took(skb, 0))?
        };
        peeked = peeked.saturating_add(u64::try_from(n).unwrap_or(0));
        if copied >= target {
            break;
        }
        if n > 0 {
            continue;
        }
        if copied > 0 && (sk.err() != 0 || at_end(sk) || *timeo == 0 || signal_pending()) {
            break;
        }
        if !wait(sk, msk, peeked, timeo)? {
            break;
        }
    }
    Ok(copied)
}

/// Waits for more than `have` unread bytes; `Ok(false)` at the end of the stream.
fn wait(sk: &Sock, msk: &Msk, have: u64, timeo: &mut isize) -> Result<bool> {
    pull(sk, msk);
    // Looked at before the count, so that what arrived ahead of the end is read first.
    let over = sk.err() != 0 || at_end(sk);
    if msk.unread() > have {
        return Ok(true);
    }
    if over {
        // A pending error comes before the end of the stream, as in TCP.
        sk.take_err()?;
        if sk.shutdown() & RCV_SHUTDOWN != 0 {
            return Ok(msk.unread() > have);
        }
        if sk.state() == state::CLOSE {
            return Err(ENOTCONN);
        }
    }
    if *timeo == 0 {
        return Err(EAGAIN);
    }
    if signal_pending() {
        return Err(interrupted(*timeo));
    }
    stream::wait_once(sk, timeo, || {
        msk.unread() > have || sk.err() != 0 || at_end(sk)
    });
    Ok(true)
}

/// Gives the unread bytes after the first `skip` to `took`, without consuming them.
fn peek_at(msk: &Msk, skip: u64, took: &mut dyn FnMut(&Skb, u32) -> Result<u32>) -> Result<usize> {
    let mut list = take(msk);
    let result = peek_list(&mut list, skip, took);
    msk.inner.lock().rx.prepend(list);
    result
}

fn peek_list(
    list: &mut SkbList,
    mut skip: u64,
    took: &mut dyn FnMut(&Skb, u32) -> Result<u32>,
) -> Result<usize> {
    let mut total = 0;
    for skb in list.iter() {
        let len = u64::from(skb.len());
        if skip >= len {
            skip -= len;
            continue;
        }
        let from = u32::try_from(skip).unwrap_or(0);
        skip = 0;
        let n = took(&skb, from)?;
        total += usize::try_from(n).unwrap_or(0);
        if n < skb.len().saturating_sub(from) {
            break;
        }
    }
    Ok(total)
}

fn take(msk: &Msk) -> SkbList {
    let mut list = SkbList::new();
    list.splice(&mut msk.inner.lock().rx);
    list
}

/// Gives each unread buffer to `took`, which says how much it took, until it takes less than all.
///
/// The socket is locked. Frees what was read, and has the engine tell the peer of the room.
fn consume(sk: &Sock, msk: &Msk, took: &mut dyn FnMut(&Skb) -> Result<u32>) -> Result<usize> {
    if msk.unread() == 0 {
        return Ok(0);
    }
    let mut list = take(msk);
    let mut total: usize = 0;
    let mut freed: u32 = 0;
    let mut result = Ok(());
    while let Some(first) = list.first() {
        let len = first.len();
        let n = match took(first) {
            Ok(n) => n.min(len),
            Err(e) => {
                result = Err(e);
                break;
            }
        };
        total = total.saturating_add(usize::try_from(n).unwrap_or(0));
        if !list.consume_first(n) {
            break;
        }
        if let Some(skb) = list.pop() {
            freed = freed.saturating_add(skb.truesize());
        }
    }
    finish_read(sk, msk, list, total, freed);
    match result {
        Err(e) if total == 0 => Err(e),
        _ => Ok(total),
    }
}

fn finish_read(sk: &Sock, msk: &Msk, rest: SkbList, total: usize, freed: u32) {
    let first = {
        let mut inner = msk.inner.lock();
        inner.rx.prepend(rest);
        if freed > 0 {
            stream::uncharge_receive(sk, freed);
        }
        inner.next_subflow(None)
    };
    if total == 0 {
        return;
    }
    let read = i64::try_from(total).unwrap_or(i64::MAX);
    msk.unread.add(-read, ordering::Relaxed);
    let Some(first) = first else {
        return;
    };
    pull_from(sk, msk, &first);
    if first.more {
        each_other(msk, &first, |other| pull_from(sk, msk, other));
    }
    super::receive_buffer::copied(sk, msk, &first, total);
    let free = super::tx_options::free_space(sk, &first.ssk, &first.ssk.tcp_numbers());
    if msk.shared.is_window_news(free) {
        msk.post(sk, Event::ReceiveSpace { free }).finish(sk, msk);
    }
    let emptied = msk.unread() == 0;
    acknowledge(&first.ssk, emptied);
    if first.more {
        each_other(msk, &first, |other| acknowledge(&other.ssk, emptied));
    }
}

/// Visits the subflows after the first one.
pub(super) fn each_other(msk: &Msk, first: &Visit, mut f: impl FnMut(&Visit)) {
    let mut last = first.id;
    while let Some(visit) = msk.next_subflow(Some(last)) {
        f(&visit);
        if !visit.more {
            return;
        }
        last = visit.id;
    }
}

/// Sends what the reader owes, unless somebody did meanwhile.
fn acknowledge(ssk: &Sock, emptied: bool) {
    if !ssk.reader_owes_ack(emptied) {
        return;
    }
    if let Some(mut locked) = subflow::lock_fast::<Mptcp>(ssk) {
        if ssk.reader_owes_ack(emptied) {
            locked.send_ack();
        }
    }
}

/// Takes from TCP what the receive buffer had no room for before. The socket is locked.
fn pull(sk: &Sock, msk: &Msk) {
    let mut last = None;
    while let Some(visit) = msk.next_subflow(last) {
        pull_from(sk, msk, &visit);
        if !visit.more {
            return;
        }
        last = Some(visit.id);
    }
}

fn pull_from(sk: &Sock, msk: &Msk, visit: &Visit) {
    if !visit.ssk.has_received() {
        return;
    }
    if let Some(mut locked) = visit.lock() {
        super::subflow::pull(sk, msk, &mut locked);
    }
}

/// See [`crate::sys::stack::Stack::read_in_place`].
pub(super) fn read_in_place(
    sk: &Sock,
    msk: &Msk,
    actor: &mut dyn FnMut(&Skb) -> Result<u32>,
) -> Result<usize> {
    if sk.state() == state::LISTEN {
        return Err(ENOTCONN);
    }
    consume(sk, msk, actor)
}

/// See [`crate::sys::stack::Stack::splice`].
pub(super) fn splice(
    sk: &Sock,
    msk: &Msk,
    nonblock: bool,
    len: usize,
    actor: &mut dyn FnMut(&Skb) -> Result<u32>,
) -> Result<usize> {
    let guard = sk.lock();
    let mut timeo = sk.rcvtimeo(nonblock);
    let mut total: usize = 0;
    let result = loop {
        if total >= len {
            break Ok(());
        }
        match consume(sk, msk, actor) {
            Ok(0) if total > 0 => break Ok(()),
            Ok(0) => match wait(sk, msk, 0, &mut timeo) {
                Ok(true) => {}
                Ok(false) => break Ok(()),
                Err(e) => break Err(e),
            },
            Ok(n) => total = total.saturating_add(n),
            Err(e) => break Err(e),
        }
    };
    drop(guard);
    match result {
        Err(e) if total == 0 => Err(e),
        _ => Ok(total),
    }
}

/// SO_RCVLOWAT: readers wait for `bytes`, so the buffer must hold them. The socket is locked by the generic code.
pub(super) fn set_rcvlowat(sk: &Sock, msk: &Msk, bytes: i32) -> Result {
    let most = if sk.rcvbuf_locked() {
        sk.rcvbuf()
    } else {
        sk.rmem_max()
    };
    let bytes = bytes.min(most / 2);
    sk.set_rcvlowat(bytes);
    if super::poll::is_readable(sk, msk) {
        sk.data_ready();
    }
    super::receive_buffer::hold(sk, msk, bytes);
    Ok(())
}
