// SPDX-License-Identifier: GPL-2.0

//! The part of `make sim` that every `make test` runs.

#![allow(missing_docs)]

use rust_mptcp_sim::crowd;
use rust_mptcp_sim::sweep;
use rust_mptcp_sim::sweep::Sweep;

/// Enough for every family and every stage; `make sim` does more of the same.
const SEEDS: u64 = 600;

#[test]
fn seeds_pass() {
    let summary = sweep::run(&Sweep {
        first: 0,
        seeds: SEEDS,
        jobs: 2,
        quiet: true,
    });
    assert_eq!(summary.runs, SEEDS);
    assert!(summary.faults.is_empty(), "{:#?}", summary.faults);
}

#[test]
fn a_crowd_is_served() {
    let cost = crowd::run(2_000, |_| {}).unwrap();
    assert_eq!(cost.connections, 2_000);
}
