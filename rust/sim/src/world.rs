// SPDX-License-Identifier: GPL-2.0

//! Two hosts, the paths between them, a clock, and one seed.

use crate::agenda::Agenda;
use crate::agenda::Item;
use crate::app::Plan;
use crate::attack::Attacker;
use crate::endpoint::Endpoint;
use crate::endpoint::Env;
use crate::endpoint::Errand;
use crate::host::Host;
use crate::host::Pair;
use crate::host::Touched;
use crate::middlebox::Passage;
use crate::middlebox::Stage;
use crate::network::Link;
use crate::oracle;
use crate::paths::Op;
use crate::paths::TRIES;
use crate::paths::TRY_EVERY;
use crate::random::Random;
use crate::segment::Addr;
use crate::segment::Segment;
use crate::segment::NOBODY;
use crate::trace::Trace;

/// The port that servers listen on.
pub const PORT: u16 = 5001;

/// The port of the first connection's client.
pub const CLIENT_PORT: u16 = 40_000;

/// The address of a host on a path.
pub fn address(side: u8, path: u8) -> u32 {
    u32::from_be_bytes([10, 0, path, 1 + side])
}

/// One path: a link for each direction, and what stands between.
pub struct Path {
    /// From the client, and from the server.
    pub links: [Link; 2],
    /// In the order in which they stand, the client's side first.
    pub stages: Vec<Box<dyn Stage>>,
}

/// A simulation.
pub struct World {
    /// Microseconds since the start.
    pub now: u64,
    /// Client and server.
    pub hosts: [Host; 2],
    /// Between them.
    pub paths: Vec<Path>,
    /// Chance.
    pub rng: Random,
    /// The first rule that was broken.
    pub fault: Option<String>,
    /// Segments that hosts have sent.
    pub segments: u64,
    /// Events so far.
    pub events: u64,
    /// Who interferes.
    pub attackers: Vec<Box<dyn Attacker>>,
    /// Writes down what happens.
    pub trace: Option<Trace>,
    agenda: Agenda,
    slots: Vec<Segment>,
    free: Vec<u32>,
    pairs: Vec<Pair>,
    /// The two ends of each connection, by its number.
    ends: Vec<[u32; 2]>,
    script: Vec<Op>,
    out: Vec<Segment>,
    errands: Vec<Errand>,
    /// What stages have let through and the next ones have not seen: a stack.
    passed: Vec<(u8, Segment)>,
}

/// Segments that are on their way at once in most runs.
const USUAL: usize = 64;

/// No such end yet.
const NONE: u32 = u32::MAX;

impl World {
    /// A world of two hosts and the paths between them.
    pub fn new(seed: u64, hosts: [Host; 2], paths: Vec<Path>) -> Self {
        Self {
            now: 0,
            hosts,
            paths,
            rng: Random::new(seed),
            fault: None,
            segments: 0,
            events: 0,
            attackers: Vec::new(),
            trace: None,
            agenda: Agenda::default(),
            slots: Vec::with_capacity(USUAL),
            free: Vec::with_capacity(USUAL),
            pairs: Vec::new(),
            ends: Vec::new(),
            script: Vec::new(),
            out: Vec::with_capacity(USUAL),
            errands: Vec::with_capacity(8),
            passed: Vec::with_capacity(8),
        }
    }

    fn at(&mut self, when: u64, item: Item) {
        self.agenda.add(when.max(self.now), item);
    }

    /// Takes a segment out of where it is, and keeps it until it arrives.
    fn keep(&mut self, segment: &mut Segment) -> u32 {
        match self.free.pop() {
            Some(slot) => {
                // What arrived from this slot goes away with the list that this one comes from.
                core::mem::swap(&mut self.slots[slot as usize], segment);
                slot
            }
            None => {
                self.slots.push(core::mem::take(segment));
                self.slots.len() as u32 - 1
            }
        }
    }

    /// Opens a connection from the client over a path; gives its number.
    pub fn connect(&mut self, path: u8, port: u16, local_net: u16, plan: Plan) -> u32 {
        let tag = self.ends.len() as u32;
        self.ends.push([NONE, NONE]);
        let local = Addr {
            ip: address(0, path) | u32::from(local_net) << 16,
            port,
        };
        let remote = Addr {
            ip: address(1, path),
            port: PORT,
        };
        let index = self.with_host(0, |host, env| host.connect(env, tag, local, remote, plan));
        self.ends[tag as usize][0] = index as u32;
        self.settle(0, Touched::Endpoint(index));
        tag
    }

    /// Has an attacker begin at `when`.
    pub fn attack(&mut self, when: u64, attacker: Box<dyn Attacker>) {
        self.attackers.push(attacker);
        let index = self.attackers.len() as u32 - 1;
        self.at(when, Item::Attack(index));
    }

    /// Has something done to the first connection at `when`.
    pub fn plan(&mut self, when: u64, op: Op) {
        self.script.push(op);
        let index = self.script.len() as u32 - 1;
        self.at(when, Item::Op(index, 0));
    }

    /// Does what was planned, or tries again later.
    fn run_op(&mut self, index: u32, tries: u32) {
        let op = self.script[index as usize];
        let side = op.side();
        if let (Some(trace), 0) = (&mut self.trace, tries) {
            trace.note(self.now, &format!("planned: {op:?}"));
        }
        let end = self
            .ends
            .first()
            .map_or(NONE, |ends| ends[usize::from(side)]);
        let done = end != NONE && self.do_op(op, end as usize, tries << 4 | index);
        if end != NONE {
            self.settle(side, Touched::Endpoint(end as usize));
        }
        if !done && tries < TRIES {
            self.at(self.now + TRY_EVERY, Item::Op(index, tries + 1));
        }
    }

    fn do_op(&mut self, op: Op, end: usize, unique: u32) -> bool {
        let Op::Join { side, path, backup } = op else {
            let manage = |host: &mut Host, env: &mut Env<'_>| host.endpoints[end].manage(env, op);
            return self.with_host(op.side(), manage);
        };
        let address = |side, port| Addr {
            ip: address(side, path),
            port,
        };
        // The server joins the client where no NAT is in the way, at any port.
        let to = if side == 0 { PORT } else { CLIENT_PORT };
        let local = address(side, 41_000 + unique as u16);
        let remote = address(1 - side, to);
        self.with_host(side, |host, env| host.join(env, end, local, remote, backup))
    }

    /// One end of a connection, if it has come to be.
    pub fn end(&self, tag: u32, side: usize) -> Option<&Endpoint> {
        let index = self.ends.get(tag as usize)?[side];
        self.hosts[side].endpoints.get(index as usize)
    }

    /// Does the next thing. False when nothing is left, or a rule is broken.
    pub fn step(&mut self) -> bool {
        if self.fault.is_some() {
            return false;
        }
        let Some((when, item)) = self.agenda.take() else {
            return false;
        };
        if let Item::Wake(side, index) = item {
            // Put off since: nothing happens now.
            let endpoint = &self.hosts[usize::from(side)].endpoints[index as usize];
            if endpoint.wake_at != Some(when) {
                return true;
            }
        }
        self.now = when;
        self.events += 1;
        match item {
            Item::Arrive(side, slot) => self.arrive(side, slot),
            Item::Wake(side, index) => self.wake(side, index),
            Item::Half(side, index) => {
                let pair = self.pairs[index as usize];
                let touched = self.with_host(side, |host, env| host.half_due(env, pair));
                self.settle(side, touched);
            }
            Item::Attack(index) => self.run_attacker(index),
            Item::Op(index, tries) => self.run_op(index, tries),
            Item::TooBig(side, slot) => {
                let segment = core::mem::take(&mut self.slots[slot as usize]);
                self.free.push(slot);
                self.too_big(side, &segment);
            }
        }
        self.fault.is_none()
    }

    fn with_host<T>(&mut self, side: u8, work: impl FnOnce(&mut Host, &mut Env<'_>) -> T) -> T {
        let mut env = Env {
            now: self.now,
            rng: &mut self.rng,
            out: &mut self.out,
            errands: &mut self.errands,
            fault: &mut self.fault,
        };
        work(&mut self.hosts[usize::from(side)], &mut env)
    }

    fn arrive(&mut self, side: u8, slot: u32) {
        let segment = &self.slots[slot as usize];
        if let Some(trace) = &mut self.trace {
            trace.arrives(self.now, side, segment);
        }
        let mut env = Env {
            now: self.now,
            rng: &mut self.rng,
            out: &mut self.out,
            errands: &mut self.errands,
            fault: &mut self.fault,
        };
        let touched = self.hosts[usize::from(side)].arrive(&mut env, segment);
        if let Touched::Endpoint(index) = touched {
            if side == 1 && segment.tag != NOBODY {
                let end = &mut self.ends[segment.tag as usize][1];
                if *end == NONE {
                    *end = index as u32;
                }
            }
        }
        self.free.push(slot);
        self.settle(side, touched);
    }

    fn wake(&mut self, side: u8, index: u32) {
        let index = index as usize;
        self.with_host(side, |host, env| {
            let endpoint = &mut host.endpoints[index];
            endpoint.wake_at = None;
            endpoint.wake(env);
        });
        self.settle(side, Touched::Endpoint(index));
    }

    /// The path says that a segment was too big for it.
    fn too_big(&mut self, side: u8, segment: &Segment) {
        let mtu = self.paths[segment.path()].links[usize::from(side)]
            .config
            .mtu;
        if let Some(trace) = &mut self.trace {
            trace.note(self.now, "the link says: too big");
        }
        let ends = self.ends.get(segment.tag as usize);
        let Some(index) = ends.map(|ends| ends[usize::from(side)]) else {
            return;
        };
        if index != NONE {
            // Both headers, with all the options that there can be.
            let mss = mtu.saturating_sub(80).max(1);
            self.with_host(side, |host, env| {
                host.endpoints[index as usize].too_big(env, 0, mss);
            });
            self.settle(side, Touched::Endpoint(index as usize));
        }
    }

    /// After anything happened to a connection: its program, its segments, its timers, the rules.
    fn settle(&mut self, side: u8, touched: Touched) {
        match touched {
            Touched::Endpoint(index) => {
                self.with_host(side, |host, env| {
                    host.endpoints[index].run_app(env);
                    host.manage(env, index);
                });
                self.send_all(side);
                self.arm(side, index);
                self.check(side, index);
            }
            Touched::Half(pair, due) => {
                self.send_all(side);
                self.pairs.push(pair);
                let index = self.pairs.len() as u32 - 1;
                self.at(due, Item::Half(side, index));
            }
            Touched::Nothing => self.send_all(side),
        }
    }

    fn arm(&mut self, side: u8, index: usize) {
        let endpoint = &mut self.hosts[usize::from(side)].endpoints[index];
        let Some(next) = endpoint.next_time() else {
            endpoint.wake_at = None;
            return;
        };
        let next = next.max(self.now);
        // Waking too early costs little; it finds nothing due and sets the next time.
        if endpoint.wake_at.is_none_or(|at| next < at) {
            endpoint.wake_at = Some(next);
            self.at(next, Item::Wake(side, index as u32));
        }
    }

    fn check(&mut self, side: u8, index: usize) {
        let endpoint = &self.hosts[usize::from(side)].endpoints[index];
        let tag = endpoint.tag;
        let mut broken = oracle::alone(endpoint);
        if let (Some(client), Some(server)) = (self.end(tag, 0), self.end(tag, 1)) {
            broken = broken.or_else(|| oracle::together(client, server));
        }
        if self.fault.is_none() {
            self.fault = broken;
        }
    }

    /// Puts what a host sends on its way.
    fn send_all(&mut self, side: u8) {
        if self.out.is_empty() {
            return;
        }
        let mut out = core::mem::take(&mut self.out);
        self.segments += out.len() as u64;
        for segment in &mut out {
            if let Some(trace) = &mut self.trace {
                trace.leaves(self.now, side, segment);
            }
            self.carry(side, segment);
        }
        out.clear();
        self.out = out;
    }

    /// Carries a segment from a host's end of its path through all stages.
    fn carry(&mut self, side: u8, segment: &mut Segment) {
        let path = segment.path();
        let stages = self.paths[path].stages.len();
        if stages == 0 {
            return self.enter_link(path, side, segment);
        }
        let first = if side == 0 { 0 } else { stages - 1 };
        self.pass(path, side, first, core::mem::take(segment));
    }

    /// Has the stage at `index` deal with a segment that goes away from `side`, and those behind it.
    fn pass(&mut self, path: usize, side: u8, index: usize, segment: Segment) {
        let base = self.passed.len();
        let mut passage = Passage {
            now: self.now,
            rng: &mut self.rng,
            out: &mut self.passed,
        };
        self.paths[path].stages[index].pass(&mut passage, side, segment);
        let count = self.paths[path].stages.len();
        for at in base..self.passed.len() {
            let (from, mut segment) = core::mem::take(&mut self.passed[at]);
            let next = if from == 0 {
                Some(index + 1).filter(|next| *next < count)
            } else {
                index.checked_sub(1)
            };
            match next {
                Some(next) => self.pass(path, from, next, segment),
                None => self.enter_link(path, from, &mut segment),
            }
        }
        self.passed.truncate(base);
    }

    fn enter_link(&mut self, path: usize, side: u8, segment: &mut Segment) {
        for attacker in &mut self.attackers {
            attacker.overhears(segment);
        }
        let link = &mut self.paths[path].links[usize::from(side)];
        if link.is_too_big(segment) {
            let delay = link.config.delay;
            let slot = self.keep(segment);
            return self.at(self.now + delay, Item::TooBig(side, slot));
        }
        let [first, copy] = link.send(segment, self.now, &mut self.rng);
        if let Some(when) = copy {
            let slot = self.keep(&mut segment.clone());
            self.at(when, Item::Arrive(1 - side, slot));
        }
        match first {
            Some(when) => {
                let slot = self.keep(segment);
                self.at(when, Item::Arrive(1 - side, slot));
            }
            None => {
                if let Some(trace) = &mut self.trace {
                    trace.note(self.now, "the link drops it");
                }
            }
        }
    }

    /// Lets an attacker do its next thing.
    fn run_attacker(&mut self, index: u32) {
        let mut forged = Vec::new();
        let attacker = &mut self.attackers[index as usize];
        let again = attacker.strikes(self.now, &mut self.rng, &mut forged);
        for (side, mut segment) in forged {
            if let Some(trace) = &mut self.trace {
                trace.note(self.now, "an attacker injects");
            }
            let delay = 1 + self.rng.below(1000);
            let slot = self.keep(&mut segment);
            self.at(self.now + delay, Item::Arrive(side, slot));
        }
        if let Some(again) = again {
            self.at(again, Item::Attack(index));
        }
    }

    /// When the next thing happens.
    pub fn next_time(&self) -> Option<u64> {
        self.agenda.next_time()
    }
}
