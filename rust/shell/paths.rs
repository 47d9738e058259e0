// SPDX-License-Identifier: GPL-2.0

//! The path manager of a connection: news to the policy, and what the policy wants carried out.
//!
//! The policy lives under the connection's lock. It is made when there is something to decide, so that a connection with
//! one subflow in a namespace without endpoints never has one.

use super::act::Outcome;
use super::msk::{now, Inner, Msk};
use super::netns;
use super::open;
use crate::engine::path_manager::policy::Place;
use crate::engine::path_manager::{Endpoints, Policy, Step};
use crate::engine::{Connection, Mib, Mode, PathEvent};
use crate::sys::skb::Skb;
use crate::sys::sock::Sock;
use crate::wire::AddrId;
use core::net::SocketAddr;
use core::num::NonZeroU16;
use kernel::prelude::*;

/// An end of the first subflow.
fn place(end: SocketAddr) -> Place {
    Place {
        id: AddrId::INITIAL,
        addr: end.ip(),
        port: NonZeroU16::new(end.port()),
    }
}

/// A policy for the connection of `sk` as it is now; none for plain TCP, nor without memory.
fn new_policy(sk: &Sock, conn: &Connection<Skb>, table: &Endpoints) -> Option<KBox<Policy>> {
    conn.join_keys()?;
    let (local, remote) = (place(sk.local_end()), place(sk.remote_end()));
    let policy = Policy::new(local, remote, conn.remote_denies_join());
    let mut policy = KBox::new(policy, GFP_ATOMIC).ok()?;
    if conn.mode() == Mode::Verified {
        policy.on_event(&PathEvent::Established, table);
    }
    Some(policy)
}

impl Inner {
    /// Gives news to the policy. Says whether it may want something now.
    pub(super) fn tell_policy(
        &mut self,
        sk: &Sock,
        conn: &Connection<Skb>,
        event: &PathEvent,
    ) -> bool {
        if self.user.is_some() {
            return false;
        }
        let table = netns::of(sk).endpoints().lock();
        if self.policy.is_none() {
            let matters = match event {
                PathEvent::Established => table.iter().next().is_some(),
                PathEvent::Announced { .. } => true,
                _ => false,
            };
            if matters {
                self.policy = new_policy(sk, conn, &table);
            }
        }
        match self.policy.as_mut() {
            Some(policy) => policy.on_event(event, &table),
            None => return false,
        }
        true
    }

    /// The policy, made if needed, and the table that it decides by. None where a program decides.
    pub(super) fn with_policy<R>(
        &mut self,
        sk: &Sock,
        f: impl FnOnce(&mut Policy, &mut Endpoints) -> R,
    ) -> Option<R> {
        if self.user.is_some() {
            return None;
        }
        let mut table = netns::of(sk).endpoints().lock();
        if self.policy.is_none() {
            self.policy = new_policy(sk, self.conn.as_ref()?, &table);
        }
        let policy = self.policy.as_mut()?;
        Some(f(policy, &mut table))
    }
}

/// The endpoints of the namespace have changed: `tell` says how, and what follows is done soon. Any context without the
/// connection's lock.
pub(super) fn endpoints_changed(sk: &Sock, msk: &Msk, tell: impl FnOnce(&mut Policy)) {
    let known = msk.inner.lock().with_policy(sk, |policy, _| tell(policy));
    if known.is_some() {
        msk.worker.queue();
    }
}

/// Carries out what the policy wants. Process context, the socket locked, no subflow's lock held.
pub(super) fn manage(sk: &Sock, msk: &Msk) {
    loop {
        let step = {
            let mut inner = msk.inner.lock();
            let Some(policy) = inner.policy.as_mut() else {
                return;
            };
            let table = netns::of(sk).endpoints().lock();
            policy.poll(&table)
        };
        match step {
            None => return,
            Some(step) => carry_out(sk, msk, step),
        }
    }
}

fn carry_out(sk: &Sock, msk: &Msk, step: Step) {
    match step {
        Step::Open { from, to } => {
            let came = open::join(sk, msk, from.as_ref(), &to);
            let mut guard = msk.inner.lock();
            let inner = &mut *guard;
            if let (Some(policy), Some(conn)) = (inner.policy.as_mut(), inner.conn.as_ref()) {
                // On a short way the peer refuses it before connect(2) returns.
                policy.opened(came.filter(|(sf, _)| conn.has_subflow(*sf)));
            }
        }
        Step::Announce(place) => {
            let mut refused = false;
            command(sk, msk, |conn| {
                let said = conn.announce(place.id, place.addr, place.port, now());
                refused = said.is_err();
            });
            if refused {
                // It never will be: the connection is closing, or the number is taken. The next one may follow.
                let (id, echoed) = (place.id, false);
                let failed = PathEvent::AnnounceDone { id, echoed };
                let tell =
                    |policy: &mut Policy, table: &mut Endpoints| policy.on_event(&failed, table);
                let _known = msk.inner.lock().with_policy(sk, tell);
            }
        }
        Step::Withdraw(gone) => command(sk, msk, |conn| conn.withdraw(&gone, now())),
        Step::Close(sf) => {
            netns::of(sk).count(Mib::RmSubflow, 1);
            command(sk, msk, |conn| {
                conn.close_subflow(sf, now());
            });
        }
        Step::Prio { local, backup } => command(sk, msk, |conn| {
            conn.set_priority_from(local, backup, now());
        }),
    }
}

/// Has the engine do something. Process context, no subflow's lock held.
pub(super) fn command(sk: &Sock, msk: &Msk, f: impl FnOnce(&mut Connection<Skb>)) {
    let asked = {
        let mut inner = msk.inner.lock();
        inner.ask(sk, msk, |conn, _, _| f(conn))
    };
    let ((), out) = asked.unwrap_or_else(|| ((), Outcome::default()));
    out.finish(sk, msk);
}
