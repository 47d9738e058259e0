// SPDX-License-Identifier: GPL-2.0

//! BLEST (Ferlin, Alay, Mehani, Boreli: IFIP Networking 2016): blocking estimation.
//!
//! A slow path is left alone if what it takes would fill the window of the connection, and so keep
//! the fast path from sending, before the slow path has delivered it.

use super::fastest;
use super::Choice;
use super::PathView;
use super::Scheduler;
use super::SendView;

/// See the head of the file. The factor that corrects the estimate is 1, where the authors begin.
#[derive(Debug)]
pub struct Blest;

/// Octets that `fast` could send while `slow` carries one segment.
///
/// `mss * (cwnd + (r - 1) / 2) * r` segments, with r the ratio of the round-trip times, in whole
/// thousandths.
pub(super) fn overtakes(fast: &PathView, slow: &PathView) -> u64 {
    let (short, long) = (
        u64::from(fast.stats.srtt.max(1)),
        u64::from(slow.stats.srtt),
    );
    let ratio = long.saturating_mul(1000).checked_div(short).unwrap_or(0);
    let mss = u64::from(fast.mss());
    let cwnd = u64::from(fast.stats.cwnd).checked_div(mss).unwrap_or(0);
    let window = cwnd
        .saturating_mul(2000)
        .saturating_add(ratio.saturating_sub(1000));
    // Two factors of a thousand, and the half.
    let segments = window.saturating_mul(ratio) / 1000;
    segments.saturating_mul(mss) / 2000
}

impl Scheduler for Blest {
    fn choose<I>(&mut self, paths: I, send: &SendView) -> Choice
    where
        I: Iterator<Item = PathView> + Clone,
    {
        let ready = fastest(paths.clone(), |path| path.room() > 0);
        let (Some(ready), Some(fast)) = (ready, fastest(paths, |_| true)) else {
            return Choice::Wait;
        };
        if ready.sf != fast.sf {
            let takes = u64::from(ready.queued).saturating_add(u64::from(ready.mss()));
            if overtakes(&fast, &ready) > send.window.saturating_sub(takes) {
                return Choice::Wait;
            }
        }
        Choice::Give {
            sf: ready.sf,
            octets: ready.room().max(ready.mss()),
            ahead: 0,
        }
    }
}
