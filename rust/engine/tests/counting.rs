// SPDX-License-Identifier: GPL-2.0

//! Counters, each at its moment and at no other; and what is shown of a subflow.

use super::joining::{accept_second, answer_second, join_second, SECOND};
use super::*;

/// How often it was counted since last looked.
fn times(rig: &Rig, counter: Mib) -> i32 {
    let amounts = rig.actions.iter().map(|action| match action {
        Action::Count(other, amount) if *other == counter => *amount,
        _ => 0,
    });
    amounts.sum()
}

#[test]
fn only_what_comes_behind_the_rest_is_at_the_tail() {
    let mut rig = Rig::new(false);
    rig.data(10, b"first");
    assert_eq!(times(&rig, Mib::OFOQueueTail), 0, "the queue was empty");
    rig.data(30, b"last");
    assert_eq!(times(&rig, Mib::OFOQueueTail), 1);
    rig.data(20, b"between");
    assert_eq!(times(&rig, Mib::OFOQueueTail), 1);
    assert_eq!(times(&rig, Mib::OFOQueue), 3);
    assert_eq!(times(&rig, Mib::OFOMerge), 0);
    rig.data(34, b"!");
    assert_eq!(times(&rig, Mib::OFOQueueTail), 2);
    assert_eq!(times(&rig, Mib::OFOMerge), 1);
}

#[test]
fn each_copy_counts_whether_it_comes_or_is_replaced() {
    let mut rig = Rig::new(false);
    for at in [10, 20, 30] {
        rig.data(at, b"x");
    }
    rig.data(20, b"x");
    assert_eq!(times(&rig, Mib::DuplicateData), 1);
    // One that covers all three.
    rig.data(5, &[b'x'; 40]);
    assert_eq!(times(&rig, Mib::DuplicateData), 4);
    assert_eq!(times(&rig, Mib::OFOQueue), 5);
}

#[test]
fn a_fallback_that_cannot_be_is_a_reset_and_no_more() {
    let mut rig = Rig::new(false);
    rig.data(100, b"later");
    rig.mapped(b"plain", None);
    assert_eq!(times(&rig, Mib::DssReset), 1);
    assert_eq!(times(&rig, Mib::MPRstTx), 1);
    assert_eq!(times(&rig, Mib::DssFallback), 0);
    assert_eq!(times(&rig, Mib::FallbackFailed), 0);
}

fn rst() -> TxSegment {
    TxSegment {
        rst: true,
        ssn: Ssn(1),
        una: Ssn(1),
        ..TxSegment::default()
    }
}

fn stamped(rig: &mut Rig, segment: &TxSegment) -> Stamped {
    match rig.tx.stamp(segment, &rig.shared) {
        Stamp::Send(stamped) => stamped,
        Stamp::Withhold => panic!("withheld"),
    }
}

#[test]
fn a_reset_counts_once_whoever_wants_it() {
    // TCP: whoever writes the header counts it.
    let mut rig = Rig::new(false);
    let own = stamped(&mut rig, &rst());
    assert!(own.unordered && own.options.reset.is_some());
    // The engine, which has counted it.
    rig.post(Event::Abort);
    assert_eq!(times(&rig, Mib::MPRstTx), 1);
    let ordered = stamped(&mut rig, &rst());
    assert!(!ordered.unordered && ordered.options.reset.is_some());
}

#[test]
fn who_has_no_answer_to_a_syn_sends_no_reset() {
    let shared = Shared::new();
    let now = Instant::default();
    let mut conn = Connection::<Bytes>::active(Config::default(), key_b(), &shared, now).unwrap();
    conn.handle(&shared, Event::Abort, now);
    while let Some(action) = conn.poll_action(&shared) {
        assert!(!matches!(action, Action::Count(Mib::MPRstTx, _)));
    }
    let mut rig = Rig::new(false);
    join_second(&mut rig);
    rig.post(Event::Abort);
    assert_eq!(times(&rig, Mib::MPRstTx), 1, "on the first subflow");
    assert_eq!(times(&rig, Mib::MPFastcloseTx), 1);
}

#[test]
fn a_connect_that_times_out_with_the_option_counts_as_one_that_dropped_it() {
    for (ending, expected) in [(Ending::TimedOut, 1), (Ending::Refused, 0)] {
        let shared = Shared::new();
        let now = Instant::default();
        let config = Config::default();
        let mut conn = Connection::<Bytes>::active(config, key_b(), &shared, now).unwrap();
        let mut counted = 0;
        conn.handle(&shared, Event::SubflowClosed { sf: SF, ending }, now);
        while let Some(action) = conn.poll_action(&shared) {
            if let Action::Count(Mib::MPCapableSYNTXDrop, n) = action {
                counted += n;
            }
        }
        assert_eq!(counted, expected);
    }
}

#[test]
fn a_black_hole_is_one_whose_first_plain_syn_is_answered() {
    for (plain_syns, expected) in [(1, true), (2, false)] {
        let shared = Shared::new();
        let now = Instant::default();
        let config = Config::default();
        let mut conn = Connection::<Bytes>::active(config, key_b(), &shared, now).unwrap();
        conn.handle(&shared, Event::SynDropped { sf: SF }, now);
        let answer = Event::SynAck {
            sf: SF,
            answer: SynAckAnswer::Plain,
            window: 1000,
            plain_syns,
        };
        conn.handle(&shared, answer, now);
        let mut found = false;
        while let Some(action) = conn.poll_action(&shared) {
            found |= matches!(action, Action::Blackhole);
            assert!(!matches!(action, Action::PathIsCapable));
        }
        assert_eq!(found, expected, "{plain_syns}");
    }
}

#[test]
fn the_window_that_holds_is_told_and_no_race_where_there_was_none() {
    let mut rig = Rig::new(false);
    let first = rig.stamp(1, 0).window.expect("a window");
    assert_eq!(first.conflicts(), (0, false));
    assert_eq!(first.octets, 5_000);
    let lost = Window {
        races: 3,
        overtaken: true,
        ..first
    };
    assert_eq!(lost.conflicts(), (2, true));
    let won = Window {
        overtaken: false,
        ..lost
    };
    assert_eq!(won.conflicts(), (3, false));
}

#[test]
fn the_first_subflow_of_a_passive_connection_shows_who_it_is() {
    let mut rig = Rig::new(false);
    let info = rig.conn.subflow_info(SF).unwrap();
    assert_eq!(info.token_local, key_b().token);
    assert_eq!(info.token_remote, Token(0));
    assert!(info.capable_remote && !info.capable_local && info.established);
    assert!(!info.join_remote && !info.join_local && !info.map_valid);
    assert_eq!(info.write_ssn, Ssn(1));
    rig.write(100);
    assert_eq!(rig.conn.subflow_info(SF).unwrap().write_ssn, Ssn(101));
    // Half of a mapping.
    let map = mapping(their(0), 1, 6);
    rig.mapped(b"abc", Some(map));
    let info = rig.conn.subflow_info(SF).unwrap();
    let seen = (info.map.dsn, info.map.ssn, info.map.len);
    assert_eq!(seen, (their(0), Ssn(1), 6));
    assert!(info.map_valid);
    // All of it: the last one is still shown.
    rig.mapped(b"def", None);
    let info = rig.conn.subflow_info(SF).unwrap();
    assert!(info.map.len == 6 && !info.map_valid);
    assert_eq!(rig.conn.subflow_info(SECOND), None);
}

#[test]
fn an_active_connection_takes_its_offer_back_when_the_option_is_left_out() {
    let shared = Shared::new();
    let now = Instant::default();
    let config = Config::default();
    let mut conn = Connection::<Bytes>::active(config, key_b(), &shared, now).unwrap();
    let info = conn.subflow_info(SF).unwrap();
    assert!(info.capable_local && !info.capable_remote && !info.established);
    conn.handle(&shared, Event::SynDropped { sf: SF }, now);
    while conn.poll_action(&shared).is_some() {}
    let info = conn.subflow_info(SF).unwrap();
    assert!(!info.capable_local && !info.capable_remote);
}

#[test]
fn a_join_shows_the_token_of_the_peer_where_we_opened_it() {
    let mut rig = Rig::new(false);
    join_second(&mut rig);
    let info = rig.conn.subflow_info(SECOND).unwrap();
    assert_eq!(info.token_remote, key_a().token);
    assert_eq!(info.id_local, AddrId(2));
    assert!(info.join_local && !info.join_remote && !info.established);
    answer_second(&mut rig);
    let info = rig.conn.subflow_info(SECOND).unwrap();
    assert!(info.join_remote && info.backup_remote && !info.established);

    let mut rig = Rig::new(false);
    accept_second(&mut rig);
    let info = rig.conn.subflow_info(SECOND).unwrap();
    assert_eq!(info.token_remote, Token(0));
    assert!(info.join_remote && !info.join_local && info.established);
    assert!(!info.capable_remote && !info.capable_local);
}
