// SPDX-License-Identifier: GPL-2.0

//! The numbers of a generic netlink family that somebody else has registered, asked for as a program would.
//!
//! C header: [`include/uapi/linux/genetlink.h`](srctree/include/uapi/linux/genetlink.h)

use super::bindings;
use super::netlink::HEADERS;
use crate::wire::netlink::{Attrs, Short};
use core::ptr::{self, NonNull};
use kernel::error::to_result;
use kernel::ffi::c_void;
use kernel::prelude::*;
use kernel::str::CStr;

/// The numbers of a family. They are the same in every namespace.
pub(super) struct Numbers {
    /// `nlmsg_type` of its messages.
    pub(super) id: u16,
    /// The multicast group that was asked for.
    pub(super) group: u32,
}

/// Octets of the question.
const QUESTION: usize = HEADERS + 4 + NAME;
/// `GENL_NAMSIZ`, the room of a name.
const NAME: usize = 16;
/// The answer is about half as long: a dozen commands and two groups.
const ANSWER: usize = 2048;

/// Aligned as netlink messages are.
#[repr(C, align(8))]
struct Buffer([u8; ANSWER]);

struct Socket(NonNull<bindings::socket>);

impl Drop for Socket {
    fn drop(&mut self) {
        // SAFETY: The socket is ours.
        unsafe { bindings::sock_release(self.0.as_ptr()) }
    }
}

/// Asks for the numbers of a family and of one of its multicast groups. Context: may sleep.
pub(super) fn find(family: &CStr, group: &[u8]) -> Result<Numbers> {
    let mut socket = ptr::null_mut();
    // SAFETY: The first namespace is always there.
    to_result(unsafe {
        bindings::sock_create_kern(
            ptr::addr_of_mut!(bindings::init_net),
            bindings::AF_NETLINK as i32,
            bindings::sock_type_SOCK_RAW as i32,
            bindings::NETLINK_GENERIC as i32,
            &mut socket,
        )
    })?;
    let socket = Socket(NonNull::new(socket).ok_or(ENOMEM)?);
    let mut question = question(family);
    let mut buffer = KBox::new(Buffer([0; ANSWER]), GFP_KERNEL)?;
    // SAFETY: The socket is ours, both buffers outlive the calls and are as long as said. C answers before the first
    // call returns.
    let len = unsafe {
        let mut msg: bindings::msghdr = core::mem::zeroed();
        let mut vec = bindings::kvec {
            iov_base: question.as_mut_ptr().cast::<c_void>(),
            iov_len: QUESTION,
        };
        let sent = bindings::kernel_sendmsg(socket.0.as_ptr(), &mut msg, &mut vec, 1, QUESTION);
        to_result(sent)?;
        let mut msg: bindings::msghdr = core::mem::zeroed();
        let mut vec = bindings::kvec {
            iov_base: buffer.0.as_mut_ptr().cast::<c_void>(),
            iov_len: ANSWER,
        };
        let flags = bindings::MSG_DONTWAIT as i32;
        let got = bindings::kernel_recvmsg(socket.0.as_ptr(), &mut msg, &mut vec, 1, ANSWER, flags);
        to_result(got)?;
        got as usize
    };
    read(buffer.0.get(..len).ok_or(EMSGSIZE)?, group)
}

/// CTRL_CMD_GETFAMILY.
fn question(family: &CStr) -> [u8; QUESTION] {
    let mut message = [0; QUESTION];
    let mut name = [0; NAME];
    name.iter_mut()
        .zip(family.to_bytes())
        .for_each(|(to, c)| *to = *c);
    let fields: [&[u8]; 9] = [
        &(QUESTION as u32).to_ne_bytes(),
        &(bindings::GENL_ID_CTRL as u16).to_ne_bytes(),
        &(bindings::NLM_F_REQUEST as u16).to_ne_bytes(),
        &[0; 8],
        &[bindings::CTRL_CMD_GETFAMILY as u8, 1],
        &[0; 2],
        &((4 + NAME) as u16).to_ne_bytes(),
        &(bindings::CTRL_ATTR_FAMILY_NAME as u16).to_ne_bytes(),
        &name,
    ];
    message
        .iter_mut()
        .zip(fields.into_iter().flatten())
        .for_each(|(to, byte)| *to = *byte);
    message
}

/// Reads the answer: CTRL_CMD_NEWFAMILY, or an error.
fn read(answer: &[u8], group: &[u8]) -> Result<Numbers> {
    let kind = answer.get(4..6).ok_or(EINVAL)?;
    if kind != (bindings::GENL_ID_CTRL as u16).to_ne_bytes() {
        return Err(ENOENT);
    }
    let attrs = answer.get(HEADERS..).ok_or(EINVAL)?;
    let attrs: Attrs<'_, 8> = Attrs::parse(attrs);
    let short = |Short| ERANGE;
    let id = attrs.get(bindings::CTRL_ATTR_FAMILY_ID as u16);
    let groups = attrs.get(bindings::CTRL_ATTR_MCAST_GROUPS as u16);
    let id = id.ok_or(EINVAL)?.u16().map_err(short)?;
    // Those of a list are numbered from 1.
    let groups: Attrs<'_, 16> = groups.ok_or(EINVAL)?.nested();
    for number in 1..16 {
        let Some(one) = groups.get(number) else {
            continue;
        };
        let one: Attrs<'_, 3> = one.nested();
        let name = one.get(bindings::CTRL_ATTR_MCAST_GRP_NAME as u16);
        let name = name.ok_or(EINVAL)?.payload();
        if name.strip_suffix(b"\0") == Some(group) {
            let number = one.get(bindings::CTRL_ATTR_MCAST_GRP_ID as u16);
            let group = number.ok_or(EINVAL)?.u32().map_err(short)?;
            return Ok(Numbers { id, group });
        }
    }
    Err(ENOENT)
}
