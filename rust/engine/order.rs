// SPDX-License-Identifier: GPL-2.0

//! What the connection has a subflow say.

use crate::wire::CapableFlags;
use crate::wire::Dsn;
use crate::wire::HmacI;
use crate::wire::Key;
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
