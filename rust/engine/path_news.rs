// SPDX-License-Identifier: GPL-2.0

//! What is to be told to the path manager: a slot for each kind, emptied after each event.

use super::action::PathEvent;
use super::subflow::SubflowId;

/// News of paths that are still to be given out.
#[derive(Default)]
pub(super) struct PathNews {
    /// See [`PathEvent::Established`].
    pub(super) established: bool,
    /// See [`PathEvent::SubflowEstablished`].
    pub(super) joined: Option<SubflowId>,
    /// See [`PathEvent::SubflowClosed`].
    pub(super) closed: Option<PathEvent>,
}

impl PathNews {
    /// The next one.
    pub(super) fn take(&mut self) -> Option<PathEvent> {
        if core::mem::take(&mut self.established) {
            return Some(PathEvent::Established);
        }
        if let Some(sf) = self.joined.take() {
            return Some(PathEvent::SubflowEstablished { sf });
        }
        self.closed.take()
    }
}
