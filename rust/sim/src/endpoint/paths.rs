// SPDX-License-Identifier: GPL-2.0

//! Further subflows of one end, and what the engine says of them.

use super::Endpoint;
use super::Env;
use super::Flow;
use crate::host::local_addr;
use crate::paths::Op;
use crate::segment::Addr;
use crate::tcp::Phase;
use crate::tcp::Tcp;
use crate::tcp::MILLI;
use crate::world::address;
use rust_mptcp::engine::Duration;
use rust_mptcp::engine::Ending;
use rust_mptcp::engine::Event;
use rust_mptcp::engine::JoinRequest;
use rust_mptcp::engine::Mib;
use rust_mptcp::engine::Mode;
use rust_mptcp::engine::PathEvent;
use rust_mptcp::wire::AddAddr;
use rust_mptcp::wire::AddrId;
use rust_mptcp::wire::Nonce;
use rust_mptcp::wire::Options;
use rust_mptcp::wire::RemoveAddr;
use std::net::IpAddr;

impl Endpoint {
    /// Opens a further subflow; gives its place, or nothing when the connection does not want it.
    pub fn join(
        &mut self,
        env: &mut Env<'_>,
        local: Addr,
        remote: Addr,
        backup: bool,
    ) -> Option<usize> {
        let request = JoinRequest {
            local: local_addr(local, backup),
            remote_id: local_addr(remote, false).id,
            nonce: Nonce::new(env.rng.bits() as u32),
        };
        let now = env.instant();
        let (sf, tx) = self.conn.as_mut()?.join(&request, now).ok()?;
        let tcp = Tcp::new(Phase::SynSent, 0, self.host.mss);
        let mut flow = Flow::new(sf, local, remote, tx, tcp);
        flow.local_isn = env.rng.bits() as u32;
        let place = self.flows.len();
        self.flows.push(flow);
        self.drain(env);
        self.send_syn(env, place);
        // As the shell does when TCP has sent it.
        self.record.count(Mib::MPJoinSynTx, 1);
        Some(place)
    }

    /// Has the subflow that was just begun refused, as if its SYN had been answered on the spot.
    pub fn refuse_last(&mut self, env: &mut Env<'_>) {
        env.out.pop();
        let last = self.flows.len() - 1;
        self.tcp_gone(env, last, Ending::Refused, Phase::Dead);
        self.drain(env);
    }

    /// Does what a path manager wants. False when there is nothing yet to do it to.
    pub fn manage(&mut self, env: &mut Env<'_>, op: Op) -> bool {
        let now = env.instant();
        let over = |flow: &&Flow, path: u8| local_addr(flow.local, false).id.0 == path;
        let flow_over = |path: u8| {
            let mut flows = self.flows.iter().filter(|flow| flow.tcp.is_open());
            flows.find(|flow| over(flow, path)).map(|flow| flow.id)
        };
        let (Op::Join { path, .. }
        | Op::Announce { path, .. }
        | Op::Withdraw { path, .. }
        | Op::Prio { path, .. }
        | Op::Close { path, .. }
        | Op::LinkDown { path, .. }) = op;
        let sf = flow_over(path);
        let Some(conn) = self.conn.as_mut() else {
            return false;
        };
        let done = match op {
            Op::Join { .. } => false,
            Op::Announce { side, path } => {
                self.record.paths.forget(AddrId(path));
                let addr = IpAddr::from(address(side, path).to_be_bytes());
                conn.announce(AddrId(path), addr, None, now).is_ok()
            }
            Op::Withdraw { path, .. } => {
                if let Some(gone) = RemoveAddr::new(&[AddrId(path)]) {
                    self.record.paths.forget(AddrId(path));
                    conn.withdraw(&gone, now);
                }
                sf.is_none_or(|sf| conn.close_subflow(sf, now))
            }
            Op::Close { .. } => sf.is_some_and(|sf| conn.close_subflow(sf, now)),
            Op::Prio { backup, .. } => sf.is_some_and(|sf| conn.set_priority(sf, backup, now)),
            Op::LinkDown { .. } => {
                if let Some(sf) = sf {
                    conn.handle(&self.shared, Event::Link { sf, up: false }, now);
                }
                true
            }
        };
        self.drain(env);
        done
    }

    /// RFC 8684 3.3.1: what was told on one subflow counts on all, in both directions.
    pub(super) fn share_windows(&mut self, index: usize) {
        let several = self.conn.as_ref().filter(|conn| conn.wants_measurements());
        let Some(conn) = several else {
            return;
        };
        let tcp = &mut self.flows[index].tcp;
        tcp.rx.promise(self.shared.promised());
        tcp.edge = tcp.edge.latest(tcp.una.advance(conn.peer_window()));
    }

    /// Tells the engine what TCP has measured, if that is of use.
    pub(super) fn tell_measured(&mut self, env: &mut Env<'_>, index: usize) {
        if !self
            .conn
            .as_ref()
            .is_some_and(|conn| conn.wants_measurements())
        {
            return;
        }
        let Flow { id: sf, tcp, .. } = &self.flows[index];
        let event = Event::Measured {
            sf: *sf,
            stats: tcp.stats(),
            rto: Duration::from_millis(tcp.rto() / MILLI),
        };
        self.post(env, event);
    }

    /// RFC 8684 3.4.1: what was echoed is not said again. One more may have been on its way.
    pub(super) fn audit_announcement(&mut self, env: &mut Env<'_>, said: &AddAddr) {
        let echo = said.echo();
        let mut echoes = self.record.paths.echoes.iter_mut();
        let known = echoes.find(|(one, _)| !said.is_echo() && *one == echo);
        let Some((_, again)) = known else {
            return;
        };
        *again += 1;
        let often = *again > 1 && !self.record.attacked;
        env.require(!often, || {
            format!("address {} is announced after its echo", said.id.0)
        });
    }

    /// Notes what a segment said of addresses, and that the engine has heard it.
    pub(super) fn note_addresses(&mut self, env: &mut Env<'_>, options: &Options) {
        if let Some(echo) = options.add_addr.filter(AddAddr::is_echo) {
            self.record.paths.echoes.push((echo, 0));
        }
        let (Some(gone), Some(conn)) = (options.remove_addr, &self.conn) else {
            return;
        };
        if self.record.attacked || conn.mode() != Mode::Verified {
            return;
        }
        // RFC 8684 3.4.2: all subflows to an address that the peer has lost are closed.
        let lost = |flow: &&Flow| gone.ids().any(|id| id == local_addr(flow.remote, false).id);
        let left = self.flows.iter().filter(lost);
        let left = left.filter(|flow| conn.is_open(flow.id)).count();
        env.require(left == 0, || {
            format!("{left} subflows to addresses that were withdrawn")
        });
    }

    /// Notes what the engine tells a path manager, and checks that it makes sense.
    pub(super) fn note_path(&mut self, env: &mut Env<'_>, event: PathEvent) {
        if self.managed {
            self.path_events.push(event);
        }
        let paths = &mut self.record.paths;
        match event {
            PathEvent::Established => {
                let again = core::mem::replace(&mut paths.established, true);
                env.require(!again, || "established twice".into());
            }
            PathEvent::SubflowEstablished { sf } => {
                let again = paths.joined.contains(&sf);
                paths.joined.push(sf);
                env.require(!again, || format!("{sf:?} joined twice"));
            }
            PathEvent::Announced { id, .. } => paths.announced.push(id),
            PathEvent::Removed { id } => paths.removed.push(id),
            PathEvent::Priority { .. } => paths.priorities += 1,
            PathEvent::AnnounceDone { echoed, .. } => paths.echoed += u32::from(echoed),
            PathEvent::SubflowClosed {
                sf,
                established,
                ending,
                ..
            } => {
                let died = matches!(ending, Ending::Reset | Ending::TimedOut);
                paths.failed += u32::from(died && established);
                let again = paths.closed.contains(&sf);
                paths.closed.push(sf);
                let joined = paths.joined.contains(&sf) || sf.0 == 1;
                env.require(!again && joined == established, || {
                    format!("{sf:?} closed; twice: {again}, joined: {joined}, {established}")
                });
            }
        }
    }
}
