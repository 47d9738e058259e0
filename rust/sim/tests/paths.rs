// SPDX-License-Identifier: GPL-2.0

//! Connections over several paths.

#![allow(missing_docs)]

use rust_mptcp::engine::mem::refuse;
use rust_mptcp::engine::Mib;
use rust_mptcp_sim::app::Plan;
use rust_mptcp_sim::endpoint::Endpoint;
use rust_mptcp_sim::oracle::Expect;
use rust_mptcp_sim::paths;
use rust_mptcp_sim::paths::Paths;
use rust_mptcp_sim::trace::Trace;

/// Enough for every kind of run; more by `SEEDS`, from `FIRST` on.
const SEEDS: u64 = 400;

fn number(name: &str, usual: u64) -> u64 {
    let text = std::env::var(name).unwrap_or_default();
    text.parse().unwrap_or(usual)
}

#[test]
fn seeds_over_several_paths_pass() {
    let first = number("FIRST", 0);
    let mut faults = Vec::new();
    let mut joined = 0;
    for seed in first..first + number("SEEDS", SEEDS) {
        let (world, fault) = paths::run(Paths::random(seed), None);
        joined += world
            .end(0, 0)
            .map_or(0, |end| end.record.paths.joined.len());
        if let Some(fault) = fault {
            faults.push(format!("seed {seed}: {fault}"));
            if faults.len() > 5 {
                break;
            }
        }
    }
    let text = faults.join("\n");
    assert!(faults.is_empty(), "{text}");
    assert!(joined > 0);
}

/// Octets are right and both ends come to rest, whoever else takes part.
#[test]
fn seeds_with_attackers_over_several_paths_pass() {
    let first = number("FIRST", 0);
    let mut faults = Vec::new();
    let mut withdrawn = 0;
    for seed in first..first + number("SEEDS", SEEDS) {
        let (world, fault) = paths::run(Paths::attacked(seed), None);
        let removed = |end: &Endpoint| end.record.counted(Mib::RmAddr);
        withdrawn += world.end(0, 0).map_or(0, removed);
        faults.extend(fault.map(|fault| format!("seed {seed}: {fault}")));
    }
    let text = faults.join("\n");
    assert!(faults.is_empty(), "{text}");
    assert!(withdrawn > 0);
}

/// `SEED=n cargo test --test paths -- --ignored --nocapture`: one seed, with its trace. With
/// `REFUSED=k` as the test below runs it, with `ATTACKED=1` as the one above.
#[test]
#[ignore = "a tool"]
fn replay() {
    let seed = number("SEED", 0);
    let refused = number("REFUSED", u64::MAX);
    let attacked = number("ATTACKED", 0) > 0;
    let run = || match refused {
        u64::MAX if attacked => Paths::attacked(seed),
        u64::MAX => Paths::random(seed),
        _ => starved(seed),
    };
    println!("{}", run().describe());
    refuse::nth(refused);
    let (mut world, fault) = paths::run(run(), Some(Trace::default()));
    refuse::nothing();
    let trace = world.trace.take();
    println!("{}", trace.map_or(String::new(), |trace| trace.text));
    for side in 0..2 {
        let Some(end) = world.end(0, side) else {
            continue;
        };
        println!("side {side}: {:?}\n{:?}", end.app, end.record);
    }
    println!("{fault:?}");
}

/// The run of a seed, short enough to be done very often.
fn starved(seed: u64) -> Paths {
    let mut run = Paths::random(seed);
    for plan in &mut run.plans {
        plan.total = plan.total.min(60_000);
    }
    run.plans = Plan::in_step(run.plans);
    run.expect = run.expect.max(Expect::Complete);
    run
}

/// Every allocation refused in turn: each run ends, and what is delivered is right.
#[test]
fn no_refused_allocation_costs_an_octet_over_several_paths() {
    for seed in 0..60 {
        refuse::nth(u64::MAX);
        let (_, fault) = paths::run(starved(seed), None);
        let requests = refuse::nothing();
        assert_eq!(fault, None, "seed {seed}");
        let stride = requests.div_ceil(60).max(1);
        for refused in (seed % stride..requests).step_by(stride as usize) {
            refuse::nth(refused);
            let (world, fault) = paths::run(starved(seed), None);
            refuse::nothing();
            // connect(2) may have failed.
            let opened = world.end(0, 0).is_some_and(|end| !end.flows.is_empty());
            let fault = fault.filter(|_| opened);
            assert_eq!(
                fault, None,
                "seed {seed}, allocation {refused} of {requests}"
            );
        }
    }
}
