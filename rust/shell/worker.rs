// SPDX-License-Identifier: GPL-2.0

//! Deferred work of a connection, in process context: timers, what waits for a subflow's lock, the end of orphans.

use super::act;
use super::msk::Msk;
use super::subflow;
use crate::engine::Event;
use crate::sys::sock::Sock;

/// One run of the worker.
pub(super) fn work(sk: &Sock, msk: &Msk) {
    {
        let guard = sk.lock();
        let due = {
            let mut inner = msk.inner.lock();
            inner.armed = None;
            inner.conn.is_some()
        };
        if due {
            msk.post(sk, Event::Timer).finish(sk, msk);
            flush_all(sk, msk);
            super::sendmsg::push_all(sk, msk);
        }
        drop(guard);
    }
    super::close::finish(sk, msk);
}

/// Does what waits for the lock of each subflow. Process context, no subflow's lock held.
pub(super) fn flush_all(sk: &Sock, msk: &Msk) {
    let mut last = None;
    loop {
        let next = {
            let inner = msk.inner.lock();
            let entry = inner.subflows.next_waiting(last);
            entry.map(|entry| (entry.id, entry.ssk.clone()))
        };
        let Some((id, ssk)) = next else {
            return;
        };
        if let Some(mut locked) = subflow::lock(msk, &ssk) {
            act::flush(sk, msk, &mut locked);
        }
        last = Some(id);
    }
}
