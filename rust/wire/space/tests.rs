// SPDX-License-Identifier: GPL-2.0

use core::net::IpAddr;
use core::num::NonZeroU16;
use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use super::super::testing::*;
use super::super::walk::{FAST_OPEN, SACK_PERMITTED};
use super::super::*;
use super::*;

// What TCP writes, in the layout of Linux.

const MSS: [u8; 4] = [2, 4, 5, 0xb4];
const WINDOW_SCALE: [u8; 4] = [NOP, 3, 3, 7];
const STAMPS: [u8; 10] = [TIMESTAMPS, 10, 0, 0, 0, 1, 0, 0, 0, 2];

/// Timestamps as on every established segment, 12 octets.
fn ts() -> Vec<u8> {
    [&[NOP, NOP], &STAMPS[..]].concat()
}

/// The usual options of a SYN, 20 octets.
fn syn() -> Vec<u8> {
    let sack_permitted = [SACK_PERMITTED, 2];
    [&MSS[..], &sack_permitted, &STAMPS, &WINDOW_SCALE].concat()
}

/// A Fast Open cookie of `len` octets, padded.
fn cookie(len: u8) -> Vec<u8> {
    let mut option = vec![FAST_OPEN, len + 2];
    option.resize(usize::from(len) + 2, 0xcc);
    option.resize(option.len().next_multiple_of(4), NOP);
    option
}

/// `blocks` SACK blocks, padded.
fn sack(blocks: u8) -> Vec<u8> {
    let mut option = vec![NOP, NOP, SACK, 2 + 8 * blocks];
    option.extend((0..8 * blocks).map(|octet| octet | 0x80));
    option
}

/// An authentication option (TCP-AO) of `len` octets, padded.
fn ao(len: u8) -> Vec<u8> {
    let mut option = vec![29, len];
    option.resize(usize::from(len).next_multiple_of(4), 0xaa);
    option
}

// What we want.

const LONG: WireDsn = WireDsn::Long(0x1122_3344_5566_7788);
const SHORT: WireDsn = WireDsn::Short(0x5566_7788);

fn map(dsn: WireDsn, checksum: bool) -> Option<Mapping> {
    Some(Mapping {
        dsn,
        ssn: Ssn(1),
        len: 1400,
        data_fin: false,
        checksum: checksum.then_some(0x1234),
    })
}

fn dss(data_ack: Option<WireDsn>, map: Option<Mapping>) -> OptionSet {
    Dss { data_ack, map }.into()
}

/// The largest DSS, 28 octets.
fn dss28() -> OptionSet {
    dss(Some(LONG), map(LONG, true))
}

fn capable_syn() -> OptionSet {
    let flags = CapableFlags::default();
    Capable::Syn { version: 1, flags }.into()
}

fn capable_syn_ack() -> OptionSet {
    let flags = CapableFlags::default();
    Capable::SynAck { flags, key: KEY_B }.into()
}

fn capable_ack() -> OptionSet {
    Capable::Ack {
        flags: CapableFlags::default(),
        sender: KEY_A,
        receiver: KEY_B,
    }
    .into()
}

fn capable_data(checksum: bool) -> OptionSet {
    Capable::AckData {
        flags: CapableFlags::default(),
        sender: KEY_A,
        receiver: KEY_B,
        len: 5,
        checksum: checksum.then_some(0x1234),
    }
    .into()
}

fn join_syn() -> OptionSet {
    Join::Syn {
        backup: false,
        id: AddrId(2),
        token: Token(3),
        nonce: Nonce::new(4),
    }
    .into()
}

fn join_syn_ack() -> OptionSet {
    Join::SynAck {
        backup: false,
        id: AddrId(2),
        hmac: HmacR::from_bytes([3; 8]),
        nonce: Nonce::new(4),
    }
    .into()
}

fn join_ack() -> OptionSet {
    let hmac = HmacI::from_bytes([3; 20]);
    Join::Ack { hmac }.into()
}

fn add_addr(v6: bool, port: bool, echo: bool) -> AddAddr {
    AddAddr {
        id: AddrId(3),
        addr: if v6 {
            IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 7])
        } else {
            IpAddr::from([198, 51, 100, 7])
        },
        port: NonZeroU16::new(if port { 8443 } else { 0 }),
        hmac: (!echo).then_some(AddAddrHmac::from_bytes([9; 8])),
    }
}

fn announcing(add_addr: AddAddr) -> OptionSet {
    OptionSet {
        add_addr: Some(add_addr),
        ..OptionSet::default()
    }
}

fn removing(ids: u8) -> Option<RemoveAddr> {
    let ids: Vec<_> = (1..=ids).map(AddrId).collect();
    RemoveAddr::new(&ids)
}

const FAIL: Option<Fail> = Some(Fail { dsn: Dsn(1) });
const FAST_CLOSE: Option<FastClose> = Some(FastClose { key: KEY_B });
const RESET: Option<Reset> = Some(Reset {
    reason: ResetReason::MIDDLEBOX,
    transient: false,
});
const PRIO: Option<Prio> = Some(Prio { backup: true });

/// The octets of `want` by themselves.
fn ours(want: &OptionSet) -> Vec<u8> {
    emitted(want)
}

/// Fits, and checks that the result is `tcp`, then `want` as a whole, then `sack`.
#[track_caller]
fn expect(existing: &[u8], want: &OptionSet, tcp: &[u8], sent: &OptionSet, sack: &[u8]) -> Dropped {
    let fitted = fit(existing, want);
    assert_eq!(fitted.options(), [tcp, &ours(sent), sack].concat());
    fitted.dropped
}

/// Expects that everything fits behind what TCP wrote, and takes `len` octets in all.
#[track_caller]
fn expect_all(existing: &[u8], want: &OptionSet, len: usize) {
    let dropped = expect(existing, want, existing, want, &[]);
    assert_eq!(dropped, Dropped::default());
    assert_eq!(usize::from(fit(existing, want).len), len);
}

#[test]
fn the_handshakes_fit_beside_the_usual_options_of_a_syn() {
    assert_eq!(syn().len(), 20);
    expect_all(&syn(), &capable_syn(), 24);
    expect_all(&[syn(), cookie(8)].concat(), &capable_syn(), 36);
    expect_all(&syn(), &join_syn(), 32);
    expect_all(&syn(), &capable_syn_ack(), 32);
    expect_all(&syn(), &join_syn_ack(), 36);
    expect_all(&[syn(), ao(16)].concat(), &capable_syn(), 40);
}

#[test]
fn a_long_fast_open_cookie_on_a_syn_yields_to_the_handshake() {
    let existing = [syn(), cookie(16)].concat();
    assert_eq!(existing.len(), 40);
    let want = capable_syn();
    let dropped = expect(&existing, &want, &syn(), &want, &[]);
    let expected = Dropped {
        fast_open: true,
        ..Dropped::default()
    };
    assert_eq!(dropped, expected);
}

#[test]
fn timestamps_on_a_syn_ack_yield_to_handshake_and_cookie_together() {
    let existing = [syn(), cookie(8)].concat();
    let want = capable_syn_ack();
    let permitted = [SACK_PERMITTED, 2, NOP, NOP];
    let tcp = [&MSS[..], &permitted, &WINDOW_SCALE, &cookie(8)].concat();
    let dropped = expect(&existing, &want, &tcp, &want, &[]);
    let expected = Dropped {
        timestamps: true,
        ..Dropped::default()
    };
    assert_eq!(dropped, expected);
}

#[test]
fn where_timestamps_are_not_enough_the_cookie_of_a_syn_ack_yields_instead() {
    let existing = [syn(), cookie(16)].concat();
    let want = join_syn_ack();
    let dropped = expect(&existing, &want, &syn(), &want, &[]);
    let expected = Dropped {
        fast_open: true,
        ..Dropped::default()
    };
    assert_eq!(dropped, expected);
}

#[test]
fn a_handshake_without_room_is_left_out_and_tcp_keeps_everything() {
    let existing = [syn(), ao(16)].concat();
    let none = OptionSet::default();
    let dropped = expect(&existing, &join_syn(), &existing, &none, &[]);
    let expected = Dropped {
        handshake: true,
        ..Dropped::default()
    };
    assert_eq!(dropped, expected);

    let existing = [syn(), ao(16), cookie(2)].concat();
    let dropped = expect(&existing, &join_syn(), &existing, &none, &[]);
    assert_eq!(dropped, expected);
}

#[test]
fn timestamps_on_a_syn_ack_do_not_yield_where_no_cookie_is_at_stake() {
    let existing = [syn(), ao(16)].concat();
    let none = OptionSet::default();
    let dropped = expect(&existing, &capable_syn_ack(), &existing, &none, &[]);
    assert!(dropped.handshake && !dropped.timestamps);
}

#[test]
fn the_third_ack_fits_beside_timestamps() {
    expect_all(&ts(), &capable_ack(), 32);
    expect_all(&ts(), &capable_data(false), 36);
    expect_all(&ts(), &capable_data(true), 36);
    expect_all(&ts(), &join_ack(), 36);
    let five = OptionSet {
        remove_addr: removing(5),
        ..capable_ack()
    };
    expect_all(&ts(), &five, 40);
    let one = OptionSet {
        remove_addr: removing(1),
        ..join_ack()
    };
    expect_all(&ts(), &one, 40);
    let prio = OptionSet {
        prio: PRIO,
        ..join_ack()
    };
    expect_all(&ts(), &prio, 40);
}

#[test]
fn too_long_a_remove_addr_waits_for_another_segment_than_the_third_ack() {
    let deferred = Dropped {
        remove_addr: true,
        ..Dropped::default()
    };
    for (ids, lead) in [(6, capable_ack()), (2, join_ack())] {
        let want = OptionSet {
            remove_addr: removing(ids),
            ..lead
        };
        assert_eq!(expect(&ts(), &want, &ts(), &lead, &[]), deferred);
    }
    let both = OptionSet {
        remove_addr: removing(1),
        prio: PRIO,
        ..join_ack()
    };
    let prio = OptionSet {
        prio: PRIO,
        ..join_ack()
    };
    assert_eq!(expect(&ts(), &both, &ts(), &prio, &[]), deferred);
}

#[test]
fn sack_yields_to_the_third_ack() {
    let existing = [ts(), sack(1)].concat();
    let dropped = expect(&existing, &capable_ack(), &ts(), &capable_ack(), &[]);
    assert_eq!(dropped.sack_blocks, 1);
}

#[test]
fn every_dss_fits_beside_timestamps() {
    for (data_ack, dsn, checksum, len) in [
        (Some(LONG), LONG, true, 40),
        (Some(LONG), LONG, false, 40),
        (Some(SHORT), LONG, false, 36),
        (Some(SHORT), LONG, true, 36),
        (Some(LONG), SHORT, false, 36),
        (Some(LONG), SHORT, true, 36),
        (Some(SHORT), SHORT, false, 32),
        (Some(SHORT), SHORT, true, 32),
        (None, LONG, true, 32),
        (None, SHORT, false, 28),
        (None, SHORT, true, 28),
    ] {
        expect_all(&ts(), &dss(data_ack, map(dsn, checksum)), len);
    }
    expect_all(&[], &dss28(), 28);
    assert_eq!(DATA_RESERVE, 28);
}

#[test]
fn sack_gets_what_a_mapping_leaves() {
    for (want, blocks) in [
        (dss28(), 0),
        (dss(Some(LONG), map(LONG, false)), 0),
        (dss(Some(SHORT), map(LONG, false)), 0),
        (dss(Some(SHORT), map(SHORT, false)), 0),
        (dss(None, map(SHORT, false)), 1),
        (dss(None, map(SHORT, true)), 1),
    ] {
        let existing = [ts(), sack(1)].concat();
        let left = if blocks == 0 { vec![] } else { sack(1) };
        let dropped = expect(&existing, &want, &ts(), &want, &left);
        assert_eq!(dropped.sack_blocks, 1 - blocks);
    }
    let dropped = expect(&sack(1), &dss28(), &[], &dss28(), &sack(1));
    assert_eq!(dropped, Dropped::default());
}

#[test]
fn a_pure_ack_keeps_as_many_sack_blocks_as_the_table_says() {
    let fin = |dsn, checksum| {
        Some(Mapping {
            ssn: Ssn(0),
            len: 1,
            data_fin: true,
            ..map(dsn, checksum).unwrap()
        })
    };
    for (want, with_ts, without) in [
        (OptionSet::default(), 3, 4),
        (dss(Some(SHORT), None), 2, 3),
        (dss(Some(LONG), None), 1, 3),
        (dss(Some(SHORT), fin(SHORT, false)), 0, 2),
        (dss(Some(LONG), fin(LONG, false)), 0, 1),
        (dss(Some(LONG), fin(LONG, true)), 0, 1),
    ] {
        for (tcp, expected) in [(ts(), with_ts), (vec![], without)] {
            let most = if tcp.is_empty() { 4 } else { 3 };
            for have in 1..=most {
                let existing = [tcp.clone(), sack(have)].concat();
                let keep = have.min(expected);
                let left = if keep == 0 { vec![] } else { sack(keep) };
                let dropped = expect(&existing, &want, &tcp, &want, &left);
                assert_eq!(dropped.sack_blocks, have - keep);
            }
        }
    }
}

#[test]
fn an_add_addr_fits_alone_beside_timestamps() {
    for (v6, port, echo, len) in [
        (false, false, false, 28),
        (false, true, false, 32),
        (true, false, false, 40),
        (false, false, true, 20),
        (false, true, true, 24),
        (true, false, true, 32),
        (true, true, true, 36),
    ] {
        expect_all(&ts(), &announcing(add_addr(v6, port, echo)), len);
    }
}

#[test]
fn an_add_addr_leaves_room_for_a_sack_block() {
    let want = announcing(add_addr(false, false, false));
    let existing = [ts(), sack(2)].concat();
    let dropped = expect(&existing, &want, &ts(), &want, &sack(1));
    assert_eq!(dropped.sack_blocks, 1);
}

#[test]
fn an_add_addr_takes_the_place_of_a_data_ack() {
    let alone = announcing(add_addr(false, false, false));
    let want = OptionSet {
        lead: dss(Some(LONG), None).lead,
        ..alone
    };
    let dropped = expect(&ts(), &want, &ts(), &alone, &[]);
    let expected = Dropped {
        data_ack: true,
        ..Dropped::default()
    };
    assert_eq!(dropped, expected);
}

#[test]
fn an_add_addr_waits_where_there_is_a_mapping_or_a_handshake() {
    let deferred = Dropped {
        add_addr: true,
        ..Dropped::default()
    };
    for lead in [dss28(), capable_ack(), join_ack(), join_syn()] {
        let want = OptionSet {
            add_addr: Some(add_addr(false, false, false)),
            ..lead
        };
        assert_eq!(expect(&ts(), &want, &ts(), &lead, &[]), deferred);
    }
}

#[test]
fn timestamps_yield_to_an_ipv6_announcement_with_port_only_by_permission() {
    let lead = dss(Some(LONG), None).lead;
    let alone = OptionSet {
        may_drop_timestamps: true,
        ..announcing(add_addr(true, true, false))
    };
    let want = OptionSet { lead, ..alone };
    let dropped = expect(&ts(), &want, &[], &alone, &[]);
    let expected = Dropped {
        timestamps: true,
        data_ack: true,
        ..Dropped::default()
    };
    assert_eq!(dropped, expected);

    let want = OptionSet {
        may_drop_timestamps: false,
        ..want
    };
    let dropped = expect(&ts(), &want, &ts(), &dss(Some(LONG), None), &[]);
    let expected = Dropped {
        add_addr: true,
        ..Dropped::default()
    };
    assert_eq!(dropped, expected);
}

#[test]
fn permission_to_drop_timestamps_is_not_used_without_need() {
    let want = OptionSet {
        may_drop_timestamps: true,
        ..announcing(add_addr(true, false, false))
    };
    expect_all(&ts(), &want, 40);
}

#[test]
fn an_ipv6_announcement_with_port_waits_where_even_dropping_timestamps_is_not_enough() {
    let existing = [ts(), ao(16)].concat();
    let want = OptionSet {
        may_drop_timestamps: true,
        ..announcing(add_addr(true, true, false))
    };
    let dropped = expect(&existing, &want, &existing, &OptionSet::default(), &[]);
    assert!(dropped.add_addr && !dropped.timestamps);
}

#[test]
fn a_remove_addr_waits_for_an_add_addr_while_mp_prio_goes_along_if_it_fits() {
    for (v6, prio_fits) in [(false, true), (true, false)] {
        let alone = announcing(add_addr(v6, false, false));
        let want = OptionSet {
            remove_addr: removing(1),
            prio: PRIO,
            ..alone
        };
        let sent = OptionSet {
            prio: PRIO.filter(|_| prio_fits),
            ..alone
        };
        let dropped = expect(&ts(), &want, &ts(), &sent, &[]);
        let expected = Dropped {
            remove_addr: true,
            prio: !prio_fits,
            ..Dropped::default()
        };
        assert_eq!(dropped, expected);
    }
}

#[test]
fn a_data_ack_and_the_last_words_fit_beside_timestamps() {
    let ack = dss(Some(LONG), None);
    expect_all(&ts(), &OptionSet { fail: FAIL, ..ack }, 36);
    let abort = OptionSet {
        fast_close: FAST_CLOSE,
        ..ack
    };
    expect_all(&ts(), &abort, 36);
}

#[test]
fn a_reset_carries_its_reason_beside_mp_fail_or_mp_fastclose() {
    let reset = OptionSet {
        reset: RESET,
        ..OptionSet::default()
    };
    expect_all(&ts(), &reset, 16);
    expect_all(
        &ts(),
        &OptionSet {
            fail: FAIL,
            ..reset
        },
        28,
    );
    let abort = OptionSet {
        fast_close: FAST_CLOSE,
        ..reset
    };
    expect_all(&ts(), &abort, 28);
    let want = OptionSet {
        fail: FAIL,
        prio: PRIO,
        remove_addr: removing(2),
        add_addr: Some(add_addr(false, false, true)),
        lead: dss28().lead,
        ..abort
    };
    let dropped = expect(&ts(), &want, &ts(), &abort, &[]);
    let expected = Dropped {
        fail: true,
        prio: true,
        remove_addr: true,
        add_addr: true,
        data_ack: true,
        map: true,
        ..Dropped::default()
    };
    assert_eq!(dropped, expected);
}

#[test]
fn a_reset_without_room_gives_up_its_reason_first() {
    let existing = [ts(), ao(16)].concat();
    let fail = OptionSet {
        fail: FAIL,
        ..OptionSet::default()
    };
    let want = OptionSet {
        reset: RESET,
        ..fail
    };
    let dropped = expect(&existing, &want, &existing, &fail, &[]);
    assert!(dropped.reset && !dropped.fail);
}

#[test]
fn a_lone_data_fin_yields_to_mp_fail_and_the_data_ack_stays() {
    let fin = Mapping {
        ssn: Ssn(0),
        len: 1,
        data_fin: true,
        ..map(LONG, true).unwrap()
    };
    let want = OptionSet {
        fail: FAIL,
        ..dss(Some(LONG), Some(fin))
    };
    let sent = OptionSet {
        fail: FAIL,
        ..dss(Some(LONG), None)
    };
    let dropped = expect(&ts(), &want, &ts(), &sent, &[]);
    let expected = Dropped {
        map: true,
        ..Dropped::default()
    };
    assert_eq!(dropped, expected);
}

#[test]
fn mp_fail_waits_for_the_mapping_of_data_in_the_segment() {
    let ends_in_data_fin = Mapping {
        data_fin: true,
        ..map(LONG, true).unwrap()
    };
    for lead in [dss28(), dss(Some(LONG), Some(ends_in_data_fin))] {
        let want = OptionSet { fail: FAIL, ..lead };
        let dropped = expect(&ts(), &want, &ts(), &lead, &[]);
        let expected = Dropped {
            fail: true,
            ..Dropped::default()
        };
        assert_eq!(dropped, expected);
    }
}

#[test]
fn a_data_ack_shrinks_before_anything_is_left_out() {
    let want = OptionSet {
        prio: PRIO,
        ..dss28()
    };
    let sent = OptionSet {
        prio: PRIO,
        ..dss(Some(SHORT), map(LONG, true))
    };
    let dropped = expect(&ts(), &want, &ts(), &sent, &[]);
    let expected = Dropped {
        shortened_ack: true,
        ..Dropped::default()
    };
    assert_eq!(dropped, expected);
}

#[test]
fn a_data_ack_does_not_shrink_where_that_is_no_use() {
    let want = OptionSet {
        remove_addr: removing(2),
        ..dss28()
    };
    let dropped = expect(&ts(), &want, &ts(), &dss28(), &[]);
    let expected = Dropped {
        remove_addr: true,
        ..Dropped::default()
    };
    assert_eq!(dropped, expected);
}

#[test]
fn the_data_ack_yields_to_the_mapping_and_both_to_tcp() {
    let mapped = dss(None, map(LONG, true));
    let existing = [ts(), ao(8)].concat();
    let dropped = expect(&existing, &dss28(), &existing, &mapped, &[]);
    let expected = Dropped {
        data_ack: true,
        ..Dropped::default()
    };
    assert_eq!(dropped, expected);

    let existing = [ts(), ao(16)].concat();
    let none = OptionSet::default();
    let dropped = expect(&existing, &dss28(), &existing, &none, &[]);
    let expected = Dropped {
        data_ack: true,
        map: true,
        ..Dropped::default()
    };
    assert_eq!(dropped, expected);
}

#[test]
fn remove_addr_comes_behind_the_dss_where_filters_look_for_it() {
    let want = OptionSet {
        remove_addr: removing(1),
        ..dss(Some(LONG), None)
    };
    let fitted = fit(&ts(), &want);
    assert_eq!(fitted.len, 28);
    // Octet 66 of an IPv4 packet, after 20 octets of IP and 20 of TCP header.
    assert_eq!(fitted.options()[66 - 40] >> 4, 4);
}

#[test]
fn add_addr_comes_first_where_filters_look_for_it() {
    let want = OptionSet {
        lead: dss(Some(LONG), None).lead,
        ..announcing(add_addr(false, false, false))
    };
    assert_eq!(fit(&ts(), &want).options()[54 - 40] >> 4, 3);
}

#[test]
fn on_a_syn_the_handshake_travels_alone() {
    for lead in [capable_syn(), capable_syn_ack(), join_syn(), join_syn_ack()] {
        let want = OptionSet {
            add_addr: Some(add_addr(false, false, true)),
            remove_addr: removing(1),
            prio: PRIO,
            fail: FAIL,
            fast_close: FAST_CLOSE,
            ..lead
        };
        let dropped = expect(&ts(), &want, &ts(), &lead, &[]);
        let expected = Dropped {
            add_addr: true,
            remove_addr: true,
            prio: true,
            fail: true,
            fast_close: true,
            ..Dropped::default()
        };
        assert_eq!(dropped, expected);
    }
}

#[test]
fn sack_that_follows_another_option_without_padding_is_moved_all_the_same() {
    // AccECN of Linux 7 uses the two octets where SACK is otherwise padded.
    let accecn = [0xac, 2, SACK, 10, 1, 2, 3, 4, 5, 6, 7, 8];
    let existing = [&ts()[..], &accecn].concat();
    let want = dss(Some(SHORT), None);
    let tcp = [&ts()[..], &[0xac, 2, NOP, NOP]].concat();
    let block = [NOP, NOP, SACK, 10, 1, 2, 3, 4, 5, 6, 7, 8];
    assert_eq!(
        expect(&existing, &want, &tcp, &want, &block),
        Dropped::default()
    );
}

#[test]
fn a_list_that_cannot_be_read_is_left_alone() {
    let want = OptionSet {
        prio: PRIO,
        add_addr: Some(add_addr(false, false, true)),
        ..dss28()
    };
    let expected = Dropped {
        prio: true,
        add_addr: true,
        data_ack: true,
        map: true,
        ..Dropped::default()
    };
    let fitted = fit(&[NOP, NOP, 8, 9, 0, 0, 0, 0], &want);
    assert_eq!(fitted.options(), [NOP, NOP, 8, 9, 0, 0, 0, 0]);
    assert_eq!(fitted.dropped, expected);
    let fitted = fit(&[NOP; 44], &want);
    assert_eq!(
        (fitted.options(), fitted.dropped),
        (&[NOP; 40][..], expected)
    );
}

#[test]
fn what_is_wanted_of_nothing_is_nothing() {
    for existing in [vec![], ts(), syn(), [ts(), sack(3)].concat()] {
        expect_all(&existing, &OptionSet::default(), existing.len());
    }
}

/// Areas as Linux might write them.
fn existing() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(vec![]),
        Just(ts()),
        Just(syn()),
        (1..=3_u8).prop_map(|blocks| [ts(), sack(blocks)].concat()),
        (1..=4_u8).prop_map(sack),
        (4..=18_u8).prop_map(|len| [syn(), cookie(len & !1)].concat()),
        (4..=16_u8).prop_map(|len| [ts(), ao(len & !3)].concat()),
    ]
}

/// The options of TCP other than SACK in `area`.
fn of_tcp(area: &[u8]) -> Vec<(u8, Vec<u8>)> {
    Walk::new(area)
        .filter(|item| item.kind != KIND && item.kind != SACK)
        .map(|item| (item.kind, item.body.to_vec()))
        .collect()
}

/// The blocks of SACK in `area`.
fn blocks(area: &[u8]) -> Vec<u8> {
    Walk::new(area)
        .filter(|item| item.kind == SACK)
        .flat_map(|item| item.body.to_vec())
        .collect()
}

proptest! {
    #[test]
    fn the_result_is_a_sound_option_list_of_at_most_40_octets(
        existing in existing(),
        want in any_set(),
    ) {
        let fitted = fit(&existing, &want);
        let area = fitted.options();
        prop_assert!(fitted.len <= 40 && fitted.len % 4 == 0);
        let mut walk = Walk::new(area);
        walk.by_ref().for_each(drop);
        prop_assert!(!walk.is_broken());
        let Dropped { timestamps, fast_open, sack_blocks, .. } = fitted.dropped;
        let kept = of_tcp(&existing).into_iter().filter(|(kind, _)| match *kind {
            TIMESTAMPS => !timestamps,
            FAST_OPEN => !fast_open,
            _ => true,
        });
        prop_assert!(kept.eq(of_tcp(area)));
        let (before, after) = (blocks(&existing), blocks(area));
        prop_assert!(before.starts_with(&after));
        prop_assert_eq!(before.len() - after.len(), usize::from(sack_blocks) * 8);
    }

    #[test]
    fn a_peer_finds_exactly_what_was_not_dropped(
        existing in existing(),
        (want, segment) in legal_set(),
    ) {
        let Fitted { dropped, .. } = fit(&existing, &want);
        let fitted = fit(&existing, &want);
        let found = parse(fitted.options(), segment);
        let wanted = as_parsed(&want);
        prop_assert!(found.rejected.is_empty());
        prop_assert!(found.unusable.is_none());
        let unless = |dropped: bool| !dropped;
        let handshake = unless(dropped.handshake);
        prop_assert_eq!(found.capable, wanted.capable.filter(|_| handshake));
        prop_assert_eq!(found.join, wanted.join.filter(|_| handshake));
        prop_assert_eq!(found.add_addr, wanted.add_addr.filter(|_| unless(dropped.add_addr)));
        prop_assert_eq!(
            found.remove_addr,
            wanted.remove_addr.filter(|_| unless(dropped.remove_addr))
        );
        prop_assert_eq!(found.prio, wanted.prio.filter(|_| unless(dropped.prio)));
        prop_assert_eq!(found.fail, wanted.fail.filter(|_| unless(dropped.fail)));
        prop_assert_eq!(
            found.fast_close,
            wanted.fast_close.filter(|_| unless(dropped.fast_close))
        );
        prop_assert_eq!(found.reset, wanted.reset.filter(|_| unless(dropped.reset)));
        let map = wanted.dss.and_then(|dss| dss.map).filter(|_| unless(dropped.map));
        prop_assert_eq!(found.dss.and_then(|dss| dss.map), map);
        let data_ack = wanted.dss.and_then(|dss| dss.data_ack)
            .filter(|_| unless(dropped.data_ack))
            .map(|number| if dropped.shortened_ack { number.shortened() } else { number });
        prop_assert_eq!(found.dss.and_then(|dss| dss.data_ack), data_ack);
    }

    #[test]
    fn nothing_that_tcp_may_have_written_makes_fit_panic(
        existing in proptest::collection::vec(any::<u8>(), 0..64),
        want in any_set(),
    ) {
        prop_assert!(fit(&existing, &want).len <= 40);
    }

    #[test]
    fn the_short_way_and_the_long_way_agree(
        plain in any::<bool>(),
        want in any_set(),
    ) {
        let existing = if plain { vec![] } else { ts() };
        let long_way = fit_by_rules(&existing, &want);
        if let Some(Lead::Dss(dss)) = want.lead {
            let fitted = fit_by_rules(&existing, &dss.into());
            prop_assert_eq!(fit_dss(&existing, &dss), Some((fitted.area, fitted.len)));
        }
        prop_assert_eq!(fit(&existing, &want), long_way);
    }
}
