// SPDX-License-Identifier: GPL-2.0

//! What `ss -M` and `ss -ti` show.

use super::msk::{Inner, Msk};
use super::netns::Net;
use super::sockopt::mptcp_info;
use super::Mptcp;
use crate::engine::{Info, Mode, SubflowId};
use crate::new_bh_lock;
use crate::sys::bh_lock::BhLock;
use crate::sys::inet_diag::Shown;
use crate::sys::sock::{state, Sock};
use crate::sys::subflow::SubflowLocked;
use crate::sys::ulp::UlpInfo;
use crate::wire::Token;
use kernel::prelude::*;
use kernel::rbtree::{RBTree, RBTreeNode};
use kernel::sync::aref::ARef;

/// The listening sockets of a namespace, by their address in memory.
#[pin_data]
pub(super) struct Listeners {
    #[pin]
    table: BhLock<RBTree<u64, ARef<Sock>>>,
}

fn key(sk: &Sock) -> u64 {
    u64::try_from(core::ptr::from_ref(sk).addr()).unwrap_or(u64::MAX)
}

impl Listeners {
    pub(super) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            table <- new_bh_lock!(RBTree::new(), "rust_mptcp listeners"),
        })
    }

    /// Notes a listener. Without memory it is not shown.
    pub(super) fn insert(&self, sk: &Sock) {
        if let Ok(node) = RBTreeNode::new(key(sk), sk.hold(), GFP_KERNEL) {
            let old = self.table.lock().insert(node);
            drop(old);
        }
    }

    /// It listens no more.
    pub(super) fn remove(&self, sk: &Sock) {
        let node = self.table.lock().remove_node(&key(sk));
        drop(node);
    }

    fn next(&self, at: u64) -> Option<(u64, ARef<Sock>)> {
        let table = self.table.lock();
        let cursor = table.cursor_lower_bound(&at)?;
        let (key, sk) = cursor.current();
        Some((*key, sk.clone()))
    }
}

/// The first socket at key `at` or after it.
pub(super) fn next(net: &Net, listeners: bool, at: u64) -> Option<(u64, ARef<Sock>)> {
    if listeners {
        net.listeners.next(at)
    } else {
        net.tokens.next(at)
    }
}

/// The socket of a token.
pub(super) fn find(net: &Net, token: u32) -> Option<ARef<Sock>> {
    net.tokens.find(Token(token))
}

/// What a line of `ss -M` says.
pub(super) fn info(sk: &Sock, msk: &Msk) -> Shown {
    let (rqueue, wqueue) = match msk.first_ssk() {
        Some(listener) if sk.state() == state::LISTEN => listener.accept_backlog(),
        _ => (u32::try_from(sk.rmem()).unwrap_or(0), sk.wmem()),
    };
    Shown {
        rqueue,
        wqueue,
        info: mptcp_info(sk, msk),
    }
}

/// Bits of `MPTCP_SUBFLOW_FLAG_*` (include/uapi/linux/mptcp.h).
mod flag {
    pub(super) const CAPABLE_REMOTE: u32 = 1 << 0;
    pub(super) const CAPABLE_LOCAL: u32 = 1 << 1;
    pub(super) const JOIN_REMOTE: u32 = 1 << 2;
    pub(super) const JOIN_LOCAL: u32 = 1 << 3;
    pub(super) const BACKUP_REMOTE: u32 = 1 << 4;
    pub(super) const BACKUP_LOCAL: u32 = 1 << 5;
    pub(super) const FULLY_ESTABLISHED: u32 = 1 << 6;
    pub(super) const CONNECTED: u32 = 1 << 7;
}

/// What `ss -ti` says of a subflow.
pub(super) fn ulp_info(locked: &mut SubflowLocked<'_, Mptcp>) -> UlpInfo {
    let subflow = locked.subflow();
    let numbers = locked.numbers();
    let Some((_, msk)) = subflow.msk() else {
        return UlpInfo::default();
    };
    let inner = msk.inner.lock();
    let Some(conn) = inner.conn.as_ref() else {
        return UlpInfo::default();
    };
    let info = conn.info();
    let sf = subflow.id().unwrap_or(SubflowId::FIRST);
    let ends = conn.ends(sf).unwrap_or_default();
    let mut flags = if sf == SubflowId::FIRST {
        first_flags(&inner, &info, conn.is_active())
    } else {
        joined_flags(&inner, sf)
    };
    if ends.remote_backup {
        flags |= flag::BACKUP_REMOTE;
    }
    if ends.local_backup {
        flags |= flag::BACKUP_LOCAL;
    }
    if conn.mode() == Mode::Verified {
        flags |= flag::FULLY_ESTABLISHED;
    }
    if !matches!(locked.sock().state(), state::SYN_SENT | state::CLOSE) {
        flags |= flag::CONNECTED;
    }
    UlpInfo {
        token_local: info.token.0,
        flags,
        id_remote: ends.remote_id.0,
        id_local: ends.local_id.0,
        write_seq: subflow.local_ssn(numbers.write_seq).0,
        map_seq: info.rcv_nxt.0,
        map_ssn: subflow.peer_ssn(numbers.rcv_nxt).0,
        ssn_offset: subflow.peer_isn(),
        ..UlpInfo::default()
    }
}

/// Who offered MPTCP on the first subflow.
fn first_flags(inner: &Inner, info: &Info, is_active: bool) -> u32 {
    let mut flags = 0;
    if info.remote_key {
        flags |= flag::CAPABLE_REMOTE;
    }
    // A connection that we opened: its token was drawn for MP_CAPABLE, unless it began as plain TCP.
    if is_active && !(info.fallback && inner.token.is_none()) {
        flags |= flag::CAPABLE_LOCAL;
    }
    flags
}

/// Who asked for a further subflow: one that we opened has a socket of its own.
fn joined_flags(inner: &Inner, sf: SubflowId) -> u32 {
    let ours = inner
        .subflows
        .get(sf)
        .is_some_and(|entry| entry.socket.is_some());
    if ours {
        flag::JOIN_REMOTE | flag::JOIN_LOCAL
    } else {
        flag::JOIN_REMOTE
    }
}
