// SPDX-License-Identifier: GPL-2.0

//! The first subflow of a client: SYN and SYN/ACK.

use super::Endpoint;
use super::Env;
use super::Flow;
use crate::keys::SimSha256;
use crate::segment::Addr;
use crate::segment::Area;
use crate::segment::Segment;
use crate::segment::ACK;
use crate::segment::SYN;
use crate::tcp::Phase;
use crate::tcp::Tcp;
use crate::tcp::MILLI;
use crate::tcp::SECOND;
use rust_mptcp::engine::Connection;
use rust_mptcp::engine::Duration;
use rust_mptcp::engine::Ending;
use rust_mptcp::engine::Event;
use rust_mptcp::engine::KeyMaterial;
use rust_mptcp::engine::RxSegment;
use rust_mptcp::engine::Stamp;
use rust_mptcp::engine::SubflowId;
use rust_mptcp::engine::SubflowTx;
use rust_mptcp::engine::SynAckAnswer;
use rust_mptcp::engine::TxSegment;
use rust_mptcp::wire::parse;
use rust_mptcp::wire::space;
use rust_mptcp::wire::walk::Walk;
use rust_mptcp::wire::walk::TIMESTAMPS;
use rust_mptcp::wire::OptionSet;
use rust_mptcp::wire::SegmentKind;

/// SYNs after which a client gives up.
const SYNS: u8 = 12;

/// The options of a SYN or SYN/ACK.
pub fn handshake_options(want: &OptionSet, timestamps: bool) -> Area {
    let with = [
        2, 4, 5, 0xB4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7,
    ];
    let without = [2, 4, 5, 0xB4, 1, 1, 4, 2, 1, 3, 3, 7];
    let existing: &[u8] = if timestamps { &with } else { &without };
    let fitted = space::fit(existing, want);
    Area::new(fitted.area, fitted.len)
}

/// Whether the options of a SYN say that timestamps are understood.
pub fn has_timestamps(options: &Area) -> bool {
    Walk::new(options.octets()).any(|item| item.kind == TIMESTAMPS)
}

impl Endpoint {
    /// Opens a connection from `local` to `remote`.
    pub fn connect(&mut self, env: &mut Env<'_>, local: Addr, remote: Addr, keys: KeyMaterial) {
        let config = self.host.engine;
        self.record.engine = true;
        self.app.progress_at = env.now;
        let made = Connection::active(config, keys, &self.shared, env.instant());
        let Ok(conn) = made else {
            // connect(2) fails for want of memory.
            self.app.closed = true;
            self.record.gone = true;
            return;
        };
        self.conn = Some(conn);
        let tx = SubflowTx::active(&config, keys);
        let tcp = Tcp::new(Phase::SynSent, 0, self.host.mss);
        let mut flow = Flow::new(SubflowId::FIRST, local, remote, tx, tcp);
        flow.local_isn = env.rng.bits() as u32;
        self.flows.push(flow);
        self.drain(env);
        self.send_syn(env, 0);
    }

    /// Sends the SYN, for the first time or again.
    pub(super) fn send_syn(&mut self, env: &mut Env<'_>, index: usize) {
        let window = self.free().min(65535);
        let flow = &mut self.flows[index];
        if flow.syns.0 >= SYNS {
            return self.tcp_gone(env, index, Ending::TimedOut, Phase::Dead);
        }
        let wanted = TxSegment {
            syn: true,
            syn_retransmits: flow.syns.0,
            ..TxSegment::default()
        };
        let Stamp::Send(stamped) = flow.tx.stamp(&wanted, &self.shared) else {
            return;
        };
        flow.syns.0 += 1;
        flow.syns.1 += u8::from(stamped.options.is_empty());
        flow.syn_at = Some(env.now + (SECOND << (flow.syns.0 - 1).min(5)));
        flow.tcp.rx.promise(window);
        let syn = Segment {
            src: flow.local,
            dst: flow.remote,
            seq: flow.local_isn,
            flags: SYN,
            window: window as u16,
            options: handshake_options(&stamped.options, true),
            tag: self.tag,
            ..Segment::default()
        };
        let sf = flow.id;
        self.record.segments += 1;
        env.out.push(syn);
        if stamped.fell_back {
            self.post(env, Event::SynDropped { sf });
        }
    }

    /// What arrives before the handshake is over.
    pub(super) fn arrive_opening(&mut self, env: &mut Env<'_>, index: usize, segment: &Segment) {
        let flow = &mut self.flows[index];
        let expected = flow.local_isn.wrapping_add(1);
        if segment.ack != expected || !segment.has(ACK) {
            return;
        }
        if segment.has(crate::segment::RST) {
            self.show_refusal(env, index, segment);
            return self.tcp_gone(env, index, Ending::Refused, Phase::Dead);
        }
        if !segment.has(SYN) {
            return;
        }
        // RFC 6298 3: of a SYN that went out again nobody knows which one was answered.
        let first = flow.syn_at.take().filter(|_| flow.syns.0 == 1);
        let srtt = first.map(|again| Duration::from_millis((env.now + SECOND - again) / MILLI));
        flow.remote_isn = segment.seq;
        flow.timestamps = has_timestamps(&segment.options);
        let promised = flow.tcp.rx.promised;
        flow.tcp = Tcp::new(Phase::Open, u32::from(segment.window), self.host.mss);
        flow.tcp.send_buffer = self.host.tcp_buffer;
        flow.tcp.rx.promised = promised;
        let (sf, plain_syns) = (flow.id, flow.syns.1);
        let options = parse(segment.options.octets(), SegmentKind::SynAck);
        if sf != SubflowId::FIRST {
            let event = Event::JoinSynAck {
                sf,
                options: &options,
                srtt,
            };
            self.post(env, event);
            return self.ack(env, index);
        }
        let answer = SynAckAnswer::read::<SimSha256>(&options);
        let event = Event::SynAck {
            sf,
            answer,
            window: u32::from(segment.window),
            plain_syns,
        };
        // What the SYN promised counts for the data as well.
        self.record.promised = u64::from(self.free().min(65535));
        self.app.progress_at = env.now;
        self.post(env, event);
        self.ack(env, index);
    }

    /// Shows the engine what a RST says that answers a SYN.
    fn show_refusal(&mut self, env: &mut Env<'_>, index: usize, segment: &Segment) {
        let sf = self.flows[index].id;
        let options = parse(segment.options.octets(), SegmentKind::Rst);
        let segment = RxSegment {
            rst: true,
            ..RxSegment::default()
        };
        self.post(
            env,
            Event::Segment {
                sf,
                segment,
                options: &options,
            },
        );
    }
}
