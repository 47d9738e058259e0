// SPDX-License-Identifier: GPL-2.0

//! RFC 8684 3.3.1, 3.3.4: bytes of all subflows into one order, each once; the receive window.

use super::action::ConnError;
use super::action::ConnState;
use super::connection::Connection;
use super::connection::Mode;
use super::mapping::Piece;
use super::mib::Mib;
use super::payload::Payload;
use super::ranges::trim_to;
use super::ranges::Inserted;
use super::ranges::Ranges;
use super::shared::Flag;
use super::shared::Shared;
use super::state::Step;
use super::subflow::SubflowId;
use crate::wire::Dsn;
use crate::wire::Mapping;
use crate::wire::ResetReason;
use crate::wire::Ssn;
use crate::wire::WireDsn;

/// The receiving half of a connection.
pub(super) struct Receiver<P> {
    /// The next number expected; one above the `DATA_FIN` once that is consumed.
    pub(super) next: Dsn,
    pub(super) ooo: Ranges<P>,
    /// Where the peer's stream ends, once known.
    pub(super) fin: Option<Dsn>,
    /// The end was reached.
    pub(super) fin_done: bool,
    /// Bytes that came on the SYN, before all that have numbers.
    pub(super) on_syn: Option<P>,
    pub(super) bytes: u64,
}

impl<P: Payload> Receiver<P> {
    pub(super) fn new(next: Dsn) -> Self {
        Self {
            next,
            ooo: Ranges::default(),
            fin: None,
            fin_done: false,
            on_syn: None,
            bytes: 0,
        }
    }
}

impl<P: Payload> Connection<P> {
    /// Takes in bytes that TCP delivered, and the mapping that came with them.
    pub(super) fn on_data(
        &mut self,
        shared: &Shared,
        sf: SubflowId,
        ssn: Ssn,
        payload: P,
        mapping: Option<Mapping>,
    ) {
        let flow = self.subflows.get_mut(sf);
        let Some(flow) = flow.filter(|flow| !flow.is_stranger()) else {
            return;
        };
        self.last_data_recv = self.now;
        flow.rx.deliver(ssn, payload);
        if self.mode == Mode::Fallback {
            self.watch_plain(sf, mapping);
            return;
        }
        let window = shared.edge().checked_distance_from(self.recv.next);
        if u64::from(flow.rx.failed_len()) > window.unwrap_or(0) {
            // RFC 8684 3.7: the peer sends again what we hold, so it has not had our MP_FAIL, and
            // no infinite mapping could make one stream of these bytes any more.
            let failed = self.recv.next;
            self.reset(sf, ResetReason::MIDDLEBOX, Some(failed));
            return;
        }
        if let Some(mapping) = mapping {
            self.on_mapping(shared, sf, &mapping);
        }
    }

    /// RFC 8684 3.7 ignores mappings after a fallback. But one that names another place shows that the peer knows nothing
    /// of the fallback, and sends again what our TCP has acknowledged: plain TCP would put it into the stream once more.
    fn watch_plain(&mut self, sf: SubflowId, mapping: Option<Mapping>) {
        let said = mapping.filter(|map| self.remote.is_some() && map.payload_len() > 0);
        let near = self.recv.next;
        let flow = self.subflows.get(sf);
        let in_line = |map| flow.is_none_or(|flow| flow.rx.is_in_line(&map, near));
        if !said.is_none_or(in_line) {
            self.out.error(ConnError::Reset);
            self.reset_for_nonsense(sf);
        }
    }

    /// Notes a mapping that came with payload.
    fn on_mapping(&mut self, shared: &Shared, sf: SubflowId, mapping: &Mapping) {
        if mapping.is_infinite() {
            self.on_infinite(shared, sf, mapping);
            return;
        }
        // In-tree follows the last mapping seen: a peer that needs 8 octets says so each time.
        let long = matches!(mapping.dsn, WireDsn::Long(_));
        shared.set(Flag::LONG_ACK, long);
        let near = self.recv.next;
        let first = mapping.dsn.expand(near);
        if mapping.payload_len() > 0 {
            let checksum = self.checksum;
            let Some(flow) = self.subflows.get_mut(sf) else {
                return;
            };
            // While everything is mapped for good, what a mapping says is no news.
            if !flow.rx.is_infinite() {
                if let Err(flaw) = flow.rx.announce(mapping, checksum, near) {
                    self.on_flaw(shared, sf, flaw);
                    return;
                }
            }
        }
        if let Some(dsn) = mapping.data_fin_dsn(first) {
            self.on_data_fin(shared, sf, dsn);
        }
    }

    /// Notes where the peer's stream ends. RFC 8684 3.3.3: it takes effect in its turn.
    pub(super) fn on_data_fin(&mut self, shared: &Shared, sf: SubflowId, dsn: Dsn) {
        if self.mode == Mode::Fallback {
            return;
        }
        if self.recv.fin_done {
            // The peer has not heard that we know.
            if let Some(flow) = self.subflows.get_mut(sf) {
                flow.owed.ack();
            }
            return;
        }
        // The first one counts, as in-tree has it; one that lies behind what arrived is nonsense.
        // So is one beyond the window: all bytes before it fit in there, but for one that probes.
        let last = shared.edge().latest(self.recv.next).advance(1);
        let possible = dsn.at_or_after(self.recv.next) && dsn.at_or_before(last);
        if self.recv.fin.is_some() || !possible {
            return;
        }
        if self.recv.ooo.end().is_some_and(|end| end.after(dsn)) {
            self.reset_for_nonsense(sf);
            return;
        }
        self.recv.fin = Some(dsn);
    }

    /// Moves bytes one step further: gives those whose turn it is.
    ///
    /// Each turn of the loop uses up bytes or settles a flaw, so that it ends.
    pub(super) fn pump(&mut self, shared: &Shared) -> Option<P> {
        loop {
            let (ready, stale) = self.recv.ooo.take_ready(self.recv.next);
            for _ in 0..stale {
                self.out.count(Mib::DuplicateData);
            }
            if let Some((_, payload)) = ready {
                return self.hand_over(shared, payload);
            }
            match self.next_piece() {
                Some((sf, Piece::Data(dsn, payload))) => {
                    if let Some(payload) = self.place(shared, sf, dsn, payload) {
                        return self.hand_over(shared, payload);
                    }
                }
                Some((sf, Piece::Flaw(flaw))) => self.on_flaw(shared, sf, flaw),
                Some((_, Piece::Nothing)) | None => {
                    self.consume_data_fin(shared);
                    self.reconsider_infinite();
                    return None;
                }
            }
        }
    }

    fn next_piece(&mut self) -> Option<(SubflowId, Piece<P>)> {
        self.subflows.iter_mut().find_map(|flow| {
            let piece = flow.rx.next_piece();
            (!matches!(piece, Piece::Nothing)).then_some((flow.id, piece))
        })
    }

    /// Sorts bytes in: gives them back when it is their turn.
    fn place(&mut self, shared: &Shared, sf: SubflowId, dsn: Dsn, mut payload: P) -> Option<P> {
        let next = self.recv.next;
        let end = dsn.advance(u64::from(payload.len()));
        if let Some(fin) = self.recv.fin {
            // RFC 8684 3.3.3: nothing comes after the DATA_FIN. In plain TCP only one that took
            // effect before counts.
            let counts = self.mode != Mode::Fallback || self.recv.fin_done;
            if counts && end.after(fin) {
                self.reset_for_nonsense(sf);
                return None;
            }
        }
        if dsn.before(next) {
            // The peer sends bytes again that it took for lost. To plain TCP a further copy would
            // be new data.
            self.may_fall_back = false;
        }
        if end.at_or_before(next) {
            // A copy, or a probe of our window with an old byte: either wants to know where we are.
            self.out.count(Mib::DuplicateData);
            self.owe_ack(sf);
            return None;
        }
        if dsn.at_or_before(next) {
            return trim_to(&mut payload, dsn, next).then_some(payload);
        }
        self.place_ahead(shared, dsn, payload);
        None
    }

    /// Keeps bytes for later, as far as the window that we advertised reaches (RFC 8684 3.3.4).
    fn place_ahead(&mut self, shared: &Shared, dsn: Dsn, mut payload: P) {
        let edge = shared.edge();
        let room = edge.checked_distance_from(dsn).unwrap_or(0);
        if room == 0 {
            self.out.count(Mib::NoDSSInWindow);
            self.dropped = true;
            return;
        }
        if let Ok(room) = u32::try_from(room) {
            if room < payload.len() {
                self.out.count(Mib::NoDSSInWindow);
                self.dropped = true;
                payload.truncate(room);
            }
        }
        match self.recv.ooo.insert(dsn, payload) {
            Inserted::Kept { tail, duplicates } => {
                self.out.count(Mib::OFOQueue);
                if tail {
                    self.out.count(Mib::OFOQueueTail);
                }
                for _ in 0..duplicates {
                    self.out.count(Mib::DuplicateData);
                }
            }
            Inserted::Joined { tail } => {
                self.out.count(Mib::OFOQueue);
                self.out.count(Mib::OFOMerge);
                if tail {
                    self.out.count(Mib::OFOQueueTail);
                }
            }
            // As in-tree: it came out of order, and turned out to be a copy.
            Inserted::Duplicate => {
                self.out.count(Mib::OFOQueue);
                self.out.count(Mib::DuplicateData);
            }
            Inserted::Dropped => {
                self.out.count(Mib::RcvPruned);
                self.dropped = true;
            }
        }
    }

    /// Bytes whose turn it is, for whoever reads. RFC 1122 4.2.2.13: if nobody ever will, the peer must learn of it.
    fn hand_over(&mut self, shared: &Shared, payload: P) -> Option<P> {
        if self.app_closed {
            self.abort();
            return None;
        }
        Some(self.accept(shared, payload))
    }

    /// Counts bytes whose turn it is as received.
    fn accept(&mut self, shared: &Shared, payload: P) -> P {
        let len = u64::from(payload.len());
        self.recv.next = self.recv.next.advance(len);
        self.recv.bytes = self.recv.bytes.wrapping_add(len);
        shared.set_rcv_nxt(self.recv.next);
        self.out.wake_reader();
        payload
    }

    /// Ends the stream of the peer if everything before its end has come.
    fn consume_data_fin(&mut self, shared: &Shared) {
        if self.recv.fin_done || self.recv.fin != Some(self.recv.next) {
            return;
        }
        self.recv.fin_done = true;
        self.recv.next = self.recv.next.advance(1);
        shared.set_rcv_nxt(self.recv.next);
        self.out.receive_shut();
        self.out.wake_reader();
        if self.mode != Mode::Fallback {
            // RFC 8684 3.3.3: the peer waits for this on whatever subflow it comes.
            self.owe_ack_of_fin();
        }
        self.step(Step::DataFin);
    }

    /// There is more room for bytes: tells the peer when that is worth a segment (RFC 8684 3.3.4).
    pub(super) fn on_receive_space(&mut self, shared: &Shared, free: u32) {
        if shared.is_window_news(free) {
            // The update must not get lost, so that all carry it.
            self.owe_ack_everywhere();
        }
    }

    pub(super) fn owe_ack(&mut self, sf: SubflowId) {
        if let Some(flow) = self.subflows.get_mut(sf) {
            flow.owed.ack();
        }
    }

    /// The peer has closed its direction. As for TCP's FIN, the program gets a moment to do so too: one segment then says
    /// both. Who has closed already says so at once.
    fn owe_ack_of_fin(&mut self) {
        if self.state != ConnState::Established {
            return self.owe_ack_everywhere();
        }
        for flow in self.subflows.iter_mut() {
            if flow.is_connected() {
                flow.owed.late_ack();
            }
        }
    }

    pub(super) fn owe_ack_everywhere(&mut self) {
        for flow in self.subflows.iter_mut() {
            if flow.is_connected() {
                flow.owed.ack();
            }
        }
    }
}
