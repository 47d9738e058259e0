// SPDX-License-Identifier: GPL-2.0

//! What the peer sends on any of the subflows, and what becomes of their paths.

use super::super::engine::host::{on_wire, our_key, ssn, their_key, WINDOW};
use super::super::engine::payload::{self, Places};
use super::super::input::Input;
use super::{Phase, World};
use rust_mptcp::engine::{Duration, Ending, Event, PathStats, RxSegment};
use rust_mptcp::wire::checksum::Partial;
use rust_mptcp::wire::keys::{add_addr_hmac, HostSha256};
use rust_mptcp::wire::{
    AddAddr, AddrId, Dsn, Dss, Mapping, OptionSet, Options, Prio, RemoveAddr, SegmentKind, WireDsn,
};
use std::net::IpAddr;

impl World {
    fn their(&self, offset: u64) -> Dsn {
        let idsn = self.conn.remote_idsn();
        idsn.unwrap_or_default().advance(1 + offset)
    }

    fn segment(&mut self, index: usize, options: &Options, len: u32, fin: bool) {
        let flow = &self.flows[index];
        let segment = RxSegment {
            ssn: ssn(flow.place),
            len,
            ack: Some(ssn(flow.una)),
            window: WINDOW,
            fin,
            rst: false,
        };
        self.post(Event::Segment {
            sf: flow.sf,
            segment,
            options,
        });
    }

    /// The peer acknowledges up to here, or a little less than it could.
    fn data_ack(&mut self, input: &mut Input<'_>) -> WireDsn {
        let info = self.conn.info();
        let to = if input.u8() < 0xC0 {
            info.snd_nxt
        } else {
            info.snd_una
        };
        let offset = to.distance_from(self.conn.first_dsn()).max(0) as u64;
        self.edge = self.edge.max(offset + u64::from(WINDOW));
        WireDsn::long(to)
    }

    /// Bytes that go on, or that came on some subflow before, with a mapping that is right.
    pub(super) fn data(&mut self, index: usize, input: &mut Input<'_>) {
        let (choice, len) = (input.u8(), 1 + u32::from(input.u8()) * 4);
        if !self.is_open(index) || self.flows[index].peer_fin {
            return;
        }
        let (mut offset, mut len) = match choice & 7 {
            0 => (self.peer_end.saturating_sub(u64::from(input.u8()) * 4), len),
            // Ahead: another subflow is slower.
            1 if !self.peer_shut => (self.peer_end + u64::from(input.u8()), len),
            _ => (self.peer_end, len),
        };
        if self.peer_shut {
            offset = offset.min(self.peer_end);
            len = len.min((self.peer_end - offset) as u32);
        }
        if len == 0 {
            return;
        }
        self.peer_most = self.peer_most.max(offset + u64::from(len));
        if choice & 7 != 1 {
            self.peer_end = self.peer_end.max(offset + u64::from(len));
        }
        let place = self.flows[index].place;
        self.oracle.sent_by_peer(place, offset, len);
        let checksum = self.shared.uses_checksum().then(|| {
            let mut sum = Partial::EMPTY;
            payload::sum(place, len, &mut sum);
            sum.checksum(self.their(offset), ssn(place), len as u16)
        });
        let map = Mapping {
            dsn: WireDsn::long(self.their(offset)),
            ssn: ssn(place),
            len: len as u16,
            data_fin: false,
            checksum,
        };
        let data_ack = Some(self.data_ack(input));
        let set = OptionSet::from(Dss {
            data_ack,
            map: Some(map),
        });
        let options = on_wire(&set, SegmentKind::NonSyn { payload_len: len });
        let sf = self.flows[index].sf;
        self.segment(index, &options, len, false);
        self.flows[index].place += u64::from(len);
        if self.is_open(index) {
            self.post(Event::Data {
                sf,
                ssn: ssn(place),
                payload: Places::new(place, len, choice & 0x80 != 0),
                mapping: Some(map),
            });
        }
    }

    /// A pure ACK with a `DATA_ACK`; TCP acknowledges too.
    pub(super) fn acknowledge(&mut self, index: usize, input: &mut Input<'_>) {
        let data_ack = self.data_ack(input);
        if !self.is_open(index) {
            return;
        }
        let whole = input.flag();
        let flow = &mut self.flows[index];
        let (sf, una) = (flow.sf, if whole { flow.end } else { flow.una });
        flow.una = una;
        flow.sent
            .retain(|sent| sent.place + u64::from(sent.len) > una);
        let set = OptionSet::from(Dss::ack(data_ack));
        let options = on_wire(&set, SegmentKind::NonSyn { payload_len: 0 });
        self.segment(index, &options, 0, false);
        if self.is_open(index) {
            let una = ssn(una);
            self.post(Event::SubflowAcked { sf, una });
        }
    }

    /// The end of the peer's stream.
    pub(super) fn data_fin(&mut self, index: usize) {
        let end = self.their(self.peer_end);
        let edge = self.shared.edge();
        // Elsewhere nobody listens, and an honest peer says it again.
        let heard = self.is_open(index) && self.conn.is_open(self.flows[index].sf);
        // Nor is it the end while there is more to come.
        if !heard || end.after(edge) || self.peer_most > self.peer_end {
            return;
        }
        self.oracle.ended_by_peer(self.peer_end);
        self.peer_shut = true;
        let map = Mapping {
            dsn: WireDsn::long(end),
            ssn: ssn(0),
            len: 1,
            data_fin: true,
            checksum: self.shared.uses_checksum().then_some(0),
        };
        let set = OptionSet::from(Dss {
            data_ack: Some(WireDsn::long(self.conn.info().snd_una)),
            map: Some(map),
        });
        let options = on_wire(&set, SegmentKind::NonSyn { payload_len: 0 });
        self.segment(index, &options, 0, false);
    }

    /// The peer speaks of addresses and priorities.
    pub(super) fn peer_says(&mut self, index: usize, input: &mut Input<'_>) {
        let (choice, id) = (input.u8(), AddrId(input.u8() & 7));
        if !self.is_open(index) {
            return;
        }
        let addr = IpAddr::from([10, 0, id.0, 2]);
        let (ours, theirs) = (our_key().key, their_key().key);
        let hmac = add_addr_hmac::<HostSha256>(theirs, ours, id, addr, None);
        let says = AddAddr {
            id,
            addr,
            port: None,
            hmac: Some(hmac),
        };
        let mut set = OptionSet::from(Dss::ack(WireDsn::long(self.conn.info().snd_una)));
        match choice & 7 {
            0 | 1 => set.add_addr = Some(says),
            2 | 3 => {
                let addr = IpAddr::from([10, 0, id.0, 1]);
                let ours = AddAddr { addr, ..says };
                set.add_addr = Some(ours.echo());
            }
            4 => set.remove_addr = RemoveAddr::new(&[id]),
            5 => set.remove_addr = RemoveAddr::new(&[id, AddrId(0)]),
            _ => {
                let backup = choice & 8 != 0;
                set.prio = Some(Prio { backup });
            }
        }
        let kind = SegmentKind::NonSyn { payload_len: 0 };
        let options = on_wire(&set, kind);
        let removes = options.remove_addr;
        self.segment(index, &options, 0, false);
        // RFC 8684 3.4.2: what led to an address that is gone is closed.
        for id in removes.iter().flat_map(RemoveAddr::ids) {
            let conn = &self.conn;
            let mut left = self.flows.iter().filter(|flow| conn.is_open(flow.sf));
            let left =
                left.find(|flow| conn.ends(flow.sf).is_some_and(|ends| ends.remote_id == id));
            assert!(left.is_none(), "a subflow to an address that is gone");
        }
    }

    /// What TCP and the device say of a path.
    pub(super) fn path(&mut self, index: usize, input: &mut Input<'_>) {
        let choice = input.u8();
        if !self.is_open(index) {
            return;
        }
        let sf = self.flows[index].sf;
        match choice & 3 {
            0 => self.post(Event::PathFailed { sf }),
            1 => self.post(Event::Link {
                sf,
                up: choice & 4 != 0,
            }),
            _ => {
                let (srtt, rttvar) = (u32::from(input.u8()) << 10, u32::from(input.u8()) << 8);
                let cwnd = u32::from(input.u16());
                let stats = PathStats {
                    srtt,
                    rttvar,
                    min_rtt: srtt >> (choice >> 4 & 3),
                    cwnd,
                    in_flight: cwnd >> (choice >> 2 & 3),
                    unsent: u32::from(choice) << 6,
                    pacing: u64::from(input.u16()) << 8,
                    mss: 1400,
                };
                let rto = Duration::from_millis(200 + u64::from(choice));
                self.post(Event::Measured { sf, stats, rto });
            }
        }
    }

    /// The TCP of a subflow ends without having been asked to.
    pub(super) fn die(&mut self, index: usize, input: &mut Input<'_>) {
        let choice = usize::from(input.u8());
        let is_reset = self.flows[index].phase == Phase::Reset;
        let endings = [Ending::Reset, Ending::TimedOut, Ending::Unreachable];
        // Now and then only, or no connection has many.
        if is_reset {
            self.gone(index, Ending::Local);
        } else if choice >= 0x80 {
            self.gone(index, endings[choice % 3]);
        }
    }

    /// The peer's FIN on a subflow.
    pub(super) fn peer_ends(&mut self, index: usize) {
        if !self.is_open(index) || self.flows[index].peer_fin {
            return;
        }
        let sf = self.flows[index].sf;
        let set = OptionSet::from(Dss::ack(WireDsn::long(self.conn.info().snd_una)));
        let options = on_wire(&set, SegmentKind::NonSyn { payload_len: 0 });
        self.segment(index, &options, 0, true);
        if self.is_open(index) {
            self.flows[index].peer_fin = true;
            self.post(Event::SubflowFin { sf });
        }
    }
}
