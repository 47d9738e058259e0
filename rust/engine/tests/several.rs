// SPDX-License-Identifier: GPL-2.0

//! Several subflows, as joins will make them: what one owed goes over another.

use super::super::join::LocalAddr;
use super::super::subflow::Phase;
use super::super::subflow::Subflow;
use super::*;

const SECOND: SubflowId = SubflowId(2);

/// A connection with a second subflow that is established and has carried nothing.
fn joined() -> Rig {
    let mut rig = Rig::new(false);
    add_second(&mut rig);
    rig
}

fn add_second(rig: &mut Rig) {
    let rto = Duration::from_millis(200);
    let flow = Subflow::new(SECOND, Phase::Open, rto);
    rig.conn.subflows.add(flow).unwrap();
}

fn kill(rig: &mut Rig, sf: SubflowId) {
    let ending = Ending::TimedOut;
    rig.post(Event::SubflowClosed { sf, ending });
}

/// What the second subflow is offered, as offsets of the stream.
fn offered(rig: &mut Rig) -> Option<(i64, u32)> {
    let now = Instant::from_millis(rig.now);
    let transmit = rig.conn.poll_transmit(&rig.shared, SECOND, u32::MAX, now)?;
    assert!(transmit.reinjection);
    Some((transmit.dsn.distance_from(our(0)), transmit.len))
}

#[test]
fn what_a_dead_subflow_owed_goes_over_another() {
    let mut rig = joined();
    rig.write(1_000);
    rig.ssn = 201;
    rig.data_ack(200);
    rig.asked();
    kill(&mut rig, SF);
    assert!(rig.has(&Action::Push { sf: SECOND }));
    assert_eq!(rig.conn.state(), ConnState::Established);
    assert_eq!(offered(&mut rig), Some((200, 800)));
}

#[test]
fn what_its_tcp_delivered_and_the_peer_lost_goes_again_in_time() {
    let mut rig = joined();
    rig.write(1_000);
    rig.data_ack(200);
    kill(&mut rig, SF);
    assert_eq!(offered(&mut rig), None);
    rig.timeout();
    assert_eq!(offered(&mut rig), Some((200, 800)));
}

#[test]
fn a_range_that_tcp_was_being_handed_is_owed_as_well() {
    let mut rig = joined();
    rig.post(Event::AppWrote { len: 500 });
    assert_eq!(rig.offer(300).unwrap().len, 300);
    kill(&mut rig, SF);
    assert_eq!(offered(&mut rig), Some((0, 300)));
}

#[test]
fn more_runs_than_the_list_holds_become_one_range() {
    let mut rig = Rig::new(false);
    for round in 0..520 {
        rig.write(10);
        // A hole in the numbers of the subflow makes the next bytes a run of their own.
        rig.ssn += 1 + round % 2;
    }
    assert!(rig.conn.subflows.get(SF).unwrap().sent.as_slice().len() > 512);
    add_second(&mut rig);
    kill(&mut rig, SF);
    assert_eq!(offered(&mut rig), Some((0, 5_200)));
}

#[test]
fn with_several_subflows_there_is_no_way_to_plain_tcp() {
    let mut rig = joined();
    rig.mapped(b"bare", None);
    assert!(rig.counted(Mib::DssReset) && !rig.counted(Mib::FallbackFailed));
    assert!(rig.has(&reset_with(ResetReason::MIDDLEBOX)));
}

#[test]
fn no_number_is_used_twice_however_many_subflows_come_and_go() {
    let mut rig = Rig::new(false);
    let last = SubflowId(u32::MAX);
    let flow = Subflow::new(last, Phase::Open, Duration::default());
    rig.conn.subflows.add(flow).unwrap();
    kill(&mut rig, last);
    let request = JoinRequest {
        local: LocalAddr {
            id: AddrId(2),
            backup: false,
        },
        remote_id: AddrId(0),
        nonce: Nonce::new(1),
    };
    let none = rig.conn.join(&request, Instant::default()).err();
    assert_eq!(none, Some(CannotJoin::NoMemory));
}

#[test]
fn the_number_of_subflows_is_bounded() {
    let mut rig = Rig::new(false);
    let mut add = |id| {
        let flow = Subflow::new(SubflowId(id), Phase::Open, Duration::default());
        rig.conn.subflows.add(flow)
    };
    for id in 2..=65 {
        assert_eq!(add(id), Ok(()));
    }
    assert_eq!(add(66), Err(NoMemory));
}
