// SPDX-License-Identifier: GPL-2.0

//! The windows of a subflow's TCP, where the connection knows better.
//!
//! C header: [`include/net/tcp.h`](srctree/include/net/tcp.h)

use super::bindings;
use super::stack::Stack;
use super::subflow::SubflowLocked;

fn tcp<S: Stack>(locked: &SubflowLocked<'_, S>) -> *mut bindings::tcp_sock {
    locked.sock().as_ptr().cast()
}

impl<S: Stack> SubflowLocked<'_, S> {
    /// Says what was sent in a window field, so that TCP accepts what it promises.
    pub(crate) fn promise_window(&mut self, bytes: u32) {
        // SAFETY: The lock is held.
        unsafe {
            let tp = tcp(self);
            if bytes > (*tp).rcv_wnd {
                (*tp).rcv_wnd = bytes;
                bindings::rmptcp_tcp_update_max_rcv_wnd(self.sock().as_ptr());
            }
        }
    }

    /// Has TCP accept `bytes` from its next number on, which were promised to the peer elsewhere.
    pub(crate) fn accept_up_to(&mut self, bytes: u32) {
        // SAFETY: The lock is held.
        let ahead = unsafe {
            let tp = tcp(self);
            (*tp).rcv_nxt.wrapping_sub((*tp).rcv_wup)
        };
        self.promise_window(ahead.saturating_add(bytes));
    }

    /// Lets TCP send up to a window that the peer has told elsewhere. Says whether that was news.
    pub(crate) fn raise_send_window(&mut self, bytes: u32) -> bool {
        // SAFETY: The lock is held.
        unsafe {
            let tp = tcp(self);
            let news = bytes > (*tp).snd_wnd;
            if news {
                (*tp).snd_wnd = bytes;
                (*tp).max_window = (*tp).max_window.max(bytes);
            }
            news
        }
    }
}
