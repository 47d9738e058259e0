// SPDX-License-Identifier: GPL-2.0

//! The bytes that programs wrote and the peer has not acknowledged, as ranges of pages in order.
//!
//! A page is filled once from user space; every subflow that sends its bytes shares it.

use crate::sys::msg::{Copied, PageRef};
use crate::sys::sock::Sock;
use crate::sys::spare_pages::Keeper;
use crate::sys::subflow::{Chunk, MAX_CHUNKS};
use crate::wire::Dsn;
use kernel::prelude::*;

/// A range of a page and where it stands in the stream.
struct Fragment {
    dsn: Dsn,
    page: PageRef,
    offset: u32,
    len: u32,
    /// What it was charged, its own size of memory included.
    charged: u32,
}

impl Fragment {
    fn end(&self) -> Dsn {
        self.dsn.advance(self.len.into())
    }
}

/// See the module. Guarded by the connection's lock.
pub(super) struct SendQueue {
    /// `None` only before `head`.
    fragments: KVec<Option<Fragment>>,
    head: usize,
    end: Dsn,
    /// Some of its pages may wait for being used again.
    spare: Keeper,
}

/// What a new fragment costs beside its bytes.
const OVERHEAD: u32 = 64;

/// The largest fragment: within what one mapping can say.
const FRAGMENT_MAX: u32 = 65535;

impl SendQueue {
    /// An empty queue whose first byte will be `start`.
    pub(super) const fn new(start: Dsn) -> Self {
        Self {
            fragments: KVec::new(),
            head: 0,
            end: start,
            spare: Keeper::new(),
        }
    }

    /// Appends bytes; says what is to be charged for them.
    pub(super) fn push(&mut self, copied: Copied) -> Result<u32> {
        let Copied { page, offset, len } = copied;
        if let Some(Some(last)) = self.fragments.last_mut() {
            if last.page.is(&page)
                && last.offset.saturating_add(last.len) == offset
                && last.len.saturating_add(len) <= FRAGMENT_MAX
            {
                last.len = last.len.saturating_add(len);
                last.charged = last.charged.saturating_add(len);
                self.end = self.end.advance(len.into());
                return Ok(len);
            }
        }
        self.make_room();
        let charged = len.saturating_add(OVERHEAD);
        self.fragments.push(
            Some(Fragment {
                dsn: self.end,
                page,
                offset,
                len,
                charged,
            }),
            GFP_ATOMIC,
        )?;
        self.end = self.end.advance(len.into());
        Ok(charged)
    }

    /// Forgets what is before `una`; says what was charged for it. `sk`: the socket whose queue it is.
    pub(super) fn release(&mut self, sk: &Sock, una: Dsn) -> u32 {
        let mut freed: u32 = 0;
        while let Some(slot) = self.fragments.get_mut(self.head) {
            match slot {
                Some(fragment) if fragment.end().after(una) => break,
                _ => {
                    if let Some(fragment) = slot.take() {
                        freed = freed.saturating_add(fragment.charged);
                        let end = fragment.offset.saturating_add(fragment.len);
                        self.spare.keep(sk, fragment.page, end);
                    }
                    self.head = self.head.saturating_add(1);
                }
            }
        }
        if self.head == self.fragments.len() {
            self.fragments.clear();
            self.head = 0;
        }
        freed
    }

    /// Forgets everything and starts again at `start`; says what was charged.
    pub(super) fn restart(&mut self, sk: &Sock, start: Dsn) -> u32 {
        let freed = self.release(sk, self.end);
        self.end = start;
        self.spare.leave(sk);
        freed
    }

    /// The pages of up to `len` bytes from `dsn` on; says how many bytes they are.
    pub(super) fn collect(&self, dsn: Dsn, len: u32, out: &mut [Option<Chunk>; MAX_CHUNKS]) -> u32 {
        let live = self.fragments.get(self.head..).unwrap_or(&[]);
        let first = live.partition_point(|slot| match slot {
            Some(fragment) => fragment.end().at_or_before(dsn),
            None => true,
        });
        let mut taken: u32 = 0;
        let wanted = live.get(first..).unwrap_or(&[]).iter().flatten();
        for (fragment, slot) in wanted.zip(out.iter_mut()) {
            let at = dsn.advance(taken.into());
            let Some(skip) = at
                .checked_distance_from(fragment.dsn)
                .and_then(|skip| u32::try_from(skip).ok())
            else {
                break;
            };
            let part = fragment
                .len
                .saturating_sub(skip)
                .min(len.saturating_sub(taken));
            if part == 0 {
                break;
            }
            *slot = Some(Chunk {
                page: fragment.page.clone(),
                offset: fragment.offset.saturating_add(skip),
                len: part,
            });
            taken = taken.saturating_add(part);
        }
        taken
    }

    /// Moves the fragments to the start of the array once half of it is spent.
    fn make_room(&mut self) {
        if self.head < 32 || self.head < self.fragments.len() / 2 {
            return;
        }
        let head = self.head;
        let len = self.fragments.len();
        for i in head..len {
            self.fragments.swap(i - head, i);
        }
        self.fragments.truncate(len - head);
        self.head = 0;
    }
}
