// SPDX-License-Identifier: GPL-2.0

//! Two hosts, a network, a clock, and one seed.

use super::app::App;
use super::tcp::Segment;
use super::tcp::Tcp;
use super::tcp::Wanted;
use super::tcp::RTO;
use rust_mptcp::engine::initiate::SynOffer;
use rust_mptcp::engine::*;
use rust_mptcp::wire::checksum::Partial;
use rust_mptcp::wire::keys::HostSha256;
use rust_mptcp::wire::*;
use std::collections::BTreeMap;

/// A payload with its octets.
#[derive(Debug, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl Payload for Bytes {
    type Sha256 = HostSha256;

    fn len(&self) -> u32 {
        self.0.len() as u32
    }

    fn trim_front(&mut self, count: u32) {
        self.0.drain(..count as usize);
    }

    fn truncate(&mut self, len: u32) {
        self.0.truncate(len as usize);
    }

    fn split_off(&mut self, at: u32) -> Option<Self> {
        Some(Self(self.0.split_off(at as usize)))
    }

    fn checksum(&self, from: u32, len: u32, sum: &mut Partial) {
        sum.add_bytes(&self.0[from as usize..(from + len) as usize]);
    }

    fn try_append(&mut self, next: Self) -> Result<(), Self> {
        self.0.extend(next.0);
        Ok(())
    }
}

/// A small generator of numbers (splitmix64).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// What the network does to segments.
#[derive(Clone, Debug)]
pub struct Net {
    pub loss: u64,
    pub duplicate: u64,
    pub jitter: u64,
    pub delay: u64,
    pub mss: u32,
    /// Octets that TCP sends as one, to be cut into segments behind the options.
    pub gso: u32,
    /// Splits a segment once more, options copied.
    pub split: u64,
}

impl Default for Net {
    fn default() -> Self {
        Self {
            loss: 0,
            duplicate: 0,
            jitter: 0,
            delay: 10,
            mss: 1400,
            gso: 20_000,
            split: 0,
        }
    }
}

/// Changes a segment on its way from side `from`; false drops it.
pub type Middlebox = Box<dyn FnMut(usize, &mut Segment) -> bool>;

pub struct Host {
    pub shared: Shared,
    pub tx: SubflowTx,
    pub conn: Option<Connection<Bytes>>,
    pub tcp: Tcp,
    pub app: App,
    pub config: Config,
    pub rcvbuf: usize,
    pub sndbuf: u64,
    pub counts: BTreeMap<String, i64>,
    pub fell_back: Option<FallbackReason>,
    pub states: Vec<ConnState>,
    pub error: Option<ConnError>,
    pub gone: bool,
    pub reset_sent: bool,
    pub released: u64,
    pub syn_at: Option<u64>,
    pub syns: u8,
    pub plain_syns: u8,
    pub started: bool,
    pub edge_seen: Option<Dsn>,
}

/// A simulated connection.
pub struct World {
    pub now: u64,
    pub hosts: [Host; 2],
    pub net: Net,
    pub rng: Random,
    pub wire: BTreeMap<(u64, u64), (usize, Segment)>,
    pub middlebox: Option<Middlebox>,
    pub keys: [KeyMaterial; 2],
    /// The options of every segment, in order, for traces.
    pub trace: Vec<(usize, Segment)>,
    pub keep_trace: bool,
    /// The network changes bytes: the oracle for them rests.
    pub altered: bool,
    pub offer: Option<SynOffer>,
    pub serial: u64,
}

pub const SF: SubflowId = SubflowId::FIRST;

fn key(seed: u64) -> KeyMaterial {
    KeyMaterial::derive::<HostSha256>(Key::new(seed))
}

impl Host {
    fn new(config: Config, app: App, rcvbuf: usize) -> Self {
        Self {
            shared: Shared::new(),
            tx: SubflowTx::plain(),
            conn: None,
            tcp: Tcp::default(),
            app,
            config,
            rcvbuf,
            sndbuf: 100_000,
            counts: BTreeMap::new(),
            fell_back: None,
            states: Vec::new(),
            error: None,
            gone: false,
            reset_sent: false,
            released: 0,
            syn_at: None,
            syns: 0,
            plain_syns: 0,
            started: false,
            edge_seen: None,
        }
    }

    pub fn count(&self, counter: Mib) -> i64 {
        self.counts
            .get(&format!("{counter:?}"))
            .copied()
            .unwrap_or(0)
    }

    pub fn mode(&self) -> Option<Mode> {
        self.conn.as_ref().map(Connection::mode)
    }

    pub fn free(&self) -> u32 {
        self.rcvbuf.saturating_sub(self.app.unread.len()) as u32
    }
}

impl World {
    pub fn new(seed: u64, net: Net, configs: [Config; 2], apps: [App; 2], rcvbuf: usize) -> Self {
        let keys = [key(0x0102_0304_0506_0708), key(0x1112_1314_1516_1718)];
        let [a, b] = apps;
        let [ca, cb] = configs;
        let mut world = Self {
            now: 0,
            hosts: [Host::new(ca, a, rcvbuf), Host::new(cb, b, rcvbuf)],
            net,
            rng: Random(seed),
            wire: BTreeMap::new(),
            middlebox: None,
            keys,
            trace: Vec::new(),
            keep_trace: false,
            altered: false,
            offer: None,
            serial: 0,
        };
        let host = &mut world.hosts[0];
        host.tx = SubflowTx::active(&host.config, keys[0]);
        host.conn = Connection::active(host.config, keys[0], &host.shared, Instant::default()).ok();
        host.syn_at = Some(0);
        world
    }

    pub fn at(&self) -> Instant {
        Instant::from_millis(self.now)
    }

    /// Gives an event to a host's engine and does what it asks for.
    pub fn post(&mut self, side: usize, event: Event<'_, Bytes>) {
        let now = self.at();
        let host = &mut self.hosts[side];
        if let Some(conn) = host.conn.as_mut() {
            conn.handle(&host.shared, event, now);
        }
        self.drain(side);
    }

    pub fn drain(&mut self, side: usize) {
        let host = &mut self.hosts[side];
        let Some(conn) = host.conn.as_mut() else {
            return;
        };
        let mut actions = Vec::new();
        while let Some(action) = conn.poll_action(&host.shared) {
            actions.push(action);
            assert!(actions.len() < 10_000, "a drain that does not end");
        }
        for action in actions {
            self.act(side, action);
        }
    }

    pub fn act(&mut self, side: usize, action: Action<Bytes>) {
        let host = &mut self.hosts[side];
        match action {
            Action::Count(counter, amount) => {
                *host.counts.entry(format!("{counter:?}")).or_default() += i64::from(amount);
            }
            Action::Deliver(bytes) => {
                host.app.unread.extend(bytes.0);
            }
            Action::Release { una } => {
                let first = host.conn.as_ref().map_or(una, Connection::first_dsn);
                let released = una.distance_from(first);
                assert!(released as u64 >= host.released, "released backwards");
                assert!(
                    released as usize <= host.app.written,
                    "released the unwritten"
                );
                host.released = released as u64;
            }
            Action::State(state) => host.states.push(state),
            Action::FellBack(reason) => {
                assert_eq!(host.fell_back, None, "fell back twice");
                host.fell_back = Some(reason);
            }
            Action::ReceiveShut => host.app.eof = true,
            Action::Error(error) => host.error = Some(error),
            Action::Tell { order, .. } => host.tx.apply(order),
            Action::ResetSubflow { .. } => {
                host.reset_sent = true;
                let ssn = host.tcp.nxt;
                self.emit(
                    side,
                    Wanted {
                        ssn,
                        payload: Vec::new(),
                        fin: false,
                        rst: true,
                    },
                );
                self.tcp_gone(side, Ending::Local);
            }
            Action::CloseSubflow { .. } => {
                host.tcp.fin_wanted = true;
                self.tcp_send(side);
            }
            Action::SendAck { .. } | Action::DelayAck { .. } => self.ack(side),
            Action::Push { .. } => self.push(side),
            Action::Gone => host.gone = true,
            Action::SendShut
            | Action::Blackhole
            | Action::PathIsCapable
            | Action::Path(_)
            | Action::WakeReader
            | Action::WakeWriter
            | Action::TokenReleased => {}
        }
    }

    pub fn tcp_gone(&mut self, side: usize, ending: Ending) {
        let host = &mut self.hosts[side];
        if core::mem::replace(&mut host.tcp.open, false) {
            host.tcp.rto_at = None;
            self.post(side, Event::SubflowClosed { sf: SF, ending });
        }
    }

    /// Hands over what the engine offers.
    pub fn push(&mut self, side: usize) {
        let now = self.at();
        loop {
            let host = &mut self.hosts[side];
            let (room, open) = (host.tcp.room(), host.tcp.open && !host.tcp.fin_wanted);
            let Some(conn) = host.conn.as_mut().filter(|_| open && room > 0) else {
                break;
            };
            let Some(transmit) = conn.poll_transmit(&host.shared, SF, room, now) else {
                break;
            };
            let ssn = Ssn(host.tcp.end());
            let noted = host.tx.record_run(ssn, &transmit).is_ok();
            // TCP takes less than it is offered now and then.
            let mut len = if noted { transmit.len } else { 0 };
            if self.rng.chance(10) {
                len = self.rng.below(u64::from(len) + 1) as u32;
            }
            let host = &mut self.hosts[side];
            let first = host
                .conn
                .as_ref()
                .map_or(transmit.dsn, Connection::first_dsn);
            for index in 0..u64::from(len) {
                let place = transmit.dsn.advance(index).distance_from(first);
                host.tcp.sent.push(if place < 0 {
                    0
                } else {
                    App::octet(side, place as usize)
                });
            }
            // TCP may send at once, before the engine hears what it took.
            self.tcp_send(side);
            self.post(
                side,
                Event::Transmitted {
                    sf: SF,
                    dsn: transmit.dsn,
                    len,
                    ssn,
                    rto: Duration::from_millis(RTO),
                },
            );
            if len == 0 {
                break;
            }
        }
        self.tcp_send(side);
    }

    pub fn tcp_send(&mut self, side: usize) {
        loop {
            let most = 1 + self.rng.below(u64::from(self.net.gso)) as u32;
            let Some(wanted) = self.hosts[side].tcp.next_new(most) else {
                break;
            };
            self.emit(side, wanted);
        }
        let now = self.now;
        self.hosts[side].tcp.arm(now);
    }

    pub fn ack(&mut self, side: usize) {
        let host = &self.hosts[side];
        if host.tcp.open && host.started {
            let ssn = host.tcp.nxt;
            self.emit(
                side,
                Wanted {
                    ssn,
                    payload: Vec::new(),
                    fin: false,
                    rst: false,
                },
            );
        }
    }

    /// When something happens next.
    fn next_time(&self) -> Option<u64> {
        let mut next = self.wire.first_key_value().map(|((at, _), _)| *at);
        let mut consider = |at: Option<u64>| {
            next = match (next, at) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
        };
        for host in &self.hosts {
            consider(host.tcp.rto_at);
            consider(host.syn_at);
            consider(host.app.abort_at.filter(|_| host.started));
            let engine = host.conn.as_ref().and_then(Connection::next_timeout);
            consider(engine.map(Instant::as_millis));
            consider((!host.app.unread.is_empty()).then_some(host.app.next_read));
        }
        next.map(|at| at.max(self.now))
    }

    /// One moment. False when nothing is left to happen.
    pub fn step(&mut self) -> bool {
        for side in 0..2 {
            self.run_app(side);
        }
        let Some(next) = self.next_time() else {
            return false;
        };
        self.now = next;
        if self.hosts[0].syn_at.is_some_and(|at| at <= next) {
            self.send_syn();
        }
        for side in 0..2 {
            if self.hosts[side].tcp.rto_at.is_some_and(|at| at <= next) {
                self.hosts[side].tcp.rto_at = None;
                let most = 1 + self.rng.below(u64::from(self.net.gso)) as u32;
                let wanted = self.hosts[side].tcp.again(most);
                self.emit(side, wanted);
                let now = self.now;
                self.hosts[side].tcp.arm(now);
            }
            let engine = self.hosts[side].conn.as_ref();
            if engine
                .and_then(Connection::next_timeout)
                .is_some_and(|at| at <= self.at())
            {
                self.post(side, Event::Timer);
            }
        }
        while let Some(entry) = self.wire.first_entry() {
            if entry.key().0 > self.now {
                break;
            }
            let (side, segment) = entry.remove();
            self.arrive(side, segment);
        }
        self.check();
        true
    }

    /// What must hold at any time.
    fn check(&self) {
        if self.altered {
            return;
        }
        for (side, host) in self.hosts.iter().enumerate() {
            let all = host.app.received.iter().chain(&host.app.unread);
            let from = host.app.received.len().saturating_sub(64);
            for (place, octet) in all.enumerate().skip(from) {
                assert_eq!(
                    *octet,
                    App::octet(1 - side, place),
                    "a wrong byte at {place}"
                );
            }
            let got = host.app.received.len() + host.app.unread.len();
            assert!(
                got <= self.hosts[1 - side].app.written,
                "more than was sent"
            );
        }
    }

    /// A SYN arrives where a SYN/ACK should.
    pub fn simultaneous_open(&mut self) {
        self.step();
        self.post(0, Event::SimultaneousOpen { sf: SF });
    }

    /// Runs until nothing happens any more.
    pub fn run(&mut self) {
        let mut steps = 0_u64;
        while self.step() {
            steps += 1;
            assert!(steps < 400_000, "does not come to rest");
            assert!(self.now < 40_000_000, "takes too long");
        }
    }

    /// What must hold after a run that nobody cut short.
    pub fn assert_complete(&self) {
        for side in 0..2 {
            let (host, peer) = (&self.hosts[side], &self.hosts[1 - side]);
            assert_eq!(
                host.app.received.len(),
                peer.app.total,
                "side {side} lacks bytes"
            );
            for (place, octet) in host.app.received.iter().enumerate() {
                assert_eq!(*octet, App::octet(1 - side, place));
            }
            assert!(host.app.at_end(), "side {side} got no end");
            if host.conn.is_some() {
                assert_eq!(host.states.last(), Some(&ConnState::Close), "side {side}");
                assert!(host.gone, "side {side} is not gone");
            }
        }
    }
}
