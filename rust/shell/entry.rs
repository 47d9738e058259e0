// SPDX-License-Identifier: GPL-2.0

//! The subflows of a connection, and what waits for the lock of each. Guarded by the connection's lock.

use super::Mptcp;
use crate::engine::mem::FVec;
use crate::engine::{Order, SubflowId};
use crate::sys::kernel_socket::KernelSocket;
use crate::sys::sock::Sock;
use kernel::prelude::*;
use kernel::sync::aref::ARef;
use kernel::sync::Arc;

/// One thing to do under the lock of a subflow; the names are those of the engine's actions.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Todo {
    Tell(Order),
    Reset,
    Push,
    Ack,
    LateAck,
    Close,
}

/// What is to be done under the lock of one subflow: orders in their order, then the rest in that of the bits. Asking
/// twice is asking once.
#[derive(Default)]
struct Pending {
    /// As many as a connection with one subflow ever has: keys, a failure, a reset.
    orders: [Option<Order>; 3],
    /// What has no place there: addresses come and go while a process owns the subflow.
    more: FVec<Order>,
    due: u8,
}

/// See [`Pending::more`].
const MORE_ORDERS: usize = 16;

const RESET: u8 = 1;
const PUSH: u8 = 1 << 1;
const ACK: u8 = 1 << 2;
const LATE_ACK: u8 = 1 << 3;
const CLOSE: u8 = 1 << 4;

impl Pending {
    fn add(&mut self, what: Todo) {
        self.due |= match what {
            Todo::Reset => RESET,
            Todo::Push => PUSH,
            Todo::Ack => ACK,
            Todo::LateAck => LATE_ACK,
            Todo::Close => CLOSE,
            Todo::Tell(order) => {
                self.add_order(order);
                0
            }
        };
    }

    fn add_order(&mut self, order: Order) {
        if self.orders.contains(&Some(order)) || self.more.iter().any(|other| *other == order) {
            return;
        }
        match self.orders.iter_mut().find(|slot| slot.is_none()) {
            Some(slot) => *slot = Some(order),
            // A peer that makes us answer without end need not hear it all.
            None if self.more.len() < MORE_ORDERS => {
                let _lost_without_memory = self.more.push(order);
            }
            None => {}
        }
    }

    fn take_order(&mut self) -> Option<Order> {
        let order = self.orders.first_mut()?.take()?;
        self.orders.rotate_left(1);
        if let Some(slot) = self.orders.last_mut() {
            *slot = self.more.remove(0);
        }
        Some(order)
    }

    fn take(&mut self, not: u8) -> Option<Todo> {
        if let Some(order) = self.take_order() {
            return Some(Todo::Tell(order));
        }
        let due = self.due & !not;
        let lowest = due & due.wrapping_neg();
        self.due &= !lowest;
        match lowest {
            RESET => Some(Todo::Reset),
            PUSH => Some(Todo::Push),
            ACK => Some(Todo::Ack),
            LATE_ACK => Some(Todo::LateAck),
            CLOSE => Some(Todo::Close),
            _ => None,
        }
    }

    /// Whether anything waits, beside what is in `not`.
    fn has(&self, not: u8) -> bool {
        self.due & !not != 0 || matches!(self.orders.first(), Some(Some(_)))
    }
}

/// A TCP socket that we opened for a subflow.
pub(super) type OwnSocket = KernelSocket<Mptcp>;

/// A subflow of the connection.
pub(super) struct Entry {
    pub(super) id: SubflowId,
    pub(super) ssk: ARef<Sock>,
    /// TCP made it from a handshake: no `struct socket` stands for it, we close it ourselves.
    pub(super) child: bool,
    /// A child that has no `struct socket` of its own is lent the program's.
    pub(super) lent: bool,
    /// The socket that we opened for it; that of the first subflow is kept elsewhere.
    pub(super) socket: Option<Arc<OwnSocket>>,
    /// TCP is done with it, and the connection goes on without: the worker closes it.
    pub(super) dead: bool,
    /// Whoever has its lock looks for more to do before letting go.
    pub(super) flushing: bool,
    /// The peer's FIN has arrived and TCP takes it next: ours then acknowledges it, and neither crosses the other.
    pub(super) fin_coming: bool,
    pending: Pending,
}

impl Entry {
    pub(super) fn new(id: SubflowId, ssk: ARef<Sock>) -> Self {
        Self {
            id,
            ssk,
            child: false,
            lent: false,
            socket: None,
            dead: false,
            flushing: false,
            fin_coming: false,
            pending: Pending::default(),
        }
    }

    /// Keeps for later what needs its lock.
    pub(super) fn put_off(&mut self, what: Todo) {
        self.pending.add(what);
    }

    /// The next thing to do; a reset only if that may be now. Notes whether the holder of the lock comes again.
    pub(super) fn next_pending(&mut self, may_reset: bool) -> Option<Todo> {
        let mut not = self.not_now();
        if !may_reset {
            not |= RESET;
        }
        let todo = self.pending.take(not);
        self.flushing = todo.is_some();
        todo
    }

    /// The next order, ahead of what else waits.
    pub(super) fn next_order(&mut self) -> Option<Order> {
        self.pending.take_order()
    }

    /// What has to wait although it was asked for.
    fn not_now(&self) -> u8 {
        if self.fin_coming {
            CLOSE
        } else {
            0
        }
    }

    /// Whether something can be done for it now.
    pub(super) fn is_due(&self) -> bool {
        self.pending.has(self.not_now())
    }

    /// Whether something can be done for it now beside a push.
    pub(super) fn waits_beside_push(&self) -> bool {
        self.pending.has(self.not_now() | PUSH)
    }

    pub(super) fn has_pending_reset(&self) -> bool {
        self.pending.due & RESET != 0
    }
}

/// Those of a connection, in the order of their numbers. The first one needs no memory of its own.
#[derive(Default)]
pub(super) struct Entries {
    first: Option<Entry>,
    more: FVec<Entry>,
}

impl Entries {
    /// Adds a subflow. Of two that begin at once, either may come first.
    pub(super) fn push(&mut self, entry: Entry) -> Result {
        if self.first.is_none() && self.more.is_empty() {
            self.first = Some(entry);
            return Ok(());
        }
        self.reserve()?;
        let entry = match self.first.take_if(|first| first.id > entry.id) {
            Some(above) => {
                self.first = Some(entry);
                above
            }
            None => entry,
        };
        let after = self.more.iter().take_while(|one| one.id < entry.id);
        let at = after.count();
        self.more.insert(at, entry).map_err(|_| ENOMEM)
    }

    /// Makes sure that one more can be added.
    pub(super) fn reserve(&mut self) -> Result {
        self.more.reserve(1).map_err(|_| ENOMEM)
    }

    /// Takes any of them out.
    pub(super) fn pop(&mut self) -> Option<Entry> {
        self.more.pop().or_else(|| self.first.take())
    }

    /// Takes one out that TCP is done with.
    pub(super) fn take_dead(&mut self) -> Option<Entry> {
        if let Some(entry) = self.first.take_if(|entry| entry.dead) {
            return Some(entry);
        }
        let at = self.more.iter().position(|entry| entry.dead)?;
        self.more.remove(at)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> + Clone {
        // Named in full: the kernel's prelude has another `chain`.
        Iterator::chain(self.first.iter(), self.more.iter())
    }

    pub(super) fn get(&self, sf: SubflowId) -> Option<&Entry> {
        self.iter().find(|entry| entry.id == sf)
    }

    pub(super) fn get_mut(&mut self, sf: SubflowId) -> Option<&mut Entry> {
        if self.first.as_ref().is_some_and(|entry| entry.id == sf) {
            return self.first.as_mut();
        }
        self.more.iter_mut().find(|entry| entry.id == sf)
    }

    /// A subflow is being pushed: nobody need do so again.
    pub(super) fn is_pushed(&mut self, sf: SubflowId) {
        if let Some(entry) = self.get_mut(sf) {
            entry.pending.due &= !PUSH;
        }
    }

    /// The next child that is to be lent the program's socket.
    pub(super) fn poor(&self) -> Option<(SubflowId, ARef<Sock>)> {
        let entry = self.iter().find(|entry| entry.child && !entry.lent)?;
        Some((entry.id, entry.ssk.clone()))
    }

    /// The first one above `last`.
    pub(super) fn after(&self, last: Option<SubflowId>) -> Option<&Entry> {
        self.iter()
            .find(|entry| last.is_none_or(|last| entry.id > last))
    }

    /// The first one above `last` for which something waits.
    pub(super) fn next_waiting(&self, last: Option<SubflowId>) -> Option<&Entry> {
        self.iter()
            .find(|entry| last.is_none_or(|last| entry.id > last) && entry.is_due())
    }

    /// Whether something waits for another one.
    pub(super) fn others_wait(&self, sf: SubflowId) -> bool {
        !self.more.is_empty() && self.iter().any(|entry| entry.id != sf && entry.is_due())
    }

    /// Whether there are, or were lately, more than one.
    pub(super) fn are_several(&self) -> bool {
        !self.more.is_empty()
    }
}
