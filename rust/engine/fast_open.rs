// SPDX-License-Identifier: GPL-2.0

//! RFC 8684 appendix B: a server that takes the data of a SYN has a connection before it has the keys of its peer.
//!
//! The bytes on the SYN have no data sequence numbers: they come before the first, and are read at once. The keys come
//! with the ACK that completes the handshake; without them it is plain TCP after all.

use super::action::ConnState;
use super::action::FallbackReason;
use super::config::Config;
use super::connection::Connection;
use super::connection::Mode;
use super::initiate::third_ack_keys;
use super::initiate::KeyMaterial;
use super::initiate::ListenPolicy;
use super::initiate::SynOffer;
use super::mem::NoMemory;
use super::mib::Mib;
use super::order::Order;
use super::payload::Payload;
use super::shared::Flag;
use super::shared::Shared;
use super::subflow::Phase;
use super::subflow::SubflowId;
use super::time::Instant;
use crate::wire::keys::Sha256;
use crate::wire::Capable;
use crate::wire::CapableFlags;
use crate::wire::Key;
use crate::wire::Lead;
use crate::wire::OptionSet;
use crate::wire::Options;

/// What a connection starts from whose SYN carried data.
#[derive(Clone, Copy, Debug)]
pub struct EarlyOpen {
    /// Our key.
    pub local: KeyMaterial,
    /// Mappings carry checksums.
    pub checksum: bool,
    /// The peer set flag C: no joins to the address that it comes from.
    pub remote_deny_join: bool,
}

impl EarlyOpen {
    /// What SYN and SYN/ACK agree on.
    pub fn new(offer: SynOffer, policy: ListenPolicy, local: KeyMaterial) -> Self {
        Self {
            local,
            checksum: offer.checksum || policy.checksum,
            remote_deny_join: offer.deny_join,
        }
    }
}

/// What the segment after the SYN/ACK of a fast open says of the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerKeys {
    /// The key of the peer.
    remote: KeyMaterial,
    /// Our key, as the peer repeats it.
    echoed: Key,
    /// The peer set flag C.
    deny_join: bool,
    /// A mapping came along: options pass with data.
    with_data: bool,
}

impl PeerKeys {
    /// Reads the options of the segment, if they name both keys.
    pub fn read<S: Sha256>(options: &Options) -> Option<Self> {
        let (flags, sender, echoed, with_data) = third_ack_keys(options)?;
        Some(Self {
            remote: KeyMaterial::derive::<S>(sender),
            echoed,
            deny_join: flags.deny_join,
            with_data,
        })
    }
}

impl<P: Payload> Connection<P> {
    /// A connection whose SYN carried data that TCP took; `window` is that of the SYN, which is never scaled.
    pub fn early(
        config: Config,
        open: &EarlyOpen,
        window: u32,
        shared: &Shared,
        now: Instant,
    ) -> Result<Self, NoMemory> {
        let mut connection = Self::new(config, open.local, Phase::Open, now)?;
        connection.remote_deny_join = open.remote_deny_join;
        connection.begin(shared, Mode::Unverified, open.checksum, window);
        connection.enter(ConnState::Established);
        Ok(connection)
    }

    /// What the SYN/ACK of a fast open says, each time it is sent.
    pub fn syn_ack_options(&self) -> OptionSet {
        if self.mode == Mode::Fallback {
            return OptionSet::default();
        }
        let flags = CapableFlags {
            checksum: self.checksum,
            deny_join: self.config.deny_join,
        };
        let key = self.local.key;
        OptionSet {
            lead: Some(Lead::Capable(Capable::SynAck { flags, key })),
            ..OptionSet::default()
        }
    }

    /// The bytes that came on the SYN.
    pub(super) fn on_syn_data(&mut self, payload: P) {
        self.recv.bytes = self.recv.bytes.wrapping_add(u64::from(payload.len()));
        self.recv.on_syn = Some(payload);
        self.out.wake_reader();
    }

    /// The first segment after the SYN/ACK.
    pub(super) fn on_peer_keys(
        &mut self,
        shared: &Shared,
        sf: SubflowId,
        keys: Option<PeerKeys>,
        promised: u32,
    ) {
        // A client learns them from the SYN/ACK, which another segment may overtake.
        if self.is_active || self.remote.is_some() || self.mode == Mode::Fallback {
            return;
        }
        let Some(keys) = keys.filter(|keys| keys.echoed == self.local.key) else {
            self.become_plain(
                shared,
                FallbackReason::NoOptions,
                Some(Mib::MPCapableFallbackACK),
            );
            return;
        };
        self.remote = Some(keys.remote);
        self.remote_deny_join |= keys.deny_join;
        self.recv.next = keys.remote.idsn.advance(1);
        shared.start(self.recv.next);
        shared.raise_edge(self.recv.next.advance(u64::from(promised)));
        shared.set(Flag::CAN_ACK, true);
        if keys.with_data {
            self.verify(shared);
        }
        if let Some(flow) = self.subflows.get_mut(sf) {
            flow.owed.handshake(Order::Peer {
                remote: keys.remote.key,
            });
        }
    }
}
