// SPDX-License-Identifier: GPL-2.0

//! The MPTCP options of a received segment (RFC 8684 3).
//!
//! What a segment may carry, and what may travel together, is decided here and nowhere else. An
//! option that breaks a rule is as good as absent; [`Rejected`] tells which rule, for counters and
//! for the few places where the protocol wants more than ignoring.

use super::address::{AddAddr, RemoveAddr};
use super::capable::{Capable, Unusable};
use super::dss::Dss;
use super::fail::Fail;
use super::fast_close::FastClose;
use super::join::Join;
use super::prio::Prio;
use super::reset::Reset;
use super::walk::Walk;
use super::{Refusal, Subtype, Subtypes, KIND};

/// What the TCP header says about a segment, as far as its options depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentKind {
    /// SYN without ACK.
    Syn,
    /// SYN and ACK.
    SynAck,
    /// Neither SYN nor RST.
    NonSyn {
        /// Octets of payload, a FIN not counted.
        payload_len: u32,
    },
    /// RST.
    Rst,
}

/// The options of one segment, each at most once: the first that keeps the rules wins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// `MP_CAPABLE`.
    pub capable: Option<Capable>,
    /// `MP_JOIN`.
    pub join: Option<Join>,
    /// Data sequence signal.
    pub dss: Option<Dss>,
    /// `ADD_ADDR`.
    pub add_addr: Option<AddAddr>,
    /// `REMOVE_ADDR`.
    pub remove_addr: Option<RemoveAddr>,
    /// `MP_PRIO`.
    pub prio: Option<Prio>,
    /// `MP_FAIL`.
    pub fail: Option<Fail>,
    /// `MP_FASTCLOSE`.
    pub fast_close: Option<FastClose>,
    /// `MP_TCPRST`.
    pub reset: Option<Reset>,
    /// Why a well-formed `MP_CAPABLE` was of no use to us, where no usable one was found.
    pub unusable: Option<Unusable>,
    /// What was taken: those of the fields above that are not `None`.
    pub taken: Subtypes,
    /// What was not.
    pub rejected: Rejected,
}

/// Options that were dropped, by the rule that they broke.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rejected {
    /// A length that subtype, flags and segment do not allow.
    pub malformed: Subtypes,
    /// A second instance.
    pub duplicate: Subtypes,
    /// Must not travel with an option that came before it on the same segment.
    pub excluded: Subtypes,
    /// Must not travel on this kind of segment.
    pub misplaced: Subtypes,
    /// The list of options broke off at a bad length.
    pub broken_list: bool,
}

impl Rejected {
    /// Whether nothing was.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Options {
    /// Whether the segment carries no MPTCP option that we take.
    pub const fn is_empty(&self) -> bool {
        self.taken.is_empty()
    }

    /// Takes in a whole list. Apart from [`parse`], so that this is written where the caller wants it and not copied.
    fn read(&mut self, area: &[u8], segment: SegmentKind) {
        let mut walk = Walk::new(area);
        for item in walk.by_ref() {
            if item.kind == KIND && !self.add_first_dss(item.body, segment) {
                self.add(item.body, segment);
            }
        }
        self.rejected.broken_list = walk.is_broken();
    }

    /// The common case, kept short: a DSS, and nothing before it to compare with.
    #[inline]
    fn add_first_dss(&mut self, body: &[u8], segment: SegmentKind) -> bool {
        let is_dss = body.first().copied().and_then(Subtype::of) == Some(Subtype::Dss);
        if !is_dss || !self.taken.is_empty() || !Subtype::Dss.may_travel_on(segment) {
            return false;
        }
        self.dss = Dss::parse(body).ok();
        if self.dss.is_some() {
            self.taken = Subtype::Dss.alone();
        }
        self.dss.is_some()
    }

    /// Takes in the option whose octets after kind and length are `body`.
    #[inline(never)]
    fn add(&mut self, body: &[u8], segment: SegmentKind) {
        // An option without a subtype, or with one that nobody has assigned, is skipped.
        let Some(subtype) = body.first().copied().and_then(Subtype::of) else {
            return;
        };
        let parsed = if subtype.may_travel_on(segment) {
            self.parse_into(subtype, body, segment)
        } else {
            Err(Refusal::Segment)
        };
        match parsed {
            Ok(()) => {}
            Err(Refusal::Length) => self.rejected.malformed.insert(subtype),
            Err(Refusal::Segment) => self.rejected.misplaced.insert(subtype),
            Err(Refusal::Unusable(reason)) if self.capable.is_none() => {
                self.unusable = self.unusable.or(Some(reason));
            }
            Err(Refusal::Unusable(_)) => self.rejected.duplicate.insert(subtype),
        }
    }

    /// Reads a well-placed option and keeps it if the rules of company allow.
    fn parse_into(
        &mut self,
        subtype: Subtype,
        body: &[u8],
        segment: SegmentKind,
    ) -> Result<(), Refusal> {
        match subtype {
            Subtype::Dss => {
                let option = Dss::parse(body)?;
                self.admit(subtype, segment, |s| s.dss = Some(option));
            }
            Subtype::Capable => {
                let option = Capable::parse(body, segment)?;
                self.admit(subtype, segment, |s| {
                    s.capable = Some(option);
                    s.unusable = None;
                });
            }
            Subtype::Join => {
                let option = Join::parse(body, segment)?;
                self.admit(subtype, segment, |s| s.join = Some(option));
            }
            Subtype::AddAddr => {
                let option = AddAddr::parse(body)?;
                self.admit(subtype, segment, |s| s.add_addr = Some(option));
            }
            Subtype::RemoveAddr => {
                let option = RemoveAddr::parse(body)?;
                self.admit(subtype, segment, |s| s.remove_addr = Some(option));
            }
            Subtype::Prio => {
                let option = Prio::parse(body)?;
                self.admit(subtype, segment, |s| s.prio = Some(option));
            }
            Subtype::Fail => {
                let option = Fail::parse(body)?;
                self.admit(subtype, segment, |s| s.fail = Some(option));
            }
            Subtype::FastClose => {
                let option = FastClose::parse(body)?;
                self.admit(subtype, segment, |s| s.fast_close = Some(option));
            }
            Subtype::Reset => {
                let option = Reset::parse(body)?;
                self.admit(subtype, segment, |s| s.reset = Some(option));
            }
        }
        Ok(())
    }

    /// Stores an option unless there is one already, or one that excludes it.
    #[inline]
    fn admit(&mut self, subtype: Subtype, segment: SegmentKind, store: impl FnOnce(&mut Self)) {
        if self.taken.contains(subtype) {
            self.rejected.duplicate.insert(subtype);
        } else if !self.taken.is_within(subtype.companions(segment)) {
            self.rejected.excluded.insert(subtype);
        } else {
            self.taken.insert(subtype);
            store(self);
        }
    }
}

/// Reads the MPTCP options out of `area`, the options of a TCP header.
///
/// Never fails: what breaks a rule is ignored and noted in [`Options::rejected`].
#[inline]
pub fn parse(area: &[u8], segment: SegmentKind) -> Options {
    let mut options = Options::default();
    options.read(area, segment);
    options
}

impl Subtype {
    /// Whether an option of this subtype means anything on `segment`.
    const fn may_travel_on(self, segment: SegmentKind) -> bool {
        match segment {
            SegmentKind::Syn | SegmentKind::SynAck => matches!(self, Self::Capable | Self::Join),
            SegmentKind::NonSyn { .. } => !matches!(self, Self::Reset),
            SegmentKind::Rst => matches!(self, Self::Fail | Self::FastClose | Self::Reset),
        }
    }

    /// The subtypes that may be on a segment together with this one.
    pub(super) const fn companions(self, segment: SegmentKind) -> Subtypes {
        // On a SYN and a SYN/ACK the handshake travels alone; there is nothing else anyway.
        let SegmentKind::NonSyn { .. } = segment else {
            return match self {
                Self::Fail | Self::FastClose => Subtypes::of(&[Self::Reset]),
                Self::Reset => Subtypes::of(&[Self::Fail, Self::FastClose]),
                _ => Subtypes::NONE,
            };
        };
        match self {
            Self::Capable => Subtypes::of(&[Self::RemoveAddr]),
            Self::Join => Subtypes::of(&[Self::RemoveAddr, Self::Prio]),
            Self::Dss => Subtypes::of(&[
                Self::AddAddr,
                Self::RemoveAddr,
                Self::Prio,
                Self::Fail,
                Self::FastClose,
            ]),
            Self::AddAddr => Subtypes::of(&[Self::Dss, Self::RemoveAddr, Self::Prio]),
            Self::RemoveAddr => Subtypes::of(&[
                Self::Capable,
                Self::Join,
                Self::Dss,
                Self::AddAddr,
                Self::Prio,
            ]),
            Self::Prio => Subtypes::of(&[Self::Join, Self::Dss, Self::AddAddr, Self::RemoveAddr]),
            Self::Fail | Self::FastClose => Subtypes::of(&[Self::Dss]),
            Self::Reset => Subtypes::NONE,
        }
    }
}

#[cfg(test)]
mod tests;
