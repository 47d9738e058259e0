// SPDX-License-Identifier: GPL-2.0

//! What stands on a path and takes segments for something that they are not.
//!
//! Each behaviour is a [`Stage`]; a path has any number of them. The letters and numbers are the
//! rows of the list that the project tests against.

pub mod alg;
pub mod death;
pub mod nat;
pub mod proof;
pub mod proxy;
pub mod resegment;
pub mod shorten;
pub mod strip;

use crate::random::Random;
use crate::segment::Segment;

/// What a stage may do with a segment.
pub struct Passage<'a> {
    /// Microseconds.
    pub now: u64,
    /// Chance.
    pub rng: &'a mut Random,
    /// What goes on, and from whose side it comes: 0 towards the server, 1 towards the client.
    pub out: &'a mut Vec<(u8, Segment)>,
}

impl Passage<'_> {
    /// Sends a segment on.
    pub fn forward(&mut self, from: u8, segment: Segment) {
        self.out.push((from, segment));
    }
}

/// One behaviour of a middlebox.
pub trait Stage {
    /// What the trace and the summary call it.
    fn name(&self) -> &'static str;

    /// Takes a segment that comes from the client's side (0) or the server's (1).
    fn pass(&mut self, passage: &mut Passage<'_>, from: u8, segment: Segment);
}

/// Which way a stage looks at segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ways {
    /// Those of the client.
    FromClient,
    /// Those of the server.
    FromServer,
    /// All.
    Both,
}

impl Ways {
    /// One of the three.
    pub fn random(rng: &mut Random) -> Self {
        rng.pick(&[Self::FromClient, Self::FromServer, Self::Both])
    }

    /// Whether a segment from `side` is concerned.
    pub fn include(self, side: u8) -> bool {
        match self {
            Self::FromClient => side == 0,
            Self::FromServer => side == 1,
            Self::Both => true,
        }
    }
}
