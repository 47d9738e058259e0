// SPDX-License-Identifier: GPL-2.0

//! RFC 8684 as a state machine. Events in, actions out; no I/O, no clock, no randomness, no lock.
//!
//! # Three entrances
//!
//! - [`Connection::handle`] takes one [`Event`] and the time;
//! - [`Connection::poll_action`] gives what is to be done, one [`Action`] at a time;
//! - [`Connection::next_timeout`] says when [`Event::Timer`] is wanted.
//!
//! The law: after each `handle`, drain `poll_action` to the end before the next `handle`. A drain
//! ends after a number of steps that what the connection holds bounds. Time does not go back.
//!
//! Beside them, [`Connection::poll_transmit`] chooses what to hand to TCP on one subflow; the caller
//! holds that subflow's TCP lock from before the call until it has reported
//! [`Event::Transmitted`].
//!
//! # Two halves
//!
//! [`Connection`] lives under the connection's lock. [`SubflowTx`] lives under its subflow's TCP
//! lock and decides the options of every segment. [`Shared`] is between them, without a lock.
//!
//! # Where to find what
//!
//! | RFC 8684 | file |
//! |---|---|
//! | 3.1 handshake | [`initiate`], [`transmit`] |
//! | 3.2 further subflows | [`join`], [`join_cookies`], `joined` |
//! | 3.3.1 mapping | [`mapping`] on receipt, [`transmit`] on sending |
//! | 3.3.2 `DATA_ACK` | `data_ack` |
//! | 3.3.3 `DATA_FIN` and close | `close`, `state` |
//! | 3.3.4 receive window, order | `receive`, [`shared`] |
//! | 3.3.5 what to send, and where | `send`, `several`, [`scheduler`], [`send_buffer`] |
//! | 3.3.6 retransmission, reinjection | `retransmit`, `silence` |
//! | 3.3.8 backup | `priority` |
//! | 3.4 addresses | `address`, `signals` |
//! | 3.5 fast close | `fast_close` |
//! | 3.6 reasons of resets | `subflow` |
//! | 3.7 fallback | `fallback` |
//! | 3.8 what an error does to whom | `failure` |
//! | 3.9 paths that drop the option | [`blackhole`], `fallback` |

#![forbid(unsafe_code)]
#![deny(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::as_conversions))]
// The module links what the shell calls, and its root is not public.
#![cfg_attr(MODULE, allow(dead_code, unreachable_pub, unused_imports))]

pub mod action;
mod address;
pub mod blackhole;
mod close;
mod config;
mod connection;
mod data_ack;
pub mod event;
mod failure;
mod fallback;
mod fast_close;
pub mod fast_open;
pub mod initiate;
pub mod join;
pub mod join_cookies;
mod joined;
mod limits;
pub mod mapping;
pub mod mem;
pub mod mib;
mod order;
mod outbox;
pub mod path_manager;
mod path_news;
mod payload;
mod priority;
mod ranges;
mod receive;
mod retransmit;
mod runs;
pub mod scheduler;
mod send;
pub mod send_buffer;
mod several;
pub mod shared;
mod signals;
mod silence;
mod stamp;
mod state;
mod subflow;
mod subflow_info;
pub mod time;
mod timers;
pub mod transmit;

#[cfg(test)]
mod tests;

pub use self::action::Action;
pub use self::action::ConnError;
pub use self::action::ConnState;
pub use self::action::FallbackReason;
pub use self::action::PathEvent;
pub use self::address::CannotAnnounce;
pub use self::config::Config;
pub use self::connection::Connection;
pub use self::connection::Info;
pub use self::connection::Mode;
pub use self::event::Ending;
pub use self::event::Event;
pub use self::event::RxSegment;
pub use self::initiate::KeyMaterial;
pub use self::initiate::PassiveOpen;
pub use self::initiate::SynAckAnswer;
pub use self::joined::CannotJoin;
pub use self::joined::JoinAck;
pub use self::joined::JoinRequest;
pub use self::mem::NoMemory;
pub use self::mib::Mib;
pub use self::order::Order;
pub use self::payload::Payload;
pub use self::scheduler::PathStats;
pub use self::scheduler::SchedulerKind;
pub use self::shared::Shared;
pub use self::stamp::Brief;
pub use self::stamp::Signal;
pub use self::stamp::Stamp;
pub use self::stamp::Stamped;
pub use self::stamp::TxSegment;
pub use self::stamp::Window;
pub use self::subflow::Ends;
pub use self::subflow::SubflowId;
pub use self::subflow_info::SubflowInfo;
pub use self::time::Duration;
pub use self::time::Instant;
pub use self::transmit::SubflowTx;
pub use self::transmit::Transmit;
