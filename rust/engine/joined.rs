// SPDX-License-Identifier: GPL-2.0

//! RFC 8684 3.2: further subflows, from their SYN until they carry data; both roles.

use super::action::ConnState;
use super::connection::Connection;
use super::connection::Mode;
use super::event::Ending;
use super::join::prove_third_ack;
use super::join::read_syn_ack;
use super::join::Door;
use super::join::HalfJoin;
use super::join::JoinKeys;
use super::join::LocalAddr;
use super::join::Refused;
use super::limits::JOIN_PATIENCE;
use super::limits::JOIN_WAIT;
use super::limits::JOIN_WAIT_LEAST;
use super::mem::NoMemory;
use super::mib::Mib;
use super::order::Order;
use super::payload::Payload;
use super::subflow::Ends;
use super::subflow::Farewell;
use super::subflow::Joining;
use super::subflow::Phase;
use super::subflow::Subflow;
use super::subflow::SubflowId;
use super::time::Duration;
use super::time::Instant;
use super::timers::Timer;
use super::transmit::SubflowTx;
use crate::wire::AddrId;
use crate::wire::Join;
use crate::wire::Nonce;
use crate::wire::Options;
use crate::wire::ResetReason;

/// A subflow that is to be opened.
#[derive(Clone, Copy, Debug)]
pub struct JoinRequest {
    /// Where from.
    pub local: LocalAddr,
    /// The peer's number for the address that it goes to, 0 for that of the first subflow.
    pub remote_id: AddrId,
    /// A fresh random number.
    pub nonce: Nonce,
}

/// Why no subflow can be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CannotJoin {
    /// The connection is not established, has fallen back, or is closing.
    NotOpen,
    /// There are as many as there can be, or no memory for one more.
    NoMemory,
}

/// The segment that completes the handshake of a join, and what is known of that.
#[derive(Clone, Copy, Debug)]
pub struct JoinAck<'a> {
    /// What was asked for and answered.
    pub half: HalfJoin,
    /// Our random number, derived again.
    pub nonce: Nonce,
    /// The port that it came to.
    pub door: Door,
    /// The path manager takes one more subflow.
    pub allowed: bool,
    /// The options of the segment.
    pub options: &'a Options,
}

impl<P: Payload> Connection<P> {
    /// What a join of this connection is checked against; none before the keys are exchanged, nor
    /// in plain TCP.
    pub fn join_keys(&self) -> Option<JoinKeys> {
        let plain = self.mode == Mode::Fallback;
        let remote = self.remote.filter(|_| !self.token_released && !plain)?;
        Some(JoinKeys {
            local: self.local.key,
            remote: remote.key,
            open: self.is_open_to_joins(),
        })
    }

    /// RFC 8684 3.2: not before an option has come through; in-tree: nor once a side has closed.
    ///
    /// RFC 8684 3.7: nor while `MP_FAIL` is being settled, for that ends in plain TCP on one subflow.
    fn is_open_to_joins(&self) -> bool {
        let open = self.mode == Mode::Verified && self.state == ConnState::Established;
        let failing = self.send.infinite || self.subflows.iter().any(|flow| flow.rx.is_failed());
        open && !failing
    }

    /// Begins a subflow: have TCP send a SYN that the [`SubflowTx`] stamps.
    ///
    /// Say then what became of that ([`Connection::syn_sent`]). [`super::Event::SubflowClosed`] ends it.
    pub fn join(
        &mut self,
        request: &JoinRequest,
        now: Instant,
    ) -> Result<(SubflowId, SubflowTx), CannotJoin> {
        self.now = self.now.max(now);
        let remote = self.remote.filter(|_| self.is_open_to_joins());
        let remote = remote.ok_or(CannotJoin::NotOpen)?;
        let sf = self.subflows.next_id();
        let sf = sf.map_err(|NoMemory| CannotJoin::NoMemory)?;
        let mut flow = Subflow::new(sf, Phase::Opening, self.config.rto_min);
        flow.ends = Ends {
            local_id: request.local.id,
            remote_id: request.remote_id,
            local_backup: request.local.backup,
            remote_backup: false,
        };
        flow.opened_here = true;
        flow.joining = Some(Joining {
            nonce: request.nonce,
            proven: false,
            since: self.now,
            due: self.now,
            wait: JOIN_WAIT,
        });
        let added = self.subflows.add(flow);
        added.map_err(|NoMemory| CannotJoin::NoMemory)?;
        self.stop_waiting_for_paths();
        let syn = Join::Syn {
            backup: request.local.backup,
            id: request.local.id,
            token: remote.token,
            nonce: request.nonce,
        };
        Ok((sf, SubflowTx::join(self.local.key, remote.key, syn)))
    }

    /// What became of the SYN of [`Connection::join`]: it is out, or TCP would not send it. Then, as in-tree has it, there
    /// never was such a subflow: nobody hears of its end.
    pub fn syn_sent(&mut self, sf: SubflowId, sent: bool, now: Instant) {
        self.now = self.now.max(now);
        if sent {
            self.out.count(Mib::MPJoinSynTx);
        } else if let Some(flow) = self.subflows.get_mut(sf) {
            flow.farewell = Farewell::Told;
            self.on_subflow_closed(sf, Ending::Local);
        }
    }

    /// Takes in a subflow whose third ACK has come, or says what the RST must say.
    pub fn accept_join(
        &mut self,
        ack: &JoinAck<'_>,
        now: Instant,
    ) -> Result<(SubflowId, SubflowTx), Refused> {
        self.now = self.now.max(now);
        let unknown = Refused::because(Mib::MPJoinNoTokenFound, ResetReason::MPTCP);
        let keys = self.join_keys().ok_or(unknown)?;
        prove_third_ack::<P::Sha256>(ack.options, &ack.half, &keys, ack.nonce)?;
        if !ack.allowed || !keys.open {
            let counter = Mib::MPJoinRejected;
            return Err(Refused::because(counter, ResetReason::PROHIBITED));
        }
        if ack.door == Door::Other {
            let counter = Mib::MismatchPortAckRx;
            return Err(Refused::because(counter, ResetReason::PROHIBITED));
        }
        let sf = self.subflows.next_id();
        let sf = sf.map_err(|NoMemory| Refused::NO_MEMORY)?;
        let mut flow = Subflow::new(sf, Phase::Open, self.config.rto_min);
        flow.ends = Ends {
            local_id: ack.half.local.id,
            remote_id: ack.half.syn.id,
            local_backup: ack.half.local.backup,
            remote_backup: ack.half.syn.backup,
        };
        // The fourth ACK, for which the peer waits before it sends data.
        flow.owed.ack();
        let added = self.subflows.add(flow);
        added.map_err(|NoMemory| Refused::NO_MEMORY)?;
        if ack.door == Door::Announced {
            self.out.count(Mib::MPJoinPortAckRx);
        }
        self.out.count(Mib::MPJoinAckRx);
        self.on_joined(sf);
        self.resume();
        Ok((sf, SubflowTx::joined(keys.local, keys.remote)))
    }

    /// Both proofs are known to be right on our side.
    fn on_joined(&mut self, sf: SubflowId) {
        // RFC 8684 3.7: with a second subflow there is no way to plain TCP.
        self.may_fall_back = false;
        self.stop_waiting_for_paths();
        self.out.paths().joined = Some(sf);
    }

    /// A subflow more carries data: what waited for one goes out.
    fn resume(&mut self) {
        self.rescue_all();
        self.push();
        if self.send.una.before(self.send.sent_end()) {
            self.arm_retransmit_once();
        }
    }

    /// RFC 8684 3.2: the peer has answered the SYN of a join.
    pub(super) fn on_join_syn_ack(
        &mut self,
        sf: SubflowId,
        options: &Options,
        srtt: Option<Duration>,
    ) {
        let (now, open) = (self.now, self.is_open_to_joins());
        let local = self.local.key;
        let (Some(remote), Some(flow)) = (self.remote, self.subflows.get_mut(sf)) else {
            return;
        };
        let Some(joining) = flow.joining.as_mut() else {
            return;
        };
        if flow.phase != Phase::Opening {
            return;
        }
        let answer = read_syn_ack::<P::Sha256>(options, local, remote.key, joining.nonce);
        let refused = match answer {
            Err(counter) => Some(counter),
            // The connection has moved on meanwhile.
            Ok(_) if !open => Some(Mib::MPJoinNotEstablished),
            Ok(_) => None,
        };
        let (Ok(answer), None) = (answer, refused) else {
            if let Some(counter) = refused {
                self.out.count(counter);
            }
            self.reset(sf, ResetReason::MPTCP, None);
            return;
        };
        flow.phase = Phase::Joining;
        flow.ends.remote_id = answer.id;
        flow.ends.remote_backup = answer.backup;
        flow.owed.handshake(Order::Join { hmac: answer.hmac });
        // As in-tree: twice the round-trip time, so that only a loss brings it again.
        let twice = srtt.map_or(JOIN_WAIT, |srtt| srtt.backed_off(1, JOIN_WAIT));
        joining.wait = twice.max(JOIN_WAIT_LEAST);
        joining.proven = true;
        joining.since = now;
        joining.due = now.after(joining.wait);
        self.timers.set_earlier(Timer::Join, joining.due);
        self.out.count(Mib::MPJoinSynAckRx);
        if answer.backup {
            self.out.count(Mib::MPJoinSynAckBackupRx);
        }
        self.on_joined(sf);
    }

    /// Nobody has answered some third ACK.
    pub(super) fn on_join_timer(&mut self) {
        let (now, longest) = (self.now, self.config.rto_max);
        let mut next: Option<Instant> = None;
        let mut hopeless = None;
        for flow in self.subflows.iter_mut() {
            let Some(joining) = flow.joining.as_mut() else {
                continue;
            };
            if flow.phase != Phase::Joining {
                continue;
            }
            if joining.due <= now {
                if now.since(joining.since) >= JOIN_PATIENCE {
                    hopeless = Some(flow.id);
                    continue;
                }
                flow.owed.ack();
                joining.wait = joining.wait.backed_off(1, longest);
                joining.due = now.after(joining.wait);
            }
            next = Some(next.map_or(joining.due, |next| next.min(joining.due)));
        }
        if let Some(sf) = hopeless {
            self.reset_transient(sf, ResetReason::PERFORMANCE);
            // There may be another one.
            next = Some(now.after(Duration::from_millis(1)));
        }
        if let Some(next) = next {
            self.timers.set(Timer::Join, next);
        }
    }

    /// A segment of a joined subflow: says whether it is to be looked at any further.
    pub(super) fn on_joined_segment(&mut self, sf: SubflowId, options: &Options) -> bool {
        let Some(flow) = self.subflows.get_mut(sf) else {
            return false;
        };
        match flow.phase {
            _ if flow.is_stranger() => false,
            Phase::Opening => false,
            Phase::Joining => {
                let acked = options.dss.is_some_and(|dss| dss.data_ack.is_some());
                if acked || options.add_addr.is_some() {
                    self.confirm_join(sf);
                    return true;
                }
                // RFC 8684 3.7: the options of the handshake came through, and no others do.
                self.out.count(Mib::DssReset);
                self.reset(sf, ResetReason::MIDDLEBOX, None);
                false
            }
            Phase::Open | Phase::Closing => {
                // The peer sends its proof again: it has not had our ACK.
                if matches!(options.join, Some(Join::Ack { .. })) {
                    flow.owed.ack();
                }
                true
            }
        }
    }

    /// The fourth ACK: the peer has our proof, and data may go out.
    fn confirm_join(&mut self, sf: SubflowId) {
        if let Some(flow) = self.subflows.get_mut(sf) {
            flow.phase = Phase::Open;
            flow.joining = None;
            flow.owed.handshake(Order::Joined);
        }
        self.resume();
    }
}
