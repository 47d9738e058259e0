// SPDX-License-Identifier: GPL-2.0

//! What must have come of a run over several paths.

use super::Paths;
use crate::app::Plan;
use crate::endpoint::Endpoint as End;
use crate::endpoint::Flow;
use crate::host::local_addr;
use crate::middlebox::proof::Proof;
use crate::oracle;
use crate::oracle::Expect;
use crate::world::World;
use crate::world::CLIENT_PORT;
use crate::world::PORT;
use rust_mptcp::engine::FallbackReason;
use rust_mptcp::engine::Mib;

/// What was promised of a run.
pub struct Terms {
    /// What the client's program does.
    pub plan: Plan,
    expect: Expect,
    survivor: Option<u8>,
    unproved: Vec<(u8, Proof)>,
    memory: bool,
}

impl Paths {
    /// What is promised of it.
    pub fn terms(&self) -> Terms {
        Terms {
            plan: self.plans[0],
            expect: self.expect,
            survivor: self.survivor,
            unproved: self.unproved.clone(),
            memory: self.memory,
        }
    }
}

impl Terms {
    /// What is wrong with a run that has come to its end.
    pub fn verdict(&self, world: &World) -> Option<String> {
        let ends = [world.end(0, 0), world.end(0, 1)];
        // connect(2) may have failed for want of memory.
        if self.memory && ends[0].is_some_and(|client| client.flows.is_empty()) {
            return None;
        }
        let expect = self.expect_of(ends);
        let fault = oracle::verdict(expect.max(Expect::Complete), ends);
        let ends = ends.into_iter().flatten();
        let fault = fault.or_else(|| ends.clone().find_map(|end| self.unproved(end)));
        let fair = expect == Expect::Clean;
        let mute = self.plan.total == 0;
        fault.or_else(|| {
            ends.clone()
                .filter(|_| fair)
                .find_map(|end| accuses(end, mute))
        })
    }

    /// What can be expected now that it is known what was joined.
    fn expect_of(&self, ends: [Option<&End>; 2]) -> Expect {
        let Some(path) = self.survivor.filter(|path| *path > 0) else {
            return self.expect;
        };
        // One side may have closed its direction before that path was joined.
        // Or both have joined it at once, and each refused the other.
        let refused = |end: &&End| end.record.counted(Mib::MPJoinRejected) > 0;
        let all = ends
            .iter()
            .flatten()
            .all(|end| joined_over(end, path, |_| true));
        if !all || ends.iter().flatten().any(refused) {
            return Expect::Intact;
        }
        self.expect
    }

    /// A subflow over a path that lets no proof through.
    fn unproved(&self, end: &End) -> Option<String> {
        // Who joins is content with the proof of the SYN/ACK.
        let wrong = |(path, proof): &&(u8, Proof)| match proof {
            Proof::SynAck => joined_over(end, *path, |_| true),
            Proof::ThirdAck => joined_over(end, *path, |flow| !is_ours(flow)),
        };
        let (path, proof) = self.unproved.iter().find(wrong)?;
        let side = end.side;
        Some(format!(
            "side {side} took a subflow over path {path} with a wrong {proof:?}"
        ))
    }
}

/// Whether we opened it: joins come to the ports of the first subflow.
fn is_ours(flow: &Flow) -> bool {
    flow.local.port != PORT && flow.local.port != CLIENT_PORT
}

/// Whether a further subflow was established over a path.
fn joined_over(end: &End, path: u8, which: impl Fn(&Flow) -> bool) -> bool {
    let over = |flow: &Flow| local_addr(flow.local, false).id.0 == path;
    let mut flows = end.flows.iter();
    flows.any(|flow| over(flow) && which(flow) && end.record.paths.joined.contains(&flow.id))
}

/// Whether an end accuses its peer or the path of anything. A join may well come too late.
///
/// Of a client without data the only segments with its keys may all be lost: it falls back. And a
/// network that loses every SYN with the option looks like one that drops the option.
fn accuses(end: &End, mute: bool) -> Option<String> {
    let counters = [
        Mib::DssReset,
        Mib::DSSNotMatching,
        Mib::DSSNoMatchTCP,
        Mib::DataCsumErr,
        Mib::MPFailTx,
        Mib::MPFastcloseTx,
        Mib::FallbackFailed,
        Mib::MPJoinAckHMacFailure,
        Mib::MPJoinSynAckHMacFailure,
    ];
    let accused = counters.iter().find(|one| end.record.counted(**one) != 0);
    let fell_back = end
        .record
        .fell_back
        .filter(|reason| !mute && *reason != FallbackReason::SynDropped)
        .map(|reason| format!("fell back: {reason:?}"));
    fell_back.or_else(|| accused.map(|one| format!("side {} counted {one:?}", end.side)))
}
