// SPDX-License-Identifier: GPL-2.0

use super::super::mem::refuse;
use super::super::payload::fake::Bytes;
use super::*;
use proptest::prelude::*;
use std::vec;
use std::vec::Vec;

/// The octet at a place of the stream.
fn octet(place: u64) -> u8 {
    (place % 251) as u8
}

fn bytes(from: u64, len: u64) -> Bytes {
    Bytes((from..from + len).map(octet).collect())
}

/// Takes what is ready from `next` on, and checks it.
fn drain(ranges: &mut Ranges<Bytes>, base: Dsn, next: &mut u64) {
    while let (Some((dsn, payload)), _) = ranges.take_ready(base.advance(*next)) {
        assert_eq!(dsn, base.advance(*next));
        for octets in payload.0 {
            assert_eq!(octets, octet(*next));
            *next += 1;
        }
    }
}

#[test]
fn a_copy_of_what_is_there_is_a_duplicate() {
    let mut ranges = Ranges::default();
    let kept = Inserted::Kept {
        tail: false,
        duplicates: 0,
    };
    assert_eq!(ranges.insert(Dsn(10), bytes(10, 10)), kept);
    assert_eq!(ranges.insert(Dsn(12), bytes(12, 3)), Inserted::Duplicate);
    assert_eq!(ranges.insert(Dsn(10), bytes(10, 10)), Inserted::Duplicate);
}

#[test]
fn a_range_that_covers_others_replaces_them() {
    let mut ranges = Ranges::default();
    ranges.insert(Dsn(10), bytes(10, 2));
    ranges.insert(Dsn(14), bytes(14, 2));
    let inserted = ranges.insert(Dsn(9), bytes(9, 20));
    assert_eq!(
        inserted,
        Inserted::Kept {
            tail: false,
            duplicates: 2
        }
    );
    let mut next = 9;
    drain(&mut ranges, Dsn(0), &mut next);
    assert_eq!(next, 29);
    assert!(ranges.is_empty());
}

#[test]
fn the_number_of_gaps_is_bounded_and_filling_one_makes_room() {
    let mut ranges = Ranges::default();
    for index in 0..10_000_u64 {
        ranges.insert(Dsn(10 + 2 * index), bytes(10 + 2 * index, 1));
    }
    assert_eq!(ranges.gaps, GAPS);
    let far = Dsn(1 << 20);
    assert_eq!(ranges.insert(far, bytes(1 << 20, 1)), Inserted::Dropped);
    ranges.insert(Dsn(11), bytes(11, 1));
    assert_eq!(ranges.gaps, GAPS - 1);
}

#[test]
fn a_refused_allocation_drops_the_newest_and_nothing_else() {
    let mut ranges = Ranges::default();
    refuse::nth(0);
    assert_eq!(ranges.insert(Dsn(10), bytes(10, 5)), Inserted::Dropped);
    refuse::nothing();
    assert!(ranges.is_empty());
}

proptest! {
    #[test]
    fn every_byte_comes_out_once_and_in_order(
        pieces in prop::collection::vec((0_u64..200, 1_u64..30), 0..60),
        base in any::<u64>(),
        drains in prop::collection::vec(any::<bool>(), 60),
    ) {
        let base = Dsn(base);
        let mut ranges = Ranges::default();
        let mut have = vec![false; 256];
        let mut next = 0_u64;
        for ((from, len), drain_now) in pieces.into_iter().zip(drains) {
            ranges.insert(base.advance(from), bytes(from, len));
            for place in from..from + len {
                have[place as usize] = true;
            }
            let starts: Vec<_> = ranges.slots.as_slice()[ranges.head..]
                .iter()
                .map(|slot| (slot.start, slot.end))
                .collect();
            for pair in starts.windows(2) {
                prop_assert!(pair[0].1.at_or_before(pair[1].0));
            }
            let gaps = starts.windows(2).filter(|pair| pair[0].1 != pair[1].0).count();
            prop_assert_eq!(gaps, ranges.gaps);
            if drain_now {
                drain(&mut ranges, base, &mut next);
                // Nothing that was there is left behind.
                prop_assert!(!have[next as usize]);
            }
        }
        drain(&mut ranges, base, &mut next);
        prop_assert!(!have[next as usize]);
        prop_assert!(have[..next as usize].iter().all(|there| *there));
    }
}
