// SPDX-License-Identifier: GPL-2.0

//! The scheduler of in-tree MPTCP: least time until what is queued has gone out.
//!
//! The path whose queue, at its pacing rate, empties first gets the next burst, even if its TCP has
//! no room: then it is better to wait for it than to queue behind a slower one.

use super::Choice;
use super::PathView;
use super::Scheduler;
use super::SendView;
use super::BURST;

/// See the head of the file. The smoothing that in-tree does of the pacing rate is done where the
/// measurements come in.
#[derive(Debug)]
pub struct Default;

/// The time that a path needs for what it has, in units of 2^-32 seconds.
fn linger(path: &PathView) -> u64 {
    let rate = match path.stats.pacing {
        // Not measured: as much as the window in a round trip, or in a tenth of a second.
        0 => {
            let srtt = u64::from(path.stats.srtt.max(1));
            let window = u64::from(path.stats.cwnd.max(path.mss()));
            window
                .saturating_mul(1_000_000)
                .checked_div(srtt)
                .unwrap_or(1)
        }
        rate => rate,
    };
    (u64::from(path.queued) << 32)
        .checked_div(rate)
        .unwrap_or(u64::MAX)
}

impl Scheduler for Default {
    fn choose<I>(&mut self, paths: I, send: &SendView) -> Choice
    where
        I: Iterator<Item = PathView> + Clone,
    {
        match paths.min_by_key(|path| (linger(path), path.full)) {
            Some(path) if !path.full => Choice::Give {
                sf: path.sf,
                octets: u32::try_from(send.allowed).unwrap_or(u32::MAX).min(BURST),
            },
            _ => Choice::Wait,
        }
    }
}
