// SPDX-License-Identifier: GPL-2.0

//! What is to be told to the path manager: a slot for each kind, emptied after each event.

use super::action::PathEvent;
use super::mem::NoMemory;
use super::mem::OnDemand;
use super::subflow::SubflowId;
use crate::wire::AddAddr;
use crate::wire::RemoveAddr;

/// News of paths that are still to be given out.
#[derive(Default)]
pub(super) struct PathNews {
    /// See [`PathEvent::Established`].
    pub(super) established: bool,
    /// See [`PathEvent::SubflowEstablished`].
    pub(super) joined: Option<SubflowId>,
    /// See [`PathEvent::SubflowClosed`].
    pub(super) closed: Option<PathEvent>,
    /// See [`PathEvent::Priority`].
    pub(super) priority: Option<(SubflowId, bool)>,
    addresses: OnDemand<Addresses>,
}

/// News of the peer's addresses.
#[derive(Default)]
struct Addresses {
    /// See [`PathEvent::Announced`].
    announced: Option<AddAddr>,
    /// See [`PathEvent::Removed`].
    removed: Option<RemoveAddr>,
    /// How many of those were told.
    told: usize,
}

impl Addresses {
    fn take(&mut self) -> Option<PathEvent> {
        if let Some(AddAddr { id, addr, port, .. }) = self.announced.take() {
            return Some(PathEvent::Announced { id, addr, port });
        }
        let next = self.removed.as_ref()?.ids().nth(self.told);
        self.told = self.told.saturating_add(1);
        match next {
            Some(id) => Some(PathEvent::Removed { id }),
            None => {
                self.removed = None;
                None
            }
        }
    }
}

impl PathNews {
    /// The peer has another address.
    pub(super) fn announce(&mut self, option: &AddAddr) -> Result<(), NoMemory> {
        self.addresses.make()?.announced = Some(*option);
        Ok(())
    }

    /// The peer no longer has these addresses.
    pub(super) fn remove(&mut self, gone: &RemoveAddr) -> Result<(), NoMemory> {
        let addresses = self.addresses.make()?;
        addresses.removed = Some(*gone);
        addresses.told = 0;
        Ok(())
    }

    /// The next one.
    pub(super) fn take(&mut self) -> Option<PathEvent> {
        if core::mem::take(&mut self.established) {
            return Some(PathEvent::Established);
        }
        if let Some(sf) = self.joined.take() {
            return Some(PathEvent::SubflowEstablished { sf });
        }
        if let Some((sf, backup)) = self.priority.take() {
            return Some(PathEvent::Priority { sf, backup });
        }
        let address = self.addresses.get_mut().and_then(Addresses::take);
        address.or_else(|| self.closed.take())
    }
}
