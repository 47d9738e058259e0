// SPDX-License-Identifier: GPL-2.0

//! A segment before and after its options are decided.

use super::shared::Shared;
use super::shared::Snapshot;
use crate::wire::Dss;
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

/// What nearly every segment says, and no more: where its bytes belong, what has arrived, and how much may follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signal {
    /// The option, with a `DATA_ACK`.
    pub dss: Dss,
    /// The window in octets, to be scaled.
    pub window: Window,
    /// As [`Stamped::payload`].
    pub payload: u32,
}

/// The window to put beside a `DATA_ACK`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Octets from the `DATA_ACK` on.
    pub octets: u32,
    /// How often another subflow raised it while this segment was about to.
    pub races: u8,
    /// In the end that one's was the larger one.
    pub overtaken: bool,
}

impl Window {
    /// What to tell beside the `DATA_ACK` while `free` octets are; RFC 8684 3.3.1: relative to it, never moving back.
    pub(super) fn promise(now: &Snapshot, shared: &Shared, free: u32) -> Self {
        let wanted = now.rcv_nxt.advance(u64::from(free));
        let raised = shared.raise_edge(wanted);
        let room = raised.edge.checked_distance_from(now.rcv_nxt);
        Self {
            octets: u32::try_from(room.unwrap_or(0)).unwrap_or(u32::MAX),
            races: raised.races,
            overtaken: raised.races > 0 && raised.edge.after(wanted),
        }
    }

    /// The counters that it moves: (`RcvWndConflict`, `RcvWndConflictUpdate`). As in-tree, the race that settles the matter
    /// in favour of the other subflow is not one that is run again.
    pub fn conflicts(&self) -> (u8, bool) {
        let lost = u8::from(self.overtaken);
        (self.races.saturating_sub(lost), self.overtaken)
    }
}

impl From<Signal> for Stamped {
    fn from(signal: Signal) -> Self {
        Self {
            options: OptionSet::from(signal.dss),
            window: Some(signal.window),
            ..Self::plain(signal.payload)
        }
    }
}

/// How a segment goes out, where that is told quickly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Brief {
    /// With this.
    Signal(Signal),
    /// See [`Stamp::Withhold`].
    Withhold,
    /// There is more to say, or to consider: ask [`super::SubflowTx::stamp_at_length`].
    More,
}

/// The options of one segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamped {
    /// The options to fit in.
    pub options: OptionSet,
    /// The window in octets, to be scaled; `None` leaves TCP's own.
    pub window: Option<Window>,
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
    pub(super) fn plain(payload: u32) -> Self {
        Self {
            options: OptionSet::default(),
            window: None,
            unordered: false,
            payload,
            needs_checksum: false,
            again: false,
            fell_back: false,
        }
    }
}
