// SPDX-License-Identifier: GPL-2.0

//! RFC 8684 3.3.2: what a segment tells about our data; and the other signals that it may carry.

use super::close::release_below;
use super::connection::Connection;
use super::connection::Mode;
use super::event::RxSegment;
use super::payload::Payload;
use super::send::Fin;
use super::shared::Flag;
use super::shared::Shared;
use super::state::Step;
use super::subflow::SubflowId;
use super::timers::Timer;
use crate::wire::Dsn;
use crate::wire::Options;
use crate::wire::Ssn;
use crate::wire::Subtype;
use crate::wire::Subtypes;
use crate::wire::WireDsn;

/// What nearly all segments carry, and nothing else.
const USUAL: Subtypes = Subtypes::of(&[Subtype::Capable, Subtype::Dss]);

impl<P: Payload> Connection<P> {
    /// Takes in a segment of an established subflow.
    pub(super) fn on_segment(
        &mut self,
        shared: &Shared,
        sf: SubflowId,
        segment: &RxSegment,
        options: &Options,
    ) {
        if segment.rst {
            self.note_parting(sf, options);
            return;
        }
        if self.mode == Mode::Fallback {
            // RFC 8684 3.7: after fallback every option is ignored.
            self.on_subflow_acked(sf, segment);
            return;
        }
        if let Some(fast_close) = options.fast_close {
            if self.is_our_key(fast_close.key) {
                self.on_fast_close();
                return;
            }
        }
        if sf != SubflowId::FIRST && !self.on_joined_segment(sf, options) {
            return;
        }
        let acked = self.note_subflow_ack(sf, segment, options);
        let data_ack = options.dss.and_then(|dss| dss.data_ack);
        if let Some(data_ack) = data_ack {
            self.verify(shared);
            self.on_data_ack(shared, sf, data_ack, segment.window);
        } else if acked {
            self.on_silent_ack(shared, sf, options);
        }
        if options.capable.is_some() && !self.is_active {
            // RFC 8684 3.1: keys again. The data form shows that ours arrived.
            if segment.len > 0 {
                self.verify(shared);
            }
        }
        if segment.fin && options.is_empty() {
            self.on_silent_fin(shared, sf);
        }
        if segment.len == 0 {
            self.on_pure_mapping(shared, sf, options);
        }
        if let Some(fail) = options.fail {
            self.on_fail(shared, sf, fail.dsn);
        }
        if !options.taken.is_within(USUAL) {
            self.on_path_signals(shared, sf, options);
        }
    }

    /// RFC 8684 3.3.8, 3.4: what a segment says about paths.
    fn on_path_signals(&mut self, shared: &Shared, sf: SubflowId, options: &Options) {
        if self.is_closed() || self.mode == Mode::Fallback {
            return;
        }
        if let Some(option) = &options.add_addr {
            if self.on_add_addr(option) {
                self.verify(shared);
            }
        }
        if let Some(gone) = &options.remove_addr {
            self.on_remove_addr(gone);
        }
        if let Some(prio) = options.prio {
            self.on_prio(sf, prio);
        }
    }

    /// The peer's TCP has acknowledged our bytes before `una`.
    pub(super) fn on_una(&mut self, sf: SubflowId, una: Ssn) {
        let Some(flow) = self.subflows.get_mut(sf) else {
            return;
        };
        flow.acknowledged(una);
        if flow.stale {
            self.recover(sf);
        }
        if self.mode == Mode::Fallback {
            self.release_plain();
        }
    }

    /// After fallback, what TCP has delivered is what the peer has.
    pub(super) fn release_plain(&mut self) {
        let mut una = self.send.next.earliest(self.send.end);
        for flow in self.subflows.iter() {
            if let Some(first) = flow.sent.as_slice().first() {
                una = una.earliest(first.dsn);
            }
            if let Some(offer) = flow.offer {
                una = una.earliest(offer.dsn);
            }
        }
        for range in self.send.again.iter() {
            una = una.earliest(range.start);
        }
        if una.after(self.send.una) {
            self.advance_una(una);
        }
    }

    fn on_subflow_acked(&mut self, sf: SubflowId, segment: &RxSegment) {
        if let Some(ack) = segment.ack {
            self.on_una(sf, ack);
        }
    }

    /// Notes the subflow-level acknowledgement; says whether it covers new data of ours.
    fn note_subflow_ack(&mut self, sf: SubflowId, segment: &RxSegment, options: &Options) -> bool {
        let Some(ack) = segment.ack else {
            return false;
        };
        let Some(flow) = self.subflows.get_mut(sf) else {
            return false;
        };
        let signals = options.dss.is_some_and(|dss| dss.data_ack.is_some());
        let acked = flow.is_news(ack);
        // Not one that was overtaken: it may be from before the options vanished.
        if !flow.is_overtaken(segment.ssn, ack) {
            flow.heard_at = segment.ssn;
            // In-tree leaves the DATA_ACK out where ADD_ADDR takes the room.
            if acked || signals || options.is_empty() {
                flow.bare = !signals && options.add_addr.is_none();
            }
        }
        self.on_una(sf, ack);
        // A silent path may still work this way round: its peer's updates of the window say nothing of ours.
        let silent = self.subflows.get(sf).is_some_and(|flow| flow.silent);
        if acked || (segment.len == 0 && !silent) {
            self.on_answer(sf);
        }
        acked
    }

    /// RFC 8684 3.1: an option came through on an established segment.
    pub(super) fn verify(&mut self, shared: &Shared) {
        if self.mode == Mode::Unverified {
            self.mode = Mode::Verified;
            self.out.paths().established = true;
            shared.set(Flag::VERIFIED, true);
        }
    }

    /// Takes in a `DATA_ACK` and the window that stands beside it.
    fn on_data_ack(&mut self, shared: &Shared, sf: SubflowId, data_ack: WireDsn, window: u32) {
        let ack = data_ack.expand(self.send.una);
        // What was never sent cannot be acknowledged; nor does the window count then.
        if ack.after(self.send.sent_end()) {
            return;
        }
        self.last_ack_recv = self.now;
        if ack.after(self.first_dsn()) {
            if let Some(flow) = self.subflows.get_mut(sf) {
                flow.tx_ok = true;
            }
        }
        // RFC 8684 3.3.1: relative to this DATA_ACK, and the edge never moves back. An old
        // DATA_ACK with a large window may still move it on.
        let edge = ack.advance(u64::from(window));
        let opened = edge.after(self.send.edge);
        if opened {
            self.send.edge = edge;
            self.send.probe = false;
        }
        if ack.after(self.send.una) {
            self.on_progress(shared, ack);
        }
        if opened {
            self.push();
        }
    }

    /// The peer has more of our stream.
    fn on_progress(&mut self, shared: &Shared, ack: Dsn) {
        self.advance_una(ack);
        self.send.backoff = 0;
        self.timers.stop(Timer::Retransmit);
        if self.send.fin == Fin::Sent && ack == self.send.end.advance(1) {
            self.send.fin = Fin::Acked;
            shared.set(Flag::DATA_FIN, false);
            self.step(Step::DataFinAcked);
        }
        let outstanding = self.send.una.before(self.send.sent_end());
        if outstanding || self.send.next.before(self.send.end) {
            self.arm_retransmit_once();
        }
    }

    /// Frees what the peer has.
    fn advance_una(&mut self, una: Dsn) {
        let gone = una.checked_distance_from(self.send.una).unwrap_or(0);
        self.send.bytes_acked = self.send.bytes_acked.wrapping_add(gone);
        self.send.una = una;
        self.send.una_at = self.now;
        // An acknowledgement may overtake the report of what TCP took.
        self.send.next = self.send.next.latest(una.earliest(self.send.end));
        self.out.release(release_below(una, self.send.end));
        self.out.wake_writer();
    }

    /// A mapping on a segment without payload: a `DATA_FIN` alone, or the end of MPTCP.
    fn on_pure_mapping(&mut self, shared: &Shared, sf: SubflowId, options: &Options) {
        let Some(map) = options.dss.and_then(|dss| dss.map) else {
            return;
        };
        if map.is_infinite() {
            self.on_infinite(shared, sf, &map);
            return;
        }
        // Only the form without data means something here; mappings come with their bytes.
        if map.payload_len() == 0 {
            let first = map.dsn.expand(self.recv.next);
            if let Some(dsn) = map.data_fin_dsn(first) {
                self.on_data_fin(shared, sf, dsn);
            }
        }
    }
}
