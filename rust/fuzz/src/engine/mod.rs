// SPDX-License-Identifier: GPL-2.0

//! Target `engine`: a handshake in either role, then events as the shell may post them, while the
//! peer and the network do as they like.
//!
//! The octets choose what happens. Whatever a peer controls may be anything; what only our own TCP
//! and programs control keeps to the contract of [`rust_mptcp::engine`], so that much can be
//! demanded of the answers: see `oracle`.

mod app;
pub(super) mod host;
mod open;
pub(super) mod oracle;
pub(super) mod payload;
mod peer;
mod send;
pub(super) mod trace;

use super::input::Input;
use host::Host;
use rust_mptcp::engine::mem::refuse;

/// Runs one connection from its handshake to its end.
pub fn engine(octets: &[u8]) {
    refuse::nothing();
    let mut input = Input::new(octets);
    if let Some(mut host) = open::open(&mut input) {
        while !input.is_empty() {
            step(&mut host, &mut input);
        }
        refuse::nothing();
        host.end();
    }
    refuse::nothing();
}

fn step(host: &mut Host, input: &mut Input<'_>) {
    let choice = input.u8() % 32;
    match choice {
        0..=4 => host.good_data(input),
        5 => host.odd_data(input),
        6 => host.bare_data(input),
        7 => host.last_data(input),
        8 | 9 => host.acknowledge(input),
        10 => host.data_fin(input),
        11 => host.any_segment(input),
        12 => host.fail(input),
        13 => host.fast_close(input),
        14 => host.keys_again(input),
        15 => host.tcp_fin(),
        16 => host.tcp_ends(input),
        17 | 18 => host.write(input),
        19..=21 => host.hand_over(input),
        22..=24 => host.send(input),
        25 => host.tcp_acked(input),
        26 | 27 => host.timer(),
        28 => host.program(input),
        29 => host.receive_space(input),
        30 => host.lose(input),
        _ => refuse::nth(u64::from(input.u8() & 7)),
    }
}
