// SPDX-License-Identifier: GPL-2.0

//! Bytes that arrive, and mappings that do or do not fit them.

use super::*;
use crate::engine::mem::refuse;

#[test]
fn bytes_are_delivered_in_the_order_of_the_data_sequence() {
    let mut rig = Rig::new(false);
    rig.stamp(1, 0);
    rig.data(3, b"def");
    assert_eq!(rig.read, b"");
    assert!(rig.counted(Mib::OFOQueue));
    rig.data(0, b"abc");
    assert_eq!(rig.read, b"abcdef");
    assert_eq!(rig.shared.rcv_nxt(), their(6));
    assert_eq!(rig.conn.info().bytes_received, 6);
}

#[test]
fn a_copy_is_dropped_and_answered() {
    let mut rig = Rig::new(false);
    rig.data(0, b"abc");
    rig.asked();
    rig.data(0, b"abc");
    assert_eq!(rig.read, b"abc");
    assert!(rig.counted(Mib::DuplicateData));
    assert!(rig.has(&ack_everywhere()));
    // A copy that goes further gives only what is new of it.
    rig.data(1, b"bcde");
    assert_eq!(rig.read, b"abcde");
}

#[test]
fn a_mapping_may_reach_over_many_segments() {
    let mut rig = Rig::new(false);
    let map = mapping(their(0), 1, 6);
    rig.mapped(b"ab", Some(map));
    rig.mapped(b"cd", None);
    rig.mapped(b"ef", Some(map));
    assert_eq!(rig.read, b"abcdef");
}

#[test]
fn a_buffer_may_hold_bytes_of_two_mappings() {
    let mut rig = Rig::new(false);
    rig.stamp(1, 0);
    // The second is known from a copy of its segment that came before.
    let second = mapping(their(10), 4, 3);
    rig.mapped(b"", None);
    let first = mapping(their(0), 1, 3);
    rig.post(Event::Data {
        sf: SF,
        ssn: Ssn(1),
        payload: Bytes(b"a".to_vec()),
        mapping: Some(first),
    });
    rig.post(Event::Data {
        sf: SF,
        ssn: Ssn(2),
        payload: Bytes(b"bcxyz".to_vec()),
        mapping: Some(second),
    });
    assert_eq!(rig.read, b"abc");
    rig.rx = 7;
    rig.data(3, b"defghij");
    assert_eq!(rig.read, b"abcdefghijxyz");
}

#[test]
fn a_mapping_announced_with_a_longer_length_is_extended() {
    let mut rig = Rig::new(false);
    rig.mapped(b"ab", Some(mapping(their(0), 1, 4)));
    rig.mapped(b"cdef", Some(mapping(their(0), 1, 6)));
    assert_eq!(rig.read, b"abcdef");
}

#[test]
fn a_contradicting_mapping_resets_a_subflow_that_cannot_fall_back() {
    let mut rig = Rig::new(false);
    // A copy went out: no way to plain TCP any more.
    rig.write(100);
    rig.segment(&dss(Some(our(0)), None));
    rig.timeout();
    rig.hand_over();
    rig.asked();
    rig.mapped(b"ab", Some(mapping(their(0), 1, 4)));
    rig.mapped(b"cd", Some(mapping(their(7), 1, 4)));
    assert!(rig.counted(Mib::DSSNotMatching));
    assert!(rig.has(&reset_with(ResetReason::MPTCP)));
    assert!(rig.has(&Action::ResetSubflow { sf: SF }));
}

#[test]
fn a_contradicting_mapping_ends_in_plain_tcp_where_that_is_possible() {
    let mut rig = Rig::new(false);
    rig.mapped(b"ab", Some(mapping(their(0), 1, 4)));
    rig.mapped(b"cd", Some(mapping(their(7), 1, 4)));
    assert!(rig.has(&Action::FellBack(FallbackReason::Mapping)));
    assert_eq!(rig.read, b"abcd");
}

#[test]
fn unmapped_bytes_are_taken_as_plain_tcp() {
    let mut rig = Rig::with(false, false);
    rig.mapped(b"plain", None);
    assert_eq!(rig.read, b"plain");
    assert!(rig.counted(Mib::DssFallback));
    rig.mapped(b" text", None);
    assert_eq!(rig.read, b"plain text");
    // No option is said, and none is heard.
    assert!(rig.stamp(1, 0).options.is_empty());
}

#[test]
fn unmapped_bytes_behind_a_gap_reset_the_subflow() {
    let mut rig = Rig::new(false);
    rig.stamp(1, 0);
    rig.data(100, b"later");
    rig.mapped(b"plain", None);
    assert!(rig.counted(Mib::DssReset));
    assert!(rig.has(&reset_with(ResetReason::MIDDLEBOX)));
    assert_eq!(rig.read, b"");
}

#[test]
fn a_mapping_nowhere_near_is_refused() {
    let mut rig = Rig::new(false);
    rig.stamp(1, 0);
    rig.data(100, b"later");
    rig.mapped(b"far", Some(mapping(their(1 << 40), 6, 3)));
    assert!(rig.has(&reset_with(ResetReason::MPTCP)));
}

#[test]
fn a_checksum_against_the_agreement_resets_the_subflow() {
    let mut rig = Rig::new(false);
    let map = summed(mapping(their(0), 1, 3), b"abc");
    rig.mapped(b"abc", Some(map));
    assert!(rig.has(&reset_with(ResetReason::MPTCP)));
    let mut rig = Rig::new(true);
    rig.data(0, b"abc");
    assert!(rig.has(&reset_with(ResetReason::MPTCP)));
    assert_eq!(rig.read, b"");
}

#[test]
fn with_checksums_bytes_wait_for_the_whole_mapping() {
    let mut rig = Rig::new(true);
    let map = summed(mapping(their(0), 1, 7), b"abcdefg");
    rig.mapped(b"abc", Some(map));
    rig.mapped(b"d", None);
    assert_eq!(rig.read, b"");
    assert_eq!(rig.shared.rcv_nxt(), their(0));
    rig.mapped(b"efg", Some(map));
    assert_eq!(rig.read, b"abcdefg");
    assert_eq!(rig.shared.rcv_nxt(), their(7));
}

pub(super) fn with_one_good_mapping() -> Rig {
    let mut rig = Rig::new(true);
    // Promises a window.
    rig.stamp(1, 0);
    let map = summed(mapping(their(0), 1, 3), b"abc");
    rig.mapped(b"abc", Some(map));
    rig.asked();
    rig
}

#[test]
fn a_bad_checksum_is_told_and_its_bytes_held_until_the_peer_falls_back() {
    let mut rig = with_one_good_mapping();
    let bad = summed(mapping(their(3), 4, 3), b"def");
    rig.mapped(b"dEf", Some(bad));
    assert!(rig.counted(Mib::DataCsumErr) && rig.counted(Mib::MPFailTx));
    assert_eq!(rig.read, b"abc");
    assert_eq!(rig.stamp(1, 0).options.fail, Some(Fail { dsn: their(3) }));
    // What follows waits as well; nothing of it is acknowledged.
    let good = summed(mapping(their(6), 7, 3), b"ghi");
    rig.mapped(b"ghi", Some(good));
    assert_eq!(rig.shared.rcv_nxt(), their(3));
    // The peer's infinite mapping says that all of it counts.
    let infinite = mapping(their(9), 10, 0);
    rig.mapped(b"jkl", Some(infinite));
    assert_eq!(rig.read, b"abcdEfghijkl");
    assert!(rig.has(&Action::FellBack(FallbackReason::InfiniteReceived)));
}

#[test]
fn mp_fail_in_answer_to_ours_settles_it_too() {
    let mut rig = with_one_good_mapping();
    let bad = summed(mapping(their(3), 4, 3), b"def");
    rig.mapped(b"dEf", Some(bad));
    rig.asked();
    let fail = OptionSet {
        fail: Some(Fail { dsn: our(0) }),
        ..OptionSet::from(Dss::ack(WireDsn::long(our(0))))
    };
    rig.segment(&on_ack(&fail));
    assert_eq!(rig.read, b"abcdEf");
    assert_eq!(rig.conn.next_timeout(), None);
    // We go on as MPTCP until the peer says the infinite mapping.
    assert_eq!(rig.conn.mode(), Mode::Verified);
}

#[test]
fn unanswered_mp_fail_resets_the_subflow() {
    let mut rig = with_one_good_mapping();
    let bad = summed(mapping(their(3), 4, 3), b"def");
    rig.mapped(b"dEf", Some(bad));
    rig.asked();
    rig.timeout();
    assert_eq!(rig.now, 120_000);
    assert!(rig.has(&reset_with(ResetReason::MIDDLEBOX)));
}

#[test]
fn a_bad_checksum_after_a_reinjection_resets_the_subflow_with_mp_fail() {
    let mut rig = with_one_good_mapping();
    rig.write(100);
    rig.segment(&dss(Some(our(0)), None));
    rig.timeout();
    rig.hand_over();
    rig.asked();
    let bad = summed(mapping(their(3), 4, 3), b"def");
    rig.mapped(b"dEf", Some(bad));
    let order = Order::Reset {
        reset: Reset {
            reason: ResetReason::MIDDLEBOX,
            transient: false,
        },
        fast_close: false,
        fail: Some(their(3)),
    };
    assert!(rig.has(&Action::Tell { sf: SF, order }));
    assert_eq!(rig.read, b"abc");
}

#[test]
fn an_infinite_mapping_that_does_not_fit_resets_the_subflow() {
    let mut rig = Rig::new(false);
    rig.data(0, b"abc");
    rig.asked();
    rig.mapped(b"xyz", Some(mapping(their(9), 4, 0)));
    assert!(rig.counted(Mib::InfiniteMapRx));
    assert!(rig.has(&reset_with(ResetReason::MPTCP)));
    assert_eq!(rig.read, b"abc");
}

#[test]
fn an_infinite_mapping_makes_the_rest_plain() {
    let mut rig = Rig::new(false);
    rig.data(0, b"abc");
    rig.mapped(b"def", Some(mapping(their(3), 4, 0)));
    rig.mapped(b"ghi", None);
    assert_eq!(rig.read, b"abcdefghi");
    assert_eq!(rig.conn.mode(), Mode::Fallback);
}

#[test]
fn data_beyond_the_promised_edge_is_dropped_as_far_as_it_is_beyond() {
    let mut rig = Rig::new(false);
    rig.stamp(1, 0);
    rig.data(4_990, &[1; 20]);
    assert!(rig.counted(Mib::NoDSSInWindow));
    rig.data(5_000, b"x");
    rig.data(0, &[2; 4_990]);
    assert_eq!(rig.read.len(), 5_000);
}

#[test]
fn growing_space_is_told_when_it_doubles_what_is_promised() {
    let mut rig = Rig::new(false);
    rig.stamp(1, 0);
    rig.data(0, &[1; 5_000]);
    rig.asked();
    rig.post(Event::ReceiveSpace { free: 5_000 });
    assert!(rig.has(&ack_everywhere()));
    rig.stamp(1, 0);
    rig.asked();
    rig.post(Event::ReceiveSpace { free: 6_000 });
    assert!(!rig.has(&ack_everywhere()));
}

#[test]
fn a_refused_allocation_loses_only_what_the_peer_sends_again() {
    let mut rig = Rig::new(false);
    rig.stamp(1, 0);
    refuse::nth(0);
    rig.data(3, b"def");
    refuse::nothing();
    rig.data(0, b"abc");
    assert_eq!(rig.read, b"abc");
    rig.data(3, b"def");
    assert_eq!(rig.read, b"abcdef");
    // What was lost leaves no way to plain TCP.
    rig.mapped(b"plain", None);
    assert!(rig.has(&reset_with(ResetReason::MIDDLEBOX)));
}

#[test]
fn wrong_keys_and_repeated_ones_in_the_third_ack_are_told_apart() {
    let offer = initiate::SynOffer {
        checksum: true,
        deny_join: true,
    };
    let policy = initiate::ListenPolicy::default();
    let third = |receiver: Key, len: Option<u16>| {
        let flags = CapableFlags::default();
        let sender = key_a().key;
        let capable = match len {
            None => Capable::Ack {
                flags,
                sender,
                receiver,
            },
            Some(len) => Capable::AckData {
                flags,
                sender,
                receiver,
                len,
                checksum: Some(1),
            },
        };
        let payload_len = u32::from(len.unwrap_or(0));
        let kind = SegmentKind::NonSyn { payload_len };
        let options = parsed(&OptionSet::from(capable), kind);
        initiate::accept_third_ack::<HostSha256>(&options, offer, policy, key_b())
    };
    let initiate::ThirdAck::Capable(open) = third(key_b().key, None) else {
        panic!("refused");
    };
    assert!(open.checksum && open.remote_deny_join && !open.with_data);
    assert_eq!(open.remote, key_a());
    let initiate::ThirdAck::Capable(open) = third(key_b().key, Some(5)) else {
        panic!("refused");
    };
    assert!(open.with_data);
    let wrong = third(key_a().key, None);
    assert!(matches!(wrong, initiate::ThirdAck::Fallback));
}

#[test]
fn a_syn_without_a_usable_option_is_answered_as_plain_tcp() {
    let none = initiate::answer_syn(&no_options());
    assert_eq!(none, initiate::SynAnswer::Plain);
    // Version 0, flag B, and a crypto bit other than H.
    for area in [[30, 4, 0, 0x01], [30, 4, 1, 0x41], [30, 4, 1, 0x02]] {
        let options = parse(&area, SegmentKind::Syn);
        assert_eq!(initiate::answer_syn(&options), initiate::SynAnswer::Plain);
    }
    let options = parse(&[30, 4, 1, 0x81], SegmentKind::Syn);
    let offer = initiate::SynOffer {
        checksum: true,
        deny_join: false,
    };
    assert_eq!(
        initiate::answer_syn(&options),
        initiate::SynAnswer::Capable(offer)
    );
}

#[test]
fn two_handles_for_one_mapping_come_out_in_order() {
    let mut rig = Rig::new(true);
    let map = summed(mapping(their(0), 1, 4), b"abcd");
    rig.mapped(b"ab", Some(map));
    rig.mapped(b"cd", None);
    assert_eq!(rig.read, b"abcd");
    assert_eq!(pair(1, 2).len(), 2);
}

#[test]
fn a_syn_that_wants_to_join_says_what() {
    let join = crate::wire::parse(
        &[0x1e, 0x0c, 0x10, 2, 0xcc, 0xad, 0x45, 0xac, 1, 2, 3, 4],
        SegmentKind::Syn,
    );
    let initiate::SynAnswer::Join(syn) = initiate::answer_syn(&join) else {
        panic!("a join");
    };
    assert_eq!((syn.token, syn.id), (Token(0xccad_45ac), AddrId(2)));
}

#[test]
fn bytes_that_come_twice_count_once() {
    let mut rig = Rig::new(false);
    rig.data(0, b"abcd");
    rig.rx = 3;
    rig.mapped(b"cdef", Some(mapping(their(0), 1, 6)));
    assert_eq!(rig.read, b"abcdef");
    rig.rx = 1;
    rig.mapped(b"abc", None);
    assert_eq!(rig.read, b"abcdef");
    assert_eq!(rig.conn.mode(), Mode::Verified);
}

#[test]
fn an_infinite_mapping_needs_no_bytes() {
    let mut rig = Rig::new(false);
    rig.data(0, b"abc");
    rig.segment(&dss(None, Some(mapping(their(3), 4, 0))));
    assert!(rig.has(&Action::FellBack(FallbackReason::InfiniteReceived)));
    rig.mapped(b"def", None);
    assert_eq!(rig.read, b"abcdef");
}

#[test]
fn mappings_may_come_in_any_order_before_their_bytes() {
    let mut rig = Rig::new(true);
    let last = summed(mapping(their(6), 7, 3), b"ghi");
    let first = summed(mapping(their(0), 1, 6), b"abcdef");
    rig.mapped(b"ab", Some(first));
    // A segment that a middlebox put together from parts of two.
    rig.mapped(b"cd", Some(last));
    let middle = summed(mapping(their(9), 10, 1), b"j");
    rig.mapped(b"ef", Some(middle));
    rig.mapped(b"ghij", None);
    assert_eq!(rig.read, b"abcdefghij");
}

#[test]
fn what_the_peer_thinks_of_joins_is_known() {
    let open = PassiveOpen {
        local: key_b(),
        remote: key_a(),
        checksum: false,
        remote_deny_join: true,
        with_data: false,
    };
    let (shared, now) = (Shared::new(), Instant::default());
    let conn: Connection<Bytes> =
        Connection::passive(Config::default(), &open, 1_000, 0, &shared, now).unwrap();
    assert!(conn.remote_denies_join());
    assert!(!Rig::new(false).conn.remote_denies_join());
}
