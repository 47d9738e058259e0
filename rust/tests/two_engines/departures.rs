// SPDX-License-Identifier: GPL-2.0

//! What TCP sends: stamped, cut to size, and given to the network.

use super::tcp::Segment;
use super::tcp::Wanted;
use super::world::World;
use rust_mptcp::engine::*;
use rust_mptcp::wire::checksum::Partial;
use rust_mptcp::wire::*;

impl World {
    /// Stamps a segment and puts it on the wire, cut to size.
    pub fn emit(&mut self, side: usize, wanted: Wanted) {
        let host = &mut self.hosts[side];
        let segment = TxSegment {
            ssn: Ssn(wanted.ssn),
            len: wanted.payload.len() as u32,
            una: Ssn(host.tcp.una),
            fin: wanted.fin,
            rst: wanted.rst,
            free: host.free(),
            ..TxSegment::default()
        };
        let plain = host.shared.is_fallback();
        let Stamp::Send(mut stamped) = host.tx.stamp(&segment, &host.shared) else {
            return;
        };
        let keep = stamped.payload as usize;
        let mut payload = wanted.payload;
        let cut = keep < payload.len();
        payload.truncate(keep);
        if stamped.needs_checksum {
            let mut sum = Partial::EMPTY;
            sum.add_bytes(&payload);
            host.tx.complete(&mut stamped, segment.ssn, sum);
        }
        if plain && keep == 0 {
            assert!(stamped.options.is_empty(), "an option after fallback");
        }
        // NOP NOP TS, as nearly every connection has it.
        let existing = [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2];
        let fitted = space::fit(&existing, &stamped.options);
        assert!(!fitted.dropped.map && !fitted.dropped.handshake && !fitted.dropped.data_ack);
        let window = stamped.window.map_or(segment.free, |window| window.octets);
        let ack = host.tcp.rcv_nxt;
        host.tcp.promised = host.tcp.promised.max(ack + window);
        let edge = host.shared.edge();
        if let Some(seen) = host.edge_seen {
            assert!(edge.at_or_after(seen), "the edge went back");
        }
        if stamped.window.is_some() {
            host.edge_seen = Some(edge);
        }
        let whole = Segment {
            ssn: wanted.ssn,
            ack: Some(ack),
            window,
            syn: false,
            fin: wanted.fin && !cut,
            rst: wanted.rst,
            payload,
            options: fitted.area[..usize::from(fitted.len)].to_vec(),
        };
        self.cut_and_send(side, whole);
    }

    pub fn cut_and_send(&mut self, side: usize, whole: Segment) {
        let mut rest = whole;
        while rest.payload.len() > self.net.mss as usize
            || (rest.payload.len() > 1 && self.rng.chance(self.net.split))
        {
            let most = (self.net.mss as usize).min(rest.payload.len() - 1);
            let at = if self.rng.chance(self.net.split) {
                1 + self.rng.below(most as u64) as usize
            } else {
                most
            };
            let tail = rest.payload.split_off(at);
            let mut piece = rest.clone();
            piece.fin = false;
            rest.ssn += at as u32;
            rest.payload = tail;
            self.carry(side, piece);
        }
        self.carry(side, rest);
    }

    pub fn carry(&mut self, side: usize, mut segment: Segment) {
        if self.keep_trace {
            self.trace.push((side, segment.clone()));
        }
        if let Some(middlebox) = self.middlebox.as_mut() {
            if !middlebox(side, &mut segment) {
                return;
            }
        }
        if self.rng.chance(self.net.loss) {
            return;
        }
        let copies = 1 + u64::from(self.rng.chance(self.net.duplicate));
        for _ in 0..copies {
            let late = self.rng.below(self.net.jitter + 1);
            self.serial += 1;
            let when = (self.now + self.net.delay + late, self.serial);
            self.wire.insert(when, (1 - side, segment.clone()));
        }
    }
}
