// SPDX-License-Identifier: GPL-2.0

//! Many seeds, on all cores, and a summary of what they showed.

use crate::run;
use crate::run::Outcome;
use rust_mptcp::engine::Mib;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

/// Seeds that a thread takes at a time.
const BATCH: u64 = 25;

/// Failures that are told one by one; after so many the sweep ends.
const FAULTS: usize = 20;

/// What to run.
#[derive(Clone, Copy, Debug)]
pub struct Sweep {
    /// The first seed.
    pub first: u64,
    /// How many.
    pub seeds: u64,
    /// Threads.
    pub jobs: usize,
    /// Tells nothing before the end.
    pub quiet: bool,
}

/// What the runs of a family have come to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Family {
    /// Seeds.
    pub runs: u64,
    /// In which every octet arrived.
    pub whole: u64,
    /// In which an end became plain TCP.
    pub plain: u64,
    /// In which a program gave up.
    pub gave_up: u64,
}

/// What a sweep has come to.
#[derive(Debug)]
pub struct Summary {
    /// Seeds that were run.
    pub runs: u64,
    /// Those that failed.
    pub failed: u64,
    /// The first failures.
    pub faults: Vec<(u64, String)>,
    /// By family.
    pub families: BTreeMap<&'static str, Family>,
    /// Segments.
    pub segments: u64,
    /// Virtual time, in seconds.
    pub virtual_seconds: u64,
    /// Processor time.
    pub cpu: Duration,
    touched: [bool; Mib::COUNT],
}

impl Default for Summary {
    fn default() -> Self {
        Self {
            runs: 0,
            failed: 0,
            faults: Vec::new(),
            families: BTreeMap::new(),
            segments: 0,
            virtual_seconds: 0,
            cpu: Duration::ZERO,
            touched: [false; Mib::COUNT],
        }
    }
}

impl Summary {
    fn add(&mut self, seed: u64, outcome: Outcome) {
        let family = self.families.entry(outcome.family).or_default();
        family.runs += 1;
        family.whole += u64::from(outcome.whole);
        family.plain += u64::from(outcome.plain);
        family.gave_up += u64::from(outcome.gave_up);
        self.runs += 1;
        self.segments += outcome.segments;
        self.virtual_seconds += outcome.ended / crate::tcp::SECOND;
        for counter in outcome.counters {
            self.touched[counter.index()] = true;
        }
        if let Some(fault) = outcome.fault {
            self.failed += 1;
            if self.faults.len() < FAULTS {
                self.faults.push((seed, fault));
            }
        }
    }

    /// Segments in a second of one core.
    pub fn speed(&self) -> f64 {
        self.segments as f64 / self.cpu.as_secs_f64().max(1e-9)
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<12} {:>8} {:>8} {:>8} {:>8}",
            "family", "runs", "whole", "plain", "gave up"
        )?;
        for (name, family) in &self.families {
            writeln!(
                f,
                "{name:<12} {:>8} {:>8} {:>8} {:>8}",
                family.runs, family.whole, family.plain, family.gave_up
            )?;
        }
        let touched = self.touched.iter().filter(|one| **one).count();
        writeln!(f, "counters of the engine touched: {touched}")?;
        writeln!(
            f,
            "{} segments, {} s of virtual time in {:.1} s of one core: {:.2} million segments a second",
            self.segments,
            self.virtual_seconds,
            self.cpu.as_secs_f64(),
            self.speed() / 1e6
        )?;
        writeln!(f, "{} seeds run, {} failed", self.runs, self.failed)
    }
}

fn lock(summary: &Mutex<Summary>) -> MutexGuard<'_, Summary> {
    summary.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs the seeds of a sweep.
pub fn run(sweep: &Sweep) -> Summary {
    let next = AtomicU64::new(0);
    let summary = Mutex::new(Summary::default());
    let done = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..sweep.jobs {
            scope.spawn(|| {
                work(sweep, &next, &summary);
                done.fetch_add(1, Ordering::Relaxed);
            });
        }
        let mut told = Instant::now();
        while done.load(Ordering::Relaxed) < sweep.jobs as u64 {
            std::thread::sleep(Duration::from_millis(20));
            if !sweep.quiet && told.elapsed() > Duration::from_secs(2) {
                told = Instant::now();
                let now = lock(&summary);
                println!(
                    "  {} of {} seeds, {} failed, {} segments",
                    now.runs, sweep.seeds, now.failed, now.segments
                );
            }
        }
    });
    let mut summary = summary.into_inner().unwrap_or_else(PoisonError::into_inner);
    summary.faults.sort();
    summary
}

fn work(sweep: &Sweep, next: &AtomicU64, summary: &Mutex<Summary>) {
    loop {
        let from = next.fetch_add(BATCH, Ordering::Relaxed);
        let stop = lock(summary).faults.len() >= FAULTS;
        if from >= sweep.seeds || stop {
            break;
        }
        let to = (from + BATCH).min(sweep.seeds);
        let begun = cpu_time();
        let outcomes: Vec<_> = (from..to)
            .map(|number| sweep.first + number)
            .map(|seed| (seed, run::run_seed(seed)))
            .collect();
        let spent = cpu_time().saturating_sub(begun);
        let mut summary = lock(summary);
        summary.cpu += spent;
        for (seed, outcome) in outcomes {
            summary.add(seed, outcome);
        }
    }
}

/// What this thread has had of a processor; other work on the machine does not count.
fn cpu_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = text.split(' ').next().and_then(|word| word.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}
