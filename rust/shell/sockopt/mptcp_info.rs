// SPDX-License-Identifier: GPL-2.0

//! `struct mptcp_info`, for MPTCP_INFO, MPTCP_FULL_INFO and inet_diag.
//!
//! C header: `include/uapi/linux/mptcp.h`

use super::super::msk::{now, Inner, Msk};
use super::super::netns;
use crate::engine::path_manager::Flags;
use crate::engine::{Info, Instant};
use crate::sys::sock::{state, Sock};

/// The size of `struct mptcp_info`.
pub(crate) const MPTCP_INFO_LEN: usize = 96;

/// Bits of `mptcpi_flags`.
const FLAG_FALLBACK: u32 = 1;
const FLAG_REMOTE_KEY: u32 = 2;

/// What the path manager knows of a connection, and the limits of its namespace.
#[derive(Default)]
struct Paths {
    signalled: u8,
    accepted: u8,
    subflows_max: u8,
    signal_max: u8,
    accepted_max: u8,
    local_used: u8,
    subflow_max: u8,
    laminar_max: u8,
    fullmesh_max: u8,
}

fn octet(number: usize) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

/// The limits are those of the path manager in the kernel: where a program decides they say nothing.
fn paths(sk: &Sock, inner: &Inner) -> Paths {
    let mut paths = Paths::default();
    if let Some(conn) = &inner.conn {
        paths.signalled = octet(conn.announced());
    }
    if let Some(user) = &inner.user {
        paths.local_used = octet(user.iter().count());
        return paths;
    }
    if let Some(policy) = &inner.policy {
        paths.accepted = policy.accepted();
        paths.local_used = octet(policy.sources_used());
    }
    let table = netns::of(sk).endpoints().lock();
    let limits = table.limits;
    (paths.subflows_max, paths.accepted_max) = (limits.extra_subflows, limits.accepted);
    paths.signal_max = octet(table.with(Flags::SIGNAL));
    paths.subflow_max = octet(table.with(Flags::SUBFLOW));
    paths.laminar_max = octet(table.with(Flags::LAMINAR));
    paths.fullmesh_max = octet(table.with(Flags::FULLMESH));
    paths
}

/// The answer to MPTCP_INFO. Any context without the connection's lock.
pub(crate) fn mptcp_info(sk: &Sock, msk: &Msk) -> [u8; MPTCP_INFO_LEN] {
    let mut out = [0; MPTCP_INFO_LEN];
    let (paths, info) = {
        let inner = msk.inner.lock();
        let info = inner.conn.as_ref().map(|conn| conn.info());
        (paths(sk, &inner), info)
    };
    put(&mut out, 1, [paths.signalled, paths.accepted]);
    put(&mut out, 40, [paths.local_used]);
    if sk.state() == state::LISTEN {
        return out;
    }
    put(
        &mut out,
        3,
        [paths.subflows_max, paths.signal_max, paths.accepted_max],
    );
    put(&mut out, 41, [paths.subflow_max]);
    put(&mut out, 81, [paths.laminar_max, paths.fullmesh_max]);
    match info {
        Some(info) => put_connection(&mut out, &info),
        None => put(&mut out, 42, [netns::of(sk).config().checksum.into()]),
    }
    out
}

fn put_connection(out: &mut [u8; MPTCP_INFO_LEN], info: &Info) {
    let mut flags = 0;
    if info.fallback {
        flags |= FLAG_FALLBACK;
    }
    if info.remote_key {
        flags |= FLAG_REMOTE_KEY;
    }
    put(out, 0, [info.extra_subflows]);
    put(out, 8, flags.to_ne_bytes());
    put(out, 12, info.token.0.to_ne_bytes());
    put(out, 16, info.write_seq.0.to_ne_bytes());
    put(out, 24, info.snd_una.0.to_ne_bytes());
    put(out, 32, info.rcv_nxt.0.to_ne_bytes());
    put(out, 42, [info.checksum.into()]);
    put(out, 44, info.retransmits.to_ne_bytes());
    put(out, 48, info.bytes_retrans.to_ne_bytes());
    put(out, 56, info.bytes_sent.to_ne_bytes());
    put(out, 64, info.bytes_received.to_ne_bytes());
    put(out, 72, info.bytes_acked.to_ne_bytes());
    put(out, 80, [info.subflows_total]);
    let now = now();
    let ago = |then: Instant| {
        u32::try_from(now.since(then).as_millis())
            .unwrap_or(u32::MAX)
            .to_ne_bytes()
    };
    put(out, 84, ago(info.last_data_sent));
    put(out, 88, ago(info.last_data_recv));
    put(out, 92, ago(info.last_ack_recv));
}

/// Writes a field.
fn put<const N: usize>(out: &mut [u8; MPTCP_INFO_LEN], at: usize, value: [u8; N]) {
    for (to, from) in out.iter_mut().skip(at).zip(value) {
        *to = from;
    }
}
