// SPDX-License-Identifier: GPL-2.0

//! Octets of a stream as places in it, so that a segment of any length costs a few words.
//!
//! What stands at a place follows from the place; its sum follows from two table entries.

use crate::keys::SimSha256;
use rust_mptcp::engine::Payload;
use rust_mptcp::wire::checksum::Partial;
use std::cell::Cell;
use std::rc::Rc;

/// Octets after which the content repeats.
const PERIOD: usize = 4096;

struct Table {
    octets: [u8; PERIOD],
    /// Sums of the octets at even and at odd indices below an index.
    even: [u32; PERIOD + 1],
    odd: [u32; PERIOD + 1],
}

static TABLE: Table = table();

const fn table() -> Table {
    let mut table = Table {
        octets: [0; PERIOD],
        even: [0; PERIOD + 1],
        odd: [0; PERIOD + 1],
    };
    let mut word: u32 = 0x1234_5678;
    let mut index = 0;
    while index < PERIOD {
        word = word.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let octet = (word >> 24) as u8;
        table.octets[index] = octet;
        let is_odd = index % 2 == 1;
        table.even[index + 1] = table.even[index] + if is_odd { 0 } else { octet as u32 };
        table.odd[index + 1] = table.odd[index] + if is_odd { octet as u32 } else { 0 };
        index += 1;
    }
    table
}

/// Octets that follow each other in one stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Piece {
    /// Whose stream: 0 the client's, 1 the server's, more: nobody's.
    pub source: u8,
    /// What somebody on the way did to the first octet: exclusive or.
    pub flip: u8,
    /// Octets.
    pub len: u32,
    /// The place of the first octet, counted from 0.
    pub place: u64,
}

/// The source of octets that no program wrote.
pub const FORGED: u8 = 2;

impl Piece {
    /// `len` octets of the stream of `source` from `place` on.
    pub fn new(source: u8, place: u64, len: u32) -> Self {
        Self {
            source,
            flip: 0,
            len,
            place,
        }
    }

    /// The octet at `index`.
    pub fn octet(&self, index: u32) -> u8 {
        let octet = TABLE.octets[self.index(u64::from(index))];
        if index == 0 {
            octet ^ self.flip
        } else {
            octet
        }
    }

    /// The two streams differ by half a period.
    fn index(&self, ahead: u64) -> usize {
        let shift = u64::from(self.source) * (PERIOD as u64 / 2 + 1);
        ((self.place + ahead + shift) % PERIOD as u64) as usize
    }

    fn continues(&self, before: &Self) -> bool {
        self.flip == 0
            && self.source == before.source
            && before.place + u64::from(before.len) == self.place
    }

    fn trim_front(&mut self, count: u32) {
        self.place += u64::from(count);
        self.len -= count;
        self.flip = 0;
    }

    /// The sum in network order, as if the first octet stood at an even place.
    fn sum(&self) -> u16 {
        let start = self.index(0);
        let end = start + self.len as usize;
        let turns = (end / PERIOD) as u64;
        let part = end % PERIOD;
        let mut even = turns * u64::from(TABLE.even[PERIOD]) + u64::from(TABLE.even[part])
            - u64::from(TABLE.even[start]);
        let mut odd = turns * u64::from(TABLE.odd[PERIOD]) + u64::from(TABLE.odd[part])
            - u64::from(TABLE.odd[start]);
        let first = if start % 2 == 0 { &mut even } else { &mut odd };
        let plain = TABLE.octets[start];
        *first = *first - u64::from(plain) + u64::from(plain ^ self.flip);
        let (high, low) = if start % 2 == 0 {
            (even, odd)
        } else {
            (odd, even)
        };
        let mut sum = high * 256 + low;
        while sum > 0xFFFF {
            sum = (sum >> 16) + (sum & 0xFFFF);
        }
        sum as u16
    }
}

/// The payload of a segment, or a run of received octets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bytes {
    len: u32,
    first: Piece,
    /// Nearly always nothing: payload comes from one place.
    #[allow(clippy::box_collection)] // A third of the size, and all of this is copied a lot.
    rest: Option<Box<Vec<Piece>>>,
}

impl From<Piece> for Bytes {
    fn from(piece: Piece) -> Self {
        Self {
            len: piece.len,
            first: piece,
            rest: None,
        }
    }
}

impl Bytes {
    /// Octets.
    pub fn len(&self) -> u32 {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The runs, in order.
    pub fn pieces(&self) -> impl Iterator<Item = &Piece> {
        let first = (self.len > 0).then_some(&self.first);
        first
            .into_iter()
            .chain(self.rest.iter().flat_map(|rest| rest.iter()))
    }

    /// Adds a run at the end.
    pub fn push(&mut self, piece: Piece) {
        if piece.len == 0 {
            return;
        }
        if self.len == 0 {
            self.first = piece;
        } else {
            let rest = self.rest.as_mut();
            let last = rest
                .and_then(|rest| rest.last_mut())
                .unwrap_or(&mut self.first);
            if piece.continues(last) {
                last.len += piece.len;
            } else {
                self.rest.get_or_insert_default().push(piece);
            }
        }
        self.len += piece.len;
    }

    /// Adds `other` at the end.
    pub fn append(&mut self, other: &Self) {
        for piece in other.pieces() {
            self.push(*piece);
        }
    }

    /// The octets from `from` on, `len` of them.
    pub fn slice(&self, from: u32, len: u32) -> Self {
        if self.rest.is_none() {
            let from = from.min(self.len);
            let mut first = self.first;
            if from > 0 {
                first.trim_front(from);
            }
            first.len = first.len.min(len);
            return Self::from(first);
        }
        let mut out = Self::default();
        let mut at = 0;
        for piece in self.pieces() {
            let end = at + piece.len;
            let (low, high) = (from.max(at), (from + len).min(end));
            if low < high {
                let mut part = *piece;
                if low > at {
                    part.trim_front(low - at);
                }
                part.len = high - low;
                out.push(part);
            }
            at = end;
        }
        out
    }

    /// Takes the first `count` octets away.
    pub fn trim_front(&mut self, count: u32) {
        if self.rest.is_none() && count < self.len {
            if count > 0 {
                self.first.trim_front(count);
            }
            self.len -= count;
        } else {
            *self = self.slice(count, self.len - count.min(self.len));
        }
    }

    /// Keeps the first `len` octets.
    pub fn truncate(&mut self, len: u32) {
        if self.rest.is_none() {
            self.len = self.len.min(len);
            self.first.len = self.len;
        } else {
            *self = self.slice(0, len);
        }
    }

    /// Splits off what follows the first `at` octets.
    pub fn split_off(&mut self, at: u32) -> Self {
        let tail = self.slice(at, self.len - at);
        self.truncate(at);
        tail
    }

    /// Changes the octet at `index` by exclusive or.
    pub fn flip(&mut self, index: u32, mask: u8) {
        let mut tail = self.split_off(index);
        tail.first.flip ^= mask;
        // Not joined: a changed octet begins a piece of its own.
        self.append(&tail);
    }

    /// Adds `len` octets from `from` on to the sum of a mapping.
    pub fn add_to(&self, from: u32, len: u32, sum: &mut Partial) {
        if self.rest.is_none() && from == 0 && len == self.len {
            if len > 0 {
                sum.add_sum(self.first.sum(), len as usize);
            }
            return;
        }
        for piece in self.slice(from, len).pieces() {
            sum.add_sum(piece.sum(), piece.len as usize);
        }
    }

    /// Writes the octets out.
    pub fn octets(&self) -> Vec<u8> {
        let pieces = self.pieces();
        pieces
            .flat_map(|piece| (0..piece.len).map(|index| piece.octet(index)))
            .collect()
    }
}

/// What an engine holds of received octets at this moment.
#[derive(Debug, Default)]
pub struct Held {
    /// Handles.
    pub handles: Cell<u32>,
    /// Octets.
    pub octets: Cell<u64>,
}

impl Held {
    fn add(&self, octets: u32) {
        self.octets.set(self.octets.get() + u64::from(octets));
    }

    fn sub(&self, octets: u32) {
        self.octets.set(self.octets.get() - u64::from(octets));
    }
}

/// The handle of received octets that an engine is given; counts itself while it lives.
///
/// One word, as a buffer of the kernel is: engines pass it on from hand to hand.
#[derive(Debug)]
pub struct Handle(Box<Buffer>);

#[derive(Debug)]
struct Buffer {
    bytes: Bytes,
    held: Rc<Held>,
}

impl Handle {
    /// Hands `bytes` over.
    pub fn new(bytes: Bytes, held: &Rc<Held>) -> Self {
        held.handles.set(held.handles.get() + 1);
        held.add(bytes.len());
        let held = held.clone();
        Self(Box::new(Buffer { bytes, held }))
    }

    /// The octets.
    pub fn bytes(&self) -> &Bytes {
        &self.0.bytes
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.held.handles.set(self.held.handles.get() - 1);
        self.held.sub(self.bytes.len());
    }
}

impl Payload for Handle {
    type Sha256 = SimSha256;

    fn len(&self) -> u32 {
        self.0.bytes.len()
    }

    fn trim_front(&mut self, count: u32) {
        self.0.bytes.trim_front(count);
        self.0.held.sub(count);
    }

    fn truncate(&mut self, len: u32) {
        self.0.held.sub(self.0.bytes.len() - len);
        self.0.bytes.truncate(len);
    }

    fn split_off(&mut self, at: u32) -> Option<Self> {
        let tail = self.0.bytes.split_off(at);
        self.0.held.sub(tail.len());
        Some(Self::new(tail, &self.0.held))
    }

    fn checksum(&self, from: u32, len: u32, sum: &mut Partial) {
        self.0.bytes.add_to(from, len, sum);
    }

    fn try_append(&mut self, next: Self) -> Result<(), Self> {
        // Some join and some do not, as buffers of the kernel.
        if (self.0.bytes.len() + next.0.bytes.len()) % 3 == 0 {
            return Err(next);
        }
        self.0.held.add(next.0.bytes.len());
        self.0.bytes.append(&next.0.bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_of_places_is_the_sum_of_their_octets() {
        for (source, place, len, flip) in [
            (0, 0, 1, 0),
            (1, 5, 3, 0x55),
            (0, 4090, 9000, 0),
            (1, 4095, 8193, 1),
            (2, 77, 4096, 0x80),
        ] {
            let piece = Piece {
                flip,
                ..Piece::new(source, place, len)
            };
            let bytes = Bytes::from(piece);
            let (mut fast, mut slow) = (Partial::EMPTY, Partial::EMPTY);
            bytes.add_to(0, len, &mut fast);
            slow.add_bytes(&bytes.octets());
            assert_eq!(fast, slow, "{piece:?}");
        }
    }

    #[test]
    fn cutting_and_joining_gives_the_same_octets() {
        let mut bytes = Bytes::from(Piece::new(0, 10, 100));
        bytes.push(Piece::new(1, 7, 50));
        let all = bytes.octets();
        bytes.flip(120, 0xFF);
        let mut changed = all.clone();
        changed[120] ^= 0xFF;
        assert_eq!(bytes.octets(), changed);
        let tail = bytes.split_off(33);
        bytes.append(&tail);
        bytes.trim_front(5);
        bytes.truncate(130);
        assert_eq!(bytes.octets(), changed[5..135]);
    }
}
