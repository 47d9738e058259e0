// SPDX-License-Identifier: GPL-2.0

use proptest::prelude::*;

use super::*;

#[test]
fn short_numbers_expand_to_the_nearest_full_one() {
    let cases = [
        (0x0000_0001_ffff_fff0, 0x0000_0010, 0x0000_0002_0000_0010),
        (0x0000_0002_0000_0010, 0xffff_fff0, 0x0000_0001_ffff_fff0),
        (0x0000_0000_0000_0005, 0xffff_fffb, 0xffff_ffff_ffff_fffb),
        (0xffff_ffff_ffff_fff0, 0x0000_0010, 0x0000_0000_0000_0010),
        (0x1122_3344_5566_7788, 0x5566_7000, 0x1122_3344_5566_7000),
        (0x1122_3344_5566_7788, 0xd566_7787, 0x1122_3344_d566_7787),
        (0x1122_3344_5566_7788, 0xd566_7789, 0x1122_3343_d566_7789),
    ];
    for (near, low, full) in cases {
        assert_eq!(
            WireDsn::Short(low).expand(Dsn(near)),
            Dsn(full),
            "{near:#x}"
        );
    }
}

#[test]
fn a_short_number_exactly_half_way_expands_backwards() {
    let near = Dsn(0x1_0000_0000);
    assert_eq!(WireDsn::Short(0x8000_0000).expand(near), Dsn(0x8000_0000));
}

#[test]
fn a_long_number_is_taken_as_it_is() {
    assert_eq!(WireDsn::Long(7).expand(Dsn(1 << 63)), Dsn(7));
}

#[test]
fn shortening_keeps_the_low_half() {
    assert_eq!(
        WireDsn::Long(0x1122_3344_5566_7788).shortened(),
        WireDsn::Short(0x5566_7788)
    );
    assert_eq!(WireDsn::Short(9).shortened(), WireDsn::Short(9));
    assert_eq!(WireDsn::Short(9).encoded_len(), 4);
    assert_eq!(WireDsn::Long(9).encoded_len(), 8);
}

#[test]
fn numbers_wrap_without_losing_their_order() {
    let last = Dsn(u64::MAX);
    let first = last.advance(1);
    assert_eq!(first, Dsn(0));
    assert_eq!(first.retreat(1), last);
    assert!(last.before(first) && first.after(last));
    assert_eq!(first.distance_from(last), 1);
    assert_eq!(last.distance_from(first), -1);
    assert_eq!(last.earliest(first), last);
    assert_eq!(last.latest(first), first);

    let last = Ssn(u32::MAX);
    let first = last.advance(1);
    assert_eq!(first.retreat(1), last);
    assert!(last.before(first) && first.after(last));
    assert_eq!(last.distance_from(first), -1);
    assert_eq!(first.earliest(last), last);
    assert_eq!(first.latest(last), first);
}

#[test]
fn subflow_numbers_count_from_the_syn() {
    let isn = 0xffff_fffe;
    assert_eq!(Ssn::from_tcp(isn, isn), Ssn(0));
    assert_eq!(Ssn::from_tcp(0xffff_ffff, isn), Ssn::FIRST);
    assert_eq!(Ssn::from_tcp(3, isn), Ssn(5));
    assert_eq!(Ssn(5).to_tcp(isn), 3);
}

proptest! {
    #[test]
    fn expansion_undoes_shortening_within_half_the_space(
        near in any::<u64>(),
        offset in -0x8000_0000_i64..0x8000_0000,
    ) {
        let full = Dsn(near.wrapping_add_signed(offset));
        prop_assert_eq!(WireDsn::short(full).expand(Dsn(near)), full);
        prop_assert_eq!(WireDsn::long(full).expand(Dsn(near)), full);
    }

    #[test]
    fn exactly_one_of_before_same_after_holds(a in any::<u64>(), ahead in any::<u64>()) {
        prop_assume!(ahead != 1 << 63);
        let (a, b) = (Dsn(a), Dsn(a).advance(ahead));
        let holds = [a.before(b), a == b, a.after(b)];
        prop_assert_eq!(holds.iter().filter(|&&one| one).count(), 1);
        prop_assert_eq!(a.at_or_before(b), !a.after(b));
        prop_assert_eq!(a.at_or_after(b), !a.before(b));
        prop_assert_eq!(a.earliest(b), b.earliest(a));
        prop_assert_eq!(a.latest(b), b.latest(a));
        prop_assert_eq!(b.checked_distance_from(a).is_some(), a.at_or_before(b));
    }

    #[test]
    fn order_is_transitive_within_half_the_space(
        a in any::<u32>(),
        x in 0_u32..0x4000_0000,
        y in 0_u32..0x3fff_ffff,
    ) {
        let (a, b, c) = (Ssn(a), Ssn(a).advance(x), Ssn(a).advance(x).advance(y));
        prop_assert!(a.at_or_before(b) && b.at_or_before(c) && a.at_or_before(c));
        prop_assert_eq!(c.checked_distance_from(a), Some(x + y));
        prop_assert_eq!(a.checked_distance_from(c).is_some(), x + y == 0);
        prop_assert_eq!(a.at_or_after(c), x + y == 0);
    }
}

#[test]
fn the_later_of_two_places_is_found_across_the_wrap() {
    let (before, after) = (Ssn(u32::MAX), Ssn(2));
    assert_eq!(before.latest(after), after);
    assert_eq!(after.latest(before), after);
    assert_eq!(after.earliest(before), before);
    assert_eq!(after.get(), 2);
}
