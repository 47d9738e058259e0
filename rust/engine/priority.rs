// SPDX-License-Identifier: GPL-2.0

//! RFC 8684 3.3.8: backup subflows, and subflows that are taken out of use.

use super::connection::Connection;
use super::connection::Mode;
use super::limits::LEAVE_PATIENCE;
use super::mib::Mib;
use super::payload::Payload;
use super::subflow::Ends;
use super::subflow::Farewell;
use super::subflow::Phase;
use super::subflow::SubflowId;
use super::time::Instant;
use super::timers::Timer;
use crate::wire::AddrId;
use crate::wire::Prio;

impl<P: Payload> Connection<P> {
    /// Asks the peer to use a subflow only when no other works, or no longer to do so. It counts for
    /// what we send as well, as in-tree has it. False when there is no such subflow.
    pub fn set_priority(&mut self, sf: SubflowId, backup: bool, now: Instant) -> bool {
        self.now = self.now.max(now);
        let Some(flow) = self.subflows.get_mut(sf) else {
            return false;
        };
        if flow.phase != Phase::Open {
            return false;
        }
        flow.ends.local_backup = backup;
        flow.owed.prio(backup);
        self.out.count(Mib::MPPrioTx);
        self.push();
        true
    }

    /// The same for the first subflow from one of our addresses that carries data.
    pub fn set_priority_from(&mut self, local: AddrId, backup: bool, now: Instant) -> bool {
        let sf = {
            let mut flows = self.subflows.iter();
            let flow = flows.find(|f| f.phase == Phase::Open && f.ends.local_id == local);
            flow.map(|flow| flow.id)
        };
        sf.is_some_and(|sf| self.set_priority(sf, backup, now))
    }

    /// `MP_PRIO` of the peer: for data towards it, on the subflow that it comes on.
    pub(super) fn on_prio(&mut self, sf: SubflowId, prio: Prio) {
        self.out.count(Mib::MPPrioRx);
        let Some(flow) = self.subflows.get_mut(sf) else {
            return;
        };
        flow.ends.remote_backup = prio.backup;
        self.out.paths().priority = Some((sf, prio.backup));
        // What waits may go another way now.
        self.push();
    }

    /// Takes a subflow out of use; the connection goes on over the others. False when there is no
    /// such subflow.
    pub fn close_subflow(&mut self, sf: SubflowId, now: Instant) -> bool {
        self.now = self.now.max(now);
        let known = self.subflows.get(sf).is_some();
        if known {
            self.close_path(sf);
        }
        known
    }

    /// Closes a subflow, and sends over others what it has not delivered.
    pub(super) fn close_path(&mut self, sf: SubflowId) {
        let Some(flow) = self.subflows.get_mut(sf) else {
            return;
        };
        match core::mem::replace(&mut flow.phase, Phase::Closing) {
            Phase::Closing => return,
            // There is nobody yet to send a FIN to.
            Phase::Opening => flow.owed.reset(super::failure::plain_reset()),
            Phase::Joining | Phase::Open => flow.owed.close(),
        }
        let at = self.now.after(LEAVE_PATIENCE);
        flow.leaves = Some(at);
        self.timers.set_once(Timer::Leave, at);
        // As in-tree: it makes room for another one now, however long TCP takes for the FINs.
        if self.has_paths() {
            self.subflows.owe_farewell(sf);
        }
        if self.has_other(sf) {
            self.rescue(sf);
        }
        self.wait_for_paths();
    }

    /// TCP has had long enough to see some subflow through.
    pub(super) fn on_leave_timer(&mut self) {
        for flow in self.subflows.iter_mut() {
            if let Some(at) = flow.leaves {
                if at <= self.now {
                    flow.leaves = None;
                    flow.owed.reset(super::failure::plain_reset());
                    if self.mode != Mode::Fallback {
                        self.out.count(Mib::MPRstTx);
                    }
                } else {
                    self.timers.set_earlier(Timer::Leave, at);
                }
            }
        }
    }

    /// Whether a subflow may carry data.
    pub fn is_open(&self, sf: SubflowId) -> bool {
        let flow = self.subflows.get(sf);
        flow.is_some_and(|flow| flow.phase == Phase::Open)
    }

    /// Whether the end of a subflow is still to be told ([`super::PathEvent::SubflowClosed`]).
    pub fn has_subflow(&self, sf: SubflowId) -> bool {
        let flow = self.subflows.get(sf);
        flow.is_some_and(|flow| flow.farewell == Farewell::Ahead)
    }

    /// The addresses of a subflow, and who wants it to be a backup.
    pub fn ends(&self, sf: SubflowId) -> Option<Ends> {
        Some(self.subflows.get(sf)?.ends)
    }
}
