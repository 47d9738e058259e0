// SPDX-License-Identifier: GPL-2.0

//! Keys whose streams begin where numbers wrap.

use rust_mptcp::wire::keys::HostSha256;
use rust_mptcp::wire::keys::Sha256;

/// SHA-256, except that the digests of some messages end just below a wrap of 32 or 64 bits.
///
/// The initial data sequence number is the end of such a digest (RFC 8684 3.2): so runs cross the
/// wraps that a real stream would need hours to reach.
#[derive(Clone, Copy, Debug)]
pub struct SimSha256;

impl Sha256 for SimSha256 {
    fn digest(parts: &[&[u8]]) -> [u8; 32] {
        let mut digest = HostSha256::digest(parts);
        // A key is a message of eight octets; the first says what its stream is to be.
        if let [[kind @ (1 | 2), ..]] = parts {
            let below = u64::from(digest[0]) << 8 | u64::from(digest[1]);
            let number = if *kind == 1 {
                (u64::from(digest[2]) << 32 | 0xFFFF_FFFF).wrapping_sub(below)
            } else {
                u64::MAX - below
            };
            digest[24..].copy_from_slice(&number.to_be_bytes());
        }
        digest
    }
}
