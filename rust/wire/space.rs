// SPDX-License-Identifier: GPL-2.0

//! The 40 octets of TCP options as a budget: what fits, and what yields (RFC 8684 appendix A).

use super::emit::OptionSet;
use super::OPTION_SPACE;

/// Octets that data segments need beside timestamps: what to take off the MSS.
pub const DATA_RESERVE: usize = super::dss::MAX_LEN;

/// The options of a segment, complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fitted {
    /// The octets; only the first `len` count.
    pub area: [u8; OPTION_SPACE],
    /// How many octets count, a multiple of four.
    pub len: u8,
    /// What had to yield.
    pub dropped: Dropped,
}

/// What yielded for want of space or because the rules of company forbid it.
///
/// What names an option of ours means that it is still to be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// SACK blocks taken off the end.
    pub sack_blocks: u8,
    /// The timestamps of TCP.
    pub timestamps: bool,
    /// The TCP Fast Open cookie.
    pub fast_open: bool,
    /// The `DATA_ACK` went out in 4 octets instead of 8.
    pub shortened_ack: bool,
    /// The `DATA_ACK`.
    pub data_ack: bool,
    /// The mapping.
    pub map: bool,
    /// `MP_CAPABLE` or `MP_JOIN`.
    pub handshake: bool,
    /// `ADD_ADDR`.
    pub add_addr: bool,
    /// `REMOVE_ADDR`.
    pub remove_addr: bool,
    /// `MP_PRIO`.
    pub prio: bool,
    /// `MP_FAIL`.
    pub fail: bool,
    /// `MP_FASTCLOSE`.
    pub fast_close: bool,
    /// `MP_TCPRST`.
    pub reset: bool,
}

/// Puts `want` among `existing`, the options as TCP wrote them.
pub fn fit(existing: &[u8], want: &OptionSet) -> Fitted {
    let _ = (existing, want);
    Fitted {
        area: [0; OPTION_SPACE],
        len: 0,
        dropped: Dropped::default(),
    }
}
