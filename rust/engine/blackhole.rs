// SPDX-License-Identifier: GPL-2.0

//! RFC 8684 3.9: paths that drop SYNs with `MP_CAPABLE`.
//!
//! After one was found, a namespace offers MPTCP to nobody for a while. The RFC leaves open how long; as in-tree it is
//! `net.mptcp.blackhole_timeout`, doubled with each one found in a row.

use super::mem::Word32;
use super::mem::Word64;
use super::time::Instant;

/// Bits that count what was found in a row: the pause is doubled 6 times at most.
const FOUND_BITS: u32 = 3;
const FOUND: u64 = (1 << FOUND_BITS) - 1;

/// The pause of a namespace. Any thread may call anything at any time, without a lock.
pub struct Pause {
    /// Black holes found in a row, and above that when the last one was.
    word: Word64,
    /// The knob at that time.
    timeout: Word32,
}

impl Default for Pause {
    fn default() -> Self {
        Self::new()
    }
}

impl Pause {
    /// No black hole was found.
    pub const fn new() -> Self {
        Self {
            word: Word64::new(0),
            timeout: Word32::new(0),
        }
    }

    /// A path to a peer drops the option. Says whether that starts a pause, and counts: not while the knob, in seconds,
    /// is 0.
    pub fn find(&self, timeout: u32, now: Instant) -> bool {
        if timeout == 0 {
            return false;
        }
        if self.timeout.load() != timeout {
            self.forget();
        }
        self.timeout.store(timeout);
        let at = now.as_millis() << FOUND_BITS;
        let mut old = self.word.load();
        // Every turn that fails means that somebody else found one.
        loop {
            let found = (old & FOUND).saturating_add(1).min(FOUND);
            match self.word.replace(old, at | found) {
                Ok(()) => return true,
                Err(now) => old = now,
            }
        }
    }

    /// Whether nobody is to be offered MPTCP now. Writing to the knob ends a pause: where nobody tells of it, another
    /// value does.
    pub fn lasts(&self, timeout: u32, now: Instant) -> bool {
        let word = self.word.load();
        let Some(doublings) = (word & FOUND).checked_sub(1) else {
            return false;
        };
        if timeout == 0 || self.timeout.load() != timeout {
            return false;
        }
        let pause = u64::from(timeout).saturating_mul(1000) << doublings;
        now.as_millis().saturating_sub(word >> FOUND_BITS) < pause
    }

    /// Some path lets the option pass, or the knob was written to: what was found counts no more.
    pub fn forget(&self) {
        if self.is_on() {
            self.word.store(0);
        }
    }

    /// Whether anything was found that still counts.
    pub fn is_on(&self) -> bool {
        self.word.load() & FOUND != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u32 = 3600;

    fn at(seconds: u64) -> Instant {
        Instant::from_millis(seconds * 1000)
    }

    #[test]
    fn a_pause_lasts_as_long_as_the_knob_says() {
        let pause = Pause::new();
        assert!(!pause.lasts(HOUR, at(0)) && !pause.is_on());
        assert!(pause.find(HOUR, at(10)));
        assert!(pause.lasts(HOUR, at(10)) && pause.lasts(HOUR, at(3609)));
        assert!(!pause.lasts(HOUR, at(3610)));
    }

    #[test]
    fn each_one_in_a_row_doubles_it_up_to_64_times() {
        let pause = Pause::new();
        for (found, times) in [1, 2, 4, 8, 16, 32, 64, 64, 64].into_iter().enumerate() {
            let start = u64::try_from(found).unwrap() * 1_000_000;
            assert!(pause.find(HOUR, at(start)));
            assert!(pause.lasts(HOUR, at(start + 3600 * times - 1)), "{times}");
            assert!(!pause.lasts(HOUR, at(start + 3600 * times)), "{times}");
        }
    }

    #[test]
    fn a_path_that_works_ends_it_and_the_next_one_starts_at_once_the_knob() {
        let pause = Pause::new();
        assert!(pause.find(HOUR, at(0)) && pause.find(HOUR, at(1)));
        pause.forget();
        assert!(!pause.lasts(HOUR, at(2)) && !pause.is_on());
        assert!(pause.find(HOUR, at(3)));
        assert!(!pause.lasts(HOUR, at(3603)));
    }

    #[test]
    fn a_knob_of_0_finds_nothing_and_another_value_ends_a_pause() {
        let pause = Pause::new();
        assert!(!pause.find(0, at(0)));
        assert!(!pause.is_on());
        assert!(pause.find(HOUR, at(0)) && pause.find(HOUR, at(0)));
        assert!(!pause.lasts(0, at(1)));
        assert!(!pause.lasts(60, at(1)));
        // It begins anew with the new value.
        assert!(pause.find(60, at(1)));
        assert!(pause.lasts(60, at(60)));
        assert!(!pause.lasts(60, at(61)));
    }

    #[test]
    fn the_longest_knob_does_not_overflow() {
        let pause = Pause::new();
        let longest = i32::MAX.unsigned_abs();
        for _ in 0..9 {
            assert!(pause.find(longest, at(1)));
        }
        assert!(pause.lasts(longest, at(1 << 31)));
    }
}
