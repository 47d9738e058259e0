// SPDX-License-Identifier: GPL-2.0

use std::vec::Vec;

use proptest::prelude::*;

use super::*;

fn kinds(area: &[u8]) -> (Vec<(u8, usize)>, bool) {
    let mut walk = Walk::new(area);
    let items = walk.by_ref().map(|item| (item.kind, item.offset)).collect();
    (items, walk.is_broken())
}

#[test]
fn padding_is_skipped_and_every_option_is_found_where_it_is() {
    let area = [
        2, 4, 5, 180, 4, 2, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 3, 3, 7,
    ];
    let items = [(2, 0), (SACK_PERMITTED, 4), (TIMESTAMPS, 6), (3, 17)];
    assert_eq!(kinds(&area), (items.to_vec(), false));
}

#[test]
fn the_body_is_what_follows_kind_and_length() {
    let item = Walk::new(&[1, 30, 3, 0x51]).next().unwrap();
    assert_eq!(
        (item.bytes, item.body),
        ([30, 3, 0x51].as_slice(), [0x51].as_slice())
    );
    let item = Walk::new(&[30, 2]).next().unwrap();
    assert!(item.body.is_empty());
}

#[test]
fn kind_zero_ends_the_list() {
    assert_eq!(kinds(&[4, 2, 0, 4, 2, 0]), ([(4, 0)].to_vec(), false));
    assert_eq!(kinds(&[]), ([].to_vec(), false));
}

#[test]
fn a_bad_length_ends_the_walk_and_keeps_what_came_before() {
    for tail in [&[30, 0][..], &[30, 1], &[30, 5, 0, 0], &[30, 255], &[30]] {
        let mut area = [4, 2, 1].to_vec();
        area.extend_from_slice(tail);
        assert_eq!(kinds(&area), ([(4, 0)].to_vec(), true), "{tail:?}");
    }
}

#[test]
fn a_walk_that_broke_off_stays_at_its_end() {
    let mut walk = Walk::new(&[30, 0, 4, 2]);
    assert_eq!(
        (walk.next(), walk.next(), walk.is_broken()),
        (None, None, true)
    );
}

#[test]
fn nothing_beyond_40_octets_is_looked_at() {
    let mut area = [NOP; 60];
    area[38..42].copy_from_slice(&[30, 4, 0, 0]);
    assert_eq!(kinds(&area), ([].to_vec(), true));
    area[36..40].copy_from_slice(&[30, 4, 0, 0]);
    assert_eq!(kinds(&area), ([(30, 36)].to_vec(), false));
}

#[test]
fn both_forms_of_fast_open_are_recognised() {
    let is_fast_open = |area: &[u8]| Walk::new(area).next().unwrap().is_fast_open();
    assert!(is_fast_open(&[34, 6, 1, 2, 3, 4]));
    assert!(is_fast_open(&[254, 8, 0xf9, 0x89, 1, 2, 3, 4]));
    assert!(!is_fast_open(&[254, 8, 0xe2, 0xd4, 1, 2, 3, 4]));
    assert!(!is_fast_open(&[254, 2]));
    assert!(!is_fast_open(&[4, 2]));
}

proptest! {
    #[test]
    fn items_come_in_order_without_overlap_and_within_bounds(
        area in proptest::collection::vec(prop_oneof![any::<u8>(), 0_u8..6], 0..64),
    ) {
        let mut end = 0;
        for item in Walk::new(&area) {
            prop_assert!(item.offset >= end);
            end = item.offset + item.bytes.len();
            prop_assert!(end <= area.len().min(OPTION_SPACE));
            prop_assert_eq!(item.bytes, &area[item.offset..end]);
            prop_assert_eq!(usize::from(item.bytes[1]), item.bytes.len());
            prop_assert_eq!(item.body, &item.bytes[2..]);
        }
    }
}
