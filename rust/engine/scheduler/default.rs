// SPDX-License-Identifier: GPL-2.0

//! The scheduler of in-tree MPTCP: least time until what is queued has gone out.
//!
//! Of the paths whose TCP wants data, the one whose queue, at its pacing rate, empties first gets the next burst. In-tree
//! fills the send buffer of each TCP, and so waits for the best path even if that has no room. Here no TCP has much more
//! than its congestion window, so that the next burst is for another path unless the best one, left alone with all that
//! waits, would be done before that other path could deliver anything. And a fast path keeps its turn for a millisecond:
//! many small pieces on each path cost the machine more than the network gains.

use super::Choice;
use super::PathView;
use super::Scheduler;
use super::SendView;

/// See the head of the file. The smoothing that in-tree does of the pacing rate is done where the
/// measurements come in.
#[derive(Debug)]
pub struct Default;

/// The time that a path needs for what it has, in units of 2^-32 seconds.
fn linger(path: &PathView) -> u64 {
    (u64::from(path.queued) << 32)
        .checked_div(path.rate())
        .unwrap_or(u64::MAX)
}

impl Scheduler for Default {
    fn choose<I>(&mut self, paths: I, send: &SendView) -> Choice
    where
        I: Iterator<Item = PathView> + Clone,
    {
        let ready = paths.clone().filter(|path| !path.full);
        let Some(ready) = ready.min_by_key(linger) else {
            return Choice::Wait;
        };
        let first = ready.done_in(send.allowed.min(ready.mss().into()));
        // One that has nothing under way would never say that it has room again.
        let mut others = paths.filter(|path| path.full && path.queued > 0);
        if others.any(|path| path.done_in(send.backlog) < first) {
            return Choice::Wait;
        }
        ready.burst(send.allowed)
    }
}
