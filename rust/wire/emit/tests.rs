// SPDX-License-Identifier: GPL-2.0

use core::net::IpAddr;
use core::num::NonZeroU16;
use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use super::super::testing::*;
use super::super::walk::NOP;
use super::super::*;

fn flags(checksum: bool, deny_join: bool) -> CapableFlags {
    CapableFlags {
        checksum,
        deny_join,
    }
}

fn map(dsn: Dsn, ssn: u32, len: u16, data_fin: bool, checksum: Option<u16>) -> Mapping {
    Mapping {
        dsn: WireDsn::long(dsn),
        ssn: Ssn(ssn),
        len,
        data_fin,
        checksum,
    }
}

fn dss(data_ack: Option<WireDsn>, map: Option<Mapping>) -> OptionSet {
    Dss { data_ack, map }.into()
}

/// Vectors of `MP_CAPABLE`.
fn capable_vectors() -> Vec<(&'static str, SegmentKind, OptionSet)> {
    let syn = |flags| OptionSet::from(Capable::Syn { version: 1, flags });
    let data = |flags, checksum| {
        OptionSet::from(Capable::AckData {
            flags,
            sender: KEY_A,
            receiver: KEY_B,
            len: 5,
            checksum,
        })
    };
    vec![
        ("1e040101", SegmentKind::Syn, syn(flags(false, false))),
        ("1e040181", SegmentKind::Syn, syn(flags(true, false))),
        ("1e040121", SegmentKind::Syn, syn(flags(false, true))),
        (
            "1e0c01011112131415161718",
            SegmentKind::SynAck,
            Capable::SynAck {
                flags: flags(false, false),
                key: KEY_B,
            }
            .into(),
        ),
        (
            "1e14010101020304050607081112131415161718",
            PURE_ACK,
            Capable::Ack {
                flags: flags(false, false),
                sender: KEY_A,
                receiver: KEY_B,
            }
            .into(),
        ),
        (
            "1e160101010203040506070811121314151617180005",
            DATA,
            data(flags(false, false), None),
        ),
        (
            "1e18018101020304050607081112131415161718000582a1",
            DATA,
            data(flags(true, false), Some(0x82a1)),
        ),
    ]
}

/// Vectors of DSS.
fn dss_vectors() -> Vec<(&'static str, SegmentKind, OptionSet)> {
    let ack = IDSN_B.advance(1);
    let short = Some(WireDsn::short(ack));
    let long = Some(WireDsn::long(ack));
    let first = IDSN_A.advance(1);
    let full = |len, fin, checksum| Some(map(first, 1, len, fin, checksum));
    let low = Some(Mapping {
        dsn: WireDsn::short(first),
        ..map(first, 1, 5, false, None)
    });
    let end = IDSN_A.advance(6);
    vec![
        ("1e0820018e087c8f", PURE_ACK, dss(short, None)),
        ("1e0c2003535beea38e087c8f", PURE_ACK, dss(long, None)),
        ("1e0e2004d29d6f73000000010005", DATA, dss(None, low)),
        (
            "1e12200cf5a101d3d29d6f73000000010005",
            DATA,
            dss(None, full(5, false, None)),
        ),
        (
            "1e1220058e087c8fd29d6f73000000010005",
            DATA,
            dss(short, low),
        ),
        (
            "1e1a200f535beea38e087c8ff5a101d3d29d6f73000000010005",
            DATA,
            dss(long, full(5, false, None)),
        ),
        (
            "1e1c200f535beea38e087c8ff5a101d3d29d6f7300000001000582a1",
            DATA,
            dss(long, full(5, false, Some(0x82a1))),
        ),
        (
            "1e1c201f535beea38e087c8ff5a101d3d29d6f78000000000001c673",
            PURE_ACK,
            dss(long, Some(map(end, 0, 1, true, Some(0xc673)))),
        ),
        (
            "1e1c201f535beea38e087c8ff5a101d3d29d6f7300000001000682a0",
            DATA,
            dss(long, full(6, true, Some(0x82a0))),
        ),
        (
            "1e1c200f535beea38e087c8ff5a101d3d29d6f780000000600000000",
            DATA,
            dss(long, Some(map(end, 6, 0, false, Some(0)))),
        ),
        (
            "1e12200cf5a101d3d29d6f78000000060000",
            DATA,
            dss(None, Some(map(end, 6, 0, false, None))),
        ),
    ]
}

/// Vectors of `MP_JOIN`.
fn join_vectors() -> Vec<(&'static str, SegmentKind, OptionSet)> {
    let syn = |backup| {
        OptionSet::from(Join::Syn {
            backup,
            id: AddrId(2),
            token: Token(0xccad_45ac),
            nonce: Nonce::new(0xa1a2_a3a4),
        })
    };
    vec![
        ("1e0c1002ccad45aca1a2a3a4", SegmentKind::Syn, syn(false)),
        ("1e0c1102ccad45aca1a2a3a4", SegmentKind::Syn, syn(true)),
        (
            "1e101000864b40428762fd06b1b2b3b4",
            SegmentKind::SynAck,
            Join::SynAck {
                backup: false,
                id: AddrId(0),
                hmac: HmacR::from_bytes(octets("864b40428762fd06")),
                nonce: Nonce::new(0xb1b2_b3b4),
            }
            .into(),
        ),
        (
            "1e18100053037f2899475529844115fd07e665d23d3554fb",
            PURE_ACK,
            Join::Ack {
                hmac: HmacI::from_bytes(octets("53037f2899475529844115fd07e665d23d3554fb")),
            }
            .into(),
        ),
    ]
}

/// Vectors of `ADD_ADDR` and `REMOVE_ADDR`.
fn address_vectors() -> Vec<(&'static str, SegmentKind, OptionSet)> {
    let v4 = (3, IpAddr::from([198, 51, 100, 7]));
    let v6 = (4, IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 7]));
    let add = |(id, addr), port, hmac: Option<&str>| OptionSet {
        add_addr: Some(AddAddr {
            id: AddrId(id),
            addr,
            port: NonZeroU16::new(port),
            hmac: hmac.map(|text| AddAddrHmac::from_bytes(octets(text))),
        }),
        ..OptionSet::default()
    };
    let remove = |ids: &[AddrId]| OptionSet {
        remove_addr: RemoveAddr::new(ids),
        ..OptionSet::default()
    };
    let vectors = [
        (
            "1e103003c63364078fbaa1349e6d6055",
            add(v4, 0, Some("8fbaa1349e6d6055")),
        ),
        (
            "1e123003c633640720fb85dbe73eae90b2c9",
            add(v4, 8443, Some("85dbe73eae90b2c9")),
        ),
        (
            "1e1c300420010db80000000000000000000000079da45672bf4cc790",
            add(v6, 0, Some("9da45672bf4cc790")),
        ),
        (
            "1e1e300420010db800000000000000000000000720fb55d9c6d4356b21ae",
            add(v6, 8443, Some("55d9c6d4356b21ae")),
        ),
        ("1e083103c6336407", add(v4, 0, None)),
        ("1e0a3103c633640720fb", add(v4, 8443, None)),
        ("1e14310420010db8000000000000000000000007", add(v6, 0, None)),
        (
            "1e16310420010db800000000000000000000000720fb",
            add(v6, 8443, None),
        ),
        ("1e044003", remove(&[AddrId(3)])),
        ("1e0640030409", remove(&[AddrId(3), AddrId(4), AddrId(9)])),
    ];
    vectors
        .into_iter()
        .map(|(text, set)| (text, PURE_ACK, set))
        .collect()
}

/// Vectors of the rest.
fn other_vectors() -> Vec<(&'static str, SegmentKind, OptionSet)> {
    let none = OptionSet::default();
    let reset = |reason, transient| OptionSet {
        reset: Some(Reset { reason, transient }),
        ..none
    };
    let prio = |backup| OptionSet {
        prio: Some(Prio { backup }),
        ..none
    };
    let fail = OptionSet {
        fail: Some(Fail {
            dsn: IDSN_A.advance(6),
        }),
        ..none
    };
    let fast_close = OptionSet {
        fast_close: Some(FastClose { key: KEY_B }),
        ..none
    };
    vec![
        ("1e0351", PURE_ACK, prio(true)),
        ("1e0350", DATA, prio(false)),
        ("1e0c6000f5a101d3d29d6f78", PURE_ACK, fail),
        ("1e0c6000f5a101d3d29d6f78", SegmentKind::Rst, fail),
        ("1e0c70001112131415161718", PURE_ACK, fast_close),
        ("1e0c70001112131415161718", SegmentKind::Rst, fast_close),
        (
            "1e048006",
            SegmentKind::Rst,
            reset(ResetReason::MIDDLEBOX, false),
        ),
        (
            "1e048102",
            SegmentKind::Rst,
            reset(ResetReason::RESOURCES, true),
        ),
    ]
}

/// Every option vector of the reference: octets, a segment that carries them, their meaning.
pub(in super::super) fn vectors() -> Vec<(&'static str, SegmentKind, OptionSet)> {
    [
        capable_vectors(),
        dss_vectors(),
        join_vectors(),
        address_vectors(),
        other_vectors(),
    ]
    .concat()
}

#[test]
fn every_option_is_written_as_the_reference_has_it() {
    for (text, _, set) in vectors() {
        let mut expected = hex(text);
        expected.resize(expected.len().next_multiple_of(4), NOP);
        assert_eq!(emitted(&set), expected, "{text}");
    }
}

#[test]
fn options_go_out_in_the_order_of_the_in_tree_implementation() {
    let subtypes = |set: &OptionSet| -> Vec<u8> {
        walk::Walk::new(&emitted(set))
            .map(|item| item.body[0] >> 4)
            .collect()
    };
    let ack = OptionSet::from(Dss::ack(WireDsn::Long(1)));
    let prio = Some(Prio { backup: true });
    let remove_addr = RemoveAddr::new(&[AddrId(1)]);
    let reset = Some(Reset::default());
    let fail = Some(Fail { dsn: Dsn(1) });
    let fast_close = Some(FastClose { key: KEY_A });
    let managing = OptionSet {
        prio,
        remove_addr,
        ..ack
    };
    assert_eq!(subtypes(&managing), [2, 5, 4]);
    let failing = OptionSet { fail, ..ack };
    assert_eq!(subtypes(&failing), [2, 6]);
    let none = OptionSet::default();
    let resetting = OptionSet {
        fail,
        reset,
        ..none
    };
    assert_eq!(subtypes(&resetting), [6, 8]);
    let aborting = OptionSet {
        fast_close,
        reset,
        ..none
    };
    assert_eq!(subtypes(&aborting), [7, 8]);
}

#[test]
fn what_does_not_fit_into_40_octets_is_not_called_written() {
    let set = OptionSet {
        lead: Some(Lead::Join(Join::Ack {
            hmac: HmacI::from_bytes([0; 20]),
        })),
        fail: Some(Fail { dsn: Dsn(0) }),
        reset: Some(Reset::default()),
        prio: Some(Prio { backup: false }),
        ..OptionSet::default()
    };
    assert_eq!(set.emitted_len(), 44);
    assert_eq!(set.emit(&mut [0; OPTION_SPACE]), None);
}

#[test]
fn a_remove_addr_names_one_to_eight_addresses() {
    let ids: Vec<_> = (1..=9).map(AddrId).collect();
    assert_eq!(RemoveAddr::new(&[]), None);
    assert_eq!(RemoveAddr::new(&ids), None);
    let most = RemoveAddr::new(&ids[..8]).unwrap();
    assert!(most.ids().eq(ids[..8].iter().copied()));
    assert_eq!(most.encoded_len(), 11);
}

#[test]
fn an_infinite_mapping_never_claims_a_data_fin() {
    let infinite = Dss {
        data_ack: None,
        map: Some(map(Dsn(9), 6, 0, true, None)),
    };
    assert!(infinite.is_infinite());
    assert_eq!(emitted(&infinite.into())[3], 0x0c);
    let map = infinite.map.unwrap();
    assert_eq!((map.payload_len(), map.data_fin_dsn(Dsn(9))), (0, None));
}

#[test]
fn a_data_fin_comes_after_the_last_byte_mapped() {
    let with_data = map(Dsn(100), 1, 6, true, None);
    assert_eq!(with_data.payload_len(), 5);
    assert_eq!(with_data.data_fin_dsn(Dsn(100)), Some(Dsn(105)));
    let alone = map(Dsn(100), 0, 1, true, None);
    assert_eq!(alone.payload_len(), 0);
    assert_eq!(alone.data_fin_dsn(Dsn(100)), Some(Dsn(100)));
    let without = map(Dsn(100), 1, 6, false, None);
    assert_eq!(without.payload_len(), 6);
    assert_eq!(without.data_fin_dsn(Dsn(100)), None);
}

#[test]
fn the_first_data_is_mapped_right_behind_the_handshake() {
    assert_eq!(
        capable::first_mapping(IDSN_A, 5, Some(0x82a1)),
        map(IDSN_A.advance(1), 1, 5, false, Some(0x82a1))
    );
}

proptest! {
    #[test]
    fn what_was_written_reads_back_the_same((set, segment) in legal_set()) {
        prop_assert_eq!(parse(&emitted(&set), segment), as_parsed(&set));
    }

    #[test]
    fn writing_takes_exactly_the_octets_foretold(set in any_set()) {
        let mut area = [0; OPTION_SPACE];
        let len = set.emitted_len();
        prop_assert_eq!(len % 4, 0);
        prop_assert_eq!(set.emit(&mut area), (len <= OPTION_SPACE).then_some(len));
        prop_assert_eq!(set.is_empty(), len == 0);
    }
}

#[test]
fn an_echo_says_the_same_without_the_proof() {
    let announced = AddAddr {
        id: AddrId(3),
        addr: [198, 51, 100, 7].into(),
        port: NonZeroU16::new(8443),
        hmac: Some(AddAddrHmac::from_bytes([7; 8])),
    };
    let set = OptionSet {
        add_addr: Some(announced.echo()),
        ..OptionSet::default()
    };
    assert!(announced.echo().is_echo());
    assert_eq!(emitted(&set), hex("1e0a3103c633640720fb0101"));
}
