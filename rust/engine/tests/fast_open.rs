// SPDX-License-Identifier: GPL-2.0

//! RFC 8684 B: data on the SYN, keys after it.

use super::super::fast_open::EarlyOpen;
use super::super::fast_open::PeerKeys;
use super::super::initiate::ListenPolicy;
use super::super::initiate::SynOffer;
use super::*;

const FLAGS: CapableFlags = CapableFlags {
    checksum: false,
    deny_join: true,
};

/// A connection that has only seen the SYN of its peer, with a window of 10000.
fn early() -> Rig {
    let offer = SynOffer {
        checksum: false,
        deny_join: false,
    };
    let open = EarlyOpen::new(offer, ListenPolicy::default(), key_b());
    let mut rig = Rig::new(false);
    rig.shared = Shared::new();
    let now = Instant::default();
    rig.conn = Connection::early(Config::default(), &open, 10_000, &rig.shared, now).unwrap();
    rig.tx = SubflowTx::early(&open);
    rig.asked();
    rig.read.clear();
    rig
}

/// The third ACK, which repeats `echoed` as our key.
fn third_ack(rig: &mut Rig, echoed: Key) {
    let capable = Capable::Ack {
        flags: FLAGS,
        sender: key_a().key,
        receiver: echoed,
    };
    let options = on_ack(&OptionSet {
        lead: Some(Lead::Capable(capable)),
        ..OptionSet::default()
    });
    arrive(rig, &options);
}

fn arrive(rig: &mut Rig, options: &Options) {
    assert!(rig.shared.wants_keys(&RxSegment::default()));
    rig.post(Event::PeerKeys {
        sf: SF,
        keys: PeerKeys::read::<HostSha256>(options),
        promised: 500,
    });
    rig.segment(options);
}

#[test]
fn the_bytes_of_the_syn_come_before_the_first_number() {
    let mut rig = early();
    rig.post(Event::SynData {
        payload: Bytes(b"early ".to_vec()),
    });
    assert!(rig.has(&Action::WakeReader));
    third_ack(&mut rig, key_b().key);
    rig.rx = 1;
    rig.data(0, b"bird");
    assert_eq!(rig.read, b"early bird");
    assert_eq!(rig.shared.rcv_nxt(), their(4));
    assert_eq!(rig.conn.info().bytes_received, 10);
}

#[test]
fn the_syn_ack_names_our_key_each_time() {
    let mut rig = early();
    let key = key_b().key;
    let flags = CapableFlags::default();
    let wanted = Some(Lead::Capable(Capable::SynAck { flags, key }));
    assert_eq!(rig.conn.syn_ack_options().lead, wanted);
    third_ack(&mut rig, key);
    assert_eq!(rig.conn.syn_ack_options().lead, wanted);
}

#[test]
fn nothing_is_acknowledged_before_the_key_of_the_peer_is_known() {
    let mut rig = early();
    assert!(rig.stamp(1, 0).options.is_empty());
    third_ack(&mut rig, key_b().key);
    assert!(!rig.shared.wants_keys(&RxSegment::default()));
    assert_eq!(rig.shared.edge(), their(500));
    assert!(rig.conn.remote_denies_join());
    let Some(Lead::Dss(dss)) = rig.stamp(1, 0).options.lead else {
        panic!("no DATA_ACK");
    };
    assert_eq!(dss.data_ack, Some(WireDsn::short(their(0))));
}

#[test]
fn a_fast_close_has_the_key_that_the_third_ack_named() {
    let mut rig = early();
    third_ack(&mut rig, key_b().key);
    rig.post(Event::Abort);
    let reset = TxSegment {
        rst: true,
        ssn: Ssn(1),
        una: Ssn(1),
        ..TxSegment::default()
    };
    let Stamp::Send(stamped) = rig.tx.stamp(&reset, &rig.shared) else {
        panic!("withheld");
    };
    let key = key_a().key;
    assert_eq!(stamped.options.fast_close, Some(FastClose { key }));
}

#[test]
fn a_reset_says_nothing_about_keys() {
    let rig = early();
    let reset = RxSegment {
        rst: true,
        ..RxSegment::default()
    };
    assert!(!rig.shared.wants_keys(&reset));
}

#[test]
fn a_client_waits_for_the_syn_ack() {
    let shared = Shared::new();
    let now = Instant::default();
    let mut conn = Connection::<Bytes>::active(Config::default(), key_b(), &shared, now).unwrap();
    assert!(shared.wants_keys(&RxSegment::default()));
    let event = Event::PeerKeys {
        sf: SF,
        keys: None,
        promised: 0,
    };
    conn.handle(&shared, event, now);
    assert_eq!(conn.mode(), Mode::Negotiating);
}

#[test]
fn without_keys_or_with_wrong_ones_it_is_plain_tcp() {
    let mut rig = early();
    arrive(&mut rig, &on_ack(&OptionSet::default()));
    assert!(rig.has(&Action::FellBack(FallbackReason::NoOptions)));
    assert!(rig.counted(Mib::MPCapableFallbackACK));
    assert_eq!(rig.conn.syn_ack_options(), OptionSet::default());
    rig.rx = 1;
    rig.mapped(b"plain", None);
    assert_eq!(rig.read, b"plain");

    let mut rig = early();
    third_ack(&mut rig, key_a().key);
    assert_eq!(rig.conn.mode(), Mode::Fallback);
}
