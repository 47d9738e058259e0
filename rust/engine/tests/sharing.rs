// SPDX-License-Identifier: GPL-2.0

//! What goes over which of several subflows: turns, classes, and paths that fail.

use super::super::subflow::Phase;
use super::super::subflow::Subflow;
use super::*;

const SECOND: SubflowId = SubflowId(2);

/// A passive connection with a second subflow and this scheduler. The peer's window is `window`.
struct Two {
    rig: Rig,
    /// The next place on each subflow.
    next: [u32; 2],
}

impl Two {
    fn new(kind: SchedulerKind) -> Self {
        let mut rig = Rig::new(false);
        rig.conn.scheduling = scheduler::Scheduling::new(kind);
        let rto = Duration::from_millis(200);
        let flow = Subflow::new(SECOND, Phase::Open, rto);
        rig.conn.subflows.add(flow).unwrap();
        let mut two = Self { rig, next: [1, 1] };
        two.measured(SF, 20, 10);
        two.measured(SECOND, 100, 10);
        two
    }

    /// Round-trip time in milliseconds, congestion window in segments.
    fn measured(&mut self, sf: SubflowId, srtt: u32, cwnd: u32) {
        self.paced(sf, srtt, cwnd, 0);
    }

    /// And the pacing rate in octets a second.
    fn paced(&mut self, sf: SubflowId, srtt: u32, cwnd: u32, pacing: u64) {
        self.measured_micros(sf, srtt * 1000, cwnd, pacing);
    }

    fn measured_micros(&mut self, sf: SubflowId, srtt: u32, cwnd: u32, pacing: u64) {
        let stats = PathStats {
            srtt,
            rttvar: srtt / 10,
            cwnd: cwnd * 1000,
            mss: 1000,
            pacing,
            ..PathStats::default()
        };
        let rto = Duration::from_millis(200);
        self.rig.post(Event::Measured { sf, stats, rto });
    }

    fn wrote(&mut self, len: u32) -> &mut Self {
        self.rig.post(Event::AppWrote { len });
        self
    }

    /// A subflow takes at most one offer: its place in the stream, and how much it was.
    fn takes(&mut self, sf: SubflowId, room: u32) -> Option<(i64, u32)> {
        let now = Instant::from_millis(self.rig.now);
        let transmit = self.rig.conn.poll_transmit(&self.rig.shared, sf, room, now);
        self.rig.drain();
        let transmit = transmit?;
        let next = &mut self.next[sf.0 as usize - 1];
        let ssn = Ssn(*next);
        *next += transmit.len;
        self.rig.post(Event::Transmitted {
            sf,
            dsn: transmit.dsn,
            len: transmit.len,
            ssn,
            rto: Duration::from_millis(200),
        });
        Some((transmit.dsn.distance_from(our(0)), transmit.len))
    }

    /// The peer's TCP has everything on a subflow, and says so with this `DATA_ACK` and window.
    fn acked(&mut self, sf: SubflowId, offset: u64, window: u32) {
        let options = dss(Some(our(offset)), None);
        let ack = Ssn(self.next[sf.0 as usize - 1]);
        self.rig.post(Event::Segment {
            sf,
            segment: RxSegment {
                ssn: Ssn(1),
                ack: Some(ack),
                window,
                ..RxSegment::default()
            },
            options: &options,
        });
    }

    fn failed(&mut self, sf: SubflowId) -> &mut Self {
        self.rig.post(Event::PathFailed { sf });
        self
    }

    /// Who was asked to take something since last looked.
    fn pushed(&mut self) -> Vec<u32> {
        let asked = self.rig.asked();
        let pushed = asked.iter().filter_map(|action| match action {
            Action::Push { sf } => Some(sf.0),
            _ => None,
        });
        pushed.collect()
    }

    fn backup(&mut self, sf: SubflowId, backup: bool) {
        let set = OptionSet {
            prio: Some(Prio { backup }),
            ..OptionSet::default()
        };
        self.rig.post(Event::Segment {
            sf,
            segment: RxSegment {
                ssn: Ssn(1),
                ack: Some(Ssn(1)),
                window: 10_000,
                ..RxSegment::default()
            },
            options: &on_ack(&set),
        });
        self.rig.asked();
    }
}

#[test]
fn only_the_subflow_whose_turn_it_is_takes_new_bytes() {
    let mut two = Two::new(SchedulerKind::Default);
    two.wrote(3_000);
    assert_eq!(two.pushed(), [1]);
    assert_eq!(two.takes(SECOND, 9_000), None);
    assert_eq!(two.takes(SF, 9_000), Some((0, 3_000)));
    two.pushed();
    // What the first has would take it longer than the second, which has nothing.
    two.wrote(1_000);
    assert_eq!(two.pushed(), [2]);
    assert_eq!(two.takes(SF, 9_000), None);
    assert_eq!(two.takes(SECOND, 9_000), Some((3_000, 1_000)));
}

/// Two paths that send 5,000 octets in a millisecond.
fn two_fast() -> Two {
    let mut two = Two::new(SchedulerKind::Default);
    for sf in [SF, SECOND] {
        two.paced(sf, 20, 10, 5_000_000);
    }
    two
}

#[test]
fn a_turn_on_a_fast_path_outlasts_a_write_for_a_moment() {
    let mut two = two_fast();
    two.wrote(3_000);
    assert_eq!(two.takes(SF, 9_000), Some((0, 3_000)));
    two.pushed();
    two.rig.now = 1;
    two.wrote(1_000);
    assert_eq!(two.pushed(), [1]);
    assert_eq!(two.takes(SF, 9_000), Some((3_000, 1_000)));
    two.rig.now = 2;
    two.wrote(500);
    assert_eq!(two.pushed(), [2]);
    assert_eq!(two.takes(SECOND, 9_000), Some((4_000, 500)));
}

#[test]
fn what_waited_when_a_turn_began_is_its_own_for_longer() {
    let mut two = two_fast();
    two.wrote(3_000);
    two.rig.now = 5;
    two.wrote(1_000);
    assert_eq!(two.takes(SF, 9_000), Some((0, 3_000)));
    assert_eq!(two.takes(SF, 9_000), None);
    assert_eq!(two.takes(SECOND, 9_000), Some((3_000, 1_000)));
}

#[test]
fn a_turn_ends_with_a_whole_segment() {
    let mut two = two_fast();
    two.wrote(4_700);
    assert_eq!(two.takes(SF, 9_000), Some((0, 4_700)));
    // 300 of its turn are left.
    two.wrote(4_000);
    assert_eq!(two.takes(SF, 9_000), Some((4_700, 1_000)));
    assert_eq!(two.takes(SF, 9_000), None);
    assert_eq!(two.takes(SECOND, 9_000), Some((5_700, 3_000)));
}

#[test]
fn several_subflows_are_visited_now_and_then() {
    let mut two = two_fast();
    let mut visits = Vec::new();
    for millis in [0, 1, 2, 3, 4, 5] {
        visits.push(two.rig.conn.wants_visits(Instant::from_millis(millis)));
    }
    assert_eq!(visits, [false, false, true, false, true, false]);
    let mut one = Rig::new(false);
    assert!(!one.conn.wants_visits(Instant::from_millis(9)));
}

#[test]
fn who_asks_out_of_turn_makes_the_other_one_be_asked() {
    let mut two = Two::new(SchedulerKind::Default);
    two.wrote(3_000);
    two.pushed();
    assert_eq!(two.takes(SECOND, 9_000), None);
    assert_eq!(two.pushed(), [1]);
}

#[test]
fn who_does_not_answer_loses_its_turn() {
    let mut two = Two::new(SchedulerKind::Default);
    two.wrote(3_000);
    two.rig.now = 11;
    two.wrote(1);
    two.pushed();
    // In-tree's rule would wait for the first one still, so that it is asked once more in time.
    two.rig.timeout();
    assert_eq!(two.pushed(), [1]);
    assert_eq!(two.takes(SF, 9_000), Some((0, 3_001)));
}

#[test]
fn roundrobin_serves_both() {
    let mut two = Two::new(SchedulerKind::RoundRobin);
    two.wrote(4_000);
    let mut order = Vec::new();
    for _ in 0..4 {
        for sf in [SF, SECOND] {
            order.extend(two.takes(sf, 9_000).map(|(at, _)| (sf.0, at)));
        }
    }
    assert_eq!(order, [(1, 0), (2, 1_000), (1, 2_000), (2, 3_000)]);
}

#[test]
fn redundant_sends_every_byte_on_both() {
    let mut two = Two::new(SchedulerKind::Redundant);
    two.wrote(2_000);
    assert_eq!(two.pushed(), [1, 2]);
    assert_eq!(two.takes(SECOND, 1_500), Some((0, 1_500)));
    assert_eq!(two.takes(SF, 9_000), Some((0, 1_500)));
    assert_eq!(two.takes(SF, 9_000), Some((1_500, 500)));
    assert_eq!(two.takes(SECOND, 9_000), Some((1_500, 500)));
    assert_eq!(two.takes(SECOND, 9_000), None);
    // What is acknowledged needs no copy.
    two.wrote(1_000);
    assert_eq!(two.takes(SF, 9_000), Some((2_000, 1_000)));
    two.acked(SF, 3_000, 10_000);
    assert_eq!(two.takes(SECOND, 9_000), None);
    assert_eq!(two.rig.conn.info().bytes_retrans, 0);
}

#[test]
fn copies_are_made_wherever_the_numbers_begin() {
    for first in [1, 1 << 63, u64::MAX - 500] {
        let mut two = Two::new(SchedulerKind::Redundant);
        two.rig.conn.send = super::super::send::Sender::new(Dsn(first));
        two.rig.conn.send.edge = Dsn(first).advance(10_000);
        two.wrote(1_000);
        let at = two.takes(SF, 9_000);
        assert!(at.is_some());
        assert_eq!(two.takes(SECOND, 9_000), at, "{first}");
    }
}

#[test]
fn a_backup_is_used_only_while_nothing_else_works() {
    let mut two = Two::new(SchedulerKind::Default);
    two.backup(SF, true);
    two.wrote(1_000);
    assert_eq!(two.pushed(), [2]);
    assert_eq!(two.takes(SF, 9_000), None);
    assert_eq!(two.takes(SECOND, 9_000), Some((0, 1_000)));
    two.failed(SECOND).wrote(500);
    // Everything goes over the backup now, what was on the other one first.
    assert_eq!(two.takes(SECOND, 9_000), None);
    assert_eq!(two.takes(SF, 9_000), Some((0, 1_000)));
    assert_eq!(two.takes(SF, 9_000), Some((1_000, 500)));
    // It works again: so it is preferred again.
    two.acked(SECOND, 1_500, 10_000);
    two.wrote(100);
    assert_eq!(two.takes(SF, 9_000), None);
    assert_eq!(two.takes(SECOND, 9_000), Some((1_500, 100)));
}

#[test]
fn a_timeout_sends_what_is_outstanding_over_the_other_path_at_once() {
    let mut two = Two::new(SchedulerKind::Default);
    two.wrote(3_000);
    assert_eq!(two.takes(SF, 9_000), Some((0, 3_000)));
    two.pushed();
    two.failed(SF);
    assert_eq!(two.pushed(), [2]);
    // Not on the path that carries it already.
    assert_eq!(two.takes(SF, 9_000), None);
    assert_eq!(two.takes(SECOND, 2_000), Some((0, 2_000)));
    assert_eq!(two.takes(SECOND, 9_000), Some((2_000, 1_000)));
    assert_eq!(two.rig.conn.info().bytes_retrans, 3_000);
    // The next timeout has nothing to add.
    two.failed(SF);
    assert_eq!(two.takes(SECOND, 9_000), None);
}

#[test]
fn a_link_that_is_down_is_not_used_whatever_still_arrives() {
    let mut two = Two::new(SchedulerKind::Default);
    two.wrote(2_000);
    assert_eq!(two.takes(SF, 1_000), Some((0, 1_000)));
    two.rig.post(Event::Link { sf: SF, up: false });
    assert!(two.rig.counted(Mib::SubflowStale));
    assert_eq!(two.takes(SECOND, 9_000), Some((0, 1_000)));
    // An acknowledgement that was on its way.
    two.acked(SF, 1_000, 10_000);
    assert!(!two.rig.counted(Mib::SubflowRecover));
    assert_eq!(two.takes(SF, 9_000), None);
    assert_eq!(two.takes(SECOND, 9_000), Some((1_000, 1_000)));
    two.wrote(1_000);
    two.pushed();
    two.rig.post(Event::Link { sf: SF, up: true });
    assert!(two.rig.counted(Mib::SubflowRecover));
    assert_eq!(two.pushed(), [1]);
    assert_eq!(two.takes(SF, 9_000), Some((2_000, 1_000)));
}

#[test]
fn losses_that_go_on_make_a_subflow_stale_until_it_delivers() {
    let mut two = Two::new(SchedulerKind::Default);
    two.wrote(3_000);
    two.takes(SF, 9_000);
    for _ in 0..4 {
        two.failed(SF);
        assert!(!two.rig.counted(Mib::SubflowStale));
    }
    two.failed(SF).failed(SF);
    let stale = Action::Count(Mib::SubflowStale, 1);
    assert_eq!(two.rig.asked().iter().filter(|a| **a == stale).count(), 1);
    two.acked(SF, 3_000, 10_000);
    assert!(two.rig.counted(Mib::SubflowRecover));
}

#[test]
fn a_single_subflow_repeats_nothing_when_its_path_fails() {
    let mut rig = Rig::new(false);
    rig.write(1_000);
    rig.post(Event::PathFailed { sf: SF });
    assert_eq!(rig.offer(9_000), None);
    assert!(!rig.conn.is_waiting());
}

#[test]
fn a_subflow_that_joins_takes_over_from_one_that_has_failed() {
    let mut rig = Rig::new(false);
    rig.write(1_000);
    rig.post(Event::PathFailed { sf: SF });
    let flow = Subflow::new(SECOND, Phase::Open, Duration::from_millis(200));
    rig.conn.subflows.add(flow).unwrap();
    rig.conn.rescue_all();
    let now = Instant::default();
    let offer = rig.conn.poll_transmit(&rig.shared, SECOND, 9_000, now);
    assert_eq!(
        offer.map(|offer| (offer.dsn, offer.len)),
        Some((our(0), 1_000))
    );
}

#[test]
fn data_that_some_tcp_delivered_and_the_peer_lost_goes_again_in_time() {
    let mut two = Two::new(SchedulerKind::RoundRobin);
    two.wrote(3_000);
    assert_eq!(two.takes(SF, 9_000), Some((0, 1_000)));
    assert_eq!(two.takes(SECOND, 9_000), Some((1_000, 1_000)));
    assert_eq!(two.takes(SF, 9_000), Some((2_000, 1_000)));
    // The first subflow's TCP delivers; the peer has not taken it.
    two.acked(SF, 0, 10_000);
    two.pushed();
    // The first of the timers is for paths that do not answer.
    two.rig.timeout();
    assert!(two.pushed().is_empty());
    two.rig.timeout();
    let pushed = two.pushed();
    assert!(pushed.contains(&1) || pushed.contains(&2), "{pushed:?}");
    // Up to where the second subflow carries on.
    assert_eq!(two.takes(SECOND, 9_000), Some((0, 1_000)));
    assert_eq!(two.takes(SECOND, 9_000), None);
}

#[test]
fn what_went_over_another_path_and_was_lost_there_goes_again_although_the_dead_one_has_it() {
    let mut two = Two::new(SchedulerKind::Default);
    two.wrote(1_000);
    assert_eq!(two.takes(SF, 9_000), Some((0, 1_000)));
    two.failed(SF);
    assert_eq!(two.takes(SECOND, 9_000), Some((0, 1_000)));
    // Its TCP delivers, and the peer has no memory for it.
    two.acked(SECOND, 0, 10_000);
    two.rig.timeout();
    assert_eq!(two.takes(SECOND, 9_000), Some((0, 1_000)));
}

#[test]
fn a_subflow_on_which_nothing_moves_is_not_waited_for() {
    let mut two = Two::new(SchedulerKind::Default);
    two.wrote(1_000);
    assert_eq!(two.takes(SF, 9_000), Some((0, 1_000)));
    two.pushed();
    // No word from TCP, and no DATA_ACK for an interval.
    two.rig.timeout();
    assert_eq!(two.rig.now, 200);
    assert_eq!(two.pushed(), [2]);
    assert_eq!(two.takes(SECOND, 9_000), Some((0, 1_000)));
}

#[test]
fn what_blocks_the_window_on_a_slow_path_goes_over_a_fast_one_too() {
    let mut two = Two::new(SchedulerKind::RoundRobin);
    // A window of 10000 octets; the slow one has the first of them.
    two.wrote(12_000);
    assert_eq!(two.takes(SF, 1_000), Some((0, 1_000)));
    assert_eq!(two.takes(SECOND, 9_000), Some((1_000, 1_000)));
    for at in 2..10 {
        let took = two.takes(SF, 1_000);
        let took = took.or_else(|| two.takes(SECOND, 1_000));
        assert_eq!(took, Some((at * 1_000, 1_000)));
    }
    assert_eq!(two.takes(SF, 9_000), None);
    // The fast one has delivered what it had: the window is blocked by the second thousand.
    two.acked(SF, 1_000, 9_000);
    assert_eq!(two.takes(SF, 9_000), Some((1_000, 1_000)));
    assert_eq!(two.takes(SECOND, 9_000), None);
}

#[test]
fn a_full_window_alone_is_no_reason_to_send_twice() {
    // What each path takes for an answer, in microseconds, the faster one first; whether a copy goes out.
    for (fast, slow, copy) in [
        (20_000, 40_000, false),
        (20_000, 41_000, true),
        (100, 1_100, false),
        (100, 1_101, true),
    ] {
        let mut two = Two::new(SchedulerKind::Default);
        two.measured_micros(SF, fast, 10, 0);
        two.measured_micros(SECOND, slow, 10, 0);
        // The peer's window is 10000 octets; its program reads no more, and what it has is on its way over the second path.
        two.wrote(20_000);
        assert_eq!(two.takes(SF, 10_000), Some((0, 10_000)));
        two.acked(SF, 10_000, 2_000);
        two.rig.conn.set_scheduler(SchedulerKind::RoundRobin);
        assert_eq!(two.takes(SF, 1_000), Some((10_000, 1_000)));
        assert_eq!(two.takes(SECOND, 9_000), Some((11_000, 1_000)));
        two.acked(SF, 11_000, 1_000);
        let taken = copy.then_some((11_000, 1_000));
        assert_eq!(two.takes(SF, 9_000), taken, "{fast} {slow}");
    }
}

#[test]
fn the_end_is_said_although_something_waits_to_go_again() {
    let mut two = Two::new(SchedulerKind::Default);
    two.wrote(1_000);
    two.takes(SF, 9_000);
    two.failed(SF);
    two.rig.post(Event::ShutdownWrite);
    assert!(two.rig.has(&Action::SendAck { sf: SF }));
    assert_eq!(two.rig.conn.state(), ConnState::FinWait1);
}

#[test]
fn closing_a_subflow_gives_its_work_to_the_others() {
    let mut two = Two::new(SchedulerKind::Default);
    two.wrote(1_000);
    two.takes(SF, 9_000);
    assert!(two.rig.conn.close_subflow(SF, Instant::default()));
    two.rig.drain();
    assert!(two.rig.has(&Action::CloseSubflow { sf: SF }));
    assert_eq!(two.takes(SECOND, 9_000), Some((0, 1_000)));
    // Its end brings nothing again.
    two.rig.post(Event::SubflowClosed {
        sf: SF,
        ending: Ending::Clean,
    });
    assert_eq!(two.takes(SECOND, 9_000), None);
}

#[test]
fn what_tcp_refused_is_for_any_subflow() {
    let mut two = Two::new(SchedulerKind::Default);
    two.wrote(1_000);
    let now = Instant::default();
    let offer = two.rig.conn.poll_transmit(&two.rig.shared, SF, 9_000, now);
    let dsn = offer.unwrap().dsn;
    two.rig.post(Event::Transmitted {
        sf: SF,
        dsn,
        len: 0,
        ssn: Ssn(1),
        rto: Duration::from_millis(200),
    });
    assert_eq!(two.pushed().last(), Some(&2));
    assert_eq!(two.takes(SECOND, 9_000), Some((0, 1_000)));
}

/// TCP takes nothing of what a subflow is offered, although it has room; says whether it was offered anything.
fn refuses(two: &mut Two, sf: SubflowId) -> bool {
    let now = Instant::from_millis(two.rig.now);
    let offer = two.rig.conn.poll_transmit(&two.rig.shared, sf, 9_000, now);
    two.rig.drain();
    let Some(Transmit { dsn, .. }) = offer else {
        return false;
    };
    two.rig.post(Event::Transmitted {
        sf,
        dsn,
        len: 0,
        ssn: Ssn(two.next[sf.0 as usize - 1]),
        rto: Duration::from_millis(200),
    });
    true
}

#[test]
fn who_took_nothing_is_asked_again_only_in_time() {
    let mut two = Two::new(SchedulerKind::Default);
    two.failed(SECOND).wrote(1_000);
    two.pushed();
    assert!(refuses(&mut two, SF));
    assert_eq!(two.pushed(), []);
    two.rig.timeout();
    assert_eq!(two.pushed(), [1]);
    assert_eq!(two.takes(SF, 9_000), Some((0, 1_000)));
}

#[test]
fn two_who_took_nothing_do_not_go_on_asking_each_other() {
    for kind in SchedulerKind::ALL {
        let mut two = Two::new(kind);
        two.wrote(1_000);
        let mut asked = two.pushed();
        let mut turns = 0;
        while let Some(sf) = asked.pop() {
            refuses(&mut two, SubflowId(sf));
            asked.extend(two.pushed());
            turns += 1;
            assert!(turns < 20, "{kind:?}");
        }
        two.rig.timeout();
        assert!(!two.pushed().is_empty());
    }
}

#[test]
fn a_window_told_on_one_subflow_counts_on_all() {
    let mut two = Two::new(SchedulerKind::Default);
    let before = two.rig.conn.peer_window();
    two.acked(SECOND, 0, 50_000);
    assert_eq!((before, two.rig.conn.peer_window()), (10_000, 50_000));
    // A smaller one on the other takes nothing back (RFC 8684 3.3.1).
    two.acked(SF, 0, 1_000);
    assert_eq!(two.rig.conn.peer_window(), 50_000);
    two.rig.stamp(1, 0);
    assert_eq!(two.rig.shared.promised(), 5_000);
    two.rig.data(0, b"abcd");
    assert_eq!(two.rig.shared.promised(), 4_996);
}

#[test]
fn a_connection_may_change_its_scheduler() {
    let mut two = Two::new(SchedulerKind::Default);
    two.wrote(2_000);
    assert_eq!(two.takes(SF, 500), Some((0, 500)));
    two.rig.conn.set_scheduler(SchedulerKind::Redundant);
    assert_eq!(two.takes(SECOND, 9_000), Some((0, 500)));
    assert_eq!(two.takes(SECOND, 9_000), Some((500, 1_500)));
}

#[test]
fn what_a_silent_subflow_has_goes_over_another_until_it_answers() {
    let mut two = Two::new(SchedulerKind::Default);
    two.wrote(6_000);
    assert_eq!(two.takes(SF, 4_000), Some((0, 4_000)));
    two.pushed();
    // Two round trips of 20 ms and four deviations of 2 ms are less than what counts as silence.
    two.rig.timeout();
    assert_eq!(two.rig.now, 50);
    assert_eq!(two.pushed(), [2]);
    assert_eq!(two.takes(SF, 9_000), None);
    assert_eq!(two.takes(SECOND, 2_000), Some((0, 2_000)));
    // What the other one has not sent by now it need not.
    two.acked(SF, 0, 10_000);
    assert_eq!(two.takes(SF, 9_000), Some((4_000, 2_000)));
    assert_eq!(two.takes(SECOND, 9_000), None);
}

#[test]
fn a_late_answer_from_a_link_that_went_down_takes_nothing_back() {
    let mut two = Two::new(SchedulerKind::Default);
    two.wrote(4_000);
    assert_eq!(two.takes(SF, 9_000), Some((0, 4_000)));
    two.rig.timeout();
    two.rig.post(Event::Link { sf: SF, up: false });
    two.next[0] = 1_001;
    two.acked(SF, 0, 10_000);
    assert_eq!(two.takes(SECOND, 9_000), Some((0, 4_000)));
}

#[test]
fn little_that_is_not_answered_is_no_silence() {
    let mut two = Two::new(SchedulerKind::Default);
    two.wrote(1_500);
    assert_eq!(two.takes(SF, 9_000), Some((0, 1_500)));
    two.pushed();
    two.rig.timeout();
    assert_eq!(two.rig.now, 200);
}

#[test]
fn the_last_subflow_that_works_is_not_doubted() {
    let mut two = Two::new(SchedulerKind::Default);
    two.failed(SECOND);
    two.wrote(6_000);
    assert_eq!(two.takes(SF, 4_000), Some((0, 4_000)));
    two.rig.timeout();
    assert_eq!(two.takes(SECOND, 9_000), None);
    assert_eq!(two.takes(SF, 9_000), Some((4_000, 2_000)));
}

/// Half of what the first subflow has may have arrived without our having heard of it when its link goes down, an eighth of
/// which is not counted on.
fn link_down_in_the_middle() -> Two {
    let mut two = Two::new(SchedulerKind::Default);
    two.wrote(4_000);
    assert_eq!(two.takes(SF, 9_000), Some((0, 4_000)));
    let stats = PathStats {
        srtt: 40_000,
        min_rtt: 40_000,
        cwnd: 10_000,
        in_flight: 4_000,
        mss: 1_000,
        ..PathStats::default()
    };
    let rto = Duration::from_millis(200);
    two.rig.post(Event::Measured { sf: SF, stats, rto });
    two.rig.post(Event::Link { sf: SF, up: false });
    two
}

#[test]
fn what_the_peer_seems_to_have_of_a_dead_path_goes_last() {
    let mut two = link_down_in_the_middle();
    assert_eq!(two.takes(SECOND, 9_000), Some((1_750, 2_250)));
    assert_eq!(two.takes(SECOND, 9_000), Some((0, 1_750)));
    assert_eq!(two.takes(SECOND, 9_000), None);
}

#[test]
fn what_the_peer_still_lacks_after_a_moment_goes_first() {
    let mut two = link_down_in_the_middle();
    two.rig.now += 5;
    assert_eq!(two.takes(SECOND, 1_000), Some((0, 1_000)));
    assert_eq!(two.takes(SECOND, 9_000), Some((1_000, 750)));
}

#[test]
fn tcp_is_handed_whole_segments_that_fit_its_congestion_window_and_two_ahead() {
    let mut two = Two::new(SchedulerKind::Default);
    two.measured(SF, 20, 5);
    two.wrote(60_000);
    assert_eq!(two.takes(SF, 9_900), Some((0, 7_000)));
    assert_eq!(two.takes(SF, 9_900), None);
}

/// The first subflow is silent, the second carries the first part of what that had, and nothing comes of the rest.
fn rescue_begun(two: &mut Two, part: u32) {
    two.wrote(6_000);
    assert_eq!(two.takes(SF, 4_000), Some((0, 4_000)));
    two.pushed();
    two.rig.timeout();
    assert_eq!(two.takes(SECOND, part), Some((0, part)));
}

/// A segment of the first subflow that acknowledges nothing new there.
fn bare_answer(two: &mut Two, data_ack: u64) {
    let options = dss(Some(our(data_ack)), None);
    let segment = RxSegment {
        ssn: Ssn(1),
        ack: Some(Ssn(1)),
        window: 10_000,
        ..RxSegment::default()
    };
    two.rig.post(Event::Segment {
        sf: SF,
        segment,
        options: &options,
    });
}

#[test]
fn an_answer_on_a_subflow_that_is_closing_takes_no_rescue_back() {
    let mut two = Two::new(SchedulerKind::Default);
    rescue_begun(&mut two, 2_000);
    let now = Instant::from_millis(two.rig.now);
    two.rig.conn.close_subflow(SF, now);
    two.rig.drain();
    bare_answer(&mut two, 0);
    assert_eq!(two.takes(SECOND, 2_000), Some((2_000, 2_000)));
}

#[test]
fn a_window_update_on_a_silent_subflow_takes_no_rescue_back() {
    let mut two = Two::new(SchedulerKind::Default);
    rescue_begun(&mut two, 1_000);
    two.acked(SECOND, 1_000, 10_000);
    bare_answer(&mut two, 1_000);
    assert_eq!(two.takes(SECOND, 3_000), Some((1_000, 3_000)));
}

#[test]
fn a_stale_subflow_that_was_silent_recovers_with_its_first_answer() {
    let mut two = Two::new(SchedulerKind::Default);
    two.wrote(6_000);
    assert_eq!(two.takes(SF, 4_000), Some((0, 4_000)));
    two.pushed();
    two.rig.timeout();
    for _ in 0..6 {
        two.failed(SF);
    }
    assert!(two.rig.counted(Mib::SubflowStale));
    two.acked(SF, 4_000, 10_000);
    assert!(two.rig.counted(Mib::SubflowRecover));
}
