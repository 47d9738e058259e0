// SPDX-License-Identifier: GPL-2.0

//! Events in any order with any content: nothing panics, every drain ends, no number goes back.

use super::*;
use proptest::prelude::*;
use std::boxed::Box;

#[derive(Clone, Debug)]
enum Op {
    Segment(Vec<u8>, u32, u32, u32, u8),
    Data(u16, Option<(i64, i32, u16, bool, Option<u16>)>),
    Good(u16),
    Write(u32),
    HandOver(u32, u8),
    Space(u32),
    Stamp(u32, u32, u8),
    Acked(u32),
    Timer,
    Shut,
    Fin,
    Close(bool),
    Abort,
    Closed,
}

fn op() -> impl Strategy<Value = Op> {
    let area = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        // A DSS with any flags and numbers, so that parsing gets somewhere.
        (0_u8..32, prop::collection::vec(any::<u8>(), 24)).prop_map(|(flags, rest)| {
            let len =
                [4, 8, 4, 12, 14, 18, 14, 22, 4, 8, 4, 12, 18, 22, 18, 26][usize::from(flags & 15)];
            let mut area = vec![30, len, 0x20, flags];
            area.extend(&rest[..usize::from(len) - 4]);
            area
        }),
        prop::collection::vec(any::<u8>(), 8).prop_map(|dsn| {
            let mut area = vec![30, 12, 0x60, 0];
            area.extend(dsn);
            area
        }),
    ];
    let map = (
        -50_i64..2_000,
        -5_i32..50,
        0_u16..300,
        any::<bool>(),
        any::<Option<u16>>(),
    );
    prop_oneof![
        3 => (area, any::<u32>(), 0_u32..3000, any::<u32>(), 0_u8..16)
            .prop_map(|(a, s, k, w, f)| Op::Segment(a, s, k, w, f)),
        4 => (1_u16..300, prop::option::of(map)).prop_map(|(len, map)| Op::Data(len, map)),
        4 => (1_u16..300).prop_map(Op::Good),
        3 => (1_u32..5_000).prop_map(Op::Write),
        3 => (1_u32..5_000, any::<u8>()).prop_map(|(room, part)| Op::HandOver(room, part)),
        1 => any::<u32>().prop_map(Op::Space),
        3 => (any::<u32>(), 0_u32..70_000, 0_u8..8).prop_map(|(s, l, f)| Op::Stamp(s % 5_000, l, f)),
        1 => any::<u32>().prop_map(Op::Acked),
        2 => Just(Op::Timer),
        1 => Just(Op::Shut),
        1 => Just(Op::Fin),
        1 => any::<bool>().prop_map(Op::Close),
        1 => Just(Op::Abort),
        1 => Just(Op::Closed),
    ]
}

fn segment(rig: &mut Rig, area: &[u8], numbers: (u32, u32, u32), flags: u8) {
    let (ssn, ack, window) = numbers;
    let rst = flags == 1;
    let len = u32::from(flags & 2 != 0);
    let kind = if rst {
        SegmentKind::Rst
    } else {
        SegmentKind::NonSyn { payload_len: len }
    };
    let options = parse(area, kind);
    rig.post(Event::Segment {
        sf: SF,
        segment: RxSegment {
            ssn: Ssn(ssn),
            len,
            ack: (flags & 4 != 0).then_some(Ssn(ack)),
            window,
            fin: flags & 8 != 0,
            rst,
        },
        options: &options,
    });
}

fn apply(rig: &mut Rig, op: &Op) {
    match op {
        Op::Segment(area, ssn, ack, window, flags) => {
            segment(rig, area, (*ssn, *ack, *window), *flags);
        }
        Op::Data(len, map) => {
            let place = i64::from(rig.rx);
            let map = map.map(|(dsn, ssn, len, data_fin, checksum)| Mapping {
                dsn: WireDsn::long(Dsn(their(0).0.wrapping_add(dsn as u64))),
                ssn: Ssn((place + i64::from(ssn)) as u32),
                len,
                data_fin,
                checksum,
            });
            rig.mapped(&vec![1; usize::from(*len)], map);
        }
        Op::Good(len) => {
            let next = rig.shared.rcv_nxt();
            let map = mapping(next, rig.rx, *len);
            rig.mapped(&vec![2; usize::from(*len)], Some(map));
        }
        Op::Write(len) => {
            rig.post(Event::AppWrote { len: *len });
        }
        Op::HandOver(room, part) => {
            if let Some(transmit) = rig.offer(*room) {
                rig.take(
                    &transmit,
                    transmit.len.min(transmit.len / 2 + u32::from(*part)),
                );
            }
        }
        Op::Space(free) => {
            rig.post(Event::ReceiveSpace { free: *free });
        }
        Op::Stamp(ssn, len, flags) => {
            let segment = TxSegment {
                ssn: Ssn(*ssn),
                len: *len,
                una: Ssn(1),
                fin: flags & 1 != 0,
                rst: *flags == 6,
                free: *len,
                ..TxSegment::default()
            };
            let stamp = rig.tx.stamp(&segment, &rig.shared);
            if let Stamp::Send(stamped) = stamp {
                assert!(stamped.payload <= *len);
                assert!(fit(&[], &stamped.options).len <= 40);
            }
        }
        Op::Acked(una) => {
            rig.post(Event::SubflowAcked {
                sf: SF,
                una: Ssn(*una),
            });
        }
        Op::Timer => {
            if rig.conn.next_timeout().is_some() {
                rig.timeout();
            }
        }
        Op::Shut => {
            rig.post(Event::ShutdownWrite);
        }
        Op::Fin => {
            rig.post(Event::SubflowFin { sf: SF });
        }
        Op::Close(unread) => {
            rig.post(Event::Close { unread: *unread });
        }
        Op::Abort => {
            rig.post(Event::Abort);
        }
        Op::Closed => {
            rig.post(Event::SubflowClosed {
                sf: SF,
                ending: Ending::Reset,
            });
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_happens_panics_or_goes_back(
        ops in prop::collection::vec(op(), 0..60),
        checksum in any::<bool>(),
        verified in any::<bool>(),
        refused in 0_u64..60,
    ) {
        let mut rig = Box::new(Rig::with(checksum, verified));
        let (mut una, mut next, mut edge) = (our(0), rig.shared.rcv_nxt(), rig.shared.edge());
        crate::engine::mem::refuse::nth(refused);
        for op in &ops {
            apply(&mut rig, op);
            prop_assert!(rig.actions.len() < 10_000);
            rig.actions.clear();
            let info = rig.conn.info();
            prop_assert!(info.snd_una.at_or_after(una));
            prop_assert!(info.snd_una.at_or_before(info.snd_nxt));
            prop_assert!(info.snd_nxt.at_or_before(info.write_seq));
            prop_assert!(rig.shared.rcv_nxt().at_or_after(next));
            prop_assert!(rig.shared.edge().at_or_after(edge));
            (una, next, edge) = (info.snd_una, rig.shared.rcv_nxt(), rig.shared.edge());
        }
        crate::engine::mem::refuse::nothing();
    }
}
