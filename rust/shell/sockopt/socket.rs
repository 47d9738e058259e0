// SPDX-License-Identifier: GPL-2.0

//! SOL_SOCKET, set. The generic code checks and keeps each option; here it goes on to the subflows.

use super::super::connect;
use super::super::msk::Msk;
use super::copy_down;
use crate::sys::sock::Sock;
use crate::sys::sockopt::fields::{self, Field};
use crate::sys::sockopt::names::*;
use crate::sys::sockopt::SetOpt;
use kernel::prelude::*;

/// The sizes of the value of SO_TIMESTAMPING: an integer, or `struct so_timestamping`.
const TIMESTAMPING_SIZES: [usize; 2] = [4, 8];

/// setsockopt(2).
pub(super) fn set(sk: &Sock, msk: &Msk, opt: &SetOpt) -> Result {
    match opt.name {
        SO_REUSEADDR => set_first(sk, msk, opt, Field::Reuse),
        SO_REUSEPORT => set_first(sk, msk, opt, Field::ReusePort),
        SO_BINDTODEVICE | SO_BINDTOIFINDEX => set_first(sk, msk, opt, Field::BoundDevice),
        SO_KEEPALIVE => set_all(sk, msk, opt, Field::KeepAlive),
        SO_DEBUG => set_all(sk, msk, opt, Field::Debug),
        SO_PRIORITY => set_all(sk, msk, opt, Field::Priority),
        SO_MARK => set_all(sk, msk, opt, Field::Mark),
        SO_SNDBUF | SO_SNDBUFFORCE => set_all(sk, msk, opt, Field::SendBuffer),
        SO_RCVBUF | SO_RCVBUFFORCE => set_all(sk, msk, opt, Field::ReceiveBuffer),
        SO_LINGER => set_all(sk, msk, opt, Field::Linger),
        SO_INCOMING_CPU => {
            sk.set_incoming_cpu(opt.int()?);
            copy_down(sk, msk, Field::IncomingCpu)
        }
        // Timestamps are reported where data is read, on the MPTCP socket.
        SO_TIMESTAMPING_OLD | SO_TIMESTAMPING_NEW if !TIMESTAMPING_SIZES.contains(&opt.len()) => {
            Err(EINVAL)
        }
        SO_TIMESTAMPING_OLD | SO_TIMESTAMPING_NEW | SO_TIMESTAMP_OLD | SO_TIMESTAMP_NEW
        | SO_TIMESTAMPNS_OLD | SO_TIMESTAMPNS_NEW => opt.apply_to_sock(sk),
        // So are these.
        SO_RCVLOWAT | SO_RCVTIMEO_OLD | SO_RCVTIMEO_NEW | SO_SNDTIMEO_OLD | SO_SNDTIMEO_NEW
        | SO_BUSY_POLL | SO_PREFER_BUSY_POLL | SO_BUSY_POLL_BUDGET => opt.apply_to_sock(sk),
        // Nothing that a stream without control messages could do about these.
        SO_NO_CHECK | SO_DONTROUTE | SO_BROADCAST | SO_BSDCOMPAT | SO_PASSCRED | SO_PASSPIDFD
        | SO_PASSSEC | SO_RXQ_OVFL | SO_WIFI_STATUS | SO_NOFCS | SO_SELECT_ERR_QUEUE => Ok(()),
        _ => Err(EOPNOTSUPP),
    }
}

/// An option that bind and listen look at: set on the first TCP socket, mirrored for getsockopt.
fn set_first(sk: &Sock, msk: &Msk, opt: &SetOpt, field: Field) -> Result {
    let guard = sk.lock();
    let ssk = connect::first_socket(sk, msk)?;
    connect::with_first(msk, |first| opt.apply_to_first(first))?;
    fields::copy(sk, &ssk, field);
    drop(guard);
    Ok(())
}

/// An option of the MPTCP socket and of each subflow.
fn set_all(sk: &Sock, msk: &Msk, opt: &SetOpt, field: Field) -> Result {
    opt.apply_to_sock(sk)?;
    copy_down(sk, msk, field)
}
