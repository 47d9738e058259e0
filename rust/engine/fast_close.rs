// SPDX-License-Identifier: GPL-2.0

//! RFC 8684 3.5: ending a connection at once.
//!
//! We send the form on resets; both forms are understood.

use super::action::ConnError;
use super::action::ConnState;
use super::connection::Connection;
use super::connection::Mode;
use super::mib::Mib;
use super::payload::Payload;
use super::shared::Shared;
use super::subflow::Phase;
use super::subflow::SubflowId;
use super::transmit::Order;
use crate::wire::Key;
use crate::wire::Reset;

impl<P: Payload> Connection<P> {
    /// Ends the connection at once, and tells the peer on every subflow.
    pub(super) fn abort(&mut self) {
        if self.is_closed() {
            return;
        }
        self.reset_all(
            self.mode != Mode::Fallback && self.mode != Mode::Negotiating,
            None,
        );
        self.end();
    }

    /// Resets every subflow but `except`.
    fn reset_all(&mut self, fast_close: bool, except: Option<SubflowId>) {
        for flow in self.subflows.iter_mut() {
            flow.rx.abandon();
            flow.phase = Phase::Closing;
            if Some(flow.id) == except {
                continue;
            }
            if fast_close {
                self.out.count(Mib::MPFastcloseTx);
            }
            if self.mode != Mode::Fallback {
                self.out.count(Mib::MPRstTx);
            }
            flow.owed.reset = Some(Order::Reset {
                reset: Reset::default(),
                fast_close,
                fail: None,
            });
        }
    }

    /// The peer ends the connection, if it knows our key. Says whether it does.
    pub(super) fn on_fast_close(
        &mut self,
        _shared: &Shared,
        sf: SubflowId,
        key: Key,
        rst: bool,
    ) -> bool {
        // A key compares in constant time.
        if key != self.local.key {
            return false;
        }
        self.out.count(Mib::MPFastcloseRx);
        if self.is_closed() {
            return true;
        }
        self.out.error = Some(match self.state {
            ConnState::SynSent => ConnError::Refused,
            ConnState::CloseWait => ConnError::BrokenPipe,
            _ => ConnError::Reset,
        });
        // The subflow that brought a RST is dying of it already.
        self.reset_all(false, rst.then_some(sf));
        self.end();
        true
    }
}
