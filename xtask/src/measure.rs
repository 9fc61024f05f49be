//! `cargo xtask measure`: what the house promises to be, measured on this machine, as one Markdown table.
//!
//! Numbers come from real runs and nothing else. How each row is measured stands in its file: `agent`, `actors`
//! and `stage` are a house in this process, `flow` and `latency` what is measured in it, `binary` the built program.
//! `table` judges.

mod actors;
mod agent;
mod binary;
mod flow;
mod latency;
mod lines;
mod process;
mod stage;
mod table;

use std::path::Path;
use std::process::ExitCode;

use table::Row;

use crate::WRONG_USAGE;

/// What the measurements are to do besides measuring.
#[derive(Debug, Clone, Copy)]
struct Wishes {
    /// Take the binaries as they lie there.
    skip_build: bool,
}

struct Measurement {
    name: &'static str,
    about: &'static str,
    /// Takes minutes: only by name.
    by_name_only: bool,
    rows: fn(&Path, Wishes) -> anyhow::Result<Vec<Row>>,
}

const fn quick(
    name: &'static str,
    about: &'static str,
    rows: fn(&Path, Wishes) -> anyhow::Result<Vec<Row>>,
) -> Measurement {
    Measurement { name, about, by_name_only: false, rows }
}

const MEASUREMENTS: [Measurement; 9] = [
    quick("exec", "a bare fork and exec, to compare with", |_, _| latency::exec()),
    quick("version", "`takopi --version`", binary::version),
    quick("start", "from the start of the daemon to its readiness", binary::start),
    quick("idle", "the memory of a daemon that has nothing to do", binary::idle),
    quick("message", "from an accepted message to its engine's process", |_, _| latency::message()),
    quick("answer", "from an agent's last line to its answer", |_, _| latency::answer()),
    quick("line", "the memory that one huge line of an agent takes", |_, _| flow::line()),
    quick("events", "events of an agent through a run, and the memory they take", |_, _| flow::rows()),
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
    let (flags, names): (Vec<&String>, Vec<&String>) =
        arguments.iter().partition(|word| word.starts_with("--"));
    let unknown_flag = flags.iter().find(|flag| flag.as_str() != "--skip-build");
    let unknown = names.iter().find(|name| all().all(|one| one.name != name.as_str()));
    if let Some(word) = unknown_flag.or(unknown) {
        eprintln!("`{word}` cannot be measured; there are:\n{}\nand --skip-build", list());
        return ExitCode::from(WRONG_USAGE);
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    let wishes = Wishes { skip_build: !flags.is_empty() };
    let chosen = |one: &&Measurement| match names.is_empty() {
        true => !one.by_name_only,
        false => names.iter().any(|name| name.as_str() == one.name),
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
