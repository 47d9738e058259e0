// SPDX-License-Identifier: GPL-2.0

//! A subflow's kernel half: what TCP's callbacks become.

use super::act;
use super::msk::Msk;
use super::netns;
use super::sha256::KernelSha256;
use super::Mptcp;
use crate::engine::send_buffer::PathBuffer;
use crate::engine::{Duration, Ending, Event, Mib, SubflowId, SubflowTx, SynAckAnswer};
use crate::sys::proto;
use crate::sys::segment::Header;
use crate::sys::sock::{state, Sock};
use crate::sys::stream;
use crate::sys::subflow::{Received, SubflowLocked};
use crate::wire::{self, Dsn, SegmentKind, Ssn};
use kernel::prelude::*;
use kernel::sync::aref::ARef;
use kernel::sync::atomic::{ordering, Atomic};

/// What may be read of a subflow without its lock.
pub(crate) struct Subflow {
    /// The MPTCP socket above it.
    msk: ARef<Sock>,
    /// Its name in the engine; a listener's is never used.
    id: Option<SubflowId>,
    /// Our and the peer's initial sequence numbers, once known.
    local_isn: Atomic<u32>,
    peer_isn: Atomic<u32>,
    /// The device that does not work; 0 if there is none.
    down: Atomic<u32>,
}

/// What the subflow's lock guards.
pub(crate) struct Locked {
    pub(super) tx: SubflowTx,
    /// SYNs that went out without MP_CAPABLE.
    pub(super) plain_syns: u8,
    /// Where the data ends that TCP was handed last.
    pub(super) handed: Option<Dsn>,
    /// How often TCP's retransmission timer had fired when we looked last.
    pub(super) timeouts: u8,
    /// The send buffer and the round-trip time that the connection counts on.
    pub(super) buffered: PathBuffer,
    /// The engine was told that TCP is done.
    closed: bool,
}

impl Locked {
    pub(super) fn new(tx: SubflowTx) -> Self {
        Self {
            tx,
            plain_syns: 0,
            handed: None,
            timeouts: 0,
            buffered: PathBuffer { octets: 0, srtt: 0 },
            closed: false,
        }
    }
}

impl Subflow {
    pub(super) fn new(msk: ARef<Sock>, id: Option<SubflowId>) -> Self {
        Self {
            msk,
            id,
            local_isn: Atomic::new(0),
            peer_isn: Atomic::new(0),
            down: Atomic::new(0),
        }
    }

    pub(super) fn with_isns(self, local: u32, peer: u32) -> Self {
        self.local_isn.store(local, ordering::Release);
        self.peer_isn.store(peer, ordering::Release);
        self
    }

    pub(super) fn id(&self) -> Option<SubflowId> {
        self.id
    }

    /// The MPTCP socket and its state.
    pub(super) fn msk(&self) -> Option<(&Sock, &Msk)> {
        Some((&self.msk, proto::msk_of::<Mptcp>(&self.msk)?))
    }

    pub(super) fn set_local_isn(&self, isn: u32) {
        self.local_isn.store(isn, ordering::Release);
    }

    /// The place of one of our bytes.
    pub(super) fn local_ssn(&self, seq: u32) -> Ssn {
        Ssn::from_tcp(seq, self.local_isn.load(ordering::Acquire))
    }

    /// The place of one of the peer's bytes.
    pub(super) fn peer_ssn(&self, seq: u32) -> Ssn {
        Ssn::from_tcp(seq, self.peer_isn.load(ordering::Acquire))
    }

    /// The peer's initial sequence number, once known.
    pub(super) fn peer_isn(&self) -> u32 {
        self.peer_isn.load(ordering::Acquire)
    }

    /// Its device does not work; says whether that is news.
    pub(super) fn link_is_down(&self, device: u32) -> bool {
        self.down.xchg(device, ordering::Relaxed) != device
    }

    /// The device works; says whether it was the one that did not.
    pub(super) fn link_is_back(&self, device: u32) -> bool {
        self.down.cmpxchg(device, 0, ordering::Relaxed).is_ok()
    }

    /// A connection waits in the accept queue.
    pub(super) fn wake_listener(&self) {
        self.msk.data_ready();
    }
}

/// The SYN/ACK that answers our SYN. The subflow is locked, TCP is about to send the third ACK.
pub(super) fn syn_ack(locked: &mut SubflowLocked<'_, Mptcp>, header: &Header) {
    let subflow = locked.subflow();
    let (Some(sf), Some((sk, msk))) = (subflow.id(), subflow.msk()) else {
        return;
    };
    subflow.peer_isn.store(header.seq, ordering::Release);
    let options = wire::parse(header.options(), SegmentKind::SynAck);
    if sf != SubflowId::FIRST {
        return join_syn_ack(locked, header, sf, &options);
    }
    let mut answer = SynAckAnswer::read::<KernelSha256>(&options);
    if !skip_syn_data(locked, header) {
        answer = SynAckAnswer::Plain;
    }
    if matches!(answer, SynAckAnswer::Capable { .. }) {
        reserve(locked);
    }
    proto::copy_addresses(sk, locked.sock());
    let plain_syns = locked.locked().plain_syns;
    let event = Event::SynAck {
        sf,
        answer,
        window: header.window.into(),
        plain_syns,
    };
    msk.post(sk, event).finish_locked(sk, msk, locked);
    locked.want_write_space();
}

/// The SYN/ACK that answers the SYN of a join.
fn join_syn_ack(
    locked: &mut SubflowLocked<'_, Mptcp>,
    header: &Header,
    sf: SubflowId,
    options: &wire::Options,
) {
    let Some((sk, msk)) = locked.subflow().msk() else {
        return;
    };
    reserve(locked);
    locked.sock().raise_rcvbuf(sk.rcvbuf());
    let srtt = locked.sock().path().srtt;
    let srtt = (srtt > 0).then(|| Duration::from_millis(u64::from(srtt).div_ceil(1000)));
    msk.post(sk, Event::JoinSynAck { sf, options, srtt })
        .finish_locked(sk, msk, locked);
    if header.source != sk.remote_end().port() && has_joined(msk, sf) {
        netns::of(sk).count(Mib::MPJoinPortSynAckRx, 1);
    }
    super::send_buffer::follow(sk, msk, locked);
}

/// Whether the answer to our SYN was the right one.
fn has_joined(msk: &Msk, sf: SubflowId) -> bool {
    let inner = msk.inner.lock();
    let info = inner.conn.as_ref().and_then(|conn| conn.subflow_info(sf));
    info.is_some_and(|info| info.join_remote)
}

/// The connection is open without a SYN/ACK for our SYN: it crossed the peer's, and is plain TCP.
fn crossed(locked: &mut SubflowLocked<'_, Mptcp>) {
    let subflow = locked.subflow();
    let (Some(sf), Some((sk, msk))) = (subflow.id(), subflow.msk()) else {
        return;
    };
    let isn = locked.numbers().rcv_nxt.wrapping_sub(1);
    subflow.peer_isn.store(isn, ordering::Release);
    proto::copy_addresses(sk, locked.sock());
    let event = Event::SynAck {
        sf,
        answer: SynAckAnswer::Plain,
        window: 0,
        plain_syns: 0,
    };
    msk.post(sk, event).finish_locked(sk, msk, locked);
}

/// Starts counting behind the data on our SYN, which has no data sequence numbers. `false` if the peer did not take it:
/// TCP will send it again where a mapping should be, so the connection can only go on as plain TCP.
fn skip_syn_data(locked: &mut SubflowLocked<'_, Mptcp>, header: &Header) -> bool {
    let subflow = locked.subflow();
    let isn = subflow.local_isn.load(ordering::Acquire);
    let first = isn.wrapping_add(1);
    let bytes = locked.numbers().write_seq.wrapping_sub(first);
    subflow.set_local_isn(isn.wrapping_add(bytes));
    header.ack_seq.wrapping_sub(first) == bytes
}

/// Keeps room for the largest option set in every segment.
pub(super) fn reserve(locked: &mut SubflowLocked<'_, Mptcp>) {
    let bytes = u16::try_from(wire::space::DATA_RESERVE).unwrap_or(28);
    locked.reserve_options(bytes);
}

/// TCP has data, or the FIN, in order.
pub(super) fn data_ready(locked: &mut SubflowLocked<'_, Mptcp>) {
    let Some((sk, msk)) = locked.subflow().msk() else {
        return;
    };
    pull(sk, msk, locked);
    if super::poll::is_readable(sk, msk) && !sk.is_dead() {
        locked.leave_ack_to_reader();
    }
}

/// Moves what TCP has in order to the connection, as far as the receive buffer goes: what it cannot hold stays with TCP,
/// whose window then closes.
pub(super) fn pull(sk: &Sock, msk: &Msk, locked: &mut SubflowLocked<'_, Mptcp>) {
    pull_while(sk, msk, locked, || sk.rmem() <= sk.rcvbuf());
}

fn pull_while(
    sk: &Sock,
    msk: &Msk,
    locked: &mut SubflowLocked<'_, Mptcp>,
    room: impl Fn() -> bool,
) {
    let Some(sf) = locked.subflow().id() else {
        return;
    };
    let mut out = act::Outcome::default();
    while room() {
        let Some(received) = locked.next_received() else {
            break;
        };
        let Received {
            skb,
            seq,
            mapping,
            fin,
        } = received;
        if let Some(payload) = skb {
            let ssn = locked.subflow().peer_ssn(seq);
            let (len, old) = (payload.len(), msk.shared.rcv_nxt());
            let mut inner = msk.inner.lock();
            // Best effort: the buffer is here, and was charged to the subflow until now.
            stream::schedule_receive(sk, payload.truesize());
            let event = if ssn.before(Ssn::FIRST) {
                Event::SynData { payload }
            } else {
                Event::Data {
                    sf,
                    ssn,
                    payload,
                    mapping,
                }
            };
            out = out.and(inner.step(sk, msk, event));
            super::trace::delivered(msk, sf, ssn, len, old.0);
        }
        if fin {
            out = out.and(msk.post(sk, Event::SubflowFin { sf }));
        }
    }
    out.finish_locked(sk, msk, locked);
}

/// TCP has room, or an acknowledgement arrived while there was something to send.
pub(super) fn write_space(locked: &mut SubflowLocked<'_, Mptcp>) {
    let Some((sk, msk)) = locked.subflow().msk() else {
        return;
    };
    if msk.shared.is_fallback() {
        acknowledged(sk, msk, locked);
    }
    let flushed = act::flush(sk, msk, locked);
    let others = if flushed.pushed {
        flushed.others
    } else {
        super::sendmsg::push(sk, msk, locked)
    };
    if others {
        msk.worker.queue();
    }
    super::send_buffer::follow(sk, msk, locked);
}

/// In fallback TCP's own acknowledgements are what frees data.
pub(super) fn acknowledged(sk: &Sock, msk: &Msk, locked: &mut SubflowLocked<'_, Mptcp>) {
    let Some(sf) = locked.subflow().id() else {
        return;
    };
    let una = locked.subflow().local_ssn(locked.numbers().snd_una);
    msk.post(sk, Event::SubflowAcked { sf, una })
        .finish_locked(sk, msk, locked);
}

/// TCP's state changed, or it has an error.
pub(super) fn state_change(locked: &mut SubflowLocked<'_, Mptcp>) {
    let Some((sk, msk)) = locked.subflow().msk() else {
        return;
    };
    if locked.subflow().id().is_none() {
        return;
    }
    match locked.sock().state() {
        state::CLOSE => closed(locked),
        state::ESTABLISHED => {
            if locked.subflow().peer_isn() == 0 && locked.subflow().id() == Some(SubflowId::FIRST) {
                crossed(locked);
            }
            pull(sk, msk, locked);
            // A fast open may have been written to before.
            write_space(locked);
        }
        _ => {
            pull(sk, msk, locked);
            fin_taken(sk, msk, locked);
        }
    }
}

/// TCP may have taken the peer's FIN: what waited for that is done.
fn fin_taken(sk: &Sock, msk: &Msk, locked: &mut SubflowLocked<'_, Mptcp>) {
    if let Some(sf) = locked.subflow().id() {
        msk.inner.lock().expect_fin(sf, false);
        if act::flush(sk, msk, locked).others {
            msk.worker.queue();
        }
    }
}

/// Tells the engine, once, that TCP is done.
pub(super) fn closed(locked: &mut SubflowLocked<'_, Mptcp>) {
    let subflow = locked.subflow();
    let (Some(sf), Some((sk, msk))) = (subflow.id(), subflow.msk()) else {
        return;
    };
    if core::mem::replace(&mut locked.locked().closed, true) {
        return;
    }
    // All of it, whatever the buffer holds: TCP is done with the socket, and nobody would ask for the rest.
    pull_while(sk, msk, locked, || true);
    if msk.shared.is_fallback() {
        acknowledged(sk, msk, locked);
    }
    let err = locked.sock().err();
    super::trace::closed(msk, sf, err);
    let ending = ending(err);
    let (out, goes_on) = {
        let mut inner = msk.inner.lock();
        let out = inner.step(sk, msk, Event::SubflowClosed { sf, ending });
        (out, inner.bury(sf))
    };
    out.finish_locked(sk, msk, locked);
    if goes_on {
        msk.worker.queue();
    }
}

fn ending(errno: i32) -> Ending {
    if errno == 0 {
        return Ending::Clean;
    }
    match Error::from_errno(-errno) {
        e if e == ECONNRESET || e == ECONNABORTED || e == EPIPE => Ending::Reset,
        e if e == ECONNREFUSED => Ending::Refused,
        e if e == ETIMEDOUT => Ending::TimedOut,
        _ => Ending::Unreachable,
    }
}

/// TCP destroys the connection.
pub(super) fn release(locked: &mut SubflowLocked<'_, Mptcp>) {
    closed(locked);
    let subflow = locked.subflow();
    if let (Some(SubflowId::FIRST), Some((sk, msk))) = (subflow.id(), subflow.msk()) {
        if !msk.inner.lock().accepted {
            super::close::abandon(sk, msk);
        }
    }
}
