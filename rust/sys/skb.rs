// SPDX-License-Identifier: GPL-2.0

//! Socket buffers: ones that we own, a list of them, and what our hooks do to segments.
//!
//! C header: [`include/linux/skbuff.h`](srctree/include/linux/skbuff.h)

use super::bindings;
use super::msg::Msg;
use core::ptr::{self, NonNull};
use kernel::prelude::*;

/// A socket buffer with received payload that we own; freed when dropped.
///
/// The unread part is `offset..offset + len`, kept in the control block: TCP is done with it by then.
///
/// # Invariants
///
/// The pointer is valid, nobody else has a reference, and the control block holds a [`Window`] within the buffer.
#[repr(transparent)]
pub(crate) struct Skb(NonNull<bindings::sk_buff>);

// SAFETY: An sk_buff that we alone own may be used and freed from any context.
unsafe impl Send for Skb {}

/// What is unread of a buffer, as it stands in the control block.
#[repr(C)]
#[derive(Clone, Copy)]
struct Window {
    offset: u32,
    len: u32,
    has_timestamp: bool,
}

const _: () = assert!(core::mem::size_of::<Window>() <= 48);

impl Skb {
    /// Takes a buffer off a TCP receive queue: `skip` bytes of it were consumed before.
    ///
    /// # Safety
    ///
    /// The caller owns `skb`, which came from `sk_receive_queue` with TCP's control block in it, and holds the lock
    /// of the socket that it is charged to.
    pub(super) unsafe fn from_tcp(skb: NonNull<bindings::sk_buff>, skip: u32) -> Self {
        let p = skb.as_ptr();
        // SAFETY: By the contract above; `skb_orphan` gives the charge back to the locked socket.
        unsafe {
            let has_timestamp = (*bindings::rmptcp_tcp_skb_cb(p)).has_rxtstamp() != 0;
            bindings::rmptcp_skb_orphan(p);
            bindings::rmptcp_skb_ext_del(p, bindings::skb_ext_id_SKB_EXT_MPTCP);
            (*p).__bindgen_anon_1.__bindgen_anon_1.next = ptr::null_mut();
            let len = (*p).len.saturating_sub(skip);
            Self::cb(p).write(Window {
                offset: skip,
                len,
                has_timestamp,
            });
        }
        Self(skb)
    }

    fn cb(p: *mut bindings::sk_buff) -> *mut Window {
        // SAFETY: Only computes the address of a field.
        unsafe { ptr::addr_of_mut!((*p).cb).cast() }
    }

    fn window(&self) -> &Window {
        // SAFETY: By the type invariant.
        unsafe { &*Self::cb(self.0.as_ptr()) }
    }

    fn window_mut(&mut self) -> &mut Window {
        // SAFETY: By the type invariant, and we are borrowed exclusively.
        unsafe { &mut *Self::cb(self.0.as_ptr()) }
    }

    /// Unread bytes.
    pub(crate) fn len(&self) -> u32 {
        self.window().len
    }

    /// Drops `n` bytes, or all there are, from the front.
    pub(crate) fn trim_front(&mut self, n: u32) {
        let w = self.window_mut();
        let n = n.min(w.len);
        w.offset += n;
        w.len -= n;
    }

    /// Keeps the first `n` bytes.
    pub(crate) fn truncate(&mut self, n: u32) {
        let w = self.window_mut();
        w.len = w.len.min(n);
    }

    /// What the buffer costs in memory.
    pub(crate) fn truesize(&self) -> u32 {
        // SAFETY: By the type invariant.
        unsafe { (*self.0.as_ptr()).truesize }
    }

    /// The ones' complement sum of `len` unread bytes starting `from` bytes in, as the kernel's `__wsum`.
    pub(crate) fn checksum(&self, from: u32, len: u32) -> u32 {
        let w = self.window();
        let from = from.min(w.len);
        let len = len.min(w.len - from);
        // SAFETY: The range lies within the buffer by the type invariant.
        unsafe { bindings::skb_checksum(self.0.as_ptr(), (w.offset + from) as i32, len as i32, 0) }
    }

    /// Copies `len` unread bytes, starting `from` bytes in, to the reader.
    pub(crate) fn copy_to(&self, from: u32, msg: &mut Msg<'_>, len: u32) -> Result {
        let w = self.window();
        let from = from.min(w.len);
        let len = len.min(w.len - from);
        // SAFETY: The range lies within the buffer; the message is valid by its own invariant.
        kernel::error::to_result(unsafe {
            bindings::skb_copy_datagram_iter(
                self.0.as_ptr(),
                (w.offset + from) as i32,
                msg.iter(),
                len as i32,
            )
        })
    }

    /// Appends `next`, if its bytes follow ours and the buffers can share one head.
    ///
    /// `Ok` with the memory that the merged buffer costs more than before.
    pub(crate) fn try_append(&mut self, next: Skb) -> Result<u32, Skb> {
        let (w, n) = (*self.window(), *next.window());
        let (to, from) = (self.0.as_ptr(), next.0.as_ptr());
        // SAFETY: Both are valid and ours by the type invariant.
        unsafe {
            if n.offset != 0
                || n.len != (*from).len
                || w.offset + w.len != (*to).len
                || w.has_timestamp
                || n.has_timestamp
                || w.len.saturating_add(n.len) > 65536
            {
                return Err(next);
            }
            let mut stolen = false;
            let mut delta = 0;
            if !bindings::skb_try_coalesce(to, from, &mut stolen, &mut delta) {
                return Err(next);
            }
            core::mem::forget(next);
            bindings::kfree_skb_partial(from, stolen);
            self.window_mut().len += n.len;
            Ok(delta.unsigned_abs())
        }
    }

    /// Splits off what follows the first `at` unread bytes: both halves then share the data. `None` without memory.
    pub(crate) fn split_off(&mut self, at: u32) -> Option<Skb> {
        let w = *self.window();
        let at = at.min(w.len);
        // SAFETY: By the type invariant; the clone is ours alone, and gets a window of its own.
        unsafe {
            let p = NonNull::new(bindings::skb_clone(
                self.0.as_ptr(),
                kernel::bindings::GFP_ATOMIC,
            ))?;
            Self::cb(p.as_ptr()).write(Window {
                offset: w.offset + at,
                len: w.len - at,
                has_timestamp: w.has_timestamp,
            });
            self.truncate(at);
            Some(Skb(p))
        }
    }

    fn into_raw(self) -> NonNull<bindings::sk_buff> {
        let p = self.0;
        core::mem::forget(self);
        p
    }

    /// The C object, for the calls of `sys` that only look.
    pub(super) fn as_ptr(&self) -> *mut bindings::sk_buff {
        self.0.as_ptr()
    }

    /// Whether the buffer carries a receive time stamp that the user may ask for.
    pub(crate) fn has_timestamp(&self) -> bool {
        self.window().has_timestamp
    }

    /// Where the unread part starts in the C buffer.
    pub(super) fn offset(&self) -> u32 {
        self.window().offset
    }
}

impl Drop for Skb {
    fn drop(&mut self) {
        // SAFETY: We own the buffer by the type invariant.
        unsafe { bindings::rmptcp_kfree_skb(self.0.as_ptr()) }
    }
}

/// A first-in first-out list of [`Skb`]s, linked through the buffers themselves.
///
/// # Invariants
///
/// `head` starts a chain of buffers that we own, linked by `next` and ended by null at `tail`.
pub(crate) struct SkbList {
    head: Option<NonNull<bindings::sk_buff>>,
    tail: Option<NonNull<bindings::sk_buff>>,
    bytes: u64,
}

// SAFETY: The list owns its buffers; see `Skb`.
unsafe impl Send for SkbList {}

impl SkbList {
    /// An empty list.
    pub(crate) const fn new() -> Self {
        Self {
            head: None,
            tail: None,
            bytes: 0,
        }
    }

    fn link(at: NonNull<bindings::sk_buff>) -> *mut *mut bindings::sk_buff {
        // SAFETY: Only computes the address of a field of a buffer that the list owns.
        unsafe { ptr::addr_of_mut!((*at.as_ptr()).__bindgen_anon_1.__bindgen_anon_1.next) }
    }

    /// Appends a buffer, merging it into the last one if it can be; says by how much memory the list grew.
    pub(crate) fn push(&mut self, skb: Skb) -> u32 {
        let len = u64::from(skb.len());
        let skb = match self.tail {
            Some(tail) => {
                let mut last = Skb(tail);
                let merged = last.try_append(skb);
                core::mem::forget(last);
                match merged {
                    Ok(grown) => {
                        self.bytes += len;
                        return grown;
                    }
                    Err(skb) => skb,
                }
            }
            None => skb,
        };
        let truesize = skb.truesize();
        self.bytes += len;
        let p = skb.into_raw();
        match self.tail {
            // SAFETY: The tail is ours.
            Some(tail) => unsafe { *Self::link(tail) = p.as_ptr() },
            None => self.head = Some(p),
        }
        self.tail = Some(p);
        truesize
    }

    /// Takes the first buffer.
    pub(crate) fn pop(&mut self) -> Option<Skb> {
        let p = self.head?;
        // SAFETY: The head is ours; its link is the next buffer or null.
        unsafe {
            self.head = NonNull::new(*Self::link(p));
            *Self::link(p) = ptr::null_mut();
        }
        if self.head.is_none() {
            self.tail = None;
        }
        let skb = Skb(p);
        self.bytes = self.bytes.saturating_sub(u64::from(skb.len()));
        Some(skb)
    }

    /// Moves everything in `from` to the end of this list.
    pub(crate) fn splice(&mut self, from: &mut SkbList) {
        let Some(first) = from.head.take() else {
            return;
        };
        match self.tail {
            // SAFETY: The tail is ours.
            Some(tail) => unsafe { *Self::link(tail) = first.as_ptr() },
            None => self.head = Some(first),
        }
        self.tail = from.tail.take();
        self.bytes += core::mem::take(&mut from.bytes);
    }

    /// The first buffer, to look at or to read from.
    pub(crate) fn first(&self) -> Option<&Skb> {
        let head = self.head.as_ref()?;
        // SAFETY: `Skb` is a transparent `NonNull`, which is what `head` holds.
        Some(unsafe { &*ptr::from_ref(head).cast::<Skb>() })
    }

    /// The buffers in order.
    pub(crate) fn iter(&self) -> SkbIter<'_> {
        SkbIter {
            at: self.head,
            list: core::marker::PhantomData,
        }
    }

    /// Puts everything in `from` before this list.
    pub(crate) fn prepend(&mut self, mut from: SkbList) {
        from.splice(self);
        *self = from;
    }

    /// Consumes `n` bytes of the first buffer; `true` if that emptied it.
    pub(crate) fn consume_first(&mut self, n: u32) -> bool {
        let Some(p) = self.head else {
            return false;
        };
        let mut skb = Skb(p);
        let n = n.min(skb.len());
        skb.trim_front(n);
        self.bytes = self.bytes.saturating_sub(n.into());
        let empty = skb.len() == 0;
        core::mem::forget(skb);
        empty
    }
}

impl Drop for SkbList {
    fn drop(&mut self) {
        while self.pop().is_some() {}
    }
}

/// See [`SkbList::iter`].
pub(crate) struct SkbIter<'a> {
    at: Option<NonNull<bindings::sk_buff>>,
    list: core::marker::PhantomData<&'a SkbList>,
}

impl<'a> Iterator for SkbIter<'a> {
    type Item = SkbView<'a>;

    fn next(&mut self) -> Option<SkbView<'a>> {
        let p = self.at?;
        // SAFETY: The list owns the buffer and is borrowed for 'a.
        self.at = unsafe { NonNull::new(*SkbList::link(p)) };
        Some(SkbView(core::mem::ManuallyDrop::new(Skb(p)), self.list))
    }
}

/// A buffer of a list that is only looked at.
pub(crate) struct SkbView<'a>(
    core::mem::ManuallyDrop<Skb>,
    #[allow(dead_code)] core::marker::PhantomData<&'a SkbList>,
);

impl core::ops::Deref for SkbView<'_> {
    type Target = Skb;

    fn deref(&self) -> &Skb {
        &self.0
    }
}
