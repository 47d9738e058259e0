// SPDX-License-Identifier: GPL-2.0

//! Very many connections at once in one process, and what each of them costs.

use crate::app::Pace;
use crate::app::Plan;
use crate::bytes::Handle;
use crate::host::Host;
use crate::network::Link;
use crate::network::LinkConfig;
use crate::oracle;
use crate::oracle::Expect;
use crate::scenario::usual_host;
use crate::tcp::MILLI;
use crate::tcp::SECOND;
use crate::world::Path;
use crate::world::World;
use rust_mptcp::engine::Connection;
use rust_mptcp::engine::Shared;
use rust_mptcp::engine::SubflowTx;
use std::time::Instant;

/// Octets of the question, and of the answer.
const PIECE: u64 = 1_000;

/// Connections that one address of the client gets.
const PORTS: u32 = 50_000;

/// Connections opened in a millisecond.
const EACH_MILLI: u32 = 200;

/// What a crowd costs.
#[derive(Debug)]
pub struct Cost {
    /// Connections that were up at the same time.
    pub connections: u32,
    /// Octets of memory for one end, everything counted: engine, TCP, program, tables.
    pub octets_per_end: u64,
    /// Octets that the engine's own three structures take of that, without what they point to.
    pub engine_octets: usize,
    /// Segments that were sent.
    pub segments: u64,
    /// Segments a second.
    pub speed: u64,
}

/// Opens `connections` connections, has each ask and be answered, measures, and closes them all.
pub fn run(connections: u32, mut say: impl FnMut(&str)) -> Result<Cost, String> {
    let opened_by = u64::from(connections / EACH_MILLI + 1) * MILLI;
    let all_up = opened_by + SECOND;
    let plan = |pace| Plan {
        hold: all_up + SECOND,
        patience: 10 * opened_by + 1_000 * SECOND,
        ..Plan::new(pace, PIECE)
    };
    let mut hosts = [
        Host::new(0, usual_host(), None),
        Host::new(1, usual_host(), Some(plan(Pace::Reply(PIECE)))),
    ];
    for host in &mut hosts {
        host.expect_many(connections as usize);
    }
    let link = || Link::new(LinkConfig::default());
    let path = Path {
        links: [link(), link()],
        stages: Vec::new(),
    };
    let before = resident();
    let started = Instant::now();
    let mut world = World::new(1, hosts, vec![path]);
    for number in 0..connections {
        run_until(&mut world, u64::from(number / EACH_MILLI) * MILLI)?;
        let (net, port) = (number / PORTS, 10_000 + number % PORTS);
        world.connect(0, port as u16, net as u16, plan(Pace::Ask(PIECE)));
        if (number + 1) % 100_000 == 0 {
            say(&format!("{} connections opened", number + 1));
        }
    }
    run_until(&mut world, all_up)?;
    let up = count_up(&world);
    if up != 2 * u64::from(connections) {
        return Err(format!("{up} ends are up, of {connections} connections"));
    }
    let octets_per_end = resident().saturating_sub(before) / up.max(1);
    say("all of them have been answered; closing");
    run_until(&mut world, u64::MAX)?;
    for number in 0..connections {
        let ends = [world.end(number, 0), world.end(number, 1)];
        if let Some(fault) = oracle::verdict(Expect::Clean, ends) {
            return Err(format!("connection {number}: {fault}"));
        }
    }
    let millis = started.elapsed().as_millis().max(1) as u64;
    Ok(Cost {
        connections,
        octets_per_end,
        engine_octets: size_of::<Connection<Handle>>()
            + size_of::<Shared>()
            + size_of::<SubflowTx>(),
        segments: world.segments,
        speed: world.segments * 1_000 / millis,
    })
}

fn run_until(world: &mut World, when: u64) -> Result<(), String> {
    while world.next_time().is_some_and(|next| next <= when) {
        world.step();
        if let Some(fault) = world.fault.take() {
            return Err(fault);
        }
    }
    world.now = world.now.max(when.min(world.next_time().unwrap_or(0)));
    Ok(())
}

/// Ends that have read everything and are still open.
fn count_up(world: &World) -> u64 {
    let ends = world.hosts.iter().flat_map(|host| &host.endpoints);
    ends.filter(|end| end.app.read == PIECE && end.conn.is_some())
        .count() as u64
}

/// Octets of memory that the process has; 0 where nobody tells.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text
        .split(' ')
        .nth(1)
        .and_then(|word| word.parse::<u64>().ok());
    pages.unwrap_or(0) * 4096
}
