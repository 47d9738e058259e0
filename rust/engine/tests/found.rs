// SPDX-License-Identifier: GPL-2.0

//! What the fuzzer found: one test for each, by the rule that was broken. The inputs themselves are
//! in `rust/fuzz/regressions`.

use super::*;

#[test]
fn no_fallback_brings_bytes_behind_the_end_of_the_stream() {
    let mut rig = Rig::new(false);
    rig.data(0, b"abc").segment(&data_fin(3));
    assert!(rig.has(&Action::ReceiveShut));
    rig.mapped(b"def", Some(mapping(their(4), 4, 0)));
    assert_eq!(rig.conn.mode(), Mode::Fallback);
    assert_eq!(rig.read, b"abc");
    assert!(rig.has(&reset_with(ResetReason::MPTCP)));
}

#[test]
fn a_data_fin_before_bytes_that_have_come_resets_the_subflow() {
    let mut rig = Rig::new(false);
    rig.stamp(1, 0);
    rig.data(4, b"efg").segment(&data_fin(3));
    assert!(rig.has(&reset_with(ResetReason::MPTCP)));
    rig.data(0, b"abc");
    assert!(!rig.has(&Action::ReceiveShut));
    assert_eq!(rig.read, b"");
}
