// SPDX-License-Identifier: GPL-2.0

//! What the programs at both ends do.

/// When a program writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// As much as there is room for.
    Bulk,
    /// A piece, then wait for a piece.
    Ask(usize),
    /// A piece for each piece received.
    Reply(usize),
    /// Only after the peer's stream has ended.
    AfterEnd,
    /// Never.
    Silent,
}

/// One program.
#[derive(Clone, Debug)]
pub struct App {
    pub pace: Pace,
    pub total: usize,
    /// Octets per read, and milliseconds between reads.
    pub read: usize,
    pub read_every: u64,
    /// Octets per write at most.
    pub write: usize,
    /// Abort at this time.
    pub abort_at: Option<u64>,
    /// Close without waiting for the peer's end.
    pub hasty: bool,
    pub written: usize,
    pub received: Vec<u8>,
    pub unread: Vec<u8>,
    pub eof: bool,
    pub shut: bool,
    pub closed: bool,
    pub next_read: u64,
}

impl App {
    pub fn new(pace: Pace, total: usize) -> Self {
        Self {
            pace,
            total,
            read: usize::MAX,
            read_every: 1,
            write: usize::MAX,
            abort_at: None,
            hasty: false,
            written: 0,
            received: Vec::new(),
            unread: Vec::new(),
            eof: false,
            shut: false,
            closed: false,
            next_read: 0,
        }
    }

    /// The octet at a place of the stream of `side`.
    pub fn octet(side: usize, place: usize) -> u8 {
        (place
            .wrapping_mul(31)
            .wrapping_add(place >> 8)
            .wrapping_add(side * 101)
            & 0xFF) as u8
    }

    /// How far the program wants to have written now.
    pub fn wants(&self) -> usize {
        let got = self.received.len();
        let wants = match self.pace {
            Pace::Bulk => self.total,
            Pace::Ask(piece) => (got / piece + 1) * piece,
            Pace::Reply(piece) => got / piece * piece,
            Pace::AfterEnd if self.at_end() => self.total,
            Pace::AfterEnd | Pace::Silent => 0,
        };
        wants.min(self.total)
    }

    /// Whether the program has read the end of the peer's stream.
    pub fn at_end(&self) -> bool {
        self.eof && self.unread.is_empty()
    }

    /// Whether everything it will ever write is written.
    pub fn is_done(&self) -> bool {
        match self.pace {
            Pace::Silent => self.at_end(),
            _ => self.written >= self.total,
        }
    }
}
