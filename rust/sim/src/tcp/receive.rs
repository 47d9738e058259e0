// SPDX-License-Identifier: GPL-2.0

//! The receiving half: what is acceptable, and octets into their order.

use crate::bytes::Bytes;
use rust_mptcp::wire::Mapping;
use rust_mptcp::wire::Ssn;

/// Segments that may wait out of order.
const AHEAD: usize = 2048;

/// Octets that TCP delivers, with the mapping that came with them.
pub struct Arrived {
    /// The place of the first octet.
    pub ssn: Ssn,
    /// The octets.
    pub bytes: Bytes,
    /// The mapping.
    pub mapping: Option<Mapping>,
}

/// The receiving half of one end.
pub struct Receiver {
    /// The next place expected.
    pub next: Ssn,
    /// We have promised to take octets up to here.
    pub promised: Ssn,
    ahead: Vec<Arrived>,
    fin_at: Option<Ssn>,
    /// The FIN has come in order.
    pub fin_taken: bool,
    /// Segments with data that were not acknowledged.
    pub unanswered: u32,
    /// When an acknowledgement that waits goes out.
    pub ack_at: Option<u64>,
}

impl Default for Receiver {
    fn default() -> Self {
        Self {
            next: Ssn::FIRST,
            promised: Ssn::FIRST,
            ahead: Vec::new(),
            fin_at: None,
            fin_taken: false,
            unanswered: 0,
            ack_at: None,
        }
    }
}

impl Receiver {
    /// RFC 9293 3.10.7.4, with the exact RST of RFC 5961.
    pub fn accepts(&self, ssn: Ssn, span: u32, rst: bool) -> bool {
        if rst {
            return ssn == self.next;
        }
        let edge = self.promised.latest(self.next);
        if span == 0 {
            return ssn.at_or_after(self.next) && ssn.at_or_before(edge);
        }
        ssn.advance(span).after(self.next) && ssn.before(edge.latest(self.next.advance(1)))
    }

    /// Raises what we have promised.
    pub fn promise(&mut self, window: u32) {
        self.promised = self.promised.latest(self.next.advance(window));
    }

    /// What we may not take back of our promise.
    pub fn promised_window(&self) -> u32 {
        self.promised.checked_distance_from(self.next).unwrap_or(0)
    }

    /// RFC 9293 3.8.6.2.2: the window to name while `free` octets are free. It grows by no less than `step`.
    pub fn window(&self, free: u32, step: u32) -> u32 {
        let promised = self.promised_window();
        if free >= promised.saturating_add(step) {
            free
        } else {
            promised
        }
    }

    /// Keeps payload for its turn, or gives it back where that has come.
    pub fn store(
        &mut self,
        ssn: Ssn,
        mut bytes: Bytes,
        mapping: Option<Mapping>,
        fin: bool,
    ) -> Option<Arrived> {
        let end = ssn.advance(bytes.len());
        if fin && self.fin_at.is_none() {
            self.fin_at = Some(end);
        }
        let late = self.fin_taken || end.at_or_before(self.next);
        let full = self.ahead.len() >= AHEAD && ssn.after(self.next);
        if bytes.is_empty() || late || full {
            return None;
        }
        if self.ahead.is_empty() && ssn.at_or_before(self.next) {
            let known = self.next.checked_distance_from(ssn).unwrap_or(0);
            bytes.trim_front(known);
            let ssn = core::mem::replace(&mut self.next, end);
            return Some(Arrived {
                ssn,
                bytes,
                mapping,
            });
        }
        let index = self.ahead.partition_point(|one| one.ssn.before(ssn));
        // The first copy stays.
        let same = self.ahead.get(index).filter(|one| one.ssn == ssn);
        if same.is_some_and(|one| one.bytes.len() >= bytes.len()) {
            return None;
        }
        self.ahead.insert(
            index,
            Arrived {
                ssn,
                bytes,
                mapping,
            },
        );
        None
    }

    /// The next octets in order.
    pub fn take(&mut self) -> Option<Arrived> {
        loop {
            let first = self.ahead.first()?;
            if first.ssn.after(self.next) {
                return None;
            }
            let mut first = self.ahead.remove(0);
            let known = self.next.checked_distance_from(first.ssn).unwrap_or(0);
            if known >= first.bytes.len() {
                continue;
            }
            first.bytes.trim_front(known);
            first.ssn = self.next;
            self.next = self.next.advance(first.bytes.len());
            return Some(first);
        }
    }

    /// Whether something waits out of order.
    pub fn has_hole(&self) -> bool {
        !self.ahead.is_empty()
    }

    /// Whether the FIN has come in order, for the first time.
    pub fn take_fin(&mut self) -> bool {
        if self.fin_taken || self.fin_at != Some(self.next) {
            return false;
        }
        self.fin_taken = true;
        self.next = self.next.advance(1);
        true
    }

    /// Keeps nothing any more.
    pub fn forget(&mut self) {
        self.ahead = Vec::new();
        self.ack_at = None;
    }
}
