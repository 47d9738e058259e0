// SPDX-License-Identifier: GPL-2.0

//! Bytes that arrived before their turn: ranges of data sequence numbers with a handle each.

use super::limits::GAPS;
use super::limits::RANGES;
use super::mem::FVec;
use super::payload::Payload;
use crate::wire::Dsn;

/// What became of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inserted {
    /// It was kept, as an entry of its own; at the end, or somewhere before.
    Kept {
        /// Behind everything else.
        tail: bool,
        /// It displaced copies of bytes that it covers.
        duplicates: usize,
    },
    /// It joined its neighbour.
    Joined {
        /// That was the last one.
        tail: bool,
    },
    /// Every byte of it was there.
    Duplicate,
    /// It was dropped for want of memory, or because the limit is reached.
    Dropped,
}

struct Slot<P> {
    start: Dsn,
    end: Dsn,
    /// `None` once taken, until the array is compacted.
    payload: Option<P>,
}

/// A set of ranges in order, none overlapping another.
pub(super) struct Ranges<P> {
    slots: FVec<Slot<P>>,
    /// Slots before this index have been taken.
    head: usize,
    /// Places where one range does not begin where the one before it ends.
    gaps: usize,
}

impl<P> Default for Ranges<P> {
    fn default() -> Self {
        Self {
            slots: FVec::new(),
            head: 0,
            gaps: 0,
        }
    }
}

impl<P: Payload> Ranges<P> {
    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.head >= self.slots.len()
    }

    /// Where the last range ends.
    pub(super) fn end(&self) -> Option<Dsn> {
        self.slots.as_slice().last().map(|slot| slot.end)
    }

    /// Adds `payload`, which starts at `start`, without the bytes that are there already.
    ///
    /// A copy that covers an older one replaces it: neither is acknowledged yet, and RFC 8684 3.3.1
    /// leaves open which of two copies counts.
    pub(super) fn insert(&mut self, start: Dsn, mut payload: P) -> Inserted {
        let mut start = start;
        let mut end = start.advance(u64::from(payload.len()));
        let mut index = self.first_after(start);
        let tail = index >= self.slots.len() && !self.is_empty();
        // Ranges that touch may each hold a part of its front.
        while let Some(slot) = self.slots.get(index) {
            if slot.start.after(start) {
                break;
            }
            if end.at_or_before(slot.end) || !trim_to(&mut payload, start, slot.end) {
                return Inserted::Duplicate;
            }
            start = slot.end;
            index = index.saturating_add(1);
        }
        let covered = self.covered_from(index, end);
        if let Some(next) = self.slots.get(index.saturating_add(covered)) {
            if let Some(keep) = next.start.checked_distance_from(start) {
                if next.start.before(end) {
                    end = next.start;
                    payload.truncate(u32::try_from(keep).unwrap_or(u32::MAX));
                }
            }
        }
        let payload = match self.join(index, start, end, covered, payload) {
            Ok(()) => return Inserted::Joined { tail },
            Err(payload) => payload,
        };
        let around = self.breaks(index, covered);
        if !self.may_grow(index, start, end, covered) || self.slots.reserve(1).is_err() {
            return Inserted::Dropped;
        }
        for _ in 0..covered {
            self.slots.remove(index);
        }
        let slot = Slot {
            start,
            end,
            payload: Some(payload),
        };
        if self.slots.insert(index, slot).is_err() {
            return Inserted::Dropped;
        }
        let now = self.breaks(index, 1);
        self.gaps = self.gaps.saturating_add(now).saturating_sub(around);
        Inserted::Kept {
            tail,
            duplicates: covered,
        }
    }

    /// Takes the first range if it starts at or before `next`, without what lies before `next`.
    ///
    /// Ranges that lie before `next` altogether are dropped on the way, and counted.
    pub(super) fn take_ready(&mut self, next: Dsn) -> (Option<(Dsn, P)>, usize) {
        let mut stale = 0_usize;
        let taken = loop {
            let Some(slot) = self.slots.get_mut(self.head) else {
                break None;
            };
            if slot.start.after(next) {
                break None;
            }
            let (start, end) = (slot.start, slot.end);
            let payload = slot.payload.take();
            self.step();
            let Some(mut payload) = payload else {
                continue;
            };
            if end.at_or_before(next) || !trim_to(&mut payload, start, next) {
                stale = stale.saturating_add(1);
                continue;
            }
            break Some((next, payload));
        };
        (taken, stale)
    }

    /// Drops everything.
    pub(super) fn clear(&mut self) {
        self.slots.clear();
        self.head = 0;
        self.gaps = 0;
    }

    /// The index of the first range that ends after `dsn`.
    fn first_after(&self, dsn: Dsn) -> usize {
        let live = self.slots.as_slice().get(self.head..).unwrap_or(&[]);
        let offset = match live.last() {
            // The common case: behind all of them.
            Some(last) if last.end.at_or_before(dsn) => live.len(),
            _ => live.partition_point(|slot| slot.end.at_or_before(dsn)),
        };
        self.head.saturating_add(offset)
    }

    /// How many ranges from `index` on end at or before `end`.
    fn covered_from(&self, index: usize, end: Dsn) -> usize {
        let rest = self.slots.as_slice().get(index..).unwrap_or(&[]);
        rest.iter()
            .take_while(|slot| slot.end.at_or_before(end))
            .count()
    }

    /// Appends to the range before `index`, if that ends at `start` and takes it.
    fn join(
        &mut self,
        index: usize,
        start: Dsn,
        end: Dsn,
        covered: usize,
        payload: P,
    ) -> Result<(), P> {
        if covered > 0 || index <= self.head {
            return Err(payload);
        }
        let closes = self.slots.get(index).is_some_and(|next| next.start == end);
        let previous = index.checked_sub(1).and_then(|at| self.slots.get_mut(at));
        let Some(slot) = previous.filter(|slot| slot.end == start) else {
            return Err(payload);
        };
        let Some(have) = slot.payload.as_mut() else {
            return Err(payload);
        };
        have.try_append(payload)?;
        slot.end = end;
        self.gaps = self.gaps.saturating_sub(usize::from(closes));
        Ok(())
    }

    /// Whether the limits allow one more range, given what it covers and touches.
    fn may_grow(&self, index: usize, start: Dsn, end: Dsn, covered: usize) -> bool {
        let live = self.slots.len().saturating_sub(self.head);
        let before = index.checked_sub(1).filter(|at| *at >= self.head);
        let before = before.and_then(|at| self.slots.get(at));
        let touches = before.is_some_and(|slot| slot.end == start)
            || self.slots.get(index).is_some_and(|slot| slot.start == end);
        covered > 0 || (live < RANGES && (touches || self.gaps < GAPS))
    }

    /// The gaps between `count` ranges from `index` on and between them and their neighbours.
    fn breaks(&self, index: usize, count: usize) -> usize {
        let from = index.saturating_sub(1).max(self.head);
        let to = index.saturating_add(count).saturating_add(1);
        let to = to.min(self.slots.len());
        let around = self.slots.as_slice().get(from..to).unwrap_or(&[]);
        around
            .windows(2)
            .filter(|pair| matches!(pair, [a, b] if a.end != b.start))
            .count()
    }

    /// Moves past the first slot.
    fn step(&mut self) {
        let rest = self.slots.as_slice().get(self.head..).unwrap_or(&[]);
        if matches!(rest, [a, b, ..] if a.end != b.start) {
            self.gaps = self.gaps.saturating_sub(1);
        }
        self.head = self.head.saturating_add(1);
        if self.head >= self.slots.len() {
            self.clear();
        } else if self.head > 32 && self.head > self.slots.len() >> 1 {
            self.slots.retain(|slot| slot.payload.is_some());
            self.head = 0;
        }
    }
}

/// Takes what lies before `to` off a payload that starts at `from`. False when nothing is left.
pub(super) fn trim_to<P: Payload>(payload: &mut P, from: Dsn, to: Dsn) -> bool {
    match to.checked_distance_from(from) {
        None | Some(0) => true,
        Some(gone) => match u32::try_from(gone) {
            Ok(gone) if gone < payload.len() => {
                payload.trim_front(gone);
                true
            }
            _ => false,
        },
    }
}

#[cfg(test)]
mod tests;
