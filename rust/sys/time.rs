// SPDX-License-Identifier: GPL-2.0

//! The monotonic clock.
//!
//! C header: [`include/linux/timekeeping.h`](srctree/include/linux/timekeeping.h)

use super::bindings;

/// Milliseconds since an arbitrary start, as fine as a jiffy: cheap enough for every segment. Any context.
pub(crate) fn monotonic_millis() -> u64 {
    // SAFETY: Reads the clock.
    unsafe { bindings::rmptcp_jiffies_ms() }
}

/// Microseconds since boot. Any context.
pub(crate) fn monotonic_micros() -> u64 {
    // SAFETY: Reads the clock.
    unsafe { bindings::rmptcp_mono_ns() / 1000 }
}

/// Milliseconds as jiffies, one more than the quotient so that a wait is never too short.
pub(crate) fn jiffies(millis: u64) -> usize {
    let hz = u64::from(bindings::HZ);
    usize::try_from(millis.saturating_mul(hz) / 1000 + 1).unwrap_or(usize::MAX)
}

/// Jiffies as milliseconds.
pub(crate) fn millis(jiffies: u32) -> u64 {
    u64::from(jiffies) * 1000 / u64::from(bindings::HZ)
}
