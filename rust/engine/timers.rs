// SPDX-License-Identifier: GPL-2.0

//! The timers of a connection: one slot each, the earliest wins.

use super::time::Instant;

/// What a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timer {
    /// RFC 8684 3.3.6: data or a `DATA_FIN` is not acknowledged, or a closed window is to be probed.
    Retransmit,
    /// RFC 8684 3.7: nobody answers our `MP_FAIL`.
    Fail,
    /// The connection has no subflow, or no program holds it any more.
    Close,
}

/// Deadlines.
#[derive(Default)]
pub(super) struct Timers {
    retransmit: Option<Instant>,
    fail: Option<Instant>,
    close: Option<Instant>,
}

impl Timers {
    fn slot(&mut self, timer: Timer) -> &mut Option<Instant> {
        match timer {
            Timer::Retransmit => &mut self.retransmit,
            Timer::Fail => &mut self.fail,
            Timer::Close => &mut self.close,
        }
    }

    /// Sets a timer, or moves it.
    pub(super) fn set(&mut self, timer: Timer, at: Instant) {
        *self.slot(timer) = Some(at);
    }

    /// Sets a timer that is not running.
    pub(super) fn set_once(&mut self, timer: Timer, at: Instant) {
        self.slot(timer).get_or_insert(at);
    }

    /// Stops a timer.
    pub(super) fn stop(&mut self, timer: Timer) {
        *self.slot(timer) = None;
    }

    /// Stops all of them.
    pub(super) fn stop_all(&mut self) {
        *self = Self::default();
    }

    /// Takes a timer that has come, if one has.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Timer> {
        for timer in [Timer::Close, Timer::Fail, Timer::Retransmit] {
            let slot = self.slot(timer);
            if slot.is_some_and(|at| at <= now) {
                *slot = None;
                return Some(timer);
            }
        }
        None
    }

    /// The earliest deadline.
    pub(super) fn next(&self) -> Option<Instant> {
        [self.retransmit, self.fail, self.close]
            .into_iter()
            .flatten()
            .min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_timer_wins_and_fires_once() {
        let mut timers = Timers::default();
        timers.set(Timer::Fail, Instant::from_millis(20));
        timers.set(Timer::Retransmit, Instant::from_millis(10));
        timers.set_once(Timer::Retransmit, Instant::from_millis(5));
        assert_eq!(timers.next(), Some(Instant::from_millis(10)));
        assert_eq!(timers.take_due(Instant::from_millis(9)), None);
        let now = Instant::from_millis(10);
        assert_eq!(timers.take_due(now), Some(Timer::Retransmit));
        assert_eq!(timers.take_due(now), None);
        assert_eq!(timers.next(), Some(Instant::from_millis(20)));
    }
}
