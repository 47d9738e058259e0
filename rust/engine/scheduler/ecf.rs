// SPDX-License-Identifier: GPL-2.0

//! ECF (Lim, Nahum, Towsley, Gibbens: CoNEXT 2017): earliest completion first.
//!
//! Where the fast path would be done with everything that waits before a slow one could deliver
//! its share, the slow one is not used.

use super::fastest;
use super::Choice;
use super::PathView;
use super::Scheduler;
use super::SendView;

/// See the head of the file.
#[derive(Debug, Default)]
pub struct Ecf {
    /// The last choice was to wait: stay with that a little longer, so as not to swing.
    pub(super) waiting: bool,
}

impl Ecf {
    /// Whether to wait for `fast`, which has no room, rather than use `slow`; `backlog` in octets.
    pub(super) fn waits(&mut self, fast: &PathView, slow: &PathView, backlog: u64) -> bool {
        let (short, long) = (u64::from(fast.stats.srtt), u64::from(slow.stats.srtt));
        let delta = u64::from(fast.stats.rttvar.max(slow.stats.rttvar));
        let cwnd = |path: &PathView| u64::from(path.stats.cwnd.max(path.mss()));
        // Round trips of the fast path for all of it, one to wait included, in microseconds.
        let rounds = backlog.saturating_mul(short).checked_div(cwnd(fast));
        let fast_done = short.saturating_add(rounds.unwrap_or(u64::MAX));
        // A quarter more while waiting already.
        let quarters: u64 = if self.waiting { 5 } else { 4 };
        let slow_done = long.saturating_add(delta).saturating_mul(quarters) / 4;
        if fast_done >= slow_done {
            self.waiting = false;
            return false;
        }
        let alone = backlog.saturating_mul(long).checked_div(cwnd(slow));
        let worth = alone.unwrap_or(u64::MAX) >= short.saturating_mul(2).saturating_add(delta);
        self.waiting |= worth;
        worth
    }
}

impl Scheduler for Ecf {
    fn choose<I>(&mut self, paths: I, send: &SendView) -> Choice
    where
        I: Iterator<Item = PathView> + Clone,
    {
        let ready = fastest(paths.clone(), |path| path.room() > 0);
        let (Some(ready), Some(fast)) = (ready, fastest(paths, |_| true)) else {
            return Choice::Wait;
        };
        if ready.sf != fast.sf && self.waits(&fast, &ready, send.backlog) {
            return Choice::Wait;
        }
        Choice::Give {
            sf: ready.sf,
            octets: ready.room().max(ready.mss()),
            ahead: 0,
        }
    }
}
