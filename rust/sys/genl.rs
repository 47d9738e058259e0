// SPDX-License-Identifier: GPL-2.0

//! The generic netlink family `mptcp_pm`, which in-tree MPTCP has registered: its commands come to us while we are loaded.
//!
//! C header: [`include/net/genetlink.h`](srctree/include/net/genetlink.h)
//!
//! Generic netlink calls the handlers of this family under its one mutex. So whoever has seen that they are diverted no
//! longer, and then has had that mutex, knows that nobody is in ours.

use super::bindings;
use super::ftrace::{Diversion, Slot};
use super::genl_lookup;
use super::module;
use super::netlink::{Dump, Request};
use super::netns;
use super::stack::Stack;
use core::cell::UnsafeCell;
use core::marker::PhantomData;
use kernel::error::{from_result, to_result};
use kernel::ffi::c_int;
use kernel::prelude::*;
use kernel::str::CStr;

/// The family as we name it when we send: that of in-tree by its numbers, or one of our own.
struct Family(UnsafeCell<bindings::genl_family>);

// SAFETY: Written at load before anybody reads it; C guards what it changes.
unsafe impl Sync for Family {}

static FAMILY: Family = Family(UnsafeCell::new(
    // SAFETY: All zeroes is valid for the C structure.
    unsafe { core::mem::zeroed() },
));

/// The name of a family of our own, where that of in-tree is out of reach.
const OWN_NAME: &[u8] = b"rust_mptcp_pm";
/// `MPTCP_PM_VER`.
const VERSION: u32 = 1;
/// Commands that there are (`MPTCP_PM_CMD_*`), the first of them, and the one that may ask for a list.
const COMMANDS: usize = 11;
const FIRST: u8 = 1;
const GET_ADDR: u8 = 3;
/// Commands that anybody may use: GET_ADDR and GET_LIMITS.
const OPEN_TO_ALL: [u8; 2] = [GET_ADDR, 6];

/// Room for what C keeps of a family of our own.
struct Tables(
    UnsafeCell<[bindings::genl_ops; COMMANDS]>,
    UnsafeCell<[bindings::genl_multicast_group; 2]>,
);

// SAFETY: As for the family.
unsafe impl Sync for Tables {}

static TABLES: Tables = Tables(
    // SAFETY: All zeroes is valid for the C structures.
    UnsafeCell::new(unsafe { core::mem::zeroed() }),
    // SAFETY: As above.
    UnsafeCell::new(unsafe { core::mem::zeroed() }),
);

static DO: Slot = Slot::new();
static DUMP: Slot = Slot::new();

/// In-tree's handlers of single commands, all of one type.
const HANDLERS: [&CStr; COMMANDS] = [
    c"mptcp_pm_nl_add_addr_doit",
    c"mptcp_pm_nl_del_addr_doit",
    c"mptcp_pm_nl_get_addr_doit",
    c"mptcp_pm_nl_flush_addrs_doit",
    c"mptcp_pm_nl_set_limits_doit",
    c"mptcp_pm_nl_get_limits_doit",
    c"mptcp_pm_nl_set_flags_doit",
    c"mptcp_pm_nl_announce_doit",
    c"mptcp_pm_nl_remove_doit",
    c"mptcp_pm_nl_subflow_create_doit",
    c"mptcp_pm_nl_subflow_destroy_doit",
];

/// In-tree's handlers of lists.
const LISTS: [&CStr; 1] = [c"mptcp_pm_nl_get_addr_dumpit"];

/// The family for use in messages.
pub(super) fn family() -> *const bindings::genl_family {
    FAMILY.0.get()
}

/// Our hold on the commands; dropping it gives them back, and waits for those that run.
pub(super) struct Registration<S: Stack> {
    /// Those of in-tree's family, or none for one of our own.
    diverted: Option<(Diversion, Diversion)>,
    stack: PhantomData<fn() -> S>,
}

impl<S: Stack> Registration<S> {
    /// Takes the commands over. Context: may sleep.
    pub(super) fn new() -> Result<Self> {
        let diverted = take_over::<S>().inspect_err(|e| {
            pr_warn!(
                "ip mptcp and mptcpd reach in-tree MPTCP only, and we listen to family rust_mptcp_pm: mptcp_pm cannot be \
                 taken over ({e:?}; that needs CONFIG_FUNCTION_TRACER, and nothing else that patches its handlers)\n"
            )
        });
        let diverted = diverted.ok();
        if diverted.is_none() {
            register_own::<S>()?;
        }
        Ok(Self {
            diverted,
            stack: PhantomData,
        })
    }
}

impl<S: Stack> Drop for Registration<S> {
    fn drop(&mut self) {
        let Some(diversions) = self.diverted.take() else {
            // SAFETY: Registered by `new`.
            let err = unsafe { bindings::genl_unregister_family(FAMILY.0.get()) };
            if err != 0 {
                pr_err!("the family rust_mptcp_pm stays ({err})\n");
            }
            return;
        };
        drop(diversions);
        // SAFETY: Process context. See the module: after this no handler of ours runs.
        unsafe {
            bindings::genl_lock();
            bindings::genl_unlock();
        }
    }
}

fn take_over<S: Stack>() -> Result<(Diversion, Diversion)> {
    let numbers = genl_lookup::find(c"mptcp_pm", b"mptcp_pm_events")?;
    // SAFETY: Nobody uses the family or the slots yet. The handlers have the types of those they stand for, and
    // `Registration` waits for them before it is gone.
    unsafe {
        let family = FAMILY.0.get();
        (*family).id = numbers.id.into();
        (*family).version = VERSION;
        (*family).n_mcgrps = 2;
        // The group for events is the second one.
        (*family).mcgrp_offset = numbers.group.wrapping_sub(1);
        Ok((
            Diversion::new(&DO, &HANDLERS, handle::<S> as usize)?,
            Diversion::new(&DUMP, &LISTS, list::<S> as usize)?,
        ))
    }
}

/// Registers a family of our own with the same commands.
fn register_own<S: Stack>() -> Result {
    // SAFETY: Nothing is registered yet, so that nobody else looks at the structures.
    unsafe {
        for (command, ops) in (FIRST..).zip(&mut *TABLES.0.get()) {
            ops.cmd = command;
            ops.doit = Some(handle::<S>);
            ops.dumpit = (command == GET_ADDR).then_some(list::<S>);
            ops.validate = bindings::genl_validate_flags_GENL_DONT_VALIDATE_STRICT as u8;
            if !OPEN_TO_ALL.contains(&command) {
                ops.flags = bindings::GENL_UNS_ADMIN_PERM as u8;
            }
        }
        let groups = &mut *TABLES.1.get();
        let names: [&[u8]; 2] = [b"mptcp_pm_cmds", b"mptcp_pm_events"];
        for (group, name) in groups.iter_mut().zip(names) {
            set_name(&mut group.name, name);
            group.flags = 0;
        }
        // GENL_MCAST_CAP_NET_ADMIN
        groups[1].flags = 1;
        let family = &mut *FAMILY.0.get();
        set_name(&mut family.name, OWN_NAME);
        family.version = VERSION;
        family.set_netnsok(1);
        family.module = module::this();
        family.ops = TABLES.0.get().cast();
        family.n_ops = COMMANDS as u8;
        family.mcgrps = TABLES.1.get().cast();
        family.n_mcgrps = 2;
        family.resv_start_op = (COMMANDS + 1) as u8;
        to_result(bindings::genl_register_family(family))
    }
}

fn set_name(to: &mut [kernel::ffi::c_char; 16], name: &[u8]) {
    to.iter_mut().zip(name).for_each(|(to, c)| *to = *c);
}

/// # Safety
///
/// Called by C alone, as the handler of a command of the family.
unsafe extern "C" fn handle<S: Stack>(
    _skb: *mut bindings::sk_buff,
    info: *mut bindings::genl_info,
) -> c_int {
    // SAFETY: C calls this in process context with a request. Its namespace is that of a living netlink socket, so that
    // our state of it is there.
    from_result(|| unsafe {
        let net = netns::state_of::<S>(bindings::rmptcp_genl_info_net(info));
        S::pm_command(net, &Request::new(info)?)?;
        Ok(0)
    })
}

/// # Safety
///
/// Called by C alone, as the handler of a list of the family.
unsafe extern "C" fn list<S: Stack>(
    skb: *mut bindings::sk_buff,
    cb: *mut bindings::netlink_callback,
) -> c_int {
    // SAFETY: As for `handle`.
    from_result(|| unsafe {
        let mut dump = Dump::new(skb, cb)?;
        let net = bindings::rmptcp_genl_info_net(bindings::rmptcp_genl_info_dump(cb));
        S::pm_list(netns::state_of::<S>(net), &mut dump)?;
        Ok(dump.len())
    })
}
