// SPDX-License-Identifier: GPL-2.0

//! RFC 8684 3.3.8, 3.4: what a subflow is still to say about addresses and priorities.

use super::mem::OnDemand;
use super::stamp::Stamped;
use crate::wire::AddAddr;
use crate::wire::AddrId;
use crate::wire::Lead;
use crate::wire::Prio;
use crate::wire::RemoveAddr;

/// What waits for segments without payload, one `ADD_ADDR` on each.
#[derive(Default)]
pub(super) struct Signals {
    /// Something waits.
    due: bool,
    prio: Option<Prio>,
    addresses: OnDemand<Addresses>,
}

/// What waits to be said about addresses.
#[derive(Default)]
struct Addresses {
    announce: Option<AddAddr>,
    echo: Option<AddAddr>,
    remove: Option<RemoveAddr>,
    /// Timestamps may give way to an `ADD_ADDR` that does not fit otherwise.
    drop_timestamps: bool,
}

impl Addresses {
    fn is_address_left(&self) -> bool {
        self.echo.is_some() || self.announce.is_some()
    }
}

impl Signals {
    /// An announcement or an echo. A second one of its kind takes the place of the first: the peer
    /// does not confirm that, and it is said again. Without memory it is as if the segment had been lost.
    pub(super) fn address(&mut self, option: AddAddr, drop_timestamps: bool) {
        let Ok(addresses) = self.addresses.make() else {
            return;
        };
        addresses.drop_timestamps = drop_timestamps;
        if option.is_echo() {
            addresses.echo = Some(option);
        } else {
            addresses.announce = Some(option);
        }
        self.due = true;
    }

    /// Addresses that we no longer have.
    pub(super) fn remove(&mut self, option: RemoveAddr) {
        let Ok(addresses) = self.addresses.make() else {
            return;
        };
        addresses.remove = Some(match addresses.remove {
            Some(first) => both(&first, &option),
            None => option,
        });
        self.due = true;
    }

    /// Our wish about this subflow; the last one counts.
    pub(super) fn prio(&mut self, backup: bool) {
        self.due = true;
        self.prio = Some(Prio { backup });
    }

    /// Whether something waits.
    pub(super) fn is_due(&self) -> bool {
        self.due
    }

    /// Whether an `ADD_ADDR` is next, which tolerates no mapping beside it.
    pub(super) fn is_address(&self) -> bool {
        let addresses = self.addresses.get().filter(|_| self.due);
        addresses.is_some_and(Addresses::is_address_left)
    }

    /// Puts what is next on a segment without payload.
    #[inline]
    pub(super) fn fill(&mut self, stamped: &mut Stamped) {
        if self.due {
            self.fill_due(stamped);
        }
    }

    fn fill_due(&mut self, stamped: &mut Stamped) {
        let options = &mut stamped.options;
        let dss_only = matches!(options.lead, None | Some(Lead::Dss(_)));
        if !dss_only || options.fail.is_some() {
            // They do not go together: those come first.
            stamped.again = true;
            return;
        }
        let mut addresses = self.addresses.get_mut();
        if let Some(list) = &mut addresses {
            options.add_addr = list.echo.take().or_else(|| list.announce.take());
            options.may_drop_timestamps = list.drop_timestamps && options.add_addr.is_some();
        }
        if options.add_addr.is_none() {
            options.prio = self.prio.take();
            options.remove_addr = addresses.as_mut().and_then(|list| list.remove.take());
        }
        let is_left = addresses.is_some_and(|list| list.is_address_left() || list.remove.is_some());
        self.due = is_left || self.prio.is_some();
        stamped.again = self.due;
    }
}

/// The identifiers of two options in one; those for which there is no room are not said at all.
fn both(first: &RemoveAddr, second: &RemoveAddr) -> RemoveAddr {
    let mut ids = [AddrId(0); RemoveAddr::MAX_SENT];
    let mut count = 0_usize;
    for (slot, id) in ids.iter_mut().zip(first.ids().chain(second.ids())) {
        *slot = id;
        count = count.saturating_add(1);
    }
    let all = ids.get(..count).and_then(RemoveAddr::new);
    all.unwrap_or(*second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn remove(ids: &[u8]) -> RemoveAddr {
        let ids: Vec<AddrId> = ids.iter().copied().map(AddrId).collect();
        RemoveAddr::new(&ids).unwrap()
    }

    #[test]
    fn two_lists_that_wait_become_one_of_at_most_eight() {
        let joined = both(&remove(&[1, 2]), &remove(&[3]));
        assert_eq!(joined, remove(&[1, 2, 3]));
        let full = both(&remove(&[1, 2, 3, 4, 5, 6, 7]), &remove(&[8, 9]));
        assert_eq!(full, remove(&[1, 2, 3, 4, 5, 6, 7, 8]));
    }
}
