// SPDX-License-Identifier: GPL-2.0

//! A whole connection, octet for octet.

use super::app::App;
use super::app::Pace;
use super::configs;
use super::world::Net;
use super::world::World;
use rust_mptcp::wire::KIND;

/// The MPTCP options of an option area, in hexadecimal.
fn mptcp(options: &[u8]) -> String {
    let mut text = String::new();
    let mut at = 0;
    while at < options.len() && options[at] != 0 {
        if options[at] == 1 {
            at += 1;
            continue;
        }
        let len = usize::from(options[at + 1]);
        if options[at] == KIND {
            for octet in &options[at..at + len] {
                text.push_str(&format!("{octet:02x}"));
            }
        }
        at += len;
    }
    text
}

#[test]
fn a_short_connection_has_the_options_of_the_reference() {
    let mut asks = App::new(Pace::Bulk, 5);
    asks.read_every = 1;
    let apps = [asks, App::new(Pace::Reply(5), 5)];
    let mut world = World::new(1, Net::default(), configs(false), apps, 60_000);
    world.keep_trace = true;
    world.run();
    world.assert_complete();
    let mut lines: Vec<String> = Vec::new();
    for (side, segment) in &world.trace {
        let arrow = ["A>B", "B>A"][*side];
        let len = segment.payload.len();
        let fin = if segment.fin { " FIN" } else { "" };
        lines.push(format!("{arrow} {len}{fin} {}", mptcp(&segment.options)));
    }
    let text = lines.join("\n");
    for wanted in [
        "A>B 0 1e040101",
        "B>A 0 1e0c01011112131415161718",
        "A>B 0 1e14010101020304050607081112131415161718",
        "A>B 5 1e160101010203040506070811121314151617180005",
        // DATA_ACK of what came, in 8 octets as the peer does, and the first bytes back.
        "B>A 5 1e1a200ff5a101d3d29d6f78535beea38e087c8f000000010005",
    ] {
        assert!(lines.iter().any(|line| line == wanted), "{wanted}\n{text}");
    }
    // The DATA_FINs: no data, SSN 0, length 1.
    for wanted in [
        "A>B 0 1e1a201f535beea38e087c94f5a101d3d29d6f78000000000001",
        "B>A 0 1e1a201ff5a101d3d29d6f79535beea38e087c94000000000001",
    ] {
        assert!(lines.iter().any(|line| line == wanted), "{wanted}\n{text}");
    }
}
