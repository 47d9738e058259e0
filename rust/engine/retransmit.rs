// SPDX-License-Identifier: GPL-2.0

//! RFC 8684 3.3.6: what the connection sends again, beside what TCP sends again by itself.

use super::action::FallbackReason;
use super::connection::Connection;
use super::connection::Mode;
use super::limits::SILENT_FINS;
use super::mib::Mib;
use super::payload::Payload;
use super::runs::Run;
use super::send::Again;
use super::send::Fin;
use super::shared::Shared;
use super::subflow::Phase;
use super::subflow::Subflow;
use super::subflow::SubflowId;
use super::time::Duration;
use crate::wire::Dsn;
use crate::wire::Ssn;

/// What a retransmission timeout finds.
enum Due {
    /// Data that some subflow's TCP has delivered, and the connection has not: send it again.
    Data,
    /// The same, but that path has stopped carrying options.
    Silence(SubflowId),
    /// Our `DATA_FIN`.
    Fin,
    /// The peer's window is closed, and nothing in flight will tell when it opens.
    Window,
    /// TCP is still at it.
    Nothing,
}

impl<P: Payload> Connection<P> {
    /// The connection-level retransmission interval: that of the slowest subflow, backed off.
    pub(super) fn interval(&self) -> Duration {
        let slowest = self.subflows.iter().map(|flow| flow.rto).max();
        let base = slowest.unwrap_or_default().max(self.config.rto_min);
        base.backed_off(self.send.backoff, self.config.rto_max)
    }

    /// The timer has come: nothing was acknowledged for an interval.
    pub(super) fn on_retransmit_timer(&mut self, shared: &Shared) {
        if self.is_closed() {
            return;
        }
        if self.mode == Mode::Fallback {
            self.push();
            return;
        }
        match self.due() {
            Due::Data => {
                self.reinject_everything();
                self.back_off();
            }
            Due::Silence(sf) => self.on_options_vanished(shared, sf),
            Due::Fin if self.is_unheard() => {
                // RFC 8684 3.7: the keys were lost and the peer has fallen back without a word.
                self.become_plain(
                    shared,
                    FallbackReason::NoOptions,
                    Some(Mib::MPCapableDataFallback),
                );
            }
            Due::Fin => {
                self.send.fin_retransmits = self.send.fin_retransmits.saturating_add(1);
                self.owe_ack_everywhere();
                self.back_off();
            }
            Due::Window => {
                self.send.probe = true;
                self.back_off();
            }
            Due::Nothing => {}
        }
        if self.mode == Mode::Fallback {
            return;
        }
        self.push();
        let outstanding = self.send.una.before(self.send.sent_end());
        if outstanding || self.send.next.before(self.send.end) {
            self.arm_retransmit_once();
        }
    }

    /// Whether nothing of MPTCP was ever heard, although the end of our stream was said often.
    fn is_unheard(&mut self) -> bool {
        let often = self.send.fin_retransmits >= SILENT_FINS;
        self.mode == Mode::Unverified && often && self.could_be_plain()
    }

    fn back_off(&mut self) {
        self.send.backoff = self.send.backoff.saturating_add(1);
    }

    fn due(&self) -> Due {
        let data_out = self.send.una.before(self.send.next.earliest(self.send.end));
        if data_out {
            // RFC 8684 3.7: while MP_FAIL is being settled the data must stay contiguous.
            let failing = self.send.infinite || self.subflows.iter().any(|f| f.rx.is_failed());
            let idle = self
                .subflows
                .iter()
                .find(|flow| flow.phase == Phase::Open && flow.is_drained());
            return match idle {
                Some(flow) if flow.bare => Due::Silence(flow.id),
                Some(_) if !failing => Due::Data,
                _ => Due::Nothing,
            };
        }
        if self.send.fin == Fin::Sent {
            return Due::Fin;
        }
        if self.send.next.before(self.send.end) && self.send.next.at_or_after(self.send.edge) {
            return Due::Window;
        }
        Due::Nothing
    }

    /// A subflow is gone: what it had and the peer does not must go another way (RFC 8684 3.3.6).
    pub(super) fn reinject(&mut self, gone: &Subflow<P>) {
        self.queue_runs(gone.sent.as_slice(), gone.rescued);
        if let Some(offer) = gone.offer {
            self.queue_range(offer.dsn, offer.dsn.advance(u64::from(offer.len)));
        }
        self.push();
        self.arm_retransmit_once();
    }

    /// What a subflow has not delivered goes over others as well (RFC 8684 3.3.6).
    pub(super) fn rescue(&mut self, sf: SubflowId) {
        let Some(flow) = self.subflows.get_mut(sf) else {
            return;
        };
        let sent = core::mem::take(&mut flow.sent);
        let rescued = core::mem::replace(&mut flow.rescued, flow.next);
        self.queue_runs(sent.as_slice(), rescued);
        if let Some(flow) = self.subflows.get_mut(sf) {
            flow.sent = sent;
        }
        self.push();
        self.arm_retransmit_once();
    }

    /// Queues what of `runs` comes at `from` or after that on its subflow.
    fn queue_runs(&mut self, runs: &[Run], from: Ssn) {
        for run in runs.iter().filter_map(|run| run.from(from)) {
            self.queue_range(run.dsn, run.dsn_end());
        }
    }

    /// Queues a range to be handed over again.
    ///
    /// Without room in the list everything not acknowledged goes again, which costs only bytes.
    fn queue_range(&mut self, start: Dsn, end: Dsn) {
        let range = Again {
            start: start.latest(self.send.una),
            end: end.earliest(self.send.next),
            fresh: false,
        };
        if !self.send.queue_again(range) {
            self.reinject_everything();
        }
    }

    /// Everything that was handed to some subflow and is not acknowledged goes again.
    pub(super) fn reinject_everything(&mut self) {
        self.send.again.clear();
        let range = Again {
            start: self.send.una,
            end: self.send.next.earliest(self.send.end),
            fresh: false,
        };
        // Without memory the next timeout tries again.
        let _queued = self.send.queue_again(range);
    }
}
