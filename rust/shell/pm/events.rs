// SPDX-License-Identifier: GPL-2.0

//! What path managers are told of connections (`ip mptcp monitor`, mptcpd): the events of the multicast group.
//!
//! They are sent with the connection's lock held, so that nobody sees them out of order. Netlink takes no lock of ours.

use crate::engine::path_manager::command::family_of;
use crate::engine::{Connection, Mode, PathEvent, SubflowId};
use crate::shell::entry::Entries;
use crate::shell::msk::Inner;
use crate::shell::netns;
use crate::sys::netlink::{self, Fields};
use crate::sys::skb::Skb;
use crate::sys::sock::{state, Sock};
use crate::wire::{Reset, Token};
use core::net::SocketAddr;
use kernel::prelude::*;

/// `MPTCP_EVENT_*`.
mod event {
    pub(super) const CREATED: u8 = 1;
    pub(super) const ESTABLISHED: u8 = 2;
    pub(super) const CLOSED: u8 = 3;
    pub(super) const ANNOUNCED: u8 = 6;
    pub(super) const REMOVED: u8 = 7;
    pub(super) const SUB_ESTABLISHED: u8 = 10;
    pub(super) const SUB_CLOSED: u8 = 11;
    pub(super) const SUB_PRIORITY: u8 = 13;
    pub(super) const LISTENER_CREATED: u8 = 15;
    pub(super) const LISTENER_CLOSED: u8 = 16;
}

/// `MPTCP_ATTR_*`.
mod attr {
    pub(super) const TOKEN: u16 = 1;
    pub(super) const FAMILY: u16 = 2;
    pub(super) const LOC_ID: u16 = 3;
    pub(super) const REM_ID: u16 = 4;
    pub(super) const SADDR4: u16 = 5;
    pub(super) const SADDR6: u16 = 6;
    pub(super) const DADDR4: u16 = 7;
    pub(super) const DADDR6: u16 = 8;
    pub(super) const SPORT: u16 = 9;
    pub(super) const DPORT: u16 = 10;
    pub(super) const BACKUP: u16 = 11;
    pub(super) const ERROR: u16 = 12;
    pub(super) const FLAGS: u16 = 13;
    pub(super) const IF_IDX: u16 = 15;
    pub(super) const RESET_REASON: u16 = 16;
    pub(super) const RESET_FLAGS: u16 = 17;
    pub(super) const SERVER_SIDE: u16 = 18;
}

/// `MPTCP_PM_EV_FLAG_*`.
mod flag {
    pub(super) const DENY_JOIN_ID0: u16 = 1;
    pub(super) const SERVER_SIDE: u16 = 1 << 1;
}

type Conn = Connection<Skb>;

/// Whether anybody in the namespace of a socket wants to know. Any context.
pub(in crate::shell) fn is_heard(sk: &Sock) -> bool {
    netlink::has_listeners(netns::of(sk).net())
}

fn tell(sk: &Sock, event: u8, fill: impl FnOnce(&mut Fields<'_>) -> Result) {
    if is_heard(sk) {
        netlink::tell(netns::of(sk).net(), event, fill);
    }
}

impl Inner {
    /// There is a new connection, whose keys are exchanged. Once.
    pub(in crate::shell) fn tell_created(&mut self, sk: &Sock, conn: &Conn) {
        let is_new = conn.remote_idsn().is_some() && conn.mode() != Mode::Fallback && !self.told;
        if is_new {
            self.told = true;
            opened(sk, conn, &self.subflows, event::CREATED);
        }
    }

    /// The connection has a token: path managers may know of it.
    pub(in crate::shell) fn begin(&mut self, sk: &Sock, token: Token) {
        self.token = Some(token);
        self.user = netns::of(sk).user_addresses();
        if let Some(conn) = self.conn.take() {
            self.tell_created(sk, &conn);
            self.conn = Some(conn);
        }
    }

    /// Something happened to the paths of a connection.
    pub(in crate::shell) fn tell_path(&mut self, sk: &Sock, conn: &Conn, event: &PathEvent) {
        match *event {
            PathEvent::Established => {
                self.tell_created(sk, conn);
                opened(sk, conn, &self.subflows, event::ESTABLISHED);
            }
            PathEvent::SubflowEstablished { sf } => {
                subflow(sk, conn, &self.subflows, sf, event::SUB_ESTABLISHED);
            }
            PathEvent::Priority { sf, .. } => {
                subflow(sk, conn, &self.subflows, sf, event::SUB_PRIORITY);
            }
            PathEvent::Announced { id, addr, port } => {
                tell(sk, event::ANNOUNCED, |fields| {
                    let port = port.map_or(sk.remote_end().port(), |port| port.get());
                    fields.u32(attr::TOKEN, conn.info().token.0)?;
                    fields.u8(attr::REM_ID, id.0)?;
                    fields.be16(attr::DPORT, port)?;
                    fields.address(attr::DADDR4, attr::DADDR6, addr)
                });
            }
            PathEvent::Removed { id } => tell(sk, event::REMOVED, |fields| {
                fields.u32(attr::TOKEN, conn.info().token.0)?;
                fields.u8(attr::REM_ID, id.0)
            }),
            PathEvent::SubflowClosed {
                sf, ends, reset, ..
            } if sk.state() == state::ESTABLISHED => {
                let about = About {
                    local_id: ends.local_id.0,
                    remote_id: ends.remote_id.0,
                    backup: ends.remote_backup,
                    reset,
                };
                of_subflow(sk, conn, &self.subflows, sf, event::SUB_CLOSED, &about);
            }
            PathEvent::SubflowClosed { .. } | PathEvent::AnnounceDone { .. } => {}
        }
    }

    /// The program has closed a connection.
    pub(in crate::shell) fn tell_closed(&self, sk: &Sock) {
        if let Some(token) = self.token {
            tell(sk, event::CLOSED, |fields| fields.u32(attr::TOKEN, token.0));
        }
    }
}

/// A listener was opened, or closed.
pub(in crate::shell) fn listener(sk: &Sock, ssk: &Sock, open: bool) {
    let event = if open {
        event::LISTENER_CREATED
    } else {
        event::LISTENER_CLOSED
    };
    tell(sk, event, |fields| {
        let local = ssk.local_end();
        fields.u16(attr::FAMILY, family_of(local.ip()))?;
        fields.be16(attr::SPORT, local.port())?;
        fields.address(attr::SADDR4, attr::SADDR6, local.ip())
    });
}

/// What is told of a subflow beside its addresses.
struct About {
    local_id: u8,
    remote_id: u8,
    backup: bool,
    reset: Option<Reset>,
}

fn about(conn: &Conn, sf: SubflowId) -> About {
    let ends = conn.ends(sf).unwrap_or_default();
    About {
        local_id: ends.local_id.0,
        remote_id: ends.remote_id.0,
        backup: ends.remote_backup,
        reset: None,
    }
}

fn put_ends(fields: &mut Fields<'_>, ssk: &Sock, about: &About) -> Result {
    let (local, remote): (SocketAddr, SocketAddr) = (ssk.local_end(), ssk.remote_end());
    fields.u16(attr::FAMILY, family_of(local.ip()))?;
    fields.address(attr::SADDR4, attr::SADDR6, local.ip())?;
    fields.address(attr::DADDR4, attr::DADDR6, remote.ip())?;
    fields.be16(attr::SPORT, local.port())?;
    fields.be16(attr::DPORT, remote.port())?;
    fields.u8(attr::LOC_ID, about.local_id)?;
    fields.u8(attr::REM_ID, about.remote_id)
}

/// CREATED and ESTABLISHED.
fn opened(sk: &Sock, conn: &Conn, subflows: &Entries, event: u8) {
    let Some(first) = subflows.get(SubflowId::FIRST) else {
        return;
    };
    tell(sk, event, |fields| {
        fields.u32(attr::TOKEN, conn.info().token.0)?;
        let mut flags = 0;
        if !conn.is_active() {
            flags |= flag::SERVER_SIDE;
            fields.u8(attr::SERVER_SIDE, 1)?;
        }
        if conn.remote_denies_join() {
            flags |= flag::DENY_JOIN_ID0;
        }
        if flags != 0 {
            fields.u16(attr::FLAGS, flags)?;
        }
        put_ends(fields, &first.ssk, &about(conn, SubflowId::FIRST))
    });
}

fn subflow(sk: &Sock, conn: &Conn, subflows: &Entries, sf: SubflowId, event: u8) {
    of_subflow(sk, conn, subflows, sf, event, &about(conn, sf));
}

fn of_subflow(sk: &Sock, conn: &Conn, subflows: &Entries, sf: SubflowId, event: u8, about: &About) {
    let Some(entry) = subflows.get(sf) else {
        return;
    };
    let ssk: &Sock = &entry.ssk;
    tell(sk, event, |fields| {
        fields.u32(attr::TOKEN, conn.info().token.0)?;
        put_ends(fields, ssk, about)?;
        fields.u8(attr::BACKUP, about.backup.into())?;
        if ssk.bound_device() != 0 {
            fields.u32(attr::IF_IDX, ssk.bound_device())?;
        }
        let error = u8::try_from(ssk.err()).unwrap_or(u8::MAX);
        if error != 0 && sk.state() == state::ESTABLISHED {
            fields.u8(attr::ERROR, error)?;
        }
        if let Some(reset) = about.reset {
            fields.u32(attr::RESET_REASON, reset.reason.0.into())?;
            fields.u32(attr::RESET_FLAGS, reset.transient.into())?;
        }
        Ok(())
    });
}
