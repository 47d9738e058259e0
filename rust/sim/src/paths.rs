// SPDX-License-Identifier: GPL-2.0

//! Connections over several paths: what is done to them and when, and runs of it from a seed.

use crate::app::Pace;
use crate::app::Plan;
use crate::attack::Attacker;
use crate::attack::Flood;
use crate::attack::Forger;
use crate::attack::Repeater;
use crate::endpoint::Endpoint as End;
use crate::endpoint::Flow;
use crate::endpoint::HostConfig;
use crate::host::local_addr;
use crate::host::Host;
use crate::middlebox::death::Reset;
use crate::middlebox::death::Silence;
use crate::middlebox::nat::Nat;
use crate::middlebox::strip::Strip;
use crate::middlebox::strip::Where;
use crate::middlebox::Stage;
use crate::middlebox::Ways;
use crate::network::Link;
use crate::network::LinkConfig;
use crate::oracle;
use crate::oracle::Expect;
use crate::random::Random;
use crate::scenario::usual_host;
use crate::tcp::MILLI;
use crate::tcp::SECOND;
use crate::trace::Trace;
use crate::world::address;
use crate::world::Path;
use crate::world::World;
use rust_mptcp::engine::path_manager::Endpoint;
use rust_mptcp::engine::path_manager::Endpoints;
use rust_mptcp::engine::path_manager::Flags;
use rust_mptcp::engine::path_manager::Limits;
use rust_mptcp::engine::Duration;
use rust_mptcp::engine::FallbackReason;
use rust_mptcp::engine::Mib;
use rust_mptcp::engine::SchedulerKind;
use rust_mptcp::wire::AddrId;
use std::net::IpAddr;

/// What somebody who manages paths does at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Opens a subflow over a path, from this side.
    Join {
        /// 0 for the client.
        side: u8,
        /// The path.
        path: u8,
        /// As a backup.
        backup: bool,
    },
    /// Announces the address that a side has on a path.
    Announce {
        /// 0 for the client.
        side: u8,
        /// The path.
        path: u8,
    },
    /// Withdraws it again, and closes the subflow there.
    Withdraw {
        /// 0 for the client.
        side: u8,
        /// The path.
        path: u8,
    },
    /// Asks for the subflow over a path to be a backup, or no longer.
    Prio {
        /// 0 for the client.
        side: u8,
        /// The path.
        path: u8,
        /// Which of the two.
        backup: bool,
    },
    /// Closes the subflow over a path.
    Close {
        /// 0 for the client.
        side: u8,
        /// The path.
        path: u8,
    },
    /// Notices that the link of a path is down; that it is, is for a stage to see to.
    LinkDown {
        /// 0 for the client.
        side: u8,
        /// The path.
        path: u8,
    },
}

impl Op {
    /// Whose it is.
    pub fn side(self) -> u8 {
        match self {
            Self::Join { side, .. }
            | Self::Announce { side, .. }
            | Self::Withdraw { side, .. }
            | Self::Prio { side, .. }
            | Self::Close { side, .. }
            | Self::LinkDown { side, .. } => side,
        }
    }
}

/// How often an operation is tried that the connection is not ready for.
pub const TRIES: u32 = 40;

/// How long until the next try.
pub const TRY_EVERY: u64 = 50 * MILLI;

/// One path.
pub struct PathPlan {
    /// Both directions.
    pub links: [LinkConfig; 2],
    /// What stands on it.
    pub stages: Vec<Box<dyn Stage>>,
}

/// One run over several paths, before it begins.
pub struct Paths {
    /// What it follows from.
    pub seed: u64,
    /// What is expected of it.
    pub expect: Expect,
    /// What both programs do.
    pub plans: [Plan; 2],
    /// What both hosts are like.
    pub hosts: [HostConfig; 2],
    /// The paths.
    pub paths: Vec<PathPlan>,
    /// What is done to them.
    pub script: Vec<(u64, Op)>,
    /// The server wants backups.
    pub backups: bool,
    /// Path managers decide, with these flags for the addresses of client and server, and a limit.
    pub managed: Option<([Flags; 2], u8)>,
    /// The client's joins over this path are refused at once.
    pub refused: Option<u8>,
    /// The only path that is sure to live.
    pub survivor: Option<u8>,
    /// Who interferes.
    pub attackers: Vec<Box<dyn Attacker>>,
}

/// A path on which nothing is lost.
pub fn good_path(rate: u64, delay: u64) -> PathPlan {
    let link = LinkConfig {
        rate,
        delay,
        ..LinkConfig::default()
    };
    PathPlan {
        links: [link.clone(), link],
        stages: Vec::new(),
    }
}

impl Paths {
    /// Two programs over good paths, all of which are joined by the client at once.
    pub fn over(seed: u64, plans: [Plan; 2], paths: Vec<PathPlan>) -> Self {
        let joins = 1..paths.len();
        let script = joins.map(|path| {
            let op = Op::Join {
                side: 0,
                path: path as u8,
                backup: false,
            };
            (0, op)
        });
        Self {
            seed,
            expect: Expect::Clean,
            plans,
            hosts: [usual_host(), usual_host()],
            script: script.collect(),
            paths,
            backups: false,
            managed: None,
            refused: None,
            survivor: None,
            attackers: Vec::new(),
        }
    }

    /// The run of a seed.
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
        }
        let mut run = Self::over(seed, plans, paths);
        run.choose_hosts(rng);
        run.script.clear();
        for path in 1..count as u8 {
            let side = u8::from(rng.percent(25));
            let backup = rng.percent(20);
            let when = rng.below(2_000) * MILLI;
            run.script.push((when, Op::Join { side, path, backup }));
        }
        run.backups = rng.percent(15);
        for _ in 0..rng.below(4) {
            run.manage(rng);
        }
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
            run.managed = Some((flags, rng.below(5) as u8));
            run.script.clear();
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
        self.expect = Expect::Complete;
        for path in self.paths.iter_mut().skip(1) {
            match rng.below(6) {
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

    /// The run of a seed, with somebody who guesses numbers that TCP takes, repeats what was said, and floods with joins.
    pub fn attacked(seed: u64) -> Self {
        let mut run = Self::random(seed);
        let rng = &mut Random::new(seed ^ 0xA77A_0000);
        let mut forger = Forger::new(true, rng.within(1, 80) as u32);
        forger.ends = rng.percent(25);
        run.attackers.push(Box::new(forger));
        run.attackers.push(Box::new(Repeater::new(60)));
        run.attackers.push(Box::new(Flood { left: 200 }));
        run.expect = Expect::Intact;
        run
    }

    /// What it is, in a few words.
    pub fn describe(&self) -> String {
        use std::fmt::Write as _;
        let mut text = format!("seed {}, expected {:?}\n", self.seed, self.expect);
        for (at, path) in self.paths.iter().enumerate() {
            let names: Vec<_> = path.stages.iter().map(|stage| stage.name()).collect();
            let _ = writeln!(text, "  path {at}: {names:?} {:?}", path.links);
        }
        for side in 0..2 {
            let _ = writeln!(text, "  {:?}\n  {:?}", self.plans[side], self.hosts[side]);
        }
        let _ = writeln!(text, "  {:?}", self.script);
        text
    }

    /// Makes the world, with the connection about to be opened.
    pub fn build(self) -> World {
        let [client, server] = self.hosts;
        let mut hosts = [
            Host::new(0, client, None),
            Host::new(1, server, Some(self.plans[1])),
        ];
        hosts[1].backups = self.backups;
        for host in &mut hosts {
            host.attacked = !self.attackers.is_empty();
        }
        if let Some((flags, limit)) = self.managed {
            for side in 0..2 {
                let flags = flags[side];
                hosts[side].managed = Some(endpoints(side as u8, flags, self.paths.len(), limit));
            }
        }
        hosts[0].refused = self.refused.map(AddrId);
        let paths = self.paths.into_iter().map(|path| {
            let [there, back] = path.links;
            Path {
                links: [Link::new(there), Link::new(back)],
                stages: path.stages,
            }
        });
        let mut world = World::new(self.seed, hosts, paths.collect());
        for (when, op) in self.script {
            world.plan(when, op);
        }
        for attacker in self.attackers {
            world.attack(0, attacker);
        }
        world
    }
}

/// The endpoints of a host: its address on each path but the first.
fn endpoints(side: u8, flags: Flags, paths: usize, limit: u8) -> Endpoints {
    let mut all = Endpoints::default();
    all.limits = Limits {
        extra_subflows: limit,
        accepted: limit,
    };
    for path in 1..paths as u8 {
        // An address that nobody could be given for want of memory is not there.
        let _added = all.add(Endpoint {
            id: AddrId(path),
            addr: IpAddr::from(address(side, path).to_be_bytes()),
            port: None,
            flags,
            device: 0,
        });
    }
    all
}

/// Runs to the end; gives the world and what is wrong with it.
pub fn run(paths: Paths, trace: Option<Trace>) -> (World, Option<String>) {
    let (mut expect, plan, survivor) = (paths.expect, paths.plans[0], paths.survivor);
    let mut world = paths.build();
    world.trace = trace;
    world.connect(0, 40_000, 0, plan);
    while world.step() {
        if world.events > 3_000_000 || world.now > 30_000 * SECOND {
            let (events, now) = (world.events, world.now / SECOND);
            world.fault = Some(format!("no rest after {events} events and {now} s"));
        }
    }
    let ends = [world.end(0, 0), world.end(0, 1)];
    if let Some(path) = survivor.filter(|path| *path > 0) {
        // One side may have closed its direction before that path was joined.
        // Or both have joined it at once, and each refused the other.
        let refused = |end: &&End| end.record.counted(Mib::MPJoinRejected) > 0;
        let all = ends.iter().flatten().all(|end| joined_over(end, path));
        if !all || ends.iter().flatten().any(refused) {
            expect = Expect::Intact;
        }
    }
    let fault = world.fault.clone();
    let fault = fault.or_else(|| oracle::verdict(expect.max(Expect::Complete), ends));
    let fair = expect == Expect::Clean;
    let fault = fault.or_else(|| {
        ends.iter()
            .flatten()
            .find_map(|end| accuses(end, plan.total == 0))
            .filter(|_| fair)
    });
    (world, fault)
}

/// Whether a further subflow was established over a path.
fn joined_over(end: &End, path: u8) -> bool {
    let over = |flow: &Flow| local_addr(flow.local, false).id.0 == path;
    let mut flows = end.flows.iter();
    flows.any(|flow| over(flow) && end.record.paths.joined.contains(&flow.id))
}

/// Whether an end accuses its peer or the path of anything. A join may well come too late.
///
/// Of a client without data the only segments with its keys may all be lost: it falls back. And a
/// network that loses every SYN with the option looks like one that drops the option.
fn accuses(end: &End, mute: bool) -> Option<String> {
    let counters = [
        Mib::DssReset,
        Mib::DSSNotMatching,
        Mib::DSSNoMatchTCP,
        Mib::DataCsumErr,
        Mib::MPFailTx,
        Mib::MPFastcloseTx,
        Mib::FallbackFailed,
        Mib::MPJoinAckHMacFailure,
        Mib::MPJoinSynAckHMacFailure,
    ];
    let accused = counters.iter().find(|one| end.record.counted(**one) != 0);
    let fell_back = end
        .record
        .fell_back
        .filter(|reason| !mute && *reason != FallbackReason::SynDropped)
        .map(|reason| format!("fell back: {reason:?}"));
    fell_back.or_else(|| accused.map(|one| format!("side {} counted {one:?}", end.side)))
}
