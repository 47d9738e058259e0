// SPDX-License-Identifier: GPL-2.0

//! SOL_IP and SOL_IPV6.

use super::super::connect;
use super::super::msk::Msk;
use super::{copy_down, put_int};
use crate::sys::sock::Sock;
use crate::sys::sockopt::fields::{self, Field};
use crate::sys::sockopt::names::*;
use crate::sys::sockopt::{GetOpt, SetOpt};
use kernel::prelude::*;

/// Whether setting an option of SOL_IP makes sense on a stream: the others are unknown here.
pub(super) fn is_known(name: u32) -> bool {
    matches!(
        name,
        IP_BIND_ADDRESS_NO_PORT
            | IP_CHECKSUM
            | IP_FREEBIND
            | IP_LOCAL_PORT_RANGE
            | IP_MINTTL
            | IP_MTU_DISCOVER
            | IP_PASSSEC
            | IP_PKTINFO
            | IP_RECVERR
            | IP_RECVERR_RFC4884
            | IP_RECVFRAGSIZE
            | IP_RECVOPTS
            | IP_RECVORIGDSTADDR
            | IP_RECVTOS
            | IP_RECVTTL
            | IP_RETOPTS
            | IP_TOS
            | IP_TRANSPARENT
            | IP_TTL
    )
}

/// As [`is_known`], for SOL_IPV6.
pub(super) fn is_known_v6(name: u32) -> bool {
    matches!(
        name,
        IPV6_2292DSTOPTS
            | IPV6_2292HOPLIMIT
            | IPV6_2292HOPOPTS
            | IPV6_2292PKTINFO
            | IPV6_2292PKTOPTIONS
            | IPV6_2292RTHDR
            | IPV6_AUTOFLOWLABEL
            | IPV6_DONTFRAG
            | IPV6_FLOWINFO
            | IPV6_FLOWINFO_SEND
            | IPV6_FLOWLABEL_MGR
            | IPV6_FREEBIND
            | IPV6_MINHOPCOUNT
            | IPV6_MTU
            | IPV6_MTU_DISCOVER
            | IPV6_PKTINFO
            | IPV6_RECVDSTOPTS
            | IPV6_RECVERR
            | IPV6_RECVERR_RFC4884
            | IPV6_RECVFRAGSIZE
            | IPV6_RECVHOPLIMIT
            | IPV6_RECVHOPOPTS
            | IPV6_RECVORIGDSTADDR
            | IPV6_RECVPATHMTU
            | IPV6_RECVPKTINFO
            | IPV6_RECVRTHDR
            | IPV6_RECVTCLASS
            | IPV6_TCLASS
            | IPV6_TRANSPARENT
            | IPV6_UNICAST_HOPS
            | IPV6_V6ONLY
    )
}

/// SOL_IP, set.
pub(super) fn set(sk: &Sock, msk: &Msk, opt: &SetOpt) -> Result {
    match opt.name {
        IP_TOS => {
            opt.apply_to_ip(sk)?;
            copy_down(sk, msk, Field::Tos)
        }
        IP_FREEBIND => set_before_connect(sk, msk, opt, Field::FreeBind),
        IP_TRANSPARENT => set_before_connect(sk, msk, opt, Field::Transparent),
        IP_BIND_ADDRESS_NO_PORT => set_before_connect(sk, msk, opt, Field::BindAddressNoPort),
        IP_LOCAL_PORT_RANGE => set_before_connect(sk, msk, opt, Field::LocalPortRange),
        _ => Err(EOPNOTSUPP),
    }
}

/// Set on the MPTCP socket, and on the first TCP socket, which must not be connected.
fn set_before_connect(sk: &Sock, msk: &Msk, opt: &SetOpt, field: Field) -> Result {
    opt.apply_to_ip(sk)?;
    let guard = sk.lock();
    let ssk = connect::first_socket(sk, msk)?;
    fields::copy(&ssk, sk, field);
    drop(guard);
    Ok(())
}

/// SOL_IP, get.
pub(super) fn get(sk: &Sock, opt: &GetOpt) -> Result {
    let value = match opt.name {
        IP_TOS => sk.tos().into(),
        IP_FREEBIND => sk.is_freebind().into(),
        IP_TRANSPARENT => sk.is_transparent().into(),
        IP_BIND_ADDRESS_NO_PORT => sk.binds_address_only().into(),
        IP_LOCAL_PORT_RANGE => i32::from_ne_bytes(sk.local_port_range().to_ne_bytes()),
        _ => return Err(EOPNOTSUPP),
    };
    put_int(opt, value)
}

/// SOL_IPV6, set: on the first TCP socket, by IPv6's own code, then mirrored.
pub(super) fn set_v6(sk: &Sock, msk: &Msk, opt: &SetOpt) -> Result {
    let field = match opt.name {
        IPV6_V6ONLY => Field::V6Only,
        IPV6_TRANSPARENT => Field::Transparent,
        IPV6_FREEBIND => Field::FreeBind,
        _ => return Err(EOPNOTSUPP),
    };
    let guard = sk.lock();
    let ssk = connect::first_socket(sk, msk)?;
    opt.apply_to_tcp(&ssk)?;
    fields::copy(sk, &ssk, field);
    drop(guard);
    Ok(())
}

/// SOL_IPV6, get.
pub(super) fn get_v6(sk: &Sock, opt: &GetOpt) -> Result {
    let value = match opt.name {
        IPV6_V6ONLY => sk.is_v6only(),
        IPV6_TRANSPARENT => sk.is_transparent(),
        IPV6_FREEBIND => sk.is_freebind(),
        _ => return Err(EOPNOTSUPP),
    };
    put_int(opt, value.into())
}
