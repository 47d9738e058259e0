// SPDX-License-Identifier: GPL-2.0

//! Running a scenario to its end, and judging it.

use crate::app::Plan;
use crate::oracle;
use crate::oracle::Expect;
use crate::scenario::Scenario;
use crate::tcp::SECOND;
use crate::trace::Trace;
use crate::world::World;
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

/// Runs the scenario of a seed.
pub fn run_seed(seed: u64) -> Outcome {
    let scenario = Scenario::random(seed);
    if scenario.memory {
        return refuse_each(seed);
    }
    run(scenario, None).0
}

/// Runs a seed again, with a trace; of several runs, the one that failed.
pub fn replay(seed: u64) -> (Outcome, Trace) {
    let refused = run_seed(seed).refused;
    if let Some(refused) = refused {
        refuse::nth(refused);
    }
    let (outcome, trace) = run(Scenario::random(seed), Some(Trace::default()));
    refuse::nothing();
    (outcome, trace.unwrap_or_default())
}

/// Runs a seed again and again, and refuses another allocation each time.
fn refuse_each(seed: u64) -> Outcome {
    refuse::nth(u64::MAX);
    let mut total = run(Scenario::random(seed), None).0;
    let requests = refuse::nothing();
    let stride = requests.div_ceil(REFUSALS).max(1);
    let mut refused = seed % stride;
    while refused < requests && total.fault.is_none() {
        refuse::nth(refused);
        let outcome = run(Scenario::random(seed), None).0;
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
    let (expect, family) = (scenario.expect, scenario.family);
    let plan = scenario.plans[0];
    let mut world = scenario.build();
    world.trace = trace;
    // A panic of the engine is a fault as any other; the world is looked at, but not used again.
    let ran = catch_unwind(AssertUnwindSafe(|| to_the_end(&mut world, plan)));
    let fault = match ran {
        Err(_) => Some(PANIC.take().unwrap_or_else(|| "panicked".into())),
        Ok(()) => world.fault.take().or_else(|| judge(&world, expect)),
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

fn to_the_end(world: &mut World, plan: Plan) {
    world.connect(0, 40_000, 0, plan);
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
        counters,
        ..Outcome::default()
    }
}
