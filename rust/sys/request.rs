// SPDX-License-Identifier: GPL-2.0

//! A handshake in progress at one of our listeners.
//!
//! C header: [`include/net/request_sock.h`](srctree/include/net/request_sock.h)

use super::bindings;
use super::segment::OPTIONS;
use core::ptr::NonNull;

/// A TCP request socket.
///
/// # Invariants
///
/// The C object is a valid `tcp_request_sock`.
#[repr(transparent)]
pub(crate) struct Request(bindings::request_sock);

impl Request {
    /// # Safety
    ///
    /// `ptr` is a TCP request socket that stays valid for `'a`.
    pub(super) unsafe fn from_raw<'a>(ptr: NonNull<bindings::request_sock>) -> &'a Self {
        // SAFETY: By the contract above; the type is transparent.
        unsafe { ptr.cast::<Self>().as_ref() }
    }

    fn tcp(&self) -> &bindings::tcp_request_sock {
        // SAFETY: By the type invariant the request is the head of a `tcp_request_sock`.
        unsafe { &*core::ptr::from_ref(self).cast() }
    }

    /// The sequence number of our SYN/ACK.
    pub(crate) fn snt_isn(&self) -> u32 {
        self.tcp().snt_isn
    }

    /// The sequence number of the peer's SYN.
    pub(crate) fn rcv_isn(&self) -> u32 {
        self.tcp().rcv_isn
    }

    /// The options of the SYN, if TCP saved it; the rest of the area is zero.
    pub(crate) fn syn_options(&self) -> Option<[u8; OPTIONS]> {
        let saved = NonNull::new(self.0.saved_syn)?;
        let mut out = [0; OPTIONS];
        // SAFETY: TCP saved the network header and then the TCP header, with the lengths that it says.
        unsafe {
            let saved = saved.as_ref();
            let skip = (saved.mac_hdrlen + saved.network_hdrlen + 20) as usize;
            let len = (saved.tcp_hdrlen as usize).saturating_sub(20).min(OPTIONS);
            core::ptr::copy_nonoverlapping(saved.data.as_ptr().add(skip), out.as_mut_ptr(), len);
        }
        Some(out)
    }

    /// Has TCP keep the child of this request out of the accept queue. The base reference of the child is then ours.
    ///
    /// # Safety
    ///
    /// `request` is a valid TCP request socket whose child was just made, in `syn_recv_sock`.
    pub(super) unsafe fn keep_from_accept(request: NonNull<bindings::request_sock>) {
        let tcp = request.cast::<bindings::tcp_request_sock>().as_ptr();
        // SAFETY: By the contract above. TCP looks at the two when we return, and nobody else does.
        unsafe {
            (*tcp).is_mptcp = true;
            (*tcp).drop_req = true;
        }
    }

    /// The listener.
    pub(super) fn listener(&self) -> *mut bindings::sock {
        // SAFETY: Only reads a field.
        unsafe { self.0.__req_common.__bindgen_anon_5.skc_listener }
    }
}
