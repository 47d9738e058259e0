// SPDX-License-Identifier: GPL-2.0

//! Many seeds, on all cores, and a summary of what they showed.

use crate::run;
use crate::run::Outcome;
use crate::run::Sort;
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
    /// Which run of each; nothing for both.
    pub only: Option<Sort>,
    /// Threads.
    pub jobs: usize,
    /// Tells nothing before the end.
    pub quiet: bool,
}

impl Sweep {
    fn sorts(&self) -> impl Iterator<Item = Sort> {
        let only = self.only;
        let all = Sort::ALL.into_iter();
        all.filter(move |sort| only.is_none_or(|only| only == *sort))
    }

    /// How many runs that makes.
    pub fn runs(&self) -> u64 {
        self.seeds * self.sorts().count() as u64
    }
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
    /// In which a further subflow was established.
    pub joined: u64,
    /// In which a peer announced or withdrew an address, or wanted another priority.
    pub changed: u64,
    /// In which TCP found that a subflow fails, or dead.
    pub failed: u64,
}

/// What all runs of a sort have come to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// Segments.
    pub segments: u64,
    /// Virtual time, in seconds.
    pub virtual_seconds: u64,
    /// Processor time.
    pub cpu: Duration,
}

impl Cost {
    /// Segments in a second of one core.
    pub fn speed(&self) -> f64 {
        self.segments as f64 / self.cpu.as_secs_f64().max(1e-9)
    }
}

/// A run that failed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// Its seed.
    pub seed: u64,
    /// Which run of it.
    pub sort: Sort,
    /// Why.
    pub what: String,
}

/// What a sweep has come to.
#[derive(Debug)]
pub struct Summary {
    /// Runs.
    pub runs: u64,
    /// Those that failed.
    pub failed: u64,
    /// The first failures.
    pub faults: Vec<Fault>,
    /// By family.
    pub families: BTreeMap<(Sort, &'static str), Family>,
    /// By sort.
    pub costs: BTreeMap<Sort, Cost>,
    touched: [bool; Mib::COUNT],
}

impl Default for Summary {
    fn default() -> Self {
        Self {
            runs: 0,
            failed: 0,
            faults: Vec::new(),
            families: BTreeMap::new(),
            costs: BTreeMap::new(),
            touched: [false; Mib::COUNT],
        }
    }
}

impl Summary {
    fn add(&mut self, sort: Sort, seed: u64, outcome: Outcome) {
        let family = self.families.entry((sort, outcome.family)).or_default();
        family.runs += 1;
        family.whole += u64::from(outcome.whole);
        family.plain += u64::from(outcome.plain);
        family.gave_up += u64::from(outcome.gave_up);
        family.joined += u64::from(outcome.joined);
        family.changed += u64::from(outcome.changed);
        family.failed += u64::from(outcome.failed);
        self.runs += 1;
        let cost = self.costs.entry(sort).or_default();
        cost.segments += outcome.segments;
        cost.virtual_seconds += outcome.ended / crate::tcp::SECOND;
        for counter in outcome.counters {
            self.touched[counter.index()] = true;
        }
        if let Some(what) = outcome.fault {
            self.failed += 1;
            if self.faults.len() < FAULTS {
                self.faults.push(Fault { seed, sort, what });
            }
        }
    }

    /// What the runs of a sort have come to, by family.
    pub fn of(&self, sort: Sort) -> impl Iterator<Item = (&'static str, &Family)> {
        let all = self.families.iter().filter(move |((of, _), _)| *of == sort);
        all.map(|((_, name), family)| (*name, family))
    }

    fn table(&self, f: &mut fmt::Formatter<'_>, sort: Sort) -> fmt::Result {
        let several = sort == Sort::Several;
        let more = if several {
            "   joined  changed   failed"
        } else {
            ""
        };
        writeln!(
            f,
            "{:<18} {:>8} {:>8} {:>8} {:>8}{more}",
            sort.to_string(),
            "runs",
            "whole",
            "plain",
            "gave up"
        )?;
        for (name, family) in self.of(sort) {
            let Family {
                runs,
                whole,
                plain,
                gave_up,
                joined,
                changed,
                failed,
            } = family;
            write!(
                f,
                "  {name:<16} {runs:>8} {whole:>8} {plain:>8} {gave_up:>8}"
            )?;
            if several {
                write!(f, " {joined:>8} {changed:>8} {failed:>8}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (sort, cost) in &self.costs {
            self.table(f, *sort)?;
            writeln!(
                f,
                "  {} segments, {} s of virtual time in {:.1} s of one core: {:.2} million segments a second",
                cost.segments,
                cost.virtual_seconds,
                cost.cpu.as_secs_f64(),
                cost.speed() / 1e6
            )?;
        }
        let touched = self.touched.iter().filter(|one| **one).count();
        writeln!(f, "counters of the engine touched: {touched}")?;
        writeln!(f, "{} runs, {} failed", self.runs, self.failed)
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
                    "  {} of {} runs, {} failed",
                    now.runs,
                    sweep.runs(),
                    now.failed
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
        for sort in sweep.sorts() {
            let begun = cpu_time();
            let outcomes: Vec<_> = (from..to)
                .map(|number| sweep.first + number)
                .map(|seed| (seed, run::run_seed(sort, seed)))
                .collect();
            let spent = cpu_time().saturating_sub(begun);
            let mut summary = lock(summary);
            summary.costs.entry(sort).or_default().cpu += spent;
            for (seed, outcome) in outcomes {
                summary.add(sort, seed, outcome);
            }
        }
    }
}

/// What this thread has had of a processor; other work on the machine does not count.
fn cpu_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = text.split(' ').next().and_then(|word| word.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}
