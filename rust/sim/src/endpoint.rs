// SPDX-License-Identifier: GPL-2.0

//! One end of a connection: the engine, its subflows' TCPs, and the program above.
//!
//! What the shell is in the kernel: carries events in and actions out, and decides nothing.

mod arrivals;
mod departures;
mod handshake;
mod paths;
mod programs;

use self::arrivals::DELAYED_ACK;
pub use self::handshake::handshake_options;
pub use self::handshake::has_timestamps;
use crate::app::App;
use crate::app::Plan;
use crate::bytes::Bytes;
use crate::bytes::Handle;
use crate::bytes::Held;
use crate::bytes::Piece;
use crate::random::Random;
use crate::record::Record;
use crate::segment::Addr;
use crate::segment::Segment;
use crate::tcp::Phase;
use crate::tcp::Tcp;
use crate::tcp::MILLI;
use rust_mptcp::engine::path_manager::Policy;
use rust_mptcp::engine::Action;
use rust_mptcp::engine::Config;
use rust_mptcp::engine::ConnState;
use rust_mptcp::engine::Connection;
use rust_mptcp::engine::Duration;
use rust_mptcp::engine::Ending;
use rust_mptcp::engine::Event;
use rust_mptcp::engine::Instant;
use rust_mptcp::engine::Order;
use rust_mptcp::engine::PathEvent;
use rust_mptcp::engine::Shared;
use rust_mptcp::engine::SubflowId;
use rust_mptcp::engine::SubflowTx;
use rust_mptcp::engine::Transmit;
use rust_mptcp::wire::Dsn;
use rust_mptcp::wire::Ssn;
use std::rc::Rc;

/// What a host gives its connections.
#[derive(Clone, Copy, Debug)]
pub struct HostConfig {
    /// For the engine.
    pub engine: Config,
    /// Octets of receive and send buffer.
    pub receive_buffer: u64,
    /// Octets of send buffer.
    pub send_buffer: u64,
    /// Octets that the TCP of a subflow takes ahead of the peer's acknowledgements.
    pub tcp_buffer: u32,
    /// Octets of payload in a segment at most.
    pub mss: u32,
    /// Octets that TCP sends as one, to be cut into segments behind the options.
    pub gso: u32,
    /// What a received octet takes of the buffer beside itself, in percent.
    pub overhead: u64,
    /// How often, in percent, TCP takes less than it is offered.
    pub shy: u64,
    /// How often, in percent, a segment reaches over a jump in the stream, so that its stamp cuts it.
    pub reaches: u64,
    /// How often, in percent, a new segment does not get out of the host.
    pub stuck: u64,
    /// Acknowledge every other segment, or after 40 ms.
    pub delayed_acks: bool,
}

/// What a host lends to an endpoint while that handles something.
pub struct Env<'a> {
    /// Microseconds.
    pub now: u64,
    /// Chance.
    pub rng: &'a mut Random,
    /// Segments to be sent.
    pub out: &'a mut Vec<Segment>,
    /// What drains have still to do: a stack, each on top of the one that led to it.
    pub errands: &'a mut Vec<Errand>,
    /// The first rule that was broken.
    pub fault: &'a mut Option<String>,
}

impl Env<'_> {
    /// The time as engines know it.
    pub fn instant(&self) -> Instant {
        Instant::from_millis(self.now / MILLI)
    }

    /// Notes that a rule is broken.
    ///
    /// Apart from the code that tests it: what runs for each segment should fit the processor's cache.
    #[cold]
    #[inline(never)]
    pub fn blame(&mut self, what: impl FnOnce() -> String) {
        if self.fault.is_none() {
            *self.fault = Some(what());
        }
    }

    /// Notes that a rule is broken unless it holds.
    #[inline(always)]
    pub fn require(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.blame(what);
        }
    }
}

/// What an engine has asked for on a subflow.
#[derive(Clone, Copy, Debug)]
pub enum Errand {
    /// To tell it what to say.
    Tell(SubflowId, Order),
    /// To reset it.
    Reset(SubflowId),
    /// To have it send a FIN.
    Close(SubflowId),
    /// To have it send an acknowledgement.
    Ack(SubflowId),
    /// To have it acknowledge before long.
    LateAck(SubflowId),
    /// To offer it what is to be sent.
    Push(SubflowId),
    /// Nothing any more: the engine is done.
    Gone,
}

/// One subflow: its TCP and what stamps its segments.
pub struct Flow {
    /// Its name in the engine.
    pub id: SubflowId,
    /// Our address.
    pub local: Addr,
    /// The peer's, as far as we can see.
    pub remote: Addr,
    /// Our initial sequence number.
    pub local_isn: u32,
    /// The peer's.
    pub remote_isn: u32,
    /// The options of what we send.
    pub tx: SubflowTx,
    /// TCP.
    pub tcp: Tcp,
    /// TCP timestamps are in use.
    pub timestamps: bool,
    /// The timestamp to echo.
    pub echo: u32,
    /// SYNs sent, and how many of them without `MP_CAPABLE`.
    pub syns: (u8, u8),
    /// When the SYN goes out again.
    pub syn_at: Option<u64>,
    /// When a segment that was stuck in the host is tried again.
    pub retry_at: Option<u64>,
    /// When TCP has room again after it took less than it was offered.
    pub room_at: Option<u64>,
    /// When a segment that is out of place is answered again.
    pub challenge_at: u64,
    /// The end of what was last handed to TCP.
    pub handed: u64,
    /// When plain TCP that no program holds stops waiting for the peer's FIN.
    pub orphan_at: Option<u64>,
}

impl Flow {
    /// A subflow from `local` to `remote`.
    pub fn new(id: SubflowId, local: Addr, remote: Addr, tx: SubflowTx, tcp: Tcp) -> Self {
        Self {
            id,
            local,
            remote,
            local_isn: 0,
            remote_isn: 0,
            tx,
            tcp,
            timestamps: true,
            echo: 0,
            syns: (0, 0),
            syn_at: None,
            retry_at: None,
            room_at: None,
            challenge_at: 0,
            handed: 0,
            orphan_at: None,
        }
    }
}

/// One end of a connection.
pub struct Endpoint {
    /// 0 for the client, 1 for the server.
    pub side: u8,
    /// The number of the connection in the simulation.
    pub tag: u32,
    /// The engine; without one this is plain TCP, or over.
    pub conn: Option<Connection<Handle>>,
    /// The words that segments are stamped from.
    pub shared: Shared,
    /// The subflows.
    pub flows: Vec<Flow>,
    /// The program.
    pub app: App,
    /// What the host gives it.
    pub host: HostConfig,
    /// What was seen of it, for the oracles.
    pub record: Record,
    /// What its engine holds.
    pub held: Rc<Held>,
    /// Its path manager, and what that is still to hear.
    pub policy: Option<Box<Policy>>,
    /// That.
    pub path_events: Vec<PathEvent>,
    /// There is one, or will be.
    pub managed: bool,
    /// When the world has been told to wake it.
    pub wake_at: Option<u64>,
    /// The program is at work: it is not entered again.
    busy: bool,
}

impl Endpoint {
    /// An end without engine and subflow.
    pub fn new(side: u8, tag: u32, host: HostConfig, plan: Plan) -> Self {
        Self {
            side,
            tag,
            conn: None,
            shared: Shared::new(),
            // Nearly all have one.
            flows: Vec::with_capacity(1),
            app: App::new(plan),
            host,
            record: Record::default(),
            held: Rc::new(Held::default()),
            policy: None,
            path_events: Vec::new(),
            managed: false,
            wake_at: None,
            busy: false,
        }
    }

    /// Octets free in the receive buffer.
    pub fn free(&self) -> u32 {
        let taken = self.app.unread * (100 + self.host.overhead) / 100;
        let free = self.host.receive_buffer.saturating_sub(taken);
        u32::try_from(free).unwrap_or(u32::MAX).min(65535 << 7)
    }

    /// What the window of plain TCP grows by at least: a segment, or half of the buffer.
    pub fn step(&self, flow: usize) -> u32 {
        let half = u32::try_from(self.host.receive_buffer / 2).unwrap_or(u32::MAX);
        self.flows[flow].tcp.mss.min(half)
    }

    /// Gives an event to the engine and does what it asks for.
    pub fn post(&mut self, env: &mut Env<'_>, event: Event<'_, Handle>) {
        let now = env.instant();
        if let Some(conn) = self.conn.as_mut() {
            conn.handle(&self.shared, event, now);
            self.drain(env);
        }
    }

    /// Does what the engine asks for: at once what concerns this end alone, and once the engine has
    /// said everything what leads to further events.
    pub fn drain(&mut self, env: &mut Env<'_>) {
        let base = env.errands.len();
        let mut count = 0;
        while let Some(conn) = self.conn.as_mut().filter(|conn| !conn.is_quiet()) {
            let Some(action) = conn.poll_action(&self.shared) else {
                break;
            };
            count += 1;
            if count > 20_000 {
                return env.blame(|| "a drain that does not end".into());
            }
            self.act_here(env, action);
        }
        for at in base..env.errands.len() {
            let errand = env.errands[at];
            self.act_on(env, errand);
        }
        env.errands.truncate(base);
    }

    /// Does what concerns this end alone; notes what is for a subflow, and that it is over.
    fn act_here(&mut self, env: &mut Env<'_>, action: Action<Handle>) {
        match action {
            Action::Count(counter, amount) => self.record.count(counter, amount),
            Action::Deliver(handle) => self.deliver(env, handle.bytes()),
            Action::Release { una } => self.release(env, una),
            Action::State(state) => self.record.state = Some(state),
            Action::FellBack(reason) => {
                let again = self.record.fell_back.replace(reason).is_some();
                env.require(!again, || "fell back twice".into());
            }
            Action::ReceiveShut => self.app.eof = true,
            Action::Error(error) => self.record.error = Some(error),
            Action::Tell { sf, order } => env.errands.push(Errand::Tell(sf, order)),
            Action::ResetSubflow { sf } => env.errands.push(Errand::Reset(sf)),
            Action::CloseSubflow { sf } => env.errands.push(Errand::Close(sf)),
            Action::SendAck { sf } => env.errands.push(Errand::Ack(sf)),
            Action::DelayAck { sf } => env.errands.push(Errand::LateAck(sf)),
            Action::Push { sf } => env.errands.push(Errand::Push(sf)),
            Action::Gone => env.errands.push(Errand::Gone),
            Action::Path(event) => self.note_path(env, event),
            Action::SendShut
            | Action::Blackhole
            | Action::PathIsCapable
            | Action::WakeReader
            | Action::WakeWriter
            | Action::TokenReleased => {}
        }
    }

    fn act_on(&mut self, env: &mut Env<'_>, errand: Errand) {
        let sf = match errand {
            Errand::Gone => return self.go(env),
            Errand::Tell(sf, _)
            | Errand::Reset(sf)
            | Errand::Close(sf)
            | Errand::Ack(sf)
            | Errand::LateAck(sf)
            | Errand::Push(sf) => sf,
        };
        let Some(flow) = self.flow_of(sf) else {
            return;
        };
        let phase = self.flows[flow].tcp.phase;
        if matches!(errand, Errand::Ack(_) | Errand::LateAck(_)) {
            env.require(phase != Phase::SynSent, || {
                format!("{sf:?} is to acknowledge before its SYN is answered")
            });
        }
        match errand {
            Errand::Tell(_, order) => self.flows[flow].tx.apply(order),
            Errand::Reset(_) => {
                self.record.resets += 1;
                self.reset(env, flow);
            }
            Errand::Close(_) => {
                self.flows[flow].tcp.shut();
                self.tcp_send(env, flow);
            }
            Errand::Ack(_) => self.ack(env, flow),
            Errand::LateAck(_) if phase == Phase::Open => {
                let rx = &mut self.flows[flow].tcp.rx;
                rx.ack_at.get_or_insert(env.now + DELAYED_ACK);
            }
            Errand::Push(_) => self.push(env, flow),
            Errand::LateAck(_) | Errand::Gone => {}
        }
    }

    fn release(&mut self, env: &mut Env<'_>, una: Dsn) {
        let first = self.conn.as_ref().map_or(una, Connection::first_dsn);
        let released = una.checked_distance_from(first).unwrap_or(u64::MAX);
        let fine = released >= self.record.released && released <= self.app.written;
        let was = core::mem::replace(&mut self.record.released, released);
        env.require(fine, || format!("released up to {released} after {was}"));
        self.app.progress_at = env.now;
    }

    fn flow_of(&self, sf: SubflowId) -> Option<usize> {
        self.flows.iter().position(|flow| flow.id == sf)
    }

    /// The engine is done: it must not hold anything any more.
    fn go(&mut self, env: &mut Env<'_>) {
        let timer = self.conn.as_ref().and_then(Connection::next_timeout);
        env.require(timer.is_none(), || "gone with a timer running".into());
        let handles = self.held.handles.get();
        env.require(handles == 0, || format!("gone with {handles} handles"));
        self.conn = None;
        self.record.gone = true;
        env.require(!self.flows.iter().any(|f| f.tcp.is_open()), || {
            "gone with a subflow open".into()
        });
    }

    /// Octets for the program.
    fn deliver(&mut self, env: &mut Env<'_>, bytes: &Bytes) {
        for piece in bytes.pieces() {
            let expected = self.record.delivered;
            let right = piece.source == 1 - self.side && piece.place == expected && piece.flip == 0;
            if !right {
                self.record.wrong = true;
                // Who guesses right before the first DATA_ACK makes one side plain TCP (RFC 8684 3.7).
                let fooled = self.record.attacked && self.shared.is_fallback();
                env.require(self.record.altered || fooled, || {
                    format!("a wrong octet at {expected}: {piece:?}")
                });
            }
            self.record.delivered += u64::from(piece.len);
        }
        let last = core::mem::replace(&mut self.record.delivered_at, env.now);
        if last > 0 {
            self.record.longest_gap = self.record.longest_gap.max(env.now - last);
        }
        self.app.unread += u64::from(bytes.len());
        self.app.progress_at = env.now;
    }

    /// Tells the engine that the TCP connection of a subflow is no more.
    fn tcp_gone(&mut self, env: &mut Env<'_>, flow: usize, ending: Ending, phase: Phase) {
        let Flow { id: sf, tcp, .. } = &mut self.flows[flow];
        if matches!(tcp.phase, Phase::Open | Phase::SynSent) {
            let sf = *sf;
            tcp.die(phase);
            self.flows[flow].syn_at = None;
            self.flows[flow].retry_at = None;
            self.flows[flow].room_at = None;
            self.flows[flow].orphan_at = None;
            if self.conn.is_none() && ending != Ending::Clean {
                self.app.closed = true;
                self.record.cut = true;
            }
            self.post(env, Event::SubflowClosed { sf, ending });
        }
    }

    /// Hands over what the engine offers.
    pub fn push(&mut self, env: &mut Env<'_>, flow: usize) {
        loop {
            let tcp = &self.flows[flow].tcp;
            let (room, sf) = (tcp.room(), self.flows[flow].id);
            let Some(conn) = self.conn.as_mut() else {
                break;
            };
            // Among several subflows the engine wants to know who has no room.
            if !tcp.takes() || (room == 0 && !conn.wants_measurements()) {
                break;
            }
            let offer = conn.poll_transmit(&self.shared, sf, room, env.instant());
            let Some(transmit) = offer else {
                // It may be the turn of another subflow.
                self.drain(env);
                break;
            };
            if transmit.infinite {
                // Falling back was part of the choice.
                self.drain(env);
            }
            let taken = self.hand_over(env, flow, &transmit);
            if taken == 0 {
                break;
            }
        }
        self.tcp_send(env, flow);
    }

    /// Hands an offered range to TCP, or as much of it as that takes.
    fn hand_over(&mut self, env: &mut Env<'_>, flow: usize, transmit: &Transmit) -> u32 {
        let ssn = self.flows[flow].tcp.end;
        let noted = self.flows[flow].tx.record_run(ssn, transmit).is_ok();
        let mut len = if noted { transmit.len } else { 0 };
        if env.rng.percent(self.host.shy) {
            self.flows[flow].room_at = Some(env.now + MILLI);
            len = env.rng.below(u64::from(len) + 1) as u32;
        }
        let first = self.conn.as_ref().map(Connection::first_dsn);
        let place = first.and_then(|first| transmit.dsn.checked_distance_from(first));
        let place = place.unwrap_or(u64::MAX >> 1);
        let piece = Piece::new(self.side, place, len);
        let end = place + u64::from(len);
        env.require(end <= self.app.written, || {
            format!("sends what nobody wrote: {transmit:?}")
        });
        let jump = core::mem::replace(&mut self.flows[flow].handed, end) != place;
        self.flows[flow]
            .tcp
            .write(piece, jump && !env.rng.percent(self.host.reaches));
        let rto = Duration::from_millis(self.flows[flow].tcp.rto() / MILLI);
        // TCP may send at once, before the engine hears what it took.
        self.tcp_send(env, flow);
        let report = Event::Transmitted {
            sf: self.flows[flow].id,
            dsn: transmit.dsn,
            len,
            ssn,
            rto,
        };
        self.post(env, report);
        len
    }

    /// When something happens by itself next.
    pub fn next_time(&self) -> Option<u64> {
        let engine = self.conn.as_ref().and_then(Connection::next_timeout);
        let mut next = self.app.next_time();
        next = next.min(engine.map_or(u64::MAX, |at| at.as_millis() * MILLI));
        let mut consider = |at: Option<u64>| next = next.min(at.unwrap_or(u64::MAX));
        for flow in &self.flows {
            consider(flow.tcp.rto_at);
            consider(flow.tcp.rx.ack_at);
            consider(flow.syn_at);
            consider(flow.retry_at);
            consider(flow.room_at);
            consider(flow.orphan_at);
        }
        (next != u64::MAX).then_some(next)
    }

    /// Does what is due.
    pub fn wake(&mut self, env: &mut Env<'_>) {
        self.record.causes += 1;
        for flow in 0..self.flows.len() {
            self.wake_flow(env, flow);
        }
        let due = |conn: &Connection<Handle>| conn.next_timeout();
        if let Some(at) = self.conn.as_ref().and_then(due) {
            if at <= env.instant() {
                self.record.timer(env);
                self.post(env, Event::Timer);
                let next = self.conn.as_ref().and_then(due);
                env.require(next.is_none_or(|next| next > env.instant()), || {
                    "a timer that is due again at once".into()
                });
            }
        }
    }

    fn wake_flow(&mut self, env: &mut Env<'_>, flow: usize) {
        let now = env.now;
        let Flow { tcp, syn_at, .. } = &mut self.flows[flow];
        let syn_due = syn_at.is_some_and(|at| at <= now);
        let rto_due = tcp.rto_at.is_some_and(|at| at <= now);
        let ack_due = tcp.rx.ack_at.is_some_and(|at| at <= now);
        if syn_due {
            return self.send_syn(env, flow);
        }
        if rto_due {
            return self.tcp_timeout(env, flow);
        }
        if self.flows[flow].orphan_at.is_some_and(|at| at <= now) {
            return self.tcp_gone(env, flow, Ending::TimedOut, Phase::Dead);
        }
        if ack_due {
            self.ack(env, flow);
        }
        let retry_at = &mut self.flows[flow].retry_at;
        if retry_at.is_some_and(|at| at <= now) {
            *retry_at = None;
            self.tcp_send(env, flow);
        }
        let room_at = &mut self.flows[flow].room_at;
        if room_at.is_some_and(|at| at <= now) {
            *room_at = None;
            self.push(env, flow);
        }
    }

    /// The place of a peer's sequence number on a subflow.
    pub fn remote_ssn(&self, flow: usize, seq: u32) -> Ssn {
        Ssn::from_tcp(seq, self.flows[flow].remote_isn)
    }

    /// Whether it is over: the engine is gone, or plain TCP has ended.
    pub fn is_over(&self) -> bool {
        if self.record.engine {
            return self.record.gone;
        }
        let open = |flow: &Flow| matches!(flow.tcp.phase, Phase::Open | Phase::SynSent);
        !self.flows.iter().any(open)
    }

    /// Whether the engine has reached its last state.
    pub fn is_closed(&self) -> bool {
        self.record.gone
            || self
                .conn
                .as_ref()
                .is_none_or(|conn| conn.state() == ConnState::Close)
    }
}
