// SPDX-License-Identifier: GPL-2.0

//! A connection with the shell and the TCP that it needs around it.

use super::oracle::Oracle;
use super::payload::Places;
use super::trace;
use rust_mptcp::engine::{
    Action, ConnState, Connection, Ending, Event, Instant, KeyMaterial, Mode, Shared, SubflowId,
    SubflowTx,
};
use rust_mptcp::wire::keys::HostSha256;
use rust_mptcp::wire::{fit, parse, Dsn, Key, OptionSet, Options, SegmentKind, Ssn};

/// The subflow that there is.
pub const SF: SubflowId = SubflowId::FIRST;

pub fn our_key() -> KeyMaterial {
    KeyMaterial::derive::<HostSha256>(Key::new(0x1112_1314_1516_1718))
}

pub fn their_key() -> KeyMaterial {
    KeyMaterial::derive::<HostSha256>(Key::new(0x0102_0304_0506_0708))
}

/// Options as a peer reads them.
pub fn on_wire(set: &OptionSet, kind: SegmentKind) -> Options {
    let fitted = fit(&[], set);
    let options = parse(fitted.options(), kind);
    assert!(options.rejected.is_empty(), "{:?}", options.rejected);
    options
}

/// The number that TCP gives a place.
pub fn ssn(place: u64) -> Ssn {
    Ssn(place as u32)
}

/// The largest window that the peer promises beside a `DATA_ACK`.
pub const WINDOW: u32 = 10_000;

/// Octets that our TCP was handed.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    pub place: u64,
    pub dsn: Dsn,
    pub len: u32,
}

/// One side of a connection, whose peer is the fuzzer.
pub struct Host {
    pub shared: Shared,
    pub tx: SubflowTx,
    pub conn: Connection<Places>,
    pub oracle: Oracle,
    pub now: u64,
    /// The TCP connection of the subflow exists.
    pub is_alive: bool,
    /// Its handshake is complete.
    pub is_open: bool,
    /// It was told to send its FIN.
    pub fin_wanted: bool,
    /// The engine has asked for its end.
    pub reset_wanted: bool,
    /// The peer's FIN has come.
    pub peer_fin: bool,
    /// The next place of the peer's that our TCP delivers.
    pub place: u64,
    /// How far the peer's stream has come.
    pub peer_end: u64,
    /// The peer has said that it goes on as plain TCP, or may: it sends nothing twice nor ahead.
    pub is_peer_straight: bool,
    /// Our first place that the peer's TCP has not acknowledged, and the one after the last.
    pub una: u64,
    pub end: u64,
    pub sent: Vec<Sent>,
    /// The window that the peer promises now.
    pub peer_window: u32,
    /// The window of the handshake.
    pub window: u32,
    /// Octets that the program wrote; whether it still may.
    pub written: u64,
    pub writes: bool,
    pub app_closed: bool,
    trace: bool,
}

impl Host {
    pub fn new(shared: Shared, tx: SubflowTx, conn: Connection<Places>) -> Self {
        Self {
            shared,
            tx,
            conn,
            oracle: Oracle::default(),
            now: 0,
            is_alive: true,
            is_open: false,
            fin_wanted: false,
            reset_wanted: false,
            peer_fin: false,
            place: 1,
            peer_end: 0,
            is_peer_straight: false,
            una: 1,
            end: 1,
            sent: Vec::new(),
            peer_window: WINDOW,
            window: 0,
            written: 0,
            writes: true,
            app_closed: false,
            trace: trace::wanted(),
        }
    }

    pub fn instant(&self) -> Instant {
        Instant::from_millis(self.now)
    }

    /// A number of the peer's stream.
    pub fn their(&self, offset: u64) -> Dsn {
        let idsn = self.conn.remote_idsn();
        idsn.unwrap_or_default().advance(1 + offset)
    }

    pub fn is_plain(&self) -> bool {
        self.conn.mode() == Mode::Fallback
    }

    /// Whether segments come and go.
    pub fn is_connected(&self) -> bool {
        self.is_alive && self.is_open && !self.reset_wanted
    }

    /// Gives an event to the engine, does what it asks for, and checks both.
    pub fn post(&mut self, event: Event<'_, Places>) {
        if self.trace {
            trace::event(self.now, &self.conn, &event);
        }
        let now = self.instant();
        self.conn.handle(&self.shared, event, now);
        self.drain();
    }

    pub fn drain(&mut self) {
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
        self.oracle.check(&self.conn, &self.shared);
        self.oracle.check_ends(&self.conn, self.written);
        self.check_timer();
    }

    fn act(&mut self, action: Action<Places>) {
        if self.trace {
            eprintln!("    {action:?}");
        }
        let subflow = match &action {
            Action::Tell { sf, .. }
            | Action::ResetSubflow { sf }
            | Action::CloseSubflow { sf }
            | Action::SendAck { sf }
            | Action::DelayAck { sf }
            | Action::Push { sf } => Some(*sf),
            _ => None,
        };
        if let Some(sf) = subflow {
            assert_eq!(sf, SF);
            assert!(self.is_alive, "{action:?} for a subflow that is gone");
        }
        match action {
            Action::Tell { order, .. } => self.tx.apply(order),
            Action::ResetSubflow { .. } => self.reset_wanted = true,
            Action::CloseSubflow { .. } => self.fin_wanted = true,
            Action::FellBack(_) => {
                self.oracle.fell_back();
                self.nothing_is_out_twice();
            }
            Action::Deliver(payload) => {
                self.oracle.delivered(&payload);
            }
            Action::Release { una } => {
                let offset = una.distance_from(self.conn.first_dsn());
                let offset = u64::try_from(offset).expect("released before the start");
                assert!(offset <= self.written, "released what was never written");
                self.oracle.released(offset);
            }
            Action::Gone => {
                assert!(self.conn.is_gone());
                assert!(!core::mem::replace(&mut self.oracle.gone, true));
            }
            other => self.oracle.told(&other),
        }
    }

    /// Plain TCP has no place for copies: what the peer's TCP may still be missing is one piece.
    fn nothing_is_out_twice(&self) {
        let mut out = self
            .sent
            .iter()
            .filter(|sent| sent.place + u64::from(sent.len) > self.una);
        let Some(first) = out.next() else { return };
        let mut next = first.dsn.advance(u64::from(first.len));
        for sent in out {
            assert_eq!(sent.dsn, next, "plain TCP with a copy under way");
            next = next.advance(u64::from(sent.len));
        }
    }

    /// Something must move a connection on that waits for its peer.
    fn check_timer(&self) {
        let info = self.conn.info();
        let waits = info.snd_una.before(info.snd_nxt);
        let open = self.conn.state() != ConnState::Close && !self.is_plain();
        if waits && open && self.is_connected() {
            assert!(
                self.conn.next_timeout().is_some(),
                "nothing will send it again"
            );
        }
    }

    /// The TCP connection ends.
    pub fn closed(&mut self, ending: Ending) {
        if self.is_alive {
            self.is_alive = false;
            self.post(Event::SubflowClosed { sf: SF, ending });
        }
    }

    /// Closes what is still open: after that nothing may be left.
    pub fn end(&mut self) {
        if !self.app_closed {
            self.app_closed = true;
            self.post(Event::Close { unread: false });
        }
        let mut timeouts = 0;
        while self.conn.next_timeout().is_some() {
            self.timer();
            timeouts += 1;
            assert!(timeouts < 2_000, "timers for ever");
            if self.reset_wanted {
                self.closed(Ending::Local);
            }
        }
        self.closed(Ending::Local);
        assert!(self.conn.is_gone(), "not gone: {:?}", self.conn.state());
        assert!(self.oracle.gone);
        assert_eq!(self.conn.next_timeout(), None);
        self.oracle.ended();
    }
}
