// SPDX-License-Identifier: GPL-2.0

//! Running a scenario to its end, and judging it.

use crate::app::Plan;
use crate::oracle;
use crate::oracle::Expect;
use crate::paths::Paths;
use crate::scenario::Scenario;
use crate::tcp::SECOND;
use crate::trace::Trace;
use crate::world::World;
use crate::world::CLIENT_PORT;
use rust_mptcp::engine::mem::refuse;
use rust_mptcp::engine::Mib;
use std::cell::Cell;
use std::fmt;
use std::panic::catch_unwind;
use std::panic::AssertUnwindSafe;
use std::panic::PanicHookInfo;

/// Events after which a run does not come to rest any more.
const EVENTS: u64 = 3_000_000;

/// Virtual time after which it should have.
const TOO_LATE: u64 = 30_000 * SECOND;

/// Refused allocations that are tried in one seed.
const REFUSALS: u64 = 48;

/// What came of a run.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What kind of run it was.
    pub family: &'static str,
    /// What is wrong with it.
    pub fault: Option<String>,
    /// Which request for memory was refused in the run that it is wrong with.
    pub refused: Option<u64>,
    /// Segments that hosts sent.
    pub segments: u64,
    /// Events.
    pub events: u64,
    /// When the last thing happened.
    pub ended: u64,
    /// Whether either side is plain TCP.
    pub plain: bool,
    /// Whether every octet arrived.
    pub whole: bool,
    /// Whether a program gave up.
    pub gave_up: bool,
    /// Whether a further subflow was established.
    pub joined: bool,
    /// Whether a peer announced or withdrew an address, or wanted another priority.
    pub changed: bool,
    /// Whether TCP found that a subflow fails, or dead.
    pub failed: bool,
    /// The counters that were touched.
    pub counters: Vec<Mib>,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let yes = |is| if is { "yes" } else { "no" };
        write!(
            f,
            "{} segments, {} events, {} ms; every octet arrived: {}; plain TCP: {}; gave up: {}\ncounters: {:?}",
            self.segments,
            self.events,
            self.ended / crate::tcp::MILLI,
            yes(self.whole),
            yes(self.plain),
            yes(self.gave_up),
            self.counters
        )
    }
}

/// The two runs that a seed makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sort {
    /// Over one path: [`Scenario`].
    One,
    /// Over several: [`Paths`].
    Several,
}

impl Sort {
    /// Both.
    pub const ALL: [Self; 2] = [Self::One, Self::Several];

    /// What the command line calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::One => "one",
            Self::Several => "several",
        }
    }
}

impl fmt::Display for Sort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::One => "over one path",
            Self::Several => "over several paths",
        })
    }
}

/// A run, before it begins.
enum Course {
    One(Scenario),
    Several(Paths),
}

impl Course {
    fn of(sort: Sort, seed: u64) -> Self {
        match sort {
            Sort::One => Self::One(Scenario::random(seed)),
            Sort::Several => Self::Several(Paths::of(seed)),
        }
    }

    fn is_starved(&self) -> bool {
        match self {
            Self::One(scenario) => scenario.memory,
            Self::Several(paths) => paths.memory,
        }
    }

    fn run(self, trace: Option<Trace>) -> (Outcome, Option<Trace>) {
        match self {
            Self::One(scenario) => run(scenario, trace),
            Self::Several(paths) => run_paths(paths, trace),
        }
    }
}

/// What a seed makes, in a few words.
pub fn describe(sort: Sort, seed: u64) -> String {
    match Course::of(sort, seed) {
        Course::One(scenario) => scenario.describe(),
        Course::Several(paths) => paths.describe(),
    }
}

/// Runs a seed.
pub fn run_seed(sort: Sort, seed: u64) -> Outcome {
    let course = Course::of(sort, seed);
    if course.is_starved() {
        return refuse_each(sort, seed);
    }
    course.run(None).0
}

/// Runs a seed again, with a trace; of several runs, the one that failed.
pub fn replay(sort: Sort, seed: u64) -> (Outcome, Trace) {
    let refused = run_seed(sort, seed).refused;
    let several = sort == Sort::Several;
    let course = Course::of(sort, seed);
    if let Some(refused) = refused {
        refuse::nth(refused);
    }
    let (outcome, trace) = course.run(Some(Trace::new(several)));
    refuse::nothing();
    (outcome, trace.unwrap_or_default())
}

/// Runs a seed again and again, and refuses another allocation each time.
fn refuse_each(sort: Sort, seed: u64) -> Outcome {
    refuse::nth(u64::MAX);
    let mut total = Course::of(sort, seed).run(None).0;
    let requests = refuse::nothing();
    let stride = requests.div_ceil(REFUSALS).max(1);
    let mut refused = seed % stride;
    while refused < requests && total.fault.is_none() {
        refuse::nth(refused);
        let outcome = Course::of(sort, seed).run(None).0;
        refuse::nothing();
        total.segments += outcome.segments;
        total.events += outcome.events;
        total.counters.extend(outcome.counters);
        if let Some(fault) = outcome.fault {
            let what = format!("allocation {refused} of {requests} refused: {fault}");
            total.fault = Some(what);
            total.refused = Some(refused);
        }
        refused += stride;
    }
    total
}

/// Runs a scenario, with a trace if one is given.
pub fn run(scenario: Scenario, trace: Option<Trace>) -> (Outcome, Option<Trace>) {
    let (expect, family, plan) = (scenario.expect, scenario.family, scenario.plans[0]);
    let world = scenario.build();
    finish(world, trace, family, plan, |world| judge(world, expect))
}

/// Runs a scenario over several paths, with a trace if one is given.
pub fn run_paths(paths: Paths, trace: Option<Trace>) -> (Outcome, Option<Trace>) {
    let (terms, family) = (paths.terms(), paths.family);
    let world = paths.build();
    finish(world, trace, family, terms.plan, |world| {
        terms.verdict(world)
    })
}

fn finish(
    mut world: World,
    trace: Option<Trace>,
    family: &'static str,
    plan: Plan,
    judge: impl FnOnce(&World) -> Option<String>,
) -> (Outcome, Option<Trace>) {
    world.trace = trace;
    // A panic of the engine is a fault as any other; the world is looked at, but not used again.
    let ran = catch_unwind(AssertUnwindSafe(|| to_the_end(&mut world, plan)));
    let fault = match ran {
        Err(_) => Some(PANIC.take().unwrap_or_else(|| "panicked".into())),
        Ok(()) => world.fault.take().or_else(|| judge(&world)),
    };
    let trace = world.trace.take();
    let outcome = Outcome {
        family,
        fault,
        ..sum_up(&world)
    };
    (outcome, trace)
}

thread_local! {
    static PANIC: Cell<Option<String>> = const { Cell::new(None) };
}

/// Keeps what a panic says, for the verdict; to be set as the hook.
pub fn note_panic(panic: &PanicHookInfo<'_>) {
    PANIC.set(Some(panic.to_string().replace('\n', " ")));
}

/// Has the client connect over the first path, and lets everything happen that follows.
pub(crate) fn to_the_end(world: &mut World, plan: Plan) {
    world.connect(0, CLIENT_PORT, 0, plan);
    while world.step() {
        if world.events > EVENTS || world.now > TOO_LATE {
            let (events, now) = (world.events, world.now / SECOND);
            world.fault = Some(format!("no rest after {events} events and {now} s"));
        }
    }
}

fn judge(world: &World, expect: Expect) -> Option<String> {
    // connect(2) may have failed for want of memory.
    let client = world.end(0, 0)?;
    if client.flows.is_empty() {
        return None;
    }
    let half_open = world.hosts[1].half_open();
    if half_open > 0 {
        return Some(format!("{half_open} handshakes are still going on"));
    }
    let strays = world.hosts.iter().flat_map(|host| &host.endpoints);
    for end in strays {
        if let Some(fault) = oracle::verdict(Expect::Ends, [Some(end), None]) {
            return Some(fault);
        }
    }
    oracle::verdict(expect, [Some(client), world.end(0, 1)])
}

fn sum_up(world: &World) -> Outcome {
    let ends = [world.end(0, 0), world.end(0, 1)];
    let ends: Vec<_> = ends.into_iter().flatten().collect();
    let counters: Vec<_> = ends
        .iter()
        .flat_map(|end| end.record.counts())
        .map(|(counter, _)| *counter)
        .collect();
    let whole = match ends[..] {
        [a, b] => a.record.delivered == b.app.plan.total && b.record.delivered == a.app.plan.total,
        _ => false,
    };
    Outcome {
        segments: world.segments,
        events: world.events,
        ended: world.now,
        plain: ends
            .iter()
            .any(|end| !end.record.engine || end.record.fell_back.is_some()),
        whole,
        gave_up: ends.iter().any(|end| end.app.gave_up),
        joined: ends.iter().any(|end| !end.record.paths.joined.is_empty()),
        changed: ends.iter().any(|end| end.record.paths.changed()),
        failed: ends.iter().any(|end| end.record.paths.failed > 0),
        counters,
        ..Outcome::default()
    }
}
