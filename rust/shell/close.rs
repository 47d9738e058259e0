// SPDX-License-Identifier: GPL-2.0

//! shutdown(2), disconnect and close(2), and the end of a socket.

use super::accept::count_use;
use super::entry::{Entries, Entry};
use super::mib::set_state;
use super::msk::Msk;
use super::netns;
use super::pm;
use super::Mptcp;
use crate::engine::Event;
use crate::sys::child;
use crate::sys::proto;
use crate::sys::skb::SkbList;
use crate::sys::sock::{signal_pending, state, Sock, RCV_SHUTDOWN, SEND_SHUTDOWN};
use crate::sys::stream;
use crate::sys::subflow;
use kernel::prelude::*;
use kernel::sync::atomic::ordering;

/// shutdown(2). The socket is locked; the caller has set the bits already.
pub(super) fn shutdown(sk: &Sock, msk: &Msk, how: u8) {
    if how & SEND_SHUTDOWN != 0 {
        msk.post(sk, Event::ShutdownWrite).finish(sk, msk);
        super::sendmsg::push_all(sk, msk);
    }
}

/// Disconnect: connect(2) to AF_UNSPEC, shutdown(2) of a listener, a failed connect. The socket is locked.
pub(super) fn disconnect(sk: &Sock, msk: &Msk) -> Result {
    if sk.state() == state::LISTEN {
        count_use(sk, msk, false);
    }
    tell_end(sk, msk);
    msk.post(sk, Event::Abort).finish(sk, msk);
    forget_connection(sk, msk);
    msk.inner.lock().user = netns::of(sk).user_addresses();
    reset_first(msk);
    sk.clear_shutdown();
    sk.set_err(0);
    proto::clear_addresses(sk);
    if sk.state() != state::CLOSE {
        set_state(sk, state::CLOSE);
    }
    Ok(())
}

/// Path managers hear that a program gives up a connection, or a listener.
fn tell_end(sk: &Sock, msk: &Msk) {
    if sk.state() == state::LISTEN {
        if let Some(ssk) = msk.first_ssk() {
            pm::events::listener(sk, &ssk, false);
        }
    } else {
        msk.inner.lock().tell_closed(sk);
    }
}

/// Makes the first TCP socket ready for another connect or listen: it keeps its options and what it is bound to. Whoever
/// sleeps on it wakes up. The MPTCP socket is locked.
pub(super) fn reset_first(msk: &Msk) {
    let first = msk.inner.lock().first.clone();
    if let Some(first) = first {
        first.set_connecting(false);
        if let Some(mut locked) = subflow::lock::<Mptcp>(first.sock()) {
            locked.reset();
            locked.wake();
        }
    }
}

/// close(2) of the last descriptor; `timeout` in jiffies is how long to linger.
pub(super) fn close(sk: &Sock, msk: &Msk, timeout: isize) {
    let keep = sk.hold();
    let guard = sk.lock();
    msk.inner.lock().closing = true;
    sk.add_shutdown(RCV_SHUTDOWN | SEND_SHUTDOWN);
    let mut timeout = timeout;
    tell_end(sk, msk);
    if matches!(sk.state(), state::LISTEN | state::CLOSE) {
        count_use(sk, msk, false);
        if sk.state() != state::CLOSE {
            set_state(sk, state::CLOSE);
        }
    } else {
        let unread = msk.unread() > 0;
        let abort = sk.linger() == Some(0);
        let event = if abort {
            Event::Abort
        } else {
            Event::Close { unread }
        };
        msk.post(sk, event).finish(sk, msk);
        super::sendmsg::push_all(sk, msk);
        while timeout > 0 && is_closing(sk) && !signal_pending() {
            stream::wait_once(sk, &mut timeout, || !is_closing(sk));
        }
    }
    orphan_subflows(msk);
    stream::orphan(sk);
    drop(guard);
    // An orphan goes on by itself: the worker sees to its end.
    finish(&keep, msk);
}

/// Our side has closed, and the peer has not acknowledged it.
fn is_closing(sk: &Sock) -> bool {
    matches!(
        sk.state(),
        state::FIN_WAIT1 | state::CLOSING | state::LAST_ACK
    )
}

/// The program's `struct socket` goes away: subflows must not point to it.
fn orphan_subflows(msk: &Msk) {
    let mut last = None;
    while let Some(visit) = msk.next_subflow(last) {
        if visit.child {
            if let Some(mut locked) = visit.lock() {
                locked.set_parent(None);
            }
        }
        last = Some(visit.id);
    }
}

/// Ends an orphan whose connection is over. Process context, the socket not locked.
pub(super) fn finish(sk: &Sock, msk: &Msk) {
    let guard = sk.lock();
    // From here on whatever ends the connection asks for the worker.
    msk.inner.lock().closing = false;
    let over = sk.state() == state::CLOSE && sk.is_dead();
    if !over {
        drop(guard);
        return;
    }
    forget_connection(sk, msk);
    let first = msk.inner.lock().first.take();
    drop(guard);
    drop(first);
    if !msk.options.released() {
        proto::release(sk);
    }
}

/// Ends a connection that no program will ever see: its listener is gone, or there was no memory. Any context.
pub(super) fn abandon(sk: &Sock, msk: &Msk) {
    stream::orphan(sk);
    // Nothing may bring it back: neither what still happens on a subflow, nor what the engine was about to say first, that it
    // is established.
    let conn = msk.inner.lock().conn.take();
    drop(conn);
    if sk.state() != state::CLOSE {
        set_state(sk, state::CLOSE);
    }
    msk.worker.queue();
}

/// Drops the connection with all that hangs on it; accepted subflows are left to TCP. The socket is locked.
pub(super) fn forget_connection(sk: &Sock, msk: &Msk) {
    msk.worker.cancel_timer();
    let (entries, token) = {
        let mut inner = msk.inner.lock();
        inner.conn = None;
        inner.policy = None;
        inner.told = false;
        inner.armed = None;
        inner.connecting = false;
        inner.held = None;
        let freed = inner.tx.restart(sk, crate::wire::Dsn(0));
        if freed > 0 {
            stream::uncharge_send(sk, freed);
        }
        let mut list = SkbList::new();
        list.splice(&mut inner.rx);
        let mut charged: u32 = 0;
        while let Some(skb) = list.pop() {
            charged = charged.saturating_add(skb.truesize());
        }
        if charged > 0 {
            stream::uncharge_receive(sk, charged);
        }
        stream::reclaim(sk);
        (core::mem::take(&mut inner.subflows), inner.token.take())
    };
    msk.unread.store(0, ordering::Release);
    if let Some(token) = token {
        netns::of(sk).tokens.remove(token);
    }
    close_subflows(entries);
}

fn close_subflows(mut entries: Entries) {
    while let Some(entry) = entries.pop() {
        close_subflow(entry);
    }
}

/// Gives a subflow back to TCP, which sees it through. Process context, no lock of it held.
pub(super) fn close_subflow(entry: Entry) {
    if let Some(mut locked) = subflow::lock::<Mptcp>(&entry.ssk) {
        // What nobody read is answered by a RST, which TCP does by itself.
        if !entry.ssk.has_received() && !locked.shutdown_write() {
            locked.reset();
        }
    }
    if entry.child {
        // The child of a port endpoint's listener: without this TCP would stop its timers now, before the FIN is
        // acknowledged.
        subflow::keep_namespace(&entry.ssk);
        child::close(&entry.ssk);
    }
    // One that we opened goes with its socket.
    drop(entry.socket);
}

/// `proto->destroy`: the last step of `release`.
pub(super) fn destroy(sk: &Sock, msk: &Msk) {
    forget_connection(sk, msk);
    let first = msk.inner.lock().first.take();
    drop(first);
    if msk.options.set_hooked(false) {
        netns::of(sk).release_hooks();
    }
    stream::sockets_allocated_dec(sk);
}
