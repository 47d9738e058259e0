// SPDX-License-Identifier: GPL-2.0

//! The MPTCP options of a segment to be sent (RFC 8684 3).
//!
//! Options go out in one order, the one that in-tree MPTCP uses: the handshake option, or
//! `ADD_ADDR`, or the DSS; then `MP_FAIL` or `MP_FASTCLOSE`; then `MP_TCPRST`; then `MP_PRIO`;
//! then `REMOVE_ADDR`. Each is padded with NOPs to a multiple of four octets.

use super::address::{AddAddr, RemoveAddr};
use super::capable::Capable;
use super::cursor::Writer;
use super::dss::Dss;
use super::fail::Fail;
use super::fast_close::FastClose;
use super::join::Join;
use super::prio::Prio;
use super::reset::Reset;
use super::walk::NOP;
use super::{KIND, OPTION_SPACE};

/// The option that says what the segment is for; the three exclude each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lead {
    /// Handshake of the first subflow.
    Capable(Capable),
    /// Handshake of a further subflow.
    Join(Join),
    /// Everything after a handshake.
    Dss(Dss),
}

/// Options wanted on one segment.
///
/// Whether they go together and fit is not this type's business: [`super::space::fit`] decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OptionSet {
    /// Handshake or DSS.
    pub lead: Option<Lead>,
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
    /// An `ADD_ADDR` that does not fit otherwise may take the place of the timestamps.
    ///
    /// Only the one of an IPv6 address with port ever needs it.
    pub may_drop_timestamps: bool,
}

impl From<Capable> for OptionSet {
    fn from(option: Capable) -> Self {
        Self {
            lead: Some(Lead::Capable(option)),
            ..Self::default()
        }
    }
}

impl From<Join> for OptionSet {
    fn from(option: Join) -> Self {
        Self {
            lead: Some(Lead::Join(option)),
            ..Self::default()
        }
    }
}

impl From<Dss> for OptionSet {
    #[inline]
    fn from(option: Dss) -> Self {
        Self {
            lead: Some(Lead::Dss(option)),
            ..Self::default()
        }
    }
}

impl OptionSet {
    /// Whether nothing is wanted.
    pub const fn is_empty(&self) -> bool {
        self.lead.is_none() && self.only_lead()
    }

    /// Whether nothing but the leading option is wanted.
    pub(super) const fn only_lead(&self) -> bool {
        self.add_addr.is_none()
            && self.remove_addr.is_none()
            && self.prio.is_none()
            && self.fail.is_none()
            && self.fast_close.is_none()
            && self.reset.is_none()
    }

    /// Octets on the wire, the padding of each option included.
    pub fn emitted_len(&self) -> usize {
        let lead = match &self.lead {
            None => 0,
            Some(Lead::Capable(option)) => padded(option.encoded_len()),
            Some(Lead::Join(option)) => padded(option.encoded_len()),
            Some(Lead::Dss(option)) => padded(option.encoded_len()),
        };
        if self.only_lead() {
            return lead;
        }
        [
            self.add_addr.map_or(0, |option| option.encoded_len()),
            self.remove_addr.map_or(0, |option| option.encoded_len()),
            self.prio.map_or(0, |_| Prio::ENCODED_LEN),
            self.fail.map_or(0, |_| Fail::ENCODED_LEN),
            self.fast_close.map_or(0, |_| FastClose::ENCODED_LEN),
            self.reset.map_or(0, |_| Reset::ENCODED_LEN),
        ]
        .into_iter()
        .fold(lead, |sum, len| sum.saturating_add(padded(len)))
    }

    /// Writes the options to the front of `area` and tells how many octets they took.
    ///
    /// `None` if they do not fit; `area` then holds a part of them.
    pub fn emit(&self, area: &mut [u8; OPTION_SPACE]) -> Option<usize> {
        let mut writer = Writer::new(area);
        self.emit_to(&mut writer);
        writer.finish()
    }

    /// Writes the options where `writer` stands.
    #[inline]
    pub(super) fn emit_to(&self, writer: &mut Writer<'_>) {
        if let Some(option) = &self.add_addr {
            put(writer, option.encoded_len(), |w| option.emit(w));
        }
        match &self.lead {
            None => {}
            Some(Lead::Dss(option)) => put(writer, option.encoded_len(), |w| option.emit(w)),
            Some(Lead::Capable(option)) => put(writer, option.encoded_len(), |w| option.emit(w)),
            Some(Lead::Join(option)) => put(writer, option.encoded_len(), |w| option.emit(w)),
        }
        if !self.only_lead() {
            self.emit_rest(writer);
        }
    }

    fn emit_rest(&self, writer: &mut Writer<'_>) {
        if let Some(option) = &self.fail {
            put(writer, Fail::ENCODED_LEN, |w| option.emit(w));
        }
        if let Some(option) = &self.fast_close {
            put(writer, FastClose::ENCODED_LEN, |w| option.emit(w));
        }
        if let Some(option) = &self.reset {
            put(writer, Reset::ENCODED_LEN, |w| option.emit(w));
        }
        if let Some(option) = &self.prio {
            put(writer, Prio::ENCODED_LEN, |w| option.emit(w));
        }
        if let Some(option) = &self.remove_addr {
            put(writer, option.encoded_len(), |w| option.emit(w));
        }
    }
}

/// Writes kind and length, then `body`, then padding.
#[inline]
pub(super) fn put(writer: &mut Writer<'_>, len: usize, body: impl FnOnce(&mut Writer<'_>)) {
    // No option is longer than 40 octets.
    writer.array([KIND, u8::try_from(len).unwrap_or(u8::MAX)]);
    body(writer);
    for _ in len..padded(len) {
        writer.u8(NOP);
    }
}

/// `len` rounded up to a multiple of four.
pub(super) const fn padded(len: usize) -> usize {
    len.saturating_add(3) & !3
}

#[cfg(test)]
pub(super) mod tests;
