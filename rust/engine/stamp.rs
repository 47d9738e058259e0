// SPDX-License-Identifier: GPL-2.0

//! A segment before and after its options are decided.

use crate::wire::OptionSet;
use crate::wire::Ssn;

/// A segment that TCP is about to send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TxSegment {
    /// The place of its first byte; 0 for a SYN.
    pub ssn: Ssn,
    /// Octets of payload.
    pub len: u32,
    /// Our first byte that the peer's TCP has not acknowledged.
    pub una: Ssn,
    /// The SYN bit.
    pub syn: bool,
    /// The FIN bit.
    pub fin: bool,
    /// The RST bit.
    pub rst: bool,
    /// How often this SYN went out before.
    pub syn_retransmits: u8,
    /// Octets free in the receive buffer of the connection, no more than the window can encode.
    pub free: u32,
}

/// How a segment goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamp {
    /// With these options.
    Send(Stamped),
    /// Not at all: no memory, or no mapping that would be right. Tell TCP that it was sent; the
    /// loss is repaired as one of the network.
    Withhold,
}

/// The options of one segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamped {
    /// The options to fit in.
    pub options: OptionSet,
    /// The window in octets, to be scaled; `None` leaves TCP's own.
    pub window: Option<u32>,
    /// How often another subflow raised the window while this segment was about to.
    pub window_races: u8,
    /// In the end that one's window was the larger one.
    pub window_overtaken: bool,
    /// A RST that nobody ordered: TCP has its own reasons.
    pub unordered: bool,
    /// Octets of payload that may go out. Fewer than the segment has: cut off its tail, as if the
    /// network had lost it.
    pub payload: u32,
    /// Sum that payload and call [`super::SubflowTx::complete`] before the options are written.
    pub needs_checksum: bool,
    /// Something more waits for a segment without payload: have TCP send another ACK.
    pub again: bool,
    /// `MP_CAPABLE` was left out of this SYN: post [`super::Event::SynDropped`].
    pub fell_back: bool,
}

impl Stamped {
    /// The counters that the window moves: (`RcvWndConflict`, `RcvWndConflictUpdate`). As in-tree, the race that settles
    /// the matter in favour of the other subflow is not one that is run again.
    pub fn window_conflicts(&self) -> (u8, bool) {
        let lost = u8::from(self.window_overtaken);
        (
            self.window_races.saturating_sub(lost),
            self.window_overtaken,
        )
    }

    pub(super) fn plain(payload: u32) -> Self {
        Self {
            options: OptionSet::default(),
            window: None,
            window_races: 0,
            window_overtaken: false,
            unordered: false,
            payload,
            needs_checksum: false,
            again: false,
            fell_back: false,
        }
    }
}
