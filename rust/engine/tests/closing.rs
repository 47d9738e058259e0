// SPDX-License-Identifier: GPL-2.0

//! RFC 8684 3.3.3, 3.5: every way to the end.

use super::*;

#[test]
fn we_close_first_and_the_peer_follows() {
    let mut rig = Rig::new(false);
    rig.post(Event::ShutdownWrite);
    rig.data_ack(1);
    rig.segment(&data_fin(0));
    assert_eq!(
        rig.states(),
        [ConnState::FinWait1, ConnState::FinWait2, ConnState::Close]
    );
    assert!(rig.has(&Action::CloseSubflow { sf: SF }));
    assert!(rig.has(&Action::ReceiveShut));
    assert!(rig.has(&Action::TokenReleased));
    assert_eq!(rig.shared.rcv_nxt(), their(1));
    // The one ACK says our DATA_FIN; what answers theirs is the FIN.
    let acks = rig
        .asked()
        .iter()
        .filter(|a| **a == ack_everywhere())
        .count();
    assert_eq!(acks, 1);
}

#[test]
fn the_peer_closes_first_and_we_follow() {
    let mut rig = Rig::new(false);
    rig.segment(&data_fin(0));
    assert_eq!(rig.conn.state(), ConnState::CloseWait);
    assert!(rig.has(&Action::ReceiveShut));
    assert!(rig.has(&Action::DelayAck { sf: SF }));
    assert!(!rig.has(&ack_everywhere()));
    // Half closed: our stream goes on.
    assert_eq!(rig.write(100), 100);
    rig.post(Event::ShutdownWrite);
    rig.data_ack(101);
    assert_eq!(
        rig.states(),
        [ConnState::CloseWait, ConnState::LastAck, ConnState::Close]
    );
}

#[test]
fn a_fin_that_waits_behind_data_is_no_answer_to_a_data_fin() {
    let mut rig = Rig::new(false);
    assert_eq!(rig.write(100), 100);
    rig.post(Event::ShutdownWrite);
    // The data has arrived on some other way, as far as the subflow can tell.
    let options = dss(Some(our(101)), None);
    rig.segment_acking(1, &options);
    rig.asked();
    rig.segment_acking(1, &data_fin(0));
    let asked = rig.asked();
    assert!(asked.contains(&ack_everywhere()));
    assert!(asked.contains(&Action::CloseSubflow { sf: SF }));
}

#[test]
fn both_close_at_once() {
    let mut rig = Rig::new(false);
    rig.post(Event::ShutdownWrite);
    rig.segment(&data_fin(0));
    rig.data_ack(1);
    assert_eq!(
        rig.states(),
        [ConnState::FinWait1, ConnState::Closing, ConnState::Close]
    );
}

#[test]
fn data_fin_and_its_acknowledgement_may_share_a_segment() {
    let mut rig = Rig::new(false);
    rig.post(Event::ShutdownWrite);
    let mut options = data_fin(0);
    if let Some(signal) = options.dss.as_mut() {
        signal.data_ack = Some(WireDsn::long(our(1)));
    }
    rig.segment(&options);
    assert_eq!(rig.conn.state(), ConnState::Close);
}

#[test]
fn a_data_fin_waits_for_the_bytes_before_it() {
    let mut rig = Rig::new(false);
    rig.stamp(1, 0);
    rig.segment(&data_fin(6));
    assert_eq!(rig.conn.state(), ConnState::Established);
    rig.data(3, b"def");
    rig.data(0, b"abc");
    assert_eq!(rig.read, b"abcdef");
    assert_eq!(rig.conn.state(), ConnState::CloseWait);
    assert_eq!(rig.shared.rcv_nxt(), their(7));
}

#[test]
fn a_data_fin_beyond_the_window_is_not_the_end() {
    let mut rig = Rig::new(false);
    rig.segment(&data_fin(1 << 40));
    rig.segment(&data_fin(100_000));
    rig.data(0, b"abc");
    rig.segment(&data_fin(3));
    assert_eq!(rig.conn.state(), ConnState::CloseWait);
}

#[test]
fn a_data_fin_on_the_last_mapping_counts() {
    let mut rig = Rig::new(false);
    let map = Mapping {
        data_fin: true,
        ..mapping(their(0), 1, 4)
    };
    rig.mapped(b"abc", Some(map));
    assert_eq!(rig.read, b"abc");
    assert_eq!(rig.conn.state(), ConnState::CloseWait);
}

#[test]
fn a_repeated_data_fin_is_answered_even_when_all_is_over() {
    let mut rig = Rig::new(false);
    rig.segment(&data_fin(0));
    rig.asked();
    rig.segment(&data_fin(0));
    assert_eq!(rig.asked(), [ack_everywhere()]);
    rig.post(Event::ShutdownWrite);
    rig.data_ack(1);
    rig.asked();
    rig.segment(&data_fin(0));
    assert_eq!(rig.asked(), [ack_everywhere()]);
}

#[test]
fn our_data_fin_waits_until_tcp_has_every_byte() {
    let mut rig = Rig::new(false);
    rig.post(Event::AppWrote { len: 20_000 });
    rig.hand_over();
    rig.post(Event::ShutdownWrite);
    assert_eq!(rig.conn.state(), ConnState::FinWait1);
    let quiet = rig.stamp(10_001, 0);
    assert!(matches!(
        quiet.options.lead,
        Some(Lead::Dss(Dss { map: None, .. }))
    ));
    rig.data_ack(10_000);
    assert_eq!(rig.hand_over(), 10_000);
    let said = rig.stamp(20_001, 0);
    assert!(matches!(
        said.options.lead,
        Some(Lead::Dss(Dss { map: Some(_), .. }))
    ));
}

#[test]
fn unmapped_data_behind_the_data_fin_resets_the_subflow() {
    let mut rig = Rig::new(false);
    rig.data(0, b"abc");
    rig.segment(&data_fin(3));
    rig.mapped(b"abc", None);
    assert_eq!(rig.read, b"abc");
    assert!(rig.has(&reset_with(ResetReason::MPTCP)));
}

#[test]
fn data_behind_the_data_fin_resets_the_subflow() {
    let mut rig = Rig::new(false);
    rig.segment(&data_fin(3));
    rig.data(0, b"abcdef");
    assert!(rig.has(&reset_with(ResetReason::MPTCP)));
    assert_eq!(rig.read, b"");
}

#[test]
fn a_fin_of_tcp_is_not_the_end_of_the_stream() {
    let mut rig = Rig::new(false);
    rig.post(Event::SubflowFin { sf: SF });
    assert_eq!(rig.conn.state(), ConnState::Established);
    let asked = rig.asked();
    let (close, news) = asked.split_first().unwrap();
    assert_eq!(*close, Action::CloseSubflow { sf: SF });
    let ended = |action| matches!(action, &Action::Path(PathEvent::SubflowClosed { .. }));
    assert!(news.iter().all(ended));
}

#[test]
fn closing_with_unread_data_aborts() {
    let mut rig = Rig::new(false);
    rig.post(Event::Close { unread: true });
    let order = Order::Reset {
        reset: Reset::default(),
        fast_close: true,
        fail: None,
    };
    assert!(rig.has(&Action::Tell { sf: SF, order }));
    assert!(rig.counted(Mib::MPFastcloseTx) && rig.counted(Mib::MPRstTx));
    assert_eq!(rig.conn.state(), ConnState::Close);
    let segment = TxSegment {
        rst: true,
        ssn: Ssn(1),
        una: Ssn(1),
        ..TxSegment::default()
    };
    let Stamp::Send(stamped) = rig.tx.stamp(&segment, &rig.shared) else {
        panic!("withheld");
    };
    assert_eq!(
        stamped.options.fast_close,
        Some(FastClose { key: key_a().key })
    );
    rig.post(Event::SubflowClosed {
        sf: SF,
        ending: Ending::Local,
    });
    assert!(rig.has(&Action::Gone));
    assert_eq!(rig.conn.next_timeout(), None);
}

fn fast_close(key: Key) -> OptionSet {
    OptionSet {
        fast_close: Some(FastClose { key }),
        ..OptionSet::default()
    }
}

#[test]
fn fast_close_on_an_ack_ends_the_connection_with_resets() {
    let mut rig = Rig::new(false);
    rig.segment(&on_ack(&fast_close(key_b().key)));
    assert!(rig.counted(Mib::MPFastcloseRx));
    assert!(rig.has(&Action::Error(ConnError::Reset)));
    assert!(rig.has(&Action::ResetSubflow { sf: SF }));
    assert_eq!(rig.conn.state(), ConnState::Close);
}

#[test]
fn fast_close_on_a_reset_ends_the_connection_when_tcp_takes_the_reset() {
    let mut rig = Rig::new(false);
    rig.segment(&data_fin(0));
    rig.asked();
    rig.fast_close_on_rst(key_b().key);
    assert_eq!(rig.asked(), []);
    rig.post(Event::SubflowClosed {
        sf: SF,
        ending: Ending::Reset,
    });
    assert!(rig.counted(Mib::MPFastcloseRx));
    // After the end of the peer's stream it is a broken pipe, as in TCP.
    assert!(rig.has(&Action::Error(ConnError::BrokenPipe)));
    assert!(!rig.has(&Action::ResetSubflow { sf: SF }));
}

#[test]
fn bytes_ahead_of_a_reset_with_fast_close_are_delivered_first() {
    let mut rig = Rig::new(false);
    rig.fast_close_on_rst(key_b().key);
    // A reset that nobody vouches for takes nothing back.
    rig.fast_close_on_rst(key_a().key);
    rig.data(0, b"last words");
    assert_eq!(rig.read, b"last words");
    rig.post(Event::SubflowClosed {
        sf: SF,
        ending: Ending::Reset,
    });
    assert!(rig.has(&Action::Error(ConnError::Reset)));
    assert_eq!(rig.conn.state(), ConnState::Close);
}

#[test]
fn fast_close_with_another_key_is_ignored() {
    let mut rig = Rig::new(false);
    rig.segment(&on_ack(&fast_close(key_a().key)));
    rig.fast_close_on_rst(key_a().key);
    assert_eq!(rig.asked(), []);
    rig.post(Event::SubflowClosed {
        sf: SF,
        ending: Ending::Reset,
    });
    assert_eq!(rig.conn.state(), ConnState::Established);
}

#[test]
fn bytes_that_nobody_will_read_end_the_connection() {
    let mut rig = Rig::new(false);
    rig.data(0, b"read");
    rig.post(Event::Close { unread: false });
    rig.data_ack(1);
    assert_eq!(rig.conn.state(), ConnState::FinWait2);
    rig.data(4, b"never read");
    assert!(rig.counted(Mib::MPFastcloseTx));
    assert_eq!(rig.conn.state(), ConnState::Close);
    assert_eq!(rig.read, b"read");
}

#[test]
fn an_orphan_lives_a_minute_and_is_then_aborted() {
    let mut rig = Rig::new(false);
    rig.post(Event::Close { unread: false });
    assert_eq!(rig.conn.state(), ConnState::FinWait1);
    rig.data_ack(1);
    assert_eq!(rig.conn.state(), ConnState::FinWait2);
    rig.asked();
    rig.timeout();
    assert_eq!(rig.now, 60_000);
    assert!(rig.counted(Mib::MPFastcloseTx));
    assert_eq!(rig.conn.state(), ConnState::Close);
}

#[test]
fn subflows_that_outlive_the_end_are_reset_in_time() {
    let mut rig = Rig::new(false);
    rig.segment(&data_fin(0));
    rig.post(Event::Close { unread: false });
    rig.data_ack(1);
    assert_eq!(rig.conn.state(), ConnState::Close);
    rig.asked();
    rig.timeout();
    assert!(rig.has(&Action::ResetSubflow { sf: SF }));
}

#[test]
fn in_plain_tcp_a_shutdown_is_a_fin_and_a_fin_an_end() {
    let mut rig = Rig::with(false, false);
    rig.mapped(b"plain", None);
    rig.asked();
    rig.write(100);
    rig.post(Event::ShutdownWrite);
    assert!(rig.has(&Action::CloseSubflow { sf: SF }));
    assert_eq!(rig.conn.state(), ConnState::FinWait2);
    rig.post(Event::SubflowFin { sf: SF });
    assert_eq!(rig.conn.state(), ConnState::Close);
    assert!(rig.has(&Action::ReceiveShut));
}

#[test]
fn in_plain_tcp_a_reset_is_an_error() {
    for (closed_by_peer, error) in [(false, ConnError::Reset), (true, ConnError::BrokenPipe)] {
        let mut rig = Rig::with(false, false);
        rig.mapped(b"plain", None);
        if closed_by_peer {
            rig.post(Event::SubflowFin { sf: SF });
        }
        rig.post(Event::SubflowClosed {
            sf: SF,
            ending: Ending::Reset,
        });
        assert!(rig.has(&Action::Error(error)));
        assert_eq!(rig.conn.state(), ConnState::Close);
    }
}

#[test]
fn a_connection_attempt_that_is_refused_says_so() {
    for (ending, error) in [
        (Ending::Refused, ConnError::Refused),
        (Ending::Reset, ConnError::Refused),
        (Ending::TimedOut, ConnError::TimedOut),
        (Ending::Unreachable, ConnError::Unreachable),
    ] {
        let shared = Shared::new();
        let config = Config::default();
        let now = Instant::default();
        let mut conn: Connection<Bytes> =
            Connection::active(config, key_a(), &shared, now).unwrap();
        conn.handle(&shared, Event::SubflowClosed { sf: SF, ending }, now);
        let mut actions = Vec::new();
        while let Some(action) = conn.poll_action(&shared) {
            actions.push(action);
        }
        assert!(actions.contains(&Action::Error(error)));
        assert!(actions.contains(&Action::State(ConnState::Close)));
    }
}

#[test]
fn falling_back_turns_a_pending_data_fin_into_a_fin() {
    let mut rig = Rig::with(false, false);
    rig.write(100);
    rig.post(Event::ShutdownWrite);
    rig.asked();
    let options = no_options();
    rig.segment(&options);
    assert!(rig.has(&Action::FellBack(FallbackReason::NoOptions)));
    assert!(rig.has(&Action::CloseSubflow { sf: SF }));
    assert_eq!(rig.conn.state(), ConnState::FinWait2);
}

#[test]
fn the_token_stays_until_the_end_in_plain_tcp_too() {
    let mut rig = Rig::with(false, false);
    rig.mapped(b"bare", None);
    assert_eq!(rig.conn.mode(), Mode::Fallback);
    assert!(!rig.has(&Action::TokenReleased));
    rig.post(Event::Abort);
    assert!(rig.has(&Action::TokenReleased));
}

#[test]
fn shutting_down_an_attempt_to_connect_ends_it() {
    let (shared, now) = (Shared::new(), Instant::default());
    let mut conn: Connection<Bytes> =
        Connection::active(Config::default(), key_a(), &shared, now).unwrap();
    conn.handle(&shared, Event::ShutdownWrite, now);
    let mut actions = Vec::new();
    while let Some(action) = conn.poll_action(&shared) {
        actions.push(action);
    }
    assert!(actions.contains(&Action::State(ConnState::Close)));
    assert!(actions.contains(&Action::ResetSubflow { sf: SF }));
}

#[test]
fn a_fast_close_of_what_is_over_is_only_counted() {
    let mut rig = Rig::new(false);
    rig.post(Event::Abort);
    rig.asked();
    rig.segment(&on_ack(&fast_close(key_b().key)));
    assert!(rig.counted(Mib::MPFastcloseRx));
    assert!(!rig
        .actions
        .iter()
        .any(|action| matches!(action, Action::Error(_) | Action::State(_))));
}
