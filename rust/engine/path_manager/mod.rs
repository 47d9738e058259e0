// SPDX-License-Identifier: GPL-2.0

//! RFC 8684 3.4: which addresses to announce and which subflows to open; the policy of in-tree's
//! path manager in the kernel, and what it keeps where user space decides.
//!
//! | what | whose | file |
//! |---|---|---|
//! | addresses that a user configured, and limits | a network namespace | [`endpoints`] |
//! | what one connection makes of them | a connection | [`policy`] |
//! | its addresses, where a program manages them instead | a connection | [`user`] |
//! | what programs ask for, in netlink's octets | nobody's | [`command`] |
//!
//! Neither names a [`super::Connection`]: [`super::PathEvent`]s go in, [`policy::Step`]s come out.

pub mod command;
pub mod endpoints;
pub mod policy;
pub mod user;

pub use self::endpoints::Endpoint;
pub use self::endpoints::EndpointError;
pub use self::endpoints::Endpoints;
pub use self::endpoints::Flags;
pub use self::endpoints::Limits;
pub use self::endpoints::Which;
pub use self::policy::Policy;
pub use self::policy::Step;
pub use self::user::UserAddresses;
