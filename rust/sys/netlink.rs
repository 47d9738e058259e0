// SPDX-License-Identifier: GPL-2.0

//! Generic netlink messages: the attributes of requests, answers, and what is told to everybody who listens.
//!
//! C headers: [`include/net/netlink.h`](srctree/include/net/netlink.h),
//! [`include/net/genetlink.h`](srctree/include/net/genetlink.h)

use super::bindings;
use super::genl;
use super::netns::NetRef;
use core::fmt::{self, Write};
use core::marker::PhantomData;
use core::mem::size_of;
use core::net::IpAddr;
use core::ptr::{self, NonNull};
use kernel::bindings::{gfp_t, GFP_ATOMIC, GFP_KERNEL};
use kernel::error::to_result;
use kernel::ffi::c_int;
use kernel::prelude::*;

/// A command of a program.
///
/// # Invariants
///
/// The pointer is the `genl_info` of a request that is there for `'a`, and so are its attributes.
pub(crate) struct Request<'a> {
    info: NonNull<bindings::genl_info>,
    attributes: &'a [u8],
}

/// Octets before the attributes of a message.
pub(super) const HEADERS: usize =
    size_of::<bindings::nlmsghdr>() + size_of::<bindings::genlmsghdr>();

impl<'a> Request<'a> {
    /// # Safety
    ///
    /// `info` is that of a request which is there for `'a`.
    pub(super) unsafe fn new(info: *const bindings::genl_info) -> Result<Self> {
        let info = NonNull::new(info.cast_mut()).ok_or(EINVAL)?;
        // SAFETY: By the contract above. Netlink has seen that the message is there in full, and generic netlink that it
        // is not shorter than the headers.
        let attributes = unsafe {
            let message = (*info.as_ptr()).nlhdr;
            let len = ((*message).nlmsg_len as usize).saturating_sub(HEADERS);
            core::slice::from_raw_parts(message.cast::<u8>().add(HEADERS), len)
        };
        // INVARIANT: As above.
        Ok(Self { info, attributes })
    }

    /// The attributes, as the program sent them.
    pub(crate) fn attributes(&self) -> &'a [u8] {
        self.attributes
    }

    /// The number of the command.
    pub(crate) fn command(&self) -> u8 {
        // SAFETY: By the type invariant.
        unsafe { (*(*self.info.as_ptr()).genlhdr).cmd }
    }

    /// Says that the attribute with this number is missing.
    pub(crate) fn miss(&self, number: u16) {
        // SAFETY: By the type invariant; C has the answer for as long as the request.
        unsafe {
            if let Some(ack) = (*self.info.as_ptr()).extack.as_mut() {
                ack.miss_type = number;
                ack.miss_nest = ptr::null();
            }
        }
    }

    /// Says in words why the answer is an error, and where the attribute that is to blame begins, in octets from the first.
    ///
    /// The words are copied: C sends them when we may no longer be loaded.
    pub(crate) fn explain(&self, blamed: Option<usize>, why: fmt::Arguments<'_>) {
        // SAFETY: By the type invariant; the place is within the same request.
        unsafe {
            let Some(ack) = (*self.info.as_ptr()).extack.as_mut() else {
                return;
            };
            let room = ack._msg_buf.len() - 1;
            let (text, end) = ack._msg_buf.split_at_mut(room);
            let mut words = Words(text);
            // Too long, they are cut.
            let _cut = words.write_fmt(why);
            // The text ends where they do.
            if let Some(c) = words.0.first_mut().or(end.first_mut()) {
                *c = 0;
            }
            ack._msg = ack._msg_buf.as_ptr();
            if let Some(attr) = blamed.and_then(|at| self.attributes.get(at..)) {
                ack.bad_attr = attr.as_ptr().cast();
            }
        }
    }

    /// Sends an answer.
    pub(crate) fn reply(&self, fill: impl FnOnce(&mut Fields<'_>) -> Result) -> Result {
        let message = Message::new(GFP_KERNEL)?;
        // SAFETY: By the type invariant; the message is ours until C has taken it.
        unsafe {
            let info = self.info.as_ptr();
            let (portid, seq) = ((*info).snd_portid, (*info).snd_seq);
            append(message.0, portid, seq, 0, self.command(), fill)?;
            to_result(bindings::rmptcp_genlmsg_reply(message.release(), info))
        }
    }
}

/// Where words go that C will send.
struct Words<'a>(&'a mut [kernel::ffi::c_char]);

impl Write for Words<'_> {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        let room = core::mem::take(&mut self.0);
        let taken = s.len().min(room.len());
        let (to, rest) = room.split_at_mut(taken);
        to.iter_mut().zip(s.bytes()).for_each(|(to, c)| *to = c);
        self.0 = rest;
        if taken < s.len() {
            return Err(fmt::Error);
        }
        Ok(())
    }
}

/// A list that is sent in as many parts as it takes.
pub(crate) struct Dump<'a> {
    /// What is asked for.
    pub(crate) request: Request<'a>,
    skb: NonNull<bindings::sk_buff>,
    progress: NonNull<Progress>,
}

/// How far a list has got, for us to use; zeroes at first.
pub(crate) type Progress = [u64; 4];

impl<'a> Dump<'a> {
    /// # Safety
    ///
    /// The pointers are those of a dump of generic netlink, which are there for `'a`.
    pub(super) unsafe fn new(
        skb: *mut bindings::sk_buff,
        cb: *mut bindings::netlink_callback,
    ) -> Result<Self> {
        // SAFETY: By the contract above; what C leaves us has room for more.
        unsafe {
            let progress = ptr::addr_of_mut!((*cb).__bindgen_anon_1.ctx).cast::<Progress>();
            Ok(Self {
                request: Request::new(bindings::rmptcp_genl_info_dump(cb))?,
                skb: NonNull::new(skb).ok_or(EINVAL)?,
                progress: NonNull::new(progress).ok_or(EINVAL)?,
            })
        }
    }

    /// How far it has got.
    pub(crate) fn progress(&mut self) -> &mut Progress {
        // SAFETY: By the contract of `new`.
        unsafe { self.progress.as_mut() }
    }

    /// Adds an item. Fails when this part is full: the next call goes on with this item.
    pub(crate) fn add(&mut self, fill: impl FnOnce(&mut Fields<'_>) -> Result) -> Result {
        let flags = bindings::NLM_F_MULTI as c_int;
        // SAFETY: By the contract of `new`.
        unsafe {
            let info = self.request.info.as_ptr();
            let (portid, seq) = ((*info).snd_portid, (*info).snd_seq);
            append(self.skb, portid, seq, flags, self.request.command(), fill)
        }
    }

    /// Octets in this part.
    pub(super) fn len(&self) -> c_int {
        // SAFETY: By the contract of `new`.
        unsafe { (*self.skb.as_ptr()).len as c_int }
    }
}

/// A buffer that becomes a message.
///
/// # Invariants
///
/// The pointer is a buffer that is ours.
struct Message(NonNull<bindings::sk_buff>);

impl Message {
    fn new(flags: gfp_t) -> Result<Self> {
        // SAFETY: No condition but that flags fit the context.
        let skb = unsafe { bindings::rmptcp_nlmsg_new(flags) };
        // INVARIANT: It was just made.
        NonNull::new(skb).map(Self).ok_or(ENOMEM)
    }

    /// Gives the buffer away.
    fn release(self) -> *mut bindings::sk_buff {
        let skb = self.0.as_ptr();
        core::mem::forget(self);
        skb
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        // SAFETY: By the type invariant.
        unsafe { bindings::rmptcp_kfree_skb(self.0.as_ptr()) }
    }
}

/// Appends a message with the attributes of `fill`, or nothing.
///
/// # Safety
///
/// `skb` is a buffer for netlink messages that nobody else writes.
unsafe fn append(
    skb: NonNull<bindings::sk_buff>,
    portid: u32,
    seq: u32,
    flags: c_int,
    command: u8,
    fill: impl FnOnce(&mut Fields<'_>) -> Result,
) -> Result {
    // SAFETY: By the contract above; the family is filled before anybody gets here.
    unsafe {
        let header =
            bindings::genlmsg_put(skb.as_ptr(), portid, seq, genl::family(), flags, command);
        if header.is_null() {
            return Err(EMSGSIZE);
        }
        let filled = fill(&mut Fields(skb, PhantomData));
        match filled {
            Ok(()) => bindings::rmptcp_genlmsg_end(skb.as_ptr(), header),
            Err(_) => bindings::rmptcp_genlmsg_cancel(skb.as_ptr(), header),
        }
        filled
    }
}

/// The attributes of a message that is being made. Adding one fails if there is no room.
///
/// # Invariants
///
/// The pointer is a buffer that nobody else writes for `'a`.
pub(crate) struct Fields<'a>(NonNull<bindings::sk_buff>, PhantomData<&'a mut ()>);

impl Fields<'_> {
    fn put(&mut self, number: u16, value: &[u8]) -> Result {
        // SAFETY: By the type invariant; the value is short.
        to_result(unsafe {
            bindings::nla_put(
                self.0.as_ptr(),
                number.into(),
                value.len() as c_int,
                value.as_ptr().cast(),
            )
        })
    }

    pub(crate) fn u8(&mut self, number: u16, value: u8) -> Result {
        self.put(number, &[value])
    }

    pub(crate) fn u16(&mut self, number: u16, value: u16) -> Result {
        self.put(number, &value.to_ne_bytes())
    }

    pub(crate) fn be16(&mut self, number: u16, value: u16) -> Result {
        self.put(number, &value.to_be_bytes())
    }

    pub(crate) fn u32(&mut self, number: u16, value: u32) -> Result {
        self.put(number, &value.to_ne_bytes())
    }

    /// An address, which has a number of its own for each family.
    pub(crate) fn address(&mut self, v4: u16, v6: u16, value: IpAddr) -> Result {
        match value {
            IpAddr::V4(addr) => self.put(v4, &addr.octets()),
            IpAddr::V6(addr) => self.put(v6, &addr.octets()),
        }
    }

    /// Attributes within one.
    pub(crate) fn nested(
        &mut self,
        number: u16,
        fill: impl FnOnce(&mut Fields<'_>) -> Result,
    ) -> Result {
        // SAFETY: By the type invariant.
        unsafe {
            let nest = bindings::rmptcp_nla_nest_start(self.0.as_ptr(), number.into());
            if nest.is_null() {
                return Err(EMSGSIZE);
            }
            fill(&mut Fields(self.0, PhantomData))
                .inspect(|()| bindings::rmptcp_nest_end(self.0.as_ptr(), nest))
                .inspect_err(|_| bindings::rmptcp_nest_cancel(self.0.as_ptr(), nest))
        }
    }
}

/// Whether anybody in the namespace listens to what is told. Any context.
pub(crate) fn has_listeners(net: NetRef) -> bool {
    // SAFETY: The namespace is alive; the family is filled before anybody gets here.
    unsafe { bindings::rmptcp_genl_has_listeners(genl::family(), net.as_ptr()) }
}

/// Tells everybody in the namespace who listens. Whoever is too slow misses it. Any context.
pub(crate) fn tell(net: NetRef, command: u8, fill: impl FnOnce(&mut Fields<'_>) -> Result) {
    let told = Message::new(GFP_ATOMIC).and_then(|message| {
        // SAFETY: The message is ours until C has taken it; the namespace is alive.
        unsafe {
            append(message.0, 0, 0, 0, command, fill)?;
            bindings::rmptcp_genlmsg_multicast(
                genl::family(),
                net.as_ptr(),
                message.release(),
                GFP_ATOMIC,
            );
        }
        Ok(())
    });
    // Without memory they miss it too.
    let _missed = told;
}
