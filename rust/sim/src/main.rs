// SPDX-License-Identifier: GPL-2.0

//! `make sim`: sweeps seeds in parallel, replays one, or makes a crowd.

use rust_mptcp_sim::crowd;
use rust_mptcp_sim::run;
use rust_mptcp_sim::run::Sort;
use rust_mptcp_sim::sweep;
use rust_mptcp_sim::sweep::Fault;
use rust_mptcp_sim::sweep::Sweep;
use std::path::Path;
use std::process::ExitCode;
use std::str::FromStr;

const USAGE: &str = "usage: sim [--seeds N] [--first N] [--paths one|several] [--jobs N] [--quiet]
       sim --seed N [--paths one|several] [--out DIR]
       sim --connections N";

/// What was asked for.
#[derive(Default)]
struct Arguments {
    seeds: Option<u64>,
    first: u64,
    jobs: Option<usize>,
    quiet: bool,
    seed: Option<u64>,
    only: Option<Sort>,
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
                "--paths" => all.only = Some(sort(&value)?),
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

fn sort(text: &str) -> Result<Sort, String> {
    let mut sorts = Sort::ALL.into_iter();
    let found = sorts.find(|sort| sort.name() == text);
    found.ok_or(format!("--paths takes one or several, not `{text}`"))
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
        let out = arguments.out.as_deref().unwrap_or(".");
        let sorts = Sort::ALL.into_iter();
        let wanted = sorts.filter(|sort| arguments.only.is_none_or(|only| only == *sort));
        let problems: Vec<_> = wanted
            .filter_map(|sort| replay(sort, seed, out).err())
            .collect();
        if problems.is_empty() {
            Ok(())
        } else {
            Err(problems.join("\n"))
        }
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

/// Makes one run of a seed with everything that can be seen of it.
fn replay(sort: Sort, seed: u64, out: &str) -> Result<(), String> {
    println!("{}", run::describe(sort, seed));
    let (outcome, trace) = run::replay(sort, seed);
    let folder = Path::new(out);
    let name = match sort {
        Sort::One => format!("sim-{seed}"),
        Sort::Several => format!("sim-{seed}-several"),
    };
    let (text, capture) = (
        folder.join(format!("{name}.txt")),
        folder.join(format!("{name}.pcap")),
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
        Some(fault) => Err(format!("seed {seed} {sort} failed: {fault}")),
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
        only: arguments.only,
        jobs: arguments.jobs.unwrap_or(cores).max(1),
        quiet: arguments.quiet,
    };
    let summary = sweep::run(&sweep);
    print!("{summary}");
    if summary.failed == 0 && summary.runs == sweep.runs() {
        return Ok(());
    }
    let lines: Vec<_> = summary
        .faults
        .iter()
        .map(|Fault { seed, sort, what }| {
            let name = sort.name();
            format!("FAIL seed {seed} {sort}: {what}\n     make sim SEED={seed} PATHS={name}")
        })
        .collect();
    let more = summary.failed - lines.len() as u64;
    Err(format!(
        "{}\n{} of {} runs failed{}",
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
