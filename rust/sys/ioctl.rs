// SPDX-License-Identifier: GPL-2.0

//! The ioctl(2) commands of stream sockets.
//!
//! C header: [`include/uapi/linux/sockios.h`](srctree/include/uapi/linux/sockios.h)

/// Unread bytes (FIONREAD).
pub(crate) const INQ: u32 = 0x541B;
/// Bytes not acknowledged (TIOCOUTQ).
pub(crate) const OUTQ: u32 = 0x5411;
/// Bytes not sent.
pub(crate) const OUTQNSD: u32 = 0x894B;
