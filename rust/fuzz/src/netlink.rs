// SPDX-License-Identifier: GPL-2.0

//! Target `netlink`: what programs ask of path managers, one request after the other, on the endpoints of a namespace and
//! with connections in it.
//!
//! The octets are requests, well formed or not, and what happens to the connections meanwhile. Each request is decoded and
//! carried out as the shell does; what must hold afterwards is at the end of this file.

use super::input::Input;
use rust_mptcp::engine::mem::refuse;
use rust_mptcp::engine::path_manager::command::{
    attr, decode, decode_list, family, number, part, Command, Refusal, Wish, LIMIT_MAX,
};
use rust_mptcp::engine::path_manager::policy::Place;
use rust_mptcp::engine::path_manager::{
    Endpoint, EndpointError, Endpoints, Flags, Limits, Policy, Step, UserAddresses,
};
use rust_mptcp::engine::{Ending, Ends, PathEvent, SubflowId};
use rust_mptcp::wire::AddrId;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::num::NonZeroU16;

/// Steps that one pass of a policy may take: each endpoint with each address of the peer, and more.
const STEPS: usize = 5_000;

/// Subflows of one connection at once.
const FLOWS: usize = 80;

/// Runs requests until there are no octets left.
pub fn netlink(octets: &[u8]) {
    refuse::nothing();
    let mut input = Input::new(octets);
    let mut world = World::new();
    while !input.is_empty() {
        match input.u8() % 16 {
            0..=8 => {
                let (command, attributes) = request(&mut input);
                world.ask(command, &attributes, &mut input);
            }
            9 => {
                let (command, len) = (input.u8(), usize::from(input.u8()));
                let attributes = input.octets(len);
                world.ask(command, attributes, &mut input);
            }
            10..=14 => world.happen(&mut input),
            _ => refuse::nth(u64::from(input.u8() & 7)),
        }
        world.check();
    }
    refuse::nothing();
}

/// A request as a program writes it, or nearly.
fn request(input: &mut Input<'_>) -> (u8, Vec<u8>) {
    let choice = input.u8();
    let command = choice % 13;
    let mut all = Vec::new();
    if choice & 0x80 != 0 || command >= number::ANNOUNCE {
        put(&mut all, attr::TOKEN, &u32::from(input.u8()).to_ne_bytes());
    }
    match command {
        number::SET_LIMITS => {
            let limit = |input: &mut Input<'_>| u32::from(input.u8() % 80).to_ne_bytes();
            put(&mut all, attr::RCV_ADD_ADDRS, &limit(input));
            put(&mut all, attr::SUBFLOWS, &limit(input));
        }
        number::REMOVE => put(&mut all, attr::LOC_ID, &[input.u8() & 15]),
        _ => {}
    }
    put_address(&mut all, attr::ADDR, input);
    if choice & 0x80 != 0 || command >= number::SUBFLOW_CREATE {
        put_address(&mut all, attr::ADDR_REMOTE, input);
    }
    if choice & 0x40 != 0 {
        // Something is wrong with it.
        let (at, to) = (input.below(all.len() as u64) as usize, input.u8());
        if let Some(octet) = all.get_mut(at) {
            *octet = to;
        }
    }
    (command, all)
}

fn put(all: &mut Vec<u8>, number: u16, value: &[u8]) {
    all.extend((4 + value.len() as u16).to_ne_bytes());
    all.extend(number.to_ne_bytes());
    all.extend(value);
    all.resize(all.len().next_multiple_of(4), 0);
}

fn put_address(all: &mut Vec<u8>, number: u16, input: &mut Input<'_>) {
    let mut parts = Vec::new();
    let what = input.u8();
    if what & 1 != 0 {
        put(&mut parts, part::ID, &[input.u8()]);
    }
    let host = [10, 0, 0, input.u8() & 31];
    let mapped = {
        let mut octets = [0; 16];
        octets[10..12].fill(0xFF);
        octets[12..].copy_from_slice(&host);
        octets
    };
    match what >> 1 & 7 {
        0 => {}
        1..=5 => {
            put(&mut parts, part::FAMILY, &family::INET.to_ne_bytes());
            put(&mut parts, part::ADDR4, &host);
        }
        _ => {
            put(&mut parts, part::FAMILY, &family::INET6.to_ne_bytes());
            put(&mut parts, part::ADDR6, &mapped);
        }
    }
    if what & 0x30 == 0x30 {
        put(
            &mut parts,
            part::PORT,
            &u16::from(input.u8() & 3).to_ne_bytes(),
        );
    }
    put(
        &mut parts,
        part::FLAGS,
        &u32::from(input.u8()).to_ne_bytes(),
    );
    if what & 0x40 != 0 {
        put(
            &mut parts,
            part::IF_IDX,
            &u32::from(input.u8()).to_ne_bytes(),
        );
    }
    put(all, number, &parts);
}

fn place(id: u8, last: u8) -> Place {
    Place {
        id: AddrId(id),
        addr: IpAddr::from([10, 0, 0, last]),
        port: NonZeroU16::new(5000),
    }
}

/// A connection whose paths the kernel manages.
struct Connection {
    policy: Policy,
    /// Its further subflows.
    flows: BTreeSet<SubflowId>,
    /// How many there ever were.
    made: u32,
    /// An announcement that waits for its echo.
    announcing: Option<AddrId>,
}

impl Connection {
    fn new(denies: bool) -> Self {
        Self {
            policy: Policy::new(place(0, 1), place(0, 101), denies),
            flows: BTreeSet::new(),
            made: 1,
            announcing: None,
        }
    }

    fn next_flow(&mut self) -> Option<SubflowId> {
        if self.flows.len() >= FLOWS {
            return None;
        }
        self.made += 1;
        let sf = SubflowId(self.made);
        self.flows.insert(sf);
        Some(sf)
    }

    fn close(&mut self, sf: SubflowId, endpoints: &Endpoints) {
        self.flows.remove(&sf);
        let closed = PathEvent::SubflowClosed {
            sf,
            ends: Ends::default(),
            established: true,
            ending: Ending::Local,
            reset: None,
        };
        self.policy.on_event(&closed, endpoints);
    }

    /// Does what the policy wants, until it wants nothing.
    fn obey(&mut self, endpoints: &Endpoints, input: &mut Input<'_>) {
        let limits = endpoints.limits;
        for step in 0.. {
            assert!(step < STEPS, "a policy that does not come to rest");
            let wanted = self.policy.poll(endpoints);
            let Some(wanted) = wanted else { break };
            match wanted {
                Step::Announce(place) => {
                    assert_eq!(self.announcing, None, "two announcements at once");
                    let is_it = |one: &Endpoint| {
                        one.flags.has(Flags::SIGNAL)
                            && one.addr == place.addr
                            && self.policy.id_of(one) == place.id
                    };
                    assert!(endpoints.iter().any(is_it), "{place:?} is no endpoint");
                    self.announcing = Some(place.id);
                }
                Step::Withdraw(gone) => {
                    assert!(gone.ids().count() > 0);
                    // Nobody hears of its echo any more.
                    let waits = |id: &AddrId| !gone.ids().any(|gone| gone == *id);
                    self.announcing = self.announcing.filter(waits);
                }
                Step::Open { from, to } => {
                    let extra = self.policy.extra();
                    assert!(extra <= usize::from(limits.extra_subflows), "{to:?}");
                    let id = from.map_or(AddrId(200), |from| self.policy.id_of(&from));
                    let came = if input.u8() & 3 == 3 {
                        None
                    } else {
                        self.next_flow()
                    };
                    self.policy.opened(came.map(|sf| (sf, id)));
                }
                Step::Close(sf) => {
                    assert!(sf.0 <= self.made, "closes what never was");
                    self.close(sf, endpoints);
                }
                Step::Prio { .. } => {}
            }
        }
    }

    fn happen(&mut self, endpoints: &Endpoints, input: &mut Input<'_>) {
        let (choice, id) = (input.u8(), AddrId(input.u8() & 15));
        match choice & 7 {
            0 => self.policy.on_event(&PathEvent::Established, endpoints),
            1 | 2 => {
                let place = place(id.0, 100 + (choice >> 4));
                let announced = PathEvent::Announced {
                    id,
                    addr: place.addr,
                    port: place.port.filter(|_| choice & 8 != 0),
                };
                self.policy.on_event(&announced, endpoints);
            }
            3 => self.policy.on_event(&PathEvent::Removed { id }, endpoints),
            4 => {
                if let Some(id) = self.announcing.take() {
                    let echoed = choice & 8 != 0;
                    let done = PathEvent::AnnounceDone { id, echoed };
                    self.policy.on_event(&done, endpoints);
                }
            }
            5 => {
                if self.policy.allows_join(endpoints) {
                    let extra = self.policy.extra();
                    assert!(extra < usize::from(endpoints.limits.extra_subflows));
                    if let Some(sf) = self.next_flow() {
                        if !self.policy.joined(sf, id) {
                            self.flows.remove(&sf);
                        }
                    }
                }
            }
            6 => {
                let flow = self.flows.iter().nth(usize::from(id.0)).copied();
                self.close(flow.unwrap_or(SubflowId::FIRST), endpoints);
            }
            _ => *self = Self::new(choice & 8 != 0),
        }
    }
}

/// A namespace, with connections.
struct World {
    endpoints: Endpoints,
    connections: [Connection; 2],
    /// Of a connection whose paths a program manages.
    user: UserAddresses,
}

impl World {
    fn new() -> Self {
        Self {
            endpoints: Endpoints::default(),
            connections: [Connection::new(false), Connection::new(true)],
            user: UserAddresses::default(),
        }
    }

    fn happen(&mut self, input: &mut Input<'_>) {
        let [one, other] = &mut self.connections;
        let connection = if input.flag() { one } else { other };
        connection.happen(&self.endpoints, input);
        connection.obey(&self.endpoints, input);
    }

    /// Carries out a request; what is refused changes nothing.
    fn ask(&mut self, command: u8, attributes: &[u8], input: &mut Input<'_>) {
        let before = (listed(&self.endpoints), self.endpoints.limits);
        let known: Vec<_> = self.user.iter().copied().collect();
        let decoded = decode(command, attributes);
        assert_eq!(decoded, decode(command, attributes));
        let _list = decode_list(attributes);
        let done = match decoded {
            Ok(Command::Of(of)) => {
                assert!(of.at < attributes.len());
                let wished = of.wish.map_err(|no| checked(no, attributes));
                wished.and_then(|wish| self.wish(&wish).map_err(Some))
            }
            Ok(command) => self.carry_out(&command, input).map_err(Some),
            Err(no) => Err(checked(no, attributes)),
        };
        if done.is_err() {
            let after = (listed(&self.endpoints), self.endpoints.limits);
            assert_eq!(before, after, "refused, and something changed");
            let now: Vec<_> = self.user.iter().copied().collect();
            assert_eq!(known, now, "refused, and an address changed");
        }
        for connection in &mut self.connections {
            connection.obey(&self.endpoints, input);
        }
    }

    fn tell_all(&mut self, tell: impl Fn(&mut Policy)) {
        for connection in &mut self.connections {
            tell(&mut connection.policy);
        }
    }

    fn carry_out(&mut self, command: &Command, input: &mut Input<'_>) -> Result<(), EndpointError> {
        match *command {
            Command::Add { new, .. } => {
                let id = self.endpoints.add(new)?;
                let made = self.endpoints.get(id).copied();
                assert_eq!(made, Some(Endpoint { id, ..new }));
                assert!(new.id == AddrId::INITIAL || new.id == id);
            }
            Command::Remove { id, .. } => {
                let gone = self.endpoints.remove(id)?;
                assert_eq!(self.endpoints.get(id), None);
                self.tell_all(|policy| policy.on_endpoint_removed(&gone));
                for connection in &mut self.connections {
                    let id = connection.policy.id_of(&gone);
                    connection.announcing = connection.announcing.filter(|one| *one != id);
                }
            }
            Command::RemoveFirst { place } => {
                if let Some((addr, port)) = place {
                    self.tell_all(|policy| policy.on_first_removed(addr, port));
                }
            }
            Command::Flush => {
                let gone = self.endpoints.flush();
                self.tell_all(|policy| gone.iter().for_each(|one| policy.on_flushed(one)));
                for connection in &mut self.connections {
                    connection.announcing = None;
                }
                assert_eq!(self.endpoints.iter().count(), 0);
            }
            Command::SetLimits {
                accepted,
                extra_subflows,
            } => {
                let limits = &mut self.endpoints.limits;
                limits.accepted = accepted.unwrap_or(limits.accepted);
                limits.extra_subflows = extra_subflows.unwrap_or(limits.extra_subflows);
            }
            Command::SetFlags { which, flags, .. } => {
                let (old, new) = self.endpoints.change(which, flags)?;
                let fixed = |one: &Endpoint| (one.id, one.addr, one.port, one.flags.0 & !0x0C);
                assert_eq!(fixed(&old), fixed(&new));
                self.tell_all(|policy| {
                    policy.on_backup(&new);
                    policy.on_fullmesh(&new);
                });
            }
            Command::Get { .. } | Command::Limits | Command::Of(_) => {}
        }
        // A subflow may have used any address meanwhile.
        if input.u8() == 0xFF {
            let _named = self
                .endpoints
                .implicit(IpAddr::from([10, 0, 1, input.u8()]));
        }
        Ok(())
    }

    fn wish(&mut self, wish: &Wish) -> Result<(), EndpointError> {
        match *wish {
            Wish::Announce { new, .. } => {
                assert!(new.id != AddrId::INITIAL && new.flags.has(Flags::SIGNAL));
                self.user.add(new)
            }
            Wish::Create { from, to, .. } => {
                assert!(from.flags.has(Flags::SUBFLOW) && !from.flags.has(Flags::SIGNAL));
                assert_eq!(is_v4(&from), is_v4(&to));
                self.user.add(from)
            }
            Wish::Destroy { from, to } => {
                assert!(from.port.is_some() && to.port.is_some());
                assert_eq!(is_v4(&from), is_v4(&to));
                self.user.remove_of(from.addr);
                Ok(())
            }
            Wish::Withdraw { id, .. } => {
                self.user.remove(id);
                assert!(self.user.get(id).is_none());
                Ok(())
            }
            Wish::SetBackup { from, backup, .. } => {
                self.user.set_backup(from.addr, backup);
                Ok(())
            }
            Wish::Get { .. } => Ok(()),
        }
    }

    /// What must hold at any time.
    fn check(&self) {
        let Limits {
            extra_subflows,
            accepted,
        } = self.endpoints.limits;
        assert!(extra_subflows <= LIMIT_MAX && accepted <= LIMIT_MAX);
        let all = listed(&self.endpoints);
        assert!(all.len() <= 255 && all.iter().all(|one| one.id != AddrId::INITIAL));
        are_apart(&all);
        let user: Vec<_> = self.user.iter().copied().collect();
        are_apart(&user);
        // The list by numbers has each of them.
        let (mut ids, mut last) = (Vec::new(), AddrId::INITIAL);
        while let Some(next) = self.endpoints.above(last) {
            last = next.id;
            ids.push(last.0);
        }
        let mut numbers: Vec<_> = all.iter().map(|one| one.id.0).collect();
        numbers.sort_unstable();
        assert_eq!(ids, numbers);
        for connection in &self.connections {
            let policy = &connection.policy;
            assert_eq!(policy.extra(), connection.flows.len());
            // What was used is an endpoint still, or may be used again.
            assert!(policy.sources_used() <= all.len());
            assert!(policy.accepted() <= LIMIT_MAX);
        }
    }
}

fn is_v4(one: &Endpoint) -> bool {
    one.addr.to_canonical().is_ipv4()
}

fn listed(endpoints: &Endpoints) -> Vec<Endpoint> {
    endpoints.iter().copied().collect()
}

/// What a refusal blames is there.
fn checked(no: Refusal, attributes: &[u8]) -> Option<EndpointError> {
    if let Refusal::Senseless { at: Some(at), .. } | Refusal::Nameless { at } = no {
        assert!(at + 4 <= attributes.len(), "{no:?}");
    }
    None
}

/// No two have one number, or one address and port.
fn are_apart(all: &[Endpoint]) {
    let ids: BTreeSet<_> = all.iter().map(|one| one.id.0).collect();
    let places: BTreeSet<_> = all
        .iter()
        .map(|one| (one.addr.to_canonical(), one.port))
        .collect();
    assert_eq!((ids.len(), places.len()), (all.len(), all.len()));
}
