// SPDX-License-Identifier: GPL-2.0

//! When TCP acknowledges what a reader takes.
//!
//! TCP does not acknowledge at once what a reader is about to take: the reader's call does, once for all that it took
//! (`__tcp_ack_snd_check`, `__tcp_cleanup_rbuf`). To TCP the bytes of a subflow are read when they are in order, long
//! before a program has them. So the program's call does it here, by the same rules.

use super::bindings;
use super::sock::Sock;
use super::stack::Stack;
use super::subflow::SubflowLocked;
use core::ptr;

impl<S: Stack> SubflowLocked<'_, S> {
    /// What arrived just now waits for a reader: the acknowledgement is its, or the delayed-ACK timer's.
    ///
    /// Call it where TCP says that there is data. TCP looks next whether its window would move on, and acknowledges at
    /// once if so; a window that grew says so still.
    pub(crate) fn leave_ack_to_reader(&mut self) {
        let tp = self.sock().as_ptr().cast::<bindings::tcp_sock>();
        // SAFETY: The lock is held. One octet more than was promised is accepted until the next segment leaves.
        unsafe { (*tp).rcv_wnd = (*tp).rcv_wnd.saturating_add(1) };
    }
}

impl Sock {
    /// Whether a reader that has just taken bytes of this TCP socket owes its peer an acknowledgement; `emptied`: it left
    /// nothing unread. Without the lock, so to be looked at again with it where that matters.
    pub(crate) fn reader_owes_ack(&self, emptied: bool) -> bool {
        let tp = self.as_ptr().cast::<bindings::tcp_sock>();
        // SAFETY: Subflows are TCP sockets; a stale value costs an acknowledgement that the timer sends, or one too many.
        unsafe {
            if !bindings::rmptcp_ack_scheduled(self.as_ptr()) {
                return false;
            }
            let numbers = self.tcp_numbers();
            let acknowledged = ptr::addr_of!((*tp).rcv_wup).read_volatile();
            let mss = (*tp).inet_conn.icsk_ack.rcv_mss;
            numbers.rcv_nxt.wrapping_sub(acknowledged) > u32::from(mss)
                || (emptied && bindings::rmptcp_ack_pushed(self.as_ptr()))
        }
    }
}
