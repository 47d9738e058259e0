// SPDX-License-Identifier: GPL-2.0

//! B3 to B5, B7 to B10, B14, B15, B45: options that do not get through, or come back.

use super::Passage;
use super::Stage;
use super::Ways;
use crate::segment::Area;
use crate::segment::Segment;
use crate::segment::ACK;
use crate::segment::SYN;
use rust_mptcp::wire::walk::TIMESTAMPS;
use rust_mptcp::wire::KIND;

/// On which segments options are stripped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Where {
    /// B3: SYN.
    Syn,
    /// B4: SYN/ACK.
    SynAck,
    /// B5: the first segment of the client after its SYN.
    ThirdAck,
    /// B7, B8: everything that is not a SYN.
    Data,
    /// B6 made milder: everything.
    Everything,
    /// B9, B10: everything from the n-th segment on.
    From(u32),
    /// Some segments, by chance, in percent.
    Sometimes(u64),
}

/// Turns options into NOPs.
#[derive(Debug)]
pub struct Strip {
    /// On which segments.
    pub place: Where,
    /// From which side.
    pub ways: Ways,
    /// Only this subtype.
    pub subtype: Option<u8>,
    /// Segments seen.
    pub seen: [u32; 2],
}

impl Strip {
    /// A stripper of all MPTCP options.
    pub fn new(place: Where, ways: Ways) -> Self {
        Self {
            place,
            ways,
            subtype: None,
            seen: [0; 2],
        }
    }

    fn hits(&self, passage: &mut Passage<'_>, from: u8, segment: &Segment) -> bool {
        let seen = self.seen[usize::from(from)];
        let (syn, ack) = (segment.has(SYN), segment.has(ACK));
        self.ways.include(from)
            && match self.place {
                Where::Syn => syn && !ack,
                Where::SynAck => syn && ack,
                Where::ThirdAck => from == 0 && !syn && seen <= 2,
                Where::Data => !syn,
                Where::Everything => true,
                Where::From(count) => seen > count,
                Where::Sometimes(percent) => !syn && passage.rng.percent(percent),
            }
    }
}

impl Stage for Strip {
    fn name(&self) -> &'static str {
        match self.place {
            Where::Syn => "strip-syn",
            Where::SynAck => "strip-syn-ack",
            Where::ThirdAck => "strip-third-ack",
            Where::Data => "strip-data",
            Where::Everything => "strip-all",
            Where::From(_) => "strip-from-nth",
            Where::Sometimes(_) => "strip-sometimes",
        }
    }

    fn pass(&mut self, passage: &mut Passage<'_>, from: u8, mut segment: Segment) {
        self.seen[usize::from(from)] += 1;
        if self.hits(passage, from, &segment) {
            segment.options.strip(KIND, self.subtype);
        }
        passage.forward(from, segment);
    }
}

/// B45: removes the timestamps option from SYNs.
#[derive(Debug)]
pub struct NoTimestamps;

impl Stage for NoTimestamps {
    fn name(&self) -> &'static str {
        "no-timestamps"
    }

    fn pass(&mut self, passage: &mut Passage<'_>, from: u8, mut segment: Segment) {
        if segment.has(SYN) {
            segment.options.strip(TIMESTAMPS, None);
        }
        passage.forward(from, segment);
    }
}

/// B14: answers SYNs with the options that they carried.
#[derive(Debug, Default)]
pub struct EchoOptions {
    seen: Option<Area>,
}

impl Stage for EchoOptions {
    fn name(&self) -> &'static str {
        "echo-syn-options"
    }

    fn pass(&mut self, passage: &mut Passage<'_>, from: u8, mut segment: Segment) {
        if segment.has(SYN) {
            match self.seen {
                Some(options) if segment.has(ACK) => segment.options = options,
                _ => self.seen = Some(segment.options),
            }
        }
        passage.forward(from, segment);
    }
}
