// SPDX-License-Identifier: GPL-2.0

//! What the fuzz targets do with their octets.
//!
//! Kept apart from libFuzzer, so that `rust/tests/corpus.rs` replays every corpus and every
//! regression as an ordinary test, with nothing but this crate's own dependencies.

mod engine;
mod input;
mod netlink;
mod parse;
mod paths;
mod round_trip;

pub use engine::engine;
pub use netlink::netlink;
pub use parse::parse;
pub use paths::paths;
pub use round_trip::round_trip;
