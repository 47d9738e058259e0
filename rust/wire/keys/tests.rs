// SPDX-License-Identifier: GPL-2.0

use std::format;

use super::super::testing::{hex, octets, KEY_A, KEY_B};
use super::HostSha256 as S;
use super::*;

#[test]
fn sha256_gives_the_digests_that_fips_180_publishes() {
    let long = [b'a'; 1000];
    let million = [long.as_slice(); 1000];
    let cases: [(&[&[u8]], &str); 5] = [
        (
            &[],
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ),
        (
            &[b"abc"],
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        ),
        (
            &[
                b"abcdbcdecdefdefgefgh",
                b"fghighijhijkijkljklmklmnlmnomnopnopq",
            ],
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
        ),
        (
            &[
                b"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn",
                b"hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
            ],
            "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1",
        ),
        (
            &million,
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
        ),
    ];
    for (parts, digest) in cases {
        assert_eq!(S::digest(parts), octets(digest));
    }
}

#[test]
fn hmac_gives_the_results_that_rfc_4231_publishes() {
    let counting: std::vec::Vec<u8> = (1..=25).collect();
    let cases: [(&[u8], &[u8], &str); 7] = [
        (
            &[0x0b; 20],
            b"Hi There",
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        ),
        (
            b"Jefe",
            b"what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (
            &[0xaa; 20],
            &[0xdd; 50],
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
        ),
        (
            &counting,
            &[0xcd; 50],
            "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
        ),
        (
            &[0x0c; 20],
            b"Test With Truncation",
            "a3b6167473100ee06e0c796c2955552b",
        ),
        (
            &[0xaa; 131],
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
        (
            &[0xaa; 131],
            b"This is a test using a larger than block-size key and a larger than block-size \
              data. The key needs to be hashed before being used by the HMAC algorithm.",
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
        ),
    ];
    for (key, message, result) in cases {
        let result = hex(result);
        assert_eq!(hmac::<S>(key, message)[..result.len()], result);
    }
}

#[test]
fn a_key_of_one_whole_block_is_not_hashed_first() {
    let digest = |pad: u8, rest: &[u8]| S::digest(&[&[0x42 ^ pad; 64], rest]);
    assert_eq!(
        hmac::<S>(&[0x42; 64], b"x"),
        digest(0x5c, &digest(0x36, b"x"))
    );
}

#[test]
fn keys_give_the_tokens_and_idsns_of_the_reference() {
    let cases = [
        (0x0102_0304_0506_0708, 0x6684_0dda, 0xf5a1_01d3_d29d_6f72),
        (0x1112_1314_1516_1718, 0xccad_45ac, 0x535b_eea3_8e08_7c8e),
        (0x0000_0000_0000_0000, 0xaf55_70f5, 0xe5b2_328d_e0e8_3dfc),
        (0x0000_0000_0000_0001, 0xcd26_6215, 0x19ec_5090_83d0_0a50),
        (0xffff_ffff_ffff_ffff, 0x12a3_ae44, 0x57fb_595b_bbac_f0ca),
        (0xdead_beef_cafe_f00d, 0x3214_d3b4, 0x485b_e438_0370_c6fd),
        (0x0807_0605_0403_0201, 0x380b_9808, 0xf744_2cdf_890e_6287),
    ];
    for (key, token, idsn) in cases {
        let key = Key::new(key);
        assert_eq!(key.derive::<S>(), (Token(token), Dsn(idsn)));
        assert_eq!(key.token::<S>(), Token(token));
        assert_eq!(key.idsn::<S>(), Dsn(idsn));
    }
}

fn join(key_i: Key, key_r: Key, nonce_i: u32, nonce_r: u32) -> JoinSecrets {
    JoinSecrets {
        key_i,
        key_r,
        nonce_i: Nonce::new(nonce_i),
        nonce_r: Nonce::new(nonce_r),
    }
}

#[test]
fn join_hmacs_are_those_of_the_reference() {
    let j1 = join(KEY_A, KEY_B, 0xa1a2_a3a4, 0xb1b2_b3b4);
    assert_eq!(j1.hmac_r::<S>().to_bytes(), octets("864b40428762fd06"));
    assert_eq!(
        j1.hmac_i::<S>().to_bytes(),
        octets("53037f2899475529844115fd07e665d23d3554fb")
    );
    let j2 = join(KEY_B, KEY_A, 1, 0xffff_ffff);
    assert_eq!(j2.hmac_r::<S>().to_bytes(), octets("b30c5c553f88de32"));
    assert_eq!(
        j2.hmac_i::<S>().to_bytes(),
        octets("cc13e4549dbdc510477aaaef1fb018d632661358")
    );
}

#[test]
fn swapping_roles_and_nonces_swaps_the_two_join_hmacs() {
    let there = join(KEY_A, KEY_B, 0xa1a2_a3a4, 0xb1b2_b3b4);
    let back = join(KEY_B, KEY_A, 0xb1b2_b3b4, 0xa1a2_a3a4);
    assert_eq!(
        there.hmac_i::<S>().to_bytes()[..8],
        back.hmac_r::<S>().to_bytes()
    );
    assert_eq!(
        there.hmac_r::<S>().to_bytes(),
        back.hmac_i::<S>().to_bytes()[..8]
    );
}

#[test]
fn add_addr_hmacs_are_those_of_the_reference() {
    let v4 = IpAddr::from([198, 51, 100, 7]);
    let v6 = IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 7]);
    let port = NonZeroU16::new(8443);
    let cases = [
        (3, v4, None, "8fbaa1349e6d6055", "2d8814f6cfaf3573"),
        (3, v4, port, "85dbe73eae90b2c9", "00952647605c39cb"),
        (4, v6, None, "9da45672bf4cc790", "c746cacd4a44ae7d"),
        (4, v6, port, "55d9c6d4356b21ae", "8bee4b3c96b8fdb7"),
    ];
    for (id, addr, port, by_b, by_a) in cases {
        let hmac = |from, to| add_addr_hmac::<S>(from, to, AddrId(id), addr, port).to_bytes();
        assert_eq!(hmac(KEY_B, KEY_A), octets(by_b));
        assert_eq!(hmac(KEY_A, KEY_B), octets(by_a));
    }
}

#[test]
fn secrets_never_show_in_debug_output() {
    assert_eq!(format!("{KEY_A:?}"), "Key(..)");
    assert_eq!(format!("{:?}", Nonce::new(0x1234)), "Nonce(..)");
    assert_eq!(format!("{:?}", HmacR::from_bytes([1; 8])), "HmacR(..)");
    assert_eq!(format!("{:?}", HmacI::from_bytes([1; 20])), "HmacI(..)");
}

#[test]
fn secrets_compare_by_every_octet() {
    let base = [0x5a_u8; 20];
    assert_eq!(HmacI::from_bytes(base), HmacI::from_bytes(base));
    for at in 0..base.len() {
        let mut other = base;
        other[at] ^= 0x80;
        assert_ne!(HmacI::from_bytes(base), HmacI::from_bytes(other), "{at}");
    }
}

#[test]
fn keys_and_nonces_are_numbers_in_network_order() {
    assert_eq!(KEY_A.to_bytes(), [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(KEY_A.get(), 0x0102_0304_0506_0708);
    assert_eq!(Nonce::new(0xa1a2_a3a4).to_bytes(), octets("a1a2a3a4"));
    assert_eq!(Nonce::new(0xa1a2_a3a4).get(), 0xa1a2_a3a4);
    assert!(!Token(0).is_usable() && Token(1).is_usable());
}

const HANDSHAKE: Stateless<'static> = Stateless {
    four_tuple: b"the two addresses and the two ports.",
    peer_isn: 1,
    our_isn: 2,
    variant: 0,
};

#[test]
fn a_stateless_handshake_comes_out_the_same_every_time() {
    let secret = [7; 16];
    assert_eq!(
        HANDSHAKE.key::<HostSipHash>(&secret),
        HANDSHAKE.key::<HostSipHash>(&secret)
    );
    assert_eq!(
        HANDSHAKE.nonce::<HostSipHash>(&secret),
        HANDSHAKE.nonce::<HostSipHash>(&secret)
    );
}

#[test]
fn a_stateless_handshake_depends_on_everything_it_is_made_from() {
    let secret = [7; 16];
    let mut other_secret = secret;
    other_secret[15] ^= 1;
    let others = [
        (HANDSHAKE, other_secret),
        (
            Stateless {
                four_tuple: b"the two addresses and two more ports",
                ..HANDSHAKE
            },
            secret,
        ),
        (
            Stateless {
                peer_isn: 2,
                our_isn: 1,
                ..HANDSHAKE
            },
            secret,
        ),
        (
            Stateless {
                our_isn: 3,
                ..HANDSHAKE
            },
            secret,
        ),
        (
            Stateless {
                variant: 1,
                ..HANDSHAKE
            },
            secret,
        ),
    ];
    for (at, (handshake, with)) in others.into_iter().enumerate() {
        assert_ne!(
            handshake.key::<HostSipHash>(&with),
            HANDSHAKE.key::<HostSipHash>(&secret),
            "{at}"
        );
        assert_ne!(
            handshake.nonce::<HostSipHash>(&with),
            HANDSHAKE.nonce::<HostSipHash>(&secret),
            "{at}"
        );
    }
}

#[test]
fn a_stateless_nonce_tells_nothing_of_the_stateless_key() {
    let secret = [7; 16];
    let key = HANDSHAKE.key::<HostSipHash>(&secret).to_bytes();
    let nonce = HANDSHAKE.nonce::<HostSipHash>(&secret).to_bytes();
    assert!(!key.windows(4).any(|part| part == nonce));
}

/// The shape in which the kernel's library is used as well.
#[test]
fn siphash_is_that_of_its_authors() {
    let secret = core::array::from_fn(|at| at as u8);
    let message: [u8; 15] = core::array::from_fn(|at| at as u8);
    assert_eq!(HostSipHash::hash(&secret, &message), 0xa129_ca61_49be_45e5);
    assert_eq!(
        HostSipHash::hash(&secret, &[]).to_le_bytes(),
        octets("310e0edd47db6f72")
    );
}
