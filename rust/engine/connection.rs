// SPDX-License-Identifier: GPL-2.0

//! The connection: holds the parts and dispatches events to them. No rule of its own.

use super::action::Action;
use super::action::ConnState;
use super::config::Config;
use super::event::Event;
use super::initiate::KeyMaterial;
use super::initiate::PassiveOpen;
use super::mem::NoMemory;
use super::payload::Payload;
use super::shared::Shared;
use super::subflow::SubflowId;
use super::time::Instant;
use super::transmit::Transmit;
use crate::wire::Dsn;
use crate::wire::Token;

/// How far a connection has come as MPTCP, or how far it has left it (RFC 8684 3.1, 3.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Our SYN is unanswered.
    Negotiating,
    /// The keys are exchanged; no option has come through on an established segment.
    Unverified,
    /// Options come through to us.
    Verified,
    /// Plain TCP.
    Fallback,
}

/// What `MPTCP_INFO` shows of a connection, as far as the engine knows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Info {
    /// Subflows beside the first.
    pub extra_subflows: u8,
    /// Subflows, the first one counted while it lives.
    pub subflows_total: u8,
    /// The connection is plain TCP.
    pub fallback: bool,
    /// The peer's key is known.
    pub remote_key: bool,
    /// Our token.
    pub token: Token,
    /// The next number to be queued, above our `DATA_FIN` once that is queued.
    pub write_seq: Dsn,
    /// The first number not acknowledged.
    pub snd_una: Dsn,
    /// The next number to be handed to a subflow.
    pub snd_nxt: Dsn,
    /// The next number expected.
    pub rcv_nxt: Dsn,
    /// Mappings carry checksums.
    pub checksum: bool,
    /// How often a `DATA_FIN` was sent again.
    pub retransmits: u32,
    /// Octets sent again at the level of the connection.
    pub bytes_retrans: u64,
    /// Octets handed to subflows, each once.
    pub bytes_sent: u64,
    /// Octets received in order.
    pub bytes_received: u64,
    /// Octets acknowledged, the `DATA_FIN` counted as one.
    pub bytes_acked: u64,
    /// When data was last handed to a subflow.
    pub last_data_sent: Instant,
    /// When data last arrived.
    pub last_data_recv: Instant,
    /// When a `DATA_ACK` last arrived.
    pub last_ack_recv: Instant,
}

/// A connection.
pub struct Connection<P> {
    _payload: core::marker::PhantomData<P>,
}

impl<P: Payload> Connection<P> {
    /// A connection that is about to send its SYN on [`SubflowId::FIRST`].
    pub fn active(
        config: Config,
        local: KeyMaterial,
        shared: &Shared,
        now: Instant,
    ) -> Result<Self, NoMemory> {
        let _ = (config, local, shared, now);
        Err(NoMemory)
    }

    /// A connection whose SYN already went out without any option of ours: plain TCP from the start
    /// (a pause after a black hole, no token to be had, TCP-MD5 in use).
    pub fn plain(
        config: Config,
        local: KeyMaterial,
        shared: &Shared,
        now: Instant,
    ) -> Result<Self, NoMemory> {
        let _ = (config, local, shared, now);
        Err(NoMemory)
    }

    /// A connection that a third ACK completed; `window` is that of the ACK, scaled.
    pub fn passive(
        config: Config,
        open: &PassiveOpen,
        window: u32,
        shared: &Shared,
        now: Instant,
    ) -> Result<Self, NoMemory> {
        let _ = (config, open, window, shared, now);
        Err(NoMemory)
    }

    /// Takes in one event.
    pub fn handle(&mut self, shared: &Shared, event: Event<'_, P>, now: Instant) {
        let _ = (shared, event, now);
    }

    /// The next thing to do, if any.
    pub fn poll_action(&mut self, shared: &Shared) -> Option<Action<P>> {
        let _ = shared;
        None
    }

    /// When [`Event::Timer`] is wanted.
    pub fn next_timeout(&self) -> Option<Instant> {
        None
    }

    /// The next range to hand to TCP on a subflow, at most `room` octets.
    ///
    /// Answer each range with [`Event::Transmitted`] before the next call for the same subflow.
    pub fn poll_transmit(
        &mut self,
        shared: &Shared,
        sf: SubflowId,
        room: u32,
        now: Instant,
    ) -> Option<Transmit> {
        let _ = (shared, sf, room, now);
        None
    }

    /// The state that programs see.
    pub fn state(&self) -> ConnState {
        ConnState::Close
    }

    /// How far the connection is MPTCP.
    pub fn mode(&self) -> Mode {
        Mode::Negotiating
    }

    /// What `MPTCP_INFO` shows.
    pub fn info(&self) -> Info {
        Info::default()
    }

    /// The peer's initial data sequence number, once known; for [`super::mapping::of_segment`].
    pub fn remote_idsn(&self) -> Option<Dsn> {
        None
    }

    /// Octets of the stream that are not acknowledged (`SIOCOUTQ`).
    pub fn unacknowledged(&self) -> u64 {
        0
    }

    /// Octets of the stream that no subflow has been handed (`SIOCOUTQNSD`).
    pub fn unsent(&self) -> u64 {
        0
    }

    /// Whether anything keeps a closed connection alive: a subflow, or a timer.
    pub fn is_gone(&self) -> bool {
        false
    }
}
