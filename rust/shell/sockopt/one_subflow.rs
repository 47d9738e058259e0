// SPDX-License-Identifier: GPL-2.0

//! MPTCP_SUBFLOW_OPT, beyond in-tree: an option of one subflow.
//!
//! The value is a header, `struct mptcp_subflow_opt` (samples/subflow_opt.h), and behind it the value of that option. It
//! goes to the TCP socket of the subflow, which checks it as it would for its owner. The connection keeps nothing of it:
//! the option goes with the subflow, and what is set for the whole connection later is set there too.

use super::super::msk::Msk;
use super::super::send_buffer;
use super::fallback;
use super::mptcp::word;
use crate::engine::SubflowId;
use crate::sys::sock::{state, Sock};
use crate::sys::sockopt::names::*;
use crate::sys::sockopt::{GetOpt, SetOpt};
use kernel::prelude::*;
use kernel::sync::aref::ARef;

/// The size of `struct mptcp_subflow_opt`: number of the subflow, level, name, and a word that is 0.
const HEAD: usize = 16;

/// What a header names.
struct Aim {
    sf: SubflowId,
    level: u32,
    name: u32,
}

impl Aim {
    fn new(head: &[u8; HEAD]) -> Result<Self> {
        if word(head, 12) != 0 {
            return Err(EINVAL);
        }
        Ok(Self {
            sf: SubflowId(word(head, 0)),
            level: word(head, 4),
            name: word(head, 8),
        })
    }

    /// The TCP socket of the subflow. The MPTCP socket is locked.
    fn find(&self, sk: &Sock, msk: &Msk) -> Result<ARef<Sock>> {
        if matches!(sk.state(), state::CLOSE | state::LISTEN) {
            return Err(ENOTCONN);
        }
        let inner = msk.inner.lock();
        let entry = inner.subflows.get(self.sf).filter(|entry| !entry.dead);
        entry.map(|entry| entry.ssk.clone()).ok_or(ESRCH)
    }

    /// ENOPROTOOPT for what is not to be had of one subflow, EOPNOTSUPP for a level that has nothing of it.
    fn check(&self, known: impl FnOnce(u32, u32) -> bool) -> Result {
        match self.level {
            SOL_SOCKET | SOL_IP | SOL_IPV6 | SOL_TCP => known(self.level, self.name)
                .then_some(())
                .ok_or(ENOPROTOOPT),
            _ => Err(EOPNOTSUPP),
        }
    }
}

/// What may differ from subflow to subflow. Not what decides where it goes, and not its receive buffer: the window is one
/// for all.
fn may_set(level: u32, name: u32) -> bool {
    match level {
        SOL_SOCKET => matches!(
            name,
            SO_INCOMING_CPU
                | SO_KEEPALIVE
                | SO_MARK
                | SO_MAX_PACING_RATE
                | SO_PRIORITY
                | SO_SNDBUF
                | SO_SNDBUFFORCE
        ),
        SOL_IP => matches!(name, IP_MINTTL | IP_MTU_DISCOVER | IP_TOS | IP_TTL),
        SOL_IPV6 => matches!(
            name,
            IPV6_AUTOFLOWLABEL
                | IPV6_DONTFRAG
                | IPV6_MINHOPCOUNT
                | IPV6_MTU_DISCOVER
                | IPV6_TCLASS
                | IPV6_UNICAST_HOPS
        ),
        _ => matches!(
            name,
            TCP_CONGESTION
                | TCP_CORK
                | TCP_DELACK_MAX_US
                | TCP_KEEPCNT
                | TCP_KEEPIDLE
                | TCP_KEEPINTVL
                | TCP_LINGER2
                | TCP_MAXSEG
                | TCP_NODELAY
                | TCP_QUICKACK
                | TCP_RTO_MAX_MS
                | TCP_RTO_MIN_US
                | TCP_SYNCNT
                | TCP_THIN_LINEAR_TIMEOUTS
                | TCP_TX_DELAY
                | TCP_USER_TIMEOUT
        ),
    }
}

/// What of a subflow can be asked: what can be set, and what it found out.
fn may_get(level: u32, name: u32) -> bool {
    let found = match level {
        SOL_SOCKET => matches!(
            name,
            SO_BINDTODEVICE
                | SO_BINDTOIFINDEX
                | SO_COOKIE
                | SO_INCOMING_NAPI_ID
                | SO_MEMINFO
                | SO_RCVBUF
        ),
        SOL_IP => name == IP_MTU,
        SOL_IPV6 => name == IPV6_MTU,
        _ => matches!(name, TCP_CC_INFO | TCP_INFO | TCP_WINDOW_CLAMP),
    };
    found || may_set(level, name)
}

/// setsockopt(2).
pub(super) fn set(sk: &Sock, msk: &Msk, opt: &SetOpt) -> Result {
    if let Some(ssk) = fallback(msk) {
        return opt.apply_to_tcp(&ssk);
    }
    let mut head = [0; HEAD];
    opt.read(&mut head)?;
    let aim = Aim::new(&head)?;
    aim.check(may_set)?;
    let guard = sk.lock();
    let ssk = aim.find(sk, msk)?;
    opt.apply_behind(&ssk, HEAD, aim.level, aim.name)?;
    send_buffer::sum(sk, msk);
    drop(guard);
    Ok(())
}

/// getsockopt(2).
pub(super) fn get(sk: &Sock, msk: &Msk, opt: &GetOpt) -> Result {
    let room = usize::try_from(opt.room()?).map_err(|_| EINVAL)?;
    if room < HEAD {
        return Err(EINVAL);
    }
    let mut head = [0; HEAD];
    opt.read(&mut head)?;
    let aim = Aim::new(&head)?;
    aim.check(may_get)?;
    let guard = sk.lock();
    let ssk = aim.find(sk, msk)?;
    let result = opt.ask_behind(&ssk, HEAD, aim.level, aim.name);
    drop(guard);
    result
}
