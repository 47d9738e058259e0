// SPDX-License-Identifier: GPL-2.0

//! Engines over a simulated network, in virtual time, from a seed.
//!
//! | layer | file |
//! |---|---|
//! | octets and segments | [`bytes`], [`segment`] |
//! | the network | [`network`], [`middlebox`], [`attack`] |
//! | TCP | [`tcp`] |
//! | a connection's end: engine, TCPs, program | [`endpoint`], [`app`] |
//! | a host, and the world of two hosts | [`host`], [`world`], [`agenda`] |
//! | what must hold | [`record`], [`oracle`] |
//! | from a seed to a verdict | [`scenario`], [`run`], [`sweep`] |
//! | several paths | [`paths`] |
//! | very many at once | [`crowd`] |
//! | what people read | [`trace`], [`pcap`] |
//!
//! A subflow is a [`endpoint::Flow`] and a path a [`world::Path`]; an end has a list of the first, a
//! world of the second.

#![forbid(unsafe_code)]

pub mod agenda;
pub mod app;
pub mod attack;
pub mod bytes;
pub mod crowd;
pub mod endpoint;
pub mod host;
pub mod keys;
pub mod middlebox;
pub mod network;
pub mod oracle;
pub mod paths;
pub mod pcap;
pub mod random;
pub mod record;
pub mod run;
pub mod scenario;
pub mod segment;
pub mod sweep;
pub mod tcp;
pub mod trace;
pub mod world;
