// SPDX-License-Identifier: GPL-2.0

//! Two engines, two TCPs, one network: RFC 8684 from handshake to end, from a seed.

#![allow(missing_docs, unreachable_pub)]

mod app;
mod tcp;
mod world;

use app::App;
use app::Pace;
use rust_mptcp::engine::*;
use world::Net;
use world::World;

fn configs(checksum: bool) -> [Config; 2] {
    let config = Config {
        checksum,
        ..Config::default()
    };
    [config, config]
}

#[test]
fn a_quiet_network_carries_both_streams() {
    for checksum in [false, true] {
        let apps = [App::new(Pace::Bulk, 300_000), App::new(Pace::Bulk, 200_000)];
        let mut world = World::new(1, Net::default(), configs(checksum), apps, 100_000);
        world.run();
        world.assert_complete();
        assert_eq!(world.hosts[0].fell_back, None);
        assert_eq!(world.hosts[0].count(Mib::MPTCPRetrans), 0);
    }
}
