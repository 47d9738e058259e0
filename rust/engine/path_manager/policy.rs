// SPDX-License-Identifier: GPL-2.0

//! What one connection makes of the endpoints of its namespace and of the addresses of its peer.
//!
//! Give it every [`PathEvent`], tell it of endpoints that come and go, and then carry out what
//! [`Policy::poll`] wants until it wants nothing.

use super::endpoints::same;
use super::endpoints::Endpoint;
use super::endpoints::Endpoints;
use super::endpoints::Flags;
use super::endpoints::Limits;
use crate::engine::action::PathEvent;
use crate::engine::mem::FVec;
use crate::engine::subflow::SubflowId;
use crate::wire::AddrId;
use crate::wire::RemoveAddr;
use core::net::IpAddr;
use core::num::NonZeroU16;

mod answers;
mod changes;
mod counts;

use self::answers::Answer;

/// Addresses of the peer, and endpoints of ours, that one pass combines.
const MESH: usize = 8;

/// One end of a subflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The number of the address.
    pub id: AddrId,
    /// The address.
    pub addr: IpAddr,
    /// The port.
    pub port: Option<NonZeroU16>,
}

impl Place {
    /// Whether it is at this address, and at this port if that matters.
    fn is_at(&self, addr: IpAddr, port: Option<NonZeroU16>) -> bool {
        same(self.addr, addr) && (port.is_none() || self.port == port)
    }
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// [`crate::engine::Connection::announce`]. Where that fails give [`PathEvent::AnnounceDone`] yourself, or nothing
    /// is announced any more.
    Announce(Place),
    /// [`crate::engine::Connection::withdraw`].
    Withdraw(RemoveAddr),
    /// [`crate::engine::Connection::join`], from an endpoint or, without one, from wherever the
    /// route to the peer starts: the number is then that of [`Endpoints::implicit`]. Answer with
    /// [`Policy::opened`].
    Open {
        /// From here.
        from: Option<Endpoint>,
        /// To there.
        to: Place,
    },
    /// [`crate::engine::Connection::close_subflow`].
    Close(SubflowId),
    /// [`crate::engine::Connection::set_priority_from`].
    Prio {
        /// Our address.
        local: AddrId,
        /// A backup, or no longer.
        backup: bool,
    },
}

/// A set of numbers of addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Ids([u64; 4]);

impl Ids {
    fn word(&mut self, id: AddrId) -> (Option<&mut u64>, u64) {
        let at = usize::from(id.0 >> 6);
        (self.0.get_mut(at), 1 << (id.0 & 63))
    }

    fn has(mut self, id: AddrId) -> bool {
        let (word, bit) = self.word(id);
        word.is_some_and(|word| *word & bit != 0)
    }

    /// Adds a number; says whether it is new.
    fn add(&mut self, id: AddrId) -> bool {
        let (word, bit) = self.word(id);
        word.is_some_and(|word| {
            let new = *word & bit == 0;
            *word |= bit;
            new
        })
    }

    fn remove(&mut self, id: AddrId) -> bool {
        let had = self.has(id);
        if let (Some(word), bit) = self.word(id) {
            *word &= !bit;
        }
        had
    }
}

/// A subflow as far as the policy is concerned.
#[derive(Clone, Copy)]
struct Known {
    /// None until the shell says.
    sf: Option<SubflowId>,
    local: AddrId,
    /// Where we opened it to; none where the peer did.
    to: Option<Place>,
}

/// What a pass is at.
#[derive(Clone, Copy)]
enum Job {
    /// From an endpoint to all addresses of the peer, from this one on.
    Mesh { from: Endpoint, next: usize },
    /// The peer has announced an address.
    Announced(Place),
    /// From the endpoints that are for it to that address.
    Answer(Answer),
    /// A subflow is to be closed.
    Close(SubflowId),
    /// Addresses are to be withdrawn.
    Withdraw(RemoveAddr),
    /// A subflow from an address of ours changes its priority.
    Prio { local: AddrId, backup: bool },
}

/// The path manager of one connection.
pub struct Policy {
    local: Place,
    remote: Place,
    /// The peer does not want joins to its first address.
    remote_denies: bool,
    established: bool,
    /// The first subflow lives.
    first: bool,
    /// Endpoints that were used up, as sources and as announcements.
    used: Ids,
    announced: Ids,
    /// Our first address was taken from us: without an announcement the peer would not know that it is back.
    first_taken_back: bool,
    /// This announcement waits for its echo.
    announcing: Option<AddrId>,
    /// Sources used up that are not our first address.
    sources: usize,
    /// Announcements of the peer of which a subflow came, by their numbers, and how many.
    counted: Ids,
    accepted: u8,
    flows: FVec<Known>,
    remotes: FVec<Place>,
    jobs: FVec<Job>,
}

impl Policy {
    /// The policy of a connection whose first subflow goes from `local` to `remote`.
    pub fn new(local: Place, remote: Place, remote_denies: bool) -> Self {
        // The first subflow uses its address.
        let mut used = Ids::default();
        used.add(AddrId::INITIAL);
        Self {
            local,
            remote,
            remote_denies,
            established: false,
            first: true,
            used,
            announced: Ids::default(),
            first_taken_back: false,
            announcing: None,
            sources: 0,
            counted: Ids::default(),
            accepted: 0,
            flows: FVec::new(),
            remotes: FVec::new(),
            jobs: FVec::new(),
        }
    }

    /// Subflows beside the first.
    pub fn extra(&self) -> usize {
        self.flows.len()
    }

    fn has_room(&self, limits: Limits) -> bool {
        self.extra() < usize::from(limits.extra_subflows)
    }

    /// Whether the peer may open one more subflow.
    pub fn allows_join(&self, endpoints: &Endpoints) -> bool {
        self.established && self.has_room(endpoints.limits)
    }

    /// The peer has opened a subflow to our address `local`. False without memory to remember it.
    pub fn joined(&mut self, sf: SubflowId, local: AddrId) -> bool {
        let known = Known {
            sf: Some(sf),
            local,
            to: None,
        };
        self.flows.push(known).is_ok()
    }

    /// What came of [`Step::Open`]: the subflow and our number for its address, or nothing. That also where it came and
    /// is gone by now ([`crate::engine::Connection::has_subflow`]): its end was told before anybody knew its number.
    pub fn opened(&mut self, came: Option<(SubflowId, AddrId)>) {
        let waiting = self.flows.iter().position(|known| known.sf.is_none());
        let Some(at) = waiting else { return };
        match (came, self.flows.get_mut(at)) {
            (Some((sf, local)), Some(known)) => {
                known.sf = Some(sf);
                known.local = local;
                if let Some(to) = known.to {
                    self.count_accepted(to.id);
                }
            }
            _ => {
                self.flows.remove(at);
            }
        }
    }

    /// Takes in what the engine has to tell.
    pub fn on_event(&mut self, event: &PathEvent, endpoints: &Endpoints) {
        match *event {
            PathEvent::Established => {
                self.established = true;
                // The SYN could not say so.
                let first = endpoints.at(self.local.addr, self.local.port);
                if let Some(one) = first.filter(|one| one.flags.has(Flags::BACKUP)) {
                    self.on_backup(one);
                }
            }
            PathEvent::AnnounceDone { id, .. } => self.end_announcement(id),
            PathEvent::Announced { id, addr, port } => {
                self.on_announced(id, addr, port, endpoints);
            }
            PathEvent::Removed { id } => self.on_removed(id),
            PathEvent::SubflowClosed { sf, .. } => {
                self.first &= sf != SubflowId::FIRST;
                self.flows.retain(|known| known.sf != Some(sf));
            }
            PathEvent::SubflowEstablished { .. } | PathEvent::Priority { .. } => {}
        }
    }

    /// The next announcement may follow, if this is what it waits for.
    fn end_announcement(&mut self, id: AddrId) {
        self.announcing = self.announcing.filter(|waiting| *waiting != id);
    }

    /// Without memory nothing is done: the next occasion may be better.
    fn do_later(&mut self, job: Job) {
        let _kept = self.jobs.push(job);
    }

    /// Where subflows start and end, as far as we had them opened.
    fn ends(&self) -> impl Iterator<Item = (AddrId, &Place)> {
        let first = self.first.then_some((AddrId::INITIAL, &self.remote));
        let more = self.flows.iter();
        let more = more.filter_map(|known| Some((known.local, known.to.as_ref()?)));
        first.into_iter().chain(more)
    }

    fn connects(&self, local: AddrId, to: &Place) -> bool {
        let mut ends = self.ends();
        ends.any(|(id, place)| id == local && place.is_at(to.addr, to.port))
    }

    fn on_removed(&mut self, id: AddrId) {
        self.remotes.retain(|old| old.id != id);
        self.jobs.retain(|job| match job {
            Job::Announced(to) | Job::Answer(Answer { to, .. }) => to.id != id,
            _ => true,
        });
        let is_there = |known: &Known| known.to.is_some_and(|to| to.id == id);
        if self.flows.iter().any(is_there) {
            // The engine closes it.
            self.uncount_accepted(id);
        }
    }

    /// The number of an endpoint on this connection: the address of the first subflow has 0.
    pub fn id_of(&self, endpoint: &Endpoint) -> AddrId {
        if same(endpoint.addr, self.local.addr) && endpoint.port.is_none() {
            AddrId::INITIAL
        } else {
            endpoint.id
        }
    }

    /// The next thing to do.
    pub fn poll(&mut self, endpoints: &Endpoints) -> Option<Step> {
        if !self.established {
            return None;
        }
        if let Some(step) = self.work(endpoints) {
            return Some(step);
        }
        if let Some(step) = self.next_announcement(endpoints) {
            return Some(step);
        }
        if self.saves_sources(endpoints.limits) {
            return None;
        }
        while self.sources < endpoints.sources() && self.has_room(endpoints.limits) {
            let from = self.next_source(endpoints)?;
            if from.flags.has(Flags::FULLMESH) {
                self.do_later(Job::Mesh { from, next: 0 });
            }
            // A peer that wants no joins at its first address: the endpoint is used up for nothing.
            if !self.remote_denies {
                return self.open(Some(from), self.remote, endpoints.limits);
            }
            if let Some(step) = self.work(endpoints) {
                return Some(step);
            }
        }
        None
    }

    /// The next step of the jobs, in their order.
    fn work(&mut self, endpoints: &Endpoints) -> Option<Step> {
        while let Some(job) = self.jobs.get(0).copied() {
            let (step, rest) = self.go_on(job, endpoints);
            match (rest, self.jobs.get_mut(0)) {
                (Some(rest), Some(slot)) => *slot = rest,
                _ => {
                    self.jobs.remove(0);
                }
            }
            if step.is_some() {
                return step;
            }
        }
        None
    }

    fn next_announcement(&mut self, endpoints: &Endpoints) -> Option<Step> {
        if self.announcing.is_some() {
            return None;
        }
        let mut list = endpoints.iter();
        let one = list.find(|one| {
            let id = self.id_of(one);
            let needed = id != AddrId::INITIAL || self.first_taken_back;
            one.flags.has(Flags::SIGNAL) && needed && !self.announced.has(id)
        })?;
        let id = self.id_of(one);
        self.announced.add(id);
        self.announcing = Some(id);
        Some(Step::Announce(Place {
            id,
            addr: one.addr,
            port: one.port,
        }))
    }

    fn next_source(&mut self, endpoints: &Endpoints) -> Option<Endpoint> {
        let mut list = endpoints.iter();
        let one =
            list.find(|one| one.flags.has(Flags::SUBFLOW) && !self.used.has(self.id_of(one)))?;
        self.use_up(self.id_of(one));
        Some(*one)
    }

    /// It opens nothing by itself any more.
    fn use_up(&mut self, source: AddrId) {
        if self.used.add(source) && source != AddrId::INITIAL {
            self.sources = self.sources.saturating_add(1);
        }
    }

    /// The next step of a job, and what is left of it.
    fn go_on(&mut self, job: Job, endpoints: &Endpoints) -> (Option<Step>, Option<Job>) {
        let limits = endpoints.limits;
        let (step, rest) = match job {
            Job::Close(sf) => (Some(Step::Close(sf)), None),
            Job::Withdraw(gone) => (Some(Step::Withdraw(gone)), None),
            Job::Prio { local, backup } => (Some(Step::Prio { local, backup }), None),
            Job::Mesh { from, next } => {
                let local = self.id_of(&from);
                let mut list = self.remotes.iter().enumerate().skip(next);
                // It may have answered an announcement before it was its turn.
                let found = list.find(|(_, to)| !self.connects(local, to));
                let Some((at, to)) = found.map(|(at, to)| (at, *to)) else {
                    return (None, None);
                };
                let next = at.saturating_add(1);
                let rest = Job::Mesh { from, next };
                (self.open(Some(from), to, limits), Some(rest))
            }
            Job::Announced(to) => match self.begin(to, endpoints) {
                Some(answer) => {
                    self.remember(to);
                    self.answer(answer, endpoints)
                }
                // Those before it took what there was.
                None => (None, None),
            },
            Job::Answer(answer) => self.answer(answer, endpoints),
        };
        // Where no more is possible now, it is not tried later either.
        let goes_on = step.is_some();
        (step, rest.filter(|_| goes_on))
    }

    /// Asks for a subflow, if there may be one more.
    fn open(&mut self, from: Option<Endpoint>, to: Place, limits: Limits) -> Option<Step> {
        if !self.has_room(limits) {
            return None;
        }
        let local = from.map_or(AddrId::INITIAL, |from| self.id_of(&from));
        let known = Known {
            sf: None,
            local,
            to: Some(to),
        };
        self.flows.push(known).ok()?;
        Some(Step::Open { from, to })
    }
}

#[cfg(test)]
mod tests;
