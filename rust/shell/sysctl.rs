// SPDX-License-Identifier: GPL-2.0

//! `net.mptcp.*`: the knobs of a namespace, which are the kernel's own.

use crate::engine::{Config, Duration, SchedulerKind};
use crate::sys::netns::NetRef;
use crate::sys::sysctl::{self, Found, Knob, Name};
use crate::sys::time;
use kernel::pr_warn_once;

/// Where the knobs of a namespace are; a kernel that lacks one leaves it at its default.
#[derive(Default)]
pub(super) struct Knobs {
    enabled: Option<Knob>,
    checksum_enabled: Option<Knob>,
    allow_join_initial_addr_port: Option<Knob>,
    syn_retrans_before_tcp_fallback: Option<Knob>,
    close_timeout: Option<Knob>,
    add_addr_timeout: Option<Knob>,
    add_addr_v6_port_drop_ts: Option<Knob>,
    stale_loss_cnt: Option<Knob>,
    blackhole_timeout: Option<Knob>,
    pm_type: Option<Knob>,
    scheduler: Option<Name>,
}

/// `pm_type` of connections whose paths a program manages; `path_manager` sets it too.
const USER_SPACE: u32 = 1;

/// `blackhole_timeout` where there is no such knob, in seconds.
const BLACKHOLE_TIMEOUT: u32 = 3600;

impl Knobs {
    /// Finds the knobs of a namespace. Without any, all have their defaults. Process context.
    pub(super) fn find(net: NetRef) -> Self {
        let mut knobs = Self::default();
        let found = sysctl::each(net, c"net/mptcp", |name, found| {
            let knob = match found {
                Found::Number(knob) => knob,
                Found::Name(text) => {
                    if name == b"scheduler" {
                        knobs.scheduler = Some(text);
                    }
                    return;
                }
            };
            let place = match name {
                b"enabled" => &mut knobs.enabled,
                b"checksum_enabled" => &mut knobs.checksum_enabled,
                b"allow_join_initial_addr_port" => &mut knobs.allow_join_initial_addr_port,
                b"syn_retrans_before_tcp_fallback" => &mut knobs.syn_retrans_before_tcp_fallback,
                b"close_timeout" => &mut knobs.close_timeout,
                b"add_addr_timeout" => &mut knobs.add_addr_timeout,
                b"add_addr_v6_port_drop_ts" => &mut knobs.add_addr_v6_port_drop_ts,
                b"stale_loss_cnt" => &mut knobs.stale_loss_cnt,
                b"blackhole_timeout" => &mut knobs.blackhole_timeout,
                b"pm_type" => &mut knobs.pm_type,
                _ => return,
            };
            *place = Some(knob);
        });
        if found.is_err() {
            pr_warn_once!("net.mptcp.* cannot be read: defaults are used\n");
        }
        knobs
    }

    /// `enabled`.
    pub(super) fn enabled(&self) -> bool {
        self.enabled.is_none_or(|knob| knob.get() != 0)
    }

    /// Whether programs manage the paths of new connections.
    pub(super) fn user_space_paths(&self) -> bool {
        self.pm_type.is_some_and(|knob| knob.get() == USER_SPACE)
    }

    /// `scheduler`: that of new sockets. In-tree's for a name that is not ours.
    pub(super) fn scheduler(&self) -> SchedulerKind {
        let text = self.scheduler.map(Name::get).unwrap_or_default();
        let name = text.split(|c| *c == 0).next().unwrap_or_default();
        SchedulerKind::named(name).unwrap_or_default()
    }

    /// `blackhole_timeout`, in seconds.
    pub(super) fn blackhole_timeout(&self) -> u32 {
        self.blackhole_timeout.map_or(BLACKHOLE_TIMEOUT, Knob::get)
    }

    /// What the engine is told, TCP's bounds of retransmission timeouts included.
    pub(super) fn config(&self, net: NetRef) -> Config {
        let mut config = Config::default();
        if let Some(knob) = self.checksum_enabled {
            config.checksum = knob.get() != 0;
        }
        if let Some(knob) = self.allow_join_initial_addr_port {
            config.deny_join = knob.get() == 0;
        }
        if let Some(knob) = self.syn_retrans_before_tcp_fallback {
            config.syn_retransmits = u8::try_from(knob.get()).unwrap_or(u8::MAX);
        }
        if let Some(knob) = self.close_timeout {
            config.close_timeout = Duration::from_millis(time::millis(knob.get()));
        }
        if let Some(knob) = self.add_addr_timeout {
            config.add_addr_timeout = Duration::from_millis(time::millis(knob.get()));
        }
        if let Some(knob) = self.add_addr_v6_port_drop_ts {
            config.add_addr_drops_timestamps = knob.get() != 0;
        }
        if let Some(knob) = self.stale_loss_cnt {
            config.stale_loss_count = knob.get();
        }
        let (rto_min, rto_max) = net.rto_bounds();
        config.rto_min = Duration::from_millis(rto_min.into());
        config.rto_max = Duration::from_millis(rto_max.into());
        config
    }
}
