// SPDX-License-Identifier: GPL-2.0

//! The knobs that somebody else keeps below `/proc/sys/net` of a namespace: found once, read whenever needed.
//!
//! C header: [`include/linux/sysctl.h`](srctree/include/linux/sysctl.h)

use super::bindings;
use super::netns::NetRef;
use core::cell::UnsafeCell;
use core::mem::offset_of;
use core::ptr::NonNull;
use kernel::prelude::*;
use kernel::str::CStr;
use kernel::str::CStrExt;

/// What stands behind an entry.
pub(crate) enum Found {
    Number(Knob),
    Name(Name),
}

/// A number that others write.
///
/// # Invariants
///
/// The pointer is valid, aligned and never written but as a whole, for as long as the namespace's own tables are.
#[derive(Clone, Copy)]
pub(crate) enum Knob {
    Byte(NonNull<u8>),
    Word(NonNull<u32>),
}

// SAFETY: A knob is only ever read here, and as C reads it: with READ_ONCE.
unsafe impl Send for Knob {}
// SAFETY: As above.
unsafe impl Sync for Knob {}

impl Knob {
    /// The value now.
    pub(crate) fn get(self) -> u32 {
        // SAFETY: By the type invariant; see `each` for how long that holds.
        unsafe {
            match self {
                Self::Byte(p) => p.as_ptr().read_volatile().into(),
                Self::Word(p) => p.as_ptr().read_volatile(),
            }
        }
    }
}

/// Octets of a name, its final NUL included (`MPTCP_SCHED_NAME_MAX`).
pub(super) const NAME: usize = 16;

/// A short name that others write.
///
/// # Invariants
///
/// The pointer is valid for as long as the namespace's own tables are.
#[derive(Clone, Copy)]
pub(crate) struct Name(NonNull<[u8; NAME]>);

// SAFETY: A name is only ever read here, an octet at a time.
unsafe impl Send for Name {}
// SAFETY: As above.
unsafe impl Sync for Name {}

impl Name {
    /// The octets now, with a NUL and anything after it. Whoever writes it meanwhile may leave half of an old name.
    pub(crate) fn get(self) -> [u8; NAME] {
        let start = self.0.as_ptr().cast::<u8>();
        // SAFETY: By the type invariant; see `each` for how long that holds.
        core::array::from_fn(|i| unsafe { start.add(i).read_volatile() })
    }
}

/// A table without entries.
struct Nothing(UnsafeCell<bindings::ctl_table>);

// SAFETY: Nobody reads or writes it: it is registered as a table of length 0.
unsafe impl Sync for Nothing {}

static NOTHING: Nothing = Nothing(UnsafeCell::new(
    // SAFETY: All zeroes is valid for the C structure.
    unsafe { core::mem::zeroed() },
));

/// Gives every number and every short name in the directory `path` of a namespace, with what it is called, to `f`.
///
/// What is found stays valid as long as whoever registered it keeps it there: for what the kernel itself registers in
/// each namespace, until after `net_exit` of our state of it, since namespaces are taken down in reverse order.
///
/// Context: may sleep.
pub(crate) fn each(net: NetRef, path: &CStr, mut f: impl FnMut(&[u8], Found)) -> Result {
    each_entry(net, path, |entry| {
        // SAFETY: `each_entry` gives entries of registered tables.
        if let Some((name, found)) = unsafe { read_entry(entry) } {
            f(name, found);
        }
    })
}

/// The address of the function behind an entry of a directory.
///
/// Context: may sleep.
pub(super) fn handler(net: NetRef, path: &CStr, name: &[u8]) -> Result<usize> {
    let mut found = None;
    each_entry(net, path, |entry| {
        // SAFETY: As in `each`; a name is a string.
        unsafe {
            if CStr::from_char_ptr((*entry).procname.cast()).to_bytes() == name {
                found = (*entry).proc_handler;
            }
        }
    })?;
    found.map(|f| f as usize).ok_or(ENOENT)
}

/// Gives every entry of a directory to `f`.
fn each_entry(net: NetRef, path: &CStr, mut f: impl FnMut(*const bindings::ctl_table)) -> Result {
    // A table of our own, without entries, has C find the directory and keep it there meanwhile.
    // SAFETY: The namespace is alive; the table is static and of length 0.
    let header = unsafe {
        bindings::register_net_sysctl_sz(
            net.as_ptr(),
            path.as_char_ptr().cast(),
            NOTHING.0.get(),
            0,
        )
    };
    if header.is_null() {
        return Err(ENOMEM);
    }
    // SAFETY: The header was just registered, so that its directory exists; the nodes in it are those of tables whose
    // owners keep them for as long as the namespace lives (see above). The header is ours to take away again.
    unsafe {
        let mut node = bindings::rmptcp_rb_first(core::ptr::addr_of!((*(*header).parent).root));
        while !node.is_null() {
            let place = node
                .byte_sub(offset_of!(bindings::ctl_node, node))
                .cast::<bindings::ctl_node>();
            // C finds the entry of a node in the same way: by its place in the array.
            let header = (*place).header;
            let table = (*header).__bindgen_anon_1.__bindgen_anon_1.ctl_table;
            f(table.offset(place.offset_from((*header).node)));
            node = bindings::rb_next(node);
        }
        bindings::unregister_net_sysctl_table(header);
    }
    Ok(())
}

/// The name of an entry and what stands behind it, if it is something that we read.
///
/// # Safety
///
/// `entry` is one of a registered table, which stays registered for `'a`.
unsafe fn read_entry<'a>(entry: *const bindings::ctl_table) -> Option<(&'a [u8], Found)> {
    // SAFETY: By the contract above.
    unsafe {
        let name = CStr::from_char_ptr((*entry).procname.cast()).to_bytes();
        let data = NonNull::new((*entry).data)?;
        let found = match usize::try_from((*entry).maxlen) {
            Ok(1) => Found::Number(Knob::Byte(data.cast())),
            Ok(4) => Found::Number(Knob::Word(data.cast())),
            Ok(NAME) => Found::Name(Name(data.cast())),
            _ => return None,
        };
        Some((name, found))
    }
}
