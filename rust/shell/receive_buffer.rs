// SPDX-License-Identifier: GPL-2.0

//! Growing the receive buffer with what the program reads per round trip, as TCP does for its own.
//!
//! The measurements live under the socket's lock; only a reader comes here.

use super::msk::Msk;
use crate::sys::sock::Sock;

/// The program has read `bytes`.
pub(super) fn copied(sk: &Sock, msk: &Msk, ssk: &Sock, bytes: usize) {
    let Some(wanted) = msk.options.read_rate.measure(bytes, ssk) else {
        return;
    };
    if sk.rcvbuf_locked() {
        return;
    }
    let space = ssk.space_from_window(wanted);
    let limit = sk.rmem_max();
    let buffer = i32::try_from(space).unwrap_or(i32::MAX).min(limit);
    if buffer > sk.rcvbuf() {
        sk.set_rcvbuf(buffer);
        ssk.raise_rcvbuf(buffer);
    }
}
