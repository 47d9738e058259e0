// SPDX-License-Identifier: GPL-2.0

//! Events on several subflows in any order: nothing panics, every drain ends, no number goes back,
//! nothing is offered where it must not be, and nothing is asked for again and again.

use super::super::subflow::Subflow;
use super::*;
use crate::engine::join::*;
use core::net::IpAddr;
use proptest::prelude::*;
use std::boxed::Box;

#[derive(Clone, Debug)]
enum Op {
    /// We open a subflow, or the peer does.
    Join(bool, bool),
    /// The SYN/ACK of the last one, right or not, after so many milliseconds.
    Answer(bool, Option<u16>),
    /// Octets of options on a segment.
    Segment(u8, Vec<u8>, u32, u8),
    /// A DSS that acknowledges so much of what is out, and this window.
    Ack(u8, u16, u32),
    Data(u8, u16, i16),
    /// The end of the peer's stream, right here.
    DataFin(u8),
    Write(u32),
    HandOver(u8, u32, u8),
    Stamp(u8, u16),
    Failed(u8),
    Link(u8, bool),
    Measured(u8, u32, u32),
    Prio(u8, bool),
    Announce(u8),
    Withdraw(u8),
    CloseOne(u8),
    Closed(u8),
    Fin(u8),
    Timer,
    Shut,
    Close(bool),
}

fn option() -> impl Strategy<Value = Vec<u8>> {
    let id = any::<u8>();
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        (prop::collection::vec(id, 1..9)).prop_map(|ids| {
            let mut area = vec![30, 3 + ids.len() as u8, 0x40];
            area.extend(ids.iter().map(|id| id % 6));
            area
        }),
        any::<bool>().prop_map(|backup| vec![30, 3, 0x50 | u8::from(backup)]),
        // The announcement of protocol reference D1', its echo, and our proof of J2.
        Just(vec![
            30, 16, 0x30, 3, 198, 51, 100, 7, 0x2d, 0x88, 0x14, 0xf6, 0xcf, 0xaf, 0x35, 0x73
        ]),
        any::<u8>().prop_map(|id| vec![30, 8, 0x31, id % 4, 198, 51, 100, 7]),
        Just(vec![]),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let sf = || 0_u8..5;
    prop_oneof![
        3 => (any::<bool>(), any::<bool>()).prop_map(|(ours, backup)| Op::Join(ours, backup)),
        3 => (prop::bool::weighted(0.8), prop::option::of(0_u16..4)).prop_map(|(g, s)| Op::Answer(g, s)),
        3 => (sf(), option(), 0_u32..3_000, 0_u8..8).prop_map(|(f, a, k, w)| Op::Segment(f, a, k, w)),
        6 => (sf(), 0_u16..2_000, 0_u32..20_000).prop_map(|(f, a, w)| Op::Ack(f, a, w)),
        4 => (sf(), 1_u16..300, -50_i16..500).prop_map(|(f, l, d)| Op::Data(f, l, d)),
        1 => sf().prop_map(Op::DataFin),
        4 => (1_u32..5_000).prop_map(Op::Write),
        8 => (sf(), 0_u32..5_000, any::<u8>()).prop_map(|(f, r, p)| Op::HandOver(f, r, p)),
        3 => (sf(), 0_u16..3_000).prop_map(|(f, l)| Op::Stamp(f, l)),
        2 => sf().prop_map(Op::Failed),
        1 => (sf(), any::<bool>()).prop_map(|(f, up)| Op::Link(f, up)),
        2 => (sf(), any::<u32>(), any::<u32>()).prop_map(|(f, s, c)| Op::Measured(f, s, c)),
        1 => (sf(), any::<bool>()).prop_map(|(f, b)| Op::Prio(f, b)),
        1 => sf().prop_map(Op::Announce),
        1 => sf().prop_map(Op::Withdraw),
        1 => sf().prop_map(Op::CloseOne),
        2 => sf().prop_map(Op::Closed),
        1 => sf().prop_map(Op::Fin),
        3 => Just(Op::Timer),
        1 => Just(Op::Shut),
        1 => any::<bool>().prop_map(Op::Close),
    ]
}

/// A connection and the halves of its subflows.
struct Many {
    rig: Rig,
    /// What stamps, where we send next, and where the peer does.
    flows: Vec<(SubflowId, SubflowTx, u32, u32)>,
    /// Who was asked to take something.
    pushed: Vec<SubflowId>,
}

impl Many {
    fn new(kind: SchedulerKind) -> Self {
        let mut rig = Rig::new(false);
        rig.conn.scheduling = scheduler::Scheduling::new(kind);
        let open = PassiveOpen {
            local: key_b(),
            remote: key_a(),
            checksum: false,
            remote_deny_join: false,
            with_data: true,
        };
        let first = (SF, SubflowTx::passive(&open), 1, 1);
        Self {
            rig,
            flows: vec![first],
            pushed: Vec::new(),
        }
    }

    fn id(&self, at: u8) -> SubflowId {
        SubflowId(u32::from(at) + 1)
    }

    fn post(&mut self, event: Event<'_, Bytes>) {
        self.rig.post(event);
        self.obey();
    }

    /// Hands the orders on, and notes who is to take something.
    fn obey(&mut self) {
        self.rig.drain();
        assert!(self.rig.actions.len() < 10_000);
        for action in core::mem::take(&mut self.rig.actions) {
            match action {
                Action::Tell { sf, order } => {
                    if let Some((_, tx, ..)) = self.flows.iter_mut().find(|(id, ..)| *id == sf) {
                        tx.apply(order);
                    }
                }
                Action::Push { sf } => self.pushed.push(sf),
                Action::SendAck { sf } | Action::DelayAck { sf } => {
                    let flow = self.rig.conn.subflows.get(sf);
                    assert!(flow.is_some_and(Subflow::is_connected), "{action:?}");
                }
                _ => {}
            }
        }
    }

    /// No TCP has memory for anything: sooner or later nobody is asked any more.
    fn refuse_all(&mut self) {
        let mut turns = 0;
        while let Some(sf) = self.pushed.pop() {
            let now = Instant::from_millis(self.rig.now);
            let offer = self.rig.conn.poll_transmit(&self.rig.shared, sf, 100, now);
            self.obey();
            if let Some(Transmit { dsn, .. }) = offer {
                let (len, ssn, rto) = (0, Ssn(1), Duration::from_millis(200));
                self.post(Event::Transmitted {
                    sf,
                    dsn,
                    len,
                    ssn,
                    rto,
                });
            }
            turns += 1;
            assert!(turns < 500, "asked for again and again");
        }
    }

    fn join(&mut self, ours: bool, backup: bool) {
        let now = Instant::from_millis(self.rig.now);
        let local = LocalAddr {
            id: AddrId(self.flows.len() as u8),
            backup,
        };
        if ours {
            let request = JoinRequest {
                local,
                remote_id: AddrId(0),
                nonce: Nonce::new(1),
            };
            if let Ok((sf, tx)) = self.rig.conn.join(&request, now) {
                self.flows.push((sf, tx, 1, 1));
            }
        } else {
            let syn = JoinSyn {
                backup,
                id: AddrId(2),
                token: key_b().token,
                nonce: Nonce::new(0xa1a2_a3a4),
            };
            // The third ACK of J1, whose proof depends on the numbers alone.
            let ack = "1e18100053037f2899475529844115fd07e665d23d3554fb";
            let octet = |at: usize| u8::from_str_radix(&ack[at..at + 2], 16).unwrap();
            let area: Vec<u8> = (0..ack.len()).step_by(2).map(octet).collect();
            let options = parse(&area, SegmentKind::NonSyn { payload_len: 0 });
            let ack = JoinAck {
                half: HalfJoin { syn, local },
                nonce: Nonce::new(0xb1b2_b3b4),
                door: Door::Same,
                allowed: true,
                options: &options,
            };
            if let Ok((sf, tx)) = self.rig.conn.accept_join(&ack, now) {
                self.flows.push((sf, tx, 1, 1));
            }
        }
        self.obey();
    }

    fn answer(&mut self, good: bool, srtt: Option<u16>) {
        let last = if good { 0x32 } else { 0x31 };
        let area = [
            30, 16, 0x10, 5, 0xb3, 0x0c, 0x5c, 0x55, 0x3f, 0x88, 0xde, last, 255, 255, 255, 255,
        ];
        let options = parse(&area, SegmentKind::SynAck);
        for (sf, ..) in &self.flows {
            let event = Event::JoinSynAck {
                sf: *sf,
                options: &options,
                srtt: srtt.map(|srtt| Duration::from_millis(u64::from(srtt))),
            };
            self.rig.post(event);
        }
        self.obey();
    }

    fn segment(&mut self, sf: SubflowId, options: &Options, ack: u32, window: u32) {
        self.post(Event::Segment {
            sf,
            segment: RxSegment {
                ssn: Ssn(1),
                ack: Some(Ssn(ack)),
                window,
                ..RxSegment::default()
            },
            options,
        });
    }

    fn hand_over(&mut self, at: u8, room: u32, part: u8) {
        let sf = self.id(at);
        let now = Instant::from_millis(self.rig.now);
        let offer = self.rig.conn.poll_transmit(&self.rig.shared, sf, room, now);
        self.obey();
        let Some(transmit) = offer else { return };
        let info = self.rig.conn.info();
        let end = transmit.dsn.advance(u64::from(transmit.len));
        assert!(transmit.len <= room && end.at_or_before(info.snd_nxt));
        let found = self.flows.iter_mut().find(|(id, ..)| *id == sf);
        let Some((_, tx, next, _)) = found else {
            panic!("an offer for {sf:?}, which is not there");
        };
        let ssn = Ssn(*next);
        let noted = tx.record_run(ssn, &transmit).is_ok();
        let len = transmit.len.min(transmit.len / 2 + u32::from(part) * 16);
        let len = if noted { len } else { 0 };
        *next += len;
        self.post(Event::Transmitted {
            sf,
            dsn: transmit.dsn,
            len,
            ssn,
            rto: Duration::from_millis(200),
        });
    }

    fn stamp(&mut self, at: u8, len: u16) {
        let Some((_, tx, next, _)) = self.flows.get_mut(usize::from(at)) else {
            return;
        };
        let segment = TxSegment {
            ssn: Ssn(*next - (*next - 1).min(u32::from(len))),
            len: (*next - 1).min(u32::from(len)),
            una: Ssn(1),
            free: 5_000,
            ..TxSegment::default()
        };
        if let Stamp::Send(stamped) = tx.stamp(&segment, &self.rig.shared) {
            assert!(stamped.payload <= segment.len);
            assert!(fit(&[], &stamped.options).len <= 40);
        }
    }

    fn data(&mut self, at: u8, len: u16, ahead: i16) {
        let Some((sf, _, _, rx)) = self.flows.get_mut(usize::from(at)) else {
            return;
        };
        let (sf, place) = (*sf, *rx);
        // Nothing is delivered before the handshake is over.
        let flow = self.rig.conn.subflows.get(sf);
        if flow.is_none_or(|flow| !flow.is_connected()) {
            return;
        }
        *rx += u32::from(len);
        let next = self.rig.shared.rcv_nxt();
        let dsn = Dsn(next.0.wrapping_add(i64::from(ahead) as u64));
        self.post(Event::Data {
            sf,
            ssn: Ssn(place),
            payload: Bytes(vec![3; usize::from(len)]),
            mapping: Some(mapping(dsn, place, len)),
        });
    }

    fn apply(&mut self, op: &Op) {
        let now = Instant::from_millis(self.rig.now);
        match op {
            Op::Join(ours, backup) => self.join(*ours, *backup),
            Op::Answer(good, srtt) => self.answer(*good, *srtt),
            Op::Segment(at, area, ack, window) => {
                let options = parse(area, SegmentKind::NonSyn { payload_len: 0 });
                self.segment(self.id(*at), &options, *ack, u32::from(*window) * 1_000);
            }
            Op::Ack(at, part, window) => {
                let una = self.rig.conn.info().snd_una;
                let options = dss(Some(una.advance(u64::from(*part))), None);
                let next = self.flows.get(usize::from(*at)).map_or(1, |flow| flow.2);
                self.segment(self.id(*at), &options, next, *window);
            }
            Op::Data(at, len, ahead) => self.data(*at, *len, *ahead),
            Op::DataFin(at) => {
                let map = Mapping {
                    data_fin: true,
                    ..mapping(self.rig.shared.rcv_nxt(), 0, 1)
                };
                self.segment(self.id(*at), &dss(None, Some(map)), 1, 1_000);
            }
            Op::Write(len) => self.post(Event::AppWrote { len: *len }),
            Op::HandOver(at, room, part) => self.hand_over(*at, *room, *part),
            Op::Stamp(at, len) => self.stamp(*at, *len),
            Op::Failed(at) => self.post(Event::PathFailed { sf: self.id(*at) }),
            Op::Link(at, up) => self.post(Event::Link {
                sf: self.id(*at),
                up: *up,
            }),
            Op::Measured(at, srtt, cwnd) => self.post(Event::Measured {
                sf: self.id(*at),
                stats: PathStats {
                    srtt: *srtt,
                    cwnd: *cwnd,
                    pacing: u64::from(*srtt) << 8,
                    ..PathStats::default()
                },
                rto: Duration::from_millis(u64::from(*srtt % 3_000)),
            }),
            Op::Prio(at, backup) => {
                let _known = self.rig.conn.set_priority(self.id(*at), *backup, now);
            }
            Op::Announce(id) => {
                let addr = IpAddr::from([198, 51, 100, 7]);
                let _done = self.rig.conn.announce(AddrId(*id), addr, None, now);
            }
            Op::Withdraw(id) => {
                let gone = RemoveAddr::new(&[AddrId(*id)]).unwrap();
                self.rig.conn.withdraw(&gone, now);
            }
            Op::CloseOne(at) => {
                let _known = self.rig.conn.close_subflow(self.id(*at), now);
            }
            Op::Closed(at) => self.post(Event::SubflowClosed {
                sf: self.id(*at),
                ending: Ending::Reset,
            }),
            Op::Fin(at) => self.post(Event::SubflowFin { sf: self.id(*at) }),
            Op::Timer => {
                if self.rig.conn.next_timeout().is_some() {
                    self.rig.timeout();
                    let next = self.rig.conn.next_timeout();
                    assert!(next.is_none_or(|next| next.as_millis() > self.rig.now));
                }
            }
            Op::Shut => self.post(Event::ShutdownWrite),
            Op::Close(unread) => self.post(Event::Close { unread: *unread }),
        }
        self.obey();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_happens_to_several_subflows_panics_or_goes_back(
        ops in prop::collection::vec(op(), 0..90),
        kind in prop::sample::select(SchedulerKind::ALL.to_vec()),
        refused in 0_u64..80,
    ) {
        let mut many = Box::new(Many::new(kind));
        let shared_next = |many: &Many| (many.rig.shared.rcv_nxt(), many.rig.shared.edge());
        let (mut una, (mut next, mut edge)) = (our(0), shared_next(&many));
        crate::engine::mem::refuse::nth(refused);
        for op in &ops {
            many.apply(op);
            let info = many.rig.conn.info();
            prop_assert!(info.snd_una.at_or_after(una));
            prop_assert!(info.snd_una.at_or_before(info.snd_nxt));
            prop_assert!(info.snd_nxt.at_or_before(info.write_seq));
            let (now_next, now_edge) = shared_next(&many);
            prop_assert!(now_next.at_or_after(next) && now_edge.at_or_after(edge));
            (una, next, edge) = (info.snd_una, now_next, now_edge);
        }
        many.refuse_all();
        crate::engine::mem::refuse::nothing();
    }
}
