// SPDX-License-Identifier: GPL-2.0

//! What will happen, in the order in which it will.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::collections::VecDeque;

/// One thing that will happen.
#[derive(Clone, Copy, Debug)]
pub enum Item {
    /// A segment arrives at this side; the number is where it is kept.
    Arrive(u8, u32),
    /// This end of this side has something to do.
    Wake(u8, u32),
    /// This handshake is to be looked after.
    Half(u8, u32),
    /// This attacker strikes.
    Attack(u32),
    /// This side is told that a segment was too big.
    TooBig(u8, u32),
    /// What was planned is done; the second number tells how often that was tried.
    Op(u32, u32),
}

/// Something that will happen. No two have the same key.
#[derive(Clone, Copy, Debug)]
struct Coming {
    /// When, and behind what else at that moment.
    key: u64,
    item: Item,
}

impl PartialEq for Coming {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Coming {}

impl PartialOrd for Coming {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Coming {
    /// The greatest is the next one, as heaps have it.
    fn cmp(&self, other: &Self) -> Ordering {
        other.key.cmp(&self.key)
    }
}

/// The low bits of a key; the rest are microseconds, three days of them.
const SERIAL_BITS: u32 = 26;

/// Everything that will happen.
#[derive(Debug, Default)]
pub struct Agenda {
    heap: BinaryHeap<Coming>,
    /// Arrivals at either side. Most come in the order in which they were sent: no heap is needed for them.
    lanes: [VecDeque<Coming>; 2],
    serial: u64,
}

impl Agenda {
    /// Adds something; what comes at the same moment comes in the order in which it was added.
    pub fn add(&mut self, when: u64, item: Item) {
        self.serial = (self.serial + 1) % (1 << SERIAL_BITS);
        let key = when << SERIAL_BITS | self.serial;
        let coming = Coming { key, item };
        if let Item::Arrive(side, _) = item {
            let lane = &mut self.lanes[usize::from(side)];
            if lane.back().is_none_or(|last| last.key < key) {
                return lane.push_back(coming);
            }
        }
        self.heap.push(coming);
    }

    /// Takes the next thing, and when it happens.
    pub fn take(&mut self) -> Option<(u64, Item)> {
        let heap = self.heap.peek().map_or(u64::MAX, |next| next.key);
        let [first, second] = self.fronts();
        let coming = if first < second && first < heap {
            self.lanes[0].pop_front()
        } else if second < heap {
            self.lanes[1].pop_front()
        } else {
            self.heap.pop()
        };
        coming.map(|coming| (coming.key >> SERIAL_BITS, coming.item))
    }

    /// The keys of the next arrivals.
    fn fronts(&self) -> [u64; 2] {
        let key = |lane: &VecDeque<Coming>| lane.front().map_or(u64::MAX, |next| next.key);
        [key(&self.lanes[0]), key(&self.lanes[1])]
    }

    /// When the next thing happens.
    pub fn next_time(&self) -> Option<u64> {
        let heap = self.heap.peek().map_or(u64::MAX, |next| next.key);
        let [first, second] = self.fronts();
        let key = heap.min(first).min(second);
        (key != u64::MAX).then_some(key >> SERIAL_BITS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_comes_in_its_order_whichever_way_it_waits() {
        let mut agenda = Agenda::default();
        let mut expected = Vec::new();
        for number in 0..1_000_u32 {
            let when = u64::from(number) * 7_919 % 501;
            let item = match number % 3 {
                0 => Item::Wake(0, number),
                side => Item::Arrive((side - 1) as u8, number),
            };
            agenda.add(when, item);
            expected.push((when, number));
        }
        expected.sort();
        let mut seen = Vec::new();
        while let Some(next) = agenda.next_time() {
            let (when, item) = agenda.take().unwrap();
            assert_eq!(next, when);
            if let Item::Wake(_, number) | Item::Arrive(_, number) = item {
                seen.push((when, number));
            }
        }
        assert_eq!(seen, expected);
        assert!(agenda.take().is_none());
    }
}
