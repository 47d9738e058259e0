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
    /// Of several subflows none that works has the first bytes that the peer lacks: some TCP delivered them.
    Lost,
    /// Of several subflows this one has them, and does not deliver.
    Stuck(SubflowId),
    /// Our `DATA_FIN`.
    Fin,
    /// The peer's window is closed, and nothing in flight will tell when it opens.
    Window,
    /// TCP is still at it.
    Nothing,
}

impl<P: Payload> Connection<P> {
    /// The connection-level retransmission interval: that of the slowest subflow that works, backed
    /// off.
    pub(super) fn interval(&self) -> Duration {
        let working = self.subflows.iter().filter(|flow| !flow.is_suspect());
        let slowest = working.map(|flow| flow.rto).max();
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
            Due::Lost => {
                self.requeue_lost();
                self.back_off();
            }
            Due::Stuck(sf) => {
                self.on_path_failed(sf);
                self.back_off();
            }
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
        self.ask_all_again();
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
            if self.subflows.len() > 1 {
                return self.due_among();
            }
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

    fn due_among(&self) -> Due {
        let una = self.send.una;
        let mut open = self.subflows.iter().filter(|f| f.phase == Phase::Open);
        if let Some(flow) = open.find(|flow| flow.bare && flow.is_drained()) {
            return Due::Silence(flow.id);
        }
        let holds = |run: &Run| run.dsn.at_or_before(una) && run.dsn_end().after(una);
        let (mut holder, mut rescued) = (None, false);
        for flow in self.subflows.iter() {
            let mut runs = flow.sent.as_slice().iter();
            let Some(run) = runs.find(|run| holds(run)) else {
                continue;
            };
            if run.from(flow.rescued).is_some_and(|run| holds(&run)) {
                holder = Some(flow.id);
            } else {
                rescued = true;
            }
        }
        match holder {
            Some(sf) if !rescued => Due::Stuck(sf),
            Some(_) => Due::Nothing,
            None if self.send.again.iter().any(|range| range.covers(una)) => Due::Nothing,
            // A subflow from which others took over is not waited for.
            None => Due::Lost,
        }
    }

    /// Queues what no subflow carries that is waited for, from the first byte that the peer lacks to the first that one
    /// does carry.
    fn requeue_lost(&mut self) {
        let (start, mut end) = (self.send.una, self.send.next.earliest(self.send.end));
        for flow in self.subflows.iter() {
            let runs = flow.sent.as_slice().iter();
            for run in runs.filter_map(|run| run.from(flow.rescued)) {
                if run.dsn.after(start) {
                    end = end.earliest(run.dsn);
                }
            }
        }
        self.queue_range(start, end, None);
    }

    /// The path of a subflow seems not to work: others carry what it has not delivered.
    pub(super) fn on_path_failed(&mut self, sf: SubflowId) {
        let (limit, other) = (self.config.stale_loss_count, self.has_other(sf));
        let Some(flow) = self.subflows.get_mut(sf) else {
            return;
        };
        if flow.phase != Phase::Open || self.mode == Mode::Fallback {
            return;
        }
        flow.losses = flow.losses.saturating_add(1);
        let stale = limit > 0 && flow.losses > limit && other;
        if stale && !core::mem::replace(&mut flow.stale, true) {
            self.out.count(Mib::SubflowStale);
        }
        if other {
            self.rescue(sf);
        }
    }

    /// The link of a subflow went down, or came up again.
    pub(super) fn on_link(&mut self, sf: SubflowId, up: bool) {
        let (limit, other) = (self.config.stale_loss_count, self.has_other(sf));
        let Some(flow) = self.subflows.get_mut(sf) else {
            return;
        };
        flow.down = !up;
        if up {
            self.recover(sf);
            self.push();
        } else if other && flow.phase == Phase::Open {
            // In-tree takes some timeouts to see it.
            if limit > 0 && !core::mem::replace(&mut flow.stale, true) {
                self.out.count(Mib::SubflowStale);
            }
            self.rescue(sf);
        } else {
            self.push();
        }
    }

    /// A subflow that was stale may work again.
    pub(super) fn recover(&mut self, sf: SubflowId) {
        if let Some(flow) = self.subflows.get_mut(sf) {
            if flow.stale && !flow.is_suspect() {
                flow.stale = false;
                self.out.count(Mib::SubflowRecover);
            }
        }
    }

    /// A subflow can carry data now: what others that do not work have not delivered is for it.
    pub(super) fn rescue_all(&mut self) {
        let broken = |flow: &&Subflow<P>| flow.is_suspect() || flow.phase == Phase::Closing;
        let behind = |flow: &&Subflow<P>| flow.rescued != flow.next;
        while let Some(sf) = {
            let mut flows = self.subflows.iter().filter(broken);
            flows.find(behind).map(|flow| flow.id)
        } {
            self.rescue(sf);
        }
    }

    /// A subflow is gone: what it had and the peer does not must go another way (RFC 8684 3.3.6).
    pub(super) fn reinject(&mut self, gone: &Subflow<P>) {
        let fitted = self.queue_runs(gone.sent.as_slice(), gone.rescued, None);
        if let Some(offer) = gone.offer.filter(|_| fitted) {
            self.queue_range(offer.dsn, offer.dsn.advance(u64::from(offer.len)), None);
        }
        self.push();
        self.arm_retransmit_once();
    }

    /// What a subflow has not delivered goes over others as well (RFC 8684 3.3.6).
    pub(super) fn rescue(&mut self, sf: SubflowId) {
        let doubt = self.subflows.get(sf).filter(|flow| flow.is_merely_silent());
        let doubt = doubt.map(|flow| flow.id);
        let now = self.now;
        let Some(flow) = self.subflows.get_mut(sf) else {
            return;
        };
        let heard = flow.una.advance(flow.on_its_way_back(now));
        let sent = core::mem::take(&mut flow.sent);
        let rescued = core::mem::replace(&mut flow.rescued, flow.next);
        // What the peer seems to have comes last: it will have said so by then.
        if self.queue_runs(sent.as_slice(), rescued.latest(heard), doubt) {
            let had = sent.as_slice().iter().filter_map(|run| run.until(heard));
            let mut had = had.filter_map(|run| run.from(rescued));
            had.all(|run| self.queue_range(run.dsn, run.dsn_end(), doubt));
        }
        if let Some(flow) = self.subflows.get_mut(sf) {
            flow.sent = sent;
        }
        self.push();
        self.arm_retransmit_once();
    }

    /// Queues what of `runs` comes at `from` or after that on its subflow. False when that became
    /// everything.
    fn queue_runs(&mut self, runs: &[Run], from: Ssn, doubt: Option<SubflowId>) -> bool {
        let mut behind = runs.iter().filter_map(|run| run.from(from));
        behind.all(|run| self.queue_range(run.dsn, run.dsn_end(), doubt))
    }

    /// Queues a range to be handed over again.
    ///
    /// Without room in the list everything not acknowledged goes again, which costs only bytes:
    /// false then.
    fn queue_range(&mut self, start: Dsn, end: Dsn, doubt: Option<SubflowId>) -> bool {
        let range = Again {
            start: start.latest(self.send.una),
            end: end.earliest(self.send.next),
            fresh: false,
            doubt,
        };
        let fitted = self.send.queue_again(range);
        if !fitted {
            self.reinject_everything();
        }
        fitted
    }

    /// Everything that was handed to some subflow and is not acknowledged goes again.
    pub(super) fn reinject_everything(&mut self) {
        self.send.again.clear();
        let range = Again {
            start: self.send.una,
            end: self.send.next.earliest(self.send.end),
            fresh: false,
            doubt: None,
        };
        // Without memory the next timeout tries again.
        let _queued = self.send.queue_again(range);
    }
}
