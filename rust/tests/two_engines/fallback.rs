// SPDX-License-Identifier: GPL-2.0

//! RFC 8684 3.7: middleboxes, and every way to plain TCP that needs no second subflow.

use super::app::App;
use super::app::Pace;
use super::configs;
use super::tcp::Segment;
use super::world::Middlebox;
use super::world::Net;
use super::world::World;
use rust_mptcp::engine::*;
use rust_mptcp::wire::KIND;

/// Turns the MPTCP options of a segment into NOPs, as most strippers do.
fn strip(segment: &mut Segment) {
    let mut at = 0;
    while at < segment.options.len() {
        let kind = segment.options[at];
        if kind == 0 {
            break;
        }
        if kind == 1 {
            at += 1;
            continue;
        }
        let len = usize::from(segment.options[at + 1]);
        if kind == KIND {
            segment.options[at..at + len].fill(1);
        }
        at += len;
    }
}

fn run(middlebox: Middlebox, checksum: bool, apps: [App; 2], seed: u64) -> World {
    let mut world = World::new(seed, Net::default(), configs(checksum), apps, 60_000);
    world.middlebox = Some(middlebox);
    world.run();
    world
}

fn both_ways() -> [App; 2] {
    [
        App::new(Pace::Ask(3_000), 60_000),
        App::new(Pace::Reply(3_000), 60_000),
    ]
}

#[test]
fn f1_syn_ack_without_the_option_is_plain_tcp() {
    let world = run(
        Box::new(|side, segment| {
            if side == 1 && segment.syn {
                strip(segment);
            }
            true
        }),
        false,
        both_ways(),
        1,
    );
    world.assert_complete();
    assert_eq!(world.hosts[0].fell_back, Some(FallbackReason::SynAck));
    assert_eq!(world.hosts[0].count(Mib::MPCapableFallbackSYNACK), 1);
    assert!(world.hosts[1].conn.is_none());
}

#[test]
fn f1_syn_without_the_option_is_plain_tcp() {
    let world = run(
        Box::new(|side, segment| {
            if side == 0 && segment.syn {
                strip(segment);
            }
            true
        }),
        false,
        both_ways(),
        1,
    );
    world.assert_complete();
    assert_eq!(world.hosts[0].fell_back, Some(FallbackReason::SynAck));
}

#[test]
fn f2_echoed_syn_option_is_unusable_and_so_plain_tcp() {
    let world = run(
        Box::new(|side, segment| {
            if side == 1 && segment.syn {
                strip(segment);
                segment.options.extend([KIND, 4, 1, 1]);
            }
            true
        }),
        false,
        both_ways(),
        1,
    );
    // The passive side has no engine, and ours is plain.
    world.assert_complete();
    assert_eq!(world.hosts[0].mode(), Some(Mode::Fallback));
}

#[test]
fn f3_unanswered_syns_lose_the_option_and_the_path_counts_as_black_hole() {
    let world = run(
        Box::new(|side, segment| {
            let mut bare = segment.clone();
            strip(&mut bare);
            side == 1 || !segment.syn || bare == *segment
        }),
        false,
        both_ways(),
        1,
    );
    world.assert_complete();
    let a = &world.hosts[0];
    assert_eq!(a.fell_back, Some(FallbackReason::SynDropped));
    assert_eq!(a.count(Mib::MPCapableSYNTXDrop), 1);
    assert_eq!(a.count(Mib::Blackhole), 1);
}

#[test]
fn f4_third_ack_without_the_option_makes_both_sides_plain() {
    for checksum in [false, true] {
        let world = run(
            Box::new(|side, segment| {
                if side == 0 && !segment.syn {
                    strip(segment);
                }
                true
            }),
            checksum,
            both_ways(),
            1,
        );
        world.assert_complete();
        assert!(world.hosts[1].conn.is_none());
        assert_eq!(world.hosts[0].fell_back, Some(FallbackReason::NoOptions));
    }
}

#[test]
fn f5_wrong_key_in_the_third_ack_is_plain_tcp() {
    let world = run(
        Box::new(|side, segment| {
            if side == 0 && !segment.syn {
                let options = &mut segment.options;
                let found = options
                    .windows(2)
                    .position(|pair| pair[0] == KIND && pair[1] >= 20);
                if let Some(at) = found {
                    // The last octet of the echoed key.
                    if options.len() > at + 19 && options[at + 2] == 1 {
                        options[at + 19] ^= 1;
                    }
                }
            }
            true
        }),
        false,
        both_ways(),
        1,
    );
    world.assert_complete();
    assert!(world.hosts[1].conn.is_none());
}

#[test]
fn f6_first_data_without_any_mapping_is_plain_tcp() {
    let mut seen = false;
    let world = run(
        Box::new(move |side, segment| {
            if side == 0 && !segment.syn {
                // The pure third ACK passes, whatever comes after it does not.
                if seen || !segment.payload.is_empty() {
                    strip(segment);
                }
                seen = true;
            }
            true
        }),
        false,
        both_ways(),
        1,
    );
    world.assert_complete();
    assert_eq!(world.hosts[1].fell_back, Some(FallbackReason::Mapping));
}

#[test]
fn f7_acknowledgement_of_our_first_data_without_options_is_plain_tcp() {
    // Options pass towards the passive side only.
    let world = run(
        Box::new(|side, segment| {
            if side == 1 && !segment.syn {
                strip(segment);
            }
            true
        }),
        false,
        [App::new(Pace::Bulk, 100_000), App::new(Pace::Silent, 0)],
        1,
    );
    world.assert_complete();
    assert_eq!(world.hosts[0].fell_back, Some(FallbackReason::NoOptions));
    // The infinite mapping tells the other side.
    assert_eq!(
        world.hosts[1].fell_back,
        Some(FallbackReason::InfiniteReceived)
    );
}

#[test]
fn f9_unmapped_data_at_the_start_is_taken_as_it_is() {
    let world = run(
        Box::new(|side, segment| {
            if side == 1 && !segment.syn {
                strip(segment);
            }
            true
        }),
        true,
        [App::new(Pace::Silent, 0), App::new(Pace::Bulk, 100_000)],
        1,
    );
    world.assert_complete();
    assert!(world.hosts[0].fell_back.is_some());
}

#[test]
fn f12_options_that_vanish_later_end_in_plain_tcp_without_a_wrong_byte() {
    for seed in 0..40 {
        for side_stripped in [0, 1, 2] {
            let world = run(
                Box::new(move |side, segment| {
                    if segment.ssn > 20_000 && (side_stripped == 2 || side == side_stripped) {
                        strip(segment);
                    }
                    true
                }),
                seed % 2 == 0,
                both_ways(),
                seed,
            );
            // Not every such path can be saved, but no byte may be wrong: `check` has seen to it.
            assert!(world.now < 1_000_000, "seed {seed}");
        }
    }
}

/// Changes the last octet of the payload that covers `place` of the stream of side 0.
fn alter(place: u32) -> Middlebox {
    Box::new(move |side, segment| {
        let end = segment.ssn + segment.payload.len() as u32;
        if side == 0 && segment.ssn <= place && place < end {
            segment.payload[(place - segment.ssn) as usize] ^= 0x55;
        }
        true
    })
}

/// Runs with a changed byte, without the oracle for bytes.
fn run_altered(place: u32, seed: u64) -> World {
    let apps = [App::new(Pace::Bulk, 100_000), App::new(Pace::Bulk, 50_000)];
    let mut world = World::new(seed, Net::default(), configs(true), apps, 60_000);
    world.altered = true;
    world.middlebox = Some(alter(place));
    world.run();
    world
}

#[test]
fn f16_bad_checksum_of_the_very_first_mapping_is_plain_tcp_at_once() {
    let world = run_altered(1, 1);
    let b = &world.hosts[1];
    assert_eq!(b.count(Mib::DataCsumErr), 1);
    assert_eq!(b.fell_back, Some(FallbackReason::Checksum));
    assert_eq!(b.count(Mib::MPFailTx), 0);
    assert_eq!(b.app.received.len(), 100_000);
    assert_eq!(world.hosts[0].app.received.len(), 50_000);
}

#[test]
fn f14_bad_checksum_later_is_settled_by_mp_fail_and_an_infinite_mapping() {
    for seed in 0..30 {
        let world = run_altered(50_000, seed);
        let [a, b] = &world.hosts;
        assert_eq!(b.count(Mib::DataCsumErr), 1, "seed {seed}");
        assert_eq!(b.count(Mib::MPFailTx), 1);
        assert_eq!(a.count(Mib::MPFailRx), 1);
        assert_eq!(a.count(Mib::MPFailTx), 1);
        assert_eq!(b.app.received.len(), 100_000, "seed {seed}");
        assert_eq!(a.app.received.len(), 50_000, "seed {seed}");
        assert!(!a.reset_sent && !b.reset_sent);
    }
}

#[test]
fn f17_checksum_that_was_not_agreed_resets_the_subflow() {
    // A SYN/ACK whose flag A is removed makes the two sides disagree.
    let apps = both_ways();
    let [mut a, mut b] = configs(false);
    a.checksum = false;
    b.checksum = true;
    let mut world = World::new(1, Net::default(), [a, b], apps, 60_000);
    world.middlebox = Some(Box::new(|side, segment| {
        if side == 1 && segment.syn {
            let at = segment.options.iter().position(|octet| *octet == KIND);
            if let Some(at) = at {
                segment.options[at + 3] &= 0x7F;
            }
        }
        true
    }));
    world.run();
    assert!(world.hosts.iter().any(|host| host.reset_sent));
    assert!(world
        .hosts
        .iter()
        .any(|host| host.count(Mib::DssReset) == 1));
}

#[test]
fn f22_simultaneous_open_is_plain_tcp() {
    let apps = both_ways();
    let mut world = World::new(1, Net::default(), configs(false), apps, 60_000);
    world.simultaneous_open();
    let a = &world.hosts[0];
    assert_eq!(a.fell_back, Some(FallbackReason::SimultaneousOpen));
    assert_eq!(a.count(Mib::SimultConnectFallback), 1);
}
