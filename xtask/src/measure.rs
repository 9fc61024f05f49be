//! `cargo xtask measure`: what the house promises to be, measured on this machine, as one Markdown table.
//!
//! Numbers come from real runs and nothing else. How each row is measured stands in its file: `agent`, `actors`
//! and `stage` are a house in this process, `flow` and `latency` what is measured in it, `binary` the built program,
//! `telegram` and `discord` what their people wait for, `plugins` what those cost. `table` judges.

mod actors;
mod agent;
mod binary;
mod discord;
mod flow;
mod gate;
mod latency;
mod lines;
mod plugins;
mod process;
mod stage;
mod table;
mod telegram;
mod together;

use std::path::Path;
use std::process::ExitCode;

use table::Row;

use crate::WRONG_USAGE;

/// What the measurements are to do besides measuring.
#[derive(Debug, Clone, Copy)]
struct Wishes<'a> {
    /// Take the binaries as they lie there.
    skip_build: bool,
    /// A Python with the Python takopi installed, to be measured beside ours.
    peer: Option<&'a Path>,
}

struct Measurement {
    name: &'static str,
    about: &'static str,
    /// Takes minutes: only by name.
    by_name_only: bool,
    rows: fn(&Path, Wishes<'_>) -> anyhow::Result<Vec<Row>>,
}

const fn quick(
    name: &'static str,
    about: &'static str,
    rows: fn(&Path, Wishes<'_>) -> anyhow::Result<Vec<Row>>,
) -> Measurement {
    Measurement { name, about, by_name_only: false, rows }
}

const MEASUREMENTS: [Measurement; 14] = [
    quick("exec", "a bare fork and exec, to compare with", |_, _| latency::exec()),
    quick("version", "`takopi --version`", binary::version),
    quick("start", "from the start of the daemon to its readiness", binary::start),
    quick("idle", "the memory of a daemon that has nothing to do", binary::idle),
    quick("message", "from an accepted message to its engine's process", |_, _| latency::message()),
    quick("answer", "from an agent's last line to its answer", |_, _| latency::answer()),
    quick("cancel", "from a cancel to the engine's end", |_, _| latency::cancel()),
    quick("line", "the memory that one huge line of an agent takes", |_, _| flow::line()),
    quick("events", "events of an agent through a run, and the memory they take", |_, _| flow::rows()),
    quick(
        "telegram",
        "what people wait for in Telegram; --peer PYTHON: beside the Python takopi",
        telegram::rows,
    ),
    quick("discord", "what people wait for in Discord, and what a run costs there", discord::rows),
    quick("together", "a daemon with Telegram, Discord and the page: start and memory", together::rows),
    quick(
        "plugins",
        "what plugins cost: listed, loaded, started, called, crashing for a minute",
        plugins::rows,
    ),
    quick("size", "the size of the shipped binary", binary::size),
];

const COLD: Measurement = Measurement {
    name: "cold",
    about: "`cargo build --release` from nothing, in a folder of its own",
    by_name_only: true,
    rows: binary::cold,
};

fn all() -> impl Iterator<Item = &'static Measurement> {
    MEASUREMENTS.iter().chain(std::iter::once(&COLD))
}

/// Returns the measurements with what they are about, a line for each.
pub(crate) fn list() -> String {
    let line = |one: &Measurement| {
        let only = if one.by_name_only { "; only by name" } else { "" };
        format!("  {:<10} {}{only}", one.name, one.about)
    };
    all().map(line).collect::<Vec<_>>().join("\n")
}

/// Measures what is named, or everything that is quick, and fails when a target is missed.
pub(crate) fn run(arguments: &[String]) -> ExitCode {
    let mut wishes = Wishes { skip_build: false, peer: None };
    let mut names = Vec::new();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match (word.as_str(), words.as_slice().first()) {
            ("--skip-build", _) => wishes.skip_build = true,
            ("--peer", Some(python)) => {
                wishes.peer = Some(Path::new(python));
                words.next();
            }
            (name, _) if all().any(|one| one.name == name) => names.push(name),
            _ => {
                eprintln!("`{word}` cannot be measured; there are:\n{}\nand --skip-build", list());
                return ExitCode::from(WRONG_USAGE);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    let chosen = |one: &&Measurement| match names.is_empty() {
        true => !one.by_name_only,
        false => names.contains(&one.name),
    };
    let mut rows = Vec::new();
    let mut failed = false;
    for one in all().filter(chosen) {
        eprintln!("measuring {}: {}", one.name, one.about);
        match (one.rows)(root, wishes) {
            Ok(more) => rows.extend(more),
            Err(error) => {
                failed = true;
                eprintln!("{} was not measured: {error:#}", one.name);
            }
        }
    }
    println!("{}", table::render(&rows));
    if failed || rows.iter().any(Row::misses) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
