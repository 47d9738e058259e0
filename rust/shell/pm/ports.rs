// SPDX-License-Identifier: GPL-2.0

//! Listeners at the ports of endpoints: they serve joins only, so that an announced port leads somewhere.

use crate::engine::path_manager::Endpoint;
use crate::shell::netns::Net;
use crate::shell::Mptcp;
use crate::sys::kernel_socket::NetSocket;
use crate::sys::msg::AddressBuf;
use crate::sys::proto;
use crate::wire::AddrId;
use core::net::SocketAddr;
use core::num::NonZeroU16;
use kernel::prelude::*;
use kernel::sync::atomic::ordering;

/// Connections that may wait, as in-tree has it.
const BACKLOG: i32 = 1024;

/// One listener; it closes when dropped.
pub(super) struct PortListener {
    _socket: NetSocket,
}

impl PortListener {
    /// Listens at the port of an endpoint. Process context.
    pub(super) fn open(net: &Net, endpoint: &Endpoint, port: NonZeroU16) -> Result<Self> {
        let at = SocketAddr::new(endpoint.addr, port.get());
        let socket = NetSocket::open(net.net(), &AddressBuf::new(at, endpoint.device))?;
        let msk = proto::msk_of::<Mptcp>(socket.sock()).ok_or(EPROTONOSUPPORT)?;
        msk.joins_only.store(true, ordering::Relaxed);
        socket.listen(BACKLOG)?;
        Ok(Self { _socket: socket })
    }
}

/// The listeners of a namespace, by the numbers of their endpoints. Each keeps the module from being removed.
#[derive(Default)]
pub(in crate::shell) struct PortListeners(KVec<(AddrId, PortListener)>);

impl PortListeners {
    /// Makes room for one more.
    pub(super) fn reserve(&mut self) -> Result {
        Ok(self.0.reserve(1, GFP_KERNEL)?)
    }

    /// Adds the listener of an endpoint. There is room.
    pub(super) fn add(&mut self, id: AddrId, listener: PortListener) {
        // Without room it would close at once.
        let _added = self.0.push_within_capacity((id, listener));
    }

    /// Closes the listener of an endpoint, if it has one.
    pub(super) fn close(&mut self, id: AddrId) {
        self.0.retain(|(of, _)| *of != id);
    }

    /// Closes all; says whether there was any.
    pub(in crate::shell) fn close_all(&mut self) -> bool {
        let any = !self.0.is_empty();
        self.0.clear();
        any
    }
}
