// SPDX-License-Identifier: GPL-2.0

//! A TCP socket that carries a subflow: how ours is told from others, its lock, and what it can do.
//!
//! C headers: [`include/linux/tcp.h`](srctree/include/linux/tcp.h),
//! [`include/net/inet_connection_sock.h`](srctree/include/net/inet_connection_sock.h)
//!
//! The mark of a subflow is its `sk_destruct`: it is ours from [`attach`] until the socket is freed, so that whoever
//! holds a reference may look at the state behind `icsk_ulp_data`. All else that TCP calls through the socket (the ULP,
//! the callbacks, the address family table) goes back to TCP's own when the TCP connection is destroyed.

use super::af_ops;
use super::bindings;
use super::callbacks;
use super::module;
use super::msg::{Msg, PageRef};
use super::segment;
use super::skb::Skb;
use super::sock::{state, Sock};
use super::stack::Stack;
use crate::wire::Mapping;
use core::cell::UnsafeCell;
use core::marker::PhantomData;
use core::mem::{ManuallyDrop, MaybeUninit};
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicU32, Ordering};
use kernel::prelude::*;

/// The C functions that we replaced.
#[derive(Clone, Copy)]
pub(super) struct Saved {
    pub(super) data_ready: Option<unsafe extern "C" fn(*mut bindings::sock)>,
    pub(super) write_space: Option<unsafe extern "C" fn(*mut bindings::sock)>,
    pub(super) state_change: Option<unsafe extern "C" fn(*mut bindings::sock)>,
    pub(super) error_report: Option<unsafe extern "C" fn(*mut bindings::sock)>,
    pub(super) destruct: Option<unsafe extern "C" fn(*mut bindings::sock)>,
}

/// What `icsk_ulp_data` points to.
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
    // SAFETY: By the contract above. The mark says that `icsk_ulp_data` is our context, which lives as long as the
    // socket does.
    unsafe {
        let destruct = ptr::addr_of!((*sk).sk_destruct).read_volatile();
        if destruct != Some(callbacks::subflow_destruct::<S>) {
            return None;
        }
        (*sk.cast::<bindings::inet_connection_sock>())
            .icsk_ulp_data
            .cast::<Ctx<S>>()
            .as_ref()
    }
}

/// Makes the TCP socket `sk` a subflow.
///
/// # Safety
///
/// `sk` is a valid TCP socket that is not one yet, and its lock is held (or nobody else can reach it).
unsafe fn attach<S: Stack>(
    sk: *mut bindings::sock,
    subflow: S::Subflow,
    locked: S::Locked,
    flags: kernel::alloc::Flags,
) -> Result {
    // SAFETY: By the contract above; each callback is replaced by one that calls it where TCP relies on it.
    unsafe {
        let saved = Saved {
            data_ready: (*sk).sk_data_ready,
            write_space: (*sk).sk_write_space,
            state_change: (*sk).sk_state_change,
            error_report: (*sk).sk_error_report,
            destruct: (*sk).sk_destruct,
        };
        let ctx = KBox::new(
            Ctx::<S> {
                subflow,
                locked: UnsafeCell::new(locked),
                saved,
            },
            flags,
        )?;
        af_ops::wrap::<S>(sk)?;
        // One reference for the ULP, which TCP drops, and one for `sk_destruct`.
        module::get();
        module::get();
        let icsk = sk.cast::<bindings::inet_connection_sock>();
        (*icsk).icsk_ulp_data = KBox::into_raw(ctx).cast();
        (*icsk).icsk_ulp_ops = callbacks::ulp_ops::<S>();
        (*sk).sk_data_ready = Some(callbacks::subflow_data_ready::<S>);
        (*sk).sk_write_space = Some(callbacks::subflow_write_space::<S>);
        (*sk).sk_state_change = Some(callbacks::subflow_state_change::<S>);
        (*sk).sk_error_report = Some(callbacks::subflow_error_report::<S>);
        // Last: from here on `ctx` finds it.
        core::sync::atomic::fence(Ordering::Release);
        ptr::addr_of_mut!((*sk).sk_destruct)
            .write_volatile(Some(callbacks::subflow_destruct::<S>));
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

/// How many chunks one call of [`SubflowLocked::send`] takes.
pub(crate) const MAX_CHUNKS: usize = 16;

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
    pub(crate) fn send(&mut self, chunks: &[Chunk], more: bool) -> Result<u32> {
        let mut vec: [MaybeUninit<bindings::bio_vec>; MAX_CHUNKS] =
            [const { MaybeUninit::uninit() }; MAX_CHUNKS];
        let mut total = 0;
        let mut n = 0;
        for (slot, chunk) in vec.iter_mut().zip(chunks) {
            slot.write(bindings::bio_vec {
                bv_page: chunk.page.as_ptr(),
                bv_len: chunk.len,
                bv_offset: chunk.offset,
            });
            total += chunk.len as usize;
            n += 1;
        }
        // SAFETY: The lock is held; the message and the vector outlive the call, which takes its own references of
        // the pages. `sk_socket` is needed by TCP for its NOSPACE flag.
        let taken = unsafe {
            if (*self.sk.as_ptr()).sk_socket.is_null() && !self.sk.memory_free() {
                return Ok(0);
            }
            let mut msg = bindings::msghdr {
                msg_flags: bindings::MSG_DONTWAIT
                    | bindings::MSG_NOSIGNAL
                    | bindings::MSG_SPLICE_PAGES
                    | bindings::MSG_NO_SHARED_FRAGS
                    | if more { bindings::MSG_MORE } else { 0 },
                ..Default::default()
            };
            bindings::rmptcp_iov_iter_bvec(&mut msg.msg_iter, vec.as_ptr().cast(), n, total);
            bindings::tcp_sendmsg_locked(self.sk.as_ptr(), &mut msg, total)
        };
        if taken == -(bindings::EAGAIN as i32) {
            return Ok(0);
        }
        u32::try_from(taken).map_err(|_| Error::from_errno(taken))
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
            let seq = (*cb).seq.wrapping_add(u32::from(flags & segment::FLAG_SYN != 0));
            let skip = copied.wrapping_sub(seq);
            let mapping = segment::read_mapping(skb);
            let fin = flags & segment::FLAG_FIN != 0;
            let skb = Skb::from_tcp(skb, skip);
            let end = copied
                .wrapping_add(skb.len())
                .wrapping_add(u32::from(fin));
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

    /// Has TCP send its FIN after what is queued.
    pub(crate) fn shutdown_write(&mut self) {
        // SAFETY: The lock is held; TCP's own `shutdown` is behind the pointer.
        unsafe {
            self.sk.add_shutdown(super::sock::SEND_SHUTDOWN);
            if let Some(f) = (*(*self.sk.as_ptr()).__sk_common.skc_prot).shutdown {
                f(self.sk.as_ptr(), bindings::SEND_SHUTDOWN as i32);
            }
        }
    }

    /// Drops the TCP connection, with a RST where TCP owes one.
    pub(crate) fn reset(&mut self) {
        // SAFETY: The lock is held; TCP's own `disconnect` is behind the pointer.
        unsafe {
            if let Some(f) = (*(*self.sk.as_ptr()).__sk_common.skc_prot).disconnect {
                f(self.sk.as_ptr(), 0);
            }
        }
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

    /// Keeps `bytes` of each segment for options of ours: TCP takes them off its MSS (`icsk_ext_hdr_len`).
    pub(crate) fn reserve_options(&mut self, bytes: u16) {
        let icsk = self.sk.as_ptr().cast::<bindings::inet_connection_sock>();
        // SAFETY: The lock is held; `icsk_sync_mss` is TCP's own.
        unsafe {
            (*icsk).icsk_ext_hdr_len = bytes.into();
            if let Some(f) = (*icsk).icsk_sync_mss {
                f(self.sk.as_ptr(), (*icsk).icsk_pmtu_cookie);
            }
        }
    }

    /// Says what was sent in a window field, so that TCP accepts what it promises.
    pub(crate) fn promise_window(&mut self, bytes: u32) {
        // SAFETY: The lock is held.
        unsafe {
            let tp = self.tcp();
            if bytes > (*tp).rcv_wnd {
                (*tp).rcv_wnd = bytes;
                bindings::rmptcp_tcp_update_max_rcv_wnd(self.sk.as_ptr());
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
    /// back.
    pub(crate) fn set_parent(&mut self, parent: Option<&Sock>) {
        let sk = self.sk.as_ptr();
        // SAFETY: The lock is held; the parent's socket outlives the loan, which is ended before it is released.
        unsafe {
            match parent.map(|p| (*p.as_ptr()).sk_socket) {
                Some(socket) if !socket.is_null() => bindings::rmptcp_graft_shared(sk, socket),
                _ => {
                    (*sk).sk_socket = ptr::null_mut();
                    (*sk).__bindgen_anon_1.sk_wq = ptr::null_mut();
                }
            }
        }
    }

    /// The memory that TCP takes for sending from here on must not need sleeping.
    pub(crate) fn allocate_atomically(&mut self) {
        // SAFETY: The lock is held.
        unsafe { (*self.sk.as_ptr()).sk_allocation = kernel::bindings::GFP_ATOMIC }
    }
}

/// Numbers of a TCP socket that the engine asks for.
#[derive(Clone, Copy)]
pub(crate) struct Numbers {
    pub(crate) snd_una: u32,
    pub(crate) snd_nxt: u32,
    pub(crate) write_seq: u32,
    pub(crate) rcv_nxt: u32,
    pub(crate) rcv_wnd: u32,
    pub(crate) max_window: u32,
    pub(crate) snd_wscale: u8,
    pub(crate) rcv_wscale: u8,
    pub(crate) retransmits: u8,
    /// The retransmission timeout in jiffies.
    pub(crate) rto: u32,
}

impl Sock {
    /// A snapshot of TCP's numbers; consistent only under the socket's lock.
    ///
    /// For TCP sockets only.
    pub(crate) fn tcp_numbers(&self) -> Numbers {
        let tp = self.as_ptr().cast::<bindings::tcp_sock>();
        // SAFETY: Subflows are TCP sockets; each field is read as C reads it without the lock.
        unsafe {
            let word = |p: *const u32| AtomicU32::from_ptr(p.cast_mut()).load(Ordering::Relaxed);
            let icsk = ptr::addr_of!((*tp).inet_conn);
            Numbers {
                snd_una: word(ptr::addr_of!((*tp).snd_una)),
                snd_nxt: word(ptr::addr_of!((*tp).snd_nxt)),
                write_seq: word(ptr::addr_of!((*tp).write_seq)),
                rcv_nxt: word(ptr::addr_of!((*tp).rcv_nxt)),
                rcv_wnd: word(ptr::addr_of!((*tp).rcv_wnd)),
                max_window: word(ptr::addr_of!((*tp).max_window)),
                snd_wscale: (*tp).rx_opt.snd_wscale() as u8,
                rcv_wscale: (*tp).rx_opt.rcv_wscale() as u8,
                retransmits: (*icsk).icsk_retransmits,
                rto: (*icsk).icsk_rto,
            }
        }
    }

    /// How much memory a window of `bytes` takes, by what this TCP socket has seen of its peer's segments.
    pub(crate) fn space_from_window(&self, bytes: u32) -> u32 {
        // SAFETY: Subflows are TCP sockets.
        unsafe { bindings::rmptcp_tcp_space_from_win(self.as_ptr(), bytes) }
    }

    /// The round trip time that this TCP socket measures as a receiver, in microseconds; 0 if it has none.
    pub(crate) fn rcv_rtt_micros(&self) -> u64 {
        let tp = self.as_ptr().cast::<bindings::tcp_sock>();
        // SAFETY: Subflows are TCP sockets; a stale value is harmless. TCP keeps eighths.
        u64::from(unsafe { ptr::addr_of!((*tp).rcv_rtt_est.rtt_us).read_volatile() } / 8)
    }

    /// Raises `sk_rcvbuf` of a TCP socket, and lets its window follow.
    pub(crate) fn raise_rcvbuf(&self, bytes: i32) {
        if !self.rcvbuf_locked() && bytes > self.rcvbuf() {
            self.set_rcvbuf(bytes);
            // SAFETY: Subflows are TCP sockets; C writes the field with WRITE_ONCE as well.
            unsafe {
                let tp = self.as_ptr().cast::<bindings::tcp_sock>();
                let clamp = bindings::rmptcp_tcp_win_from_space(self.as_ptr(), bytes as u32);
                ptr::addr_of_mut!((*tp).window_clamp).write_volatile(clamp);
            }
        }
    }

    /// Whether TCP has anything in order that nobody took.
    pub(crate) fn has_received(&self) -> bool {
        // SAFETY: Only compares a pointer of the queue, as C does without the lock.
        unsafe { !bindings::rmptcp_skb_peek(ptr::addr_of!((*self.as_ptr()).sk_receive_queue)).is_null() }
    }

    /// Whether a connection waits in the accept queue of this listening TCP socket.
    pub(crate) fn has_accept_queue(&self) -> bool {
        // SAFETY: Only reads a pointer, as C does without the lock.
        unsafe {
            let icsk = self.as_ptr().cast::<bindings::inet_connection_sock>();
            !ptr::addr_of!((*icsk).icsk_accept_queue.rskq_accept_head)
                .read_volatile()
                .is_null()
        }
    }

    /// Has this listening TCP socket keep the header of each SYN until its handshake is over.
    pub(crate) fn save_syn(&self) {
        // SAFETY: A TCP socket of ours, not yet listening.
        unsafe { (*self.as_ptr().cast::<bindings::tcp_sock>()).set_save_syn(1) }
    }

    /// How many bytes of window `space` bytes of memory make, by what this TCP socket has seen of its peer's segments.
    pub(crate) fn window_from_space(&self, space: u32) -> u32 {
        // SAFETY: Subflows are TCP sockets.
        unsafe { bindings::rmptcp_tcp_win_from_space(self.as_ptr(), space) }
    }
}

/// The lock of a subflow, held in process context.
pub(crate) struct SubflowGuard<'a, S: Stack>(ManuallyDrop<SubflowLocked<'a, S>>);

impl<'a, S: Stack> core::ops::Deref for SubflowGuard<'a, S> {
    type Target = SubflowLocked<'a, S>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<S: Stack> core::ops::DerefMut for SubflowGuard<'_, S> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl<S: Stack> Drop for SubflowGuard<'_, S> {
    fn drop(&mut self) {
        // SAFETY: The guard took the lock.
        unsafe { bindings::release_sock(self.0.sk.as_ptr()) }
    }
}

/// The subflow that `ssk` is, with its lock. Context: may sleep; the lock of the MPTCP socket may be held.
pub(crate) fn lock<S: Stack>(ssk: &Sock) -> Option<SubflowGuard<'_, S>> {
    // SAFETY: The socket is alive; the guard releases the lock.
    unsafe {
        let ctx = ctx::<S>(ssk.as_ptr())?;
        bindings::rmptcp_lock_sock_nested(ssk.as_ptr());
        Some(SubflowGuard(ManuallyDrop::new(SubflowLocked::new(ssk, ctx))))
    }
}

/// The state of a subflow that needs no lock, if `ssk` is one.
pub(crate) fn of<S: Stack>(ssk: &Sock) -> Option<&S::Subflow> {
    // SAFETY: The socket is alive for as long as the reference.
    unsafe { ctx::<S>(ssk.as_ptr()) }.map(|ctx| &ctx.subflow)
}

/// A TCP socket that the kernel opened for a subflow, with the `struct socket` that its operations need.
///
/// # Invariants
///
/// The pointer is a kernel socket whose `sk` is a subflow of ours.
pub(crate) struct KernelSocket<S: Stack> {
    socket: NonNull<bindings::socket>,
    stack: PhantomData<fn() -> S>,
}

// SAFETY: A socket may be used from any thread; its operations take its lock.
unsafe impl<S: Stack> Send for KernelSocket<S> {}
// SAFETY: As above.
unsafe impl<S: Stack> Sync for KernelSocket<S> {}

impl<S: Stack> KernelSocket<S> {
    /// Opens a TCP socket of the family of `msk`, in its namespace, owned by whom `msk` belongs to.
    ///
    /// Context: may sleep; the lock of `msk` is held.
    pub(crate) fn open(
        msk: &Sock,
        make: impl FnOnce(&Sock) -> Result<(S::Subflow, S::Locked)>,
    ) -> Result<Self> {
        let mut socket = ptr::null_mut();
        // SAFETY: The namespace is that of a living socket.
        kernel::error::to_result(unsafe {
            bindings::sock_create_kern(
                bindings::rmptcp_sock_net(msk.as_ptr()),
                msk.family().into(),
                bindings::sock_type_SOCK_STREAM as i32,
                bindings::IPPROTO_TCP as i32,
                &mut socket,
            )
        })?;
        let this = Self {
            socket: NonNull::new(socket).ok_or(ENOMEM)?,
            stack: PhantomData,
        };
        // SAFETY: The socket is new and nobody else knows it.
        unsafe {
            let sk = (*socket).sk;
            bindings::sk_net_refcnt_upgrade(sk);
            let (subflow, locked) = make(Sock::from_raw(sk))?;
            attach::<S>(sk, subflow, locked, GFP_KERNEL)?;
            (*sk).sk_allocation = kernel::bindings::GFP_ATOMIC;
            bindings::rmptcp_copy_owner(sk, msk.as_ptr());
        }
        Ok(this)
    }

    /// The TCP socket.
    pub(crate) fn sock(&self) -> &Sock {
        // SAFETY: By the type invariant; the `struct socket` holds its reference.
        unsafe { Sock::from_raw((*self.socket.as_ptr()).sk) }
    }

    /// The C object.
    pub(super) fn as_ptr(&self) -> *mut bindings::socket {
        self.socket.as_ptr()
    }

    /// `kernel_bind`. Context: may sleep.
    pub(crate) fn bind(&self, addr: super::msg::Address<'_>) -> Result {
        // SAFETY: The socket is ours and the address valid.
        kernel::error::to_result(unsafe {
            bindings::kernel_bind(self.socket.as_ptr(), addr.as_ptr(), addr.len())
        })
    }

    /// `kernel_listen`. Context: may sleep.
    pub(crate) fn listen(&self, backlog: i32) -> Result {
        // SAFETY: The socket is ours, and whoever reads its ULP sees one of two tables that are always there.
        kernel::error::to_result(unsafe {
            let icsk = (*self.socket.as_ptr())
                .sk
                .cast::<bindings::inet_connection_sock>();
            ptr::addr_of_mut!((*icsk).icsk_ulp_ops).write_volatile(callbacks::listener_ulp_ops());
            bindings::kernel_listen(self.socket.as_ptr(), backlog)
        })
    }
}

impl<S: Stack> Drop for KernelSocket<S> {
    fn drop(&mut self) {
        // SAFETY: The socket is ours; TCP lives on by itself where it has to.
        unsafe { bindings::sock_release(self.socket.as_ptr()) }
    }
}

impl<S: Stack> SubflowLocked<'_, S> {
    /// Starts TCP's handshake with `addr`. Does not wait for it.
    pub(crate) fn connect(&mut self, addr: super::msg::Address<'_>) -> Result {
        let sk = self.sk.as_ptr();
        // SAFETY: The lock is held; TCP's own `connect` is behind the pointer.
        unsafe {
            let connect = (*(*sk).__sk_common.skc_prot).connect.ok_or(EINVAL)?;
            kernel::error::to_result(connect(sk, addr.as_ptr(), addr.len()))?;
            // A v4-mapped address changes the table of an IPv6 socket.
            af_ops::wrap::<S>(sk)
        }
    }
}

/// Closes a TCP connection that no `struct socket` stands for: the child of a handshake.
///
/// Context: may sleep. TCP goes on by itself until its FIN is acknowledged.
pub(crate) fn close_child(ssk: &Sock) {
    // SAFETY: The socket is alive, and this is the one close of it: it drops the reference that its life began with.
    unsafe { bindings::tcp_close(ssk.as_ptr(), 0) }
}

/// Makes `child`, which TCP just made from a handshake, a subflow; `false` leaves it plain TCP.
///
/// # Safety
///
/// `child` is a valid TCP socket, locked, and not a subflow.
pub(super) unsafe fn adopt<S: Stack>(
    child: *mut bindings::sock,
    subflow: S::Subflow,
    locked: S::Locked,
) -> bool {
    // SAFETY: By the contract above.
    unsafe {
        if attach::<S>(child, subflow, locked, GFP_ATOMIC).is_err() {
            return false;
        }
        (*child).sk_allocation = kernel::bindings::GFP_ATOMIC;
        true
    }
}
