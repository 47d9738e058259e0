// SPDX-License-Identifier: GPL-2.0

//! Pages of send queues that come back into use.
//!
//! C header: [`include/linux/page_ref.h`](srctree/include/linux/page_ref.h)
//!
//! `sk_page_frag` takes a new page for every 32 KiB that a program writes, and a kernel that clears what it allocates
//! (`CONFIG_INIT_ON_ALLOC_DEFAULT_ON`) then writes all of them before the program does. So a few pages that connections are
//! done with are kept, and used again as soon as nobody else holds them: TCP's buffers do for a little longer. A program's
//! octets overwrite those of another one there as in any page, and only what was written is ever sent.
//!
//! All shelves together keep 4 MiB at most. The last connection that has put something on a shelf takes all of it along; a page
//! that another one is just looking at may be put back behind it, until the next time or until the module goes.

use super::bindings;
use super::msg::PageRef;
use super::sock::Sock;
use super::stream;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

/// Of each shelf.
const PLACES: usize = 16;

/// Connections are spread over so many, so that they do not meet often.
const SHELVES: usize = 8;

/// What is left of a page at its end may be this much; as `sk_page_frag_refill` has it.
const LEFT_OVER: u32 = 32;

/// Only pages of the size that `sk_page_frag` takes while memory is not scarce.
const SIZE: u32 = 32 << 10;

/// Pages, each with a reference, that any context may put in and take out.
struct Shelf {
    places: [AtomicPtr<bindings::page>; PLACES],
    /// Where the next one goes to, if there is room; and about where the oldest is.
    next: AtomicUsize,
    /// Connections that have put something here.
    keepers: AtomicUsize,
}

static SHELVES_OF_ALL: [Shelf; SHELVES] = [const { Shelf::new() }; SHELVES];

impl Shelf {
    const fn new() -> Self {
        Self {
            places: [const { AtomicPtr::new(ptr::null_mut()) }; PLACES],
            next: AtomicUsize::new(0),
            keepers: AtomicUsize::new(0),
        }
    }

    /// A connection always meets the same one, whichever CPU it is on.
    fn of(sk: &Sock) -> &'static Self {
        // Sockets are some two kilobytes apart.
        let at = sk.as_ptr() as usize >> 11;
        &SHELVES_OF_ALL[at % SHELVES]
    }

    fn put(&self, page: PageRef) {
        let page = page.into_raw();
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        for at in first..first + PLACES {
            if fill(&self.places[at % PLACES], page) {
                return;
            }
        }
        let old = self.places[first % PLACES].swap(page, Ordering::AcqRel);
        // SAFETY: What was there had a reference, which is ours now.
        drop(unsafe { PageRef::from_raw(old) });
    }

    /// A page that nobody else holds; the oldest ones are asked first.
    fn take(&self) -> Option<PageRef> {
        let oldest = self.next.load(Ordering::Relaxed);
        for at in oldest..oldest + PLACES {
            let place = &self.places[at % PLACES];
            // SAFETY: As in `put`.
            let page = unsafe { PageRef::from_raw(place.swap(ptr::null_mut(), Ordering::AcqRel)) };
            let Some(page) = page else {
                continue;
            };
            if page.is_only_one() {
                return Some(page);
            }
            if self.keepers.load(Ordering::Relaxed) == 0 {
                continue;
            }
            let page = page.into_raw();
            if !fill(place, page) {
                // SAFETY: It is ours, and was not put anywhere.
                drop(unsafe { PageRef::from_raw(page) });
            }
        }
        None
    }

    fn clear(&self) {
        for place in &self.places {
            // SAFETY: As in `put`.
            drop(unsafe { PageRef::from_raw(place.swap(ptr::null_mut(), Ordering::AcqRel)) });
        }
    }
}

/// Puts a page, with its reference, where there is none; says whether it is there.
fn fill(place: &AtomicPtr<bindings::page>, page: *mut bindings::page) -> bool {
    let none = ptr::null_mut();
    place
        .compare_exchange(none, page, Ordering::AcqRel, Ordering::Relaxed)
        .is_ok()
}

/// Whether a connection has put something on its shelf.
pub(crate) struct Keeper(bool);

impl Keeper {
    /// It has not.
    pub(crate) const fn new() -> Self {
        Self(false)
    }

    /// Takes a page from the connection `sk`, which is done with what ends at `end`. Any context.
    pub(crate) fn keep(&mut self, sk: &Sock, page: PageRef, end: u32) {
        // Whoever holds an earlier part of the page just lets go of it, so that it is kept once.
        let is_full = page.size() == SIZE && end + LEFT_OVER > SIZE;
        if is_full && page.may_stay() && !stream::under_memory_pressure(sk) {
            let shelf = Shelf::of(sk);
            if !core::mem::replace(&mut self.0, true) {
                shelf.keepers.fetch_add(1, Ordering::Relaxed);
            }
            shelf.put(page);
        }
    }

    /// The connection ends: the last one takes everything along. Any context.
    pub(crate) fn leave(&mut self, sk: &Sock) {
        let shelf = Shelf::of(sk);
        if core::mem::take(&mut self.0) && shelf.keepers.fetch_sub(1, Ordering::Relaxed) == 1 {
            shelf.clear();
        }
    }
}

/// Puts such a page into `frag`, if nothing more fits into the one there.
///
/// # Safety
///
/// `frag` is the page fragment that `sk`, which is locked, uses in this context.
pub(super) unsafe fn refill(sk: &Sock, frag: *mut bindings::page_frag) {
    // SAFETY: By the contract above. The fragment has a reference of its page, if it has one.
    unsafe {
        let page = (*frag).page;
        let has_room = || (*frag).offset + LEFT_OVER <= (*frag).size;
        // C begins with the same page again if nobody else has it.
        if !page.is_null() && (has_room() || bindings::rmptcp_page_ref_count(page) == 1) {
            return;
        }
        let Some(page) = Shelf::of(sk).take() else {
            return;
        };
        drop(PageRef::from_raw((*frag).page));
        (*frag).page = page.into_raw();
        (*frag).offset = 0;
        (*frag).size = SIZE;
    }
}

/// When the module goes, what is left.
pub(super) struct Registration;

impl Drop for Registration {
    fn drop(&mut self) {
        for shelf in &SHELVES_OF_ALL {
            shelf.clear();
        }
    }
}
