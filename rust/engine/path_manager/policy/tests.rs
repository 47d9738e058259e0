// SPDX-License-Identifier: GPL-2.0

//! What in-tree's path manager does in the same situations.

use super::*;
use crate::engine::event::Ending;
use crate::engine::mem::refuse;
use crate::engine::subflow::Ends;
use proptest::prelude::*;
use std::vec::Vec;

fn ip(net: u8, last: u8) -> IpAddr {
    IpAddr::from([10, 0, net, last])
}

fn place(id: u8, net: u8, last: u8) -> Place {
    Place {
        id: AddrId(id),
        addr: ip(net, last),
        port: NonZeroU16::new(80),
    }
}

/// A connection from 10.0.1.1 to 10.0.1.2:80 and the endpoints of its host.
struct Host {
    all: Endpoints,
    policy: Policy,
    next: u32,
}

impl Host {
    /// Endpoints 10.0.n.1 with these flags, numbered from 1 on, and limits.
    fn new(endpoints: &[(u8, Flags)], extra_subflows: u8, accepted: u8) -> Self {
        let mut host = Self::denied(endpoints, extra_subflows, accepted, false);
        host.policy.on_event(&PathEvent::Established, &host.all);
        host
    }

    fn denied(endpoints: &[(u8, Flags)], extra_subflows: u8, accepted: u8, denied: bool) -> Self {
        let mut all = Endpoints::default();
        all.limits = Limits {
            extra_subflows,
            accepted,
        };
        for (net, flags) in endpoints {
            all.add(source(*net, *flags)).unwrap();
        }
        let policy = Policy::new(place(0, 1, 1), place(0, 1, 2), denied);
        Self {
            all,
            policy,
            next: 2,
        }
    }

    /// Everything that is to be done; what is to be opened comes to be.
    fn steps(&mut self) -> Vec<Step> {
        let mut steps = Vec::new();
        while let Some(step) = self.policy.poll(&self.all) {
            if let Step::Open { from, .. } = step {
                let local = from.map_or(AddrId(99), |from| self.policy.id_of(&from));
                self.policy.opened(Some((SubflowId(self.next), local)));
                self.next += 1;
            }
            steps.push(step);
            assert!(steps.len() < 100);
        }
        steps
    }

    /// What is to be opened, as pairs of networks; from 0 where the route decides.
    fn opens(&mut self) -> Vec<(u8, u8)> {
        let net = |addr: IpAddr| match addr {
            IpAddr::V4(addr) => addr.octets()[2],
            IpAddr::V6(_) => 66,
        };
        let steps = self.steps();
        let opens = steps.iter().filter_map(|step| match step {
            Step::Open { from, to } => {
                let from = from.map_or(0, |from| net(from.addr));
                Some((from, net(to.addr)))
            }
            _ => None,
        });
        opens.collect()
    }

    fn hears(&mut self, event: &PathEvent) -> &mut Self {
        self.policy.on_event(event, &self.all);
        self
    }

    fn announced(&mut self, id: u8, net: u8) -> &mut Self {
        self.hears(&PathEvent::Announced {
            id: AddrId(id),
            addr: ip(net, 2),
            port: None,
        })
    }

    fn closed(&mut self, sf: u32) -> &mut Self {
        self.hears(&PathEvent::SubflowClosed {
            sf: SubflowId(sf),
            ends: Ends::default(),
            established: false,
            ending: Ending::Refused,
            reset: None,
        })
    }
}

fn source(net: u8, flags: Flags) -> Endpoint {
    Endpoint {
        id: AddrId(0),
        addr: ip(net, 1),
        port: None,
        flags,
        device: 0,
    }
}

fn withdraw(ids: &[u8]) -> Step {
    let ids: Vec<AddrId> = ids.iter().copied().map(AddrId).collect();
    Step::Withdraw(RemoveAddr::new(&ids).unwrap())
}

const MESH: Flags = Flags(Flags::SUBFLOW.0 | Flags::FULLMESH.0);

#[test]
fn subflows_are_opened_from_each_endpoint_up_to_the_limit() {
    let three = [2, 3, 4].map(|net| (net, Flags::SUBFLOW));
    assert_eq!(Host::new(&three, 2, 0).opens(), [(2, 1), (3, 1)]);
    assert_eq!(Host::new(&three, 9, 0).opens(), [(2, 1), (3, 1), (4, 1)]);
    assert_eq!(Host::new(&three, 0, 0).opens(), []);
}

#[test]
fn nothing_is_done_before_the_connection_is_established() {
    let mut host = Host::denied(&[(2, Flags::SUBFLOW), (3, Flags::SIGNAL)], 2, 2, false);
    assert_eq!(host.steps(), []);
    assert!(!host.policy.allows_join(&host.all));
    host.hears(&PathEvent::Established);
    assert_eq!(host.steps().len(), 2);
}

#[test]
fn the_address_of_the_first_subflow_is_no_further_source() {
    let mut host = Host::new(&[(1, Flags::SUBFLOW), (2, Flags::SUBFLOW)], 2, 0);
    assert_eq!(host.opens(), [(2, 1)]);
    let first = *host.all.get(AddrId(1)).unwrap();
    assert_eq!(host.policy.id_of(&first), AddrId(0));
}

#[test]
fn an_attempt_that_fails_makes_room_for_the_next_endpoint() {
    let mut host = Host::new(&[2, 3].map(|net| (net, Flags::SUBFLOW)), 1, 0);
    assert_eq!(host.opens(), [(2, 1)]);
    assert_eq!(host.closed(2).opens(), [(3, 1)]);
    // What was used up is not tried again.
    assert_eq!(host.closed(3).opens(), []);
}

#[test]
fn what_cannot_even_be_begun_makes_room_too() {
    let mut host = Host::new(&[2, 3].map(|net| (net, Flags::SUBFLOW)), 1, 0);
    assert!(matches!(
        host.policy.poll(&host.all),
        Some(Step::Open { .. })
    ));
    host.policy.opened(None);
    assert_eq!(host.opens(), [(3, 1)]);
}

#[test]
fn addresses_are_announced_one_after_the_other() {
    let mut host = Host::new(&[1, 2, 3].map(|net| (net, Flags::SIGNAL)), 2, 0);
    let announce = |id, net| {
        [Step::Announce(Place {
            id: AddrId(id),
            addr: ip(net, 1),
            port: None,
        })]
    };
    // The first one is that of the first subflow, which the peer knows.
    assert_eq!(host.steps(), announce(2, 2));
    assert_eq!(host.steps(), []);
    let done = PathEvent::AnnounceDone {
        id: AddrId(2),
        echoed: false,
    };
    assert_eq!(host.hears(&done).steps(), announce(3, 3));
    assert_eq!(host.hears(&done).steps(), []);
}

#[test]
fn an_announcement_that_is_withdrawn_holds_up_no_other() {
    let mut host = Host::new(&[2, 3].map(|net| (net, Flags::SIGNAL)), 2, 0);
    assert_eq!(host.steps().len(), 1);
    let gone = host.all.remove(AddrId(1)).unwrap();
    host.policy.on_endpoint_removed(&gone);
    let next = Place {
        id: AddrId(2),
        addr: ip(3, 1),
        port: None,
    };
    let steps = [withdraw(&[1]), Step::Announce(next)];
    assert_eq!(host.steps(), steps);
}

#[test]
fn the_first_address_is_announced_when_it_comes_back() {
    let mut host = Host::new(&[(1, Flags::SIGNAL)], 2, 0);
    assert_eq!(host.steps(), []);
    let gone = host.all.remove(AddrId(1)).unwrap();
    host.policy.on_endpoint_removed(&gone);
    host.steps();
    // Whatever number it has now.
    let again = Endpoint {
        id: AddrId(9),
        ..source(1, Flags::SIGNAL)
    };
    host.all.add(again).unwrap();
    let first = Place {
        id: AddrId(0),
        addr: ip(1, 1),
        port: None,
    };
    assert_eq!(host.steps(), [Step::Announce(first)]);
    host.policy.on_endpoint_removed(&again);
    host.all.remove(AddrId(9)).unwrap();
    assert!(host.steps().contains(&withdraw(&[0])));
}

#[test]
fn announcements_are_acted_on_as_far_as_the_limits_go() {
    let mut host = Host::new(&[], 3, 2);
    assert_eq!(host.announced(1, 2).opens(), [(0, 2)]);
    // Announced once more: there is a subflow to it.
    assert_eq!(host.announced(1, 2).opens(), []);
    assert_eq!(host.announced(2, 3).opens(), [(0, 3)]);
    assert_eq!(host.announced(3, 4).opens(), []);
    let mut host = Host::new(&[], 0, 2);
    assert_eq!(host.announced(1, 2).opens(), []);
    let mut host = Host::new(&[], 2, 0);
    assert_eq!(host.announced(1, 2).opens(), []);
}

#[test]
fn a_withdrawn_address_makes_room_for_another_announcement() {
    let mut host = Host::new(&[], 3, 1);
    assert_eq!(host.announced(1, 2).opens(), [(0, 2)]);
    assert_eq!(host.announced(2, 3).opens(), []);
    host.hears(&PathEvent::Removed { id: AddrId(1) }).closed(2);
    assert_eq!(host.announced(2, 3).opens(), [(0, 3)]);
}

#[test]
fn an_address_that_is_withdrawn_twice_makes_room_once() {
    let mut host = Host::new(&[], 5, 2);
    assert_eq!(host.announced(1, 2).opens(), [(0, 2)]);
    assert_eq!(host.announced(2, 3).opens(), [(0, 3)]);
    for _ in 0..2 {
        host.hears(&PathEvent::Removed { id: AddrId(1) });
    }
    assert_eq!(host.announced(3, 4).opens(), [(0, 4)]);
    assert_eq!(host.announced(4, 5).opens(), []);
}

#[test]
fn a_peer_elsewhere_does_not_have_us_connect_to_ourselves() {
    for own in ["127.0.0.1", "::1", "::ffff:127.0.0.9"] {
        let event = PathEvent::Announced {
            id: AddrId(1),
            addr: own.parse().unwrap(),
            port: None,
        };
        assert_eq!(Host::new(&[], 3, 3).hears(&event).steps(), []);
        let mut host = Host::new(&[], 3, 3);
        host.policy.remote.addr = "127.0.0.2".parse().unwrap();
        assert_eq!(host.hears(&event).steps().len(), 1);
    }
}

#[test]
fn an_announcement_of_which_nothing_comes_leaves_room_for_another() {
    let mut host = Host::new(&[], 3, 1);
    host.announced(1, 2);
    let open = host.policy.poll(&host.all);
    assert!(matches!(open, Some(Step::Open { .. })));
    host.policy.opened(None);
    assert_eq!(host.announced(2, 3).opens(), [(0, 3)]);
    assert_eq!(host.announced(3, 4).opens(), []);
}

#[test]
fn an_answer_for_which_there_is_no_room_any_more_costs_no_other_job() {
    let mut host = Host::new(&[(2, Flags::SIGNAL)], 1, 2);
    assert_eq!(host.steps().len(), 1);
    // Both before anything is done, and the first takes the only place.
    host.announced(1, 5).announced(2, 6);
    let gone = host.all.remove(AddrId(1)).unwrap();
    host.policy.on_endpoint_removed(&gone);
    let steps = host.steps();
    assert_eq!(steps.len(), 2);
    assert_eq!(steps[1], withdraw(&[1]));
}

#[test]
fn number_0_is_the_first_address_and_nothing_else() {
    let mut host = Host::new(&[], 3, 3);
    assert_eq!(host.announced(0, 7).opens(), []);
    assert_eq!(host.announced(4, 1).opens(), []);
    // The first subflow goes there while it lives.
    assert_eq!(host.announced(0, 1).opens(), []);
    assert_eq!(host.closed(1).announced(0, 1).opens(), [(0, 1)]);
}

#[test]
fn an_announcement_that_is_repeated_is_answered_once() {
    let mut host = Host::new(&[], 9, 9);
    host.announced(1, 5).announced(1, 5);
    // The port may be named as well.
    host.hears(&PathEvent::Announced {
        id: AddrId(1),
        addr: ip(5, 2),
        port: NonZeroU16::new(80),
    });
    assert_eq!(host.opens(), [(0, 5)]);
    // Without a port any subflow to that address counts.
    host.hears(&PathEvent::Announced {
        id: AddrId(2),
        addr: ip(6, 2),
        port: NonZeroU16::new(99),
    });
    assert_eq!(host.opens(), [(0, 6)]);
    assert_eq!(host.announced(2, 6).opens(), []);
}

#[test]
fn an_address_that_is_withdrawn_before_its_turn_is_left_alone() {
    let mut host = Host::new(&[], 9, 9);
    host.announced(1, 5).announced(2, 6);
    host.hears(&PathEvent::Removed { id: AddrId(1) });
    assert_eq!(host.opens(), [(0, 6)]);
}

#[test]
fn a_peer_that_announces_without_end_fills_no_queue() {
    let mut host = Host::new(&[], 60, 60);
    for id in 1..=200 {
        host.announced(id, id);
    }
    assert_eq!(host.opens().len(), 8);
}

#[test]
fn fullmesh_combines_every_source_with_every_address() {
    let mut host = Host::new(&[(2, MESH), (3, MESH)], 9, 2);
    assert_eq!(host.opens(), [(2, 1), (3, 1)]);
    assert_eq!(host.announced(1, 5).opens(), [(2, 5), (3, 5)]);
    // One that comes later meets all of them.
    host.all.add(source(4, MESH)).unwrap();
    assert_eq!(host.opens(), [(4, 1), (4, 5)]);
}

#[test]
fn fullmesh_combines_nothing_twice() {
    let mut host = Host::denied(&[(2, MESH), (3, MESH)], 9, 2, false);
    host.announced(1, 5);
    host.hears(&PathEvent::Established);
    assert_eq!(host.opens(), [(2, 5), (3, 5), (2, 1), (3, 1)]);
}

#[test]
fn a_laminar_endpoint_answers_one_announcement() {
    let two = [2, 3].map(|net| (net, Flags::LAMINAR));
    let mut host = Host::new(&two, 9, 9);
    assert_eq!(host.opens(), []);
    assert_eq!(host.announced(1, 5).opens(), [(2, 5)]);
    assert_eq!(host.announced(2, 6).opens(), [(3, 6)]);
    assert_eq!(host.announced(3, 7).opens(), []);
}

#[test]
fn a_peer_that_wants_no_joins_at_its_first_address_is_met_elsewhere() {
    let mut host = Host::denied(&[(2, Flags::SUBFLOW)], 2, 1, true);
    host.hears(&PathEvent::Established);
    // Used up without effect.
    assert_eq!(host.opens(), []);
    assert_eq!(host.announced(1, 5).opens(), [(0, 5)]);
}

#[test]
fn sources_wait_for_the_announcement_of_a_peer_that_wants_joins_elsewhere() {
    // No announcement is accepted, as by default.
    let sources = [1, 2, 3, 4].map(|net| (net, Flags::SUBFLOW));
    let mut host = Host::denied(&sources, 2, 0, true);
    host.hears(&PathEvent::Established);
    assert_eq!(host.opens(), []);
    assert_eq!(host.announced(1, 5).opens(), [(2, 5), (3, 5)]);
    // Once is enough: there is nothing left for the next one, and the last source goes for nothing.
    assert_eq!(host.closed(2).opens(), []);
    assert_eq!(host.announced(2, 6).opens(), []);
    // The same where endpoints go everywhere: all of them, and once.
    let mut host = Host::denied(&[(2, MESH), (3, MESH)], 9, 0, true);
    host.hears(&PathEvent::Established);
    assert_eq!(host.announced(1, 5).opens(), [(2, 5), (3, 5)]);
    assert_eq!(host.announced(2, 6).opens(), []);
}

#[test]
fn without_sources_a_peer_that_wants_joins_elsewhere_is_not_met() {
    let mut host = Host::denied(&[(2, Flags::SIGNAL)], 2, 0, true);
    host.hears(&PathEvent::Established);
    assert_eq!(host.announced(1, 5).opens(), []);
}

#[test]
fn a_laminar_endpoint_that_answers_opens_nothing_by_itself() {
    let mut host = Host::new(&[(2, Flags(0x22))], 0, 9);
    assert_eq!(host.steps(), []);
    host.all.limits.extra_subflows = 2;
    host.announced(1, 5);
    assert_eq!(host.opens(), [(2, 5)]);
    // That of the first subflow is in use.
    let mut host = Host::new(&[(1, Flags::LAMINAR)], 2, 9);
    assert_eq!(host.announced(1, 5).opens(), []);
    assert_eq!(host.closed(1).announced(1, 5).opens(), [(1, 5)]);
}

#[test]
fn joins_of_the_peer_count_for_the_same_limit() {
    let mut host = Host::new(&[(2, Flags::SUBFLOW)], 1, 0);
    assert!(host.policy.allows_join(&host.all));
    assert!(host.policy.joined(SubflowId(2), AddrId(0)));
    assert!(!host.policy.allows_join(&host.all));
    assert_eq!(host.opens(), []);
    assert_eq!(host.closed(2).opens(), [(2, 1)]);
}

#[test]
fn an_endpoint_that_goes_takes_its_subflows_along() {
    let mut host = Host::new(&[2, 3].map(|net| (net, Flags::SUBFLOW)), 2, 0);
    assert_eq!(host.opens().len(), 2);
    let gone = host.all.remove(AddrId(1)).unwrap();
    host.policy.on_endpoint_removed(&gone);
    let steps = [withdraw(&[1]), Step::Close(SubflowId(2))];
    assert_eq!(host.steps(), steps);
    // Added again it is used again.
    host.closed(2);
    host.all.add(source(2, Flags::SUBFLOW)).unwrap();
    assert_eq!(host.opens(), [(2, 1)]);
}

#[test]
fn the_endpoint_of_the_first_subflow_goes_and_comes_back() {
    let mut host = Host::new(&[(1, Flags::SUBFLOW), (2, Flags::SUBFLOW)], 2, 0);
    host.steps();
    let gone = host.all.remove(AddrId(1)).unwrap();
    host.policy.on_endpoint_removed(&gone);
    let first = SubflowId::FIRST;
    let steps = [withdraw(&[0]), Step::Close(first)];
    assert_eq!(host.steps(), steps);
    host.closed(1);
    host.all.add(source(1, Flags::SUBFLOW)).unwrap();
    assert_eq!(host.opens(), [(1, 1)]);
}

#[test]
fn the_first_address_goes_without_being_an_endpoint() {
    let mut host = Host::new(&[(2, Flags::SUBFLOW)], 2, 0);
    host.steps();
    host.policy.on_first_removed(ip(2, 1), None);
    host.policy.on_first_removed(ip(1, 1), NonZeroU16::new(99));
    assert_eq!(host.steps(), []);
    host.policy.on_first_removed(ip(1, 1), None);
    let steps = [withdraw(&[0]), Step::Close(SubflowId::FIRST)];
    assert_eq!(host.steps(), steps);
    // It closes only what is there.
    host.closed(1);
    host.policy.on_first_removed(ip(1, 1), None);
    assert_eq!(host.steps(), [withdraw(&[0])]);
}

#[test]
fn when_all_endpoints_go_the_peer_hears_of_those_announced() {
    let mut host = Host::new(&[(2, Flags::SUBFLOW), (3, Flags::SIGNAL)], 2, 0);
    assert_eq!(host.steps().len(), 2);
    let gone = host.all.flush();
    for one in gone.iter() {
        host.policy.on_flushed(one);
    }
    let steps = [Step::Close(SubflowId(2)), withdraw(&[2])];
    assert_eq!(host.steps(), steps);
    host.closed(2);
    host.all.add(source(2, Flags::SUBFLOW)).unwrap();
    assert_eq!(host.opens(), [(2, 1)]);
}

#[test]
fn what_goes_together_is_withdrawn_together() {
    let nets = 2_u8..12;
    let all: Vec<_> = nets.map(|net| (net, Flags::SIGNAL)).collect();
    let mut host = Host::new(&all, 2, 0);
    for id in 1..=10 {
        assert_eq!(host.steps().len(), 1);
        let (id, echoed) = (AddrId(id), true);
        host.hears(&PathEvent::AnnounceDone { id, echoed });
    }
    for one in host.all.flush().iter() {
        host.policy.on_flushed(one);
    }
    let steps = [withdraw(&[1, 2, 3, 4, 5, 6, 7, 8]), withdraw(&[9, 10])];
    assert_eq!(host.steps(), steps);
}

#[test]
fn an_endpoint_that_becomes_fullmesh_begins_again() {
    let mut host = Host::new(&[(2, Flags::SUBFLOW)], 4, 4);
    assert_eq!(host.opens(), [(2, 1)]);
    assert_eq!(host.announced(1, 5).opens(), [(0, 5)]);
    let changed = host.all.set_flags(AddrId(1), MESH).unwrap();
    host.policy.on_fullmesh(&changed);
    assert_eq!(host.policy.poll(&host.all), Some(Step::Close(SubflowId(2))));
    assert_eq!(host.closed(2).opens(), [(2, 1), (2, 5)]);
}

#[test]
fn an_announced_endpoint_that_goes_is_withdrawn() {
    let mut host = Host::new(&[(2, Flags::SIGNAL)], 2, 0);
    assert_eq!(host.steps().len(), 1);
    let gone = host.all.remove(AddrId(1)).unwrap();
    host.policy.on_endpoint_removed(&gone);
    assert_eq!(host.steps(), [withdraw(&[1])]);
}

#[test]
fn a_backup_endpoint_changes_its_first_subflow() {
    let mut host = Host::new(&[(1, Flags::SUBFLOW), (2, Flags::SUBFLOW)], 2, 0);
    host.steps();
    let flags = Flags(Flags::SUBFLOW.0 | Flags::BACKUP.0);
    for (id, local) in [(1, AddrId(0)), (2, AddrId(2))] {
        let changed = host.all.set_flags(AddrId(id), flags).unwrap();
        // Said twice before anything is done, it is done once.
        host.policy.on_backup(&changed);
        host.policy.on_backup(&changed);
        let backup = true;
        assert_eq!(host.steps(), [Step::Prio { local, backup }]);
    }
}

#[test]
fn a_backup_endpoint_makes_the_first_subflow_one() {
    let mut host = Host::new(&[(1, Flags::BACKUP), (2, Flags(6))], 0, 0);
    let (local, backup) = (AddrId(0), true);
    assert_eq!(host.steps(), [Step::Prio { local, backup }]);
    assert_eq!(host.steps(), []);
}

#[test]
fn without_memory_there_is_no_subflow_and_no_harm() {
    let mut host = Host::new(&[(2, Flags::SUBFLOW)], 2, 0);
    refuse::nth(0);
    assert_eq!(host.policy.poll(&host.all), None);
    refuse::nothing();
    assert_eq!(host.policy.extra(), 0);
}

/// Found by the fuzzer: the withdrawal was lost, and with it that an echo was still awaited.
#[test]
fn an_address_that_cannot_be_withdrawn_stays_announced() {
    let mut host = Host::new(&[(2, Flags::SIGNAL), (3, Flags::SIGNAL)], 0, 0);
    let announced =
        |steps: Vec<Step>| matches!(steps[..], [Step::Announce(place)] if place.id == AddrId(1));
    assert!(announced(host.steps()));
    let gone = host.all.remove(AddrId(1)).unwrap();
    refuse::nth(0);
    host.policy.on_endpoint_removed(&gone);
    refuse::nothing();
    assert_eq!(host.steps(), []);
    let (id, echoed) = (AddrId(1), true);
    host.policy
        .on_event(&PathEvent::AnnounceDone { id, echoed }, &host.all);
    assert!(matches!(host.steps()[..], [Step::Announce(place)] if place.id == AddrId(2)));
}

proptest! {
    #[test]
    fn whatever_happens_the_limits_hold(
        ops in prop::collection::vec((0_u8..8, 0_u8..8, 0_u8..64), 0..60),
        extra in 0_u8..5,
        accepted in 0_u8..4,
        denied in any::<bool>(),
        refused in 0_u64..40,
    ) {
        let mut host = Host::denied(&[], extra, accepted, denied);
        host.hears(&PathEvent::Established);
        refuse::nth(refused);
        for (what, number, flags) in ops {
            match what {
                0 | 1 => {
                    let _added = host.all.add(source(number, Flags(flags)));
                }
                2 => {
                    if let Ok(gone) = host.all.remove(AddrId(number)) {
                        host.policy.on_endpoint_removed(&gone);
                    }
                }
                3 => {
                    host.announced(flags % 4, number);
                }
                4 => {
                    host.hears(&PathEvent::Removed { id: AddrId(number) });
                }
                5 => {
                    host.closed(u32::from(number) + 2);
                }
                6 => {
                    host.hears(&PathEvent::AnnounceDone { id: AddrId(number), echoed: true });
                }
                _ => {
                    if let Ok(changed) = host.all.set_flags(AddrId(number), Flags(flags)) {
                        host.policy.on_backup(&changed);
                        host.policy.on_fullmesh(&changed);
                    }
                }
            }
            for step in host.steps() {
                if let Step::Announce(place) = step {
                    prop_assert_eq!(place.id == AddrId(0), place.addr == ip(1, 1));
                }
            }
            prop_assert!(host.policy.extra() <= usize::from(extra));
        }
        refuse::nothing();
    }
}
