// SPDX-License-Identifier: GPL-2.0

//! The k-th request for memory is refused, for every k.

use super::app::App;
use super::app::Pace;
use super::configs;
use super::world::Net;
use super::world::World;
use rust_mptcp::engine::mem::refuse;

fn world(checksum: bool, seed: u64) -> World {
    let net = Net {
        loss: 3,
        duplicate: 3,
        jitter: 30,
        gso: 4_000,
        split: 10,
        ..Net::default()
    };
    let apps = [App::new(Pace::Bulk, 60_000), App::new(Pace::Bulk, 40_000)];
    World::new(seed, net, configs(checksum), apps, 30_000)
}

#[test]
fn no_refused_allocation_costs_a_byte() {
    for seed in 9..25 {
        let checksum = seed % 2 == 0;
        refuse::nth(u64::MAX);
        let mut whole = world(checksum, seed);
        whole.run();
        whole.assert_complete();
        let requests = refuse::nothing();
        assert!(requests > 5, "only {requests} requests");
        // The very first one makes the connection; without it there is none.
        for k in 1..requests {
            let mut world = world(checksum, seed);
            refuse::nth(k - 1);
            world.run();
            refuse::nothing();
            world.assert_complete();
        }
    }
}
