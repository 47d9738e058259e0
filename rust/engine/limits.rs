// SPDX-License-Identifier: GPL-2.0

//! Every bound on what a peer can make us hold, and the fixed numbers of the protocol.
//!
//! | limit | unit | at the limit |
//! |---|---|---|
//! | [`MAPPING_MAX`] | octets of payload | the rest of the segment is sent as another one |
//! | [`SUBFLOWS`] | subflows | a further one is refused |
//! | [`RX_MAPPINGS`] | announced mappings per subflow | the newest is ignored |
//! | [`HELD`] | payload handles per subflow | the mapping is given up; the peer sends it again |
//! | [`GAPS`] | out-of-order ranges per connection | the newest is dropped; the peer sends it again |
//! | [`RANGES`] | out-of-order payload handles | the newest is dropped; the peer sends it again |
//! | [`JOIN_PATIENCE`] | time | the join is reset |
//! | [`LEAVE_PATIENCE`] | time | the subflow is reset |
//! | [`REINJECTIONS`] | ranges to send again | the range waits for the next timeout |

use super::time::Duration;

/// The longest mapping that we make, in octets of payload.
///
/// The length field has 16 bits and may have to count a `DATA_FIN` as well (RFC 8684 3.3.3).
pub(super) const MAPPING_MAX: u16 = u16::MAX - 1;

/// Subflows of one connection: the hard limit of the in-tree path manager, and the first one.
pub(super) const SUBFLOWS: usize = 65;

/// Mappings that a peer may announce on a subflow ahead of their bytes.
pub(super) const RX_MAPPINGS: usize = 64;

/// Payload handles of a subflow that wait for the rest of their mapping to verify its checksum.
///
/// A mapping has at most 65535 octets, so that an honest peer with segments of 64 octets stays
/// within. One handle per octet is what an attacker would send.
pub(super) const HELD: usize = 1024;

/// Out-of-order ranges of a connection. Counts gaps, not buffers.
pub(super) const GAPS: usize = 4096;

/// Payload handles that wait out of order. Bounds what one-octet pieces without gaps can cost.
pub(super) const RANGES: usize = 8192;

/// Ranges that wait to be sent again.
pub(super) const REINJECTIONS: usize = 512;

/// How far a data sequence number may lie from the one expected; RFC 8684 3.3.1 leaves it open, and
/// nothing honest comes near.
pub(super) const DSN_REACH: u64 = 1 << 31;

/// How often a `DATA_FIN` goes unanswered on a connection on which no option ever came back, before
/// we take the peer for plain TCP that never got our keys. [D]: about six seconds.
pub(super) const SILENT_FINS: u32 = 5;

/// How long a join may wait for any sign that its third ACK arrived. [D]: in-tree waits for ever,
/// and no data goes over the subflow meanwhile.
pub(super) const JOIN_PATIENCE: Duration = Duration::from_secs(10);

/// How long a subflow that was taken out of use has for its FINs, while the connection goes on over others: the usual
/// `tcp_fin_timeout`. [D]: in-tree makes it an orphan of TCP, with about the same end.
pub(super) const LEAVE_PATIENCE: Duration = Duration::from_secs(60);

/// How long the third ACK of a join waits for an answer before it goes out again, where no
/// round-trip time is known (`TCP_TIMEOUT_INIT`).
pub(super) const JOIN_WAIT: Duration = Duration::from_secs(1);

/// How long it waits at least: of a path in the same room the round-trip time is no millisecond.
pub(super) const JOIN_WAIT_LEAST: Duration = Duration::of_millis(10);
