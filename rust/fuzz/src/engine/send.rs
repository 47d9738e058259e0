// SPDX-License-Identifier: GPL-2.0

//! What our TCP is handed, and what it sends.

use super::super::input::Input;
use super::host::{ssn, Host, Sent, SF, WINDOW};
use super::payload;
use rust_mptcp::engine::mapping::of_segment;
use rust_mptcp::engine::{Duration, Event, NoMemory, Stamp, Stamped, Transmit, TxSegment};
use rust_mptcp::wire::checksum::Partial;
use rust_mptcp::wire::{fit, parse, Mapping, SegmentKind};

/// More than this TCP never has in flight: the distance must stay a signed 32-bit number.
const IN_FLIGHT: u64 = 1 << 30;

impl Host {
    /// Asks for a range, and has TCP take all of it, a part, or nothing.
    pub fn hand_over(&mut self, input: &mut Input<'_>) {
        let room = match input.u8() {
            0 => u32::from(input.u16()),
            0xFF => u32::MAX,
            small => u32::from(small) * 64,
        };
        let part = input.u8();
        let room = room.min((IN_FLIGHT - (self.end - self.una)) as u32);
        if !self.is_connected() || self.fin_wanted {
            return;
        }
        let now = self.instant();
        let Some(offer) = self.conn.poll_transmit(&self.shared, SF, room, now) else {
            self.drain();
            return;
        };
        assert!(offer.len >= 1 && offer.len <= room);
        let mut len = match part {
            0..=0x7F => offer.len,
            0x80..=0xBF => (u64::from(offer.len) * u64::from(part & 0x3F) / 0x3F) as u32,
            _ => 0,
        };
        if self.tx.record_run(ssn(self.end), &offer) == Err(NoMemory) {
            len = 0;
        }
        self.check_offer(&offer, len);
        // TCP has the bytes before the engine hears of it, and falling back may be in the offer.
        let at = self.end;
        if len > 0 {
            self.sent.push(Sent {
                place: at,
                dsn: offer.dsn,
                len,
            });
            self.end += u64::from(len);
        }
        self.drain();
        if len > 0 && (0x40..=0x7F).contains(&part) {
            self.acknowledge_early(part & 0x20 != 0);
        }
        self.post(Event::Transmitted {
            sf: SF,
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
        assert!(end <= self.written);
        if !self.is_plain() && !offer.reinjection && end > 1 {
            let acked = self
                .conn
                .info()
                .snd_una
                .distance_from(self.conn.first_dsn());
            let edge = u64::from(WINDOW).saturating_add_signed(acked);
            // A closed window is probed with one byte.
            let probe = u64::from(offer.len == 1);
            assert!(
                end <= edge.max(u64::from(self.window)) + probe,
                "beyond the window"
            );
        }
        if offer.reinjection {
            assert!(!self.is_plain(), "a copy in plain TCP");
        } else if len > 0 {
            self.oracle.taken.add(offset, len, "taken offset");
            if self.is_plain() {
                assert_eq!(offset, self.oracle.taken_end, "plain TCP out of order");
            }
            self.oracle.taken_end = self.oracle.taken_end.max(offset + u64::from(len));
        }
    }

    /// TCP sends a segment: bytes for the first time or again, or nothing but an ACK.
    pub fn send(&mut self, input: &mut Input<'_>) {
        let choice = input.u8();
        let start = self.una + input.below(self.end - self.una + 1);
        let most = (self.end - start).min(70_000);
        let len = if choice & 3 == 0 {
            0
        } else if choice & 3 == 1 {
            most as u32
        } else {
            input.below(most + 1) as u32
        };
        let free = input.u32() >> 8;
        if !self.is_alive || !self.is_open {
            return;
        }
        let segment = TxSegment {
            ssn: ssn(start),
            len,
            una: ssn(self.una),
            fin: self.fin_wanted && start + u64::from(len) == self.end,
            rst: self.reset_wanted,
            free,
            ..TxSegment::default()
        };
        let Stamp::Send(mut stamped) = self.tx.stamp(&segment, &self.shared) else {
            return;
        };
        assert!(stamped.payload <= len);
        if stamped.needs_checksum {
            let mut sum = Partial::EMPTY;
            payload::sum(start, stamped.payload, &mut sum);
            self.tx.complete(&mut stamped, segment.ssn, sum);
        }
        self.check_stamp(start, &segment, &stamped);
        if choice & 0x80 != 0 {
            self.tx.take_back(segment.ssn);
        }
    }

    fn check_stamp(&mut self, start: u64, segment: &TxSegment, stamped: &Stamped) {
        let kind = if segment.rst {
            SegmentKind::Rst
        } else {
            SegmentKind::NonSyn {
                payload_len: stamped.payload,
            }
        };
        let timestamps = [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2];
        let fitted = fit(&timestamps, &stamped.options);
        let dropped = fitted.dropped;
        assert!(!dropped.map && !dropped.handshake && !dropped.data_ack && !dropped.fast_close);
        let options = parse(fitted.options(), kind);
        assert!(options.rejected.is_empty(), "{:?}", options.rejected);
        if let Some(data_ack) = options.dss.and_then(|dss| dss.data_ack) {
            let next = self.shared.rcv_nxt();
            assert_eq!(data_ack.expand(next), next);
            let window = stamped.window.expect("a window for a DATA_ACK").octets;
            let edge = next.advance(u64::from(window));
            assert!(edge.at_or_before(self.shared.edge()));
            assert!(edge == self.shared.edge() || window == u32::MAX);
        }
        if let Some(map) = options.dss.and_then(|dss| dss.map) {
            let end = self.conn.first_dsn().advance(self.written);
            let fin = map.data_fin_dsn(map.dsn.expand(end));
            assert!(fin.is_none_or(|fin| fin == end && !self.writes));
        }
        if segment.rst || stamped.payload == 0 {
            return;
        }
        match of_segment(&options, self.conn.first_dsn().retreat(1)) {
            Some(map) => self.check_mapping(start, stamped.payload, &map),
            None => assert!(self.shared.is_fallback(), "bytes without a mapping"),
        }
    }

    /// The mapping covers the segment, and says of its bytes what was handed over.
    fn check_mapping(&self, start: u64, len: u32, map: &Mapping) {
        let dsn = map.dsn.expand(self.conn.first_dsn());
        let before = ssn(start).distance_from(map.ssn);
        if !map.is_infinite() {
            let end = i64::from(before) + i64::from(len);
            assert!(before >= 0 && end <= i64::from(map.payload_len()));
        }
        for place in [start, start + u64::from(len) - 1] {
            let said = dsn
                .0
                .wrapping_add_signed(i64::from(ssn(place).distance_from(map.ssn)));
            let sent = self
                .sent
                .iter()
                .find(|sent| sent.place <= place && place < sent.place + u64::from(sent.len));
            let sent = sent.expect("sent what nobody handed over");
            assert_eq!(
                said,
                sent.dsn.advance(place - sent.place).0,
                "a wrong mapping"
            );
        }
    }

    /// The peer's TCP acknowledges.
    pub fn tcp_acked(&mut self, input: &mut Input<'_>) {
        let una = self.some_ack(input);
        if self.is_connected() {
            self.advance_una(una);
            self.post(Event::SubflowAcked {
                sf: SF,
                una: ssn(una),
            });
        }
    }

    /// A place that the peer's TCP may acknowledge.
    pub fn some_ack(&mut self, input: &mut Input<'_>) -> u64 {
        match input.u8() {
            0..=0x7F => self.end,
            0x80..=0xBF => self.una,
            _ => self.una + input.below(self.end - self.una + 1),
        }
    }

    pub fn advance_una(&mut self, una: u64) {
        self.una = una;
        self.sent
            .retain(|sent| sent.place + u64::from(sent.len) > una);
    }
}
