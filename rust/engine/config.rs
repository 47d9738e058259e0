// SPDX-License-Identifier: GPL-2.0

//! What a connection is told once: the knobs of its network namespace, sampled when it is made.

use super::scheduler::SchedulerKind;
use super::time::Duration;

/// The knobs of one connection.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// We require checksums (`net.mptcp.checksum_enabled`). The peer may require them all the same.
    pub checksum: bool,
    /// We set flag C: the peer must not join our initial address (`allow_join_initial_addr_port`
    /// being 0).
    pub deny_join: bool,
    /// SYN retransmissions that still carry `MP_CAPABLE` (`syn_retrans_before_tcp_fallback`).
    pub syn_retransmits: u8,
    /// How long a connection without subflows waits for one (`close_timeout`).
    pub close_timeout: Duration,
    /// How long a connection that no program holds any more may live (`TCP_TIMEWAIT_LEN`).
    pub orphan_timeout: Duration,
    /// How long `MP_FAIL` may stay without an answer (`TCP_RTO_MAX`).
    pub fail_timeout: Duration,
    /// Which subflow gets the next bytes (`net.mptcp.scheduler`).
    pub scheduler: SchedulerKind,
    /// Losses in a row after which a subflow counts as stale; 0: none ever does
    /// (`stale_loss_cnt`).
    pub stale_loss_count: u32,
    /// The longest time that an announcement waits for its first echo; 0: announcements are never
    /// repeated (`add_addr_timeout`).
    pub add_addr_timeout: Duration,
    /// An `ADD_ADDR` that does not fit otherwise takes the place of the timestamps
    /// (`add_addr_v6_port_drop_ts`).
    pub add_addr_drops_timestamps: bool,
    /// The shortest connection-level retransmission interval (`tcp_rto_min`).
    pub rto_min: Duration,
    /// The longest one (`tcp_rto_max`).
    pub rto_max: Duration,
}

impl Config {
    /// The same, but for who gets the next bytes.
    pub const fn with_scheduler(mut self, scheduler: SchedulerKind) -> Self {
        self.scheduler = scheduler;
        self
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            checksum: false,
            deny_join: false,
            syn_retransmits: 2,
            close_timeout: Duration::from_secs(60),
            orphan_timeout: Duration::from_secs(60),
            fail_timeout: Duration::from_secs(120),
            scheduler: SchedulerKind::Default,
            stale_loss_count: 4,
            add_addr_timeout: Duration::from_secs(120),
            add_addr_drops_timestamps: true,
            rto_min: Duration::from_millis(200),
            rto_max: Duration::from_secs(120),
        }
    }
}
