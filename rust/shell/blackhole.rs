// SPDX-License-Identifier: GPL-2.0

//! Paths that drop SYNs with MP_CAPABLE: after one was found, the namespace offers MPTCP to nobody for a while (RFC 8684
//! 3.9 leaves how long to us: `net.mptcp.blackhole_timeout`, doubled with each one found in a row).

use super::netns::Net;
use crate::engine::Mib;
use crate::sys::sock::Sock;
use crate::sys::time::monotonic_millis;
use kernel::sync::atomic::{ordering, Atomic};

/// The pause of a namespace.
pub(super) struct Blackhole {
    /// Black holes found in a row.
    found: Atomic<u32>,
    /// When the last one was.
    at: Atomic<u64>,
    /// The knob at that time: writing to it ends the pause, as far as it can be seen.
    timeout: Atomic<u32>,
}

/// The pause is doubled no more often than this.
const MAX_DOUBLINGS: u32 = 6;

impl Blackhole {
    pub(super) const fn new() -> Self {
        Self {
            found: Atomic::new(0),
            at: Atomic::new(0),
            timeout: Atomic::new(0),
        }
    }

    fn find(&self, timeout: u32) {
        if self.timeout.load(ordering::Relaxed) != timeout {
            self.found.store(0, ordering::Relaxed);
            self.timeout.store(timeout, ordering::Relaxed);
        }
        self.at.store(monotonic_millis(), ordering::Relaxed);
        let _before = self.found.fetch_add(1, ordering::Release);
    }

    fn lasts(&self, timeout: u32) -> bool {
        let found = self.found.load(ordering::Acquire);
        if found == 0 || timeout == 0 {
            return false;
        }
        if self.timeout.load(ordering::Relaxed) != timeout {
            self.found.store(0, ordering::Relaxed);
            return false;
        }
        let doublings = found.saturating_sub(1).min(MAX_DOUBLINGS);
        let millis = u64::from(timeout).saturating_mul(1000) << doublings;
        let passed = monotonic_millis().saturating_sub(self.at.load(ordering::Relaxed));
        passed < millis
    }
}

impl Net {
    /// A path to a peer drops MP_CAPABLE.
    pub(super) fn blackhole(&self) {
        let timeout = self.knobs().blackhole_timeout();
        if timeout != 0 {
            self.pause().find(timeout);
            self.count(Mib::Blackhole, 1);
        }
    }

    /// The path of `ssk`, which is locked, lets MP_CAPABLE pass. The loopback device says nothing about paths.
    pub(super) fn path_is_capable(&self, ssk: &Sock) {
        let found = &self.pause().found;
        if found.load(ordering::Relaxed) != 0 && !ssk.routes_over_loopback() {
            found.store(0, ordering::Relaxed);
        }
    }

    /// Whether a connect on the TCP socket `ssk` may offer MPTCP now; counts why not.
    pub(super) fn may_offer(&self, ssk: &Sock) -> bool {
        if ssk.has_md5() {
            self.count(Mib::MD5SigFallback, 1);
            return false;
        }
        if self.pause().lasts(self.knobs().blackhole_timeout()) {
            self.count(Mib::MPCapableSYNTXDisabled, 1);
            return false;
        }
        true
    }
}
