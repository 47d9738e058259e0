// SPDX-License-Identifier: GPL-2.0

//! `MP_TCPRST`: why a subflow was reset (RFC 8684 3.6).

use super::cursor::Writer;
use super::{Refusal, Subtype};

/// Flag T: the cause may pass.
const TRANSIENT: u8 = 0x01;

/// The reason of a reset, as RFC 8684 3.6 numbers them.
///
/// A number that has no name here is to be treated as [`Self::UNSPECIFIED`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResetReason(pub u8);

impl ResetReason {
    /// No reason given.
    pub const UNSPECIFIED: Self = Self(0);
    /// An error of MPTCP: token, HMAC, an option missing in a handshake, a bad mapping.
    pub const MPTCP: Self = Self(1);
    /// Memory or tables are full.
    pub const RESOURCES: Self = Self(2);
    /// Limits or policy forbid it.
    pub const PROHIBITED: Self = Self(3);
    /// The queue of the subflow holds what was acknowledged elsewhere.
    pub const TOO_MUCH_DATA: Self = Self(4);
    /// The path is too slow or loses too much.
    pub const PERFORMANCE: Self = Self(5);
    /// A middlebox strips options or alters data.
    pub const MIDDLEBOX: Self = Self(6);
}

/// `MP_TCPRST`: travels on resets only, and never makes one acceptable that is not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reset {
    /// The reason.
    pub reason: ResetReason,
    /// The cause may pass: another attempt may succeed.
    pub transient: bool,
}

impl Reset {
    /// Octets on the wire.
    pub const ENCODED_LEN: usize = 4;

    /// Reads the octets that follow kind and length.
    pub(super) fn parse(body: &[u8]) -> Result<Self, Refusal> {
        match body {
            [flags, reason] => Ok(Self {
                reason: ResetReason(*reason),
                transient: flags & TRANSIENT != 0,
            }),
            _ => Err(Refusal::Length),
        }
    }

    /// Writes the octets that follow kind and length.
    pub(super) fn emit(&self, writer: &mut Writer<'_>) {
        let transient = if self.transient { TRANSIENT } else { 0 };
        writer.array([Subtype::Reset.high_nibble() | transient, self.reason.0]);
    }
}
