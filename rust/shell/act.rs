// SPDX-License-Identifier: GPL-2.0

//! Events to the engine, and the one `match` over what it wants done.
//!
//! Lock, decide, unlock, act: what touches only our own queues is done under the connection's lock, what calls into the
//! kernel is collected in an [`Outcome`] and done after, and what needs a subflow's TCP lock waits in `pending` until
//! somebody who has that lock calls [`flush`].

use super::entry::{Entries, Entry, Todo};
use super::mib;
use super::msk::{now, Inner, Msk};
use super::netns;
use super::pm;
use super::sendmsg::wants_acks;
use super::subflow;
use super::Mptcp;
use crate::engine::{Action, ConnError, ConnState, Connection, Event, Instant, Mib, SubflowId};
use crate::sys::skb::Skb;
use crate::sys::sock::{state, Sock, RCV_SHUTDOWN, SEND_SHUTDOWN};
use crate::sys::stream;
use crate::sys::subflow::{lock_in_softirq, SubflowLocked};
use crate::sys::time::jiffies;
use crate::wire::{Dsn, Token};
use kernel::prelude::*;
use kernel::sync::atomic::ordering;
use kernel::sync::rcu;

/// What is to be done once the connection's lock is released.
#[must_use]
#[derive(Default)]
pub(super) struct Outcome {
    /// Of [`bit`]: most of the time there is nothing.
    due: u16,
    token: Option<Token>,
    timer: Option<usize>,
}

/// What the bits of an [`Outcome`] stand for.
mod bit {
    pub(super) const READER: u16 = 1;
    pub(super) const WRITER: u16 = 1 << 1;
    pub(super) const STATE: u16 = 1 << 2;
    pub(super) const ERROR: u16 = 1 << 3;
    /// Something waits for a subflow's lock.
    pub(super) const PENDING: u16 = 1 << 4;
    /// There is something to send.
    pub(super) const PUSH: u16 = 1 << 5;
    pub(super) const GONE: u16 = 1 << 6;
    pub(super) const TOKEN: u16 = 1 << 7;
    pub(super) const TIMER: u16 = 1 << 8;
    /// The path manager may want something.
    pub(super) const PATHS: u16 = 1 << 11;
    /// What somebody outside the lock is to be told of.
    pub(super) const WAKE: u16 = READER | WRITER | STATE | ERROR | GONE | TOKEN | TIMER | PATHS;
    /// close(2) is about to look whether the connection is over.
    pub(super) const CLOSING: u16 = 1 << 9;
    /// Bytes wait that no subflow was handed.
    pub(super) const UNSENT: u16 = 1 << 10;
}

impl Msk {
    /// Gives one event to the engine. Any context but with the connection's lock held.
    ///
    /// What needs a subflow's lock is left to the caller, who has it and will [`flush`], or to the worker.
    pub(super) fn post(&self, sk: &Sock, event: Event<'_, Skb>) -> Outcome {
        let mut inner = self.inner.lock();
        inner.step(sk, self, event)
    }
}

impl Inner {
    /// One event and all that follows from it under the lock.
    pub(super) fn step(&mut self, sk: &Sock, msk: &Msk, event: Event<'_, Skb>) -> Outcome {
        let mut out = Outcome::default();
        if let Some(mut conn) = self.conn.take() {
            let now = now();
            self.prepare(sk, &mut conn);
            conn.handle(&msk.shared, event, now);
            self.carry_out(sk, msk, &mut conn, now, &mut out);
            self.conn = Some(conn);
        }
        out
    }

    /// Calls the engine, with the list of subflows that goes with it, and carries out what follows under the lock. Nothing
    /// without a connection.
    pub(super) fn ask<R>(
        &mut self,
        sk: &Sock,
        msk: &Msk,
        f: impl FnOnce(&mut Connection<Skb>, &mut Entries, Instant) -> R,
    ) -> Option<(R, Outcome)> {
        let mut out = Outcome::default();
        let now = now();
        let mut conn = self.conn.take()?;
        self.prepare(sk, &mut conn);
        let answer = f(&mut conn, &mut self.subflows, now);
        self.carry_out(sk, msk, &mut conn, now, &mut out);
        self.conn = Some(conn);
        Some((answer, out))
    }

    #[inline]
    fn prepare(&self, sk: &Sock, conn: &mut Connection<Skb>) {
        if self.user.is_some() {
            // Nobody's business if nobody listens.
            conn.take_addresses(pm::events::is_heard(sk));
        }
    }

    #[inline(always)]
    fn carry_out(
        &mut self,
        sk: &Sock,
        msk: &Msk,
        conn: &mut Connection<Skb>,
        now: Instant,
        out: &mut Outcome,
    ) {
        while !conn.is_quiet() {
            let Some(action) = conn.poll_action(&msk.shared) else {
                break;
            };
            self.act(sk, msk, conn, action, out);
        }
        out.note(bit::UNSENT, conn.is_waiting());
        out.note(bit::CLOSING, self.closing);
        if let Some(at) = conn.next_timeout() {
            if self.armed.is_none_or(|armed| at < armed) {
                self.armed = Some(at);
                out.timer = Some(jiffies(at.since(now).as_millis()));
                out.due |= bit::TIMER;
            }
        }
    }

    #[inline(never)]
    fn act(
        &mut self,
        sk: &Sock,
        msk: &Msk,
        conn: &Connection<Skb>,
        action: Action<Skb>,
        out: &mut Outcome,
    ) {
        match action {
            // The counters follow from `sk_state` and from a knob: see `mib.rs` and `blackhole.rs`.
            Action::Count(Mib::MPCurrEstab | Mib::Blackhole, _) => {}
            Action::Count(mib, n) => netns::of(sk).count(mib, n),
            Action::Deliver(skb) => {
                let bytes = i64::from(skb.len());
                stream::charge_receive(sk, self.rx.push(skb));
                msk.unread.add(bytes, ordering::Relaxed);
            }
            Action::Release { una } => self.release(sk, una, out),
            Action::State(to) => self.show(sk, conn, to, out),
            Action::ReceiveShut => {
                sk.add_shutdown(RCV_SHUTDOWN);
                out.due |= bit::STATE;
            }
            Action::SendShut => {
                sk.add_shutdown(SEND_SHUTDOWN);
                out.due |= bit::STATE;
            }
            Action::Error(error) => {
                sk.set_err(errno(error));
                out.due |= bit::ERROR;
            }
            Action::FellBack(reason) => super::trace::fell_back(msk, reason),
            Action::Blackhole => netns::of(sk).blackhole(),
            Action::PathIsCapable => {
                if let Some(first) = self.subflows.get(SubflowId::FIRST) {
                    netns::of(sk).path_is_capable(&first.ssk);
                }
            }
            Action::Tell { sf, order } => self.put_off(sf, Todo::Tell(order), out),
            Action::ResetSubflow { sf } => self.put_off(sf, Todo::Reset, out),
            Action::CloseSubflow { sf } => self.put_off(sf, Todo::Close, out),
            Action::SendAck { sf } => self.put_off(sf, Todo::Ack, out),
            Action::DelayAck { sf } => self.put_off(sf, Todo::LateAck, out),
            Action::Push { sf } => self.put_off(sf, Todo::Push, out),
            Action::WakeReader => out.due |= bit::READER,
            Action::WakeWriter => out.due |= bit::WRITER,
            Action::TokenReleased => {
                out.token = self.token.take();
                out.due |= bit::TOKEN;
            }
            Action::Gone => {
                self.gone = true;
                out.due |= bit::GONE;
            }
            Action::Path(event) => {
                self.tell_path(sk, conn, &event);
                out.note(bit::PATHS, self.tell_policy(sk, conn, &event));
            }
        }
    }

    /// Frees what the peer has.
    fn release(&mut self, sk: &Sock, una: Dsn, out: &mut Outcome) {
        let freed = self.tx.release(sk, una);
        if freed > 0 {
            stream::uncharge_send(sk, freed);
            out.due |= bit::WRITER;
        }
    }

    /// Shows a state of the connection, or keeps it back until connect(2) lets the lock go.
    fn show(&mut self, sk: &Sock, conn: &Connection<Skb>, to: ConnState, out: &mut Outcome) {
        if to == ConnState::Established {
            self.tell_created(sk, conn);
        }
        if self.connecting {
            self.held = Some(to);
        } else {
            set_state(sk, to, self);
            out.due |= bit::STATE;
        }
    }

    /// Notes that TCP is done with a subflow: says whether the connection goes on without it, so that the worker has to
    /// take it out.
    pub(super) fn bury(&mut self, sf: SubflowId) -> bool {
        let conn = self.conn.as_ref();
        if conn.is_none_or(|conn| conn.state() == ConnState::Close) {
            return false;
        }
        if sf == SubflowId::FIRST && !self.accepted {
            // It is in TCP's accept queue: accept(2) sees to it.
            return false;
        }
        self.subflows.get_mut(sf).is_some_and(|entry| {
            entry.dead = true;
            true
        })
    }

    /// Has TCP send one more ACK on a subflow, by whoever may.
    pub(super) fn owe_ack(&mut self, sf: SubflowId) {
        if let Some(entry) = self.subflows.get_mut(sf) {
            entry.put_off(Todo::Ack);
        }
    }

    /// See [`Entry::fin_coming`].
    pub(super) fn expect_fin(&mut self, sf: SubflowId, coming: bool) {
        if let Some(entry) = self.subflows.get_mut(sf) {
            entry.fin_coming = coming;
        }
    }

    fn put_off_reset(&mut self, sf: SubflowId) {
        if let Some(entry) = self.subflows.get_mut(sf) {
            entry.put_off(Todo::Reset);
        }
    }

    /// Keeps for later what needs the lock of a subflow.
    fn put_off(&mut self, sf: SubflowId, what: Todo, out: &mut Outcome) {
        out.due |= match what {
            Todo::Push => bit::PUSH,
            _ => bit::PENDING,
        };
        if let Some(entry) = self.subflows.get_mut(sf) {
            entry.put_off(what);
        }
    }
}

impl Outcome {
    fn has(&self, bits: u16) -> bool {
        self.due & bits != 0
    }

    fn note(&mut self, bit: u16, is_so: bool) {
        if is_so {
            self.due |= bit;
        }
    }

    /// Joins what follows from two events.
    pub(super) fn and(self, other: Outcome) -> Outcome {
        // The later event is the one that knows these.
        let earlier = self.due & !(bit::UNSENT | bit::CLOSING);
        Outcome {
            due: earlier | other.due,
            token: self.token.or(other.token),
            timer: match (self.timer, other.timer) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            },
        }
    }

    /// Whether bytes wait that no subflow was handed.
    pub(super) fn unsent(&self) -> bool {
        self.has(bit::UNSENT)
    }

    /// Wakes whoever waits, and sets the timer. No lock of ours is held, but a subflow's may be.
    ///
    /// Says whether something waits for a subflow's lock.
    #[inline]
    fn wake(&self, sk: &Sock, msk: &Msk) -> bool {
        if self.has(bit::WAKE) {
            self.tell(sk, msk);
        }
        self.has(bit::PENDING | bit::PUSH)
    }

    fn tell(&self, sk: &Sock, msk: &Msk) {
        // For the `struct socket`, where a process runs TCP's backlog without the lock of the MPTCP socket.
        let _rcu = rcu::read_lock();
        if let Some(token) = self.token {
            netns::of(sk).tokens.remove(token);
        }
        if self.has(bit::PATHS) {
            msk.worker.queue();
        }
        let is_dead = sk.is_dead();
        if (is_dead || self.has(bit::CLOSING)) && sk.state() == state::CLOSE {
            // An orphan that is over, so that no timer matters: the worker puts it away, unless close(2) is about to.
            if self.has(bit::GONE | bit::STATE) && !self.has(bit::CLOSING) {
                msk.worker.queue();
            }
        } else if let Some(delay) = self.timer {
            msk.worker.queue_in(delay);
        }
        if is_dead {
            return;
        }
        if self.has(bit::STATE) {
            sk.state_change();
        }
        if self.has(bit::ERROR) {
            sk.error_report();
        }
        if self.has(bit::READER | bit::STATE) {
            sk.data_ready();
        }
        if self.has(bit::WRITER) {
            // As TCP has it, nobody is woken who did not ask: whoever waits to read need not see it.
            let asked = sk.wants_write_space();
            if asked {
                sk.write_space();
            }
            // An accepted subflow shares the program's `struct socket` and with it the flag that has TCP call us
            // back: the line above cleared it. A program may have written since the event.
            if self.unsent() || (asked && wants_acks(msk, &msk.inner.lock())) {
                sk.want_write_space();
            }
        }
    }

    /// Has TCP call `write_space` for the segment that is on its way to it, should the flag have been cleared meanwhile.
    fn ask_for_push(&self, sk: &Sock) {
        if self.has(bit::PUSH) {
            let _rcu = rcu::read_lock();
            sk.want_write_space();
        }
    }

    /// Finishes in a context that has no subflow's lock and must not sleep: the worker does the rest.
    ///
    /// A mere push needs no worker while TCP is sure to call `write_space` for the same segment.
    pub(super) fn finish_in_softirq(self, sk: &Sock, msk: &Msk) {
        self.wake(sk, msk);
        self.ask_for_push(sk);
        if self.has(bit::PENDING) || (self.has(bit::PUSH) && sk.is_dead()) {
            msk.worker.queue();
        }
    }

    /// Finishes where the lock of a subflow is held that has nothing to do itself, in the middle of TCP: the worker sees to
    /// the others.
    pub(super) fn finish_for_others(self, sk: &Sock, msk: &Msk, sf: SubflowId) {
        if self.wake(sk, msk) && msk.inner.lock().subflows.others_wait(sf) {
            msk.worker.queue();
        }
    }

    /// Finishes where a segment of `ssk` arrived that carries no data: TCP would not call us back for it. The worker does
    /// the rest only if a process owns the subflow that is not about to do it. Softirq, no lock held.
    pub(super) fn finish_for(self, sk: &Sock, msk: &Msk, sf: SubflowId, ssk: &Sock) {
        if self.has(bit::PENDING) {
            if let Some(mut locked) = lock_in_softirq::<Mptcp>(ssk) {
                self.finish_locked(sk, msk, &mut locked);
                return;
            }
        }
        let is_left = self.has(bit::PENDING)
            && !{
                let inner = msk.inner.lock();
                inner.subflows.get(sf).is_some_and(|entry| entry.flushing)
            };
        self.wake(sk, msk);
        self.ask_for_push(sk);
        if is_left || (self.has(bit::PUSH) && sk.is_dead()) {
            msk.worker.queue();
        }
    }

    /// Finishes with the lock of one subflow held: does what waits for it, leaves the rest to the worker.
    pub(super) fn finish_locked(self, sk: &Sock, msk: &Msk, locked: &mut SubflowLocked<'_, Mptcp>) {
        if self.wake(sk, msk) && flush(sk, msk, locked).others {
            msk.worker.queue();
        }
    }

    /// Finishes where the caller goes on to push by itself.
    pub(super) fn finish_without_push(self, sk: &Sock, msk: &Msk) {
        self.wake(sk, msk);
        if self.has(bit::PENDING) {
            msk.worker.queue();
        }
    }

    /// Finishes in process context with no subflow's lock held.
    pub(super) fn finish(self, sk: &Sock, msk: &Msk) {
        if self.wake(sk, msk) {
            super::worker::flush_all(sk, msk);
        }
    }
}

/// Applies what the engine wants said on this subflow, and leaves the rest that waits for its lock.
pub(super) fn apply_orders(msk: &Msk, locked: &mut SubflowLocked<'_, Mptcp>) {
    let Some(id) = locked.subflow().id() else {
        return;
    };
    loop {
        let mut inner = msk.inner.lock();
        let order = inner.subflows.get_mut(id).and_then(Entry::next_order);
        drop(inner);
        let Some(order) = order else {
            return;
        };
        locked.locked().tx.apply(order);
    }
}

/// The socket's lock was let go: shows the state that waited for that. Softirq rules: the spinlock is held.
pub(super) fn unlocked(sk: &Sock, msk: &Msk) {
    // What most calls see without the lock: nothing is held back but in this state.
    if sk.state() != state::SYN_SENT {
        return;
    }
    let held = {
        let mut inner = msk.inner.lock();
        if !inner.connecting {
            return;
        }
        inner.connecting = false;
        let held = inner.held.take();
        if let Some(to) = held {
            set_state(sk, to, &mut inner);
        }
        held
    };
    if held.is_some() {
        sk.state_change();
        sk.write_space();
    }
}

/// What came of [`flush`].
#[derive(Clone, Copy, Default)]
pub(super) struct Flushed {
    /// There was a push among it.
    pub(super) pushed: bool,
    /// Something waits for another subflow.
    pub(super) others: bool,
}

/// Does everything that waits for the lock of this subflow.
///
/// A reset needs softirqs on, so that over a virtual device the RST has arrived before the socket is gone from TCP's
/// table: the worker sees to it. (A connection that nobody has accepted has no such luxury: see `msk::Visit::lock`.)
pub(super) fn flush(sk: &Sock, msk: &Msk, locked: &mut SubflowLocked<'_, Mptcp>) -> Flushed {
    let mut flushed = Flushed::default();
    let Some(id) = locked.subflow().id() else {
        return flushed;
    };
    let is_owned = locked.is_owned();
    loop {
        let todo = {
            let mut inner = msk.inner.lock();
            let may_reset = is_owned || !inner.accepted;
            let Some(entry) = inner.subflows.get_mut(id) else {
                return flushed;
            };
            let todo = entry.next_pending(may_reset);
            if todo.is_none() && (may_reset || !entry.has_pending_reset()) {
                flushed.others = inner.subflows.others_wait(id);
                return flushed;
            }
            todo
        };
        match todo {
            None => {
                msk.worker.queue();
                return flushed;
            }
            Some(Todo::Tell(order)) => locked.locked().tx.apply(order),
            Some(Todo::Ack) => locked.send_ack(),
            Some(Todo::LateAck) => locked.delay_ack(),
            Some(Todo::Close) => {
                if !locked.shutdown_write() {
                    msk.inner.lock().put_off_reset(id);
                }
            }
            Some(Todo::Push) => {
                super::sendmsg::push(sk, msk, locked);
                flushed.pushed = true;
            }
            Some(Todo::Reset) => {
                locked.reset();
                subflow::closed(locked);
            }
        }
    }
}

/// Does what waits for other subflows than the one that a segment arrived on, as far as nobody owns them. Softirq, no
/// lock held.
pub(super) fn flush_others(sk: &Sock, msk: &Msk, sf: SubflowId) {
    let mut last = None;
    let mut more = false;
    while let Some(visit) = msk.next_waiting(last) {
        last = Some(visit.id);
        if visit.id == sf {
            continue;
        }
        match lock_in_softirq::<Mptcp>(&visit.ssk) {
            Some(mut locked) => more |= flush(sk, msk, &mut locked).others,
            None => msk.worker.queue(),
        }
    }
    // One may have left something for another that was visited before.
    if more && msk.inner.lock().subflows.others_wait(sf) {
        msk.worker.queue();
    }
}

/// Mirrors the engine's state in `sk_state`, and keeps the gauge of established connections.
fn set_state(sk: &Sock, to: ConnState, inner: &mut Inner) {
    let to = match to {
        ConnState::SynSent => state::SYN_SENT,
        ConnState::Established => state::ESTABLISHED,
        ConnState::FinWait1 => state::FIN_WAIT1,
        ConnState::FinWait2 => state::FIN_WAIT2,
        ConnState::Closing => state::CLOSING,
        ConnState::CloseWait => state::CLOSE_WAIT,
        ConnState::LastAck => state::LAST_ACK,
        ConnState::Close => state::CLOSE,
    };
    if to == state::CLOSE {
        inner.armed = None;
    }
    mib::set_state(sk, to);
}

fn errno(error: ConnError) -> i32 {
    -(match error {
        ConnError::Reset => ECONNRESET,
        ConnError::BrokenPipe => EPIPE,
        ConnError::Refused => ECONNREFUSED,
        ConnError::TimedOut => ETIMEDOUT,
        ConnError::Unreachable => EHOSTUNREACH,
    })
    .to_errno()
}
