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

/// A table without entries.
struct Nothing(UnsafeCell<bindings::ctl_table>);

// SAFETY: Nobody reads or writes it: it is registered as a table of length 0.
unsafe impl Sync for Nothing {}

static NOTHING: Nothing = Nothing(UnsafeCell::new(
    // SAFETY: All zeroes is valid for the C structure.
    unsafe { core::mem::zeroed() },
));

/// Gives every number in the directory `path` of a namespace, with its name, to `f`.
///
/// What is found stays valid as long as whoever registered it keeps it there: for what the kernel itself registers in
/// each namespace, until after `net_exit` of our state of it, since namespaces are taken down in reverse order.
///
/// Context: may sleep.
pub(crate) fn each(net: NetRef, path: &CStr, mut f: impl FnMut(&[u8], Knob)) -> Result {
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
            let entry = node
                .byte_sub(offset_of!(bindings::ctl_node, node))
                .cast::<bindings::ctl_node>();
            if let Some((name, knob)) = read_entry(entry) {
                f(name, knob);
            }
            node = bindings::rb_next(node);
        }
        bindings::unregister_net_sysctl_table(header);
    }
    Ok(())
}

/// The name and the place of an entry, if it is a number.
///
/// # Safety
///
/// `node` is a node of a registered table, which stays registered for `'a`.
unsafe fn read_entry<'a>(node: *mut bindings::ctl_node) -> Option<(&'a [u8], Knob)> {
    // SAFETY: By the contract above. C finds the entry of a node in the same way: by its place in the array.
    unsafe {
        let header = (*node).header;
        let table = (*header).__bindgen_anon_1.__bindgen_anon_1.ctl_table;
        let entry = table.offset(node.offset_from((*header).node));
        let name = CStr::from_char_ptr((*entry).procname.cast()).to_bytes();
        let data = NonNull::new((*entry).data)?;
        let knob = match (*entry).maxlen {
            1 => Knob::Byte(data.cast()),
            4 => Knob::Word(data.cast()),
            _ => return None,
        };
        Some((name, knob))
    }
}
