// SPDX-License-Identifier: GPL-2.0

//! Children of handshakes that TCP made and that then could not be taken in: nobody's, until a worker closes them.

use super::netns::Net;
use crate::engine::mem::FVec;
use crate::sys::child;
use crate::sys::sock::Sock;
use kernel::sync::aref::ARef;

/// Those of a namespace.
#[derive(Default)]
pub(super) struct Strays {
    list: FVec<ARef<Sock>>,
    /// Places that are kept for children that TCP is making.
    promised: usize,
}

impl Net {
    /// Keeps a place for a child that may become a stray. False without memory.
    pub(super) fn promise_stray(&self) -> bool {
        let mut strays = self.strays.lock();
        let places = strays.promised.saturating_add(1);
        let kept = strays.list.reserve(places).is_ok();
        if kept {
            strays.promised = places;
        }
        kept
    }

    /// There is no stray.
    pub(super) fn forget_stray(&self) {
        let mut strays = self.strays.lock();
        strays.promised = strays.promised.saturating_sub(1);
    }

    /// The child is a stray: it goes to its place. Softirq.
    pub(super) fn take_stray(&self, child: &Sock) {
        {
            let mut strays = self.strays.lock();
            strays.promised = strays.promised.saturating_sub(1);
            // There is room: see `promise_stray`.
            let _kept = strays.list.push(child.hold());
        }
        self.worker.queue_in(0);
    }

    /// Closes them. Process context.
    pub(super) fn close_strays(&self) {
        loop {
            let stray = self.strays.lock().list.pop();
            let Some(stray) = stray else {
                return;
            };
            child::close(&stray);
        }
    }
}
