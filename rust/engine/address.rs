// SPDX-License-Identifier: GPL-2.0

//! RFC 8684 3.4: the addresses that we announce and withdraw, and those of the peer.
//!
//! What to announce, and what to do about an address of the peer, is for the path manager to
//! decide. The engine proves and checks, repeats announcements until they are echoed, echoes those
//! of the peer, and closes the subflows of an address that the peer no longer has.

use super::action::Action;
use super::connection::Connection;
use super::connection::Mode;
use super::mem::FVec;
use super::mem::NoMemory;
use super::mem::OnDemand;
use super::mib::Mib;
use super::order::Order;
use super::payload::Payload;
use super::subflow::Phase;
use super::subflow::SubflowId;
use super::time::Duration;
use super::time::Instant;
use super::timers::Timer;
use crate::wire::keys::add_addr_hmac;
use crate::wire::AddAddr;
use crate::wire::AddrId;
use crate::wire::RemoveAddr;
use core::net::IpAddr;
use core::num::NonZeroU16;

/// How often an announcement is sent again, as in-tree has it.
const REPEATS: u32 = 3;

/// The least time between two announcements: in-tree peers drop what they have not yet dealt with.
const PACE: Duration = Duration::of_millis(50);

/// Why an address cannot be announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CannotAnnounce {
    /// No option has come through yet, or the connection is plain TCP or over.
    NotOpen,
    /// The number stands for another address: withdraw that first (RFC 8684 3.4.1).
    Taken,
    /// There is no memory to remember it.
    NoMemory,
}

/// An address of ours that the peer was told of.
struct Announced {
    option: AddAddr,
    /// How often it went out.
    said: u32,
    /// It may still be echoed.
    awaited: bool,
    /// When it goes out again, or is given up.
    due: Option<Instant>,
    /// It was echoed, or given up: the path manager is still to hear of it.
    news: Option<bool>,
}

impl Announced {
    /// It is not said any more, for which there is no need or no use.
    fn give_up(&mut self, echoed: bool) {
        self.awaited = false;
        self.due = None;
        self.news = Some(echoed);
    }
}

/// What a connection has to do with addresses. With one path it has nothing.
#[derive(Default)]
pub(super) struct Addresses {
    /// Something of what follows is to be said.
    due: bool,
    /// Some announcement has news.
    news: bool,
    list: OnDemand<List>,
}

/// The addresses themselves.
#[derive(Default)]
struct List {
    announced: FVec<Announced>,
    announce: Option<AddAddr>,
    echo: Option<AddAddr>,
    remove: Option<RemoveAddr>,
}

impl Addresses {
    fn announced(&self) -> &[Announced] {
        let list = self.list.get();
        list.map_or(&[], |list| list.announced.as_slice())
    }

    fn announced_mut(&mut self) -> &mut [Announced] {
        let list = self.list.get_mut();
        list.map_or(&mut [], |list| list.announced.as_mut_slice())
    }

    /// Whether something is to be said to the peer, or to the path manager.
    pub(super) fn have_news(&self) -> bool {
        self.due | self.news
    }

    /// What became of an announcement: its number, and whether it was echoed.
    pub(super) fn take_news(&mut self) -> Option<(AddrId, bool)> {
        if !self.news {
            return None;
        }
        let found = self.announced_mut().iter_mut().find_map(|one| {
            let echoed = one.news.take()?;
            Some((one.option.id, echoed))
        });
        self.news = found.is_some();
        found
    }

    /// When the next announcement is due.
    fn next_due(&self) -> Option<Instant> {
        self.announced().iter().filter_map(|one| one.due).min()
    }
}

impl<P: Payload> Connection<P> {
    /// Announces an address of ours, or announces it once more (RFC 8684 3.4.1).
    ///
    /// [`super::PathEvent::AnnounceDone`] tells what came of it. `id` is not 0 unless the address
    /// is that of the first subflow.
    pub fn announce(
        &mut self,
        id: AddrId,
        addr: IpAddr,
        port: Option<NonZeroU16>,
        now: Instant,
    ) -> Result<(), CannotAnnounce> {
        self.now = self.now.max(now);
        let remote = self
            .remote
            .filter(|_| self.mode == Mode::Verified && !self.is_closed());
        let remote = remote.ok_or(CannotAnnounce::NotOpen)?;
        let hmac = add_addr_hmac::<P::Sha256>(self.local.key, remote.key, id, addr, port);
        let option = AddAddr {
            id,
            addr,
            port,
            hmac: Some(hmac),
        };
        let list = self.addresses.list.make();
        let list = list.map_err(|NoMemory| CannotAnnounce::NoMemory)?;
        let mut known = list.announced.iter_mut();
        match known.find(|one| one.option.id == id) {
            // RFC 8684 3.4.1: only the port may be another one.
            Some(one) if one.option.addr != addr => return Err(CannotAnnounce::Taken),
            Some(one) => {
                one.option = option;
                one.said = 0;
                one.awaited = true;
                one.due = Some(self.now);
            }
            None => {
                let one = Announced {
                    option,
                    said: 0,
                    awaited: true,
                    due: Some(self.now),
                    news: None,
                };
                let added = list.announced.push(one);
                added.map_err(|NoMemory| CannotAnnounce::NoMemory)?;
            }
        }
        self.on_announce_timer();
        Ok(())
    }

    /// Says that addresses of ours are gone (RFC 8684 3.4.2). Subflows that use them stay: see
    /// [`Connection::close_subflow`].
    pub fn withdraw(&mut self, gone: &RemoveAddr, now: Instant) {
        self.now = self.now.max(now);
        if let Some(list) = self.addresses.list.get_mut() {
            let announced = &mut list.announced;
            announced.retain(|one| !gone.ids().any(|id| id == one.option.id));
        }
        if self.mode == Mode::Verified && !self.is_closed() {
            let list = self.addresses.list.make();
            if list.map_or(true, |list| list.remove.replace(*gone).is_some()) {
                self.out.count(Mib::RmAddrTxDrop);
            }
            self.addresses.due = true;
        }
    }

    /// Whether an address with this number was announced and not withdrawn.
    pub fn is_announced(&self, id: AddrId) -> bool {
        let announced = self.addresses.announced();
        announced.iter().any(|one| one.option.id == id)
    }

    /// How many addresses are announced now.
    pub fn announced(&self) -> usize {
        self.addresses.announced().len()
    }

    /// Whether the peer was told to come to this address at this port.
    pub fn announces(&self, addr: IpAddr, port: u16) -> bool {
        let is_it = |one: &AddAddr| {
            let same = one.addr.to_canonical() == addr.to_canonical();
            same && one.port.is_some_and(|one| one.get() == port)
        };
        let mut announced = self.addresses.announced().iter();
        announced.any(|one| is_it(&one.option))
    }

    /// An announcement was not echoed in time, or is to be said for the first time.
    pub(super) fn on_announce_timer(&mut self) {
        let (now, wait) = (self.now, self.announce_wait());
        let Some(list) = self.addresses.list.get_mut() else {
            return;
        };
        let mut announced = list.announced.iter_mut();
        let due = announced.find(|one| one.due.is_some_and(|at| at <= now));
        if let Some(one) = due {
            if one.said > REPEATS {
                one.give_up(false);
                self.addresses.news = true;
            } else {
                let longest = Duration::from_secs(u32::MAX);
                // As in-tree, the next one does not wait for an echo of the last repeat.
                let last = one.said == REPEATS;
                one.due = wait.map(|wait| match last {
                    true => now.after(PACE),
                    false => now.after(wait.backed_off(one.said, longest)),
                });
                one.said = one.said.saturating_add(1);
                list.announce = Some(one.option);
                self.addresses.due = true;
            }
        }
        self.arm_announce();
    }

    fn arm_announce(&mut self) {
        match self.addresses.next_due() {
            // One after the other.
            Some(at) => self
                .timers
                .set(Timer::Announce, at.max(self.now.after(PACE))),
            None => self.timers.stop(Timer::Announce),
        }
    }

    /// How long the first echo is waited for: `None` is for ever.
    fn announce_wait(&self) -> Option<Duration> {
        let most = self.config.add_addr_timeout;
        let slowest = self.subflows.iter().map(|flow| flow.rto).max();
        let wait = slowest.unwrap_or(self.config.rto_min).min(most);
        (most > Duration::default()).then_some(wait)
    }

    /// An `ADD_ADDR` that a subflow was to say found no room ([`super::Event::AddressDropped`]).
    pub(super) fn on_address_dropped(&mut self, option: &AddAddr) {
        if option.is_echo() {
            self.out.count(Mib::EchoAddTxDrop);
            return;
        }
        self.out.count(Mib::AddAddrTxDrop);
        let mut list = self.addresses.announced_mut().iter_mut();
        // It would find none the next time either.
        if let Some(one) = list.find(|one| one.option == *option) {
            one.give_up(false);
            self.addresses.news = true;
        }
        self.arm_announce();
    }

    /// The peer announces an address, or echoes one of ours. Says whether it proved itself, which
    /// shows that it has our key.
    pub(super) fn on_add_addr(&mut self, option: &AddAddr) -> bool {
        if option.is_echo() {
            self.out.count(Mib::EchoAdd);
            self.on_echo(option);
        } else {
            let Some(remote) = self.remote else {
                return false;
            };
            let AddAddr { id, addr, port, .. } = *option;
            let hmac = add_addr_hmac::<P::Sha256>(remote.key, self.local.key, id, addr, port);
            // Whoever connects to 0.0.0.0 meets itself. To groups TCP does not connect.
            if option.hmac != Some(hmac) || addr.to_canonical().is_unspecified() {
                // RFC 8684 3.4.1: as if it had not come.
                return false;
            }
            self.out.count(Mib::AddAddr);
            if self.out.paths().announce(option).is_ok() && self.takes_addresses {
                self.echo(option);
            } else {
                self.out.count(Mib::AddAddrDrop);
            }
        }
        if option.port.is_some() {
            self.out.count(Mib::PortAdd);
        }
        !option.is_echo()
    }

    /// Confirms an announcement. Without memory the peer says it again.
    fn echo(&mut self, option: &AddAddr) {
        match self.addresses.list.make() {
            Ok(list) => list.echo = Some(option.echo()),
            Err(NoMemory) => self.out.count(Mib::EchoAddTxDrop),
        }
        self.addresses.due = true;
    }

    fn on_echo(&mut self, option: &AddAddr) {
        let mut list = self.addresses.announced_mut().iter_mut();
        let one = list.find(|one| one.awaited && one.option.echo() == *option);
        if let Some(one) = one {
            one.give_up(true);
            self.addresses.news = true;
            self.arm_announce();
        }
    }

    /// The peer no longer has these addresses (RFC 8684 3.4.2).
    ///
    /// As in-tree, and unlike the RFC, without a probe whether they are in use after all.
    pub(super) fn on_remove_addr(&mut self, gone: &RemoveAddr) {
        // Without memory nobody hears of it: then one subflow too many may be tried.
        let _heard = self.out.paths().remove(gone);
        for id in gone.ids() {
            self.out.count(Mib::RmAddr);
            while let Some(sf) = self.find_remote(id) {
                self.close_path(sf);
            }
        }
    }

    fn find_remote(&self, id: AddrId) -> Option<SubflowId> {
        let mut flows = self.subflows.iter();
        let flow = flows.find(|f| f.phase != Phase::Closing && f.ends.remote_id == id)?;
        Some(flow.id)
    }

    /// The next thing to be said about addresses, on the subflow that is best for it.
    #[inline]
    pub(super) fn take_signal(&mut self) -> Option<Action<P>> {
        if !self.addresses.due {
            return None;
        }
        self.take_due_signal()
    }

    fn take_due_signal(&mut self) -> Option<Action<P>> {
        loop {
            let list = self.addresses.list.get_mut();
            let Some(list) = list else {
                self.addresses.due = false;
                return None;
            };
            if let Some(option) = list.remove.take() {
                if let Some(action) = self.say(Order::Withdraw { option }, Some(&option)) {
                    for _ in option.ids() {
                        self.out.count(Mib::RmAddrTx);
                    }
                    return Some(action);
                }
                self.out.count(Mib::RmAddrTxDrop);
                continue;
            }
            let option = list.echo.take().or_else(|| list.announce.take());
            let Some(option) = option else {
                self.addresses.due = false;
                return None;
            };
            let drop_timestamps = self.config.add_addr_drops_timestamps;
            let order = Order::Address {
                option,
                drop_timestamps,
            };
            // What goes out is counted by whoever writes the header: there may be no room.
            if let Some(action) = self.say(order, None) {
                return Some(action);
            }
            self.out.count(if option.is_echo() {
                Mib::EchoAddTxDrop
            } else {
                Mib::AddAddrTxDrop
            });
        }
    }

    /// Has a subflow say something, one that `avoid` does not name if there is another.
    fn say(&mut self, order: Order, avoid: Option<&RemoveAddr>) -> Option<Action<P>> {
        let mut best = None;
        for flow in self.subflows.iter_mut() {
            if flow.phase != Phase::Open {
                continue;
            }
            let local = flow.ends.local_id;
            let going = avoid.is_some_and(|gone| gone.ids().any(|id| id == local));
            let rank = (going, flow.is_suspect());
            if best.as_ref().is_none_or(|(best, _)| rank < *best) {
                best = Some((rank, flow));
            }
        }
        let (_, flow) = best?;
        flow.owed.ack();
        Some(Action::Tell { sf: flow.id, order })
    }
}
