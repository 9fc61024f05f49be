//! claude, run once per message: `claude -p --output-format stream-json`.
//!
//! The prompt goes in by stdin. A session is a conversation; it can be continued from the directory it began
//! in, and after a cancel too. How its lines become events is `claude/translate.rs`, what becomes of prompts that
//! begin with a slash is `claude/slash.rs`.

mod diff;
mod slash;
mod steps;
mod translate;

use serde_json::Value;
use takopi_core::event::{Outcome, RunEnd};
use takopi_core::id::NameError;
use takopi_core::port::engine::{EngineError, EngineSpec, Job, RunOptions};
use takopi_core::resume::{PatternError, ResumePattern};
use takopi_core::session::SessionToken;
use takopi_core::settings::{ConfigTable, Table};
use takopi_stdio::{Ladder, Signal};

use crate::agent::config::Common;
use crate::agent::{self, Agent, Args, CommandLine, TOKEN};
use translate::Claude as Translator;

/// The options takopi sets itself, by all their names, and those that would change which session a run is in.
const MANAGED: [&str; 15] = [
    "-p",
    "--print",
    "--output-format",
    "--input-format",
    "--verbose",
    "-r",
    "--resume",
    "-c",
    "--continue",
    "--session-id",
    "--fork-session",
    "--no-session-persistence",
    "--allowedTools",
    "--allowed-tools",
    "--dangerously-skip-permissions",
];

/// Levels of `--effort` (`claude --help`, 2.1.197).
const LEVELS: [&str; 5] = ["low", "medium", "high", "xhigh", "max"];

/// Tools that are allowed where the settings say nothing: without them an agent can only talk.
const ALLOWED_TOOLS: &str = "Bash,Read,Edit,Write";

/// A key for the API: with it claude bills the API instead of the person's subscription.
const API_KEY: &str = "ANTHROPIC_API_KEY";

/// What claude tells its children of itself: a takopi started from within claude is no part of that session.
const NESTED: [&str; 2] = ["CLAUDECODE", "CLAUDE_CODE_ENTRYPOINT"];

/// `[engines.claude]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClaudeConfig {
    common: Common,
    /// As claude takes them: with commas between. Empty: the option is left out.
    allowed_tools: String,
    dangerously_skip_permissions: bool,
    use_api_billing: bool,
}

impl ConfigTable for ClaudeConfig {
    fn read(table: &mut Table<'_>) -> Self {
        Self {
            common: Common::read(table, &MANAGED, &[]),
            allowed_tools: allowed_tools(table).unwrap_or_else(|| ALLOWED_TOOLS.to_owned()),
            dangerously_skip_permissions: table.boolean("dangerously_skip_permissions", false),
            use_api_billing: table.boolean("use_api_billing", false),
        }
    }
}

/// Reads the tools: a list, or a text as claude takes it.
fn allowed_tools(table: &mut Table<'_>) -> Option<String> {
    const KEY: &str = "allowed_tools";
    let tools = match table.raw(KEY)? {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Array(tools) => {
            let names: Option<Vec<&str>> = tools.iter().map(Value::as_str).collect();
            names.map(|names| names.join(","))
        }
        _ => None,
    };
    // Behind a dash it would be read as an option of claude.
    let tools = tools.filter(|tools| !tools.starts_with('-'));
    if tools.is_none() {
        table.error(KEY, "it is no list of tools", "write e.g. allowed_tools = [\"Bash\", \"Read\"]");
    }
    tools
}

fn resume() -> Result<ResumePattern, PatternError> {
    ResumePattern::new("claude --resume {token}", &["claude -r {token}"], TOKEN)
}

/// The agent.
#[derive(Debug, Clone)]
pub(crate) struct Claude(ClaudeConfig);

impl Agent for Claude {
    type Config = ClaudeConfig;
    type Translator = Translator;

    fn spec() -> Result<EngineSpec, NameError> {
        agent::spec("claude", "Claude", "npm install -g @anthropic-ai/claude-code", resume())
    }

    fn new(config: ClaudeConfig) -> Self {
        Self(config)
    }

    fn common(&self) -> &Common {
        &self.0.common
    }

    fn ladder(&self) -> Ladder {
        // Unlike SIGTERM it ends claude's shell too, and claude writes down how far it came.
        Ladder::gently(Signal::Interrupt)
    }

    fn command(&self, job: &Job, options: &RunOptions) -> Result<CommandLine, EngineError> {
        let ClaudeConfig { common, allowed_tools, dangerously_skip_permissions, use_api_billing } = &self.0;
        let mut args = Args::default();
        args.add(&common.extra_args);
        // Of two such options the last would count.
        let own_settings = common.extra_args.iter().any(|argument| argument.starts_with("--settings"));
        args.add(&["-p", "--output-format", "stream-json", "--verbose"]);
        args.option("--resume", job.session.as_ref().map(SessionToken::as_str));
        args.option("--model", options.model.as_deref());
        if let Some(level) = &options.reasoning {
            args.add(&["--effort", level]);
            if !own_settings {
                args.add(&["--settings", r#"{"alwaysThinkingEnabled":true}"#]);
            }
        }
        if !allowed_tools.is_empty() {
            args.add(&["--allowedTools", allowed_tools]);
        }
        if *dangerously_skip_permissions {
            args.add(&["--dangerously-skip-permissions"]);
        }
        if let Some(word) = slash::new_session(&job.prompt) {
            let text = format!("/{word} would begin another session behind takopi's back: type /new");
            return Err(EngineError::Broken(text));
        }
        let key = (!use_api_billing).then_some(API_KEY);
        let env_remove = NESTED.into_iter().chain(key).collect();
        Ok(CommandLine { env_remove, ..args.prompt(&job.prompt) })
    }

    fn translator(&self, job: &Job, _options: &RunOptions) -> Translator {
        Translator::new(&job.dir, job.session.is_some()).refused_as(slash::unknown(&job.prompt))
    }

    fn again(&self, job: &Job, end: &RunEnd) -> Option<Job> {
        let refused =
            end.outcome == Outcome::Answered && slash::unknown(&job.prompt).as_ref() == Some(&end.answer);
        let prompt = refused.then(|| slash::as_text(&job.prompt))?;
        // The refusal is in the session, and so is what follows.
        Some(Job { prompt, session: end.session.clone(), ..job.clone() })
    }

    fn levels(&self) -> &'static [&'static str] {
        &LEVELS
    }
}

#[cfg(test)]
mod tests;
