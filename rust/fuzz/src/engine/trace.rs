// SPDX-License-Identifier: GPL-2.0

//! With `FUZZ_TRACE` in the environment: what happens, a line an event, on standard error.

use super::payload::Places;
use rust_mptcp::engine::{Connection, Event};

/// Whether to print.
pub fn wanted() -> bool {
    std::env::var_os("FUZZ_TRACE").is_some()
}

/// Prints an event that the engine is about to get.
pub fn event(now: u64, conn: &Connection<Places>, event: &Event<'_, Places>) {
    let what = match event {
        Event::SynDropped { .. } => "SynDropped".into(),
        Event::SynAck {
            answer, plain_syns, ..
        } => format!("SynAck {answer:?} plain_syns={plain_syns}"),
        Event::SimultaneousOpen { .. } => "SimultaneousOpen".into(),
        Event::Segment {
            segment, options, ..
        } => format!(
            "Segment {segment:?} {:?} {:?}",
            options.taken,
            options.dss.unwrap_or_default()
        ),
        Event::Data {
            ssn,
            payload,
            mapping,
            ..
        } => format!("Data {ssn:?} {payload:?} {mapping:?}"),
        Event::SynData { payload } => format!("SynData {payload:?}"),
        Event::PeerKeys { keys, .. } => format!("PeerKeys {keys:?}"),
        Event::SubflowAcked { una, .. } => format!("SubflowAcked {una:?}"),
        Event::SubflowFin { .. } => "SubflowFin".into(),
        Event::SubflowClosed { ending, .. } => format!("SubflowClosed {ending:?}"),
        Event::Transmitted { dsn, len, ssn, .. } => format!("Transmitted {dsn:?}+{len} at {ssn:?}"),
        Event::AppWrote { len } => format!("AppWrote {len}"),
        Event::ReceiveSpace { free } => format!("ReceiveSpace {free}"),
        Event::ShutdownWrite => "ShutdownWrite".into(),
        Event::Close { unread } => format!("Close unread={unread}"),
        Event::Abort => "Abort".into(),
        Event::Timer => "Timer".into(),
        // Of further subflows, which there are none of.
        _ => "?".into(),
    };
    eprintln!("{now} ms, {:?} {:?}: {what}", conn.mode(), conn.state());
}
