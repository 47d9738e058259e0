// SPDX-License-Identifier: GPL-2.0

//! Every C entry of sockets and subflows: name the arguments, make the proof of context, call one safe function.
//!
//! The entries of other rooms (netfilter, namespaces, work) stand beside what registers them.

use super::accept::Accept;
use super::af_ops;
use super::bindings;
use super::child;
use super::module;
use super::msg::{Address, Msg};
use super::nobody;
use super::proto;
use super::request::Request;
use super::rx_filter;
use super::segment::{self, RxSegment, TxSegment};
use super::sock::{state, Sock};
use super::sockopt::{GetOpt, SetOpt};
use super::stack::{Stack, ThirdAck, TxVerdict};
use super::subflow::{self, Ctx, SubflowLocked};
use core::ptr::{self, NonNull};
use kernel::error::from_result;
use kernel::ffi::{c_char, c_int, c_long, c_uint};
use kernel::prelude::*;

/// The MPTCP socket that C calls us on, with its state.
///
/// # Safety
///
/// `sk` is a socket of ours (its `sk_prot` or its `proto_ops` is ours) and stays so for `'a`.
unsafe fn msk<'a, S: Stack>(sk: *mut bindings::sock) -> (&'a Sock, &'a S::Msk) {
    // SAFETY: By the contract above.
    unsafe { (Sock::from_raw(sk), proto::state::<S>(sk)) }
}

/// A count as a C return value.
fn count(result: Result<usize>) -> c_int {
    from_result(|| result.map(|n| c_int::try_from(n).unwrap_or(c_int::MAX)))
}

// The MPTCP socket: `struct proto`.

/// # Safety
///
/// Called by C alone, under the contract of the table that it stands in.
pub(super) unsafe extern "C" fn init<S: Stack>(sk: *mut bindings::sock) -> c_int {
    // SAFETY: `inet_create` calls this on a new socket of our proto.
    from_result(|| unsafe { proto::init::<S>(sk) }.map(|()| 0))
}

/// # Safety
///
/// Called by C alone, under the contract of the table that it stands in.
pub(super) unsafe extern "C" fn destroy<S: Stack>(sk: *mut bindings::sock) {
    // SAFETY: C calls this on a socket of our proto, also on one whose `init` failed: that has no state.
    unsafe {
        if proto::is_set_up::<S>(sk) {
            let (sk, msk) = msk::<S>(sk);
            S::destroy(sk, msk);
        }
    }
}

/// # Safety
///
/// Called by C alone, under the contract of the table that it stands in.
pub(super) unsafe extern "C" fn msk_destruct<S: Stack>(sk: *mut bindings::sock) {
    // SAFETY: The last reference is gone; C calls this once.
    unsafe { proto::destruct::<S>(sk) }
}

/// # Safety
///
/// Called by C alone, under the contract of the table that it stands in.
pub(super) unsafe extern "C" fn connect<S: Stack>(
    sk: *mut bindings::sock,
    addr: *mut bindings::sockaddr_unsized,
    len: c_int,
) -> c_int {
    // SAFETY: As the other entries of our proto; the address is valid for the call.
    let ((sk, msk), addr) = unsafe { (msk::<S>(sk), Address::from_raw(addr, len)) };
    from_result(|| S::connect(sk, msk, addr).map(|()| 0))
}

/// # Safety
///
/// Called by C alone, under the contract of the table that it stands in.
pub(super) unsafe extern "C" fn disconnect<S: Stack>(
    sk: *mut bindings::sock,
    _flags: c_int,
) -> c_int {
    // SAFETY: As the other entries of our proto.
    let (sk, msk) = unsafe { msk::<S>(sk) };
    from_result(|| S::disconnect(sk, msk).map(|()| 0))
}

/// # Safety
///
/// Called by C alone, under the contract of the table that it stands in.
pub(super) unsafe extern "C" fn close<S: Stack>(sk: *mut bindings::sock, timeout: c_long) {
    // SAFETY: As the other entries of our proto.
    let (sk, msk) = unsafe { msk::<S>(sk) };
    S::close(sk, msk, timeout);
}

/// # Safety
///
/// Called by C alone, under the contract of the table that it stands in.
pub(super) unsafe extern "C" fn shutdown<S: Stack>(sk: *mut bindings::sock, how: c_int) {
    // SAFETY: As the other entries of our proto.
    let (sk, msk) = unsafe { msk::<S>(sk) };
    S::shutdown(sk, msk, how as u8);
}

/// # Safety
///
/// Called by C alone, under the contract of the table that it stands in.
pub(super) unsafe extern "C" fn sendmsg<S: Stack>(
    sk: *mut bindings::sock,
    msg: *mut bindings::msghdr,
    _len: usize,
) -> c_int {
    let Some(msg) = NonNull::new(msg) else {
        return EINVAL.to_errno();
    };
    // SAFETY: As the other entries of our proto; the message is valid for the call.
    let ((sk, msk), mut msg) = unsafe { (msk::<S>(sk), Msg::from_raw(msg)) };
    count(S::sendmsg(sk, msk, &mut msg))
}

/// # Safety
///
/// Called by C alone, under the contract of the table that it stands in.
pub(super) unsafe extern "C" fn recvmsg<S: Stack>(
    sk: *mut bindings::sock,
    msg: *mut bindings::msghdr,
    len: usize,
    flags: c_int,
) -> c_int {
    let Some(msg) = NonNull::new(msg) else {
        return EINVAL.to_errno();
    };
    // SAFETY: As the other entries of our proto; the message is valid for the call.
    let ((sk, msk), mut msg) = unsafe { (msk::<S>(sk), Msg::from_raw(msg)) };
    count(S::recvmsg(sk, msk, &mut msg, len, flags as u32))
}

/// # Safety
///
/// Called by C alone, under the contract of the table that it stands in.
pub(super) unsafe extern "C" fn setsockopt<S: Stack>(
    sk: *mut bindings::sock,
    level: c_int,
    name: c_int,
    value: bindings::sockptr_t,
    len: c_uint,
) -> c_int {
    // SAFETY: As the other entries of our proto; the value is valid for the call.
    let ((sk, msk), opt) = unsafe { (msk::<S>(sk), SetOpt::new(level, name, value, len)) };
    from_result(|| S::setsockopt(sk, msk, &opt).map(|()| 0))
}

/// # Safety
///
/// Called by C alone, under the contract of the table that it stands in.
pub(super) unsafe extern "C" fn getsockopt<S: Stack>(
    sk: *mut bindings::sock,
    level: c_int,
    name: c_int,
    value: *mut c_char,
    len: *mut c_int,
) -> c_int {
    // SAFETY: As the other entries of our proto; the pointers are the user's and checked when used.
    let ((sk, msk), opt) = unsafe { (msk::<S>(sk), GetOpt::new(level, name, value, len)) };
    from_result(|| S::getsockopt(sk, msk, &opt).map(|()| 0))
}

/// # Safety
///
/// Called by C alone, under the contract of the table that it stands in.
pub(super) unsafe extern "C" fn ioctl<S: Stack>(
    sk: *mut bindings::sock,
    cmd: c_int,
    answer: *mut c_int,
) -> c_int {
    // SAFETY: As the other entries of our proto; `answer` is a variable of the caller.
    let (sk, msk) = unsafe { msk::<S>(sk) };
    from_result(|| {
        let value = S::ioctl(sk, msk, cmd as u32)?;
        // SAFETY: See above.
        unsafe { *answer = value };
        Ok(0)
    })
}

/// # Safety
///
/// Called by C alone, under the contract of the table that it stands in.
pub(super) unsafe extern "C" fn stream_memory_free<S: Stack>(
    sk: *const bindings::sock,
    wake: c_int,
) -> bool {
    // SAFETY: As the other entries of our proto.
    let (sk, msk) = unsafe { msk::<S>(sk.cast_mut()) };
    S::stream_memory_free(sk, msk, wake != 0)
}

/// # Safety
///
/// Called by C alone, under the contract of the table that it stands in.
pub(super) unsafe extern "C" fn release_cb<S: Stack>(sk: *mut bindings::sock) {
    // SAFETY: As the other entries of our proto.
    let (sk, msk) = unsafe { msk::<S>(sk) };
    S::unlocked(sk, msk);
}

/// # Safety
///
/// Called by C alone, under the contract of the table that it stands in.
pub(super) unsafe extern "C" fn set_rcvlowat<S: Stack>(
    sk: *mut bindings::sock,
    bytes: c_int,
) -> c_int {
    // SAFETY: As the other entries of our proto.
    let (sk, msk) = unsafe { msk::<S>(sk) };
    from_result(|| S::set_rcvlowat(sk, msk, bytes).map(|()| 0))
}

/// # Safety
///
/// Called by C alone, under the contract of the table that it stands in.
pub(super) unsafe extern "C" fn hash(_sk: *mut bindings::sock) -> c_int {
    0
}

/// # Safety
///
/// Called by C alone, under the contract of the table that it stands in.
pub(super) unsafe extern "C" fn unhash(_sk: *mut bindings::sock) {}

// The MPTCP socket: `struct proto_ops`.

/// # Safety
///
/// Called by C alone, under the contract of the table that it stands in.
pub(super) unsafe extern "C" fn bind<S: Stack>(
    socket: *mut bindings::socket,
    addr: *mut bindings::sockaddr_unsized,
    len: c_int,
) -> c_int {
    // SAFETY: The socket of an open file of ours, and an address that is valid for the call.
    let ((sk, msk), addr) = unsafe { (msk::<S>((*socket).sk), Address::from_raw(addr, len)) };
    from_result(|| S::bind(sk, msk, addr).map(|()| 0))
}

/// # Safety
///
/// Called by C alone, under the contract of the table that it stands in.
pub(super) unsafe extern "C" fn listen<S: Stack>(
    socket: *mut bindings::socket,
    backlog: c_int,
) -> c_int {
    // SAFETY: The socket of an open file of ours.
    let ((sk, msk), unconnected) = unsafe {
        (
            msk::<S>((*socket).sk),
            (*socket).state == bindings::socket_state_SS_UNCONNECTED,
        )
    };
    from_result(|| S::listen(sk, msk, backlog, unconnected).map(|()| 0))
}

/// # Safety
///
/// Called by C alone, under the contract of the table that it stands in.
pub(super) unsafe extern "C" fn accept<S: Stack>(
    socket: *mut bindings::socket,
    new: *mut bindings::socket,
    arg: *mut bindings::proto_accept_arg,
) -> c_int {
    // SAFETY: The socket of an open file of ours, and what accept(2) made for the answer.
    let ((sk, msk), accept) = unsafe { (msk::<S>((*socket).sk), Accept::new(socket, new, arg)) };
    from_result(|| S::accept(sk, msk, accept).map(|()| 0))
}

/// # Safety
///
/// Called by C alone, under the contract of the table that it stands in.
pub(super) unsafe extern "C" fn poll<S: Stack>(
    file: *mut bindings::file,
    socket: *mut bindings::socket,
    wait: *mut bindings::poll_table_struct,
) -> bindings::__poll_t {
    // SAFETY: The socket of an open file of ours.
    unsafe {
        bindings::rmptcp_sock_poll_wait(file, socket, wait);
        let (sk, msk) = msk::<S>((*socket).sk);
        S::poll(sk, msk)
    }
}

// A subflow: the callbacks of `struct sock`. TCP calls all of them with the socket's lock held, but for `data_ready` of
// a listener.

/// Runs `f` on the locked subflow.
///
/// # Safety
///
/// `sk` is valid and its lock is held by this context.
pub(super) unsafe fn with<S: Stack>(
    sk: *mut bindings::sock,
    f: impl FnOnce(&mut SubflowLocked<'_, S>, &Ctx<S>),
) {
    // SAFETY: By the contract above.
    unsafe {
        if let Some(ctx) = subflow::ctx::<S>(sk) {
            f(&mut SubflowLocked::new(Sock::from_raw(sk), ctx), ctx);
        }
    }
}

/// # Safety
///
/// Called by C alone, under the contract of the table that it stands in.
pub(super) unsafe extern "C" fn subflow_data_ready<S: Stack>(sk: *mut bindings::sock) {
    // SAFETY: TCP calls this on a valid socket; a listener is only looked at through what needs no lock.
    unsafe {
        if Sock::from_raw(sk).state() == state::LISTEN {
            if let Some(ctx) = subflow::ctx::<S>(sk) {
                // accept(2) sleeps on the queue of the TCP socket, poll(2) on that of the MPTCP socket.
                if let Some(f) = ctx.saved.data_ready {
                    f(sk);
                }
                S::listener_ready(&ctx.subflow);
            }
        } else {
            with::<S>(sk, |l, _| S::data_ready(l));
        }
    }
}

/// # Safety
///
/// Called by C alone, under the contract of the table that it stands in.
pub(super) unsafe extern "C" fn subflow_write_space<S: Stack>(sk: *mut bindings::sock) {
    // SAFETY: TCP holds the lock. The saved function is TCP's own, which keeps the flags of the socket right. Nobody's
    // socket keeps its own for all the others.
    unsafe {
        let is_orphan = (*sk).sk_socket == nobody::socket();
        with::<S>(sk, |l, ctx| {
            if let Some(f) = ctx.saved.write_space.filter(|_| !is_orphan) {
                f(sk);
            }
            S::write_space(l);
        });
    }
}

/// # Safety
///
/// Called by C alone, under the contract of the table that it stands in.
pub(super) unsafe extern "C" fn subflow_state_change<S: Stack>(sk: *mut bindings::sock) {
    // SAFETY: TCP holds the lock.
    unsafe {
        with::<S>(sk, |l, ctx| {
            if let Some(f) = ctx.saved.state_change {
                f(sk);
            }
            S::state_change(l);
        });
    }
}

/// # Safety
///
/// Called by C alone, under the contract of the table that it stands in.
pub(super) unsafe extern "C" fn subflow_error_report<S: Stack>(sk: *mut bindings::sock) {
    // SAFETY: TCP holds the lock.
    unsafe { with::<S>(sk, |l, _| S::state_change(l)) }
}

/// # Safety
///
/// Called by C alone, under the contract of the table that it stands in.
pub(super) unsafe extern "C" fn subflow_destruct<S: Stack>(sk: *mut bindings::sock) {
    // SAFETY: The last reference is gone, so the context is ours alone; it was made by `attach` with a reference of the
    // module, which goes last.
    unsafe {
        let Some(ctx) = subflow::take::<S>(sk) else {
            // A copy of a listener, with no reference of the module either: it does not outlive the handshake.
            child::destruct_copy(sk);
            return;
        };
        let original = ctx.saved.destruct;
        (*sk).sk_destruct = original;
        rx_filter::clear(sk);
        drop(ctx);
        if let Some(f) = original {
            f(sk);
        }
    }
    module::put();
}

// A subflow: the address family table.

/// # Safety
///
/// Called by C alone, under the contract of the table that it stands in.
pub(super) unsafe extern "C" fn queue_xmit<S: Stack>(
    sk: *mut bindings::sock,
    skb: *mut bindings::sk_buff,
    fl: *mut bindings::flowi,
) -> c_int {
    // SAFETY: TCP holds the lock of the socket, and gives the segment away.
    unsafe {
        let original = (*af_ops::original(sk)).queue_xmit;
        let mut seq = None;
        if let (Some(ctx), Some(skb)) = (subflow::ctx::<S>(sk), NonNull::new(skb)) {
            let mut segment = TxSegment::parse(skb);
            seq = Some(segment.header.seq);
            let mut locked = SubflowLocked::new(Sock::from_raw(sk), ctx);
            let lose = match S::transmit(&mut locked, &mut segment) {
                TxVerdict::Send => false,
                TxVerdict::SendWith(area, len) => segment
                    .set_options(sk, area.get(..len.into()).unwrap_or(&[]))
                    .is_err(),
                TxVerdict::Lose => true,
            };
            if lose {
                bindings::rmptcp_kfree_skb(skb.as_ptr());
                return 0;
            }
        }
        let taken = match original {
            Some(f) => f(sk, skb, fl),
            None => 0,
        };
        if let (true, Some(seq)) = (taken != 0 && taken != NET_XMIT_CN, seq) {
            with::<S>(sk, |l, _| S::not_sent(l, seq));
        }
        taken
    }
}

/// The device is congested but took the segment.
const NET_XMIT_CN: c_int = 2;

/// # Safety
///
/// Called by C alone, under the contract of the table that it stands in.
pub(super) unsafe extern "C" fn sk_rx_dst_set<S: Stack>(
    sk: *mut bindings::sock,
    skb: *const bindings::sk_buff,
) {
    // SAFETY: TCP holds the lock; the segment is the one that it works on.
    unsafe {
        if let Some(f) = (*af_ops::original(sk)).sk_rx_dst_set {
            f(sk, skb);
        }
        let Some(skb) = NonNull::new(skb.cast_mut()) else {
            return;
        };
        with::<S>(sk, |l, _| {
            if let Some(segment) = RxSegment::parse(skb) {
                if segment.header.syn() && segment.header.ack() {
                    S::syn_ack(l, &segment.header);
                }
            }
        });
    }
}

/// # Safety
///
/// Called by C alone, under the contract of the table that it stands in.
pub(super) unsafe extern "C" fn conn_request<S: Stack>(
    sk: *mut bindings::sock,
    skb: *mut bindings::sk_buff,
) -> c_int {
    // SAFETY: TCP calls this for a SYN at a listener, with bottom halves off; the listener's context lives as long as
    // the listener.
    unsafe {
        let original = (*af_ops::original(sk)).conn_request;
        let mut noted = false;
        if let (Some(ctx), Some(skb)) = (subflow::ctx::<S>(sk), NonNull::new(skb)) {
            if let Some(mut segment) = RxSegment::parse(skb) {
                noted = true;
                if let Some(reason) = S::syn(&ctx.subflow, Sock::from_raw(sk), &segment) {
                    segment.refuse(sk, reason);
                    S::syn_done();
                    return 0;
                }
            }
        }
        let answer = match original {
            Some(f) => f(sk, skb),
            None => 0,
        };
        if noted {
            S::syn_done();
        }
        answer
    }
}

/// # Safety
///
/// Called by C alone, under the contract of the table that it stands in.
#[allow(clippy::too_many_arguments)]
pub(super) unsafe extern "C" fn syn_recv_sock<S: Stack>(
    sk: *const bindings::sock,
    skb: *mut bindings::sk_buff,
    req: *mut bindings::request_sock,
    dst: *mut bindings::dst_entry,
    req_unhash: *mut bindings::request_sock,
    own_req: *mut bool,
    opt_child_init: Option<unsafe extern "C" fn(*mut bindings::sock, *const bindings::sock)>,
) -> *mut bindings::sock {
    // SAFETY: TCP calls this for the segment that completes a handshake at a listener of ours. A child that it returns
    // with `own_req` set is new and locked.
    unsafe {
        let Some(original) = (*af_ops::original(sk)).syn_recv_sock else {
            return ptr::null_mut();
        };
        let ask = || original(sk, skb, req, dst, req_unhash, own_req, opt_child_init);
        let ctx = subflow::ctx::<S>(sk.cast_mut());
        let (Some(ctx), Some(p), Some(request)) = (ctx, NonNull::new(skb), NonNull::new(req))
        else {
            return ask();
        };
        let verdict = match RxSegment::parse(p) {
            Some(mut segment) => {
                S::third_ack(&ctx.subflow, Request::from_raw(request), &mut segment)
            }
            None => ThirdAck::Plain,
        };
        let (opening, joins) = match verdict {
            ThirdAck::Plain => (None, false),
            ThirdAck::Open(opening) => (Some(opening), false),
            ThirdAck::Join(opening) => (Some(opening), true),
            ThirdAck::Refuse(reason) => {
                segment::refuse(sk, p, reason);
                return ptr::null_mut();
            }
        };
        let child = ask();
        if child.is_null() || !*own_req {
            if let Some(opening) = opening {
                S::not_made(opening);
            }
            if !child.is_null() {
                child::make_plain(child, &ctx.saved);
            }
            return child;
        }
        // `ulp_clone` made it plain TCP but for the table, and for what is settled here.
        af_ops::unwrap(child);
        if joins {
            Request::keep_from_accept(request);
        }
        if let Some(reason) = child::settle(ctx, opening, child) {
            segment::refuse(sk, p, Some(reason));
            child::drop_connection(child);
        }
        child
    }
}
