// SPDX-License-Identifier: GPL-2.0

//! What the programs at both ends do.

use crate::random::Random;
use crate::tcp::MILLI;
use crate::tcp::SECOND;

/// When a program writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// As much as there is room for.
    Bulk,
    /// A piece, then wait for a piece.
    Ask(u64),
    /// A piece for each piece received.
    Reply(u64),
    /// Only after the peer's stream has ended: the half-close.
    AfterEnd,
    /// Never.
    Silent,
}

/// What a program is going to do.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// When it writes.
    pub pace: Pace,
    /// Octets that it writes in all.
    pub total: u64,
    /// Octets per write at most.
    pub write: u64,
    /// Octets per read at most, and microseconds between reads.
    pub read: u64,
    /// Microseconds between reads.
    pub read_every: u64,
    /// Ends the connection at once at this time.
    pub abort_at: Option<u64>,
    /// Closes without waiting for the peer's end.
    pub hasty: bool,
    /// Gives up after so long without any progress.
    pub patience: u64,
    /// Keeps its direction open until then.
    pub hold: u64,
}

impl Plan {
    /// A program of this kind that writes `total` octets.
    pub fn new(pace: Pace, total: u64) -> Self {
        Self {
            pace,
            total,
            write: u64::MAX,
            read: u64::MAX,
            read_every: MILLI,
            abort_at: None,
            hasty: false,
            patience: 1_000 * SECOND,
            hold: 0,
        }
    }

    /// Two programs that go together.
    pub fn random_pair(rng: &mut Random) -> [Self; 2] {
        let size = |rng: &mut Random| match rng.below(8) {
            0 => rng.below(3),
            1 => rng.below(2_000),
            2 => rng.below(600_000),
            _ => rng.below(150_000),
        };
        let mut pair = match rng.below(6) {
            0 => [Self::new(Pace::Bulk, size(rng)), Self::new(Pace::Silent, 0)],
            1 => [Self::new(Pace::Silent, 0), Self::new(Pace::Bulk, size(rng))],
            2 => [
                Self::new(Pace::Bulk, size(rng)),
                Self::new(Pace::Bulk, size(rng)),
            ],
            3 => [
                Self::new(Pace::Bulk, size(rng)),
                Self::new(Pace::AfterEnd, size(rng)),
            ],
            _ => {
                let piece = rng.within(1, 6_000);
                let total = piece * rng.within(1, 25);
                [
                    Self::new(Pace::Ask(piece), total),
                    Self::new(Pace::Reply(piece), total),
                ]
            }
        };
        for plan in &mut pair {
            if rng.percent(15) {
                plan.write = rng.within(1, 40);
                plan.total = plan.total.min(40 * plan.write);
            }
            if rng.percent(15) {
                plan.read = rng.within(500, 20_000);
                plan.read_every = rng.within(1, 900) * MILLI;
            }
        }
        Self::in_step(pair)
    }

    /// Who asks is answered as much as was asked for, in whole pieces.
    pub fn in_step(mut pair: [Self; 2]) -> [Self; 2] {
        if let (Pace::Ask(piece), Pace::Reply(_)) = (pair[0].pace, pair[1].pace) {
            let total = pair[0].total.min(pair[1].total).max(1);
            let piece = piece.min(total);
            pair[0].pace = Pace::Ask(piece);
            pair[1].pace = Pace::Reply(piece);
            for plan in &mut pair {
                plan.total = total / piece * piece;
            }
        }
        pair
    }
}

/// One program.
#[derive(Clone, Debug)]
pub struct App {
    /// What it does.
    pub plan: Plan,
    /// Octets written.
    pub written: u64,
    /// Octets read.
    pub read: u64,
    /// Octets that wait to be read.
    pub unread: u64,
    /// The peer's stream has ended.
    pub eof: bool,
    /// It has shut its own.
    pub shut: bool,
    /// It has let go of the socket.
    pub closed: bool,
    /// It has given up.
    pub gave_up: bool,
    /// When it may read again.
    pub next_read: u64,
    /// When it last got on.
    pub progress_at: u64,
}

impl App {
    /// A program that has done nothing yet.
    pub fn new(plan: Plan) -> Self {
        Self {
            plan,
            written: 0,
            read: 0,
            unread: 0,
            eof: false,
            shut: false,
            closed: false,
            gave_up: false,
            next_read: 0,
            progress_at: 0,
        }
    }

    /// How far it wants to have written now.
    pub fn wants(&self) -> u64 {
        let wants = match self.plan.pace {
            Pace::Bulk => self.plan.total,
            Pace::Ask(piece) => (self.read / piece + 1) * piece,
            Pace::Reply(piece) => self.read / piece * piece,
            Pace::AfterEnd if self.at_end() => self.plan.total,
            Pace::AfterEnd | Pace::Silent => 0,
        };
        wants.min(self.plan.total)
    }

    /// Whether it has read the end of the peer's stream.
    pub fn at_end(&self) -> bool {
        self.eof && self.unread == 0
    }

    /// Whether everything that it will ever write is written.
    pub fn is_done(&self) -> bool {
        match self.plan.pace {
            Pace::Silent => self.at_end(),
            Pace::AfterEnd => self.at_end() && self.written >= self.plan.total,
            _ => self.written >= self.plan.total,
        }
    }

    /// When it next does something by itself; [`u64::MAX`] for never.
    pub fn next_time(&self) -> u64 {
        if self.closed {
            return u64::MAX;
        }
        let mut next = self.progress_at + self.plan.patience;
        if self.unread > 0 {
            next = next.min(self.next_read);
        }
        if !self.shut && self.plan.hold > 0 && self.is_done() {
            next = next.min(self.plan.hold);
        }
        next.min(self.plan.abort_at.unwrap_or(u64::MAX))
    }
}
