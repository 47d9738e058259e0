// SPDX-License-Identifier: GPL-2.0

//! What TCP sends: stamped by the engine, cut to size, and handed to the network.

use super::Endpoint;
use super::Env;
use super::Flow;
use crate::bytes::Bytes;
use crate::segment::Area;
use crate::segment::Segment;
use crate::segment::ACK;
use crate::segment::FIN;
use crate::segment::RST;
use crate::segment::WINDOW_SCALE;
use crate::tcp::Phase;
use crate::tcp::Wanted;
use crate::tcp::MILLI;
use rust_mptcp::engine::Connection;
use rust_mptcp::engine::Ending;
use rust_mptcp::engine::Event;
use rust_mptcp::engine::Mode;
use rust_mptcp::engine::Stamp;
use rust_mptcp::engine::Stamped;
use rust_mptcp::engine::TxSegment;
use rust_mptcp::wire::checksum::Partial;
use rust_mptcp::wire::space;
use rust_mptcp::wire::Capable;
use rust_mptcp::wire::Dsn;
use rust_mptcp::wire::Lead;
use rust_mptcp::wire::Mapping;
use rust_mptcp::wire::Ssn;

impl Endpoint {
    /// Sends what the windows allow.
    pub(super) fn tcp_send(&mut self, env: &mut Env<'_>, index: usize) {
        loop {
            let gso = self.host.gso;
            let Flow { tcp, retry_at, .. } = &mut self.flows[index];
            if retry_at.is_some() {
                break;
            }
            let Some(wanted) = tcp.next_new(gso, env.now) else {
                break;
            };
            self.emit(env, index, wanted);
        }
        self.flows[index].tcp.arm(env.now);
    }

    /// Sends something again after a loss was noticed.
    pub(super) fn tcp_resend(&mut self, env: &mut Env<'_>, index: usize) {
        // As TCP has it after resegmentation: any part of what is outstanding.
        let usual = 2 * self.flows[index].tcp.mss;
        let limit = if env.rng.percent(95) {
            usual
        } else {
            self.host.gso
        };
        let most = 1 + env.rng.below(u64::from(limit)) as u32;
        let wanted = self.flows[index].tcp.again(most);
        self.emit(env, index, wanted);
        self.flows[index].tcp.arm(env.now);
    }

    /// The retransmission timer of a subflow's TCP.
    pub(super) fn tcp_timeout(&mut self, env: &mut Env<'_>, index: usize) {
        if self.flows[index].tcp.timed_out() {
            let sf = self.flows[index].id;
            self.tcp_resend(env, index);
            self.record.paths.failed += 1;
            self.post(env, Event::PathFailed { sf });
        } else {
            self.tcp_gone(env, index, Ending::TimedOut, Phase::Dead);
        }
    }

    /// A pure acknowledgement.
    pub(super) fn ack(&mut self, env: &mut Env<'_>, index: usize) {
        let tcp = &self.flows[index].tcp;
        if tcp.is_open() {
            let ssn = tcp.nxt;
            self.emit(
                env,
                index,
                Wanted {
                    ssn,
                    ..Wanted::default()
                },
            );
        }
    }

    /// Resets a subflow, as the engine wants it.
    pub(super) fn reset(&mut self, env: &mut Env<'_>, index: usize) {
        let tcp = &self.flows[index].tcp;
        if tcp.is_open() {
            let wanted = Wanted {
                ssn: tcp.nxt,
                rst: true,
                ..Wanted::default()
            };
            self.emit(env, index, wanted);
        }
        self.tcp_gone(env, index, Ending::Local, Phase::Dead);
    }

    /// Stamps a segment and sends it.
    pub(super) fn emit(&mut self, env: &mut Env<'_>, index: usize, wanted: Wanted) {
        let free = self.free();
        let flow = &mut self.flows[index];
        let segment = TxSegment {
            ssn: wanted.ssn,
            len: wanted.len,
            una: flow.tcp.una,
            fin: wanted.fin,
            rst: wanted.rst,
            free,
            ..TxSegment::default()
        };
        let mut stamp = flow.tx.stamp(&segment, &self.shared);
        let Stamp::Send(stamped) = &mut stamp else {
            return;
        };
        let stuck = wanted.len > 0 && !wanted.again && env.rng.percent(self.host.stuck);
        if stuck {
            // The device was busy: TCP keeps the segment as if it had never sent it.
            flow.tx.take_back(wanted.ssn);
            flow.tcp.unsend(&wanted);
            flow.retry_at = Some(env.now + MILLI);
            return;
        }
        let keep = stamped.payload.min(wanted.len);
        let payload = flow.tcp.bytes(wanted.ssn, keep);
        if stamped.needs_checksum {
            let mut sum = Partial::EMPTY;
            payload.add_to(0, keep, &mut sum);
            flow.tx.complete(stamped, wanted.ssn, sum);
        }
        self.audit(env, index, &wanted, stamped, &payload);
        let fin = wanted.fin && keep == wanted.len;
        self.dress(env, index, &wanted, stamped, payload, fin);
        if stamped.again {
            self.ack(env, index);
        }
    }

    /// Gives a stamped segment its header, and cuts it to size.
    fn dress(
        &mut self,
        env: &mut Env<'_>,
        index: usize,
        wanted: &Wanted,
        stamped: &Stamped,
        payload: Bytes,
        fin: bool,
    ) {
        let (free, step) = (self.free(), self.step(index));
        let flow = &mut self.flows[index];
        let options = flow.options(env, stamped);
        let rx = &mut flow.tcp.rx;
        let told = stamped.window.map(|window| window.octets);
        let window = told.unwrap_or_else(|| rx.window(free, step));
        let field = (window >> WINDOW_SCALE).min(65535);
        rx.promise(window);
        rx.unanswered = 0;
        rx.ack_at = None;
        let mut flags = ACK;
        if wanted.rst {
            flags |= RST;
        }
        let mut segment = Segment {
            src: flow.local,
            dst: flow.remote,
            seq: wanted.ssn.to_tcp(flow.local_isn),
            ack: rx.next.to_tcp(flow.remote_isn),
            flags,
            window: field as u16,
            options,
            tag: self.tag,
            ..Segment::default()
        };
        let mss = flow.tcp.mss;
        // Offload copies the options to every piece.
        let mut rest = payload;
        while rest.len() > mss {
            let tail = rest.split_off(mss);
            let mut piece = segment.clone();
            piece.payload = core::mem::replace(&mut rest, tail);
            segment.seq = segment.seq.wrapping_add(mss);
            self.record.sends(env, false);
            env.out.push(piece);
        }
        if fin {
            segment.flags |= FIN;
        }
        segment.payload = rest;
        self.record.sends(env, segment.payload.is_empty());
        env.out.push(segment);
    }

    /// Compares what goes out with what may go out.
    fn audit(
        &mut self,
        env: &mut Env<'_>,
        index: usize,
        wanted: &Wanted,
        stamped: &Stamped,
        payload: &Bytes,
    ) {
        let Some(conn) = self.conn.as_ref() else {
            return;
        };
        let (first, mode) = (conn.first_dsn(), conn.mode());
        let peer_first = conn.remote_idsn().map(|idsn| idsn.advance(1));
        if stamped.options.is_empty() {
            return;
        }
        if mode == Mode::Fallback && wanted.len == 0 {
            return env.blame(|| "an option after fallback".into());
        }
        match stamped.options.lead {
            Some(Lead::Dss(dss)) => {
                if let (Some(ack), Some(peer_first)) = (dss.data_ack, peer_first) {
                    let near = peer_first.advance(self.record.delivered);
                    let window = stamped.window.map(|window| window.octets);
                    self.audit_ack(env, ack.expand(near), peer_first, window);
                }
                if let Some(map) = dss.map {
                    self.audit_map(env, &map, first, wanted, payload);
                }
            }
            Some(Lead::Capable(Capable::AckData { len, .. })) => {
                let map = rust_mptcp::wire::capable::first_mapping(first.retreat(1), len, None);
                self.audit_map(env, &map, first, wanted, payload);
            }
            _ => {}
        }
        if let Some(said) = &stamped.options.add_addr {
            self.audit_announcement(env, said);
        }
        let rst_says_why = !wanted.rst || stamped.options.reset.is_some();
        env.require(rst_says_why, || {
            format!("a silent reset on subflow {index}")
        });
    }

    /// RFC 8684 3.3.2: what we acknowledge was delivered; RFC 8684 3.3.1: the edge does not go back.
    fn audit_ack(&mut self, env: &mut Env<'_>, ack: Dsn, peer_first: Dsn, window: Option<u32>) {
        let place = ack.checked_distance_from(peer_first).unwrap_or(u64::MAX);
        let delivered = self.record.delivered + u64::from(self.app.eof);
        env.require(place <= delivered, || {
            format!("DATA_ACK {place} with {delivered} delivered")
        });
        let Some(window) = window else {
            return env.blame(|| "a DATA_ACK without its window".into());
        };
        let edge = place + u64::from(window);
        let before = self.record.promised;
        env.require(edge >= before, || {
            format!("the window edge went back from {before} to {edge}")
        });
        let most = self.record.delivered + self.host.receive_buffer;
        env.require(edge <= most.max(before) + 1, || {
            format!("promised {edge}, with room up to {most}")
        });
        self.record.promised = edge.max(before);
    }

    /// RFC 8684 3.3.1: a mapping tells the truth about every octet beside it.
    fn audit_map(
        &mut self,
        env: &mut Env<'_>,
        map: &Mapping,
        first: Dsn,
        wanted: &Wanted,
        payload: &Bytes,
    ) {
        let dsn = map.dsn.expand(first.advance(self.record.mapped));
        let start = dsn.distance_from(first);
        let end = start + i64::from(map.payload_len());
        if map.has_data_fin() {
            let written = self.app.written;
            let right = end == written as i64 && self.app.shut;
            env.require(right, || {
                format!("DATA_FIN at {end}, with {written} written")
            });
        }
        if payload.is_empty() {
            return env.require(map.has_data_fin() || map.is_infinite(), || {
                format!("a mapping without its octets: {map:?}")
            });
        }
        let covered = map.ssn.at_or_before(wanted.ssn)
            && (map.is_infinite() || end_of(map).at_or_after(wanted.ssn.advance(payload.len())));
        env.require(covered, || {
            format!(
                "{map:?} does not cover {} octets at {:?}",
                payload.len(),
                wanted.ssn
            )
        });
        let mut at = start + i64::from(wanted.ssn.distance_from(map.ssn));
        for piece in payload.pieces() {
            let right = piece.source == self.side && piece.place as i64 == at;
            env.require(right, || format!("{map:?} calls {piece:?} octet {at}"));
            at += i64::from(piece.len);
        }
        if !map.is_infinite() {
            self.record.mapped = self.record.mapped.max(end.max(0) as u64);
        }
    }
}

/// The place after the last octet that a mapping covers.
fn end_of(map: &Mapping) -> Ssn {
    map.ssn.advance(u32::from(map.payload_len()))
}

impl Flow {
    /// The option area of a segment after the handshake.
    fn options(&self, env: &mut Env<'_>, stamped: &Stamped) -> Area {
        let now = (env.now / MILLI) as u32;
        let [a, b, c, d] = now.to_be_bytes();
        let [e, f, g, h] = self.echo.to_be_bytes();
        // NOP NOP TS, as nearly every connection has it.
        let with = [1, 1, 8, 10, a, b, c, d, e, f, g, h];
        let existing: &[u8] = if self.timestamps { &with } else { &[] };
        let fitted = space::fit(existing, &stamped.options);
        let lost = fitted.dropped;
        // An ADD_ADDR travels in place of the DATA_ACK.
        let ack_lost = lost.data_ack && stamped.options.add_addr.is_none();
        let fine = !lost.map && !lost.handshake && !ack_lost && !lost.fail && !lost.reset;
        env.require(fine, || format!("no room for {:?}", stamped.options));
        Area::new(fitted.area, fitted.len)
    }
}

/// The DSN that is not known before the peer's key is.
pub(super) fn peer_idsn<P: rust_mptcp::engine::Payload>(conn: Option<&Connection<P>>) -> Dsn {
    conn.and_then(Connection::remote_idsn).unwrap_or_default()
}
