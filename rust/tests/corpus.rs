// SPDX-License-Identifier: GPL-2.0

//! Every input of the fuzz targets that is kept, replayed: the seeds in `fuzz/corpus`, and what
//! once failed, in `fuzz/regressions`, under a name that says what it was.

#![allow(missing_docs, unreachable_pub)]

#[path = "../fuzz/src/lib.rs"]
mod fuzz;

use std::fs;
use std::path::Path;

/// Runs `target` on each file kept for it.
fn replay(name: &str, target: fn(&[u8])) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let mut replayed = 0;
    for kept in ["corpus", "regressions"] {
        let Ok(files) = fs::read_dir(root.join(kept).join(name)) else {
            continue;
        };
        for file in files {
            let path = file.unwrap().path();
            // So that a failure names its input.
            println!("{}", path.display());
            target(&fs::read(&path).unwrap());
            replayed += 1;
        }
    }
    assert!(replayed > 0, "no corpus of {name}");
}

#[test]
fn the_inputs_of_parse() {
    replay("parse", fuzz::parse);
}

#[test]
fn the_inputs_of_round_trip() {
    replay("round_trip", fuzz::round_trip);
}

#[test]
fn the_inputs_of_netlink() {
    replay("netlink", fuzz::netlink);
}

#[test]
fn the_inputs_of_paths() {
    replay("paths", fuzz::paths);
}

#[test]
fn the_inputs_of_engine() {
    replay("engine", fuzz::engine);
}
