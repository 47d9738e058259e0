// SPDX-License-Identifier: GPL-2.0

//! What segments carry.

use super::*;
use crate::engine::mem::refuse;
use crate::engine::shared::Flag;
use proptest::prelude::*;

fn map_of(stamped: &Stamped) -> Mapping {
    match stamped.options.lead {
        Some(Lead::Dss(Dss { map: Some(map), .. })) => map,
        other => panic!("no mapping: {other:?}"),
    }
}

#[test]
fn a_retransmission_of_a_part_carries_the_identical_mapping() {
    let mut rig = Rig::new(false);
    rig.write(5_000);
    let whole = map_of(&rig.stamp(1, 3_000));
    assert_eq!((whole.ssn, whole.len), (Ssn(1), 3_000));
    assert_eq!(map_of(&rig.stamp(1, 100)), whole);
    assert_eq!(map_of(&rig.stamp(1_500, 1_000)), whole);
    assert_eq!(rig.stamp(1_500, 1_000).payload, 1_000);
}

#[test]
fn a_segment_never_reaches_into_a_second_mapping() {
    let mut rig = Rig::new(false);
    rig.write(5_000);
    rig.stamp(1, 1_000);
    let second = map_of(&rig.stamp(1_001, 1_000));
    assert_eq!(second.dsn, WireDsn::long(our(1_000)));
    let spanning = rig.stamp(501, 1_000);
    assert_eq!(map_of(&spanning).ssn, Ssn(1));
    // The tail is cut off, as if the network had lost it.
    assert_eq!(spanning.payload, 500);
}

#[test]
fn bytes_behind_a_jump_of_the_data_sequence_get_their_own_mapping() {
    let mut rig = Rig::new(false);
    rig.write(2_000);
    // The peer's TCP has it all, the connection has not: everything goes again.
    rig.segment(&dss(Some(our(0)), None));
    rig.timeout();
    assert_eq!(rig.hand_over(), 2_000);
    let stamped = rig.stamp(1, 4_000);
    assert_eq!(stamped.payload, 2_000);
    // What TCP believes to have sent leaves a hole, which a later segment fills.
    rig.write(500);
    let beyond = map_of(&rig.stamp(4_001, 500));
    assert_eq!(beyond.dsn, WireDsn::long(our(2_000)));
    let hole = rig.stamp(2_001, 2_500);
    assert_eq!(map_of(&hole).dsn, WireDsn::long(our(0)));
    assert_eq!((map_of(&hole).len, hole.payload), (2_000, 2_000));
}

#[test]
fn a_mapping_is_never_longer_than_the_field_with_a_data_fin() {
    let mut rig = Rig::new(false);
    rig.segment(&dss(Some(our(0)), None));
    let mut segment = RxSegment {
        ssn: Ssn(1),
        ack: Some(Ssn(1)),
        window: 1 << 20,
        ..RxSegment::default()
    };
    segment.len = 0;
    let options = dss(Some(our(0)), None);
    rig.post(Event::Segment {
        sf: SF,
        segment,
        options: &options,
    });
    rig.write(70_000);
    let stamped = rig.stamp(1, 70_000);
    assert_eq!(map_of(&stamped).len, 65_534);
    assert_eq!(stamped.payload, 65_534);
}

#[test]
fn a_data_fin_right_behind_the_bytes_rides_on_their_mapping() {
    let mut rig = Rig::new(false);
    rig.write(1_000);
    let before = map_of(&rig.stamp(1, 1_000));
    assert!(!before.data_fin);
    rig.post(Event::ShutdownWrite);
    let after = map_of(&rig.stamp(1, 1_000));
    assert!(after.data_fin);
    assert_eq!(after.len, 1_001);
    assert_eq!(after.payload_len(), before.payload_len());
}

#[test]
fn a_data_fin_without_data_maps_no_byte() {
    let mut rig = Rig::new(false);
    rig.write(10);
    rig.post(Event::ShutdownWrite);
    let map = map_of(&rig.stamp(11, 0));
    assert_eq!(map.dsn, WireDsn::long(our(10)));
    assert_eq!((map.ssn, map.len, map.data_fin), (Ssn(0), 1, true));
    // Until it is acknowledged.
    rig.data_ack(11);
    let stamped = rig.stamp(11, 0);
    assert!(matches!(
        stamped.options.lead,
        Some(Lead::Dss(Dss { map: None, .. }))
    ));
}

#[test]
fn data_acks_have_four_octets_until_the_peer_uses_eight() {
    let mut rig = Rig::with(false, false);
    let ack = |rig: &mut Rig| match rig.stamp(1, 0).options.lead {
        Some(Lead::Dss(Dss { data_ack, .. })) => data_ack,
        _ => None,
    };
    assert_eq!(ack(&mut rig), Some(WireDsn::short(their(0))));
    let short = Mapping {
        dsn: WireDsn::short(their(0)),
        ..mapping(their(0), 1, 3)
    };
    rig.mapped(b"abc", Some(short));
    assert_eq!(ack(&mut rig), Some(WireDsn::short(their(3))));
    rig.data(3, b"def");
    assert_eq!(ack(&mut rig), Some(WireDsn::long(their(6))));
}

#[test]
fn the_window_is_relative_to_the_data_ack_and_its_edge_never_moves_back() {
    let mut rig = Rig::new(false);
    assert_eq!(octets(&rig.stamp(1, 0)), Some(5_000));
    rig.data(0, &[7; 1_000]);
    let segment = TxSegment {
        ssn: Ssn(1),
        una: Ssn(1),
        free: 1_000,
        ..TxSegment::default()
    };
    let Stamp::Send(stamped) = rig.tx.stamp(&segment, &rig.shared) else {
        panic!("withheld");
    };
    // 5000 were promised, 1000 have come.
    assert_eq!(octets(&stamped), Some(4_000));
    assert_eq!(rig.shared.edge(), their(5_000));
}

#[test]
fn without_memory_for_its_mapping_a_segment_is_withheld() {
    let mut rig = Rig::new(false);
    rig.write(100);
    let segment = TxSegment {
        ssn: Ssn(1),
        len: 100,
        una: Ssn(1),
        ..TxSegment::default()
    };
    refuse::nth(0);
    assert_eq!(rig.tx.stamp(&segment, &rig.shared), Stamp::Withhold);
    refuse::nothing();
    assert_eq!(map_of(&rig.stamp(1, 100)).len, 100);
}

#[test]
fn a_segment_that_never_left_may_grow() {
    let mut rig = Rig::new(false);
    rig.write(100);
    rig.stamp(1, 100);
    rig.tx.take_back(Ssn(1));
    rig.write(100);
    assert_eq!(map_of(&rig.stamp(1, 200)).len, 200);
    // One that may have left does not.
    rig.write(100);
    rig.stamp(1, 200);
    rig.tx.take_back(Ssn(1));
    assert_eq!(rig.stamp(1, 300).payload, 200);
}

#[test]
fn a_part_of_a_mapping_without_its_sum_is_withheld() {
    let mut rig = Rig::new(true);
    rig.write(100);
    let stamped = rig.stamp(1, 100);
    assert!(stamped.needs_checksum);
    let part = TxSegment {
        ssn: Ssn(51),
        len: 50,
        una: Ssn(1),
        ..TxSegment::default()
    };
    assert_eq!(rig.tx.stamp(&part, &rig.shared), Stamp::Withhold);
    let mut stamped = rig.stamp(1, 100);
    let mut sum = checksum::Partial::EMPTY;
    sum.add_bytes(&[9; 100]);
    rig.tx.complete(&mut stamped, Ssn(1), sum);
    let whole = map_of(&stamped);
    assert!(!rig.stamp(51, 50).needs_checksum);
    assert_eq!(map_of(&rig.stamp(51, 50)), whole);
}

#[test]
fn acknowledged_bytes_that_tcp_sends_again_need_no_mapping() {
    let mut rig = Rig::new(false);
    rig.write(100);
    rig.stamp(1, 100);
    let segment = TxSegment {
        ssn: Ssn(1),
        len: 100,
        una: Ssn(101),
        ..TxSegment::default()
    };
    let Stamp::Send(stamped) = rig.tx.stamp(&segment, &rig.shared) else {
        panic!("withheld");
    };
    assert_eq!(stamped.payload, 100);
}

#[test]
fn syns_stop_offering_after_the_configured_number() {
    let config = Config::default();
    let mut tx = SubflowTx::active(&config, key_a());
    let shared = Shared::new();
    let mut syn = |count: u8| {
        let segment = TxSegment {
            syn: true,
            syn_retransmits: count,
            ..TxSegment::default()
        };
        match tx.stamp(&segment, &shared) {
            Stamp::Send(stamped) => (stamped.options.is_empty(), stamped.fell_back),
            Stamp::Withhold => panic!("withheld"),
        }
    };
    let offers = [0, 1, 2].map(&mut syn);
    assert_eq!(offers, [(false, false); 3]);
    assert_eq!(syn(3), (true, true));
    // Told once, and never offered again.
    assert_eq!(syn(4), (true, false));
}

/// Whether the answer to a SYN without the option, sent once, is taken for a black hole.
fn finds_black_hole(offered: bool) -> bool {
    let config = Config::default();
    let shared = Shared::new();
    let now = Instant::default();
    let mut conn: Connection<Bytes> = if offered {
        Connection::active(config, key_a(), &shared, now).unwrap()
    } else {
        Connection::plain(config, key_a(), &shared, now).unwrap()
    };
    if offered {
        conn.handle(&shared, Event::SynDropped { sf: SF }, now);
        while conn.poll_action(&shared).is_some() {}
    }
    let event = Event::SynAck {
        sf: SF,
        answer: SynAckAnswer::Plain,
        window: 1_000,
        plain_syns: 1,
    };
    conn.handle(&shared, event, now);
    let mut found = false;
    while let Some(action) = conn.poll_action(&shared) {
        found |= action == Action::Blackhole;
    }
    found
}

#[test]
fn only_what_offered_mptcp_finds_a_black_hole() {
    assert!(finds_black_hole(true));
    assert!(!finds_black_hole(false));
}

#[test]
fn keys_are_repeated_until_the_peer_has_shown_that_it_has_ours() {
    let config = Config::default();
    let shared = Shared::new();
    let now = Instant::default();
    let mut conn: Connection<Bytes> = Connection::active(config, key_a(), &shared, now).unwrap();
    let mut tx = SubflowTx::active(&config, key_a());
    let event = Event::SynAck {
        sf: SF,
        answer: SynAckAnswer::Capable {
            remote: key_b(),
            checksum: false,
            deny_join: false,
        },
        window: 1_000,
        plain_syns: 0,
    };
    conn.handle(&shared, event, now);
    while let Some(action) = conn.poll_action(&shared) {
        if let Action::Tell { order, .. } = action {
            tx.apply(order);
        }
    }
    let ack = TxSegment {
        ssn: Ssn(1),
        una: Ssn(1),
        ..TxSegment::default()
    };
    for _ in 0..2 {
        let Stamp::Send(stamped) = tx.stamp(&ack, &shared) else {
            panic!("withheld");
        };
        assert!(matches!(
            stamped.options.lead,
            Some(Lead::Capable(Capable::Ack { .. }))
        ));
    }
    let options = on_ack(&OptionSet::from(Dss::ack(WireDsn::long(
        key_a().idsn.advance(1),
    ))));
    let segment = RxSegment {
        ssn: Ssn(1),
        ack: Some(Ssn(1)),
        ..RxSegment::default()
    };
    let event = Event::Segment {
        sf: SF,
        segment,
        options: &options,
    };
    conn.handle(&shared, event, now);
    assert_eq!(conn.mode(), Mode::Verified);
    let Stamp::Send(stamped) = tx.stamp(&ack, &shared) else {
        panic!("withheld");
    };
    assert!(matches!(stamped.options.lead, Some(Lead::Dss(_))));
}

#[test]
fn a_reset_of_tcp_itself_names_no_reason_but_says_so() {
    let mut rig = Rig::new(false);
    let segment = TxSegment {
        rst: true,
        ssn: Ssn(1),
        una: Ssn(1),
        ..TxSegment::default()
    };
    let Stamp::Send(stamped) = rig.tx.stamp(&segment, &rig.shared) else {
        panic!("withheld");
    };
    assert_eq!(stamped.options.reset, Some(Reset::default()));
    assert_eq!(stamped.options.lead, None);
}

proptest! {
    #[test]
    fn the_short_way_and_the_long_way_agree_on_usual_segments(
        long_ack in any::<bool>(),
        segments in proptest::collection::vec((1_u32..5_000, 0_u32..2_000, 1_u32..4_000, any::<bool>()), 1..40),
    ) {
        let (mut short, mut long) = (Rig::new(false), Rig::new(false));
        let mut una = 1;
        for rig in [&mut short, &mut long] {
            rig.write(4_000);
            rig.shared.set(Flag::LONG_ACK, long_ack);
        }
        for (ssn, len, acked, fin) in segments {
            una = una.max(acked);
            let segment = TxSegment { ssn: Ssn(ssn), len, una: Ssn(una), fin, free: 5_000 + len, ..TxSegment::default() };
            let brief = match short.tx.stamp_briefly(&segment, &short.shared) {
                Brief::Signal(signal) => Stamp::Send(signal.into()),
                Brief::Withhold => Stamp::Withhold,
                Brief::More => panic!("nothing unusual about it"),
            };
            prop_assert_eq!(brief, long.tx.stamp_at_length(&segment, &long.shared));
            prop_assert_eq!(short.shared.edge(), long.shared.edge());
        }
    }
}
