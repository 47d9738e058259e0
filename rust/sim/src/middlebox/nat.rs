// SPDX-License-Identifier: GPL-2.0

//! B1, B2, B20: addresses, ports and sequence numbers that are somebody else's.

use super::Passage;
use super::Stage;
use crate::segment::Addr;
use crate::segment::Segment;
use std::collections::BTreeMap;

/// The ports that a NAT gives out.
const PORTS: u64 = 20_000;

/// B1: rewrites the client's address; B2: forgets the mapping once, and makes another.
#[derive(Debug, Default)]
pub struct Nat {
    /// When it forgets.
    rebind_at: Option<u64>,
    out: BTreeMap<(u32, u16), Addr>,
    back: BTreeMap<(u32, u16), Addr>,
}

impl Nat {
    /// A NAT that forgets its mappings at a time.
    pub fn that_rebinds(at: u64) -> Self {
        Self {
            rebind_at: Some(at),
            ..Self::default()
        }
    }
}

impl Stage for Nat {
    fn name(&self) -> &'static str {
        match self.rebind_at {
            None => "nat",
            Some(_) => "nat-rebinds",
        }
    }

    fn pass(&mut self, passage: &mut Passage<'_>, from: u8, mut segment: Segment) {
        if self.rebind_at.is_some_and(|at| at <= passage.now) {
            self.out.clear();
            self.back.clear();
            // Once is enough; the name is still that of one that rebinds.
            self.rebind_at = Some(u64::MAX);
        }
        if from == 0 {
            let inside = segment.src;
            let outside = *self.out.entry((inside.ip, inside.port)).or_insert_with(|| {
                let path = inside.ip & 0xFF00;
                Addr {
                    ip: 192 << 24 | path | 99,
                    port: 40_000 + passage.rng.below(PORTS) as u16,
                }
            });
            self.back.insert((outside.ip, outside.port), inside);
            segment.src = outside;
            passage.forward(from, segment);
        } else if let Some(inside) = self.back.get(&(segment.dst.ip, segment.dst.port)) {
            segment.dst = *inside;
            passage.forward(from, segment);
        }
        // What comes for nobody is dropped.
    }
}

/// B20: moves both sequence spaces by a number of its own.
#[derive(Debug)]
pub struct RandomIsn {
    /// For the bytes of the client, and of the server.
    pub shift: [u32; 2],
}

impl Stage for RandomIsn {
    fn name(&self) -> &'static str {
        "random-isn"
    }

    fn pass(&mut self, passage: &mut Passage<'_>, from: u8, mut segment: Segment) {
        let (ours, theirs) = (usize::from(from), usize::from(1 - from));
        segment.seq = segment.seq.wrapping_add(self.shift[ours]);
        segment.ack = segment.ack.wrapping_sub(self.shift[theirs]);
        passage.forward(from, segment);
    }
}

/// B29: makes the windows of one side smaller, or shuts them for a while.
#[derive(Debug)]
pub struct SmallWindow {
    /// Whose.
    pub side: u8,
    /// By how many bits.
    pub shift: u32,
    /// From when on.
    pub since: u64,
}

impl Stage for SmallWindow {
    fn name(&self) -> &'static str {
        "small-window"
    }

    fn pass(&mut self, passage: &mut Passage<'_>, from: u8, mut segment: Segment) {
        if from == self.side && passage.now >= self.since {
            segment.window >>= self.shift;
        }
        passage.forward(from, segment);
    }
}
