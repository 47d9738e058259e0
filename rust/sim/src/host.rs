// SPDX-License-Identifier: GPL-2.0

//! A host: its connections, found by address, and its listener.

mod join;
mod policy;

pub use self::join::local_addr;
use crate::app::Plan;
use crate::endpoint::handshake_options;
use crate::endpoint::has_timestamps;
use crate::endpoint::Endpoint;
use crate::endpoint::Env;
use crate::endpoint::Flow;
use crate::endpoint::HostConfig;
use crate::keys::SimSha256;
use crate::segment::Addr;
use crate::segment::Area;
use crate::segment::Segment;
use crate::segment::ACK;
use crate::segment::NOBODY;
use crate::segment::RST;
use crate::segment::SYN;
use crate::segment::WINDOW_SCALE;
use crate::tcp::Phase;
use crate::tcp::Tcp;
use crate::tcp::SECOND;
use rust_mptcp::engine::initiate::accept_third_ack;
use rust_mptcp::engine::initiate::answer_syn;
use rust_mptcp::engine::initiate::syn_ack_options;
use rust_mptcp::engine::initiate::ListenPolicy;
use rust_mptcp::engine::initiate::SynAnswer;
use rust_mptcp::engine::initiate::SynOffer;
use rust_mptcp::engine::initiate::ThirdAck;
use rust_mptcp::engine::path_manager::Endpoints;
use rust_mptcp::engine::Connection;
use rust_mptcp::engine::KeyMaterial;
use rust_mptcp::engine::PassiveOpen;
use rust_mptcp::engine::SubflowId;
use rust_mptcp::engine::SubflowTx;
use rust_mptcp::wire::parse;
use rust_mptcp::wire::AddrId;
use rust_mptcp::wire::Key;
use rust_mptcp::wire::OptionSet;
use rust_mptcp::wire::Reset;
use rust_mptcp::wire::ResetReason;
use rust_mptcp::wire::SegmentKind;
use std::collections::HashMap;
use std::collections::VecDeque;
use std::hash::BuildHasherDefault;
use std::hash::Hasher;

/// Both addresses of a subflow: ours, the peer's.
pub type Pair = (Addr, Addr);

/// SYN/ACKs sent before a handshake is given up.
const SYN_ACKS: u8 = 12;

/// Handshakes that a listener keeps.
const BACKLOG: usize = 256;

/// A hash that is the same in every run.
#[derive(Default)]
pub struct Mix(u64);

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, value: u64) {
        let mixed = (self.0 ^ value).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = mixed ^ (mixed >> 32);
    }
}

/// A table that is never walked through.
pub type Table<T> = HashMap<Pair, T, BuildHasherDefault<Mix>>;

/// A handshake that a listener has answered.
struct Half {
    local_isn: u32,
    remote_isn: u32,
    offer: Option<SynOffer>,
    join: Option<join::Joining>,
    keys: KeyMaterial,
    timestamps: bool,
    window: u32,
    sent: u8,
    due: u64,
}

/// A host.
pub struct Host {
    /// 0 for the client, 1 for the server.
    pub side: u8,
    /// What its connections get.
    pub config: HostConfig,
    /// What programs behind the listener do; no listener without.
    pub service: Option<Plan>,
    /// Its connections.
    pub endpoints: Vec<Endpoint>,
    /// The kind of key: see [`SimSha256`].
    pub key_kind: u8,
    /// Octets change on the way to its connections.
    pub altered: bool,
    /// Somebody else's segments count for them.
    pub attacked: bool,
    table: Table<(u32, u32)>,
    half: Table<Half>,
    order: VecDeque<Pair>,
    backlog: usize,
    /// The endpoints of its path manager, if it has one.
    pub managed: Option<Endpoints>,
    /// A subflow from this address of its own is refused before connect(2) returns.
    pub refused: Option<AddrId>,
    /// It wants every further subflow to be a backup.
    pub backups: bool,
}

/// What a segment concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touched {
    /// This connection.
    Endpoint(usize),
    /// A handshake, to be seen to again at this time.
    Half(Pair, u64),
    /// Nothing.
    Nothing,
}

impl Host {
    /// A host without any connection.
    pub fn new(side: u8, config: HostConfig, service: Option<Plan>) -> Self {
        Self {
            side,
            config,
            service,
            endpoints: Vec::new(),
            key_kind: 0,
            altered: false,
            attacked: false,
            table: Table::default(),
            half: Table::default(),
            order: VecDeque::new(),
            backlog: BACKLOG,
            managed: None,
            refused: None,
            backups: false,
        }
    }

    /// Makes room for a crowd.
    pub fn expect_many(&mut self, count: usize) {
        self.endpoints.reserve_exact(count);
        self.table.reserve(count);
        self.backlog = usize::MAX;
    }

    /// Handshakes that wait for their third ACK.
    pub fn half_open(&self) -> usize {
        self.half.len()
    }

    fn new_keys(&self, env: &mut Env<'_>) -> KeyMaterial {
        // Without a kind the first octet is one that asks for nothing.
        let kind = if self.key_kind == 0 {
            env.rng.within(3, 255)
        } else {
            u64::from(self.key_kind)
        };
        KeyMaterial::derive::<SimSha256>(Key::new(kind << 56 | env.rng.bits() >> 8))
    }

    fn new_endpoint(&self, tag: u32, plan: Plan) -> Endpoint {
        let mut endpoint = Endpoint::new(self.side, tag, self.config, plan);
        endpoint.record.altered = self.altered;
        endpoint.record.attacked = self.attacked;
        endpoint.managed = self.managed.is_some();
        endpoint
    }

    /// Opens connection number `tag`.
    pub fn connect(
        &mut self,
        env: &mut Env<'_>,
        tag: u32,
        local: Addr,
        remote: Addr,
        plan: Plan,
    ) -> usize {
        let index = self.endpoints.len();
        let keys = self.new_keys(env);
        let mut endpoint = self.new_endpoint(tag, plan);
        endpoint.connect(env, local, remote, keys);
        self.endpoints.push(endpoint);
        self.table.insert((local, remote), (index as u32, 0));
        index
    }

    /// Takes a segment off the network.
    pub fn arrive(&mut self, env: &mut Env<'_>, segment: &Segment) -> Touched {
        let pair = (segment.dst, segment.src);
        if let Some(&(index, flow)) = self.table.get(&pair) {
            let endpoint = &mut self.endpoints[index as usize];
            endpoint.arrive(env, flow as usize, segment);
            return Touched::Endpoint(index as usize);
        }
        if let Some(half) = self.half.get(&pair) {
            if segment.has(SYN) && !segment.has(ACK) && segment.seq == half.remote_isn {
                return self.send_syn_ack(env, pair);
            }
            return self.third_segment(env, pair, segment);
        }
        if segment.has(RST) {
            return Touched::Nothing;
        }
        if segment.flags & (SYN | ACK) == SYN {
            return self.on_syn(env, pair, segment);
        }
        self.refuse(env, segment, None);
        Touched::Nothing
    }

    /// RFC 9293 3.10.7.1: a reset for what nobody here knows.
    fn refuse(&mut self, env: &mut Env<'_>, segment: &Segment, reason: Option<ResetReason>) {
        let has_ack = segment.has(ACK);
        let mut options = Area::default();
        if let Some(reason) = reason {
            let mut area = [1; 40];
            let want = OptionSet {
                reset: Some(Reset {
                    reason,
                    transient: false,
                }),
                ..OptionSet::default()
            };
            let len = want.emit(&mut area).unwrap_or(0);
            options = Area::new(area, len as u8);
        }
        env.out.push(Segment {
            src: segment.dst,
            dst: segment.src,
            seq: if has_ack { segment.ack } else { 0 },
            ack: segment.seq.wrapping_add(segment.span()),
            flags: RST | if has_ack { 0 } else { ACK },
            options,
            tag: NOBODY,
            ..Segment::default()
        });
    }

    fn on_syn(&mut self, env: &mut Env<'_>, pair: Pair, segment: &Segment) -> Touched {
        let options = parse(segment.options.octets(), SegmentKind::Syn);
        let offer = match answer_syn(&options) {
            SynAnswer::Join(syn) => return self.on_join_syn(env, pair, segment, &syn),
            _ if self.service.is_none() => {
                self.refuse(env, segment, None);
                return Touched::Nothing;
            }
            SynAnswer::Plain => None,
            SynAnswer::Capable(offer) => Some(offer),
        };
        while self.half.len() >= self.backlog {
            let Some(oldest) = self.order.pop_front() else {
                break;
            };
            self.half.remove(&oldest);
        }
        let half = Half {
            local_isn: env.rng.bits() as u32,
            remote_isn: segment.seq,
            offer,
            join: None,
            keys: self.new_keys(env),
            timestamps: has_timestamps(&segment.options),
            window: self.config.receive_buffer.min(65535) as u32,
            sent: 0,
            due: 0,
        };
        self.half.insert(pair, half);
        if self.backlog != usize::MAX {
            self.order.push_back(pair);
        }
        self.send_syn_ack(env, pair)
    }

    fn policy(&self) -> ListenPolicy {
        ListenPolicy {
            checksum: self.config.engine.checksum,
            deny_join: self.config.engine.deny_join,
        }
    }

    fn send_syn_ack(&mut self, env: &mut Env<'_>, pair: Pair) -> Touched {
        let policy = self.policy();
        let half = self.half.get(&pair);
        let join = half.and_then(|half| half.join.as_ref());
        let join = join.map(|join| self.join_answer(join));
        let Some(half) = self.half.get_mut(&pair) else {
            return Touched::Nothing;
        };
        half.due = env.now + (SECOND << half.sent.min(5));
        let key = half.keys.key;
        let want = half.offer.map(|offer| syn_ack_options(offer, policy, key));
        let want = join.or(want);
        env.out.push(Segment {
            src: pair.0,
            dst: pair.1,
            seq: half.local_isn,
            ack: half.remote_isn.wrapping_add(1),
            flags: SYN | ACK,
            window: half.window as u16,
            options: handshake_options(&want.unwrap_or_default(), half.timestamps),
            tag: NOBODY,
            ..Segment::default()
        });
        Touched::Half(pair, half.due)
    }

    /// The timer of a handshake.
    pub fn half_due(&mut self, env: &mut Env<'_>, pair: Pair) -> Touched {
        match self.half.get_mut(&pair) {
            Some(half) if half.due > env.now => return Touched::Nothing,
            Some(half) if half.sent < SYN_ACKS => half.sent += 1,
            _ => {
                self.half.remove(&pair);
                return Touched::Nothing;
            }
        }
        self.send_syn_ack(env, pair)
    }

    /// A segment for a handshake that we have answered.
    fn third_segment(&mut self, env: &mut Env<'_>, pair: Pair, segment: &Segment) -> Touched {
        let Some(half) = self.half.get(&pair) else {
            return Touched::Nothing;
        };
        let seq_fits = segment.seq == half.remote_isn.wrapping_add(1);
        if segment.has(RST) {
            if seq_fits {
                self.half.remove(&pair);
            }
            return Touched::Nothing;
        }
        // Only the segment at the start decides; others are too early.
        let fits = seq_fits && segment.ack == half.local_isn.wrapping_add(1);
        if !fits || !segment.has(ACK) || segment.has(SYN) {
            return Touched::Nothing;
        }
        if half.join.is_some() {
            return self.third_of_join(env, pair, segment);
        }
        let kind = SegmentKind::NonSyn {
            payload_len: segment.payload.len(),
        };
        let options = parse(segment.options.octets(), kind);
        let policy = self.policy();
        let open = half.offer.and_then(|offer| {
            match accept_third_ack::<SimSha256>(&options, offer, policy, half.keys) {
                ThirdAck::Capable(open) => Some(open),
                ThirdAck::Fallback => None,
            }
        });
        self.accept(env, pair, open, segment)
    }

    fn accept(
        &mut self,
        env: &mut Env<'_>,
        pair: Pair,
        open: Option<PassiveOpen>,
        segment: &Segment,
    ) -> Touched {
        let (Some(half), Some(plan)) = (self.half.remove(&pair), self.service) else {
            return Touched::Nothing;
        };
        let window = u32::from(segment.window) << WINDOW_SCALE;
        let mut endpoint = self.new_endpoint(segment.tag, plan);
        endpoint.app.progress_at = env.now;
        endpoint.record.promised = u64::from(half.window);
        let mut tx = SubflowTx::plain();
        if let Some(open) = open {
            let config = self.config.engine;
            let made = Connection::passive(
                config,
                &open,
                window,
                half.window,
                &endpoint.shared,
                env.instant(),
            );
            // Without memory for it the connection stays plain TCP.
            if let Ok(conn) = made {
                endpoint.conn = Some(conn);
                endpoint.record.engine = true;
                tx = SubflowTx::passive(&open);
            }
        }
        let mut tcp = Tcp::new(Phase::Open, window, self.config.mss);
        tcp.send_buffer = self.config.tcp_buffer;
        tcp.rx.promise(half.window);
        let mut flow = Flow::new(SubflowId::FIRST, pair.0, pair.1, tx, tcp);
        flow.local_isn = half.local_isn;
        flow.remote_isn = half.remote_isn;
        flow.timestamps = half.timestamps;
        endpoint.flows.push(flow);
        let index = self.endpoints.len();
        endpoint.drain(env);
        endpoint.arrive(env, 0, segment);
        self.endpoints.push(endpoint);
        self.table.insert(pair, (index as u32, 0));
        Touched::Endpoint(index)
    }
}
