// SPDX-License-Identifier: GPL-2.0

//! Kernel events to the engine, engine actions to the kernel. No decision of the RFC is made here.
//!
//! | C enters through | file |
//! |---|---|
//! | socket(2), the life of a socket | `msk.rs` |
//! | bind, connect, listen, accept, shutdown, close | `connect.rs`, `accept.rs`, `close.rs` |
//! | sendmsg, recvmsg, splice, poll, ioctl | `sendmsg.rs`, `recvmsg.rs`, `poll.rs` |
//! | setsockopt, getsockopt | `sockopt/` |
//! | the callbacks of a subflow's TCP socket | `subflow.rs` |
//! | segments that leave | `tx_options.rs` |
//! | segments that arrive | `rx_options.rs` |
//! | SYN, SYN/ACK and third ACK at a listener | `syn_ack.rs`, of joins `joins.rs` |
//! | subflows that we open | `open.rs` |
//! | the path manager's wishes | `paths.rs` |
//! | work and timers, devices | `worker.rs`, `link.rs` |
//! | `ss -M`, `ss -ti`, tracepoints | `diag.rs`, `trace.rs` |
//! | `ip mptcp`, mptcpd | `pm/` |
//! | namespaces | `netns.rs`, `sysctl.rs`, `mib.rs`, `blackhole.rs` |
//!
//! Whatever an event makes the engine want is carried out by `act.rs`.

use crate::engine::SchedulerKind;
use crate::sys::accept::Accept;
use crate::sys::inet_diag::Shown;
use crate::sys::msg::{Address, Msg};
use crate::sys::netlink;
use crate::sys::netns::NetRef;
use crate::sys::request::Request;
use crate::sys::rx_filter::RxVerdict;
use crate::sys::segment::{Header, RxSegment, TxSegment};
use crate::sys::skb::Skb;
use crate::sys::sock::Sock;
use crate::sys::sockopt::{GetOpt, SetOpt};
use crate::sys::stack::{Child, Origin, PollMask, Stack, ThirdAck, TxVerdict};
use crate::sys::subflow::SubflowLocked;
use crate::sys::ulp::UlpInfo;
use kernel::prelude::*;
use kernel::str::CStr;
use kernel::sync::aref::ARef;

mod accept;
mod act;
mod blackhole;
mod close;
mod connect;
mod diag;
mod entry;
mod joins;
mod link;
mod mib;
mod msk;
mod netns;
mod open;
mod paths;
mod payload;
mod pm;
mod poll;
mod receive_buffer;
mod recvmsg;
mod rx_options;
mod send_buffer;
mod send_queue;
mod sendmsg;
mod sha256;
mod siphash;
mod sockopt;
mod strays;
mod subflow;
mod syn_ack;
mod sysctl;
mod token;
mod trace;
mod tx_options;
mod worker;

/// Our implementation of IPPROTO_MPTCP.
pub(crate) struct Mptcp;

impl Stack for Mptcp {
    type Msk = msk::Msk;
    type Connection = crate::engine::Connection<Skb>;
    type Subflow = subflow::Subflow;
    type Locked = subflow::Locked;
    type Net = netns::Net;
    type Opening = syn_ack::Opening;

    const SCHEDULERS: &'static CStr = SchedulerKind::NAMES;

    fn net_init(net: NetRef) -> Result<Self::Net> {
        netns::Net::new(net)
    }

    fn net_exit(net: &Self::Net) {
        net.exit();
    }

    fn link(net: &Self::Net, device: u32, up: bool) {
        link::changed(net, device, up);
    }

    fn net_work(net: &Self::Net) {
        net.close_strays();
        net.detach_idle_hooks();
    }

    fn new_msk(sk: &Sock) -> Result<impl PinInit<Self::Msk>> {
        msk::Msk::create(sk)
    }

    fn destroy(sk: &Sock, msk: &Self::Msk) {
        close::destroy(sk, msk);
    }

    fn bind(sk: &Sock, msk: &Self::Msk, addr: Address<'_>) -> Result {
        connect::bind(sk, msk, addr)
    }

    fn connect(sk: &Sock, msk: &Self::Msk, addr: Address<'_>) -> Result {
        connect::connect(sk, msk, addr)
    }

    fn disconnect(sk: &Sock, msk: &Self::Msk) -> Result {
        close::disconnect(sk, msk)
    }

    fn listen(sk: &Sock, msk: &Self::Msk, backlog: i32, unconnected: bool) -> Result {
        accept::listen(sk, msk, backlog, unconnected)
    }

    fn accept(sk: &Sock, msk: &Self::Msk, call: Accept<'_>) -> Result {
        accept::accept(sk, msk, call)
    }

    fn close(sk: &Sock, msk: &Self::Msk, timeout: isize) {
        close::close(sk, msk, timeout);
    }

    fn shutdown(sk: &Sock, msk: &Self::Msk, how: u8) {
        close::shutdown(sk, msk, how);
    }

    fn sendmsg(sk: &Sock, msk: &Self::Msk, msg: &mut Msg<'_>) -> Result<usize> {
        sendmsg::sendmsg(sk, msk, msg)
    }

    fn recvmsg(
        sk: &Sock,
        msk: &Self::Msk,
        msg: &mut Msg<'_>,
        len: usize,
        flags: u32,
    ) -> Result<usize> {
        recvmsg::recvmsg(sk, msk, msg, len, flags)
    }

    fn poll(sk: &Sock, msk: &Self::Msk) -> PollMask {
        poll::poll(sk, msk)
    }

    fn ioctl(sk: &Sock, msk: &Self::Msk, cmd: u32) -> Result<i32> {
        poll::ioctl(sk, msk, cmd)
    }

    fn setsockopt(sk: &Sock, msk: &Self::Msk, opt: &SetOpt) -> Result {
        sockopt::set(sk, msk, opt)
    }

    fn getsockopt(sk: &Sock, msk: &Self::Msk, opt: &GetOpt) -> Result {
        sockopt::get(sk, msk, opt)
    }

    fn stream_memory_free(sk: &Sock, msk: &Self::Msk, wake: bool) -> bool {
        sendmsg::stream_memory_free(sk, msk, wake)
    }

    fn set_rcvlowat(sk: &Sock, msk: &Self::Msk, bytes: i32) -> Result {
        recvmsg::set_rcvlowat(sk, msk, bytes)
    }

    fn read_in_place(
        sk: &Sock,
        msk: &Self::Msk,
        actor: &mut dyn FnMut(&Skb) -> Result<u32>,
    ) -> Result<usize> {
        recvmsg::read_in_place(sk, msk, actor)
    }

    fn splice(
        sk: &Sock,
        msk: &Self::Msk,
        nonblock: bool,
        len: usize,
        actor: &mut dyn FnMut(&Skb) -> Result<u32>,
    ) -> Result<usize> {
        recvmsg::splice(sk, msk, nonblock, len, actor)
    }

    fn unlocked(sk: &Sock, msk: &Self::Msk) {
        act::unlocked(sk, msk);
    }

    fn work(sk: &Sock, msk: &Self::Msk) {
        worker::work(sk, msk);
    }

    fn pm_command(net: &Self::Net, request: &netlink::Request<'_>) -> Result {
        pm::command(net, request)
    }

    fn pm_list(net: &Self::Net, dump: &mut netlink::Dump<'_>) -> Result {
        pm::list(net, dump)
    }

    fn diag_next(net: &Self::Net, listeners: bool, at: u64) -> Option<(u64, ARef<Sock>)> {
        diag::next(net, listeners, at)
    }

    fn diag_find(net: &Self::Net, token: u32) -> Option<ARef<Sock>> {
        diag::find(net, token)
    }

    fn diag_info(sk: &Sock, msk: &Self::Msk) -> Shown {
        diag::info(sk, msk)
    }

    fn ulp_info(subflow: &mut SubflowLocked<'_, Self>) -> UlpInfo {
        diag::ulp_info(subflow)
    }

    fn transmit(subflow: &mut SubflowLocked<'_, Self>, segment: &mut TxSegment<'_>) -> TxVerdict {
        tx_options::transmit(subflow, segment)
    }

    fn not_sent(subflow: &mut SubflowLocked<'_, Self>, seq: u32) {
        tx_options::not_sent(subflow, seq);
    }

    fn syn_ack(subflow: &mut SubflowLocked<'_, Self>, header: &Header) {
        subflow::syn_ack(subflow, header);
    }

    fn data_ready(subflow: &mut SubflowLocked<'_, Self>) {
        subflow::data_ready(subflow);
    }

    fn write_space(subflow: &mut SubflowLocked<'_, Self>) {
        subflow::write_space(subflow);
    }

    fn state_change(subflow: &mut SubflowLocked<'_, Self>) {
        subflow::state_change(subflow);
    }

    fn listener_ready(subflow: &Self::Subflow) {
        subflow.wake_listener();
    }

    fn release(subflow: &mut SubflowLocked<'_, Self>) {
        subflow::release(subflow);
    }

    fn syn(listener: &Self::Subflow, tcp: &Sock, segment: &RxSegment<'_>) -> Option<u8> {
        syn_ack::syn(listener, tcp, segment)
    }

    fn syn_done() {
        syn_ack::syn_done();
    }

    fn syn_ack_options(
        origin: Origin<'_>,
        listener: Option<&Self::Subflow>,
        segment: &TxSegment<'_>,
    ) -> Option<([u8; 40], u8)> {
        syn_ack::options(origin, listener, segment)
    }

    fn third_ack(
        listener: &Self::Subflow,
        request: &Request,
        segment: &mut RxSegment<'_>,
    ) -> ThirdAck<Self::Opening> {
        syn_ack::third_ack(listener, request, segment)
    }

    fn opened(listener: &Self::Subflow, opening: Self::Opening, child: &Sock) -> Child<Self> {
        syn_ack::opened(listener, opening, child)
    }

    fn not_made(opening: Self::Opening) {
        syn_ack::not_made(&opening);
    }

    fn not_opened(subflow: &Self::Subflow) {
        syn_ack::not_opened(subflow);
    }

    fn opened_done(subflow: &mut SubflowLocked<'_, Self>) {
        syn_ack::opened_done(subflow);
    }

    fn received(subflow: &Self::Subflow, ssk: &Sock, segment: &mut RxSegment<'_>) -> RxVerdict {
        rx_options::received(subflow, ssk, segment)
    }
}
