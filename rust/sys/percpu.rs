// SPDX-License-Identifier: GPL-2.0

//! A note from one function to another that it calls through C on the same CPU, bottom halves off.
//!
//! There are as many places as there are CPUs, up to a bound; a CPU beyond it goes without.

use super::bindings;
use core::cell::UnsafeCell;

/// CPUs that can take notes.
const CPUS: usize = 512;

/// One note per CPU.
pub(crate) struct CpuNote<T>([UnsafeCell<Option<T>>; CPUS]);

// SAFETY: Each CPU touches its own place only, with bottom halves off and never in hard interrupts.
unsafe impl<T: Send> Sync for CpuNote<T> {}

impl<T: Clone> CpuNote<T> {
    /// No notes.
    pub(crate) const fn new() -> Self {
        Self([const { UnsafeCell::new(None) }; CPUS])
    }

    fn place(&self) -> Option<*mut Option<T>> {
        // SAFETY: Reads the number of the CPU that we run on, which cannot change with bottom halves off.
        let cpu = unsafe { bindings::rmptcp_cpu() };
        self.0.get(cpu as usize).map(UnsafeCell::get)
    }

    /// Leaves a note on this CPU. Context: softirq, or bottom halves off.
    pub(crate) fn set(&self, note: T) {
        if let Some(place) = self.place() {
            // SAFETY: The place of this CPU; see `Sync`.
            unsafe { *place = Some(note) };
        }
    }

    /// The note of this CPU. Context: as `set`.
    pub(crate) fn get(&self) -> Option<T> {
        // SAFETY: As in `set`.
        self.place().and_then(|place| unsafe { (*place).clone() })
    }

    /// Takes the note of this CPU away. Context: as `set`.
    pub(crate) fn clear(&self) {
        if let Some(place) = self.place() {
            // SAFETY: As in `set`.
            unsafe { *place = None };
        }
    }
}
