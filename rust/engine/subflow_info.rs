// SPDX-License-Identifier: GPL-2.0

//! What `ss -ti` shows of a subflow (`INET_ULP_INFO_MPTCP`), as far as the engine knows it.

use super::action::FallbackReason;
use super::connection::Connection;
use super::connection::Mode;
use super::mapping::Seen;
use super::payload::Payload;
use super::subflow::SubflowId;
use crate::wire::AddrId;
use crate::wire::Ssn;
use crate::wire::Token;

/// A subflow as it is shown; the fields are those of `MPTCP_SUBFLOW_ATTR_*` and `MPTCP_SUBFLOW_FLAG_*`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SubflowInfo {
    /// What names the connection to the peer: only of a subflow that we opened to join it, as in-tree has it.
    pub token_remote: Token,
    /// What names it to us.
    pub token_local: Token,
    /// The peer's number for its address.
    pub id_remote: AddrId,
    /// Our number for ours.
    pub id_local: AddrId,
    /// The peer spoke `MP_CAPABLE` here.
    pub capable_remote: bool,
    /// We asked for it.
    pub capable_local: bool,
    /// The peer spoke `MP_JOIN` here.
    pub join_remote: bool,
    /// We asked for it.
    pub join_local: bool,
    /// The peer wants it to be a backup.
    pub backup_remote: bool,
    /// We do.
    pub backup_local: bool,
    /// Options come through after the handshake.
    pub established: bool,
    /// The place of the next byte that TCP is handed.
    pub write_ssn: Ssn,
    /// The mapping of the bytes that come next, or the last one that there was.
    pub map: Seen,
    /// Bytes are still to come that it maps.
    pub map_valid: bool,
}

impl<P: Payload> Connection<P> {
    /// What is shown of a subflow; nothing of one that is no more.
    pub fn subflow_info(&self, sf: SubflowId) -> Option<SubflowInfo> {
        let flow = self.subflows.get(sf)?;
        let (map, map_valid) = flow.rx.seen();
        let mut info = SubflowInfo {
            token_local: self.local.token,
            id_remote: flow.ends.remote_id,
            id_local: flow.ends.local_id,
            backup_remote: flow.ends.remote_backup,
            backup_local: flow.ends.local_backup,
            write_ssn: flow.next,
            map,
            map_valid,
            ..SubflowInfo::default()
        };
        if sf == SubflowId::FIRST {
            // In-tree takes the offer back where the option was left out, and the answer where nothing followed on it.
            let dropped = self.fell_back == Some(FallbackReason::SynDropped);
            let unheard = self.fell_back == Some(FallbackReason::NoOptions);
            info.capable_local = self.offered && !dropped;
            info.capable_remote = (self.remote.is_some() || !self.is_active) && !unheard;
            info.established = self.mode == Mode::Verified;
        } else {
            info.join_local = flow.opened_here;
            info.join_remote = !flow.is_stranger();
            info.established = info.join_remote && flow.joining.is_none();
        }
        if info.join_local {
            info.token_remote = self.remote.map_or(Token(0), |remote| remote.token);
        }
        Some(info)
    }
}
