//! codex, run once per message: `codex exec --json`.
//!
//! The prompt goes in by stdin. A session is a thread of codex; it can be continued from any directory, and
//! after a cancel too. How its lines become events is `codex/translate.rs`.

mod translate;

use serde_json::Value;
use takopi_core::id::NameError;
use takopi_core::port::engine::{Choices, EngineError, EngineSpec, Job, RunOptions};
use takopi_core::resume::{PatternError, ResumePattern};
use takopi_core::session::SessionToken;
use takopi_core::settings::{ConfigTable, Table};
use takopi_stdio::Ladder;

use crate::agent::config::Common;
use crate::agent::json::items;
use crate::agent::{self, Agent, Args, CommandLine, Listing, TOKEN};
use translate::Codex as Translator;

/// The options takopi sets itself: all belong to `exec`.
const MANAGED: [&str; 6] =
    ["--skip-git-repo-check", "--json", "--output-schema", "--output-last-message", "--color", "-o"];

/// Levels where codex tells none: those of its setting `model_reasoning_effort`. A model tells its own
/// (`codex debug models`, 0.169).
const LEVELS: [&str; 5] = ["minimal", "low", "medium", "high", "xhigh"];

/// `[engines.codex]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct CodexConfig {
    common: Common,
    /// A profile of codex's own config.
    profile: Option<String>,
}

impl ConfigTable for CodexConfig {
    fn read(table: &mut Table<'_>) -> Self {
        // Without it codex runs the person's own notifier at the end of every run.
        let common = Common::read(table, &MANAGED, &["-c", "notify=[]"]);
        // Known to the Python takopi, whose default runs all threads in one process.
        if table.choice("mode", &[("exec", false), ("app_server", true)], false) {
            let problem = "this version runs codex once per message, which is the mode exec";
            table.warn("mode", problem, "nothing to do; write mode = \"exec\" to be told no more");
        }
        Self { common, profile: table.string("profile", "\"work\"") }
    }
}

fn resume() -> Result<ResumePattern, PatternError> {
    ResumePattern::new("codex resume {token}", &[], TOKEN)
}

/// The agent.
#[derive(Debug, Clone)]
pub(crate) struct Codex(CodexConfig);

impl Agent for Codex {
    type Config = CodexConfig;
    type Translator = Translator;

    fn spec() -> Result<EngineSpec, NameError> {
        agent::spec("codex", "Codex", "npm install -g @openai/codex", resume())
    }

    fn new(config: CodexConfig) -> Self {
        Self(config)
    }

    fn common(&self) -> &Common {
        &self.0.common
    }

    fn ladder(&self) -> Ladder {
        // It ends at once, its shell with it, and the thread can be continued.
        Ladder::TERMINATE
    }

    fn command(&self, job: &Job, options: &RunOptions) -> Result<CommandLine, EngineError> {
        let mut args = Args::default();
        args.add(&self.0.common.extra_args);
        args.option("--profile", self.0.profile.as_deref());
        args.option("--model", options.model.as_deref());
        if let Some(level) = &options.reasoning {
            args.add(&["-c", &format!("model_reasoning_effort={level}")]);
        }
        args.add(&["exec", "--json", "--skip-git-repo-check", "--color=never"]);
        args.option("resume", job.session.as_ref().map(SessionToken::as_str));
        args.add(&["-"]);
        Ok(args.prompt(&job.prompt))
    }

    fn translator(&self, job: &Job, _options: &RunOptions) -> Translator {
        Translator::new(&job.dir, job.session.is_some())
    }

    fn levels(&self) -> &'static [&'static str] {
        &LEVELS
    }

    fn listing(&self) -> Option<Listing> {
        Some(Listing { args: &["debug", "models"], read: choices })
    }
}

/// Reads `codex debug models`: the models it would offer, and the levels of the one that is meant, by default
/// the first of them.
fn choices(stdout: &str, model: Option<&str>) -> Choices {
    let listed: Value = serde_json::from_str(stdout).unwrap_or_default();
    let mut models: Vec<&Value> =
        listed["models"].as_array().map_or_else(Vec::new, |all| all.iter().collect());
    models.sort_by_key(|model| model["priority"].as_i64().unwrap_or(i64::MAX));
    let texts = |values: &Value, key: &str| -> Vec<String> {
        items(values).iter().filter_map(|value| value[key].as_str().map(str::to_owned)).collect()
    };
    let meant = match model {
        Some(name) => models.iter().find(|model| model["slug"] == name),
        None => models.first(),
    };
    let levels = meant.map(|model| texts(&model["supported_reasoning_levels"], "effort")).unwrap_or_default();
    let offered = models.iter().filter(|model| model["visibility"] == "list");
    Choices {
        models: offered.filter_map(|model| model["slug"].as_str().map(str::to_owned)).collect(),
        levels,
        untold: None,
    }
}

#[cfg(test)]
mod tests;
