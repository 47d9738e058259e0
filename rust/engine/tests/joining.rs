// SPDX-License-Identifier: GPL-2.0

//! Further subflows: the handshake of `MP_JOIN` in both roles.

use super::*;
use crate::engine::join::*;
use crate::engine::mem::refuse;

pub(super) const SECOND: SubflowId = SubflowId(2);

/// The random numbers of protocol reference section 2.3.
const NONCE_I: Nonce = Nonce::new(0xa1a2_a3a4);
const NONCE_R: Nonce = Nonce::new(0xb1b2_b3b4);

const HERE: LocalAddr = LocalAddr {
    id: AddrId(0),
    backup: false,
};

/// Reads octets as the options of a segment.
fn read(hex: &str, kind: SegmentKind) -> Options {
    let octet = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    let area: Vec<u8> = (0..hex.len()).step_by(2).map(octet).collect();
    parse(&area, kind)
}

const ON_ACK: SegmentKind = SegmentKind::NonSyn { payload_len: 0 };

/// The SYN of vector J1: A joins, with its address 2.
fn syn(backup: bool) -> JoinSyn {
    let option = if backup {
        "1e0c1102ccad45aca1a2a3a4"
    } else {
        "1e0c1002ccad45aca1a2a3a4"
    };
    JoinSyn::read(&read(option, SegmentKind::Syn)).unwrap()
}

fn half() -> HalfJoin {
    HalfJoin {
        syn: syn(false),
        local: HERE,
    }
}

/// The third ACK of vector J1.
fn third_ack() -> Options {
    read("1e18100053037f2899475529844115fd07e665d23d3554fb", ON_ACK)
}

fn refused<T>(answer: Result<T, Refused>) -> (Option<Mib>, u8) {
    let no = answer.err().unwrap();
    (no.counter, no.reset.reason.0)
}

/// What a listener makes of the SYN: counters, and the reason of its RST.
fn listens(
    found: bool,
    door: Door,
    local: Option<LocalAddr>,
    cookie: Option<bool>,
) -> (Vec<Mib>, Option<u8>) {
    let rig = Rig::new(false);
    let keys = rig.conn.join_keys().filter(|_| found);
    let answer = answer_syn(&syn(false), keys, door, local, cookie);
    let reason = answer.verdict.err().map(|reset| reset.reason.0);
    (answer.counted().collect(), reason)
}

#[test]
fn a_listener_refuses_with_the_reason_that_holds() {
    use Mib::*;
    let (here, same) = (Some(HERE), Door::Same);
    assert_eq!(listens(true, same, here, None), (vec![MPJoinSynRx], None));
    assert_eq!(
        listens(false, same, here, None),
        (vec![MPJoinSynRx, MPJoinNoTokenFound], Some(1))
    );
    assert_eq!(
        listens(true, same, None, None),
        (vec![MPJoinSynRx, MPJoinNoIdFound], Some(1))
    );
    assert_eq!(
        listens(true, Door::Other, here, None),
        (vec![MPJoinSynRx, MismatchPortSynRx], Some(3))
    );
    assert_eq!(
        listens(true, Door::Announced, here, None),
        (vec![MPJoinSynRx, MPJoinPortSynRx], None)
    );
}

#[test]
fn a_limit_counts_at_the_syn_only_where_a_slot_must_be_spent() {
    use Mib::*;
    let (here, same) = (Some(HERE), Door::Same);
    assert_eq!(
        listens(true, same, here, Some(false)),
        (vec![MPJoinSynRx, MPJoinRejected], Some(3))
    );
    assert_eq!(
        listens(true, same, here, Some(true)),
        (vec![MPJoinSynRx], None)
    );
}

#[test]
fn a_wish_for_a_backup_is_counted() {
    let rig = Rig::new(false);
    let keys = rig.conn.join_keys();
    let answer = answer_syn(&syn(true), keys, Door::Same, Some(HERE), None);
    let counted: Vec<Mib> = answer.counted().collect();
    assert_eq!(counted, [Mib::MPJoinSynRx, Mib::MPJoinSynBackupRx]);
    assert!(answer.verdict.unwrap().syn.backup);
}

#[test]
fn the_syn_ack_is_the_one_of_the_reference() {
    let rig = Rig::new(false);
    let keys = rig.conn.join_keys().unwrap();
    let options = syn_ack_options::<HostSha256>(&half(), &keys, NONCE_R);
    let expected = read("1e101000864b40428762fd06b1b2b3b4", SegmentKind::SynAck);
    assert_eq!(parsed(&options, SegmentKind::SynAck), expected);
}

/// Has the peer of a rig complete a join.
fn accept(
    rig: &mut Rig,
    options: &Options,
    door: Door,
    allowed: bool,
) -> Result<SubflowTx, Refused> {
    let ack = JoinAck {
        half: half(),
        nonce: NONCE_R,
        door,
        allowed,
        options,
    };
    let now = Instant::from_millis(rig.now);
    let (_, tx) = rig.conn.accept_join(&ack, now)?;
    rig.drain();
    Ok(tx)
}

fn took_join(rig: &mut Rig) -> SubflowTx {
    accept(rig, &third_ack(), Door::Same, true).unwrap()
}

#[test]
fn a_third_ack_with_the_right_proof_makes_a_subflow_and_is_acknowledged() {
    let mut rig = Rig::new(false);
    let mut tx = took_join(&mut rig);
    assert!(rig.counted(Mib::MPJoinAckRx));
    assert!(rig.has(&Action::SendAck { sf: SECOND }));
    let told = PathEvent::SubflowEstablished { sf: SECOND };
    assert!(rig.has(&Action::Path(told)));
    assert_eq!(rig.conn.info().extra_subflows, 1);
    // The fourth ACK carries a DATA_ACK and the shared window.
    let ack = TxSegment {
        ssn: Ssn(1),
        una: Ssn(1),
        free: 5_000,
        ..TxSegment::default()
    };
    let Stamp::Send(stamped) = tx.stamp(&ack, &rig.shared) else {
        panic!("withheld");
    };
    assert!(matches!(
        stamped.options.lead,
        Some(Lead::Dss(Dss {
            data_ack: Some(_),
            ..
        }))
    ));
    assert_eq!(octets(&stamped), Some(5_000));
}

#[test]
fn a_third_ack_that_proves_nothing_is_refused() {
    let mut rig = Rig::new(false);
    let none = accept(&mut rig, &no_options(), Door::Same, true);
    assert_eq!(refused(none), (Some(Mib::MPJoinAckNoMPJoin), 1));
    let wrong = read("1e18100053037f2899475529844115fd07e665d23d3554fc", ON_ACK);
    let wrong = accept(&mut rig, &wrong, Door::Same, true);
    assert_eq!(refused(wrong), (Some(Mib::MPJoinAckHMacFailure), 1));
    assert_eq!(rig.conn.info().subflows_total, 1);
}

#[test]
fn limits_and_ports_are_looked_at_again_when_the_third_ack_comes() {
    let mut rig = Rig::new(false);
    let full = accept(&mut rig, &third_ack(), Door::Same, false);
    assert_eq!(refused(full), (Some(Mib::MPJoinRejected), 3));
    let door = accept(&mut rig, &third_ack(), Door::Other, true);
    assert_eq!(refused(door), (Some(Mib::MismatchPortAckRx), 3));
    accept(&mut rig, &third_ack(), Door::Announced, true).unwrap();
    assert!(rig.counted(Mib::MPJoinPortAckRx));
}

#[test]
fn a_connection_that_is_not_verified_or_is_closing_takes_no_join() {
    let mut early = Rig::with(false, false);
    let answer = accept(&mut early, &third_ack(), Door::Same, true);
    assert_eq!(refused(answer), (Some(Mib::MPJoinRejected), 3));
    let mut late = Rig::new(false);
    late.post(Event::ShutdownWrite);
    let answer = accept(&mut late, &third_ack(), Door::Same, true);
    assert_eq!(refused(answer), (Some(Mib::MPJoinRejected), 3));
}

#[test]
fn no_join_comes_between_mp_fail_and_plain_tcp() {
    // The peer asks for an infinite mapping: our next bytes begin it, and the connection is plain TCP.
    let mut rig = Rig::new(true);
    rig.write(100);
    let fail = OptionSet {
        fail: Some(Fail { dsn: our(100) }),
        ..OptionSet::default()
    };
    rig.segment(&on_ack(&fail));
    assert!(rig.counted(Mib::MPFailRx));
    let answer = accept(&mut rig, &third_ack(), Door::Same, true);
    assert_eq!(refused(answer), (Some(Mib::MPJoinRejected), 3));
    rig.post(Event::AppWrote { len: 10 });
    assert!(rig.offer(1_000).unwrap().infinite);
    assert_eq!(rig.conn.mode(), Mode::Fallback);
    assert_eq!(rig.conn.info().subflows_total, 1);
}

#[test]
fn plain_tcp_and_a_closed_connection_are_found_by_no_token() {
    let mut plain = Rig::with(false, false);
    plain.mapped(b"bare", None);
    assert_eq!(plain.conn.mode(), Mode::Fallback);
    assert_eq!(plain.conn.join_keys(), None);
    let answer = accept(&mut plain, &third_ack(), Door::Same, true);
    assert_eq!(refused(answer), (Some(Mib::MPJoinNoTokenFound), 1));
    let mut over = Rig::new(false);
    over.post(Event::Abort);
    assert_eq!(over.conn.join_keys(), None);
}

#[test]
fn without_memory_the_peer_is_told_to_come_again() {
    let mut rig = Rig::new(false);
    refuse::nth(0);
    let mut take = || accept(&mut rig, &third_ack(), Door::Same, true).err();
    // Some there is room for.
    let answer = (0..20).find_map(|_| take());
    refuse::nothing();
    assert_eq!(answer, Some(Refused::NO_MEMORY));
    assert!(answer.is_some_and(|refused| refused.reset.transient));
    assert!(accept(&mut rig, &third_ack(), Door::Same, true).is_ok());
}

#[test]
fn the_proof_sent_again_is_acknowledged_again() {
    let mut rig = Rig::new(false);
    took_join(&mut rig);
    rig.asked();
    on_second(&mut rig, &third_ack());
    assert_eq!(rig.asked(), [Action::SendAck { sf: SECOND }]);
}

/// A segment without payload arrives on the second subflow.
fn on_second(rig: &mut Rig, options: &Options) {
    let segment = RxSegment {
        ssn: Ssn(1),
        ack: Some(Ssn(1)),
        window: 10_000,
        ..RxSegment::default()
    };
    rig.post(Event::Segment {
        sf: SECOND,
        segment,
        options,
    });
}

/// The second subflow is opened by us, from address 2, in vector J2 (we are B) or with other keys.
fn joins(rig: &mut Rig) -> SubflowTx {
    let request = JoinRequest {
        local: LocalAddr {
            id: AddrId(2),
            backup: false,
        },
        remote_id: AddrId(0),
        nonce: Nonce::new(1),
    };
    let now = Instant::from_millis(rig.now);
    let (sf, tx) = rig.conn.join(&request, now).unwrap();
    assert_eq!(sf, SECOND);
    rig.conn.syn_sent(sf, true, now);
    rig.drain();
    tx
}

/// The SYN/ACK of vector J2, with flag B or without.
fn syn_ack(backup: bool) -> Options {
    let flags = if backup { "1" } else { "0" };
    let option = std::format!("1e101{flags}05b30c5c553f88de32ffffffff");
    read(&option, SegmentKind::SynAck)
}

fn answered(rig: &mut Rig, options: &Options) {
    rig.post(Event::JoinSynAck {
        sf: SECOND,
        options,
        srtt: Some(Duration::from_millis(30)),
    });
}

fn lead_of(tx: &mut SubflowTx, rig: &Rig, segment: &TxSegment) -> Option<Lead> {
    match tx.stamp(segment, &rig.shared) {
        Stamp::Send(stamped) => stamped.options.lead,
        Stamp::Withhold => panic!("withheld"),
    }
}

const BARE: TxSegment = TxSegment {
    ssn: Ssn(1),
    len: 0,
    una: Ssn(1),
    syn: false,
    fin: false,
    rst: false,
    syn_retransmits: 0,
    free: 5_000,
};

#[test]
fn every_syn_of_a_join_says_so() {
    let mut rig = Rig::new(false);
    let mut tx = joins(&mut rig);
    for count in 0..6 {
        let segment = TxSegment {
            syn: true,
            syn_retransmits: count,
            ..TxSegment::default()
        };
        let lead = lead_of(&mut tx, &rig, &segment);
        let Some(Lead::Join(Join::Syn { token, id, .. })) = lead else {
            panic!("{lead:?}");
        };
        assert_eq!((token, id), (key_a().token, AddrId(2)));
    }
}

/// Tells the second subflow's half what the engine wants it to say.
fn tell_second(rig: &mut Rig, tx: &mut SubflowTx) {
    for action in &rig.actions {
        if let Action::Tell { sf: SECOND, order } = action {
            tx.apply(*order);
        }
    }
}

#[test]
fn our_proof_goes_out_until_the_peer_answers_and_no_data_before() {
    let mut rig = Rig::new(false);
    let mut tx = joins(&mut rig);
    rig.write(100);
    rig.asked();
    answered(&mut rig, &syn_ack(false));
    assert!(rig.counted(Mib::MPJoinSynAckRx));
    tell_second(&mut rig, &mut tx);
    for _ in 0..2 {
        let lead = lead_of(&mut tx, &rig, &BARE);
        let Some(Lead::Join(Join::Ack { hmac })) = lead else {
            panic!("{lead:?}");
        };
        let expected = read("1e181000cc13e4549dbdc510477aaaef1fb018d632661358", ON_ACK);
        assert_eq!(Some(Join::Ack { hmac }), expected.join);
    }
    rig.post(Event::AppWrote { len: 50 });
    assert!(!rig.has(&Action::Push { sf: SECOND }));
    let now = Instant::from_millis(rig.now);
    let offer = rig.conn.poll_transmit(&rig.shared, SECOND, 1_000, now);
    assert_eq!(offer, None);
    rig.asked();
    // The fourth ACK.
    on_second(&mut rig, &dss(Some(our(0)), None));
    assert!(rig.has(&Action::Push { sf: SECOND }));
    tell_second(&mut rig, &mut tx);
    let lead = lead_of(&mut tx, &rig, &BARE);
    assert!(matches!(lead, Some(Lead::Dss(_))), "{lead:?}");
    assert!(rig
        .conn
        .poll_transmit(&rig.shared, SECOND, 1_000, now)
        .is_some());
}

#[test]
fn the_third_ack_is_repeated_ever_more_slowly_and_given_up_in_the_end() {
    let mut rig = Rig::new(false);
    joins(&mut rig);
    answered(&mut rig, &syn_ack(false));
    rig.asked();
    let mut times = Vec::new();
    let mut said = Vec::new();
    while rig.conn.next_timeout().is_some() && times.len() < 40 {
        rig.timeout();
        times.push(rig.now);
        said = rig.asked();
        if !said.contains(&Action::SendAck { sf: SECOND }) {
            break;
        }
    }
    assert_eq!(times[..4], [60, 180, 420, 900]);
    assert!(
        (10_000..20_000).contains(times.last().unwrap()),
        "{times:?}"
    );
    let performance = ResetReason::PERFORMANCE;
    let reset = said.iter().any(|action| {
        matches!(action, Action::Tell { sf: SECOND, order: Order::Reset { reset, .. } }
            if reset.reason == performance && reset.transient)
    });
    assert!(reset && said.contains(&Action::ResetSubflow { sf: SECOND }));
}

#[test]
fn a_round_trip_of_no_millisecond_is_waited_for_all_the_same() {
    let mut rig = Rig::new(false);
    joins(&mut rig);
    rig.post(Event::JoinSynAck {
        sf: SECOND,
        options: &syn_ack(false),
        srtt: Some(Duration::default()),
    });
    // A timer that is due again at once would never let go.
    for at in [10, 30, 70] {
        assert_eq!(rig.conn.next_timeout(), Some(Instant::from_millis(at)));
        rig.timeout();
        assert!(rig.asked().contains(&Action::SendAck { sf: SECOND }));
    }
}

#[test]
fn a_syn_ack_without_the_right_proof_costs_the_subflow() {
    let cases = [
        (no_options(), Mib::MPJoinSynAckNoMPJoin),
        (
            read("1e101005b30c5c553f88de33ffffffff", SegmentKind::SynAck),
            Mib::MPJoinSynAckHMacFailure,
        ),
        // Our own number.
        (
            read("1e101005b30c5c553f88de3200000001", SegmentKind::SynAck),
            Mib::MPJoinSynAckHMacFailure,
        ),
    ];
    for (options, counter) in cases {
        let mut rig = Rig::new(false);
        let mut tx = joins(&mut rig);
        answered(&mut rig, &options);
        assert!(rig.counted(counter));
        assert!(rig.has(&Action::ResetSubflow { sf: SECOND }));
        tell_second(&mut rig, &mut tx);
        let rst = TxSegment { rst: true, ..BARE };
        let Stamp::Send(stamped) = tx.stamp(&rst, &rig.shared) else {
            panic!("withheld");
        };
        assert_eq!(stamped.options.reset.unwrap().reason, ResetReason::MPTCP);
        closed(&mut rig, Ending::Local);
        assert_eq!(rig.conn.state(), ConnState::Established);
        assert!(!rig.has(&Action::Path(PathEvent::SubflowEstablished { sf: SECOND })));
    }
}

#[test]
fn who_proved_nothing_is_not_heard_until_tcp_has_closed() {
    let mut rig = Rig::new(false);
    joins(&mut rig);
    rig.write(100);
    answered(&mut rig, &no_options());
    assert!(rig.has(&Action::ResetSubflow { sf: SECOND }));
    rig.asked();
    // The reset waits for the lock of TCP, and segments come.
    on_second(&mut rig, &dss(Some(our(100)), None));
    assert_eq!(rig.conn.info().snd_una, our(0));
    on_second(&mut rig, &data_fin(0));
    let mapping = Mapping {
        data_fin: true,
        ..mapping(their(0), 1, 5)
    };
    rig.post(Event::Data {
        sf: SECOND,
        ssn: Ssn(1),
        payload: Bytes(vec![7; 4]),
        mapping: Some(mapping),
    });
    assert_eq!(rig.conn.state(), ConnState::Established);
    assert_eq!(rig.asked(), []);
    rig.data(0, b"abcd");
    assert_eq!(rig.read, b"abcd");
}

fn closed(rig: &mut Rig, ending: Ending) {
    rig.post(Event::SubflowClosed { sf: SECOND, ending });
}

#[test]
fn an_answer_without_options_after_the_handshake_costs_the_subflow() {
    let mut rig = Rig::new(false);
    joins(&mut rig);
    answered(&mut rig, &syn_ack(false));
    on_second(&mut rig, &no_options());
    let asked = rig.asked();
    let reset = asked.iter().any(|action| {
        matches!(action, Action::Tell { sf: SECOND, order: Order::Reset { reset, .. } }
            if reset.reason == ResetReason::MIDDLEBOX)
    });
    assert!(reset);
}

#[test]
fn a_join_that_comes_too_late_is_reset() {
    let mut rig = Rig::new(false);
    joins(&mut rig);
    rig.post(Event::ShutdownWrite);
    answered(&mut rig, &syn_ack(false));
    assert!(rig.counted(Mib::MPJoinNotEstablished));
    assert!(rig.has(&Action::ResetSubflow { sf: SECOND }));
}

#[test]
fn a_subflow_whose_syn_is_not_answered_acknowledges_nothing() {
    let mut rig = Rig::new(false);
    joins(&mut rig);
    rig.segment(&data_fin(0));
    let asked = rig.asked();
    assert!(asked.contains(&Action::DelayAck { sf: SF }));
    assert!(!asked.contains(&Action::DelayAck { sf: SECOND }));
    // Nor once it is given up, before TCP has done so.
    let now = Instant::from_millis(rig.now);
    assert!(rig.conn.close_subflow(SECOND, now));
    rig.drain();
    assert!(rig.has(&Action::ResetSubflow { sf: SECOND }));
    rig.post(Event::ShutdownWrite);
    let asked = rig.asked();
    assert!(asked.contains(&Action::SendAck { sf: SF }));
    assert!(!asked.contains(&Action::SendAck { sf: SECOND }));
}

#[test]
fn the_path_manager_learns_how_a_subflow_ended() {
    let mut rig = Rig::new(false);
    joins(&mut rig);
    answered(&mut rig, &syn_ack(true));
    assert!(rig.counted(Mib::MPJoinSynAckBackupRx));
    closed(&mut rig, Ending::Reset);
    let event = PathEvent::SubflowClosed {
        sf: SECOND,
        ends: Ends {
            local_id: AddrId(2),
            remote_id: AddrId(5),
            local_backup: false,
            remote_backup: true,
        },
        established: true,
        ending: Ending::Reset,
        reset: None,
    };
    assert!(rig.has(&Action::Path(event)));
}

#[test]
fn a_failed_attempt_was_never_established() {
    let mut rig = Rig::new(false);
    joins(&mut rig);
    closed(&mut rig, Ending::Refused);
    let told = rig.asked();
    let event = told.iter().find_map(|action| match action {
        Action::Path(PathEvent::SubflowClosed { established, .. }) => Some(*established),
        _ => None,
    });
    assert_eq!(event, Some(false));
    // The number is not used again.
    let request = JoinRequest {
        local: HERE,
        remote_id: AddrId(0),
        nonce: Nonce::new(2),
    };
    let (sf, _) = rig.conn.join(&request, Instant::default()).unwrap();
    assert_eq!(sf, SubflowId(3));
}

#[test]
fn a_syn_that_tcp_does_not_send_was_no_attempt() {
    let mut rig = Rig::new(false);
    let request = JoinRequest {
        local: HERE,
        remote_id: AddrId(0),
        nonce: Nonce::new(1),
    };
    let now = Instant::default();
    let (sf, _) = rig.conn.join(&request, now).unwrap();
    assert_eq!(rig.conn.info().extra_subflows, 1);
    rig.conn.syn_sent(sf, false, now);
    rig.drain();
    assert!(!rig.counted(Mib::MPJoinSynTx));
    let ended =
        |action: &Action<_>| matches!(action, Action::Path(PathEvent::SubflowClosed { .. }));
    assert!(!rig.actions.iter().any(ended));
    assert!(!rig.conn.has_subflow(sf));
    assert_eq!(rig.conn.info().extra_subflows, 0);
    // TCP's own word comes late, and changes nothing.
    rig.post(Event::SubflowClosed {
        sf,
        ending: Ending::Local,
    });
    assert!(!rig.actions.iter().any(ended));
}

#[test]
fn joins_begin_only_on_a_connection_that_is_open() {
    let request = JoinRequest {
        local: HERE,
        remote_id: AddrId(0),
        nonce: NONCE_I,
    };
    let now = Instant::default();
    let mut early = Rig::with(false, false);
    let none = early.conn.join(&request, now).err();
    assert_eq!(none, Some(CannotJoin::NotOpen));
    let mut rig = Rig::new(false);
    refuse::nth(0);
    // Some there is room for.
    let none = (0..20).find_map(|_| rig.conn.join(&request, now).err());
    refuse::nothing();
    assert_eq!(none, Some(CannotJoin::NoMemory));
}

#[test]
fn the_join_of_the_reference_is_read_and_answered_by_its_numbers() {
    // J1 from the other side: A joins B.
    let answer = read("1e101000864b40428762fd06b1b2b3b4", SegmentKind::SynAck);
    let answer = read_syn_ack::<HostSha256>(&answer, key_a().key, key_b().key, NONCE_I).unwrap();
    assert_eq!(Some(Join::Ack { hmac: answer.hmac }), third_ack().join);
}

#[test]
fn a_connection_without_subflows_goes_on_with_the_next_one() {
    let mut rig = Rig::new(false);
    rig.write(1_000);
    rig.post(Event::SubflowClosed {
        sf: SF,
        ending: Ending::TimedOut,
    });
    assert_eq!(rig.conn.next_timeout(), Some(Instant::from_millis(60_000)));
    rig.now = 59_000;
    took_join(&mut rig);
    assert!(rig.has(&Action::Push { sf: SECOND }));
    let now = Instant::from_millis(rig.now);
    let offer = rig
        .conn
        .poll_transmit(&rig.shared, SECOND, 5_000, now)
        .unwrap();
    assert_eq!(
        (offer.dsn, offer.len, offer.reinjection),
        (our(0), 1_000, true)
    );
    assert_ne!(rig.conn.next_timeout(), Some(Instant::from_millis(60_000)));
}

#[test]
fn an_attempt_that_fails_lets_the_time_without_subflows_begin_again() {
    let mut rig = Rig::new(false);
    rig.post(Event::SubflowClosed {
        sf: SF,
        ending: Ending::TimedOut,
    });
    rig.now = 30_000;
    joins(&mut rig);
    assert_eq!(rig.conn.next_timeout(), None);
    closed(&mut rig, Ending::TimedOut);
    assert_eq!(rig.conn.next_timeout(), Some(Instant::from_millis(90_000)));
    rig.timeout();
    assert_eq!(rig.conn.state(), ConnState::Close);
}

#[test]
fn a_close_in_the_middle_of_a_join_ends_both() {
    let mut rig = Rig::new(false);
    joins(&mut rig);
    rig.post(Event::Abort);
    assert!(rig.has(&Action::ResetSubflow { sf: SECOND }));
    closed(&mut rig, Ending::Local);
    rig.post(Event::SubflowClosed {
        sf: SF,
        ending: Ending::Local,
    });
    rig.post(Event::Close { unread: false });
    assert!(rig.has(&Action::Gone));
}

/// The second subflow is opened by us, and its SYN is out.
pub(super) fn join_second(rig: &mut Rig) {
    joins(rig);
}

/// The peer answers that SYN, and wants it to be a backup.
pub(super) fn answer_second(rig: &mut Rig) {
    answered(rig, &syn_ack(true));
}

/// The second subflow is opened by the peer.
pub(super) fn accept_second(rig: &mut Rig) {
    took_join(rig);
}
