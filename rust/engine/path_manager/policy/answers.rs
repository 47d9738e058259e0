// SPDX-License-Identifier: GPL-2.0

//! What a connection makes of the addresses that its peer announces.

use super::same;
use super::AddrId;
use super::Endpoint;
use super::Endpoints;
use super::Flags;
use super::Job;
use super::Limits;
use super::Place;
use super::Policy;
use super::Step;
use super::MESH;
use core::net::IpAddr;
use core::num::NonZeroU16;

/// An announcement that is acted on, and how far.
#[derive(Clone, Copy)]
pub(super) struct Answer {
    pub(super) to: Place,
    from: From,
    /// The sources that take part were saved for it: see [`Policy::saves_sources`].
    saved: bool,
    /// Endpoints before this one were considered.
    next: usize,
}

/// Where subflows to an announced address start, in this order of preference.
#[derive(Clone, Copy, PartialEq, Eq)]
enum From {
    /// At every endpoint that goes everywhere.
    Fullmesh,
    /// At one that waits for announcements.
    Laminar,
    /// At the sources that were saved for it.
    Saved,
    /// Where the route to the address starts.
    Route,
}

/// Whether an address is that of whoever uses it.
fn is_own(addr: IpAddr) -> bool {
    addr.to_canonical().is_loopback()
}

impl Policy {
    /// The peer wants no joins at its first address and no announcement is accepted otherwise: sources wait for the first
    /// one that comes. That is what such a peer wants us to use.
    pub(super) fn saves_sources(&self, limits: Limits) -> bool {
        let special = self.remote_denies && limits.accepted == 0 && self.sources == 0;
        special && self.has_room(limits)
    }

    pub(super) fn on_announced(
        &mut self,
        id: AddrId,
        addr: IpAddr,
        port: Option<NonZeroU16>,
        endpoints: &Endpoints,
    ) {
        // [D] No peer elsewhere has us connect to ourselves.
        if is_own(addr) && !is_own(self.remote.addr) {
            return;
        }
        // As in-tree: without a port whatever goes to the address will do.
        if self.goes_to(addr, port) || self.will_answer(addr, port) {
            return;
        }
        let port = port.or(self.remote.port);
        let to = Place { id, addr, port };
        if self.begin(to, endpoints).is_some() {
            self.do_later(Job::Announced(to));
        }
    }

    /// How an announcement is to be answered, if it is.
    pub(super) fn begin(&self, to: Place, endpoints: &Endpoints) -> Option<Answer> {
        let first = same(to.addr, self.remote.addr) && to.port == self.remote.port;
        // RFC 8684 3.4.1: number 0 is the first address, whatever the option calls it.
        if (to.id == AddrId::INITIAL) != first || self.goes_to(to.addr, to.port) {
            return None;
        }
        let limits = endpoints.limits;
        let saved = !first && self.saves_sources(limits);
        let usual = self.accepted < limits.accepted || first;
        if !(usual || saved) || !self.has_room(limits) {
            return None;
        }
        let any = |flag| endpoints.iter().any(|one| one.flags.has(flag));
        let from = if any(Flags::FULLMESH) {
            From::Fullmesh
        } else if any(Flags::LAMINAR) {
            From::Laminar
        } else if saved {
            From::Saved
        } else {
            From::Route
        };
        Some(Answer {
            to,
            from,
            saved,
            next: 0,
        })
    }

    /// Whether it need not be queued: it is, or there are more than anybody honest announces at once.
    fn will_answer(&self, addr: IpAddr, port: Option<NonZeroU16>) -> bool {
        let mut queued = 0_usize;
        for job in self.jobs.iter() {
            let Job::Announced(to) = job else { continue };
            queued = queued.saturating_add(1);
            if to.is_at(addr, port) {
                return true;
            }
        }
        queued >= MESH
    }

    /// An address that the mesh goes to from now on.
    pub(super) fn remember(&mut self, to: Place) {
        if to.id == AddrId::INITIAL {
            // It does anyway.
            return;
        }
        self.remotes.retain(|old| old.id != to.id);
        if self.remotes.len() < MESH {
            // Forgotten, it is not part of the mesh.
            let _kept = self.remotes.push(to);
        }
    }

    fn goes_to(&self, addr: IpAddr, port: Option<NonZeroU16>) -> bool {
        self.ends().any(|(_, to)| to.is_at(addr, port))
    }

    /// The next subflow to an announced address, and what is left to be done for it.
    pub(super) fn answer(
        &mut self,
        answer: Answer,
        endpoints: &Endpoints,
    ) -> (Option<Step>, Option<Job>) {
        let (to, limits) = (answer.to, endpoints.limits);
        if answer.from == From::Route {
            return (self.open(None, to, limits), None);
        }
        let mut list = endpoints.iter().enumerate().skip(answer.next);
        let Some((at, from)) = list.find(|(_, one)| self.suits(one, &answer)) else {
            return (None, None);
        };
        let spends = answer.saved || answer.from == From::Laminar;
        let step = self.open(Some(*from), to, limits);
        if spends && step.is_some() && from.flags.has(Flags::SUBFLOW) {
            self.use_up(self.id_of(from));
        }
        let next = at.saturating_add(1);
        let rest = Job::Answer(Answer { next, ..answer });
        (step, (answer.from != From::Laminar).then_some(rest))
    }

    /// Whether an endpoint is for answering this announcement.
    fn suits(&self, one: &Endpoint, answer: &Answer) -> bool {
        let is_v4 = |addr: IpAddr| addr.to_canonical().is_ipv4();
        let id = self.id_of(one);
        let suits = match answer.from {
            From::Fullmesh => one.flags.has(Flags::FULLMESH),
            From::Laminar => one.flags.has(Flags::LAMINAR) && !self.is_busy(id),
            From::Saved => {
                one.flags.has(Flags::SUBFLOW) && id != AddrId::INITIAL && !self.used.has(id)
            }
            From::Route => false,
        };
        suits && is_v4(one.addr) == is_v4(answer.to.addr)
    }

    /// A subflow comes of an announcement. That counts once, not for number 0.
    pub(super) fn count_accepted(&mut self, id: AddrId) {
        if id != AddrId::INITIAL && self.counted.add(id) {
            self.accepted = self.accepted.saturating_add(1);
        }
    }

    /// The peer has withdrawn an address to which we had opened a subflow.
    pub(super) fn uncount_accepted(&mut self, id: AddrId) {
        if self.counted.remove(id) {
            self.accepted = self.accepted.saturating_sub(1);
        }
    }

    /// Whether a subflow starts at this address of ours.
    fn is_busy(&self, id: AddrId) -> bool {
        let first = self.first && id == AddrId::INITIAL;
        first || self.flows.iter().any(|known| known.local == id)
    }
}
