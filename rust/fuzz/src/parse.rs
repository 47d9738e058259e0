// SPDX-License-Identifier: GPL-2.0

//! Target `parse`: an octet that chooses the kind of segment, then the options of a TCP header.

use super::input::Input;
use rust_mptcp::engine::initiate::{accept_third_ack, answer_syn, ListenPolicy, SynOffer};
use rust_mptcp::engine::{KeyMaterial, SynAckAnswer};
use rust_mptcp::wire::keys::HostSha256;
use rust_mptcp::wire::walk::Walk;
use rust_mptcp::wire::{Key, Options, SegmentKind, Subtype};

/// Reads any octets as options, and what a handshake makes of them.
pub fn parse(octets: &[u8]) {
    let mut input = Input::new(octets);
    let kind = input.kind();
    let area = input.rest();
    walk(area);
    let options = rust_mptcp::wire::parse(area, kind);
    assert_eq!(options, rust_mptcp::wire::parse(area, kind));
    fields_are_what_was_taken(&options);
    placement(&options, kind);
    handshake(&options);
}

/// The items lie in the area, in order, and do not overlap.
fn walk(area: &[u8]) {
    let mut end = 0;
    for item in Walk::new(area) {
        assert!(item.offset >= end);
        end = item.offset + item.bytes.len();
        assert_eq!(area.get(item.offset..end), Some(item.bytes));
        assert!(item.bytes.ends_with(item.body));
    }
}

/// Whether each option is there, in the order of [`Subtype::ALL`].
pub fn present(options: &Options) -> [bool; 9] {
    [
        options.capable.is_some(),
        options.join.is_some(),
        options.dss.is_some(),
        options.add_addr.is_some(),
        options.remove_addr.is_some(),
        options.prio.is_some(),
        options.fail.is_some(),
        options.fast_close.is_some(),
        options.reset.is_some(),
    ]
}

fn fields_are_what_was_taken(options: &Options) {
    for (subtype, present) in Subtype::ALL.into_iter().zip(present(options)) {
        assert_eq!(options.taken.contains(subtype), present);
    }
    assert!(options.unusable.is_none() || options.capable.is_none());
}

/// What decides about connections stands only where the protocol has it.
fn placement(options: &Options, kind: SegmentKind) {
    match kind {
        SegmentKind::Syn | SegmentKind::SynAck => {
            let others = present(options).into_iter().skip(2);
            assert!(!others.into_iter().any(|there| there));
            assert!(options.capable.is_none() || options.join.is_none());
        }
        SegmentKind::NonSyn { .. } => assert!(options.reset.is_none()),
        SegmentKind::Rst => assert!(options.dss.is_none() && options.capable.is_none()),
    }
    if let Some(map) = options.dss.and_then(|dss| dss.map) {
        assert!(map.len != 0 || !map.data_fin);
    }
}

fn handshake(options: &Options) {
    let local = KeyMaterial::derive::<HostSha256>(Key::new(1));
    let offer = SynOffer {
        checksum: false,
        deny_join: false,
    };
    core::hint::black_box(answer_syn(options));
    core::hint::black_box(SynAckAnswer::read::<HostSha256>(options));
    let policy = ListenPolicy::default();
    core::hint::black_box(accept_third_ack::<HostSha256>(
        options, offer, policy, local,
    ));
}
