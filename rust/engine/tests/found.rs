// SPDX-License-Identifier: GPL-2.0

//! What the fuzzer and the simulation found: one test for each, by the rule that was broken. The fuzzer's inputs are in
//! `rust/fuzz/regressions`, the simulation's scenarios in `rust/sim/tests/regressions.rs`.

use super::receiving::with_one_good_mapping;
use super::*;

/// `MP_FAIL` of the peer, with a `DATA_ACK` of nothing.
fn fail() -> Options {
    on_ack(&OptionSet {
        fail: Some(Fail { dsn: our(0) }),
        ..OptionSet::from(Dss::ack(WireDsn::long(our(0))))
    })
}

fn reset_naming(dsn: Dsn) -> Action<Bytes> {
    let reset = Reset {
        reason: ResetReason::MIDDLEBOX,
        transient: false,
    };
    let order = Order::Reset {
        reset,
        fast_close: false,
        fail: Some(dsn),
    };
    Action::Tell { sf: SF, order }
}

#[test]
fn no_fallback_brings_bytes_behind_the_end_of_the_stream() {
    let mut rig = Rig::new(false);
    rig.data(0, b"abc").segment(&data_fin(3));
    assert!(rig.has(&Action::ReceiveShut));
    rig.mapped(b"def", Some(mapping(their(4), 4, 0)));
    assert_eq!(rig.conn.mode(), Mode::Fallback);
    assert_eq!(rig.read, b"abc");
    assert!(rig.has(&reset_with(ResetReason::MPTCP)));
}

#[test]
fn a_data_fin_before_bytes_that_have_come_resets_the_subflow() {
    let mut rig = Rig::new(false);
    rig.stamp(1, 0);
    rig.data(4, b"efg").segment(&data_fin(3));
    assert!(rig.has(&reset_with(ResetReason::MPTCP)));
    rig.data(0, b"abc");
    assert!(!rig.has(&Action::ReceiveShut));
    assert_eq!(rig.read, b"");
}

#[test]
fn bytes_held_after_a_failed_mapping_must_follow_it() {
    let mut rig = with_one_good_mapping();
    let bad = summed(mapping(their(3), 4, 3), b"def");
    rig.mapped(b"dEf", Some(bad));
    rig.asked();
    // A copy: the peer has not heard of the failure.
    let again = summed(mapping(their(3), 7, 3), b"def");
    rig.mapped(b"def", Some(again));
    assert!(rig.has(&reset_with(ResetReason::MPTCP)));
    rig.segment(&fail());
    assert_eq!(rig.read, b"abc");
}

#[test]
fn a_copy_with_a_bad_checksum_is_not_settled_by_plain_tcp() {
    let mut rig = with_one_good_mapping();
    let bad = summed(mapping(their(0), 4, 3), b"abc");
    rig.mapped(b"aBc", Some(bad));
    assert!(rig.has(&reset_naming(their(0))));
    assert_eq!(rig.read, b"abc");
}

#[test]
fn in_the_middle_of_a_copy_there_is_no_way_to_plain_tcp() {
    let mut rig = Rig::new(false);
    rig.data(0, b"abcdef");
    rig.asked();
    rig.mapped(b"ab", Some(mapping(their(0), 7, 6)));
    rig.mapped(b"cd", Some(mapping(their(90), 9, 2)));
    assert!(rig.counted(Mib::DssReset));
    assert!(rig.has(&reset_with(ResetReason::MPTCP)));
    assert_eq!(rig.read, b"abcdef");
}

#[test]
fn bytes_that_cannot_be_held_after_a_failed_mapping_reset_the_subflow() {
    let mut rig = with_one_good_mapping();
    let bad = summed(mapping(their(3), 4, 3), b"def");
    rig.mapped(b"dEf", Some(bad));
    rig.asked();
    let mut place = 6;
    while !rig.counted(Mib::DssReset) {
        // As often as it takes until the array of held handles has to grow.
        crate::engine::mem::refuse::nth(0);
        rig.mapped(b"g", None);
        place += 1;
        assert!(place < 100);
    }
    crate::engine::mem::refuse::nothing();
    rig.segment(&fail());
    assert_eq!(rig.read, b"abc");
    assert_eq!(rig.conn.mode(), Mode::Verified);
}

#[test]
fn bytes_lost_for_want_of_memory_forbid_plain_tcp_at_once() {
    let mut rig = Rig::new(false);
    let short = Bytes(b"abcde#".to_vec());
    rig.rx += 6;
    rig.post(Event::Data {
        sf: SF,
        ssn: Ssn(1),
        payload: short,
        mapping: Some(mapping(their(0), 1, 3)),
    });
    assert_eq!(rig.read, b"abc");
    // What would make it plain TCP if nothing were lost.
    rig.write(10);
    rig.ssn = 11;
    rig.segment(&no_options());
    assert_eq!(rig.conn.mode(), Mode::Verified);
}

#[test]
fn a_promised_infinite_mapping_is_not_sent_once_bytes_are_lost() {
    let mut rig = Rig::new(true);
    rig.segment(&fail());
    assert!(rig.counted(Mib::MPFailTx));
    rig.asked();
    // The first mapping is given up for want of memory.
    crate::engine::mem::refuse::nth(1);
    let good = summed(mapping(their(0), 1, 3), b"abc");
    rig.mapped(b"abc", Some(good));
    crate::engine::mem::refuse::nothing();
    assert!(rig.counted(Mib::FallbackFailed));
    assert!(rig.has(&reset_with(ResetReason::MIDDLEBOX)));
    assert_eq!(rig.write(10), 0);
    assert_eq!(rig.conn.mode(), Mode::Verified);
}

#[test]
fn before_anything_is_acknowledged_the_first_byte_is_the_probe() {
    let open = PassiveOpen {
        local: key_b(),
        remote: key_a(),
        checksum: false,
        remote_deny_join: false,
        with_data: true,
    };
    let mut rig = Rig::new(false);
    let (config, now) = (Config::default(), Instant::default());
    rig.conn = Connection::passive(config, &open, 0, 0, &rig.shared, now).unwrap();
    rig.drain();
    rig.post(Event::AppWrote { len: 5 });
    assert_eq!(rig.offer(1_000), None);
    rig.timeout();
    let transmit = rig.offer(1_000).unwrap();
    assert_eq!((transmit.dsn, transmit.len), (our(0), 1));
    assert!(!transmit.reinjection);
}

#[test]
fn the_end_of_the_stream_waits_for_bytes_that_were_held() {
    let mut rig = with_one_good_mapping();
    let bad = summed(mapping(their(3), 4, 3), b"def");
    rig.mapped(b"dEf", Some(bad));
    rig.post(Event::SubflowFin { sf: SF });
    assert!(!rig.has(&Action::ReceiveShut));
    rig.segment(&dss(None, Some(summed(mapping(their(6), 7, 0), b""))));
    assert!(rig.has(&Action::FellBack(FallbackReason::InfiniteReceived)));
    assert_eq!(rig.read, b"abcdEf");
    assert!(rig.has(&Action::ReceiveShut));
}

#[test]
fn a_copy_that_plain_tcp_would_take_for_new_ends_the_connection() {
    let mut rig = Rig::new(false);
    rig.data(0, b"abc").mapped(b"def", None);
    assert_eq!(rig.conn.mode(), Mode::Fallback);
    // The mapping of what comes next is no surprise, whether its place is said in 8 octets or in 4.
    rig.data(6, b"gh");
    let short = Mapping {
        dsn: WireDsn::short(their(8)),
        ..mapping(their(8), rig.rx, 1)
    };
    rig.mapped(b"i", Some(short));
    assert!(!rig.counted(Mib::DssReset));
    // The peer has not heard of the fallback.
    rig.data(3, b"def");
    assert!(rig.has(&reset_with(ResetReason::MPTCP)));
    assert!(rig.has(&Action::Error(ConnError::Reset)));
    assert_eq!(rig.read, b"abcdefghi");
}

#[test]
fn bytes_do_not_go_again_to_a_peer_whose_last_word_had_no_options() {
    let mut rig = Rig::new(false);
    rig.write(10);
    // A middlebox has put this before what followed, and kept the numbers of that.
    rig.segment(&dss(Some(our(0)), None));
    rig.rx += 2;
    rig.segment(&no_options());
    // Overtaken.
    rig.rx -= 2;
    rig.segment(&dss(Some(our(0)), None));
    rig.timeout();
    assert!(rig.has(&Action::FellBack(FallbackReason::NoOptions)));
    assert_eq!(rig.hand_over(), 0);
}
