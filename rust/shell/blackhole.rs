// SPDX-License-Identifier: GPL-2.0

//! Paths that drop SYNs with MP_CAPABLE: the namespace's part in what `engine/blackhole.rs` decides.

use super::msk::now;
use super::netns::Net;
use crate::engine::Mib;
use crate::sys::sock::Sock;

impl Net {
    /// A path to a peer drops MP_CAPABLE.
    pub(super) fn blackhole(&self) {
        if self.pause().find(self.knobs().blackhole_timeout(), now()) {
            self.count(Mib::Blackhole, 1);
        }
    }

    /// The path of `ssk`, which is locked, lets MP_CAPABLE pass. The loopback device says nothing about paths.
    pub(super) fn path_is_capable(&self, ssk: &Sock) {
        if self.pause().is_on() && !ssk.routes_over_loopback() {
            self.pause().forget();
        }
    }

    /// Whether a connect on the TCP socket `ssk` may offer MPTCP now; counts why not.
    pub(super) fn may_offer(&self, ssk: &Sock) -> bool {
        if ssk.has_md5() {
            self.count(Mib::MD5SigFallback, 1);
            return false;
        }
        if self.pause().lasts(self.knobs().blackhole_timeout(), now()) {
            self.count(Mib::MPCapableSYNTXDisabled, 1);
            return false;
        }
        true
    }
}
