// SPDX-License-Identifier: GPL-2.0

//! RFC 8684 3.7, 3.8: what each error does to whom.

use super::action::ConnError;
use super::action::ConnState;
use super::action::FallbackReason;
use super::connection::Connection;
use super::connection::Mode;
use super::event::Ending;
use super::join::refusal;
use super::mapping::Flaw;
use super::mib::Mib;
use super::order::Order;
use super::payload::Payload;
use super::shared::Shared;
use super::subflow::Farewell;
use super::subflow::Phase;
use super::subflow::SubflowId;
use super::timers::Timer;
use crate::wire::Dsn;
use crate::wire::Reset;
use crate::wire::ResetReason;

/// The order for a reset that has nothing to say.
pub(super) fn plain_reset() -> Order {
    Order::Reset {
        reset: Reset::default(),
        fast_close: false,
        fail: None,
    }
}

impl<P: Payload> Connection<P> {
    /// A mapping is wrong or missing: plain TCP where that is still possible, else a new path.
    pub(super) fn on_flaw(&mut self, shared: &Shared, sf: SubflowId, flaw: Flaw) {
        let ended = self
            .recv
            .fin
            .is_some_and(|fin| fin.at_or_before(self.recv.next));
        let (mib, reason) = match flaw {
            // RFC 8684 3.3.3: nothing comes after the DATA_FIN, mapped or not.
            Flaw::Missing if ended => {
                self.reset_for_nonsense(sf);
                return;
            }
            Flaw::Missing => (None, ResetReason::MIDDLEBOX),
            Flaw::Elsewhere => (Some(Mib::DSSNoMatchTCP), ResetReason::MPTCP),
            Flaw::Conflict => (Some(Mib::DSSNotMatching), ResetReason::MPTCP),
            // RFC 8684 3.3.1: not what was agreed, or numbers that no honest peer comes to: the subflow is broken.
            // A fallback would deliver such bytes as if they came next.
            Flaw::ChecksumPresence | Flaw::Unreachable => {
                self.out.count(Mib::DssReset);
                self.reset(sf, ResetReason::MPTCP, None);
                return;
            }
            Flaw::NoRoom => {
                self.out.count(Mib::RcvPruned);
                return;
            }
            Flaw::Checksum { dsn } => {
                self.on_bad_checksum(shared, sf, dsn);
                return;
            }
        };
        if let Some(mib) = mib {
            self.out.count(mib);
        }
        if self.try_plain(shared, FallbackReason::Mapping, Mib::DssFallback) {
            return;
        }
        self.out.count(Mib::DssReset);
        self.reset(sf, reason, None);
    }

    /// RFC 8684 3.7: the path alters data.
    fn on_bad_checksum(&mut self, shared: &Shared, sf: SubflowId, dsn: Dsn) {
        self.out.count(Mib::DataCsumErr);
        let first_ever = self
            .subflows
            .get(sf)
            .is_some_and(|flow| flow.id == SubflowId::FIRST && !flow.rx.checksum_seen);
        // It never worked: as if the options had been stripped from the start.
        if first_ever && self.try_plain(shared, FallbackReason::Checksum, Mib::DssFallback) {
            return;
        }
        self.out.count(Mib::MPFailTx);
        if self.could_be_plain() {
            if let Some(flow) = self.subflows.get_mut(sf) {
                flow.rx.hold_failed();
                flow.owed.fail(dsn);
            }
            if !self.app_closed {
                let at = self.now.after(self.config.fail_timeout);
                self.timers.set(Timer::Fail, at);
            }
            return;
        }
        self.reset(sf, ResetReason::MIDDLEBOX, Some(dsn));
    }

    /// Nobody answered our `MP_FAIL`.
    pub(super) fn on_fail_timer(&mut self) {
        let failed = self.subflows.iter().find(|flow| flow.rx.is_failed());
        if let Some(sf) = failed.map(|flow| flow.id) {
            self.reset(sf, ResetReason::MIDDLEBOX, None);
        }
    }

    /// The peer contradicts itself in a way that no fallback mends.
    pub(super) fn reset_for_nonsense(&mut self, sf: SubflowId) {
        self.out.count(Mib::DssReset);
        self.reset(sf, ResetReason::MPTCP, None);
    }

    /// Resets one subflow; the connection goes on, or waits for another one.
    pub(super) fn reset(&mut self, sf: SubflowId, reason: ResetReason, fail: Option<Dsn>) {
        self.reset_saying(sf, refusal(reason), fail);
    }

    /// Resets one subflow for a cause that may pass.
    pub(super) fn reset_transient(&mut self, sf: SubflowId, reason: ResetReason) {
        let reset = Reset {
            reason,
            transient: true,
        };
        self.reset_saying(sf, reset, None);
    }

    fn reset_saying(&mut self, sf: SubflowId, reset: Reset, fail: Option<Dsn>) {
        let Some(flow) = self.subflows.get_mut(sf) else {
            return;
        };
        flow.rx.abandon();
        flow.phase = Phase::Closing;
        flow.owed.reset(Order::Reset {
            reset,
            fast_close: false,
            fail,
        });
        self.out.count(Mib::MPRstTx);
    }

    /// The TCP connection of a subflow is no more.
    pub(super) fn on_subflow_closed(&mut self, sf: SubflowId, ending: Ending) {
        let Some(gone) = self.subflows.remove(sf) else {
            return;
        };
        self.count_parting(&gone.parting);
        if gone.farewell != Farewell::Told && self.has_paths() {
            self.out.paths().closed = Some(gone.end(ending));
        }
        if gone.parting.fast_close {
            self.on_fast_close();
        }
        if self.is_closed() {
            if self.subflows.is_empty() {
                self.timers.stop_all();
            }
            return;
        }
        if self.mode == Mode::Negotiating && ending == Ending::TimedOut {
            // As in-tree: the last SYN timed out, and the next one would have gone without the option.
            self.out.count(Mib::MPCapableSYNTXDrop);
        }
        if self.mode == Mode::Fallback || self.state == ConnState::SynSent {
            self.end_with(ending);
            return;
        }
        // First what it owed (RFC 8684 3.3.6): it may be all that there is to wait for.
        if self.subflows.is_empty() {
            self.reinject_everything();
            self.timers.stop(Timer::Retransmit);
        } else {
            self.reinject(&gone);
        }
        self.wait_for_paths();
    }

    /// RFC 8684 3.3.3, break before make: without a subflow that works another one may come.
    pub(super) fn wait_for_paths(&mut self) {
        if self.mode == Mode::Fallback || self.is_closed() {
            return;
        }
        if self.subflows.iter().any(|f| f.phase != Phase::Closing) {
            return;
        }
        if self.state == ConnState::Established && !self.app_closed {
            let at = self.now.after(self.config.close_timeout);
            self.timers.set_once(Timer::Close, at);
        } else if self.subflows.is_empty() {
            self.end();
        }
    }

    /// Another subflow is on its way.
    pub(super) fn stop_waiting_for_paths(&mut self) {
        if !self.app_closed {
            self.timers.stop(Timer::Close);
        }
    }

    /// Whether a path manager has to do with the connection.
    pub(super) fn has_paths(&self) -> bool {
        !matches!(self.mode, Mode::Fallback | Mode::Negotiating)
    }

    /// The only TCP connection there was is gone, and the connection with it.
    fn end_with(&mut self, ending: Ending) {
        let error = match ending {
            Ending::Clean | Ending::Local => None,
            Ending::Refused => Some(ConnError::Refused),
            Ending::TimedOut => Some(ConnError::TimedOut),
            Ending::Unreachable => Some(ConnError::Unreachable),
            Ending::Reset => Some(match self.state {
                ConnState::SynSent => ConnError::Refused,
                ConnState::CloseWait => ConnError::BrokenPipe,
                _ => ConnError::Reset,
            }),
        };
        if let Some(error) = error {
            self.out.error(error);
        }
        self.end();
    }
}
