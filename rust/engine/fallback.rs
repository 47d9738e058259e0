// SPDX-License-Identifier: GPL-2.0

//! RFC 8684 3.7: going on as plain TCP, at the start or later, by ourselves or with the peer.

use super::action::ConnState;
use super::action::FallbackReason;
use super::address::Addresses;
use super::connection::Connection;
use super::connection::Mode;
use super::initiate::SynAckAnswer;
use super::mib::Mib;
use super::order::Order;
use super::payload::Payload;
use super::send::Fin;
use super::shared::Flag;
use super::shared::Shared;
use super::subflow::Phase;
use super::subflow::SubflowId;
use super::timers::Timer;
use crate::wire::CapableFlags;
use crate::wire::Dsn;
use crate::wire::Mapping;
use crate::wire::Options;
use crate::wire::ResetReason;

impl<P: Payload> Connection<P> {
    /// RFC 8684 3.1: the answer to our SYN decides what the connection is.
    pub(super) fn on_syn_ack(
        &mut self,
        shared: &Shared,
        sf: SubflowId,
        answer: SynAckAnswer,
        window: u32,
        plain_syns: u8,
    ) {
        let Some(flow) = self.subflows.get_mut(sf) else {
            return;
        };
        if flow.phase != Phase::Opening {
            return;
        }
        flow.phase = Phase::Open;
        match answer {
            SynAckAnswer::Capable {
                remote,
                checksum,
                deny_join,
            } if self.mode == Mode::Negotiating => {
                let flags = CapableFlags {
                    checksum: self.config.checksum || checksum,
                    deny_join: self.config.deny_join,
                };
                flow.owed.handshake(Order::Keys {
                    remote: remote.key,
                    flags,
                });
                self.out.count(Mib::MPCapableSYNACKRX);
                self.out.path_is_capable();
                self.remote = Some(remote);
                self.remote_deny_join = deny_join;
                self.begin(shared, Mode::Unverified, flags.checksum, window);
            }
            _ if self.mode == Mode::Negotiating => {
                self.become_plain(
                    shared,
                    FallbackReason::SynAck,
                    Some(Mib::MPCapableFallbackSYNACK),
                );
            }
            _ => {
                if plain_syns == 1 && self.offered {
                    // The option was the only difference between the SYNs.
                    self.out.blackhole();
                    self.out.count(Mib::Blackhole);
                }
            }
        }
        self.enter(ConnState::Established);
        self.push();
    }

    /// Our numbers start, and the peer's if its key is known.
    pub(super) fn begin(&mut self, shared: &Shared, mode: Mode, checksum: bool, window: u32) {
        self.mode = mode;
        self.checksum = checksum;
        self.send.edge = self.send.una.advance(u64::from(window));
        if let Some(remote) = self.remote {
            self.recv.next = remote.idsn.advance(1);
            shared.start(self.recv.next);
        }
        shared.set(Flag::CHECKSUM, checksum);
        shared.set(Flag::VERIFIED, mode == Mode::Verified);
        shared.set(Flag::CAN_ACK, self.remote.is_some());
    }

    /// RFC 8684 3.9: the SYN goes out without the option.
    pub(super) fn on_syn_dropped(&mut self, shared: &Shared) {
        if self.mode == Mode::Negotiating {
            self.become_plain(
                shared,
                FallbackReason::SynDropped,
                Some(Mib::MPCapableSYNTXDrop),
            );
        }
    }

    /// Both sides opened at once.
    pub(super) fn on_simultaneous_open(&mut self, shared: &Shared) {
        if self.mode == Mode::Negotiating {
            self.become_plain(
                shared,
                FallbackReason::SimultaneousOpen,
                Some(Mib::SimultConnectFallback),
            );
        }
    }

    /// Whether plain TCP could still carry on where MPTCP stops: one subflow, nothing out of
    /// order, nothing lost, and no copy of anything under way.
    pub(super) fn could_be_plain(&mut self) -> bool {
        let contiguous = self.recv.ooo.is_empty() && !self.dropped;
        let next = self.recv.next;
        let one = self.subflows.one();
        let one = one.is_some_and(|flow| !flow.rx.lost && flow.rx.is_straight(next));
        self.may_fall_back && contiguous && one
    }

    /// Falls back if that is possible. Whoever cannot resets the subflow, and counts that: as in-tree, `FallbackFailed`
    /// stands only where there was no other choice but to fall back.
    pub(super) fn try_plain(&mut self, shared: &Shared, reason: FallbackReason, mib: Mib) -> bool {
        if self.mode == Mode::Fallback {
            return true;
        }
        if !self.could_be_plain() {
            return false;
        }
        self.become_plain(shared, reason, Some(mib));
        true
    }

    /// From here on the connection is plain TCP.
    pub(super) fn become_plain(
        &mut self,
        shared: &Shared,
        reason: FallbackReason,
        mib: Option<Mib>,
    ) {
        if self.mode == Mode::Fallback {
            return;
        }
        self.mode = Mode::Fallback;
        self.fell_back = Some(reason);
        self.unsettled = true;
        if let Some(mib) = mib {
            self.out.count(mib);
        }
        self.out.fell_back(reason);
        shared.set(Flag::FALLBACK, true);
        shared.set(Flag::DATA_FIN, false);
        self.timers.stop(Timer::Retransmit);
        self.timers.stop(Timer::Fail);
        // RFC 8684 3.7: no option is said any more.
        self.timers.stop(Timer::Announce);
        self.addresses = Addresses::default();
        self.send.again.retain(|range| range.fresh);
        self.send.probe = false;
        let expected = self.recv.next;
        let mut fin = false;
        for flow in self.subflows.iter_mut() {
            if !flow.rx.is_infinite() {
                let (ssn, dsn) = flow.rx.resume_point(expected);
                flow.rx.map_for_good(ssn, dsn);
            }
            fin |= flow.fin_received;
        }
        self.out.wake_writer();
        if self.state == ConnState::SynSent {
            return;
        }
        if fin {
            self.end_plain_stream();
        }
        self.release_plain();
        if self.send.fin == Fin::Sent {
            // The DATA_FIN that we said turns into the FIN of TCP.
            self.tell_fin_plain();
        } else {
            self.tell_fin(shared);
        }
        self.push();
    }

    /// Data of ours was acknowledged by a segment without a `DATA_ACK`.
    ///
    /// RFC 8684 3.7: if that was our first data, options do not reach us, and the peer is told so by
    /// an infinite mapping, should ours reach it.
    pub(super) fn on_silent_ack(&mut self, shared: &Shared, sf: SubflowId, options: &Options) {
        let worked = self.subflows.get(sf).is_some_and(|flow| flow.tx_ok);
        if worked || !options.is_empty() || self.is_closed() {
            return;
        }
        if sf != SubflowId::FIRST {
            // The options of the handshake came through, and no others do: not this path. Of one
            // that is being closed, TIME-WAIT may answer, which knows none.
            let open = self
                .subflows
                .get(sf)
                .is_some_and(|flow| flow.phase == Phase::Open);
            if open {
                self.out.count(Mib::DssReset);
                self.reset(sf, ResetReason::MIDDLEBOX, None);
            }
            return;
        }
        if !self.could_be_plain() {
            return;
        }
        self.send.infinite = true;
        self.become_plain(
            shared,
            FallbackReason::NoOptions,
            Some(Mib::MPCapableDataFallback),
        );
    }

    /// The peer's FIN came without any option.
    ///
    /// The peer may have fallen back with no data left for the infinite mapping to stand beside.
    /// Where options did work, only once its stream has ended: a FIN that a middlebox made up must
    /// not cut it short.
    pub(super) fn on_silent_fin(&mut self, shared: &Shared, sf: SubflowId) {
        let Some(flow) = self.subflows.get(sf) else {
            return;
        };
        let ended = self.recv.fin_done && !flow.tx_ok;
        if (self.mode == Mode::Unverified || ended) && self.could_be_plain() {
            self.become_plain(
                shared,
                FallbackReason::NoOptions,
                Some(Mib::MPCapableDataFallback),
            );
        }
    }

    /// A path that used to carry options acknowledges our data without any.
    ///
    /// To send the data again could put it twice into the stream of a peer that has fallen back.
    pub(super) fn on_options_vanished(&mut self, shared: &Shared, sf: SubflowId) {
        if !self.try_plain(shared, FallbackReason::NoOptions, Mib::DssFallback) {
            self.out.count(Mib::DssReset);
            self.reset(sf, ResetReason::MIDDLEBOX, None);
        }
    }

    /// An infinite mapping: the peer falls back, and so do we (RFC 8684 3.7).
    pub(super) fn on_infinite(&mut self, shared: &Shared, sf: SubflowId, mapping: &Mapping) {
        self.out.count(Mib::InfiniteMapRx);
        let near = self.recv.next;
        let dsn = mapping.dsn.expand(near);
        let fits = self.subflows.get(sf).is_some_and(|flow| {
            let (ssn, expected) = flow.rx.resume_point(near);
            let ahead = i64::from(mapping.ssn.distance_from(ssn));
            dsn.distance_from(expected) == ahead
        });
        if !fits || !self.try_plain(shared, FallbackReason::InfiniteReceived, Mib::DssFallback) {
            self.reset_for_nonsense(sf);
        }
    }

    /// `MP_FAIL` on a segment that is no reset: the peer asks for, or grants, an infinite mapping.
    pub(super) fn on_fail(&mut self, shared: &Shared, sf: SubflowId, dsn: Dsn) {
        self.out.count(Mib::MPFailRx);
        let known = dsn.at_or_before(self.send.sent_end());
        let known = known && self.send.una.distance_from(dsn) <= i64::from(i32::MAX);
        let expected = self.recv.next;
        let failed = self.subflows.get(sf).is_some_and(|f| f.rx.is_failed());
        if failed {
            // The answer to ours; its number speaks of our data or of the peer's.
            self.timers.stop(Timer::Fail);
            if let Some(flow) = self.subflows.get_mut(sf) {
                flow.rx.accept_failed();
            }
            return;
        }
        if !self.checksum || !known || self.send.infinite || !self.could_be_plain() {
            return;
        }
        let _ = shared;
        self.send.infinite = true;
        self.out.count(Mib::MPFailTx);
        if let Some(flow) = self.subflows.get_mut(sf) {
            flow.owed.fail(expected);
        }
    }

    /// An infinite mapping was promised, and then something happened that plain TCP cannot mend:
    /// the subflow cannot go on either way.
    pub(super) fn reconsider_infinite(&mut self) {
        let promised = self.send.infinite && self.mode != Mode::Fallback;
        if !promised || self.could_be_plain() {
            return;
        }
        self.send.infinite = false;
        self.out.count(Mib::FallbackFailed);
        let flow = self.subflows.iter().next();
        if let Some(sf) = flow.map(|flow| flow.id) {
            self.reset(sf, ResetReason::MIDDLEBOX, None);
        }
    }
}
