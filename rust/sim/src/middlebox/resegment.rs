// SPDX-License-Identifier: GPL-2.0

//! B16 to B19: segments cut in pieces, or put together.

use super::Passage;
use super::Stage;
use super::Ways;
use crate::bytes::Bytes;
use crate::segment::Area;
use crate::segment::Segment;
use crate::segment::ACK;
use crate::segment::FIN;
use crate::segment::RST;
use crate::segment::SYN;
use rust_mptcp::wire::KIND;

/// B16, B17: cuts segments with payload.
#[derive(Debug)]
pub struct Split {
    /// Which way.
    pub ways: Ways,
    /// Options go on every piece, or on the first one only.
    pub copy_options: bool,
    /// How often, in percent.
    pub chance: u64,
}

impl Stage for Split {
    fn name(&self) -> &'static str {
        if self.copy_options {
            "split"
        } else {
            "split-options-on-first"
        }
    }

    fn pass(&mut self, passage: &mut Passage<'_>, from: u8, segment: Segment) {
        let mut rest = segment;
        while self.ways.include(from) && rest.payload.len() > 1 && passage.rng.percent(self.chance)
        {
            let at = 1 + passage.rng.below(u64::from(rest.payload.len() - 1)) as u32;
            let tail = rest.payload.split_off(at);
            let mut piece = rest.clone();
            piece.flags &= !FIN;
            rest.seq = rest.seq.wrapping_add(at);
            rest.payload = tail;
            if !self.copy_options {
                rest.options.strip(KIND, None);
            }
            passage.forward(from, piece);
        }
        passage.forward(from, rest);
    }
}

/// What comes within so many microseconds may be put together.
const BURST: u64 = 5_000;

/// B18, B19: holds a segment back and puts the next one behind it.
#[derive(Debug)]
pub struct Coalesce {
    /// Which way.
    pub ways: Ways,
    /// Which options stay.
    pub keep_first: bool,
    /// Octets of a segment at most.
    pub most: u32,
    /// And since when.
    held: [Option<(u64, Segment)>; 2],
}

impl Coalesce {
    /// A box that puts segments of up to `most` octets together.
    pub fn new(ways: Ways, keep_first: bool, most: u32) -> Self {
        Self {
            ways,
            keep_first,
            most,
            held: [None, None],
        }
    }

    fn joins(&self, first: &Segment, next: &Segment) -> bool {
        first.src == next.src
            && first.dst == next.dst
            && first.seq.wrapping_add(first.payload.len()) == next.seq
            && first.payload.len() + next.payload.len() <= self.most
            && !next.has(RST)
    }
}

impl Stage for Coalesce {
    fn name(&self) -> &'static str {
        if self.keep_first {
            "coalesce-keep-first"
        } else {
            "coalesce-keep-last"
        }
    }

    fn pass(&mut self, passage: &mut Passage<'_>, from: u8, segment: Segment) {
        if !self.ways.include(from) || segment.flags & (SYN | RST) != 0 {
            return passage.forward(from, segment);
        }
        let slot = usize::from(from);
        let mut ready = segment;
        if let Some((since, mut first)) = self.held[slot].take() {
            if passage.now > since + BURST || !self.joins(&first, &ready) {
                passage.forward(from, first);
            } else {
                first.payload.append(&ready.payload);
                first.flags |= ready.flags;
                first.ack = ready.ack;
                first.window = ready.window;
                if !self.keep_first {
                    first.options = ready.options;
                }
                ready = first;
            }
        }
        // Held only while more must come: the sender goes on for as long as it has data in flight.
        let full = ready.payload.len() * 2 > self.most;
        if ready.payload.is_empty() || full || ready.has(FIN) || passage.rng.percent(40) {
            passage.forward(from, ready);
        } else {
            self.held[slot] = Some((passage.now, ready));
        }
    }
}

/// B49: the third ACK does not arrive; data comes first.
#[derive(Debug, Default)]
pub struct LoseThirdAck {
    done: bool,
}

impl Stage for LoseThirdAck {
    fn name(&self) -> &'static str {
        "lose-third-ack"
    }

    fn pass(&mut self, passage: &mut Passage<'_>, from: u8, segment: Segment) {
        let bare = segment.has(ACK) && segment.span() == 0;
        if from == 0 && bare && !core::mem::replace(&mut self.done, true) {
            return;
        }
        passage.forward(from, segment);
    }
}

/// B31: the third ACK comes behind what follows it.
#[derive(Debug, Default)]
pub struct HoldThirdAck {
    seen: bool,
    held: Option<Segment>,
}

impl Stage for HoldThirdAck {
    fn name(&self) -> &'static str {
        "hold-third-ack"
    }

    fn pass(&mut self, passage: &mut Passage<'_>, from: u8, segment: Segment) {
        let bare = segment.has(ACK) && segment.span() == 0;
        if from == 0 && bare && !core::mem::replace(&mut self.seen, true) {
            self.held = Some(segment);
            return;
        }
        passage.forward(from, segment);
        if from == 0 {
            if let Some(held) = self.held.take() {
                passage.forward(from, held);
            }
        }
    }
}

/// B39: a FIN that nobody sent, and the bytes after it cut off.
#[derive(Debug)]
pub struct InsertFin {
    /// From whose side it seems to come.
    pub side: u8,
    /// After how many segments with payload.
    pub after: u32,
}

impl Stage for InsertFin {
    fn name(&self) -> &'static str {
        "insert-fin"
    }

    fn pass(&mut self, passage: &mut Passage<'_>, from: u8, segment: Segment) {
        let data = from == self.side && !segment.payload.is_empty();
        if data && self.after > 0 {
            self.after -= 1;
            if self.after == 0 {
                let fin = Segment {
                    seq: segment.seq.wrapping_add(segment.payload.len()),
                    flags: segment.flags | FIN,
                    payload: Bytes::default(),
                    options: Area::default(),
                    ..segment.clone()
                };
                passage.forward(from, segment);
                return passage.forward(from, fin);
            }
        }
        passage.forward(from, segment);
    }
}
