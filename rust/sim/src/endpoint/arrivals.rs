// SPDX-License-Identifier: GPL-2.0

//! What TCP receives: tested, shown to the engine, sorted.

use super::departures::peer_idsn;
use super::Endpoint;
use super::Env;
use super::Flow;
use crate::bytes::Handle;
use crate::segment::Segment;
use crate::segment::ACK;
use crate::segment::FIN;
use crate::segment::NOBODY;
use crate::segment::RST;
use crate::segment::SYN;
use crate::segment::WINDOW_SCALE;
use crate::tcp::Arrived;
use crate::tcp::Phase;
use crate::tcp::MILLI;
use crate::tcp::SECOND;
use rust_mptcp::engine::mapping::of_segment;
use rust_mptcp::engine::Ending;
use rust_mptcp::engine::Event;
use rust_mptcp::engine::RxSegment;
use rust_mptcp::wire::parse;
use rust_mptcp::wire::Options;
use rust_mptcp::wire::SegmentKind;
use rust_mptcp::wire::Ssn;

/// How long an acknowledgement may wait for data to ride on.
pub(super) const DELAYED_ACK: u64 = 40 * MILLI;

/// How long plain TCP waits for the peer's FIN when no program holds it (`tcp_fin_timeout`).
const ORPHAN: u64 = 60 * SECOND;

/// The least time between answers to segments that are out of place.
const CHALLENGE_EVERY: u64 = 500 * MILLI;

impl Endpoint {
    /// Takes a segment for one of the subflows.
    pub fn arrive(&mut self, env: &mut Env<'_>, index: usize, segment: &Segment) {
        self.record.causes += 1;
        match self.flows[index].tcp.phase {
            Phase::SynSent => return self.arrive_opening(env, index, segment),
            Phase::Open => {}
            Phase::TimeWait if segment.span() > 0 && !segment.has(RST) => {
                return self.answer_late(env, index, segment, ACK);
            }
            Phase::Dead if !segment.has(RST) => return self.answer_late(env, index, segment, RST),
            Phase::TimeWait | Phase::Dead => return,
        }
        if segment.has(SYN | ACK) {
            // The third ACK was lost.
            return self.ack(env, index);
        }
        self.share_windows(index);
        let tcp = &self.flows[index].tcp;
        let ssn = self.remote_ssn(index, segment.seq);
        let ack = Ssn::from_tcp(segment.ack, self.flows[index].local_isn);
        let rst = segment.has(RST);
        let span = segment.payload.len() + u32::from(segment.has(FIN));
        let sane = segment.has(ACK) && tcp.ack_is_sane(ack);
        if !tcp.rx.accepts(ssn, span, rst) || segment.has(SYN) || (!rst && !sane) {
            self.check_refused(env, index, segment, ssn);
            return self.challenge(env, index, ssn, span, rst);
        }
        let options = parse(segment.options.octets(), kind_of(segment));
        let ours = segment.tag != NOBODY && !self.record.altered;
        env.require(!ours || options.rejected.is_empty(), || {
            format!("a malformed option of ours: {:?}", options.rejected)
        });
        self.note_timestamp(index, segment);
        self.show(env, index, segment, &options, (ssn, ack));
        self.note_addresses(env, &options);
        if !self.flows[index].tcp.is_open() {
            return;
        }
        if rst {
            return self.tcp_gone(env, index, Ending::Reset, Phase::Dead);
        }
        self.tcp_acked(env, index, segment, &options, (ssn, ack));
        self.tcp_data(env, index, segment, &options, ssn);
    }

    /// No subflow may refuse data that the window of the connection has room for.
    fn check_refused(&mut self, env: &mut Env<'_>, index: usize, segment: &Segment, ssn: Ssn) {
        let len = segment.payload.len();
        let ahead = ssn.after(self.flows[index].tcp.rx.next);
        let spoilt = self.record.altered || self.record.attacked;
        if len == 0 || !ahead || segment.tag != self.tag || spoilt {
            return;
        }
        // Of one subflow TCP's own window is that of the connection.
        if !self
            .conn
            .as_ref()
            .is_some_and(|conn| conn.wants_measurements())
        {
            return;
        }
        let kind = SegmentKind::NonSyn { payload_len: len };
        let options = parse(segment.options.octets(), kind);
        let Some(map) = of_segment(&options, peer_idsn(self.conn.as_ref())) else {
            return;
        };
        let next = self.shared.rcv_nxt();
        let first = map
            .dsn
            .expand(next)
            .advance(u64::from(ssn.checked_distance_from(map.ssn).unwrap_or(0)));
        // Behind copies of what came elsewhere a subflow may be further ahead than the connection.
        let lead = ssn.distance_from(self.flows[index].tcp.rx.next);
        let inside = i64::from(lead) <= first.distance_from(next)
            && first
                .advance(u64::from(len))
                .at_or_before(self.shared.edge());
        env.require(!inside || self.shared.is_fallback(), || {
            format!(
                "subflow {index} refuses data at {first:?} with the window up to {:?}",
                self.shared.edge()
            )
        });
    }

    /// What TCP does not take: an acknowledgement tells where we are, if it can do any good.
    fn challenge(&mut self, env: &mut Env<'_>, index: usize, ssn: Ssn, span: u32, rst: bool) {
        let flow = &mut self.flows[index];
        let near = ssn.distance_from(flow.tcp.rx.next).unsigned_abs() < 1 << 24;
        if rst && !near {
            return;
        }
        // As Linux: without payload only now and then, or two hosts may go on for ever.
        if span == 0 {
            if env.now < flow.challenge_at {
                return;
            }
            flow.challenge_at = env.now + CHALLENGE_EVERY;
        }
        self.ack(env, index);
    }

    fn note_timestamp(&mut self, index: usize, segment: &Segment) {
        if let [1, 1, 8, 10, a, b, c, d, ..] = *segment.options.octets() {
            self.flows[index].echo = u32::from_be_bytes([a, b, c, d]);
        }
    }

    /// Shows a segment to the engine, before TCP has it.
    fn show(
        &mut self,
        env: &mut Env<'_>,
        index: usize,
        segment: &Segment,
        options: &Options,
        (ssn, ack): (Ssn, Ssn),
    ) {
        let event = Event::Segment {
            sf: self.flows[index].id,
            segment: RxSegment {
                ssn,
                len: segment.payload.len(),
                ack: segment.has(ACK).then_some(ack),
                window: u32::from(segment.window) << WINDOW_SCALE,
                fin: segment.has(FIN),
                rst: segment.has(RST),
            },
            options,
        };
        self.post(env, event);
    }

    fn tcp_acked(
        &mut self,
        env: &mut Env<'_>,
        index: usize,
        segment: &Segment,
        options: &Options,
        (ssn, ack): (Ssn, Ssn),
    ) {
        let flow = &mut self.flows[index];
        let window = u32::from(segment.window) << WINDOW_SCALE;
        let only_dss = options.dss.is_some() || options.is_empty();
        let pure = segment.payload.is_empty() && !segment.has(FIN) && only_dss;
        let acked = flow.tcp.acked(ssn, ack, window, pure, env.now);
        let (sf, una) = (flow.id, flow.tcp.una);
        if acked.resend {
            self.tcp_resend(env, index);
        }
        if acked.moved {
            self.tell_measured(env, index);
        }
        if acked.moved && self.wants_acks(env) {
            self.post(env, Event::SubflowAcked { sf, una });
            self.push(env, index);
        } else {
            self.tcp_send(env, index);
        }
    }

    /// Whether acknowledgements of TCP matter, as the shell has it: they make room for what is
    /// unsent, and in fallback they free what was sent.
    fn wants_acks(&mut self, env: &Env<'_>) -> bool {
        let Some(conn) = self.conn.as_ref() else {
            self.app.progress_at = env.now;
            return false;
        };
        conn.is_waiting() || (self.shared.is_fallback() && conn.unacknowledged() > 0)
    }

    fn tcp_data(
        &mut self,
        env: &mut Env<'_>,
        index: usize,
        segment: &Segment,
        options: &Options,
        ssn: Ssn,
    ) {
        if segment.span() == 0 {
            return self.tcp_ends(env, index);
        }
        let sf = self.flows[index].id;
        let mapping = of_segment(options, peer_idsn(self.conn.as_ref()));
        let fin = segment.has(FIN);
        let before = self.flows[index].tcp.rx.next;
        let payload = segment.payload.clone();
        let rx = &mut self.flows[index].tcp.rx;
        let mut arrived = rx.store(ssn, payload, mapping, fin).or_else(|| rx.take());
        while let Some(Arrived {
            ssn,
            bytes,
            mapping,
        }) = arrived
        {
            if self.conn.is_none() && self.app.closed {
                // RFC 1122 4.2.2.13: nobody will ever read this.
                return self.reset(env, index);
            } else if self.conn.is_none() {
                self.deliver(env, &bytes);
            } else {
                let event = Event::Data {
                    sf,
                    ssn,
                    payload: Handle::new(bytes, &self.held),
                    mapping,
                };
                self.post(env, event);
            }
            arrived = self.flows[index].tcp.rx.take();
        }
        if self.flows[index].tcp.rx.take_fin() {
            if self.conn.is_none() {
                self.app.eof = true;
                self.app.progress_at = env.now;
            }
            self.post(env, Event::SubflowFin { sf });
        }
        let tcp = &self.flows[index].tcp;
        let in_order = tcp.rx.next != before && !tcp.rx.has_hole();
        if tcp.is_open() {
            self.answer(env, index, in_order && !fin);
        }
        self.tcp_send(env, index);
        self.tcp_ends(env, index);
    }

    /// Notes that both directions of a subflow have ended.
    fn tcp_ends(&mut self, env: &mut Env<'_>, index: usize) {
        if self.flows[index].tcp.is_open() && self.flows[index].tcp.is_finished() {
            self.tcp_gone(env, index, Ending::Clean, Phase::TimeWait);
        }
        let alone = self.conn.is_none() && self.app.closed;
        let Flow { tcp, orphan_at, .. } = &mut self.flows[index];
        if alone && tcp.is_open() && tcp.fin_is_acked() {
            // FIN-WAIT-2, which the peer may never end.
            orphan_at.get_or_insert(env.now + ORPHAN);
        }
    }

    /// Acknowledges data now, or lets it wait a little.
    fn answer(&mut self, env: &mut Env<'_>, index: usize, may_wait: bool) {
        let rx = &mut self.flows[index].tcp.rx;
        rx.unanswered += 1;
        if may_wait && self.host.delayed_acks && rx.unanswered < 2 {
            rx.ack_at.get_or_insert(env.now + DELAYED_ACK);
        } else {
            self.ack(env, index);
        }
    }

    /// TCP answers for a connection that is no more: without any option, as Linux does.
    fn answer_late(&mut self, env: &mut Env<'_>, index: usize, late: &Segment, flag: u8) {
        let flow = &self.flows[index];
        let reset = flag == RST && late.has(ACK);
        let answer = Segment {
            src: flow.local,
            dst: flow.remote,
            // RFC 9293 3.10.7.1: where the peer is sure to take a reset.
            seq: if reset {
                late.ack
            } else {
                flow.tcp.nxt.to_tcp(flow.local_isn)
            },
            ack: flow.tcp.rx.next.to_tcp(flow.remote_isn),
            flags: flag | ACK,
            tag: self.tag,
            ..Segment::default()
        };
        self.record.segments += 1;
        env.out.push(answer);
    }
}

/// What the options of a segment after the handshake depend on.
fn kind_of(segment: &Segment) -> SegmentKind {
    if segment.has(RST) {
        SegmentKind::Rst
    } else {
        SegmentKind::NonSyn {
            payload_len: segment.payload.len(),
        }
    }
}
