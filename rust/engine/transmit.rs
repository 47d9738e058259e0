// SPDX-License-Identifier: GPL-2.0

//! What every segment of a subflow carries: the sending half of RFC 8684 3.1 and 3.3.
//!
//! [`SubflowTx`] belongs to one subflow and is guarded by that subflow's TCP lock. It never takes
//! the connection's lock: what it must know of the connection it reads from [`Shared`].
//!
//! The mapping of a byte is decided once, when TCP first sends it: the mapping is that segment.
//! Whatever part of it TCP sends again later carries the very same mapping, because a peer may keep
//! only one mapping per subflow and takes a different one for the same bytes as an attack
//! (RFC 8684 3.3.1). No segment carries bytes of two mappings.

use super::fast_open::EarlyOpen;
use super::initiate::KeyMaterial;
use super::limits::MAPPING_MAX;
use super::mem::Fifo;
use super::mem::NoMemory;
use super::order::Order;
use super::runs::Run;
use super::runs::Runs;
use super::shared::Flag;
use super::shared::Shared;
use super::shared::Snapshot;
use super::signals::Signals;
use super::stamp::Brief;
use super::stamp::Signal;
use super::stamp::Stamp;
use super::stamp::Stamped;
use super::stamp::TxSegment;
use super::stamp::Window;
use super::Config;
use super::PassiveOpen;
use crate::wire::checksum::Partial;
use crate::wire::Capable;
use crate::wire::CapableFlags;
use crate::wire::Dsn;
use crate::wire::Dss;
use crate::wire::Fail;
use crate::wire::FastClose;
use crate::wire::HmacI;
use crate::wire::Join;
use crate::wire::Key;
use crate::wire::Lead;
use crate::wire::Mapping;
use crate::wire::OptionSet;
use crate::wire::Reset;
use crate::wire::Ssn;
use crate::wire::WireDsn;
use crate::wire::VERSION;

/// A range to hand to TCP; from [`super::Connection::poll_transmit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// The first byte.
    pub dsn: Dsn,
    /// Octets, at least 1.
    pub len: u32,
    /// These bytes went out before.
    pub reinjection: bool,
    /// An infinite mapping starts here (RFC 8684 3.7).
    pub infinite: bool,
    /// More is ready to follow: TCP may wait for it to fill a segment.
    pub more: bool,
}

/// A mapping as it went out.
#[derive(Clone, Copy)]
struct Mapped {
    ssn: Ssn,
    dsn: Dsn,
    /// Octets of payload.
    len: u16,
    infinite: bool,
    /// The sum of the payload, where checksums are in use and once the shell has made it.
    sum: Option<Partial>,
}

impl Mapped {
    fn end(&self) -> Ssn {
        self.ssn.advance(u32::from(self.len))
    }

    fn dsn_end(&self) -> Dsn {
        self.dsn.advance(u64::from(self.len))
    }
}

/// Where the handshake stands, for what we send.
#[derive(Clone, Copy)]
enum Handshake {
    /// The SYN carries this.
    Syn { option: Capable, limit: u8 },
    /// Our first segments carry both keys until the peer is known to have them.
    Keys { flags: CapableFlags, remote: Key },
    /// The SYN of a join carries this, however often it goes out.
    JoinSyn { option: Join },
    /// Our segments carry this proof until the peer is known to have it.
    JoinAck { hmac: HmacI },
    /// Nothing more to say.
    Done,
    /// No option is said on this subflow.
    Plain,
}

/// The sending half of one subflow.
pub struct SubflowTx {
    handshake: Handshake,
    local: Key,
    remote: Option<Key>,
    /// What TCP was handed and the peer's TCP has not acknowledged.
    runs: Runs,
    /// What of it TCP has sent, in the order of the subflow; there may be holes.
    maps: Fifo<Mapped>,
    /// The mapping that the last stamp made.
    fresh: Option<Ssn>,
    /// Where an infinite mapping starts, while the peer may not have it.
    infinite: Option<Ssn>,
    /// The last segment at the start carried the keys.
    said_keys: bool,
    fail: Option<Dsn>,
    signals: Signals,
    reset: Reset,
    /// The engine wants it reset.
    reset_ordered: bool,
    fast_close: bool,
}

impl SubflowTx {
    /// The first subflow of an active connection, before its SYN.
    pub fn active(config: &Config, local: KeyMaterial) -> Self {
        let handshake = Handshake::Syn {
            option: Capable::Syn {
                version: VERSION,
                flags: CapableFlags {
                    checksum: config.checksum,
                    deny_join: config.deny_join,
                },
            },
            limit: config.syn_retransmits,
        };
        Self::new(handshake, local.key, None)
    }

    /// The first subflow of a passive connection, after the third ACK.
    pub fn passive(open: &PassiveOpen) -> Self {
        Self::new(Handshake::Done, open.local.key, Some(open.remote.key))
    }

    /// The first subflow of a passive connection that took data from the SYN.
    pub fn early(open: &EarlyOpen) -> Self {
        Self::new(Handshake::Done, open.local.key, None)
    }

    /// A subflow that joins, before its SYN; from [`super::Connection::join`].
    pub(super) fn join(local: Key, remote: Key, option: Join) -> Self {
        Self::new(Handshake::JoinSyn { option }, local, Some(remote))
    }

    /// A subflow of the peer that joined; from [`super::Connection::accept_join`].
    pub(super) fn joined(local: Key, remote: Key) -> Self {
        Self::new(Handshake::Done, local, Some(remote))
    }

    /// A subflow that is plain TCP from the start.
    pub fn plain() -> Self {
        Self::new(Handshake::Plain, Key::ZERO, None)
    }

    fn new(handshake: Handshake, local: Key, remote: Option<Key>) -> Self {
        Self {
            handshake,
            local,
            remote,
            runs: Runs::default(),
            maps: Fifo::new(),
            fresh: None,
            infinite: None,
            said_keys: false,
            fail: None,
            signals: Signals::default(),
            reset: Reset::default(),
            reset_ordered: false,
            fast_close: false,
        }
    }

    /// Notes that TCP is about to be handed `transmit`, the first byte of which comes at `ssn`.
    ///
    /// Call it before TCP gets the bytes, since TCP may send them at once. On an error do not hand
    /// them over, and report [`super::Event::Transmitted`] with a length of 0.
    pub fn record_run(&mut self, ssn: Ssn, transmit: &Transmit) -> Result<(), NoMemory> {
        self.runs.record(Run {
            ssn,
            dsn: transmit.dsn,
            len: transmit.len,
            infinite: transmit.infinite,
        })?;
        if transmit.infinite {
            self.infinite = Some(ssn);
        }
        Ok(())
    }

    /// Takes in what the engine wants said.
    pub fn apply(&mut self, order: Order) {
        match order {
            Order::Keys { remote, flags } => {
                self.remote = Some(remote);
                self.handshake = Handshake::Keys { flags, remote };
            }
            Order::Join { hmac } => self.handshake = Handshake::JoinAck { hmac },
            Order::Joined => self.handshake = Handshake::Done,
            Order::Peer { remote } => self.remote = Some(remote),
            Order::Address {
                option,
                drop_timestamps,
            } => self.signals.address(option, drop_timestamps),
            Order::Withdraw { option } => self.signals.remove(option),
            Order::Priority { backup } => self.signals.prio(backup),
            Order::Fail { dsn } => self.fail = Some(dsn),
            Order::Reset {
                reset,
                fast_close,
                fail,
            } => {
                self.reset = reset;
                self.reset_ordered = true;
                self.fast_close = fast_close;
                self.fail = fail;
            }
        }
    }

    /// Takes back the stamp of the segment at `ssn`, which never left the host.
    ///
    /// TCP may add bytes to such a segment before it sends it again. Only what was stamped last can
    /// be taken back; anything else stays as it is, which is always correct.
    pub fn take_back(&mut self, ssn: Ssn) {
        if self.fresh.take() != Some(ssn) {
            return;
        }
        let index = self.place_of(ssn);
        if self
            .maps
            .as_slice()
            .get(index)
            .is_some_and(|map| map.ssn == ssn)
        {
            if let Some(tail) = self.maps.as_mut_slice().get_mut(index..) {
                tail.rotate_left(1);
            }
            self.maps.pop_back();
        }
    }

    /// Decides what a segment carries that TCP is about to send.
    #[cfg(not(MODULE))]
    pub fn stamp(&mut self, segment: &TxSegment, shared: &Shared) -> Stamp {
        match self.stamp_briefly(segment, shared) {
            Brief::Signal(signal) => Stamp::Send(signal.into()),
            Brief::Withhold => Stamp::Withhold,
            Brief::More => self.stamp_at_length(segment, shared),
        }
    }

    /// Decides in few steps what nearly every segment carries.
    pub fn stamp_briefly(&mut self, segment: &TxSegment, shared: &Shared) -> Brief {
        let now = shared.snapshot();
        let done = matches!(self.handshake, Handshake::Done) && self.infinite.is_none();
        let silent = segment.len > 0 || !self.has_to_say();
        if !done || !silent || segment.syn || segment.rst || !now.is_usual() {
            return Brief::More;
        }
        self.forget_before(segment.una);
        let (mut map, mut payload) = (None, segment.len);
        if segment.len > 0 {
            let Some(found) = self.map_for(segment) else {
                return Brief::Withhold;
            };
            if let Some(mapped) = found {
                let Some(left) = mapped.end().checked_distance_from(segment.ssn) else {
                    return Brief::Withhold;
                };
                payload = payload.min(left);
                map = Some(mapping(&mapped, &now, false));
            }
        }
        let data_ack = data_ack(&now);
        Brief::Signal(Signal {
            dss: Dss { data_ack, map },
            window: Window::promise(&now, shared, segment.free),
            payload,
        })
    }

    /// Whether a segment without payload has more to say than what has arrived.
    fn has_to_say(&self) -> bool {
        self.fail.is_some() || self.signals.is_due()
    }

    /// Decides what a segment carries that TCP is about to send, whatever that is.
    pub fn stamp_at_length(&mut self, segment: &TxSegment, shared: &Shared) -> Stamp {
        if segment.syn {
            return self.stamp_syn(segment);
        }
        let now = shared.snapshot();
        match self.handshake {
            Handshake::Done | Handshake::JoinAck { .. } => {}
            Handshake::Keys { .. } if now.has(Flag::VERIFIED) => self.handshake = Handshake::Done,
            Handshake::Keys { .. } => {}
            Handshake::JoinSyn { .. } if segment.rst => return Stamp::Send(self.stamp_rst()),
            Handshake::Plain | Handshake::Syn { .. } | Handshake::JoinSyn { .. } => {
                return Stamp::Send(Stamped::plain(segment.len));
            }
        }
        self.forget_before(segment.una);
        if now.has(Flag::FALLBACK) && !self.precedes_infinite(segment) {
            return Stamp::Send(Stamped::plain(segment.len));
        }
        if segment.rst {
            return Stamp::Send(self.stamp_rst());
        }
        let stamp = if segment.len == 0 {
            Some(self.stamp_ack(segment, &now))
        } else {
            self.stamp_data(segment, &now)
        };
        match stamp {
            Some(mut stamped) => {
                if now.has(Flag::CAN_ACK) {
                    stamped.window = Some(Window::promise(&now, shared, segment.free));
                }
                Stamp::Send(stamped)
            }
            None => Stamp::Withhold,
        }
    }

    /// Fills in the checksum of a segment stamped just now, whose payload sums to `sum`.
    pub fn complete(&mut self, stamped: &mut Stamped, ssn: Ssn, sum: Partial) {
        stamped.needs_checksum = false;
        for map in self.maps.as_mut_slice().iter_mut().rev() {
            if map.ssn == ssn {
                map.sum = Some(sum);
                break;
            }
        }
        match &mut stamped.options.lead {
            Some(Lead::Dss(Dss { map: Some(map), .. })) => {
                let value = sum.checksum(map.dsn.expand(Dsn(0)), map.ssn, map.len);
                map.checksum = Some(value);
            }
            Some(Lead::Capable(Capable::AckData { len, checksum, .. })) => {
                let first = self.maps.as_slice().first().map(|map| map.dsn);
                if let Some(dsn) = first {
                    *checksum = Some(sum.checksum(dsn, Ssn::FIRST, *len));
                }
            }
            _ => {}
        }
    }

    /// RFC 8684 3.1: the SYN offers, and stops offering where the network seems to object.
    fn stamp_syn(&mut self, segment: &TxSegment) -> Stamp {
        let mut stamped = Stamped::plain(segment.len);
        match self.handshake {
            Handshake::Syn { option, limit } if segment.syn_retransmits <= limit => {
                stamped.options = OptionSet::from(option);
            }
            Handshake::Syn { .. } => {
                self.handshake = Handshake::Plain;
                stamped.fell_back = true;
            }
            Handshake::JoinSyn { option } => stamped.options = OptionSet::from(option),
            _ => {}
        }
        Stamp::Send(stamped)
    }

    /// RFC 8684 3.6: a RST says why, and perhaps ends the connection or names a bad mapping.
    fn stamp_rst(&self) -> Stamped {
        let mut stamped = Stamped::plain(0);
        stamped.options.reset = Some(self.reset);
        stamped.unordered = !self.reset_ordered;
        match (self.fast_close, self.remote) {
            (true, Some(key)) => stamped.options.fast_close = Some(FastClose { key }),
            _ => stamped.options.fail = self.fail.map(|dsn| Fail { dsn }),
        }
        stamped
    }

    /// A segment without payload: a `DATA_ACK`, keys, and what is owed.
    fn stamp_ack(&mut self, segment: &TxSegment, now: &Snapshot) -> Stamped {
        let mut stamped = Stamped::plain(0);
        if let Handshake::JoinAck { hmac } = self.handshake {
            stamped.options = OptionSet::from(Join::Ack { hmac });
            return stamped;
        }
        let at_start = segment.ssn == Ssn::FIRST && !segment.fin;
        let keys = match self.handshake {
            Handshake::Keys { flags, remote } => Some((flags, remote)),
            _ => None,
        };
        if let Some((flags, receiver)) = keys.filter(|_| at_start && self.keys_turn(now)) {
            stamped.options = OptionSet::from(Capable::Ack {
                flags,
                sender: self.local,
                receiver,
            });
            return stamped;
        }
        // There may be no room for both; the DATA_FIN is said again and again, MP_FAIL once.
        let fail = self.fail.take();
        // An ADD_ADDR goes beside no mapping.
        let said_again = fail.is_none() && !self.signals.is_address();
        let data_fin = now.has(Flag::DATA_FIN) && said_again;
        let map = data_fin.then(|| {
            let checksum = now
                .has(Flag::CHECKSUM)
                .then(|| Partial::EMPTY.checksum(now.data_fin, Ssn(0), 1));
            Mapping {
                dsn: WireDsn::long(now.data_fin),
                ssn: Ssn(0),
                len: 1,
                data_fin: true,
                checksum,
            }
        });
        stamped.options = signal(now, map);
        stamped.options.fail = fail.map(|dsn| Fail { dsn });
        self.signals.fill(&mut stamped);
        stamped
    }

    /// Whether the keys go on this segment: in turn with a `DATA_FIN`, if there is one.
    ///
    /// Not while data waits to be sent, which will say the `DATA_FIN`: a peer that has not had the
    /// keys takes a segment at the start without them for plain TCP (RFC 8684 3.1).
    fn keys_turn(&mut self, now: &Snapshot) -> bool {
        let data_fin = now.has(Flag::DATA_FIN) && self.runs.as_slice().is_empty();
        self.said_keys = !(self.said_keys && data_fin);
        self.said_keys
    }

    /// A segment with payload: its mapping, made now or remembered.
    fn stamp_data(&mut self, segment: &TxSegment, now: &Snapshot) -> Option<Stamped> {
        let Some(map) = self.map_for(segment)? else {
            // Every byte of it was acknowledged: the peer's TCP drops it.
            let mut stamped = Stamped::plain(segment.len);
            stamped.options = signal(now, None);
            return Some(stamped);
        };
        let left = map.end().checked_distance_from(segment.ssn)?;
        let mut stamped = Stamped::plain(segment.len.min(left));
        let whole = segment.ssn == map.ssn && left <= segment.len;
        let checksum = now.has(Flag::CHECKSUM) && !map.infinite;
        if checksum && map.sum.is_none() && !whole {
            // The sum of a mapping needs all of its bytes, and this segment has only some.
            return None;
        }
        stamped.needs_checksum = checksum && map.sum.is_none();
        let keys = match self.handshake {
            Handshake::Keys { flags, remote }
                if segment.ssn == Ssn::FIRST && map.ssn == Ssn::FIRST =>
            {
                Some((flags, remote))
            }
            _ => None,
        };
        stamped.options = match keys {
            // Even with a DATA_FIN to say, which other segments do: the peer may have no key yet.
            Some((flags, receiver)) => OptionSet::from(Capable::AckData {
                flags,
                sender: self.local,
                receiver,
                len: map.len,
                checksum: checksum.then(|| sum_of(&map, map.len)),
            }),
            _ => signal(now, Some(mapping(&map, now, checksum))),
        };
        Some(stamped)
    }

    /// The mapping for a segment with payload; `Some(None)` when no byte of it is of any use.
    fn map_for(&mut self, segment: &TxSegment) -> Option<Option<Mapped>> {
        let index = self.place_of(segment.ssn);
        let next = self.maps.as_slice().get(index).copied();
        if let Some(map) = next.filter(|map| map.ssn.at_or_before(segment.ssn)) {
            return Some(Some(map));
        }
        let Some(run) = self.runs.at(segment.ssn) else {
            let acked = segment.ssn.before(segment.una);
            return acked.then_some(None);
        };
        let hole = next.and_then(|map| map.ssn.checked_distance_from(segment.ssn));
        let len = segment.len.min(run.len).min(hole.unwrap_or(u32::MAX));
        let len = u16::try_from(len).unwrap_or(MAPPING_MAX).min(MAPPING_MAX);
        let map = Mapped {
            ssn: run.ssn,
            dsn: run.dsn,
            len,
            infinite: run.infinite,
            sum: None,
        };
        self.maps.push(map).ok()?;
        if let Some(tail) = self.maps.as_mut_slice().get_mut(index..) {
            tail.rotate_right(1);
        }
        self.fresh = Some(map.ssn);
        Some(Some(map))
    }

    /// The index of the first mapping that ends after `ssn`.
    fn place_of(&self, ssn: Ssn) -> usize {
        let maps = self.maps.as_slice();
        match maps.last() {
            // The common case: a segment that was never sent before.
            Some(last) if last.end().at_or_before(ssn) => maps.len(),
            _ => maps.partition_point(|map| map.end().at_or_before(ssn)),
        }
    }

    /// Whether a segment still speaks MPTCP although the connection has fallen back: it carries
    /// bytes that the peer must map as before, or the infinite mapping itself.
    fn precedes_infinite(&self, segment: &TxSegment) -> bool {
        let Some(start) = self.infinite else {
            return false;
        };
        segment.len > 0 && !segment.rst && segment.ssn.at_or_before(start)
    }

    /// Drops what the peer's TCP has acknowledged.
    fn forget_before(&mut self, una: Ssn) {
        self.fresh = None;
        self.runs.forget_before(una);
        while let Some(first) = self.maps.as_slice().first() {
            if first.end().after(una) {
                break;
            }
            if first.infinite {
                self.infinite = None;
            }
            self.maps.pop_front();
        }
    }
}

/// The `DATA_ACK`, once there is something to acknowledge.
fn data_ack(now: &Snapshot) -> Option<WireDsn> {
    now.has(Flag::CAN_ACK).then(|| {
        if now.has(Flag::LONG_ACK) {
            WireDsn::long(now.rcv_nxt)
        } else {
            WireDsn::short(now.rcv_nxt)
        }
    })
}

/// A data sequence signal with the current `DATA_ACK`.
fn signal(now: &Snapshot, map: Option<Mapping>) -> OptionSet {
    let data_ack = data_ack(now);
    if data_ack.is_none() && map.is_none() {
        return OptionSet::default();
    }
    OptionSet::from(Dss { data_ack, map })
}

/// The mapping as a DSS says it, with a `DATA_FIN` when that comes right behind.
fn mapping(map: &Mapped, now: &Snapshot, checksum: bool) -> Mapping {
    let data_fin = now.has(Flag::DATA_FIN) && !map.infinite && map.dsn_end() == now.data_fin;
    let len = match (map.infinite, data_fin) {
        (true, _) => 0,
        (false, false) => map.len,
        (false, true) => map.len.saturating_add(1),
    };
    Mapping {
        dsn: WireDsn::long(map.dsn),
        ssn: map.ssn,
        len,
        data_fin,
        checksum: match (map.infinite, now.has(Flag::CHECKSUM)) {
            (true, true) => Some(0),
            _ => checksum.then(|| sum_of(map, len)),
        },
    }
}

/// The checksum of a mapping said with the data-level length `len`; 0 where it is still to come.
fn sum_of(map: &Mapped, len: u16) -> u16 {
    map.sum.map_or(0, |sum| sum.checksum(map.dsn, map.ssn, len))
}
