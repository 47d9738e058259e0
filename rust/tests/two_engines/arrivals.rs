// SPDX-License-Identifier: GPL-2.0

//! What TCP receives: handshakes, then segments, parsed and sorted.

use super::tcp::Segment;
use super::tcp::Tcp;
use super::world::Bytes;
use super::world::World;
use super::world::SF;
use rust_mptcp::engine::initiate::accept_third_ack;
use rust_mptcp::engine::initiate::answer_syn;
use rust_mptcp::engine::initiate::syn_ack_options;
use rust_mptcp::engine::initiate::ListenPolicy;
use rust_mptcp::engine::initiate::SynAnswer;
use rust_mptcp::engine::initiate::ThirdAck;
use rust_mptcp::engine::mapping::of_segment;
use rust_mptcp::engine::*;
use rust_mptcp::wire::keys::HostSha256;
use rust_mptcp::wire::*;

impl World {
    pub fn arrive(&mut self, side: usize, segment: Segment) {
        if side == 1 && segment.syn {
            return self.on_syn(&segment);
        }
        if side == 0 && segment.syn {
            return self.on_syn_ack(&segment);
        }
        if side == 1 && !self.hosts[1].started && self.offer.is_some() {
            self.on_third_ack(&segment);
        }
        let host = &mut self.hosts[side];
        if host.started && !host.tcp.open && segment.span() > 0 && host.tcp.fin_seen {
            return self.time_wait(side);
        }
        if !host.started || !host.tcp.open {
            return;
        }
        if !host.tcp.acceptable(&segment) {
            if !segment.rst {
                self.ack(side);
            }
            return;
        }
        let kind = if segment.rst {
            SegmentKind::Rst
        } else {
            SegmentKind::NonSyn {
                payload_len: segment.payload.len() as u32,
            }
        };
        let options = parse(&segment.options, kind);
        assert!(options.rejected.is_empty(), "a malformed option of ours");
        let ack_ok = segment.ack.is_none_or(|ack| ack <= host.tcp.nxt);
        self.post(
            side,
            Event::Segment {
                sf: SF,
                segment: RxSegment {
                    ssn: Ssn(segment.ssn),
                    len: segment.payload.len() as u32,
                    ack: segment.ack.filter(|_| ack_ok).map(Ssn),
                    window: segment.window,
                    fin: segment.fin,
                    rst: segment.rst,
                },
                options: &options,
            },
        );
        self.tcp_input(side, &segment, &options);
    }

    /// TCP answers for a connection that is closed: without any option, as Linux does.
    pub fn time_wait(&mut self, side: usize) {
        let tcp = &self.hosts[side].tcp;
        let answer = Segment {
            ssn: tcp.nxt,
            ack: Some(tcp.rcv_nxt),
            window: 0,
            syn: false,
            fin: false,
            rst: false,
            payload: Vec::new(),
            options: Vec::new(),
        };
        self.carry(side, answer);
    }

    pub fn tcp_input(&mut self, side: usize, segment: &Segment, options: &Options) {
        if !self.hosts[side].tcp.open {
            return;
        }
        if segment.rst {
            return self.tcp_gone(side, Ending::Reset);
        }
        if let Some(ack) = segment.ack {
            if self.hosts[side].tcp.acked(ack, segment.window) {
                let una = Ssn(self.hosts[side].tcp.una);
                self.post(side, Event::SubflowAcked { sf: SF, una });
                self.push(side);
            }
        }
        let host = &mut self.hosts[side];
        let idsn = host.conn.as_ref().and_then(Connection::remote_idsn);
        let mapping = of_segment(options, idsn.unwrap_or_default());
        host.tcp.store(segment, mapping);
        while let Some((ssn, bytes, mapping)) = self.hosts[side].tcp.in_order() {
            if self.hosts[side].conn.is_none() {
                self.hosts[side].app.unread.extend(bytes);
                continue;
            }
            let payload = Bytes(bytes);
            self.post(
                side,
                Event::Data {
                    sf: SF,
                    ssn: Ssn(ssn),
                    payload,
                    mapping,
                },
            );
        }
        if self.hosts[side].tcp.fin_in_order() {
            if self.hosts[side].conn.is_none() {
                self.hosts[side].app.eof = true;
            }
            self.post(side, Event::SubflowFin { sf: SF });
        }
        if segment.span() > 0 {
            self.ack(side);
        }
        self.tcp_send(side);
        if self.hosts[side].tcp.finished() {
            self.tcp_gone(side, Ending::Clean);
        }
    }

    pub fn on_syn(&mut self, syn: &Segment) {
        let policy = self.policy();
        let options = parse(&syn.options, SegmentKind::Syn);
        let want = match answer_syn(&options) {
            SynAnswer::Plain | SynAnswer::Join(_) => OptionSet::default(),
            SynAnswer::Capable(offer) => {
                self.offer = Some(offer);
                syn_ack_options(offer, policy, self.keys[1].key)
            }
        };
        if !self.hosts[1].started && want.is_empty() {
            self.offer = None;
            self.start_plain();
        }
        let window = self.hosts[1].free().min(65535);
        self.hosts[1].tcp.promised = self.hosts[1].tcp.promised.max(1 + window);
        let answer = Segment {
            ssn: 0,
            ack: Some(1),
            window,
            syn: true,
            fin: false,
            rst: false,
            payload: Vec::new(),
            options: self.handshake_options(&want),
        };
        self.carry(1, answer);
    }

    pub fn policy(&self) -> ListenPolicy {
        ListenPolicy {
            checksum: self.hosts[1].config.checksum,
            deny_join: self.hosts[1].config.deny_join,
        }
    }

    pub fn handshake_options(&self, want: &OptionSet) -> Vec<u8> {
        let existing = [
            2, 4, 5, 0xB4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7,
        ];
        let fitted = space::fit(&existing, want);
        fitted.area[..usize::from(fitted.len)].to_vec()
    }

    /// The passive side turns out to be plain TCP: no engine at all.
    pub fn start_plain(&mut self) {
        let window = 65535;
        let promised = self.hosts[1].tcp.promised;
        self.hosts[1].tcp = Tcp::established(window);
        self.hosts[1].tcp.promised = promised;
        self.hosts[1].started = true;
    }

    pub fn on_third_ack(&mut self, segment: &Segment) {
        let Some(offer) = self.offer else { return };
        // Only the segment at the start decides; others are too early.
        if segment.rst || segment.ssn != 1 || segment.ack != Some(1) {
            return;
        }
        let kind = SegmentKind::NonSyn {
            payload_len: segment.payload.len() as u32,
        };
        let options = parse(&segment.options, kind);
        let policy = self.policy();
        let local = self.keys[1];
        let now = self.at();
        match accept_third_ack::<HostSha256>(&options, offer, policy, local) {
            ThirdAck::Fallback => self.start_plain(),
            ThirdAck::Capable(open) => {
                let host = &mut self.hosts[1];
                let promised = host.tcp.promised.saturating_sub(1);
                let window = segment.window;
                let made =
                    Connection::passive(host.config, &open, window, promised, &host.shared, now);
                let Ok(conn) = made else { return };
                host.conn = Some(conn);
                host.tx = SubflowTx::passive(&open);
                let promised = host.tcp.promised;
                host.tcp = Tcp::established(segment.window);
                host.tcp.promised = promised;
                host.started = true;
                self.drain(1);
            }
        }
    }

    pub fn on_syn_ack(&mut self, segment: &Segment) {
        if self.hosts[0].started {
            return self.ack(0);
        }
        if self.hosts[0].syn_at.take().is_none() {
            return;
        }
        let options = parse(&segment.options, SegmentKind::SynAck);
        let answer = SynAckAnswer::read::<HostSha256>(&options);
        let host = &mut self.hosts[0];
        host.tcp = Tcp::established(segment.window);
        host.started = true;
        let plain_syns = host.plain_syns;
        self.post(
            0,
            Event::SynAck {
                sf: SF,
                answer,
                window: segment.window,
                plain_syns,
            },
        );
        self.ack(0);
    }

    pub fn send_syn(&mut self) {
        let host = &mut self.hosts[0];
        let segment = TxSegment {
            syn: true,
            syn_retransmits: host.syns,
            ..TxSegment::default()
        };
        let Stamp::Send(stamped) = host.tx.stamp(&segment, &host.shared) else {
            return;
        };
        host.syns += 1;
        if stamped.options.is_empty() {
            host.plain_syns += 1;
        }
        host.syn_at = Some(self.now + (1000 << host.syns.min(6)));
        let window = host.free().min(65535);
        host.tcp.promised = 1 + window;
        let syn = Segment {
            ssn: 0,
            ack: None,
            window,
            syn: true,
            fin: false,
            rst: false,
            payload: Vec::new(),
            options: self.handshake_options(&stamped.options),
        };
        self.carry(0, syn);
        if stamped.fell_back {
            self.post(0, Event::SynDropped { sf: SF });
        }
    }
}
