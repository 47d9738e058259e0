// SPDX-License-Identifier: GPL-2.0

//! What the tests of this folder share: the keys of the reference, hexadecimal, and strategies
//! that make every value which can stand on the wire.

use core::net::IpAddr;
use core::num::NonZeroU16;
use std::vec::Vec;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;

/// The key of A in the vectors of the reference.
pub(crate) const KEY_A: Key = Key::new(0x0102_0304_0506_0708);
/// The key of B in the vectors of the reference.
pub(crate) const KEY_B: Key = Key::new(0x1112_1314_1516_1718);
/// The initial data sequence number of A.
pub(crate) const IDSN_A: Dsn = Dsn(0xf5a1_01d3_d29d_6f72);
/// The initial data sequence number of B.
pub(crate) const IDSN_B: Dsn = Dsn(0x535b_eea3_8e08_7c8e);
/// A segment with payload.
pub(crate) const DATA: SegmentKind = SegmentKind::NonSyn { payload_len: 5 };
/// A segment without.
pub(crate) const PURE_ACK: SegmentKind = SegmentKind::NonSyn { payload_len: 0 };

/// The octets that `text` spells.
pub(crate) fn hex(text: &str) -> Vec<u8> {
    assert_eq!(text.len() % 2, 0, "odd number of digits: {text}");
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

/// The octets that `text` spells, exactly `N`.
pub(crate) fn octets<const N: usize>(text: &str) -> [u8; N] {
    hex(text).try_into().unwrap()
}

/// What `set` looks like on the wire.
pub(crate) fn emitted(set: &OptionSet) -> Vec<u8> {
    let mut area = [0xEE; OPTION_SPACE];
    let len = set.emit(&mut area).expect("must fit");
    assert_eq!(len, set.emitted_len());
    assert!(area[len..].iter().all(|&octet| octet == 0xEE));
    area[..len].to_vec()
}

/// What the parser would make of `set`.
pub(crate) fn as_parsed(set: &OptionSet) -> Options {
    let mut options = Options {
        add_addr: set.add_addr,
        remove_addr: set.remove_addr,
        prio: set.prio,
        fail: set.fail,
        fast_close: set.fast_close,
        reset: set.reset,
        ..Options::default()
    };
    match set.lead {
        None => {}
        Some(Lead::Capable(option)) => options.capable = Some(option),
        Some(Lead::Join(option)) => options.join = Some(option),
        Some(Lead::Dss(option)) => options.dss = Some(option),
    }
    let present = [
        (Subtype::Capable, options.capable.is_some()),
        (Subtype::Join, options.join.is_some()),
        (Subtype::Dss, options.dss.is_some()),
        (Subtype::AddAddr, options.add_addr.is_some()),
        (Subtype::RemoveAddr, options.remove_addr.is_some()),
        (Subtype::Prio, options.prio.is_some()),
        (Subtype::Fail, options.fail.is_some()),
        (Subtype::FastClose, options.fast_close.is_some()),
        (Subtype::Reset, options.reset.is_some()),
    ];
    for (subtype, _) in present.into_iter().filter(|(_, there)| *there) {
        options.taken.insert(subtype);
    }
    options
}

pub(crate) fn key() -> impl Strategy<Value = Key> {
    (1..u64::MAX).prop_map(Key::new)
}

pub(crate) fn wire_dsn() -> impl Strategy<Value = WireDsn> {
    prop_oneof![
        any::<u32>().prop_map(WireDsn::Short),
        any::<u64>().prop_map(WireDsn::Long)
    ]
}

pub(crate) fn mapping() -> impl Strategy<Value = Mapping> {
    (
        wire_dsn(),
        any::<u32>(),
        prop_oneof![Just(0), Just(1), any::<u16>()],
        any::<bool>(),
        option::of(any::<u16>()),
    )
        .prop_map(|(dsn, ssn, len, data_fin, checksum)| Mapping {
            dsn,
            ssn: Ssn(ssn),
            len,
            data_fin: data_fin && len != 0,
            checksum,
        })
}

pub(crate) fn dss() -> impl Strategy<Value = Dss> {
    (option::of(wire_dsn()), option::of(mapping()))
        .prop_map(|(data_ack, map)| Dss { data_ack, map })
}

fn flags() -> impl Strategy<Value = CapableFlags> {
    any::<(bool, bool)>().prop_map(|(checksum, deny_join)| CapableFlags {
        checksum,
        deny_join,
    })
}

/// An `MP_CAPABLE` and a segment that may carry it.
pub(crate) fn capable() -> impl Strategy<Value = (Capable, SegmentKind)> {
    prop_oneof![
        (1..16_u8, flags())
            .prop_map(|(version, flags)| (Capable::Syn { version, flags }, SegmentKind::Syn)),
        (flags(), key())
            .prop_map(|(flags, key)| (Capable::SynAck { flags, key }, SegmentKind::SynAck)),
        (flags(), key(), key()).prop_map(|(flags, sender, receiver)| (
            Capable::Ack {
                flags,
                sender,
                receiver
            },
            PURE_ACK
        )),
        (
            flags(),
            key(),
            key(),
            any::<u16>(),
            option::of(any::<u16>())
        )
            .prop_map(|(flags, sender, receiver, len, checksum)| (
                Capable::AckData {
                    flags,
                    sender,
                    receiver,
                    len,
                    checksum
                },
                DATA
            )),
    ]
}

/// An `MP_JOIN` and a segment that may carry it.
pub(crate) fn join() -> impl Strategy<Value = (Join, SegmentKind)> {
    let start = || {
        (any::<bool>(), any::<u8>(), any::<u32>())
            .prop_map(|(backup, id, nonce)| (backup, AddrId(id), Nonce::new(nonce)))
    };
    prop_oneof![
        (start(), any::<u32>()).prop_map(|((backup, id, nonce), token)| (
            Join::Syn {
                backup,
                id,
                token: Token(token),
                nonce
            },
            SegmentKind::Syn
        )),
        (start(), any::<[u8; 8]>()).prop_map(|((backup, id, nonce), hmac)| (
            Join::SynAck {
                backup,
                id,
                hmac: HmacR::from_bytes(hmac),
                nonce
            },
            SegmentKind::SynAck
        )),
        any::<[u8; 20]>().prop_map(|hmac| (
            Join::Ack {
                hmac: HmacI::from_bytes(hmac)
            },
            PURE_ACK
        )),
    ]
}

pub(crate) fn add_addr() -> impl Strategy<Value = AddAddr> {
    let addr = prop_oneof![
        any::<[u8; 4]>().prop_map(IpAddr::from),
        any::<[u8; 16]>().prop_map(IpAddr::from)
    ];
    (
        any::<u8>(),
        addr,
        option::of(1..=u16::MAX),
        option::of(any::<[u8; 8]>()),
    )
        .prop_map(|(id, addr, port, hmac)| AddAddr {
            id: AddrId(id),
            addr,
            port: port.and_then(NonZeroU16::new),
            hmac: hmac.map(AddAddrHmac::from_bytes),
        })
}

pub(crate) fn remove_addr() -> impl Strategy<Value = RemoveAddr> {
    vec(any::<u8>().prop_map(AddrId), 1..=RemoveAddr::MAX_SENT)
        .prop_map(|ids| RemoveAddr::new(&ids).unwrap())
}

pub(crate) fn prio() -> impl Strategy<Value = Prio> {
    any::<bool>().prop_map(|backup| Prio { backup })
}

pub(crate) fn fail() -> impl Strategy<Value = Fail> {
    any::<u64>().prop_map(|dsn| Fail { dsn: Dsn(dsn) })
}

pub(crate) fn fast_close() -> impl Strategy<Value = FastClose> {
    key().prop_map(|key| FastClose { key })
}

pub(crate) fn reset() -> impl Strategy<Value = Reset> {
    any::<(u8, bool)>().prop_map(|(reason, transient)| Reset {
        reason: ResetReason(reason),
        transient,
    })
}

/// Anything that the type can express, sensible or not.
pub(crate) fn any_set() -> impl Strategy<Value = OptionSet> {
    let lead = prop_oneof![
        capable().prop_map(|(option, _)| Lead::Capable(option)),
        join().prop_map(|(option, _)| Lead::Join(option)),
        dss().prop_map(Lead::Dss),
    ];
    (
        option::of(lead),
        option::weighted(0.3, add_addr()),
        option::weighted(0.3, remove_addr()),
        option::weighted(0.3, prio()),
        option::weighted(0.2, fail()),
        option::weighted(0.2, fast_close()),
        option::weighted(0.2, reset()),
        any::<bool>(),
    )
        .prop_map(
            |(lead, add_addr, remove_addr, prio, fail, fast_close, reset, may_drop_timestamps)| {
                OptionSet {
                    lead,
                    add_addr,
                    remove_addr,
                    prio,
                    fail,
                    fast_close,
                    reset,
                    may_drop_timestamps,
                }
            },
        )
}

/// Options that may travel together, with a segment that may carry them.
pub(crate) fn legal_set() -> impl Strategy<Value = (OptionSet, SegmentKind)> {
    let management = || {
        (
            option::of(add_addr()),
            option::of(remove_addr()),
            option::of(prio()),
        )
    };
    prop_oneof![
        capable().prop_map(|(option, segment)| (OptionSet::from(option), segment)),
        join().prop_map(|(option, segment)| (OptionSet::from(option), segment)),
        (option::of(dss()), management()).prop_map(|(dss, (add_addr, remove_addr, prio))| {
            let set = OptionSet {
                lead: dss.map(Lead::Dss),
                add_addr,
                remove_addr,
                prio,
                ..OptionSet::default()
            };
            (set, DATA)
        }),
        (option::of(dss()), fail()).prop_map(|(dss, fail)| {
            let set = OptionSet {
                lead: dss.map(Lead::Dss),
                fail: Some(fail),
                ..OptionSet::default()
            };
            (set, PURE_ACK)
        }),
        (option::of(dss()), fast_close()).prop_map(|(dss, fast_close)| {
            let set = OptionSet {
                lead: dss.map(Lead::Dss),
                fast_close: Some(fast_close),
                ..OptionSet::default()
            };
            (set, PURE_ACK)
        }),
        (option::of(fail()), reset()).prop_map(|(fail, reset)| {
            let set = OptionSet {
                fail,
                reset: Some(reset),
                ..OptionSet::default()
            };
            (set, SegmentKind::Rst)
        }),
        (fast_close(), option::of(reset())).prop_map(|(fast_close, reset)| {
            let set = OptionSet {
                fast_close: Some(fast_close),
                reset,
                ..OptionSet::default()
            };
            (set, SegmentKind::Rst)
        }),
    ]
    .prop_filter("must fit", |(set, _)| set.emitted_len() <= OPTION_SPACE)
}

/// Every kind of segment.
pub(crate) fn segment() -> impl Strategy<Value = SegmentKind> {
    prop_oneof![
        Just(SegmentKind::Syn),
        Just(SegmentKind::SynAck),
        Just(SegmentKind::Rst),
        Just(PURE_ACK),
        any::<u32>().prop_map(|payload_len| SegmentKind::NonSyn { payload_len }),
    ]
}
