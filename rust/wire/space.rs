// SPDX-License-Identifier: GPL-2.0

//! The 40 octets of TCP options as a budget: what fits, and what yields (RFC 8684 appendix A).
//!
//! TCP has written its options already. Ours go behind them, yet before SACK, which gets what is
//! left, as in-tree MPTCP has it. Where even that is too much, things yield in this order:
//!
//! 1. a `DATA_ACK` of 8 octets becomes one of 4;
//! 2. `REMOVE_ADDR`, then `MP_PRIO` wait for another segment;
//! 3. `MP_TCPRST`, which is advice only;
//! 4. the mapping of a lone `DATA_FIN`, beside an `MP_FAIL` or `MP_FASTCLOSE`;
//! 5. `MP_FAIL`, then `MP_FASTCLOSE`;
//! 6. the `DATA_ACK`, then the mapping, then the handshake.
//!
//! Of TCP's own options only two ever yield: a TCP Fast Open cookie to a handshake (on a SYN/ACK
//! the timestamps go first, and the cookie stays), and the timestamps to an `ADD_ADDR` whose sender
//! allows it.

use super::capable::Capable;
use super::cursor::Writer;
use super::dss::{self, Dss};
use super::emit::{padded, put, Lead, OptionSet};
use super::join::Join;
use super::walk::{Item, Walk, NOP, SACK, TIMESTAMPS};
use super::OPTION_SPACE;

/// Octets that data segments need beside timestamps: what to take off the MSS.
pub const DATA_RESERVE: usize = dss::MAX_LEN;

/// The options of a segment, complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fitted {
    /// The octets; only the first `len` count.
    pub area: [u8; OPTION_SPACE],
    /// How many octets count, a multiple of four.
    pub len: u8,
    /// What had to yield.
    pub dropped: Dropped,
}

/// What yielded for want of space or because the rules of company forbid it.
///
/// What names an option of ours means that it is still to be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// SACK blocks taken off the end.
    pub sack_blocks: u8,
    /// The timestamps of TCP.
    pub timestamps: bool,
    /// The TCP Fast Open cookie.
    pub fast_open: bool,
    /// The `DATA_ACK` went out in 4 octets instead of 8.
    pub shortened_ack: bool,
    /// The `DATA_ACK`.
    pub data_ack: bool,
    /// The mapping.
    pub map: bool,
    /// `MP_CAPABLE` or `MP_JOIN`.
    pub handshake: bool,
    /// `ADD_ADDR`.
    pub add_addr: bool,
    /// `REMOVE_ADDR`.
    pub remove_addr: bool,
    /// `MP_PRIO`.
    pub prio: bool,
    /// `MP_FAIL`.
    pub fail: bool,
    /// `MP_FASTCLOSE`.
    pub fast_close: bool,
    /// `MP_TCPRST`.
    pub reset: bool,
}

/// Puts `want` among `existing`, the options as TCP wrote them.
///
/// Called for every segment that a subflow sends, so the common case is short: timestamps or
/// nothing from TCP, and one option of ours.
///
/// Options that cannot be told apart, which TCP never writes, are left alone and nothing is added.
#[inline]
pub fn fit(existing: &[u8], want: &OptionSet) -> Fitted {
    if want.only_lead() && is_plain(existing) {
        let mut area = [NOP; OPTION_SPACE];
        let mut writer = Writer::new(&mut area);
        match <[u8; 12]>::try_from(existing) {
            Ok(timestamps) => writer.array(timestamps),
            Err(_) => writer.slice(existing),
        }
        want.emit_to(&mut writer);
        if let Some(len) = writer.finish() {
            return Fitted::new(area, len, Dropped::default());
        }
    }
    fit_by_rules(existing, want)
}

/// [`fit`] for a DSS alone beside what TCP usually writes, in few steps: the octets, and how many count. `None` for anything
/// else.
#[inline]
pub fn fit_dss(existing: &[u8], dss: &Dss) -> Option<([u8; OPTION_SPACE], u8)> {
    if !is_plain(existing) {
        return None;
    }
    let mut area = [NOP; OPTION_SPACE];
    let mut writer = Writer::new(&mut area);
    if let Ok(timestamps) = <[u8; 12]>::try_from(existing) {
        writer.array(timestamps);
    }
    put(&mut writer, dss.encoded_len(), |w| dss.emit(w));
    let len = writer.finish()?;
    Some((area, u8::try_from(len).ok()?))
}

/// Whether TCP wrote nothing, or timestamps in the customary place and nothing else.
#[inline]
fn is_plain(existing: &[u8]) -> bool {
    matches!(
        existing,
        [] | [NOP, NOP, TIMESTAMPS, 10, _, _, _, _, _, _, _, _]
    )
}

fn fit_by_rules(existing: &[u8], want: &OptionSet) -> Fitted {
    let Some(tcp) = TcpOptions::read(existing) else {
        return untouched(existing, want);
    };
    let mut plan = Plan {
        set: *want,
        keep: Keep::ALL,
        dropped: Dropped::default(),
    };
    plan.keep_company();
    if !plan.announce_alone(&tcp) {
        plan.make_room_for_handshake(&tcp);
        plan.shed(tcp.room(plan.keep));
    }
    plan.assemble(&tcp)
}

/// TCP's options as they are, for a segment to which nothing can be added.
fn untouched(existing: &[u8], want: &OptionSet) -> Fitted {
    let mut area = [NOP; OPTION_SPACE];
    let existing = existing.get(..OPTION_SPACE).unwrap_or(existing);
    let mut writer = Writer::new(&mut area);
    writer.slice(existing);
    let mut plan = Plan {
        set: *want,
        keep: Keep::ALL,
        dropped: Dropped::default(),
    };
    for step in Step::ALL {
        plan.give_up(step);
    }
    plan.dropped.add_addr = want.add_addr.is_some();
    Fitted::new(area, padded(existing.len()), plan.dropped)
}

impl Fitted {
    /// The octets that count.
    pub fn options(&self) -> &[u8] {
        self.area.get(..usize::from(self.len)).unwrap_or(&self.area)
    }

    #[inline]
    fn new(area: [u8; OPTION_SPACE], len: usize, dropped: Dropped) -> Self {
        Self {
            area,
            // Never more than 40.
            len: u8::try_from(len).unwrap_or(0),
            dropped,
        }
    }
}

/// Which of TCP's own options stay. SACK is dealt with apart.
#[derive(Clone, Copy, Debug)]
struct Keep {
    timestamps: bool,
    fast_open: bool,
}

impl Keep {
    const ALL: Self = Self {
        timestamps: true,
        fast_open: true,
    };

    fn keeps(self, item: &Item<'_>) -> bool {
        match item.kind {
            SACK => false,
            TIMESTAMPS => self.timestamps,
            _ => self.fast_open || !item.is_fast_open(),
        }
    }
}

/// The options that TCP wrote.
#[derive(Clone, Copy, Debug)]
struct TcpOptions<'a> {
    area: &'a [u8],
    has_timestamps: bool,
    has_fast_open: bool,
    /// The blocks of the SACK option, 8 octets each.
    sack_blocks: &'a [u8],
}

impl<'a> TcpOptions<'a> {
    /// `None` where the list is broken or longer than a header can hold.
    fn read(area: &'a [u8]) -> Option<Self> {
        let mut options = Self {
            area,
            has_timestamps: false,
            has_fast_open: false,
            sack_blocks: &[],
        };
        let mut walk = Walk::new(area);
        for item in walk.by_ref() {
            options.has_timestamps |= item.kind == TIMESTAMPS;
            options.has_fast_open |= item.is_fast_open();
            if item.kind == SACK {
                options.sack_blocks = item.body;
            }
        }
        (area.len() <= OPTION_SPACE && !walk.is_broken()).then_some(options)
    }

    /// Writes those options that stay, aligned as they were, and padding to a multiple of four.
    ///
    /// What goes takes the padding before it along, and leaves as much as the alignment of what
    /// follows needs.
    fn write(&self, keep: Keep, writer: &mut Writer<'_>) {
        let mut padding = 0_usize;
        let mut end = 0_usize;
        for item in Walk::new(self.area) {
            let gap = item.offset.saturating_sub(end);
            end = item.offset.saturating_add(item.bytes.len());
            if keep.keeps(&item) {
                pad(writer, padding.saturating_add(gap));
                writer.slice(item.bytes);
                padding = 0;
            } else {
                padding = padding.saturating_add(gap.saturating_add(item.bytes.len()) & 3);
            }
        }
        let used = writer.used();
        pad(writer, padded(used).saturating_sub(used));
    }

    /// Octets that are left for us, SACK not counted.
    fn room(&self, keep: Keep) -> usize {
        let mut area = [NOP; OPTION_SPACE];
        let mut writer = Writer::new(&mut area);
        self.write(keep, &mut writer);
        OPTION_SPACE.saturating_sub(writer.used())
    }
}

fn pad(writer: &mut Writer<'_>, octets: usize) {
    for _ in 0..octets {
        writer.u8(NOP);
    }
}

/// Something of ours that can yield.
#[derive(Clone, Copy, Debug)]
enum Step {
    RemoveAddr,
    Prio,
    Reset,
    LoneDataFin,
    Fail,
    FastClose,
    DataAck,
    Map,
    Handshake,
}

impl Step {
    /// The order in which things yield.
    const ALL: [Self; 9] = [
        Self::RemoveAddr,
        Self::Prio,
        Self::Reset,
        Self::LoneDataFin,
        Self::Fail,
        Self::FastClose,
        Self::DataAck,
        Self::Map,
        Self::Handshake,
    ];
}

/// What will go out, as decided so far.
#[derive(Clone, Copy, Debug)]
struct Plan {
    set: OptionSet,
    keep: Keep,
    dropped: Dropped,
}

impl Plan {
    /// Drops what must not travel with what is more important.
    fn keep_company(&mut self) {
        if self.set.reset.is_some() {
            // A reset says why, and nothing about data.
            for step in [Step::DataAck, Step::Map, Step::Handshake] {
                self.give_up(step);
            }
        }
        if self.set.fast_close.is_some() {
            self.give_up(Step::Fail);
        }
        let handshake = matches!(self.set.lead, Some(Lead::Capable(_) | Lead::Join(_)));
        if handshake {
            self.give_up(Step::Fail);
            self.give_up(Step::FastClose);
        }
        let last_words = self.set.fail.is_some() || self.set.fast_close.is_some();
        let alone = last_words || self.set.reset.is_some();
        if alone || handshake {
            self.give_up_add_addr();
        }
        if alone || self.is_handshake_without_prio() {
            self.give_up(Step::Prio);
        }
        if alone || self.is_syn() || self.is_syn_ack() {
            self.give_up(Step::RemoveAddr);
        }
    }

    fn is_syn(&self) -> bool {
        matches!(
            self.set.lead,
            Some(Lead::Capable(Capable::Syn { .. }) | Lead::Join(Join::Syn { .. }))
        )
    }

    fn is_syn_ack(&self) -> bool {
        matches!(
            self.set.lead,
            Some(Lead::Capable(Capable::SynAck { .. }) | Lead::Join(Join::SynAck { .. }))
        )
    }

    /// Only the last step of `MP_JOIN` may have `MP_PRIO` beside it.
    fn is_handshake_without_prio(&self) -> bool {
        matches!(
            self.set.lead,
            Some(Lead::Capable(_) | Lead::Join(Join::Syn { .. } | Join::SynAck { .. }))
        )
    }

    /// Lets an `ADD_ADDR` take the segment for itself if it can, and tells whether it did.
    ///
    /// It travels on a pure ACK, in place of the DSS, as in-tree MPTCP sends it and filters in the
    /// field expect it. Next to a mapping it has to wait.
    fn announce_alone(&mut self, tcp: &TcpOptions<'_>) -> bool {
        let Some(option) = self.set.add_addr else {
            return false;
        };
        let needs = padded(option.encoded_len());
        let without_timestamps = Keep {
            timestamps: false,
            ..self.keep
        };
        if matches!(self.set.lead, Some(Lead::Dss(Dss { map: Some(_), .. }))) {
            self.give_up_add_addr();
            return false;
        }
        if needs > tcp.room(self.keep) {
            if !self.set.may_drop_timestamps || needs > tcp.room(without_timestamps) {
                self.give_up_add_addr();
                return false;
            }
            self.keep = without_timestamps;
            self.dropped.timestamps = true;
        }
        self.give_up(Step::DataAck);
        self.set.lead = None;
        self.give_up(Step::RemoveAddr);
        if self.set.emitted_len() > tcp.room(self.keep) {
            self.give_up(Step::Prio);
        }
        true
    }

    /// Takes away what yields to a handshake: a Fast Open cookie, or timestamps in its favour.
    fn make_room_for_handshake(&mut self, tcp: &TcpOptions<'_>) {
        if !tcp.has_fast_open || !(self.is_syn() || self.is_syn_ack()) {
            return;
        }
        let needs = self.set.emitted_len();
        let keeps: &[Keep] = if self.is_syn() {
            &[Keep::ALL, Keep::NO_COOKIE]
        } else {
            &[Keep::ALL, Keep::NO_TIMESTAMPS, Keep::NO_COOKIE]
        };
        let fits = keeps.iter().find(|&&keep| needs <= tcp.room(keep));
        if let Some(&keep) = fits {
            self.dropped.timestamps = tcp.has_timestamps && !keep.timestamps;
            self.dropped.fast_open = !keep.fast_open;
            self.keep = keep;
        }
    }

    /// Gives up one thing after the other until the rest fits into `room` octets.
    fn shed(&mut self, room: usize) {
        for step in Step::ALL {
            if self.set.emitted_len() <= room || self.shorten_ack(room) {
                return;
            }
            self.give_up(step);
        }
    }

    /// Puts the `DATA_ACK` into 4 octets if that makes everything fit.
    fn shorten_ack(&mut self, room: usize) -> bool {
        let Some(Lead::Dss(dss)) = self.set.lead else {
            return false;
        };
        let data_ack = dss.data_ack.map(|number| number.shortened());
        let mut set = self.set;
        set.lead = Some(Lead::Dss(Dss { data_ack, ..dss }));
        let fits = set.emitted_len() <= room;
        if fits {
            self.set = set;
            self.dropped.shortened_ack = true;
        }
        fits
    }

    fn give_up_add_addr(&mut self) {
        self.dropped.add_addr |= self.set.add_addr.take().is_some();
    }

    fn give_up(&mut self, step: Step) {
        let Self { set, dropped, .. } = self;
        match (step, &mut set.lead) {
            (Step::RemoveAddr, _) => dropped.remove_addr |= set.remove_addr.take().is_some(),
            (Step::Prio, _) => dropped.prio |= set.prio.take().is_some(),
            (Step::Reset, _) => dropped.reset |= set.reset.take().is_some(),
            (Step::Fail, _) => dropped.fail |= set.fail.take().is_some(),
            (Step::FastClose, _) => dropped.fast_close |= set.fast_close.take().is_some(),
            (Step::LoneDataFin, Some(Lead::Dss(dss))) => {
                let beside = set.fail.is_some() || set.fast_close.is_some();
                if beside
                    && dss
                        .map
                        .is_some_and(|m| m.has_data_fin() && m.payload_len() == 0)
                {
                    dss.map = None;
                    dropped.map = true;
                }
            }
            (Step::DataAck, Some(Lead::Dss(dss))) => {
                dropped.data_ack |= dss.data_ack.take().is_some();
                if dss.map.is_none() {
                    set.lead = None;
                }
            }
            (Step::Map, Some(Lead::Dss(dss))) => {
                dropped.map |= dss.map.take().is_some();
                if dss.data_ack.is_none() {
                    set.lead = None;
                }
            }
            (Step::Handshake, lead @ Some(Lead::Capable(_) | Lead::Join(_))) => {
                *lead = None;
                dropped.handshake = true;
            }
            (Step::LoneDataFin | Step::DataAck | Step::Map | Step::Handshake, _) => {}
        }
    }

    /// Writes TCP's options, ours, and as many SACK blocks as still fit.
    fn assemble(mut self, tcp: &TcpOptions<'_>) -> Fitted {
        let mut area = [NOP; OPTION_SPACE];
        let mut writer = Writer::new(&mut area);
        tcp.write(self.keep, &mut writer);
        self.set.emit_to(&mut writer);
        let room = OPTION_SPACE.saturating_sub(writer.used());
        let (kept, lost) = split_sack(tcp.sack_blocks, room);
        if !kept.is_empty() {
            let len = kept.len().saturating_add(2);
            writer.array([NOP, NOP, SACK, u8::try_from(len).unwrap_or(u8::MAX)]);
            writer.slice(kept);
        }
        self.dropped.sack_blocks = lost;
        let len = writer.used();
        Fitted::new(area, len, self.dropped)
    }
}

impl Keep {
    const NO_COOKIE: Self = Self {
        timestamps: true,
        fast_open: false,
    };
    const NO_TIMESTAMPS: Self = Self {
        timestamps: false,
        fast_open: true,
    };
}

/// The SACK blocks that fit into `room` octets, and the number of those that do not.
fn split_sack(blocks: &[u8], room: usize) -> (&[u8], u8) {
    let have = blocks.len() / 8;
    let fit = (room.saturating_sub(4) / 8).min(have);
    let kept = blocks.get(..fit.saturating_mul(8)).unwrap_or(&[]);
    (
        kept,
        u8::try_from(have.saturating_sub(fit)).unwrap_or(u8::MAX),
    )
}

#[cfg(test)]
mod tests;
