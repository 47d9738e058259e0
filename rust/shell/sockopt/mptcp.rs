// SPDX-License-Identifier: GPL-2.0

//! SOL_MPTCP: what programs learn of a connection and its subflows (uapi.md 2.4), and what they choose of it.

use super::super::msk::Msk;
use super::super::paths;
use super::mptcp_info::{mptcp_info, MPTCP_INFO_LEN};
use super::{one_subflow, tcp_sockets};
use crate::engine::{SchedulerKind, SubflowId};
use crate::sys::sock::Sock;
use crate::sys::sockopt::info::{SUBFLOW_ADDRS_LEN, TCP_INFO_LEN};
use crate::sys::sockopt::names::*;
use crate::sys::sockopt::{write_user, GetOpt, SetOpt};
use kernel::prelude::*;

/// The size of `struct mptcp_subflow_data`.
const SUBFLOW_DATA_LEN: usize = 16;
/// Where `struct mptcp_info` begins in `struct mptcp_full_info`.
const FULL_INFO_HEAD: usize = 40;
/// Where the addresses begin in `struct mptcp_subflow_info`.
const SUBFLOW_INFO_HEAD: usize = 8;
/// The size of `struct mptcp_subflow_info`.
const SUBFLOW_INFO_LEN: usize = SUBFLOW_INFO_HEAD + SUBFLOW_ADDRS_LEN;

/// Room for the name of a scheduler, its NUL included (`MPTCP_SCHED_NAME_MAX`).
const SCHEDULER_NAME: usize = 16;

/// getsockopt(2).
pub(super) fn get(sk: &Sock, msk: &Msk, opt: &GetOpt) -> Result {
    match opt.name {
        MPTCP_INFO => info(sk, msk, opt),
        MPTCP_TCPINFO => subflow_data(sk, msk, opt, TCP_INFO_LEN, |ssk, at, len| {
            opt.write_at(at, start(&ssk.tcp_info(), len))
        }),
        MPTCP_SUBFLOW_ADDRS => subflow_data(sk, msk, opt, SUBFLOW_ADDRS_LEN, |ssk, at, len| {
            opt.write_at(at, start(&ssk.subflow_addrs(), len))
        }),
        MPTCP_FULL_INFO => full_info(sk, msk, opt),
        MPTCP_SCHEDULER => put_scheduler(msk, opt),
        MPTCP_SUBFLOW_OPT => one_subflow::get(sk, msk, opt),
        _ => Err(EOPNOTSUPP),
    }
}

/// setsockopt(2).
pub(super) fn set(sk: &Sock, msk: &Msk, opt: &SetOpt) -> Result {
    match opt.name {
        MPTCP_SCHEDULER => set_scheduler(sk, msk, opt),
        MPTCP_SUBFLOW_OPT => one_subflow::set(sk, msk, opt),
        _ => Err(ENOPROTOOPT),
    }
}

/// MPTCP_SCHEDULER: at any time, for what no subflow has yet; accepted sockets have their listener's.
fn set_scheduler(sk: &Sock, msk: &Msk, opt: &SetOpt) -> Result {
    let mut text = [0; SCHEDULER_NAME];
    let len = opt.len().min(text.len());
    opt.read(text.get_mut(..len).unwrap_or_default())?;
    let name = text.split(|c| *c == 0).next().unwrap_or_default();
    let kind = SchedulerKind::named(name).ok_or(ENOENT)?;
    let guard = sk.lock();
    msk.options.set_scheduler(kind);
    paths::command(sk, msk, |conn| conn.set_scheduler(kind));
    drop(guard);
    Ok(())
}

/// MPTCP_SCHEDULER: the name and a NUL, as far as there is room.
fn put_scheduler(msk: &Msk, opt: &GetOpt) -> Result {
    let mut text = [0; SCHEDULER_NAME];
    let name = msk.options.scheduler().name();
    text.iter_mut()
        .zip(name.bytes())
        .for_each(|(to, c)| *to = c);
    let room = usize::try_from(opt.room()?).map_err(|_| EINVAL)?;
    opt.write(start(&text, room))
}

/// MPTCP_INFO. An empty buffer asks only whether the connection is MPTCP.
fn info(sk: &Sock, msk: &Msk, opt: &GetOpt) -> Result {
    let room = opt.room()?;
    if room == 0 {
        return Ok(());
    }
    // A negative length is a large one.
    let len = usize::try_from(room).unwrap_or(MPTCP_INFO_LEN);
    let guard = sk.lock();
    let info = mptcp_info(sk, msk);
    drop(guard);
    opt.write(start(&info, len))
}

/// An array with one element of up to `kernel_len` octets per subflow, behind a `struct mptcp_subflow_data`.
///
/// `put` writes the first octets of a subflow's element at an offset.
fn subflow_data(
    sk: &Sock,
    msk: &Msk,
    opt: &GetOpt,
    kernel_len: usize,
    put: impl Fn(&Sock, usize, usize) -> Result,
) -> Result {
    let room = usize::try_from(opt.room()?).map_err(|_| EINVAL)?;
    if room < SUBFLOW_DATA_LEN {
        return Err(EINVAL);
    }
    let mut head = [0; SUBFLOW_DATA_LEN];
    opt.read(&mut head)?;
    let (data_len, user_len) = (size(&head, 0)?, size(&head, 12)?);
    if data_len < SUBFLOW_DATA_LEN || data_len > room || word(&head, 4) != 0 || word(&head, 8) != 0
    {
        return Err(EINVAL);
    }
    let len = user_len.min(kernel_len);
    let mut left = room.saturating_sub(data_len);
    let mut end = data_len;
    let guard = sk.lock();
    let all = tcp_sockets(msk)?;
    for (_, ssk) in all.iter() {
        if left == 0 || left < len {
            break;
        }
        put(ssk, end, len)?;
        end = end.saturating_add(len);
        left = left.saturating_sub(len);
    }
    drop(guard);
    set_word(&mut head, 4, all.len());
    set_word(&mut head, 8, kernel_len);
    set_word(&mut head, 12, len);
    opt.write_len(if end > data_len {
        end
    } else {
        SUBFLOW_DATA_LEN
    })?;
    opt.write_at(0, &head)
}

/// MPTCP_FULL_INFO: two arrays where the program has them, and `struct mptcp_info`.
fn full_info(sk: &Sock, msk: &Msk, opt: &GetOpt) -> Result {
    let room = usize::try_from(opt.room()?).map_err(|_| EINVAL)?;
    if room < FULL_INFO_HEAD {
        return Err(EINVAL);
    }
    let mut head = [0; FULL_INFO_HEAD];
    opt.read(&mut head)?;
    if word(&head, 0) != 0 || word(&head, 8) != 0 || word(&head, 16) != 0 {
        return Err(EINVAL);
    }
    let tcp_len = size(&head, 4)?.min(TCP_INFO_LEN);
    let sf_len = size(&head, 12)?.min(SUBFLOW_INFO_LEN);
    let most = usize::try_from(word(&head, 20)).unwrap_or(usize::MAX);
    let (mut sf_to, mut tcp_to) = (long(&head, 24), long(&head, 32));
    let guard = sk.lock();
    let info = mptcp_info(sk, msk);
    let all = tcp_sockets(msk)?;
    for (id, ssk) in all.iter().take(most) {
        put_subflow_info(sf_to, *id, ssk, sf_len)?;
        sf_to = sf_to.wrapping_add(u64::try_from(sf_len).unwrap_or(0));
        if tcp_len > 0 {
            write_user(tcp_to, start(&ssk.tcp_info(), tcp_len))?;
            tcp_to = tcp_to.wrapping_add(u64::try_from(tcp_len).unwrap_or(0));
        }
    }
    drop(guard);
    set_word(&mut head, 0, TCP_INFO_LEN);
    set_word(&mut head, 4, tcp_len);
    set_word(&mut head, 8, SUBFLOW_INFO_LEN);
    set_word(&mut head, 12, sf_len);
    set_word(&mut head, 16, all.len());
    let info = start(&info, room.saturating_sub(FULL_INFO_HEAD));
    opt.write_len(FULL_INFO_HEAD.saturating_add(info.len()))?;
    opt.write_at(0, &head)?;
    opt.write_at(FULL_INFO_HEAD, info)
}

/// Writes the first `len` octets of a `struct mptcp_subflow_info`.
fn put_subflow_info(to: u64, id: SubflowId, ssk: &Sock, len: usize) -> Result {
    let mut head = [0; SUBFLOW_INFO_HEAD];
    for (to, from) in head.iter_mut().zip(id.0.to_ne_bytes()) {
        *to = from;
    }
    write_user(to, start(&head, len))?;
    match len.checked_sub(SUBFLOW_INFO_HEAD) {
        None | Some(0) => Ok(()),
        Some(rest) => write_user(to.wrapping_add(8), start(&ssk.subflow_addrs(), rest)),
    }
}

/// The first octets, at most `len`.
fn start(bytes: &[u8], len: usize) -> &[u8] {
    bytes.get(..len).unwrap_or(bytes)
}

pub(super) fn word(bytes: &[u8], at: usize) -> u32 {
    let word = bytes.get(at..).and_then(|rest| rest.first_chunk());
    word.map_or(0, |word| u32::from_ne_bytes(*word))
}

fn long(bytes: &[u8], at: usize) -> u64 {
    let long = bytes.get(at..).and_then(|rest| rest.first_chunk());
    long.map_or(0, |long| u64::from_ne_bytes(*long))
}

/// A size that fits an `int`.
fn size(bytes: &[u8], at: usize) -> Result<usize> {
    i32::try_from(word(bytes, at))
        .ok()
        .and_then(|size| usize::try_from(size).ok())
        .ok_or(EINVAL)
}

fn set_word(bytes: &mut [u8], at: usize, value: usize) {
    let value = u32::try_from(value).unwrap_or(u32::MAX);
    for (to, from) in bytes.iter_mut().skip(at).zip(value.to_ne_bytes()) {
        *to = from;
    }
}
