// SPDX-License-Identifier: GPL-2.0

//! What is handed over, when, and when again.

use super::*;

fn window(rig: &mut Rig, ack: u64, window: u32) {
    let options = dss(Some(our(ack)), None);
    let segment = RxSegment {
        ssn: Ssn(1),
        ack: Some(Ssn(rig.ssn)),
        window,
        ..RxSegment::default()
    };
    rig.post(Event::Segment {
        sf: SF,
        segment,
        options: &options,
    });
}

#[test]
fn nothing_new_goes_beyond_the_edge_of_the_window() {
    let mut rig = Rig::new(false);
    assert_eq!(rig.write(50_000), 10_000);
    assert_eq!(rig.conn.unsent(), 40_000);
    window(&mut rig, 10_000, 500);
    assert_eq!(rig.hand_over(), 500);
}

#[test]
fn an_old_data_ack_with_a_larger_window_moves_the_edge_on() {
    let mut rig = Rig::new(false);
    rig.write(50_000);
    window(&mut rig, 5_000, 6_000);
    assert_eq!(rig.hand_over(), 1_000);
    window(&mut rig, 4_000, 9_000);
    assert_eq!(rig.hand_over(), 2_000);
    // And never back.
    window(&mut rig, 5_000, 1_000);
    assert_eq!(rig.conn.info().snd_una, our(5_000));
    assert_eq!(rig.hand_over(), 0);
}

#[test]
fn a_data_ack_of_what_was_never_sent_is_ignored_with_its_window() {
    let mut rig = Rig::new(false);
    rig.write(50_000);
    window(&mut rig, 10_001, 60_000);
    assert_eq!(rig.conn.info().snd_una, our(0));
    assert_eq!(rig.hand_over(), 0);
}

#[test]
fn a_data_ack_may_overtake_the_report_of_what_tcp_took() {
    let mut rig = Rig::new(false);
    rig.post(Event::AppWrote { len: 1_000 });
    let transmit = rig.offer(1_000).unwrap();
    rig.tx.record_run(Ssn(1), &transmit).unwrap();
    window(&mut rig, 1_000, 10_000);
    assert_eq!(rig.conn.info().snd_una, our(1_000));
    rig.take(&transmit, 1_000);
    assert_eq!(rig.conn.info().snd_nxt, our(1_000));
    assert_eq!(rig.conn.unacknowledged(), 0);
}

/// The peer's TCP acknowledges the first `len` bytes, before we are told that ours took them.
fn acknowledged_ahead(rig: &mut Rig, len: u32, options: &Options) {
    rig.ssn += len;
    rig.segment(options);
    rig.ssn -= len;
}

#[test]
fn tcp_may_deliver_bytes_before_it_reports_them_and_they_still_go_again_if_lost() {
    let mut rig = Rig::new(false);
    rig.post(Event::AppWrote { len: 1_000 });
    let transmit = rig.offer(1_000).unwrap();
    acknowledged_ahead(&mut rig, 1_000, &dss(Some(our(300)), None));
    rig.take(&transmit, 1_000);
    rig.timeout();
    let again = rig.offer(u32::MAX).unwrap();
    assert_eq!((again.dsn, again.len), (our(300), 700));
}

#[test]
fn a_bare_acknowledgement_of_our_first_data_may_come_before_the_report_too() {
    let mut rig = Rig::with(false, false);
    rig.post(Event::AppWrote { len: 1_000 });
    let transmit = rig.offer(1_000).unwrap();
    acknowledged_ahead(&mut rig, 1_000, &no_options());
    assert!(rig.has(&Action::FellBack(FallbackReason::NoOptions)));
    rig.asked();
    rig.take(&transmit, 1_000);
    assert!(rig.has(&Action::Release { una: our(1_000) }));
}

#[test]
fn what_tcp_refuses_is_offered_again_and_counts_as_new() {
    let mut rig = Rig::new(false);
    rig.post(Event::AppWrote { len: 1_000 });
    let transmit = rig.offer(1_000).unwrap();
    rig.take(&transmit, 300);
    let rest = rig.offer(u32::MAX).unwrap();
    assert_eq!((rest.dsn, rest.len), (our(300), 700));
    assert!(!rest.reinjection);
    rig.take(&rest, 700);
    assert_eq!(rig.conn.info().bytes_sent, 1_000);
}

#[test]
fn only_one_range_is_offered_at_a_time_on_a_subflow() {
    let mut rig = Rig::new(false);
    rig.post(Event::AppWrote { len: 1_000 });
    assert!(rig.offer(10).is_some());
    assert!(rig.offer(10).is_none());
}

#[test]
fn acknowledged_bytes_are_released_and_writers_woken() {
    let mut rig = Rig::new(false);
    rig.write(1_000);
    rig.asked();
    rig.data_ack(400);
    assert!(rig.has(&Action::Release { una: our(400) }));
    assert!(rig.has(&Action::WakeWriter));
    assert_eq!(rig.conn.info().bytes_acked, 400);
}

#[test]
fn data_that_tcp_delivered_and_the_peer_lost_goes_again_with_backoff() {
    let mut rig = Rig::new(false);
    rig.write(1_000);
    rig.data_ack(300);
    let first = rig.conn.next_timeout().unwrap();
    rig.timeout();
    let again = rig.offer(u32::MAX).unwrap();
    assert_eq!((again.dsn, again.len), (our(300), 700));
    assert!(again.reinjection);
    rig.take(&again, 700);
    assert!(rig.counted(Mib::MPTCPRetrans));
    assert_eq!(rig.conn.info().bytes_retrans, 700);
    let second = rig.conn.next_timeout().unwrap();
    assert_eq!(second.as_millis() - first.as_millis(), 400);
}

#[test]
fn while_tcp_is_still_sending_nothing_goes_again() {
    let mut rig = Rig::new(false);
    rig.write(1_000);
    // Nothing acknowledged at the level of the subflow.
    rig.timeout();
    assert_eq!(rig.hand_over(), 0);
    assert!(rig.conn.next_timeout().is_some());
}

#[test]
fn a_data_fin_is_said_again_with_backoff_until_acknowledged() {
    let mut rig = Rig::new(false);
    rig.post(Event::ShutdownWrite);
    rig.asked();
    for expected in [200, 400, 800] {
        let before = rig.now;
        rig.timeout();
        assert_eq!(rig.now - before, expected);
        assert!(rig.asked().contains(&ack_everywhere()));
    }
    assert_eq!(rig.conn.info().retransmits, 3);
    rig.data_ack(1);
    assert_eq!(rig.conn.state(), ConnState::FinWait2);
    assert_eq!(rig.conn.next_timeout(), None);
}

#[test]
fn a_closed_window_is_probed_with_the_next_byte() {
    let mut rig = Rig::new(false);
    rig.write(10_500);
    window(&mut rig, 10_000, 0);
    assert_eq!(rig.hand_over(), 0);
    rig.timeout();
    let probe = rig.offer(u32::MAX).unwrap();
    assert_eq!((probe.dsn, probe.len), (our(10_000), 1));
    rig.take(&probe, 1);
    assert!(rig.counted(Mib::WinProbe));
    window(&mut rig, 10_001, 1_000);
    assert_eq!(rig.hand_over(), 499);
}

#[test]
fn bytes_of_a_dead_subflow_are_kept_for_another() {
    let mut rig = Rig::new(false);
    rig.write(1_000);
    rig.data_ack(200);
    rig.asked();
    rig.post(Event::SubflowClosed {
        sf: SF,
        ending: Ending::Reset,
    });
    // Break before make: no error, and a minute for a new subflow.
    assert_eq!(rig.conn.state(), ConnState::Established);
    assert_eq!(rig.conn.unacknowledged(), 800);
    rig.timeout();
    assert_eq!(rig.now, 60_000);
    assert_eq!(rig.states(), [ConnState::Close]);
    assert!(!rig
        .actions
        .iter()
        .any(|action| matches!(action, Action::Error(_))));
}

#[test]
fn our_first_data_acknowledged_without_options_ends_in_plain_tcp() {
    let mut rig = Rig::with(false, false);
    rig.write(1_000);
    rig.asked();
    let options = no_options();
    rig.segment(&options);
    assert!(rig.has(&Action::FellBack(FallbackReason::NoOptions)));
    assert!(rig.has(&Action::Release { una: our(1_000) }));
    // The next data says so, once.
    rig.post(Event::AppWrote { len: 10 });
    let transmit = rig.offer(u32::MAX).unwrap();
    assert!(transmit.infinite);
    rig.take(&transmit, 10);
    let Some(Lead::Dss(Dss { map: Some(map), .. })) = rig.stamp(1_001, 10).options.lead else {
        panic!("no infinite mapping");
    };
    assert!(map.is_infinite());
    assert_eq!((map.dsn, map.ssn), (WireDsn::long(our(1_000)), Ssn(1_001)));
    rig.write(10);
    assert!(rig.stamp(1_011, 10).options.is_empty());
}

#[test]
fn an_acknowledgement_that_covers_no_data_proves_nothing() {
    let mut rig = Rig::with(false, false);
    let options = no_options();
    rig.segment(&options);
    assert_eq!(rig.conn.mode(), Mode::Unverified);
}

#[test]
fn options_that_vanish_end_in_plain_tcp_and_not_in_a_second_copy() {
    let mut rig = Rig::new(false);
    rig.write(1_000);
    rig.data_ack(1_000);
    rig.write(500);
    let options = no_options();
    rig.segment(&options);
    assert_eq!(rig.conn.mode(), Mode::Verified);
    rig.asked();
    rig.timeout();
    assert!(rig.has(&Action::FellBack(FallbackReason::NoOptions)));
    assert_eq!(rig.hand_over(), 0);
    assert_eq!(rig.conn.unacknowledged(), 0);
}

#[test]
fn mp_fail_is_answered_by_mp_fail_and_an_infinite_mapping() {
    let mut rig = Rig::new(true);
    rig.write(1_000);
    rig.asked();
    let fail = OptionSet {
        fail: Some(Fail { dsn: our(0) }),
        ..OptionSet::from(Dss::ack(WireDsn::long(our(0))))
    };
    rig.segment(&on_ack(&fail));
    assert!(rig.counted(Mib::MPFailRx) && rig.counted(Mib::MPFailTx));
    let stamped = rig.stamp(1_001, 0);
    assert!(stamped.options.fail.is_some());
    // MPTCP goes on until there is new data to say it with.
    assert_eq!(rig.conn.mode(), Mode::Verified);
    rig.post(Event::AppWrote { len: 10 });
    assert!(rig.offer(u32::MAX).unwrap().infinite);
    assert!(rig.has(&Action::FellBack(FallbackReason::InfiniteSent)));
    assert!(rig.counted(Mib::InfiniteMapTx));
}

#[test]
fn mp_fail_without_checksums_is_ignored() {
    let mut rig = Rig::new(false);
    rig.write(1_000);
    rig.asked();
    let fail = OptionSet {
        fail: Some(Fail { dsn: our(0) }),
        ..OptionSet::default()
    };
    rig.segment(&on_ack(&fail));
    assert!(!rig.counted(Mib::MPFailTx));
    assert_eq!(rig.conn.mode(), Mode::Verified);
}

#[test]
fn what_tcp_refused_before_a_fallback_is_kept_until_it_is_taken() {
    let mut rig = Rig::with(false, false);
    rig.post(Event::AppWrote { len: 100 });
    let transmit = rig.offer(60).unwrap();
    // More came to be handed over since, so that the part refused is no longer the end.
    rig.conn.send.next = our(100);
    rig.take(&transmit, 20);
    rig.asked();
    let options = no_options();
    rig.segment(&options);
    assert!(rig.has(&Action::FellBack(FallbackReason::NoOptions)));
    assert!(rig.has(&Action::Release { una: our(20) }));
    let left = rig.offer(u32::MAX).unwrap();
    assert_eq!((left.dsn, left.len, left.reinjection), (our(20), 40, false));
}

#[test]
fn a_second_syn_ack_changes_nothing() {
    let (shared, now) = (Shared::new(), Instant::default());
    let mut conn: Connection<Bytes> =
        Connection::active(Config::default(), key_b(), &shared, now).unwrap();
    let capable = SynAckAnswer::Capable {
        remote: key_a(),
        checksum: false,
        deny_join: false,
    };
    for answer in [capable, SynAckAnswer::Plain] {
        let event = Event::SynAck {
            sf: SF,
            answer,
            window: 1_000,
            plain_syns: 0,
        };
        conn.handle(&shared, event, now);
        while conn.poll_action(&shared).is_some() {}
        assert_eq!(conn.mode(), Mode::Unverified);
        assert_eq!(conn.state(), ConnState::Established);
    }
}

#[test]
fn options_that_vanish_where_plain_tcp_cannot_go_on_reset_the_subflow() {
    let mut rig = Rig::new(false);
    rig.stamp(1, 0);
    rig.data(4, b"later");
    rig.write(1_000);
    rig.data_ack(1_000);
    rig.write(500);
    let options = no_options();
    rig.segment(&options);
    rig.asked();
    rig.timeout();
    assert!(rig.counted(Mib::DssReset));
    assert!(rig.has(&reset_with(ResetReason::MIDDLEBOX)));
    assert_eq!(rig.conn.mode(), Mode::Verified);
}
