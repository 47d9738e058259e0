// SPDX-License-Identifier: GPL-2.0

//! IPPROTO_MPTCP: the two `struct proto`, their `proto_ops`, and the place in the switch that overrides in-tree MPTCP.
//!
//! C headers: [`include/net/sock.h`](srctree/include/net/sock.h), [`include/net/protocol.h`](srctree/include/net/protocol.h)
//!
//! An MPTCP socket is an `inet_sock` (so that the generic inet code works on it) with the stack's state behind it, in the
//! same object, until its last reference goes. It is no `inet_connection_sock`: ports, timers and
//! accept queue are those of the TCP sockets below it. So the switch does not have INET_PROTOSW_ICSK either, which would
//! let the generic code look for them.

use super::bindings;
use super::callbacks as cb;
use super::module;
use super::sock::{Sock, AF_INET6};
use super::stack::Stack;
use core::cell::UnsafeCell;
use core::marker::PhantomData;
use core::mem::{offset_of, size_of, MaybeUninit};
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};
use kernel::prelude::*;
use kernel::str::CStrExt;
use kernel::sync::aref::ARef;

/// An MPTCP socket: the part of C, and the stack's state.
#[repr(C)]
struct MskSock<M> {
    inet: bindings::inet_sock,
    /// There from [`set_up`] to [`destruct`]; never moves.
    state: MaybeUninit<M>,
    /// It is there. C zeroes what lies behind its own part of a new socket.
    is_set_up: bool,
}

/// The same with what IPv6 needs.
#[repr(C)]
struct Msk6Sock<M> {
    msk: MskSock<M>,
    np: bindings::ipv6_pinfo,
}

struct Family {
    proto: UnsafeCell<bindings::proto>,
    ops: UnsafeCell<bindings::proto_ops>,
    switch: UnsafeCell<bindings::inet_protosw>,
}

// SAFETY: Filled once at load before registration; C guards what it changes.
unsafe impl Sync for Family {}

impl Family {
    const fn new() -> Self {
        // SAFETY: All zeroes is valid for each of the three C structures.
        unsafe {
            Self {
                proto: UnsafeCell::new(core::mem::zeroed()),
                ops: UnsafeCell::new(core::mem::zeroed()),
                switch: UnsafeCell::new(core::mem::zeroed()),
            }
        }
    }
}

static V4: Family = Family::new();
static V6: Family = Family::new();

/// What TCP does for `sk_write_space`, which is not exported: found on a TCP socket at load.
static STREAM_WRITE_SPACE: AtomicPtr<()> = AtomicPtr::new(ptr::null_mut());

/// The registration of IPPROTO_MPTCP. Dropping it gives the place back to in-tree MPTCP; the references of the sockets
/// keep the module loaded until the last one is gone.
pub(super) struct Registration<S: Stack> {
    registered: u8,
    stack: PhantomData<fn() -> S>,
}

impl<S: Stack> Registration<S> {
    /// Registers both families. Process context.
    pub(super) fn new() -> Result<Self> {
        find_write_space()?;
        let mut this = Self {
            registered: 0,
            stack: PhantomData,
        };
        // SAFETY: The structures are static, and nothing is registered before they are filled.
        unsafe {
            fill::<S>(&V4, false);
            fill::<S>(&V6, true);
            for (family, af, name, size) in [
                (
                    &V4,
                    bindings::AF_INET,
                    c"rust_mptcp",
                    size_of::<MskSock<S::Msk>>(),
                ),
                (
                    &V6,
                    bindings::AF_INET6,
                    c"rust_mptcpv6",
                    size_of::<Msk6Sock<S::Msk>>(),
                ),
            ] {
                let slab =
                    bindings::rmptcp_kmem_cache_create(name.as_char_ptr().cast(), size as u32);
                if slab.is_null() {
                    return Err(ENOMEM);
                }
                let proto = family.proto.get();
                (*proto).slab = slab;
                this.registered += 1;
                if !share_row(&mut *proto, af) {
                    kernel::error::to_result(bindings::proto_register(proto, 0))?;
                }
                this.registered += 1;
            }
            bindings::inet_register_protosw(V4.switch.get());
            this.registered += 1;
            kernel::error::to_result(bindings::inet6_register_protosw(V6.switch.get()))?;
            this.registered += 1;
        }
        // Whoever registered IPPROTO_MPTCP as permanent stays in our place, without an error.
        for (family, af) in [(&V4, bindings::AF_INET), (&V6, bindings::AF_INET6)] {
            match serves(af) {
                Ok(proto) if ptr::eq(proto, family.proto.get()) => {}
                // Without IPv6 there is nothing to serve; with `net.mptcp.enabled` at 0 nobody is served now.
                Err(e) if e == EAFNOSUPPORT || e == ENOPROTOOPT => {}
                Err(e) => return Err(e),
                Ok(_) => return Err(EPERM),
            }
        }
        Ok(this)
    }
}

impl<S: Stack> Drop for Registration<S> {
    fn drop(&mut self) {
        // SAFETY: Process context. Undoes exactly the steps of `new` that were done, last first. `proto_unregister` frees the
        // slab.
        unsafe {
            // Each family waits for a grace period, and meanwhile the other one still finds a module that takes no more
            // references: no longer than need be, which is what RTNL stands for (`synchronize_net`).
            bindings::rtnl_lock();
            if self.registered >= 6 {
                bindings::inet6_unregister_protosw(V6.switch.get());
            }
            if self.registered >= 5 {
                bindings::inet_unregister_protosw(V4.switch.get());
            }
            bindings::rtnl_unlock();
            for (family, slab, proto) in [(&V6, 3, 4), (&V4, 1, 2)] {
                let at = family.proto.get();
                if self.registered >= proto && is_listed(&*at) {
                    bindings::proto_unregister(at);
                } else if self.registered >= slab {
                    bindings::rmptcp_kmem_cache_destroy((*at).slab);
                }
            }
        }
    }
}

/// Has the sockets of `proto` counted with those of in-tree MPTCP, if it serves this family: in its row of
/// `/proc/net/protocols`, of which programs expect one, and in its `sockets_allocated`.
fn share_row(proto: &mut bindings::proto, family: u32) -> bool {
    let Ok(in_tree) = serves(family) else {
        return false;
    };
    // SAFETY: In-tree MPTCP is part of the kernel and stays. Whoever else has a socket type of the same name may go, and
    // is told by its owner.
    unsafe {
        if (*in_tree).name != proto.name || !(*in_tree).owner.is_null() {
            return false;
        }
        proto.sockets_allocated = (*in_tree).sockets_allocated;
        bindings::rmptcp_share_inuse(proto, in_tree);
    }
    true
}

/// Whether `proto_register` was called.
fn is_listed(proto: &bindings::proto) -> bool {
    !proto.node.next.is_null()
}

/// Which `struct proto` an MPTCP socket of this family gets.
fn serves(family: u32) -> Result<*const bindings::proto> {
    let mut socket = ptr::null_mut();
    // SAFETY: A kernel socket of our own, released again.
    unsafe {
        kernel::error::to_result(bindings::sock_create_kern(
            ptr::addr_of_mut!(bindings::init_net),
            family as i32,
            bindings::sock_type_SOCK_STREAM as i32,
            bindings::IPPROTO_MPTCP as i32,
            &mut socket,
        ))?;
        let proto = (*(*socket).sk).__sk_common.skc_prot;
        bindings::sock_release(socket);
        Ok(proto)
    }
}

/// Finds `sk_stream_write_space` on a TCP socket.
fn find_write_space() -> Result {
    let mut socket = ptr::null_mut();
    // SAFETY: A kernel socket of our own, released again.
    unsafe {
        kernel::error::to_result(bindings::sock_create_kern(
            ptr::addr_of_mut!(bindings::init_net),
            bindings::AF_INET as i32,
            bindings::sock_type_SOCK_STREAM as i32,
            bindings::IPPROTO_TCP as i32,
            &mut socket,
        ))?;
        let found = (*(*socket).sk).sk_write_space;
        bindings::sock_release(socket);
        STREAM_WRITE_SPACE.store(
            found.map_or(ptr::null_mut(), |f| f as *mut ()),
            Ordering::Release,
        );
    }
    Ok(())
}

/// # Safety
///
/// `family` is not registered yet.
unsafe fn fill<S: Stack>(family: &'static Family, v6: bool) {
    // SAFETY: By the contract above.
    unsafe {
        fill_proto::<S>(&mut *family.proto.get(), v6);
        fill_ops::<S>(&mut *family.ops.get(), v6);
        let switch = &mut *family.switch.get();
        switch.type_ = bindings::sock_type_SOCK_STREAM as u16;
        switch.protocol = bindings::IPPROTO_MPTCP as u16;
        switch.prot = family.proto.get();
        switch.ops = family.ops.get();
        switch.flags = 0;
    }
}

fn fill_proto<S: Stack>(proto: &mut bindings::proto, v6: bool) {
    // SAFETY: `tcp_prot` is a constant of the kernel.
    unsafe {
        let tcp = ptr::addr_of!(bindings::tcp_prot);
        let name: &[u8] = if v6 { b"MPTCPv6\0" } else { b"MPTCP\0" };
        for (to, from) in proto.name.iter_mut().zip(name) {
            *to = *from as kernel::ffi::c_char;
        }
        proto.owner = module::this();
        proto.init = Some(cb::init::<S>);
        proto.destroy = Some(cb::destroy::<S>);
        proto.connect = Some(cb::connect::<S>);
        proto.disconnect = Some(cb::disconnect::<S>);
        proto.close = Some(cb::close::<S>);
        proto.shutdown = Some(cb::shutdown::<S>);
        proto.setsockopt = Some(cb::setsockopt::<S>);
        proto.getsockopt = Some(cb::getsockopt::<S>);
        proto.ioctl = Some(cb::ioctl::<S>);
        proto.sendmsg = Some(cb::sendmsg::<S>);
        proto.recvmsg = Some(cb::recvmsg::<S>);
        proto.release_cb = Some(cb::release_cb::<S>);
        proto.hash = Some(cb::hash);
        proto.unhash = Some(cb::unhash);
        proto.stream_memory_free = Some(cb::stream_memory_free::<S>);
        proto.sockets_allocated = (*tcp).sockets_allocated;
        proto.memory_allocated = (*tcp).memory_allocated;
        proto.per_cpu_fw_alloc = (*tcp).per_cpu_fw_alloc;
        proto.memory_pressure = (*tcp).memory_pressure;
        proto.enter_memory_pressure = (*tcp).enter_memory_pressure;
        proto.leave_memory_pressure = (*tcp).leave_memory_pressure;
        proto.sysctl_mem = (*tcp).sysctl_mem;
        proto.sysctl_wmem_offset = (*tcp).sysctl_wmem_offset;
        proto.sysctl_rmem_offset = (*tcp).sysctl_rmem_offset;
        proto.max_header = (*tcp).max_header;
        proto.no_autobind = true;
        proto.obj_size = if v6 {
            size_of::<Msk6Sock<S::Msk>>()
        } else {
            size_of::<MskSock<S::Msk>>()
        } as u32;
        if v6 {
            proto.ipv6_pinfo_offset = offset_of!(Msk6Sock<S::Msk>, np) as u32;
        }
    }
}

fn fill_ops<S: Stack>(ops: &mut bindings::proto_ops, v6: bool) {
    // SAFETY: The stream operations are constants of the kernel.
    *ops = unsafe {
        if v6 {
            ptr::addr_of!(bindings::inet6_stream_ops).read()
        } else {
            ptr::addr_of!(bindings::inet_stream_ops).read()
        }
    };
    ops.owner = module::this();
    ops.bind = Some(cb::bind::<S>);
    ops.listen = Some(cb::listen::<S>);
    ops.accept = Some(cb::accept::<S>);
    ops.poll = Some(cb::poll::<S>);
    ops.splice_read = Some(super::splice::splice_read::<S>);
    ops.read_sock = Some(super::splice::read_sock::<S>);
    ops.set_rcvlowat = Some(cb::set_rcvlowat::<S>);
    ops.mmap = Some(bindings::sock_no_mmap);
    ops.sendmsg = Some(bindings::inet_sendmsg);
    ops.recvmsg = Some(bindings::inet_recvmsg);
    ops.splice_eof = None;
    ops.set_peek_off = None;
    ops.peek_len = None;
    ops.read_skb = None;
    ops.sendmsg_locked = None;
    ops.set_rcvbuf = None;
}

/// Our proto of the family that a socket has.
pub(super) fn is_ours(sk: *const bindings::sock) -> bool {
    // SAFETY: Only called on valid sockets; `skc_prot` is set from the start.
    let prot = unsafe { (*sk).__sk_common.skc_prot };
    ptr::eq(prot, V4.proto.get()) || ptr::eq(prot, V6.proto.get())
}

/// The state of an MPTCP socket of ours.
///
/// # Safety
///
/// `sk` is a socket of our proto, past `init` and alive for `'a`.
pub(super) unsafe fn state<'a, S: Stack>(sk: *mut bindings::sock) -> &'a S::Msk {
    // SAFETY: By the contract above the state is there, and goes only in `destruct`.
    unsafe { (*sk.cast::<MskSock<S::Msk>>()).state.assume_init_ref() }
}

/// Whether `init` has given the socket its state.
///
/// # Safety
///
/// `sk` is a socket of our proto.
pub(super) unsafe fn is_set_up<S: Stack>(sk: *mut bindings::sock) -> bool {
    // SAFETY: By the contract above.
    unsafe { (*sk.cast::<MskSock<S::Msk>>()).is_set_up }
}

/// The state behind `sk` if it is an MPTCP socket of ours.
pub(crate) fn msk_of<S: Stack>(sk: &Sock) -> Option<&S::Msk> {
    // SAFETY: The check makes it ours, and a socket that safe code can name is past `init`.
    is_ours(sk.as_ptr()).then(|| unsafe { state::<S>(sk.as_ptr()) })
}

/// # Safety
///
/// `sk` is new, of our proto, and nobody else knows it.
unsafe fn set_up<S: Stack>(sk: *mut bindings::sock, state: impl PinInit<S::Msk>) {
    // SAFETY: By the contract above; the object stays where it is, and `destruct` drops the state.
    unsafe {
        let this = sk.cast::<MskSock<S::Msk>>();
        let Ok(()) = state.__init(ptr::addr_of_mut!((*this).state).cast());
        (*this).is_set_up = true;
        (*sk).sk_destruct = Some(cb::msk_destruct::<S>);
    }
}

/// `proto->init`.
///
/// # Safety
///
/// `sk` is new, of our proto, and nobody else knows it.
pub(super) unsafe fn init<S: Stack>(sk: *mut bindings::sock) -> Result {
    // SAFETY: By the contract above.
    unsafe {
        let state = S::new_msk(Sock::from_raw(sk))?;
        set_up::<S>(sk, state);
        let write_space = STREAM_WRITE_SPACE.load(Ordering::Acquire);
        if !write_space.is_null() {
            // SAFETY: The pointer was taken from a field of this very type.
            (*sk).sk_write_space = Some(core::mem::transmute::<
                *mut (),
                unsafe extern "C" fn(*mut bindings::sock),
            >(write_space));
        }
        bindings::rmptcp_init_buffers(sk);
        bindings::rmptcp_sk_sockets_allocated_inc(sk);
        bindings::rmptcp_set_custom_sockopt((*sk).sk_socket);
    }
    Ok(())
}

/// `sk_destruct`.
///
/// # Safety
///
/// The last reference of `sk`, a socket of our proto, is gone.
pub(super) unsafe fn destruct<S: Stack>(sk: *mut bindings::sock) {
    // SAFETY: By the contract above.
    unsafe {
        let this = sk.cast::<MskSock<S::Msk>>();
        if core::mem::replace(&mut (*this).is_set_up, false) {
            ptr::addr_of_mut!((*this).state)
                .cast::<S::Msk>()
                .drop_in_place();
        }
        if (*sk).__sk_common.skc_family == AF_INET6 {
            bindings::inet6_sock_destruct(sk);
        } else {
            bindings::inet_sock_destruct(sk);
        }
    }
}

/// Makes the MPTCP socket of a connection that arrived at `listener`, the MPTCP socket that listens, from `child`, its
/// TCP socket: a copy of the listener with the addresses of the child. Beside the reference that
/// is returned there is the one that its life begins with: accept(2) gives that to the descriptor, or `release` drops it.
///
/// Softirq; never sleeps.
pub(crate) fn clone<S: Stack, I: PinInit<S::Msk>>(
    listener: &Sock,
    child: &Sock,
    state: impl FnOnce(&Sock) -> I,
) -> Option<ARef<Sock>> {
    if !is_ours(listener.as_ptr()) {
        return None;
    }
    // SAFETY: Both sockets are alive. The copy is new and its lock is held; what it has of the listener's state is
    // overwritten before anybody can see it. `sk_clone` returns two references.
    unsafe {
        let new = bindings::sk_clone(listener.as_ptr(), kernel::bindings::GFP_ATOMIC, true);
        if new.is_null() {
            return None;
        }
        set_up::<S>(new, state(Sock::from_raw(new)));
        let inet = new.cast::<bindings::inet_sock>();
        (*inet).inet_opt = ptr::null_mut();
        bindings::rmptcp_reset_mc_list(new);
        if (*new).__sk_common.skc_family == AF_INET6 {
            let np = ptr::addr_of_mut!((*new.cast::<Msk6Sock<S::Msk>>()).np);
            (*inet).pinet6 = np;
            bindings::rmptcp_reset_ipv6_lists(np);
        }
        bindings::rmptcp_sock_reset_flag(new, bindings::sock_flags_SOCK_RCU_FREE);
        // The label that the handshake has given to the child, and that of its peer.
        bindings::security_sk_clone(child.as_ptr(), new);
        let sk = Sock::from_raw(new);
        sk.set_state(super::sock::state::ESTABLISHED);
        copy_addresses(sk, child);
        bindings::rmptcp_bh_unlock_sock(new);
        Sock::from_owned(new)
    }
}

/// Copies the addresses and ports of a TCP socket to the MPTCP socket above it.
pub(crate) fn copy_addresses(to: &Sock, from: &Sock) {
    // SAFETY: Both are inet sockets and alive; the C function copies plain fields.
    unsafe {
        bindings::rmptcp_copy_addresses(to.as_ptr(), from.as_ptr());
        if to.family() == AF_INET6 && from.family() == AF_INET6 {
            bindings::rmptcp_copy_ipv6_addresses(to.as_ptr(), from.as_ptr());
        }
    }
}

/// Forgets the peer and the port, after a disconnect.
pub(crate) fn clear_addresses(sk: &Sock) {
    // SAFETY: An inet socket, alive.
    unsafe { bindings::rmptcp_clear_peer(sk.as_ptr()) }
}

/// Ends an MPTCP socket: destroys what hangs on it and drops the reference that its life began with.
///
/// Context: process context; the socket is in CLOSE and has no descriptor.
pub(crate) fn release(sk: &Sock) {
    // SAFETY: The caller gives up the first reference; a borrowed `Sock` implies that there is another.
    unsafe { bindings::sk_common_release(sk.as_ptr()) }
}
