// SPDX-License-Identifier: GPL-2.0

//! The part of `make sim` that every `make test` runs.

#![allow(missing_docs)]

use rust_mptcp_sim::crowd;
use rust_mptcp_sim::run::Sort;
use rust_mptcp_sim::sweep;
use rust_mptcp_sim::sweep::Summary;
use rust_mptcp_sim::sweep::Sweep;

/// Enough for every family and every stage; `make sim` does more of the same.
const SEEDS: u64 = 600;

fn sweep(only: Sort) -> Summary {
    let sweep = Sweep {
        first: 0,
        seeds: SEEDS,
        only: Some(only),
        jobs: 2,
        quiet: true,
    };
    let summary = sweep::run(&sweep);
    assert!(summary.faults.is_empty(), "{:#?}", summary.faults);
    assert_eq!(summary.runs, SEEDS);
    summary
}

#[test]
fn seeds_over_one_path_pass() {
    let summary = sweep(Sort::One);
    assert_eq!(summary.of(Sort::One).count(), 9);
}

#[test]
fn seeds_over_several_paths_pass() {
    let summary = sweep(Sort::Several);
    let mut families: Vec<_> = summary.of(Sort::Several).collect();
    families.retain(|(_, family)| family.joined > 0 && family.changed > 0);
    let names: Vec<_> = families.iter().map(|(name, _)| *name).collect();
    let all = [
        "attacked",
        "disturbed",
        "dying",
        "joined",
        "managed",
        "starved",
    ];
    assert_eq!(names, all, "{summary}");
    assert!(families.iter().any(|(_, family)| family.failed > 0));
}

#[test]
fn a_crowd_is_served() {
    let cost = crowd::run(2_000, |_| {}).unwrap();
    assert_eq!(cost.connections, 2_000);
}
