// SPDX-License-Identifier: GPL-2.0

//! RFC 8684 3.3.5, 3.3.6: sending over several subflows.
//!
//! Subflows fall into three classes: those that work, backups that work, and those whose path does
//! not seem to. Data goes to the best class that is not empty. Within it a scheduler gives bursts
//! of new bytes to one subflow after the other; what must go out again is for whoever asks first
//! and does not carry it already.

use super::connection::Connection;
use super::payload::Payload;
use super::runs::Run;
use super::scheduler::whole;
use super::scheduler::Choice;
use super::scheduler::PathStats;
use super::scheduler::PathView;
use super::scheduler::Scheduler;
use super::scheduler::SchedulerKind;
use super::scheduler::Scheduling;
use super::scheduler::SendView;
use super::send::pick_new;
use super::send::Again;
use super::subflow::Offer;
use super::subflow::OfferKind;
use super::subflow::Phase;
use super::subflow::Subflow;
use super::subflow::SubflowId;
use super::time::Duration;
use super::time::Instant;
use crate::wire::Dsn;

/// How long a subflow that has its turn may leave the question unanswered.
const ANSWER: Duration = Duration::of_millis(10);

/// How long a choice holds for more than it was made for, and what is known of a subflow that nothing is handed to.
const HOLDS: Duration = Duration::of_millis(1);

/// The most that is offered at once: the caller has room for so many pieces of 32 KiB.
const OFFER: u32 = 256 << 10;

/// What a copy over a faster path must gain, in microseconds of round-trip time.
const COPY_GAIN: u32 = 1000;

/// How long the peer must not have got on until what it waits for is known to be lost with a path.
const STALL: Duration = Duration::of_millis(5);

/// How often the runs of a subflow are looked through for one choice. A peer that acknowledges little has a say in how
/// many there are, and in how many ranges wait.
const LOOKS: u32 = 128;

/// Who sends the next new bytes.
#[derive(Clone, Copy)]
pub(super) struct Grant {
    sf: SubflowId,
    octets: u32,
    /// Octets beyond those, until it has held for long enough.
    ahead: u32,
    at: Instant,
    /// When it was asked to take something, while it has not answered.
    asked: Option<Instant>,
}

impl Grant {
    fn left(&self, now: Instant) -> u32 {
        if now.since(self.at) > HOLDS {
            self.octets
        } else {
            self.octets.saturating_add(self.ahead)
        }
    }

    fn spend(&mut self, octets: u32) {
        let beyond = octets.saturating_sub(self.octets);
        self.octets = self.octets.saturating_sub(octets);
        self.ahead = self.ahead.saturating_sub(beyond);
    }
}

/// How good a subflow is for sending; the lowest is used.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Works,
    Backup,
    Suspect,
}

impl<P> Subflow<P> {
    fn class(&self) -> Class {
        if self.is_suspect() {
            Class::Suspect
        } else if self.ends.local_backup || self.ends.remote_backup {
            Class::Backup
        } else {
            Class::Works
        }
    }

    fn view(&self) -> PathView {
        let mut stats = self.stats;
        if self.pacing > 0 {
            stats.pacing = self.pacing;
        }
        PathView {
            sf: self.id,
            stats,
            queued: self.queued(),
            full: self.is_full(),
        }
    }

    /// Whether its TCP takes nothing, or has enough for now.
    fn is_full(&self) -> bool {
        self.full || self.stats.wanted() == 0
    }

    /// Whether an answer takes twice as long here, and so much that a copy over the other is worth it.
    fn is_much_slower(&self, other: &PathStats) -> bool {
        let gain = self.stats.srtt.saturating_sub(other.srtt);
        gain > other.srtt && gain > COPY_GAIN
    }

    /// Octets that TCP holds for us.
    pub(super) fn queued(&self) -> u32 {
        self.next.checked_distance_from(self.una).unwrap_or(0)
    }

    /// Smooths the pacing rate as in-tree does: by what is queued and what comes on top.
    fn smooth_pacing(&mut self, burst: u32) {
        let (queued, burst) = (u64::from(self.queued()), u64::from(burst));
        let old = match self.pacing {
            0 => self.stats.pacing,
            pacing => pacing,
        };
        let sum = old
            .saturating_mul(queued)
            .saturating_add(self.stats.pacing.saturating_mul(burst));
        self.pacing = sum.checked_div(queued.saturating_add(burst)).unwrap_or(0);
    }
}

/// The first part of `start..end` that none of `runs` covers; nothing also when there are no `looks` left.
fn first_gap(runs: &[Run], mut start: Dsn, mut end: Dsn, looks: &mut u32) -> Option<(Dsn, Dsn)> {
    let covers = |run: &&Run, dsn: Dsn| run.dsn.at_or_before(dsn) && run.dsn_end().after(dsn);
    while start.before(end) {
        *looks = looks.checked_sub(1)?;
        let Some(run) = runs.iter().find(|run| covers(run, start)) else {
            break;
        };
        start = run.dsn_end();
    }
    for run in runs {
        if run.dsn.after(start) {
            end = end.earliest(run.dsn);
        }
    }
    start.before(end).then_some((start, end))
}

impl<P: Payload> Connection<P> {
    /// Whether the shell should say what TCP measures ([`super::Event::Measured`]): only a choice
    /// among several subflows needs it.
    pub fn wants_measurements(&self) -> bool {
        self.subflows.len() > 1
    }

    /// Octets from the first unacknowledged one to the edge of the peer's window.
    ///
    /// RFC 8684 3.3.1: the largest window told on any subflow counts on all. A TCP whose own window
    /// is smaller has only not heard yet.
    pub fn peer_window(&self) -> u32 {
        let window = self.send.edge.checked_distance_from(self.send.una);
        u32::try_from(window.unwrap_or(0)).unwrap_or(u32::MAX)
    }

    /// From here on the next bytes are shared out by another scheduler.
    pub fn set_scheduler(&mut self, kind: SchedulerKind) {
        self.scheduling = Scheduling::new(kind);
        self.grant = None;
    }

    /// Whether anything waits for room in TCP: bytes that no subflow has, or that must go again.
    pub fn is_waiting(&self) -> bool {
        let copies = self.scheduling.is_redundant() && self.wants_measurements();
        self.unsent() > 0 || !self.send.again.is_empty() || (copies && self.unacknowledged() > 0)
    }

    /// Whether each subflow is to be visited although nothing waits: what a choice among several goes by is old. `false`
    /// then until it is again.
    pub fn wants_visits(&mut self, now: Instant) -> bool {
        let due = self.wants_measurements() && now.since(self.visited) > HOLDS;
        if due {
            self.visited = now;
        }
        due
    }

    /// TCP has measured something.
    pub(super) fn on_measured(&mut self, sf: SubflowId, stats: PathStats, rto: Duration) {
        if let Some(flow) = self.subflows.get_mut(sf) {
            flow.stats = stats;
            flow.rto = rto;
        }
    }

    /// Whether a subflow may carry data beside this one.
    pub(super) fn has_other(&self, sf: SubflowId) -> bool {
        let mut flows = self.subflows.iter();
        flows.any(|flow| flow.id != sf && flow.phase == Phase::Open)
    }

    fn best_class(&self) -> Option<Class> {
        let open = self.subflows.iter().filter(|f| f.phase == Phase::Open);
        open.map(Subflow::class).min()
    }

    /// Those that may carry data now.
    fn usable(&self, class: Class) -> impl Iterator<Item = &Subflow<P>> + Clone {
        let open = move |flow: &&Subflow<P>| flow.phase == Phase::Open && flow.class() == class;
        self.subflows.iter().filter(open)
    }

    /// Asks those to take something who should.
    pub(super) fn push_among(&mut self) {
        let Some(class) = self.best_class() else {
            return;
        };
        let fresh_only = self.send.again.is_empty() && !self.send.probe;
        if fresh_only && !self.scheduling.is_redundant() {
            if let Some(sf) = self.whose_turn(class) {
                self.owe_push(sf);
            }
            return;
        }
        for flow in self.subflows.iter_mut() {
            let takes = flow.phase == Phase::Open && !flow.full;
            if takes && flow.class() == class {
                flow.owed.push();
            }
        }
    }

    fn owe_push(&mut self, sf: SubflowId) {
        if let Some(grant) = self.grant.as_mut().filter(|grant| grant.sf == sf) {
            grant.asked.get_or_insert(self.now);
        }
        if let Some(flow) = self.subflows.get_mut(sf) {
            flow.owed.push();
        }
    }

    /// Who sends the next new bytes; nobody, where waiting is better. Asks the scheduler if needed.
    fn whose_turn(&mut self, class: Class) -> Option<SubflowId> {
        if let Some(grant) = self.grant {
            let mute = grant.asked.is_some_and(|at| self.now.since(at) > ANSWER);
            let used = grant.left(self.now) == 0;
            let holder = self.usable(class).find(|flow| flow.id == grant.sf);
            if holder.is_some_and(|flow| !flow.is_full()) && !mute && !used {
                return Some(grant.sf);
            }
            if let Some(flow) = self.subflows.get_mut(grant.sf).filter(|_| mute) {
                flow.full = true;
            }
            self.grant = None;
        }
        let view = self.send_view();
        let mut ids = [None; 2];
        for (slot, flow) in ids.iter_mut().zip(self.usable(class)) {
            *slot = Some((flow.id, flow.is_full()));
        }
        if let [only, None] = ids {
            // Asked again at once, a TCP without memory would refuse for ever.
            return only.filter(|(_, full)| !full).map(|(id, _)| id);
        }
        let mut scheduling = core::mem::take(&mut self.scheduling);
        let choice = scheduling.choose(self.usable(class).map(Subflow::view), &view);
        self.scheduling = scheduling;
        let Choice::Give { sf, octets, ahead } = choice else {
            return None;
        };
        self.grant = Some(Grant {
            sf,
            octets,
            ahead,
            at: self.now,
            asked: None,
        });
        if let Some(flow) = self.subflows.get_mut(sf) {
            flow.smooth_pacing(octets);
        }
        Some(sf)
    }

    fn send_view(&self) -> SendView {
        let limit = self.limit();
        let distance = |to: Dsn, from: Dsn| to.checked_distance_from(from).unwrap_or(0);
        SendView {
            backlog: distance(self.send.end, self.send.next),
            allowed: distance(limit, self.send.next).max(1),
            window: distance(self.send.edge, self.send.una),
        }
    }

    /// TCP took `len` octets of new bytes, of `offered`.
    pub(super) fn spend(&mut self, sf: SubflowId, len: u32, offered: u32) {
        if self.subflows.len() < 2 {
            return;
        }
        if let Some(flow) = self.subflows.get_mut(sf).filter(|_| len < offered) {
            flow.full = true;
        }
        if let Some(grant) = self.grant.as_mut().filter(|grant| grant.sf == sf) {
            grant.spend(len);
            if grant.octets.saturating_add(grant.ahead) == 0 || len < offered {
                self.grant = None;
            }
        }
        self.push();
    }

    /// Nothing has come of what was asked for: whoever seemed to have no room is asked again.
    pub(super) fn ask_all_again(&mut self) {
        self.grant = None;
        for flow in self.subflows.iter_mut() {
            flow.full = false;
        }
    }

    /// What a subflow of several is offered.
    pub(super) fn pick_among(&mut self, sf: SubflowId, limit: Dsn, room: u32) -> Option<Offer> {
        if let Some(grant) = self.grant.as_mut().filter(|grant| grant.sf == sf) {
            grant.asked = None;
        }
        let class = self.best_class()?;
        let flow = self.subflows.get(sf)?;
        if flow.class() != class {
            return None;
        }
        let room = room.min(flow.stats.wanted());
        if room == 0 {
            // It is somebody else's turn.
            if let Some(flow) = self.subflows.get_mut(sf) {
                flow.full = true;
            }
            self.push();
            return None;
        }
        if let Some(offer) = self.pick_again(sf, room) {
            return Some(offer);
        }
        if self.scheduling.is_redundant() {
            let copy = self.pick_copy(sf, room);
            return copy.or_else(|| pick_new(&mut self.send, limit, room));
        }
        if !self.send.next.before(limit) && !self.send.probe {
            return self.pick_blocking(sf, room);
        }
        let whose = self.whose_turn(class);
        if whose != Some(sf) {
            if let Some(other) = whose {
                self.owe_push(other);
            }
            // A probe of the window is for whoever comes first.
            let probe = self.send.probe && !self.send.next.before(limit);
            return probe
                .then(|| pick_new(&mut self.send, limit, room))
                .flatten();
        }
        let segment = self.subflows.get(sf)?.stats.segment();
        let share = self.grant.map_or(u32::MAX, |grant| grant.left(self.now));
        // Whole segments: TCP would keep a part of one back for what the next turn gives to another.
        let share = whole(share.saturating_add(segment.saturating_sub(1)), segment);
        let share = share.min(whole(OFFER, segment));
        pick_new(&mut self.send, limit, room.min(share))
    }

    /// RFC 8684 3.3.6: what must go out again, as far as this subflow does not carry it.
    pub(super) fn pick_again(&mut self, sf: SubflowId, room: u32) -> Option<Offer> {
        if self.send.again.is_empty() {
            return None;
        }
        self.send.forget_acknowledged();
        let flow = self.subflows.get(sf)?;
        let carried = flow.sent.as_slice();
        // What the peer waits for goes first as soon as it can be told from what is on its way.
        let waits = self.now.since(self.send.una_at) >= STALL;
        let first = self.send.first_again(waits);
        let list = self.send.again.iter().enumerate();
        let mut list = list.clone().skip(first).take(1).chain(list);
        let mut looks = LOOKS;
        let (index, range, (start, end)) = list.find_map(|(index, range)| {
            let gap = first_gap(carried, range.start, range.end, &mut looks)?;
            Some((index, *range, gap))
        })?;
        let len = end.checked_distance_from(start)?;
        let len = u32::try_from(len).unwrap_or(u32::MAX).min(room);
        let taken = Again {
            start,
            end: start.advance(u64::from(len)),
            ..range
        };
        if !self.send.cut_again(index, &taken) {
            return None;
        }
        let kind = if range.fresh {
            OfferKind::New
        } else {
            OfferKind::Again
        };
        Some(Offer {
            dsn: start,
            len,
            kind,
            infinite: range.fresh && self.send.infinite,
        })
    }

    /// The next octets that others carry and this subflow does not.
    fn pick_copy(&mut self, sf: SubflowId, room: u32) -> Option<Offer> {
        let (una, next) = (self.send.una, self.send.next.earliest(self.send.end));
        let flow = self.subflows.get_mut(sf)?;
        let from = flow.copied.map_or(una, |copied| copied.latest(una));
        let mut looks = LOOKS;
        let (start, end) = first_gap(flow.sent.as_slice(), from, next, &mut looks)?;
        let len = u32::try_from(end.checked_distance_from(start)?)
            .unwrap_or(u32::MAX)
            .min(room);
        flow.copied = Some(start.advance(u64::from(len)));
        Some(Offer {
            dsn: start,
            len,
            kind: OfferKind::Copy,
            infinite: false,
        })
    }

    /// Opportunistic retransmission (Raiciu et al., NSDI 2012): the peer's window is full, and what it waits for is on a
    /// much slower subflow. On one that is about as fast it will be there as soon: if it is the peer's program that is slow,
    /// the window is full all the time, and everything would go twice.
    fn pick_blocking(&mut self, sf: SubflowId, room: u32) -> Option<Offer> {
        let blocked = self.send.next.before(self.send.end);
        let (una, next) = (self.send.una, self.send.next);
        let flow = self.subflows.get(sf).filter(|_| blocked)?;
        let mine = flow.view();
        let mut looks = LOOKS;
        let (start, end) = first_gap(flow.sent.as_slice(), una, next, &mut looks)?;
        let holds = |run: &Run| run.dsn.at_or_before(una) && run.dsn_end().after(una);
        let slow = self.subflows.iter().find_map(|other| {
            let run = other.sent.as_slice().iter().find(|run| holds(run))?;
            (other.id != sf && other.is_much_slower(&mine.stats)).then_some(*run)
        })?;
        if start != una || mine.room() == 0 {
            return None;
        }
        let end = end.earliest(slow.dsn_end());
        let len = u32::try_from(end.checked_distance_from(start)?).unwrap_or(u32::MAX);
        Some(Offer {
            dsn: start,
            len: len.min(room).min(mine.room()),
            kind: OfferKind::Again,
            infinite: false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Ssn;

    fn run(dsn: u64, len: u32) -> Run {
        Run {
            ssn: Ssn(1),
            dsn: Dsn(dsn),
            len,
            infinite: false,
        }
    }

    fn gap(runs: &[Run], start: u64, end: u64) -> Option<(u64, u64)> {
        let (start, end) = first_gap(runs, Dsn(start), Dsn(end), &mut 3)?;
        Some((start.0, end.0))
    }

    #[test]
    fn a_gap_is_what_no_run_covers() {
        let runs = [run(100, 10), run(50, 10), run(110, 5)];
        assert_eq!(gap(&[], 1, 9), Some((1, 9)));
        assert_eq!(gap(&runs, 40, 200), Some((40, 50)));
        assert_eq!(gap(&runs, 50, 200), Some((60, 100)));
        assert_eq!(gap(&runs, 100, 200), Some((115, 200)));
        assert_eq!(gap(&runs, 100, 115), None);
        assert_eq!(gap(&runs, 55, 60), None);
    }

    #[test]
    fn the_looks_are_for_all_ranges_of_a_choice() {
        let runs = [run(100, 10), run(110, 10), run(120, 10)];
        let looks = &mut 4;
        assert_eq!(first_gap(&runs, Dsn(100), Dsn(120), looks), None);
        assert_eq!(first_gap(&runs, Dsn(125), Dsn(128), looks), None);
        let gap = Some((Dsn(1), Dsn(9)));
        assert_eq!(first_gap(&runs, Dsn(1), Dsn(9), looks), gap);
        assert_eq!(first_gap(&runs, Dsn(1), Dsn(9), looks), None);
    }
}
