// SPDX-License-Identifier: GPL-2.0

//! `MPTcpExt` of `/proc/net/netstat`. The engine counts what it decides; what only the shell sees is counted where it is.

use super::netns::{self, Net};
use crate::engine::Mib;
use crate::sys::mib;
use crate::sys::sock::{state, Sock};

impl Net {
    /// Adds to a counter. Any context.
    pub(super) fn count(&self, counter: Mib, n: i32) {
        mib::add(self.net(), counter.index(), n);
    }

    /// A connection went from one state of `sk_state` to another.
    pub(super) fn gauge(&self, from: u8, to: u8) {
        match (is_current(from), is_current(to)) {
            (false, true) => self.count(Mib::MPCurrEstab, 1),
            (true, false) => self.count(Mib::MPCurrEstab, -1),
            _ => {}
        }
    }
}

/// Whether MPCurrEstab counts a connection in this state.
fn is_current(sk_state: u8) -> bool {
    matches!(sk_state, state::ESTABLISHED | state::CLOSE_WAIT)
}

/// Sets `sk_state`, and keeps the gauge of current connections.
///
/// Context: as [`Sock::set_state`].
pub(super) fn set_state(sk: &Sock, to: u8) {
    netns::of(sk).gauge(sk.state(), to);
    sk.set_state(to);
}
