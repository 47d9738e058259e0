// SPDX-License-Identifier: GPL-2.0

//! What tracepoints tell, and the counters of what a header says. Arguments are made only if somebody listens.

use super::msk::{Inner, Msk};
use super::netns;
use crate::engine::{FallbackReason, Mib, PathStats, Stamped, SubflowId, Transmit, Window};
use crate::sys::sock::Sock;
use crate::sys::trace;
use crate::wire::{Dropped, Mapping, Options, Ssn, WireDsn};

fn number(dsn: WireDsn) -> (u64, bool) {
    match dsn {
        WireDsn::Long(dsn) => (dsn, true),
        WireDsn::Short(dsn) => (dsn.into(), false),
    }
}

/// A subflow began. Without the connection's lock.
pub(super) fn opened(msk: &Msk, sf: SubflowId, ssk: &Sock, active: bool) {
    trace::subflow_open(|| {
        let inner = msk.inner.lock();
        let conn = inner.conn.as_ref();
        let ends = conn.and_then(|conn| conn.ends(sf)).unwrap_or_default();
        trace::SubflowOpen {
            token: msk.token(),
            subflow: sf.0,
            ssk,
            active,
            local_id: ends.local_id.0,
            remote_id: ends.remote_id.0,
            backup: ends.local_backup || ends.remote_backup,
        }
    });
}

/// TCP is done with a subflow.
pub(super) fn closed(msk: &Msk, sf: SubflowId, err: i32) {
    trace::subflow_close(|| trace::SubflowClose {
        token: msk.token(),
        subflow: sf.0,
        err,
    });
}

/// The engine gave a range to a subflow; `stats` is what TCP measures there.
pub(super) fn chosen(
    msk: &Msk,
    sf: SubflowId,
    transmit: &Transmit,
    room: u32,
    inner: &Inner,
    stats: impl FnOnce() -> PathStats,
) {
    trace::sched(|| {
        let stats = stats();
        trace::Sched {
            token: msk.token(),
            subflow: sf.0,
            dsn: transmit.dsn.0,
            len: transmit.len,
            again: transmit.reinjection,
            room,
            srtt: stats.srtt,
            cwnd: stats.cwnd,
            pacing: stats.pacing,
            subflows: u32::try_from(inner.subflows.iter().count()).unwrap_or(u32::MAX),
        }
    });
}

/// TCP took `sent` octets of what it was handed.
pub(super) fn handed(msk: &Msk, sf: SubflowId, ssn: Ssn, transmit: &Transmit, sent: u32) {
    trace::send(|| trace::Send {
        token: msk.token(),
        subflow: sf.0,
        dsn: transmit.dsn.0,
        ssn: ssn.0,
        offered: transmit.len,
        sent,
        infinite: transmit.infinite,
    });
}

/// A segment brought a mapping.
pub(super) fn mapped(msk: &Msk, sf: SubflowId, mapping: &Mapping, payload: u32) {
    trace::mapping(|| {
        let (dsn, dsn64) = number(mapping.dsn);
        trace::Mapping {
            token: msk.token(),
            subflow: sf.0,
            dsn,
            dsn64,
            ssn: mapping.ssn.0,
            len: mapping.len,
            fin: mapping.data_fin,
            csum: mapping.checksum.map_or(-1, i32::from),
            payload,
        }
    });
}

/// TCP delivered bytes, which moved the next number expected from `old` to `new`.
pub(super) fn delivered(msk: &Msk, sf: SubflowId, ssn: Ssn, len: u32, old: u64) {
    trace::data(|| trace::Data {
        token: msk.token(),
        subflow: sf.0,
        ssn: ssn.0,
        len,
        old_nxt: old,
        new_nxt: msk.shared.rcv_nxt().0,
    });
}

/// How far the peer had acknowledged and allowed, before an event.
#[derive(Clone, Copy)]
pub(super) struct Allowed {
    una: u64,
    edge: u64,
}

impl Allowed {
    fn now(inner: &Inner) -> Self {
        let conn = inner.conn.as_ref();
        let (una, window) = conn.map_or((0, 0), |conn| (conn.snd_una().0, conn.peer_window()));
        Self {
            una,
            edge: una.wrapping_add(window.into()),
        }
    }

    /// If somebody listens.
    #[inline(always)]
    pub(super) fn before(inner: &Inner) -> Option<Self> {
        trace::data_ack_is_heard().then(|| Self::now(inner))
    }

    /// The segment behind the event brought a DATA_ACK, if it did.
    pub(super) fn told(self, msk: &Msk, sf: SubflowId, options: &Options, inner: &Inner) {
        let Some(data_ack) = options.dss.and_then(|dss| dss.data_ack) else {
            return;
        };
        let now = Self::now(inner);
        trace::data_ack(|| trace::DataAck {
            token: msk.token(),
            subflow: sf.0,
            data_ack: number(data_ack).0,
            old_una: self.una,
            new_una: now.una,
            old_edge: self.edge,
            new_edge: now.edge,
        });
    }
}

/// The connection is plain TCP from here on.
pub(super) fn fell_back(msk: &Msk, reason: FallbackReason) {
    trace::fallback(|| trace::Fallback {
        token: msk.token(),
        reason: match reason {
            FallbackReason::SynAck => 0,
            FallbackReason::SynDropped => 1,
            FallbackReason::SimultaneousOpen => 2,
            FallbackReason::NoOptions => 3,
            FallbackReason::Mapping => 4,
            FallbackReason::Checksum => 5,
            FallbackReason::InfiniteReceived => 6,
            FallbackReason::InfiniteSent => 7,
        },
    });
}

/// The receive buffer grows.
pub(super) fn grows(msk: &Msk, old: i32, new: i32, rtt: u64) {
    trace::rcvbuf_grow(|| trace::RcvbufGrow {
        token: msk.token(),
        old_buf: old,
        new_buf: new,
        rtt: u32::try_from(rtt).unwrap_or(u32::MAX),
    });
}

/// Counts what a header says.
pub(super) fn count_header(sk: &Sock, stamped: &Stamped, dropped: &Dropped) {
    let ns = || netns::of(sk);
    if let Some(option) = stamped.options.add_addr.filter(|_| !dropped.add_addr) {
        let echo = option.is_echo();
        ns().count(if echo { Mib::EchoAddTx } else { Mib::AddAddrTx }, 1);
    }
    if stamped.unordered {
        ns().count(Mib::MPRstTx, 1);
    }
}

/// Counts what the window of a header met: `raised` where TCP alone would have told a smaller one.
pub(super) fn count_window(sk: &Sock, window: &Window, raised: bool) {
    if raised {
        netns::of(sk).count(Mib::RcvWndShared, 1);
    }
    if window.races > 0 {
        let (again, lost) = window.conflicts();
        netns::of(sk).count(Mib::RcvWndConflict, again.into());
        netns::of(sk).count(Mib::RcvWndConflictUpdate, lost.into());
    }
}
