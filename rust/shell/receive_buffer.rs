// SPDX-License-Identifier: GPL-2.0

//! Growing the receive buffer with what the program reads per round trip, as TCP does for its own.
//!
//! The measurements live under the socket's lock; only a reader comes here. Of several subflows the slowest counts: what
//! the others deliver meanwhile may have to wait for it (RFC 8684 3.3.4).

use super::msk::{Msk, Visit};
use super::recvmsg::each_other;
use crate::sys::sock::Sock;

/// The program has read `bytes`; `first` is the first subflow.
pub(super) fn copied(sk: &Sock, msk: &Msk, first: &Visit, bytes: usize) {
    let mut rtt = first.ssk.rcv_rtt_micros();
    if first.more {
        each_other(msk, first, |other| {
            rtt = rtt.max(other.ssk.rcv_rtt_micros());
        });
    }
    let Some(wanted) = msk.options.read_rate.measure(bytes, rtt) else {
        return;
    };
    if sk.rcvbuf_locked() {
        return;
    }
    let space = first.ssk.space_from_window(wanted);
    let limit = sk.rmem_max();
    let buffer = i32::try_from(space).unwrap_or(i32::MAX).min(limit);
    if buffer > sk.rcvbuf() {
        super::trace::grows(msk, sk.rcvbuf(), buffer, rtt);
        raise(sk, msk, buffer);
    }
}

/// A reader wants to wait for `bytes`: the buffers have to hold them, unless a program fixed their size.
pub(super) fn hold(sk: &Sock, msk: &Msk, bytes: i32) {
    let (Some(ssk), Ok(window)) = (msk.first_ssk(), u32::try_from(bytes)) else {
        return;
    };
    let space = i32::try_from(ssk.space_from_window(window)).unwrap_or(i32::MAX);
    if !sk.rcvbuf_locked() && space > sk.rcvbuf() {
        ssk.raise_rcvbuf(space);
        raise(sk, msk, space);
    }
}

/// Makes all receive buffers as large as this.
fn raise(sk: &Sock, msk: &Msk, bytes: i32) {
    sk.set_rcvbuf(bytes);
    let mut last = None;
    while let Some(visit) = msk.next_subflow(last) {
        visit.ssk.raise_rcvbuf(bytes);
        last = Some(visit.id);
    }
}
