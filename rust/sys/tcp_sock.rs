// SPDX-License-Identifier: GPL-2.0

//! What we read of a TCP socket below an MPTCP one, and the little that we set, without its lock.
//!
//! C header: [`include/linux/tcp.h`](srctree/include/linux/tcp.h)

use super::bindings;
use super::sock::Sock;
use core::ptr;
use core::sync::atomic::{AtomicU32, Ordering};

/// Numbers of a TCP socket that the engine asks for.
#[derive(Clone, Copy)]
pub(crate) struct Numbers {
    pub(crate) snd_una: u32,
    pub(crate) snd_nxt: u32,
    pub(crate) write_seq: u32,
    pub(crate) rcv_nxt: u32,
    pub(crate) rcv_wnd: u32,
    /// The right edge that TCP accepts segments up to: the furthest that it ever promised (RFC 7323 2.4).
    pub(crate) rcv_edge: u32,
    pub(crate) max_window: u32,
    pub(crate) snd_wscale: u8,
    pub(crate) rcv_wscale: u8,
    pub(crate) retransmits: u8,
    /// The retransmission timeout in jiffies.
    pub(crate) rto: u32,
}

/// What TCP has measured of its path.
pub(crate) struct Path {
    /// The smoothed round-trip time, its deviation, and the shortest one in microseconds; 0 while there is none.
    pub(crate) srtt: u32,
    pub(crate) rttvar: u32,
    pub(crate) min_rtt: u32,
    /// The congestion window in octets, how much of it is in use, and what was not sent yet.
    pub(crate) cwnd: u32,
    pub(crate) in_flight: u32,
    pub(crate) unsent: u32,
    /// The pacing rate in octets a second.
    pub(crate) pacing: u64,
    /// Octets of payload in a segment.
    pub(crate) mss: u32,
}

impl Sock {
    /// What TCP has measured. For TCP sockets only.
    pub(crate) fn path(&self) -> Path {
        let sk = self.as_ptr();
        let tp = sk.cast::<bindings::tcp_sock>();
        // SAFETY: Subflows are TCP sockets; a stale value is harmless. TCP keeps eighths of the one time and quarters of the
        // other.
        unsafe {
            let mss = ptr::addr_of!((*tp).mss_cache).read_volatile();
            let count = |p: *const u32| p.read_volatile();
            let left = count(ptr::addr_of!((*tp).sacked_out))
                .wrapping_add(count(ptr::addr_of!((*tp).lost_out)));
            let out = count(ptr::addr_of!((*tp).packets_out))
                .wrapping_add(count(ptr::addr_of!((*tp).retrans_out)));
            let nxt = count(ptr::addr_of!((*tp).snd_nxt));
            Path {
                srtt: ptr::addr_of!((*tp).srtt_us).read_volatile() >> 3,
                min_rtt: count(ptr::addr_of!((*tp).rtt_min.s[0].v)),
                rttvar: ptr::addr_of!((*tp).mdev_us).read_volatile() >> 2,
                cwnd: ptr::addr_of!((*tp).snd_cwnd)
                    .read_volatile()
                    .saturating_mul(mss),
                in_flight: out.saturating_sub(left).saturating_mul(mss),
                unsent: count(ptr::addr_of!((*tp).write_seq)).wrapping_sub(nxt),
                pacing: ptr::addr_of!((*sk).sk_pacing_rate).read_volatile() as u64,
                mss,
            }
        }
    }

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
                rcv_edge: word(ptr::addr_of!((*tp).rcv_mwnd_seq)),
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

    /// The smoothed round-trip time of this TCP socket in microseconds; 0 if it has none.
    pub(crate) fn srtt_micros(&self) -> u32 {
        let tp = self.as_ptr().cast::<bindings::tcp_sock>();
        // SAFETY: Subflows are TCP sockets; a stale value is harmless. TCP keeps eighths.
        unsafe { ptr::addr_of!((*tp).srtt_us).read_volatile() >> 3 }
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
        unsafe {
            !bindings::rmptcp_skb_peek(ptr::addr_of!((*self.as_ptr()).sk_receive_queue)).is_null()
        }
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

    /// Whether this listening TCP socket answers the next SYN with a SYN cookie.
    pub(crate) fn syn_gets_cookie(&self) -> bool {
        // SAFETY: A listening TCP socket, alive.
        unsafe { bindings::rmptcp_syn_gets_cookie(self.as_ptr()) }
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
