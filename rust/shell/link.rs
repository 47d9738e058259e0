// SPDX-License-Identifier: GPL-2.0

//! Devices that go down and come back: their subflows hear of it at once, not by a timeout of TCP.

use super::msk::Msk;
use super::netns::Net;
use super::subflow::Subflow;
use super::Mptcp;
use crate::engine::{Event, SubflowId};
use crate::sys::proto;
use crate::sys::sock::Sock;
use crate::sys::subflow;

/// A device of the namespace works, or does not. Process context.
pub(super) fn changed(net: &Net, device: u32, up: bool) {
    let mut at = 0;
    while let Some((token, sk)) = net.tokens.next(at) {
        at = token.saturating_add(1);
        let msk = proto::msk_of::<Mptcp>(&sk);
        // Plain TCP has no other path to take.
        if let Some(msk) = msk.filter(|msk| !msk.shared.is_fallback()) {
            tell(&sk, msk, device, up);
        }
    }
}

fn tell(sk: &Sock, msk: &Msk, device: u32, up: bool) {
    let mut last = None;
    while let Some(visit) = msk.next_subflow(last) {
        if let Some(subflow) = subflow::of::<Mptcp>(&visit.ssk) {
            if is_news(subflow, &visit.ssk, device, up) {
                let event = Event::Link { sf: visit.id, up };
                msk.post(sk, event).finish_for_others(sk, msk, SubflowId(0));
            }
        }
        last = Some(visit.id);
    }
}

/// Whether this is about a subflow, and not what it knows: one that went down with a device comes back with that.
fn is_news(subflow: &Subflow, ssk: &Sock, device: u32, up: bool) -> bool {
    if up {
        subflow.link_is_back(device)
    } else {
        ssk.device() == device && subflow.link_is_down(device)
    }
}
