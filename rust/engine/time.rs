// SPDX-License-Identifier: GPL-2.0

//! Instants and durations in whole milliseconds.
//!
//! The engine has no clock: the shell passes `now` with every event. Milliseconds are fine enough,
//! since no timer of RFC 8684 is shorter than a TCP retransmission timeout.

/// A moment, in milliseconds since an arbitrary start that the caller keeps for good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(u64);

impl Instant {
    /// The moment `millis` milliseconds after the start.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the start.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// The moment `span` later, or the last one there is.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span.as_millis()))
    }

    /// How long it is since `earlier`; nothing when that lies ahead.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// A span of time in milliseconds, of 49 days at most: what is longer is cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration(u32);

impl Duration {
    /// A span of `millis` milliseconds.
    pub fn from_millis(millis: u64) -> Self {
        Self(u32::try_from(millis).unwrap_or(u32::MAX))
    }

    /// A short span, for a constant.
    pub const fn of_millis(millis: u32) -> Self {
        Self(millis)
    }

    /// A span of `secs` seconds.
    pub const fn from_secs(secs: u32) -> Self {
        Self(secs.saturating_mul(1000))
    }

    /// Whole milliseconds.
    pub fn as_millis(self) -> u64 {
        u64::from(self.0)
    }

    /// Twice this span `times` over, but never more than `limit`.
    #[must_use]
    pub fn backed_off(self, times: u32, limit: Self) -> Self {
        let factor = 1_u32.checked_shl(times).unwrap_or(u32::MAX);
        Self(self.0.saturating_mul(factor)).min(limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backing_off_doubles_up_to_the_limit() {
        let floor = Duration::from_millis(200);
        let limit = Duration::from_secs(120);
        assert_eq!(floor.backed_off(0, limit), floor);
        assert_eq!(floor.backed_off(3, limit), Duration::from_millis(1600));
        assert_eq!(floor.backed_off(200, limit), limit);
    }

    #[test]
    fn time_never_runs_backwards_into_a_huge_span() {
        let early = Instant::from_millis(5);
        assert_eq!(early.since(Instant::from_millis(9)), Duration::default());
    }
}
