// SPDX-License-Identifier: GPL-2.0

//! The connection: holds the parts and dispatches events to them. No rule of its own.

use super::action::Action;
use super::action::ConnState;
use super::action::FallbackReason;
use super::action::PathEvent;
use super::address::Addresses;
use super::close::release_below;
use super::config::Config;
use super::event::Event;
use super::initiate::KeyMaterial;
use super::initiate::PassiveOpen;
use super::mem::NoMemory;
use super::mib::Mib;
use super::outbox::Outbox;
use super::payload::Payload;
use super::receive::Receiver;
use super::scheduler::Scheduling;
use super::send::Fin;
use super::send::Sender;
use super::several::Grant;
use super::shared::Flag;
use super::shared::Shared;
use super::subflow::Phase;
use super::subflow::Subflow;
use super::subflow::SubflowId;
use super::subflow::Subflows;
use super::time::Instant;
use super::timers::Timer;
use super::timers::Timers;
use super::transmit::Transmit;
use crate::wire::Dsn;
use crate::wire::Ssn;
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
    /// Subflows beside the first; those that we took out of use do not count.
    pub extra_subflows: u8,
    /// The same with the first one, while it lives.
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
    pub(super) config: Config,
    pub(super) mode: Mode,
    /// Why it is plain TCP, if it fell back.
    pub(super) fell_back: Option<FallbackReason>,
    pub(super) state: ConnState,
    /// We sent the SYN of the first subflow.
    pub(super) is_active: bool,
    /// Our first SYN carried `MP_CAPABLE`.
    pub(super) offered: bool,
    /// No program holds the connection any more.
    pub(super) app_closed: bool,
    pub(super) local: KeyMaterial,
    pub(super) remote: Option<KeyMaterial>,
    /// The peer does not want joins to the address of the first subflow.
    pub(super) remote_deny_join: bool,
    /// Mappings carry checksums.
    pub(super) checksum: bool,
    /// Nothing has happened yet that plain TCP could not take over from (RFC 8684 3.7).
    pub(super) may_fall_back: bool,
    /// We dropped bytes that the peer's TCP counts as delivered.
    pub(super) dropped: bool,
    pub(super) token_released: bool,
    gone_told: bool,
    /// Nothing is left to move since the last event.
    pub(super) subflows: Subflows<P>,
    pub(super) recv: Receiver<P>,
    pub(super) send: Sender,
    pub(super) scheduling: Scheduling,
    pub(super) grant: Option<Grant>,
    /// When all of several subflows were visited last.
    pub(super) visited: Instant,
    pub(super) addresses: Addresses,
    /// Addresses that the peer announces are of use.
    pub(super) takes_addresses: bool,
    pub(super) timers: Timers,
    pub(super) out: Outbox,
    /// Bytes of the peer may be ready to go one step further, or an end to take effect.
    pub(super) unsettled: bool,
    /// The time of the last event.
    pub(super) now: Instant,
    pub(super) last_data_sent: Instant,
    pub(super) last_data_recv: Instant,
    pub(super) last_ack_recv: Instant,
}

/// The first number of a stream whose owner has no key: any will do.
const NO_KEY: Dsn = Dsn(1);

impl<P: Payload> Connection<P> {
    /// A connection that is about to send its SYN on [`SubflowId::FIRST`].
    pub fn active(
        config: Config,
        local: KeyMaterial,
        shared: &Shared,
        now: Instant,
    ) -> Result<Self, NoMemory> {
        let mut connection = Self::new(config, local, Phase::Opening, now)?;
        shared.reset();
        connection.is_active = true;
        connection.offered = true;
        connection.out.count(Mib::MPCapableSYNTX);
        Ok(connection)
    }

    /// A connection whose SYN carries no option of ours: plain TCP from the start (a pause after a
    /// black hole, no token to be had, TCP-MD5 in use). The caller counts why.
    pub fn plain(
        config: Config,
        local: KeyMaterial,
        shared: &Shared,
        now: Instant,
    ) -> Result<Self, NoMemory> {
        let mut connection = Self::new(config, local, Phase::Opening, now)?;
        connection.is_active = true;
        connection.mode = Mode::Fallback;
        shared.reset();
        shared.set(Flag::FALLBACK, true);
        for flow in connection.subflows.iter_mut() {
            flow.rx.map_for_good(Ssn::FIRST, NO_KEY);
        }
        Ok(connection)
    }

    /// A connection that a third ACK completed; `window` is that of the ACK, scaled, and `promised`
    /// the one that our SYN/ACK named.
    pub fn passive(
        config: Config,
        open: &PassiveOpen,
        window: u32,
        promised: u32,
        shared: &Shared,
        now: Instant,
    ) -> Result<Self, NoMemory> {
        let mut connection = Self::new(config, open.local, Phase::Open, now)?;
        connection.remote = Some(open.remote);
        connection.remote_deny_join = open.remote_deny_join;
        let mode = if open.with_data {
            Mode::Verified
        } else {
            Mode::Unverified
        };
        connection.begin(shared, mode, open.checksum, window);
        // RFC 8684 3.3.1: the edge does not go back behind what the peer counts on already.
        let promised = connection.recv.next.advance(u64::from(promised));
        let _edge = shared.raise_edge(promised);
        if open.with_data {
            connection.out.paths().established = true;
        }
        connection.enter(ConnState::Established);
        Ok(connection)
    }

    pub(super) fn new(
        config: Config,
        local: KeyMaterial,
        phase: Phase,
        now: Instant,
    ) -> Result<Self, NoMemory> {
        let mut subflows = Subflows::default();
        subflows.add(Subflow::new(SubflowId::FIRST, phase, config.rto_min))?;
        Ok(Self {
            config,
            mode: Mode::Negotiating,
            fell_back: None,
            state: ConnState::SynSent,
            is_active: false,
            offered: false,
            app_closed: false,
            local,
            remote: None,
            remote_deny_join: false,
            checksum: false,
            may_fall_back: true,
            dropped: false,
            token_released: false,
            gone_told: false,
            subflows,
            recv: Receiver::new(NO_KEY),
            send: Sender::new(local.idsn.advance(1)),
            scheduling: Scheduling::new(config.scheduler),
            grant: None,
            visited: now,
            addresses: Addresses::default(),
            takes_addresses: true,
            timers: Timers::default(),
            out: Outbox::default(),
            unsettled: true,
            now,
            last_data_sent: now,
            last_data_recv: now,
            last_ack_recv: now,
        })
    }

    /// Takes in one event. Drain [`Connection::poll_action`] afterwards, to the end.
    pub fn handle(&mut self, shared: &Shared, event: Event<'_, P>, now: Instant) {
        self.now = self.now.max(now);
        self.unsettled |= self.send.infinite || event.may_settle();
        match event {
            Event::SynDropped { sf: _ } => self.on_syn_dropped(shared),
            Event::SynAck {
                sf,
                answer,
                window,
                plain_syns,
            } => self.on_syn_ack(shared, sf, answer, window, plain_syns),
            Event::JoinSynAck { sf, options, srtt } => self.on_join_syn_ack(sf, options, srtt),
            Event::SimultaneousOpen { sf: _ } => self.on_simultaneous_open(shared),
            Event::Segment {
                sf,
                segment,
                options,
            } => self.on_segment(shared, sf, &segment, options),
            Event::Data {
                sf,
                ssn,
                payload,
                mapping,
            } => self.on_data(shared, sf, ssn, payload, mapping),
            Event::SynData { payload } => self.on_syn_data(payload),
            Event::PeerKeys { sf, keys, promised } => self.on_peer_keys(shared, sf, keys, promised),
            Event::SubflowAcked { sf, una } => self.on_una(sf, una),
            Event::SubflowFin { sf } => self.on_subflow_fin(sf),
            Event::SubflowClosed { sf, ending } => self.on_subflow_closed(sf, ending),
            Event::Transmitted {
                sf,
                dsn,
                len,
                ssn,
                rto,
            } => self.on_transmitted(shared, sf, dsn, len, ssn, rto),
            Event::Measured { sf, stats, rto } => self.on_measured(sf, stats, rto),
            Event::PathFailed { sf } => self.on_path_failed(sf),
            Event::Link { sf, up } => self.on_link(sf, up),
            Event::AddressDropped { option } => self.on_address_dropped(&option),
            Event::AppWrote { len } => self.on_app_wrote(len),
            Event::ReceiveSpace { free } => self.on_receive_space(shared, free),
            Event::ShutdownWrite => match self.state {
                ConnState::SynSent => self.abort(),
                _ => self.shut(shared),
            },
            Event::Close { unread } => self.on_close(shared, unread),
            Event::Abort => self.abort(),
            Event::Timer => self.on_timer(shared),
        }
    }

    fn on_timer(&mut self, shared: &Shared) {
        while let Some(timer) = self.timers.take_due(self.now) {
            match timer {
                Timer::Retransmit => self.on_retransmit_timer(shared),
                Timer::Fail => self.on_fail_timer(),
                Timer::Close => self.on_close_timer(),
                Timer::Join => self.on_join_timer(),
                Timer::Announce => self.on_announce_timer(),
                Timer::Leave => self.on_leave_timer(),
                Timer::Silence => self.on_silence_timer(),
            }
        }
    }

    /// Whether [`Connection::poll_action`] has nothing to say, as after most events. Cheaper than to ask it.
    #[inline]
    pub fn is_quiet(&self) -> bool {
        let owes = self.unsettled | self.addresses.have_news() | self.subflows.owe_something();
        !owes && self.out.is_empty() && self.gone_told == self.is_gone()
    }

    /// The next thing to do, if any.
    pub fn poll_action(&mut self, shared: &Shared) -> Option<Action<P>> {
        if let Some(action) = self.out.take_first() {
            return Some(action);
        }
        if self.unsettled {
            let on_syn = self.recv.on_syn.take();
            if let Some(payload) = on_syn.or_else(|| self.pump(shared)) {
                return Some(Action::Deliver(payload));
            }
            self.unsettled = false;
            // The pump may have found more to tell.
            if let Some(action) = self.out.take_first() {
                return Some(action);
            }
        }
        let action = self.take_signal();
        let action = action.or_else(|| self.subflows.take_owed());
        let action = action.or_else(|| self.out.take_last());
        let action = action.or_else(|| self.subflows.take_farewell().map(Action::Path));
        let action = action.or_else(|| self.take_announce_news());
        // What could not be said of an address was counted just now.
        let action = action.or_else(|| self.out.take_first());
        action.or_else(|| {
            let gone = self.is_gone();
            let told = core::mem::replace(&mut self.gone_told, gone);
            (gone && !told).then_some(Action::Gone)
        })
    }

    fn take_announce_news(&mut self) -> Option<Action<P>> {
        let (id, echoed) = self.addresses.take_news()?;
        Some(Action::Path(PathEvent::AnnounceDone { id, echoed }))
    }

    /// Says whether anybody wants to know the addresses of the peer. If not, they are not echoed.
    pub fn take_addresses(&mut self, wanted: bool) {
        self.takes_addresses = wanted;
    }

    /// When [`Event::Timer`] is wanted.
    pub fn next_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// The next range to hand to TCP on a subflow, at most `room` octets.
    ///
    /// Call it under the subflow's TCP lock and keep that until the answer,
    /// [`Event::Transmitted`], has been handled. Falling back may be part of the choice, so drain
    /// [`Connection::poll_action`] then.
    pub fn poll_transmit(
        &mut self,
        shared: &Shared,
        sf: SubflowId,
        room: u32,
        now: Instant,
    ) -> Option<Transmit> {
        self.now = self.now.max(now);
        self.choose(shared, sf, room)
    }

    /// The state that programs see.
    pub fn state(&self) -> ConnState {
        self.state
    }

    /// How far the connection is MPTCP.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// What `MPTCP_INFO` shows.
    pub fn info(&self) -> Info {
        let in_use = self
            .subflows
            .iter()
            .filter(|flow| self.has_subflow(flow.id));
        let total = u8::try_from(in_use.count()).unwrap_or(u8::MAX);
        let first = u8::from(self.has_subflow(SubflowId::FIRST));
        let fin_queued = self.send.fin != Fin::Open;
        Info {
            extra_subflows: total.saturating_sub(first),
            subflows_total: total,
            fallback: self.mode == Mode::Fallback,
            remote_key: self.remote.is_some(),
            token: self.local.token,
            write_seq: self.send.end.advance(u64::from(fin_queued)),
            snd_una: self.send.una,
            snd_nxt: self.send.sent_end(),
            rcv_nxt: self.recv.next,
            checksum: self.checksum,
            retransmits: self.send.fin_retransmits,
            bytes_retrans: self.send.bytes_again,
            bytes_sent: self.send.bytes_sent,
            bytes_received: self.recv.bytes,
            bytes_acked: self.send.bytes_acked,
            last_data_sent: self.last_data_sent,
            last_data_recv: self.last_data_recv,
            last_ack_recv: self.last_ack_recv,
        }
    }

    /// The first number that the peer has not acknowledged.
    pub fn snd_una(&self) -> Dsn {
        self.send.una
    }

    /// The peer's initial data sequence number, once known; for [`super::mapping::of_segment`].
    pub fn remote_idsn(&self) -> Option<Dsn> {
        self.remote.map(|remote| remote.idsn)
    }

    /// Whether we opened the connection.
    pub fn is_active(&self) -> bool {
        self.is_active
    }

    /// Whether the peer asked us not to join the address of the first subflow.
    pub fn remote_denies_join(&self) -> bool {
        self.remote_deny_join
    }

    /// The number of the first byte of our stream; the send queue starts there.
    pub fn first_dsn(&self) -> Dsn {
        self.local.idsn.advance(1)
    }

    /// Octets of the stream that are not acknowledged (`SIOCOUTQ`).
    pub fn unacknowledged(&self) -> u64 {
        let una = release_below(self.send.una, self.send.end);
        self.send.end.checked_distance_from(una).unwrap_or(0)
    }

    /// Octets of the stream that no subflow has been handed (`SIOCOUTQNSD`).
    pub fn unsent(&self) -> u64 {
        let distance = self.send.end.checked_distance_from(self.send.next);
        distance.unwrap_or(0)
    }

    /// Whether the connection is over, its last program has let go, and no subflow is left.
    pub fn is_gone(&self) -> bool {
        self.app_closed && self.is_closed() && self.subflows.is_empty()
    }
}
