// SPDX-License-Identifier: GPL-2.0

//! A TCP socket that carries a subflow: how ours is told from others, its lock, and what it can do.
//!
//! C headers: [`include/linux/tcp.h`](srctree/include/linux/tcp.h),
//! [`include/net/inet_connection_sock.h`](srctree/include/net/inet_connection_sock.h)
//!
//! The mark of a subflow is its `sk_destruct`: it is ours from [`attach`] until the socket is freed, so that whoever
//! holds a reference may look at the state behind `sk_user_data`. All else that TCP calls through the socket (the ULP,
//! the callbacks, the address family table) goes back to TCP's own when the TCP connection is destroyed.

use super::af_ops;
use super::bindings;
use super::callbacks;
use super::child;
use super::module;
use super::msg::{Msg, PageRef};
use super::nobody;
use super::rx_filter;
use super::segment;
use super::skb::Skb;
use super::slab;
use super::sock::{state, Sock};
use super::stack::Stack;
use super::tcp_sock::Numbers;
use super::ulp_ops;
use super::write_queue::WriteQueue;
use crate::wire::Mapping;
use core::cell::UnsafeCell;
use core::mem::ManuallyDrop;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, Ordering};
use kernel::ffi::c_void;
use kernel::prelude::*;

/// The address of our `sk_destruct`: one word to compare with, since the compiler may give a function several.
static MARK: AtomicPtr<()> = AtomicPtr::new(ptr::null_mut());

/// Says which stack subflows belong to. Once, at load.
pub(super) fn init<S: Stack>() {
    let mark: Destruct = callbacks::subflow_destruct::<S>;
    MARK.store(mark as *mut (), Ordering::Release);
}

pub(super) type Destruct = unsafe extern "C" fn(*mut bindings::sock);

/// The C functions that we replaced.
#[derive(Clone, Copy)]
pub(super) struct Saved {
    pub(super) data_ready: Option<unsafe extern "C" fn(*mut bindings::sock)>,
    pub(super) write_space: Option<unsafe extern "C" fn(*mut bindings::sock)>,
    pub(super) state_change: Option<unsafe extern "C" fn(*mut bindings::sock)>,
    pub(super) error_report: Option<unsafe extern "C" fn(*mut bindings::sock)>,
    pub(super) destruct: Option<unsafe extern "C" fn(*mut bindings::sock)>,
}

/// Tells a listener from its copies: TCP leaves a `sk_user_data` with this bit out of a copy. A listener that is being closed
/// loses its ULP before the last copy of it is made, and that copy has all else of it.
const NOT_COPIED: usize = bindings::SK_USER_DATA_NOCOPY as usize;

/// What `sk_user_data` points to, and until the TCP connection is destroyed `icsk_ulp_data` as well, for [`ulp_ops`] to find it
/// in a copy.
pub(super) struct Ctx<S: Stack> {
    pub(super) subflow: S::Subflow,
    locked: UnsafeCell<S::Locked>,
    pub(super) saved: Saved,
}

/// The context of a subflow.
///
/// # Safety
///
/// `sk` is a valid full socket, alive for `'a`.
pub(super) unsafe fn ctx<'a, S: Stack>(sk: *mut bindings::sock) -> Option<&'a Ctx<S>> {
    // SAFETY: By the contract above. The mark says that `sk_user_data` is our context, which lives as long as the
    // socket does.
    unsafe {
        let destruct = ptr::addr_of!((*sk).sk_destruct).read_volatile();
        if destruct.map_or(ptr::null_mut(), |f| f as *mut ()) != MARK.load(Ordering::Relaxed) {
            return None;
        }
        raw_ctx::<S>(sk).as_ref()
    }
}

/// # Safety
///
/// `sk` is a valid socket with the mark.
unsafe fn raw_ctx<S: Stack>(sk: *mut bindings::sock) -> *mut Ctx<S> {
    // SAFETY: By the contract above.
    let data = unsafe { ptr::addr_of!((*sk).sk_user_data).read_volatile() };
    data.map_addr(|address| address & !NOT_COPIED).cast()
}

/// Takes the context out of a socket that is being freed. None in a copy that we were not told of.
///
/// # Safety
///
/// `sk` is a socket with the mark, and the last reference to it is gone.
pub(super) unsafe fn take<S: Stack>(sk: *mut bindings::sock) -> Option<KBox<Ctx<S>>> {
    // SAFETY: By the contract above. What is there came out of a box in `attach`.
    unsafe {
        let ctx = NonNull::new(raw_ctx::<S>(sk))?;
        (*sk).sk_user_data = ptr::null_mut();
        (*sk.cast::<bindings::inet_connection_sock>()).icsk_ulp_data = ptr::null_mut();
        Some(KBox::from_raw(ctx.as_ptr()))
    }
}

/// Makes the TCP socket `sk` a subflow. Without memory, or on a kernel whose tables we do not know, the state comes back
/// and the socket is as it was.
///
/// # Safety
///
/// `sk` is a valid TCP socket that is not one yet, and its lock is held (or nobody else can reach it).
pub(super) unsafe fn attach<S: Stack>(
    sk: *mut bindings::sock,
    subflow: S::Subflow,
    locked: S::Locked,
    flags: kernel::alloc::Flags,
) -> Result<(), S::Subflow> {
    let Ok(slot) = slab::SUBFLOWS.uninit::<Ctx<S>>(flags) else {
        return Err(subflow);
    };
    // SAFETY: By the contract above; each callback is replaced by one that calls it where TCP relies on it.
    unsafe {
        let saved = Saved {
            data_ready: (*sk).sk_data_ready,
            write_space: (*sk).sk_write_space,
            state_change: (*sk).sk_state_change,
            error_report: (*sk).sk_error_report,
            destruct: (*sk).sk_destruct,
        };
        if !(*sk).sk_user_data.is_null() || af_ops::wrap::<S>(sk).is_err() {
            return Err(subflow);
        }
        child::note_destruct(sk, saved.destruct);
        let ctx = KBox::write(
            slot,
            Ctx::<S> {
                subflow,
                locked: UnsafeCell::new(locked),
                saved,
            },
        );
        // One reference for the ULP, which TCP drops, and one for `sk_destruct`.
        module::get();
        module::get();
        let icsk = sk.cast::<bindings::inet_connection_sock>();
        let ctx = KBox::into_raw(ctx).cast::<c_void>();
        (*icsk).icsk_ulp_data = ctx;
        (*sk).sk_user_data = ctx.map_addr(|address| address | NOT_COPIED);
        (*icsk).icsk_ulp_ops = ulp_ops::ops::<S>();
        (*sk).sk_data_ready = Some(callbacks::subflow_data_ready::<S>);
        (*sk).sk_write_space = Some(callbacks::subflow_write_space::<S>);
        (*sk).sk_state_change = Some(callbacks::subflow_state_change::<S>);
        (*sk).sk_error_report = Some(callbacks::subflow_error_report::<S>);
        // Last: from here on `ctx` finds it.
        core::sync::atomic::fence(Ordering::Release);
        let mark = MARK.load(Ordering::Acquire);
        // SAFETY: `init` stored a function of this type before anything was registered.
        let destruct = core::mem::transmute::<*mut (), Destruct>(mark);
        ptr::addr_of_mut!((*sk).sk_destruct).write_volatile(Some(destruct));
    }
    Ok(())
}

/// Gives the callbacks back to TCP; the context stays until the socket is freed.
///
/// # Safety
///
/// `sk` is a subflow of ours, locked, or a clone of one that nobody else knows.
pub(super) unsafe fn restore<S: Stack>(sk: *mut bindings::sock, saved: &Saved) {
    // SAFETY: By the contract above.
    unsafe {
        (*sk).sk_data_ready = saved.data_ready;
        (*sk).sk_write_space = saved.write_space;
        (*sk).sk_state_change = saved.state_change;
        (*sk).sk_error_report = saved.error_report;
        af_ops::unwrap(sk);
    }
}

/// The lock of a subflow, held.
///
/// Whatever may come back into the module on this subflow takes it by `&mut`, so that the state it guards is never
/// borrowed twice.
pub(crate) struct SubflowLocked<'a, S: Stack> {
    sk: &'a Sock,
    ctx: &'a Ctx<S>,
}

/// A range of a page to send.
pub(crate) struct Chunk {
    pub(crate) page: PageRef,
    pub(crate) offset: u32,
    pub(crate) len: u32,
}

/// How many chunks one call of [`SubflowLocked::send`] takes: a mapping's worth of pages, and few enough to make room for in a
/// dozen instructions.
pub(crate) const MAX_CHUNKS: usize = 8;

/// One buffer that TCP has received in order.
pub(crate) struct Received {
    /// The unread payload; none for a lone FIN.
    pub(crate) skb: Option<Skb>,
    /// The TCP sequence number of its first byte.
    pub(crate) seq: u32,
    /// The mapping that was attached when it arrived.
    pub(crate) mapping: Option<Mapping>,
    /// The FIN follows it.
    pub(crate) fin: bool,
}

impl<'a, S: Stack> SubflowLocked<'a, S> {
    /// # Safety
    ///
    /// The lock of `sk`, whose context is `ctx`, is held for `'a` by this context.
    pub(super) unsafe fn new(sk: &'a Sock, ctx: &'a Ctx<S>) -> Self {
        Self { sk, ctx }
    }

    /// The TCP socket.
    pub(crate) fn sock(&self) -> &'a Sock {
        self.sk
    }

    /// The state that needs no lock.
    pub(crate) fn subflow(&self) -> &'a S::Subflow {
        &self.ctx.subflow
    }

    /// The state that the lock guards.
    pub(crate) fn locked(&mut self) -> &mut S::Locked {
        // SAFETY: The lock is held, and the exclusive borrow of the proof makes this the only borrow of the state.
        unsafe { &mut *self.ctx.locked.get() }
    }

    fn tcp(&self) -> *mut bindings::tcp_sock {
        self.sk.as_ptr().cast()
    }

    /// Asks TCP to take what `chunks` say, contiguous in the stream. `Ok` with how many bytes it took.
    ///
    /// Never sleeps: 0 when TCP has no room now. TCP may transmit from inside the call, so the stack's `transmit` runs.
    pub(crate) fn send(&mut self, chunks: &[Option<Chunk>], more: bool) -> Result<u32> {
        // SAFETY: The lock is held; TCP needs `sk_socket` for its NOSPACE flag.
        if unsafe { (*self.sk.as_ptr()).sk_socket.is_null() } {
            return Ok(0);
        }
        let mut queue = WriteQueue::new(self.sk);
        let mut sent = 0;
        let mut chunks = chunks.iter().flatten().peekable();
        while let Some(chunk) = chunks.next() {
            let is_last = chunks.peek().is_none();
            match queue.take(chunk, is_last, more) {
                Ok(n) => {
                    sent += n;
                    if n < chunk.len {
                        break;
                    }
                }
                Err(e) if sent == 0 => return Err(e),
                Err(_) => break,
            }
        }
        Ok(sent)
    }

    /// Has TCP start its handshake with what it can take of `msg` on the SYN. `deferred`: the address is known already.
    /// `Ok` with how much that was; the handshake goes on by itself.
    pub(crate) fn send_on_syn(&mut self, msg: &mut Msg<'_>, deferred: bool) -> Result<usize> {
        let flags = msg.flags();
        let extra = bindings::MSG_DONTWAIT | if deferred { 0 } else { bindings::MSG_FASTOPEN };
        let len = msg.left();
        msg.set_flags(flags | extra);
        // SAFETY: The lock is held and the message valid.
        let sent = unsafe {
            rx_filter::set(self.sk.as_ptr());
            bindings::tcp_sendmsg_locked(self.sk.as_ptr(), msg.as_ptr(), len)
        };
        msg.set_flags(flags);
        // SAFETY: The lock is held; a v4-mapped address changes the table of an IPv6 socket.
        unsafe { af_ops::wrap::<S>(self.sk.as_ptr())? };
        if sent == -(bindings::EINPROGRESS as i32) {
            return Ok(0);
        }
        usize::try_from(sent).map_err(|_| Error::from_errno(sent))
    }

    /// Whether TCP would take data now.
    pub(crate) fn has_room(&self) -> bool {
        matches!(self.sk.state(), state::ESTABLISHED | state::CLOSE_WAIT) && self.sk.memory_free()
    }

    /// How many bytes TCP would take now, roughly.
    pub(crate) fn room(&self) -> u32 {
        if !self.has_room() {
            return 0;
        }
        u32::try_from(self.sk.sndbuf() - self.sk.wmem_queued()).unwrap_or(0)
    }

    /// Takes the next buffer that TCP has received in order.
    pub(crate) fn next_received(&mut self) -> Option<Received> {
        let sk = self.sk.as_ptr();
        // SAFETY: The lock is held, so the queue and `copied_seq` are ours; what is dequeued is ours alone.
        unsafe {
            let queue = ptr::addr_of_mut!((*sk).sk_receive_queue);
            let skb = NonNull::new(bindings::rmptcp_skb_dequeue(queue))?;
            let cb = bindings::rmptcp_tcp_skb_cb(skb.as_ptr());
            let copied = (*self.tcp()).copied_seq;
            let flags = (*cb).tcp_flags;
            let seq = (*cb)
                .seq
                .wrapping_add(u32::from(flags & segment::FLAG_SYN != 0));
            let skip = copied.wrapping_sub(seq);
            let mapping = segment::read_mapping(skb);
            let fin = flags & segment::FLAG_FIN != 0;
            let skb = Skb::from_tcp(skb, skip);
            let end = copied.wrapping_add(skb.len()).wrapping_add(u32::from(fin));
            ptr::addr_of_mut!((*self.tcp()).copied_seq).write_volatile(end);
            Some(Received {
                skb: (skb.len() > 0).then_some(skb),
                seq: copied,
                mapping,
                fin,
            })
        }
    }

    /// Has TCP send an ACK now.
    pub(crate) fn send_ack(&mut self) {
        // SAFETY: The lock is held.
        unsafe { bindings::__tcp_send_ack(self.sk.as_ptr(), (*self.tcp()).rcv_nxt, 0) }
    }

    /// Frees the SYN that TCP kept for us, once its connection is there.
    pub(crate) fn forget_syn(&mut self) {
        // SAFETY: The lock is held, and nobody else asks an MPTCP connection for its SYN.
        unsafe { bindings::rmptcp_tcp_saved_syn_free(self.tcp()) }
    }

    /// Has TCP send an ACK after its own delay, if nothing that says the same goes out before.
    pub(crate) fn delay_ack(&mut self) {
        // SAFETY: The lock is held. The timer of a closed socket does nothing.
        unsafe { bindings::rmptcp_tcp_delay_ack(self.sk.as_ptr()) }
    }

    /// Has TCP send its FIN after what is queued. False if a FIN is due and there was no memory for it: TCP does not try
    /// again, and waits for the acknowledgement for ever.
    pub(crate) fn shutdown_write(&mut self) -> bool {
        let due = matches!(self.sk.state(), state::ESTABLISHED | state::CLOSE_WAIT);
        // SAFETY: The lock is held; TCP's own `shutdown` is behind the pointer.
        unsafe {
            let before = (*self.tcp()).write_seq;
            self.sk.add_shutdown(super::sock::SEND_SHUTDOWN);
            if let Some(f) = (*(*self.sk.as_ptr()).__sk_common.skc_prot).shutdown {
                f(self.sk.as_ptr(), bindings::SEND_SHUTDOWN as i32);
            }
            !due || (*self.tcp()).write_seq != before
        }
    }

    /// Whether the lock is held as `lock_sock` holds it: its holder may sleep, and what it sends over a virtual device has
    /// been received when the call returns. Else it is the spinlock, with softirqs off.
    pub(crate) fn is_owned(&self) -> bool {
        // SAFETY: The socket is alive, and the lock is held.
        unsafe { bindings::rmptcp_sock_owned(self.sk.as_ptr()) }
    }

    /// Drops the TCP connection, with a RST where TCP owes one.
    ///
    /// TCP's own `disconnect` takes the socket out of its table before it sends the RST. What arrived in between would be
    /// answered by a RST without our options, which may overtake the one that has them. So the RST goes first.
    pub(crate) fn reset(&mut self) {
        let owes_rst = matches!(
            self.sk.state(),
            state::ESTABLISHED
                | state::SYN_RECV
                | state::CLOSE_WAIT
                | state::FIN_WAIT1
                | state::FIN_WAIT2
        );
        // SAFETY: The lock is held; TCP's own `disconnect` is behind the pointer. In repair mode it sends nothing.
        unsafe {
            let sk = self.sk.as_ptr();
            if owes_rst {
                bindings::rmptcp_tcp_send_rst(sk);
            }
            if let Some(disconnect) = (*(*sk).__sk_common.skc_prot).disconnect {
                bindings::rmptcp_tcp_set_repair(sk, owes_rst);
                disconnect(sk, 0);
                bindings::rmptcp_tcp_set_repair(sk, false);
            }
        }
    }

    /// Wakes whoever sleeps on the TCP socket itself: accept(2) does.
    pub(crate) fn wake(&mut self) {
        self.sk.state_change();
    }

    /// Marks the buffer that TCP is about to send for the first time, so that TCP never merges the next one into it:
    /// no retransmission then spans two mappings.
    pub(crate) fn end_buffer(&mut self, seq: u32) {
        // SAFETY: The lock is held, so the write queue is ours to look at.
        unsafe {
            let head = bindings::rmptcp_tcp_send_head(self.sk.as_ptr());
            if !head.is_null() {
                let cb = bindings::rmptcp_tcp_skb_cb(head);
                if (*cb).seq == seq {
                    (*cb).set_eor(1);
                }
            }
        }
    }

    /// What TCP is handed next does not continue what it was handed last: both are not to share a buffer.
    pub(crate) fn end_queue(&mut self) {
        // SAFETY: The lock is held, so the write queue is ours to change.
        unsafe {
            let tail = bindings::rmptcp_tcp_write_queue_tail(self.sk.as_ptr());
            if !tail.is_null() {
                (*bindings::rmptcp_tcp_skb_cb(tail)).set_eor(1);
            }
        }
    }

    /// Keeps `bytes` of each segment for options of ours: TCP takes them off its MSS (`icsk_ext_hdr_len`).
    pub(crate) fn reserve_options(&mut self, bytes: u16) {
        let icsk = self.sk.as_ptr().cast::<bindings::inet_connection_sock>();
        // SAFETY: The lock is held; `icsk_sync_mss` is TCP's own.
        unsafe {
            (*icsk).icsk_ext_hdr_len = bytes;
            if let Some(f) = (*icsk).icsk_sync_mss {
                f(self.sk.as_ptr(), (*icsk).icsk_pmtu_cookie);
            }
        }
    }

    /// Has every acknowledgement call the stack's `write_space`, as long as there is something to send.
    pub(crate) fn want_write_space(&mut self) {
        self.sk.want_write_space();
    }

    /// A snapshot of TCP's numbers.
    pub(crate) fn numbers(&self) -> Numbers {
        self.sk.tcp_numbers()
    }

    /// Lends `parent`, the socket of the program, to the subflow, so that TCP finds its flags there. `None` takes it
    /// back, and lends the one of [`nobody`] instead: TCP sets flags without a look at the pointer while it sends.
    pub(crate) fn set_parent(&mut self, parent: Option<&Sock>) {
        let sk = self.sk.as_ptr();
        // SAFETY: The lock is held; the parent's socket outlives the loan, which is ended before it is released.
        unsafe {
            match parent.map(|p| (*p.as_ptr()).sk_socket) {
                Some(socket) if !socket.is_null() => {
                    bindings::rmptcp_graft_shared(sk, socket);
                    // It may have been there with the socket before.
                    self.want_write_space();
                }
                _ => bindings::rmptcp_graft_nobody(sk, nobody::socket()),
            }
        }
    }
}

/// The lock of a subflow, held in process context.
pub(crate) struct SubflowGuard<'a, S: Stack> {
    locked: ManuallyDrop<SubflowLocked<'a, S>>,
    kind: Kind,
}

/// How a [`SubflowGuard`] holds its socket.
enum Kind {
    /// `lock_sock`.
    Owned,
    /// `lock_sock_fast` that needed no more than the spinlock.
    Fast,
    /// The spinlock, as softirq has it.
    Softirq,
}

impl<'a, S: Stack> core::ops::Deref for SubflowGuard<'a, S> {
    type Target = SubflowLocked<'a, S>;

    fn deref(&self) -> &Self::Target {
        &self.locked
    }
}

impl<S: Stack> core::ops::DerefMut for SubflowGuard<'_, S> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.locked
    }
}

impl<S: Stack> Drop for SubflowGuard<'_, S> {
    fn drop(&mut self) {
        let sk = self.locked.sk.as_ptr();
        // SAFETY: The guard took the lock, and `kind` says how.
        unsafe {
            match self.kind {
                Kind::Owned => bindings::rmptcp_unlock_sock_fast(sk, true),
                Kind::Fast => bindings::rmptcp_unlock_sock_fast(sk, false),
                Kind::Softirq => bindings::rmptcp_bh_give_back_sock(sk),
            }
        }
    }
}

/// The subflow that `ssk` is, with its lock. Context: may sleep; the lock of the MPTCP socket may be held.
pub(crate) fn lock<S: Stack>(ssk: &Sock) -> Option<SubflowGuard<'_, S>> {
    // SAFETY: The socket is alive; the guard releases the lock.
    unsafe {
        let ctx = ctx::<S>(ssk.as_ptr())?;
        bindings::rmptcp_lock_sock_nested(ssk.as_ptr());
        Some(SubflowGuard {
            locked: ManuallyDrop::new(SubflowLocked::new(ssk, ctx)),
            kind: Kind::Owned,
        })
    }
}

/// As [`lock`], but while the guard lives nothing may sleep: unless somebody owns the socket already, only its spinlock
/// is taken.
///
/// For whoever may meet a connection that waits to be accepted: TCP takes for granted that nobody owns the sockets in
/// its accept queue (`inet_csk_listen_stop`). Context: may sleep for the lock itself.
pub(crate) fn lock_fast<S: Stack>(ssk: &Sock) -> Option<SubflowGuard<'_, S>> {
    // SAFETY: The socket is alive; the guard releases the lock.
    unsafe {
        let ctx = ctx::<S>(ssk.as_ptr())?;
        let owned = bindings::rmptcp_lock_sock_fast_nested(ssk.as_ptr());
        Some(SubflowGuard {
            locked: ManuallyDrop::new(SubflowLocked::new(ssk, ctx)),
            kind: if owned { Kind::Owned } else { Kind::Fast },
        })
    }
}

/// As softirq locks it: nothing while a process owns the socket. Context: the filter of a subflow, which is in softirq unless
/// a program gives back a packet that it was queued (NFQUEUE); no lock of a subflow held.
pub(crate) fn lock_in_softirq<S: Stack>(ssk: &Sock) -> Option<SubflowGuard<'_, S>> {
    // SAFETY: The socket is alive; the guard releases the lock.
    unsafe {
        let ctx = ctx::<S>(ssk.as_ptr())?;
        bindings::rmptcp_bh_try_lock_sock(ssk.as_ptr()).then(|| SubflowGuard {
            locked: ManuallyDrop::new(SubflowLocked::new(ssk, ctx)),
            kind: Kind::Softirq,
        })
    }
}

/// The state of a subflow that needs no lock, if `ssk` is one.
pub(crate) fn of<S: Stack>(ssk: &Sock) -> Option<&S::Subflow> {
    // SAFETY: The socket is alive for as long as the reference.
    unsafe { ctx::<S>(ssk.as_ptr()) }.map(|ctx| &ctx.subflow)
}

/// Has a TCP socket hold its network namespace, if it does not yet, as what programs open does.
///
/// Context: process, the socket not locked. Somebody else holds the namespace meanwhile.
pub(crate) fn keep_namespace(ssk: &Sock) {
    let guard = ssk.lock();
    // SAFETY: The socket is alive and locked, so that nobody else changes what shares a word with the bit.
    unsafe {
        let sk = ssk.as_ptr();
        if (*sk).__sk_common.skc_net_refcnt() == 0 {
            bindings::sk_net_refcnt_upgrade(sk);
        }
    }
    drop(guard);
}
