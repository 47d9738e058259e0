// SPDX-License-Identifier: GPL-2.0

//! What is to be told to the shell: flags and slots, no queue, so that nothing can overflow.

use super::action::Action;
use super::action::ConnError;
use super::action::ConnState;
use super::action::FallbackReason;
use super::mib::Mib;
use crate::wire::Dsn;

/// Words of a bit set over all counters.
const DIRTY_WORDS: usize = Mib::COUNT.div_ceil(32);

/// Connection-level actions that are still to be given out.
#[derive(Default)]
pub(super) struct Outbox {
    counts: Counts,
    pub(super) release: Option<Dsn>,
    pub(super) state: Option<ConnState>,
    pub(super) fell_back: Option<FallbackReason>,
    pub(super) error: Option<ConnError>,
    pub(super) blackhole: bool,
    pub(super) capable: bool,
    pub(super) receive_shut: bool,
    pub(super) send_shut: bool,
    pub(super) wake_reader: bool,
    pub(super) wake_writer: bool,
    pub(super) token_released: bool,
}

/// Counters with something to add.
struct Counts {
    amounts: [i16; Mib::COUNT],
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
    fn add(&mut self, counter: Mib, amount: i16) {
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
    }

    /// Takes 1 off a gauge.
    pub(super) fn uncount(&mut self, counter: Mib) {
        self.counts.add(counter, -1);
    }

    /// What must be told before the subflows are, in the order of telling.
    pub(super) fn take_first<P>(&mut self) -> Option<Action<P>> {
        if let Some((counter, amount)) = self.counts.take() {
            return Some(Action::Count(counter, amount));
        }
        if core::mem::take(&mut self.capable) {
            return Some(Action::PathIsCapable);
        }
        if core::mem::take(&mut self.blackhole) {
            return Some(Action::Blackhole);
        }
        if let Some(una) = self.release.take() {
            return Some(Action::Release { una });
        }
        if let Some(reason) = self.fell_back.take() {
            return Some(Action::FellBack(reason));
        }
        if let Some(error) = self.error.take() {
            return Some(Action::Error(error));
        }
        if let Some(state) = self.state.take() {
            return Some(Action::State(state));
        }
        if core::mem::take(&mut self.receive_shut) {
            return Some(Action::ReceiveShut);
        }
        if core::mem::take(&mut self.send_shut) {
            return Some(Action::SendShut);
        }
        None
    }

    /// What is told after the subflows.
    pub(super) fn take_last<P>(&mut self) -> Option<Action<P>> {
        if core::mem::take(&mut self.wake_reader) {
            return Some(Action::WakeReader);
        }
        if core::mem::take(&mut self.wake_writer) {
            return Some(Action::WakeWriter);
        }
        if core::mem::take(&mut self.token_released) {
            return Some(Action::TokenReleased);
        }
        None
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
}
