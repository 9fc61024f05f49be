//! The `shell` engine, the embedded default: a message is a command line, its output the answer.
//!
//! It is a shell on this machine for whoever may write to it, so it serves only the local transport unless
//! the config names others. It has no sessions; every message is a fresh shell.

use std::ffi::OsString;
use std::path::Path;

use async_trait::async_trait;
use takopi_core::event::{Action, ActionKind, Detail, Outcome, Phase, RunEnd, RunEvent};
use takopi_core::id::{EngineId, InstanceId, NameError};
use takopi_core::port::SetupIssue;
use takopi_core::port::engine::{Engine, EngineError, EngineFeatures, EngineSpec, EventSink, Job, RunWire};
use takopi_core::settings::{ConfigTable, Table};
use takopi_stdio::{Exit, Input, Ladder, Leash, Process, Spawn, is_executable};
use tokio::io::AsyncReadExt;
use tokio::process::ChildStdout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::environment::Environment;
use crate::output::Output;
use crate::run::{left_running, not_started, outcome_of, warn_of_survivors};

/// Its id.
pub(crate) const ID: &str = "shell";

/// The shell where `SHELL` names none: POSIX requires it.
const FALLBACK: &str = "/bin/sh";

/// Longest command line in bytes: Linux's MAX_ARG_STRLEN is 128 KiB with the closing NUL.
const MAX_COMMAND_BYTES: usize = (128 << 10) - 1;

/// Puts stderr where stdout goes, so that lines keep their order, and becomes the real shell.
const MERGE: &str = "exec \"$@\" 2>&1";

/// What is said for an empty output, which is a success.
const NO_OUTPUT: &str = "(no output)";

/// `[engines.shell]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ShellConfig {
    /// The transport instances it serves; without it, the local ones.
    pub(crate) transports: Option<Vec<InstanceId>>,
}

impl ConfigTable for ShellConfig {
    fn read(table: &mut Table<'_>) -> Self {
        let key = "transports";
        let names = table.strings(key, "[\"local\"]");
        let transports = names.map(|names| {
            let parsed = names.iter().filter_map(|name| match InstanceId::parse(name) {
                Ok(id) => Some(id),
                Err(_) => {
                    table.error(
                        key,
                        format!("{name:?} is no name of a transport"),
                        "write e.g. transports = [\"local\"]",
                    );
                    None
                }
            });
            parsed.collect::<Vec<_>>()
        });
        for id in transports.iter().flatten().filter(|id| id.as_str() != "local") {
            let problem = format!("everybody who is served by {id} gets a shell on this machine");
            table.warn(key, problem, "remove it unless that is what you want");
        }
        Self { transports }
    }
}

/// Returns what is known of the engine. `transports` are the instances it serves; `None` is all.
///
/// # Errors
/// Never in practice: the id is legal.
pub(crate) fn spec(transports: Option<Vec<InstanceId>>) -> Result<EngineSpec, NameError> {
    Ok(EngineSpec {
        id: EngineId::parse(ID)?,
        title: "Shell".to_owned(),
        resume: None,
        features: EngineFeatures { blank_ok: true, plain: true, ..EngineFeatures::default() },
        executable: None,
        install: None,
        only_on: transports,
    })
}

/// A command line at work. Its output is read as bytes, not lines: a prompt without a line end is told as it
/// comes, and a line of any length takes no memory.
struct Running {
    leash: Leash,
    process: Process,
    stdout: takopi_stdio::Output<ChildStdout>,
}

/// Runs command lines.
#[derive(Debug)]
pub struct Shell {
    program: OsString,
    environment: Environment,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Shell {
    /// Returns the engine. `program` is the user's shell (`$SHELL`); one that cannot run a command line reads as
    /// `/bin/sh`. Children's keepers are spawned on `tasks`, and let go of what still runs at `stop`.
    #[must_use]
    pub fn new(
        program: Option<OsString>,
        environment: Environment,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        let program = program.filter(|program| runs_commands(Path::new(program)));
        Self { program: program.unwrap_or_else(|| FALLBACK.into()), environment, tasks, stop }
    }

    fn spawn(&self, job: &Job) -> Result<Running, EngineError> {
        let args: [OsString; 6] = [
            "-c".into(),
            MERGE.into(),
            "takopi".into(),
            self.program.clone(),
            "-c".into(),
            command_line(&job.prompt)?.into(),
        ];
        let spawn = Spawn::new(FALLBACK).args(args).dir(&job.dir).stdin(Input::Closed);
        // Nobody looks at a terminal here: colours and cursor movements would only be noise.
        let spawn = spawn.env("TERM", "dumb").env("NO_COLOR", "1");
        let spawn = self.environment.apply(spawn, job.run);
        let child = spawn.start(&self.tasks, &self.stop).map_err(|error| not_started(&error, &job.dir))?;
        Ok(Running { leash: child.leash, process: child.process, stdout: child.stdout.into_inner() })
    }

    /// Goes on reading for what the command left running: a server that prints would die of a closed pipe.
    fn let_go(&self, running: Running) {
        running.leash.release();
        let (stdout, stop) = (running.stdout, self.stop.clone());
        // Ends with the last process that holds the pipe, which for nearly every command is now.
        self.tasks.spawn(async move { stdout.drain(&stop).await });
    }
}

/// Tells whether a shell is one: accounts of services have programs there that only say no.
fn runs_commands(program: &Path) -> bool {
    let refuses = program.file_name().is_some_and(|name| name == "nologin" || name == "false");
    program.is_absolute() && is_executable(program) && !refuses
}

/// Returns a prompt as a shell takes it after `-c`.
fn command_line(prompt: &str) -> Result<String, EngineError> {
    // A shell would take a leading dash or plus for an option of its own.
    let blank = if prompt.starts_with(['-', '+']) { " " } else { "" };
    let line = format!("{blank}{prompt}");
    if line.contains('\0') {
        return Err(EngineError::Unavailable {
            problem: "the command line holds a NUL byte, which no shell takes".to_owned(),
            hint: "write it without, for instance as printf '\\0'".to_owned(),
        });
    }
    if line.len() > MAX_COMMAND_BYTES {
        return Err(EngineError::Unavailable {
            problem: format!(
                "the command line has {} bytes, and a shell takes {MAX_COMMAND_BYTES}",
                line.len()
            ),
            hint: "put it into a file and run that".to_owned(),
        });
    }
    Ok(line)
}

#[async_trait]
impl Engine for Shell {
    async fn run(&self, job: Job, mut wire: RunWire) -> Result<RunEnd, EngineError> {
        if let Some(reason) = wire.stop.get() {
            return Ok(RunEnd::new(outcome_of(reason), ""));
        }
        let mut running = self.spawn(&job)?;
        let mut output = Output::default();
        let ended = tokio::select! {
            ended = work(&job, &mut running, &mut output, &wire.events) => Ok(ended?),
            reason = wire.stop.wait() => Err(reason),
        };
        match ended {
            Ok(exit) => {
                self.let_go(running);
                let left_running = left_running(job.run).await;
                Ok(RunEnd { left_running, ..end_of(exit, output.into_text()) })
            }
            Err(reason) => {
                stop(&job, &mut running, &mut output).await;
                Ok(RunEnd::new(outcome_of(reason), output.into_text()))
            }
        }
    }

    async fn check(&self) -> Vec<SetupIssue> {
        Vec::new()
    }
}

/// Tells what the command does, to its end.
async fn work(
    job: &Job,
    running: &mut Running,
    output: &mut Output,
    events: &EventSink,
) -> Result<Exit, EngineError> {
    events.put(RunEvent::Action(command(&job.prompt, Phase::Started, None))).await;
    let mut piece = piece();
    while let Some(bytes) = read(running, &mut piece).await? {
        let text = output.push(bytes);
        if !text.is_empty() {
            events.put(RunEvent::Text(text)).await;
        }
    }
    // It may have closed its output long before its end.
    let exit = running.process.wait().await;
    events.put(RunEvent::Action(command(&job.prompt, Phase::Completed, Some(exit)))).await;
    Ok(exit)
}

/// Ends the command and all that is part of it. What it says meanwhile is kept, and told by the answer: who
/// stopped it may have stopped taking events too.
async fn stop(job: &Job, running: &mut Running, output: &mut Output) {
    let process = running.process.clone();
    let ladder = Ladder::TERMINATE;
    let mut piece = piece();
    let stopping = process.stop(&ladder);
    tokio::pin!(stopping);
    let report = loop {
        tokio::select! {
            report = &mut stopping => break report,
            read = read(running, &mut piece) => match read {
                Ok(Some(bytes)) => drop(output.push(bytes)),
                Ok(None) | Err(_) => break stopping.await,
            },
        }
    };
    if report.survivors.is_empty() {
        // What lies in the pipe is its own; nobody is left to write more.
        while let Ok(Some(bytes)) = read(running, &mut piece).await {
            drop(output.push(bytes));
        }
    }
    warn_of_survivors(job.run, &report);
}

/// Room for what a Linux pipe holds.
fn piece() -> Vec<u8> {
    vec![0; 64 << 10]
}

/// Reads the next piece of output, `None` at its end. Dropping the future loses nothing.
async fn read<'a>(running: &mut Running, piece: &'a mut [u8]) -> Result<Option<&'a [u8]>, EngineError> {
    match running.stdout.read(piece).await {
        Ok(0) => Ok(None),
        Ok(length) => Ok(piece.get(..length)),
        Err(error) => Err(EngineError::Broken(format!("read the output: {error}"))),
    }
}

fn command(line: &str, phase: Phase, exit: Option<Exit>) -> Action {
    let code = exit.map(|exit| match exit {
        Exit::Code(code) => code,
        // As a shell reports it.
        Exit::Signal(signal) => 128 + signal,
        Exit::Unknown => -1,
    });
    Action {
        id: "command".to_owned(),
        kind: ActionKind::Command,
        phase,
        title: line.to_owned(),
        ok: exit.map(Exit::is_success),
        detail: Detail { exit_code: code, ..Detail::default() },
    }
}

fn end_of(exit: Exit, output: String) -> RunEnd {
    let answer = if output.is_empty() && exit.is_success() { NO_OUTPUT.to_owned() } else { output };
    let outcome = if exit.is_success() { Outcome::Answered } else { Outcome::Failed(exit.to_string()) };
    RunEnd::new(outcome, answer)
}

#[cfg(test)]
mod tests;
