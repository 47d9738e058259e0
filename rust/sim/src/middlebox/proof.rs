// SPDX-License-Identifier: GPL-2.0

//! Joins by somebody who does not have the keys: the proof is another one than was sent.

use super::Passage;
use super::Stage;
use crate::segment::Segment;
use crate::segment::ACK;
use crate::segment::SYN;

/// The subtype of `MP_JOIN`.
const JOIN: u8 = 1;

/// Which proof of RFC 8684 3.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Of who is joined.
    SynAck,
    /// Of who joins.
    ThirdAck,
}

/// Changes a bit of a proof.
#[derive(Debug)]
pub struct SpoilProof {
    /// Of this one.
    pub proof: Proof,
}

impl Stage for SpoilProof {
    fn name(&self) -> &'static str {
        match self.proof {
            Proof::SynAck => "spoil-syn-ack-proof",
            Proof::ThirdAck => "spoil-third-ack-proof",
        }
    }

    fn pass(&mut self, passage: &mut Passage<'_>, from: u8, mut segment: Segment) {
        let syn_ack = segment.has(SYN) && segment.has(ACK);
        let hits = match self.proof {
            Proof::SynAck => syn_ack,
            Proof::ThirdAck => !segment.has(SYN),
        };
        if hits {
            // Both begin behind kind, length, subtype and identifier.
            let at = 4 + passage.rng.below(8) as usize;
            segment.options.flip(JOIN, at, 1 << passage.rng.below(8));
        }
        passage.forward(from, segment);
    }
}
