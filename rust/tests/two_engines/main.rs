// SPDX-License-Identifier: GPL-2.0

//! Two engines, two TCPs, one network: RFC 8684 from handshake to end, from a seed.
//!
//! A failure of a sweep names the scenario and the seed; `SIM_SEED=<seed>` runs that one alone, and
//! `SIM_SEEDS=<n>` makes a sweep longer than in CI.

#![allow(missing_docs, unreachable_pub)]

mod app;
mod arrivals;
mod departures;
mod fallback;
mod memory;
mod programs;
mod tcp;
mod world;

use app::App;
use app::Pace;
use rust_mptcp::engine::*;
use std::panic::catch_unwind;
use world::Net;
use world::Random;
use world::World;

pub fn configs(checksum: bool) -> [Config; 2] {
    let config = Config {
        checksum,
        ..Config::default()
    };
    [config, config]
}

/// What a sweep varies beside the seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scenario {
    Bulk,
    BothWays,
    PingPong,
    HalfClose,
    OneByte,
    TinyWindow,
    SlowReader,
    Empty,
}

const SCENARIOS: [Scenario; 8] = [
    Scenario::Bulk,
    Scenario::BothWays,
    Scenario::PingPong,
    Scenario::HalfClose,
    Scenario::OneByte,
    Scenario::TinyWindow,
    Scenario::SlowReader,
    Scenario::Empty,
];

fn apps(scenario: Scenario) -> [App; 2] {
    match scenario {
        Scenario::Bulk => [App::new(Pace::Bulk, 200_000), App::new(Pace::Silent, 0)],
        Scenario::BothWays => [App::new(Pace::Bulk, 60_000), App::new(Pace::Bulk, 80_000)],
        Scenario::PingPong => [
            App::new(Pace::Ask(700), 14_000),
            App::new(Pace::Reply(700), 14_000),
        ],
        Scenario::HalfClose => [
            App::new(Pace::Bulk, 50_000),
            App::new(Pace::AfterEnd, 30_000),
        ],
        Scenario::OneByte => {
            let mut writer = App::new(Pace::Bulk, 300);
            writer.write = 1;
            [writer, App::new(Pace::Silent, 0)]
        }
        Scenario::TinyWindow => [App::new(Pace::Bulk, 20_000), App::new(Pace::Bulk, 10_000)],
        Scenario::Empty => [App::new(Pace::Bulk, 0), App::new(Pace::Silent, 0)],
        Scenario::SlowReader => {
            let mut reader = App::new(Pace::Silent, 0);
            reader.read = 3_000;
            reader.read_every = 700;
            [App::new(Pace::Bulk, 60_000), reader]
        }
    }
}

fn world(scenario: Scenario, seed: u64) -> World {
    let mut rng = Random(seed ^ 0x5EED);
    let rough = rng.below(3);
    let net = Net {
        loss: rough * rng.below(8),
        duplicate: rough * rng.below(6),
        jitter: rough * rng.below(60),
        delay: 1 + rng.below(40),
        mss: 200 + rng.below(1300) as u32,
        gso: 1 + rng.below(65_000) as u32,
        split: rough * rng.below(10),
    };
    let gso = if scenario == Scenario::OneByte {
        1400
    } else {
        net.gso.max(900)
    };
    let net = Net { gso, ..net };
    let rcvbuf = match scenario {
        Scenario::TinyWindow => 500 + rng.below(3000) as usize,
        Scenario::SlowReader => 10_000,
        _ => 30_000 + rng.below(100_000) as usize,
    };
    let [mut a, mut b] = configs(false);
    a.checksum = rng.chance(35);
    b.checksum = rng.chance(35);
    World::new(seed, net, [a, b], apps(scenario), rcvbuf)
}

fn run_one(scenario: Scenario, seed: u64) -> World {
    let mut world = world(scenario, seed);
    world.run();
    world.assert_complete();
    // No own goal: our engine never accuses our engine.
    for host in &world.hosts {
        if scenario == Scenario::Empty {
            // The only segment with our keys may be lost for good.
            continue;
        }
        // A network that loses every SYN with the option looks like one that drops the option.
        assert!(matches!(
            host.fell_back,
            None | Some(FallbackReason::SynDropped)
        ));
        assert!(!host.reset_sent);
        for counter in [
            Mib::DssReset,
            Mib::DSSNotMatching,
            Mib::DSSNoMatchTCP,
            Mib::DataCsumErr,
            Mib::MPRstTx,
            Mib::FallbackFailed,
        ] {
            assert_eq!(host.count(counter), 0, "{counter:?}");
        }
        assert_eq!(host.count(Mib::MPCurrEstab), 0);
    }
    world
}

fn sweep(scenario: Scenario) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let seeds = match (number("SIM_SEED"), number("SIM_SEEDS")) {
        (Some(seed), _) => seed..seed + 1,
        (None, count) => 0..count.unwrap_or(150),
    };
    for seed in seeds {
        let run = catch_unwind(|| {
            run_one(scenario, seed);
        });
        assert!(run.is_ok(), "{scenario:?} failed: SIM_SEED={seed}");
    }
}

#[test]
fn bulk_data_arrives_whatever_the_network_does() {
    sweep(Scenario::Bulk);
}

#[test]
fn both_streams_arrive_and_close_at_once() {
    sweep(Scenario::BothWays);
}

#[test]
fn questions_and_answers_take_turns() {
    sweep(Scenario::PingPong);
}

#[test]
fn a_half_closed_connection_still_carries_the_other_stream() {
    sweep(Scenario::HalfClose);
}

#[test]
fn single_bytes_arrive() {
    sweep(Scenario::OneByte);
}

#[test]
fn tiny_windows_open_again() {
    sweep(Scenario::TinyWindow);
}

#[test]
fn a_slow_reader_slows_the_writer_and_loses_nothing() {
    sweep(Scenario::SlowReader);
}

#[test]
fn a_connection_without_data_ends_even_if_the_keys_are_lost() {
    sweep(Scenario::Empty);
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for scenario in SCENARIOS {
        let traces = [0, 1].map(|_| {
            let mut world = world(scenario, 77);
            world.keep_trace = true;
            world.run();
            (world.now, world.trace)
        });
        assert!(traces[0] == traces[1], "{scenario:?}");
    }
}

#[test]
fn an_abort_reaches_the_peer_as_a_reset() {
    for seed in 0..50 {
        let mut apps = apps(Scenario::BothWays);
        apps[0].abort_at = Some(30 + seed * 7);
        let mut world = World::new(seed, Net::default(), configs(seed % 2 == 0), apps, 20_000);
        world.run();
        let [a, b] = &world.hosts;
        assert_eq!(a.states.last(), Some(&ConnState::Close));
        assert_eq!(b.states.last(), Some(&ConnState::Close));
        if a.reset_sent {
            assert_eq!(a.count(Mib::MPFastcloseTx), 1, "seed {seed}");
            assert_eq!(b.count(Mib::MPFastcloseRx), 1, "seed {seed}");
            assert!(matches!(
                b.error,
                Some(ConnError::Reset | ConnError::BrokenPipe)
            ));
        }
    }
}

#[test]
fn closing_with_unread_data_is_an_abort() {
    let mut apps = [App::new(Pace::Bulk, 1_000), App::new(Pace::Bulk, 50_000)];
    apps[0].hasty = true;
    apps[0].write = 10;
    apps[0].read_every = 100_000;
    apps[0].next_read = 100_000;
    let mut world = World::new(3, Net::default(), configs(false), apps, 20_000);
    world.run();
    let [a, b] = &world.hosts;
    if a.reset_sent {
        assert_eq!(b.error, Some(ConnError::Reset));
    }
    assert_eq!(a.states.last(), Some(&ConnState::Close));
}

#[test]
fn a_connection_without_subflows_waits_and_then_ends_without_an_error() {
    let apps = [App::new(Pace::Bulk, 60_000), App::new(Pace::Ask(100), 200)];
    let mut world = World::new(5, Net::default(), configs(false), apps, 20_000);
    let mut killed = false;
    world.middlebox = Some(Box::new(move |side, segment| {
        // A middlebox resets the only path, both ways, once data flows.
        if side == 0 && !killed && segment.ssn > 20_000 {
            killed = true;
            segment.rst = true;
            segment.payload.clear();
            segment.options.clear();
        }
        !killed || segment.rst
    }));
    world.run();
    let b = &world.hosts[1];
    if b.states.last() == Some(&ConnState::Close) {
        assert_eq!(b.error, None);
    }
}
