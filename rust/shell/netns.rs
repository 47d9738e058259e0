// SPDX-License-Identifier: GPL-2.0

//! What a network namespace owns: tokens, the secret of its listeners, its hooks and knobs.

use super::diag::Listeners;
use super::pm::PortListeners;
use super::strays::Strays;
use super::sysctl::Knobs;
use super::token::Tokens;
use super::Mptcp;
use crate::engine::blackhole::Pause;
use crate::engine::initiate::ListenPolicy;
use crate::engine::join_cookies::JoinCookies;
use crate::engine::path_manager::{Endpoints, UserAddresses};
use crate::engine::Config;
use crate::new_bh_lock;
use crate::sys::bh_lock::BhLock;
use crate::sys::mib;
use crate::sys::net_work::NetWorker;
use crate::sys::netns::{self, NetRef};
use crate::sys::nf_hook;
use crate::sys::random;
use crate::sys::sock::Sock;
use crate::sys::time::jiffies;
use crate::wire::keys::SECRET;
use kernel::new_mutex;
use kernel::prelude::*;
use kernel::sync::atomic::{ordering, Atomic};
use kernel::sync::Mutex;

/// How long hooks stay that nobody needs: a client that connects again and again should not pay for them each time.
const IDLE_MILLIS: u64 = 5000;

/// See the module.
pub(crate) struct Net {
    net: NetRef,
    state: Pin<KBox<State>>,
}

#[pin_data]
pub(crate) struct State {
    #[pin]
    pub(super) tokens: Tokens,
    #[pin]
    pub(super) listeners: Listeners,
    /// Keys of passive connections are derived from it.
    pub(super) secret: [u8; SECRET],
    /// The addresses that the path manager may use. Its lock may be taken under a connection's.
    #[pin]
    endpoints: BhLock<Endpoints>,
    /// Joins that were answered with a SYN cookie.
    #[pin]
    pub(super) cookies: BhLock<JoinCookies>,
    #[pin]
    pub(super) strays: BhLock<Strays>,
    /// Listeners at the ports of endpoints.
    #[pin]
    pub(super) port_listeners: Mutex<PortListeners>,
    knobs: Knobs,
    pause: Pause,
    /// Whether the hooks are registered.
    #[pin]
    hooks: Mutex<bool>,
    /// MPTCP sockets that need them.
    users: Atomic<i32>,
    #[pin]
    pub(super) worker: NetWorker,
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
                listeners <- Listeners::new(),
                secret: random::bytes(),
                endpoints <- new_bh_lock!(Endpoints::default(), "rust_mptcp endpoints"),
                cookies <- new_bh_lock!(JoinCookies::default(), "rust_mptcp joins"),
                strays <- new_bh_lock!(Strays::default(), "rust_mptcp strays"),
                port_listeners <- new_mutex!(PortListeners::default()),
                knobs: Knobs::find(net),
                pause: Pause::new(),
                hooks <- new_mutex!(false),
                users: Atomic::new(0),
                worker <- NetWorker::new::<Mptcp>(net),
            }),
            GFP_KERNEL,
        )?;
        Ok(Self { net, state })
    }

    /// The namespace goes.
    pub(super) fn exit(&self) {
        if self.port_listeners.lock().close_all() {
            netns::wait_for_frees();
        }
        self.worker.cancel();
        self.close_strays();
        let mut hooks = self.hooks.lock();
        if core::mem::take(&mut *hooks) {
            nf_hook::unregister(self.net);
        }
    }

    /// Makes sure that the hooks are there before the first segment. Process context.
    ///
    /// Once for each socket: [`Self::release_hooks`] undoes it, an error undoes itself.
    pub(super) fn attach_hooks(&self) -> Result {
        // Counted first, so that whoever takes idle hooks away sees us, or we see that they are gone.
        self.share_hooks();
        let mut hooks = self.hooks.lock();
        if !*hooks {
            nf_hook::register(self.net).inspect_err(|_| self.release_hooks())?;
            *hooks = true;
        }
        Ok(())
    }

    /// One more socket needs the hooks, which are there for another already. Any context.
    pub(super) fn share_hooks(&self) {
        self.users.add(1, ordering::Relaxed);
    }

    /// A socket needs the hooks no more. Any context.
    pub(super) fn release_hooks(&self) {
        if self.users.fetch_sub(1, ordering::Full) == 1 {
            self.worker.queue_in(jiffies(IDLE_MILLIS));
        }
    }

    /// Takes the hooks away if nobody needs them. Process context.
    pub(super) fn detach_idle_hooks(&self) {
        let mut hooks = self.hooks.lock();
        if *hooks && self.users.load(ordering::Acquire) <= 0 {
            nf_hook::unregister(self.net);
            *hooks = false;
        }
    }

    /// The namespace itself.
    pub(super) fn net(&self) -> NetRef {
        self.net
    }

    /// The addresses that the path manager may use, and its limits.
    pub(super) fn endpoints(&self) -> &BhLock<Endpoints> {
        &self.endpoints
    }

    /// What a new connection keeps if a program manages its paths.
    pub(super) fn user_addresses(&self) -> Option<UserAddresses> {
        self.knobs.user_space_paths().then(UserAddresses::default)
    }

    /// Makes ready for joins under SYN cookies. Without memory they are refused. Process context.
    pub(super) fn expect_joins(&self) {
        let has_room = self.cookies.lock().has_room();
        if has_room {
            return;
        }
        if let Ok(table) = JoinCookies::new() {
            let old = core::mem::replace(&mut *self.cookies.lock(), table);
            drop(old);
        }
    }

    /// `net.mptcp.*`.
    pub(super) fn knobs(&self) -> &Knobs {
        &self.knobs
    }

    /// The pause after a black hole.
    pub(super) fn pause(&self) -> &Pause {
        &self.pause
    }

    /// Makes ready for an MPTCP socket. Process context.
    pub(super) fn new_socket(&self) -> Result {
        if !self.knobs.enabled() {
            return Err(ENOPROTOOPT);
        }
        mib::allocate(self.net)
    }

    /// The knobs as the engine wants them.
    pub(super) fn config(&self) -> Config {
        self.knobs.config(self.net)
    }

    /// The knobs of listeners.
    pub(super) fn listen_policy(&self) -> ListenPolicy {
        let config = self.config();
        ListenPolicy {
            checksum: config.checksum,
            deny_join: config.deny_join,
        }
    }
}
