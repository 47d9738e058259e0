// SPDX-License-Identifier: GPL-2.0

//! The two netfilter hooks of a namespace that has MPTCP sockets: segments that arrive, and SYN/ACKs that leave.
//!
//! C header: [`include/linux/netfilter.h`](srctree/include/linux/netfilter.h)
//!
//! LOCAL_IN runs after every other hook, so that it sees the addresses that TCP sees and nothing that a filter drops;
//! LOCAL_OUT runs before every other hook, for the same reason.

use super::bindings;
use super::netns::NetRef;
use super::request::Request;
use super::segment::{RxSegment, TxSegment};
use super::sock::Sock;
use super::stack::{Origin, Stack};
use super::subflow;
use core::cell::UnsafeCell;
use core::ptr::{self, NonNull};
use kernel::ffi::{c_int, c_uint, c_void};
use kernel::prelude::*;

/// What is to happen to a segment that arrived.
pub(crate) enum RxVerdict {
    /// TCP gets it.
    Pass,
    /// Nobody gets it: the network might have lost it.
    Drop,
}

const ACCEPT: c_uint = bindings::NF_ACCEPT;
const DROP: c_uint = bindings::NF_DROP;

/// The hooks; the same for every namespace.
struct Hooks(UnsafeCell<[bindings::nf_hook_ops; 4]>);

// SAFETY: Written once at load, before any namespace registers them, and then only read.
unsafe impl Sync for Hooks {}

static HOOKS: Hooks = Hooks(UnsafeCell::new(
    // SAFETY: All zeroes is valid for the C structure.
    unsafe { core::mem::zeroed() },
));

/// Fills the table. Once, at load.
pub(super) fn init<S: Stack>() {
    let hook =
        |hook: bindings::nf_hookfn, pf: u32, hooknum: u32, priority: c_int| bindings::nf_hook_ops {
            hook,
            pf: pf as u8,
            hooknum,
            priority,
            ..Default::default()
        };
    // SAFETY: Nothing is registered yet.
    unsafe {
        *HOOKS.0.get() = [
            hook(
                Some(local_in::<S>),
                bindings::NFPROTO_IPV4,
                bindings::nf_inet_hooks_NF_INET_LOCAL_IN,
                c_int::MAX,
            ),
            hook(
                Some(local_in::<S>),
                bindings::NFPROTO_IPV6,
                bindings::nf_inet_hooks_NF_INET_LOCAL_IN,
                c_int::MAX,
            ),
            hook(
                Some(local_out::<S>),
                bindings::NFPROTO_IPV4,
                bindings::nf_inet_hooks_NF_INET_LOCAL_OUT,
                c_int::MIN,
            ),
            hook(
                Some(local_out::<S>),
                bindings::NFPROTO_IPV6,
                bindings::nf_inet_hooks_NF_INET_LOCAL_OUT,
                c_int::MIN,
            ),
        ];
    }
}

/// Registers the hooks in a namespace. Context: may sleep.
pub(crate) fn register(net: NetRef) -> Result {
    // SAFETY: The namespace is alive, the table lives as long as the module.
    kernel::error::to_result(unsafe {
        bindings::nf_register_net_hooks(net.as_ptr(), HOOKS.0.get().cast(), 4)
    })
}

/// Takes them away. A hook may still be running on another CPU: who unloads the module waits for that (`Grace`).
/// Context: may sleep.
pub(crate) fn unregister(net: NetRef) {
    // SAFETY: As above; the caller registered them.
    unsafe {
        bindings::nf_unregister_net_hooks(net.as_ptr(), HOOKS.0.get().cast(), 4);
    }
}

/// Whether the packet is TCP, and where its TCP header starts.
///
/// # Safety
///
/// `skb` is a packet at LOCAL_IN or LOCAL_OUT.
unsafe fn is_tcp(skb: *mut bindings::sk_buff) -> bool {
    // SAFETY: The network header is set and linear at these hooks. An IPv6 packet with extension headers is not looked
    // into: its transport header was found by the IP layer at LOCAL_IN, and TCP sends none that we could not pass by.
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
unsafe extern "C" fn local_in<S: Stack>(
    _priv: *mut c_void,
    skb: *mut bindings::sk_buff,
    state: *const bindings::nf_hook_state,
) -> c_uint {
    // SAFETY: The packet is netfilter's, which lets hooks change it; we are in softirq under RCU.
    unsafe {
        let sk = (*skb).sk;
        if !sk.is_null() && bindings::rmptcp_sk_fullsock(sk) {
            // A socket found by early demux, with a reference in the packet: one compare for those that are not ours.
            return match subflow::ctx::<S>(sk) {
                Some(ctx) => deliver::<S>(&ctx.subflow, Sock::from_raw(sk), skb),
                None => ACCEPT,
            };
        }
        if !is_tcp(skb) {
            return ACCEPT;
        }
        let Some(segment) = NonNull::new(skb).and_then(|p| RxSegment::parse(p)) else {
            return ACCEPT;
        };
        if segment.header.syn() || !S::concerns(&segment.header) {
            return ACCEPT;
        }
        // Loopback, tunnels, a request socket that may have become a connection meanwhile: look it up.
        let Some(found) = look_up((*state).net, skb, &segment) else {
            return ACCEPT;
        };
        let verdict = match subflow::ctx::<S>(found.as_ptr()) {
            Some(ctx) => deliver::<S>(&ctx.subflow, &found, skb),
            None => ACCEPT,
        };
        verdict
    }
}

/// # Safety
///
/// `skb` is a TCP packet at LOCAL_IN for the subflow `ssk`.
unsafe fn deliver<S: Stack>(
    subflow: &S::Subflow,
    ssk: &Sock,
    skb: *mut bindings::sk_buff,
) -> c_uint {
    // What the network broke TCP will drop: nothing of it may be believed before.
    // SAFETY: By the contract above.
    if !unsafe { is_intact(skb) } {
        return ACCEPT;
    }
    // SAFETY: By the contract above.
    let Some(mut segment) = NonNull::new(skb).and_then(|p| unsafe { RxSegment::parse(p) }) else {
        return ACCEPT;
    };
    match S::received(subflow, ssk, &mut segment) {
        RxVerdict::Pass => ACCEPT,
        RxVerdict::Drop => DROP,
    }
}

/// Whether the TCP checksum is right, or known to be by the device.
///
/// # Safety
///
/// `skb` is a TCP packet at LOCAL_IN.
unsafe fn is_intact(skb: *mut bindings::sk_buff) -> bool {
    // SAFETY: By the contract above. A sum that was computed is noted in the packet, so that TCP does not do it again.
    unsafe {
        let ip = bindings::rmptcp_skb_network_header(skb).cast::<u8>();
        let family = if *ip >> 4 == 4 {
            bindings::AF_INET
        } else {
            bindings::AF_INET6
        };
        let offset = bindings::rmptcp_skb_transport_offset(skb).max(0);
        bindings::nf_checksum(
            skb,
            bindings::nf_inet_hooks_NF_INET_LOCAL_IN,
            offset as c_uint,
            bindings::IPPROTO_TCP as u8,
            family as u16,
        ) == 0
    }
}

/// The established TCP socket that a packet belongs to, with a reference.
///
/// # Safety
///
/// `net` is alive, and `skb` is a TCP packet at LOCAL_IN in it, under RCU.
unsafe fn look_up(
    net: *mut bindings::net,
    skb: *mut bindings::sk_buff,
    segment: &RxSegment<'_>,
) -> Option<kernel::sync::aref::ARef<Sock>> {
    // SAFETY: By the contract above. The look-up returns a counted reference, of a full socket or of a smaller kind.
    unsafe {
        let ip = bindings::rmptcp_skb_network_header(skb).cast::<u8>();
        let sport = segment.header.source.to_be();
        let dport = segment.header.dest;
        let (dif, sdif) = (
            bindings::rmptcp_skb_dif(skb),
            bindings::rmptcp_skb_sdif(skb),
        );
        let sk = if *ip >> 4 == 4 {
            let ip = &*ip.cast::<bindings::iphdr>();
            let pair = ip.__bindgen_anon_1.addrs;
            bindings::__inet_lookup_established(
                net, pair.saddr, sport, pair.daddr, dport, dif, sdif,
            )
        } else {
            let ip = ip.cast::<bindings::ipv6hdr>();
            let pair = ptr::addr_of!((*ip).__bindgen_anon_1.addrs);
            bindings::__inet6_lookup_established(
                net,
                ptr::addr_of!((*pair).saddr),
                sport,
                ptr::addr_of!((*pair).daddr),
                dport,
                dif,
                sdif,
            )
        };
        if sk.is_null() {
            return None;
        }
        if !bindings::rmptcp_sk_fullsock(sk) {
            bindings::sock_gen_put(sk);
            return None;
        }
        Sock::from_owned(sk)
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
