// SPDX-License-Identifier: GPL-2.0

//! setsockopt(2) and getsockopt(2), by level.

use super::msk::Msk;
use super::Mptcp;
use crate::sys::sock::Sock;
use crate::sys::sockopt::{GetOpt, SetOpt};
use crate::sys::subflow;
use kernel::prelude::*;
use kernel::sync::atomic::{ordering, Atomic};

mod read_rate;

/// `SOL_TCP`.
pub(super) const SOL_TCP: u32 = 6;
/// The control message that TCP_INQ asks for.
pub(super) const TCP_CM_INQ: u32 = 36;

const SOL_SOCKET: i32 = 1;
const SOL_MPTCP: i32 = 284;

/// Options that programs set, for those that no C structure keeps.
#[derive(Default)]
pub(crate) struct Options {
    inq: AtomicU32,
    notsent_lowat: AtomicU32,
    released: AtomicU32,
    pub(super) read_rate: read_rate::ReadRate,
}

/// The kernel's atomic, with a default.
struct AtomicU32(Atomic<u32>);

impl Default for AtomicU32 {
    fn default() -> Self {
        Self(Atomic::new(0))
    }
}

impl Options {
    /// What an accepted socket takes over from its listener.
    pub(super) fn inherit(&self) -> Self {
        let new = Self::default();
        new.inq.0.store(self.inq.0.load(ordering::Relaxed), ordering::Relaxed);
        new.notsent_lowat
            .0
            .store(self.notsent_lowat.0.load(ordering::Relaxed), ordering::Relaxed);
        new
    }

    /// TCP_INQ.
    pub(super) fn inq(&self) -> bool {
        self.inq.0.load(ordering::Relaxed) != 0
    }

    /// TCP_NOTSENT_LOWAT, if set.
    pub(super) fn notsent_lowat(&self) -> Option<u32> {
        match self.notsent_lowat.0.load(ordering::Relaxed) {
            0 => None,
            bytes => Some(bytes),
        }
    }

    /// Whether the socket was released before; says so once.
    pub(super) fn released(&self) -> bool {
        self.released.0.xchg(1, ordering::Full) != 0
    }
}

/// Applies what was set on the MPTCP socket to a new TCP socket below it.
pub(super) fn inherit(_sk: &Sock, _msk: &Msk, _ssk: &Sock) {}

/// setsockopt(2).
pub(super) fn set(sk: &Sock, msk: &Msk, opt: &SetOpt) -> Result {
    match opt.level {
        SOL_SOCKET => opt.apply_to_sock(sk),
        SOL_MPTCP => Err(ENOPROTOOPT),
        _ => {
            let guard = sk.lock();
            let ssk = super::connect::first_socket(sk, msk).or_else(|_| msk.first_ssk().ok_or(EINVAL))?;
            drop(guard);
            opt.apply_to_tcp(&ssk)
        }
    }
}

/// getsockopt(2).
pub(super) fn get(sk: &Sock, msk: &Msk, opt: &GetOpt) -> Result {
    if opt.level == SOL_MPTCP {
        return Err(EOPNOTSUPP);
    }
    let guard = sk.lock();
    let ssk = match msk.first_ssk() {
        Some(ssk) => ssk,
        None => super::connect::first_socket(sk, msk)?,
    };
    drop(guard);
    let _ = subflow::of::<Mptcp>(&ssk);
    opt.ask_tcp(&ssk)
}
