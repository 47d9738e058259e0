// SPDX-License-Identifier: GPL-2.0

//! See `round_trip` in `src/`.

#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| fuzz::round_trip(octets));
