// SPDX-License-Identifier: GPL-2.0

//! What users are told of a policy (`struct mptcp_info`).

use super::Policy;

impl Policy {
    /// Announcements of the peer that were acted on.
    pub fn accepted(&self) -> u8 {
        self.accepted
    }

    /// Endpoints that were used up as sources.
    pub fn sources_used(&self) -> usize {
        self.sources
    }
}
