// SPDX-License-Identifier: GPL-2.0

//! RFC 8684 3.5: ending a connection at once.
//!
//! We send the form on resets; both forms are understood.

use super::action::ConnError;
use super::action::ConnState;
use super::connection::Connection;
use super::connection::Mode;
use super::mib::Mib;
use super::order::Order;
use super::payload::Payload;
use super::subflow::Parting;
use super::subflow::Phase;
use super::subflow::SubflowId;
use crate::wire::Key;
use crate::wire::Options;
use crate::wire::Reset;

impl<P: Payload> Connection<P> {
    /// Ends the connection at once, and tells the peer on every subflow.
    pub(super) fn abort(&mut self) {
        if self.is_closed() {
            return;
        }
        self.reset_all(self.mode != Mode::Fallback && self.mode != Mode::Negotiating);
        self.end();
    }

    /// Resets every subflow.
    fn reset_all(&mut self, fast_close: bool) {
        for flow in self.subflows.iter_mut() {
            flow.rx.abandon();
            let before = core::mem::replace(&mut flow.phase, Phase::Closing);
            // Where the SYN is unanswered TCP sends no RST.
            let says_so = before != Phase::Opening && self.mode != Mode::Fallback;
            if says_so && fast_close {
                self.out.count(Mib::MPFastcloseTx);
            }
            if says_so {
                self.out.count(Mib::MPRstTx);
            }
            flow.owed.reset(Order::Reset {
                reset: Reset::default(),
                fast_close,
                fail: None,
            });
        }
    }

    /// Whether a fast close that names `key` is meant for us.
    pub(super) fn is_our_key(&self, key: Key) -> bool {
        // A key compares in constant time.
        key == self.local.key
    }

    /// Notes what a RST says, until TCP takes it.
    pub(super) fn note_parting(&mut self, sf: SubflowId, options: &Options) {
        let fast_close = self.mode != Mode::Fallback
            && options
                .fast_close
                .is_some_and(|fast_close| self.is_our_key(fast_close.key));
        if let Some(flow) = self.subflows.get_mut(sf) {
            // A forged RST that TCP refuses must not hide what the real one said.
            flow.parting.fast_close |= fast_close;
            flow.parting.reset = options.reset.or(flow.parting.reset);
            flow.parting.fail |= options.fail.is_some();
        }
    }

    /// Counts what the RST said that TCP has taken.
    pub(super) fn count_parting(&mut self, parting: &Parting) {
        if parting.reset.is_some() {
            self.out.count(Mib::MPRstRx);
        }
        if parting.fail && self.mode != Mode::Fallback {
            self.out.count(Mib::MPFailRx);
        }
    }

    /// The peer ends the connection, and knows our key.
    pub(super) fn on_fast_close(&mut self) {
        self.out.count(Mib::MPFastcloseRx);
        if self.is_closed() {
            return;
        }
        self.out.error(match self.state {
            ConnState::SynSent => ConnError::Refused,
            ConnState::CloseWait => ConnError::BrokenPipe,
            _ => ConnError::Reset,
        });
        self.reset_all(false);
        self.end();
    }
}
