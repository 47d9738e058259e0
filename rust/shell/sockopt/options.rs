// SPDX-License-Identifier: GPL-2.0

//! Options that programs set, for those that no field of the C socket keeps.

use super::read_rate::ReadRate;
use crate::engine::SchedulerKind;
use kernel::sync::atomic::{ordering, Atomic};

/// See the module. Written under the socket's lock.
#[derive(Default)]
pub(crate) struct Options {
    /// TCP_INQ.
    pub(super) inq: Word,
    /// TCP_NOTSENT_LOWAT; 0 if not set, as are all that follow.
    pub(super) notsent_lowat: Word,
    pub(super) cork: Word,
    pub(super) nodelay: Word,
    pub(super) keep_idle: Word,
    pub(super) keep_interval: Word,
    pub(super) keep_count: Word,
    pub(super) max_segment: Word,
    /// MPTCP_SCHEDULER: its place in `SchedulerKind::ALL`.
    scheduler: Word,
    /// The name of TCP_CONGESTION; all zeroes if not set.
    congestion: [LongWord; 2],
    released: Word,
    hooked: Word,
    /// A [`Parting`].
    parting: Word,
    pub(crate) read_rate: ReadRate,
}

/// How it stands with [`super::super::connect::part`].
#[derive(Clone, Copy)]
pub(crate) enum Parting {
    /// Nothing is to be done, or no more.
    Done,
    /// The connection is, or will be, one that we opened.
    Due,
    /// The socket has listened.
    Never,
}

/// The kernel's atomic, with a default.
pub(super) struct Word(Atomic<u32>);

impl Default for Word {
    fn default() -> Self {
        Self(Atomic::new(0))
    }
}

impl Word {
    pub(super) fn get(&self) -> u32 {
        self.0.load(ordering::Relaxed)
    }

    pub(super) fn set(&self, value: u32) {
        self.0.store(value, ordering::Relaxed);
    }
}

/// As [`Word`].
struct LongWord(Atomic<u64>);

impl Default for LongWord {
    fn default() -> Self {
        Self(Atomic::new(0))
    }
}

impl Options {
    /// What an accepted socket takes over from its listener.
    pub(crate) fn inherit(&self) -> Self {
        let new = Self::default();
        let words = [
            (&new.inq, &self.inq),
            (&new.notsent_lowat, &self.notsent_lowat),
            (&new.cork, &self.cork),
            (&new.nodelay, &self.nodelay),
            (&new.keep_idle, &self.keep_idle),
            (&new.keep_interval, &self.keep_interval),
            (&new.keep_count, &self.keep_count),
            (&new.max_segment, &self.max_segment),
            (&new.scheduler, &self.scheduler),
        ];
        for (to, from) in words {
            to.set(from.get());
        }
        for (to, from) in new.congestion.iter().zip(&self.congestion) {
            to.0.store(from.0.load(ordering::Relaxed), ordering::Relaxed);
        }
        new
    }

    /// TCP_INQ.
    pub(crate) fn inq(&self) -> bool {
        self.inq.get() != 0
    }

    /// TCP_NOTSENT_LOWAT, if set.
    pub(crate) fn notsent_lowat(&self) -> Option<u32> {
        Some(self.notsent_lowat.get()).filter(|bytes| *bytes != 0)
    }

    /// Which subflow gets the next bytes.
    pub(crate) fn scheduler(&self) -> SchedulerKind {
        let place = usize::try_from(self.scheduler.get()).ok();
        let kind = place.and_then(|place| SchedulerKind::ALL.get(place));
        kind.copied().unwrap_or_default()
    }

    pub(crate) fn set_scheduler(&self, kind: SchedulerKind) {
        let place = SchedulerKind::ALL.iter().position(|one| *one == kind);
        let place = place.and_then(|place| u32::try_from(place).ok());
        self.scheduler.set(place.unwrap_or(0));
    }

    /// The name of TCP_CONGESTION, padded with zeroes, if set.
    pub(super) fn congestion(&self) -> Option<[u8; 16]> {
        let mut name = [0; 16];
        for (to, word) in name.chunks_exact_mut(8).zip(&self.congestion) {
            let bytes = word.0.load(ordering::Relaxed).to_ne_bytes();
            for (to, from) in to.iter_mut().zip(bytes) {
                *to = from;
            }
        }
        Some(name).filter(|name| name.first() != Some(&0))
    }

    /// Keeps the name of TCP_CONGESTION.
    pub(super) fn set_congestion(&self, name: [u8; 16]) {
        for (word, bytes) in self.congestion.iter().zip(name.chunks_exact(8)) {
            let bytes = bytes.first_chunk::<8>().copied().unwrap_or_default();
            word.0.store(u64::from_ne_bytes(bytes), ordering::Relaxed);
        }
    }

    /// Whether [`super::super::connect::part`] has something to do.
    #[inline]
    pub(crate) fn may_part(&self) -> bool {
        self.parting.get() == Parting::Due as u32
    }

    pub(crate) fn set_parting(&self, to: Parting) {
        if self.parting.get() != Parting::Never as u32 {
            self.parting.set(to as u32);
        }
    }

    /// Whether the namespace's hooks are held for this socket.
    pub(crate) fn hooked(&self) -> bool {
        self.hooked.0.load(ordering::Relaxed) != 0
    }

    /// Notes that the hooks are held for this socket, or no more; says what was noted before.
    pub(crate) fn set_hooked(&self, on: bool) -> bool {
        self.hooked.0.xchg(on.into(), ordering::Full) != 0
    }

    /// Whether the socket was released before; says so once.
    pub(crate) fn released(&self) -> bool {
        self.released.0.xchg(1, ordering::Full) != 0
    }
}
