// SPDX-License-Identifier: GPL-2.0

//! poll(2) and ioctl(2).

use super::msk::Msk;
use crate::sys::sock::{state, Sock, RCV_SHUTDOWN, SEND_SHUTDOWN, SHUTDOWN_MASK};
use crate::sys::stack::poll_bits::{ERR, HUP, IN, OUT, RDHUP, RDNORM, WRNORM};
use crate::sys::stack::PollMask;
use crate::sys::{ioctl, stream};
use kernel::prelude::*;

/// What poll(2) answers in each state (uapi.md 1.5).
pub(super) fn poll(sk: &Sock, msk: &Msk) -> PollMask {
    let mut mask = 0;
    let shut = sk.shutdown();
    let now = sk.state();
    if now == state::LISTEN {
        let waiting = msk.first_ssk().is_some_and(|ssk| ssk.has_accept_queue());
        return if waiting { IN | RDNORM } else { 0 };
    }
    if shut == SHUTDOWN_MASK || now == state::CLOSE {
        mask |= HUP;
    }
    if shut & RCV_SHUTDOWN != 0 {
        mask |= IN | RDNORM | RDHUP;
    }
    if !matches!(now, state::SYN_SENT | state::SYN_RECV) {
        if is_readable(sk, msk) {
            mask |= IN | RDNORM;
        }
        if shut & SEND_SHUTDOWN != 0 || sk.is_writeable() {
            mask |= OUT | WRNORM;
        } else {
            sk.want_write_space();
            // The room may have come before the flag was set.
            if sk.is_writeable() {
                mask |= OUT | WRNORM;
            }
        }
    } else if sk.defers_connect() {
        mask |= OUT | WRNORM;
    }
    if sk.err() != 0 {
        mask |= ERR;
    }
    mask
}

/// Whether a reader would find what it waits for.
pub(super) fn is_readable(sk: &Sock, msk: &Msk) -> bool {
    let unread = msk.unread();
    let lowat = sk.rcvlowat(false, i32::MAX as usize);
    unread > 0 && (unread >= u64::try_from(lowat).unwrap_or(1) || stream::under_memory_pressure(sk))
}

/// ioctl(2) (uapi.md 1.9).
pub(super) fn ioctl(sk: &Sock, msk: &Msk, cmd: u32) -> Result<i32> {
    if !matches!(cmd, ioctl::INQ | ioctl::OUTQ | ioctl::OUTQNSD) {
        return Err(ENOIOCTLCMD);
    }
    let now = sk.state();
    if now == state::LISTEN {
        return Err(EINVAL);
    }
    let guard = sk.lock();
    let bytes = if cmd == ioctl::INQ {
        match msk.unread() {
            0 if sk.shutdown() & RCV_SHUTDOWN != 0 || now == state::CLOSE => 1,
            bytes => bytes,
        }
    } else if now == state::SYN_SENT {
        0
    } else {
        let queued = {
            let inner = msk.inner.lock();
            inner.conn.as_ref().map_or(0, |conn| {
                if cmd == ioctl::OUTQ {
                    conn.unacknowledged()
                } else {
                    conn.unsent()
                }
            })
        };
        queued
    };
    drop(guard);
    Ok(i32::try_from(bytes).unwrap_or(i32::MAX))
}
