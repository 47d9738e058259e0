// SPDX-License-Identifier: GPL-2.0

//! Links: rate, queue, delay, loss, reordering, duplication, size.

use crate::random::Random;
use crate::segment::Segment;
use crate::tcp::MILLI;
use crate::tcp::SECOND;

/// What one direction of a path does to segments. Times are in microseconds, chances in millionths.
#[derive(Clone, Debug)]
pub struct LinkConfig {
    /// Octets a second; 0 for no limit.
    pub rate: u64,
    /// Octets that may wait to be sent.
    pub queue: u64,
    /// From end to end.
    pub delay: u64,
    /// Added to the delay, up to so much, without reordering.
    pub jitter: u64,
    /// How often it stands still, and for how long, as a radio does; never if 0.
    pub pause: (u64, u64),
    /// Loss of single segments.
    pub loss: u32,
    /// How often a burst of losses begins, and how long it lasts at most.
    pub burst: (u32, u64),
    /// How often a segment is held up so that others overtake it.
    pub reorder: u32,
    /// By how much at most.
    pub reorder_by: u64,
    /// How often a segment comes twice.
    pub duplicate: u32,
    /// The largest packet.
    pub mtu: u32,
}

impl Default for LinkConfig {
    fn default() -> Self {
        Self {
            rate: 0,
            queue: 1 << 20,
            delay: 10 * MILLI,
            jitter: 0,
            pause: (0, 0),
            loss: 0,
            burst: (0, 0),
            reorder: 0,
            reorder_by: 0,
            duplicate: 0,
            mtu: 1500,
        }
    }
}

impl LinkConfig {
    /// A link as rough as `level`, from 0 (ideal) to 3.
    pub fn random(level: u64, rng: &mut Random) -> Self {
        let mut link = Self {
            delay: rng.within(100, 60 * MILLI),
            ..Self::default()
        };
        if rng.percent(60) {
            link.rate = rng.within(100_000, 20_000_000);
            link.queue = rng.within(20_000, 400_000);
        }
        if level == 0 {
            return link;
        }
        let level = level as u32;
        link.jitter = rng.below(30 * MILLI);
        link.loss = rng.below(u64::from(level * 25_000)) as u32;
        if rng.percent(25) {
            link.burst = (rng.within(500, 5_000) as u32, 300 * MILLI);
        }
        if rng.percent(60) {
            link.reorder = rng.below(u64::from(level * 60_000)) as u32;
            link.reorder_by = rng.within(1, 80) * MILLI;
        }
        if rng.percent(8) {
            // B35: once in a while a segment turns up long after it was missed.
            link.reorder = 2_000;
            link.reorder_by = 10 * SECOND;
        }
        if rng.percent(60) {
            link.duplicate = rng.below(u64::from(level * 40_000)) as u32;
        }
        link
    }

    /// When it is not in a pause, from `at` on.
    fn works_from(&self, at: u64) -> u64 {
        let (every, span) = self.pause;
        match at.checked_rem(every) {
            Some(since) if since < span => at - since + span,
            _ => at,
        }
    }

    /// Whether nothing is ever lost or overtaken on it.
    pub fn is_orderly(&self) -> bool {
        self.loss == 0 && self.burst.0 == 0 && self.reorder == 0 && self.duplicate == 0
    }
}

/// One direction of a path.
#[derive(Debug)]
pub struct Link {
    /// What it does.
    pub config: LinkConfig,
    free_at: u64,
    last_arrival: u64,
    burst_until: u64,
}

/// What becomes of a segment: when it arrives, perhaps twice.
pub type Fate = [Option<u64>; 2];

impl Link {
    /// A link with nothing on it.
    pub fn new(config: LinkConfig) -> Self {
        Self {
            config,
            free_at: 0,
            last_arrival: 0,
            burst_until: 0,
        }
    }

    /// Whether the segment is too large for it.
    pub fn is_too_big(&self, segment: &Segment) -> bool {
        segment.wire_len() > self.config.mtu
    }

    /// Sends a segment.
    pub fn send(&mut self, segment: &Segment, now: u64, rng: &mut Random) -> Fate {
        let config = &self.config;
        let mut leave = now;
        if config.rate > 0 {
            let start = self.free_at.max(now);
            let waiting = (start - now) * config.rate / SECOND;
            if waiting > config.queue {
                return [None, None];
            }
            let start = self.config.works_from(start);
            leave = start + u64::from(segment.wire_len()) * SECOND / config.rate;
            self.free_at = leave;
        }
        if self.loses(now, rng) {
            return [None, None];
        }
        let config = &self.config;
        let mut arrival = leave + config.delay;
        if config.jitter > 0 {
            arrival += rng.below(config.jitter);
        }
        if rng.ppm(config.reorder) {
            arrival += rng.below(config.reorder_by);
        } else {
            arrival = arrival.max(self.last_arrival);
            self.last_arrival = arrival;
        }
        let copy = rng
            .ppm(config.duplicate)
            .then(|| arrival + rng.below(config.delay + MILLI));
        [Some(arrival), copy]
    }

    fn loses(&mut self, now: u64, rng: &mut Random) -> bool {
        let (begin, most) = self.config.burst;
        if rng.ppm(begin) {
            self.burst_until = now + rng.below(most);
        }
        now < self.burst_until || rng.ppm(self.config.loss)
    }
}
