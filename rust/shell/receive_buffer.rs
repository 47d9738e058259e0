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

/// A reader wants to wait for `bytes`: the buffers have to hold them, unless a program fixed their size.
pub(super) fn hold(sk: &Sock, ssk: &Sock, bytes: i32) {
    let Ok(window) = u32::try_from(bytes) else {
        return;
    };
    let space = i32::try_from(ssk.space_from_window(window)).unwrap_or(i32::MAX);
    if !sk.rcvbuf_locked() && space > sk.rcvbuf() {
        sk.set_rcvbuf(space);
        ssk.raise_rcvbuf(space);
    }
}
