// SPDX-License-Identifier: GPL-2.0

//! The handshake, in either role and as plain TCP.

use super::super::input::Input;
use super::host::{on_wire, our_key, their_key, Host, SF};
use rust_mptcp::engine::initiate::{
    accept_third_ack, answer_syn, syn_ack_options, ListenPolicy, SynAnswer, ThirdAck,
};
use rust_mptcp::engine::mem::refuse;
use rust_mptcp::engine::{
    Config, Connection, Ending, Event, Instant, Shared, Stamp, SubflowTx, SynAckAnswer, TxSegment,
};
use rust_mptcp::wire::keys::HostSha256;
use rust_mptcp::wire::{
    Capable, CapableFlags, Key, Lead, OptionSet, Options, SegmentKind, VERSION,
};

fn flags(octet: u8) -> CapableFlags {
    CapableFlags {
        checksum: octet & 1 != 0,
        deny_join: octet & 2 != 0,
    }
}

/// A connection after the handshake that the octets describe, if there is one.
pub fn open(input: &mut Input<'_>) -> Option<Host> {
    let role = input.u8();
    let config = Config {
        checksum: input.flag(),
        ..Config::default()
    };
    if role & 0x80 != 0 {
        refuse::nth(0);
    }
    match role & 7 {
        0..=3 => passive(config, input),
        4..=6 => active(config, input),
        _ => plain(config, input),
    }
}

fn passive(config: Config, input: &mut Input<'_>) -> Option<Host> {
    let syn = on_wire(
        &OptionSet::from(Capable::Syn {
            version: VERSION,
            flags: flags(input.u8()),
        }),
        SegmentKind::Syn,
    );
    let SynAnswer::Capable(offer) = answer_syn(&syn) else {
        unreachable!("a SYN that offers MPTCP");
    };
    let policy = ListenPolicy {
        checksum: config.checksum,
        deny_join: config.deny_join,
    };
    let answer = syn_ack_options(offer, policy, our_key().key);
    let answer = on_wire(&answer, SegmentKind::SynAck);
    assert!(answer.capable.is_some());
    let (options, len) = third_ack(input);
    let third = accept_third_ack::<HostSha256>(&options, offer, policy, our_key());
    let ThirdAck::Capable(open) = third else {
        return None;
    };
    let shared = Shared::new();
    let window = input.u32() >> 8;
    let conn = Connection::passive(config, &open, window, 0, &shared, Instant::default()).ok()?;
    let mut host = Host::new(shared, SubflowTx::passive(&open), conn);
    host.is_open = true;
    host.window = window;
    host.drain();
    if open.with_data {
        host.oracle.sent_by_peer(host.place, 0, len);
        host.peer_end = u64::from(len);
        host.segment_of_data(&options, len);
    }
    Some(host)
}

/// The third ACK or what stands in its place, and how many octets it carries.
fn third_ack(input: &mut Input<'_>) -> (Options, u32) {
    let choice = input.u8();
    let receiver = if choice & 0x80 == 0 {
        our_key().key
    } else {
        Key::new(input.u64())
    };
    let (flags, sender) = (flags(choice >> 4), their_key().key);
    let len = input.len();
    let option = if choice & 1 == 0 || len == 0 {
        Capable::Ack {
            flags,
            sender,
            receiver,
        }
    } else {
        Capable::AckData {
            flags,
            sender,
            receiver,
            len: len as u16,
            checksum: (choice & 2 != 0).then(|| input.u16()),
        }
    };
    let payload_len = match option {
        Capable::AckData { .. } => len,
        _ => 0,
    };
    let kind = SegmentKind::NonSyn { payload_len };
    (on_wire(&OptionSet::from(option), kind), payload_len)
}

fn active(config: Config, input: &mut Input<'_>) -> Option<Host> {
    let shared = Shared::new();
    let conn = Connection::active(config, our_key(), &shared, Instant::default()).ok()?;
    let mut host = Host::new(shared, SubflowTx::active(&config, our_key()), conn);
    host.drain();
    let plain_syns = syns(&mut host, 1 + input.u8() % 6);
    answer(&mut host, input, plain_syns);
    Some(host)
}

fn plain(config: Config, input: &mut Input<'_>) -> Option<Host> {
    let shared = Shared::new();
    let conn = Connection::plain(config, our_key(), &shared, Instant::default()).ok()?;
    let mut host = Host::new(shared, SubflowTx::plain(), conn);
    host.drain();
    let plain_syns = syns(&mut host, 1 + input.u8() % 3);
    answer(&mut host, input, plain_syns);
    Some(host)
}

/// Sends the SYN so many times; tells how many went without the option.
fn syns(host: &mut Host, times: u8) -> u8 {
    let mut plain = 0;
    for syn_retransmits in 0..times {
        let segment = TxSegment {
            syn: true,
            syn_retransmits,
            ..TxSegment::default()
        };
        let Stamp::Send(stamped) = host.tx.stamp(&segment, &host.shared) else {
            unreachable!("a SYN is never withheld");
        };
        let options = on_wire(&stamped.options, SegmentKind::Syn);
        plain += u8::from(options.capable.is_none());
        if stamped.fell_back {
            host.post(Event::SynDropped { sf: SF });
        }
    }
    plain
}

/// What comes back for our SYN.
fn answer(host: &mut Host, input: &mut Input<'_>, plain_syns: u8) {
    let choice = input.u8();
    let options = match choice & 7 {
        0..=3 => on_wire(
            &OptionSet {
                lead: Some(Lead::Capable(Capable::SynAck {
                    flags: flags(choice >> 4),
                    key: their_key().key,
                })),
                ..OptionSet::default()
            },
            SegmentKind::SynAck,
        ),
        4 => {
            let len = usize::from(input.u8() % 41);
            rust_mptcp::wire::parse(input.octets(len), SegmentKind::SynAck)
        }
        5 => Options::default(),
        6 => {
            host.post(Event::SimultaneousOpen { sf: SF });
            Options::default()
        }
        _ => {
            let endings = [Ending::Refused, Ending::TimedOut, Ending::Unreachable];
            host.closed(endings[usize::from(choice >> 4) % 3]);
            return;
        }
    };
    // No SYN of ours offered it, so that nobody can answer with it.
    let answer = SynAckAnswer::read::<HostSha256>(&options);
    let window = u32::from(input.u16());
    host.is_open = true;
    host.window = window;
    host.post(Event::SynAck {
        sf: SF,
        answer,
        window,
        plain_syns,
    });
}
