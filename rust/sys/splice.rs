// SPDX-License-Identifier: GPL-2.0

//! splice(2) and `read_sock`: reading without a copy to user space.
//!
//! C header: [`include/linux/splice.h`](srctree/include/linux/splice.h)

use super::bindings;
use super::proto;
use super::skb::Skb;
use super::sock::Sock;
use super::stack::Stack;
use kernel::error::from_result;
use kernel::ffi::{c_int, c_uint};
use kernel::prelude::*;

/// # Safety
///
/// Called by C alone, under the contract of the table that it stands in.
pub(super) unsafe extern "C" fn splice_read<S: Stack>(
    socket: *mut bindings::socket,
    ppos: *mut bindings::loff_t,
    pipe: *mut bindings::pipe_inode_info,
    len: usize,
    flags: c_uint,
) -> isize {
    // SAFETY: The socket of an open file of ours; `ppos` and `pipe` are those of the call.
    let (sk, msk) = unsafe {
        let sk = (*socket).sk;
        if *ppos != 0 {
            return ESPIPE.to_errno() as isize;
        }
        (Sock::from_raw(sk), proto::state::<S>(sk))
    };
    // SAFETY: As above.
    let nonblock = unsafe { (*(*socket).file).f_flags & bindings::O_NONBLOCK != 0 };
    let left = core::cell::Cell::new(len);
    let mut actor = |skb: &Skb| -> Result<u32> {
        let want = (skb.len() as usize).min(left.get()).min(i32::MAX as usize);
        if want == 0 {
            return Ok(0);
        }
        // SAFETY: The buffer and the pipe are valid; the range is within the buffer. The socket, whose lock is held,
        // is what `skb_splice_bits` takes page references for.
        let n = unsafe {
            bindings::skb_splice_bits(
                skb.as_ptr(),
                sk.as_ptr(),
                skb.offset(),
                pipe,
                want as c_uint,
                flags,
            )
        };
        let n = u32::try_from(n).map_err(|_| Error::from_errno(n))?;
        left.set(left.get().saturating_sub(n as usize));
        Ok(n)
    };
    match S::splice(
        sk,
        msk,
        nonblock || flags & bindings::SPLICE_F_NONBLOCK != 0,
        len,
        &mut actor,
    ) {
        Ok(n) => n as isize,
        Err(e) => e.to_errno() as isize,
    }
}

/// # Safety
///
/// Called by C alone, under the contract of the table that it stands in.
pub(super) unsafe extern "C" fn read_sock<S: Stack>(
    sk: *mut bindings::sock,
    desc: *mut bindings::read_descriptor_t,
    actor: bindings::sk_read_actor_t,
) -> c_int {
    // SAFETY: In-kernel readers call this on a locked socket of ours.
    let (sk, msk) = unsafe { (Sock::from_raw(sk), proto::state::<S>(sk)) };
    let mut call = |skb: &Skb| -> Result<u32> {
        let Some(actor) = actor else {
            return Ok(0);
        };
        // SAFETY: The descriptor belongs to the call; the range is within the buffer.
        unsafe {
            if (*desc).count == 0 {
                return Ok(0);
            }
            let n = actor(desc, skb.as_ptr(), skb.offset(), skb.len() as usize);
            u32::try_from(n).map_err(|_| Error::from_errno(n))
        }
    };
    from_result(|| {
        S::read_in_place(sk, msk, &mut call).map(|n| c_int::try_from(n).unwrap_or(c_int::MAX))
    })
}
