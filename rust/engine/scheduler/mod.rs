// SPDX-License-Identifier: GPL-2.0

//! RFC 8684 3.3.5: which subflow gets the next bytes, where there are several.
//!
//! A scheduler sees numbers and names a subflow; it has no access to the connection, allocates
//! nothing and has no clock. What must go out again does not go through it: see
//! [`super::retransmit`].
//!
//! | scheduler | what it is for | file |
//! |---|---|---|
//! | `default` | in-tree's: the path that would be done first | [`default`] |
//! | `roundrobin` | every path in turn: for measurements | [`roundrobin`] |
//! | `redundant` | every byte on every path: for the lowest latency | [`redundant`] |
//! | `blest` | a slow path must not fill the window that a fast one needs | [`blest`] |
//! | `ecf` | a slow path only where the fast one would not be done earlier | [`ecf`] |

pub mod blest;
pub mod default;
pub mod ecf;
pub mod redundant;
pub mod roundrobin;

use super::subflow::SubflowId;
use core::ffi::CStr;

/// What the shell has measured of a subflow; from its TCP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PathStats {
    /// The smoothed round-trip time in microseconds; 0 while there is none.
    pub srtt: u32,
    /// Its deviation in microseconds.
    pub rttvar: u32,
    /// The shortest round-trip time of late in microseconds; 0 while there is none.
    pub min_rtt: u32,
    /// The congestion window in octets.
    pub cwnd: u32,
    /// Octets of it that are in use.
    pub in_flight: u32,
    /// Octets that TCP holds and has not sent yet.
    pub unsent: u32,
    /// The pacing rate in octets a second; 0 while there is none.
    pub pacing: u64,
    /// Octets of payload in a segment.
    pub mss: u32,
}

/// A subflow as a scheduler sees it. Only those that may carry data now are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathView {
    /// The subflow.
    pub sf: SubflowId,
    /// What was measured.
    pub stats: PathStats,
    /// Octets that its TCP holds, sent or not, and the peer's TCP has not acknowledged.
    pub queued: u32,
    /// Its TCP takes nothing more for now.
    pub full: bool,
}

impl PathView {
    /// The segment size, or a usual one.
    pub(super) fn mss(&self) -> u32 {
        self.stats.segment()
    }

    /// Octets for which the congestion window has room.
    pub(super) fn room(&self) -> u32 {
        if self.full {
            return 0;
        }
        self.stats.window_room()
    }

    /// Gives it a [`BURST`] of what waits; beyond that, as much as it sends in a thousandth of a second, but no more than
    /// its window was found to bear. Changing paths costs more than a write.
    pub(super) fn burst(&self, allowed: u64) -> Choice {
        let segment = self.mss();
        let due = u32::try_from(allowed).unwrap_or(u32::MAX);
        // A segment of the loopback device is larger than a burst.
        let octets = due.min(whole(BURST.max(segment), segment));
        let ahead = whole(self.stats.ahead().min(self.stats.cwnd), segment);
        Choice::Give {
            sf: self.sf,
            octets,
            ahead: ahead.saturating_sub(octets),
        }
    }

    /// When the peer would have acknowledged `octets` more, in microseconds from now.
    pub(super) fn done_in(&self, octets: u64) -> u64 {
        let rate = self.rate();
        let time = |octets: u64| {
            let micros = octets.saturating_mul(1_000_000);
            micros.checked_div(rate).unwrap_or(u64::MAX)
        };
        let queue = time(self.queued.into()).max(self.stats.srtt.into());
        queue.saturating_add(time(octets))
    }

    /// Octets a second: the pacing rate; if there is none the window in a round trip, or in a tenth of a second.
    pub(super) fn rate(&self) -> u64 {
        if self.stats.pacing > 0 {
            return self.stats.pacing;
        }
        let srtt = u64::from(self.stats.srtt.max(1));
        let window = u64::from(self.stats.cwnd.max(self.mss()));
        let rate = window.saturating_mul(1_000_000).checked_div(srtt);
        rate.unwrap_or(1).max(1)
    }
}

impl PathStats {
    /// The segment size, or a usual one.
    pub(super) fn segment(&self) -> u32 {
        match self.mss {
            0 => 1400,
            mss => mss,
        }
    }

    fn window_room(&self) -> u32 {
        let cwnd = self.cwnd.max(self.segment());
        let used = self.in_flight.saturating_add(self.unsent);
        cwnd.saturating_sub(used)
    }

    /// How much TCP is to be handed now, in whole segments: what its congestion window has room for, and a little
    /// ahead, so that it is that window that keeps it from sending more.
    ///
    /// What waits in TCP cannot take another path any more, and what goes out again waits behind it.
    pub(super) fn wanted(&self) -> u32 {
        if self.cwnd == 0 {
            // Not measured.
            return u32::MAX;
        }
        let segment = self.segment();
        let ahead = self.ahead().max(segment.saturating_mul(2));
        let cwnd = self.cwnd.max(segment).saturating_add(ahead);
        // More in flight than the window allows, as after a loss, takes nothing from what may lie ahead.
        let used = self.in_flight.min(self.cwnd).saturating_add(self.unsent);
        whole(cwnd.saturating_sub(used), segment)
    }

    /// What goes out in a thousandth of a second.
    fn ahead(&self) -> u32 {
        u32::try_from(self.pacing / AHEAD).unwrap_or(u32::MAX)
    }

    /// TCP took `octets`.
    pub(super) fn took(&mut self, octets: u32) {
        self.unsent = self.unsent.saturating_add(octets);
    }

    /// The peer's TCP has acknowledged `octets`.
    pub(super) fn acknowledged(&mut self, octets: u32) {
        let rest = octets.saturating_sub(self.in_flight);
        self.in_flight = self.in_flight.saturating_sub(octets);
        self.unsent = self.unsent.saturating_sub(rest);
    }
}

/// As much of `octets` as fills segments.
pub(super) fn whole(octets: u32, segment: u32) -> u32 {
    octets.saturating_sub(octets.checked_rem(segment).unwrap_or(0))
}

/// The part of a second for which TCP is handed data ahead of its congestion window.
const AHEAD: u64 = 1000;

/// The sending side of the connection as a scheduler sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendView {
    /// Octets that were written and that no subflow has.
    pub backlog: u64,
    /// Octets of those that the peer's window allows.
    pub allowed: u64,
    /// Octets from the first unacknowledged one to the edge of the peer's window.
    pub window: u64,
}

/// What a scheduler wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The next octets go over this subflow.
    Give {
        /// The subflow.
        sf: SubflowId,
        /// How many, before it is asked again.
        octets: u32,
        /// How many more, if they are there within a millisecond.
        ahead: u32,
    },
    /// It is better to wait until a subflow has room.
    Wait,
    /// Every subflow carries every octet.
    All,
}

/// What one choice of [`default`] is for at most, up to some 500 Mbit/s: a little less than one buffer of TCP holds, which is
/// 64 KiB without the headers there may be (`sk_gso_max_size`).
pub const BURST: u32 = 65_024;

/// Chooses subflows.
pub trait Scheduler {
    /// Where the next octets go. `paths` has at least one entry, and `send.allowed` is not 0.
    fn choose<I>(&mut self, paths: I, send: &SendView) -> Choice
    where
        I: Iterator<Item = PathView> + Clone;
}

/// Which scheduler a connection uses (`net.mptcp.scheduler`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SchedulerKind {
    /// In-tree's.
    #[default]
    Default,
    /// Every path in turn.
    RoundRobin,
    /// Every byte on every path.
    Redundant,
    /// Blocking estimation.
    Blest,
    /// Earliest completion first.
    Ecf,
}

impl SchedulerKind {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Default,
        Self::RoundRobin,
        Self::Redundant,
        Self::Blest,
        Self::Ecf,
    ];

    /// The names of all of them, with spaces between (`net.mptcp.available_schedulers`).
    pub const NAMES: &'static CStr = c"default roundrobin redundant blest ecf";

    /// What users call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::RoundRobin => "roundrobin",
            Self::Redundant => "redundant",
            Self::Blest => "blest",
            Self::Ecf => "ecf",
        }
    }

    /// The one that users call so.
    pub fn named(name: &[u8]) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|kind| kind.name().as_bytes() == name)
    }
}

/// The scheduler of one connection, with what it remembers.
pub(super) enum Scheduling {
    Default(default::Default),
    RoundRobin(roundrobin::RoundRobin),
    Redundant(redundant::Redundant),
    Blest(blest::Blest),
    Ecf(ecf::Ecf),
}

impl core::default::Default for Scheduling {
    fn default() -> Self {
        Self::Default(default::Default)
    }
}

impl Scheduling {
    pub(super) fn new(kind: SchedulerKind) -> Self {
        match kind {
            SchedulerKind::Default => Self::Default(default::Default),
            SchedulerKind::RoundRobin => Self::RoundRobin(roundrobin::RoundRobin::default()),
            SchedulerKind::Redundant => Self::Redundant(redundant::Redundant),
            SchedulerKind::Blest => Self::Blest(blest::Blest),
            SchedulerKind::Ecf => Self::Ecf(ecf::Ecf::default()),
        }
    }

    /// Whether every subflow carries every octet.
    pub(super) fn is_redundant(&self) -> bool {
        matches!(self, Self::Redundant(_))
    }
}

impl Scheduler for Scheduling {
    fn choose<I>(&mut self, paths: I, send: &SendView) -> Choice
    where
        I: Iterator<Item = PathView> + Clone,
    {
        match self {
            Self::Default(one) => one.choose(paths, send),
            Self::RoundRobin(one) => one.choose(paths, send),
            Self::Redundant(one) => one.choose(paths, send),
            Self::Blest(one) => one.choose(paths, send),
            Self::Ecf(one) => one.choose(paths, send),
        }
    }
}

/// The path with the shortest round-trip time among those that `fits` takes.
fn fastest<I>(paths: I, fits: impl Fn(&PathView) -> bool) -> Option<PathView>
where
    I: Iterator<Item = PathView>,
{
    paths.filter(fits).min_by_key(|path| path.stats.srtt)
}

#[cfg(test)]
mod tests;
