// SPDX-License-Identifier: GPL-2.0

//! The few words that segments are stamped from, without the connection's lock.
//!
//! [`super::Connection`] writes them, under its lock, and reads the edge. [`super::SubflowTx`]
//! reads them and raises the edge, under the lock of its subflow only. Each word is right by itself
//! at any time: an old `DATA_ACK` or an old flag is what a segment sent a little earlier would
//! have carried.

use super::event::RxSegment;
use super::mem::Word32;
use super::mem::Word64;
use crate::wire::Dsn;

/// One flag of [`Shared`].
#[derive(Clone, Copy)]
pub(super) struct Flag(u32);

impl Flag {
    /// The peer's key is known, so that there is something to acknowledge.
    pub(super) const CAN_ACK: Self = Self(1);
    /// The peer has shown that it has our key (RFC 8684 3.1): no more keys on our segments.
    pub(super) const VERIFIED: Self = Self(1 << 1);
    /// The peer uses 8-octet data sequence numbers, so we acknowledge in 8 octets.
    pub(super) const LONG_ACK: Self = Self(1 << 2);
    /// Our `DATA_FIN` is to be said on every segment.
    pub(super) const DATA_FIN: Self = Self(1 << 3);
    /// The connection is plain TCP.
    pub(super) const FALLBACK: Self = Self(1 << 4);
    /// Mappings carry checksums.
    pub(super) const CHECKSUM: Self = Self(1 << 5);
}

/// What every subflow of a connection reads while it stamps a segment.
///
/// Lives beside the connection, not in it; the caller passes it to every call that may write it.
pub struct Shared {
    /// The next data sequence number expected: the `DATA_ACK` (RFC 8684 3.3.2).
    rcv_nxt: Word64,
    /// The right edge of the receive window, the largest ever advertised (RFC 8684 3.3.1).
    edge: Word64,
    /// The number of our `DATA_FIN`, valid with its flag.
    data_fin: Word64,
    flags: Word32,
}

impl Default for Shared {
    fn default() -> Self {
        Self::new()
    }
}

impl Shared {
    /// The words of a connection that does not know its peer yet.
    pub const fn new() -> Self {
        Self {
            rcv_nxt: Word64::new(0),
            edge: Word64::new(0),
            data_fin: Word64::new(0),
            flags: Word32::new(0),
        }
    }

    /// The next data sequence number expected.
    pub fn rcv_nxt(&self) -> Dsn {
        Dsn(self.rcv_nxt.load())
    }

    /// The right edge of the receive window that the peer has been promised.
    pub fn edge(&self) -> Dsn {
        Dsn(self.edge.load())
    }

    /// Octets that the peer may send beyond what has arrived, on whatever subflow it likes.
    ///
    /// RFC 8684 3.3.1: there is one window, told on every subflow. What was told on one counts on
    /// all, so TCP must take at least so much from its next number on, whatever it said itself.
    pub fn promised(&self) -> u32 {
        let room = self.edge().checked_distance_from(self.rcv_nxt());
        u32::try_from(room.unwrap_or(0)).unwrap_or(u32::MAX)
    }

    /// Whether the connection has fallen back to plain TCP.
    pub fn is_fallback(&self) -> bool {
        self.has(Flag::FALLBACK)
    }

    /// Whether the peer has a key: it may send mappings, even after a fallback that it knows nothing of.
    pub fn may_hear_mappings(&self) -> bool {
        self.has(Flag::CAN_ACK)
    }

    /// Whether the keys of the peer are still to come, those of a fast open, and this segment should bring them.
    ///
    /// A RST never does: a forged one that TCP refuses must not decide that the peer has none.
    pub fn wants_keys(&self, segment: &RxSegment) -> bool {
        !segment.rst && !self.has(Flag::CAN_ACK) && !self.has(Flag::FALLBACK)
    }

    /// Whether the peer should hear of `free` octets of receive buffer, so that [`super::Event::ReceiveSpace`] is due.
    ///
    /// Twice what is promised, as in-tree: each update at least doubles the window, so that a slow reader causes few.
    pub fn is_window_news(&self, free: u32) -> bool {
        if self.has(Flag::FALLBACK) || !self.has(Flag::CAN_ACK) {
            return false;
        }
        let promised = self.edge().checked_distance_from(self.rcv_nxt());
        let promised = promised.unwrap_or(0);
        let free = u64::from(free);
        free > promised && free >= promised.saturating_mul(2)
    }

    /// Whether mappings carry checksums.
    pub fn uses_checksum(&self) -> bool {
        self.has(Flag::CHECKSUM)
    }

    pub(super) fn has(&self, flag: Flag) -> bool {
        self.flags.load() & flag.0 != 0
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let flags = self.flags.load();
        Snapshot {
            flags,
            rcv_nxt: self.rcv_nxt(),
            data_fin: Dsn(self.data_fin.load()),
        }
    }

    /// Sets or clears a flag. Only the connection does, under its lock, so that nothing is lost.
    pub(super) fn set(&self, flag: Flag, on: bool) {
        let old = self.flags.peek();
        let new = if on { old | flag.0 } else { old & !flag.0 };
        if new != old {
            self.flags.store(new);
        }
    }

    /// Forgets a connection that was here before, once nothing is stamped for it any more.
    pub(super) fn reset(&self) {
        self.flags.store(0);
        self.rcv_nxt.store(0);
        self.edge.store(0);
        self.data_fin.store(0);
    }

    pub(super) fn start(&self, rcv_nxt: Dsn) {
        self.rcv_nxt.store(rcv_nxt.0);
        self.edge.store(rcv_nxt.0);
    }

    pub(super) fn set_rcv_nxt(&self, rcv_nxt: Dsn) {
        self.rcv_nxt.store(rcv_nxt.0);
    }

    pub(super) fn set_data_fin(&self, dsn: Dsn) {
        self.data_fin.store(dsn.0);
        self.set(Flag::DATA_FIN, true);
    }

    /// Raises the promised edge to `edge` if that lies further; gives the edge that holds.
    ///
    /// RFC 8684 3.3.1: the right edge never moves left.
    pub(super) fn raise_edge(&self, edge: Dsn) -> Raised {
        let mut old = self.edge.load();
        let mut races = 0_u8;
        // Every turn that fails means that somebody else raised it, so this ends.
        loop {
            if edge.at_or_before(Dsn(old)) {
                return Raised {
                    edge: Dsn(old),
                    races,
                };
            }
            match self.edge.replace(old, edge.0) {
                Ok(()) => return Raised { edge, races },
                Err(now) => {
                    old = now;
                    races = races.saturating_add(1);
                }
            }
        }
    }
}

/// What came of [`Shared::raise_edge`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Raised {
    /// The edge that holds.
    pub(super) edge: Dsn,
    /// How often another subflow was quicker.
    pub(super) races: u8,
}

/// One reading of the words.
pub(super) struct Snapshot {
    flags: u32,
    /// The `DATA_ACK`.
    pub(super) rcv_nxt: Dsn,
    /// The number of our `DATA_FIN`, valid with its flag.
    pub(super) data_fin: Dsn,
}

impl Snapshot {
    /// Whether segments say what arrived, and where their bytes belong, and nothing else.
    pub(super) fn is_usual(&self) -> bool {
        let unusual = Flag::FALLBACK.0 | Flag::CHECKSUM.0 | Flag::DATA_FIN.0;
        self.flags & (unusual | Flag::CAN_ACK.0) == Flag::CAN_ACK.0
    }

    pub(super) fn has(&self, flag: Flag) -> bool {
        self.flags & flag.0 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edge_that_lies_furthest_wins_whoever_raises_it() {
        let shared = Shared::default();
        shared.start(Dsn(1));
        std::thread::scope(|scope| {
            for thread in 0..4_u64 {
                let shared = &shared;
                scope.spawn(move || {
                    for step in 0..20_000_u64 {
                        let edge = Dsn(1 + step * 4 + thread);
                        assert!(shared.raise_edge(edge).edge.at_or_after(edge));
                    }
                });
            }
        });
        assert_eq!(shared.edge(), Dsn(1 + 19_999 * 4 + 3));
    }
}
