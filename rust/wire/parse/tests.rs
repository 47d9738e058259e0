// SPDX-License-Identifier: GPL-2.0

use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use super::super::emit::tests::vectors;
use super::super::testing::*;
use super::super::*;

/// The options of a segment given in hexadecimal; spaces are for the eye.
fn read(text: &str, segment: SegmentKind) -> Options {
    parse(&hex(&text.replace(' ', "")), segment)
}

const SEGMENTS: [SegmentKind; 5] = [
    SegmentKind::Syn,
    SegmentKind::SynAck,
    PURE_ACK,
    DATA,
    SegmentKind::Rst,
];

const TIMESTAMPS: &str = "0101080a 00000001 00000002";
const DSS_ACK: &str = "1e0820018e087c8f";
const FAIL: &str = "1e0c6000f5a101d3d29d6f78";
const FAST_CLOSE: &str = "1e0c70001112131415161718";
const CAPABLE_ACK: &str = "1e14010101020304050607081112131415161718";
const JOIN_ACK: &str = "1e18100053037f2899475529844115fd07e665d23d3554fb";
const ADD_ADDR: &str = "1e083103c6336407";

#[test]
fn every_option_of_the_reference_is_understood() {
    for (text, segment, set) in vectors() {
        assert_eq!(read(text, segment), as_parsed(&set), "{text}");
    }
}

#[test]
fn our_options_are_found_between_those_of_tcp() {
    let sack = "0101050a 00000001 00000002";
    let options = read(&[TIMESTAMPS, DSS_ACK, sack].concat(), PURE_ACK);
    assert_eq!(options, read(DSS_ACK, PURE_ACK));
    assert!(!options.is_empty() && options.rejected.is_empty());
}

#[test]
fn a_segment_without_our_options_yields_nothing() {
    for area in ["", TIMESTAMPS, "0101040200"] {
        assert_eq!(read(area, DATA), Options::default());
        assert!(read(area, DATA).is_empty());
    }
}

#[test]
fn an_option_cut_short_by_the_end_of_the_list_is_absent() {
    for (text, segment, _) in vectors() {
        let whole = hex(text);
        for cut in 1..whole.len() {
            let options = parse(&whole[..cut], segment);
            assert!(options.is_empty(), "{text} cut at {cut}");
            assert!(options.rejected.broken_list, "{text} cut at {cut}");
        }
    }
}

#[test]
fn what_came_before_a_broken_option_stands() {
    let options = read(&[DSS_ACK, "1e0c6000"].concat(), PURE_ACK);
    assert!(options.dss.is_some() && options.fail.is_none());
    assert!(options.rejected.broken_list);
}

/// Which lengths each subtype has on each segment, whatever else its octets say.
fn lengths(subtype: Subtype, segment: SegmentKind) -> Vec<usize> {
    use SegmentKind as K;
    use Subtype as S;
    match (subtype, segment) {
        (S::Capable, K::Syn) => vec![4],
        (S::Capable, K::SynAck) => vec![12],
        (S::Capable, PURE_ACK) => vec![20],
        (S::Capable, DATA) => vec![22, 24],
        (S::Join, K::Syn) => vec![12],
        (S::Join, K::SynAck) => vec![16],
        (S::Join, PURE_ACK | DATA) => vec![24],
        (S::Dss, PURE_ACK | DATA) => {
            vec![4, 8, 12, 14, 16, 18, 20, 22, 24, 26, 28]
        }
        (S::AddAddr, PURE_ACK | DATA) => vec![8, 10, 16, 18, 20, 22, 28, 30],
        (S::RemoveAddr, PURE_ACK | DATA) => (4..=40).collect(),
        (S::Prio, PURE_ACK | DATA) => vec![3],
        (S::Fail, PURE_ACK | DATA | K::Rst) => vec![12],
        (S::FastClose, PURE_ACK | DATA | K::Rst) => vec![12],
        (S::Reset, K::Rst) => vec![4],
        _ => vec![],
    }
}

#[test]
fn no_subtype_is_taken_at_a_length_it_does_not_have() {
    for subtype in Subtype::ALL {
        for segment in SEGMENTS {
            let legal = lengths(subtype, segment);
            for len in 3..=40_u8 {
                let mut seen = false;
                for (low, flags) in (0..16).flat_map(|low| (0..=255).map(move |f| (low, f))) {
                    let mut area = [0x11; 40];
                    area[..4].copy_from_slice(&[30, len, subtype.high_nibble() | low, flags]);
                    let options = parse(&area[..usize::from(len)], segment);
                    seen |= options.taken.contains(subtype);
                    assert!(options.taken.is_within(subtype.alone()));
                }
                let expected = legal.contains(&usize::from(len));
                assert_eq!(seen, expected, "{subtype:?} {segment:?} {len}");
            }
        }
    }
}

#[test]
fn a_wrong_length_is_noted_as_malformed_and_a_wrong_segment_as_misplaced() {
    let options = read("1e0451ff", PURE_ACK);
    assert_eq!(options.rejected.malformed, Subtype::Prio.alone());
    let options = read("1e0351", SegmentKind::Rst);
    assert_eq!(options.rejected.misplaced, Subtype::Prio.alone());
    assert!(options.is_empty());
}

#[test]
fn dss_length_follows_from_the_flags_with_or_without_a_checksum() {
    let base = |flags: u8| match flags & 0x0f {
        0x00 | 0x02 | 0x08 | 0x0a => 4,
        0x01 | 0x09 => 8,
        0x03 | 0x0b => 12,
        0x04 | 0x06 => 14,
        0x0c | 0x0e | 0x05 => 18,
        0x07 | 0x0d => 22,
        _ => 26,
    };
    for flags in 0..=255_u8 {
        for len in 4..=40_u8 {
            let mut area = [0x11; 40];
            area[..4].copy_from_slice(&[30, len, 0x20, flags]);
            let options = parse(&area[..usize::from(len)], DATA);
            let has_map = flags & 4 != 0;
            let plain = usize::from(len) == base(flags);
            let summed = has_map && usize::from(len) == base(flags) + 2;
            let Some(dss) = options.dss else {
                assert!(!plain && !summed, "{flags:#x} {len}");
                assert_eq!(options.rejected.malformed, Subtype::Dss.alone());
                continue;
            };
            assert!(plain || summed, "{flags:#x} {len}");
            assert_eq!(dss.data_ack.is_some(), flags & 1 != 0);
            assert_eq!(dss.map.is_some(), has_map);
            assert_eq!(dss.encoded_len(), usize::from(len));
            let checksum = dss.map.and_then(|map| map.checksum);
            assert_eq!(checksum.is_some(), summed);
            let data_fin = dss.map.is_some_and(|map| map.data_fin);
            assert_eq!(data_fin, has_map && flags & 0x10 != 0);
        }
    }
}

#[test]
fn a_data_ack_with_room_for_a_checksum_is_malformed() {
    let options = read("1e0a20018e087c8f0000", PURE_ACK);
    assert!(options.dss.is_none());
    assert_eq!(options.rejected.malformed, Subtype::Dss.alone());
}

#[test]
fn a_data_fin_flag_without_a_mapping_says_nothing() {
    let options = read("1e0820118e087c8f", PURE_ACK);
    assert_eq!(options.dss, Some(Dss::ack(WireDsn::Short(0x8e08_7c8f))));
}

#[test]
fn a_data_fin_flag_on_an_infinite_mapping_says_nothing() {
    let map = read("1e12201cf5a101d3d29d6f78000000060000", DATA)
        .dss
        .and_then(|dss| dss.map)
        .unwrap();
    assert!(map.is_infinite() && !map.data_fin);
    assert_eq!(map.payload_len(), 0);
}

#[test]
fn a_dss_on_a_syn_or_a_reset_is_ignored() {
    for segment in [SegmentKind::Syn, SegmentKind::SynAck, SegmentKind::Rst] {
        let options = read(DSS_ACK, segment);
        assert!(options.is_empty());
        assert_eq!(options.rejected.misplaced, Subtype::Dss.alone());
    }
}

#[test]
fn reserved_bits_are_ignored() {
    assert_eq!(read("1e082fe18e087c8f", PURE_ACK), read(DSS_ACK, PURE_ACK));
    assert_eq!(read("1e035f", PURE_ACK), read("1e0351", PURE_ACK));
    let plain = read("1e048106", SegmentKind::Rst);
    assert_eq!(read("1e048f06", SegmentKind::Rst), plain);
    let plain = read("1e0c1002ccad45aca1a2a3a4", SegmentKind::Syn);
    assert_eq!(read("1e0c1e02ccad45aca1a2a3a4", SegmentKind::Syn), plain);
    assert_eq!(
        read("1e0c6fff f5a101d3d29d6f78", PURE_ACK),
        read(FAIL, PURE_ACK)
    );
    assert_eq!(
        read("1e0c7fff 1112131415161718", PURE_ACK),
        read(FAST_CLOSE, PURE_ACK)
    );
    assert_eq!(read("1e044f03", PURE_ACK), read("1e044003", PURE_ACK));
}

#[test]
fn unassigned_and_experimental_subtypes_are_skipped_in_silence() {
    for subtype in 0x9..=0xF_u8 {
        let mut area = hex("1e0800000000000000");
        area.truncate(8);
        area[2] = subtype << 4;
        area.extend(hex(DSS_ACK));
        assert_eq!(parse(&area, PURE_ACK), read(DSS_ACK, PURE_ACK));
    }
}

#[test]
fn an_option_without_a_subtype_is_skipped() {
    assert_eq!(
        read(&["1e02", DSS_ACK].concat(), PURE_ACK),
        read(DSS_ACK, PURE_ACK)
    );
}

#[test]
fn of_two_options_of_one_subtype_the_first_wins() {
    let options = read(&[DSS_ACK, "1e08200100000000"].concat(), PURE_ACK);
    assert_eq!(options.dss, read(DSS_ACK, PURE_ACK).dss);
    assert_eq!(options.rejected.duplicate, Subtype::Dss.alone());

    let options = read("1e0351 1e0350", PURE_ACK);
    assert_eq!(options.prio, Some(Prio { backup: true }));
    assert_eq!(options.rejected.duplicate, Subtype::Prio.alone());
}

#[test]
fn a_malformed_option_does_not_count_as_the_first() {
    let options = read(&["1e0820030000000000", DSS_ACK].concat()[..], PURE_ACK);
    assert!(
        options.is_empty(),
        "the list is out of step after a wrong length"
    );
    let options = read(&["1e082003 00000000", DSS_ACK].concat(), PURE_ACK);
    assert_eq!(options.dss, read(DSS_ACK, PURE_ACK).dss);
    assert_eq!(options.rejected.malformed, Subtype::Dss.alone());
    assert!(options.rejected.duplicate.is_empty());
}

#[test]
fn of_two_options_that_exclude_each_other_the_first_wins() {
    let join_syn = "1e0c1002ccad45aca1a2a3a4";
    let cases = [
        ("1e040101", join_syn, SegmentKind::Syn),
        (CAPABLE_ACK, DSS_ACK, PURE_ACK),
        (CAPABLE_ACK, "1e0351", PURE_ACK),
        (CAPABLE_ACK, ADD_ADDR, PURE_ACK),
        (CAPABLE_ACK, FAIL, PURE_ACK),
        (CAPABLE_ACK, FAST_CLOSE, PURE_ACK),
        (JOIN_ACK, DSS_ACK, PURE_ACK),
        (JOIN_ACK, ADD_ADDR, PURE_ACK),
        (JOIN_ACK, FAIL, PURE_ACK),
        (JOIN_ACK, FAST_CLOSE, PURE_ACK),
        (FAIL, FAST_CLOSE, PURE_ACK),
        (FAIL, FAST_CLOSE, SegmentKind::Rst),
        (FAIL, ADD_ADDR, PURE_ACK),
        (FAIL, "1e044003", PURE_ACK),
        (FAST_CLOSE, "1e0351", PURE_ACK),
    ];
    for (one, other, segment) in cases {
        for (first, second) in [(one, other), (other, one)] {
            let options = read(&[first, second].concat(), segment);
            let alone = read(first, segment);
            assert_eq!(options.taken, alone.taken, "{first} {second}");
            let excluded = read(second, segment).taken;
            assert_eq!(options.rejected.excluded, excluded, "{first} {second}");
            assert!(!excluded.is_empty());
        }
    }
}

#[test]
fn options_that_go_together_are_all_taken_in_either_order() {
    let cases = [
        (CAPABLE_ACK, "1e044003", PURE_ACK),
        (JOIN_ACK, "1e044003", PURE_ACK),
        (JOIN_ACK, "1e0351", PURE_ACK),
        (DSS_ACK, ADD_ADDR, PURE_ACK),
        (DSS_ACK, "1e044003", PURE_ACK),
        (DSS_ACK, "1e0351", PURE_ACK),
        (DSS_ACK, FAIL, PURE_ACK),
        (DSS_ACK, FAST_CLOSE, PURE_ACK),
        (ADD_ADDR, "1e044003", PURE_ACK),
        (ADD_ADDR, "1e0351", PURE_ACK),
        ("1e044003", "1e0351", PURE_ACK),
        (FAIL, "1e048006", SegmentKind::Rst),
        (FAST_CLOSE, "1e048006", SegmentKind::Rst),
    ];
    for (one, other, segment) in cases {
        for text in [[one, other].concat(), [other, one].concat()] {
            let options = read(&text, segment);
            assert!(options.rejected.is_empty(), "{text}");
            let both = read(one, segment).taken.union(read(other, segment).taken);
            assert_eq!(options.taken, both, "{text}");
        }
    }
}

#[test]
fn company_is_a_matter_of_both_sides() {
    for segment in SEGMENTS {
        for one in Subtype::ALL {
            assert!(!one.companions(segment).contains(one));
            for other in Subtype::ALL {
                assert_eq!(
                    one.companions(segment).contains(other),
                    other.companions(segment).contains(one),
                    "{one:?} {other:?} {segment:?}"
                );
            }
        }
    }
}

#[test]
fn a_capable_that_we_cannot_use_is_told_apart_from_none() {
    let key = "1112131415161718";
    let keys = "01020304050607081112131415161718";
    let syn_ack = |head: &str| read(&[head, key].concat(), SegmentKind::SynAck).unusable;
    let ack = |head: &str| read(&[head, keys].concat(), PURE_ACK).unusable;
    let syn = |text: &str| read(text, SegmentKind::Syn).unusable;
    assert_eq!(syn("1e040001"), Some(Unusable::Version(0)));
    assert_eq!(syn("1e040141"), Some(Unusable::Extension));
    assert_eq!(syn("1e040100"), Some(Unusable::Crypto(0)));
    assert_eq!(syn("1e040110"), Some(Unusable::Crypto(0x10)));
    assert_eq!(syn("1e040101"), None);
    assert_eq!(syn_ack("1e0c0001"), Some(Unusable::Version(0)));
    assert_eq!(syn_ack("1e0c0201"), Some(Unusable::Version(2)));
    assert_eq!(syn_ack("1e0c0141"), Some(Unusable::Extension));
    assert_eq!(syn_ack("1e0c0103"), Some(Unusable::Crypto(3)));
    assert_eq!(syn_ack("1e0c0101"), None);
    assert_eq!(ack("1e140201"), Some(Unusable::Version(2)));
    assert_eq!(ack("1e140141"), Some(Unusable::Extension));
    assert_eq!(ack("1e140100"), Some(Unusable::Crypto(0)));
    let zero_key = "1e14010100000000000000001112131415161718";
    assert_eq!(read(zero_key, PURE_ACK).unusable, Some(Unusable::ZeroKey));
    assert!(read(zero_key, PURE_ACK).is_empty());
}

#[test]
fn a_syn_of_a_later_version_or_with_more_crypto_to_choose_from_is_usable() {
    let later = read("1e040201", SegmentKind::Syn).capable;
    assert!(matches!(later, Some(Capable::Syn { version: 2, .. })));
    let choosy = read("1e04011f", SegmentKind::Syn).capable;
    assert!(matches!(choosy, Some(Capable::Syn { version: 1, .. })));
}

#[test]
fn a_usable_capable_behind_an_unusable_one_is_taken() {
    let options = read("1e040001 1e040101", SegmentKind::Syn);
    assert!(options.capable.is_some() && options.unusable.is_none());
    let options = read("1e040101 1e040001", SegmentKind::Syn);
    assert!(options.capable.is_some() && options.unusable.is_none());
    assert_eq!(options.rejected.duplicate, Subtype::Capable.alone());
    let options = read("1e040001 1e040141", SegmentKind::Syn);
    assert_eq!(options.unusable, Some(Unusable::Version(0)));
}

#[test]
fn the_third_ack_has_the_form_that_goes_with_its_payload() {
    let data = "1e160101010203040506070811121314151617180005";
    let summed = "1e18018101020304050607081112131415161718000582a1";
    assert!(read(CAPABLE_ACK, PURE_ACK).capable.is_some());
    assert!(read(data, DATA).capable.is_some());
    assert!(read(summed, DATA).capable.is_some());
    for (text, segment) in [(CAPABLE_ACK, DATA), (data, PURE_ACK), (summed, PURE_ACK)] {
        let options = read(text, segment);
        assert!(options.is_empty(), "{text}");
        assert_eq!(options.rejected.malformed, Subtype::Capable.alone());
    }
}

#[test]
fn an_echoed_syn_option_is_no_syn_ack() {
    let options = read("1e040101", SegmentKind::SynAck);
    assert!(options.is_empty() && options.unusable.is_none());
    let options = read("1e0c1002ccad45aca1a2a3a4", SegmentKind::SynAck);
    assert_eq!(options.rejected.malformed, Subtype::Join.alone());
}

#[test]
fn an_add_addr_needs_the_length_that_its_echo_flag_asks_for() {
    for (echo, legal) in [(0, [16, 18, 28, 30]), (1, [8, 10, 20, 22])] {
        for len in 4..=40_u8 {
            let mut area = [0x22; 40];
            area[..3].copy_from_slice(&[30, len, 0x30 | echo]);
            let options = parse(&area[..usize::from(len)], PURE_ACK);
            assert_eq!(options.add_addr.is_some(), legal.contains(&len), "{len}");
        }
    }
}

#[test]
fn port_zero_means_that_no_port_was_announced() {
    let options = read("1e0a3103c63364070000", PURE_ACK);
    assert_eq!(
        options.add_addr,
        read("1e083103c6336407", PURE_ACK).add_addr
    );
}

#[test]
fn a_remove_addr_may_name_as_many_as_the_header_holds() {
    let mut area = vec![30, 40, 0x40];
    area.extend(1..=37_u8);
    let remove_addr = parse(&area, PURE_ACK).remove_addr.unwrap();
    assert!(remove_addr.ids().eq((1..=37).map(AddrId)));
    assert_eq!(remove_addr.encoded_len(), 40);
    let set = OptionSet {
        remove_addr: Some(remove_addr),
        ..OptionSet::default()
    };
    assert_eq!(emitted(&set), area);
    let nobody = read("1e0340", PURE_ACK);
    assert_eq!(nobody.rejected.malformed, Subtype::RemoveAddr.alone());
}

#[test]
fn a_reset_reason_without_a_name_is_kept_as_a_number() {
    let reset = read("1e0480ff", SegmentKind::Rst).reset.unwrap();
    assert_eq!(reset.reason, ResetReason(255));
}

#[test]
fn a_reset_reason_off_a_reset_is_ignored() {
    let options = read("1e048006", PURE_ACK);
    assert!(options.is_empty());
    assert_eq!(options.rejected.misplaced, Subtype::Reset.alone());
}

#[test]
fn subtypes_and_their_nibbles_agree() {
    for (number, subtype) in Subtype::ALL.into_iter().enumerate() {
        let octet = u8::try_from(number).unwrap() << 4;
        assert_eq!(subtype.high_nibble(), octet);
        assert_eq!(Subtype::of(octet | 0x0f), Some(subtype));
        assert_eq!(subtype.alone().0, 1 << number);
    }
    assert!((9..16_u8).all(|number| Subtype::of(number << 4).is_none()));
}

/// Octets that look like options more often than random ones do.
fn plausible_area() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        3 => legal_set().prop_map(|(set, _)| emitted(&set)),
        1 => (any::<u8>(), any::<u8>(), any::<[u8; 6]>())
            .prop_map(|(subtype, len, rest)| [&[30, len % 40, subtype], &rest[..]].concat()),
        1 => Just(hex("0101080a0000000100000002")),
        1 => proptest::collection::vec(any::<u8>(), 0..6),
    ];
    (
        proptest::collection::vec(piece, 0..4),
        proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    )
        .prop_map(|(pieces, flips)| {
            let mut area = pieces.concat();
            for (at, octet) in flips {
                if !area.is_empty() {
                    *at.get_mut(&mut area) = octet;
                }
            }
            area
        })
}

proptest! {
    #[test]
    fn no_octets_whatever_make_the_parser_panic(
        area in proptest::collection::vec(any::<u8>(), 0..80),
        segment in segment(),
    ) {
        let _ = parse(&area, segment);
    }

    #[test]
    fn what_is_taken_is_legal_on_its_segment_and_in_its_company(
        area in plausible_area(),
        segment in segment(),
    ) {
        let options = parse(&area, segment);
        for subtype in Subtype::ALL {
            if options.taken.contains(subtype) {
                let company = subtype.companions(segment).union(subtype.alone());
                prop_assert!(options.taken.is_within(company));
            }
        }
        prop_assert!(options.capable.is_none() || options.unusable.is_none());
    }

    #[test]
    fn what_was_read_can_be_written_and_read_again(
        area in plausible_area(),
        segment in segment(),
    ) {
        let first = parse(&area, segment);
        let lead = first.capable.map(Lead::Capable)
            .or(first.join.map(Lead::Join))
            .or(first.dss.map(Lead::Dss));
        let set = OptionSet {
            lead,
            add_addr: first.add_addr,
            remove_addr: first.remove_addr,
            prio: first.prio,
            fail: first.fail,
            fast_close: first.fast_close,
            reset: first.reset,
            may_drop_timestamps: false,
        };
        prop_assume!(set.emitted_len() <= OPTION_SPACE);
        let second = parse(&emitted(&set), segment);
        let expected = Options { unusable: None, rejected: Rejected::default(), ..first };
        prop_assert_eq!(second, expected);
    }

    #[test]
    fn a_segment_cut_anywhere_yields_no_more_than_the_whole((set, segment) in legal_set()) {
        let whole = emitted(&set);
        let all = parse(&whole, segment);
        for cut in 0..whole.len() {
            let part = parse(&whole[..cut], segment);
            prop_assert!(part.taken.is_within(all.taken));
        }
    }
}
