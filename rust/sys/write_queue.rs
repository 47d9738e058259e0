// SPDX-License-Identifier: GPL-2.0

//! Handing pages to TCP's write queue without a copy.
//!
//! C header: [`include/net/tcp.h`](srctree/include/net/tcp.h)
//!
//! `tcp_sendmsg_locked` takes pages one by one, and makes a fragment of each. Most of ours are large folios, and a buffer
//! of 16 fragments costs both ends more than one of two or three. So TCP gets what begins a buffer and what ends a call,
//! for it to do all that it does; what lies between is appended here to the buffer that it began.

use super::bindings;
use super::sock::{Sock, SEND_SHUTDOWN};
use super::subflow::Chunk;
use kernel::page::PAGE_SIZE;
use kernel::prelude::*;

/// The write queue of a TCP socket whose lock is held.
pub(super) struct WriteQueue<'a> {
    sk: &'a Sock,
}

/// Octets from `offset` to the end of its page.
fn to_page_end(offset: u32) -> u32 {
    let page = PAGE_SIZE as u32;
    page - offset % page
}

impl<'a> WriteQueue<'a> {
    /// The caller holds the lock of `sk`, a TCP socket, for as long as the value lives.
    pub(super) fn new(sk: &'a Sock) -> Self {
        Self { sk }
    }

    /// Queues what it can of `chunk`, and says how much that is; less than all of it when TCP has no room.
    ///
    /// `is_last`: TCP sees the end of it, and decides what to transmit; `more`: not the rest below one segment.
    pub(super) fn take(&mut self, chunk: &Chunk, is_last: bool, more: bool) -> Result<u32> {
        let end = chunk.offset + chunk.len;
        let body = match is_last {
            // The part in its last page is for TCP.
            true => chunk
                .len
                .saturating_sub(PAGE_SIZE as u32 - to_page_end(end - 1) + 1),
            false => chunk.len,
        };
        let mut taken = 0;
        let mut octets = 0;
        while taken < body {
            let offset = chunk.offset + taken;
            let left = body - taken;
            let appended = self.append(chunk, offset, left);
            let n = match (appended, octets) {
                // TCP ends a full buffer with one octet, and begins the next with another: with more of them it would
                // send at once what fills a segment.
                (0, 0 | 1) => self.splice(chunk, offset, 1, true)?,
                // TCP moved them to a buffer that is full, since it cannot send now: so there is no hurry.
                (0, _) => self.splice(chunk, offset, left.min(to_page_end(offset)), true)?,
                (n, _) => n,
            };
            if n == 0 {
                return Ok(taken);
            }
            octets = if appended == 0 { octets + 1 } else { 0 };
            taken += n;
        }
        while taken < chunk.len {
            let offset = chunk.offset + taken;
            let n = self.splice(chunk, offset, chunk.len - taken, more || !is_last)?;
            if n == 0 {
                break;
            }
            taken += n;
        }
        Ok(taken)
    }

    /// Has TCP queue a range within one page. `Ok` with 0 when it has no room.
    fn splice(&mut self, chunk: &Chunk, offset: u32, len: u32, more: bool) -> Result<u32> {
        let vec = bindings::bio_vec {
            bv_page: chunk.page.as_ptr(),
            bv_len: len,
            bv_offset: offset,
        };
        let mut msg = bindings::msghdr {
            msg_flags: bindings::MSG_DONTWAIT
                | bindings::MSG_NOSIGNAL
                | bindings::MSG_SPLICE_PAGES
                | bindings::MSG_NO_SHARED_FRAGS
                | if more { bindings::MSG_MORE } else { 0 },
            ..Default::default()
        };
        // SAFETY: The lock is held; the message and the vector outlive the call, which takes its own reference of the
        // page.
        let taken = unsafe {
            bindings::rmptcp_iov_iter_bvec(&mut msg.msg_iter, &vec, 1, len as usize);
            bindings::tcp_sendmsg_locked(self.sk.as_ptr(), &mut msg, len as usize)
        };
        if taken == -(bindings::EAGAIN as i32) {
            return Ok(0);
        }
        u32::try_from(taken).map_err(|_| Error::from_errno(taken))
    }

    /// Appends up to `len` bytes to the last buffer that was not transmitted yet, as long as that is one that TCP would
    /// append to itself; says how many. The last octet of a full buffer is left to TCP, and the memory for it is there: a
    /// buffer that TCP has not seen full would wait for its timer if it refused to begin another.
    fn append(&mut self, chunk: &Chunk, offset: u32, len: u32) -> u32 {
        if self.sk.shutdown() & SEND_SHUTDOWN != 0 {
            // The last buffer may have the FIN. TCP will say what is wrong.
            return 0;
        }
        let sk = self.sk.as_ptr();
        let page = chunk.page.as_ptr();
        // SAFETY: The lock is held, so the write queue is ours to change. A new fragment takes a reference of its page; one
        // that grows stays in the folio that it holds. What is added to the buffer is added to all that counts it.
        unsafe {
            let skb = bindings::rmptcp_tcp_write_queue_tail(sk);
            if skb.is_null() || !bindings::rmptcp_tcp_skb_can_collapse_to(skb) {
                return 0;
            }
            let goal = bindings::rmptcp_tcp_size_goal(sk);
            let len = len.min(goal.saturating_sub((*skb).len + 1));
            let grows = bindings::rmptcp_frag_continues(skb, page, offset);
            let may_add = grows || bindings::rmptcp_may_add_frag(skb);
            if len == 0 || !may_add || !bindings::rmptcp_sk_wmem_schedule(sk, len as i32 + 1) {
                return 0;
            }
            if grows {
                bindings::rmptcp_grow_last_frag(skb, len);
            } else {
                bindings::rmptcp_get_page(page);
                bindings::rmptcp_add_frag(skb, page, offset, len);
            }
            bindings::rmptcp_skb_len_add(skb, len as i32);
            bindings::rmptcp_sk_wmem_queued_add(sk, len as i32);
            bindings::rmptcp_sk_mem_charge(sk, len as i32);
            bindings::rmptcp_tcp_queued(sk, skb, len);
            len
        }
    }
}
