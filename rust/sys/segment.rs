// SPDX-License-Identifier: GPL-2.0

//! TCP segments on their way through our hooks: read what arrived, rewrite the options of what leaves.
//!
//! C headers: [`include/linux/tcp.h`](srctree/include/linux/tcp.h), [`include/linux/skbuff.h`](srctree/include/linux/skbuff.h)

use super::bindings;
use crate::wire::{Mapping, Ssn, WireDsn};
use core::marker::PhantomData;
use core::net::IpAddr;
use core::ptr::{self, NonNull};
use kernel::prelude::*;

/// Octets of a TCP header without options.
const HEADER: usize = 20;

/// The largest option area.
pub(crate) const OPTIONS: usize = 40;

/// The FIN and SYN bits of `tcp_flags` in TCP's control block.
pub(super) const FLAG_FIN: u16 = 0x01;
/// See [`FLAG_FIN`].
pub(super) const FLAG_SYN: u16 = 0x02;

/// A TCP header in host byte order, with its options copied out.
#[derive(Clone, Copy)]
pub(crate) struct Header {
    pub(crate) source: u16,
    pub(crate) dest: u16,
    pub(crate) seq: u32,
    pub(crate) ack_seq: u32,
    /// As on the wire: not scaled.
    pub(crate) window: u16,
    flags: u8,
    options: [u8; OPTIONS],
    options_len: u8,
}

impl Header {
    /// # Safety
    ///
    /// `th` points to a TCP header of which `readable` bytes may be read, 20 at least.
    unsafe fn read(th: *const u8, readable: usize) -> Self {
        // SAFETY: By the contract above.
        let fixed = unsafe { &*th.cast::<[u8; HEADER]>() };
        let word =
            |i: usize| u32::from_be_bytes([fixed[i], fixed[i + 1], fixed[i + 2], fixed[i + 3]]);
        let half = |i: usize| u16::from_be_bytes([fixed[i], fixed[i + 1]]);
        let len = (usize::from(fixed[12] >> 4) * 4)
            .min(readable)
            .saturating_sub(HEADER)
            .min(OPTIONS);
        let mut options = [0; OPTIONS];
        // SAFETY: `len` bytes behind the fixed header are readable, and `options` has room for them.
        unsafe { ptr::copy_nonoverlapping(th.add(HEADER), options.as_mut_ptr(), len) };
        Self {
            source: half(0),
            dest: half(2),
            seq: word(4),
            ack_seq: word(8),
            window: half(14),
            flags: fixed[13],
            options,
            options_len: len as u8,
        }
    }

    pub(crate) fn fin(&self) -> bool {
        self.flags & 0x01 != 0
    }

    pub(crate) fn syn(&self) -> bool {
        self.flags & 0x02 != 0
    }

    pub(crate) fn rst(&self) -> bool {
        self.flags & 0x04 != 0
    }

    pub(crate) fn ack(&self) -> bool {
        self.flags & 0x10 != 0
    }

    /// The option area.
    pub(crate) fn options(&self) -> &[u8] {
        self.options.get(..self.options_len.into()).unwrap_or(&[])
    }

    /// The addresses and ports that name the connection, in a fixed order: `flip` exchanges the two ends.
    fn ports(&self, flip: bool) -> [u8; 4] {
        let (a, b) = (self.source.to_be_bytes(), self.dest.to_be_bytes());
        let (a, b) = if flip { (b, a) } else { (a, b) };
        [a[0], a[1], b[0], b[1]]
    }
}

/// Both addresses (16 octets each, IPv4 in the first four) and both ports of a segment, the far end first.
pub(crate) type FourTuple = [u8; 36];

/// A received segment in a hook: the packet starts with its IP or its TCP header.
pub(crate) struct RxSegment<'a> {
    skb: NonNull<bindings::sk_buff>,
    pub(crate) header: Header,
    /// Octets of payload.
    pub(crate) len: u32,
    life: PhantomData<&'a mut bindings::sk_buff>,
}

impl RxSegment<'_> {
    /// Reads the TCP header of `skb`, or nothing if it is cut short.
    ///
    /// # Safety
    ///
    /// `skb` is valid, may be changed by the caller for the life of the value, and its transport header is set.
    pub(super) unsafe fn parse(skb: NonNull<bindings::sk_buff>) -> Option<Self> {
        let p = skb.as_ptr();
        // SAFETY: By the contract above; each read is preceded by the pull that makes it valid.
        unsafe {
            let offset = u32::try_from(bindings::rmptcp_skb_transport_offset(p)).ok()?;
            if !bindings::rmptcp_pskb_may_pull(p, offset + HEADER as u32) {
                return None;
            }
            let th = (*p).data.add(offset as usize);
            let header_len = u32::from(*th.add(12) >> 4) * 4;
            if header_len < HEADER as u32 || !bindings::rmptcp_pskb_may_pull(p, offset + header_len)
            {
                return None;
            }
            let th = (*p).data.add(offset as usize);
            let header = Header::read(th, header_len as usize);
            Some(Self {
                skb,
                header,
                len: (*p).len.saturating_sub(offset + header_len),
                life: PhantomData,
            })
        }
    }

    /// Attaches a mapping to the buffer, for [`super::subflow::SubflowLocked::next_received`] to find. Fails
    /// without memory: the packet is then better dropped, as the network might have done.
    pub(crate) fn attach(&mut self, mapping: &Mapping) -> Result {
        // SAFETY: The buffer is ours to change; `skb_ext_add` returns room for a `mptcp_ext`.
        unsafe {
            let p = bindings::skb_ext_add(self.skb.as_ptr(), bindings::skb_ext_id_SKB_EXT_MPTCP)
                .cast::<bindings::mptcp_ext>();
            let ext = NonNull::new(p).ok_or(ENOMEM)?;
            write_mapping(ext, mapping);
        }
        Ok(())
    }

    /// Answers a SYN at a listener with a reset that carries MP_TCPRST: TCP writes the option that it finds noted on the
    /// buffer.
    ///
    /// # Safety
    ///
    /// `listener` is the valid listening TCP socket that the SYN is for, and bottom halves are off.
    pub(super) unsafe fn refuse(&mut self, listener: *mut bindings::sock, reason: u8) {
        let p = self.skb.as_ptr();
        // SAFETY: By the contract above; the extension has room for a `mptcp_ext`. An IPv4 packet at an IPv6 socket is
        // answered by TCP's functions for IPv4, as TCP itself does.
        unsafe {
            let ext = bindings::skb_ext_add(p, bindings::skb_ext_id_SKB_EXT_MPTCP)
                .cast::<bindings::mptcp_ext>();
            if let Some(ext) = NonNull::new(ext) {
                let mut bits = bindings::mptcp_ext__bindgen_ty_1__bindgen_ty_1::default();
                bits.set_reset_reason(reason);
                ext.as_ptr().write(bindings::mptcp_ext {
                    __bindgen_anon_1: bindings::mptcp_ext__bindgen_ty_1 {
                        __bindgen_anon_1: bits,
                    },
                    ..Default::default()
                });
            }
            let ip = bindings::rmptcp_skb_network_header(p).cast::<u8>();
            let requests = if *ip >> 4 == 4 {
                (*ptr::addr_of!(bindings::tcp_prot)).rsk_prot
            } else {
                (*(*listener).__sk_common.skc_prot).rsk_prot
            };
            if let Some(reset) = (*requests).send_reset {
                reset(
                    listener,
                    p,
                    bindings::sk_rst_reason_SK_RST_REASON_MPTCP_RST_EMPTCP,
                );
            }
        }
    }

    /// Where it came to.
    pub(crate) fn local_addr(&self) -> IpAddr {
        // SAFETY: As in `four_tuple`.
        unsafe { address(self.skb, false) }
    }

    /// The two ends, the sender first.
    pub(crate) fn four_tuple(&self) -> FourTuple {
        // SAFETY: The network header of a packet that reached a hook is set and readable.
        unsafe { four_tuple(self.skb, &self.header, false) }
    }
}

/// Answers the segment that completes a handshake with a reset, if there is a reason.
///
/// # Safety
///
/// `listener` is the valid listening TCP socket that the segment is for, and `skb` the segment; bottom halves are off.
pub(super) unsafe fn refuse(
    listener: *const bindings::sock,
    skb: NonNull<bindings::sk_buff>,
    reason: Option<u8>,
) {
    // SAFETY: By the contract above.
    unsafe {
        if let (Some(reason), Some(mut segment)) = (reason, RxSegment::parse(skb)) {
            segment.refuse(listener.cast_mut(), reason);
        }
    }
}

/// The source or the destination of a packet.
///
/// # Safety
///
/// The network header of `skb` is set and linear.
unsafe fn address(skb: NonNull<bindings::sk_buff>, source: bool) -> IpAddr {
    // SAFETY: By the contract above the addresses are readable, at the offsets of RFC 791 and RFC 8200.
    unsafe {
        let ip = bindings::rmptcp_skb_network_header(skb.as_ptr())
            .cast::<u8>()
            .cast_const();
        if *ip >> 4 == 4 {
            let at = ip.add(if source { 12 } else { 16 });
            IpAddr::from(at.cast::<[u8; 4]>().read())
        } else {
            let at = ip.add(if source { 8 } else { 24 });
            IpAddr::from(at.cast::<[u8; 16]>().read())
        }
    }
}

/// # Safety
///
/// The network header of `skb` is set and linear.
unsafe fn four_tuple(skb: NonNull<bindings::sk_buff>, header: &Header, flip: bool) -> FourTuple {
    let p = skb.as_ptr();
    let mut out = [0; 36];
    // SAFETY: By the contract above the addresses are readable, at the offsets of RFC 791 and RFC 8200.
    unsafe {
        let ip = bindings::rmptcp_skb_network_header(p)
            .cast::<u8>()
            .cast_const();
        let (offset, len) = if *ip >> 4 == 4 { (12, 4) } else { (8, 16) };
        let (first, second) = if flip { (len, 0) } else { (0, len) };
        ptr::copy_nonoverlapping(ip.add(offset + first), out.as_mut_ptr(), len);
        ptr::copy_nonoverlapping(ip.add(offset + second), out.as_mut_ptr().add(16), len);
    }
    out[32..].copy_from_slice(&header.ports(flip));
    out
}

/// # Safety
///
/// `ext` is valid for writes.
unsafe fn write_mapping(ext: NonNull<bindings::mptcp_ext>, mapping: &Mapping) {
    let mut bits = bindings::mptcp_ext__bindgen_ty_1__bindgen_ty_1::default();
    bits.set_use_map(1);
    bits.set_data_fin(mapping.data_fin.into());
    bits.set_csum_reqd(mapping.checksum.is_some().into());
    let data_seq = match mapping.dsn {
        WireDsn::Short(low) => low.into(),
        WireDsn::Long(dsn) => {
            bits.set_dsn64(1);
            dsn
        }
    };
    let value = bindings::mptcp_ext {
        data_seq,
        subflow_seq: mapping.ssn.get(),
        data_len: mapping.len,
        csum: mapping.checksum.unwrap_or(0),
        __bindgen_anon_1: bindings::mptcp_ext__bindgen_ty_1 {
            __bindgen_anon_1: bits,
        },
    };
    // SAFETY: By the contract above.
    unsafe { ext.as_ptr().write(value) };
}

/// The mapping that [`RxSegment::attach`] put on a buffer.
///
/// # Safety
///
/// `skb` is valid.
pub(super) unsafe fn read_mapping(skb: NonNull<bindings::sk_buff>) -> Option<Mapping> {
    // SAFETY: By the contract above; the extension is a `mptcp_ext` that `write_mapping` filled.
    unsafe {
        let ext = bindings::rmptcp_skb_ext_find(skb.as_ptr(), bindings::skb_ext_id_SKB_EXT_MPTCP)
            .cast::<bindings::mptcp_ext>();
        let ext = NonNull::new(ext)?.as_ref();
        let bits = ext.__bindgen_anon_1.__bindgen_anon_1;
        (bits.use_map() != 0).then(|| Mapping {
            dsn: if bits.dsn64() != 0 {
                WireDsn::Long(ext.data_seq)
            } else {
                WireDsn::Short(ext.data_seq as u32)
            },
            ssn: Ssn(ext.subflow_seq),
            len: ext.data_len,
            data_fin: bits.data_fin() != 0,
            checksum: (bits.csum_reqd() != 0).then_some(ext.csum),
        })
    }
}

/// A segment that TCP hands to the network: it starts with its TCP header.
pub(crate) struct TxSegment<'a> {
    skb: NonNull<bindings::sk_buff>,
    pub(crate) header: Header,
    /// Octets of payload.
    pub(crate) len: u32,
    life: PhantomData<&'a mut bindings::sk_buff>,
}

impl TxSegment<'_> {
    /// Reads the header of a segment in `queue_xmit`, or at LOCAL_OUT once `skb->data` is at the IP header.
    ///
    /// # Safety
    ///
    /// `skb` is valid, ours to change for the life of the value, its transport header is set and linear.
    pub(super) unsafe fn parse(skb: NonNull<bindings::sk_buff>) -> Self {
        let p = skb.as_ptr();
        // SAFETY: By the contract above.
        unsafe {
            let offset = bindings::rmptcp_skb_transport_offset(p).max(0) as u32;
            let th = (*p).data.add(offset as usize);
            let header_len = u32::from(*th.add(12) >> 4) * 4;
            Self {
                skb,
                header: Header::read(th, header_len as usize),
                len: (*p).len.saturating_sub(offset + header_len),
                life: PhantomData,
            }
        }
    }

    /// Where it comes from.
    pub(crate) fn local_addr(&self) -> IpAddr {
        // SAFETY: As in `four_tuple`.
        unsafe { address(self.skb, true) }
    }

    /// The two ends, the receiver first.
    pub(crate) fn four_tuple(&self) -> FourTuple {
        // SAFETY: Only called at LOCAL_OUT, where the network header is set and linear.
        unsafe { four_tuple(self.skb, &self.header, true) }
    }

    /// The sum of the payload, as `csum_partial` has it.
    pub(crate) fn payload_checksum(&self) -> u32 {
        let p = self.skb.as_ptr();
        // SAFETY: The payload are the last `len` bytes of the buffer.
        unsafe { bindings::skb_checksum(p, ((*p).len - self.len) as i32, self.len as i32, 0) }
    }

    /// Cuts the payload to `len` bytes, as if the network had lost the rest.
    pub(crate) fn cut(&mut self, len: u32) -> Result {
        let p = self.skb.as_ptr();
        // SAFETY: The new length is within the buffer; a shared buffer is copied by the call.
        unsafe {
            let total = (*p).len - self.len.saturating_sub(len);
            kernel::error::to_result(bindings::rmptcp_pskb_trim(p, total))?;
        }
        self.len = self.len.min(len);
        // SAFETY: The header is linear and ours; the FIN stood behind what was cut off.
        unsafe { *bindings::rmptcp_tcp_hdr(p).cast::<u8>().add(13) &= !0x01 };
        Ok(())
    }

    /// Overwrites the window field.
    ///
    /// The checksum is to be computed from the header by the device or by [`Self::set_options`].
    pub(crate) fn set_window(&mut self, window: u16) {
        // SAFETY: The header is linear and ours, see `parse`.
        unsafe { (*bindings::rmptcp_tcp_hdr(self.skb.as_ptr())).window = window.to_be() }
        self.header.window = window;
    }

    /// Replaces the option area by `options`, whose length is a multiple of four and at most 40.
    ///
    /// Moves whatever is before the options, and leaves `doff` and the transport offset right. The caller fixes the
    /// checksum and, where there is an IP header already, its lengths.
    fn replace_options(&mut self, options: &[u8]) -> Result {
        let p = self.skb.as_ptr();
        let old = usize::from(self.header.options_len);
        let new = options.len().min(OPTIONS);
        // SAFETY: The header is linear and ours. Growing takes headroom, which is made sure of; shrinking leaves a gap
        // in front. `before` covers what lies between `data` and the options.
        unsafe {
            let offset = bindings::rmptcp_skb_transport_offset(p).max(0) as usize;
            let before = offset + HEADER;
            let start = if new > old {
                let grow = new - old;
                if (bindings::rmptcp_skb_headroom(p) as usize) < grow {
                    return Err(ENOBUFS);
                }
                let from = (*p).data;
                let to = bindings::rmptcp_skb_push(p, grow as u32).cast::<u8>();
                ptr::copy(from, to, before);
                to
            } else {
                let shrink = old - new;
                let to = (*p).data.add(shrink);
                ptr::copy((*p).data, to, before);
                bindings::skb_pull(p, shrink as u32);
                to
            };
            let th = start.add(offset);
            ptr::copy_nonoverlapping(options.as_ptr(), th.add(HEADER), new);
            *th.add(12) = (((HEADER + new) / 4) as u8) << 4 | (*th.add(12) & 0x0f);
            bindings::rmptcp_skb_set_transport_header(p, th.offset_from((*p).data) as i32);
        }
        self.header.options = [0; OPTIONS];
        self.header.options[..new].copy_from_slice(&options[..new]);
        self.header.options_len = new as u8;
        Ok(())
    }

    /// Replaces the options of a segment in `queue_xmit` of the subflow `sk`, which has no IP header yet.
    ///
    /// # Safety
    ///
    /// `sk` is the TCP socket that sends the segment, locked.
    pub(super) unsafe fn set_options(&mut self, sk: *mut bindings::sock, options: &[u8]) -> Result {
        self.replace_options(options)?;
        let p = self.skb.as_ptr();
        // SAFETY: By the contract above the addresses are those of the segment; the header is linear and ours.
        unsafe {
            let th = bindings::rmptcp_tcp_hdr(p);
            let icsk = sk.cast::<bindings::inet_connection_sock>();
            let len = (*p).len as i32;
            (*th).check = if (*(*icsk).icsk_af_ops).net_header_len as usize
                == core::mem::size_of::<bindings::ipv6hdr>()
            {
                let np = (*sk.cast::<bindings::inet_sock>()).pinet6;
                bindings::rmptcp_tcp_v6_check(
                    len,
                    ptr::addr_of!((*np).saddr),
                    ptr::addr_of!((*sk).__sk_common.skc_v6_daddr),
                )
            } else {
                let inet = sk.cast::<bindings::inet_sock>();
                let daddr = (*sk)
                    .__sk_common
                    .__bindgen_anon_1
                    .__bindgen_anon_1
                    .skc_daddr;
                bindings::rmptcp_tcp_v4_check(len, (*inet).inet_saddr, daddr)
            };
            bindings::rmptcp_skb_set_csum_start(p);
        }
        Ok(())
    }

    /// Replaces the options of a segment at LOCAL_OUT, which has its IP header already.
    ///
    /// # Safety
    ///
    /// `skb->data` is at the network header, which is IPv4 or IPv6 without extension headers that depend on length.
    pub(super) unsafe fn set_options_with_ip(&mut self, options: &[u8]) -> Result {
        self.replace_options(options)?;
        let p = self.skb.as_ptr();
        // SAFETY: By the contract above.
        unsafe {
            let ip = (*p).data;
            bindings::rmptcp_skb_reset_network_header(p);
            let th = bindings::rmptcp_tcp_hdr(p);
            let l4 = (*p).len - bindings::rmptcp_skb_transport_offset(p).max(0) as u32;
            if *ip >> 4 == 4 {
                let iph = ip.cast::<bindings::iphdr>();
                (*iph).tot_len = ((*p).len as u16).to_be();
                bindings::rmptcp_ip_send_check(iph);
                let pair = (*iph).__bindgen_anon_1.addrs;
                (*th).check = bindings::rmptcp_tcp_v4_check(l4 as i32, pair.saddr, pair.daddr);
            } else {
                let ip6 = ip.cast::<bindings::ipv6hdr>();
                let size = core::mem::size_of::<bindings::ipv6hdr>() as u32;
                (*ip6).payload_len = (((*p).len - size) as u16).to_be();
                let pair = ptr::addr_of!((*ip6).__bindgen_anon_1.addrs);
                (*th).check = bindings::rmptcp_tcp_v6_check(
                    l4 as i32,
                    ptr::addr_of!((*pair).saddr),
                    ptr::addr_of!((*pair).daddr),
                );
            }
            bindings::rmptcp_skb_set_csum_start(p);
        }
        Ok(())
    }
}
