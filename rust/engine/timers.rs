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
    /// RFC 8684 3.2: the third ACK of a join may have been lost.
    Join,
    /// RFC 8684 3.4.1: an announcement is not echoed.
    Announce,
    /// A subflow was taken out of use, and its TCP gets no further with the FINs.
    Leave,
    /// One of several subflows may not answer any more; see [`super::silence`].
    Silence,
}

/// Deadlines; [`NEVER`] for a timer that is not running.
pub(super) struct Timers {
    retransmit: Instant,
    fail: Instant,
    close: Instant,
    join: Instant,
    announce: Instant,
    leave: Instant,
    silence: Instant,
}

const NEVER: Instant = Instant::from_millis(u64::MAX);

impl Default for Timers {
    fn default() -> Self {
        Self {
            retransmit: NEVER,
            fail: NEVER,
            close: NEVER,
            join: NEVER,
            announce: NEVER,
            leave: NEVER,
            silence: NEVER,
        }
    }
}

impl Timers {
    fn slot(&mut self, timer: Timer) -> &mut Instant {
        match timer {
            Timer::Retransmit => &mut self.retransmit,
            Timer::Fail => &mut self.fail,
            Timer::Close => &mut self.close,
            Timer::Join => &mut self.join,
            Timer::Announce => &mut self.announce,
            Timer::Leave => &mut self.leave,
            Timer::Silence => &mut self.silence,
        }
    }

    /// Sets a timer, or moves it.
    pub(super) fn set(&mut self, timer: Timer, at: Instant) {
        *self.slot(timer) = at;
    }

    /// Sets a timer that is not running.
    pub(super) fn set_once(&mut self, timer: Timer, at: Instant) {
        let slot = self.slot(timer);
        if *slot == NEVER {
            *slot = at;
        }
    }

    /// Sets a timer, unless it comes earlier anyway.
    pub(super) fn set_earlier(&mut self, timer: Timer, at: Instant) {
        let slot = self.slot(timer);
        *slot = at.min(*slot);
    }

    /// Stops a timer.
    pub(super) fn stop(&mut self, timer: Timer) {
        *self.slot(timer) = NEVER;
    }

    /// Stops all of them.
    pub(super) fn stop_all(&mut self) {
        *self = Self::default();
    }

    /// Takes a timer that has come, if one has.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Timer> {
        let all = [
            Timer::Close,
            Timer::Fail,
            Timer::Join,
            Timer::Announce,
            Timer::Leave,
            Timer::Silence,
            Timer::Retransmit,
        ];
        for timer in all {
            let slot = self.slot(timer);
            if *slot <= now && *slot != NEVER {
                *slot = NEVER;
                return Some(timer);
            }
        }
        None
    }

    /// The earliest deadline.
    pub(super) fn next(&self) -> Option<Instant> {
        let paths = self.join.min(self.announce).min(self.leave);
        let paths = paths.min(self.silence);
        let data = self.retransmit.min(self.fail).min(self.close);
        let earliest = data.min(paths);
        (earliest != NEVER).then_some(earliest)
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
