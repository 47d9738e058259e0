// SPDX-License-Identifier: GPL-2.0

//! Keys, tokens, initial data sequence numbers and HMACs (RFC 8684 3.1, 3.2, 3.4.1).
//!
//! SHA-256 and SipHash come from outside: the host build uses the `sha2` and `siphasher` crates,
//! the module the kernel's library, behind [`Sha256`] and [`SipHash`]. HMAC (RFC 2104) is written here.

use core::fmt;
use core::hint::black_box;
use core::net::IpAddr;
use core::num::NonZeroU16;

use super::address::AddrId;
use super::cursor::{copy, Writer};
use super::seq::Dsn;

/// Something that computes SHA-256 (FIPS 180-4).
pub trait Sha256 {
    /// The digest of `parts`, one after the other.
    fn digest(parts: &[&[u8]]) -> [u8; 32];
}

/// SHA-256 on the host.
#[cfg(not(MODULE))]
#[derive(Clone, Copy, Debug)]
pub struct HostSha256;

#[cfg(not(MODULE))]
impl Sha256 for HostSha256 {
    fn digest(parts: &[&[u8]]) -> [u8; 32] {
        use sha2::Digest as _;
        let mut hasher = sha2::Sha256::new();
        for part in parts {
            hasher.update(part);
        }
        hasher.finalize().into()
    }
}

/// Octets of the secret of [`SipHash`].
pub const SECRET: usize = 16;

/// Something that computes SipHash-2-4 (Aumasson, Bernstein 2012): a pseudo-random function for short messages, at a
/// twentieth of what HMAC-SHA256 costs. The kernel derives its initial sequence numbers with it, for the same reason.
pub trait SipHash {
    /// The function of `message` that `secret` chooses.
    fn hash(secret: &[u8; SECRET], message: &[u8]) -> u64;
}

/// SipHash on the host.
#[cfg(not(MODULE))]
#[derive(Clone, Copy, Debug)]
pub struct HostSipHash;

#[cfg(not(MODULE))]
impl SipHash for HostSipHash {
    fn hash(secret: &[u8; SECRET], message: &[u8]) -> u64 {
        siphasher::sip::SipHasher24::new_with_key(secret).hash(message)
    }
}

/// Compares without letting the time taken depend on where the two differ.
fn equal_in_constant_time<const N: usize>(left: &[u8; N], right: &[u8; N]) -> bool {
    let difference = left
        .iter()
        .zip(right)
        .fold(0, |difference, (l, r)| difference | (l ^ r));
    black_box(difference) == 0
}

/// Defines octets that are secret: compared in constant time, never printed.
macro_rules! secret_octets {
    ($(#[$meta:meta])* $name:ident, $len:literal) => {
        $(#[$meta])*
        #[derive(Clone, Copy)]
        pub struct $name([u8; $len]);

        impl $name {
            /// Takes the octets as the wire has them.
            pub const fn from_bytes(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// The octets as the wire has them.
            pub const fn to_bytes(self) -> [u8; $len] {
                self.0
            }
        }

        impl PartialEq for $name {
            /// Compares in constant time.
            fn eq(&self, other: &Self) -> bool {
                equal_in_constant_time(&self.0, &other.0)
            }
        }

        impl Eq for $name {}

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    };
}

secret_octets! {
    /// The key of a host for one connection (RFC 8684 3.1).
    ///
    /// Never logged: who knows both keys can join the connection.
    Key, 8
}

secret_octets! {
    /// A random number of the `MP_JOIN` handshake (RFC 8684 3.2).
    Nonce, 4
}

secret_octets! {
    /// The leftmost 64 bits of the HMAC on the SYN/ACK of `MP_JOIN` (RFC 8684 3.2).
    HmacR, 8
}

secret_octets! {
    /// The leftmost 160 bits of the HMAC on the third ACK of `MP_JOIN` (RFC 8684 3.2).
    HmacI, 20
}

secret_octets! {
    /// The rightmost 64 bits of the HMAC of an `ADD_ADDR` (RFC 8684 3.4.1).
    AddAddrHmac, 8
}

impl Key {
    /// The key of all zeros, which nobody may use.
    pub const ZERO: Self = Self([0; 8]);

    /// A key from its number, as the wire would have it.
    pub const fn new(number: u64) -> Self {
        Self(number.to_be_bytes())
    }

    /// The key as a number.
    pub const fn get(self) -> u64 {
        u64::from_be_bytes(self.0)
    }

    /// What follows from the key: the token that names the connection to its owner, and the
    /// initial data sequence number of its owner. One SHA-256 gives both.
    pub fn derive<S: Sha256>(self) -> (Token, Dsn) {
        let digest = S::digest(&[&self.0]);
        let [a, b, c, d, .., s, t, u, v, w, x, y, z] = digest;
        (
            Token(u32::from_be_bytes([a, b, c, d])),
            Dsn(u64::from_be_bytes([s, t, u, v, w, x, y, z])),
        )
    }

    /// The token of the owner of the key: the most significant 32 bits of its SHA-256.
    pub fn token<S: Sha256>(self) -> Token {
        self.derive::<S>().0
    }

    /// The initial data sequence number of the owner: the least significant 64 bits.
    pub fn idsn<S: Sha256>(self) -> Dsn {
        self.derive::<S>().1
    }
}

impl Nonce {
    /// A random number, as the wire would have it.
    pub const fn new(number: u32) -> Self {
        Self(number.to_be_bytes())
    }

    /// The number.
    pub const fn get(self) -> u32 {
        u32::from_be_bytes(self.0)
    }
}

/// What names a connection to one of its hosts (RFC 8684 3.2). Not a secret.
///
/// 0 is never handed out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token(pub u32);

impl Token {
    /// Whether a connection may have this token.
    pub const fn is_usable(self) -> bool {
        self.0 != 0
    }
}

/// Octets of a block of SHA-256, to which HMAC pads its key.
const BLOCK: usize = 64;

/// HMAC-SHA256 (RFC 2104).
pub fn hmac<S: Sha256>(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0; BLOCK];
    match block.get_mut(..key.len()) {
        Some(slot) => copy(slot, key),
        None => Writer::new(&mut block).array(S::digest(&[key])),
    }
    let inner = S::digest(&[&block.map(|octet| octet ^ 0x36), message]);
    S::digest(&[&block.map(|octet| octet ^ 0x5C), &inner])
}

/// The key of every HMAC of MPTCP: the two keys of the connection, one after the other.
fn both(first: Key, second: Key) -> [u8; 16] {
    let mut both = [0; 16];
    let mut writer = Writer::new(&mut both);
    writer.array(first.0);
    writer.array(second.0);
    both
}

fn join_hmac<S: Sha256>(keys: (Key, Key), nonces: (Nonce, Nonce)) -> [u8; 32] {
    let mut message = [0; 8];
    let mut writer = Writer::new(&mut message);
    writer.array(nonces.0 .0);
    writer.array(nonces.1 .0);
    hmac::<S>(&both(keys.0, keys.1), &message)
}

/// What the two hosts of an `MP_JOIN` handshake contribute, named after who sent the SYN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JoinSecrets {
    /// The connection's key of the host that sent the SYN of this subflow.
    pub key_i: Key,
    /// The connection's key of the host that answered.
    pub key_r: Key,
    /// The random number of the SYN.
    pub nonce_i: Nonce,
    /// The random number of the SYN/ACK.
    pub nonce_r: Nonce,
}

impl JoinSecrets {
    /// The HMAC that the SYN/ACK carries (RFC 8684 3.2).
    pub fn hmac_r<S: Sha256>(&self) -> HmacR {
        let full = join_hmac::<S>((self.key_r, self.key_i), (self.nonce_r, self.nonce_i));
        HmacR(leftmost(full))
    }

    /// The HMAC that the third ACK carries (RFC 8684 3.2).
    pub fn hmac_i<S: Sha256>(&self) -> HmacI {
        let full = join_hmac::<S>((self.key_i, self.key_r), (self.nonce_i, self.nonce_r));
        HmacI(leftmost(full))
    }
}

/// The HMAC of an `ADD_ADDR` (RFC 8684 3.4.1), with the key of its sender first.
pub fn add_addr_hmac<S: Sha256>(
    sender: Key,
    receiver: Key,
    id: AddrId,
    addr: IpAddr,
    port: Option<NonZeroU16>,
) -> AddAddrHmac {
    let mut message = [0; 19];
    let mut writer = Writer::new(&mut message);
    writer.u8(id.0);
    match addr {
        IpAddr::V4(addr) => writer.array(addr.octets()),
        IpAddr::V6(addr) => writer.array(addr.octets()),
    }
    writer.u16(port.map_or(0, NonZeroU16::get));
    let used = writer.used();
    let message = message.get(..used).unwrap_or(&message);
    let full = hmac::<S>(&both(sender, receiver), message);
    let [.., s, t, u, v, w, x, y, z] = full;
    AddAddrHmac([s, t, u, v, w, x, y, z])
}

/// The first octets of a digest.
fn leftmost<const N: usize>(digest: impl AsRef<[u8]>) -> [u8; N] {
    let mut out = [0; N];
    copy(&mut out, digest.as_ref());
    out
}

/// Octets of two IPv6 addresses (or two IPv4 addresses in them) and two ports.
pub const FOUR_TUPLE: usize = 36;

/// A handshake that a listener answers without keeping state of ours.
///
/// The key and the random number of the passive side are computed from a secret of the host and
/// from what every segment of the handshake shows, as SYN cookies do: the same SYN/ACK comes out
/// when it is sent again, and the third ACK can be checked, yet a flood of SYNs costs no memory.
#[derive(Clone, Copy, Debug)]
pub struct Stateless<'a> {
    /// Addresses and ports, in an order that is the same for every segment of the handshake.
    pub four_tuple: &'a [u8; FOUR_TUPLE],
    /// The initial sequence number of the peer.
    pub peer_isn: u32,
    /// Our initial sequence number.
    pub our_isn: u32,
    /// Tells apart several keys of one handshake: a choice that the echo of the key is to show.
    pub variant: u32,
}

impl Stateless<'_> {
    /// The key of the passive side of an `MP_CAPABLE` handshake.
    pub fn key<H: SipHash>(&self, secret: &[u8; SECRET]) -> Key {
        Key(self.digest::<H>(secret, *b"key!").to_be_bytes())
    }

    /// The random number of the passive side of an `MP_JOIN` handshake.
    pub fn nonce<H: SipHash>(&self, secret: &[u8; SECRET]) -> Nonce {
        Nonce(leftmost(self.digest::<H>(secret, *b"rand").to_be_bytes()))
    }

    /// A number for this handshake, to find it again by.
    pub fn tag<H: SipHash>(&self, secret: &[u8; SECRET]) -> u64 {
        self.digest::<H>(secret, *b"tag!")
    }

    /// A pseudo-random function of the handshake, one per `purpose`.
    fn digest<H: SipHash>(&self, secret: &[u8; SECRET], purpose: [u8; 4]) -> u64 {
        let mut message = [0; 16 + FOUR_TUPLE];
        let mut writer = Writer::new(&mut message);
        writer.array(purpose);
        writer.u32(self.peer_isn);
        writer.u32(self.our_isn);
        writer.u32(self.variant);
        writer.array(*self.four_tuple);
        H::hash(secret, &message)
    }
}

#[cfg(test)]
mod tests;
