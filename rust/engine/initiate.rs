// SPDX-License-Identifier: GPL-2.0

//! RFC 8684 3.1: the handshake of the first subflow.
//!
//! The passive side keeps nothing until the third ACK: [`answer_syn`] and [`accept_third_ack`] are
//! pure functions over what TCP remembers and what the shell derives again from a secret.

use super::join::JoinSyn;
use crate::wire::keys::Sha256;
use crate::wire::Capable;
use crate::wire::CapableFlags;
use crate::wire::Dsn;
use crate::wire::Key;
use crate::wire::Lead;
use crate::wire::OptionSet;
use crate::wire::Options;
use crate::wire::Token;

/// A key with what follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyMaterial {
    /// The key.
    pub key: Key,
    /// What names the connection to the owner of the key.
    pub token: Token,
    /// The number before the first byte of the owner's stream.
    pub idsn: Dsn,
}

impl KeyMaterial {
    /// What follows from `key`.
    pub fn derive<S: Sha256>(key: Key) -> Self {
        let (token, idsn) = key.derive::<S>();
        Self { key, token, idsn }
    }
}

/// What a listener wants of its connections.
#[derive(Clone, Copy, Debug, Default)]
pub struct ListenPolicy {
    /// We require checksums.
    pub checksum: bool,
    /// We set flag C: no joins to this address.
    pub deny_join: bool,
}

/// What a SYN with a usable `MP_CAPABLE` asked for. TCP's saved SYN keeps it for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SynOffer {
    /// The peer requires checksums.
    pub checksum: bool,
    /// The peer set flag C.
    pub deny_join: bool,
}

/// What to do about the options of a SYN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SynAnswer {
    /// Answer as plain TCP would.
    Plain,
    /// Offer MPTCP in return; see [`syn_ack_options`].
    Capable(SynOffer),
    /// It wants to join a connection: [`super::join::answer_syn`] says whether it may.
    Join(JoinSyn),
}

/// Reads the options of a SYN that a listener of ours received.
///
/// RFC 8684 3.1: a SYN without `MP_CAPABLE`, or with one that we cannot act on, is plain TCP; a
/// higher version is answered with ours.
pub fn answer_syn(options: &Options) -> SynAnswer {
    if let Some(join) = JoinSyn::read(options) {
        return SynAnswer::Join(join);
    }
    match options.capable {
        Some(Capable::Syn { flags, .. }) => SynAnswer::Capable(SynOffer {
            checksum: flags.checksum,
            deny_join: flags.deny_join,
        }),
        _ => SynAnswer::Plain,
    }
}

/// The options of the SYN/ACK that answers `offer`; the same for each retransmission.
pub fn syn_ack_options(offer: SynOffer, policy: ListenPolicy, local: Key) -> OptionSet {
    let flags = CapableFlags {
        checksum: offer.checksum || policy.checksum,
        deny_join: policy.deny_join,
    };
    OptionSet {
        lead: Some(Lead::Capable(Capable::SynAck { flags, key: local })),
        ..OptionSet::default()
    }
}

/// What a passive connection starts from.
#[derive(Clone, Copy, Debug)]
pub struct PassiveOpen {
    /// Our key, derived again.
    pub local: KeyMaterial,
    /// The key of the peer, from the third ACK.
    pub remote: KeyMaterial,
    /// Mappings carry checksums.
    pub checksum: bool,
    /// The peer set flag C: no joins to the address that it comes from.
    pub remote_deny_join: bool,
    /// The third ACK carried data and a mapping for it: the peer is verified at once.
    pub with_data: bool,
}

/// What to do with the segment that completes a handshake whose SYN offered MPTCP.
#[derive(Clone, Copy, Debug)]
pub enum ThirdAck {
    /// An MPTCP connection: [`super::Connection::passive`].
    Capable(PassiveOpen),
    /// A plain TCP connection; count it as `MPCapableFallbackACK`.
    Fallback,
}

/// Reads the options of the segment that completes a handshake, the one at SSN 1.
///
/// `local` is our key, derived again from the same segment. A key echoed wrongly means that the
/// handshake was tampered with, and that the connection is plain TCP (RFC 8684 3.1).
pub fn accept_third_ack<S: Sha256>(
    options: &Options,
    offer: SynOffer,
    policy: ListenPolicy,
    local: KeyMaterial,
) -> ThirdAck {
    let Some((flags, sender, receiver, with_data)) = third_ack_keys(options) else {
        return ThirdAck::Fallback;
    };
    if receiver != local.key {
        return ThirdAck::Fallback;
    }
    ThirdAck::Capable(PassiveOpen {
        local,
        remote: KeyMaterial::derive::<S>(sender),
        // The result of SYN and SYN/ACK holds, whatever the ACK repeats.
        checksum: offer.checksum || policy.checksum,
        remote_deny_join: offer.deny_join || flags.deny_join,
        with_data,
    })
}

/// Flags, the key of the sender, that of the receiver, and whether a mapping comes along.
pub(super) fn third_ack_keys(options: &Options) -> Option<(CapableFlags, Key, Key, bool)> {
    match options.capable? {
        Capable::Ack {
            flags,
            sender,
            receiver,
        } => Some((flags, sender, receiver, false)),
        Capable::AckData {
            flags,
            sender,
            receiver,
            ..
        } => Some((flags, sender, receiver, true)),
        _ => None,
    }
}

/// What the active side reads in a SYN/ACK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SynAckAnswer {
    /// No `MP_CAPABLE` that we can use.
    Plain,
    /// The peer speaks MPTCP.
    Capable {
        /// The peer's key and what follows from it.
        remote: KeyMaterial,
        /// The peer requires checksums.
        checksum: bool,
        /// The peer set flag C.
        deny_join: bool,
    },
}

impl SynAckAnswer {
    /// Reads the options of a SYN/ACK.
    pub fn read<S: Sha256>(options: &Options) -> Self {
        match options.capable {
            Some(Capable::SynAck { flags, key }) => Self::Capable {
                remote: KeyMaterial::derive::<S>(key),
                checksum: flags.checksum,
                deny_join: flags.deny_join,
            },
            _ => Self::Plain,
        }
    }
}
