// SPDX-License-Identifier: GPL-2.0

//! Everything that the engine may ask for.

use super::event::Ending;
use super::mib::Mib;
use super::order::Order;
use super::subflow::Ends;
use super::subflow::SubflowId;
use crate::wire::AddrId;
use crate::wire::Dsn;
use crate::wire::Reset;
use core::net::IpAddr;
use core::num::NonZeroU16;

/// The states of a connection that a program can see; the names are TCP's.
///
/// A connection never shows SYN-RECEIVED nor TIME-WAIT: the one ends before it exists, the other is
/// left to the subflows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnState {
    /// Our SYN is out.
    SynSent,
    /// Both directions are open.
    Established,
    /// We have closed our direction; our `DATA_FIN` is not acknowledged.
    FinWait1,
    /// Our `DATA_FIN` is acknowledged; the peer may still send.
    FinWait2,
    /// Both have closed; our `DATA_FIN` is not acknowledged.
    Closing,
    /// The peer has closed its direction; we may still send.
    CloseWait,
    /// The peer closed first, then we; our `DATA_FIN` is not acknowledged.
    LastAck,
    /// Over.
    Close,
}

/// What went wrong, for the program to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnError {
    /// The peer aborted the connection.
    Reset,
    /// The peer aborted after it had closed its direction.
    BrokenPipe,
    /// Nobody answers at the peer's port.
    Refused,
    /// No answer in time.
    TimedOut,
    /// The network or the host cannot be reached.
    Unreachable,
}

/// Why a connection goes on as plain TCP (RFC 8684 3.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FallbackReason {
    /// The SYN/ACK has no `MP_CAPABLE` that we can use.
    SynAck,
    /// SYNs with the option were not answered, so it was left out.
    SynDropped,
    /// Both sides opened at once.
    SimultaneousOpen,
    /// Data of ours was acknowledged, or data arrived, without any sign of MPTCP at the start.
    NoOptions,
    /// A mapping is missing, or makes no sense.
    Mapping,
    /// The first mapping failed its checksum: the path alters data, and always did.
    Checksum,
    /// The peer sent an infinite mapping.
    InfiniteReceived,
    /// We sent an infinite mapping, in answer to `MP_FAIL`.
    InfiniteSent,
}

/// What becomes of addresses and subflows, for whoever manages the paths of the connection.
///
/// The engine does by itself what the protocol asks for. New subflows, and what to announce, are
/// for the path manager to decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathEvent {
    /// Options come through in both directions: subflows may be opened, addresses announced.
    Established,
    /// A further subflow has shown both proofs (RFC 8684 3.2). On the side that opened it data may
    /// still have to wait for a moment.
    SubflowEstablished {
        /// The subflow.
        sf: SubflowId,
    },
    /// The peer has announced an address, and proved it. Comes for each repetition as well.
    Announced {
        /// The peer's number for it.
        id: AddrId,
        /// The address.
        addr: IpAddr,
        /// The port; that of the first subflow where none is named.
        port: Option<NonZeroU16>,
    },
    /// The peer no longer has an address. Subflows to it are being closed.
    Removed {
        /// The peer's number for it, known or not.
        id: AddrId,
    },
    /// The peer wants a subflow to be a backup, or no longer; perhaps nothing new.
    Priority {
        /// The subflow.
        sf: SubflowId,
        /// What it wants.
        backup: bool,
    },
    /// The peer has echoed an announcement of ours, or never will: the next one may follow.
    AnnounceDone {
        /// Our number for the address.
        id: AddrId,
        /// The peer has it.
        echoed: bool,
    },
    /// A subflow is no more, or taken out of use: TCP may still be busy with what is left. Comes once.
    SubflowClosed {
        /// The subflow.
        sf: SubflowId,
        /// Its addresses.
        ends: Ends,
        /// Both proofs had been shown; the first subflow needs none.
        established: bool,
        /// Why.
        ending: Ending,
        /// What the RST of the peer said.
        reset: Option<Reset>,
    },
}

/// One thing to do. Carry them out in the order they come.
///
/// Those that name a subflow need that subflow's TCP lock: take it after the connection's lock is
/// released, and keep the order of actions per subflow.
#[derive(Debug, PartialEq, Eq)]
pub enum Action<P> {
    /// Add to a counter; only the gauge [`Mib::MPCurrEstab`] ever goes down.
    Count(Mib, i32),
    /// Append these bytes to the queue that programs read from.
    Deliver(P),
    /// Free the send queue below this number.
    Release {
        /// The first number that may still be needed.
        una: Dsn,
    },
    /// The connection is in this state now.
    State(ConnState),
    /// The connection is plain TCP from now on. Follows at once on the decision, and comes once.
    FellBack(FallbackReason),
    /// `MP_CAPABLE` was left out of the SYN, and that very SYN was answered: a path drops the
    /// option (RFC 8684 3.9). The namespace should pause offering it.
    Blackhole,
    /// The peer answered with `MP_CAPABLE`: the namespace may offer it freely.
    PathIsCapable,
    /// The stream from the peer has ended: readers get the end of file after what is queued.
    ReceiveShut,
    /// The stream to the peer has ended, and not by a program's wish: writers get an error.
    SendShut,
    /// Report this to the program.
    Error(ConnError),
    /// Hand this to the subflow's [`super::SubflowTx::apply`].
    Tell {
        /// The subflow.
        sf: SubflowId,
        /// What its segments carry from now on.
        order: Order,
    },
    /// Reset the subflow: have TCP send a RST, and destroy it. The options come from the order that
    /// was told just before.
    ResetSubflow {
        /// The subflow.
        sf: SubflowId,
    },
    /// Shut down the sending side of the subflow: TCP sends its FIN after what is queued.
    CloseSubflow {
        /// The subflow.
        sf: SubflowId,
    },
    /// Have TCP send a pure ACK on the subflow now; [`super::SubflowTx::stamp`] fills it.
    SendAck {
        /// The subflow.
        sf: SubflowId,
    },
    /// Have TCP send an ACK soon: alone after its own delay, or with whatever it sends before that.
    DelayAck {
        /// The subflow.
        sf: SubflowId,
    },
    /// There is something to send on this subflow: call [`super::Connection::poll_transmit`] under
    /// its lock until it gives nothing, or TCP takes no more.
    Push {
        /// The subflow.
        sf: SubflowId,
    },
    /// Somebody waits for bytes or for the end of the stream.
    WakeReader,
    /// Somebody waits for room in the send queue, for the connection, or for its end.
    WakeWriter,
    /// The connection is over: take the token out of the table.
    TokenReleased,
    /// Something that a path manager wants to know.
    Path(PathEvent),
    /// Nothing is left to do: no subflow, no timer. The connection may be freed once closed.
    Gone,
}
