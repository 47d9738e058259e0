// SPDX-License-Identifier: GPL-2.0

//! What the shell must provide: one safe function for each entry that C has into the module.
//!
//! `callbacks.rs` and its neighbours call these; nothing here knows MPTCP.

use super::msg::{Address, Msg};
use super::request::Request;
use super::rx_filter::RxVerdict;
use super::segment::{Header, RxSegment, TxSegment};
use super::skb::Skb;
use super::sock::Sock;
use super::sockopt::{GetOpt, SetOpt};
use super::subflow::SubflowLocked;
use kernel::prelude::*;
use kernel::str::CStr;
use kernel::sync::aref::ARef;

/// What is to happen to a segment that TCP hands to the network.
pub(crate) enum TxVerdict {
    /// Send it as it is.
    Send,
    /// Send it with these options in place of the ones it has.
    SendWith([u8; 40], u8),
    /// Lose it, as the network might: TCP sends it again.
    Lose,
}

/// What the last segment of a passive handshake leads to.
pub(crate) enum ThirdAck<O> {
    /// A plain TCP connection.
    Plain,
    /// An MPTCP connection.
    Open(O),
    /// A further subflow of a connection: no program accepts it.
    Join(O),
    /// Nothing: a reset with this MP_TCPRST reason, or silence.
    Refuse(Option<u8>),
}

/// What a child that TCP made is.
pub(crate) enum Child<S: Stack> {
    /// A plain TCP connection.
    Plain,
    /// A subflow.
    Subflow(S::Subflow, S::Locked),
    /// Nobody's: a reset with this MP_TCPRST reason. The stack closes it later.
    Refused(u8),
}

/// Who sends a SYN/ACK, or a SYN without passing `queue_xmit`, as LOCAL_OUT sees it.
pub(crate) enum Origin<'a> {
    /// A request socket of a listener of ours.
    Request(&'a Request),
    /// Nobody: a SYN/ACK under SYN cookies.
    Cookie,
    /// The child of a fast open, a subflow already.
    Child,
}

/// Bits that poll answers with (include/uapi/linux/eventpoll.h).
pub(crate) mod poll_bits {
    pub(crate) const IN: u32 = 0x0001;
    pub(crate) const OUT: u32 = 0x0004;
    pub(crate) const ERR: u32 = 0x0008;
    pub(crate) const HUP: u32 = 0x0010;
    pub(crate) const RDNORM: u32 = 0x0040;
    pub(crate) const WRNORM: u32 = 0x0100;
    pub(crate) const RDHUP: u32 = 0x2000;
}

/// What poll answers, as bits of `EPOLL*`.
pub(crate) type PollMask = u32;

/// The implementation behind the callbacks. There is exactly one in the module: see [`super::proto`].
pub(crate) trait Stack: Sized + 'static {
    /// State of an MPTCP socket, shared by everybody who knows the socket.
    type Msk: Send + Sync;
    /// The engine's part of a connection.
    type Connection: Send;
    /// State of a subflow that may be read without its lock.
    type Subflow: Send + Sync;
    /// State of a subflow that its TCP lock guards.
    type Locked: Send;
    /// State of a network namespace.
    type Net: Send + Sync;

    /// What `net.mptcp.scheduler` may be set to, with spaces between.
    const SCHEDULERS: &'static CStr;

    /// A namespace comes. Process context.
    fn net_init(net: super::netns::NetRef) -> Result<Self::Net>;
    /// A namespace goes; no socket of it is left. Process context.
    fn net_exit(net: &Self::Net);

    /// A device, by its number, works or does not. Process context, under the lock of all devices.
    fn link(net: &Self::Net, device: u32, up: bool);

    /// Work that was queued with [`super::net_work::NetWorker`], in process context.
    fn net_work(net: &Self::Net);

    /// socket(2). Process context.
    fn new_msk(sk: &Sock) -> Result<impl PinInit<Self::Msk>>;
    /// The socket is being destroyed (`proto->destroy`).
    fn destroy(sk: &Sock, msk: &Self::Msk);

    /// bind(2).
    fn bind(sk: &Sock, msk: &Self::Msk, addr: Address<'_>) -> Result;
    /// connect(2), the socket locked.
    fn connect(sk: &Sock, msk: &Self::Msk, addr: Address<'_>) -> Result;
    /// Disconnect, the socket locked.
    fn disconnect(sk: &Sock, msk: &Self::Msk) -> Result;
    /// listen(2).
    fn listen(sk: &Sock, msk: &Self::Msk, backlog: i32, unconnected: bool) -> Result;
    /// accept(2).
    fn accept(sk: &Sock, msk: &Self::Msk, accept: super::accept::Accept<'_>) -> Result;
    /// close(2) of the last descriptor; `timeout` in jiffies.
    fn close(sk: &Sock, msk: &Self::Msk, timeout: isize);
    /// shutdown(2), the socket locked; `how` as bits of `sk_shutdown`.
    fn shutdown(sk: &Sock, msk: &Self::Msk, how: u8);
    /// sendmsg(2).
    fn sendmsg(sk: &Sock, msk: &Self::Msk, msg: &mut Msg<'_>) -> Result<usize>;
    /// recvmsg(2).
    fn recvmsg(
        sk: &Sock,
        msk: &Self::Msk,
        msg: &mut Msg<'_>,
        len: usize,
        flags: u32,
    ) -> Result<usize>;
    /// poll(2); the caller waits on the socket already.
    fn poll(sk: &Sock, msk: &Self::Msk) -> PollMask;
    /// ioctl(2): the answer, or ENOIOCTLCMD for what only lower layers know.
    fn ioctl(sk: &Sock, msk: &Self::Msk, cmd: u32) -> Result<i32>;
    /// setsockopt(2).
    fn setsockopt(sk: &Sock, msk: &Self::Msk, opt: &SetOpt) -> Result;
    /// getsockopt(2).
    fn getsockopt(sk: &Sock, msk: &Self::Msk, opt: &GetOpt) -> Result;
    /// Whether writers have room, beyond the bound of the send buffer (TCP_NOTSENT_LOWAT).
    fn stream_memory_free(sk: &Sock, msk: &Self::Msk, wake: bool) -> bool;
    /// SO_RCVLOWAT, the socket locked.
    fn set_rcvlowat(sk: &Sock, msk: &Self::Msk, bytes: i32) -> Result;
    /// Gives each unread buffer in turn to `actor`, which says how much of it it took, until it takes no more. The
    /// socket is locked.
    fn read_in_place(
        sk: &Sock,
        msk: &Self::Msk,
        actor: &mut dyn FnMut(&Skb) -> Result<u32>,
    ) -> Result<usize>;
    /// splice(2) of up to `len` bytes: waits as a receive call does, then as `read_in_place`. Not locked.
    fn splice(
        sk: &Sock,
        msk: &Self::Msk,
        nonblock: bool,
        len: usize,
        actor: &mut dyn FnMut(&Skb) -> Result<u32>,
    ) -> Result<usize>;
    /// The socket's lock is being let go in process context; its spinlock is held.
    fn unlocked(sk: &Sock, msk: &Self::Msk);
    /// Work that was queued with [`super::work::Worker`], in process context.
    fn work(sk: &Sock, msk: &Self::Msk);

    /// A command of a path manager. Process context.
    fn pm_command(net: &Self::Net, request: &super::netlink::Request<'_>) -> Result;
    /// Adds what a path manager wants listed to the next part of the list. Process context.
    fn pm_list(net: &Self::Net, dump: &mut super::netlink::Dump<'_>) -> Result;

    /// `ss -M`: the first socket at position `at` or after it, among those with a token or those that listen.
    fn diag_next(net: &Self::Net, listeners: bool, at: u64) -> Option<(u64, ARef<Sock>)>;
    /// The socket of a token.
    fn diag_find(net: &Self::Net, token: u32) -> Option<ARef<Sock>>;
    /// What is shown of a socket. Process context.
    fn diag_info(sk: &Sock, msk: &Self::Msk) -> super::inet_diag::Shown;
    /// `ss -ti`: what is shown of a subflow. Process context.
    fn ulp_info(subflow: &mut SubflowLocked<'_, Self>) -> super::ulp::UlpInfo;

    /// A segment leaves on a subflow.
    fn transmit(subflow: &mut SubflowLocked<'_, Self>, segment: &mut TxSegment<'_>) -> TxVerdict;
    /// The segment at `seq` that `transmit` let go was not taken by the device.
    fn not_sent(subflow: &mut SubflowLocked<'_, Self>, seq: u32);
    /// A SYN/ACK completed the active handshake of a subflow.
    fn syn_ack(subflow: &mut SubflowLocked<'_, Self>, header: &Header);
    /// TCP has queued data, or the FIN, on a subflow.
    fn data_ready(subflow: &mut SubflowLocked<'_, Self>);
    /// TCP can take more data on a subflow.
    fn write_space(subflow: &mut SubflowLocked<'_, Self>);
    /// A subflow's TCP state changed, or it has an error.
    fn state_change(subflow: &mut SubflowLocked<'_, Self>);
    /// A connection waits in the accept queue of a listening subflow. Softirq.
    fn listener_ready(subflow: &Self::Subflow);
    /// The subflow's TCP socket is being destroyed.
    fn release(subflow: &mut SubflowLocked<'_, Self>);

    /// A SYN arrived at a listening subflow. Softirq; whatever is noted holds until `syn_done` on this CPU.
    /// `Some` refuses it: a reset with this MP_TCPRST reason.
    fn syn(listener: &Self::Subflow, tcp: &Sock, segment: &RxSegment<'_>) -> Option<u8>;
    /// The SYN was answered, or not.
    fn syn_done();
    /// A SYN/ACK leaves: options to add to it. `subflow`: the listener of a request, or the child.
    fn syn_ack_options(
        origin: Origin<'_>,
        subflow: Option<&Self::Subflow>,
        segment: &TxSegment<'_>,
    ) -> Option<([u8; 40], u8)>;
    /// The last segment of a passive handshake arrived.
    fn third_ack(
        listener: &Self::Subflow,
        request: &Request,
        segment: &mut RxSegment<'_>,
    ) -> ThirdAck<Self::Opening>;
    /// What `third_ack` hands to `opened`.
    type Opening;
    /// TCP made the child of a handshake: what it is. Softirq.
    fn opened(listener: &Self::Subflow, opening: Self::Opening, child: &Sock) -> Child<Self>;
    /// TCP made no child after all.
    fn not_made(opening: Self::Opening);
    /// The child could not be made ours: it is plain TCP.
    fn not_opened(subflow: &Self::Subflow);
    /// After the child was made ours.
    fn opened_done(subflow: &mut SubflowLocked<'_, Self>);

    /// A segment for a subflow arrived and TCP has not seen it. Softirq, no lock held.
    fn received(subflow: &Self::Subflow, ssk: &Sock, segment: &mut RxSegment<'_>) -> RxVerdict;
}
