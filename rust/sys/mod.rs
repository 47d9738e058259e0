// SPDX-License-Identifier: GPL-2.0

//! The only room with `unsafe`: one C object per file behind a safe interface, contracts written down.
//!
//! What C calls comes in through `callbacks.rs` (sockets and subflows), `ulp_ops.rs`, `rx_filter.rs`, `nf_hook.rs`, `netns.rs`,
//! `work.rs`, `splice.rs`, `inet_diag.rs`, `genl.rs` and `ulp.rs`, and goes on to the one implementation of [`stack::Stack`].

pub(crate) mod accept;
pub(crate) mod ack;
mod af_ops;
pub(crate) mod bh_lock;
mod bindings;
mod callbacks;
pub(crate) mod cgroup;
pub(crate) mod child;
mod connect;
mod ends;
mod ftrace;
mod genl;
mod genl_lookup;
pub(crate) mod inet_diag;
pub(crate) mod ioctl;
pub(crate) mod kernel_socket;
pub(crate) mod mib;
mod module;
pub(crate) mod msg;
pub(crate) mod net_work;
mod netdev;
pub(crate) mod netlink;
pub(crate) mod netns;
pub(crate) mod nf_hook;
mod nobody;
pub(crate) mod percpu;
pub(crate) mod proto;
pub(crate) mod random;
pub(crate) mod request;
pub(crate) mod rx_filter;
pub(crate) mod segment;
pub(crate) mod skb;
pub(crate) mod slab;
pub(crate) mod sock;
pub(crate) mod sockopt;
pub(crate) mod spare_pages;
mod splice;
pub(crate) mod stack;
pub(crate) mod stream;
pub(crate) mod subflow;
pub(crate) mod sysctl;
mod sysctl_handlers;
pub(crate) mod tcp_sock;
pub(crate) mod time;
pub(crate) mod trace;
pub(crate) mod ulp;
mod ulp_ops;
mod window;
pub(crate) mod work;
mod write_queue;

use kernel::prelude::*;

/// Everything that the module registers with the kernel, in the order in which it goes: first nobody new comes in, then
/// what is left is waited for.
pub(crate) struct Registrations<S: stack::Stack> {
    // Before all others: until it is gone socket(2) has no memory for anybody (ENOMEM, ENOBUFS), because the module takes no more
    // references.
    _proto: proto::Registration<S>,
    _sysctl: sysctl_handlers::Registration<S>,
    _genl: genl::Registration<S>,
    _diag: inet_diag::Registration<S>,
    _netdev: netdev::Registration<S>,
    _netns: netns::Registration<S>,
    _queue: work::Queue,
    _nobody: nobody::Registration,
    _grace: Grace,
    _pages: spare_pages::Registration,
    _slabs: slab::Registration,
}

impl<S: stack::Stack> Registrations<S> {
    /// Registers `S` as IPPROTO_MPTCP.
    pub(crate) fn new() -> Result<Self> {
        ulp_ops::init::<S>();
        nf_hook::init::<S>();
        rx_filter::init::<S>();
        subflow::init::<S>();
        let slabs = step("room for caches", slab::Registration::new::<S>())?;
        let nobody = step("socket for orphans", nobody::Registration::new())?;
        let queue = step("workqueue", work::Queue::new())?;
        let netns = step("room in each network namespace", netns::Registration::new())?;
        let netdev = step("way to watch devices", netdev::Registration::new())?;
        let sysctl = sysctl_handlers::Registration::new();
        let genl = step("family for path managers", genl::Registration::new())?;
        let diag = step("way to answer ss -M", inet_diag::Registration::new())?;
        // Last: from here on there are sockets, which need all of that.
        let proto = step("way to register IPPROTO_MPTCP", proto::Registration::new())?;
        Ok(Self {
            _proto: proto,
            _sysctl: sysctl,
            _genl: genl,
            _diag: diag,
            _netdev: netdev,
            _netns: netns,
            _queue: queue,
            _nobody: nobody,
            _grace: Grace,
            _pages: spare_pages::Registration,
            _slabs: slabs,
        })
    }
}

/// Says in the kernel's log what this kernel did not give us.
fn step<T>(what: &str, result: Result<T>) -> Result<T> {
    result.inspect_err(|e| pr_err!("not inserted: this kernel gave us no {what} ({e:?})\n"))
}

/// Waits, when it goes, for every CPU that may still be inside a callback of ours.
struct Grace;

impl Drop for Grace {
    fn drop(&mut self) {
        // SAFETY: Process context; both only wait.
        unsafe {
            bindings::synchronize_net();
            bindings::rcu_barrier();
        }
    }
}
