// SPDX-License-Identifier: GPL-2.0

//! RFC 8684 3.3.5: what to send, and on which subflow; the send window.

use super::action::FallbackReason;
use super::connection::Connection;
use super::connection::Mode;
use super::limits::REINJECTIONS;
use super::mem::FVec;
use super::mib::Mib;
use super::payload::Payload;
use super::runs::Run;
use super::shared::Shared;
use super::state::Step;
use super::subflow::Offer;
use super::subflow::OfferKind;
use super::subflow::Phase;
use super::subflow::Subflow;
use super::subflow::SubflowId;
use super::time::Duration;
use super::time::Instant;
use super::timers::Timer;
use super::transmit::Transmit;
use crate::wire::Dsn;
use crate::wire::Ssn;

/// How far our own end of the stream has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fin {
    /// The stream goes on.
    Open,
    /// A program has closed it; data comes first.
    Queued,
    /// The peer is being told.
    Sent,
    /// The peer knows.
    Acked,
}

/// A range of the stream that must be handed over again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Again {
    pub(super) start: Dsn,
    pub(super) end: Dsn,
    /// No subflow took it yet: TCP refused it after all.
    pub(super) fresh: bool,
    /// This subflow has it and does not answer. Should it answer after all, that is soon enough.
    pub(super) doubt: Option<SubflowId>,
}

impl Again {
    /// Whether `dsn` is in it.
    pub(super) fn covers(&self, dsn: Dsn) -> bool {
        self.start.at_or_before(dsn) && self.end.after(dsn)
    }
}

/// The sending half of a connection.
pub(super) struct Sender {
    /// The first number not acknowledged; above the `DATA_FIN` once that is. And since when.
    pub(super) una: Dsn,
    pub(super) una_at: Instant,
    /// The next number to be handed to a subflow.
    pub(super) next: Dsn,
    /// The number after the last byte that was written.
    pub(super) end: Dsn,
    /// The right edge of the peer's window.
    pub(super) edge: Dsn,
    pub(super) fin: Fin,
    pub(super) again: FVec<Again>,
    /// The closed window of the peer is to be probed.
    pub(super) probe: bool,
    /// The next new bytes start an infinite mapping.
    pub(super) infinite: bool,
    /// Timeouts since anything was acknowledged.
    pub(super) backoff: u32,
    pub(super) fin_retransmits: u32,
    pub(super) bytes_sent: u64,
    pub(super) bytes_again: u64,
    pub(super) bytes_acked: u64,
}

impl Sender {
    pub(super) fn new(first: Dsn) -> Self {
        Self {
            una: first,
            una_at: Instant::default(),
            next: first,
            end: first,
            edge: first,
            fin: Fin::Open,
            again: FVec::new(),
            probe: false,
            infinite: false,
            backoff: 0,
            fin_retransmits: 0,
            bytes_sent: 0,
            bytes_again: 0,
            bytes_acked: 0,
        }
    }

    /// The last number that may have gone out, and one more.
    pub(super) fn sent_end(&self) -> Dsn {
        match self.fin {
            Fin::Sent | Fin::Acked => self.end.advance(1),
            Fin::Open | Fin::Queued => self.next,
        }
    }

    /// Queues a range to be handed over again. False when there is no room for it.
    pub(super) fn queue_again(&mut self, range: Again) -> bool {
        if range.start.at_or_after(range.end) {
            return true;
        }
        if self.again.len() >= REINJECTIONS {
            return false;
        }
        self.again.push(range).is_ok()
    }

    /// Keeps what TCP did not take; memory for it was there before the offer. There is one such
    /// range for each subflow at most, so that it needs no limit.
    fn keep_again(&mut self, range: Again) {
        if range.start.before(range.end) {
            let _kept = self.again.push(range);
        }
    }

    /// Drops what is acknowledged of what is to go out again.
    pub(super) fn forget_acknowledged(&mut self) {
        let una = self.una;
        self.again.retain(|range| {
            range.start = range.start.latest(una);
            range.start.before(range.end)
        });
    }

    /// Whether something is to go out again.
    fn has_again(&mut self) -> bool {
        if self.again.is_empty() {
            return false;
        }
        self.forget_acknowledged();
        !self.again.is_empty()
    }

    /// The index of the range that goes again first: as they were queued, or the lowest.
    pub(super) fn first_again(&self, lowest: bool) -> usize {
        let mut first: Option<(usize, Dsn)> = None;
        for (at, range) in self.again.iter().enumerate() {
            if first.is_none_or(|(_, start)| lowest && range.start.before(start)) {
                first = Some((at, range.start));
            }
        }
        first.map_or(0, |(at, _)| at)
    }

    /// Takes a part out of the range at `index`. False when there is no room for what is left.
    pub(super) fn cut_again(&mut self, index: usize, taken: &Again) -> bool {
        let Some(range) = self.again.get_mut(index) else {
            return false;
        };
        let (start, end) = (range.start, range.end);
        if taken.start == start && taken.end == end {
            self.again.remove(index);
        } else if taken.start == start {
            range.start = taken.end;
        } else if taken.end == end {
            range.end = taken.start;
        } else {
            let before = Again {
                end: taken.start,
                ..*range
            };
            if !self.queue_again(before) {
                return false;
            }
            if let Some(range) = self.again.get_mut(index) {
                range.start = taken.end;
            }
        }
        true
    }
}

impl<P: Payload> Connection<P> {
    /// A program wrote.
    pub(super) fn on_app_wrote(&mut self, len: u32) {
        if self.send.fin == Fin::Open {
            self.send.end = self.send.end.advance(u64::from(len));
            self.push();
            self.watch_window();
        }
    }

    /// Asks for something to be taken by those subflows that should.
    pub(super) fn push(&mut self) {
        if !self.has_something() {
            return;
        }
        match self.subflows.one() {
            Some(flow) if flow.phase == Phase::Open => flow.owed.push(),
            Some(_) => {}
            None => self.push_among(),
        }
    }

    fn has_something(&mut self) -> bool {
        self.send.has_again() || self.send.probe || self.send.next.before(self.limit())
    }

    /// Up to where new bytes may go: RFC 8684 3.3.4, or TCP's own business after fallback.
    pub(super) fn limit(&self) -> Dsn {
        if self.mode == Mode::Fallback {
            self.send.end
        } else {
            self.send.end.earliest(self.send.edge)
        }
    }

    /// The next range for a subflow, at most `room` octets.
    pub(super) fn choose(&mut self, shared: &Shared, sf: SubflowId, room: u32) -> Option<Transmit> {
        let limit = self.limit();
        let flow = self.subflows.get_mut(sf)?;
        flow.full = room == 0;
        if flow.phase != Phase::Open || flow.offer.is_some() || room == 0 {
            return None;
        }
        // What TCP takes must be noted, and what it refuses must be kept: room for both, first.
        if flow.sent.reserve().is_err() || self.send.again.reserve(1).is_err() {
            self.send.probe = false;
            self.try_again_later();
            return None;
        }
        let offer = if self.subflows.len() > 1 {
            self.pick_among(sf, limit, room)?
        } else {
            let again = self.pick_again(sf, room);
            again.or_else(|| pick_new(&mut self.send, limit, room))?
        };
        self.subflows.get_mut(sf)?.offer = Some(offer);
        let more = match offer.kind {
            OfferKind::Probe => false,
            OfferKind::New | OfferKind::Again | OfferKind::Copy => {
                self.send.has_again() || self.send.next.before(limit)
            }
        };
        if offer.infinite {
            self.send.infinite = false;
            self.become_plain(
                shared,
                FallbackReason::InfiniteSent,
                Some(Mib::InfiniteMapTx),
            );
        }
        Some(Transmit {
            dsn: offer.dsn,
            len: offer.len,
            reinjection: offer.kind == OfferKind::Again,
            infinite: offer.infinite,
            more,
        })
    }

    /// TCP took some of an offered range, or all, or none.
    pub(super) fn on_transmitted(
        &mut self,
        shared: &Shared,
        sf: SubflowId,
        dsn: Dsn,
        len: u32,
        ssn: Ssn,
        rto: Duration,
    ) {
        let Some(flow) = self.subflows.get_mut(sf) else {
            return;
        };
        let Some(offer) = flow.offer.take().filter(|offer| offer.dsn == dsn) else {
            return;
        };
        flow.rto = rto;
        let len = len.min(offer.len);
        if flow.is_drained() {
            flow.alive = self.now;
        }
        note(flow, &offer, ssn, len);
        self.settle(&offer, len);
        self.spend(sf, len, offer.len);
        if len > 0 {
            self.last_data_sent = self.now;
            self.arm_retransmit_once();
            self.watch_silence(sf);
        } else {
            self.try_again_later();
        }
        if self.mode == Mode::Fallback {
            // The acknowledgement may have come first.
            self.release_plain();
        }
        self.tell_fin(shared);
    }

    /// Accounts for what TCP took of an offer, and keeps what it did not.
    fn settle(&mut self, offer: &Offer, len: u32) {
        let end = offer.dsn.advance(u64::from(offer.len));
        let taken = offer.dsn.advance(u64::from(len));
        match offer.kind {
            OfferKind::New | OfferKind::Probe => {
                if offer.kind == OfferKind::Probe && len > 0 {
                    self.out.count(Mib::WinProbe);
                    // The peer may drop it, and plain TCP would never send it again.
                    self.may_fall_back = false;
                }
                self.send.bytes_sent = self.send.bytes_sent.wrapping_add(u64::from(len));
                if offer.infinite && len == 0 {
                    self.send.infinite = true;
                }
                if len < offer.len && self.send.next == end {
                    self.send.next = taken.latest(self.send.una);
                    return;
                }
            }
            OfferKind::Again if len > 0 => {
                self.send.bytes_again = self.send.bytes_again.wrapping_add(u64::from(len));
                self.out.count(Mib::MPTCPRetrans);
                // In-tree's point of no return: copies are about, and plain TCP has no place for them.
                self.may_fall_back = false;
            }
            OfferKind::Again => {}
            OfferKind::Copy => {
                // Whoever lags behind gets there by itself.
                self.may_fall_back = false;
                return;
            }
        }
        let left = Again {
            start: taken,
            end,
            fresh: offer.kind != OfferKind::Again,
            doubt: None,
        };
        self.send.keep_again(left);
    }

    /// A program closes our direction (RFC 8684 3.3.3).
    pub(super) fn shut(&mut self, shared: &Shared) {
        if self.send.fin == Fin::Open {
            self.send.fin = Fin::Queued;
            self.step(Step::Shut);
            self.tell_fin(shared);
            self.watch_window();
        }
    }

    /// Says our end, once every byte before it is with some subflow.
    pub(super) fn tell_fin(&mut self, shared: &Shared) {
        let busy = self.subflows.iter().any(|flow| flow.offer.is_some());
        let ready = self.send.fin == Fin::Queued && self.send.next == self.send.end;
        // What goes again was with some subflow before.
        if !ready || busy || self.send.again.iter().any(|range| range.fresh) {
            return;
        }
        self.send.fin = Fin::Sent;
        if self.mode == Mode::Fallback {
            self.tell_fin_plain();
            return;
        }
        shared.set_data_fin(self.send.end);
        self.owe_ack_everywhere();
        self.arm_retransmit_once();
    }

    /// In plain TCP the end of the stream is TCP's FIN, and its delivery TCP's affair.
    pub(super) fn tell_fin_plain(&mut self) {
        for flow in self.subflows.iter_mut() {
            flow.owed.close();
        }
        self.send.fin = Fin::Acked;
        self.step(Step::DataFinAcked);
    }

    /// Keeps a timer running while bytes wait for the peer's window and nothing else will tell.
    pub(super) fn watch_window(&mut self) {
        if self.mode != Mode::Fallback && self.send.next.before(self.send.end) {
            self.arm_retransmit_once();
        }
    }

    /// Comes back to what there was no memory for, in plain TCP too: no acknowledgement may be on
    /// its way that would.
    fn try_again_later(&mut self) {
        if !self.is_closed() {
            let at = self.now.after(self.interval());
            self.timers.set_once(Timer::Retransmit, at);
        }
    }

    pub(super) fn arm_retransmit_once(&mut self) {
        if self.mode != Mode::Fallback && !self.is_closed() {
            let at = self.now.after(self.interval());
            self.timers.set_once(Timer::Retransmit, at);
        }
    }
}

/// Chooses new bytes to offer.
pub(super) fn pick_new(send: &mut Sender, limit: Dsn, room: u32) -> Option<Offer> {
    let probe = core::mem::take(&mut send.probe);
    let (limit, kind) = if send.next.before(limit) {
        (limit, OfferKind::New)
    } else if probe && send.next.before(send.end) {
        // RFC 9293 3.8.6.1: one new byte. An old one would be new to a peer that has fallen back.
        (send.next.advance(1), OfferKind::Probe)
    } else {
        return None;
    };
    let len = limit.checked_distance_from(send.next)?;
    let len = u32::try_from(len).unwrap_or(u32::MAX).min(room);
    let dsn = send.next;
    send.next = dsn.advance(u64::from(len));
    Some(Offer {
        dsn,
        len,
        kind,
        infinite: send.infinite,
    })
}

/// Notes on the subflow what its TCP took.
fn note<P>(flow: &mut Subflow<P>, offer: &Offer, ssn: Ssn, len: u32) {
    if len == 0 {
        return;
    }
    flow.took(Run {
        ssn,
        dsn: offer.dsn,
        len,
        infinite: offer.infinite,
    });
}
