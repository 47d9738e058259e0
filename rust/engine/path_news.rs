// SPDX-License-Identifier: GPL-2.0

//! What is to be told to the path manager: a slot for each kind, emptied after each event.

use super::action::PathEvent;
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
    /// See [`PathEvent::Announced`].
    pub(super) announced: Option<AddAddr>,
    /// See [`PathEvent::Priority`].
    pub(super) priority: Option<(SubflowId, bool)>,
    /// See [`PathEvent::Removed`].
    removed: Option<RemoveAddr>,
    /// How many of those were told.
    told: usize,
}

impl PathNews {
    /// The peer no longer has these addresses.
    pub(super) fn remove(&mut self, gone: &RemoveAddr) {
        self.removed = Some(*gone);
        self.told = 0;
    }

    /// The next one.
    pub(super) fn take(&mut self) -> Option<PathEvent> {
        if core::mem::take(&mut self.established) {
            return Some(PathEvent::Established);
        }
        if let Some(sf) = self.joined.take() {
            return Some(PathEvent::SubflowEstablished { sf });
        }
        if let Some(AddAddr { id, addr, port, .. }) = self.announced.take() {
            return Some(PathEvent::Announced { id, addr, port });
        }
        if let Some((sf, backup)) = self.priority.take() {
            return Some(PathEvent::Priority { sf, backup });
        }
        if let Some(gone) = &self.removed {
            let next = gone.ids().nth(self.told);
            self.told = self.told.saturating_add(1);
            match next {
                Some(id) => return Some(PathEvent::Removed { id }),
                None => self.removed = None,
            }
        }
        self.closed.take()
    }
}
