// SPDX-License-Identifier: GPL-2.0

//! What was seen of one end of a connection. Oracles compare these; nothing else reads them.
//!
//! Places are octets from the start of a stream, so that both ends count alike.

use crate::endpoint::Env;
use crate::tcp::SECOND;
use rust_mptcp::engine::ConnError;
use rust_mptcp::engine::ConnState;
use rust_mptcp::engine::FallbackReason;
use rust_mptcp::engine::Mib;
use rust_mptcp::engine::SubflowId;
use rust_mptcp::wire::AddAddr;
use rust_mptcp::wire::AddrId;

/// Timer events of one engine within a second before we speak of a storm.
const STORM: u32 = 40;

/// Segments without payload that may go out beside two for each cause: TCP and the engine may both answer a copy.
const BARE: u64 = 8;

/// What a path manager was told.
#[derive(Debug, Default)]
pub struct Paths {
    /// Joins may begin.
    pub established: bool,
    /// Further subflows that were established.
    pub joined: Vec<SubflowId>,
    /// Subflows that were closed.
    pub closed: Vec<SubflowId>,
    /// Addresses that the peer announced.
    pub announced: Vec<AddrId>,
    /// Addresses that it withdrew.
    pub removed: Vec<AddrId>,
    /// How often it changed its mind about backups.
    pub priorities: u32,
    /// Announcements of ours that it echoed.
    pub echoed: u32,
    /// How often TCP said of a subflow that it fails, or found it dead.
    pub failed: u32,
    /// Echoes that came, and how often the address was announced nevertheless.
    pub echoes: Vec<(AddAddr, u32)>,
}

impl Paths {
    /// An address is announced anew, or withdrawn.
    pub fn forget(&mut self, id: AddrId) {
        self.echoes.retain(|(one, _)| one.id != id);
    }

    /// Whether the peer changed anything about its addresses or paths.
    pub fn changed(&self) -> bool {
        !self.announced.is_empty() || !self.removed.is_empty() || self.priorities > 0
    }
}

/// The record of one end.
#[derive(Debug, Default)]
pub struct Record {
    /// There was an engine.
    pub engine: bool,
    /// It said that nothing is left to do.
    pub gone: bool,
    /// Plain TCP was cut off.
    pub cut: bool,
    /// The path changes octets: what arrives is not compared.
    pub altered: bool,
    /// Somebody else's segments may count: what depends on ours alone is not compared.
    pub attacked: bool,
    /// A wrong octet was delivered.
    pub wrong: bool,
    /// Octets of the peer's stream that were delivered.
    pub delivered: u64,
    /// When octets were last delivered, and the longest time without any in between.
    pub delivered_at: u64,
    /// That time.
    pub longest_gap: u64,
    /// Octets of our stream that the engine has let us free.
    pub released: u64,
    /// The end of our stream as far as a mapping was sent for it.
    pub mapped: u64,
    /// The end of the peer's stream as far as we have promised room for it.
    pub promised: u64,
    /// What a path manager was told.
    pub paths: Paths,
    /// The last state.
    pub state: Option<ConnState>,
    /// Why it is plain TCP.
    pub fell_back: Option<FallbackReason>,
    /// What the program was told.
    pub error: Option<ConnError>,
    /// Subflows that the engine had us reset.
    pub resets: u32,
    /// Segments sent.
    pub segments: u64,
    /// The engine has sent octets beyond the peer's window.
    pub probed: bool,
    counts: Vec<(Mib, i64)>,
    /// The second that `timers` is of.
    second: u64,
    timers: u32,
    /// Segments without payload that were sent.
    bare: u64,
    /// What may have led to one: a segment, a timer, a call of the program.
    pub causes: u64,
}

impl Record {
    /// Adds to a counter.
    pub fn count(&mut self, counter: Mib, amount: i32) {
        self.probed |= counter == Mib::WinProbe;
        match self.counts.iter_mut().find(|(one, _)| *one == counter) {
            Some((_, sum)) => *sum += i64::from(amount),
            None => self.counts.push((counter, i64::from(amount))),
        }
    }

    /// A counter.
    pub fn counted(&self, counter: Mib) -> i64 {
        let found = self.counts.iter().find(|(one, _)| *one == counter);
        found.map_or(0, |(_, sum)| *sum)
    }

    /// All counters that were ever touched.
    pub fn counts(&self) -> &[(Mib, i64)] {
        &self.counts
    }

    /// Notes a segment.
    pub fn sends(&mut self, env: &mut Env<'_>, bare: bool) {
        self.segments += 1;
        self.bare += u64::from(bare);
        let (bare, causes) = (self.bare, self.causes);
        env.require(bare <= 2 * causes + BARE, || {
            format!("{bare} segments without payload, with {causes} causes")
        });
    }

    /// Notes a timer event.
    pub fn timer(&mut self, env: &mut Env<'_>) {
        let second = env.now / SECOND;
        if core::mem::replace(&mut self.second, second) != second {
            self.timers = 0;
        }
        self.timers += 1;
        let timers = self.timers;
        env.require(timers < STORM, || format!("{timers} timers in a second"));
    }
}
