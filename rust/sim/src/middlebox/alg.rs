// SPDX-License-Identifier: GPL-2.0

//! B22 to B26: payload that is not what was sent.

use super::Passage;
use super::Stage;
use crate::bytes::Bytes;
use crate::bytes::Piece;
use crate::bytes::FORGED;
use crate::segment::Segment;
use crate::segment::SYN;

/// B22, B25: changes the octet at one place of a subflow, whenever it passes.
#[derive(Debug)]
pub struct Rewrite {
    /// From whose side.
    pub side: u8,
    /// The place, counted from the first octet.
    pub place: u32,
    isn: Option<u32>,
}

impl Rewrite {
    /// Changes the octet at `place` of what `side` sends.
    pub fn new(side: u8, place: u32) -> Self {
        Self {
            side,
            place,
            isn: None,
        }
    }
}

impl Stage for Rewrite {
    fn name(&self) -> &'static str {
        "alg-rewrites"
    }

    fn pass(&mut self, passage: &mut Passage<'_>, from: u8, mut segment: Segment) {
        if from == self.side {
            if segment.has(SYN) {
                self.isn = Some(segment.seq);
            } else if let Some(isn) = self.isn {
                let start = segment.seq.wrapping_sub(isn).wrapping_sub(1);
                let index = self.place.wrapping_sub(start);
                if index < segment.payload.len() {
                    segment.payload.flip(index, 0x55);
                }
            }
        }
        passage.forward(from, segment);
    }
}

/// B23, B24: puts octets in or takes some out at one place, and moves the numbers after it.
#[derive(Debug)]
pub struct Resize {
    /// From whose side.
    pub side: u8,
    /// The place, counted from the first octet.
    pub place: u32,
    /// Octets put in, or taken out when negative.
    pub by: i32,
    isn: Option<u32>,
}

impl Resize {
    /// Changes the length of what `side` sends at `place`.
    pub fn new(side: u8, place: u32, by: i32) -> Self {
        Self {
            side,
            place,
            by,
            isn: None,
        }
    }

    fn resize(&self, segment: &mut Segment, index: u32) {
        let payload = &segment.payload;
        let mut changed = payload.slice(0, index);
        if self.by > 0 {
            let put = self.by.unsigned_abs();
            changed.push(Piece::new(FORGED, u64::from(index), put));
            changed.append(&payload.slice(index, payload.len() - index));
        } else {
            let skip = index
                .saturating_add(self.by.unsigned_abs())
                .min(payload.len());
            changed.append(&payload.slice(skip, payload.len() - skip));
        }
        segment.payload = changed;
    }
}

impl Stage for Resize {
    fn name(&self) -> &'static str {
        "alg-resizes"
    }

    fn pass(&mut self, passage: &mut Passage<'_>, from: u8, mut segment: Segment) {
        if from == self.side && segment.has(SYN) {
            self.isn = Some(segment.seq);
        } else if let Some(isn) = self.isn {
            let spot = isn.wrapping_add(1).wrapping_add(self.place);
            if from == self.side {
                let index = spot.wrapping_sub(segment.seq);
                let behind = segment.seq.wrapping_sub(spot) < u32::MAX / 2 && segment.seq != spot;
                if index < segment.payload.len() {
                    self.resize(&mut segment, index);
                } else if behind {
                    segment.seq = segment.seq.wrapping_add_signed(self.by);
                }
            } else {
                let moved = spot.wrapping_add_signed(self.by.max(0));
                let behind = segment.ack.wrapping_sub(moved) < u32::MAX / 2 && segment.ack != spot;
                if behind {
                    segment.ack = segment.ack.wrapping_add_signed(-self.by);
                }
            }
        }
        passage.forward(from, segment);
    }
}

/// B26: what is sent again is not what was sent first.
#[derive(Debug, Default)]
pub struct OtherCopy {
    highest: [Option<u32>; 2],
}

impl Stage for OtherCopy {
    fn name(&self) -> &'static str {
        "other-copy"
    }

    fn pass(&mut self, passage: &mut Passage<'_>, from: u8, mut segment: Segment) {
        let seen = &mut self.highest[usize::from(from)];
        let end = segment.seq.wrapping_add(segment.payload.len());
        match *seen {
            Some(highest) if !segment.payload.is_empty() => {
                let again = highest.wrapping_sub(segment.seq);
                if again > 0 && again < u32::MAX / 2 {
                    segment.payload.flip(0, 0x0F);
                }
                if end.wrapping_sub(highest) < u32::MAX / 2 {
                    *seen = Some(end);
                }
            }
            None => *seen = Some(end.wrapping_add(u32::from(segment.has(SYN)))),
            _ => {}
        }
        passage.forward(from, segment);
    }
}

/// Nothing but noise: a segment that is longer than its mapping says.
#[derive(Debug)]
pub struct Pad {
    /// How often, in percent.
    pub chance: u64,
}

impl Stage for Pad {
    fn name(&self) -> &'static str {
        "overlapping-tail"
    }

    fn pass(&mut self, passage: &mut Passage<'_>, from: u8, mut segment: Segment) {
        let len = segment.payload.len();
        if len > 0 && passage.rng.percent(self.chance) {
            // A copy whose tail is made up: TCP takes whichever comes first.
            let mut tail = Bytes::default();
            tail.append(&segment.payload);
            tail.push(Piece::new(FORGED, u64::from(len), 1));
            segment.payload = tail;
        }
        passage.forward(from, segment);
    }
}
