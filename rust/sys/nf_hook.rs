// SPDX-License-Identifier: GPL-2.0

//! The netfilter hook of a namespace that has MPTCP listeners: SYN/ACKs that leave.
//!
//! C header: [`include/linux/netfilter.h`](srctree/include/linux/netfilter.h)
//!
//! LOCAL_OUT runs before every other hook, so that it sees the addresses that TCP sees.

use super::bindings;
use super::netns::NetRef;
use super::request::Request;
use super::segment::TxSegment;
use super::sock::Sock;
use super::stack::{Origin, Stack};
use super::subflow;
use core::cell::UnsafeCell;
use core::ptr::NonNull;
use kernel::ffi::{c_int, c_uint, c_void};
use kernel::prelude::*;

const ACCEPT: c_uint = bindings::NF_ACCEPT;
const DROP: c_uint = bindings::NF_DROP;

/// The hooks; the same for every namespace.
struct Hooks(UnsafeCell<[bindings::nf_hook_ops; 2]>);

// SAFETY: Written once at load, before any namespace registers them, and then only read.
unsafe impl Sync for Hooks {}

static HOOKS: Hooks = Hooks(UnsafeCell::new(
    // SAFETY: All zeroes is valid for the C structure.
    unsafe { core::mem::zeroed() },
));

/// Fills the table. Once, at load.
pub(super) fn init<S: Stack>() {
    let hook = |pf: u32| bindings::nf_hook_ops {
        hook: Some(local_out::<S>),
        pf: pf as u8,
        hooknum: bindings::nf_inet_hooks_NF_INET_LOCAL_OUT,
        priority: c_int::MIN,
        ..Default::default()
    };
    // SAFETY: Nothing is registered yet.
    unsafe { *HOOKS.0.get() = [hook(bindings::NFPROTO_IPV4), hook(bindings::NFPROTO_IPV6)] }
}

/// Registers the hooks in a namespace. Context: may sleep.
pub(crate) fn register(net: NetRef) -> Result {
    // SAFETY: The namespace is alive, the table lives as long as the module.
    kernel::error::to_result(unsafe {
        bindings::nf_register_net_hooks(net.as_ptr(), HOOKS.0.get().cast(), 2)
    })
}

/// Takes them away. A hook may still be running on another CPU: who unloads the module waits for that (`Grace`).
/// Context: may sleep.
pub(crate) fn unregister(net: NetRef) {
    // SAFETY: As above; the caller registered them.
    unsafe {
        bindings::nf_unregister_net_hooks(net.as_ptr(), HOOKS.0.get().cast(), 2);
    }
}

/// Whether the packet is TCP, and where its TCP header starts.
///
/// # Safety
///
/// `skb` is a packet at LOCAL_OUT.
unsafe fn is_tcp(skb: *mut bindings::sk_buff) -> bool {
    // SAFETY: The network header is set and linear at this hook. An IPv6 packet with extension headers is not looked
    // into: TCP sends none that we could not pass by.
    unsafe {
        let ip = bindings::rmptcp_skb_network_header(skb).cast::<u8>();
        let protocol = if *ip >> 4 == 4 {
            *ip.add(9)
        } else {
            *ip.add(6)
        };
        protocol == bindings::IPPROTO_TCP as u8
    }
}

/// # Safety
///
/// Called by C alone, under the contract of the table that it stands in.
unsafe extern "C" fn local_out<S: Stack>(
    _priv: *mut c_void,
    skb: *mut bindings::sk_buff,
    _state: *const bindings::nf_hook_state,
) -> c_uint {
    // SAFETY: The packet is netfilter's, which lets hooks change it.
    unsafe {
        let sk = (*skb).sk;
        let (origin, subflow) = if sk.is_null() {
            (Origin::Cookie, None)
        } else if (*sk).__sk_common.skc_state == bindings::TCP_NEW_SYN_RECV as u8 {
            let Some(request) = NonNull::new(sk.cast()).map(|p| Request::from_raw(p)) else {
                return ACCEPT;
            };
            match subflow::ctx::<S>(request.listener()) {
                Some(ctx) => (Origin::Request(request), Some(&ctx.subflow)),
                None => return ACCEPT,
            }
        } else if (*sk).__sk_common.skc_state == bindings::TCP_SYN_RECV as u8 {
            match subflow::ctx::<S>(sk) {
                Some(ctx) => (Origin::Child, Some(&ctx.subflow)),
                None => return ACCEPT,
            }
        } else if (*sk).__sk_common.skc_state == bindings::TCP_SYN_SENT as u8 {
            return first_syn::<S>(sk, skb);
        } else {
            return ACCEPT;
        };
        if !is_tcp(skb) {
            return ACCEPT;
        }
        let Some(p) = NonNull::new(skb) else {
            return ACCEPT;
        };
        if bindings::rmptcp_skb_network_offset(skb) != 0 {
            return ACCEPT;
        }
        let mut segment = TxSegment::parse(p);
        if !segment.header.syn() || !segment.header.ack() {
            return ACCEPT;
        }
        if let Some((area, len)) = S::syn_ack_options(origin, subflow, &segment) {
            let options = area.get(..len.into()).unwrap_or(&[]);
            if segment.set_options_with_ip(options).is_err() {
                return DROP;
            }
        }
        ACCEPT
    }
}

/// The SYN of an IPv6 socket that connects to a v4-mapped address: TCP changes the table of the socket in the middle of
/// `connect`, so that this one segment does not pass our `queue_xmit`.
///
/// # Safety
///
/// `skb` is at LOCAL_OUT, sent by the full socket `sk` in SYN_SENT, whose lock is held by this context.
unsafe fn first_syn<S: Stack>(sk: *mut bindings::sock, skb: *mut bindings::sk_buff) -> c_uint {
    // SAFETY: By the contract above.
    unsafe {
        let Some(ctx) = subflow::ctx::<S>(sk) else {
            return ACCEPT;
        };
        if super::af_ops::is_wrapped(sk) || !is_tcp(skb) {
            return ACCEPT;
        }
        let Some(p) = NonNull::new(skb) else {
            return ACCEPT;
        };
        let mut segment = TxSegment::parse(p);
        let mut locked = subflow::SubflowLocked::new(Sock::from_raw(sk), ctx);
        match S::transmit(&mut locked, &mut segment) {
            super::stack::TxVerdict::Send => ACCEPT,
            super::stack::TxVerdict::SendWith(area, len) => {
                let options = area.get(..len.into()).unwrap_or(&[]);
                match segment.set_options_with_ip(options) {
                    Ok(()) => ACCEPT,
                    Err(_) => DROP,
                }
            }
            super::stack::TxVerdict::Lose => DROP,
        }
    }
}
