// SPDX-License-Identifier: GPL-2.0

//! `make sim`: sweeps seeds in parallel, replays one, or makes a crowd.

use rust_mptcp_sim::crowd;
use rust_mptcp_sim::run;
use rust_mptcp_sim::scenario::Scenario;
use rust_mptcp_sim::sweep;
use rust_mptcp_sim::sweep::Sweep;
use std::path::Path;
use std::process::ExitCode;
use std::str::FromStr;

const USAGE: &str = "usage: sim [--seeds N] [--first N] [--jobs N] [--quiet]
       sim --seed N [--out DIR]
       sim --connections N";

/// What was asked for.
#[derive(Default)]
struct Arguments {
    seeds: Option<u64>,
    first: u64,
    jobs: Option<usize>,
    quiet: bool,
    seed: Option<u64>,
    out: Option<String>,
    connections: Option<u32>,
}

impl Arguments {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut all = Self::default();
        while let Some(word) = words.next() {
            if word == "--quiet" {
                all.quiet = true;
                continue;
            }
            let value = words.next().ok_or(format!("{word} needs a value"))?;
            match word.as_str() {
                "--seeds" => all.seeds = Some(number(&word, &value)?),
                "--first" => all.first = number(&word, &value)?,
                "--jobs" => all.jobs = Some(number(&word, &value)?),
                "--seed" => all.seed = Some(number(&word, &value)?),
                "--out" => all.out = Some(value),
                "--connections" => all.connections = Some(number(&word, &value)?),
                _ => return Err(format!("no option {word}")),
            }
        }
        Ok(all)
    }
}

fn number<T: FromStr>(name: &str, text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("{name} takes a number, not `{text}`"))
}

fn main() -> ExitCode {
    let arguments = match Arguments::read(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(problem) => {
            eprintln!("error: {problem}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    // A panic is one of the things that are looked for: it is told with its seed, once.
    std::panic::set_hook(Box::new(run::note_panic));
    let done = if let Some(seed) = arguments.seed {
        replay(seed, arguments.out.as_deref().unwrap_or("."))
    } else if let Some(connections) = arguments.connections {
        make_crowd(connections)
    } else {
        sweep_seeds(&arguments)
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            println!("{problem}");
            ExitCode::FAILURE
        }
    }
}

/// Runs one seed with everything that can be seen of it.
fn replay(seed: u64, out: &str) -> Result<(), String> {
    println!("{}", Scenario::random(seed).describe());
    let (outcome, trace) = run::replay(seed);
    let folder = Path::new(out);
    let (text, capture) = (
        folder.join(format!("sim-{seed}.txt")),
        folder.join(format!("sim-{seed}.pcap")),
    );
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&text, &trace.text))
        .and_then(|()| trace.save(&capture))
        .map_err(|error| format!("error: cannot write below {out}: {error}"))?;
    println!("trace:   {}", text.display());
    println!("capture: {} (client's side)", capture.display());
    println!("{outcome}");
    match outcome.fault {
        None => Ok(()),
        Some(fault) => Err(format!("seed {seed} failed: {fault}")),
    }
}

fn make_crowd(connections: u32) -> Result<(), String> {
    println!("sim: {connections} connections at once");
    let cost = crowd::run(connections, |line| println!("  {line}"))?;
    println!(
        "{} connections at once: {} octets an end, everything counted; Connection, Shared and \
         SubflowTx are {} of them\n{} segments, {:.2} million a second",
        cost.connections,
        cost.octets_per_end,
        cost.engine_octets,
        cost.segments,
        cost.speed as f64 / 1e6
    );
    Ok(())
}

fn sweep_seeds(arguments: &Arguments) -> Result<(), String> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let sweep = Sweep {
        first: arguments.first,
        seeds: arguments.seeds.unwrap_or(10_000),
        jobs: arguments.jobs.unwrap_or(cores).max(1),
        quiet: arguments.quiet,
    };
    let summary = sweep::run(&sweep);
    print!("{summary}");
    if summary.failed == 0 && summary.runs == sweep.seeds {
        return Ok(());
    }
    let lines: Vec<_> = summary
        .faults
        .iter()
        .map(|(seed, fault)| format!("FAIL seed {seed}: {fault}\n     make sim SEED={seed}"))
        .collect();
    let more = summary.failed - lines.len() as u64;
    Err(format!(
        "{}\n{} of {} seeds failed{}",
        lines.join("\n"),
        summary.failed,
        summary.runs,
        if more > 0 {
            ", the first few are above"
        } else {
            ""
        }
    ))
}
