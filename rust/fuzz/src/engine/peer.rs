// SPDX-License-Identifier: GPL-2.0

//! What the peer sends, honest or not, and what the network makes of it.

use super::super::input::Input;
use super::host::{on_wire, our_key, ssn, their_key, Host, SF, WINDOW};
use super::payload::{self, Places};
use rust_mptcp::engine::mapping::of_segment;
use rust_mptcp::engine::{Ending, Event, RxSegment};
use rust_mptcp::wire::checksum::Partial;
use rust_mptcp::wire::{
    parse, Capable, CapableFlags, Dsn, Dss, Fail, FastClose, Key, Mapping, OptionSet, Options,
    Reset, ResetReason, SegmentKind, Ssn, WireDsn,
};

/// A number on the wire, in either form.
fn number(dsn: Dsn, short: bool) -> WireDsn {
    if short {
        WireDsn::short(dsn)
    } else {
        WireDsn::long(dsn)
    }
}

impl Host {
    /// Whether TCP could deliver bytes of the peer.
    fn hears(&self) -> bool {
        self.is_connected() && !self.peer_fin
    }

    fn segment(&mut self, options: &Options, len: u32, fin: bool, rst: bool, ack: u64) {
        if !rst {
            self.advance_una(ack);
        }
        let segment = RxSegment {
            ssn: ssn(self.place),
            len,
            ack: Some(ssn(ack)),
            window: self.peer_window,
            fin,
            rst,
        };
        self.post(Event::Segment {
            sf: SF,
            segment,
            options,
        });
    }

    /// A segment with `len` octets of payload, which TCP delivers at once.
    pub fn segment_of_data(&mut self, options: &Options, len: u32) {
        let una = self.una;
        self.segment(options, len, false, false, una);
        let idsn = self.conn.remote_idsn().unwrap_or_default();
        self.deliver(len, of_segment(options, idsn), false);
    }

    fn deliver(&mut self, len: u32, mapping: Option<Mapping>, whole: bool) {
        let at = self.place;
        self.place += u64::from(len);
        if self.hears() {
            self.post(Event::Data {
                sf: SF,
                ssn: ssn(at),
                payload: Places::new(at, len, whole),
                mapping,
            });
        }
    }

    fn data_ack(&self, input: &mut Input<'_>) -> Option<Dsn> {
        let info = self.conn.info();
        match input.u8() {
            0..=0x3F => None,
            0x40..=0x9F => Some(info.snd_nxt),
            0xA0..=0xBF => Some(info.snd_una),
            _ => {
                let step = input.near();
                Some(Dsn(info.snd_una.0.wrapping_add_signed(step)))
            }
        }
    }

    /// Bytes with a mapping that is right, in one to four pieces.
    pub fn good_data(&mut self, input: &mut Input<'_>) {
        let choice = input.u8();
        let len = input.len().max(1);
        let offset = match choice & 7 {
            // Ahead, and a part again: what the network does.
            0 => self.peer_end + u64::from(input.u8()),
            1 => self.peer_end.saturating_sub(u64::from(input.u8())),
            _ => self.peer_end,
        };
        let offset = if self.is_plain() || self.is_peer_straight {
            self.peer_end
        } else {
            offset
        };
        let pieces = 1 + u32::from(choice >> 3 & 3);
        let ack = self.data_ack(input);
        if !self.hears() {
            return;
        }
        self.peer_end = self.peer_end.max(offset + u64::from(len));
        self.oracle.sent_by_peer(self.place, offset, len);
        let checksum = self.shared.uses_checksum().then(|| {
            let mut sum = Partial::EMPTY;
            payload::sum(self.place, len, &mut sum);
            let sum = sum.checksum(self.their(offset), ssn(self.place), len as u16);
            // Altered on the way, now and then.
            sum ^ u16::from(choice & 0xE0 == 0xE0)
        });
        let map = (!self.is_plain()).then(|| Mapping {
            dsn: number(self.their(offset), choice & 0x20 != 0),
            ssn: ssn(self.place),
            len: len as u16,
            data_fin: false,
            checksum,
        });
        self.mapped(len, map, ack, pieces, choice & 0x40 != 0);
    }

    /// Segments that share a mapping; `once` says it on the first of them only.
    fn mapped(
        &mut self,
        len: u32,
        map: Option<Mapping>,
        ack: Option<Dsn>,
        pieces: u32,
        once: bool,
    ) {
        let data_ack = ack.map(WireDsn::long);
        let set = OptionSet::from(Dss { data_ack, map });
        let bare = map.is_none() && ack.is_none();
        let step = len.div_ceil(pieces);
        let mut left = len;
        while left > 0 && self.hears() {
            let part = step.min(left);
            let first = left == len;
            left -= part;
            let kind = SegmentKind::NonSyn { payload_len: part };
            let options = if bare || (once && !first) {
                Options::default()
            } else {
                on_wire(&set, kind)
            };
            let una = self.una;
            self.segment(&options, part, false, false, una);
            let idsn = self.conn.remote_idsn().unwrap_or_default();
            self.deliver(part, of_segment(&options, idsn), once && !first);
        }
    }

    /// Bytes with a mapping that says anything.
    pub fn odd_data(&mut self, input: &mut Input<'_>) {
        let choice = input.u8();
        let len = input.len().max(1);
        let next = self.shared.rcv_nxt().0.wrapping_add_signed(input.near());
        let place = ssn(self.place).0.wrapping_add_signed(input.near() as i32);
        let mapped = match choice & 3 {
            0 => 0,
            1 => len as u16,
            _ => input.u16(),
        };
        let map = Mapping {
            dsn: number(Dsn(next), choice & 4 != 0),
            ssn: Ssn(place),
            len: mapped,
            data_fin: choice & 8 != 0 && mapped != 0,
            checksum: (choice & 16 != 0).then(|| input.u16()),
        };
        let pieces = 1 + u32::from(choice >> 5 & 3);
        if self.hears() {
            self.oracle.honest = false;
            self.mapped(len, Some(map), None, pieces, choice & 0x80 != 0);
        }
    }

    /// Bytes whose options the network took away, or a peer that has fallen back.
    pub fn bare_data(&mut self, input: &mut Input<'_>) {
        let len = input.len().max(1);
        if self.hears() {
            self.oracle.sent_by_peer(self.place, self.peer_end, len);
            self.peer_end += u64::from(len);
            self.mapped(len, None, None, 1, false);
        }
    }

    /// Bytes with an infinite mapping: the peer goes on as plain TCP.
    pub fn last_data(&mut self, input: &mut Input<'_>) {
        let len = input.len().max(1);
        if !self.hears() {
            return;
        }
        self.is_peer_straight = true;
        self.oracle.sent_by_peer(self.place, self.peer_end, len);
        let map = Mapping {
            dsn: WireDsn::long(self.their(self.peer_end)),
            ssn: ssn(self.place),
            len: 0,
            data_fin: false,
            checksum: self.shared.uses_checksum().then_some(0),
        };
        self.peer_end += u64::from(len);
        self.mapped(len, Some(map), None, 1, false);
    }

    /// A pure ACK, with a `DATA_ACK` or without any option.
    pub fn acknowledge(&mut self, input: &mut Input<'_>) {
        let ack = self.some_ack(input);
        let data_ack = self.data_ack(input);
        let choice = input.u8();
        let short = choice & 1 != 0;
        if !self.is_connected() {
            return;
        }
        self.peer_window = match choice >> 6 {
            3 => 0,
            2 => u32::from(choice & 0x3F),
            _ => WINDOW,
        };
        let options = data_ack.map_or_else(Options::default, |data_ack| {
            let set = OptionSet::from(Dss::ack(number(data_ack, short)));
            on_wire(&set, SegmentKind::NonSyn { payload_len: 0 })
        });
        self.segment(&options, 0, false, false, ack);
    }

    /// All that TCP has is acknowledged, before the engine is told that TCP took it.
    pub fn acknowledge_early(&mut self, bare: bool) {
        let data_ack = self.conn.info().snd_nxt;
        let options = if bare {
            Options::default()
        } else {
            let set = OptionSet::from(Dss::ack(WireDsn::long(data_ack)));
            on_wire(&set, SegmentKind::NonSyn { payload_len: 0 })
        };
        let ack = self.end;
        self.segment(&options, 0, false, false, ack);
    }

    /// A `DATA_FIN` on a pure ACK, at the end of the peer's stream or elsewhere.
    pub fn data_fin(&mut self, input: &mut Input<'_>) {
        let step = input.near();
        let ack = self.data_ack(input);
        if !self.is_connected() {
            return;
        }
        let end = self.their(self.peer_end);
        // Beyond the window it is none, and an honest peer says it again.
        let edge = self.shared.edge().latest(self.shared.rcv_nxt());
        if step != 0 || end.after(edge.advance(1)) {
            self.oracle.honest = false;
        } else if !self.is_plain() {
            self.oracle.ended_by_peer(self.peer_end);
        }
        let map = Mapping {
            dsn: WireDsn::long(Dsn(end.0.wrapping_add_signed(step))),
            ssn: Ssn(0),
            len: 1,
            data_fin: true,
            checksum: self.shared.uses_checksum().then_some(0),
        };
        let set = OptionSet::from(Dss {
            data_ack: ack.map(WireDsn::long),
            map: Some(map),
        });
        let options = on_wire(&set, SegmentKind::NonSyn { payload_len: 0 });
        let una = self.una;
        self.segment(&options, 0, false, false, una);
    }

    /// Any options at all.
    pub fn any_segment(&mut self, input: &mut Input<'_>) {
        let choice = input.u8();
        let len = usize::from(input.u8() % 41);
        let area = input.octets(len);
        let ack = self.some_ack(input);
        if !self.hears() {
            return;
        }
        self.oracle.honest = false;
        match choice & 3 {
            0 => {
                let options = parse(area, SegmentKind::Rst);
                self.segment(&options, 0, false, true, ack);
                // TCP may refuse it, or have bytes to deliver first.
                if choice & 4 == 0 {
                    self.closed(Ending::Reset);
                }
            }
            1 => {
                let payload_len = 1 + u32::from(choice >> 2);
                let options = parse(area, SegmentKind::NonSyn { payload_len });
                self.segment_of_data(&options, payload_len);
            }
            _ => {
                let options = parse(area, SegmentKind::NonSyn { payload_len: 0 });
                self.segment(&options, 0, choice & 4 != 0, false, ack);
            }
        }
    }

    /// `MP_FAIL`, for something we sent or for anything.
    pub fn fail(&mut self, input: &mut Input<'_>) {
        let step = input.near();
        let with_ack = input.flag();
        if !self.is_connected() {
            return;
        }
        self.is_peer_straight = true;
        let una = self.conn.info().snd_una;
        let mut set = OptionSet::default();
        if with_ack {
            set = OptionSet::from(Dss::ack(WireDsn::short(una)));
        }
        set.fail = Some(Fail {
            dsn: Dsn(una.0.wrapping_add_signed(step)),
        });
        let options = on_wire(&set, SegmentKind::NonSyn { payload_len: 0 });
        let ack = self.una;
        self.segment(&options, 0, false, false, ack);
    }

    /// `MP_FASTCLOSE`, with our key or another, on an ACK or on a reset.
    pub fn fast_close(&mut self, input: &mut Input<'_>) {
        let choice = input.u8();
        let key = if choice & 1 == 0 {
            our_key().key
        } else {
            Key::new(input.u64())
        };
        if !self.is_connected() {
            return;
        }
        let mut set = OptionSet {
            fast_close: Some(FastClose { key }),
            ..OptionSet::default()
        };
        let rst = choice & 2 != 0;
        let kind = if rst {
            set.reset = Some(Reset {
                reason: ResetReason(choice >> 4),
                transient: choice & 4 != 0,
            });
            SegmentKind::Rst
        } else {
            SegmentKind::NonSyn { payload_len: 0 }
        };
        let options = on_wire(&set, kind);
        let ack = self.una;
        self.segment(&options, 0, false, rst, ack);
        if rst && choice & 8 == 0 {
            self.closed(Ending::Reset);
        }
    }

    /// The keys once more: a third ACK that was sent again.
    pub fn keys_again(&mut self, input: &mut Input<'_>) {
        let choice = input.u8();
        let len = input.len();
        if !self.hears() {
            return;
        }
        let flags = CapableFlags::default();
        let (sender, receiver) = (their_key().key, our_key().key);
        if choice & 1 == 0 || len == 0 {
            let option = Capable::Ack {
                flags,
                sender,
                receiver,
            };
            let options = on_wire(&option.into(), SegmentKind::NonSyn { payload_len: 0 });
            let ack = self.una;
            self.segment(&options, 0, false, false, ack);
            return;
        }
        self.oracle.honest = false;
        let option = Capable::AckData {
            flags,
            sender,
            receiver,
            len: len as u16,
            checksum: (choice & 2 != 0).then(|| input.u16()),
        };
        let kind = SegmentKind::NonSyn { payload_len: len };
        let options = on_wire(&option.into(), kind);
        self.segment_of_data(&options, len);
    }

    /// The peer's FIN, in its turn, without any option.
    pub fn tcp_fin(&mut self) {
        if self.hears() {
            let una = self.una;
            self.segment(&Options::default(), 0, true, false, una);
        }
        if self.hears() {
            self.peer_fin = true;
            self.post(Event::SubflowFin { sf: SF });
        }
    }

    /// TCP is done with the subflow, or gives it up.
    pub fn tcp_ends(&mut self, input: &mut Input<'_>) {
        let endings = [
            Ending::Reset,
            Ending::TimedOut,
            Ending::Unreachable,
            Ending::Local,
            Ending::Clean,
        ];
        let choice = usize::from(input.u8());
        let clean = self.peer_fin && self.fin_wanted;
        let ending = if clean {
            Ending::Clean
        } else {
            endings[choice % 4]
        };
        // Now and then only, or no connection grows old.
        if choice >= 0x80 || clean || self.reset_wanted {
            self.closed(ending);
        }
    }

    /// A piece that TCP delivered is lost on its way to the engine, which the next piece shows. In
    /// plain TCP nothing could mend that, and the shell never does it.
    pub fn lose(&mut self, input: &mut Input<'_>) {
        let len = match input.u8() {
            0xFF => 1 << 30,
            small => u64::from(small),
        };
        if self.hears() && !self.is_plain() && len > 0 {
            self.oracle.honest = false;
            self.place += len;
            self.good_data(input);
        }
    }
}
