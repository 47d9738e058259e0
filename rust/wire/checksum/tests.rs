// SPDX-License-Identifier: GPL-2.0

use std::vec::Vec;

use proptest::prelude::*;

use super::*;

fn checksum(payload: &[u8], dsn: u64, ssn: u32, len: u16) -> u16 {
    let mut partial = Partial::EMPTY;
    partial.add_bytes(payload);
    let checksum = partial.checksum(Dsn(dsn), Ssn(ssn), len);
    assert!(partial.verify(Dsn(dsn), Ssn(ssn), len, checksum));
    checksum
}

#[test]
fn checksums_are_those_of_the_reference() {
    let counting: Vec<u8> = (0..1460_u32).map(|i| (i % 256) as u8).collect();
    type Case<'a> = (&'a str, u64, u32, u16, &'a [u8], u16);
    let cases: [Case<'_>; 11] = [
        ("S1", 0x1122_3344_5566_7788, 1, 4, &[0, 1, 2, 3], 0xeca1),
        ("S2", 0x1122_3344_5566_7788, 1, 5, b"hello", 0xaad2),
        ("S3", 0xf5a1_01d3_d29d_6f73, 1, 5, b"hello", 0x82a1),
        ("S4", 0xf5a1_01d3_d29d_6f78, 0, 1, b"", 0xc673),
        ("S5", 0xf5a1_01d3_d29d_6f73, 1, 6, b"hello", 0x82a0),
        ("S6", 0x0000_0005_0000_0010, 0x1000, 3, b"abc", 0x2b85),
        ("S7", 0x0000_0000_0000_0010, 0x1000, 3, b"abc", 0x2b8a),
        ("S8", u64::MAX, u32::MAX, 2, &[0xff, 0xff], 0xfffd),
        ("S9", 0x1122_3344_5566_7788, 1, 2, &[0xee, 0xa7], 0x0000),
        (
            "S10",
            0x0123_4567_89ab_cdef,
            0x2000,
            1460,
            &counting,
            0x1124,
        ),
        ("S11", 0x535b_eea3_8e08_7c8f, 1, 6, b"world!", 0x6564),
    ];
    for (id, dsn, ssn, len, payload, expected) in cases {
        assert_eq!(checksum(payload, dsn, ssn, len), expected, "{id}");
    }
}

#[test]
fn a_piece_at_an_odd_place_counts_with_its_octets_swapped() {
    let mut partial = Partial::EMPTY;
    partial.add_bytes(b"hel");
    assert_eq!(partial.sum(), 0xd465);
    partial.add_bytes(b"lo");
    assert_eq!(
        partial.checksum(Dsn(0x1122_3344_5566_7788), Ssn(1), 5),
        0xaad2
    );
}

#[test]
fn verification_finds_a_wrong_octet_and_a_wrong_header() {
    let (dsn, ssn) = (Dsn(0xf5a1_01d3_d29d_6f73), Ssn(1));
    let mut partial = Partial::EMPTY;
    partial.add_bytes(b"hello");
    assert!(partial.verify(dsn, ssn, 5, 0x82a1));
    assert!(!partial.verify(dsn, ssn, 5, 0x82a2));
    assert!(!partial.verify(dsn, ssn, 6, 0x82a1));
    assert!(!partial.verify(dsn, Ssn(2), 5, 0x82a1));
    assert!(!partial.verify(dsn.advance(1 << 32), ssn, 5, 0x82a1));
    let mut other = Partial::EMPTY;
    other.add_bytes(b"hellO");
    assert!(!other.verify(dsn, ssn, 5, 0x82a1));
}

#[test]
fn folding_carries_to_the_very_end() {
    for (sum, folded) in [
        (0, 0),
        (0xffff, 0xffff),
        (0x1_0000, 1),
        (0x1_ffff, 1),
        (0xffff_ffff, 0xffff),
        (u64::MAX, 0xffff),
        (0xffff_0000_0000_0001, 1),
        (0xffff_ffff_ffff_0001, 1),
        (0x8000_8000_8000_8000, 2),
    ] {
        assert_eq!(fold(sum), folded, "{sum:#x}");
    }
}

/// RFC 1071, written as plainly as can be.
fn plain_sum(bytes: &[u8]) -> u16 {
    let mut sum = 0_u64;
    for pair in bytes.chunks(2) {
        sum += u64::from(pair[0]) << 8 | u64::from(*pair.get(1).unwrap_or(&0));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

/// What `csum_partial(bytes, len, 0)` of the kernel may return: any 32-bit number with this sum.
fn kernel_sum(bytes: &[u8]) -> u32 {
    let mut sum = 0_u64;
    for word in bytes.chunks(4) {
        let mut padded = [0; 4];
        padded[..word.len()].copy_from_slice(word);
        sum += u64::from(u32::from_ne_bytes(padded));
    }
    while sum > 0xffff_ffff {
        sum = (sum & 0xffff_ffff) + (sum >> 32);
    }
    sum as u32
}

proptest! {
    #[test]
    fn pieces_sum_to_the_whole_however_it_is_cut(
        pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..50), 0..8),
        native in any::<u8>(),
    ) {
        let mut partial = Partial::EMPTY;
        for (at, piece) in pieces.iter().enumerate() {
            if native & 1 << at != 0 {
                partial.add_native(kernel_sum(piece), piece.len());
            } else {
                partial.add_bytes(piece);
            }
        }
        prop_assert_eq!(partial.sum(), plain_sum(&pieces.concat()));
    }

    #[test]
    fn folding_preserves_the_remainder(sum in any::<u64>()) {
        prop_assert_eq!(u64::from(fold(sum)) % 0xffff, sum % 0xffff);
        prop_assert_eq!(fold(sum) == 0, sum == 0);
    }

    #[test]
    fn what_is_sent_verifies_and_any_other_value_does_not(
        payload in proptest::collection::vec(any::<u8>(), 0..200),
        dsn in any::<u64>(),
        ssn in any::<u32>(),
        len in any::<u16>(),
        other in any::<u16>(),
    ) {
        let right = checksum(&payload, dsn, ssn, len);
        let mut partial = Partial::EMPTY;
        partial.add_bytes(&payload);
        // In ones' complement 0 and 0xffff are the same number.
        let same = u32::from(other) % 0xffff == u32::from(right) % 0xffff;
        let sum_is_zero = partial.checksum(Dsn(dsn), Ssn(ssn), len) == 0xffff;
        prop_assert!(partial.verify(Dsn(dsn), Ssn(ssn), len, other) == same || sum_is_zero);
    }
}
