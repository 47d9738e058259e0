// SPDX-License-Identifier: GPL-2.0

//! Everything that can happen to a connection.

use super::fast_open::PeerKeys;
use super::initiate::SynAckAnswer;
use super::scheduler::PathStats;
use super::subflow::SubflowId;
use super::time::Duration;
use crate::wire::AddAddr;
use crate::wire::Dsn;
use crate::wire::Mapping;
use crate::wire::Options;
use crate::wire::Ssn;

/// The TCP part of a segment that arrived on a subflow.
///
/// The shell has checked the segment against the subflow's window (RFC 9293 3.10.7.4, RFC 5961):
/// numbers that TCP would refuse never get here. A RST may be ahead of its turn: what it says counts with
/// [`Event::SubflowClosed`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RxSegment {
    /// The place of its first byte, or of the next one to come when it has none.
    pub ssn: Ssn,
    /// Octets of payload.
    pub len: u32,
    /// Our next byte that the peer's TCP expects, when the ACK bit is set.
    pub ack: Option<Ssn>,
    /// The window in octets, scaled.
    pub window: u32,
    /// The FIN bit.
    pub fin: bool,
    /// The RST bit.
    pub rst: bool,
}

/// Why the TCP connection of a subflow is no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Both sides had sent FIN.
    Clean,
    /// The peer reset it; the numbers of the kernel are the shell's affair.
    Reset,
    /// The peer refused it: a reset in answer to our SYN.
    Refused,
    /// TCP gave up: retransmissions, keepalives or the handshake were never answered.
    TimedOut,
    /// The host or the network cannot be reached.
    Unreachable,
    /// We reset or destroyed it ourselves.
    Local,
}

/// One thing that happened.
pub enum Event<'a, P> {
    /// A SYN of ours went out without `MP_CAPABLE` ([`super::Stamped::fell_back`]):
    /// the network may drop SYNs that carry it (RFC 8684 3.9).
    SynDropped {
        /// The subflow.
        sf: SubflowId,
    },
    /// The SYN/ACK for our SYN arrived and TCP accepted it: the subflow is established.
    ///
    /// Comes once; the subflow may send from here on.
    SynAck {
        /// The subflow.
        sf: SubflowId,
        /// What its options say.
        answer: SynAckAnswer,
        /// The window in octets; never scaled on a SYN/ACK.
        window: u32,
        /// SYNs that we sent without `MP_CAPABLE`, the answered one included.
        plain_syns: u8,
    },
    /// The SYN/ACK for the SYN of a join arrived and TCP accepted it ([`super::Connection::join`]).
    JoinSynAck {
        /// The subflow.
        sf: SubflowId,
        /// Its options.
        options: &'a Options,
        /// The smoothed round-trip time, if the SYN gave one.
        srtt: Option<Duration>,
    },
    /// A SYN arrived instead of a SYN/ACK: both sides opened at once.
    SimultaneousOpen {
        /// The subflow.
        sf: SubflowId,
    },
    /// A segment of an established subflow arrived, with or without options, before TCP sees it.
    ///
    /// The mapping of a segment with payload is not taken from here: it comes back with the bytes,
    /// once TCP has them in order, in [`Event::Data`].
    Segment {
        /// The subflow.
        sf: SubflowId,
        /// Its TCP part.
        segment: RxSegment,
        /// Its options.
        options: &'a Options,
    },
    /// TCP delivered bytes of a subflow, in order and each once.
    Data {
        /// The subflow.
        sf: SubflowId,
        /// The place of the first byte.
        ssn: Ssn,
        /// The bytes.
        payload: P,
        /// The mapping that arrived with them, if any; see [`super::mapping::of_segment`].
        mapping: Option<Mapping>,
    },
    /// TCP delivered the bytes that came on the SYN of a fast open. Once, before any other bytes.
    SynData {
        /// The bytes.
        payload: P,
    },
    /// A segment of a fast open arrived that [`super::Shared::wants_keys`] of; its [`Event::Segment`] follows.
    PeerKeys {
        /// The subflow.
        sf: SubflowId,
        /// The keys that it names, if any.
        keys: Option<PeerKeys>,
        /// The receive window in octets that TCP has promised so far.
        promised: u32,
    },
    /// The peer's TCP acknowledged our bytes before `una`. In fallback this is what frees data.
    SubflowAcked {
        /// The subflow.
        sf: SubflowId,
        /// Our first byte that is not acknowledged.
        una: Ssn,
    },
    /// The peer's FIN arrived, and every byte before it has been delivered.
    SubflowFin {
        /// The subflow.
        sf: SubflowId,
    },
    /// The TCP connection of the subflow is closed for good. Nothing else comes from it.
    SubflowClosed {
        /// The subflow.
        sf: SubflowId,
        /// Why.
        ending: Ending,
    },
    /// Answers a range that [`super::Connection::poll_transmit`] gave: TCP took the first `len`.
    Transmitted {
        /// The subflow.
        sf: SubflowId,
        /// The start of the range.
        dsn: Dsn,
        /// Octets that TCP took: all of the range, fewer, or none.
        len: u32,
        /// The place of the first of them on the subflow.
        ssn: Ssn,
        /// The subflow's retransmission timeout, as TCP has it now.
        rto: Duration,
    },
    /// What TCP has measured of a subflow. Wanted while
    /// [`super::Connection::wants_measurements`], on acknowledgements.
    Measured {
        /// The subflow.
        sf: SubflowId,
        /// The numbers.
        stats: PathStats,
        /// The subflow's retransmission timeout.
        rto: Duration,
    },
    /// The path of a subflow seems not to work: the retransmission timer of its TCP has fired. An
    /// acknowledgement of anything new says that it does.
    PathFailed {
        /// The subflow.
        sf: SubflowId,
    },
    /// The link of a subflow went down, or came up again.
    Link {
        /// The subflow.
        sf: SubflowId,
        /// It is up.
        up: bool,
    },
    /// The `ADD_ADDR` of a stamp found no room beside the options of TCP
    /// ([`crate::wire::Dropped::add_addr`]).
    AddressDropped {
        /// What the stamp wanted.
        option: AddAddr,
    },
    /// A program wrote `len` octets, which are in the send queue now.
    AppWrote {
        /// How many.
        len: u32,
    },
    /// A program read, or the buffer grew: this much of the receive buffer is free now.
    ReceiveSpace {
        /// Octets free.
        free: u32,
    },
    /// A program shut down its sending side.
    ShutdownWrite,
    /// The last descriptor was closed; nothing reads or writes any more.
    Close {
        /// There were bytes that nobody had read: the peer must learn of the loss (RFC 2525 2.17).
        unread: bool,
    },
    /// The connection is to end at once: linger of zero, or a disconnect.
    Abort,
    /// [`super::Connection::next_timeout`] has come, or may have.
    Timer,
}

impl<P> Event<'_, P> {
    /// Whether it may bring bytes of the peer, or the end of its stream, one step further; if not, it is about our own
    /// bytes alone. Falling back counts for itself.
    pub(super) fn may_settle(&self) -> bool {
        match self {
            Event::AppWrote { .. }
            | Event::Transmitted { .. }
            | Event::ReceiveSpace { .. }
            | Event::SubflowAcked { .. } => false,
            Event::Segment {
                segment, options, ..
            } => {
                let pure_mapping =
                    segment.len == 0 && options.dss.is_some_and(|dss| dss.map.is_some());
                pure_mapping || options.fail.is_some()
            }
            _ => true,
        }
    }
}
