// SPDX-License-Identifier: GPL-2.0

//! How much a program reads per round trip: what the receive buffer should hold twice.

use crate::sys::time::monotonic_micros;
use kernel::sync::atomic::{ordering, Atomic};

/// Measured by the reader alone, under the socket's lock; atomics only so that it may live in shared state.
pub(crate) struct ReadRate {
    since: Atomic<u64>,
    copied: Atomic<u64>,
    last: Atomic<u64>,
}

impl Default for ReadRate {
    fn default() -> Self {
        Self {
            since: Atomic::new(0),
            copied: Atomic::new(0),
            last: Atomic::new(0),
        }
    }
}

impl ReadRate {
    /// Counts `bytes`; once per round trip of `rtt` microseconds, says what window would let the program read on at its
    /// pace.
    pub(crate) fn measure(&self, bytes: usize, rtt: u64) -> Option<u32> {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let copied = self.copied.load(ordering::Relaxed).saturating_add(bytes);
        self.copied.store(copied, ordering::Relaxed);
        let now = monotonic_micros();
        let since = self.since.load(ordering::Relaxed);
        if rtt == 0 || now.saturating_sub(since) < rtt {
            return None;
        }
        self.since.store(now, ordering::Relaxed);
        self.copied.store(0, ordering::Relaxed);
        let last = self.last.load(ordering::Relaxed);
        if copied <= last {
            return None;
        }
        self.last.store(copied, ordering::Relaxed);
        // Twice what was read, and room for the peer's window to grow by as much as it just did.
        let grown =
            copied.saturating_sub(last).saturating_mul(copied) / last.max(copied / 2).max(1);
        let wanted = copied.saturating_add(grown).saturating_mul(2);
        u32::try_from(wanted).ok()
    }
}
