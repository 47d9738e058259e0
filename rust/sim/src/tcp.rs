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
    /// The largest window that the peer has ever named.
    largest: u32,
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
    min_rtt: u64,
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
            largest: window,
            fin_wanted: false,
            mss,
            send_buffer: 60_000,
            cwnd: 10 * mss,
            ssthresh: u32::MAX / 2,
            copies: 0,
            recover: None,
            srtt: 0,
            rttvar: 0,
            min_rtt: 0,
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
        if self
            .queue
            .back()
            .is_none_or(|last| last.ssn.at_or_before(ssn))
        {
            return self.end;
        }
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
        if from == self.end && !self.fin_wanted {
            return None;
        }
        let congested = self.una.advance(self.cwnd);
        let limit = self.edge.earliest(congested).earliest(self.end);
        let to = limit
            .earliest(from.advance(most))
            .earliest(self.buffer_end(from))
            .latest(from);
        let len = to.checked_distance_from(from).unwrap_or(0);
        let fin = self.fin_wanted && to == self.end;
        let cut_short = to != self.end && to == limit && len < self.worthwhile().min(most);
        if (len == 0 && !fin) || cut_short {
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

    /// RFC 9293 3.8.6.2.1: a window for less than this, or for less than there is to send, is silly to be used at once.
    ///
    /// A segment, or half of what the peer can take if that is less; as Linux has it, all of it where that is very little.
    fn worthwhile(&self) -> u32 {
        let share = if self.largest > 536 {
            self.largest / 2
        } else {
            self.largest
        };
        self.mss.min(share)
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
            return self.probe(most);
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

    /// RFC 9293 3.8.6.1: a closed window is asked for with an old number; of a silly little one some use is made after all.
    fn probe(&mut self, most: u32) -> Wanted {
        let to = self
            .edge
            .earliest(self.end)
            .earliest(self.nxt.advance(most.min(self.mss)))
            .earliest(self.buffer_end(self.nxt))
            .latest(self.nxt);
        let (from, len) = (self.nxt, to.checked_distance_from(self.nxt).unwrap_or(0));
        let fin = self.fin_wanted && to == self.end && !self.fin_sent();
        if len == 0 {
            return Wanted {
                ssn: self.una.retreat(1),
                again: true,
                ..Wanted::default()
            };
        }
        self.nxt = to.advance(u32::from(fin));
        Wanted {
            ssn: from,
            len,
            fin,
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
            min_rtt: self.min_rtt as u32,
            cwnd,
            in_flight: self.flight(),
            unsent: self.end.checked_distance_from(self.nxt).unwrap_or(0),
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
        self.is_open() && (self.una.before(self.nxt) || self.nxt.before(self.end))
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
            self.largest = self.largest.max(window);
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
            self.min_rtt = rtt;
        } else {
            self.min_rtt = self.min_rtt.min(rtt);
            self.rttvar = (3 * self.rttvar + self.srtt.abs_diff(rtt)) / 4;
            self.srtt = (7 * self.srtt + rtt) / 8;
        }
    }

    /// Whether the peer has everything of ours, our FIN too.
    pub fn fin_is_acked(&self) -> bool {
        self.fin_sent() && self.una == self.nxt
    }

    /// Whether both directions have ended and we know it.
    pub fn is_finished(&self) -> bool {
        self.rx.fin_taken && self.fin_is_acked()
    }

    /// Keeps nothing any more.
    pub fn die(&mut self, phase: Phase) {
        self.phase = phase;
        self.queue = VecDeque::new();
        self.rx.forget();
        self.rto_at = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sender(window: u32) -> Tcp {
        let mut tcp = Tcp::new(Phase::Open, window, 1_000);
        tcp.write(Piece::new(0, 0, 10_000), false);
        tcp
    }

    #[test]
    fn a_silly_window_is_left_alone_until_the_timer() {
        let mut tcp = sender(4_000);
        assert_eq!(tcp.next_new(4_000, 0).map(|sent| sent.len), Some(4_000));
        tcp.acked(Ssn(1), Ssn(4_001), 300, true, 1);
        assert!(tcp.next_new(4_000, 1).is_none());
        tcp.arm(1);
        assert!(tcp.rto_at.is_some());
        assert_eq!(tcp.again(4_000).len, 300);
    }

    #[test]
    fn half_of_a_small_window_is_used_at_once() {
        let mut tcp = sender(800);
        assert_eq!(tcp.next_new(4_000, 0).map(|sent| sent.len), Some(800));
        tcp.acked(Ssn(1), Ssn(801), 400, true, 1);
        assert_eq!(tcp.next_new(4_000, 1).map(|sent| sent.len), Some(400));
    }

    #[test]
    fn a_closed_window_is_probed_with_an_old_number() {
        let mut tcp = sender(2_000);
        tcp.next_new(2_000, 0);
        tcp.acked(Ssn(1), Ssn(2_001), 0, true, 1);
        let probe = tcp.again(4_000);
        assert_eq!((probe.ssn, probe.len), (Ssn(2_000), 0));
    }
}
