// SPDX-License-Identifier: GPL-2.0

//! What a connection knows of one of its subflows.

/// Names a subflow within its connection.
///
/// The first one is 1, and numbers are never used twice, as `MPTCP_FULL_INFO` reports them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SubflowId(pub u32);

impl SubflowId {
    /// The subflow that the connection was opened on.
    pub const FIRST: Self = Self(1);
}
