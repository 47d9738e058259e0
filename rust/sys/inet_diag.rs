// SPDX-License-Identifier: GPL-2.0

//! `ss -M`: the place of IPPROTO_MPTCP in inet_diag.
//!
//! C header: [`include/linux/inet_diag.h`](srctree/include/linux/inet_diag.h)
//!
//! inet_diag may be a module that is loaded after us, or never: its functions are looked up by their exported names, when
//! we are loaded or when it is. In-tree `mptcp_diag` takes the same place if it comes first; then we wait for it to go.

use super::bindings;
use super::module;
use super::netns;
use super::proto;
use super::sock::{state, Sock};
use super::stack::Stack;
use core::cell::UnsafeCell;
use core::marker::PhantomData;
use core::mem::size_of;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, AtomicU8, Ordering};
use kernel::error::from_result;
use kernel::ffi::{c_int, c_ulong, c_void};
use kernel::prelude::*;
use kernel::str::CStr;
use kernel::str::CStrExt;
use kernel::sync::aref::ARef;

/// What a dump shows of a socket beside its generic fields.
pub(crate) struct Shown {
    pub(crate) rqueue: u32,
    pub(crate) wqueue: u32,
    /// `struct mptcp_info`.
    pub(crate) info: [u8; size_of::<bindings::mptcp_info>()],
}

type Handler = bindings::inet_diag_handler;
type Fill = unsafe extern "C" fn(
    *mut bindings::sock,
    *mut bindings::inet_connection_sock,
    *mut bindings::sk_buff,
    *mut bindings::netlink_callback,
    *const bindings::inet_diag_req_v2,
    u16,
    bool,
) -> c_int;
type Matches =
    unsafe extern "C" fn(*const bindings::inet_diag_dump_data, *mut bindings::sock) -> c_int;
type Register = unsafe extern "C" fn(*const Handler) -> c_int;
type Unregister = unsafe extern "C" fn(*const Handler);

/// The functions of inet_diag, by name: null while not looked up. Each found one is a reference of its module.
struct Symbol(&'static CStr, AtomicPtr<c_void>);

static FILL: Symbol = Symbol(c"inet_sk_diag_fill", AtomicPtr::new(ptr::null_mut()));
static MATCHES: Symbol = Symbol(c"inet_diag_bc_sk", AtomicPtr::new(ptr::null_mut()));
static REGISTER: Symbol = Symbol(c"inet_diag_register", AtomicPtr::new(ptr::null_mut()));
static UNREGISTER: Symbol = Symbol(c"inet_diag_unregister", AtomicPtr::new(ptr::null_mut()));
static SYMBOLS: [&Symbol; 4] = [&FILL, &MATCHES, &REGISTER, &UNREGISTER];

impl Symbol {
    /// Looks the function up. Says whether it is there.
    fn get(&self) -> bool {
        // SAFETY: The name is a string of C's.
        let found = unsafe { bindings::__symbol_get(self.0.as_char_ptr().cast()) };
        self.1.store(found, Ordering::Release);
        !found.is_null()
    }

    /// Gives the function back, if it was found.
    fn put(&self) {
        if !self.1.swap(ptr::null_mut(), Ordering::AcqRel).is_null() {
            // SAFETY: `get` found it, so that it is there until we let go of it here.
            unsafe { bindings::__symbol_put(self.0.as_char_ptr().cast()) }
        }
    }

    fn address(&self) -> Option<NonNull<c_void>> {
        NonNull::new(self.1.load(Ordering::Acquire))
    }
}

/// What is registered with C.
struct Entry {
    handler: UnsafeCell<Handler>,
    notifier: UnsafeCell<bindings::notifier_block>,
    /// One of the constants below.
    state: AtomicU8,
}

const OUT: u8 = 0;
const CHANGING: u8 = 1;
const IN: u8 = 2;

// SAFETY: The structures are filled once at load before they are registered; C guards what it changes.
unsafe impl Sync for Entry {}

static ENTRY: Entry = Entry {
    // SAFETY: All zeroes is valid for the C structure.
    handler: UnsafeCell::new(unsafe { core::mem::zeroed() }),
    // SAFETY: As above.
    notifier: UnsafeCell::new(unsafe { core::mem::zeroed() }),
    state: AtomicU8::new(OUT),
};

/// An `inet_connection_sock` of all zeroes: no timer, no congestion control. C asks one for its own part of an answer, and
/// an MPTCP socket, which the C function takes a pointer of by itself, is none (`proto.rs`).
struct Nothing(UnsafeCell<bindings::inet_connection_sock>);

// SAFETY: Nobody writes to it.
unsafe impl Sync for Nothing {}

static NO_TIMERS: Nothing = Nothing(UnsafeCell::new(
    // SAFETY: All zeroes is valid for the C structure.
    unsafe { core::mem::zeroed() },
));

/// Our wish for the place; dropping it gives the place back.
pub(super) struct Registration<S: Stack>(PhantomData<fn() -> S>);

impl<S: Stack> Registration<S> {
    /// Takes the place now, or as soon as it can be had. Process context.
    pub(super) fn new() -> Result<Self> {
        // SAFETY: Nothing is registered yet, so that nobody else looks at the structures.
        unsafe {
            let handler = &mut *ENTRY.handler.get();
            handler.owner = module::this();
            handler.dump = Some(dump::<S>);
            handler.dump_one = Some(dump_one::<S>);
            handler.idiag_get_info = Some(get_info::<S>);
            handler.idiag_type = bindings::IPPROTO_MPTCP as u16;
            handler.idiag_info_size = size_of::<bindings::mptcp_info>() as u16;
            (*ENTRY.notifier.get()).notifier_call = Some(module_event);
            kernel::error::to_result(bindings::register_module_notifier(ENTRY.notifier.get()))?;
        }
        take_place();
        Ok(Self(PhantomData))
    }
}

impl<S: Stack> Drop for Registration<S> {
    fn drop(&mut self) {
        // SAFETY: Registered by `new`; after this nobody changes the state but us. The handler is taken out only if it
        // is in; a dump that runs holds a reference of the module, so none does.
        unsafe {
            bindings::unregister_module_notifier(ENTRY.notifier.get());
            if ENTRY.state.swap(OUT, Ordering::AcqRel) == IN {
                if let Some(f) = UNREGISTER.address() {
                    let f = core::mem::transmute::<*mut c_void, Unregister>(f.as_ptr());
                    f(ENTRY.handler.get());
                }
            }
        }
        SYMBOLS.iter().for_each(|symbol| symbol.put());
    }
}

/// Registers the handler, if inet_diag is there and the place is free.
fn take_place() {
    let claim = ENTRY
        .state
        .compare_exchange(OUT, CHANGING, Ordering::AcqRel, Ordering::Acquire);
    if claim.is_err() {
        return;
    }
    let mut now = OUT;
    if SYMBOLS.iter().all(|symbol| symbol.get()) {
        if let Some(f) = REGISTER.address() {
            // SAFETY: The exported function of that name has this type; the handler is static and complete.
            let err = unsafe {
                let f = core::mem::transmute::<*mut c_void, Register>(f.as_ptr());
                f(ENTRY.handler.get())
            };
            if err == 0 {
                now = IN;
            } else {
                pr_warn!("ss -M shows in-tree MPTCP only, until its mptcp_diag is unloaded\n");
            }
        }
    }
    if now == OUT {
        SYMBOLS.iter().for_each(|symbol| symbol.put());
    }
    ENTRY.state.store(now, Ordering::Release);
}

/// A module comes or goes.
///
/// # Safety
///
/// Called by C alone, under the contract of the table that it stands in.
unsafe extern "C" fn module_event(
    _nb: *mut bindings::notifier_block,
    event: c_ulong,
    data: *mut c_void,
) -> c_int {
    // SAFETY: C passes the module that the event is about; its name is a string.
    let name =
        unsafe { CStr::from_char_ptr((*data.cast::<bindings::module>()).name.as_ptr().cast()) };
    let comes = event == bindings::module_state_MODULE_STATE_LIVE as c_ulong;
    let goes = event == bindings::module_state_MODULE_STATE_GOING as c_ulong;
    if comes && name.to_bytes() == b"inet_diag" || goes && name.to_bytes() == b"mptcp_diag" {
        take_place();
    }
    0
}

/// Where a dump is: the next key among the sockets with a token, and among those that listen. C zeroes it at the start.
#[repr(C)]
struct Progress([u64; 2]);

/// Whether the request asks for this socket, but for its filter program.
///
/// # Safety
///
/// Both pointers are valid; the socket is an inet socket.
unsafe fn is_wanted(sk: *mut bindings::sock, req: *const bindings::inet_diag_req_v2) -> bool {
    // SAFETY: By the contract above.
    unsafe {
        let state = 1u32 << (Sock::from_raw(sk).state() & 31);
        let family = u16::from((*req).sdiag_family);
        let id = ptr::addr_of!((*req).id);
        let (sport, dport) = ((*id).idiag_sport, (*id).idiag_dport);
        (*req).idiag_states & state != 0
            && (family == 0 || family == (*sk).__sk_common.skc_family)
            && (sport == 0 || sport == bindings::rmptcp_sport(sk))
            && (dport == 0 || dport == bindings::rmptcp_dport(sk))
    }
}

/// Appends one socket to an answer. 0, or a negative errno if there is no room.
///
/// # Safety
///
/// The pointers are those of a dump that is running, and `sk` is an MPTCP socket of ours.
unsafe fn fill(
    sk: *mut bindings::sock,
    skb: *mut bindings::sk_buff,
    cb: *mut bindings::netlink_callback,
    req: *const bindings::inet_diag_req_v2,
    flags: u32,
) -> c_int {
    let Some(f) = FILL.address() else {
        return ENOENT.to_errno();
    };
    // SAFETY: By the contract above; the exported function of that name has this type.
    unsafe {
        let f = core::mem::transmute::<*mut c_void, Fill>(f.as_ptr());
        let admin = bindings::netlink_net_capable((*cb).skb, bindings::CAP_NET_ADMIN as c_int);
        f(sk, NO_TIMERS.0.get(), skb, cb, req, flags as u16, admin)
    }
}

/// # Safety
///
/// Called by C alone, under the contract of the table that it stands in.
unsafe extern "C" fn dump<S: Stack>(
    skb: *mut bindings::sk_buff,
    cb: *mut bindings::netlink_callback,
    req: *const bindings::inet_diag_req_v2,
) {
    // SAFETY: C calls this in process context with the arguments of a dump; `ctx` is ours for its time. The namespace
    // is that of the netlink socket, which is alive.
    unsafe {
        let net = netns::state_of::<S>(bindings::rmptcp_skb_net(skb));
        let progress = &mut *ptr::addr_of_mut!((*cb).__bindgen_anon_1.ctx).cast::<Progress>();
        let Some(matches) = MATCHES.address() else {
            return;
        };
        let matches = core::mem::transmute::<*mut c_void, Matches>(matches.as_ptr());
        let wants_listeners = (*req).idiag_states & (1 << state::LISTEN) != 0
            && (*ptr::addr_of!((*req).id)).idiag_dport == 0;
        for (listeners, at) in [false, true].into_iter().zip(&mut progress.0) {
            if listeners && !wants_listeners {
                break;
            }
            while let Some((key, sk)) = S::diag_next(net, listeners, *at) {
                let sk = sk.as_ptr();
                if is_wanted(sk, req)
                    && matches((*cb).data.cast(), sk) != 0
                    && fill(sk, skb, cb, req, bindings::NLM_F_MULTI) < 0
                {
                    // No room: the next call goes on with this socket.
                    *at = key;
                    return;
                }
                *at = key + 1;
                bindings::rmptcp_cond_resched();
            }
        }
    }
}

/// # Safety
///
/// Called by C alone, under the contract of the table that it stands in.
unsafe extern "C" fn dump_one<S: Stack>(
    cb: *mut bindings::netlink_callback,
    req: *const bindings::inet_diag_req_v2,
) -> c_int {
    // SAFETY: C calls this in process context with the arguments of a request.
    from_result(|| unsafe {
        let request = (*cb).skb;
        let net = netns::state_of::<S>(bindings::rmptcp_skb_net(request));
        let token = (*ptr::addr_of!((*req).id)).idiag_cookie[0];
        let sk: ARef<Sock> = S::diag_find(net, token).ok_or(ENOENT)?;
        let reply = bindings::rmptcp_diag_reply();
        if reply.is_null() {
            return Err(ENOMEM);
        }
        let err = fill(sk.as_ptr(), reply, cb, req, 0);
        if err < 0 {
            bindings::rmptcp_kfree_skb(reply);
            return Err(Error::from_errno(err));
        }
        Ok(bindings::rmptcp_diag_unicast(request, reply))
    })
}

/// # Safety
///
/// Called by C alone, under the contract of the table that it stands in.
unsafe extern "C" fn get_info<S: Stack>(
    sk: *mut bindings::sock,
    msg: *mut bindings::inet_diag_msg,
    info: *mut c_void,
) {
    let shown = if proto::is_ours(sk) {
        // SAFETY: A socket of ours that the dump holds a reference of.
        unsafe { S::diag_info(Sock::from_raw(sk), proto::state::<S>(sk)) }
    } else {
        // A dump of `mptcp_diag` that began before we took its place.
        Shown {
            rqueue: 0,
            wqueue: 0,
            info: [0; size_of::<bindings::mptcp_info>()],
        }
    };
    // SAFETY: C passes the message that it is making, and room for the information or null.
    unsafe {
        (*msg).idiag_rqueue = shown.rqueue;
        (*msg).idiag_wqueue = shown.wqueue;
        if !info.is_null() {
            ptr::copy_nonoverlapping(shown.info.as_ptr(), info.cast(), shown.info.len());
        }
    }
}
