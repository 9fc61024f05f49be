//! opencode, run once per message: `opencode run --format json`.
//!
//! The prompt goes in by stdin: among the arguments, one of digits alone makes opencode fail. A session can be
//! continued after a cancel too. How its lines become events is `opencode/translate.rs`.

mod translate;

use takopi_core::id::NameError;
use takopi_core::port::engine::{Choices, EngineError, EngineSpec, Job, RunOptions};
use takopi_core::resume::{PatternError, ResumePattern};
use takopi_core::session::SessionToken;
use takopi_core::settings::{ConfigTable, Table};
use takopi_stdio::Ladder;

use crate::agent::config::Common;
use crate::agent::{self, Agent, Args, CommandLine, Listing};
use translate::Opencode as Translator;

/// The options takopi sets itself, and those that would make a run another one than was asked for.
const MANAGED: [&str; 11] = [
    "--format",
    "--session",
    "-s",
    "--continue",
    "-c",
    "--fork",
    "--dir",
    "--command",
    "--interactive",
    "-i",
    "--attach",
];

/// What its sessions are called.
const SESSION: &str = "ses_[A-Za-z0-9]+";

/// `[engines.opencode]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct OpencodeConfig {
    common: Common,
}

impl ConfigTable for OpencodeConfig {
    fn read(table: &mut Table<'_>) -> Self {
        Self { common: Common::read(table, &MANAGED, &[]) }
    }
}

fn resume() -> Result<ResumePattern, PatternError> {
    let also = ["opencode run --session {token}", "opencode -s {token}", "opencode run -s {token}"];
    ResumePattern::new("opencode --session {token}", &also, SESSION)
}

/// The agent.
#[derive(Debug, Clone)]
pub(crate) struct Opencode(OpencodeConfig);

impl Agent for Opencode {
    type Config = OpencodeConfig;
    type Translator = Translator;

    fn spec() -> Result<EngineSpec, NameError> {
        agent::spec("opencode", "OpenCode", "npm install -g opencode-ai@latest", resume())
    }

    fn new(config: OpencodeConfig) -> Self {
        Self(config)
    }

    fn common(&self) -> &Common {
        &self.0.common
    }

    fn ladder(&self) -> Ladder {
        // No signal to it alone ends its tools: they have process groups of their own.
        Ladder::TERMINATE
    }

    fn command(&self, job: &Job, options: &RunOptions) -> Result<CommandLine, EngineError> {
        let mut args = Args::default();
        args.add(&["run"]);
        args.add(&self.0.common.extra_args);
        args.add(&["--format", "json"]);
        args.option("--session", job.session.as_ref().map(SessionToken::as_str));
        args.option("--model", options.model.as_deref());
        args.option("--variant", options.reasoning.as_deref());
        Ok(args.prompt(&job.prompt))
    }

    fn translator(&self, job: &Job, _options: &RunOptions) -> Translator {
        Translator::new(&job.dir)
    }

    fn levels(&self) -> &'static [&'static str] {
        // Each provider has its own, and opencode ignores those it does not know.
        &[]
    }

    fn listing(&self) -> Option<Listing> {
        Some(Listing { args: &["models"], read: choices })
    }
}

/// Reads `opencode models`: a `provider/model` per line.
fn choices(stdout: &str, _model: Option<&str>) -> Choices {
    let is_model = |line: &&str| line.contains('/') && !line.contains(char::is_whitespace);
    let models = stdout.lines().map(str::trim).filter(is_model).map(str::to_owned).collect();
    Choices { models, ..Choices::default() }
}

#[cfg(test)]
mod tests;
