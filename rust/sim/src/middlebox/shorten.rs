// SPDX-License-Identifier: GPL-2.0

//! B46: data sequence numbers in 4 octets, as a peer may send them at any time.

use super::Passage;
use super::Stage;
use super::Ways;
use crate::segment::Segment;
use rust_mptcp::wire::parse;
use rust_mptcp::wire::Dss;
use rust_mptcp::wire::Mapping;
use rust_mptcp::wire::OptionSet;
use rust_mptcp::wire::SegmentKind;
use rust_mptcp::wire::OPTION_SPACE;

/// Gives every DSS its short form.
#[derive(Debug)]
pub struct Shorten {
    /// Which way.
    pub ways: Ways,
}

impl Stage for Shorten {
    fn name(&self) -> &'static str {
        "short-numbers"
    }

    fn pass(&mut self, passage: &mut Passage<'_>, from: u8, mut segment: Segment) {
        let kind = SegmentKind::NonSyn {
            payload_len: segment.payload.len(),
        };
        let dss = parse(segment.options.octets(), kind).dss;
        if let Some(dss) = dss.filter(|_| self.ways.include(from)) {
            let short = Dss {
                data_ack: dss.data_ack.map(|ack| ack.shortened()),
                map: dss.map.map(|map| Mapping {
                    dsn: map.dsn.shortened(),
                    ..map
                }),
            };
            let mut area = [0; OPTION_SPACE];
            let len = OptionSet::from(short).emit(&mut area).unwrap_or(0);
            segment.options.replace_dss(&area[..len]);
        }
        passage.forward(from, segment);
    }
}
