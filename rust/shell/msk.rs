// SPDX-License-Identifier: GPL-2.0

//! The application's socket: what it owns, and how it is made.

use super::entry::{Entries, Entry};
use super::netns;
use super::send_queue::SendQueue;
use super::sockopt::Options;
use super::Mptcp;
use crate::engine::path_manager::{Policy, UserAddresses};
use crate::engine::{ConnState, Connection, Instant, Shared, SubflowId};
use crate::new_bh_lock;
use crate::sys::bh_lock::BhLock;
use crate::sys::kernel_socket::KernelSocket;
use crate::sys::skb::{Skb, SkbList};
use crate::sys::sock::Sock;
use crate::sys::subflow::{self, SubflowGuard};
use crate::sys::time::monotonic_millis;
use crate::sys::work::Worker;
use crate::wire::{Dsn, Token};
use kernel::prelude::*;
use kernel::sync::aref::ARef;
use kernel::sync::atomic::{ordering, Atomic};
use kernel::sync::Arc;

/// The state of an MPTCP socket.
#[pin_data]
pub(crate) struct Msk {
    /// The connection and its queues; the "connection's lock" of the documentation.
    #[pin]
    pub(super) inner: BhLock<Inner>,
    #[pin]
    pub(super) worker: Worker,
    /// What segments are stamped from without the connection's lock.
    pub(super) shared: Shared,
    /// Bytes that a program may read now.
    pub(super) unread: Atomic<i64>,
    /// The token, for whoever traces; 0 if there never was one.
    token: Atomic<u32>,
    /// It listens at the port of an endpoint, for joins only.
    pub(super) joins_only: Atomic<bool>,
    /// Options that programs set, for those that no C structure keeps.
    pub(super) options: Options,
}

/// What the connection's lock guards.
pub(super) struct Inner {
    /// None before connect and in LISTEN. Boxed, so that `step` can take it out and put it back cheaply.
    pub(super) conn: Option<KBox<Connection<Skb>>>,
    /// In order, not yet taken by a reader.
    pub(super) rx: SkbList,
    /// Written, not yet acknowledged.
    pub(super) tx: SendQueue,
    pub(super) subflows: Entries,
    /// The socket of the first subflow, or of the listener, if we opened it ourselves.
    pub(super) first: Option<Arc<KernelSocket<Mptcp>>>,
    /// What decides on further subflows, once there is something to decide.
    pub(super) policy: Option<KBox<Policy>>,
    /// What it keeps for a program that manages its paths; then there is no policy.
    pub(super) user: Option<UserAddresses>,
    /// Path managers have been told that it is there.
    pub(super) told: bool,
    /// When the worker wakes up, at the latest.
    pub(super) armed: Option<Instant>,
    /// The token that the namespace knows us by.
    pub(super) token: Option<Token>,
    /// accept(2) has handed the connection out, or it is an active one.
    pub(super) accepted: bool,
    /// connect(2) holds the socket's lock: its caller must see SYN_SENT first, however fast the answer is.
    pub(super) connecting: bool,
    /// The state that waits for connect(2) to let the lock go.
    pub(super) held: Option<ConnState>,
    /// close(2) has begun: before it returns it sees to a connection that is over.
    pub(super) closing: bool,
    /// The engine has nothing left to do.
    pub(super) gone: bool,
    /// The socket was counted as in use.
    pub(super) in_use: bool,
}

impl Msk {
    /// The state of a socket that socket(2) makes.
    pub(super) fn create(sk: &Sock) -> Result<impl PinInit<Self>> {
        netns::of(sk).new_socket()?;
        let options = Options::default();
        options.set_scheduler(netns::of(sk).knobs().scheduler());
        let mut inner = Inner::new();
        inner.user = netns::of(sk).user_addresses();
        Ok(Self::new(sk, options, Shared::new(), inner))
    }

    /// The state of the socket `sk`.
    pub(super) fn new(
        sk: &Sock,
        options: Options,
        shared: Shared,
        inner: Inner,
    ) -> impl PinInit<Self> {
        let worker = Worker::new::<Mptcp>(sk);
        pin_init!(Self {
            inner <- new_bh_lock!(inner, "rust_mptcp connection"),
            worker <- worker,
            shared,
            unread: Atomic::new(0),
            token: Atomic::new(0),
            joins_only: Atomic::new(false),
            options,
        })
    }

    /// What tracepoints call the connection.
    pub(super) fn token(&self) -> u32 {
        self.token.load(ordering::Relaxed)
    }

    /// The connection has this token, or is plain TCP without one.
    pub(super) fn set_token(&self, token: Option<Token>) {
        self.token
            .store(token.map_or(0, |token| token.0), ordering::Relaxed);
    }

    /// Bytes that a program may read now.
    pub(super) fn unread(&self) -> u64 {
        u64::try_from(self.unread.load(ordering::Acquire)).unwrap_or(0)
    }

    /// Where the first subflow's TCP socket is, or the listener's, if there is one.
    pub(super) fn first_ssk(&self) -> Option<ARef<Sock>> {
        let inner = self.inner.lock();
        inner
            .subflows
            .get(SubflowId::FIRST)
            .map(|entry| entry.ssk.clone())
            .or_else(|| inner.first.as_ref().map(|first| first.sock().hold()))
            // The first one is gone: another one speaks for the connection.
            .or_else(|| inner.subflows.iter().next().map(|entry| entry.ssk.clone()))
    }

    /// The first subflow above `last`. To visit all of them while none is locked: the list may change in between.
    pub(super) fn next_subflow(&self, last: Option<SubflowId>) -> Option<Visit> {
        self.inner.lock().next_subflow(last)
    }

    /// The first subflow above `last` for which something waits.
    pub(super) fn next_waiting(&self, last: Option<SubflowId>) -> Option<Visit> {
        self.inner.lock().next_waiting(last)
    }
}

/// A subflow in turn; see [`Msk::next_subflow`].
pub(super) struct Visit {
    pub(super) id: SubflowId,
    pub(super) ssk: ARef<Sock>,
    /// There is another one after it.
    pub(super) more: bool,
    /// There is no other, and was none lately.
    pub(super) alone: bool,
    /// See [`Entry::child`].
    pub(super) child: bool,
    /// See [`Entry::waits_beside_push`].
    pub(super) waits: bool,
    accepted: bool,
}

impl Visit {
    /// The subflow's lock, in process context. A connection that nobody has accepted yet must not sleep with it.
    pub(super) fn lock(&self) -> Option<SubflowGuard<'_, Mptcp>> {
        if self.accepted {
            subflow::lock(&self.ssk)
        } else {
            subflow::lock_fast(&self.ssk)
        }
    }
}

impl Inner {
    /// What a socket without a connection has.
    pub(super) fn new() -> Self {
        Self {
            conn: None,
            rx: SkbList::new(),
            tx: SendQueue::new(Dsn(0)),
            subflows: Entries::default(),
            first: None,
            policy: None,
            user: None,
            told: false,
            armed: None,
            token: None,
            accepted: true,
            connecting: false,
            held: None,
            closing: false,
            gone: false,
            in_use: false,
        }
    }

    /// See [`Msk::next_subflow`].
    pub(super) fn next_subflow(&self, last: Option<SubflowId>) -> Option<Visit> {
        let entry = self.subflows.after(last)?;
        Some(self.visit(entry))
    }

    /// See [`Msk::next_waiting`].
    pub(super) fn next_waiting(&self, last: Option<SubflowId>) -> Option<Visit> {
        let entry = self.subflows.next_waiting(last)?;
        Some(self.visit(entry))
    }

    fn visit(&self, entry: &Entry) -> Visit {
        Visit {
            id: entry.id,
            ssk: entry.ssk.clone(),
            more: self.subflows.after(Some(entry.id)).is_some(),
            alone: !self.subflows.are_several(),
            child: entry.child,
            waits: entry.waits_beside_push(),
            accepted: self.accepted,
        }
    }
}

/// The engine's clock.
pub(super) fn now() -> Instant {
    Instant::from_millis(monotonic_millis())
}
