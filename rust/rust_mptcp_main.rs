// SPDX-License-Identifier: GPL-2.0

//! Multipath TCP.

use kernel::prelude::*;

#[allow(dead_code, unused_imports)]
mod engine;
mod sys;
#[allow(dead_code, unused_imports)]
mod wire;

module! {
    type: RustMptcp,
    name: "rust_mptcp",
    authors: ["The rust_mptcp authors"],
    description: "Multipath TCP (RFC 8684)",
    license: "GPL",
}

struct RustMptcp;

impl kernel::Module for RustMptcp {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        Ok(RustMptcp)
    }
}
