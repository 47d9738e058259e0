// SPDX-License-Identifier: GPL-2.0

//! RFC 6182 5.3: how much a connection keeps that the peer has not acknowledged.
//!
//! A byte on a fast path is acknowledged at the level of the connection only when those before it are,
//! which may be on a slow one. So while a slow path takes its round trip all others need something to
//! send: twice the sum of the rates, times the longest round trip time. TCP's own send buffer is twice
//! what its path carries in a round trip of that path.

/// A subflow that may carry data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathBuffer {
    /// The send buffer that its TCP has made for itself, in octets.
    pub octets: u32,
    /// The smoothed round-trip time in microseconds; 0 while there is none.
    pub srtt: u32,
}

impl PathBuffer {
    /// What it is worth where the slowest path takes `longest` microseconds; `most` is the largest send buffer of a TCP
    /// (`net.ipv4.tcp_wmem`), which it may have already.
    fn stretched(self, longest: u32, most: u32) -> u64 {
        let octets = u64::from(self.octets);
        let stretched = octets.saturating_mul(longest.into());
        let stretched = stretched.checked_div(self.srtt.into()).unwrap_or(octets);
        stretched.min(most.into()).max(octets)
    }
}

/// Octets for a connection over `paths`.
pub fn wanted(paths: impl Iterator<Item = PathBuffer> + Clone, most: u32) -> u64 {
    let longest = paths.clone().map(|path| path.srtt).max().unwrap_or(0);
    paths
        .map(|path| path.stretched(longest, most))
        .fold(0, u64::saturating_add)
}

/// Whether a round-trip time has changed so much that others may need another buffer: by a quarter.
pub fn is_news(before: u32, srtt: u32) -> bool {
    srtt.abs_diff(before) > before / 4
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: u32 = 4 << 20;

    fn of(paths: &[(u32, u32)]) -> u64 {
        let paths = paths.iter();
        wanted(
            paths.map(|&(octets, srtt)| PathBuffer { octets, srtt }),
            MOST,
        )
    }

    #[test]
    fn one_path_needs_what_its_tcp_has() {
        assert_eq!(of(&[]), 0);
        assert_eq!(of(&[(87_040, 0)]), 87_040);
        assert_eq!(of(&[(300_000, 20_000)]), 300_000);
    }

    #[test]
    fn a_fast_path_needs_enough_for_the_round_trip_of_the_slowest() {
        assert_eq!(of(&[(250_000, 10_000), (250_000, 100_000)]), 2_750_000);
        assert_eq!(of(&[(250_000, 20_000), (250_000, 20_000)]), 500_000);
    }

    #[test]
    fn a_path_that_was_not_measured_counts_as_it_is() {
        assert_eq!(of(&[(87_040, 0), (250_000, 20_000)]), 337_040);
    }

    #[test]
    fn no_path_counts_for_more_than_a_tcp_may_have_unless_it_has() {
        assert_eq!(
            of(&[(250_000, 10), (87_040, 300_000)]),
            u64::from(MOST) + 87_040
        );
        assert_eq!(of(&[(MOST + 1, 10), (1, 300_000)]), u64::from(MOST) + 2);
        assert_eq!(
            of(&[(u32::MAX, 1), (u32::MAX, u32::MAX)]),
            2 * u64::from(u32::MAX)
        );
    }

    #[test]
    fn a_quarter_is_news() {
        assert!(is_news(0, 1));
        assert!(!is_news(0, 0));
        assert!(!is_news(100, 125));
        assert!(is_news(100, 126));
        assert!(is_news(100, 74));
    }
}
