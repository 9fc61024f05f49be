//! pi, run once per message: `pi --print --mode json`.
//!
//! The prompt goes in by stdin. pi names a session itself and writes it only with the first answer; it is
//! continued by its whole name, since the beginning of one may be that of another. How its lines become events
//! is `pi/translate.rs`.

mod session;
mod translate;

use std::path::Path;

use takopi_core::id::NameError;
use takopi_core::port::engine::{Choices, EngineError, EngineSpec, Job, RunOptions};
use takopi_core::resume::{PatternError, ResumePattern};
use takopi_core::settings::{ConfigTable, Table};
use takopi_stdio::Ladder;

use crate::agent::config::Common;
use crate::agent::{self, Agent, Args, CommandLine, Listing};
use session::is_file;
use translate::Pi as Translator;

/// The options takopi sets itself, and those that would make a run another one than was asked for.
const MANAGED: [&str; 13] = [
    "--print",
    "-p",
    "--mode",
    "--session",
    "--session-id",
    "--no-session",
    "--continue",
    "-c",
    "--resume",
    "-r",
    "--fork",
    "--export",
    "--list-models",
];

/// Levels of pi 0.87; 0.73 knows no `max`, says so on stderr and goes on with its default.
const LEVELS: [&str; 7] = ["off", "minimal", "low", "medium", "high", "xhigh", "max"];

/// What its sessions are called: as those of all agents, and never with the quotes that may stand around one.
const SESSION: &str = r#"[^`\s\-"'][^`\s"']*"#;

/// What pi is told to be without, unless the environment says something of it already.
const PLAIN: [&str; 2] = ["NO_COLOR", "CI"];

/// `[engines.pi]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct PiConfig {
    common: Common,
    /// Whose models are meant by names without a provider.
    provider: Option<String>,
}

impl ConfigTable for PiConfig {
    fn read(table: &mut Table<'_>) -> Self {
        let common = Common::read(table, &MANAGED, &[]);
        Self { common, provider: table.string("provider", "\"anthropic\"") }
    }
}

fn resume() -> Result<ResumePattern, PatternError> {
    let also = ["pi --session \"{token}\"", "pi --session '{token}'"];
    ResumePattern::new("pi --session {token}", &also, SESSION)
}

/// The agent.
#[derive(Debug, Clone)]
pub(crate) struct Pi(PiConfig);

impl Agent for Pi {
    type Config = PiConfig;
    type Translator = Translator;

    fn spec() -> Result<EngineSpec, NameError> {
        // Its earlier package, of another owner, stopped at 0.73.1.
        agent::spec("pi", "Pi", "npm install -g @earendil-works/pi-coding-agent", resume())
    }

    fn new(config: PiConfig) -> Self {
        Self(config)
    }

    fn common(&self) -> &Common {
        &self.0.common
    }

    fn ladder(&self) -> Ladder {
        // Under SIGTERM it ends its tools; under SIGINT they stay.
        Ladder::TERMINATE
    }

    fn command(&self, job: &Job, options: &RunOptions) -> Result<CommandLine, EngineError> {
        let mut args = Args::default();
        args.add(&self.0.common.extra_args);
        args.add(&["--print", "--mode", "json"]);
        args.option("--provider", self.0.provider.as_deref());
        args.option("--model", options.model.as_deref());
        args.option("--thinking", options.reasoning.as_deref());
        let mut line = match &job.session {
            None => args.prompt(&job.prompt),
            Some(session) => {
                let file = session.as_str();
                // pi would begin a new session in a file that is not there.
                if is_file(file) && !job.dir.join(Path::new(file)).is_file() {
                    return Err(EngineError::Broken(format!("there is no session file {file}")));
                }
                args.add(&["--session", file]);
                // A session of another directory makes it ask on stdin whether to fork it: the empty line says
                // no, where a prompt could say yes. Before a prompt it is left out.
                args.prompt(&format!("\n{}", job.prompt))
            }
        };
        let unset = PLAIN.into_iter().filter(|name| std::env::var_os(name).is_none());
        line.env.extend(unset.map(|name| (name, "1".into())));
        Ok(line)
    }

    fn translator(&self, job: &Job, _options: &RunOptions) -> Translator {
        Translator::new(&job.dir, job.session.clone())
    }

    fn levels(&self) -> &'static [&'static str] {
        &LEVELS
    }

    fn listing(&self) -> Option<Listing> {
        Some(Listing { args: &["--list-models"], read: choices })
    }
}

/// Reads `pi --list-models`: a table whose first columns are provider and model.
fn choices(stdout: &str, _model: Option<&str>) -> Choices {
    let mut rows = stdout.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        words.next().zip(words.next())
    });
    let models = match rows.next() {
        Some(("provider", "model")) => rows.map(|(provider, model)| format!("{provider}/{model}")).collect(),
        _ => Vec::new(),
    };
    Choices { models, ..Choices::default() }
}

#[cfg(test)]
mod tests;
