// SPDX-License-Identifier: GPL-2.0

//! Multipath TCP (RFC 8684) for Linux: the root of the kernel module.
//!
//! `wire` and `engine` are pure and know no kernel; `shell` connects them to the kernel through `sys`, which alone may
//! say `unsafe`. The host builds `wire` and `engine` from `host.rs`.

use kernel::prelude::*;

mod engine;
#[deny(unsafe_code)]
mod shell;
mod sys;
mod wire;

module! {
    type: RustMptcp,
    name: "rust_mptcp",
    authors: ["The rust_mptcp authors"],
    description: "Multipath TCP (RFC 8684)",
    license: "GPL",
    alias: ["net-pf-2-proto-262-type-1", "net-pf-10-proto-262-type-1"],
}

struct RustMptcp {
    _registrations: sys::Registrations<shell::Mptcp>,
}

impl kernel::Module for RustMptcp {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let registrations = sys::Registrations::new()?;
        pr_info!("new IPPROTO_MPTCP sockets are served by rust_mptcp\n");
        Ok(Self {
            _registrations: registrations,
        })
    }
}
