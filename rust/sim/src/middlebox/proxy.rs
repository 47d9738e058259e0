// SPDX-License-Identifier: GPL-2.0

//! B27: a box that acknowledges data itself, before the receiver has it.

use super::Passage;
use super::Stage;
use crate::bytes::Bytes;
use crate::segment::Segment;
use crate::segment::ACK;
use crate::segment::FIN;
use crate::segment::RST;
use crate::segment::SYN;

/// Acknowledges what the client sends as it passes. With `loses` it then loses some of it for good.
#[derive(Debug)]
pub struct ProactiveAck {
    /// How often a segment is acknowledged and dropped, in percent.
    pub loses: u64,
    /// The last segment of the server: its numbers are put on the acknowledgements.
    last: Option<Segment>,
    /// What comes next from the client.
    next: Option<u32>,
}

impl ProactiveAck {
    /// A box that loses so much of what it acknowledges.
    pub fn new(loses: u64) -> Self {
        Self {
            loses,
            last: None,
            next: None,
        }
    }
}

impl Stage for ProactiveAck {
    fn name(&self) -> &'static str {
        if self.loses == 0 {
            "proactive-ack"
        } else {
            "proactive-ack-loses"
        }
    }

    fn pass(&mut self, passage: &mut Passage<'_>, from: u8, segment: Segment) {
        if from == 1 {
            if segment.flags & (SYN | RST) == 0 {
                self.last = Some(Segment {
                    payload: Bytes::default(),
                    seq: segment.seq.wrapping_add(segment.payload.len()),
                    flags: ACK,
                    ..segment.clone()
                });
            }
            return passage.forward(from, segment);
        }
        if segment.has(SYN) {
            self.next = Some(segment.seq.wrapping_add(1));
        }
        let end = segment.seq.wrapping_add(segment.payload.len());
        let in_order = self.next == Some(segment.seq) && !segment.payload.is_empty();
        if let (true, Some(last)) = (in_order, &self.last) {
            self.next = Some(end);
            // With the options of the server's own last segment: its DATA_ACK is an old one.
            let answer = Segment {
                ack: end,
                ..last.clone()
            };
            passage.forward(1, answer);
            if passage.rng.percent(self.loses) && !segment.has(FIN) {
                return;
            }
        }
        passage.forward(from, segment);
    }
}
