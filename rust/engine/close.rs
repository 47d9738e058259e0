// SPDX-License-Identifier: GPL-2.0

//! RFC 8684 3.3.3: how a connection ends, and when.

use super::action::ConnState;
use super::connection::Connection;
use super::connection::Mode;
use super::mib::Mib;
use super::payload::Payload;
use super::shared::Shared;
use super::state;
use super::state::Step;
use super::subflow::Phase;
use super::subflow::SubflowId;
use super::timers::Timer;
use crate::wire::Dsn;

/// Up to where the send queue may be freed: the `DATA_FIN` has a number, but no bytes.
pub(super) fn release_below(una: Dsn, end: Dsn) -> Dsn {
    una.earliest(end)
}

impl<P: Payload> Connection<P> {
    /// Moves along the table of closing.
    pub(super) fn step(&mut self, step: Step) {
        let next = state::after(self.state, step);
        if next == self.state {
            return;
        }
        if next == ConnState::Close {
            self.finish();
        } else {
            self.enter(next);
        }
    }

    /// Goes to a state and tells.
    pub(super) fn enter(&mut self, next: ConnState) {
        match (state::is_current(self.state), state::is_current(next)) {
            (false, true) => self.out.count(Mib::MPCurrEstab),
            (true, false) => self.out.uncount(Mib::MPCurrEstab),
            _ => {}
        }
        self.state = next;
        self.out.state(next);
        self.out.wake_writer();
        self.out.wake_reader();
    }

    /// Both directions are closed and both ends know it: TCP's FINs follow, on every subflow.
    fn finish(&mut self) {
        for flow in self.subflows.iter_mut() {
            match core::mem::replace(&mut flow.phase, Phase::Closing) {
                Phase::Closing => {}
                // There is nobody yet to send a FIN to.
                Phase::Opening => flow.owed.reset(super::failure::plain_reset()),
                Phase::Joining | Phase::Open => {
                    flow.owed.close();
                    // The FIN says what an ACK would, unless it has to wait behind data.
                    if flow.is_drained() {
                        flow.owed.no_ack();
                    }
                }
            }
        }
        self.end();
    }

    /// The connection is over, well or not; what subflows it has are dealt with by the caller.
    pub(super) fn end(&mut self) {
        if self.is_closed() {
            return;
        }
        self.enter(ConnState::Close);
        self.out.receive_shut();
        self.out.send_shut();
        self.release_token();
        self.timers.stop(Timer::Retransmit);
        self.timers.stop(Timer::Fail);
        self.send.again.clear();
        // What waits for its turn will wait for ever.
        self.recv.ooo.clear();
        if self.app_closed {
            self.linger();
        } else {
            self.timers.stop(Timer::Close);
        }
    }

    /// Bounds how long subflows outlive the program that used them.
    pub(super) fn linger(&mut self) {
        if self.subflows.is_empty() && self.is_closed() {
            self.timers.stop_all();
        } else {
            let at = self.now.after(self.config.orphan_timeout);
            self.timers.set(Timer::Close, at);
        }
    }

    pub(super) fn release_token(&mut self) {
        if !core::mem::replace(&mut self.token_released, true) {
            self.out.token_released();
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state == ConnState::Close
    }

    /// The last descriptor is gone.
    pub(super) fn on_close(&mut self, shared: &Shared, unread: bool) {
        self.app_closed = true;
        // In-tree: the close timeout takes the place of the one for MP_FAIL.
        self.timers.stop(Timer::Fail);
        if self.is_closed() {
            self.linger();
            return;
        }
        if unread || self.state == ConnState::SynSent {
            self.abort();
            return;
        }
        self.shut(shared);
        if self.subflows.is_empty() {
            // Only time could change anything.
            self.end();
        } else if !self.is_closed() {
            self.linger();
        }
    }

    /// A program is gone, or a path, for too long.
    pub(super) fn on_close_timer(&mut self) {
        if self.is_closed() {
            for flow in self.subflows.iter_mut() {
                flow.owed.reset(super::failure::plain_reset());
            }
            self.timers.stop_all();
        } else {
            self.abort();
        }
    }

    /// The peer's FIN: the end of one subflow's stream, and of the connection's only in plain TCP.
    pub(super) fn on_subflow_fin(&mut self, sf: SubflowId) {
        // In-tree: only of an established connection. Where others carry on, it is of no use either way.
        let spare = self.state == ConnState::Established || self.has_other(sf);
        let plain = self.mode == Mode::Fallback;
        let Some(flow) = self.subflows.get_mut(sf) else {
            return;
        };
        flow.fin_received = true;
        if plain {
            self.end_plain_stream();
        } else if spare && flow.phase == Phase::Open && !self.is_closed() {
            // RFC 8684 3.3.3: the peer takes this path out of use; answer in kind.
            self.close_path(sf);
        }
    }

    /// In plain TCP the FIN ends the stream where the bytes end.
    pub(super) fn end_plain_stream(&mut self) {
        if !self.recv.fin_done {
            // Bytes that were held may be on their way still.
            let end = self.subflows.one().and_then(|flow| flow.rx.stream_end());
            self.recv.fin = Some(end.unwrap_or(self.recv.next).latest(self.recv.next));
        }
    }
}
