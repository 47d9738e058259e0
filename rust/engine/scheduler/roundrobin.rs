// SPDX-License-Identifier: GPL-2.0

//! Every path in turn, a segment each, as long as its congestion window has room.

use super::Choice;
use super::PathView;
use super::Scheduler;
use super::SendView;
use crate::engine::subflow::SubflowId;

/// See the head of the file.
#[derive(Debug)]
pub struct RoundRobin {
    last: SubflowId,
}

impl core::default::Default for RoundRobin {
    fn default() -> Self {
        Self { last: SubflowId(0) }
    }
}

impl Scheduler for RoundRobin {
    fn choose<I>(&mut self, paths: I, _send: &SendView) -> Choice
    where
        I: Iterator<Item = PathView> + Clone,
    {
        let last = self.last;
        let ready = paths.filter(|path| path.room() > 0);
        let next = ready
            .clone()
            .filter(|path| path.sf > last)
            .min_by_key(|path| path.sf);
        let next = next.or_else(|| ready.min_by_key(|path| path.sf));
        match next {
            Some(path) => {
                self.last = path.sf;
                Choice::Give {
                    sf: path.sf,
                    octets: path.mss(),
                    ahead: 0,
                }
            }
            None => Choice::Wait,
        }
    }
}
