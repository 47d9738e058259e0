// SPDX-License-Identifier: GPL-2.0

//! Which of our data is where on a subflow: runs of bytes whose two numbers go up in step.
//!
//! A new run starts only where the data sequence jumps, as it does around a reinjection. Between
//! jumps everything is one run, however many pieces it was handed over in.

use super::mem::Fifo;
use super::mem::NoMemory;
use crate::wire::Dsn;
use crate::wire::Ssn;

/// Bytes that are contiguous in both spaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// The place of the first byte on the subflow.
    pub(super) ssn: Ssn,
    /// The place of the first byte in the stream.
    pub(super) dsn: Dsn,
    /// Octets, at least 1 and less than 2^31.
    pub(super) len: u32,
    /// An infinite mapping starts here.
    pub(super) infinite: bool,
}

impl Run {
    /// The place after the last byte on the subflow.
    pub(super) fn end(&self) -> Ssn {
        self.ssn.advance(self.len)
    }

    /// What of it comes at `ssn` or after that, if anything does.
    pub(super) fn from(&self, ssn: Ssn) -> Option<Self> {
        let skipped = ssn.checked_distance_from(self.ssn).unwrap_or(0);
        (skipped < self.len).then(|| Self {
            ssn: self.ssn.advance(skipped),
            dsn: self.dsn.advance(u64::from(skipped)),
            len: self.len.saturating_sub(skipped),
            infinite: self.infinite && skipped == 0,
        })
    }

    /// What of it comes before `ssn`, if anything does.
    pub(super) fn until(&self, ssn: Ssn) -> Option<Self> {
        let len = ssn.checked_distance_from(self.ssn).unwrap_or(0);
        let len = len.min(self.len);
        (len > 0).then_some(Self { len, ..*self })
    }

    /// The place after the last byte in the stream.
    pub(super) fn dsn_end(&self) -> Dsn {
        self.dsn.advance(u64::from(self.len))
    }
}

/// The longest a run may get, so that distances within it stay signed 32-bit numbers.
const RUN_MAX: u32 = 1 << 30;

/// Runs in the order of the subflow.
#[derive(Default)]
pub(super) struct Runs {
    list: Fifo<Run>,
}

impl Runs {
    /// Makes room, so that the next [`Runs::record`] succeeds.
    pub(super) fn reserve(&mut self) -> Result<(), NoMemory> {
        self.list.reserve(1)
    }

    /// Notes that the bytes from `run.ssn` on are `run`, in place of whatever was noted there.
    pub(super) fn record(&mut self, run: Run) -> Result<(), NoMemory> {
        if run.len == 0 {
            return Ok(());
        }
        self.list.reserve(1)?;
        self.truncate(run.ssn);
        if let Some(last) = self.list.last_mut() {
            let len = last.len.saturating_add(run.len);
            let joins = last.end() == run.ssn && last.dsn_end() == run.dsn;
            if joins && !run.infinite && len <= RUN_MAX {
                last.len = len;
                return Ok(());
            }
        }
        self.list.push(run)
    }

    /// Forgets what was noted from `from` on.
    pub(super) fn truncate(&mut self, from: Ssn) {
        while let Some(last) = self.list.last_mut() {
            match from.checked_distance_from(last.ssn) {
                Some(keep) if keep > 0 => {
                    last.len = last.len.min(keep);
                    return;
                }
                _ => {
                    self.list.pop_back();
                }
            }
        }
    }

    /// Forgets the bytes before `una`.
    pub(super) fn forget_before(&mut self, una: Ssn) {
        while let Some(first) = self.list.as_mut_slice().first_mut() {
            if first.end().after(una) {
                if let Some(gone) = una.checked_distance_from(first.ssn) {
                    if gone > 0 {
                        first.ssn = una;
                        first.dsn = first.dsn.advance(u64::from(gone));
                        first.len = first.len.saturating_sub(gone);
                        first.infinite = false;
                    }
                }
                return;
            }
            self.list.pop_front();
        }
    }

    /// The part of a run from `ssn` on.
    pub(super) fn at(&self, ssn: Ssn) -> Option<Run> {
        let runs = self.list.as_slice();
        let index = match runs {
            // The common case: there is one.
            [_] => 0,
            _ => runs.partition_point(|run| run.end().at_or_before(ssn)),
        };
        if let Some(run) = runs.get(index).filter(|run| run.end().after(ssn)) {
            let skipped = ssn.checked_distance_from(run.ssn)?;
            return Some(Run {
                ssn,
                dsn: run.dsn.advance(u64::from(skipped)),
                len: run.len.saturating_sub(skipped),
                infinite: run.infinite && skipped == 0,
            });
        }
        None
    }

    /// The runs, in order.
    pub(super) fn as_slice(&self) -> &[Run] {
        self.list.as_slice()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(ssn: u32, dsn: u64, len: u32) -> Run {
        Run {
            ssn: Ssn(ssn),
            dsn: Dsn(dsn),
            len,
            infinite: false,
        }
    }

    #[test]
    fn contiguous_pieces_are_one_run() {
        let mut runs = Runs::default();
        runs.record(run(1, 100, 10)).unwrap();
        runs.record(run(11, 110, 5)).unwrap();
        assert_eq!(runs.as_slice(), &[run(1, 100, 15)]);
    }

    #[test]
    fn a_jump_starts_a_new_run() {
        let mut runs = Runs::default();
        runs.record(run(1, 100, 10)).unwrap();
        runs.record(run(11, 500, 5)).unwrap();
        assert_eq!(runs.at(Ssn(13)), Some(run(13, 502, 3)));
        assert_eq!(runs.at(Ssn(16)), None);
    }

    #[test]
    fn what_tcp_did_not_take_is_overwritten() {
        let mut runs = Runs::default();
        runs.record(run(1, 100, 1000)).unwrap();
        runs.record(run(11, 110, 20)).unwrap();
        assert_eq!(runs.as_slice(), &[run(1, 100, 30)]);
        runs.record(run(5, 300, 1)).unwrap();
        assert_eq!(runs.as_slice(), &[run(1, 100, 4), run(5, 300, 1)]);
    }

    #[test]
    fn acknowledged_bytes_are_forgotten_across_the_wrap() {
        let mut runs = Runs::default();
        runs.record(run(u32::MAX - 4, 100, 10)).unwrap();
        runs.forget_before(Ssn(1));
        assert_eq!(runs.as_slice(), &[run(1, 106, 4)]);
        runs.forget_before(Ssn(5));
        assert!(runs.as_slice().is_empty());
    }
}
