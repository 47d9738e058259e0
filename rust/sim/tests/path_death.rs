// SPDX-License-Identifier: GPL-2.0

//! How long a reader waits when one of two paths dies, and what several paths are good for.

#![allow(missing_docs)]

use rust_mptcp::engine::path_manager::Flags;
use rust_mptcp::engine::SchedulerKind;
use rust_mptcp_sim::app::Pace;
use rust_mptcp_sim::app::Plan;
use rust_mptcp_sim::middlebox::death::Silence;
use rust_mptcp_sim::middlebox::Ways;
use rust_mptcp_sim::network::LinkConfig;
use rust_mptcp_sim::oracle::Expect;
use rust_mptcp_sim::paths;
use rust_mptcp_sim::paths::good_path;
use rust_mptcp_sim::paths::Op;
use rust_mptcp_sim::paths::PathPlan;
use rust_mptcp_sim::paths::Paths;
use rust_mptcp_sim::tcp::MILLI;
use rust_mptcp_sim::tcp::SECOND;
use rust_mptcp_sim::world::World;

/// Octets a second: 20 Mbit/s.
const RATE: u64 = 2_500_000;

/// A path that loses nothing.
fn path(rate: u64, delay: u64) -> PathPlan {
    let mut path = good_path(rate, delay);
    for link in &mut path.links {
        // The TCP of the simulation knows no SACK: losses in bulk are not what is looked at here.
        link.queue = 1 << 20;
    }
    path
}

/// The server sends `total` octets.
fn download(paths: Vec<PathPlan>, total: u64, kind: SchedulerKind) -> Paths {
    let plans = [Plan::new(Pace::Silent, 0), Plan::new(Pace::Bulk, total)];
    let mut run = Paths::over(7, plans, paths);
    for host in &mut run.hosts {
        host.receive_buffer = 4_000_000;
        host.send_buffer = 4_000_000;
        host.tcp_buffer = 150_000;
        // Neither are cut segments, which are as good as lost.
        host.reaches = 0;
        host.engine.scheduler = kind;
    }
    run
}

/// The longest time, in milliseconds, that the client's program got nothing.
fn gap(world: &World) -> u64 {
    world.end(0, 0).unwrap().record.longest_gap / MILLI
}

fn run(run: Paths) -> World {
    let (world, fault) = paths::run(run, None);
    assert_eq!(fault, None);
    assert_eq!(world.end(0, 0).unwrap().record.paths.joined.len(), 1);
    world
}

/// One path goes silent in the middle; `noticed`: both hosts see their link go down.
fn one_dies(dead: usize, noticed: bool) -> u64 {
    let since = 1_500 * MILLI;
    let mut paths = vec![path(RATE, 20 * MILLI), path(RATE, 20 * MILLI)];
    paths[dead].stages.push(Box::new(Silence {
        ways: Ways::Both,
        since,
        until: u64::MAX,
    }));
    let mut scenario = download(paths, 12_000_000, SchedulerKind::Default);
    scenario.expect = Expect::Complete;
    if noticed {
        for side in 0..2 {
            let path = dead as u8;
            scenario.script.push((since, Op::LinkDown { side, path }));
        }
    }
    gap(&run(scenario))
}

#[test]
fn a_path_that_dies_in_silence_stalls_nobody_until_its_timeout() {
    for dead in [0, 1] {
        let gap = one_dies(dead, false);
        // Its timeout is a little above 200 ms. Before that it is doubted, after two round trips of silence.
        println!("path {dead} dies: {gap} ms");
        assert!(gap < 180, "{gap} ms");
    }
}

#[test]
fn a_link_that_goes_down_stalls_nobody_for_a_round_trip_of_the_other() {
    for dead in [0, 1] {
        let gap = one_dies(dead, true);
        println!("link {dead} goes down: {gap} ms");
        // One way and the queue of the other path take 20 ms each.
        assert!(gap < 48, "{gap} ms");
    }
}

/// Octets that went out twice on two paths whose links are `rough`.
fn copies(rough: impl FnMut(&mut LinkConfig)) -> u64 {
    let total = 12_000_000;
    let mut paths = vec![path(RATE, 20 * MILLI), path(RATE, 20 * MILLI)];
    paths
        .iter_mut()
        .flat_map(|path| &mut path.links)
        .for_each(rough);
    let mut scenario = download(paths, total, SchedulerKind::Default);
    scenario.expect = Expect::Complete;
    let world = run(scenario);
    let flows = &world.end(0, 1).unwrap().flows;
    let sent: u64 = flows.iter().map(|flow| u64::from(flow.tcp.end.0) - 1).sum();
    sent - total
}

#[test]
fn a_path_that_takes_its_time_is_not_doubted() {
    for jitter in [0, 10, 40, 100, 200] {
        let copies = copies(|link| link.jitter = jitter * MILLI);
        assert_eq!(copies, 0, "jitter {jitter} ms");
    }
}

#[test]
fn a_false_alarm_costs_little() {
    let mut alarms = 0;
    for pause in [40, 100, 150, 200] {
        // Not both paths at the same times.
        let mut every = [900, 900, 1_300, 1_300].into_iter();
        let copies = copies(|link| link.pause = (every.next().unwrap() * MILLI, pause * MILLI));
        println!("pauses of {pause} ms: {copies} octets twice");
        // Of 12 million.
        assert!(copies < 600_000, "pauses of {pause} ms: {copies} octets");
        alarms += u32::from(copies > 0);
    }
    assert!(alarms > 0);
}

/// Megabits a second that the client got.
fn goodput(paths: Vec<PathPlan>, kind: SchedulerKind) -> f64 {
    let total = 60_000_000;
    let world = run(download(paths, total, kind));
    let record = &world.end(0, 0).unwrap().record;
    let seconds = record.delivered_at as f64 / SECOND as f64;
    record.delivered as f64 * 8.0 / seconds / 1e6
}

#[test]
fn two_equal_paths_carry_twice_as_much() {
    let one = goodput_alone(RATE, 20 * MILLI);
    let two = goodput(
        vec![path(RATE, 20 * MILLI), path(RATE, 20 * MILLI)],
        SchedulerKind::Default,
    );
    println!("one: {one:.2} Mbit/s, two: {two:.2}");
    assert!(two > 1.8 * one, "{two} {one}");
}

fn goodput_alone(rate: u64, delay: u64) -> f64 {
    let scenario = download(vec![path(rate, delay)], 30_000_000, SchedulerKind::Default);
    let (world, fault) = paths::run(scenario, None);
    assert_eq!(fault, None);
    let record = &world.end(0, 0).unwrap().record;
    record.delivered as f64 * 8.0 / (record.delivered_at as f64 / SECOND as f64) / 1e6
}

#[test]
fn a_slow_path_beside_a_fast_one_does_no_harm() {
    let fast = 12_500_000;
    let alone = goodput_alone(fast, 5 * MILLI);
    for kind in [
        SchedulerKind::Default,
        SchedulerKind::Blest,
        SchedulerKind::Ecf,
    ] {
        let both = goodput(
            vec![path(fast, 5 * MILLI), path(fast / 10, 50 * MILLI)],
            kind,
        );
        println!("{}: {both:.1} Mbit/s beside {alone:.1} alone", kind.name());
        assert!(both > 0.9 * alone, "{} {both} {alone}", kind.name());
    }
}

/// The mean time of a question and its answer, in milliseconds, over two bad paths.
fn asks(kind: SchedulerKind) -> u64 {
    let bad = || {
        let link = LinkConfig {
            delay: 20 * MILLI,
            loss: 50_000,
            ..LinkConfig::default()
        };
        PathPlan {
            links: [link.clone(), link],
            stages: Vec::new(),
        }
    };
    let (piece, times) = (500, 400);
    let total = piece * times;
    let plans = [
        Plan::new(Pace::Ask(piece), total),
        Plan::new(Pace::Reply(piece), total),
    ];
    let mut scenario = Paths::over(3, plans, vec![bad(), bad()]);
    scenario.expect = Expect::Complete;
    for host in &mut scenario.hosts {
        host.engine.scheduler = kind;
    }
    let world = run(scenario);
    world.end(0, 0).unwrap().record.delivered_at / MILLI / times
}

#[test]
fn redundant_hides_losses_from_those_who_ask_and_wait() {
    let (usual, redundant) = (asks(SchedulerKind::Default), asks(SchedulerKind::Redundant));
    println!("default: {usual} ms, redundant: {redundant} ms");
    assert!(redundant < 48, "{redundant}");
    assert!(usual > redundant * 5 / 4, "{usual} {redundant}");
}

#[test]
fn roundrobin_uses_both_paths_alike() {
    let scenario = download(
        vec![path(RATE, 20 * MILLI), path(RATE, 20 * MILLI)],
        12_000_000,
        SchedulerKind::RoundRobin,
    );
    let world = run(scenario);
    let flows = &world.end(0, 1).unwrap().flows;
    let sent: Vec<u32> = flows.iter().map(|flow| flow.tcp.end.0).collect();
    println!("octets: {sent:?}");
    assert!(sent[0].abs_diff(sent[1]) < 800_000, "{sent:?}");
}

#[test]
fn a_connection_without_paths_goes_on_when_there_is_one_again() {
    let since = 1_500 * MILLI;
    let mut first = path(RATE, 20 * MILLI);
    first
        .stages
        .push(Box::new(rust_mptcp_sim::middlebox::death::Reset {
            since,
            both: true,
        }));
    let mut scenario = download(
        vec![first, path(RATE, 20 * MILLI)],
        12_000_000,
        SchedulerKind::Default,
    );
    scenario.expect = Expect::Complete;
    let op = Op::Join {
        side: 0,
        path: 1,
        backup: false,
    };
    scenario.script = vec![(10 * SECOND, op)];
    let world = run(scenario);
    let gap = gap(&world);
    println!("gap: {gap} ms");
    assert!((8_000..9_000).contains(&gap), "{gap}");
}

/// How many subflows two path managers open over three paths, and how many announcements came
/// back.
fn managed(client: Flags, server: Flags, limit: u8) -> (usize, u32) {
    managed_but(client, server, limit, None)
}

/// The same, where the client's joins over one path are refused at once.
fn managed_but(client: Flags, server: Flags, limit: u8, refused: Option<u8>) -> (usize, u32) {
    let paths = (0..3).map(|_| path(RATE, 20 * MILLI)).collect();
    let mut scenario = download(paths, 10_000_000, SchedulerKind::Default);
    scenario.script.clear();
    scenario.managed = Some(([client, server], limit));
    scenario.refused = refused;
    let (world, fault) = paths::run(scenario, None);
    assert_eq!(fault, None);
    let ends = [0, 1].map(|side| &world.end(0, side).unwrap().record.paths);
    assert_eq!(ends[0].joined.len(), ends[1].joined.len());
    (ends[0].joined.len(), ends[1].echoed)
}

#[test]
fn path_managers_find_each_other() {
    let nothing = Flags::default();
    // The simulation has no way from one path to another.
    assert_eq!(managed(nothing, nothing, 4), (0, 0));
    assert_eq!(managed(nothing, Flags::SIGNAL, 4), (2, 2));
    assert_eq!(managed(nothing, Flags::SIGNAL, 1), (1, 2));
    assert_eq!(managed(Flags(0x0A), Flags::SIGNAL, 4), (2, 2));
    assert_eq!(managed(Flags::LAMINAR, Flags::SIGNAL, 4), (2, 2));
}

#[test]
fn a_subflow_that_is_refused_on_the_spot_leaves_its_place_to_the_next() {
    let nothing = Flags::default();
    assert_eq!(managed_but(nothing, Flags::SIGNAL, 2, Some(1)), (1, 2));
}
