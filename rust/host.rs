// SPDX-License-Identifier: GPL-2.0

//! Multipath TCP (RFC 8684), the pure part.
//!
//! This is the host root of the very sources that the kernel module compiles:
//!
//! - [`wire`]: bytes to values and back. Knows no connection.
//! - [`engine`]: RFC 8684 as a state machine. Events in, actions out.
//!
//! Neither allocates behind the caller's back, panics on input from the network, or uses `unsafe`.

#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

pub mod engine;
pub mod wire;
