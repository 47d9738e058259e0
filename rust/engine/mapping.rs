// SPDX-License-Identifier: GPL-2.0

//! RFC 8684 3.3.1: which bytes of a subflow are which data, on receipt.
//!
//! A mapping may come before its bytes, with them, or on each of several segments that share it.
//! With checksums its bytes are held until the last of them is there and the sum is right.

use super::limits::DSN_REACH;
use super::limits::HELD;
use super::limits::RX_MAPPINGS;
use super::mem::FVec;
use super::mem::Fifo;
use super::payload::Payload;
use crate::wire::capable::first_mapping;
use crate::wire::checksum::Partial;
use crate::wire::Capable;
use crate::wire::Dsn;
use crate::wire::Mapping;
use crate::wire::Options;
use crate::wire::Ssn;

/// The mapping that the payload of a segment brings along, to be handed back with its bytes.
///
/// `remote_idsn` is the peer's initial data sequence number: the data form of `MP_CAPABLE` maps the
/// first bytes without saying it.
pub fn of_segment(options: &Options, remote_idsn: Dsn) -> Option<Mapping> {
    match options.capable {
        Some(Capable::AckData { len, checksum, .. }) => {
            Some(first_mapping(remote_idsn, len, checksum))
        }
        _ => options.dss.and_then(|dss| dss.map),
    }
}

/// What is wrong with a mapping, or with its absence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// Bytes came that no mapping covers.
    Missing,
    /// The mapping does not touch the bytes that it came with.
    Elsewhere,
    /// The mapping contradicts one for the same bytes.
    Conflict,
    /// The data sequence number is nowhere near.
    Unreachable,
    /// There is no room to note it, and its bytes are dropped.
    NoRoom,
    /// It has a checksum although none was agreed, or the other way round.
    ChecksumPresence,
    /// The sum is wrong.
    Checksum {
        /// Where the mapping starts.
        dsn: Dsn,
    },
}

/// A mapping whose bytes have not all come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Announced {
    ssn: Ssn,
    dsn: Dsn,
    /// Octets of payload.
    len: u32,
    /// The length as in the option.
    wire_len: u16,
    checksum: Option<u16>,
}

impl Announced {
    fn end(&self) -> Ssn {
        self.ssn.advance(self.len)
    }

    /// The data sequence number of the byte at `ssn`.
    fn dsn_of(&self, ssn: Ssn) -> Dsn {
        linear(self.ssn, self.dsn, ssn)
    }

    fn covers(&self, ssn: Ssn) -> bool {
        self.ssn.at_or_before(ssn) && self.end().after(ssn)
    }
}

/// The data sequence number at `ssn` where `from` is at `dsn`; to either side.
fn linear(from: Ssn, dsn: Dsn, ssn: Ssn) -> Dsn {
    match ssn.checked_distance_from(from) {
        Some(ahead) => dsn.advance(u64::from(ahead)),
        None => dsn.retreat(u64::from(from.checked_distance_from(ssn).unwrap_or(0))),
    }
}

/// What the bytes of a subflow are waiting for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Holding {
    /// Nothing is held.
    #[default]
    No,
    /// The rest of the first mapping, to verify its checksum.
    Rest,
    /// Nothing any more: held bytes are to be given out, from this number on.
    Ready(Dsn),
    /// The end of the first mapping, which was given up.
    Discard,
    /// The peer's answer to `MP_FAIL`, which says that these bytes count as they are.
    Failed(Ssn, Dsn),
}

/// A mapping as `ss` shows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The place of its first byte on the subflow.
    pub ssn: Ssn,
    /// The number of that byte.
    pub dsn: Dsn,
    /// Octets of payload.
    pub len: u16,
}

impl Seen {
    fn of(map: &Announced) -> Self {
        Self {
            ssn: map.ssn,
            dsn: map.dsn,
            len: u16::try_from(map.len).unwrap_or(u16::MAX),
        }
    }
}

/// The receiving half of one subflow.
pub(super) struct RxMaps<P> {
    /// The next byte that TCP delivers.
    pub(super) next: Ssn,
    maps: Fifo<Announced>,
    /// Bytes that TCP delivered, which end at `next + rest.len()` and have not been looked at.
    rest: Option<P>,
    held: FVec<Option<P>>,
    /// Held handles before this index have been given out.
    given: usize,
    holding: Holding,
    /// Of the payload of the first mapping, so far.
    sum: Partial,
    /// The mapping that was noted last, for whoever asks what goes on.
    last: Seen,
    /// Everything is mapped (RFC 8684 3.7), this place here.
    infinite: Option<(Ssn, Dsn)>,
    /// Some checksum was right.
    pub(super) checksum_seen: bool,
    /// Bytes were dropped that the peer's TCP counts as delivered: only MPTCP can repair that.
    pub(super) lost: bool,
    /// We have reset the subflow: what TCP still delivers is nothing to us.
    closed: bool,
}

impl<P> Default for RxMaps<P> {
    fn default() -> Self {
        Self {
            next: Ssn::FIRST,
            maps: Fifo::new(),
            rest: None,
            held: FVec::new(),
            given: 0,
            holding: Holding::No,
            sum: Partial::EMPTY,
            last: Seen::default(),
            infinite: None,
            checksum_seen: false,
            lost: false,
            closed: false,
        }
    }
}

/// What [`RxMaps::next_piece`] found.
pub(super) enum Piece<P> {
    /// Bytes, and where they belong.
    Data(Dsn, P),
    /// Nothing to do before more comes.
    Nothing,
    /// A rule is broken; the bytes concerned are still there.
    Flaw(Flaw),
}

impl<P: Payload> RxMaps<P> {
    /// Takes in bytes that TCP delivered; they start at `ssn`.
    pub(super) fn deliver(&mut self, ssn: Ssn, mut payload: P) {
        if self.closed {
            return;
        }
        // TCP delivers each byte once and in order. Should a piece have been lost on the way to us,
        // its bytes are as if the connection had dropped them: never acknowledged, sent again.
        if let Some(known) = self.next.checked_distance_from(ssn) {
            if known >= payload.len() {
                return;
            }
            if known > 0 {
                payload.trim_front(known);
            }
        } else {
            self.next = ssn;
            self.lose();
        }
        self.rest = Some(payload);
    }

    /// Bytes before `next` are gone: what was held has a hole, and there is no way to plain TCP.
    fn lose(&mut self) {
        self.lost = true;
        self.drop_held();
        self.forget_consumed();
        let partly = self.maps.as_slice().first();
        self.holding = match partly {
            Some(map) if map.checksum.is_some() && map.ssn.before(self.next) => Holding::Discard,
            _ => Holding::No,
        };
    }

    /// Notes a mapping of at least one byte; `near` is the next number expected.
    pub(super) fn announce(
        &mut self,
        mapping: &Mapping,
        checksum: bool,
        near: Dsn,
    ) -> Result<(), Flaw> {
        if self.closed {
            return Ok(());
        }
        if mapping.checksum.is_some() != checksum {
            return Err(Flaw::ChecksumPresence);
        }
        let dsn = mapping.dsn.expand(near);
        if dsn.distance_from(near).unsigned_abs() > DSN_REACH {
            return Err(Flaw::Unreachable);
        }
        let mut new = Announced {
            ssn: mapping.ssn,
            dsn,
            len: u32::from(mapping.payload_len()),
            wire_len: mapping.len,
            checksum: mapping.checksum,
        };
        self.last = Seen::of(&new);
        if new.end().at_or_before(self.next) {
            return Ok(());
        }
        if let Holding::Failed(ssn, dsn) = self.holding {
            if linear(ssn, dsn, new.ssn) != new.dsn {
                // Bytes that follow a failed mapping are held to count as they come: not these.
                self.lost = true;
                return Err(Flaw::Conflict);
            }
        }
        let mut index = self.maps.len();
        for (at, old) in self.maps.as_mut_slice().iter_mut().enumerate() {
            if old.end().at_or_before(new.ssn) {
                continue;
            }
            if old.ssn.at_or_after(new.end()) {
                index = at;
                break;
            }
            // They overlap: RFC 8684 3.3.1 fixes a mapping once it is announced.
            if old.dsn_of(new.ssn) != new.dsn {
                return Err(Flaw::Conflict);
            }
            if old.end().at_or_after(new.end()) || checksum {
                return Ok(());
            }
            // The same relation, further on: what is new of it counts.
            let known = old.end().checked_distance_from(new.ssn).unwrap_or(0);
            new.ssn = old.end();
            new.dsn = new.dsn.advance(u64::from(known));
            new.len = new.len.saturating_sub(known);
        }
        self.insert(index, new)
    }

    /// Adds a mapping at `index`. Without room its bytes are dropped: the peer sends them again.
    fn insert(&mut self, index: usize, new: Announced) -> Result<(), Flaw> {
        if self.maps.len() >= RX_MAPPINGS || self.maps.push(new).is_err() {
            if let Some(rest) = self.rest.take() {
                self.next = self.next.advance(rest.len());
            }
            self.lose();
            return Err(Flaw::NoRoom);
        }
        if let Some(tail) = self.maps.as_mut_slice().get_mut(index..) {
            tail.rotate_right(1);
        }
        Ok(())
    }

    /// Maps everything from `ssn` on to `dsn` on, for good.
    pub(super) fn map_for_good(&mut self, ssn: Ssn, dsn: Dsn) {
        self.infinite = Some((ssn, dsn));
        self.maps.clear();
        self.holding = match self.holding {
            Holding::No | Holding::Discard => Holding::No,
            Holding::Ready(from) => Holding::Ready(from),
            Holding::Rest | Holding::Failed(..) => {
                Holding::Ready(linear(ssn, dsn, self.held_from()))
            }
        };
    }

    /// Where an implicit infinite mapping starts when `expected` is the next number in the stream:
    /// at the first byte that has not been given out (RFC 8684 3.7).
    pub(super) fn resume_point(&self, expected: Dsn) -> (Ssn, Dsn) {
        match (self.holding, self.maps.as_slice().first()) {
            (Holding::Rest, Some(map)) => (map.ssn, map.dsn),
            (Holding::Failed(ssn, dsn), _) => (ssn, dsn),
            _ => (self.next, expected),
        }
    }

    /// Whether the bytes at hand go on where the stream is, at `expected`, and are no copy and not
    /// ahead of it: plain TCP would put them there.
    pub(super) fn is_straight(&self, expected: Dsn) -> bool {
        let (ssn, dsn) = self.resume_point(expected);
        let current = self.maps.as_slice().first().filter(|map| map.covers(ssn));
        dsn == expected && current.is_none_or(|map| map.dsn_of(ssn) == dsn)
    }

    /// Where the bytes start that have not been given out.
    fn held_from(&self) -> Ssn {
        let held = self.held.iter().flatten();
        let octets = held.fold(0_u32, |sum, piece| sum.saturating_add(piece.len()));
        self.next.retreat(octets)
    }

    /// Whether everything is mapped.
    pub(super) fn is_infinite(&self) -> bool {
        self.infinite.is_some()
    }

    /// Whether a mapping says of its bytes what they count as anyway, now that everything is mapped.
    pub(super) fn is_in_line(&self, mapping: &Mapping, near: Dsn) -> bool {
        let place = self
            .infinite
            .map(|(ssn, dsn)| linear(ssn, dsn, mapping.ssn));
        place.is_none_or(|dsn| mapping.dsn.expand(near) == dsn)
    }

    /// The number after the last byte that TCP delivered, once everything is mapped.
    pub(super) fn stream_end(&self) -> Option<Dsn> {
        let waiting = self.rest.as_ref().map_or(0, Payload::len);
        let end = self.next.advance(waiting);
        self.infinite.map(|(ssn, dsn)| linear(ssn, dsn, end))
    }

    /// Whether bytes wait for the answer to our `MP_FAIL`.
    pub(super) fn is_failed(&self) -> bool {
        matches!(self.holding, Holding::Failed(..))
    }

    /// How many bytes wait for the answer to our `MP_FAIL`.
    pub(super) fn failed_len(&self) -> u32 {
        match self.holding {
            Holding::Failed(ssn, _) => self.next.checked_distance_from(ssn).unwrap_or(0),
            _ => 0,
        }
    }

    /// Holds the bytes of the mapping that failed, and all that follow, for the peer's answer.
    pub(super) fn hold_failed(&mut self) {
        if let Some(map) = self.maps.as_slice().first() {
            self.holding = Holding::Failed(map.ssn, map.dsn);
        }
    }

    /// The peer says that it falls back: what is held counts as it is, and so does what follows.
    pub(super) fn accept_failed(&mut self) {
        if let Holding::Failed(ssn, dsn) = self.holding {
            self.map_for_good(ssn, dsn);
        }
    }

    /// Drops what is held and what is announced: nothing more is taken from this subflow.
    pub(super) fn abandon(&mut self) {
        self.closed = true;
        self.maps.clear();
        self.drop_held();
        self.holding = Holding::No;
        self.rest = None;
    }

    /// The mapping of the next byte, and whether there is one; else the last that there was.
    pub(super) fn seen(&self) -> (Seen, bool) {
        let mut maps = self.maps.as_slice().iter();
        match maps.find(|map| map.covers(self.next)) {
            Some(map) => (Seen::of(map), true),
            None => (self.last, false),
        }
    }

    /// The next bytes whose place is known, and perhaps verified.
    pub(super) fn next_piece(&mut self) -> Piece<P> {
        if let Holding::Ready(dsn) = self.holding {
            if let Some(piece) = self.give(dsn) {
                return piece;
            }
        }
        let Some(rest) = self.rest.take() else {
            return Piece::Nothing;
        };
        if let Holding::Failed(..) = self.holding {
            return self.hold(rest);
        }
        if let Some((ssn, dsn)) = self.infinite {
            let place = linear(ssn, dsn, self.next);
            self.next = self.next.advance(rest.len());
            // The start moves along: distances on a subflow are signed 32-bit numbers.
            let end = place.advance(u64::from(rest.len()));
            self.infinite = Some((self.next, end));
            return Piece::Data(place, rest);
        }
        self.forget_consumed();
        let Some(map) = self.maps.as_slice().first().copied() else {
            self.rest = Some(rest);
            return Piece::Flaw(Flaw::Missing);
        };
        if !map.covers(self.next) {
            self.rest = Some(rest);
            return Piece::Flaw(Flaw::Elsewhere);
        }
        let left = map.end().checked_distance_from(self.next).unwrap_or(0);
        let piece = self.split(rest, left);
        self.take_piece(&map, piece)
    }

    /// Handles bytes that the first mapping covers; they start at `next`.
    fn take_piece(&mut self, map: &Announced, piece: P) -> Piece<P> {
        let from = self.next;
        self.next = from.advance(piece.len());
        let complete = self.next == map.end();
        let Some(checksum) = map.checksum else {
            if complete {
                self.maps.pop_front();
            }
            return Piece::Data(map.dsn_of(from), piece);
        };
        // Its first bytes came when the mapping was not known, and cannot be summed any more.
        let headless = self.holding == Holding::No && from != map.ssn;
        if headless || self.holding == Holding::Discard {
            return self.discard(complete);
        }
        piece.checksum(0, piece.len(), &mut self.sum);
        if self.held.len() >= HELD || self.held.push(Some(piece)).is_err() {
            return self.discard(complete);
        }
        self.holding = Holding::Rest;
        if !complete {
            return Piece::Nothing;
        }
        if !self.sum.verify(map.dsn, map.ssn, map.wire_len, checksum) {
            return Piece::Flaw(Flaw::Checksum { dsn: map.dsn });
        }
        self.checksum_seen = true;
        self.maps.pop_front();
        self.holding = Holding::Ready(map.dsn);
        self.give(map.dsn).unwrap_or(Piece::Nothing)
    }

    /// Gives out the next held handle, which belongs at `dsn`; `None` when there is none left.
    fn give(&mut self, dsn: Dsn) -> Option<Piece<P>> {
        while let Some(slot) = self.held.get_mut(self.given) {
            self.given = self.given.saturating_add(1);
            if let Some(piece) = slot.take() {
                self.holding = Holding::Ready(dsn.advance(u64::from(piece.len())));
                return Some(Piece::Data(dsn, piece));
            }
        }
        self.drop_held();
        self.holding = Holding::No;
        None
    }

    /// Holds bytes while the connection is failing.
    fn hold(&mut self, piece: P) -> Piece<P> {
        self.next = self.next.advance(piece.len());
        if self.held.len() >= HELD || self.held.push(Some(piece)).is_err() {
            self.lost = true;
            return Piece::Flaw(Flaw::Missing);
        }
        Piece::Nothing
    }

    /// The first `left` octets of `rest`; the others go back to where they came from.
    fn split(&mut self, mut rest: P, left: u32) -> P {
        if rest.len() <= left {
            return rest;
        }
        match rest.split_off(left) {
            Some(tail) => self.rest = Some(tail),
            // No memory for two handles: the tail is dropped, and sent again by the peer.
            None => {
                self.lost = true;
                rest.truncate(left);
            }
        }
        rest
    }

    /// Gives up the first mapping, of which more bytes may come.
    fn discard(&mut self, complete: bool) -> Piece<P> {
        self.lost = true;
        self.drop_held();
        self.holding = Holding::Discard;
        if complete {
            self.maps.pop_front();
            self.holding = Holding::No;
        }
        Piece::Nothing
    }

    fn drop_held(&mut self) {
        self.held.clear();
        self.given = 0;
        self.sum = Partial::EMPTY;
    }

    fn forget_consumed(&mut self) {
        while let Some(map) = self.maps.as_slice().first() {
            if map.end().after(self.next) {
                break;
            }
            self.maps.pop_front();
        }
    }
}
