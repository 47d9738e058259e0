// SPDX-License-Identifier: GPL-2.0

//! Target `paths`: a connection over several subflows. The peer tells the truth about its data and has the keys, mostly;
//! paths, addresses and time do as the octets say.
//!
//! So everything can be demanded: no octet is wrong, late or twice, nobody gets in without the right proof, nothing falls
//! back, no action is for a subflow that is gone, and at the end nothing is left.

mod join;
mod peer;
mod send;

use super::engine::host::{on_wire, our_key, their_key, Sent, WINDOW};
use super::engine::oracle::Oracle;
use super::engine::payload::Places;
use super::engine::trace;
use super::input::Input;
use rust_mptcp::engine::initiate::{accept_third_ack, ListenPolicy, SynOffer, ThirdAck};
use rust_mptcp::engine::initiate::{answer_syn, SynAnswer};
use rust_mptcp::engine::mem::refuse;
use rust_mptcp::engine::{
    Action, Config, Connection, Ending, Event, Instant, Mode, PathEvent, SchedulerKind, Shared,
    SubflowId, SubflowTx,
};
use rust_mptcp::wire::keys::HostSha256;
use rust_mptcp::wire::{Capable, CapableFlags, Nonce, OptionSet, SegmentKind, VERSION};

/// Subflows that there are at once.
const FLOWS: usize = 8;

/// Runs one connection over several subflows to its end.
pub fn paths(octets: &[u8]) {
    refuse::nothing();
    let mut input = Input::new(octets);
    let mut world = World::open(&mut input);
    // A peer that was never heard may be plain TCP.
    while !input.is_empty() && world.conn.mode() != Mode::Fallback {
        world.step(&mut input);
    }
    refuse::nothing();
    world.end();
}

/// How far the handshake of a subflow has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Our SYN is out.
    Opening,
    /// TCP carries data.
    Open,
    /// The engine wants it reset.
    Reset,
}

/// One subflow and its TCP.
struct Flow {
    sf: SubflowId,
    tx: SubflowTx,
    phase: Phase,
    /// Our random number, while it is being joined by us.
    nonce: Nonce,
    /// Somebody gave a wrong proof: it must never be established.
    is_unproved: bool,
    /// We were told to send FIN, and the peer has sent its own.
    fin_wanted: bool,
    peer_fin: bool,
    /// The next place of the peer's; subflows have places of their own.
    place: u64,
    una: u64,
    end: u64,
    sent: Vec<Sent>,
}

impl Flow {
    fn new(sf: SubflowId, tx: SubflowTx, phase: Phase) -> Self {
        let first = u64::from(sf.0) << 32 | 1;
        Self {
            sf,
            tx,
            phase,
            nonce: Nonce::new(0),
            is_unproved: false,
            fin_wanted: false,
            peer_fin: false,
            place: first,
            una: first,
            end: first,
            sent: Vec::new(),
        }
    }
}

/// One side of a connection, whose peer is the fuzzer.
struct World {
    shared: Shared,
    conn: Connection<Places>,
    oracle: Oracle,
    now: u64,
    flows: Vec<Flow>,
    /// Subflows that were established, beside the first.
    joined: Vec<SubflowId>,
    closed: Vec<SubflowId>,
    /// How far the peer's stream has come, and whether it has ended.
    peer_end: u64,
    /// What was sent ahead included.
    peer_most: u64,
    peer_shut: bool,
    /// How far the peer's window reaches in our stream.
    edge: u64,
    written: u64,
    writes: bool,
    app_closed: bool,
    /// A scheduler gives each byte to all subflows.
    copies: bool,
    /// An option has come through.
    verified: bool,
    trace: bool,
}

impl World {
    /// A connection that the peer has opened.
    fn open(input: &mut Input<'_>) -> Self {
        let config = Config {
            checksum: input.flag(),
            ..Config::default()
        };
        let policy = ListenPolicy {
            checksum: config.checksum,
            deny_join: false,
        };
        let (offer, flags) = offer();
        let option = Capable::Ack {
            flags,
            sender: their_key().key,
            receiver: our_key().key,
        };
        let third = on_wire(&option.into(), SegmentKind::NonSyn { payload_len: 0 });
        let ThirdAck::Capable(open) =
            accept_third_ack::<HostSha256>(&third, offer, policy, our_key())
        else {
            unreachable!("the keys are right");
        };
        let shared = Shared::new();
        let made = Connection::passive(config, &open, WINDOW, 0, &shared, Instant::default());
        let Ok(conn) = made else {
            unreachable!("nothing is refused yet");
        };
        let first = Flow::new(SubflowId::FIRST, SubflowTx::passive(&open), Phase::Open);
        let mut world = Self {
            shared,
            conn,
            oracle: Oracle::default(),
            now: 0,
            flows: vec![first],
            joined: Vec::new(),
            closed: Vec::new(),
            peer_end: 0,
            peer_most: 0,
            peer_shut: false,
            edge: u64::from(WINDOW),
            written: 0,
            writes: true,
            app_closed: false,
            copies: false,
            verified: false,
            trace: trace::wanted(),
        };
        world.drain();
        world.post(Event::ReceiveSpace { free: 1 << 20 });
        world
    }

    fn step(&mut self, input: &mut Input<'_>) {
        let choice = input.u8() % 32;
        let index = usize::from(input.u8()) % self.flows.len().max(1);
        match choice {
            27 => return self.timer(),
            28 => return self.program(input),
            29 => return refuse::nth(u64::from(input.u8() & 7)),
            30 | 31 => return self.write(input),
            _ if self.flows.is_empty() => return,
            _ => {}
        }
        match choice {
            0..=5 => self.data(index, input),
            6 | 7 => self.acknowledge(index, input),
            8..=11 => self.hand_over(index, input),
            12 | 13 => self.send(index, input),
            14 | 15 => self.join(input),
            16 => self.answer(index, input),
            17 => self.be_joined(input),
            18 | 19 => self.peer_says(index, input),
            20 => self.say(index, input),
            21 | 22 => self.path(index, input),
            23 => self.die(index, input),
            24 => self.peer_ends(index),
            25 => self.close_flow(index),
            _ => self.data_fin(index),
        }
    }

    fn instant(&self) -> Instant {
        Instant::from_millis(self.now)
    }

    fn at(&self, sf: SubflowId) -> usize {
        let found = self.flows.iter().position(|flow| flow.sf == sf);
        found.unwrap_or_else(|| panic!("{sf:?} is gone"))
    }

    /// Whether segments come and go on a subflow.
    fn is_open(&self, index: usize) -> bool {
        let flow = self.flows.get(index);
        flow.is_some_and(|flow| flow.phase == Phase::Open)
    }

    fn post(&mut self, event: Event<'_, Places>) {
        if self.trace {
            trace::event(self.now, &self.conn, &event);
        }
        let now = self.instant();
        self.conn.handle(&self.shared, event, now);
        self.drain();
    }

    fn drain(&mut self) {
        let mut steps = 0_u32;
        loop {
            let quiet = self.conn.is_quiet();
            let Some(action) = self.conn.poll_action(&self.shared) else {
                break;
            };
            assert!(!quiet, "quiet, and yet {action:?}");
            steps += 1;
            assert!(steps < 20_000, "a drain that does not end");
            self.act(action);
        }
        self.verified |= self.conn.mode() == Mode::Verified;
        self.oracle.check(&self.conn, &self.shared);
        self.oracle.check_ends(&self.conn, self.written);
    }

    fn act(&mut self, action: Action<Places>) {
        if self.trace {
            eprintln!("    {action:?}");
        }
        match action {
            Action::Tell { sf, order } => {
                let at = self.at(sf);
                self.flows[at].tx.apply(order);
            }
            Action::ResetSubflow { sf } => {
                let at = self.at(sf);
                self.flows[at].phase = Phase::Reset;
            }
            Action::CloseSubflow { sf } => {
                let at = self.at(sf);
                self.flows[at].fin_wanted = true;
            }
            Action::SendAck { sf } | Action::DelayAck { sf } | Action::Push { sf } => {
                self.at(sf);
            }
            Action::FellBack(why) => {
                assert!(!self.verified, "fell back for no reason: {why:?}");
                self.oracle.fell_back();
            }
            Action::Deliver(payload) => self.oracle.delivered(&payload),
            Action::Release { una } => {
                let offset = una.distance_from(self.conn.first_dsn());
                let offset = u64::try_from(offset).expect("released before the start");
                assert!(offset <= self.written, "released what was never written");
                self.oracle.released(offset);
            }
            Action::Path(event) => self.note(&event),
            Action::Gone => {
                assert!(self.conn.is_gone());
                assert!(!core::mem::replace(&mut self.oracle.gone, true));
            }
            other => self.oracle.told(&other),
        }
    }

    /// What a path manager is told makes sense.
    fn note(&mut self, event: &PathEvent) {
        match *event {
            PathEvent::SubflowEstablished { sf } => {
                // One that we were asked to take in is not in the list yet.
                let flow = self.flows.iter().find(|flow| flow.sf == sf);
                let unproved = flow.is_some_and(|flow| flow.is_unproved);
                assert!(!unproved, "{sf:?} without the right proof");
                assert!(!self.joined.contains(&sf), "{sf:?} joined twice");
                self.joined.push(sf);
            }
            PathEvent::SubflowClosed {
                sf, established, ..
            } => {
                assert!(!self.closed.contains(&sf), "{sf:?} closed twice");
                self.closed.push(sf);
                let joined = sf == SubflowId::FIRST || self.joined.contains(&sf);
                assert_eq!(joined, established, "{sf:?}");
            }
            _ => {}
        }
    }

    /// TCP is done with a subflow.
    fn gone(&mut self, index: usize, ending: Ending) {
        let sf = self.flows[index].sf;
        self.post(Event::SubflowClosed { sf, ending });
        let at = self.at(sf);
        self.flows.remove(at);
    }

    fn timer(&mut self) {
        if let Some(at) = self.conn.next_timeout() {
            self.now = self.now.max(at.as_millis());
            self.post(Event::Timer);
            let next = self.conn.next_timeout();
            assert!(next.is_none_or(|next| next > at), "a timer storm");
        }
    }

    fn write(&mut self, input: &mut Input<'_>) {
        let len = 1 + u32::from(input.u8()) * 8;
        if self.writes {
            self.written += u64::from(len);
            self.post(Event::AppWrote { len });
        }
    }

    fn program(&mut self, input: &mut Input<'_>) {
        let choice = input.u8();
        match choice & 7 {
            0 => {
                let kind = SchedulerKind::ALL[usize::from(choice >> 3) % 5];
                self.copies |= kind == SchedulerKind::Redundant;
                self.conn.set_scheduler(kind);
            }
            1 | 2 if !self.app_closed => {
                self.writes = false;
                self.post(Event::ShutdownWrite);
            }
            3 if !self.app_closed && choice & 0x80 != 0 => {
                self.writes = false;
                self.app_closed = true;
                self.post(Event::Close { unread: false });
            }
            _ => self.post(Event::ReceiveSpace { free: 1 << 20 }),
        }
    }

    /// Closes what is still open: after that nothing may be left.
    fn end(&mut self) {
        if !self.app_closed {
            self.app_closed = true;
            self.writes = false;
            self.post(Event::Close { unread: false });
        }
        let mut timeouts = 0;
        while self.conn.next_timeout().is_some() {
            self.timer();
            timeouts += 1;
            assert!(timeouts < 4_000, "timers for ever");
            self.bury();
        }
        while !self.flows.is_empty() {
            self.gone(0, Ending::Local);
        }
        assert!(self.conn.is_gone(), "not gone: {:?}", self.conn.state());
        assert!(self.oracle.gone);
        assert_eq!(self.conn.next_timeout(), None);
        assert_eq!(self.conn.info().extra_subflows, 0);
        self.oracle.ended();
    }

    /// Ends the TCP of those that are to be reset.
    fn bury(&mut self) {
        let is_dead = |flow: &Flow| flow.phase == Phase::Reset;
        while let Some(index) = self.flows.iter().position(is_dead) {
            self.gone(index, Ending::Local);
        }
    }
}

fn offer() -> (SynOffer, CapableFlags) {
    let flags = CapableFlags::default();
    let version = VERSION;
    let syn = OptionSet::from(Capable::Syn { version, flags });
    match answer_syn(&on_wire(&syn, SegmentKind::Syn)) {
        SynAnswer::Capable(offer) => (offer, flags),
        _ => unreachable!("a SYN that offers MPTCP"),
    }
}
