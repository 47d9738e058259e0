// SPDX-License-Identifier: GPL-2.0

//! Deferred work of a connection, in process context: timers, what waits for a subflow's lock, the end of orphans.

use super::act;
use super::msk::Msk;
use super::Mptcp;
use crate::engine::Event;
use crate::sys::sock::Sock;
use crate::sys::subflow;

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
            lend_socket(sk, msk);
            super::paths::manage(sk, msk);
            take_out_dead(msk);
        }
        drop(guard);
    }
    super::close::finish(sk, msk);
}

/// Rounds over the subflows after which others get their turn.
const ROUNDS: u32 = 64;

/// Does what waits for the lock of each subflow. Process context, no subflow's lock held.
///
/// What one of them is given to do may leave something for another.
pub(super) fn flush_all(sk: &Sock, msk: &Msk) {
    for _ in 0..ROUNDS {
        let mut last = None;
        while let Some(visit) = msk.next_waiting(last) {
            if let Some(mut locked) = visit.lock() {
                act::flush(sk, msk, &mut locked);
            }
            last = Some(visit.id);
        }
        if last.is_none() {
            return;
        }
    }
    msk.worker.queue();
}

/// Lends the program's `struct socket` to subflows that TCP made since, with the options of that. The socket is locked.
fn lend_socket(sk: &Sock, msk: &Msk) {
    loop {
        let poor = {
            let inner = msk.inner.lock();
            if !inner.accepted || sk.is_dead() {
                return;
            }
            inner.subflows.poor()
        };
        let Some((sf, ssk)) = poor else {
            return;
        };
        match subflow::lock::<Mptcp>(&ssk) {
            Some(mut locked) => locked.set_parent(Some(sk)),
            None => {
                // TCP is at making it, on another CPU.
                msk.worker.queue();
                return;
            }
        }
        super::sockopt::inherit_joined(sk, msk, &ssk);
        if let Some(entry) = msk.inner.lock().subflows.get_mut(sf) {
            entry.lent = true;
        }
    }
}

/// Closes the subflows that TCP is done with and that the connection goes on without. The socket is locked.
fn take_out_dead(msk: &Msk) {
    loop {
        let dead = msk.inner.lock().subflows.take_dead();
        let Some(entry) = dead else {
            return;
        };
        super::close::close_subflow(entry);
    }
}
