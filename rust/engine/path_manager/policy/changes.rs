// SPDX-License-Identifier: GPL-2.0

//! What a connection makes of endpoints that are removed or changed. One that is added is seen at the next
//! [`Policy::poll`].

use super::same;
use super::AddrId;
use super::Endpoint;
use super::Flags;
use super::Job;
use super::Policy;
use crate::engine::subflow::SubflowId;
use crate::wire::RemoveAddr;
use core::net::IpAddr;
use core::num::NonZeroU16;

impl Policy {
    /// An endpoint was removed: what it was used for ends.
    pub fn on_endpoint_removed(&mut self, gone: &Endpoint) {
        let id = self.id_of(gone);
        let used = self.next_from(id, None).is_some() && !gone.flags.has(Flags::IMPLICIT);
        self.take_back(id, used);
        self.close_from(id);
        self.may_use_again(id);
    }

    /// All endpoints were removed, `gone` among them. The peer hears of those that were announced.
    pub fn on_flushed(&mut self, gone: &Endpoint) {
        let id = self.id_of(gone);
        self.take_back(id, false);
        self.close_from(id);
        self.may_use_again(id);
    }

    /// This address is not to be used any more, by connections that began on it.
    pub fn on_first_removed(&mut self, addr: IpAddr, port: Option<NonZeroU16>) {
        let is_ours = same(addr, self.local.addr) && (port.is_none() || port == self.local.port);
        if is_ours {
            self.take_back(AddrId::INITIAL, true);
            self.close_from(AddrId::INITIAL);
            self.may_use_again(AddrId::INITIAL);
        }
    }

    /// An endpoint became a backup, or is none any more: so is its first subflow that carries data.
    pub fn on_backup(&mut self, changed: &Endpoint) {
        let backup = changed.flags.has(Flags::BACKUP);
        let local = self.id_of(changed);
        // The last word counts.
        let is_other = |job: &mut Job| !matches!(job, Job::Prio { local: id, .. } if *id == local);
        self.jobs.retain(is_other);
        if self.next_from(local, None).is_some() {
            self.do_later(Job::Prio { local, backup });
        }
    }

    /// An endpoint goes to all addresses of the peer from now on, or no longer: it begins again.
    pub fn on_fullmesh(&mut self, changed: &Endpoint) {
        if changed.flags.has(Flags::SUBFLOW) {
            let id = self.id_of(changed);
            self.close_from(id);
            self.may_use_again(id);
        }
    }

    /// An address is ours no more. The peer hears of it if it was told of the address, or `uses` it.
    fn take_back(&mut self, id: AddrId, uses: bool) {
        let has_heard = self.announced.has(id);
        if (has_heard || uses) && !self.withdraw(id) {
            // It stays announced, to the peer and to us, and an echo may still come.
            return;
        }
        self.first_taken_back |= id == AddrId::INITIAL;
        // Nobody hears whether what is withdrawn was echoed.
        self.end_announcement(id);
        self.announced.remove(id);
    }

    /// Tells the peer, ahead of the FINs: it may be that no other subflow can. In-tree peers drop what follows at once on
    /// another one, so what goes together is said together. False without memory to do so.
    fn withdraw(&mut self, id: AddrId) -> bool {
        for job in self.jobs.iter_mut() {
            if let Job::Withdraw(gone) = job {
                if let Some(both) = gone.with(id) {
                    *gone = both;
                    return true;
                }
            }
        }
        let gone = RemoveAddr::new(&[id]);
        gone.is_some_and(|gone| self.jobs.push(Job::Withdraw(gone)).is_ok())
    }

    /// The next subflow from one of our addresses, by their numbers.
    fn next_from(&self, id: AddrId, last: Option<SubflowId>) -> Option<SubflowId> {
        let first = self.first && id == AddrId::INITIAL;
        let first = first.then_some(SubflowId::FIRST);
        let more = self.flows.iter().filter(|known| known.local == id);
        let all = first.into_iter().chain(more.filter_map(|known| known.sf));
        all.filter(|sf| last.is_none_or(|last| *sf > last)).min()
    }

    /// Closes the subflows from one of our addresses.
    fn close_from(&mut self, id: AddrId) {
        let mut last = None;
        while let Some(sf) = self.next_from(id, last) {
            self.do_later(Job::Close(sf));
            last = Some(sf);
        }
    }

    fn may_use_again(&mut self, id: AddrId) {
        if self.used.remove(id) && id != AddrId::INITIAL {
            self.sources = self.sources.saturating_sub(1);
        }
    }
}
