// SPDX-License-Identifier: GPL-2.0

//! What a listener must remember of a join while TCP remembers nothing, under SYN cookies.
//!
//! The third ACK of `MP_JOIN` repeats neither token nor random number (RFC 8684 3.2). So the joins
//! that were answered lately stand in a table of fixed size, as in-tree has it: found by a hash
//! of what every segment of the handshake shows, overwritten by the next that comes to the same
//! slot, and good for one use. A flood of joins costs honest ones another attempt, and no memory.

use super::join::HalfJoin;
use super::mem::FVec;
use super::mem::NoMemory;

/// Joins that are remembered at most.
pub const SLOTS: usize = 1024;

/// The bits of a hash that name a slot.
const MASK: u64 = 0x3FF;

#[derive(Clone, Copy)]
struct Slot {
    /// The hash of the handshake.
    of: u64,
    half: HalfJoin,
}

/// The table.
#[derive(Default)]
pub struct JoinCookies {
    slots: FVec<Option<Slot>>,
}

impl JoinCookies {
    /// A table with its memory.
    pub fn new() -> Result<Self, NoMemory> {
        let mut slots = FVec::new();
        slots.reserve(SLOTS)?;
        for _ in 0..SLOTS {
            slots.push(None)?;
        }
        Ok(Self { slots })
    }

    /// Whether it has its memory.
    pub fn has_room(&self) -> bool {
        !self.slots.is_empty()
    }

    fn slot(&mut self, of: u64) -> Option<&mut Option<Slot>> {
        let low = usize::try_from(of & MASK).ok()?;
        self.slots.get_mut(low)
    }

    /// Remembers a join. `of` is a keyed hash of addresses, ports and initial sequence numbers
    /// ([`crate::wire::keys::Stateless::tag`]): who cannot compute it cannot aim at a slot.
    pub fn put(&mut self, of: u64, half: HalfJoin) {
        if let Some(slot) = self.slot(of) {
            *slot = Some(Slot { of, half });
        }
    }

    /// Takes the join of a third ACK out, if it is still there.
    pub fn take(&mut self, of: u64) -> Option<HalfJoin> {
        let slot = self.slot(of)?;
        let found = slot.filter(|slot| slot.of == of)?;
        *slot = None;
        Some(found.half)
    }
}

#[cfg(test)]
mod tests {
    use super::super::join::JoinSyn;
    use super::super::join::LocalAddr;
    use super::super::mem::refuse;
    use super::*;
    use crate::wire::AddrId;
    use crate::wire::Nonce;
    use crate::wire::Token;

    fn half(id: u8) -> HalfJoin {
        HalfJoin {
            syn: JoinSyn {
                backup: false,
                id: AddrId(id),
                token: Token(7),
                nonce: Nonce::new(9),
            },
            local: LocalAddr {
                id: AddrId(0),
                backup: false,
            },
        }
    }

    #[test]
    fn a_join_is_remembered_for_one_use() {
        let mut table = JoinCookies::new().unwrap();
        table.put(5, half(1));
        assert_eq!(table.take(6), None);
        assert_eq!(table.take(5), Some(half(1)));
        assert_eq!(table.take(5), None);
    }

    #[test]
    fn the_next_one_takes_the_slot_and_nobody_else_gets_what_was_there() {
        let mut table = JoinCookies::new().unwrap();
        table.put(5, half(1));
        table.put(5 + 1024, half(2));
        assert_eq!(table.take(5), None);
        assert_eq!(table.take(5 + 1024), Some(half(2)));
    }

    #[test]
    fn without_memory_there_is_no_table() {
        refuse::nth(0);
        assert!(JoinCookies::new().is_err());
        refuse::nothing();
        // One that never got its memory remembers nothing.
        let mut empty = JoinCookies::default();
        empty.put(5, half(1));
        assert_eq!(empty.take(5), None);
    }
}
