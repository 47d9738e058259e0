// SPDX-License-Identifier: GPL-2.0

//! What happened, for people: a line for each segment, and a capture for tshark.

use crate::pcap::Pcap;
use crate::segment::Segment;
use crate::segment::ACK;
use crate::segment::FIN;
use crate::segment::RST;
use crate::segment::SYN;
use crate::segment::WINDOW_SCALE;
use crate::world::PORT;
use rust_mptcp::wire::parse;
use rust_mptcp::wire::SegmentKind;
use std::fmt::Write as _;
use std::io;
use std::path::Path;

/// Writes down what happens.
#[derive(Default)]
pub struct Trace {
    /// Lines.
    pub text: String,
    /// The client's network card.
    pub client: Pcap,
    isns: [Option<u32>; 2],
}

impl Trace {
    /// A host sends.
    pub fn leaves(&mut self, now: u64, side: u8, segment: &Segment) {
        if segment.has(SYN) && segment.tag != u32::MAX || segment.has(SYN | ACK) {
            let isn = if segment.src.port == PORT { 1 } else { 0 };
            self.isns[isn].get_or_insert(segment.seq);
        }
        if side == 0 {
            self.client.add(now, segment);
        }
        let arrow = if side == 0 { "C>   " } else { "   <S" };
        self.line(now, arrow, segment);
    }

    /// A host receives.
    pub fn arrives(&mut self, now: u64, side: u8, segment: &Segment) {
        if side == 0 {
            self.client.add(now, segment);
        }
        let arrow = if side == 0 { "C<   " } else { "   >S" };
        self.line(now, arrow, segment);
    }

    /// Something else happens.
    pub fn note(&mut self, now: u64, what: &str) {
        let _ = writeln!(self.text, "{} ---   {what}", clock(now));
    }

    fn line(&mut self, now: u64, arrow: &str, segment: &Segment) {
        let sender = usize::from(segment.src.port == PORT);
        let relative = |number: u32, side: usize| match self.isns[side] {
            Some(isn) => number.wrapping_sub(isn),
            None => number,
        };
        let mut flags = String::new();
        for (bit, letter) in [(SYN, 'S'), (FIN, 'F'), (RST, 'R'), (ACK, '.')] {
            if segment.has(bit) {
                flags.push(letter);
            }
        }
        let kind = match (segment.has(SYN), segment.has(ACK)) {
            (true, false) => SegmentKind::Syn,
            (true, true) => SegmentKind::SynAck,
            _ if segment.has(RST) => SegmentKind::Rst,
            _ => SegmentKind::NonSyn {
                payload_len: segment.payload.len(),
            },
        };
        let scale = if segment.has(SYN) { 0 } else { WINDOW_SCALE };
        let _ = writeln!(
            self.text,
            "{} {arrow} {flags:<3} seq {:<8} len {:<6} ack {:<8} win {:<8}{}",
            clock(now),
            relative(segment.seq, sender),
            segment.payload.len(),
            relative(segment.ack, 1 - sender),
            u32::from(segment.window) << scale,
            options(segment, kind)
        );
    }

    /// Writes the capture to a file.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        std::fs::write(path, self.client.octets())
    }
}

fn clock(now: u64) -> String {
    format!("{:>6}.{:06}", now / 1_000_000, now % 1_000_000)
}

/// The MPTCP options in a few words.
fn options(segment: &Segment, kind: SegmentKind) -> String {
    let options = parse(segment.options.octets(), kind);
    let mut text = String::new();
    if let Some(dss) = options.dss {
        text.push_str(" DSS");
        if let Some(ack) = dss.data_ack {
            let _ = write!(text, " ack {ack:x?}");
        }
        if let Some(map) = dss.map {
            let _ = write!(
                text,
                " map {:x?} at {} len {}{}{}",
                map.dsn,
                map.ssn.0,
                map.len,
                if map.data_fin { " DATA_FIN" } else { "" },
                if map.checksum.is_some() { " sum" } else { "" }
            );
        }
    }
    if options.capable.is_some() {
        text.push_str(" MP_CAPABLE");
    }
    if options.join.is_some() {
        text.push_str(" MP_JOIN");
    }
    if let Some(fail) = options.fail {
        let _ = write!(text, " MP_FAIL {:x?}", fail.dsn);
    }
    if options.fast_close.is_some() {
        text.push_str(" MP_FASTCLOSE");
    }
    if let Some(reset) = options.reset {
        let _ = write!(text, " MP_TCPRST reason {}", reset.reason.0);
    }
    if options.add_addr.is_some() || options.remove_addr.is_some() || options.prio.is_some() {
        text.push_str(" (address or priority)");
    }
    text
}
