// SPDX-License-Identifier: GPL-2.0

//! Paths that die without a word: one of several subflows that does not answer is doubted before its TCP's timer fires.
//!
//! While TCP sends, acknowledgements come one after the other. Where none has come for two round trips, others carry what
//! the subflow has (RFC 8684 3.3.6), the first byte that the peer lacks first, and it gets nothing new. Its TCP goes on as
//! it would. When the peer's TCP answers after all, it was a false alarm: what others have not sent by then, they need
//! not. So an alarm costs no more than what the other paths had room for meanwhile.

use super::connection::Connection;
use super::connection::Mode;
use super::payload::Payload;
use super::subflow::Phase;
use super::subflow::Subflow;
use super::subflow::SubflowId;
use super::time::Duration;
use super::time::Instant;
use super::timers::Timer;

/// The shortest silence that means something: hosts and links take their time.
const LEAST: Duration = Duration::of_millis(50);

impl<P> Subflow<P> {
    /// How long it may leave what it has unanswered. None while its TCP's own timer is as quick, and where an
    /// acknowledgement may be delayed because there is little to acknowledge.
    fn patience(&self) -> Option<Duration> {
        let (srtt, rttvar) = (u64::from(self.stats.srtt), u64::from(self.stats.rttvar));
        let micros = srtt
            .saturating_mul(2)
            .saturating_add(rttvar.saturating_mul(4));
        let span = Duration::from_millis(micros.div_ceil(1000)).max(LEAST);
        let enough = self.queued() >= self.stats.segment().saturating_mul(2);
        (srtt > 0 && enough && span < self.rto).then_some(span)
    }

    /// When its silence means something; never for one that is doubted anyway.
    fn doubted_at(&self) -> Option<Instant> {
        if self.phase != Phase::Open || self.is_suspect() {
            return None;
        }
        Some(self.alive.after(self.patience()?))
    }

    /// Whether nothing but its silence speaks against it.
    pub(super) fn is_merely_silent(&self) -> bool {
        self.silent && self.losses == 0 && !self.down
    }
}

impl<P: Payload> Connection<P> {
    /// A subflow was given something to answer.
    pub(super) fn watch_silence(&mut self, sf: SubflowId) {
        if self.subflows.len() < 2 || self.mode == Mode::Fallback {
            return;
        }
        let flow = self.subflows.get(sf);
        if let Some(at) = flow.and_then(Subflow::doubted_at) {
            // One that was due and could not be helped is looked at again, but not with each segment.
            let at = at.max(self.now.after(LEAST));
            self.timers.set_earlier(Timer::Silence, at);
        }
    }

    /// Looks who has not answered for too long. The timer is not moved with each answer, so mostly it is nobody.
    pub(super) fn on_silence_timer(&mut self) {
        if self.subflows.len() < 2 || self.mode == Mode::Fallback || self.is_closed() {
            return;
        }
        while let Some(sf) = self.next_silent() {
            if let Some(flow) = self.subflows.get_mut(sf) {
                flow.silent = true;
            }
            self.rescue(sf);
        }
        let next = self.subflows.iter().filter_map(Subflow::doubted_at);
        if let Some(at) = next.filter(|at| *at > self.now).min() {
            self.timers.set(Timer::Silence, at);
        }
    }

    /// A subflow that is silent for too long, while another one works.
    fn next_silent(&self) -> Option<SubflowId> {
        let due = |flow: &&Subflow<P>| flow.doubted_at().is_some_and(|at| at <= self.now);
        let sf = self.subflows.iter().find(due)?.id;
        let works = |flow: &Subflow<P>| flow.phase == Phase::Open && !flow.is_suspect();
        let mut others = self.subflows.iter().filter(|flow| flow.id != sf);
        others.any(works).then_some(sf)
    }

    /// The peer's TCP has answered on a subflow.
    pub(super) fn on_answer(&mut self, sf: SubflowId) {
        let Some(flow) = self.subflows.get_mut(sf) else {
            return;
        };
        flow.alive = self.now;
        // What a subflow had that is being closed goes another way, whatever it still says.
        if flow.phase != Phase::Open {
            return;
        }
        // One whose link is down meanwhile gets nothing through any more.
        if core::mem::take(&mut flow.silent) && !flow.is_suspect() {
            flow.rescued = flow.una;
            self.send.again.retain(|range| range.doubt != Some(sf));
            self.recover(sf);
            self.watch_silence(sf);
            self.push();
        }
    }
}
