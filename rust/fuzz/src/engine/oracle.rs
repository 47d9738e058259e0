// SPDX-License-Identifier: GPL-2.0

//! What must hold, whatever a peer does.

use super::payload::Places;
use rust_mptcp::engine::{Action, ConnState, Connection, Info, Mib, Payload, Shared};
use rust_mptcp::wire::Dsn;
use std::collections::BTreeMap;

/// Intervals of numbers, none of which may come twice.
#[derive(Default)]
pub struct Once(BTreeMap<u64, u64>);

impl Once {
    pub fn add(&mut self, start: u64, len: u32, what: &str) {
        let end = start + u64::from(len);
        let before = self.0.range(..end).next_back();
        assert!(
            before.is_none_or(|(_, until)| *until <= start),
            "{what} {start} twice"
        );
        self.0.insert(start, end);
    }
}

/// Remembers what was told.
pub struct Oracle {
    /// The peer has not lied, so that its stream must come out as it went in.
    pub honest: bool,
    pub gone: bool,
    fell_back: bool,
    receive_shut: bool,
    state: ConnState,
    delivered: Once,
    octets: u64,
    /// Where an honest peer's `DATA_FIN` put the end of its stream.
    peer_fin: Option<u64>,
    /// Where in the peer's stream an honest one put the places that it sent.
    offsets: BTreeMap<u64, (u64, u32)>,
    released: u64,
    current: i32,
    last: Option<(Info, Dsn, Dsn)>,
    /// Offsets of our stream that TCP took as new.
    pub taken: Once,
    pub taken_end: u64,
}

impl Default for Oracle {
    fn default() -> Self {
        Self {
            honest: true,
            gone: false,
            fell_back: false,
            receive_shut: false,
            state: ConnState::SynSent,
            delivered: Once::default(),
            octets: 0,
            peer_fin: None,
            offsets: BTreeMap::new(),
            released: 0,
            current: 0,
            last: None,
            taken: Once::default(),
            taken_end: 0,
        }
    }
}

/// How far a state is from the beginning.
fn rank(state: ConnState) -> u8 {
    match state {
        ConnState::SynSent => 0,
        ConnState::Established => 1,
        ConnState::FinWait1 | ConnState::CloseWait => 2,
        ConnState::FinWait2 | ConnState::Closing | ConnState::LastAck => 3,
        ConnState::Close => 4,
    }
}

impl Oracle {
    pub fn fell_back(&mut self) {
        assert!(
            !core::mem::replace(&mut self.fell_back, true),
            "fell back twice"
        );
    }

    pub fn released(&mut self, offset: u64) {
        assert!(offset >= self.released, "released backwards");
        self.released = offset;
    }

    /// An honest peer sent `len` octets from `offset` on at `place`.
    pub fn sent_by_peer(&mut self, place: u64, offset: u64, len: u32) {
        let beyond = |fin| offset + u64::from(len) > fin;
        self.honest &= !self.peer_fin.is_some_and(beyond);
        self.offsets.insert(place, (offset, len));
    }

    /// An honest peer said `DATA_FIN` behind all of its bytes.
    pub fn ended_by_peer(&mut self, offset: u64) {
        self.peer_fin = self.peer_fin.or(Some(offset));
    }

    pub fn told(&mut self, action: &Action<Places>) {
        match action {
            Action::State(state) => {
                assert!(
                    rank(*state) > rank(self.state),
                    "{:?} to {state:?}",
                    self.state
                );
                self.state = *state;
            }
            Action::Count(Mib::MPCurrEstab, amount) => {
                self.current += amount;
                assert!((0..=1).contains(&self.current));
            }
            Action::Count(_, amount) => assert!(*amount > 0),
            Action::ReceiveShut => self.receive_shut = true,
            _ => {}
        }
    }

    /// Bytes for the reader: each once, none after the end, and in the right order.
    pub fn delivered(&mut self, payload: &Places) {
        assert!(!self.receive_shut, "bytes after the end of the stream");
        assert!(!payload.is_empty());
        for &(place, len) in &payload.pieces {
            self.delivered.add(place, len, "delivered place");
            if self.honest {
                self.in_order(place, len);
            }
            self.octets += u64::from(len);
        }
    }

    fn in_order(&self, place: u64, len: u32) {
        let (mut at, mut octets) = (place, self.octets);
        while at < place + u64::from(len) {
            let sent = self.offsets.range(..=at).next_back();
            let (start, (offset, sent)) = sent.expect("delivered what nobody sent");
            assert_eq!(offset + (at - start), octets, "a wrong byte at {octets}");
            let part = start + u64::from(*sent) - at;
            at += part;
            octets += part;
        }
    }

    /// Nothing goes back, and the figures fit together.
    pub fn check(&mut self, conn: &Connection<Places>, shared: &Shared) {
        let (info, next, edge) = (conn.info(), shared.rcv_nxt(), shared.edge());
        assert!(info.snd_una.at_or_before(info.snd_nxt));
        assert!(info.snd_nxt.at_or_before(info.write_seq));
        assert_eq!(info.bytes_received, self.octets);
        assert_eq!(conn.state(), self.state);
        assert_eq!(
            info.fallback,
            self.fell_back || !info.remote_key && info.fallback
        );
        if let Some((old, old_next, old_edge)) = self.last {
            assert!(info.snd_una.at_or_after(old.snd_una));
            assert!(info.write_seq.at_or_after(old.write_seq));
            assert!(info.bytes_acked >= old.bytes_acked);
            if info.remote_key && old.remote_key {
                assert!(next.at_or_after(old_next), "the DATA_ACK went back");
                assert!(edge.at_or_after(old_edge), "the edge went back");
            }
        }
        self.last = Some((info, next, edge));
    }

    /// What was written is released as it is acknowledged, and every end is told when it comes.
    pub fn check_ends(&self, conn: &Connection<Places>, written: u64) {
        let acked = conn.info().snd_una.distance_from(conn.first_dsn());
        let acked = u64::try_from(acked).expect("acknowledged before the start");
        assert_eq!(self.released, acked.min(written));
        if acked > written {
            assert!(matches!(self.state, ConnState::FinWait2 | ConnState::Close));
        }
        if self.honest && self.peer_fin == Some(self.octets) {
            assert!(self.receive_shut, "the end of the stream is not told");
        }
    }

    pub fn ended(&self) {
        assert_eq!(self.state, ConnState::Close);
        assert_eq!(self.current, 0, "still counted as established");
    }
}
