// SPDX-License-Identifier: GPL-2.0

//! Fallible containers and atomics: the kernel's in the module, stand-ins on the host.
//!
//! Everything that may grow goes through [`FVec`], whose `reserve` is the only place where memory is
//! asked for. The host's version can be told to refuse the k-th request (`refuse`), which is how the
//! tests show that a failed allocation leaves a connection as it was.

#[cfg(not(MODULE))]
extern crate alloc;
#[cfg(not(MODULE))]
extern crate std;

/// No memory could be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoMemory;

#[cfg(MODULE)]
type Inner<T> = kernel::alloc::KVec<T>;
#[cfg(not(MODULE))]
type Inner<T> = alloc::vec::Vec<T>;

/// A growable array that may refuse to grow.
///
/// Reserve first, then change things: after a successful [`FVec::reserve`] of `n`, the next `n`
/// additions succeed.
pub struct FVec<T> {
    items: Inner<T>,
}

impl<T> Default for FVec<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> FVec<T> {
    /// An empty array; takes no memory.
    pub const fn new() -> Self {
        Self {
            items: Inner::new(),
        }
    }

    /// Makes room for `more` additions.
    pub fn reserve(&mut self, more: usize) -> Result<(), NoMemory> {
        #[cfg(MODULE)]
        {
            self.items
                .reserve(more, kernel::alloc::flags::GFP_ATOMIC)
                .map_err(|_| NoMemory)
        }
        #[cfg(not(MODULE))]
        {
            let grown = self.items.len().saturating_add(more);
            if grown > self.items.capacity() && refuse::this_one() {
                return Err(NoMemory);
            }
            self.items.try_reserve(more).map_err(|_| NoMemory)
        }
    }

    /// Adds `item` at the end.
    pub fn push(&mut self, item: T) -> Result<(), NoMemory> {
        self.reserve(1)?;
        #[cfg(MODULE)]
        {
            self.items.push_within_capacity(item).map_err(|_| NoMemory)
        }
        #[cfg(not(MODULE))]
        {
            self.items.push(item);
            Ok(())
        }
    }

    /// Adds `item` at `index`, or at the end when `index` is beyond it.
    pub fn insert(&mut self, index: usize, item: T) -> Result<(), NoMemory> {
        self.reserve(1)?;
        let index = index.min(self.items.len());
        #[cfg(MODULE)]
        {
            self.items
                .insert_within_capacity(index, item)
                .map_err(|_| NoMemory)
        }
        #[cfg(not(MODULE))]
        {
            self.items.insert(index, item);
            Ok(())
        }
    }

    /// Takes the item at `index` out, if there is one.
    pub fn remove(&mut self, index: usize) -> Option<T> {
        #[cfg(MODULE)]
        {
            self.items.remove(index).ok()
        }
        #[cfg(not(MODULE))]
        {
            if index < self.items.len() {
                Some(self.items.remove(index))
            } else {
                None
            }
        }
    }

    /// Takes the last item out.
    pub fn pop(&mut self) -> Option<T> {
        self.items.pop()
    }

    /// Keeps the first `len` items.
    pub fn truncate(&mut self, len: usize) {
        self.items.truncate(len);
    }

    /// Drops every item and keeps the room.
    pub fn clear(&mut self) {
        self.items.clear();
    }

    /// Drops the items that `keep` does not want.
    pub fn retain(&mut self, keep: impl FnMut(&mut T) -> bool) {
        #[cfg(MODULE)]
        self.items.retain(keep);
        #[cfg(not(MODULE))]
        self.items.retain_mut(keep);
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The items.
    pub fn as_slice(&self) -> &[T] {
        &self.items
    }

    /// The items, to be changed.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.items
    }

    /// The item at `index`.
    pub fn get(&self, index: usize) -> Option<&T> {
        self.as_slice().get(index)
    }

    /// The item at `index`, to be changed.
    pub fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        self.as_mut_slice().get_mut(index)
    }

    /// The items in order.
    pub fn iter(&self) -> core::slice::Iter<'_, T> {
        self.as_slice().iter()
    }

    /// The items in order, to be changed.
    pub fn iter_mut(&mut self) -> core::slice::IterMut<'_, T> {
        self.as_mut_slice().iter_mut()
    }
}

/// What most owners never need: memory for it is asked for at its first use.
#[derive(Default)]
pub struct OnDemand<T>(Option<Boxed<T>>);

#[cfg(MODULE)]
type Boxed<T> = kernel::alloc::KBox<T>;
#[cfg(not(MODULE))]
type Boxed<T> = alloc::boxed::Box<T>;

impl<T: Default> OnDemand<T> {
    /// It, if it was ever needed.
    pub fn get(&self) -> Option<&T> {
        self.0.as_deref()
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.0.as_deref_mut()
    }

    /// It, made now if it was not there.
    pub fn make(&mut self) -> Result<&mut T, NoMemory> {
        if self.0.is_none() {
            #[cfg(MODULE)]
            let made = kernel::alloc::KBox::new(T::default(), kernel::alloc::flags::GFP_ATOMIC);
            #[cfg(MODULE)]
            let made = made.map_err(|_| NoMemory)?;
            #[cfg(not(MODULE))]
            if refuse::this_one() {
                return Err(NoMemory);
            }
            #[cfg(not(MODULE))]
            let made = alloc::boxed::Box::new(T::default());
            self.0 = Some(made);
        }
        self.0.as_deref_mut().ok_or(NoMemory)
    }
}

/// A queue of small items on one array: taken from the front, added at the end.
///
/// Taking costs no move until half of the array is spent. Keeps its memory, so that a queue of
/// steady length allocates nothing.
pub struct Fifo<T> {
    items: FVec<T>,
    /// Items before this index have been taken.
    head: usize,
}

impl<T: Copy> Default for Fifo<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Copy> Fifo<T> {
    /// An empty queue; takes no memory.
    pub const fn new() -> Self {
        Self {
            items: FVec::new(),
            head: 0,
        }
    }

    /// Makes room for `more` additions.
    pub fn reserve(&mut self, more: usize) -> Result<(), NoMemory> {
        if self.head > self.len() {
            self.compact();
        }
        self.items.reserve(more)
    }

    /// Adds `item` at the end.
    pub fn push(&mut self, item: T) -> Result<(), NoMemory> {
        self.reserve(1)?;
        self.items.push(item)
    }

    /// Takes the first item out.
    pub fn pop_front(&mut self) -> Option<T> {
        let first = self.as_slice().first().copied()?;
        self.head = self.head.saturating_add(1);
        if self.head >= self.items.len() {
            self.clear();
        }
        Some(first)
    }

    /// Takes the last item out.
    pub fn pop_back(&mut self) -> Option<T> {
        if self.is_empty() {
            return None;
        }
        self.items.pop()
    }

    /// Drops every item and keeps the room.
    pub fn clear(&mut self) {
        self.items.clear();
        self.head = 0;
    }

    /// The items in order.
    pub fn as_slice(&self) -> &[T] {
        self.items.as_slice().get(self.head..).unwrap_or(&[])
    }

    /// The items in order, to be changed.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        self.items
            .as_mut_slice()
            .get_mut(self.head..)
            .unwrap_or(&mut [])
    }

    /// The last item.
    pub fn last_mut(&mut self) -> Option<&mut T> {
        self.as_mut_slice().last_mut()
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.items.len().saturating_sub(self.head)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Moves the items to the start of the array.
    fn compact(&mut self) {
        let (head, len) = (self.head, self.len());
        let items = self.items.as_mut_slice();
        if head <= items.len() {
            items.copy_within(head.., 0);
        }
        self.items.truncate(len);
        self.head = 0;
    }
}

/// A 64-bit word that several contexts read and write without a lock.
pub struct Word64(Atomic64);
/// A 32-bit word that several contexts read and write without a lock.
pub struct Word32(Atomic32);

#[cfg(MODULE)]
type Atomic64 = kernel::sync::atomic::Atomic<u64>;
#[cfg(MODULE)]
type Atomic32 = kernel::sync::atomic::Atomic<u32>;
#[cfg(not(MODULE))]
type Atomic64 = core::sync::atomic::AtomicU64;
#[cfg(not(MODULE))]
type Atomic32 = core::sync::atomic::AtomicU32;

#[cfg(MODULE)]
use kernel::sync::atomic::ordering;

/// Gives the host's atomics the orderings under the names that the kernel's have.
#[cfg(not(MODULE))]
#[allow(non_upper_case_globals)]
mod ordering {
    use core::sync::atomic::Ordering;

    pub(super) const Acquire: Ordering = Ordering::Acquire;
    pub(super) const Release: Ordering = Ordering::Release;
    pub(super) const Relaxed: Ordering = Ordering::Relaxed;
}

impl Word64 {
    /// A word that holds `value`.
    pub const fn new(value: u64) -> Self {
        Self(Atomic64::new(value))
    }

    /// Reads it; later reads see what was written before the matching [`Word64::store`].
    pub fn load(&self) -> u64 {
        self.0.load(ordering::Acquire)
    }

    /// Writes it, after everything written before.
    pub fn store(&self, value: u64) {
        self.0.store(value, ordering::Release);
    }

    /// Replaces `old` with `new`; gives back what was there instead when it was not `old`.
    pub fn replace(&self, old: u64, new: u64) -> Result<(), u64> {
        #[cfg(MODULE)]
        {
            self.0.cmpxchg(old, new, ordering::Full).map(|_| ())
        }
        #[cfg(not(MODULE))]
        {
            use core::sync::atomic::Ordering;
            self.0
                .compare_exchange(old, new, Ordering::SeqCst, Ordering::Relaxed)
                .map(|_| ())
        }
    }
}

impl Word32 {
    /// A word that holds `value`.
    pub const fn new(value: u32) -> Self {
        Self(Atomic32::new(value))
    }

    /// Reads it; later reads see what was written before the matching [`Word32::store`].
    pub fn load(&self) -> u32 {
        self.0.load(ordering::Acquire)
    }

    /// Reads it without any ordering.
    pub fn peek(&self) -> u32 {
        self.0.load(ordering::Relaxed)
    }

    /// Writes it, after everything written before.
    pub fn store(&self, value: u32) {
        self.0.store(value, ordering::Release);
    }
}

/// Lets a test refuse one request for memory. Host only, per thread.
#[cfg(not(MODULE))]
pub mod refuse {
    use super::std::cell::Cell;
    use super::std::thread_local;

    thread_local! {
        static SEEN: Cell<u64> = const { Cell::new(0) };
        static REFUSED: Cell<Option<u64>> = const { Cell::new(None) };
    }

    /// Refuses the `k`-th request from now, counted from 0, and no other.
    pub fn nth(k: u64) {
        SEEN.with(|seen| seen.set(0));
        REFUSED.with(|refused| refused.set(Some(k)));
    }

    /// Refuses nothing, and gives how many requests were seen since [`nth`].
    pub fn nothing() -> u64 {
        REFUSED.with(|refused| refused.set(None));
        SEEN.with(|seen| seen.replace(0))
    }

    /// Counts one request and says whether to refuse it.
    pub(super) fn this_one() -> bool {
        let number = SEEN.with(|seen| seen.replace(seen.get().saturating_add(1)));
        REFUSED.with(|refused| refused.get() == Some(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refused_request_changes_nothing() {
        let mut list: FVec<u32> = FVec::new();
        refuse::nth(0);
        assert_eq!(list.push(1), Err(NoMemory));
        assert!(list.is_empty());
        assert_eq!(list.push(1), Ok(()));
        refuse::nothing();
        assert_eq!(list.as_slice(), &[1]);
    }

    #[test]
    fn what_is_made_on_demand_is_made_once_or_not_at_all() {
        let mut count: OnDemand<u32> = OnDemand::default();
        refuse::nth(0);
        assert_eq!(count.make(), Err(NoMemory));
        assert_eq!(count.get(), None);
        *count.make().unwrap() = 7;
        assert_eq!(count.make(), Ok(&mut 7));
        assert_eq!(refuse::nothing(), 2);
        assert_eq!(count.get_mut(), Some(&mut 7));
    }

    #[test]
    fn a_fifo_gives_back_what_went_in_in_order() {
        let mut queue: Fifo<u32> = Fifo::new();
        let mut next_out = 0;
        for next_in in 0..1000 {
            queue.push(next_in).unwrap();
            if next_in % 3 != 0 {
                assert_eq!(queue.pop_front(), Some(next_out));
                next_out += 1;
            }
        }
        assert_eq!(queue.len(), 1000 - usize::try_from(next_out).unwrap());
        assert_eq!(queue.as_slice().first(), Some(&next_out));
        assert_eq!(queue.pop_back(), Some(999));
    }

    #[test]
    fn a_fifo_of_steady_length_asks_for_no_more_memory() {
        let mut queue: Fifo<u32> = Fifo::new();
        for number in 0..8 {
            queue.push(number).unwrap();
        }
        refuse::nth(u64::MAX);
        for number in 8..10_000 {
            queue.pop_front();
            queue.push(number).unwrap();
        }
        assert!(refuse::nothing() <= 2);
    }
}
