// SPDX-License-Identifier: GPL-2.0

//! Connections over several paths: what is done to them and when.
//!
//! `random.rs` makes them from seeds, `verdict.rs` judges them.

mod random;
mod verdict;

pub use self::verdict::Terms;
use crate::app::Plan;
use crate::attack::Attacker;
use crate::endpoint::HostConfig;
use crate::host::Host;
use crate::middlebox::proof::Proof;
use crate::middlebox::Stage;
use crate::network::Link;
use crate::network::LinkConfig;
use crate::oracle::Expect;
use crate::run;
use crate::scenario::usual_host;
use crate::tcp::MILLI;
use crate::trace::Trace;
use crate::world::address;
use crate::world::Path;
use crate::world::World;
use rust_mptcp::engine::path_manager::Endpoint;
use rust_mptcp::engine::path_manager::Endpoints;
use rust_mptcp::engine::path_manager::Flags;
use rust_mptcp::engine::path_manager::Limits;
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
    /// On these paths no such proof of a join gets through.
    pub unproved: Vec<(u8, Proof)>,
    /// Who interferes, and from when on.
    pub attackers: Vec<(u64, Box<dyn Attacker>)>,
    /// Each allocation is refused in turn.
    pub memory: bool,
    /// What it is called in the summary.
    pub family: &'static str,
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
            unproved: Vec::new(),
            attackers: Vec::new(),
            memory: false,
            family: "joined",
        }
    }

    /// What it is, in a few words.
    pub fn describe(&self) -> String {
        use std::fmt::Write as _;
        let (seed, family, expect) = (self.seed, self.family, self.expect);
        let mut text = format!("seed {seed} over several paths: {family}, expected {expect:?}");
        for (at, path) in self.paths.iter().enumerate() {
            let names: Vec<_> = path.stages.iter().map(|stage| stage.name()).collect();
            let [there, back] = &path.links;
            let _ = write!(
                text,
                "\n  path {at}: {names:?}\n    from client: {there:?}\n    from server: {back:?}"
            );
        }
        let attackers: Vec<_> = self.attackers.iter().map(|(_, one)| one.name()).collect();
        let _ = write!(text, "\n  attackers: {attackers:?}");
        for (side, name) in ["client", "server"].into_iter().enumerate() {
            let (plan, host) = (self.plans[side], self.hosts[side]);
            let _ = write!(text, "\n  {name}: {plan:?}\n          {host:?}");
        }
        if let Some(([client, server], limit)) = self.managed {
            let _ = write!(
                text,
                "\n  path managers: client {client:?}, server {server:?}, limits {limit}"
            );
        }
        for (when, op) in &self.script {
            let _ = write!(text, "\n  at {} ms: {op:?}", when / MILLI);
        }
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
        for (when, attacker) in self.attackers {
            world.attack(when, attacker);
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
    let terms = paths.terms();
    let mut world = paths.build();
    world.trace = trace;
    run::to_the_end(&mut world, terms.plan);
    let fault = world.fault.clone().or_else(|| terms.verdict(&world));
    (world, fault)
}
