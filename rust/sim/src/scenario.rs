// SPDX-License-Identifier: GPL-2.0

//! From a seed to a world, and to what is expected of it.

use crate::app::Pace;
use crate::app::Plan;
use crate::attack::Attacker;
use crate::attack::Flood;
use crate::attack::Forger;
use crate::attack::Repeater;
use crate::endpoint::HostConfig;
use crate::host::Host;
use crate::middlebox::alg::OtherCopy;
use crate::middlebox::alg::Pad;
use crate::middlebox::alg::Resize;
use crate::middlebox::alg::Rewrite;
use crate::middlebox::death::LoseEnds;
use crate::middlebox::death::Reset;
use crate::middlebox::death::Silence;
use crate::middlebox::death::SynBlackhole;
use crate::middlebox::nat::Nat;
use crate::middlebox::nat::RandomIsn;
use crate::middlebox::nat::SmallWindow;
use crate::middlebox::proxy::ProactiveAck;
use crate::middlebox::resegment::Coalesce;
use crate::middlebox::resegment::HoldThirdAck;
use crate::middlebox::resegment::InsertFin;
use crate::middlebox::resegment::LoseThirdAck;
use crate::middlebox::resegment::Split;
use crate::middlebox::shorten::Shorten;
use crate::middlebox::strip::EchoOptions;
use crate::middlebox::strip::NoTimestamps;
use crate::middlebox::strip::Strip;
use crate::middlebox::strip::Where;
use crate::middlebox::Stage;
use crate::middlebox::Ways;
use crate::network::Link;
use crate::network::LinkConfig;
use crate::oracle::Expect;
use crate::random::Random;
use crate::tcp::MILLI;
use crate::tcp::SECOND;
use crate::world::Path;
use crate::world::World;
use rust_mptcp::engine::Config;
use rust_mptcp::engine::Duration;

/// The subtype of `MP_FAIL`.
const FAIL: u8 = 6;

/// One run, before it begins.
pub struct Scenario {
    /// What it follows from.
    pub seed: u64,
    /// What is expected of it.
    pub expect: Expect,
    /// What both programs do.
    pub plans: [Plan; 2],
    /// What both hosts are like.
    pub hosts: [HostConfig; 2],
    /// Both directions of the path.
    pub links: [LinkConfig; 2],
    /// What stands on it.
    pub stages: Vec<Box<dyn Stage>>,
    /// Who interferes, and from when on.
    pub attackers: Vec<(u64, Box<dyn Attacker>)>,
    /// Octets change on the way.
    pub altered: bool,
    /// Somebody else's segments count.
    pub attacked: bool,
    /// Each allocation is refused in turn.
    pub memory: bool,
    /// Where the numbers of the streams begin: see [`crate::keys::SimSha256`].
    pub key_kinds: [u8; 2],
    /// What it is called in the summary.
    pub family: &'static str,
}

/// A host such as there are many.
pub fn usual_host() -> HostConfig {
    HostConfig {
        engine: Config::default(),
        receive_buffer: 120_000,
        send_buffer: 100_000,
        tcp_buffer: 60_000,
        mss: 1400,
        gso: 20_000,
        overhead: 0,
        shy: 0,
        reaches: 10,
        stuck: 0,
        delayed_acks: true,
    }
}

fn random_host(rng: &mut Random) -> HostConfig {
    let engine = Config {
        checksum: rng.percent(25),
        deny_join: rng.percent(10),
        ..Config::default()
    };
    HostConfig {
        engine,
        receive_buffer: match rng.below(10) {
            0 => rng.within(600, 4_000),
            1 => rng.within(4_000, 20_000),
            _ => rng.within(30_000, 400_000),
        },
        send_buffer: rng.within(5_000, 300_000),
        tcp_buffer: 60_000,
        mss: if rng.percent(70) {
            1400
        } else {
            rng.within(200, 1400) as u32
        },
        gso: rng.within(1_400, 64_000) as u32,
        overhead: rng.pick(&[0, 20, 130]),
        shy: rng.pick(&[0, 0, 10]),
        reaches: 10,
        stuck: rng.pick(&[0, 0, 0, 3]),
        delayed_acks: rng.percent(70),
    }
}

impl Scenario {
    /// A run on an ideal network with usual hosts.
    pub fn plain(seed: u64, plans: [Plan; 2]) -> Self {
        Self {
            seed,
            expect: Expect::Clean,
            plans,
            hosts: [usual_host(), usual_host()],
            links: [LinkConfig::default(), LinkConfig::default()],
            stages: Vec::new(),
            attackers: Vec::new(),
            altered: false,
            attacked: false,
            memory: false,
            key_kinds: [0, 0],
            family: "plain",
        }
    }

    /// The run of a seed.
    pub fn random(seed: u64) -> Self {
        let mut rng = Random::new(seed ^ 0x5EED_5EED);
        let rng = &mut rng;
        let level = rng.pick(&[0, 0, 1, 2, 3]);
        let mut run = Self {
            hosts: [random_host(rng), random_host(rng)],
            links: [
                LinkConfig::random(level, rng),
                LinkConfig::random(level, rng),
            ],
            key_kinds: [rng.pick(&[0, 0, 1, 2]), rng.pick(&[0, 0, 1, 2])],
            ..Self::plain(seed, Plan::random_pair(rng))
        };
        run.keep_short();
        match rng.below(100) {
            0..=38 => run.friendly(rng),
            39..=57 => run.stripped(rng),
            58..=67 => run.resegmented(rng),
            68..=74 => run.changed(rng),
            75..=81 => run.broken(rng),
            82..=86 => run.attacked(rng),
            87..=90 => run.aborted(rng),
            91..=93 => run.mixed(rng),
            _ => run.starved(rng),
        }
        run
    }

    /// Limits what takes long in virtual time, so that no program is orphaned half-way.
    fn keep_short(&mut self) {
        for side in 0..2 {
            let reader = self.plans[side];
            let mut most = u64::MAX;
            if reader.read != u64::MAX {
                most = reader.read * (20 * SECOND / reader.read_every);
            }
            if self.hosts[side].receive_buffer < 20_000 {
                most = most.min(40 * self.hosts[side].receive_buffer.min(2_000));
            }
            let total = &mut self.plans[1 - side].total;
            *total = (*total).min(most);
        }
        self.plans = Plan::in_step(self.plans);
    }

    fn stage(&mut self, stage: impl Stage + 'static) {
        self.stages.push(Box::new(stage));
    }

    /// A network that is merely bad: MPTCP must get through.
    fn friendly(&mut self, rng: &mut Random) {
        self.family = "friendly";
        for host in &mut self.hosts {
            // However slow it gets, nobody gives up on it.
            host.engine.orphan_timeout = Duration::from_secs(900);
        }
        if rng.percent(25) {
            self.stage(Nat::default());
        }
        if rng.percent(20) {
            let shift = [rng.bits() as u32, rng.bits() as u32];
            self.stage(RandomIsn { shift });
        }
        if rng.percent(20) {
            self.stage(Split {
                ways: Ways::random(rng),
                copy_options: true,
                chance: rng.within(5, 50),
            });
        }
        if rng.percent(10) {
            self.stage(NoTimestamps);
        }
        if rng.percent(15) {
            let ways = Ways::random(rng);
            self.stage(Shorten { ways });
        }
        if rng.percent(10) {
            self.stage(LoseThirdAck::default());
        }
        if rng.percent(5) {
            self.stage(HoldThirdAck::default());
        }
        if rng.percent(15) {
            let count = rng.within(1, 4) as u32;
            self.stage(LoseEnds { count });
        }
        if rng.percent(5) {
            self.links[rng.below(2) as usize].mtu = rng.within(400, 1300) as u32;
        }
        if rng.percent(5) {
            let since = rng.below(2 * SECOND);
            self.stage(Silence {
                ways: Ways::random(rng),
                since,
                until: since + rng.below(8 * SECOND),
            });
        }
        if rng.percent(5) {
            self.attackers.push((0, Box::new(Forger::new(false, 60))));
        }
        if rng.percent(5) {
            self.attackers.push((0, Box::new(Repeater::new(40))));
        }
        if rng.percent(3) {
            self.attackers.push((0, Box::new(Flood { left: 300 })));
        }
    }

    /// Options do not get through, from the start or later.
    fn stripped(&mut self, rng: &mut Random) {
        self.family = "stripped";
        self.expect = Expect::Complete;
        let ways = Ways::random(rng);
        match rng.below(9) {
            0 => self.stage(Strip::new(Where::Syn, Ways::Both)),
            1 => self.stage(Strip::new(Where::SynAck, Ways::Both)),
            2 => self.stage(Strip::new(Where::ThirdAck, Ways::Both)),
            3 | 4 => {
                if ways == Ways::FromServer {
                    // A client that falls back with its last octet has no data left for the
                    // infinite mapping to stand beside: the server does not learn of it.
                    self.expect = Expect::Intact;
                }
                let place = rng.pick(&[Where::Data, Where::Everything]);
                self.stage(Strip::new(place, ways));
            }
            5 => self.stage(SynBlackhole),
            6 => self.stage(EchoOptions::default()),
            7 => {
                self.expect = Expect::Intact;
                let from = rng.within(2, 60) as u32;
                self.stage(Strip::new(Where::From(from), ways));
            }
            _ => {
                self.expect = Expect::Intact;
                let chance = rng.within(1, 60);
                self.stage(Strip::new(Where::Sometimes(chance), ways));
            }
        }
    }

    /// Segments are cut and put together by boxes that do not know what an option is for.
    fn resegmented(&mut self, rng: &mut Random) {
        self.family = "resegmented";
        self.expect = Expect::Intact;
        let ways = Ways::random(rng);
        if rng.percent(50) {
            self.stage(Split {
                ways,
                copy_options: false,
                chance: rng.within(5, 40),
            });
        } else {
            let most = rng.within(1_000, 1_400) as u32;
            self.hosts[0].mss = 600;
            self.hosts[1].mss = 600;
            self.stage(Coalesce::new(ways, rng.percent(50), most));
        }
    }

    /// Payload changes on the way.
    fn changed(&mut self, rng: &mut Random) {
        self.family = "changed";
        self.expect = Expect::Ends;
        self.altered = true;
        let side = rng.below(2) as u8;
        let place = if rng.percent(20) {
            0
        } else {
            rng.below(60_000) as u32
        };
        match rng.below(4) {
            0 => self.stage(Rewrite::new(side, place)),
            1 => {
                let by = rng.pick(&[1, 3, -1, -2]);
                self.stage(Resize::new(side, place, by));
            }
            2 => self.stage(OtherCopy::default()),
            _ => self.stage(Pad {
                chance: rng.within(1, 10),
            }),
        }
        if rng.percent(30) {
            // B50: MP_FAIL, or the answer to it, is lost.
            self.stage(Strip {
                subtype: Some(FAIL),
                ..Strip::new(Where::Sometimes(rng.within(20, 100)), Ways::random(rng))
            });
        }
    }

    /// The path dies, or somebody ends the connection for its ends.
    fn broken(&mut self, rng: &mut Random) {
        self.family = "broken";
        self.expect = Expect::Intact;
        let since = rng.below(3 * SECOND);
        let side = rng.below(2) as u8;
        match rng.below(7) {
            0 => self.stage(Silence {
                ways: Ways::random(rng),
                since,
                until: u64::MAX,
            }),
            1 => self.stage(Reset {
                since,
                both: rng.percent(50),
            }),
            2 => self.stage(Nat::that_rebinds(since)),
            3 => self.stage(InsertFin {
                side,
                after: rng.within(1, 20) as u32,
            }),
            4 => self.stage(ProactiveAck::new(0)),
            5 => self.stage(ProactiveAck::new(rng.within(1, 20))),
            _ => self.stage(SmallWindow {
                side,
                shift: rng.within(1, 9) as u32,
                since,
            }),
        }
    }

    /// Somebody guesses numbers that TCP takes.
    fn attacked(&mut self, rng: &mut Random) {
        self.family = "attacked";
        self.expect = Expect::Intact;
        self.attacked = true;
        let count = rng.within(1, 80) as u32;
        let mut forger = Forger::new(true, count);
        forger.ends = rng.percent(25);
        self.attackers.push((0, Box::new(forger)));
    }

    /// Programs that do not end in peace.
    fn aborted(&mut self, rng: &mut Random) {
        self.family = "aborted";
        self.expect = Expect::Intact;
        let side = rng.below(2) as usize;
        if rng.percent(60) {
            self.plans[side].abort_at = Some(rng.below(2_000) * MILLI);
        } else {
            self.plans[side].hasty = true;
        }
    }

    /// Several of the others at once.
    fn mixed(&mut self, rng: &mut Random) {
        let mut expect = Expect::Intact;
        for _ in 0..rng.within(2, 4) {
            match rng.below(12) {
                0..=2 => self.stripped(rng),
                3..=5 => self.resegmented(rng),
                6 => self.changed(rng),
                7..=8 => self.broken(rng),
                9 => self.attacked(rng),
                10 => self.aborted(rng),
                _ => self.friendly(rng),
            }
            expect = expect.max(self.expect);
        }
        self.family = "mixed";
        self.expect = expect;
    }

    /// Allocations are refused.
    fn starved(&mut self, rng: &mut Random) {
        self.family = "starved";
        self.expect = Expect::Complete;
        self.memory = true;
        for plan in &mut self.plans {
            plan.total = plan.total.min(30_000);
        }
        if rng.percent(75) {
            // What is lost for want of memory is in the midst of something, and goes again cut in another way.
            let total = rng.within(5_000, 60_000);
            self.plans = [Plan::new(Pace::Bulk, total); 2];
        }
        for host in &mut self.hosts {
            // Cut differently each time that they are handed over.
            host.shy = rng.within(20, 60);
            host.gso = host.gso.min(4_000);
        }
        self.keep_short();
        if rng.percent(50) {
            self.hosts[0].engine.checksum = true;
        }
        match rng.below(10) {
            0 => self.stage(Strip::new(Where::Everything, Ways::Both)),
            1 => self.stage(Strip::new(Where::ThirdAck, Ways::Both)),
            2 => self.stage(Split {
                ways: Ways::Both,
                copy_options: true,
                chance: 30,
            }),
            _ => {}
        }
    }

    /// What it is, in a few words.
    pub fn describe(&self) -> String {
        let stages: Vec<_> = self.stages.iter().map(|stage| stage.name()).collect();
        let attackers: Vec<_> = self.attackers.iter().map(|(_, one)| one.name()).collect();
        format!(
            "seed {}: {}, expected {:?}\n  stages: {stages:?}\n  attackers: {attackers:?}\n  client: {:?}\n          {:?}\n  server: {:?}\n          {:?}\n  from client: {:?}\n  from server: {:?}",
            self.seed,
            self.family,
            self.expect,
            self.plans[0],
            self.hosts[0],
            self.plans[1],
            self.hosts[1],
            self.links[0],
            self.links[1],
        )
    }

    /// Makes the world, with the connection about to be opened.
    pub fn build(self) -> World {
        let [client, server] = self.hosts;
        let mut hosts = [
            Host::new(0, client, None),
            Host::new(1, server, Some(self.plans[1])),
        ];
        hosts[0].key_kind = self.key_kinds[0];
        hosts[1].key_kind = self.key_kinds[1];
        for host in &mut hosts {
            host.altered = self.altered;
            host.attacked = self.attacked;
        }
        let [there, back] = self.links;
        let path = Path {
            links: [Link::new(there), Link::new(back)],
            stages: self.stages,
        };
        let mut world = World::new(self.seed, hosts, vec![path]);
        for (when, attacker) in self.attackers {
            world.attack(when, attacker);
        }
        world
    }
}
