// SPDX-License-Identifier: GPL-2.0

//! The vectors of protocol reference 8.2, and what each scheduler is for.

use super::*;
use proptest::prelude::*;
use std::vec;
use std::vec::Vec;

const MSS: u32 = 1448;

/// A path with times in milliseconds and windows in segments.
fn path(sf: u32, srtt: u32, cwnd: u32, in_flight: u32) -> PathView {
    PathView {
        sf: SubflowId(sf),
        stats: PathStats {
            srtt: srtt * 1000,
            rttvar: srtt * 100,
            min_rtt: srtt * 1000,
            cwnd: cwnd * MSS,
            in_flight: in_flight * MSS,
            unsent: 0,
            pacing: 0,
            mss: MSS,
        },
        queued: in_flight * MSS,
        full: false,
    }
}

fn send(backlog: u64, window: u64) -> SendView {
    SendView {
        backlog,
        allowed: backlog,
        window,
    }
}

fn given(choice: Choice) -> u32 {
    match choice {
        Choice::Give { sf, .. } => sf.0,
        Choice::Wait => 0,
        Choice::All => 99,
    }
}

#[test]
fn default_takes_the_path_that_is_done_first() {
    // 10 segments in 20 ms beside 10 in 100 ms, with 8 and 1 queued.
    let paths = vec![path(1, 20, 10, 8), path(2, 100, 10, 1)];
    let choice = default::Default.choose(paths.into_iter(), &send(500_000, 500_000));
    assert_eq!(given(choice), 2);
    let paths = vec![path(1, 20, 10, 4), path(2, 100, 10, 1)];
    let choice = default::Default.choose(paths.into_iter(), &send(500_000, 500_000));
    assert_eq!(
        choice,
        Choice::Give {
            sf: SubflowId(1),
            octets: BURST / MSS * MSS,
            ahead: 0
        }
    );
}

#[test]
fn default_goes_by_the_pacing_rate_and_waits_for_the_best_path() {
    let mut fast = path(1, 20, 10, 8);
    fast.stats.pacing = 10_000_000;
    fast.full = true;
    let mut slow = path(2, 20, 10, 8);
    slow.stats.pacing = 1_000_000;
    let choice = default::Default.choose(vec![fast, slow].into_iter(), &send(1_000, 1_000));
    assert_eq!(choice, Choice::Wait);
}

#[test]
fn default_never_asks_for_more_than_there_is() {
    let choice = default::Default.choose(vec![path(1, 20, 10, 0)].into_iter(), &send(700, 900));
    assert_eq!(
        choice,
        Choice::Give {
            sf: SubflowId(1),
            octets: 700,
            ahead: 0
        }
    );
}

#[test]
fn default_lets_a_fast_path_go_on_as_far_as_its_window_bears() {
    let mut path = path(1, 20, 2000, 0);
    for (pacing, ahead) in [
        (0, 0),
        (1_000_000, 0),
        (10_000_000, 6 * MSS - 700),
        (2_000_000_000, 1381 * MSS - 700),
        (u64::MAX, 2000 * MSS - 700),
    ] {
        path.stats.pacing = pacing;
        let choice = default::Default.choose([path].into_iter(), &send(700, 900));
        let (sf, octets) = (SubflowId(1), 700);
        assert_eq!(choice, Choice::Give { sf, octets, ahead }, "{pacing}");
    }
}

#[test]
fn default_gives_a_segment_at_least() {
    let mut path = path(1, 20, 10, 0);
    path.stats.mss = 65_455;
    let choice = default::Default.choose([path].into_iter(), &send(1 << 20, 1 << 20));
    let (sf, octets, ahead) = (SubflowId(1), 65_455, 0);
    assert_eq!(choice, Choice::Give { sf, octets, ahead });
}

#[test]
fn roundrobin_takes_turns_and_leaves_out_who_has_no_room() {
    let mut one = roundrobin::RoundRobin::default();
    let paths = vec![path(1, 20, 10, 0), path(2, 100, 10, 10), path(5, 50, 10, 9)];
    let turns: Vec<u32> = (0..5)
        .map(|_| given(one.choose(paths.clone().into_iter(), &send(9_000, 9_000))))
        .collect();
    assert_eq!(turns, [1, 5, 1, 5, 1]);
    let none = one.choose(vec![path(1, 20, 10, 10)].into_iter(), &send(9_000, 9_000));
    assert_eq!(none, Choice::Wait);
}

#[test]
fn blest_estimates_as_in_the_reference() {
    let (fast, slow) = (path(1, 20, 20, 20), path(2, 100, 40, 10));
    assert_eq!(blest::overtakes(&fast, &slow), 159_280);
    let paths = vec![fast, slow];
    let wide = blest::Blest.choose(paths.clone().into_iter(), &send(1 << 20, 262_144));
    assert_eq!(given(wide), 2);
    let narrow = blest::Blest.choose(paths.into_iter(), &send(1 << 20, 131_072));
    assert_eq!(narrow, Choice::Wait);
}

#[test]
fn blest_uses_the_fast_path_whenever_it_has_room() {
    let paths = vec![path(1, 20, 20, 19), path(2, 100, 40, 0)];
    let choice = blest::Blest.choose(paths.into_iter(), &send(1 << 20, 2_000));
    assert_eq!(given(choice), 1);
}

/// The decision of ECF for a backlog in segments, on the paths of the reference.
fn ecf(backlog: u64, slow_cwnd: u32, waiting: bool) -> (bool, bool) {
    let (fast, slow) = (path(1, 20, 10, 10), path(2, 100, slow_cwnd, 0));
    let mut one = ecf::Ecf { waiting };
    let waits = one.waits(&fast, &slow, backlog * u64::from(MSS));
    (waits, one.waiting)
}

#[test]
fn ecf_decides_as_in_the_reference() {
    assert_eq!(ecf(40, 10, false), (true, true));
    assert_eq!(ecf(80, 10, true), (false, false));
    assert_eq!(ecf(4, 40, false), (false, false));
    // Who waits already waits a little longer: 125 ms against 110 ms.
    assert_eq!(ecf(52, 10, false), (false, false));
    assert_eq!(ecf(52, 10, true), (true, true));
}

#[test]
fn ecf_uses_the_fast_path_whenever_it_has_room() {
    let paths = vec![path(1, 20, 10, 9), path(2, 100, 40, 0)];
    let choice = ecf::Ecf::default().choose(paths.into_iter(), &send(40_000, 1 << 20));
    assert_eq!(given(choice), 1);
}

#[test]
fn redundant_leaves_nobody_out() {
    let choice = redundant::Redundant.choose(vec![path(1, 20, 10, 9)].into_iter(), &send(1, 1));
    assert_eq!(choice, Choice::All);
}

#[test]
fn schedulers_have_the_names_that_users_know() {
    for kind in SchedulerKind::ALL {
        assert_eq!(SchedulerKind::named(kind.name().as_bytes()), Some(kind));
    }
    assert_eq!(SchedulerKind::named(b"bpf"), None);
    let names = SchedulerKind::ALL.map(SchedulerKind::name).join(" ");
    assert_eq!(SchedulerKind::NAMES.to_bytes(), names.as_bytes());
}

fn any_path() -> impl Strategy<Value = PathView> {
    let numbers = (any::<u32>(), any::<u32>(), any::<u32>(), any::<u64>());
    (
        1_u32..70,
        numbers,
        any::<u32>(),
        any::<u32>(),
        any::<bool>(),
    )
        .prop_map(
            |(sf, (srtt, rttvar, cwnd, pacing), mss, queued, full)| PathView {
                sf: SubflowId(sf),
                stats: PathStats {
                    srtt,
                    rttvar,
                    min_rtt: srtt,
                    cwnd,
                    in_flight: queued,
                    unsent: 0,
                    pacing,
                    mss: mss % 65_536,
                },
                queued,
                full,
            },
        )
}

proptest! {
    #[test]
    fn whatever_is_measured_only_paths_that_take_data_are_chosen(
        paths in prop::collection::vec(any_path(), 1..8),
        backlog in 1_u64..,
        window in any::<u64>(),
        rounds in 1_usize..4,
    ) {
        for kind in SchedulerKind::ALL {
            let mut one = Scheduling::new(kind);
            for _ in 0..rounds {
                if let Choice::Give { sf, octets, .. } =
                    one.choose(paths.iter().copied(), &send(backlog, window))
                {
                    prop_assert!(octets > 0);
                    prop_assert!(paths.iter().any(|path| path.sf == sf && !path.full));
                }
            }
        }
    }

    #[test]
    fn somebody_is_chosen_while_all_have_room(
        mut paths in prop::collection::vec(any_path(), 1..8),
        backlog in 1_u64..,
    ) {
        for path in &mut paths {
            (path.queued, path.stats.in_flight, path.full) = (0, 0, false);
        }
        for kind in SchedulerKind::ALL {
            let mut one = Scheduling::new(kind);
            let choice = one.choose(paths.iter().copied(), &send(backlog, backlog));
            prop_assert_ne!(choice, Choice::Wait);
        }
    }
}
