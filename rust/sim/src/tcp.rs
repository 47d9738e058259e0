// SPDX-License-Identifier: GPL-2.0

//! A TCP connection as far as an engine can tell: reliable, in order, windowed, congestion controlled.
//!
//! RFC 9293 with RFC 6298 timeouts and RFC 6582 recovery; no SACK. Places are relative to the SYN.

mod receive;

pub use self::receive::Arrived;
use self::receive::Receiver;
use crate::bytes::Bytes;
use crate::bytes::Piece;
use rust_mptcp::engine::PathStats;
use rust_mptcp::wire::Ssn;
use std::collections::VecDeque;

/// Microseconds in a second.
pub const SECOND: u64 = 1_000_000;
/// Microseconds in a millisecond.
pub const MILLI: u64 = 1_000;
const RTO_MIN: u64 = 200 * MILLI;
const RTO_MAX: u64 = 120 * SECOND;
/// Timeouts in a row after which TCP gives up (`tcp_retries2`, made shorter).
pub const RETRIES: u32 = 12;

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Our SYN is out.
    SynSent,
    /// Established, and all states up to the last FIN.
    Open,
    /// Both FINs are acknowledged; answers what comes late.
    TimeWait,
    /// Reset, or never there.
    Dead,
}

/// What is to go out, before options.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted {
    /// The place of the first octet.
    pub ssn: Ssn,
    /// Octets.
    pub len: u32,
    /// With FIN.
    pub fin: bool,
    /// With RST.
    pub rst: bool,
    /// It went out before.
    pub again: bool,
}

/// What an acknowledgement did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Acked {
    /// New octets are acknowledged, or our FIN.
    pub moved: bool,
    /// The segment at `una` is to go out again.
    pub resend: bool,
}

struct Queued {
    ssn: Ssn,
    piece: Piece,
    /// Another buffer begins here: a segment does not go on past its start.
    cut: bool,
}

/// One end of a TCP connection.
pub struct Tcp {
    /// Where it stands.
    pub phase: Phase,
    queue: VecDeque<Queued>,
    /// The first place that is not acknowledged.
    pub una: Ssn,
    /// The next place to be sent.
    pub nxt: Ssn,
    /// The place after the last octet handed over.
    pub end: Ssn,
    /// The peer's window ends here.
    pub edge: Ssn,
    /// The segment that the window was last taken from.
    window_from: (Ssn, Ssn),
    fin_wanted: bool,
    /// Octets of payload in a segment at most.
    pub mss: u32,
    /// Octets that may be held for the peer, sent or not.
    pub send_buffer: u32,
    cwnd: u32,
    ssthresh: u32,
    copies: u32,
    recover: Option<Ssn>,
    srtt: u64,
    rttvar: u64,
    timed: Option<(Ssn, u64)>,
    /// When the retransmission timer fires.
    pub rto_at: Option<u64>,
    /// Timeouts since the peer last acknowledged something.
    pub backoff: u32,
    /// The receiving half.
    pub rx: Receiver,
}

impl Tcp {
    /// A connection at `phase`.
    pub fn new(phase: Phase, window: u32, mss: u32) -> Self {
        Self {
            phase,
            queue: VecDeque::new(),
            una: Ssn::FIRST,
            nxt: Ssn::FIRST,
            end: Ssn::FIRST,
            edge: Ssn::FIRST.advance(window),
            window_from: (Ssn(0), Ssn(0)),
            fin_wanted: false,
            mss,
            send_buffer: 60_000,
            cwnd: 10 * mss,
            ssthresh: u32::MAX / 2,
            copies: 0,
            recover: None,
            srtt: 0,
            rttvar: 0,
            timed: None,
            rto_at: None,
            backoff: 0,
            rx: Receiver::default(),
        }
    }

    /// Whether segments of the peer are taken and ours are sent.
    pub fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    /// Whether our FIN went out.
    pub fn fin_sent(&self) -> bool {
        self.nxt.after(self.end)
    }

    /// Asks for a FIN after what is queued.
    pub fn shut(&mut self) {
        self.fin_wanted = true;
    }

    /// Whether something may still be handed over.
    pub fn takes(&self) -> bool {
        self.is_open() && !self.fin_wanted
    }

    /// Octets that may be handed over.
    pub fn room(&self) -> u32 {
        let queued = self.end.checked_distance_from(self.una).unwrap_or(0);
        self.send_buffer.saturating_sub(queued)
    }

    fn flight(&self) -> u32 {
        self.nxt.checked_distance_from(self.una).unwrap_or(0)
    }

    /// Takes octets to be sent; `cut` keeps them out of the segment before.
    pub fn write(&mut self, piece: Piece, cut: bool) {
        if piece.len == 0 {
            return;
        }
        let ssn = self.end;
        self.end = ssn.advance(piece.len);
        if let Some(last) = self.queue.back_mut().filter(|_| !cut) {
            let follows = last.piece.place + u64::from(last.piece.len) == piece.place;
            if follows && last.piece.source == piece.source {
                last.piece.len += piece.len;
                return;
            }
        }
        self.queue.push_back(Queued { ssn, piece, cut });
    }

    /// The octets at `ssn`.
    pub fn bytes(&self, ssn: Ssn, len: u32) -> Bytes {
        let mut out = Bytes::default();
        let first = self
            .queue
            .partition_point(|queued| queued.ssn.advance(queued.piece.len).at_or_before(ssn));
        let mut left = len;
        let mut from = ssn;
        for queued in self.queue.range(first..) {
            let skip = from.checked_distance_from(queued.ssn).unwrap_or(0);
            let take = left.min(queued.piece.len.saturating_sub(skip));
            let piece = queued.piece;
            out.push(Piece::new(
                piece.source,
                piece.place + u64::from(skip),
                take,
            ));
            left -= take;
            from = from.advance(take);
            if left == 0 {
                break;
            }
        }
        out
    }

    /// Where the buffer that holds `ssn` ends.
    fn buffer_end(&self, ssn: Ssn) -> Ssn {
        let after = self.queue.partition_point(|q| q.ssn.at_or_before(ssn));
        let next = self.queue.range(after..).find(|queued| queued.cut);
        next.map_or(self.end, |queued| queued.ssn)
    }

    /// The next new segment of at most `most` octets, if the windows allow one.
    pub fn next_new(&mut self, most: u32, now: u64) -> Option<Wanted> {
        if !self.is_open() || self.fin_sent() {
            return None;
        }
        let from = self.nxt;
        let congested = self.una.advance(self.cwnd);
        let limit = self.edge.earliest(congested).earliest(self.end);
        let to = limit
            .earliest(from.advance(most))
            .earliest(self.buffer_end(from))
            .latest(from);
        let len = to.checked_distance_from(from).unwrap_or(0);
        let fin = self.fin_wanted && to == self.end;
        // RFC 9293 3.8.6.2.1: no silly little segments while others are on their way.
        let cut_short = to != self.end && to == limit && len < self.mss.min(most);
        if (len == 0 && !fin) || (cut_short && self.flight() > 0) {
            return None;
        }
        self.nxt = to.advance(u32::from(fin));
        if self.timed.is_none() {
            self.timed = Some((self.nxt, now));
        }
        Some(Wanted {
            ssn: from,
            len,
            fin,
            ..Wanted::default()
        })
    }

    /// Takes back a segment that never left the host.
    pub fn unsend(&mut self, wanted: &Wanted) {
        self.nxt = wanted.ssn;
        self.timed = None;
    }

    /// What goes out again: some of what is outstanding, or a probe of the peer's window.
    pub fn again(&mut self, most: u32) -> Wanted {
        self.timed = None;
        if self.una == self.nxt {
            return Wanted {
                ssn: self.una.retreat(1),
                again: true,
                ..Wanted::default()
            };
        }
        let to = self
            .nxt
            .earliest(self.end)
            .earliest(self.una.advance(most))
            .earliest(self.buffer_end(self.una))
            .latest(self.una);
        let len = to.checked_distance_from(self.una).unwrap_or(0);
        Wanted {
            ssn: self.una,
            len,
            fin: self.fin_sent() && to == self.end,
            rst: false,
            again: true,
        }
    }

    /// The retransmission timer has fired. False when TCP gives up.
    pub fn timed_out(&mut self) -> bool {
        self.rto_at = None;
        self.backoff += 1;
        if self.flight() > 0 {
            self.ssthresh = (self.flight() / 2).max(2 * self.mss);
            self.cwnd = self.mss;
            // RFC 6582 3.2: what was sent before the timeout makes no second recovery.
            self.recover = Some(self.nxt);
        }
        self.copies = 0;
        self.backoff <= RETRIES
    }

    /// What an engine wants to know to choose among several.
    pub fn stats(&self) -> PathStats {
        // RFC 7661: what is never used is not measured.
        let cwnd = self.cwnd.min(self.send_buffer);
        let window = u64::from(cwnd) * SECOND;
        PathStats {
            srtt: self.srtt as u32,
            rttvar: self.rttvar as u32,
            cwnd,
            pacing: window.checked_div(self.srtt).unwrap_or(0),
            mss: self.mss,
        }
    }

    /// The retransmission timeout as it stands.
    pub fn rto(&self) -> u64 {
        let base = if self.srtt == 0 {
            SECOND
        } else {
            (self.srtt + 4 * self.rttvar).max(RTO_MIN)
        };
        (base << self.backoff.min(16)).min(RTO_MAX)
    }

    /// Whether anything waits for the peer.
    fn is_busy(&self) -> bool {
        let stuck = self.nxt.before(self.end) && self.edge.at_or_before(self.nxt);
        self.is_open() && (self.una.before(self.nxt) || stuck)
    }

    /// Sets the retransmission timer if something waits for the peer.
    pub fn arm(&mut self, now: u64) {
        if !self.is_busy() {
            self.rto_at = None;
        } else if self.rto_at.is_none() {
            self.rto_at = Some(now + self.rto());
        }
    }

    /// Whether `ack` acknowledges nothing that is still to come (RFC 5961 5).
    pub fn ack_is_sane(&self, ack: Ssn) -> bool {
        ack.at_or_before(self.nxt) && ack.at_or_after(self.una.retreat(1 << 20))
    }

    /// Takes in an acknowledgement. `pure` segments count as copies.
    pub fn acked(&mut self, seq: Ssn, ack: Ssn, window: u32, pure: bool, now: u64) -> Acked {
        let old_edge = self.edge;
        let (from_seq, from_ack) = self.window_from;
        if seq.after(from_seq) || (seq == from_seq && ack.at_or_after(from_ack)) {
            self.window_from = (seq, ack);
            self.edge = ack.advance(window);
        }
        // Somebody is there: a closed window is no reason to give up.
        if self.una == self.nxt {
            self.backoff = 0;
        }
        if ack.after(self.una) {
            return self.advance(ack, now);
        }
        let copy = pure && ack == self.una && self.flight() > 0 && self.edge == old_edge;
        if !copy {
            return Acked::default();
        }
        self.copies += 1;
        let fresh = self.recover.is_none_or(|recover| self.una.after(recover));
        if self.copies == 3 && fresh {
            self.ssthresh = (self.flight() / 2).max(2 * self.mss);
            self.cwnd = self.ssthresh + 3 * self.mss;
            self.recover = Some(self.nxt);
            return Acked {
                moved: false,
                resend: true,
            };
        }
        if self.copies > 3 {
            self.cwnd = self.cwnd.saturating_add(self.mss).min(1 << 24);
        }
        Acked::default()
    }

    fn advance(&mut self, ack: Ssn, now: u64) -> Acked {
        let gone = ack.checked_distance_from(self.una).unwrap_or(0);
        self.una = ack;
        while let Some(first) = self.queue.front_mut() {
            let known = ack.checked_distance_from(first.ssn).unwrap_or(0);
            if known < first.piece.len {
                first.piece.place += u64::from(known);
                first.piece.len -= known;
                first.ssn = first.ssn.advance(known);
                break;
            }
            self.queue.pop_front();
        }
        if let Some((_, sent)) = self.timed.filter(|(place, _)| ack.at_or_after(*place)) {
            self.sample((now - sent).max(1));
            self.timed = None;
        }
        self.backoff = 0;
        self.rto_at = None;
        let recovering = self.recover.is_some_and(|recover| ack.before(recover));
        if recovering {
            self.cwnd = self
                .cwnd
                .saturating_sub(gone)
                .saturating_add(self.mss)
                .max(self.mss);
        } else {
            if self.copies >= 3 {
                self.cwnd = self.ssthresh;
            }
            self.copies = 0;
            let step = if self.cwnd < self.ssthresh {
                gone.min(2 * self.mss)
            } else {
                (self.mss * self.mss / self.cwnd.max(1)).max(1)
            };
            self.cwnd = self.cwnd.saturating_add(step).min(1 << 24);
        }
        Acked {
            moved: true,
            resend: recovering && self.una.before(self.nxt),
        }
    }

    /// RFC 6298 2.
    fn sample(&mut self, rtt: u64) {
        if self.srtt == 0 {
            self.srtt = rtt;
            self.rttvar = rtt / 2;
        } else {
            self.rttvar = (3 * self.rttvar + self.srtt.abs_diff(rtt)) / 4;
            self.srtt = (7 * self.srtt + rtt) / 8;
        }
    }

    /// Whether both directions have ended and we know it.
    pub fn is_finished(&self) -> bool {
        self.rx.fin_taken && self.fin_sent() && self.una == self.nxt
    }

    /// Keeps nothing any more.
    pub fn die(&mut self, phase: Phase) {
        self.phase = phase;
        self.queue = VecDeque::new();
        self.rx.forget();
        self.rto_at = None;
    }
}
