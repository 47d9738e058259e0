// SPDX-License-Identifier: GPL-2.0

//! What the TCPs of our subflows are handed and send, and what a path manager of ours does.

use super::super::engine::host::{ssn, Sent};
use super::super::engine::payload;
use super::super::input::Input;
use super::World;
use rust_mptcp::engine::mapping::of_segment;
use rust_mptcp::engine::{Duration, Ending, Event, NoMemory, Stamp, Stamped, Transmit, TxSegment};
use rust_mptcp::wire::checksum::Partial;
use rust_mptcp::wire::{fit, parse, AddrId, RemoveAddr, SegmentKind};
use std::net::IpAddr;
use std::num::NonZeroU16;

impl World {
    /// Asks for a range on a subflow, and has its TCP take all of it, a part, or nothing.
    pub(super) fn hand_over(&mut self, index: usize, input: &mut Input<'_>) {
        let (room, part) = (1 + u32::from(input.u8()) * 64, input.u8());
        if !self.is_open(index) || self.flows[index].fin_wanted {
            return;
        }
        let (sf, now) = (self.flows[index].sf, self.instant());
        let Some(offer) = self.conn.poll_transmit(&self.shared, sf, room, now) else {
            return self.drain();
        };
        assert!(offer.len >= 1 && offer.len <= room && !offer.infinite);
        assert!(
            self.conn.is_open(sf),
            "data for a subflow that is not proved"
        );
        let mut len = match part {
            0..=0xBF => offer.len,
            0xC0..=0xDF => offer.len.div_ceil(2),
            _ => 0,
        };
        let flow = &mut self.flows[index];
        if flow.tx.record_run(ssn(flow.end), &offer) == Err(NoMemory) {
            len = 0;
        }
        let at = flow.end;
        if len > 0 {
            flow.sent.push(Sent {
                place: at,
                dsn: offer.dsn,
                len,
            });
            flow.end += u64::from(len);
        }
        self.check_offer(&offer, len);
        self.drain();
        self.post(Event::Transmitted {
            sf,
            dsn: offer.dsn,
            len,
            ssn: ssn(at),
            rto: Duration::from_millis(200 + u64::from(part)),
        });
    }

    fn check_offer(&mut self, offer: &Transmit, len: u32) {
        let offset = offer.dsn.distance_from(self.conn.first_dsn());
        let offset = u64::try_from(offset).expect("before the start of the stream");
        let end = offset + u64::from(offer.len);
        assert!(end <= self.written, "more than was written");
        let probe = u64::from(offer.len == 1);
        assert!(end <= self.edge + probe, "beyond the window");
        if !offer.reinjection && !self.copies && len > 0 {
            self.oracle.taken.add(offset, len, "taken offset");
        }
    }

    /// The TCP of a subflow sends a segment.
    pub(super) fn send(&mut self, index: usize, input: &mut Input<'_>) {
        let choice = input.u8();
        if !self.is_open(index) {
            return;
        }
        let flow = &mut self.flows[index];
        let start = flow.una + input.below(flow.end - flow.una + 1);
        let most = (flow.end - start).min(60_000) as u32;
        let len = if choice & 3 == 0 { 0 } else { most };
        let segment = TxSegment {
            ssn: ssn(start),
            len,
            una: ssn(flow.una),
            free: 1 << 20,
            ..TxSegment::default()
        };
        let Stamp::Send(mut stamped) = flow.tx.stamp(&segment, &self.shared) else {
            return;
        };
        assert!(stamped.payload <= len);
        if stamped.needs_checksum {
            let mut sum = Partial::EMPTY;
            payload::sum(start, stamped.payload, &mut sum);
            flow.tx.complete(&mut stamped, segment.ssn, sum);
        }
        self.check_stamp(index, start, &stamped);
    }

    fn check_stamp(&self, index: usize, start: u64, stamped: &Stamped) {
        let payload_len = stamped.payload;
        let timestamps = [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2];
        let fitted = fit(&timestamps, &stamped.options);
        let options = parse(fitted.options(), SegmentKind::NonSyn { payload_len });
        assert!(options.rejected.is_empty(), "{:?}", options.rejected);
        if let Some(data_ack) = options.dss.and_then(|dss| dss.data_ack) {
            let next = self.shared.rcv_nxt();
            assert_eq!(data_ack.expand(next), next);
        }
        if payload_len == 0 {
            return;
        }
        let map = of_segment(&options, self.conn.first_dsn().retreat(1));
        let map = map.expect("bytes without a mapping");
        let dsn = map.dsn.expand(self.conn.first_dsn());
        let before = ssn(start).distance_from(map.ssn);
        let flow = &self.flows[index];
        for place in [start, start + u64::from(payload_len) - 1] {
            let mut sent = flow.sent.iter();
            let sent =
                sent.find(|sent| (sent.place..sent.place + u64::from(sent.len)).contains(&place));
            let sent = sent.expect("sent what nobody handed over");
            let said = i64::from(before) + (place - start) as i64;
            let is = sent.dsn.advance(place - sent.place);
            assert_eq!(dsn.0.wrapping_add_signed(said), is.0, "a wrong mapping");
        }
    }

    /// A path manager of ours speaks.
    pub(super) fn say(&mut self, index: usize, input: &mut Input<'_>) {
        let (choice, id) = (input.u8(), AddrId(input.u8() & 7));
        let (now, sf) = (self.instant(), self.flows[index].sf);
        match choice & 7 {
            0..=2 => {
                let addr = IpAddr::from([10, 0, id.0, 1]);
                let port = NonZeroU16::new(u16::from(choice >> 4) * 1_000);
                if self.conn.announce(id, addr, port, now).is_ok() {
                    assert!(self.conn.is_announced(id) && self.conn.announced() <= 8);
                    let there = port.map_or(1, NonZeroU16::get);
                    assert_eq!(self.conn.announces(addr, there), port.is_some());
                }
            }
            3 => {
                if let Some(gone) = RemoveAddr::new(&[id]) {
                    self.conn.withdraw(&gone, now);
                    assert!(!self.conn.is_announced(id));
                }
            }
            4 => {
                let _open = self.conn.close_subflow(sf, now);
            }
            _ => {
                let _open = self.conn.set_priority(sf, choice & 8 != 0, now);
            }
        }
        self.drain();
    }

    /// TCP has sent everything and the FIN that it was told to send, and had the peer's.
    pub(super) fn close_flow(&mut self, index: usize) {
        let flow = &self.flows[index];
        if flow.fin_wanted && flow.peer_fin {
            self.gone(index, Ending::Clean);
        }
    }
}
