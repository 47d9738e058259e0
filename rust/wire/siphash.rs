// SPDX-License-Identifier: GPL-2.0

//! SipHash-2-4 (Aumasson, Bernstein 2012): a pseudo-random function with a secret of 128 bits, for short messages.
//!
//! A twentieth of what HMAC-SHA256 costs. The kernel derives its initial sequence numbers with it, for the same reason.

/// Octets of the secret.
pub const SECRET: usize = 16;

struct State {
    v0: u64,
    v1: u64,
    v2: u64,
    v3: u64,
}

impl State {
    fn new(secret: &[u8; SECRET]) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = *secret;
        let k0 = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        let k1 = u64::from_le_bytes([i, j, k, l, m, n, o, p]);
        // "somepseudorandomlygeneratedbytes", as the paper has it.
        Self {
            v0: k0 ^ 0x736f_6d65_7073_6575,
            v1: k1 ^ 0x646f_7261_6e64_6f6d,
            v2: k0 ^ 0x6c79_6765_6e65_7261,
            v3: k1 ^ 0x7465_6462_7974_6573,
        }
    }

    fn round(&mut self) {
        self.v0 = self.v0.wrapping_add(self.v1);
        self.v2 = self.v2.wrapping_add(self.v3);
        self.v1 = self.v1.rotate_left(13) ^ self.v0;
        self.v3 = self.v3.rotate_left(16) ^ self.v2;
        self.v0 = self.v0.rotate_left(32).wrapping_add(self.v3);
        self.v2 = self.v2.wrapping_add(self.v1);
        self.v1 = self.v1.rotate_left(17) ^ self.v2;
        self.v3 = self.v3.rotate_left(21) ^ self.v0;
        self.v2 = self.v2.rotate_left(32);
    }

    fn absorb(&mut self, word: u64) {
        self.v3 ^= word;
        self.round();
        self.round();
        self.v0 ^= word;
    }

    fn finish(mut self) -> u64 {
        self.v2 ^= 0xff;
        for _ in 0..4 {
            self.round();
        }
        self.v0 ^ self.v1 ^ self.v2 ^ self.v3
    }
}

/// The function of `message` that `secret` chooses.
pub(super) fn siphash(secret: &[u8; SECRET], message: &[u8]) -> u64 {
    let mut state = State::new(secret);
    let mut words = message.chunks_exact(8);
    for word in &mut words {
        state.absorb(little_endian(word));
    }
    // The last word ends with the length, modulo 256.
    let length = u64::try_from(message.len() & 0xff).unwrap_or(0);
    state.absorb(little_endian(words.remainder()) | length << 56);
    state.finish()
}

/// Up to eight octets as a number.
fn little_endian(octets: &[u8]) -> u64 {
    if let Ok(whole) = <[u8; 8]>::try_from(octets) {
        return u64::from_le_bytes(whole);
    }
    octets
        .iter()
        .rev()
        .fold(0, |word, octet| word << 8 | u64::from(*octet))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

    /// The message of the vectors: 0, 1, 2 and so on.
    fn counting(octets: u8) -> std::vec::Vec<u8> {
        (0..octets).collect()
    }

    #[test]
    fn the_example_of_the_paper() {
        assert_eq!(siphash(&SECRET, &counting(15)), 0xa129_ca61_49be_45e5);
    }

    #[test]
    fn vectors_of_the_reference_implementation() {
        let vectors = [
            (0, [0x31, 0x0e, 0x0e, 0xdd, 0x47, 0xdb, 0x6f, 0x72]),
            (1, [0xfd, 0x67, 0xdc, 0x93, 0xc5, 0x39, 0xf8, 0x74]),
            (7, [0x37, 0xd1, 0x01, 0x8b, 0xf5, 0x00, 0x02, 0xab]),
            (8, [0x62, 0x24, 0x93, 0x9a, 0x79, 0xf5, 0xf5, 0x93]),
            (63, [0x72, 0x45, 0x06, 0xeb, 0x4c, 0x32, 0x8a, 0x95]),
        ];
        for (octets, expected) in vectors {
            assert_eq!(
                siphash(&SECRET, &counting(octets)),
                u64::from_le_bytes(expected),
                "{octets}"
            );
        }
    }

    /// Rust's own map hashes with another number of rounds, but the older hasher of `core` is the same function.
    #[test]
    #[allow(deprecated)]
    fn every_length_agrees_with_another_implementation() {
        use core::hash::{Hasher, SipHasher};
        for octets in 0..=255 {
            let message = counting(octets);
            let mut other = SipHasher::new_with_keys(0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908);
            other.write(&message);
            assert_eq!(siphash(&SECRET, &message), other.finish(), "{octets}");
        }
    }
}
