// SPDX-License-Identifier: GPL-2.0

//! The addresses and ports of an inet socket.
//!
//! C header: [`include/net/inet_sock.h`](srctree/include/net/inet_sock.h)

use super::bindings;
use super::sock::{Sock, AF_INET6};
use core::net::{IpAddr, SocketAddr};

impl Sock {
    /// Where it is bound, or where its segments come from. An IPv4 address behind an IPv6 socket comes out mapped.
    pub(crate) fn local_end(&self) -> SocketAddr {
        self.ends().0
    }

    /// Where it is connected to.
    pub(crate) fn remote_end(&self) -> SocketAddr {
        self.ends().1
    }

    fn ends(&self) -> (SocketAddr, SocketAddr) {
        // SAFETY: An inet socket, alive. The C functions fill plain fields of structures that are all zeroes.
        unsafe {
            if self.family() == AF_INET6 {
                let mut ends: [bindings::sockaddr_in6; 2] = core::mem::zeroed();
                let [local, remote] = &mut ends;
                bindings::rmptcp_v6_ends(self.as_ptr(), local, remote);
                (v6(local), v6(remote))
            } else {
                let mut ends: [bindings::sockaddr_in; 2] = core::mem::zeroed();
                let [local, remote] = &mut ends;
                bindings::rmptcp_v4_ends(self.as_ptr(), local, remote);
                (v4(local), v4(remote))
            }
        }
    }
}

fn v4(addr: &bindings::sockaddr_in) -> SocketAddr {
    let octets = addr.sin_addr.s_addr.to_ne_bytes();
    SocketAddr::new(IpAddr::from(octets), u16::from_be(addr.sin_port))
}

fn v6(addr: &bindings::sockaddr_in6) -> SocketAddr {
    // SAFETY: All members of the union are sixteen octets.
    let octets = unsafe { addr.sin6_addr.in6_u.u6_addr8 };
    SocketAddr::new(IpAddr::from(octets), u16::from_be(addr.sin6_port))
}
