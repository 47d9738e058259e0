// SPDX-License-Identifier: GPL-2.0

//! `net.mptcp.scheduler` and `net.mptcp.available_schedulers`: which names there are is ours to say.
//!
//! The entries, and where the name is kept, stay in-tree's; only the two functions behind them are diverted.
//!
//! C header: [`include/linux/sysctl.h`](srctree/include/linux/sysctl.h)

use super::bindings;
use super::ftrace::{Diversion, Slot};
use super::netns::NetRef;
use super::stack::Stack;
use super::sysctl::{self, NAME};
use core::marker::PhantomData;
use core::ptr;
use kernel::error::{from_result, to_result};
use kernel::ffi::{c_int, c_void};
use kernel::prelude::*;
use kernel::str::CStrExt;

static SCHEDULER: Slot = Slot::new();
static AVAILABLE: Slot = Slot::new();

/// Our hold on the two functions; dropping it gives them back. Neither of ours sleeps, so that whoever runs them is
/// waited for.
pub(super) struct Registration<S: Stack> {
    _diverted: Option<(Diversion, Diversion)>,
    stack: PhantomData<fn() -> S>,
}

impl<S: Stack> Registration<S> {
    /// Takes the functions over, or says that it cannot. Context: may sleep.
    pub(super) fn new() -> Self {
        let diverted = take_over::<S>().inspect_err(|e| {
            pr_warn!(
                "net.mptcp.scheduler knows `default` only ({e:?}; more needs CONFIG_FUNCTION_TRACER, and nothing else \
                 that patches its handler)\n"
            )
        });
        Self {
            _diverted: diverted.ok(),
            stack: PhantomData,
        }
    }
}

fn take_over<S: Stack>() -> Result<(Diversion, Diversion)> {
    let find = |name| sysctl::handler(NetRef::first(), c"net/mptcp", name);
    let (one, all) = (find(b"scheduler")?, find(b"available_schedulers")?);
    // SAFETY: Nobody uses the slots yet; all are handlers of entries; ours do not sleep.
    unsafe {
        Ok((
            Diversion::at(&SCHEDULER, one, scheduler::<S> as usize)?,
            Diversion::at(&AVAILABLE, all, available::<S> as usize)?,
        ))
    }
}

/// Has C read or write a string as it does for any entry.
///
/// # Safety
///
/// `data` is a string with `room` octets, which may be written if `write`; the rest is what a handler was given.
unsafe fn string(
    data: *mut c_void,
    room: usize,
    write: c_int,
    buffer: *mut c_void,
    lenp: *mut usize,
    ppos: *mut bindings::loff_t,
) -> Result {
    let table = bindings::ctl_table {
        data,
        maxlen: c_int::try_from(room)?,
        ..Default::default()
    };
    // SAFETY: By the contract above.
    to_result(unsafe { bindings::proc_dostring(&table, write, buffer, lenp, ppos) })
}

/// # Safety
///
/// Called by C alone, as the handler of the entry that keeps a name.
unsafe extern "C" fn scheduler<S: Stack>(
    table: *const bindings::ctl_table,
    write: c_int,
    buffer: *mut c_void,
    lenp: *mut usize,
    ppos: *mut bindings::loff_t,
) -> c_int {
    from_result(|| {
        // SAFETY: By the contract above, `data` is the room of a name.
        let kept = unsafe { (*table).data.cast::<[u8; NAME]>() };
        // SAFETY: As above; whoever writes it meanwhile may leave half of an old name, as in-tree.
        let mut name = unsafe { ptr::read_volatile(kept) };
        // SAFETY: `name` is ours, the rest what we were given.
        unsafe { string(name.as_mut_ptr().cast(), NAME, write, buffer, lenp, ppos)? };
        if write == 0 {
            return Ok(0);
        }
        let len = name.iter().position(|c| *c == 0).unwrap_or(NAME);
        let (text, rest) = name.split_at_mut(len);
        rest.fill(0);
        if !S::SCHEDULERS
            .to_bytes()
            .split(|c| *c == b' ')
            .any(|known| known == text)
        {
            return Err(ENOENT);
        }
        // SAFETY: As above.
        unsafe { ptr::write_volatile(kept, name) };
        Ok(0)
    })
}

/// # Safety
///
/// Called by C alone, as the handler of the entry that lists the names; it can only be read.
unsafe extern "C" fn available<S: Stack>(
    _table: *const bindings::ctl_table,
    write: c_int,
    buffer: *mut c_void,
    lenp: *mut usize,
    ppos: *mut bindings::loff_t,
) -> c_int {
    from_result(|| {
        if write != 0 {
            return Err(EPERM);
        }
        let (start, len) = (S::SCHEDULERS.as_char_ptr(), S::SCHEDULERS.to_bytes().len());
        // SAFETY: A string, which nobody writes.
        unsafe { string(start.cast_mut().cast(), len + 1, 0, buffer, lenp, ppos)? };
        Ok(0)
    })
}
