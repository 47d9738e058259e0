// SPDX-License-Identifier: GPL-2.0

//! The tokens of a namespace's connections.

use crate::new_bh_lock;
use crate::sys::bh_lock::BhLock;
use crate::sys::sock::Sock;
use crate::wire::Token;
use kernel::prelude::*;
use kernel::rbtree::{RBTree, RBTreeNode};
use kernel::sync::aref::ARef;

/// Token to MPTCP socket. Sockets with a token are what `/proc/net/protocols` counts as in use, beside listeners.
#[pin_data]
pub(super) struct Tokens {
    #[pin]
    table: BhLock<RBTree<u32, SockPtr>>,
}

/// The socket a token stands for, alive while the token is in the table.
struct SockPtr(ARef<Sock>);

impl Tokens {
    pub(super) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            table <- new_bh_lock!(RBTree::new(), "rust_mptcp tokens"),
        })
    }

    /// Reserves a token. Fails if it is zero or taken, or without memory.
    pub(super) fn insert(&self, token: Token, sk: &Sock) -> Result {
        if !token.is_usable() {
            return Err(EEXIST);
        }
        let node = RBTreeNode::new(token.0, SockPtr(sk.hold()), GFP_ATOMIC)?;
        let mut table = self.table.lock();
        if table.get(&token.0).is_some() {
            return Err(EEXIST);
        }
        let _old = table.insert(node);
        sk.prot_inuse_add(1);
        Ok(())
    }

    /// Gives a token back.
    pub(super) fn remove(&self, token: Token) {
        let node = self.table.lock().remove_node(&token.0);
        if let Some(node) = node {
            let (_, SockPtr(sk)) = node.to_key_value();
            sk.prot_inuse_add(-1);
        }
    }

    /// The first token at `at` or after it, with its socket.
    pub(super) fn next(&self, at: u64) -> Option<(u64, ARef<Sock>)> {
        let at = u32::try_from(at).ok()?;
        let table = self.table.lock();
        let cursor = table.cursor_lower_bound(&at)?;
        let (token, SockPtr(sk)) = cursor.current();
        Some((u64::from(*token), sk.clone()))
    }

    /// The socket of a token.
    pub(super) fn find(&self, token: Token) -> Option<ARef<Sock>> {
        self.table.lock().get(&token.0).map(|p| p.0.clone())
    }
}
