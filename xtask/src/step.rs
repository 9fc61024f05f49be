//! One step: a command run with a heading, a clock and the last lines kept; and the summary of all steps.
//!
//! It never decides what is run (`suites`) or whether a missing tool is a failure (`suites` too).

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, IsTerminal as _};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::Context as _;

/// How many last lines of a failing step are repeated above the summary: enough for the list of failing tests.
const TAIL_LINES: usize = 25;

/// How long output may trail the end of the command. A process that it left behind can hold the pipe open for ever.
const TRAILING_OUTPUT: Duration = Duration::from_millis(500);

/// How a step ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    Failed { why: String, tail: Vec<String> },
    Skipped { why: String },
}

/// A step that is over.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) name: &'static str,
    pub(crate) outcome: Outcome,
    pub(crate) took: Duration,
}

impl Report {
    pub(crate) const fn failed(&self) -> bool {
        matches!(self.outcome, Outcome::Failed { .. })
    }
}

/// Does one step between a heading and a closing line, and times it.
pub(crate) fn timed(place: &str, name: &'static str, step: impl FnOnce() -> Outcome) -> Report {
    println!("\n=== {place} {name} ===");
    #[expect(clippy::disallowed_methods, reason = "how long a step really took is what is reported")]
    let started = Instant::now();
    let outcome = step();
    let report = Report { name, outcome, took: started.elapsed() };
    println!("=== {name}: {} in {:.1} s ===", word(&report.outcome), report.took.as_secs_f64());
    report
}

/// Runs a command to its end, copying what it prints; it sees no input.
///
/// # Errors
/// When the command cannot be started or waited for. A command that ends badly is an `Outcome`, not an error.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<Outcome> {
    println!("$ {}", shown(command));
    if std::io::stdout().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    // One pipe for both streams keeps their lines in order.
    let (reader, writer) = std::io::pipe().context("failed to make a pipe")?;
    command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
    let mut child = command.spawn().with_context(|| format!("failed to start `{}`", shown(command)))?;
    // The command holds the writing ends until it is told otherwise, and the reader would never see the end.
    command.stdout(Stdio::null()).stderr(Stdio::null());

    let (sender, lines) = mpsc::sync_channel(TAIL_LINES);
    std::thread::spawn(move || {
        for line in BufReader::new(reader).split(b'\n').map_while(Result::ok) {
            if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                break;
            }
        }
    });
    let mut tail = VecDeque::with_capacity(TAIL_LINES);
    let mut ended = None;
    loop {
        match lines.recv_timeout(TRAILING_OUTPUT) {
            Ok(line) => {
                println!("{line}");
                if tail.len() == TAIL_LINES {
                    tail.pop_front();
                }
                tail.push_back(line);
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) if ended.is_some() => break,
            Err(RecvTimeoutError::Timeout) => ended = child.try_wait()?,
        }
    }
    let status = child.wait()?;
    if status.success() {
        return Ok(Outcome::Passed);
    }
    Ok(Outcome::Failed { why: status.to_string(), tail: tail.into() })
}

/// Writes the last lines of what failed, the table of steps, and the counts in the very last line.
pub(crate) fn summary(reports: &[Report]) -> String {
    let mut text = String::new();
    for report in reports {
        if let Outcome::Failed { tail, .. } = &report.outcome
            && !tail.is_empty()
        {
            push(
                &mut text,
                format_args!("\n--- the last lines of {} ---\n{}\n", report.name, tail.join("\n")),
            );
        }
    }
    push(&mut text, format_args!("\n{:<10} {:<8} {:>8}\n", "step", "result", "seconds"));
    for report in reports {
        let row = format!(
            "{:<10} {:<8} {:>8.1}  {}",
            report.name,
            word(&report.outcome),
            report.took.as_secs_f64(),
            remark(report)
        );
        push(&mut text, format_args!("{}\n", row.trim_end()));
    }
    let count = |wanted: &str| reports.iter().filter(|report| word(&report.outcome) == wanted).count();
    push(
        &mut text,
        format_args!("\n{} passed, {} failed, {} skipped", count(PASSED), count(FAILED), count(SKIPPED)),
    );
    text
}

const PASSED: &str = "passed";
const FAILED: &str = "FAILED";
const SKIPPED: &str = "skipped";

const fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => PASSED,
        Outcome::Failed { .. } => FAILED,
        Outcome::Skipped { .. } => SKIPPED,
    }
}

fn remark(report: &Report) -> String {
    match &report.outcome {
        Outcome::Passed => String::new(),
        Outcome::Failed { why, .. } => format!("{why}; again: cargo xtask test {}", report.name),
        Outcome::Skipped { why } => why.clone(),
    }
}

fn shown(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[expect(clippy::expect_used, reason = "writing to a String cannot fail")]
fn push(text: &mut String, what: std::fmt::Arguments<'_>) {
    text.write_fmt(what).expect("writing to a String cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(name: &'static str, outcome: Outcome) -> Report {
        Report { name, outcome, took: Duration::from_millis(1250) }
    }

    #[test]
    fn the_summary_ends_with_what_failed_and_the_counts() {
        let failed = Outcome::Failed { why: "exit status: 1".into(), tail: vec!["the last word".into()] };
        let text = summary(&[
            report("fmt", Outcome::Passed),
            report("clippy", failed),
            report("pages", Outcome::Skipped { why: "no chromium".into() }),
        ]);
        let expected = "\n--- the last lines of clippy ---\nthe last word\n\
            \nstep       result    seconds\
            \nfmt        passed        1.2\
            \nclippy     FAILED        1.2  exit status: 1; again: cargo xtask test clippy\
            \npages      skipped       1.2  no chromium\n\
            \n1 passed, 1 failed, 1 skipped";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_failing_command_is_told_with_its_last_lines() {
        let mut command = Command::new("sh");
        command.args(["-c", "seq 100; echo the end >&2; exit 3"]);
        let Outcome::Failed { why, tail } = run(&mut command).unwrap() else { panic!("it must fail") };
        assert_eq!(why, "exit status: 3");
        assert_eq!(tail.len(), TAIL_LINES);
        assert_eq!(tail.last().unwrap(), "the end");
    }
}
