// SPDX-License-Identifier: GPL-2.0

//! What the connection has a subflow say.

use crate::wire::AddAddr;
use crate::wire::CapableFlags;
use crate::wire::Dsn;
use crate::wire::HmacI;
use crate::wire::Key;
use crate::wire::RemoveAddr;
use crate::wire::Reset;

/// What the engine wants a subflow to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The peer answered our SYN with its key: say both keys until it has shown that it has ours.
    Keys {
        /// The key of the peer.
        remote: Key,
        /// The flags that hold now.
        flags: CapableFlags,
    },
    /// The peer proved itself on the SYN/ACK of a join: say our proof until it has that.
    Join {
        /// Our proof.
        hmac: HmacI,
    },
    /// The peer has our proof.
    Joined,
    /// The peer of a fast open has named its key.
    Peer {
        /// The key.
        remote: Key,
    },
    /// Say an `ADD_ADDR` once, on a segment without payload.
    Address {
        /// The announcement, or the echo.
        option: AddAddr,
        /// Timestamps may give way to it.
        drop_timestamps: bool,
    },
    /// Say `REMOVE_ADDR` once.
    Withdraw {
        /// The identifiers.
        option: RemoveAddr,
    },
    /// Say `MP_PRIO` once.
    Priority {
        /// Our wish.
        backup: bool,
    },
    /// Say `MP_FAIL` once, on the next segment without payload.
    Fail {
        /// Where the mapping starts that failed, or that we answer for.
        dsn: Dsn,
    },
    /// What the RST says that TCP is about to be asked for.
    Reset {
        /// `MP_TCPRST`.
        reset: Reset,
        /// Say `MP_FASTCLOSE` with the key of the peer as well.
        fast_close: bool,
        /// Say `MP_FAIL` as well.
        fail: Option<Dsn>,
    },
}
