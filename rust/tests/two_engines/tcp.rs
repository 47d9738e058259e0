// SPDX-License-Identifier: GPL-2.0

//! A TCP connection as far as an engine can tell: reliable, in order, retransmitting, windowed.
//!
//! Places are relative to the SYN, as [`rust_mptcp::wire::Ssn`]; streams are far shorter than 4 GiB.

use rust_mptcp::wire::Mapping;
use std::collections::BTreeMap;

/// A segment on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    pub ssn: u32,
    pub ack: Option<u32>,
    pub window: u32,
    pub syn: bool,
    pub fin: bool,
    pub rst: bool,
    pub payload: Vec<u8>,
    /// The option area, as it would be in the header.
    pub options: Vec<u8>,
}

impl Segment {
    /// Sequence numbers that it takes.
    pub fn span(&self) -> u32 {
        self.payload.len() as u32 + u32::from(self.fin) + u32::from(self.syn)
    }
}

/// What is to go out, before options.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub ssn: u32,
    pub payload: Vec<u8>,
    pub fin: bool,
    pub rst: bool,
}

/// One end of a TCP connection, after its handshake.
#[derive(Default)]
pub struct Tcp {
    /// Everything that was ever handed over; index 0 is at place 1.
    pub sent: Vec<u8>,
    pub una: u32,
    pub nxt: u32,
    /// The peer's window ends here.
    pub edge: u32,
    pub fin_wanted: bool,
    pub rcv_nxt: u32,
    /// We have promised to take bytes up to here.
    pub promised: u32,
    pub ahead: BTreeMap<u32, (Vec<u8>, Option<Mapping>)>,
    pub fin_at: Option<u32>,
    pub fin_seen: bool,
    pub rto_at: Option<u64>,
    pub backoff: u32,
    pub open: bool,
}

pub const RTO: u64 = 200;
const IN_FLIGHT: u32 = 40_000;

impl Tcp {
    pub fn established(window: u32) -> Self {
        Self {
            una: 1,
            nxt: 1,
            rcv_nxt: 1,
            edge: 1 + window,
            open: true,
            ..Self::default()
        }
    }

    /// The place after the last byte handed over.
    pub fn end(&self) -> u32 {
        1 + self.sent.len() as u32
    }

    fn fin_sent(&self) -> bool {
        self.nxt > self.end()
    }

    /// Octets that may be handed over.
    pub fn room(&self) -> u32 {
        60_000_u32.saturating_sub(self.end().saturating_sub(self.una))
    }

    pub fn bytes(&self, from: u32, to: u32) -> Vec<u8> {
        self.sent[from as usize - 1..to as usize - 1].to_vec()
    }

    /// The next new segment of at most `most` octets, if the windows allow one.
    pub fn next_new(&mut self, most: u32) -> Option<Wanted> {
        if !self.open || self.fin_sent() {
            return None;
        }
        let limit = self.edge.min(self.una + IN_FLIGHT).min(self.end());
        let from = self.nxt;
        let to = limit.min(from + most).max(from);
        let fin = self.fin_wanted && to == self.end();
        if to == from && !fin {
            return None;
        }
        self.nxt = to + u32::from(fin);
        Some(Wanted {
            ssn: from,
            payload: self.bytes(from, to),
            fin,
            rst: false,
        })
    }

    /// What a timeout sends again: some of what is outstanding, or a window probe.
    pub fn again(&mut self, most: u32) -> Wanted {
        self.backoff = (self.backoff + 1).min(6);
        if self.una == self.nxt {
            return Wanted {
                ssn: self.una - 1,
                payload: Vec::new(),
                fin: false,
                rst: false,
            };
        }
        let to = self.nxt.min(self.end()).min(self.una + most);
        Wanted {
            ssn: self.una,
            payload: self.bytes(self.una.min(self.end()), to.max(self.una.min(self.end()))),
            fin: self.fin_sent() && to == self.end(),
            rst: false,
        }
    }

    /// Whether anything waits for the peer.
    pub fn busy(&self) -> bool {
        let stuck = self.nxt < self.end() && self.edge <= self.nxt;
        self.open && (self.una < self.nxt || stuck)
    }

    pub fn arm(&mut self, now: u64) {
        if !self.busy() {
            self.rto_at = None;
        } else if self.rto_at.is_none() {
            self.rto_at = Some(now + (RTO << self.backoff));
        }
    }

    /// Takes in an acknowledgement; says whether it moved.
    pub fn acked(&mut self, ack: u32, window: u32) -> bool {
        if ack > self.nxt {
            return false;
        }
        self.edge = self.edge.max(ack + window);
        if ack <= self.una {
            return false;
        }
        self.una = ack;
        self.backoff = 0;
        self.rto_at = None;
        true
    }

    /// Whether the segment would pass TCP's own test.
    pub fn acceptable(&self, segment: &Segment) -> bool {
        let end = segment.ssn + segment.payload.len() as u32;
        let edge = self.promised.max(self.rcv_nxt);
        if segment.rst {
            return segment.ssn == self.rcv_nxt;
        }
        if segment.span() == 0 {
            return segment.ssn >= self.rcv_nxt && segment.ssn <= edge;
        }
        end >= self.rcv_nxt && segment.ssn <= edge
    }

    /// Keeps payload for its turn.
    pub fn store(&mut self, segment: &Segment, mapping: Option<Mapping>) {
        if segment.fin {
            self.fin_at = Some(segment.ssn + segment.payload.len() as u32);
        }
        if segment.payload.is_empty() || segment.ssn + segment.payload.len() as u32 <= self.rcv_nxt
        {
            return;
        }
        let longer = self
            .ahead
            .get(&segment.ssn)
            .is_none_or(|(have, _)| have.len() < segment.payload.len());
        if longer {
            self.ahead
                .insert(segment.ssn, (segment.payload.clone(), mapping));
        }
    }

    /// The next bytes in order, with the mapping that they came with.
    pub fn in_order(&mut self) -> Option<(u32, Vec<u8>, Option<Mapping>)> {
        loop {
            let (&at, _) = self.ahead.first_key_value()?;
            if at > self.rcv_nxt {
                return None;
            }
            let (_, (mut bytes, mapping)) = self.ahead.pop_first()?;
            let known = (self.rcv_nxt - at) as usize;
            if known >= bytes.len() {
                continue;
            }
            bytes.drain(..known);
            let from = self.rcv_nxt;
            self.rcv_nxt += bytes.len() as u32;
            return Some((from, bytes, mapping));
        }
    }

    /// Whether the FIN has come in order, for the first time.
    pub fn fin_in_order(&mut self) -> bool {
        if self.fin_seen || self.fin_at != Some(self.rcv_nxt) {
            return false;
        }
        self.fin_seen = true;
        self.rcv_nxt += 1;
        true
    }

    /// Whether both directions have ended and we know it.
    pub fn finished(&self) -> bool {
        self.fin_seen && self.fin_sent() && self.una == self.nxt
    }
}
