// SPDX-License-Identifier: GPL-2.0

//! RFC 8684 3.2: the handshake of a further subflow, as far as it needs no connection to change.
//!
//! A listener keeps nothing until the third ACK, as with [`super::initiate`]: [`answer_syn`],
//! [`syn_ack_options`] and [`prove_third_ack`] are functions over what TCP remembers of the SYN,
//! over the keys of the connection that its token names, and over a random number that is derived
//! again from a secret ([`crate::wire::keys::Stateless::nonce`]). Only under SYN cookies TCP
//! remembers nothing: then [`super::join_cookies`] does.
//!
//! The rest is done by the connection: [`super::Connection::join`] opens a subflow,
//! [`super::Connection::accept_join`] takes one in.

use super::mib::Mib;
use crate::wire::keys::JoinSecrets;
use crate::wire::keys::Sha256;
use crate::wire::AddrId;
use crate::wire::HmacI;
use crate::wire::Join;
use crate::wire::Key;
use crate::wire::Nonce;
use crate::wire::OptionSet;
use crate::wire::Options;
use crate::wire::Reset;
use crate::wire::ResetReason;
use crate::wire::Token;

/// What a SYN with `MP_JOIN` asks for. TCP's saved SYN keeps it for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JoinSyn {
    /// The peer wants data on this subflow only when no other works.
    pub backup: bool,
    /// The peer's number for the address that it comes from.
    pub id: AddrId,
    /// Names the connection.
    pub token: Token,
    /// The peer's random number.
    pub nonce: Nonce,
}

impl JoinSyn {
    /// Reads the options of a SYN.
    pub fn read(options: &Options) -> Option<Self> {
        match options.join {
            Some(Join::Syn {
                backup,
                id,
                token,
                nonce,
            }) => Some(Self {
                backup,
                id,
                token,
                nonce,
            }),
            _ => None,
        }
    }
}

/// What the path manager says of our address that a SYN came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalAddr {
    /// Our number for it.
    pub id: AddrId,
    /// We want data on this subflow only when no other works.
    pub backup: bool,
}

/// The port that a SYN or a third ACK came to, compared with that of the first subflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// The same.
    Same,
    /// Another one, which we announced.
    Announced,
    /// Another one.
    Other,
}

/// What a connection contributes to the handshake; from [`super::Connection::join_keys`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JoinKeys {
    /// Our key.
    pub local: Key,
    /// The peer's.
    pub remote: Key,
    /// The connection takes subflows now: options came through, and neither side has closed.
    pub open: bool,
}

/// A join that was answered; all that there is to know until its third ACK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HalfJoin {
    /// What the SYN asked for.
    pub syn: JoinSyn,
    /// Our address.
    pub local: LocalAddr,
}

/// Counters that one segment moves, by 1 each.
type Counted = [Option<Mib>; 3];

/// What to do about a SYN with `MP_JOIN`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SynVerdict {
    counted: Counted,
    /// Answer with [`syn_ack_options`], or with a RST that says this.
    pub verdict: Result<HalfJoin, Reset>,
}

impl SynVerdict {
    /// What to count.
    pub fn counted(&self) -> impl Iterator<Item = Mib> + '_ {
        self.counted.iter().flatten().copied()
    }
}

/// A RST that gives a reason.
pub(super) const fn refusal(reason: ResetReason) -> Reset {
    Reset {
        reason,
        transient: false,
    }
}

/// A join that is refused, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// To be counted.
    pub counter: Option<Mib>,
    /// What the RST says.
    pub reset: Reset,
}

impl Refused {
    pub(super) const fn because(counter: Mib, reason: ResetReason) -> Self {
        Self {
            counter: Some(counter),
            reset: refusal(reason),
        }
    }

    /// There is no memory for it: another attempt may find some.
    pub const NO_MEMORY: Self = Self {
        counter: Some(Mib::MPJoinAckNoCtx),
        reset: Reset {
            reason: ResetReason::RESOURCES,
            transient: true,
        },
    };
}

/// Answers a SYN with `MP_JOIN` that a listener of ours received.
///
/// `found` is what the token led to, `local` what the path manager knows of our address. As in-tree
/// has it, limits are looked at when the third ACK comes, and the SYN is answered whatever they
/// say. With a SYN cookie a slot of a table must be spent: then `cookie` says whether the path
/// manager would let the subflow in, and that counts at once.
pub fn answer_syn(
    syn: &JoinSyn,
    found: Option<JoinKeys>,
    door: Door,
    local: Option<LocalAddr>,
    cookie: Option<bool>,
) -> SynVerdict {
    let backup = syn.backup.then_some(Mib::MPJoinSynBackupRx);
    let (third, verdict) = judge_syn(syn, found, door, local, cookie);
    SynVerdict {
        counted: [Some(Mib::MPJoinSynRx), backup, third],
        verdict,
    }
}

fn judge_syn(
    syn: &JoinSyn,
    found: Option<JoinKeys>,
    door: Door,
    local: Option<LocalAddr>,
    cookie: Option<bool>,
) -> (Option<Mib>, Result<HalfJoin, Reset>) {
    let no = |counter, reason| (Some(counter), Err(refusal(reason)));
    let Some(keys) = found else {
        return no(Mib::MPJoinNoTokenFound, ResetReason::MPTCP);
    };
    let Some(local) = local else {
        return no(Mib::MPJoinNoIdFound, ResetReason::MPTCP);
    };
    if door == Door::Other {
        return no(Mib::MismatchPortSynRx, ResetReason::PROHIBITED);
    }
    if cookie.is_some_and(|allowed| !allowed || !keys.open) {
        return no(Mib::MPJoinRejected, ResetReason::PROHIBITED);
    }
    let counter = (door == Door::Announced).then_some(Mib::MPJoinPortSynRx);
    (counter, Ok(HalfJoin { syn: *syn, local }))
}

/// What both hosts contribute, seen from the one that answers.
fn secrets(half: &HalfJoin, keys: &JoinKeys, nonce: Nonce) -> JoinSecrets {
    JoinSecrets {
        key_i: keys.remote,
        key_r: keys.local,
        nonce_i: half.syn.nonce,
        nonce_r: nonce,
    }
}

/// The options of the SYN/ACK; the same for each retransmission. `nonce` is our random number.
pub fn syn_ack_options<S: Sha256>(half: &HalfJoin, keys: &JoinKeys, nonce: Nonce) -> OptionSet {
    OptionSet::from(Join::SynAck {
        backup: half.local.backup,
        id: half.local.id,
        hmac: secrets(half, keys, nonce).hmac_r::<S>(),
        nonce,
    })
}

/// Checks the proof of the peer on the segment that completes the handshake, the one at SSN 1.
pub fn prove_third_ack<S: Sha256>(
    options: &Options,
    half: &HalfJoin,
    keys: &JoinKeys,
    nonce: Nonce,
) -> Result<(), Refused> {
    let Some(Join::Ack { hmac }) = options.join else {
        let counter = Mib::MPJoinAckNoMPJoin;
        return Err(Refused::because(counter, ResetReason::MPTCP));
    };
    if hmac != secrets(half, keys, nonce).hmac_i::<S>() {
        let counter = Mib::MPJoinAckHMacFailure;
        return Err(Refused::because(counter, ResetReason::MPTCP));
    }
    Ok(())
}

/// What the host that sent the SYN reads in the SYN/ACK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) backup: bool,
    pub(super) id: AddrId,
    /// Our proof, for the third ACK.
    pub(super) hmac: HmacI,
}

/// Checks the proof of the peer on a SYN/ACK, and makes ours. `nonce` is our random number.
pub(super) fn read_syn_ack<S: Sha256>(
    options: &Options,
    local: Key,
    remote: Key,
    nonce: Nonce,
) -> Result<Answer, Mib> {
    let Some(Join::SynAck {
        backup,
        id,
        hmac,
        nonce: theirs,
    }) = options.join
    else {
        return Err(Mib::MPJoinSynAckNoMPJoin);
    };
    let secrets = JoinSecrets {
        key_i: local,
        key_r: remote,
        nonce_i: nonce,
        nonce_r: theirs,
    };
    // [D] Our own number sent back would let a peer without the keys reflect proofs.
    if nonce == theirs || hmac != secrets.hmac_r::<S>() {
        return Err(Mib::MPJoinSynAckHMacFailure);
    }
    Ok(Answer {
        backup,
        id,
        hmac: secrets.hmac_i::<S>(),
    })
}
