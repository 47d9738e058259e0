// SPDX-License-Identifier: GPL-2.0

//! What a network namespace owns: tokens, the secret of its listeners, its hooks and knobs.

use super::token::Tokens;
use super::Mptcp;
use crate::engine::initiate::ListenPolicy;
use crate::engine::{Config, Mib};
use crate::sys::netns::{self, NetRef};
use crate::sys::nf_hook;
use crate::sys::random;
use crate::sys::sock::Sock;
use kernel::new_mutex;
use kernel::prelude::*;
use kernel::sync::Mutex;

/// See the module.
pub(crate) struct Net {
    net: NetRef,
    state: Pin<KBox<State>>,
}

#[pin_data]
pub(crate) struct State {
    #[pin]
    pub(super) tokens: Tokens,
    /// Keys of passive connections are derived from it.
    pub(super) secret: [u8; 32],
    /// Whether the hooks are registered.
    #[pin]
    hooks: Mutex<bool>,
}

impl core::ops::Deref for Net {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}

/// The namespace of a socket.
pub(super) fn of(sk: &Sock) -> &Net {
    netns::of::<Mptcp>(sk)
}

impl Net {
    pub(super) fn new(net: NetRef) -> Result<Self> {
        let state = KBox::pin_init(
            pin_init!(State {
                tokens <- Tokens::new(),
                secret: random::bytes(),
                hooks <- new_mutex!(false),
            }),
            GFP_KERNEL,
        )?;
        Ok(Self { net, state })
    }

    /// The namespace goes.
    pub(super) fn exit(&self) {
        let mut hooks = self.hooks.lock();
        if core::mem::take(&mut *hooks) {
            nf_hook::unregister(self.net);
        }
    }

    /// Makes sure that the hooks are there before the first segment. Process context.
    pub(super) fn attach_hooks(&self, _sk: &Sock) -> Result {
        let mut hooks = self.hooks.lock();
        if !*hooks {
            nf_hook::register(self.net)?;
            *hooks = true;
        }
        Ok(())
    }

    /// `net.mptcp.enabled`.
    pub(super) fn enabled(&self) -> bool {
        true
    }

    /// The knobs as the engine wants them.
    pub(super) fn config(&self) -> Config {
        Config::default()
    }

    /// The knobs of listeners.
    pub(super) fn listen_policy(&self) -> ListenPolicy {
        let config = self.config();
        ListenPolicy {
            checksum: config.checksum,
            deny_join: config.deny_join,
        }
    }

    /// Whether a connect may offer MPTCP now.
    pub(super) fn may_offer(&self, _sk: &Sock, _ssk: &Sock) -> bool {
        true
    }

    pub(super) fn count(&self, _mib: Mib, _n: i32) {}

    /// A connection went from one state of `sk_state` to another.
    pub(super) fn gauge(&self, _from: u8, _to: u8) {}

    /// A path to a peer drops MP_CAPABLE.
    pub(super) fn blackhole(&self) {}

    /// A path to a peer lets MP_CAPABLE pass.
    pub(super) fn path_is_capable(&self, _sk: &Sock) {}
}
