// SPDX-License-Identifier: GPL-2.0

//! What must hold at any time, and what must have come of a run.

use crate::endpoint::Endpoint;
use rust_mptcp::engine::ConnState;
use rust_mptcp::engine::FallbackReason;
use rust_mptcp::engine::Mib;

/// Handles that one engine may hold: `limits.rs` of the engine, both tables.
const HANDLES: u32 = 8192 + 1024 + 8;

/// Octets that may be held beside what the window allows: one mapping on each subflow.
const BESIDE: u64 = 65_536;

/// What must hold of one end by itself.
pub fn alone(endpoint: &Endpoint) -> Option<String> {
    let (handles, octets) = (endpoint.held.handles.get(), endpoint.held.octets.get());
    let subflows = endpoint.flows.len() as u64;
    let most = endpoint.host.receive_buffer + 65_535 + subflows * BESIDE;
    if handles > HANDLES || octets > most {
        return Some(format!(
            "side {} holds {octets} octets in {handles} handles",
            endpoint.side
        ));
    }
    let queued = endpoint.app.written - endpoint.record.released;
    (endpoint.record.engine && queued > endpoint.host.send_buffer)
        .then(|| format!("{queued} octets in the send queue"))
}

/// What must hold of both ends of a connection.
pub fn together(client: &Endpoint, server: &Endpoint) -> Option<String> {
    one_way(client, server).or_else(|| one_way(server, client))
}

/// Of the stream from `from` to `to`.
fn one_way(from: &Endpoint, to: &Endpoint) -> Option<String> {
    let (sent, got) = (&from.record, &to.record);
    let side = from.side;
    if got.altered || sent.altered || got.wrong {
        return None;
    }
    if got.delivered > from.app.written {
        let (delivered, written) = (got.delivered, from.app.written);
        return Some(format!(
            "side {side} wrote {written} octets, {delivered} were delivered"
        ));
    }
    let plain = sent.fell_back.is_some() || got.fell_back.is_some() || !got.engine;
    if !plain && !got.gone && sent.released > got.delivered {
        let (released, delivered) = (sent.released, got.delivered);
        return Some(format!(
            "side {side} freed {released} octets, {delivered} were delivered"
        ));
    }
    // A probe goes one octet beyond.
    let probes = u64::from(sent.probed);
    if !plain && !sent.attacked && sent.mapped > got.promised + probes {
        let (mapped, promised) = (sent.mapped, got.promised);
        return Some(format!(
            "side {side} sent up to {mapped}, with a window up to {promised}"
        ));
    }
    None
}

/// What is expected of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Expect {
    /// MPTCP to the end: every octet, no fallback, nobody accused of anything.
    Clean,
    /// Every octet and both ends, be it as plain TCP.
    Complete,
    /// No wrong octet, and an end; perhaps too early.
    Intact,
    /// An end.
    Ends,
}

/// Counters that accuse the peer or the path.
const ACCUSATIONS: [Mib; 8] = [
    Mib::DssReset,
    Mib::DSSNotMatching,
    Mib::DSSNoMatchTCP,
    Mib::DataCsumErr,
    Mib::MPRstTx,
    Mib::MPFailTx,
    Mib::MPFastcloseTx,
    Mib::FallbackFailed,
];

/// Why a run that has come to rest is not as it should be.
pub fn verdict(expect: Expect, ends: [Option<&Endpoint>; 2]) -> Option<String> {
    ends.iter()
        .flatten()
        .find_map(|end| at_rest(end))
        .or_else(|| match ends {
            [Some(client), Some(server)] if expect <= Expect::Complete => {
                complete(client, server).or_else(|| complete(server, client))
            }
            [Some(_), None] if expect <= Expect::Complete => {
                Some("no connection came to be".into())
            }
            _ => None,
        })
        .or_else(|| match expect {
            Expect::Clean => {
                let mute = ends[0].is_some_and(|client| client.app.plan.total == 0);
                ends.iter().flatten().find_map(|end| clean(end, mute))
            }
            _ => None,
        })
}

/// Every connection has come to its end, and holds nothing.
fn at_rest(end: &Endpoint) -> Option<String> {
    let side = end.side;
    let (state, mode) = (
        end.conn.as_ref().map(|conn| conn.state()),
        end.conn.as_ref().map(|conn| conn.mode()),
    );
    if !end.is_over() {
        return Some(format!(
            "side {side} is still there for no reason: {state:?}, {mode:?}, {:?}",
            end.app
        ));
    }
    let handles = end.held.handles.get();
    if handles > 0 {
        return Some(format!("side {side} leaks {handles} handles"));
    }
    let current = end.record.counted(Mib::MPCurrEstab);
    (current != 0).then(|| format!("side {side} leaves MPCurrEstab at {current}"))
}

/// Both streams arrived whole.
fn complete(end: &Endpoint, peer: &Endpoint) -> Option<String> {
    let side = end.side;
    let (got, written) = (end.record.delivered, peer.app.written);
    let error = end.record.error;
    let whole = got == written && written == peer.app.plan.total;
    if !whole || !end.app.at_end() || error.is_some() || end.app.gave_up {
        return Some(format!(
            "side {side} got {got} of {written} octets (planned: {}), end: {}, error: {error:?}, gave up: {}",
            peer.app.plan.total,
            end.app.eof,
            end.app.gave_up
        ));
    }
    None
}

/// MPTCP to the end, without a word against the peer.
///
/// Of a client without data the only segments with its keys may all be lost.
fn clean(end: &Endpoint, mute: bool) -> Option<String> {
    let (side, record) = (end.side, &end.record);
    match record.fell_back {
        // A network that loses every SYN with the option looks like one that drops the option.
        None | Some(FallbackReason::SynDropped) => {}
        Some(_) if mute => {}
        Some(reason) => return Some(format!("side {side} fell back: {reason:?}")),
    }
    if record.resets > 0 {
        return Some(format!("side {side} reset a subflow"));
    }
    if record.engine && record.state != Some(ConnState::Close) {
        return Some(format!("side {side} ended in {:?}", record.state));
    }
    let accused = ACCUSATIONS.iter().find(|one| record.counted(**one) != 0);
    accused.map(|counter| format!("side {side} counted {counter:?}"))
}
