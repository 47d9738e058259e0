// SPDX-License-Identifier: GPL-2.0

//! What `ss -M` and `ss -ti` show.

use super::msk::Msk;
use super::netns::Net;
use super::sockopt::mptcp_info;
use super::Mptcp;
use crate::engine::{SubflowId, SubflowInfo};
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
    pub(super) const MAP_VALID: u32 = 1 << 8;
}

/// What `ss -ti` says of a subflow.
pub(super) fn ulp_info(locked: &mut SubflowLocked<'_, Mptcp>) -> UlpInfo {
    let subflow = locked.subflow();
    let Some((_, msk)) = subflow.msk() else {
        return UlpInfo::default();
    };
    let shown = {
        let inner = msk.inner.lock();
        let sf = subflow.id().unwrap_or(SubflowId::FIRST);
        inner.conn.as_ref().and_then(|conn| conn.subflow_info(sf))
    };
    let Some(info) = shown else {
        return UlpInfo::default();
    };
    let connected = !matches!(locked.sock().state(), state::SYN_SENT | state::CLOSE);
    UlpInfo {
        token_remote: info.token_remote.0,
        token_local: info.token_local.0,
        flags: flags(&info, connected),
        id_remote: info.id_remote.0,
        id_local: info.id_local.0,
        write_seq: info.write_ssn.0,
        map_seq: info.map.dsn.0,
        map_ssn: info.map.ssn.0,
        ssn_offset: subflow.peer_isn(),
        map_len: info.map.len,
    }
}

fn flags(info: &SubflowInfo, connected: bool) -> u32 {
    let all = [
        (info.capable_remote, flag::CAPABLE_REMOTE),
        (info.capable_local, flag::CAPABLE_LOCAL),
        (info.join_remote, flag::JOIN_REMOTE),
        (info.join_local, flag::JOIN_LOCAL),
        (info.backup_remote, flag::BACKUP_REMOTE),
        (info.backup_local, flag::BACKUP_LOCAL),
        (info.established, flag::FULLY_ESTABLISHED),
        (connected, flag::CONNECTED),
        (info.map_valid, flag::MAP_VALID),
    ];
    let set = all.iter().filter(|(is_so, _)| *is_so);
    set.fold(0, |flags, (_, bit)| flags | bit)
}
