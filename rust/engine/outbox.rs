// SPDX-License-Identifier: GPL-2.0

//! What is to be told to the shell: flags and slots, no queue, so that nothing can overflow.

use super::action::Action;
use super::action::ConnError;
use super::action::ConnState;
use super::action::FallbackReason;
use super::mib::Mib;
use super::path_news::PathNews;
use crate::wire::Dsn;

/// Words of a bit set over all counters.
const DIRTY_WORDS: usize = Mib::COUNT.div_ceil(32);

/// Connection-level actions that are still to be given out.
#[derive(Default)]
pub(super) struct Outbox {
    /// A bit for each thing to tell, the first to be told lowest: most of the time there is nothing.
    due: u32,
    counts: Counts,
    release: Dsn,
    state: Option<ConnState>,
    fell_back: Option<FallbackReason>,
    error: Option<ConnError>,
    paths: PathNews,
}

/// What the bits of [`Outbox`] stand for, in the order of telling.
mod bit {
    pub(super) const COUNT: u32 = 1;
    pub(super) const CAPABLE: u32 = 1 << 1;
    pub(super) const BLACKHOLE: u32 = 1 << 2;
    pub(super) const RELEASE: u32 = 1 << 3;
    pub(super) const FELL_BACK: u32 = 1 << 4;
    pub(super) const ERROR: u32 = 1 << 5;
    // Ahead of the state: a reader without a lock who sees that the connection is closed must see why as well.
    pub(super) const RECEIVE_SHUT: u32 = 1 << 6;
    pub(super) const SEND_SHUT: u32 = 1 << 7;
    pub(super) const STATE: u32 = 1 << 8;
    /// What comes before the subflows are told.
    pub(super) const FIRST: u32 = (1 << 9) - 1;
    pub(super) const WAKE_READER: u32 = 1 << 9;
    pub(super) const WAKE_WRITER: u32 = 1 << 10;
    pub(super) const TOKEN_RELEASED: u32 = 1 << 11;
    pub(super) const PATHS: u32 = 1 << 12;
}

/// Counters with something to add. One event moves a counter by little; what is beyond 127 is not counted.
struct Counts {
    amounts: [i8; Mib::COUNT],
    dirty: [u32; DIRTY_WORDS],
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            amounts: [0; Mib::COUNT],
            dirty: [0; DIRTY_WORDS],
        }
    }
}

impl Counts {
    fn add(&mut self, counter: Mib, amount: i8) {
        let index = counter.index();
        if let Some(slot) = self.amounts.get_mut(index) {
            *slot = slot.saturating_add(amount);
        }
        if let Some(word) = self.dirty.get_mut(index >> 5) {
            *word |= 1 << (index & 31);
        }
    }

    fn take(&mut self) -> Option<(Mib, i32)> {
        let word = self.dirty.iter().position(|word| *word != 0)?;
        let bits = self.dirty.get_mut(word)?;
        let bit = usize::try_from(bits.trailing_zeros()).unwrap_or(0);
        *bits &= bits.wrapping_sub(1);
        let index = (word << 5) | bit;
        let amount = core::mem::take(self.amounts.get_mut(index)?);
        Some((*Mib::ALL.get(index)?, i32::from(amount)))
    }
}

impl Outbox {
    /// Adds 1 to a counter.
    pub(super) fn count(&mut self, counter: Mib) {
        self.counts.add(counter, 1);
        self.due |= bit::COUNT;
    }

    /// Takes 1 off a gauge.
    pub(super) fn uncount(&mut self, counter: Mib) {
        self.counts.add(counter, -1);
        self.due |= bit::COUNT;
    }

    /// See [`Action::PathIsCapable`].
    pub(super) fn path_is_capable(&mut self) {
        self.due |= bit::CAPABLE;
    }

    /// See [`Action::Blackhole`].
    pub(super) fn blackhole(&mut self) {
        self.due |= bit::BLACKHOLE;
    }

    /// See [`Action::Release`].
    pub(super) fn release(&mut self, una: Dsn) {
        self.release = una;
        self.due |= bit::RELEASE;
    }

    /// See [`Action::FellBack`].
    pub(super) fn fell_back(&mut self, reason: FallbackReason) {
        self.fell_back = Some(reason);
        self.due |= bit::FELL_BACK;
    }

    /// See [`Action::Error`].
    pub(super) fn error(&mut self, error: ConnError) {
        self.error = Some(error);
        self.due |= bit::ERROR;
    }

    /// See [`Action::State`].
    pub(super) fn state(&mut self, state: ConnState) {
        self.state = Some(state);
        self.due |= bit::STATE;
    }

    /// See [`Action::ReceiveShut`].
    pub(super) fn receive_shut(&mut self) {
        self.due |= bit::RECEIVE_SHUT;
    }

    /// See [`Action::SendShut`].
    pub(super) fn send_shut(&mut self) {
        self.due |= bit::SEND_SHUT;
    }

    /// See [`Action::WakeReader`].
    pub(super) fn wake_reader(&mut self) {
        self.due |= bit::WAKE_READER;
    }

    /// See [`Action::WakeWriter`].
    pub(super) fn wake_writer(&mut self) {
        self.due |= bit::WAKE_WRITER;
    }

    /// See [`Action::TokenReleased`].
    pub(super) fn token_released(&mut self) {
        self.due |= bit::TOKEN_RELEASED;
    }

    /// See [`Action::Path`].
    pub(super) fn paths(&mut self) -> &mut PathNews {
        self.due |= bit::PATHS;
        &mut self.paths
    }

    /// Whether nothing is to be told.
    pub(super) fn is_empty(&self) -> bool {
        self.due == 0
    }

    /// What must be told before the subflows are, in the order of telling.
    pub(super) fn take_first<P>(&mut self) -> Option<Action<P>> {
        self.take(bit::FIRST)
    }

    /// What is told after the subflows.
    pub(super) fn take_last<P>(&mut self) -> Option<Action<P>> {
        self.take(!bit::FIRST)
    }

    #[inline]
    fn take<P>(&mut self, among: u32) -> Option<Action<P>> {
        if self.due & among == 0 {
            return None;
        }
        self.take_lowest(among)
    }

    fn take_lowest<P>(&mut self, among: u32) -> Option<Action<P>> {
        loop {
            let due = self.due & among;
            let lowest = due & due.wrapping_neg();
            if lowest == bit::COUNT {
                if let Some((counter, amount)) = self.counts.take() {
                    return Some(Action::Count(counter, amount));
                }
            }
            if lowest == bit::PATHS {
                if let Some(news) = self.paths.take() {
                    return Some(Action::Path(news));
                }
            }
            self.due &= !lowest;
            let action = match lowest {
                0 => return None,
                bit::CAPABLE => Some(Action::PathIsCapable),
                bit::BLACKHOLE => Some(Action::Blackhole),
                bit::RELEASE => Some(Action::Release { una: self.release }),
                bit::FELL_BACK => self.fell_back.take().map(Action::FellBack),
                bit::ERROR => self.error.take().map(Action::Error),
                bit::RECEIVE_SHUT => Some(Action::ReceiveShut),
                bit::SEND_SHUT => Some(Action::SendShut),
                bit::STATE => self.state.take().map(Action::State),
                bit::WAKE_READER => Some(Action::WakeReader),
                bit::WAKE_WRITER => Some(Action::WakeWriter),
                bit::TOKEN_RELEASED => Some(Action::TokenReleased),
                _ => None,
            };
            if action.is_some() {
                return action;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_add_up_and_come_out_once() {
        let mut out = Outbox::default();
        out.count(Mib::OFOPruned);
        out.count(Mib::OFOPruned);
        out.count(Mib::MPCapableSYNRX);
        out.uncount(Mib::MPCurrEstab);
        let mut told = std::vec::Vec::new();
        while let Some(action) = out.take_first::<()>() {
            told.push(action);
        }
        assert_eq!(
            told,
            [
                Action::Count(Mib::MPCapableSYNRX, 1),
                Action::Count(Mib::MPCurrEstab, -1),
                Action::Count(Mib::OFOPruned, 2),
            ]
        );
    }

    #[test]
    fn things_are_told_in_their_order_whatever_the_order_of_asking() {
        let mut out = Outbox::default();
        out.token_released();
        out.wake_reader();
        out.send_shut();
        out.state(ConnState::Close);
        out.error(ConnError::Reset);
        out.release(Dsn(7));
        out.blackhole();
        assert_eq!(out.take_last::<()>(), Some(Action::WakeReader));
        let mut told = std::vec::Vec::new();
        while let Some(action) = out.take_first::<()>() {
            told.push(action);
        }
        assert_eq!(
            told,
            [
                Action::Blackhole,
                Action::Release { una: Dsn(7) },
                Action::Error(ConnError::Reset),
                Action::SendShut,
                Action::State(ConnState::Close),
            ]
        );
        assert_eq!(out.take_last::<()>(), Some(Action::TokenReleased));
        assert_eq!(out.take_last::<()>(), None);
    }
}
