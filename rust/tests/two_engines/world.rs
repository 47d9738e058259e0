// SPDX-License-Identifier: GPL-2.0

//! Two hosts, a network, a clock, and one seed.

use super::app::App;
use super::tcp::Segment;
use super::tcp::Tcp;
use super::tcp::Wanted;
use super::tcp::RTO;
use rust_mptcp::engine::initiate::accept_third_ack;
use rust_mptcp::engine::initiate::answer_syn;
use rust_mptcp::engine::initiate::syn_ack_options;
use rust_mptcp::engine::initiate::ListenPolicy;
use rust_mptcp::engine::initiate::SynAnswer;
use rust_mptcp::engine::initiate::SynOffer;
use rust_mptcp::engine::initiate::ThirdAck;
use rust_mptcp::engine::mapping::of_segment;
use rust_mptcp::engine::*;
use rust_mptcp::wire::checksum::Partial;
use rust_mptcp::wire::keys::HostSha256;
use rust_mptcp::wire::*;
use std::collections::BTreeMap;

/// A payload with its octets.
#[derive(Debug, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl Payload for Bytes {
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
    released: u64,
    syn_at: Option<u64>,
    syns: u8,
    plain_syns: u8,
    started: bool,
    edge_seen: Option<Dsn>,
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
    offer: Option<SynOffer>,
    serial: u64,
}

const SF: SubflowId = SubflowId::FIRST;

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

    fn free(&self) -> u32 {
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

    fn at(&self) -> Instant {
        Instant::from_millis(self.now)
    }

    /// Gives an event to a host's engine and does what it asks for.
    fn post(&mut self, side: usize, event: Event<'_, Bytes>) {
        let now = self.at();
        let host = &mut self.hosts[side];
        if let Some(conn) = host.conn.as_mut() {
            conn.handle(&host.shared, event, now);
        }
        self.drain(side);
    }

    fn drain(&mut self, side: usize) {
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

    fn act(&mut self, side: usize, action: Action<Bytes>) {
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
            Action::SendAck { .. } => self.ack(side),
            Action::Push { .. } => self.push(side),
            Action::Gone => host.gone = true,
            Action::SendShut
            | Action::Blackhole
            | Action::PathIsCapable
            | Action::WakeReader
            | Action::WakeWriter
            | Action::TokenReleased => {}
        }
    }

    fn tcp_gone(&mut self, side: usize, ending: Ending) {
        let host = &mut self.hosts[side];
        if core::mem::replace(&mut host.tcp.open, false) {
            host.tcp.rto_at = None;
            self.post(side, Event::SubflowClosed { sf: SF, ending });
        }
    }

    /// Hands over what the engine offers.
    fn push(&mut self, side: usize) {
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

    fn tcp_send(&mut self, side: usize) {
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

    fn ack(&mut self, side: usize) {
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

    /// Stamps a segment and puts it on the wire, cut to size.
    fn emit(&mut self, side: usize, wanted: Wanted) {
        let host = &mut self.hosts[side];
        let segment = TxSegment {
            ssn: Ssn(wanted.ssn),
            len: wanted.payload.len() as u32,
            una: Ssn(host.tcp.una),
            fin: wanted.fin,
            rst: wanted.rst,
            free: host.free(),
            ..TxSegment::default()
        };
        let plain = host.shared.is_fallback();
        let Stamp::Send(mut stamped) = host.tx.stamp(&segment, &host.shared) else {
            return;
        };
        let keep = stamped.payload as usize;
        let mut payload = wanted.payload;
        let cut = keep < payload.len();
        payload.truncate(keep);
        if stamped.needs_checksum {
            let mut sum = Partial::EMPTY;
            sum.add_bytes(&payload);
            host.tx.complete(&mut stamped, segment.ssn, sum);
        }
        if plain && keep == 0 {
            assert!(stamped.options.is_empty(), "an option after fallback");
        }
        // NOP NOP TS, as nearly every connection has it.
        let existing = [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2];
        let fitted = space::fit(&existing, &stamped.options);
        assert!(!fitted.dropped.map && !fitted.dropped.handshake && !fitted.dropped.data_ack);
        let window = stamped.window.unwrap_or(segment.free);
        let ack = host.tcp.rcv_nxt;
        host.tcp.promised = host.tcp.promised.max(ack + window);
        let edge = host.shared.edge();
        if let Some(seen) = host.edge_seen {
            assert!(edge.at_or_after(seen), "the edge went back");
        }
        if stamped.window.is_some() {
            host.edge_seen = Some(edge);
        }
        let whole = Segment {
            ssn: wanted.ssn,
            ack: Some(ack),
            window,
            syn: false,
            fin: wanted.fin && !cut,
            rst: wanted.rst,
            payload,
            options: fitted.area[..usize::from(fitted.len)].to_vec(),
        };
        self.cut_and_send(side, whole);
    }

    fn cut_and_send(&mut self, side: usize, whole: Segment) {
        let mut rest = whole;
        while rest.payload.len() > self.net.mss as usize
            || (rest.payload.len() > 1 && self.rng.chance(self.net.split))
        {
            let most = (self.net.mss as usize).min(rest.payload.len() - 1);
            let at = if self.rng.chance(self.net.split) {
                1 + self.rng.below(most as u64) as usize
            } else {
                most
            };
            let tail = rest.payload.split_off(at);
            let mut piece = rest.clone();
            piece.fin = false;
            rest.ssn += at as u32;
            rest.payload = tail;
            self.carry(side, piece);
        }
        self.carry(side, rest);
    }

    fn carry(&mut self, side: usize, mut segment: Segment) {
        if self.keep_trace {
            self.trace.push((side, segment.clone()));
        }
        if let Some(middlebox) = self.middlebox.as_mut() {
            if !middlebox(side, &mut segment) {
                return;
            }
        }
        if self.rng.chance(self.net.loss) {
            return;
        }
        let copies = 1 + u64::from(self.rng.chance(self.net.duplicate));
        for _ in 0..copies {
            let late = self.rng.below(self.net.jitter + 1);
            self.serial += 1;
            let when = (self.now + self.net.delay + late, self.serial);
            self.wire.insert(when, (1 - side, segment.clone()));
        }
    }
}

/// Arrivals and time.
impl World {
    fn arrive(&mut self, side: usize, segment: Segment) {
        if side == 1 && segment.syn {
            return self.on_syn(&segment);
        }
        if side == 0 && segment.syn {
            return self.on_syn_ack(&segment);
        }
        if side == 1 && !self.hosts[1].started && self.offer.is_some() {
            self.on_third_ack(&segment);
        }
        let host = &mut self.hosts[side];
        if host.started && !host.tcp.open && segment.span() > 0 && host.tcp.fin_seen {
            return self.time_wait(side);
        }
        if !host.started || !host.tcp.open {
            return;
        }
        if !host.tcp.acceptable(&segment) {
            if !segment.rst {
                self.ack(side);
            }
            return;
        }
        let kind = if segment.rst {
            SegmentKind::Rst
        } else {
            SegmentKind::NonSyn {
                payload_len: segment.payload.len() as u32,
            }
        };
        let options = parse(&segment.options, kind);
        assert!(options.rejected.is_empty(), "a malformed option of ours");
        let ack_ok = segment.ack.is_none_or(|ack| ack <= host.tcp.nxt);
        self.post(
            side,
            Event::Segment {
                sf: SF,
                segment: RxSegment {
                    ssn: Ssn(segment.ssn),
                    len: segment.payload.len() as u32,
                    ack: segment.ack.filter(|_| ack_ok).map(Ssn),
                    window: segment.window,
                    fin: segment.fin,
                    rst: segment.rst,
                },
                options: &options,
            },
        );
        self.tcp_input(side, &segment, &options);
    }

    /// TCP answers for a connection that is closed: without any option, as Linux does.
    fn time_wait(&mut self, side: usize) {
        let tcp = &self.hosts[side].tcp;
        let answer = Segment {
            ssn: tcp.nxt,
            ack: Some(tcp.rcv_nxt),
            window: 0,
            syn: false,
            fin: false,
            rst: false,
            payload: Vec::new(),
            options: Vec::new(),
        };
        self.carry(side, answer);
    }

    fn tcp_input(&mut self, side: usize, segment: &Segment, options: &Options) {
        if !self.hosts[side].tcp.open {
            return;
        }
        if segment.rst {
            return self.tcp_gone(side, Ending::Reset);
        }
        if let Some(ack) = segment.ack {
            if self.hosts[side].tcp.acked(ack, segment.window) {
                let una = Ssn(self.hosts[side].tcp.una);
                self.post(side, Event::SubflowAcked { sf: SF, una });
                self.push(side);
            }
        }
        let host = &mut self.hosts[side];
        let idsn = host.conn.as_ref().and_then(Connection::remote_idsn);
        let mapping = of_segment(options, idsn.unwrap_or_default());
        host.tcp.store(segment, mapping);
        while let Some((ssn, bytes, mapping)) = self.hosts[side].tcp.in_order() {
            if self.hosts[side].conn.is_none() {
                self.hosts[side].app.unread.extend(bytes);
                continue;
            }
            let payload = Bytes(bytes);
            self.post(
                side,
                Event::Data {
                    sf: SF,
                    ssn: Ssn(ssn),
                    payload,
                    mapping,
                },
            );
        }
        if self.hosts[side].tcp.fin_in_order() {
            if self.hosts[side].conn.is_none() {
                self.hosts[side].app.eof = true;
            }
            self.post(side, Event::SubflowFin { sf: SF });
        }
        if segment.span() > 0 {
            self.ack(side);
        }
        self.tcp_send(side);
        if self.hosts[side].tcp.finished() {
            self.tcp_gone(side, Ending::Clean);
        }
    }

    fn on_syn(&mut self, syn: &Segment) {
        let policy = self.policy();
        let options = parse(&syn.options, SegmentKind::Syn);
        let want = match answer_syn(&options) {
            SynAnswer::Plain => OptionSet::default(),
            SynAnswer::Capable(offer) => {
                self.offer = Some(offer);
                syn_ack_options(offer, policy, self.keys[1].key)
            }
        };
        if !self.hosts[1].started && want.is_empty() {
            self.offer = None;
            self.start_plain();
        }
        let window = self.hosts[1].free().min(65535);
        self.hosts[1].tcp.promised = self.hosts[1].tcp.promised.max(1 + window);
        let answer = Segment {
            ssn: 0,
            ack: Some(1),
            window,
            syn: true,
            fin: false,
            rst: false,
            payload: Vec::new(),
            options: self.handshake_options(&want),
        };
        self.carry(1, answer);
    }

    fn policy(&self) -> ListenPolicy {
        ListenPolicy {
            checksum: self.hosts[1].config.checksum,
            deny_join: self.hosts[1].config.deny_join,
        }
    }

    fn handshake_options(&self, want: &OptionSet) -> Vec<u8> {
        let existing = [
            2, 4, 5, 0xB4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7,
        ];
        let fitted = space::fit(&existing, want);
        fitted.area[..usize::from(fitted.len)].to_vec()
    }

    /// The passive side turns out to be plain TCP: no engine at all.
    fn start_plain(&mut self) {
        let window = 65535;
        let promised = self.hosts[1].tcp.promised;
        self.hosts[1].tcp = Tcp::established(window);
        self.hosts[1].tcp.promised = promised;
        self.hosts[1].started = true;
    }

    fn on_third_ack(&mut self, segment: &Segment) {
        let Some(offer) = self.offer else { return };
        // Only the segment at the start decides; others are too early.
        if segment.rst || segment.ssn != 1 || segment.ack != Some(1) {
            return;
        }
        let kind = SegmentKind::NonSyn {
            payload_len: segment.payload.len() as u32,
        };
        let options = parse(&segment.options, kind);
        let policy = self.policy();
        let local = self.keys[1];
        let now = self.at();
        match accept_third_ack::<HostSha256>(&options, offer, policy, local) {
            ThirdAck::Fallback => self.start_plain(),
            ThirdAck::Capable(open) => {
                let host = &mut self.hosts[1];
                let made =
                    Connection::passive(host.config, &open, segment.window, &host.shared, now);
                let Ok(conn) = made else { return };
                host.conn = Some(conn);
                host.tx = SubflowTx::passive(&open);
                let promised = host.tcp.promised;
                host.tcp = Tcp::established(segment.window);
                host.tcp.promised = promised;
                host.started = true;
                self.drain(1);
            }
        }
    }

    fn on_syn_ack(&mut self, segment: &Segment) {
        if self.hosts[0].started {
            return self.ack(0);
        }
        if self.hosts[0].syn_at.take().is_none() {
            return;
        }
        let options = parse(&segment.options, SegmentKind::SynAck);
        let answer = SynAckAnswer::read::<HostSha256>(&options);
        let host = &mut self.hosts[0];
        host.tcp = Tcp::established(segment.window);
        host.started = true;
        let plain_syns = host.plain_syns;
        self.post(
            0,
            Event::SynAck {
                sf: SF,
                answer,
                window: segment.window,
                plain_syns,
            },
        );
        self.ack(0);
    }

    fn send_syn(&mut self) {
        let host = &mut self.hosts[0];
        let segment = TxSegment {
            syn: true,
            syn_retransmits: host.syns,
            ..TxSegment::default()
        };
        let Stamp::Send(stamped) = host.tx.stamp(&segment, &host.shared) else {
            return;
        };
        host.syns += 1;
        if stamped.options.is_empty() {
            host.plain_syns += 1;
        }
        host.syn_at = Some(self.now + (1000 << host.syns.min(6)));
        let window = host.free().min(65535);
        host.tcp.promised = 1 + window;
        let syn = Segment {
            ssn: 0,
            ack: None,
            window,
            syn: true,
            fin: false,
            rst: false,
            payload: Vec::new(),
            options: self.handshake_options(&stamped.options),
        };
        self.carry(0, syn);
        if stamped.fell_back {
            self.post(0, Event::SynDropped { sf: SF });
        }
    }

    /// Lets a program do what it can now.
    fn run_app(&mut self, side: usize) {
        if !self.hosts[side].started {
            return;
        }
        if self.hosts[side]
            .app
            .abort_at
            .is_some_and(|at| at <= self.now)
        {
            self.hosts[side].app.abort_at = None;
            self.post(side, Event::Abort);
        }
        self.app_reads(side);
        self.app_writes(side);
        let app = &self.hosts[side].app;
        if app.is_done() && !app.shut {
            self.hosts[side].app.shut = true;
            if self.hosts[side].conn.is_some() {
                if self.hosts[side].app.hasty {
                    self.hosts[side].app.closed = true;
                    let unread = !self.hosts[side].app.unread.is_empty();
                    self.post(side, Event::Close { unread });
                } else {
                    self.post(side, Event::ShutdownWrite);
                }
            } else {
                self.hosts[side].tcp.fin_wanted = true;
                self.tcp_send(side);
            }
        }
        let app = &self.hosts[side].app;
        if app.shut && app.at_end() && !app.closed {
            self.hosts[side].app.closed = true;
            self.post(side, Event::Close { unread: false });
        }
    }

    fn app_reads(&mut self, side: usize) {
        let now = self.now;
        let app = &mut self.hosts[side].app;
        if app.unread.is_empty() || app.next_read > now {
            return;
        }
        let count = app.read.min(app.unread.len());
        let rest = app.unread.split_off(count);
        let got = core::mem::replace(&mut app.unread, rest);
        app.received.extend(got);
        app.next_read = now + app.read_every;
        let free = self.hosts[side].free();
        if self.hosts[side].conn.is_some() {
            self.post(side, Event::ReceiveSpace { free });
        } else if self.hosts[side].tcp.promised < self.hosts[side].tcp.rcv_nxt + 1000 {
            self.ack(side);
        }
    }

    fn app_writes(&mut self, side: usize) {
        let host = &mut self.hosts[side];
        let wants = host.app.wants();
        if wants <= host.app.written || host.app.shut {
            return;
        }
        if host.conn.is_none() {
            let from = host.app.written;
            for place in from..wants {
                host.tcp.sent.push(App::octet(side, place));
            }
            host.app.written = wants;
            return self.tcp_send(side);
        }
        if host
            .conn
            .as_ref()
            .is_some_and(|c| c.state() == ConnState::Close)
        {
            return;
        }
        let room = host
            .sndbuf
            .saturating_sub(host.app.written as u64 - host.released) as usize;
        let len = (wants - host.app.written).min(room).min(host.app.write);
        if len > 0 {
            host.app.written += len;
            self.post(side, Event::AppWrote { len: len as u32 });
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
