// SPDX-License-Identifier: GPL-2.0

//! `ADD_ADDR`, `REMOVE_ADDR` and `MP_PRIO`, both ways.

use super::super::subflow::Phase;
use super::super::subflow::Subflow;
use super::*;
use core::net::IpAddr;
use core::num::NonZeroU16;

const SECOND: SubflowId = SubflowId(2);

fn v4() -> IpAddr {
    IpAddr::from([198, 51, 100, 7])
}

fn v6() -> IpAddr {
    IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 7])
}

fn announce(rig: &mut Rig, id: u8, addr: IpAddr, port: u16) -> Result<(), CannotAnnounce> {
    let now = Instant::from_millis(rig.now);
    let port = NonZeroU16::new(port);
    let done = rig.conn.announce(AddrId(id), addr, port, now);
    rig.drain();
    done
}

/// A second subflow, that goes from our address 2 to the peer's address 5.
fn with_second() -> Rig {
    let mut rig = Rig::new(false);
    let mut flow = Subflow::new(SECOND, Phase::Open, Duration::from_millis(200));
    flow.ends.local_id = AddrId(2);
    flow.ends.remote_id = AddrId(5);
    rig.conn.subflows.add(flow).unwrap();
    rig
}

/// Whether a subflow was told to say an address, be it an echo.
fn says_address(rig: &Rig) -> bool {
    let says = |action: &Action<Bytes>| {
        let order = match action {
            Action::Tell { order, .. } => order,
            _ => return false,
        };
        matches!(order, Order::Address { .. })
    };
    rig.actions.iter().any(says)
}

/// The options of the next pure ACK, as octets behind timestamps.
fn next_ack(rig: &mut Rig) -> (Vec<u8>, bool) {
    let stamped = rig.stamp(1, 0);
    let timestamps = [1, 1, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0];
    let fitted = fit(&timestamps, &stamped.options);
    let options = fitted.options();
    let behind = if fitted.dropped.timestamps { 0 } else { 12 };
    (options[behind..].to_vec(), stamped.again)
}

fn hex(text: &str) -> Vec<u8> {
    let octet = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(octet).collect()
}

#[test]
fn announcements_are_those_of_the_reference_and_alone_on_their_segment() {
    // D1 to D4, announced by B.
    let cases = [
        (3, v4(), 0, "1e103003c63364078fbaa1349e6d6055"),
        (3, v4(), 8443, "1e123003c633640720fb85dbe73eae90b2c90101"),
        (
            4,
            v6(),
            0,
            "1e1c300420010db80000000000000000000000079da45672bf4cc790",
        ),
        (
            4,
            v6(),
            8443,
            "1e1e300420010db800000000000000000000000720fb55d9c6d4356b21ae0101",
        ),
    ];
    for (id, addr, port, expected) in cases {
        let mut rig = Rig::new(false);
        announce(&mut rig, id, addr, port).unwrap();
        assert!(rig.has(&Action::SendAck { sf: SF }));
        assert_eq!(next_ack(&mut rig), (hex(expected), false));
        // Said once: the next segment is an ordinary one.
        assert_eq!(next_ack(&mut rig).0[2] >> 4, 2);
    }
}

#[test]
fn an_announcement_is_repeated_until_it_is_given_up() {
    let mut rig = Rig::new(false);
    announce(&mut rig, 3, v4(), 0).unwrap();
    let mut times = Vec::new();
    let done = loop {
        rig.asked();
        rig.timeout();
        if !says_address(&rig) {
            break rig.asked();
        }
        times.push(rig.now);
    };
    // The retransmission timeout is 200 ms.
    assert_eq!(times, [200, 600, 1_400]);
    assert_eq!(rig.now, 1_450);
    let event = PathEvent::AnnounceDone {
        id: AddrId(3),
        echoed: false,
    };
    assert_eq!(done, [Action::Path(event)]);
    assert_eq!(rig.conn.next_timeout(), None);
    assert!(rig.conn.is_announced(AddrId(3)));
}

#[test]
fn the_echo_ends_the_repetition() {
    let mut rig = Rig::new(false);
    announce(&mut rig, 3, v4(), 8443).unwrap();
    rig.asked();
    let echo = |port: u16| {
        let option = AddAddr {
            id: AddrId(3),
            addr: v4(),
            port: NonZeroU16::new(port),
            hmac: None,
        };
        on_ack(&OptionSet {
            add_addr: Some(option),
            ..OptionSet::default()
        })
    };
    // Of another port: not this one.
    rig.segment(&echo(1));
    assert!(rig.conn.next_timeout().is_some());
    rig.segment(&echo(8443));
    assert!(rig.counted(Mib::EchoAdd) && rig.counted(Mib::PortAdd));
    let event = PathEvent::AnnounceDone {
        id: AddrId(3),
        echoed: true,
    };
    assert!(rig.has(&Action::Path(event)));
    assert_eq!(rig.conn.next_timeout(), None);
    // A second echo is no news.
    rig.asked();
    rig.segment(&echo(8443));
    assert!(!rig.has(&Action::Path(event)));
}

#[test]
fn what_found_no_room_is_given_up_at_once() {
    let mut rig = Rig::new(false);
    announce(&mut rig, 3, v6(), 8443).unwrap();
    let option = rig.stamp(1, 0).options.add_addr.unwrap();
    rig.post(Event::AddressDropped { option });
    assert!(rig.counted(Mib::AddAddrTxDrop));
    assert_eq!(rig.conn.next_timeout(), None);
    let event = PathEvent::AnnounceDone {
        id: AddrId(3),
        echoed: false,
    };
    assert!(rig.has(&Action::Path(event)));
    let option = option.echo();
    rig.post(Event::AddressDropped { option });
    assert!(rig.counted(Mib::EchoAddTxDrop));
}

#[test]
fn an_identifier_keeps_its_address_until_it_is_withdrawn() {
    let mut rig = Rig::new(false);
    announce(&mut rig, 3, v4(), 0).unwrap();
    assert_eq!(announce(&mut rig, 3, v6(), 0), Err(CannotAnnounce::Taken));
    // Another port is fine (RFC 8684 3.4.1).
    announce(&mut rig, 3, v4(), 99).unwrap();
    let gone = RemoveAddr::new(&[AddrId(3)]).unwrap();
    rig.conn.withdraw(&gone, Instant::default());
    rig.drain();
    assert!(!rig.conn.is_announced(AddrId(3)));
    assert!(announce(&mut rig, 3, v6(), 0).is_ok());
}

#[test]
fn nothing_is_announced_before_options_have_come_through() {
    let mut rig = Rig::with(false, false);
    let done = announce(&mut rig, 3, v4(), 0);
    assert_eq!(done, Err(CannotAnnounce::NotOpen));
    let mut rig = Rig::new(false);
    crate::engine::mem::refuse::nth(0);
    let done = announce(&mut rig, 3, v4(), 0);
    crate::engine::mem::refuse::nothing();
    assert_eq!(done, Err(CannotAnnounce::NoMemory));
}

/// The announcement D1 or D2 of A, our peer.
fn announced(good: bool) -> Options {
    let text = if good {
        "1e103003c63364072d8814f6cfaf3573"
    } else {
        "1e103003c63364072d8814f6cfaf3574"
    };
    parse(&hex(text), SegmentKind::NonSyn { payload_len: 0 })
}

#[test]
fn an_announcement_with_the_right_proof_is_told_and_echoed() {
    let mut rig = Rig::new(false);
    rig.segment(&announced(true));
    let event = PathEvent::Announced {
        id: AddrId(3),
        addr: v4(),
        port: None,
    };
    assert!(rig.has(&Action::Path(event)));
    assert!(rig.counted(Mib::AddAddr) && says_address(&rig));
    assert_eq!(next_ack(&mut rig).0, hex("1e083103c6336407"));
}

/// An announcement with the right proof.
fn announced_as(addr: &str) -> OptionSet {
    let (id, addr) = (AddrId(4), addr.parse().unwrap());
    let hmac = keys::add_addr_hmac::<HostSha256>(key_a().key, key_b().key, id, addr, None);
    let option = AddAddr {
        id,
        addr,
        port: None,
        hmac: Some(hmac),
    };
    OptionSet {
        add_addr: Some(option),
        ..OptionSet::default()
    }
}

#[test]
fn a_group_may_be_announced_and_nobody_may_not() {
    for addr in ["0.0.0.0", "::", "::ffff:0.0.0.0"] {
        let mut rig = Rig::new(false);
        on_first(&mut rig, announced_as(addr));
        assert!(!rig.counted(Mib::AddAddr), "{addr}");
    }
    // As in-tree: the kernel's own tests do so. TCP refuses to connect there.
    for addr in ["224.0.0.1", "255.255.255.255", "ff02::1"] {
        let mut rig = Rig::new(false);
        on_first(&mut rig, announced_as(addr));
        assert!(rig.counted(Mib::AddAddr) && says_address(&rig), "{addr}");
    }
}

#[test]
fn an_announcement_without_proof_is_as_if_it_had_not_come() {
    let mut rig = Rig::new(false);
    rig.segment(&announced(false));
    assert_eq!(rig.asked(), []);
}

#[test]
fn an_announcement_shows_that_the_peer_has_our_key() {
    let mut rig = Rig::with(false, false);
    rig.segment(&announced(true));
    assert_eq!(rig.conn.mode(), Mode::Verified);
    assert!(rig.has(&Action::Path(PathEvent::Established)));
}

#[test]
fn a_connection_that_begins_with_data_may_have_more_paths_at_once() {
    for with_data in [false, true] {
        let open = PassiveOpen {
            local: key_b(),
            remote: key_a(),
            checksum: false,
            remote_deny_join: false,
            with_data,
        };
        let (shared, now) = (Shared::new(), Instant::default());
        let conn = Connection::<Bytes>::passive(Config::default(), &open, 1, 1, &shared, now);
        let mut conn = conn.unwrap();
        let mut actions = core::iter::from_fn(|| conn.poll_action(&shared));
        let established = Action::Path(PathEvent::Established);
        assert_eq!(actions.any(|action| action == established), with_data);
    }
}

#[test]
fn plain_tcp_announces_nothing_any_more() {
    let mut rig = Rig::new(false);
    announce(&mut rig, 3, v4(), 0).unwrap();
    rig.asked();
    rig.mapped(b"bare", None);
    assert_eq!(rig.conn.mode(), Mode::Fallback);
    assert_eq!(rig.conn.next_timeout(), None);
    rig.now = 10_000;
    rig.post(Event::Timer);
    assert!(!says_address(&rig) && !rig.has(&ack_everywhere()));
}

#[test]
fn where_nobody_wants_addresses_they_are_not_echoed() {
    let mut rig = Rig::new(false);
    rig.conn.take_addresses(false);
    rig.segment(&announced(true));
    assert!(rig.counted(Mib::AddAddrDrop) && rig.counted(Mib::AddAddr));
    assert!(!rig.has(&Action::SendAck { sf: SF }));
}

#[test]
fn an_echo_and_an_announcement_go_one_after_the_other() {
    let mut rig = Rig::new(false);
    announce(&mut rig, 3, v4(), 0).unwrap();
    rig.segment(&announced(true));
    let (first, again) = next_ack(&mut rig);
    assert_eq!((first, again), (hex("1e083103c6336407"), true));
    let (second, again) = next_ack(&mut rig);
    assert_eq!(second, hex("1e103003c63364078fbaa1349e6d6055"));
    assert!(!again);
}

#[test]
fn an_announcement_waits_for_no_data_fin() {
    let mut rig = Rig::new(false);
    announce(&mut rig, 3, v4(), 0).unwrap();
    rig.post(Event::ShutdownWrite);
    let first = next_ack(&mut rig).0;
    assert_eq!(first, hex("1e103003c63364078fbaa1349e6d6055"));
    let map = rig.stamp(1, 0).options.lead;
    assert!(matches!(map, Some(Lead::Dss(Dss { map: Some(_), .. }))));
}

#[test]
fn a_withdrawal_goes_over_a_subflow_that_stays() {
    let mut rig = with_second();
    let gone = RemoveAddr::new(&[AddrId(0), AddrId(9)]).unwrap();
    rig.conn.withdraw(&gone, Instant::default());
    rig.drain();
    let order = Order::Withdraw { option: gone };
    assert!(rig.has(&Action::Tell { sf: SECOND, order }));
    assert!(rig.actions.contains(&Action::Count(Mib::RmAddrTx, 2)));
    rig.asked();
    let gone = RemoveAddr::new(&[AddrId(2)]).unwrap();
    rig.conn.withdraw(&gone, Instant::default());
    rig.drain();
    // After the DATA_ACK, as in-tree has it.
    let (options, _) = next_ack(&mut rig);
    assert_eq!((options[1], &options[8..]), (8, &[30, 4, 0x40, 2][..]));
}

fn on_first(rig: &mut Rig, set: OptionSet) {
    rig.segment(&on_ack(&set));
}

#[test]
fn subflows_to_an_address_that_is_gone_are_closed() {
    let mut rig = with_second();
    rig.write(1_000);
    let set = OptionSet {
        remove_addr: RemoveAddr::new(&[AddrId(5), AddrId(6)]),
        ..OptionSet::default()
    };
    on_first(&mut rig, set);
    assert!(rig.actions.contains(&Action::Count(Mib::RmAddr, 2)));
    for id in [5, 6] {
        let event = PathEvent::Removed { id: AddrId(id) };
        assert!(rig.has(&Action::Path(event)));
    }
    assert!(rig.has(&Action::CloseSubflow { sf: SECOND }));
    assert!(!rig.has(&Action::CloseSubflow { sf: SF }));
}

/// The subflows of which the path manager hears that they are no more.
fn ended(rig: &mut Rig) -> Vec<(SubflowId, Ending)> {
    let asked = rig.asked();
    let ends = asked.iter().filter_map(|action| match action {
        Action::Path(PathEvent::SubflowClosed { sf, ending, .. }) => Some((*sf, *ending)),
        _ => None,
    });
    ends.collect()
}

#[test]
fn a_subflow_that_is_taken_out_of_use_ends_at_once_for_the_path_manager() {
    let mut rig = with_second();
    rig.write(1_000);
    rig.asked();
    assert_eq!(rig.conn.info().extra_subflows, 1);
    let set = OptionSet {
        remove_addr: RemoveAddr::new(&[AddrId(0), AddrId(5)]),
        ..OptionSet::default()
    };
    on_first(&mut rig, set);
    // Both, in one event; first that their addresses are gone.
    let news = rig.actions.iter().filter_map(|action| match action {
        Action::Path(PathEvent::Removed { id }) => Some(i32::from(id.0)),
        Action::Path(PathEvent::SubflowClosed { .. }) => Some(-1),
        _ => None,
    });
    assert_eq!(news.collect::<Vec<_>>(), [0, 5, -1, -1]);
    let local = Ending::Local;
    assert_eq!(ended(&mut rig), [(SF, local), (SECOND, local)]);
    assert!(!rig.conn.has_subflow(SF));
    assert_eq!(rig.conn.info().subflows_total, 0);
    // TCP comes to its end later.
    for sf in [SECOND, SF] {
        let ending = Ending::Clean;
        rig.post(Event::SubflowClosed { sf, ending });
    }
    assert_eq!(ended(&mut rig), []);
}

#[test]
fn the_last_address_going_leaves_time_for_another() {
    let mut rig = Rig::new(false);
    let set = OptionSet {
        remove_addr: RemoveAddr::new(&[AddrId(0)]),
        ..OptionSet::default()
    };
    on_first(&mut rig, set);
    assert!(rig.has(&Action::CloseSubflow { sf: SF }));
    assert_eq!(rig.conn.state(), ConnState::Established);
    while rig.conn.state() == ConnState::Established {
        rig.timeout();
    }
    assert_eq!(rig.now, 60_000);
}

#[test]
fn a_priority_of_the_peer_is_told_and_kept() {
    let mut rig = Rig::new(false);
    for backup in [true, true, false] {
        let set = OptionSet {
            prio: Some(Prio { backup }),
            ..OptionSet::default()
        };
        on_first(&mut rig, set);
        assert!(rig.counted(Mib::MPPrioRx));
        let event = PathEvent::Priority { sf: SF, backup };
        assert!(rig.has(&Action::Path(event)));
        assert_eq!(rig.conn.ends(SF).unwrap().remote_backup, backup);
        rig.asked();
    }
}

#[test]
fn our_priority_goes_out_on_the_subflow_that_it_is_about() {
    let mut rig = with_second();
    assert!(rig.conn.set_priority(SF, true, Instant::default()));
    rig.drain();
    assert!(rig.counted(Mib::MPPrioTx));
    let (options, _) = next_ack(&mut rig);
    assert_eq!(&options[8..], [30, 3, 0x51, 1]);
    let none = SubflowId(77);
    assert!(!rig.conn.set_priority(none, true, Instant::default()));
    assert!(!rig.conn.close_subflow(none, Instant::default()));
}

#[test]
fn a_subflow_that_was_taken_out_of_use_has_a_minute_for_its_fins() {
    let mut rig = with_second();
    assert!(rig.conn.close_subflow(SECOND, Instant::default()));
    rig.drain();
    assert!(rig.has(&Action::CloseSubflow { sf: SECOND }));
    // TCP gets no further: nobody answers.
    let mut asked = Vec::new();
    while !asked.contains(&Action::ResetSubflow { sf: SECOND }) {
        assert!(rig.conn.next_timeout().is_some());
        rig.timeout();
        asked = rig.asked();
    }
    assert_eq!(rig.now, 60_000);
    assert!(!asked.contains(&Action::ResetSubflow { sf: SF }));
    assert_eq!(rig.conn.next_timeout(), None);
}

#[test]
fn a_priority_for_an_address_is_for_its_first_subflow_that_carries_data() {
    let mut rig = with_second();
    let mut third = Subflow::new(SubflowId(3), Phase::Open, Duration::from_millis(200));
    third.ends.local_id = AddrId(2);
    rig.conn.subflows.add(third).unwrap();
    let now = Instant::default();
    assert!(rig.conn.close_subflow(SECOND, now));
    assert!(rig.conn.set_priority_from(AddrId(2), true, now));
    assert!(rig.conn.ends(SubflowId(3)).unwrap().local_backup);
    assert!(!rig.conn.set_priority_from(AddrId(9), true, now));
    assert!(rig.conn.set_priority_from(AddrId(0), true, now));
    assert!(rig.conn.ends(SF).unwrap().local_backup);
}

#[test]
fn plain_tcp_hears_nothing_of_addresses() {
    let mut rig = Rig::with(false, false);
    rig.mapped(b"bare", None);
    rig.asked();
    rig.segment(&announced(true));
    let set = OptionSet {
        remove_addr: RemoveAddr::new(&[AddrId(0)]),
        prio: Some(Prio { backup: true }),
        ..OptionSet::default()
    };
    on_first(&mut rig, set);
    assert_eq!(rig.asked(), []);
}

#[test]
fn an_announcement_in_place_of_the_data_ack_is_no_sign_that_options_vanished() {
    let mut rig = Rig::new(false);
    rig.write(100);
    // The peer's TCP has it all, and the connection lost it.
    rig.segment(&announced(true));
    rig.asked();
    rig.timeout();
    assert_eq!(rig.conn.mode(), Mode::Verified);
    assert_eq!(rig.offer(9_000).map(|offer| offer.len), Some(100));
}
