// SPDX-License-Identifier: GPL-2.0

//! Target `round_trip`: what is parsed is fitted beside TCP's own options and parsed again.

use super::input::Input;
use super::parse::present;
use rust_mptcp::wire::walk::{Item, Walk, END, SACK, TIMESTAMPS};
use rust_mptcp::wire::{
    fit, parse, Dropped, Dss, Fitted, Lead, OptionSet, Options, KIND, OPTION_SPACE,
};

/// The options that TCP may have written: a choice of what Linux writes, or anything.
fn existing<'a>(input: &mut Input<'a>) -> &'a [u8] {
    match input.u8() & 7 {
        0 => &[],
        1 => &[1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2],
        2 => &[
            2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7,
        ],
        3 => &[
            1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 1, 5, 18, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
            12, 13, 14, 15, 16,
        ],
        4 => &[
            2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7, 34, 10, 1, 2, 3, 4, 5,
            6, 7, 8, 1, 1,
        ],
        _ => {
            let len = usize::from(input.u8() % 48);
            input.octets(len)
        }
    }
}

/// The same options as something to send.
fn as_set(options: &Options, may_drop_timestamps: bool) -> OptionSet {
    let lead = options.capable.map(Lead::Capable);
    let lead = lead.or_else(|| options.join.map(Lead::Join));
    OptionSet {
        lead: lead.or_else(|| options.dss.map(Lead::Dss)),
        add_addr: options.add_addr,
        remove_addr: options.remove_addr,
        prio: options.prio,
        fail: options.fail,
        fast_close: options.fast_close,
        reset: options.reset,
        may_drop_timestamps,
    }
}

/// Fits in what was parsed, and parses that.
pub fn round_trip(octets: &[u8]) {
    let mut input = Input::new(octets);
    let kind = input.kind();
    let may_drop_timestamps = input.flag();
    let existing = existing(&mut input);
    let options = parse(input.rest(), kind);
    let set = as_set(&options, may_drop_timestamps);
    let fitted = fit(existing, &set);
    assert!(usize::from(fitted.len) <= OPTION_SPACE);
    assert_eq!(fitted.len % 4, 0);

    let mut walk = Walk::new(existing);
    let foreign = walk.by_ref().any(|item| item.kind == KIND);
    // What TCP never writes is left alone, and may hide what follows.
    let odd = walk.is_broken() || existing.len() > OPTION_SPACE || existing.contains(&END);
    if foreign || odd {
        return;
    }
    tcp_keeps_its_options(existing, &fitted);
    let again = parse(fitted.options(), kind);
    assert!(again.rejected.is_empty(), "{:?}", again.rejected);
    assert!(again.unusable.is_none());
    nothing_is_lost_silently(&options, &again, &fitted.dropped);
    let empty_signal = options.dss == Some(Dss::default());
    if existing.is_empty() && !empty_signal && fitted.dropped == Dropped::default() {
        assert_eq!(set.emitted_len(), usize::from(fitted.len));
    }
}

fn tcp_keeps_its_options(existing: &[u8], fitted: &Fitted) {
    let may_go = |item: &Item<'_>| {
        item.kind == SACK
            || (item.kind == TIMESTAMPS && fitted.dropped.timestamps)
            || (item.is_fast_open() && fitted.dropped.fast_open)
    };
    let mut left = Walk::new(fitted.options());
    for item in Walk::new(existing).filter(|item| !may_go(item)) {
        let kept = left.find(|other| other.bytes == item.bytes);
        assert!(kept.is_some(), "option {} of TCP is gone", item.kind);
    }
}

/// Each option came through as it was, or is named as dropped.
fn nothing_is_lost_silently(before: &Options, after: &Options, dropped: &Dropped) {
    let said_to_be_gone = [
        dropped.handshake,
        dropped.handshake,
        dropped.data_ack || dropped.map,
        dropped.add_addr,
        dropped.remove_addr,
        dropped.prio,
        dropped.fail,
        dropped.fast_close,
        dropped.reset,
    ];
    let was = present(before).into_iter();
    for (at, (was, is)) in was.zip(present(after)).enumerate() {
        let empty_signal = at == 2 && before.dss == Some(Dss::default());
        assert!(was || !is);
        assert!(!was || is || said_to_be_gone[at] || empty_signal);
    }
    assert!(after.capable.is_none() || after.capable == before.capable);
    assert!(after.join.is_none() || after.join == before.join);
    assert!(after.add_addr.is_none() || after.add_addr == before.add_addr);
    assert!(after.remove_addr.is_none() || after.remove_addr == before.remove_addr);
    assert!(after.prio.is_none() || after.prio == before.prio);
    assert!(after.fail.is_none() || after.fail == before.fail);
    assert!(after.fast_close.is_none() || after.fast_close == before.fast_close);
    assert!(after.reset.is_none() || after.reset == before.reset);
    let (Some(old), Some(new)) = (before.dss, after.dss) else {
        return;
    };
    let ack = old.data_ack.map(|number| {
        if dropped.shortened_ack {
            number.shortened()
        } else {
            number
        }
    });
    assert_eq!(new.data_ack, ack.filter(|_| !dropped.data_ack));
    assert_eq!(new.map, old.map.filter(|_| !dropped.map));
}
