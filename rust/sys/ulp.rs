// SPDX-License-Identifier: GPL-2.0

//! `ss -ti`: what a subflow shows of itself, as the ULP of its TCP socket.
//!
//! C header: [`include/uapi/linux/mptcp.h`](srctree/include/uapi/linux/mptcp.h)

use super::bindings;
use super::sock::{state, Sock};
use super::stack::Stack;
use super::subflow;
use kernel::ffi::{c_int, c_uint};
use kernel::prelude::*;

/// What a subflow shows.
#[derive(Default)]
pub(crate) struct UlpInfo {
    pub(crate) token_remote: u32,
    pub(crate) token_local: u32,
    /// Bits of `MPTCP_SUBFLOW_FLAG_*`.
    pub(crate) flags: u32,
    pub(crate) id_remote: u8,
    pub(crate) id_local: u8,
    /// Only for CAP_NET_ADMIN, as the rest.
    pub(crate) write_seq: u32,
    pub(crate) map_seq: u64,
    pub(crate) map_ssn: u32,
    pub(crate) ssn_offset: u32,
    pub(crate) map_len: u16,
}

/// An answer that is being written.
struct Answer(*mut bindings::sk_buff);

impl Answer {
    fn put<const N: usize>(&self, attr: c_uint, value: [u8; N]) -> Result {
        // SAFETY: The buffer is that of an answer; the value is copied.
        kernel::error::to_result(unsafe {
            bindings::nla_put(self.0, attr as c_int, N as c_int, value.as_ptr().cast())
        })
    }

    fn write(&self, info: &UlpInfo, admin: bool) -> Result {
        self.put(
            bindings::MPTCP_SUBFLOW_ATTR_TOKEN_REM,
            info.token_remote.to_ne_bytes(),
        )?;
        self.put(
            bindings::MPTCP_SUBFLOW_ATTR_TOKEN_LOC,
            info.token_local.to_ne_bytes(),
        )?;
        self.put(bindings::MPTCP_SUBFLOW_ATTR_FLAGS, info.flags.to_ne_bytes())?;
        self.put(bindings::MPTCP_SUBFLOW_ATTR_ID_REM, [info.id_remote])?;
        self.put(bindings::MPTCP_SUBFLOW_ATTR_ID_LOC, [info.id_local])?;
        if !admin {
            return Ok(());
        }
        self.put(
            bindings::MPTCP_SUBFLOW_ATTR_RELWRITE_SEQ,
            info.write_seq.to_ne_bytes(),
        )?;
        // SAFETY: As in `put`; C aligns the value.
        kernel::error::to_result(unsafe {
            bindings::rmptcp_nla_put_u64(
                self.0,
                bindings::MPTCP_SUBFLOW_ATTR_MAP_SEQ as c_int,
                info.map_seq,
                bindings::MPTCP_SUBFLOW_ATTR_PAD as c_int,
            )
        })?;
        self.put(
            bindings::MPTCP_SUBFLOW_ATTR_MAP_SFSEQ,
            info.map_ssn.to_ne_bytes(),
        )?;
        self.put(
            bindings::MPTCP_SUBFLOW_ATTR_SSN_OFFSET,
            info.ssn_offset.to_ne_bytes(),
        )?;
        self.put(
            bindings::MPTCP_SUBFLOW_ATTR_MAP_DATALEN,
            info.map_len.to_ne_bytes(),
        )
    }
}

/// `tcp_ulp_ops->get_info`. Process context, except for a listener.
///
/// # Safety
///
/// Called by C alone, under the contract of the table that it stands in.
pub(super) unsafe extern "C" fn get_info<S: Stack>(
    sk: *mut bindings::sock,
    skb: *mut bindings::sk_buff,
    admin: bool,
) -> c_int {
    // SAFETY: tcp_diag holds a reference of the socket, and no lock unless it listens; the buffer is its answer.
    unsafe {
        let sk = Sock::from_raw(sk);
        if sk.state() == state::LISTEN {
            return 0;
        }
        let info = match subflow::lock_fast::<S>(sk) {
            Some(mut locked) => S::ulp_info(&mut locked),
            None => return 0,
        };
        let nest = bindings::rmptcp_nest_start(skb, bindings::INET_ULP_INFO_MPTCP as c_int);
        if nest.is_null() {
            return -(bindings::EMSGSIZE as c_int);
        }
        if Answer(skb).write(&info, admin).is_err() {
            bindings::rmptcp_nest_cancel(skb, nest);
            return -(bindings::EMSGSIZE as c_int);
        }
        bindings::rmptcp_nest_end(skb, nest);
    }
    0
}

/// `tcp_ulp_ops->get_info_size`: room for all of it.
///
/// # Safety
///
/// Called by C alone, under the contract of the table that it stands in.
pub(super) unsafe extern "C" fn get_info_size(_sk: *const bindings::sock, admin: bool) -> usize {
    // SAFETY: Pure functions.
    unsafe {
        let word = bindings::rmptcp_nla_total_size(4);
        let byte = bindings::rmptcp_nla_total_size(1);
        let open = bindings::rmptcp_nla_total_size(0) + 3 * word + 2 * byte;
        if !admin {
            return open;
        }
        let long = bindings::rmptcp_nla_total_size_64bit(8);
        open + 3 * word + long + bindings::rmptcp_nla_total_size(2)
    }
}
