// SPDX-License-Identifier: GPL-2.0

//! From a seed to a run over several paths.

use super::Op;
use super::PathPlan;
use super::Paths;
use crate::app::Pace;
use crate::app::Plan;
use crate::attack::Flood;
use crate::attack::Forger;
use crate::attack::Repeater;
use crate::middlebox::death::Reset;
use crate::middlebox::death::Silence;
use crate::middlebox::nat::Nat;
use crate::middlebox::proof::Proof;
use crate::middlebox::proof::SpoilProof;
use crate::middlebox::strip::Strip;
use crate::middlebox::strip::Where;
use crate::middlebox::Ways;
use crate::network::LinkConfig;
use crate::oracle::Expect;
use crate::random::Random;
use crate::tcp::MILLI;
use crate::tcp::SECOND;
use rust_mptcp::engine::path_manager::Flags;
use rust_mptcp::engine::Duration;
use rust_mptcp::engine::SchedulerKind;

impl Paths {
    /// The run of a seed.
    pub fn of(seed: u64) -> Self {
        match Random::new(seed ^ 0xFA31_1E50).below(100) {
            0..=79 => Self::random(seed),
            80..=95 => Self::attacked(seed),
            _ => Self::starved(seed),
        }
    }

    /// One in which nobody interferes.
    pub fn random(seed: u64) -> Self {
        let mut rng = Random::new(seed ^ 0x9A7B_0000);
        let rng = &mut rng;
        let count = rng.within(2, 4);
        let level = rng.pick(&[0, 0, 1, 2, 3]);
        let paths = (0..count).map(|_| PathPlan {
            links: [
                LinkConfig::random(level, rng),
                LinkConfig::random(level, rng),
            ],
            stages: Vec::new(),
        });
        let paths = paths.collect();
        let mut plans = Plan::random_pair(rng);
        for plan in &mut plans {
            if plan.pace == Pace::Bulk {
                plan.total *= 4;
            }
            if rng.percent(40) {
                // Long enough for something to happen to the paths.
                plan.hold = rng.within(1, 8) * SECOND;
            }
        }
        let mut run = Self::over(seed, plans, paths);
        run.choose_hosts(rng);
        run.choose_script(rng);
        if rng.percent(40) {
            // What the script would open, the path managers do.
            let choices = [
                Flags::SUBFLOW,
                Flags::SIGNAL,
                Flags(0x0A),
                Flags(0x06),
                Flags(0x20),
            ];
            let flags = [rng.pick(&choices), rng.pick(&choices)];
            run.managed = Some((flags, rng.pick(&[0, 1, 2, 3, 4, 4, 4])));
            run.script.clear();
            run.family = "managed";
        }
        match rng.below(10) {
            0..=3 => {}
            4..=7 => run.lose_paths(rng),
            _ => run.disturb(rng),
        }
        if rng.percent(20) {
            run.refused = Some(rng.within(1, count - 1) as u8);
        }
        run
    }

    /// When which path is joined, and what else happens to them.
    fn choose_script(&mut self, rng: &mut Random) {
        self.script.clear();
        for path in 1..self.paths.len() as u8 {
            let side = u8::from(rng.percent(25));
            let backup = rng.percent(20);
            let latest = rng.pick(&[100, 500, 2_000]);
            let when = rng.below(latest) * MILLI;
            self.script.push((when, Op::Join { side, path, backup }));
        }
        self.backups = rng.percent(15);
        for _ in 0..rng.below(4) {
            self.manage(rng);
        }
    }

    /// Something that a path manager does in the middle of it. The first path stays.
    fn manage(&mut self, rng: &mut Random) {
        let side = rng.below(2) as u8;
        let path = rng.within(1, self.paths.len() as u64 - 1) as u8;
        let backup = rng.percent(60);
        let op = match rng.below(6) {
            0 | 1 => Op::Announce { side, path },
            2 => Op::Withdraw { side, path },
            3 => Op::Close { side, path },
            _ => {
                let path = rng.below(self.paths.len() as u64) as u8;
                Op::Prio { side, path, backup }
            }
        };
        self.script.push((rng.within(500, 6_000) * MILLI, op));
    }

    fn choose_hosts(&mut self, rng: &mut Random) {
        for host in &mut self.hosts {
            host.engine.scheduler = rng.pick(&SchedulerKind::ALL);
            host.engine.checksum = rng.percent(20);
            host.engine.orphan_timeout = Duration::from_secs(900);
            host.receive_buffer = rng.within(20_000, 400_000);
            host.send_buffer = rng.within(5_000, 300_000);
            host.gso = rng.within(1_400, 64_000) as u32;
            host.shy = rng.pick(&[0, 0, 10]);
            host.stuck = rng.pick(&[0, 0, 0, 3]);
            host.delayed_acks = rng.percent(70);
        }
    }

    /// All paths but one die, sooner or later.
    fn lose_paths(&mut self, rng: &mut Random) {
        self.family = "dying";
        self.expect = Expect::Complete;
        let survivor = rng.below(self.paths.len() as u64) as usize;
        self.survivor = Some(survivor as u8);
        // That one is not closed.
        self.script.retain(|(_, op)| match op {
            Op::Withdraw { path, .. } | Op::Close { path, .. } => usize::from(*path) != survivor,
            _ => true,
        });
        for (at, path) in self.paths.iter_mut().enumerate() {
            let since = rng.within(500, 4_000) * MILLI;
            // Who is left must have been joined, and the first path live until then.
            let since = since.max(if at == 0 { 3 * SECOND } else { 0 });
            if at == survivor || rng.percent(30) {
                continue;
            }
            if rng.percent(60) {
                path.stages.push(Box::new(Silence {
                    ways: Ways::random(rng),
                    since,
                    until: u64::MAX,
                }));
            } else {
                let both = rng.percent(50);
                path.stages.push(Box::new(Reset { since, both }));
            }
        }
    }

    /// Boxes on the further paths that subflows do not survive, or do.
    fn disturb(&mut self, rng: &mut Random) {
        self.family = "disturbed";
        self.expect = Expect::Complete;
        for (at, path) in self.paths.iter_mut().enumerate().skip(1) {
            match rng.below(8) {
                0 => path.stages.push(Box::new(Nat::default())),
                1 => path
                    .stages
                    .push(Box::new(Strip::new(Where::Syn, Ways::Both))),
                2 => path
                    .stages
                    .push(Box::new(Strip::new(Where::SynAck, Ways::Both))),
                3 => path
                    .stages
                    .push(Box::new(Strip::new(Where::ThirdAck, Ways::Both))),
                4 => {
                    let ways = Ways::random(rng);
                    path.stages.push(Box::new(Strip::new(Where::Data, ways)));
                }
                5 | 6 => {
                    let proof = rng.pick(&[Proof::SynAck, Proof::ThirdAck]);
                    path.stages.push(Box::new(SpoilProof { proof }));
                    self.unproved.push((at as u8, proof));
                }
                _ => {
                    let since = rng.below(2 * SECOND);
                    path.stages.push(Box::new(Silence {
                        ways: Ways::random(rng),
                        since,
                        until: since + rng.below(8 * SECOND),
                    }));
                }
            }
        }
    }

    /// One with somebody who guesses numbers that TCP takes, repeats what was said, and floods with joins.
    pub fn attacked(seed: u64) -> Self {
        let mut run = Self::random(seed);
        let rng = &mut Random::new(seed ^ 0xA77A_0000);
        let mut forger = Forger::new(true, rng.within(1, 80) as u32);
        forger.ends = rng.percent(25);
        // Whoever is early finds one subflow only.
        let since = rng.pick(&[0, 500, 1_500]) * MILLI;
        run.attackers.push((since, Box::new(forger)));
        run.attackers.push((since, Box::new(Repeater::new(60))));
        run.attackers.push((0, Box::new(Flood { left: 200 })));
        run.expect = Expect::Intact;
        run.family = "attacked";
        run
    }

    /// One that is short enough to be done very often, each time without another piece of memory.
    fn starved(seed: u64) -> Self {
        let mut run = Self::random(seed);
        for plan in &mut run.plans {
            plan.total = plan.total.min(60_000);
        }
        run.plans = Plan::in_step(run.plans);
        run.expect = run.expect.max(Expect::Complete);
        run.memory = true;
        run.family = "starved";
        run
    }
}
