// SPDX-License-Identifier: GPL-2.0

//! The send buffer of a connection: the smallest one of TCP and what its subflows have together, unless a program fixed
//! it.

use super::msk::Msk;
use super::sendmsg::wants_acks;
use super::Mptcp;
use crate::sys::sock::Sock;
use crate::sys::subflow::SubflowLocked;
use kernel::sync::rcu;

/// Adds up the send buffers if that of this subflow has changed.
pub(super) fn follow(sk: &Sock, msk: &Msk, locked: &mut SubflowLocked<'_, Mptcp>) {
    let bytes = locked.sock().sndbuf();
    if core::mem::replace(&mut locked.locked().sndbuf, bytes) != bytes {
        sum(sk, msk);
    }
}

/// Adds up the send buffers. Any context without the connection's lock.
pub(super) fn sum(sk: &Sock, msk: &Msk) {
    if sk.sndbuf_locked() {
        return;
    }
    let bytes = {
        let inner = msk.inner.lock();
        let buffers = inner.subflows.iter().map(|entry| entry.ssk.sndbuf());
        buffers.fold(sk.wmem_min(), i32::saturating_add)
    };
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
