//! Agents that are run once per message: a command line, the prompt on stdin, JSON lines on stdout.
//!
//! [`Agent`] is what is particular of one: a file per agent says it. [`OneShot`] makes an engine of it: finds
//! the program, lays out its environment, drives it (`jsonl.rs`), and tells what became of the session.

pub(crate) mod config;
pub(crate) mod item;
pub(crate) mod json;
#[cfg(test)]
pub(crate) mod recording;
pub(crate) mod spent;
pub(crate) mod tool;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use takopi_core::event::{Level, Note, Outcome, RunEnd, RunEvent};
use takopi_core::id::{EngineId, NameError};
use takopi_core::port::SetupIssue;
use takopi_core::port::engine::{
    Choices, Engine, EngineError, EngineFeatures, EngineSpec, Job, Program, RunOptions, RunWire,
};
use takopi_core::resume::{PatternError, ResumePattern};
use takopi_core::settings::ConfigTable;
use takopi_stdio::{Input, Ladder, Spawn, is_executable};
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

use crate::EngineParts;
use crate::jsonl::{Driver, LAST_WORDS, Translator};
use config::Common;

/// How long a program may take to say its version or its models: the slowest takes 4 s on two busy cores.
const ANSWER_TIME: Duration = Duration::from_secs(20);

/// Longest answer to such a question that is read, in bytes; `codex debug models` is the longest with 730 KiB.
const MAX_ANSWER_BYTES: u64 = 4 << 20;

/// What a session's name looks like: it is put into a command line, so it must not look like an option.
pub(crate) const TOKEN: &str = r"[^`\s\-][^`\s]*";

/// What a program is started with, besides what all agents share.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct CommandLine {
    /// Its arguments. The prompt is never among them.
    pub(crate) args: Vec<OsString>,
    /// Variables it gets.
    pub(crate) env: Vec<(&'static str, OsString)>,
    /// Variables it must not see.
    pub(crate) env_remove: Vec<&'static str>,
    /// What it reads from stdin, to the end.
    pub(crate) stdin: String,
}

/// The arguments of a command line, as they are put together.
#[derive(Debug, Default)]
pub(crate) struct Args(Vec<OsString>);

impl Args {
    /// Adds words.
    pub(crate) fn add<W: AsRef<str>>(&mut self, words: &[W]) {
        self.0.extend(words.iter().map(|word| word.as_ref().into()));
    }

    /// Adds an option with its value, if there is one.
    pub(crate) fn option(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.add(&[name, value]);
        }
    }

    /// Returns the command line that tells `prompt` by stdin: arguments are limited in length, seen by everybody
    /// on the machine, and taken for options or files when they look like one.
    pub(crate) fn prompt(self, prompt: &str) -> CommandLine {
        CommandLine { args: self.0, stdin: prompt.to_owned(), ..CommandLine::default() }
    }
}

/// A question to the program that lists what a person may choose from.
pub(crate) struct Listing {
    /// The arguments that make the program print it.
    pub(crate) args: &'static [&'static str],
    /// Reads what it printed on stdout; `model` is the one the levels are wanted of.
    pub(crate) read: fn(stdout: &str, model: Option<&str>) -> Choices,
}

/// What is particular of one agent.
pub(crate) trait Agent: Send + Sync + Sized + 'static {
    /// Its table in the settings.
    type Config: ConfigTable;

    /// What turns its lines into events.
    type Translator: Translator;

    /// Returns what is known of it without making one.
    ///
    /// # Errors
    /// [`NameError`] when its id breaks the rule for ids.
    fn spec() -> Result<EngineSpec, NameError>;

    /// Makes one by its settings.
    fn new(config: Self::Config) -> Self;

    /// Returns the settings that all agents have.
    fn common(&self) -> &Common;

    /// Returns how it is stopped.
    fn ladder(&self) -> Ladder;

    /// Returns how it is started for `job`, with `options` as they hold: the person's before the settings'.
    ///
    /// # Errors
    /// [`EngineError`] for a job this agent cannot be given.
    fn command(&self, job: &Job, options: &RunOptions) -> Result<CommandLine, EngineError>;

    /// Returns the translator of one run.
    fn translator(&self, job: &Job, options: &RunOptions) -> Self::Translator;

    /// Returns the job to do in the place of one whose `end` shows that the program never began it. Must come to an
    /// end.
    fn again(&self, _job: &Job, _end: &RunEnd) -> Option<Job> {
        None
    }

    /// Returns the reasoning levels it takes, from low to high; empty when any word may be one.
    fn levels(&self) -> &'static [&'static str];

    /// Returns how it is asked for its models, if it can be.
    fn listing(&self) -> Option<Listing> {
        None
    }
}

/// Returns what is known of an agent whose program bears its id. `install` is what to type where it is missing.
///
/// # Errors
/// [`NameError`] when the id breaks the rule for ids.
pub(crate) fn spec(
    id: &str,
    title: &str,
    install: &str,
    resume: Result<ResumePattern, PatternError>,
) -> Result<EngineSpec, NameError> {
    Ok(EngineSpec {
        id: EngineId::parse(id)?,
        title: title.to_owned(),
        resume: resume.ok(),
        features: EngineFeatures { options: true, ..EngineFeatures::default() },
        executable: Some(id.to_owned()),
        install: Some(install.to_owned()),
        only_on: None,
    })
}

/// The engine of an agent that is run once per message.
pub(crate) struct OneShot<A> {
    agent: A,
    spec: EngineSpec,
    parts: EngineParts,
    driver: Driver,
}

impl<A: Agent> OneShot<A> {
    pub(crate) fn new(agent: A, spec: EngineSpec, parts: &EngineParts) -> Self {
        let driver = Driver::new(agent.ladder(), parts.tasks.clone(), parts.stop.clone());
        let driver = driver.drift(parts.drift.of(&spec.id));
        Self { agent, spec, parts: parts.clone(), driver }
    }

    /// Returns the program as it is on PATH now: one that is installed later is found without a restart.
    fn find(&self) -> Option<PathBuf> {
        let name = self.spec.executable.as_deref()?;
        let path = self.parts.path.as_ref()?;
        std::env::split_paths(path).map(|dir| dir.join(name)).find(|file| is_executable(file))
    }

    fn missing(&self) -> SetupIssue {
        let EngineSpec { id, executable, install, .. } = &self.spec;
        SetupIssue::not_on_path(executable.as_deref().unwrap_or(id.as_str()), install.as_deref())
    }

    /// Returns what a run is given: what a person chose, else what the settings say.
    fn options(&self, job: &Job) -> Result<RunOptions, EngineError> {
        let Common { model, reasoning, .. } = self.agent.common();
        let options = RunOptions {
            model: job.options.model.clone().or_else(|| model.clone()),
            reasoning: job.options.reasoning.clone().or_else(|| reasoning.clone()),
        };
        // They stand in a command line: one that looks like an option would be one.
        let is_option = |word: &&String| word.starts_with('-');
        let option = [&options.model, &options.reasoning].into_iter().flatten().find(is_option).cloned();
        match option {
            Some(word) => Err(EngineError::Broken(format!("{word} is no model or reasoning level"))),
            None => Ok(options),
        }
    }

    fn spawn(&self, job: &Job, options: &RunOptions) -> Result<Spawn, EngineError> {
        if let Some(token) = job.session.as_ref().filter(|token| token.as_str().starts_with('-')) {
            // It would be read as an option of the program.
            return Err(EngineError::Broken(format!("{token} is no session of {}", self.spec.id)));
        }
        let program = self.find().ok_or_else(|| {
            let SetupIssue { title, remedy } = self.missing();
            EngineError::Unavailable { problem: title, hint: remedy.join("; ") }
        })?;
        let CommandLine { args, env, env_remove, stdin } = self.agent.command(job, options)?;
        let spawn = Spawn::new(program).args(args).stdin(Input::Bytes(stdin.into_bytes()));
        let spawn = self.parts.environment.apply(spawn, job.run);
        let spawn = env_remove.into_iter().fold(spawn, Spawn::env_remove);
        // opencode believes it more than its real directory.
        let spawn = spawn.env("PWD", &job.dir);
        let spawn = env.into_iter().fold(spawn, |spawn, (name, value)| spawn.env(name, value));
        Ok(self.agent.common().env.iter().fold(spawn, |spawn, (name, value)| spawn.env(name, value.reveal())))
    }

    /// Runs the program with `args` in a directory where it finds no project, and returns stdout, or stderr
    /// where that is empty.
    async fn ask(&self, program: &Path, args: &[&str]) -> Result<String, String> {
        let spawn = self
            .parts
            .environment
            .apply_outside_runs(Spawn::new(program).args(args))
            .dir(std::env::temp_dir());
        let spawn = spawn.env("PWD", std::env::temp_dir()).env("NO_COLOR", "1");
        let child = spawn.start(&self.parts.tasks, &self.parts.stop).map_err(|error| error.to_string())?;
        let mut text = Vec::new();
        let mut stdout = child.stdout.into_inner().take(MAX_ANSWER_BYTES);
        let asked = timeout(ANSWER_TIME, async {
            stdout.read_to_end(&mut text).await.map_err(|error| error.to_string())?;
            Ok::<_, String>(child.process.wait().await)
        });
        let exit = match asked.await {
            Ok(exit) => exit?,
            Err(_) => {
                child.process.stop(&Ladder::TERMINATE).await;
                return Err(format!("no answer within {} s", ANSWER_TIME.as_secs()));
            }
        };
        let said = child.stderr.text();
        if !exit.is_success() {
            let why = said.lines().last().unwrap_or_default();
            return Err(format!("{exit}{}{why}", if why.is_empty() { "" } else { ": " }));
        }
        let text = String::from_utf8_lossy(&text).into_owned();
        Ok(if text.trim().is_empty() { said } else { text })
    }
}

/// Returns the end as people are told it: nothing to read is no success, wherever the end is shown.
pub(crate) fn judged(end: RunEnd, title: &str) -> RunEnd {
    if end.outcome == Outcome::Answered && end.answer.trim().is_empty() {
        return RunEnd { outcome: Outcome::Failed(format!("{title} gave no answer")), ..end };
    }
    end
}

#[async_trait]
impl<A: Agent> Engine for OneShot<A> {
    async fn run(&self, mut job: Job, mut wire: RunWire) -> Result<RunEnd, EngineError> {
        let options = self.options(&job)?;
        let end = loop {
            let spawn = self.spawn(&job, &options)?;
            let translator = self.agent.translator(&job, &options);
            let end = self.driver.run(spawn, translator, &job, &mut wire).await?;
            match self.agent.again(&job, &end) {
                Some(instead) => job = instead,
                None => break judged(end, &self.spec.title),
            }
        };
        let stopped = matches!(end.outcome, Outcome::Cancelled | Outcome::Interrupted);
        if stopped && end.session.is_none() {
            // The person may want to go on where it was stopped.
            let text = format!("{} kept no session of this run: it cannot be continued", self.spec.title);
            let note = wire.events.put(RunEvent::Note(Note { level: Level::Warning, text }));
            if timeout(LAST_WORDS, note).await.is_err() {
                tracing::debug!(run = %job.run, "nobody takes the events of a stopped run any more");
            }
        }
        Ok(end)
    }

    async fn check(&self) -> Vec<SetupIssue> {
        match self.find() {
            Some(_) => Vec::new(),
            None => vec![self.missing()],
        }
    }

    fn configured(&self) -> RunOptions {
        let Common { model, reasoning, .. } = self.agent.common().clone();
        RunOptions { model, reasoning }
    }

    async fn choices(&self, model: Option<&str>) -> Choices {
        let levels = || self.agent.levels().iter().map(|level| (*level).to_owned()).collect();
        let known = Choices { levels: levels(), ..Choices::default() };
        let (Some(listing), Some(program)) = (self.agent.listing(), self.find()) else { return known };
        match self.ask(&program, listing.args).await {
            Ok(stdout) => {
                let told = (listing.read)(&stdout, model.or(self.agent.common().model.as_deref()));
                let levels = if told.levels.is_empty() { levels() } else { told.levels };
                Choices { models: told.models, levels, ..told }
            }
            Err(problem) => {
                tracing::info!(engine = %self.spec.id, problem, "the models could not be asked for");
                known
            }
        }
    }

    async fn program(&self) -> Option<Program> {
        let path = self.find()?;
        let version = self.ask(&path, &["--version"]).await.map(|text| {
            let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("it says none");
            takopi_core::text::clip(line, 80).into_owned()
        });
        Some(Program { path, version })
    }
}
