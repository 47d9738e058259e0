// SPDX-License-Identifier: GPL-2.0

//! B6, B40, B41: paths that die, and paths that were never there for MPTCP.

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

/// B6: SYNs with MPTCP disappear.
#[derive(Debug)]
pub struct SynBlackhole;

impl Stage for SynBlackhole {
    fn name(&self) -> &'static str {
        "syn-blackhole"
    }

    fn pass(&mut self, passage: &mut Passage<'_>, from: u8, segment: Segment) {
        if !(segment.has(SYN) && segment.options.has_mptcp()) {
            passage.forward(from, segment);
        }
    }
}

/// B41: from some time on, for some time, nothing passes.
#[derive(Debug)]
pub struct Silence {
    /// Which way.
    pub ways: Ways,
    /// From when on.
    pub since: u64,
    /// Until when.
    pub until: u64,
}

impl Stage for Silence {
    fn name(&self) -> &'static str {
        if self.until == u64::MAX {
            "path-dies"
        } else {
            "path-pauses"
        }
    }

    fn pass(&mut self, passage: &mut Passage<'_>, from: u8, segment: Segment) {
        let silent = (self.since..self.until).contains(&passage.now);
        if !silent || !self.ways.include(from) {
            passage.forward(from, segment);
        }
    }
}

/// B40: from some time on every segment is answered by a RST, and turned into one.
#[derive(Debug)]
pub struct Reset {
    /// From when on.
    pub since: u64,
    /// The far end is told as well.
    pub both: bool,
}

impl Stage for Reset {
    fn name(&self) -> &'static str {
        "path-resets"
    }

    fn pass(&mut self, passage: &mut Passage<'_>, from: u8, segment: Segment) {
        let passes = passage.now < self.since || segment.flags & (SYN | RST) != 0;
        if passes || !segment.has(ACK) {
            return passage.forward(from, segment);
        }
        let bare = Segment {
            payload: Bytes::default(),
            options: Area::default(),
            flags: RST | ACK,
            ..segment.clone()
        };
        passage.forward(
            1 - from,
            Segment {
                src: segment.dst,
                dst: segment.src,
                seq: segment.ack,
                ack: segment.seq.wrapping_add(segment.span()),
                ..bare.clone()
            },
        );
        if self.both {
            passage.forward(from, bare);
        }
    }
}

/// B37: the first few segments that say `DATA_FIN`, or FIN, are lost.
#[derive(Debug)]
pub struct LoseEnds {
    /// How many.
    pub count: u32,
}

impl Stage for LoseEnds {
    fn name(&self) -> &'static str {
        "lose-ends"
    }

    fn pass(&mut self, passage: &mut Passage<'_>, from: u8, segment: Segment) {
        let area = segment.options;
        let data_fin = area.mptcp().any(|(start, len)| {
            let octets = area.octets();
            len > 3 && octets[start + 2] >> 4 == 2 && octets[start + 3] & 0x10 != 0
        });
        if self.count > 0 && (data_fin || segment.has(FIN)) {
            self.count -= 1;
            return;
        }
        passage.forward(from, segment);
    }
}
