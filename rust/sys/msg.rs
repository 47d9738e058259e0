// SPDX-License-Identifier: GPL-2.0

//! The message of sendmsg and recvmsg, and the pages that carry what was sent.
//!
//! C headers: [`include/linux/socket.h`](srctree/include/linux/socket.h), [`include/linux/uio.h`](srctree/include/linux/uio.h)

use super::bindings;
use super::skb::Skb;
use super::sock::{Sock, AF_INET, AF_INET6};
use super::spare_pages;
use core::marker::PhantomData;
use core::mem::size_of_val;
use core::net::{IpAddr, SocketAddr};
use core::ptr::NonNull;
use kernel::prelude::*;

/// Flags of sendmsg and recvmsg (`MSG_*`).
pub(crate) mod flags {
    use super::bindings;

    pub(crate) const PEEK: u32 = bindings::MSG_PEEK;
    pub(crate) const TRUNC: u32 = bindings::MSG_TRUNC;
    pub(crate) const DONTWAIT: u32 = bindings::MSG_DONTWAIT;
    pub(crate) const WAITALL: u32 = bindings::MSG_WAITALL;
    pub(crate) const ERRQUEUE: u32 = bindings::MSG_ERRQUEUE;
    pub(crate) const FASTOPEN: u32 = bindings::MSG_FASTOPEN;
}

/// A `struct msghdr` that a system call of ours was given.
///
/// # Invariants
///
/// The pointer is valid for `'a` and nobody else uses the message meanwhile.
pub(crate) struct Msg<'a>(
    NonNull<bindings::msghdr>,
    PhantomData<&'a mut bindings::msghdr>,
);

impl<'a> Msg<'a> {
    /// Borrows the message of a call.
    ///
    /// # Safety
    ///
    /// `ptr` is valid for `'a`, and used by nobody else meanwhile.
    pub(super) unsafe fn from_raw(ptr: NonNull<bindings::msghdr>) -> Self {
        Self(ptr, PhantomData)
    }

    pub(super) fn as_ptr(&mut self) -> *mut bindings::msghdr {
        self.0.as_ptr()
    }

    pub(super) fn iter(&mut self) -> *mut bindings::iov_iter {
        // SAFETY: Only computes the address of a field.
        unsafe { core::ptr::addr_of_mut!((*self.0.as_ptr()).msg_iter) }
    }

    /// The flags of the call.
    pub(crate) fn flags(&self) -> u32 {
        // SAFETY: By the type invariant.
        unsafe { (*self.0.as_ptr()).msg_flags }
    }

    /// Sets flags in the answer.
    pub(crate) fn set_flags(&mut self, flags: u32) {
        // SAFETY: By the type invariant.
        unsafe { (*self.0.as_ptr()).msg_flags = flags }
    }

    /// The address that the message is to go to, if it says one.
    pub(crate) fn address(&self) -> Address<'_> {
        // SAFETY: By the type invariant; C has copied the address, so that it is valid as long as the message.
        unsafe {
            let msg = self.0.as_ptr();
            Address::from_raw((*msg).msg_name.cast(), (*msg).msg_namelen)
        }
    }

    /// Bytes that the caller still offers, or still has room for.
    pub(crate) fn left(&self) -> usize {
        // SAFETY: By the type invariant.
        unsafe { bindings::rmptcp_msg_data_left(self.0.as_ptr()) }
    }

    /// Passes the receive time stamp of a buffer to the caller, as the socket's options ask.
    pub(crate) fn put_timestamp(&mut self, sk: &Sock, skb: &Skb) {
        if skb.has_timestamp() {
            // SAFETY: All three are valid by their invariants.
            unsafe { bindings::__sock_recv_timestamp(self.as_ptr(), sk.as_ptr(), skb.as_ptr()) }
        }
    }

    /// Passes an integer control message to the caller.
    pub(crate) fn put_cmsg_int(&mut self, level: u32, kind: u32, value: i32) {
        // SAFETY: The message is valid; the value is copied during the call.
        unsafe {
            bindings::put_cmsg(
                self.as_ptr(),
                level as i32,
                kind as i32,
                core::mem::size_of::<i32>() as i32,
                core::ptr::from_ref(&value).cast_mut().cast(),
            )
        };
    }
}

/// A reference to a page.
///
/// # Invariants
///
/// We hold one reference of the page.
pub(crate) struct PageRef(NonNull<bindings::page>);

// SAFETY: Page references are counted atomically and may be dropped anywhere.
unsafe impl Send for PageRef {}

impl Drop for PageRef {
    fn drop(&mut self) {
        // SAFETY: By the type invariant.
        unsafe { bindings::rmptcp_put_page(self.0.as_ptr()) }
    }
}

impl Clone for PageRef {
    fn clone(&self) -> Self {
        // SAFETY: By the type invariant the page is alive.
        unsafe { bindings::rmptcp_get_page(self.0.as_ptr()) };
        Self(self.0)
    }
}

impl PageRef {
    /// Whether both name the same page.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    pub(super) fn as_ptr(&self) -> *mut bindings::page {
        self.0.as_ptr()
    }

    /// Takes over a reference, of no page if it is null.
    ///
    /// # Safety
    ///
    /// The caller has one reference of the page, the head of a folio, and gives it away.
    pub(super) unsafe fn from_raw(page: *mut bindings::page) -> Option<Self> {
        NonNull::new(page).map(Self)
    }

    /// The page, with the reference.
    pub(super) fn into_raw(self) -> *mut bindings::page {
        let page = self.as_ptr();
        core::mem::forget(self);
        page
    }

    /// Octets.
    pub(super) fn size(&self) -> u32 {
        // SAFETY: By the type invariant.
        unsafe { bindings::rmptcp_page_size(self.0.as_ptr()) }
    }

    /// Whether nobody else has a reference: then nobody else can get one.
    pub(super) fn is_only_one(&self) -> bool {
        // SAFETY: By the type invariant.
        unsafe { bindings::rmptcp_page_ref_count(self.0.as_ptr()) == 1 }
    }

    /// Whether it is not of those that are set aside for freeing memory.
    pub(super) fn may_stay(&self) -> bool {
        // SAFETY: By the type invariant.
        unsafe { !bindings::rmptcp_page_is_pfmemalloc(self.0.as_ptr()) }
    }
}

/// Bytes of a message that were copied into a page.
pub(crate) struct Copied {
    /// The page that holds them.
    pub(crate) page: PageRef,
    /// Where in the page they start.
    pub(crate) offset: u32,
    /// How many there are.
    pub(crate) len: u32,
}

/// Copies up to `limit` bytes of the message into the page fragment of the current task or socket.
///
/// `Ok(None)` if there is no memory for a page now. Context: process context, the socket's lock held.
pub(crate) fn copy_in(sk: &Sock, msg: &mut Msg<'_>, limit: u32) -> Result<Option<Copied>> {
    // SAFETY: The socket is alive and locked by the caller, so the fragment is ours to use; C makes sure that
    // `size - offset` bytes of the page are free.
    unsafe {
        let frag = bindings::rmptcp_sk_page_frag(sk.as_ptr());
        spare_pages::refill(sk, frag);
        if !bindings::sk_page_frag_refill(sk.as_ptr(), frag) {
            return Ok(None);
        }
        let offset = (*frag).offset;
        let want = limit.min((*frag).size - offset);
        let n = bindings::rmptcp_copy_folio_from_iter(
            (*frag).page,
            offset as usize,
            want as usize,
            msg.iter(),
        ) as u32;
        if n == 0 {
            return Err(EFAULT);
        }
        (*frag).offset += n;
        let page = NonNull::new((*frag).page).ok_or(ENOMEM)?;
        bindings::rmptcp_get_page(page.as_ptr());
        Ok(Some(Copied {
            page: PageRef(page),
            offset,
            len: n,
        }))
    }
}

/// An address that a system call of ours was given, to be passed on to TCP.
#[derive(Clone, Copy)]
pub(crate) struct Address<'a> {
    ptr: *mut bindings::sockaddr_unsized,
    len: i32,
    life: PhantomData<&'a ()>,
}

impl Address<'_> {
    /// Borrows the address of a call.
    ///
    /// # Safety
    ///
    /// `ptr` points to `len` valid bytes for the life of the value.
    pub(super) unsafe fn from_raw(ptr: *mut bindings::sockaddr_unsized, len: i32) -> Self {
        Self {
            ptr,
            len,
            life: PhantomData,
        }
    }

    pub(super) fn as_ptr(&self) -> *mut bindings::sockaddr_unsized {
        self.ptr
    }

    pub(super) fn len(&self) -> i32 {
        self.len
    }

    /// A copy, for those who may change it.
    pub(super) fn to_storage(self) -> bindings::__kernel_sockaddr_storage {
        let mut own = bindings::__kernel_sockaddr_storage::default();
        let len = usize::try_from(self.len)
            .unwrap_or(0)
            .min(size_of_val(&own));
        // SAFETY: The address is valid for its length, and the copy has the room.
        unsafe {
            core::ptr::copy_nonoverlapping(
                self.ptr.cast::<u8>(),
                core::ptr::from_mut(&mut own).cast::<u8>(),
                len,
            );
        }
        own
    }

    /// Whether an IPv6 socket that connects to it may end up with IPv4: what is mapped, no address at all, or whatever a
    /// program of a control group makes of it.
    pub(crate) fn may_be_mapped(&self) -> bool {
        const WHOLE: usize = core::mem::size_of::<bindings::sockaddr_in6>();
        if self.ptr.is_null() || usize::try_from(self.len).map_or(true, |len| len < WHOLE) {
            return false;
        }
        // SAFETY: By the contract of `from_raw` that many bytes are readable.
        let addr = unsafe { self.ptr.cast::<bindings::sockaddr_in6>().read_unaligned() };
        // SAFETY: Any octets are an address.
        let ip = core::net::Ipv6Addr::from(unsafe { addr.sin6_addr.in6_u.u6_addr8 });
        // SAFETY: Reads a static key.
        let rewritten = || unsafe { bindings::rmptcp_connect6_may_be_rewritten() };
        addr.sin6_family == AF_INET6
            && (ip.to_ipv4_mapped().is_some() || ip.is_unspecified() || rewritten())
    }
}

/// An address of our own making.
pub(crate) enum AddressBuf {
    V4(bindings::sockaddr_in),
    V6(bindings::sockaddr_in6),
}

impl AddressBuf {
    /// `device` tells link-local addresses apart.
    pub(crate) fn new(addr: SocketAddr, device: u32) -> Self {
        let port = addr.port().to_be();
        match addr.ip() {
            IpAddr::V4(ip) => Self::V4(bindings::sockaddr_in {
                sin_family: AF_INET,
                sin_port: port,
                sin_addr: bindings::in_addr {
                    s_addr: u32::from_ne_bytes(ip.octets()),
                },
                ..Default::default()
            }),
            IpAddr::V6(ip) => Self::V6(bindings::sockaddr_in6 {
                sin6_family: AF_INET6,
                sin6_port: port,
                sin6_addr: bindings::in6_addr {
                    in6_u: bindings::in6_addr__bindgen_ty_1 {
                        u6_addr8: ip.octets(),
                    },
                },
                sin6_scope_id: device,
                ..Default::default()
            }),
        }
    }

    pub(super) fn family(&self) -> u16 {
        match self {
            Self::V4(_) => AF_INET,
            Self::V6(_) => AF_INET6,
        }
    }

    /// The address, to be passed on. C only reads it.
    pub(crate) fn get(&self) -> Address<'_> {
        let (ptr, len): (*const bindings::sockaddr_unsized, usize) = match self {
            Self::V4(addr) => (core::ptr::from_ref(addr).cast(), size_of_val(addr)),
            Self::V6(addr) => (core::ptr::from_ref(addr).cast(), size_of_val(addr)),
        };
        Address {
            ptr: ptr.cast_mut(),
            len: len as i32,
            life: PhantomData,
        }
    }
}
