// SPDX-License-Identifier: GPL-2.0

//! What a connection knows of its subflows, and what it owes each of them.

use super::action::Action;
use super::action::PathEvent;
use super::event::Ending;
use super::limits::SUBFLOWS;
use super::mapping::RxMaps;
use super::mem::FVec;
use super::mem::NoMemory;
use super::order::Order;
use super::runs::Run;
use super::runs::Runs;
use super::scheduler::PathStats;
use super::time::Duration;
use super::time::Instant;
use crate::wire::AddrId;
use crate::wire::Dsn;
use crate::wire::Nonce;
use crate::wire::Reset;
use crate::wire::Ssn;

/// Names a subflow within its connection.
///
/// The first one is 1, and numbers are never used twice, as `MPTCP_FULL_INFO` reports them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SubflowId(pub u32);

impl SubflowId {
    /// The subflow that the connection was opened on.
    pub const FIRST: Self = Self(1);
}

/// How far the TCP connection of a subflow is, as the engine needs to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Its SYN is not answered.
    Opening,
    /// We have answered the SYN/ACK of a join, and the peer may not know that yet: no data goes out
    /// (RFC 8684 3.2).
    Joining,
    /// It carries data.
    Open,
    /// We have asked for a FIN, or for a RST: nothing new goes out on it.
    Closing,
}

/// A range that the shell is handing to TCP.
#[derive(Clone, Copy, Debug)]
pub(super) struct Offer {
    pub(super) dsn: Dsn,
    pub(super) len: u32,
    pub(super) kind: OfferKind,
    /// An infinite mapping starts here.
    pub(super) infinite: bool,
}

/// What an offered range is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OfferKind {
    /// Never handed to any subflow.
    New,
    /// Handed to one before.
    Again,
    /// Never handed over either, and beyond the window: a probe.
    Probe,
    /// Handed to another subflow, and wanted on this one as well.
    Copy,
}

/// What a subflow is still to be told. Small: every connection has one.
#[derive(Default)]
pub(super) struct Owed {
    /// A bit for each thing, the first to be told lowest: most of the time there is nothing.
    due: u16,
    handshake: Option<Order>,
    reset: Option<Order>,
    fail: Dsn,
    backup: bool,
}

/// What the bits of [`Owed`] stand for, in the order of telling.
mod due {
    pub(super) const HANDSHAKE: u16 = 1;
    pub(super) const RESET: u16 = 1 << 1;
    /// The order of the reset was told; the reset itself is due.
    pub(super) const RESET_TOLD: u16 = 1 << 2;
    pub(super) const FAIL: u16 = 1 << 3;
    pub(super) const PRIO: u16 = 1 << 4;
    pub(super) const PUSH: u16 = 1 << 5;
    pub(super) const ACK: u16 = 1 << 6;
    pub(super) const LATE_ACK: u16 = 1 << 7;
    pub(super) const CLOSE: u16 = 1 << 8;
}

impl Owed {
    /// Owes how the handshake goes on: keys or proof, or that it is over.
    pub(super) fn handshake(&mut self, order: Order) {
        self.handshake = Some(order);
        self.due |= due::HANDSHAKE;
    }

    /// Owes a reset, after which nothing else matters.
    pub(super) fn reset(&mut self, order: Order) {
        self.reset = Some(order);
        self.due |= due::RESET;
    }

    /// Owes an `MP_FAIL`, and the segment for it.
    pub(super) fn fail(&mut self, dsn: Dsn) {
        self.fail = dsn;
        self.due |= due::FAIL | due::ACK;
    }

    /// Owes that we want it to be a backup, or no longer, and the segment for it.
    pub(super) fn prio(&mut self, backup: bool) {
        self.backup = backup;
        self.due |= due::PRIO | due::ACK;
    }

    /// There is something to send.
    pub(super) fn push(&mut self) {
        self.due |= due::PUSH;
    }

    /// Owes a segment without payload.
    pub(super) fn ack(&mut self) {
        self.due |= due::ACK;
    }

    /// Owes no such segment after all.
    pub(super) fn no_ack(&mut self) {
        self.due &= !due::ACK;
    }

    /// Owes such a segment if nothing else goes out soon.
    pub(super) fn late_ack(&mut self) {
        self.due |= due::LATE_ACK;
    }

    /// Owes a FIN.
    pub(super) fn close(&mut self) {
        self.due |= due::CLOSE;
    }

    #[inline]
    fn take<P>(&mut self, sf: SubflowId) -> Option<Action<P>> {
        if self.due == 0 {
            return None;
        }
        self.take_lowest(sf)
    }

    fn take_lowest<P>(&mut self, sf: SubflowId) -> Option<Action<P>> {
        let lowest = self.due & self.due.wrapping_neg();
        self.due &= !lowest;
        match lowest {
            due::HANDSHAKE => self
                .handshake
                .take()
                .map(|order| Action::Tell { sf, order }),
            due::RESET => {
                let order = self.reset.take();
                *self = Self {
                    due: due::RESET_TOLD,
                    ..Self::default()
                };
                order.map(|order| Action::Tell { sf, order })
            }
            due::RESET_TOLD => Some(Action::ResetSubflow { sf }),
            due::FAIL => Some(Action::Tell {
                sf,
                order: Order::Fail { dsn: self.fail },
            }),
            due::PRIO => Some(Action::Tell {
                sf,
                order: Order::Priority {
                    backup: self.backup,
                },
            }),
            due::PUSH => Some(Action::Push { sf }),
            due::ACK => {
                self.due &= !due::LATE_ACK;
                Some(Action::SendAck { sf })
            }
            due::LATE_ACK => Some(Action::DelayAck { sf }),
            due::CLOSE => Some(Action::CloseSubflow { sf }),
            _ => None,
        }
    }
}

/// What a RST of the peer said. It counts once TCP has taken the RST, which comes in its turn after the bytes before it.
#[derive(Default)]
pub(super) struct Parting {
    /// `MP_FASTCLOSE` with our key.
    pub(super) fast_close: bool,
    /// `MP_TCPRST`.
    pub(super) reset: Option<Reset>,
    /// `MP_FAIL`.
    pub(super) fail: bool,
}

/// Whether the path manager has heard that a subflow is no more: once, as soon as we take it out of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Farewell {
    /// It is not, as far as we have a say in it.
    Ahead,
    /// It is to be told.
    Due,
    /// It was told, and TCP may still be busy with it.
    Told,
}

/// The addresses of a subflow, and who wants it to be a backup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ends {
    /// Our number for our address.
    pub local_id: AddrId,
    /// The peer's number for its own.
    pub remote_id: AddrId,
    /// We asked for data here only when no other subflow works.
    pub local_backup: bool,
    /// The peer asked for it.
    pub remote_backup: bool,
}

/// What the host that opens a join keeps until the peer has shown that it has the third ACK.
#[derive(Clone, Copy, Debug)]
pub(super) struct Joining {
    /// Our random number.
    pub(super) nonce: Nonce,
    /// The SYN/ACK had the right proof.
    pub(super) proven: bool,
    /// When it came.
    pub(super) since: Instant,
    /// When the third ACK goes out again, and how long after the last time.
    pub(super) due: Instant,
    pub(super) wait: Duration,
}

/// One subflow.
pub(super) struct Subflow<P> {
    pub(super) id: SubflowId,
    pub(super) phase: Phase,
    pub(super) ends: Ends,
    pub(super) joining: Option<Joining>,
    /// We sent the SYN that joins.
    pub(super) opened_here: bool,
    /// Its link is down.
    pub(super) down: bool,
    /// Timeouts of its TCP since the peer's TCP last acknowledged something.
    pub(super) losses: u32,
    /// It has not answered for so long that others carry what it has; see [`super::silence`].
    pub(super) silent: bool,
    /// When the peer's TCP last answered, or was first given something to answer.
    pub(super) alive: Instant,
    /// What TCP holds for us: sent or not, not acknowledged by the peer's TCP.
    pub(super) sent: Runs,
    /// Our first byte that the peer's TCP has not acknowledged.
    pub(super) una: Ssn,
    /// The highest acknowledgement of the peer's TCP. It may be ahead of `next`: a FIN takes a number too, which no byte
    /// of ours has, and TCP may have delivered bytes before we are told that it took them.
    heard: Ssn,
    /// The place of the segment that said so last.
    pub(super) heard_at: Ssn,
    /// Our first byte that TCP was not handed.
    pub(super) next: Ssn,
    pub(super) offer: Option<Offer>,
    /// What comes before this was queued to go over other subflows.
    pub(super) rescued: Ssn,
    /// Copies of what others carry have got this far, if there are any.
    pub(super) copied: Option<Dsn>,
    /// What TCP measures, and its pacing rate smoothed; see the schedulers.
    pub(super) stats: PathStats,
    pub(super) pacing: u64,
    /// TCP takes nothing more for now.
    pub(super) full: bool,
    /// It was told to be stale: losses went on and on.
    pub(super) stale: bool,
    /// The peer has acknowledged data of ours with a `DATA_ACK`: options pass both ways.
    pub(super) tx_ok: bool,
    /// The last segment of the peer had no `DATA_ACK`.
    pub(super) bare: bool,
    pub(super) fin_received: bool,
    pub(super) parting: Parting,
    pub(super) farewell: Farewell,
    /// Taken out of use, it is reset then if TCP is not done with it.
    pub(super) leaves: Option<Instant>,
    pub(super) rto: Duration,
    pub(super) rx: RxMaps<P>,
    pub(super) owed: Owed,
}

impl<P> Subflow<P> {
    pub(super) fn new(id: SubflowId, phase: Phase, rto: Duration) -> Self {
        Self {
            id,
            phase,
            ends: Ends::default(),
            joining: None,
            opened_here: false,
            down: false,
            losses: 0,
            silent: false,
            alive: Instant::default(),
            sent: Runs::default(),
            una: Ssn::FIRST,
            heard: Ssn::FIRST,
            heard_at: Ssn::FIRST,
            next: Ssn::FIRST,
            offer: None,
            rescued: Ssn::FIRST,
            copied: None,
            stats: PathStats::default(),
            pacing: 0,
            full: false,
            stale: false,
            tx_ok: false,
            bare: false,
            fin_received: false,
            parting: Parting::default(),
            farewell: Farewell::Ahead,
            leaves: None,
            rto,
            rx: RxMaps::default(),
            owed: Owed::default(),
        }
    }

    /// Whether this acknowledgement of the peer's TCP covers bytes of ours that none before did.
    pub(super) fn is_news(&self, ack: Ssn) -> bool {
        ack.after(self.heard) && (self.next.after(self.una) || self.offer.is_some())
    }

    /// Whether a segment of the peer, sent after this one at `ssn`, was here first; as RFC 9293 3.10.7.4 tells by the
    /// numbers which window is the newer one.
    pub(super) fn is_overtaken(&self, ssn: Ssn, ack: Ssn) -> bool {
        ack.before(self.heard) || (ack == self.heard && ssn.before(self.heard_at))
    }

    /// The peer's TCP has acknowledged our bytes before `una`.
    pub(super) fn acknowledged(&mut self, una: Ssn) {
        self.heard = self.heard.latest(una);
        self.forget_acknowledged();
    }

    /// Whether its path does not seem to work.
    pub(super) fn is_suspect(&self) -> bool {
        self.losses > 0 || self.down || self.silent
    }

    /// Whether it takes ACKs: TCP is connected, or was. Not one that was given up before its SYN was answered.
    pub(super) fn is_connected(&self) -> bool {
        self.phase != Phase::Opening && !self.is_stranger()
    }

    /// What the path manager is told of its end.
    pub(super) fn end(&self, ending: Ending) -> PathEvent {
        PathEvent::SubflowClosed {
            sf: self.id,
            ends: self.ends,
            established: self.joining.is_none_or(|joining| joining.proven),
            ending,
            reset: self.parting.reset,
        }
    }

    /// Whether nothing has shown that it leads to the peer: neither what comes from there counts, nor is it answered.
    pub(super) fn is_stranger(&self) -> bool {
        self.joining.is_some_and(|joining| !joining.proven)
    }

    /// Notes what TCP took.
    pub(super) fn took(&mut self, run: Run) {
        // Room was made before the offer.
        let _noted = self.sent.record(run);
        self.next = run.ssn.advance(run.len);
        self.stats.took(run.len);
        self.forget_acknowledged();
    }

    fn forget_acknowledged(&mut self) {
        let una = self.heard.earliest(self.next);
        if una.after(self.una) {
            let gone = una.checked_distance_from(self.una).unwrap_or(0);
            self.stats.acknowledged(gone);
            self.una = una;
            self.losses = 0;
            // Never far behind, or it would seem to be ahead.
            self.rescued = self.rescued.latest(una);
            self.sent.forget_before(una);
        }
    }

    /// Octets that the peer's TCP seems to have and that we have not heard of: those that arrived while an acknowledgement
    /// takes its way, half of a round trip without queues.
    pub(super) fn on_its_way_back(&self, now: Instant) -> u32 {
        let way = u64::from(self.stats.min_rtt / 2);
        let quiet = now.since(self.alive).as_millis().saturating_mul(1000);
        let sent = self.next.checked_distance_from(self.una).unwrap_or(0);
        let sent = u64::from(sent.saturating_sub(self.stats.unsent));
        let octets = sent.saturating_mul(way.saturating_sub(quiet));
        let octets = octets.checked_div(self.stats.srtt.into()).unwrap_or(0);
        // While a queue grows the round trip is longer than the smoothed one says. Rather too few: what is taken for
        // delivered goes last, and the peer would wait for that.
        let octets = octets.saturating_sub(octets / 8);
        u32::try_from(octets.min(sent)).unwrap_or(0)
    }

    /// Whether the peer's TCP has everything that ours was handed.
    pub(super) fn is_drained(&self) -> bool {
        self.una == self.next && self.offer.is_none()
    }
}

/// The subflows of a connection, in the order of their numbers. One of them needs no memory of its own.
pub(super) struct Subflows<P> {
    first: Option<Subflow<P>>,
    more: FVec<Subflow<P>>,
    /// The number of the last one.
    last: u32,
    /// Some [`Farewell`] is due.
    farewells: bool,
}

/// The subflows one after the other. A type of its own, because what is built on a chain of iterators has names that are too
/// long for the kernel's tools.
pub(super) struct Iter<'a, P> {
    first: Option<&'a Subflow<P>>,
    more: core::slice::Iter<'a, Subflow<P>>,
}

impl<P> Clone for Iter<'_, P> {
    fn clone(&self) -> Self {
        Self {
            first: self.first,
            more: self.more.clone(),
        }
    }
}

impl<'a, P> Iterator for Iter<'a, P> {
    type Item = &'a Subflow<P>;

    fn next(&mut self) -> Option<Self::Item> {
        self.first.take().or_else(|| self.more.next())
    }
}

impl<P> Default for Subflows<P> {
    fn default() -> Self {
        Self {
            first: None,
            more: FVec::new(),
            last: 0,
            farewells: false,
        }
    }
}

impl<P> Subflows<P> {
    /// Adds a subflow whose number is above all others.
    pub(super) fn add(&mut self, subflow: Subflow<P>) -> Result<(), NoMemory> {
        if self.len() >= SUBFLOWS {
            return Err(NoMemory);
        }
        let id = subflow.id.0;
        if self.is_empty() {
            self.first = Some(subflow);
        } else {
            self.more.push(subflow)?;
        }
        self.last = id;
        Ok(())
    }

    /// The number of the next one: none is used twice, and that many there are.
    pub(super) fn next_id(&self) -> Result<SubflowId, NoMemory> {
        self.last.checked_add(1).map(SubflowId).ok_or(NoMemory)
    }

    pub(super) fn get(&self, sf: SubflowId) -> Option<&Subflow<P>> {
        match &self.first {
            Some(first) if first.id == sf => Some(first),
            _ => self.more.iter().find(|flow| flow.id == sf),
        }
    }

    pub(super) fn get_mut(&mut self, sf: SubflowId) -> Option<&mut Subflow<P>> {
        match &mut self.first {
            Some(first) if first.id == sf => Some(first),
            _ => self.more.iter_mut().find(|flow| flow.id == sf),
        }
    }

    pub(super) fn remove(&mut self, sf: SubflowId) -> Option<Subflow<P>> {
        if let Some(first) = self.first.take_if(|first| first.id == sf) {
            return Some(first);
        }
        let index = self.more.iter().position(|flow| flow.id == sf)?;
        self.more.remove(index)
    }

    /// The subflow, if there is exactly one.
    pub(super) fn one(&mut self) -> Option<&mut Subflow<P>> {
        match (&mut self.first, self.more.as_mut_slice()) {
            (Some(flow), []) | (None, [flow]) => Some(flow),
            _ => None,
        }
    }

    pub(super) fn iter(&self) -> Iter<'_, P> {
        Iter {
            first: self.first.as_ref(),
            more: self.more.iter(),
        }
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Subflow<P>> {
        self.first.iter_mut().chain(self.more.iter_mut())
    }

    pub(super) fn len(&self) -> usize {
        usize::from(self.first.is_some()).saturating_add(self.more.len())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none() && self.more.is_empty()
    }

    /// Notes that a subflow is taken out of use.
    pub(super) fn owe_farewell(&mut self, sf: SubflowId) {
        if let Some(flow) = self.get_mut(sf) {
            flow.farewell = Farewell::Due;
            self.farewells = true;
        }
    }

    /// The next one that was, for the path manager.
    pub(super) fn take_farewell(&mut self) -> Option<PathEvent> {
        if !self.farewells {
            return None;
        }
        let mut all = self.first.iter_mut().chain(self.more.iter_mut());
        let flow = all.find(|flow| flow.farewell == Farewell::Due);
        self.farewells = flow.is_some();
        flow.map(|flow| {
            flow.farewell = Farewell::Told;
            flow.end(Ending::Local)
        })
    }

    /// Whether some subflow is to be told something, or is to be said farewell to.
    #[inline]
    pub(super) fn owe_something(&self) -> bool {
        let owes = |flow: &Subflow<P>| flow.owed.due != 0;
        self.farewells || self.first.as_ref().is_some_and(owes) || self.more.iter().any(owes)
    }

    /// The next thing that some subflow is to be told.
    pub(super) fn take_owed(&mut self) -> Option<Action<P>> {
        self.iter_mut().find_map(|flow| flow.owed.take(flow.id))
    }
}
