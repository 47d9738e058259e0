// SPDX-License-Identifier: GPL-2.0

//! See `netlink` in `src/`.

#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| fuzz::netlink(octets));
