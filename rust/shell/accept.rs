// SPDX-License-Identifier: GPL-2.0

//! listen(2) and accept(2).

use super::connect;
use super::msk::Msk;
use super::netns;
use super::pm;
use super::sockopt::Parting;
use super::Mptcp;
use crate::engine::{Mib, SubflowId};
use crate::sys::accept::Accept;
use crate::sys::cgroup;
use crate::sys::proto;
use crate::sys::sock::{state, Sock};
use crate::sys::subflow;
use kernel::prelude::*;
use kernel::sync::aref::ARef;

/// listen(2).
pub(super) fn listen(sk: &Sock, msk: &Msk, backlog: i32, unconnected: bool) -> Result {
    let guard = sk.lock();
    if !unconnected {
        return Err(EINVAL);
    }
    let ssk = connect::first_socket(sk, msk)?;
    msk.options.set_parting(Parting::Never);
    connect::need_hooks(sk, msk)?;
    ssk.save_syn();
    netns::of(sk).expect_joins();
    connect::with_first(msk, |first| first.listen(backlog))?;
    if sk.state() != state::LISTEN {
        sk.set_state(state::LISTEN);
        count_use(sk, msk, true);
    }
    proto::copy_addresses(sk, &ssk);
    pm::events::listener(sk, &ssk, true);
    drop(guard);
    Ok(())
}

/// Counts the socket as in use, or no more; once each.
pub(super) fn count_use(sk: &Sock, msk: &Msk, on: bool) {
    let was = core::mem::replace(&mut msk.inner.lock().in_use, on);
    if was == on {
        return;
    }
    sk.prot_inuse_add(if on { 1 } else { -1 });
    let listeners = &netns::of(sk).listeners;
    if on {
        listeners.insert(sk);
    } else {
        listeners.remove(sk);
    }
}

/// The next subflow after `last` that TCP made and that has no descriptor to borrow.
fn next_poor(msk: &Msk, last: SubflowId) -> Option<(SubflowId, ARef<Sock>)> {
    let inner = msk.inner.lock();
    let next = inner
        .subflows
        .iter()
        .find(|entry| entry.id > last && entry.child && !entry.lent)?;
    Some((next.id, next.ssk.clone()))
}

/// accept(2).
pub(super) fn accept(_sk: &Sock, msk: &Msk, mut call: Accept<'_>) -> Result {
    // Held while we sleep on it: a listener may be shut down meanwhile.
    let listener = msk.inner.lock().first.clone().ok_or(EINVAL)?;
    let child = call.next(listener.sock())?;
    let new = subflow::of::<Mptcp>(&child)
        .and_then(|subflow| subflow.msk())
        .map(|(sk, _)| sk.hold());
    let Some(new) = new else {
        call.give_plain(child);
        return Ok(());
    };
    let Some(state) = proto::msk_of::<Mptcp>(&new) else {
        return Err(EINVAL);
    };
    netns::of(&new).count(Mib::MPCapableACKRX, 1);
    call.give::<Mptcp>(&new, &child, |call| {
        // Joins that were faster, before the worker may see to them.
        let mut last = SubflowId::FIRST;
        while let Some((sf, joined)) = next_poor(state, last) {
            call.lend::<Mptcp>(&new, &joined);
            last = sf;
        }
        let mut inner = state.inner.lock();
        cgroup::pay_as(&new, &child);
        inner.accepted = true;
        // TCP's queue gave up its reference: from here on we close the child.
        if let Some(entry) = inner.subflows.get_mut(SubflowId::FIRST) {
            (entry.child, entry.lent) = (true, true);
        }
    });
    // Of the bytes on a SYN TCP tells nobody.
    if let Some(mut locked) = subflow::lock::<Mptcp>(&child) {
        super::subflow::pull(&new, state, &mut locked);
    }
    let gone = child.state() == state::CLOSE;
    // The connection's list of subflows holds the reference that TCP's queue had.
    core::mem::forget(child);
    super::send_buffer::sum(&new, state);
    // What went wrong before anybody could see it is seen to now.
    let wants_worker = {
        let mut inner = state.inner.lock();
        let dead = gone && inner.bury(SubflowId::FIRST);
        dead || inner.subflows.are_several() || inner.subflows.next_waiting(None).is_some()
    };
    if wants_worker {
        state.worker.queue();
    }
    Ok(())
}
