// SPDX-License-Identifier: GPL-2.0

//! One rule per test, on one connection whose peer is the test itself.

mod closing;
mod counting;
mod fast_open;
mod found;
mod havoc;
mod havoc_several;
mod joining;
mod receiving;
mod reference;
mod sending;
mod several;
mod sharing;
mod signals;
mod stamping;

use super::mapping::of_segment;
use super::payload::fake::Bytes;
use super::*;
use crate::wire::keys::HostSha256;
use crate::wire::*;
use std::vec;
use std::vec::Vec;

/// The subflow that there is.
const SF: SubflowId = SubflowId::FIRST;

/// The keys of protocol reference section 2.
fn key_a() -> KeyMaterial {
    KeyMaterial::derive::<HostSha256>(Key::new(0x0102_0304_0506_0708))
}

fn key_b() -> KeyMaterial {
    KeyMaterial::derive::<HostSha256>(Key::new(0x1112_1314_1516_1718))
}

/// Our first number (we are B), and the peer's.
fn our(offset: u64) -> Dsn {
    key_b().idsn.advance(1 + offset)
}

fn their(offset: u64) -> Dsn {
    key_a().idsn.advance(1 + offset)
}

/// A passive connection whose peer is the test.
struct Rig {
    shared: Shared,
    tx: SubflowTx,
    conn: Connection<Bytes>,
    now: u64,
    /// What was asked for since last looked.
    actions: Vec<Action<Bytes>>,
    /// Bytes that readers got.
    read: Vec<u8>,
    /// The next place of ours on the subflow.
    ssn: u32,
    /// The next place of the peer's on the subflow.
    rx: u32,
}

impl Rig {
    /// Verified by data on the third ACK; a window of 10000.
    fn new(checksum: bool) -> Self {
        Self::with(checksum, true)
    }

    fn with(checksum: bool, with_data: bool) -> Self {
        let shared = Shared::new();
        let open = PassiveOpen {
            local: key_b(),
            remote: key_a(),
            checksum,
            remote_deny_join: false,
            with_data,
        };
        let config = Config::default();
        let now = Instant::default();
        let conn = Connection::passive(config, &open, 10_000, 500, &shared, now).unwrap();
        let mut rig = Self {
            shared,
            tx: SubflowTx::passive(&open),
            conn,
            now: 0,
            actions: Vec::new(),
            read: Vec::new(),
            ssn: 1,
            rx: 1,
        };
        rig.drain();
        rig.actions.clear();
        rig
    }

    fn drain(&mut self) {
        loop {
            let quiet = self.conn.is_quiet();
            let Some(action) = self.conn.poll_action(&self.shared) else {
                break assert!(self.conn.is_quiet(), "nothing to say, and yet not quiet");
            };
            assert!(!quiet, "quiet, and yet {action:?}");
            match action {
                Action::Deliver(bytes) => self.read.extend(bytes.0),
                Action::Tell { sf, order } => {
                    if sf == SF {
                        self.tx.apply(order);
                    }
                    self.actions.push(Action::Tell { sf, order });
                }
                other => self.actions.push(other),
            }
        }
    }

    fn post(&mut self, event: Event<'_, Bytes>) -> &mut Self {
        let now = Instant::from_millis(self.now);
        self.conn.handle(&self.shared, event, now);
        self.drain();
        self
    }

    /// What was asked for since the last call.
    fn asked(&mut self) -> Vec<Action<Bytes>> {
        core::mem::take(&mut self.actions)
    }

    fn has(&self, wanted: &Action<Bytes>) -> bool {
        self.actions.contains(wanted)
    }

    fn counted(&self, counter: Mib) -> bool {
        self.actions
            .iter()
            .any(|action| matches!(action, Action::Count(other, 1) if *other == counter))
    }

    /// A pure ACK of the peer, with these options.
    fn segment(&mut self, options: &Options) -> &mut Self {
        self.segment_acking(self.ssn, options)
    }

    /// The same, but its TCP has not got all.
    fn segment_acking(&mut self, ack: u32, options: &Options) -> &mut Self {
        let segment = RxSegment {
            ssn: Ssn(self.rx),
            ack: Some(Ssn(ack)),
            window: 10_000,
            ..RxSegment::default()
        };
        self.post(Event::Segment {
            sf: SF,
            segment,
            options,
        })
    }

    fn data_ack(&mut self, offset: u64) -> &mut Self {
        let options = dss(Some(our(offset)), None);
        self.segment(&options)
    }

    /// Bytes of the peer with a mapping that says that they belong at `offset`.
    fn data(&mut self, offset: u64, bytes: &[u8]) -> &mut Self {
        let len = u16::try_from(bytes.len()).unwrap();
        let mapping = mapping(their(offset), self.rx, len);
        self.mapped(bytes, Some(mapping))
    }

    fn mapped(&mut self, bytes: &[u8], mapping: Option<Mapping>) -> &mut Self {
        let ssn = Ssn(self.rx);
        self.rx += u32::try_from(bytes.len()).unwrap();
        self.post(Event::Data {
            sf: SF,
            ssn,
            payload: Bytes(bytes.to_vec()),
            mapping,
        })
    }

    /// A RST that carries `MP_FASTCLOSE` arrives; TCP has not taken it yet.
    fn fast_close_on_rst(&mut self, key: Key) -> &mut Self {
        let fast_close = OptionSet {
            fast_close: Some(FastClose { key }),
            ..OptionSet::default()
        };
        let options = parsed(&fast_close, SegmentKind::Rst);
        let segment = RxSegment {
            ssn: Ssn(1),
            rst: true,
            ..RxSegment::default()
        };
        self.post(Event::Segment {
            sf: SF,
            segment,
            options: &options,
        })
    }

    /// Writes, hands over all that may go, and tells how much that was.
    fn write(&mut self, len: u32) -> u32 {
        self.post(Event::AppWrote { len });
        self.hand_over()
    }

    fn hand_over(&mut self) -> u32 {
        let mut total = 0;
        while let Some(transmit) = self.offer(u32::MAX) {
            self.take(&transmit, transmit.len);
            total += transmit.len;
        }
        total
    }

    fn offer(&mut self, room: u32) -> Option<Transmit> {
        let now = Instant::from_millis(self.now);
        let transmit = self.conn.poll_transmit(&self.shared, SF, room, now);
        self.drain();
        transmit
    }

    fn take(&mut self, transmit: &Transmit, len: u32) {
        let ssn = Ssn(self.ssn);
        let len = match self.tx.record_run(ssn, transmit) {
            Ok(()) => len,
            Err(NoMemory) => 0,
        };
        self.ssn += len;
        self.post(Event::Transmitted {
            sf: SF,
            dsn: transmit.dsn,
            len,
            ssn,
            rto: Duration::from_millis(200),
        });
    }

    /// Lets the next timer come.
    fn timeout(&mut self) -> &mut Self {
        self.now = self.conn.next_timeout().unwrap().as_millis();
        self.post(Event::Timer)
    }

    /// The options of a segment of ours; `una` is where the peer's TCP is.
    fn stamp(&mut self, ssn: u32, len: u32) -> Stamped {
        let segment = TxSegment {
            ssn: Ssn(ssn),
            len,
            una: Ssn(1),
            free: 5_000,
            ..TxSegment::default()
        };
        match self.tx.stamp(&segment, &self.shared) {
            Stamp::Send(stamped) => stamped,
            Stamp::Withhold => panic!("withheld"),
        }
    }

    fn states(&self) -> Vec<ConnState> {
        let states = self.actions.iter().filter_map(|action| match action {
            Action::State(state) => Some(*state),
            _ => None,
        });
        states.collect()
    }
}

fn mapping(dsn: Dsn, ssn: u32, len: u16) -> Mapping {
    Mapping {
        dsn: WireDsn::long(dsn),
        ssn: Ssn(ssn),
        len,
        data_fin: false,
        checksum: None,
    }
}

/// A `DATA_FIN` without data, behind `offset` bytes of the peer.
fn data_fin(offset: u64) -> Options {
    let map = Mapping {
        data_fin: true,
        ..mapping(their(offset), 0, 1)
    };
    dss(None, Some(map))
}

/// Options as if they had been parsed.
fn dss(ack: Option<Dsn>, map: Option<Mapping>) -> Options {
    let signal = Dss {
        data_ack: ack.map(WireDsn::long),
        map,
    };
    parsed(
        &OptionSet::from(signal),
        SegmentKind::NonSyn { payload_len: 0 },
    )
}

/// Writes options and reads them again.
fn parsed(set: &OptionSet, kind: SegmentKind) -> Options {
    let fitted = fit(&[], set);
    let options = parse(&fitted.area[..usize::from(fitted.len)], kind);
    assert!(options.rejected.is_empty());
    options
}

fn on_ack(set: &OptionSet) -> Options {
    parsed(set, SegmentKind::NonSyn { payload_len: 0 })
}

fn ack_everywhere() -> Action<Bytes> {
    Action::SendAck { sf: SF }
}

fn reset_with(reason: ResetReason) -> Action<Bytes> {
    Action::Tell {
        sf: SF,
        order: Order::Reset {
            reset: Reset {
                reason,
                transient: false,
            },
            fast_close: false,
            fail: None,
        },
    }
}

/// The mapping with its checksum over `bytes`.
fn summed(mut map: Mapping, bytes: &[u8]) -> Mapping {
    let mut sum = checksum::Partial::EMPTY;
    sum.add_bytes(bytes);
    map.checksum = Some(sum.checksum(map.dsn.expand(Dsn(0)), map.ssn, map.len));
    map
}

fn no_options() -> Options {
    Options::default()
}

fn pair<T>(first: T, second: T) -> Vec<T> {
    vec![first, second]
}

/// The window that a segment tells, in octets.
fn octets(stamped: &Stamped) -> Option<u32> {
    stamped.window.map(|window| window.octets)
}
