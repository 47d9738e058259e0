// SPDX-License-Identifier: GPL-2.0

//! A capture file of whole IPv4 packets, with right checksums.

use crate::segment::Segment;

/// Raw IP, as the link types of capture files have it.
const LINKTYPE_RAW: u32 = 101;

/// Octets of one packet at most; offload never gets here.
const SNAPLEN: u32 = 262_144;

/// A capture.
pub struct Pcap {
    file: Vec<u8>,
}

impl Default for Pcap {
    fn default() -> Self {
        let mut file = Vec::new();
        for word in [0xA1B2_C3D4_u32, 0x0002_0004, 0, 0, SNAPLEN, LINKTYPE_RAW] {
            file.extend(word.to_be_bytes());
        }
        Self { file }
    }
}

impl Pcap {
    /// Adds a packet.
    pub fn add(&mut self, now: u64, segment: &Segment) {
        let packet = packet(segment);
        let len = packet.len() as u32;
        for word in [(now / 1_000_000) as u32, (now % 1_000_000) as u32, len, len] {
            self.file.extend(word.to_be_bytes());
        }
        self.file.extend(packet);
    }

    /// The file.
    pub fn octets(&self) -> &[u8] {
        &self.file
    }
}

/// The packet as octets.
fn packet(segment: &Segment) -> Vec<u8> {
    let options = segment.options.octets();
    let tcp_len = 20 + options.len() + segment.payload.len() as usize;
    let mut tcp = Vec::with_capacity(tcp_len);
    tcp.extend(segment.src.port.to_be_bytes());
    tcp.extend(segment.dst.port.to_be_bytes());
    tcp.extend(segment.seq.to_be_bytes());
    tcp.extend(segment.ack.to_be_bytes());
    tcp.push((((20 + options.len()) / 4) << 4) as u8);
    tcp.push(segment.flags);
    tcp.extend(segment.window.to_be_bytes());
    tcp.extend([0; 4]);
    tcp.extend(options);
    tcp.extend(segment.payload.octets());
    let mut pseudo = Vec::new();
    pseudo.extend(segment.src.ip.to_be_bytes());
    pseudo.extend(segment.dst.ip.to_be_bytes());
    pseudo.extend([0, 6]);
    pseudo.extend((tcp_len as u16).to_be_bytes());
    let sum = checksum(pseudo.iter().chain(&tcp));
    tcp[16..18].copy_from_slice(&sum.to_be_bytes());

    let mut ip = vec![0x45, 0];
    ip.extend(((20 + tcp_len) as u16).to_be_bytes());
    ip.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
    ip.extend(segment.src.ip.to_be_bytes());
    ip.extend(segment.dst.ip.to_be_bytes());
    let sum = checksum(ip.iter());
    ip[10..12].copy_from_slice(&sum.to_be_bytes());
    ip.extend(tcp);
    ip
}

/// RFC 1071, over octets that begin at an even place.
fn checksum<'a>(octets: impl Iterator<Item = &'a u8>) -> u16 {
    let mut sum = 0_u64;
    for (index, octet) in octets.enumerate() {
        let shift = if index % 2 == 0 { 8 } else { 0 };
        sum += u64::from(*octet) << shift;
    }
    while sum > 0xFFFF {
        sum = (sum >> 16) + (sum & 0xFFFF);
    }
    !(sum as u16)
}
