// SPDX-License-Identifier: GPL-2.0

//! What happened, for people: a line for each segment, and a capture for tshark.

use crate::pcap::Pcap;
use crate::segment::Segment;
use crate::segment::ACK;
use crate::segment::FIN;
use crate::segment::RST;
use crate::segment::SYN;
use crate::segment::WINDOW_SCALE;
use rust_mptcp::wire::parse;
use rust_mptcp::wire::AddAddr;
use rust_mptcp::wire::Join;
use rust_mptcp::wire::Prio;
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
    /// Lines name the path and the ports.
    several: bool,
    /// The first numbers of each subflow.
    isns: Vec<(Subflow, [Option<u32>; 2])>,
}

/// What tells subflows apart: the path, the client's port, the server's.
type Subflow = (usize, u16, u16);

impl Trace {
    /// Of a run over one path, or over several.
    pub fn new(several: bool) -> Self {
        Self {
            several,
            ..Self::default()
        }
    }

    /// A host sends.
    pub fn leaves(&mut self, now: u64, side: u8, segment: &Segment) {
        if segment.has(SYN) && segment.tag != u32::MAX || segment.has(SYN | ACK) {
            self.note_isn(side, segment);
        }
        if side == 0 {
            self.client.add(now, segment);
        }
        let arrow = if side == 0 { "C>   " } else { "   <S" };
        self.line(now, arrow, side, segment);
    }

    /// A host receives.
    pub fn arrives(&mut self, now: u64, side: u8, segment: &Segment) {
        if side == 0 {
            self.client.add(now, segment);
        }
        let arrow = if side == 0 { "C<   " } else { "   >S" };
        self.line(now, arrow, 1 - side, segment);
    }

    /// Something else happens.
    pub fn note(&mut self, now: u64, what: &str) {
        let _ = writeln!(self.text, "{} ---   {what}", clock(now));
    }

    fn note_isn(&mut self, sender: u8, segment: &Segment) {
        let subflow = subflow(sender, segment);
        let known = self.isns.iter().position(|(one, _)| *one == subflow);
        let at = known.unwrap_or_else(|| {
            self.isns.push((subflow, [None; 2]));
            self.isns.len() - 1
        });
        self.isns[at].1[usize::from(sender)].get_or_insert(segment.seq);
    }

    /// The first numbers of a segment's subflow; behind a NAT, those of the last one over its path.
    fn isns(&self, sender: u8, segment: &Segment) -> [Option<u32>; 2] {
        let subflow = subflow(sender, segment);
        let exact = self.isns.iter().find(|(one, _)| *one == subflow);
        let like = || self.isns.iter().rev().find(|(one, _)| one.0 == subflow.0);
        exact.or_else(like).map_or([None; 2], |(_, isns)| *isns)
    }

    fn line(&mut self, now: u64, arrow: &str, sender: u8, segment: &Segment) {
        let isns = self.isns(sender, segment);
        let relative = |number: u32, side: u8| match isns[usize::from(side)] {
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
        let place = if self.several {
            let (path, client, server) = subflow(sender, segment);
            format!("path {path} {client}-{server} ")
        } else {
            String::new()
        };
        let _ = writeln!(
            self.text,
            "{} {arrow} {place}{flags:<3} seq {:<8} len {:<6} ack {:<8} win {:<8}{}",
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

fn subflow(sender: u8, segment: &Segment) -> Subflow {
    let (src, dst) = (segment.src.port, segment.dst.port);
    let (client, server) = if sender == 0 { (src, dst) } else { (dst, src) };
    (segment.path(), client, server)
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
    if let Some(join) = options.join {
        text.push_str(&of_join(&join));
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
    if let Some(AddAddr { id, addr, port, .. }) = options.add_addr {
        let echo = options.add_addr.is_some_and(|one| one.is_echo());
        let what = if echo { "echo of ADD_ADDR" } else { "ADD_ADDR" };
        let port = port.map_or(String::new(), |port| format!(" port {port}"));
        let _ = write!(text, " {what} {} {addr}{port}", id.0);
    }
    if let Some(gone) = options.remove_addr {
        let ids: Vec<_> = gone.ids().map(|id| id.0).collect();
        let _ = write!(text, " REMOVE_ADDR {ids:?}");
    }
    if let Some(Prio { backup }) = options.prio {
        let what = if backup { "backup" } else { "regular" };
        let _ = write!(text, " MP_PRIO {what}");
    }
    text
}

fn of_join(join: &Join) -> String {
    let wants = |backup: bool| if backup { " backup" } else { "" };
    match join {
        Join::Syn {
            backup, id, token, ..
        } => format!(
            " MP_JOIN from {} token {:x}{}",
            id.0,
            token.0,
            wants(*backup)
        ),
        Join::SynAck { backup, id, .. } => format!(" MP_JOIN at {}{}", id.0, wants(*backup)),
        Join::Ack { .. } => " MP_JOIN proof".into(),
    }
}
