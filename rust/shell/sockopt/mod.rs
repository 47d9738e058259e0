// SPDX-License-Identifier: GPL-2.0

//! setsockopt(2) and getsockopt(2), by level.
//!
//! What a program sets is kept on the MPTCP socket, applied to the subflows that are there, and replayed on those that
//! come later. In fallback there is one TCP connection left, which answers for itself.

use super::msk::Msk;
use super::{connect, Mptcp};
use crate::engine::mem::FVec;
use crate::engine::SubflowId;
use crate::sys::sock::Sock;
use crate::sys::sockopt::fields::{self, Field};
use crate::sys::sockopt::names::{SOL_IP, SOL_IPV6, SOL_MPTCP, SOL_SOCKET};
use crate::sys::sockopt::{GetOpt, SetOpt};
use crate::sys::subflow;
use kernel::prelude::*;
use kernel::sync::aref::ARef;

mod ip;
mod mptcp;
pub(super) mod mptcp_info;
mod one_subflow;
mod options;
mod read_rate;
mod socket;
mod tcp;

pub(super) use crate::sys::sockopt::names::{SOL_TCP, TCP_CM_INQ};
pub(super) use mptcp_info::mptcp_info;
pub(crate) use options::{Options, Parting};

/// setsockopt(2). Process context.
pub(super) fn set(sk: &Sock, msk: &Msk, opt: &SetOpt) -> Result {
    if opt.level == SOL_SOCKET {
        return socket::set(sk, msk, opt);
    }
    if opt.level == SOL_MPTCP {
        return mptcp::set(sk, msk, opt);
    }
    let listed = match opt.level {
        SOL_IP => ip::is_known(opt.name),
        SOL_IPV6 => ip::is_known_v6(opt.name),
        SOL_TCP => tcp::is_known(opt.name),
        _ => false,
    };
    if !listed {
        return Err(ENOPROTOOPT);
    }
    if let Some(ssk) = fallback(msk) {
        return opt.apply_to_tcp(&ssk);
    }
    match opt.level {
        SOL_IP => ip::set(sk, msk, opt),
        SOL_IPV6 => ip::set_v6(sk, msk, opt),
        _ => tcp::set(sk, msk, opt),
    }
}

/// getsockopt(2), but for SOL_SOCKET, which the generic code answers. Process context.
pub(super) fn get(sk: &Sock, msk: &Msk, opt: &GetOpt) -> Result {
    if let Some(ssk) = fallback(msk) {
        return opt.ask_tcp(&ssk);
    }
    match opt.level {
        SOL_IP => ip::get(sk, opt),
        SOL_IPV6 => ip::get_v6(sk, opt),
        SOL_TCP => tcp::get(sk, msk, opt),
        SOL_MPTCP => mptcp::get(sk, msk, opt),
        _ => Err(EOPNOTSUPP),
    }
}

/// Applies what was set on the MPTCP socket to a new TCP socket below it, which nobody else knows. The MPTCP socket is
/// locked.
pub(super) fn inherit(sk: &Sock, msk: &Msk, ssk: &Sock) {
    let guard = ssk.lock();
    ssk.report_everything();
    for field in fields::REPLAYED {
        fields::copy(ssk, sk, field);
    }
    drop(guard);
    tcp::replay(msk, ssk);
}

/// What segments show of the options, for a subflow that TCP just made with those of the listener: its very first ACK has
/// those of the connection. Softirq; the lock of `ssk` is held.
pub(super) fn inherit_at_birth(sk: &Sock, ssk: &Sock) {
    for field in fields::ON_SEGMENTS {
        fields::copy(ssk, sk, field);
    }
}

/// As [`inherit`], for a subflow that TCP made: it has the options of the listener. The peer chose the device that it came
/// in by, and its family.
pub(super) fn inherit_joined(sk: &Sock, msk: &Msk, ssk: &Sock) {
    if let Some(locked) = subflow::lock::<Mptcp>(ssk) {
        let chosen = [Field::BoundDevice, Field::V6Only];
        for field in fields::REPLAYED {
            if chosen.contains(&field) {
                continue;
            }
            fields::copy(locked.sock(), sk, field);
        }
    }
    tcp::replay_over(msk, ssk);
}

/// Applies what bind and listen look at to a new first TCP socket: the one before it went with a disconnect. The MPTCP
/// socket is locked.
pub(super) fn inherit_reuse(sk: &Sock, ssk: &Sock) {
    if let Some(locked) = subflow::lock::<Mptcp>(ssk) {
        fields::copy(locked.sock(), sk, Field::Reuse);
        fields::copy(locked.sock(), sk, Field::ReusePort);
    }
}

/// The one TCP socket of a connection that fell back.
fn fallback(msk: &Msk) -> Option<ARef<Sock>> {
    if !msk.shared.is_fallback() {
        return None;
    }
    msk.first_ssk()
}

/// The TCP sockets below the MPTCP socket, which is locked: its subflows, or the one that bind or listen opened.
fn tcp_sockets(msk: &Msk) -> Result<FVec<(SubflowId, ARef<Sock>)>> {
    let mut all = FVec::new();
    {
        let inner = msk.inner.lock();
        for entry in inner.subflows.iter() {
            all.push((entry.id, entry.ssk.clone()))
                .map_err(|_| ENOMEM)?;
        }
    }
    if all.is_empty() {
        if let Some(ssk) = msk.first_ssk() {
            all.push((SubflowId::FIRST, ssk)).map_err(|_| ENOMEM)?;
        }
    }
    Ok(all)
}

/// Copies an option from the MPTCP socket, which is not locked, to the TCP sockets below it.
fn copy_down(sk: &Sock, msk: &Msk, field: Field) -> Result {
    let guard = sk.lock();
    for (_, ssk) in tcp_sockets(msk)?.iter() {
        if let Some(locked) = subflow::lock::<Mptcp>(ssk) {
            fields::copy(locked.sock(), sk, field);
        }
    }
    drop(guard);
    Ok(())
}

/// The first subflow, which a socket in CLOSE or LISTEN opens on need. The socket is locked.
fn first(sk: &Sock, msk: &Msk) -> Result<ARef<Sock>> {
    match msk.first_ssk() {
        Some(ssk) => Ok(ssk),
        None => connect::first_socket(sk, msk),
    }
}

/// Writes an integer into the room that the program has: a byte if that is enough, as IP does.
fn put_int(opt: &GetOpt, value: i32) -> Result {
    let room = usize::try_from(opt.room()?).map_err(|_| EINVAL)?;
    let bytes = value.to_ne_bytes();
    match u8::try_from(value) {
        Ok(byte) if (1..bytes.len()).contains(&room) => opt.write(&[byte]),
        _ => opt.write(bytes.get(..room.min(bytes.len())).unwrap_or(&bytes)),
    }
}
