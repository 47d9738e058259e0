// SPDX-License-Identifier: GPL-2.0

//! Further subflows at a host: joins that it opens and joins that it answers.
//!
//! The number of an address is that of its path: path 0 is the one of the first subflow.

use super::Half;
use super::Host;
use super::Pair;
use super::Touched;
use crate::endpoint::has_timestamps;
use crate::endpoint::Env;
use crate::endpoint::Flow;
use crate::keys::SimSha256;
use crate::segment::Addr;
use crate::segment::Segment;
use crate::segment::WINDOW_SCALE;
use crate::tcp::Phase;
use crate::tcp::Tcp;
use rust_mptcp::engine::join::answer_syn;
use rust_mptcp::engine::join::syn_ack_options;
use rust_mptcp::engine::join::Door;
use rust_mptcp::engine::join::HalfJoin;
use rust_mptcp::engine::join::JoinSyn;
use rust_mptcp::engine::join::LocalAddr;
use rust_mptcp::engine::JoinAck;
use rust_mptcp::engine::SubflowId;
use rust_mptcp::engine::SubflowTx;
use rust_mptcp::wire::parse;
use rust_mptcp::wire::AddrId;
use rust_mptcp::wire::Nonce;
use rust_mptcp::wire::OptionSet;
use rust_mptcp::wire::Reset;
use rust_mptcp::wire::ResetReason;
use rust_mptcp::wire::SegmentKind;

/// A join that a listener has answered.
pub(super) struct Joining {
    half: HalfJoin,
    nonce: Nonce,
    endpoint: usize,
}

/// What the host says of an address of its own.
pub fn local_addr(addr: Addr, backup: bool) -> LocalAddr {
    LocalAddr {
        id: AddrId(addr.ip.to_be_bytes()[2]),
        backup,
    }
}

impl Host {
    /// Opens a further subflow of a connection. False when the connection does not want one.
    pub fn join(
        &mut self,
        env: &mut Env<'_>,
        index: usize,
        local: Addr,
        remote: Addr,
        backup: bool,
    ) -> bool {
        let endpoint = &mut self.endpoints[index];
        let Some(flow) = endpoint.join(env, local, remote, backup) else {
            return false;
        };
        self.table
            .insert((local, remote), (index as u32, flow as u32));
        true
    }

    /// A SYN with `MP_JOIN`.
    pub(super) fn on_join_syn(
        &mut self,
        env: &mut Env<'_>,
        pair: Pair,
        segment: &Segment,
        syn: &JoinSyn,
    ) -> Touched {
        let found = self.endpoints.iter().enumerate().find_map(|(at, end)| {
            let conn = end.conn.as_ref()?;
            let keys = conn.join_keys()?;
            (conn.info().token == syn.token).then_some((at, keys))
        });
        let keys = found.map(|(_, keys)| keys);
        let local = local_addr(pair.0, self.backups);
        let answer = answer_syn(syn, keys, Door::Same, Some(local), None);
        let (half, endpoint) = match (answer.verdict, found) {
            (Ok(half), Some((endpoint, _))) => (half, endpoint),
            (verdict, _) => {
                let reason = verdict.err().map(|reset| reset.reason);
                self.refuse(env, segment, reason);
                return Touched::Nothing;
            }
        };
        for counter in answer.counted() {
            self.endpoints[endpoint].record.count(counter, 1);
        }
        let half = Half {
            local_isn: env.rng.bits() as u32,
            remote_isn: segment.seq,
            offer: None,
            join: Some(Joining {
                half,
                nonce: Nonce::new(env.rng.bits() as u32),
                endpoint,
            }),
            keys: self.new_keys(env),
            timestamps: has_timestamps(&segment.options),
            window: self.config.receive_buffer.min(65535) as u32,
            sent: 0,
            due: 0,
        };
        self.half.insert(pair, half);
        self.order.push_back(pair);
        self.send_syn_ack(env, pair)
    }

    /// What the SYN/ACK of a join says; nothing once the connection is gone.
    pub(super) fn join_answer(&self, joining: &Joining) -> OptionSet {
        let conn = self.endpoints[joining.endpoint].conn.as_ref();
        let keys = conn.and_then(|conn| conn.join_keys());
        keys.map_or_else(OptionSet::default, |keys| {
            syn_ack_options::<SimSha256>(&joining.half, &keys, joining.nonce)
        })
    }

    /// The third ACK of a join.
    pub(super) fn third_of_join(
        &mut self,
        env: &mut Env<'_>,
        pair: Pair,
        segment: &Segment,
    ) -> Touched {
        let Some(half) = self.half.remove(&pair) else {
            return Touched::Nothing;
        };
        let Some(joining) = &half.join else {
            return Touched::Nothing;
        };
        let index = joining.endpoint;
        let allowed = self.lets_join(index);
        let endpoint = &mut self.endpoints[joining.endpoint];
        let payload_len = segment.payload.len();
        let options = parse(
            segment.options.octets(),
            SegmentKind::NonSyn { payload_len },
        );
        let ack = JoinAck {
            half: joining.half,
            nonce: joining.nonce,
            door: Door::Same,
            allowed,
            options: &options,
        };
        let now = env.instant();
        let taken = match endpoint.conn.as_mut() {
            Some(conn) => conn.accept_join(&ack, now).map_err(|no| {
                if let Some(counter) = no.counter {
                    endpoint.record.count(counter, 1);
                }
                no.reset
            }),
            None => Err(Reset {
                reason: ResetReason::MPTCP,
                transient: false,
            }),
        };
        let (sf, tx) = match taken {
            Ok(made) => made,
            Err(reset) => {
                self.refuse(env, segment, Some(reset.reason));
                return Touched::Nothing;
            }
        };
        let mut flow = new_flow(segment, pair, &half, (sf, tx), self.config.mss);
        flow.tcp.send_buffer = self.config.tcp_buffer;
        let place = endpoint.flows.len();
        endpoint.flows.push(flow);
        self.table.insert(pair, (index as u32, place as u32));
        self.note_join(index, sf, pair.0);
        let endpoint = &mut self.endpoints[index];
        endpoint.drain(env);
        endpoint.arrive(env, place, segment);
        Touched::Endpoint(index)
    }
}

/// A subflow that the third ACK of a join has completed.
fn new_flow(
    segment: &Segment,
    pair: Pair,
    half: &Half,
    (sf, tx): (SubflowId, SubflowTx),
    mss: u32,
) -> Flow {
    let window = u32::from(segment.window) << WINDOW_SCALE;
    let mut tcp = Tcp::new(Phase::Open, window, mss);
    tcp.rx.promise(half.window);
    let mut flow = Flow::new(sf, pair.0, pair.1, tx, tcp);
    flow.local_isn = half.local_isn;
    flow.remote_isn = half.remote_isn;
    flow.timestamps = half.timestamps;
    flow
}
