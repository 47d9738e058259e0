// SPDX-License-Identifier: GPL-2.0

//! Who interferes without being on the path: forgers, repeaters, floods.

use crate::bytes::Bytes;
use crate::bytes::Piece;
use crate::bytes::FORGED;
use crate::random::Random;
use crate::segment::Addr;
use crate::segment::Area;
use crate::segment::Segment;
use crate::segment::ACK;
use crate::segment::FIN;
use crate::segment::NOBODY;
use crate::segment::RST;
use crate::segment::SYN;
use crate::tcp::MILLI;
use crate::world::address;
use crate::world::PORT;
use rust_mptcp::wire::KIND;

/// Somebody who puts segments into the network.
pub trait Attacker {
    /// What the summary calls it.
    fn name(&self) -> &'static str;

    /// Hears a segment on its way. Those who are off the path make no use of more than addresses.
    fn overhears(&mut self, segment: &Segment);

    /// Sends what it wants to; says when it wants to again. The number is the side that is hit.
    fn strikes(&mut self, now: u64, rng: &mut Random, out: &mut Vec<(u8, Segment)>) -> Option<u64>;
}

/// The lengths of option 30 that mean something, beside nonsense.
const LENGTHS: [u8; 18] = [
    2, 3, 4, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 5, 9, 38,
];

/// An option 30 of any subtype, with any contents.
fn any_option(rng: &mut Random) -> Area {
    let mut area = Area::default();
    let len = rng.pick(&LENGTHS);
    let mut option = [0_u8; 40];
    for octet in &mut option {
        *octet = rng.bits() as u8;
    }
    option[0] = KIND;
    option[1] = len;
    if rng.percent(80) {
        // Flags that a parser takes.
        option[2] = (rng.below(9) as u8) << 4 | (rng.bits() as u8 & 1);
        option[3] = rng.pick(&[0, 1, 4, 5, 12, 13, 15, 0x1D, 0x1F, 0x81]);
    }
    area.push(&option[..usize::from(len)]);
    area
}

/// Knows the addresses of a connection and sends it whatever comes to mind.
pub struct Forger {
    /// Guesses sequence numbers that lie in the window.
    pub in_window: bool,
    /// Says that it is the end, now and then.
    pub ends: bool,
    /// How many segments it has left.
    pub left: u32,
    /// The last segment of each side.
    last: [Option<Segment>; 2],
}

impl Forger {
    /// A forger with so many segments.
    pub fn new(in_window: bool, left: u32) -> Self {
        Self {
            in_window,
            ends: false,
            left,
            last: [None, None],
        }
    }

    /// Out of any window, forwards or backwards.
    fn far(number: u32, rng: &mut Random) -> u32 {
        number.wrapping_add(rng.within(1 << 26, u64::from(u32::MAX) - (1 << 26)) as u32)
    }
}

impl Attacker for Forger {
    fn name(&self) -> &'static str {
        if self.in_window {
            "forger-in-window"
        } else {
            "forger-blind"
        }
    }

    fn overhears(&mut self, segment: &Segment) {
        if segment.flags & (SYN | RST) == 0 {
            let side = u8::from(segment.src.port == PORT);
            self.last[usize::from(side)] = Some(segment.clone());
        }
    }

    fn strikes(&mut self, now: u64, rng: &mut Random, out: &mut Vec<(u8, Segment)>) -> Option<u64> {
        let side = rng.below(2) as usize;
        // Also without anything to go by: there may be nobody left to listen to.
        self.left = self.left.saturating_sub(1);
        if let Some(last) = &self.last[side] {
            let mut forged = Segment {
                options: any_option(rng),
                payload: Bytes::default(),
                flags: ACK,
                tag: NOBODY,
                seq: last.seq.wrapping_add(last.span()),
                ..last.clone()
            };
            if self.in_window {
                // A pure ACK that TCP takes: only its options can do anything. Or the end, with options.
                forged.window = last.window;
                if self.ends && rng.percent(15) {
                    forged.flags |= rng.pick(&[RST, FIN]);
                }
            } else {
                forged.seq = Self::far(forged.seq, rng);
                forged.ack = rng.bits() as u32;
                forged.flags = rng.pick(&[ACK, RST, RST | ACK, FIN | ACK, ACK]);
                if rng.percent(50) {
                    forged.payload = Bytes::from(Piece::new(FORGED, 0, rng.within(1, 999) as u32));
                }
            }
            out.push((1 - side as u8, forged));
        }
        (self.left > 0).then(|| now + rng.within(1, 40) * MILLI)
    }
}

/// Records what is said, and says it again later.
pub struct Repeater {
    /// How many segments it has left.
    pub left: u32,
    heard: Vec<Segment>,
}

impl Repeater {
    /// A repeater with so many segments.
    pub fn new(left: u32) -> Self {
        Self {
            left,
            heard: Vec::new(),
        }
    }
}

impl Attacker for Repeater {
    fn name(&self) -> &'static str {
        "repeater"
    }

    fn overhears(&mut self, segment: &Segment) {
        // A reset at the right place is the end, whoever repeats it.
        if self.heard.len() < 64 && !segment.has(RST) {
            self.heard.push(segment.clone());
        }
    }

    fn strikes(&mut self, now: u64, rng: &mut Random, out: &mut Vec<(u8, Segment)>) -> Option<u64> {
        if !self.heard.is_empty() {
            self.left = self.left.saturating_sub(1);
            let index = rng.below(self.heard.len() as u64) as usize;
            let segment = self.heard[index].clone();
            let to_client = segment.src.port == PORT;
            out.push((u8::from(!to_client), segment));
        }
        (self.left > 0).then(|| now + rng.within(1, 400) * MILLI)
    }
}

/// SYNs from everywhere: plain, with `MP_CAPABLE`, with guessed tokens; and ACKs with guessed keys.
pub struct Flood {
    /// How many segments it has left.
    pub left: u32,
}

impl Attacker for Flood {
    fn name(&self) -> &'static str {
        "flood"
    }

    fn overhears(&mut self, _segment: &Segment) {}

    fn strikes(&mut self, now: u64, rng: &mut Random, out: &mut Vec<(u8, Segment)>) -> Option<u64> {
        for _ in 0..self.left.min(20) {
            self.left -= 1;
            let mut options = Area::default();
            match rng.below(3) {
                0 => options.push(&[KIND, 4, 1, 1]),
                1 => {
                    let mut join = [0; 12];
                    join.copy_from_slice(&[KIND, 12, 0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
                    join[4..].copy_from_slice(&rng.bits().to_be_bytes());
                    options.push(&join);
                }
                _ => options = any_option(rng),
            }
            out.push((
                1,
                Segment {
                    src: Addr {
                        ip: 172 << 24 | (rng.bits() as u32 & 0xFF_00FF),
                        port: rng.bits() as u16 | 1,
                    },
                    dst: Addr {
                        ip: address(1, 0),
                        port: PORT,
                    },
                    seq: rng.bits() as u32,
                    flags: if rng.percent(80) { SYN } else { ACK },
                    window: 1000,
                    options,
                    tag: NOBODY,
                    ..Segment::default()
                },
            ));
        }
        (self.left > 0).then(|| now + rng.within(1, 5) * MILLI)
    }
}
