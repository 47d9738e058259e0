// SPDX-License-Identifier: GPL-2.0

//! What changed endpoints mean to the connections of their namespace.

use crate::engine::path_manager::Policy;
use crate::shell::msk::Msk;
use crate::shell::netns::Net;
use crate::shell::paths;
use crate::shell::Mptcp;
use crate::sys::proto;
use crate::sys::sock::Sock;

/// Tells the policy of each connection, which then decides anew. Process context.
pub(super) fn tell_all(net: &Net, tell: impl Fn(&mut Policy)) {
    each(net, |sk, msk| paths::endpoints_changed(sk, msk, &tell));
}

/// Each connection with a token that may have several paths, however many come and go meanwhile.
fn each(net: &Net, f: impl Fn(&Sock, &Msk)) {
    let mut at = 0;
    while let Some((token, sk)) = net.tokens.next(at) {
        let msk = proto::msk_of::<Mptcp>(&sk);
        if let Some(msk) = msk.filter(|msk| !msk.shared.is_fallback()) {
            f(&sk, msk);
        }
        at = token.saturating_add(1);
    }
}
