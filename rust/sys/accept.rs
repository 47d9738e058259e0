// SPDX-License-Identifier: GPL-2.0

//! accept(2): take a connection off TCP's queue and hand it to the new descriptor.
//!
//! C header: [`include/net/inet_common.h`](srctree/include/net/inet_common.h)

use super::bindings;
use super::cgroup;
use super::module;
use super::sock::{Sock, AF_INET6};
use super::stack::Stack;
use super::subflow;
use core::marker::PhantomData;
use core::ptr;
use kernel::prelude::*;
use kernel::sync::aref::ARef;

/// One call of accept(2).
pub(crate) struct Accept<'a> {
    socket: *mut bindings::socket,
    new: *mut bindings::socket,
    arg: *mut bindings::proto_accept_arg,
    life: PhantomData<&'a mut bindings::socket>,
}

impl Accept<'_> {
    /// # Safety
    ///
    /// The three pointers are the arguments of `proto_ops->accept` during the call.
    pub(super) unsafe fn new(
        socket: *mut bindings::socket,
        new: *mut bindings::socket,
        arg: *mut bindings::proto_accept_arg,
    ) -> Self {
        Self {
            socket,
            new,
            arg,
            life: PhantomData,
        }
    }

    /// Takes the next connection off the queue of `listener`; sleeps as the call's flags allow.
    ///
    /// The reference is the one that the new descriptor is to hold.
    pub(crate) fn next(&mut self, listener: &Sock) -> Result<ARef<Sock>> {
        // SAFETY: TCP's own `accept` is behind the pointer; it takes the lock of the listener itself.
        unsafe {
            let accept = (*(*listener.as_ptr()).__sk_common.skc_prot)
                .accept
                .ok_or(EINVAL)?;
            let child = accept(listener.as_ptr(), self.arg);
            Sock::from_owned(child).ok_or_else(|| Error::from_errno((*self.arg).err))
        }
    }

    /// Gives a plain TCP connection to the new descriptor, which is TCP's from then on.
    pub(crate) fn give_plain(self, child: ARef<Sock>) {
        let guard = child.lock();
        // SAFETY: The descriptor is new. The reference of the module that accept(2) took for our operations would be
        // dropped for TCP's, which belong to the kernel itself: give it back here.
        unsafe {
            (*child.as_ptr()).set_sk_kern_sock((*self.arg).kern.into());
            bindings::__inet_accept(self.socket, self.new, child.as_ptr());
            (*self.new).ops = if child.family() == AF_INET6 {
                ptr::addr_of!(bindings::inet6_stream_ops)
            } else {
                ptr::addr_of!(bindings::inet_stream_ops)
            };
        }
        drop(guard);
        module::put();
        // The descriptor holds the reference now.
        core::mem::forget(child);
    }

    /// Gives an MPTCP connection to the new descriptor: `msk`, and `child` which carries its first subflow.
    ///
    /// The descriptor takes over the reference that the life of `msk` began with. `done` runs with `msk` locked, before anybody else can use the descriptor.
    pub(crate) fn give<S: Stack>(
        &mut self,
        msk: &Sock,
        child: &Sock,
        done: impl FnOnce(&mut Self),
    ) {
        let guard = msk.lock();
        // SAFETY: The descriptor is new; `msk` is locked and `child` gets locked before it borrows the socket. Not by
        // `__inet_accept`: segments change the account of `msk` meanwhile, which `cgroup::pay_as` minds.
        unsafe {
            (*msk.as_ptr()).set_sk_kern_sock((*self.arg).kern.into());
            bindings::rmptcp_sock_graft(msk.as_ptr(), self.new);
            (*self.new).state = bindings::socket_state_SS_CONNECTED;
            cgroup::pay_for_object(msk);
            bindings::rmptcp_set_custom_sockopt(self.new);
        }
        self.lend::<S>(msk, child);
        done(self);
        drop(guard);
    }

    /// Lends the new descriptor, which has `msk`, to a subflow of it that TCP made; and what TCP keeps there is charged to
    /// who calls, as with plain TCP. `msk` is locked, and its descriptor has no number yet.
    pub(crate) fn lend<S: Stack>(&mut self, msk: &Sock, child: &Sock) {
        let Some(mut locked) = subflow::lock::<S>(child) else {
            return;
        };
        if cgroup::may_be_charged(child) {
            // SAFETY: The child is locked. The descriptor is new: nobody sees that it has another socket meanwhile, which
            // the generic code would take for a mistake.
            unsafe {
                (*self.new).sk = ptr::null_mut();
                bindings::__inet_accept(self.socket, self.new, child.as_ptr());
                (*self.new).sk = msk.as_ptr();
            }
        }
        locked.set_parent(Some(msk));
    }
}
