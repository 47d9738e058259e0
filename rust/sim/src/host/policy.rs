// SPDX-License-Identifier: GPL-2.0

//! A host whose path manager decides: endpoints, and a policy for each connection.

use super::Host;
use crate::endpoint::Endpoint;
use crate::endpoint::Env;
use crate::segment::Addr;
use crate::world::PORT;
use rust_mptcp::engine::path_manager::policy::Place;
use rust_mptcp::engine::path_manager::Endpoint as Source;
use rust_mptcp::engine::path_manager::Endpoints;
use rust_mptcp::engine::path_manager::Policy;
use rust_mptcp::engine::path_manager::Step;
use rust_mptcp::engine::PathEvent;
use rust_mptcp::engine::SubflowId;
use rust_mptcp::wire::AddrId;
use std::net::IpAddr;

fn ip(addr: Addr) -> IpAddr {
    IpAddr::from(addr.ip.to_be_bytes())
}

fn octets(addr: IpAddr) -> u32 {
    match addr {
        IpAddr::V4(addr) => u32::from(addr),
        IpAddr::V6(_) => 0,
    }
}

/// The policy of a connection whose first subflow goes from `local` to `remote`.
fn new_policy(endpoint: &Endpoint) -> Option<Policy> {
    let first = endpoint.flows.first()?;
    let place = |addr: Addr| Place {
        id: AddrId::INITIAL,
        addr: ip(addr),
        port: std::num::NonZeroU16::new(addr.port),
    };
    let denies = endpoint.conn.as_ref()?.remote_denies_join();
    Some(Policy::new(place(first.local), place(first.remote), denies))
}

impl Host {
    /// Lets the path manager of a connection do what it wants to do now.
    pub fn manage(&mut self, env: &mut Env<'_>, index: usize) {
        let Some(endpoints) = self.managed.take() else {
            return;
        };
        let endpoint = &mut self.endpoints[index];
        if endpoint.policy.is_none() {
            endpoint.policy = new_policy(endpoint).map(Box::new);
        }
        let mut count = 0;
        while let Some(mut policy) = self.endpoints[index].policy.take() {
            for event in core::mem::take(&mut self.endpoints[index].path_events) {
                policy.on_event(&event, &endpoints);
            }
            let step = policy.poll(&endpoints);
            self.endpoints[index].policy = Some(policy);
            let Some(step) = step else {
                self.check_count(env, index);
                break;
            };
            self.take_step(env, index, &step, &endpoints);
            count += 1;
            if count > 200 {
                return env
                    .blame(|| format!("a path manager that does not come to rest: {step:?}"));
            }
        }
        self.managed = Some(endpoints);
    }

    /// A subflow that nobody knows any more must not keep the place of another.
    fn check_count(&self, env: &mut Env<'_>, index: usize) {
        let endpoint = &self.endpoints[index];
        if let (Some(conn), Some(policy)) = (&endpoint.conn, &endpoint.policy) {
            let (known, counted) = (conn.info().extra_subflows, policy.extra());
            env.require(counted <= known.into(), || {
                format!("a path manager counts {counted} subflows, and there are {known}")
            });
        }
    }

    fn take_step(&mut self, env: &mut Env<'_>, index: usize, step: &Step, table: &Endpoints) {
        let now = env.instant();
        let endpoint = &mut self.endpoints[index];
        let Some(conn) = endpoint.conn.as_mut() else {
            return;
        };
        match *step {
            Step::Announce(place) => {
                endpoint.record.paths.forget(place.id);
                let said = conn.announce(place.id, place.addr, place.port, now);
                if said.is_err() {
                    let (id, echoed) = (place.id, false);
                    let failed = PathEvent::AnnounceDone { id, echoed };
                    endpoint.path_events.push(failed);
                }
            }
            Step::Withdraw(gone) => {
                gone.ids().for_each(|id| endpoint.record.paths.forget(id));
                conn.withdraw(&gone, now);
            }
            Step::Close(sf) => {
                let _known = conn.close_subflow(sf, now);
            }
            Step::Prio { local, backup } => {
                let _open = conn.set_priority_from(local, backup, now);
            }
            Step::Open { from, to } => self.open(env, index, from, &to, table),
        }
        self.endpoints[index].drain(env);
    }

    /// Opens a subflow for the path manager, and tells it what came of that.
    fn open(
        &mut self,
        env: &mut Env<'_>,
        index: usize,
        from: Option<Source>,
        to: &Place,
        table: &Endpoints,
    ) {
        let remote = Addr {
            ip: octets(to.addr),
            port: to.port.map_or(PORT, |port| port.get()),
        };
        // Without an endpoint the route decides: the address on the same path.
        let own = u32::from_be_bytes([0, 0, 0, 3]);
        let source = from.map_or(remote.ip ^ own, |from| octets(from.addr));
        let local = Addr {
            ip: source,
            port: 42_000 + self.endpoints[index].flows.len() as u16,
        };
        let backup = from.is_some_and(|from| from.flags.0 & 4 != 0);
        // There is no way from one path to another.
        let reachable = local.ip >> 8 == remote.ip >> 8;
        let opened = reachable && self.join(env, index, local, remote, backup);
        let endpoint = &mut self.endpoints[index];
        let flow = endpoint.flows.last().filter(|_| opened);
        let id = super::local_addr(local, false).id;
        let came = flow.map(|flow| (flow.id, id));
        if opened && self.refused == Some(id) {
            endpoint.refuse_last(env);
        }
        // It hears as it happens, and of the answer last.
        let events = core::mem::take(&mut endpoint.path_events);
        if let (Some(policy), Some(conn)) = (&mut endpoint.policy, &endpoint.conn) {
            for event in events {
                policy.on_event(&event, table);
            }
            policy.opened(came.filter(|(sf, _)| conn.has_subflow(*sf)));
        }
    }

    /// Whether the path manager takes one more subflow of the peer.
    pub(super) fn lets_join(&self, index: usize) -> bool {
        match (&self.managed, &self.endpoints[index].policy) {
            (Some(endpoints), Some(policy)) => policy.allows_join(endpoints),
            _ => true,
        }
    }

    /// The peer has opened a subflow.
    pub(super) fn note_join(&mut self, index: usize, sf: SubflowId, local: Addr) {
        let id = super::local_addr(local, false).id;
        if let Some(policy) = self.endpoints[index].policy.as_mut() {
            let _kept = policy.joined(sf, id);
        }
    }
}
