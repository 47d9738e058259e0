// SPDX-License-Identifier: GPL-2.0

//! The send buffer of a connection: the smallest one of TCP and what the engine makes of those of its subflows, unless a
//! program fixed it.

use super::msk::Msk;
use super::sendmsg::wants_acks;
use super::Mptcp;
use crate::engine::send_buffer::{self, PathBuffer};
use crate::sys::sock::Sock;
use crate::sys::subflow::SubflowLocked;
use kernel::sync::rcu;

fn of(ssk: &Sock) -> PathBuffer {
    PathBuffer {
        octets: u32::try_from(ssk.sndbuf()).unwrap_or(0),
        srtt: ssk.srtt_micros(),
    }
}

/// Adds up the send buffers if what this subflow has to do with it has changed.
pub(super) fn follow(sk: &Sock, msk: &Msk, locked: &mut SubflowLocked<'_, Mptcp>) {
    let now = of(locked.sock());
    let before = &mut locked.locked().buffered;
    if now.octets != before.octets || send_buffer::is_news(before.srtt, now.srtt) {
        *before = now;
        sum(sk, msk);
    }
}

/// Adds up the send buffers. Any context without the connection's lock.
pub(super) fn sum(sk: &Sock, msk: &Msk) {
    if sk.sndbuf_locked() {
        return;
    }
    let most = u32::try_from(sk.wmem_max()).unwrap_or(0);
    let wanted = {
        let inner = msk.inner.lock();
        send_buffer::wanted(inner.subflows.iter().map(|entry| of(&entry.ssk)), most)
    };
    let wanted = i32::try_from(wanted).unwrap_or(i32::MAX);
    let bytes = sk.wmem_min().saturating_add(wanted);
    let before = sk.sndbuf();
    if bytes == before {
        return;
    }
    sk.set_sndbuf(bytes);
    // As in `act::Outcome::tell`.
    let _rcu = rcu::read_lock();
    if bytes > before && !sk.is_dead() {
        sk.write_space();
        // That cleared the flag that has TCP call us back.
        let wanted = wants_acks(msk, &msk.inner.lock());
        if wanted {
            sk.want_write_space();
        }
    }
}
