//! What `claude -p --output-format stream-json` prints, as events.
//!
//! One run may have several turns: agents that claude started in the background wake it again, and then there
//! are several results, of which the last that says something is the answer. What such an agent says is never the answer. How the
//! steps are told is `steps.rs`.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use takopi_core::event::{ActionKind, Level, Note, Outcome, Phase, RunEnd, RunEvent, Usage};
use takopi_core::session::SessionToken;
use takopi_core::text::head;

use super::steps::Steps;
use crate::agent::item::{Item, Retries, remark, warning};
use crate::agent::json::{error_text, items, take, take_text, text};
use crate::drift::UnknownKinds;
use crate::jsonl::{NO_RESULT, NO_SESSION, Over, Translator, Undecodable};

/// Lines that tell nothing a chat would show: pieces of what follows, answers to requests, signs of life.
const SILENT: [&str; 10] = [
    "auth_status",
    "control_cancel_request",
    "control_request",
    "control_response",
    "keep_alive",
    "prompt_suggestion",
    "rate_limit_event",
    "stream_event",
    "tool_progress",
    "tool_use_summary",
];

/// The same among the lines of type `system` (2.1.197 and 2.1.329).
const SILENT_SYSTEM: [&str; 33] = [
    "agents_killed",
    "api_error",
    "away_summary",
    "commands_changed",
    "compact_boundary",
    "elicitation_complete",
    "file_snapshot",
    "files_persisted",
    "hook_progress",
    "hook_response",
    "hook_started",
    "informational",
    "local_command_output",
    "memory_recall",
    "memory_saved",
    "mirror_error",
    "model_consent_fallback",
    "model_fallback",
    "model_refusal_fallback",
    "model_refusal_no_fallback",
    "notification",
    "permission_denied",
    "permission_retry",
    "plugin_install",
    "post_turn_summary",
    "scheduled_task_fire",
    "session_state_changed",
    "status",
    "stop_hook_summary",
    "task_progress",
    "task_summary",
    "thinking_tokens",
    "turn_duration",
];

/// Background tasks that are waited for. A shell in the background, such as a server, may never end.
const SHELL_TASK: &str = "local_bash";

/// What is kept of one run's own numbers: more tasks and refused tools than any run has.
const MAX_KEPT: usize = 1000;

/// What claude says, before anything else, of a session it does not have in this directory, and of a name that is
/// none of its sessions (2.1.197 and 2.1.329).
const NOT_FOUND: [&str; 2] = ["No conversation found with session ID", "does not match any session title"];

/// What claude says where it has nothing to say.
const NO_CONTENT: &str = "(no content)";

/// A text of the agent.
#[derive(Debug)]
struct Message {
    /// The model's message it is part of: it may come in pieces.
    id: String,
    text: String,
}

/// The last result.
#[derive(Debug)]
struct Verdict {
    outcome: Outcome,
    answer: String,
    /// Whether it failed for want of the session.
    session_missing: bool,
}

/// The translator of one run.
#[derive(Debug)]
pub(crate) struct Claude {
    steps: Steps,
    resumed: bool,
    /// Whether it has told its session.
    named: bool,
    /// What claude says when it does not know the command that the prompt is to it.
    refusal: Option<String>,
    /// The newest text: the answer, unless something follows.
    message: Option<Message>,
    /// An error of the API: a failure repeats it.
    error: Option<String>,
    verdict: Option<Verdict>,
    /// Whether a turn has begun after the last result.
    going_on: bool,
    /// Agents in the background, by their ids: claude goes on when one is done.
    tasks: BTreeSet<String>,
    /// Tools that were refused; each is told once.
    refused: BTreeSet<String>,
    usage: Option<Usage>,
    retries: Retries,
    notes: u32,
    unknown: UnknownKinds,
}

impl Claude {
    pub(crate) fn new(dir: &Path, resumed: bool) -> Self {
        Self {
            steps: Steps::new(dir),
            resumed,
            named: false,
            refusal: None,
            message: None,
            error: None,
            verdict: None,
            going_on: false,
            tasks: BTreeSet::new(),
            refused: BTreeSet::new(),
            usage: None,
            retries: Retries::default(),
            notes: 0,
            unknown: UnknownKinds::default(),
        }
    }

    /// Returns the translator that does not take `refusal` for an answer: it is the end's, and nothing is shown of it.
    pub(crate) fn refused_as(self, refusal: Option<String>) -> Self {
        Self { refusal, ..self }
    }

    /// Returns whether a result says no more than that claude does not know the prompt's command: the model was not
    /// asked.
    fn is_refusal(&self, line: &Value, result: &str) -> bool {
        self.verdict.is_none() && line["num_turns"] == 0 && self.refusal.as_deref() == Some(result)
    }

    fn note_id(&mut self, what: &str) -> String {
        self.notes += 1;
        format!("claude.{what}.{}", self.notes)
    }

    /// Shows the newest text as a step: it was not the answer after all.
    fn retire_message(&mut self, events: &mut Vec<RunEvent>) {
        if let Some(message) = self.message.take() {
            events.extend(remark(&self.note_id("said"), &message.text));
        }
    }

    /// Tells an error that no failure followed.
    fn tell_error(&mut self, events: &mut Vec<RunEvent>) {
        if let Some(error) = self.error.take() {
            events.push(warning(&self.note_id("error"), &error));
        }
    }

    fn system(&mut self, line: &Value, events: &mut Vec<RunEvent>) -> Result<(), Undecodable> {
        let task = text(line, "task_id");
        match text(line, "subtype") {
            "init" => {
                let session = session(line).ok_or(Undecodable)?;
                self.named = true;
                events.push(RunEvent::Session(session));
                self.going_on = self.verdict.is_some();
            }
            "api_retry" => {
                let attempt = line["attempt"].as_u64().unwrap_or_default();
                let why = text(line, "error").replace('_', " ");
                let status = line["error_status"].as_u64();
                let status = status.map_or_else(String::new, |status| format!(" (HTTP {status})"));
                let reason = format!("{why}{status}");
                events.push(self.retries.again(attempt, line["max_retries"].as_u64(), &reason));
            }
            "task_started" => self.begin_task(line),
            "task_updated" => {
                let status = text(&line["patch"], "status");
                if !matches!(status, "" | "pending" | "running") {
                    self.tasks.remove(task);
                }
            }
            "task_notification" => {
                self.tasks.remove(task);
                events.extend(self.steps.task_over(line));
            }
            "background_tasks_changed" => {
                self.tasks.clear();
                items(&line["tasks"]).iter().for_each(|task| self.begin_task(task));
            }
            known if SILENT_SYSTEM.contains(&known) => {}
            other => self.unknown.count(&format!("system.{other}")),
        }
        Ok(())
    }

    fn begin_task(&mut self, task: &Value) {
        if text(task, "task_type") != SHELL_TASK && self.tasks.len() < MAX_KEPT {
            self.tasks.insert(text(task, "task_id").to_owned());
        }
    }

    /// A message of the model, or of an agent that claude has started.
    fn assistant(&mut self, line: &mut Value, events: &mut Vec<RunEvent>) {
        let of_subagent = line["parent_tool_use_id"].is_string();
        let mut message = take(line, "message");
        let id = take_text(&mut message, "id").unwrap_or_default();
        let is_error = line["error"].is_string();
        if !of_subagent {
            events.extend(self.retries.over(!is_error));
            self.going_on = self.verdict.is_some();
            self.tell_error(events);
        }
        for mut block in blocks(take(&mut message, "content")) {
            match text(&block, "type") {
                "tool_use" | "server_tool_use" | "mcp_tool_use" => {
                    self.retire_message(events);
                    events.push(self.steps.begin(&mut block));
                }
                "text" if of_subagent => {}
                "text" => {
                    let text = take_text(&mut block, "text").unwrap_or_default();
                    if is_error { self.error = Some(text) } else { self.say(&id, text, events) }
                }
                "thinking" if of_subagent => {}
                "thinking" => {
                    let thought = text(&block, "thinking").trim();
                    if !thought.is_empty() {
                        self.retire_message(events);
                        let id = self.note_id("thinking");
                        events.push(
                            Item::new(&id, ActionKind::Note, Phase::Completed, thought).ok(true).event(),
                        );
                    }
                }
                "redacted_thinking" | "image" | "document" | "container_upload" | "fallback" => {}
                kind if kind.ends_with("_tool_result") => {}
                other => self.unknown.count(&format!("assistant.{other}")),
            }
        }
    }

    fn say(&mut self, id: &str, text: String, events: &mut Vec<RunEvent>) {
        if text.trim().is_empty() || text == NO_CONTENT {
            return;
        }
        match &mut self.message {
            Some(message) if message.id == id && !id.is_empty() => message.text.push_str(&text),
            _ => {
                self.retire_message(events);
                self.message = Some(Message { id: id.to_owned(), text });
            }
        }
    }

    /// What tools gave back; what claude tells the model in the person's name is not for people.
    fn user(&mut self, line: &mut Value, events: &mut Vec<RunEvent>) {
        let account = take(line, "tool_use_result");
        let blocks = blocks(take(&mut line["message"], "content"));
        let is_result = |block: &&Value| block["type"] == "tool_result";
        // The account is one tool's.
        let alone = blocks.iter().filter(is_result).count() == 1;
        for block in &blocks {
            match text(block, "type") {
                "tool_result" => {
                    let account = if alone { &account } else { &Value::Null };
                    events.extend(self.steps.end(block, account));
                }
                "text" | "image" | "document" | "search_result" | "tool_reference" => {}
                other => self.unknown.count(&format!("user.{other}")),
            }
        }
    }

    fn result(&mut self, line: &mut Value, events: &mut Vec<RunEvent>) {
        let failed = line["is_error"] == true || line["subtype"] != "success";
        let result = take_text(line, "result").unwrap_or_default();
        self.going_on = false;
        self.add_usage(line);
        events.extend(self.retries.over(!failed));
        self.tell_refused(line, events);
        let verdict = if failed {
            let error = self.why(line, &result);
            self.error = None;
            let said = self.message.take().map(|message| message.text).unwrap_or_default();
            // The error may have come as a text too.
            let answer = if said.trim() == error.trim() { String::new() } else { said };
            let session_missing = self.is_missing(line, &error);
            Verdict { outcome: Outcome::Failed(error), answer, session_missing }
        } else if self.is_refusal(line, &result) {
            self.message = None;
            Verdict { outcome: Outcome::Answered, answer: result, session_missing: false }
        } else {
            // A failed one may name a session that does not exist.
            events.extend(session(line).map(RunEvent::Session));
            if self.error.as_deref() == Some(result.as_str()) {
                self.error = None;
            }
            self.tell_error(events);
            // Of a text that came in pieces it is only the last. That of an earlier turn is of another text.
            let whole = |said: &mut Message| said.text.trim_end().ends_with(result.trim());
            let answer = self.message.take_if(whole).map_or(result, |said| said.text);
            let answer = if answer.trim().is_empty() { self.former_answer() } else { answer };
            events.extend(self.usage.clone().map(RunEvent::Usage));
            events.push(RunEvent::Answer(answer.clone()));
            Verdict { outcome: Outcome::Answered, answer, session_missing: false }
        };
        self.verdict = Some(verdict);
    }

    /// Returns the answer of the turn before, for one that adds nothing to it.
    fn former_answer(&mut self) -> String {
        let former = self.verdict.take().filter(|verdict| verdict.outcome == Outcome::Answered);
        former.map(|verdict| verdict.answer).unwrap_or_default()
    }

    /// Returns why a run failed, in claude's words.
    fn why(&self, line: &Value, result: &str) -> String {
        let told = if result.trim().is_empty() {
            // For the makers of claude.
            let for_people = |error: &&str| !error.starts_with("[ede_diagnostic]");
            let errors = items(&line["errors"]).iter().filter_map(Value::as_str).filter(for_people);
            errors.collect::<Vec<_>>().join("\n")
        } else {
            error_text(result)
        };
        let told = told.trim();
        if told.is_empty() {
            let why = [text(line, "subtype"), text(line, "terminal_reason")];
            let why: Vec<&str> = why.into_iter().filter(|why| !why.is_empty()).collect();
            return format!("claude run failed ({})", why.join(", "));
        }
        let hint = if told.contains("/login") {
            "\nlog in on the machine takopi runs on: type claude, then /login"
        } else if self.resumed && !began(line) && line["subtype"] == "error_during_execution" {
            "\nclaude continues a session only from the directory it began in; /new begins another"
        } else {
            ""
        };
        format!("{told}{hint}")
    }

    /// Returns whether nothing was begun since the session to continue is not there.
    fn is_missing(&self, line: &Value, error: &str) -> bool {
        let is_first = self.verdict.is_none() && !self.named && !began(line);
        self.resumed && is_first && NOT_FOUND.iter().any(|words| error.contains(words))
    }

    /// Tells once of each tool that claude was not allowed to use: nobody is there to be asked.
    fn tell_refused(&mut self, line: &Value, events: &mut Vec<RunEvent>) {
        for denial in items(&line["permission_denials"]) {
            let tool = head(text(denial, "tool_name"), 100);
            if tool.is_empty() || self.refused.contains(tool) || self.refused.len() >= MAX_KEPT {
                continue;
            }
            self.refused.insert(tool.to_owned());
            let text =
                format!("{tool} was refused; to allow it, add it to allowed_tools in [engines.claude]");
            events.push(RunEvent::Note(Note { level: Level::Warning, text }));
        }
    }

    /// Adds what a turn has used.
    fn add_usage(&mut self, line: &Value) {
        let (known, more) = (self.usage.take().unwrap_or_default(), used(line));
        let add = |known: Option<u64>, more: Option<u64>| match (known, more) {
            (Some(known), Some(more)) => Some(known.saturating_add(more)),
            (known, more) => known.or(more),
        };
        let usage = Usage {
            input_tokens: add(known.input_tokens, more.input_tokens),
            output_tokens: add(known.output_tokens, more.output_tokens),
            cost_usd: match (known.cost_usd, more.cost_usd) {
                // Older versions tell the cost of the whole run.
                (Some(known), Some(more)) if !tells_shares(line) => Some(known.max(more)),
                (Some(known), Some(more)) => Some(known + more),
                (known, more) => known.or(more),
            },
        };
        let counts = [usage.input_tokens, usage.output_tokens];
        let nothing = counts.into_iter().flatten().all(|count| count == 0)
            && usage.cost_usd.is_none_or(|cost| cost <= 0.0);
        self.usage = (!nothing).then_some(usage);
    }
}

/// The models' shares of a turn, agents' included. Newer versions tell them, and count the cost of a result
/// from the session's beginning.
const SHARES: &str = "model_usage_since_last_result";

fn tells_shares(line: &Value) -> bool {
    line[SHARES].is_object()
}

fn used(line: &Value) -> Usage {
    let sum = |usage: &Value, keys: &[&str]| {
        let counts = keys.iter().filter_map(|key| usage[key].as_u64());
        counts.reduce(u64::saturating_add)
    };
    let Some(shares) = line[SHARES].as_object() else {
        let input = ["input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"];
        return Usage {
            input_tokens: sum(&line["usage"], &input),
            output_tokens: sum(&line["usage"], &["output_tokens"]),
            cost_usd: line["total_cost_usd"].as_f64(),
        };
    };
    let input = ["inputTokens", "cacheCreationInputTokens", "cacheReadInputTokens"];
    let all =
        |keys: &[&str]| shares.values().filter_map(|share| sum(share, keys)).reduce(u64::saturating_add);
    let costs = shares.values().filter_map(|share| share["costUSD"].as_f64());
    Usage {
        input_tokens: all(&input),
        output_tokens: all(&["outputTokens"]),
        cost_usd: costs.reduce(|sum, cost| sum + cost),
    }
}

impl Translator for Claude {
    fn line(&mut self, line: &[u8], events: &mut Vec<RunEvent>) -> Result<(), Undecodable> {
        let mut line: Value = serde_json::from_slice(line)?;
        let kind = take_text(&mut line, "type").ok_or(Undecodable)?;
        match kind.as_str() {
            "system" => self.system(&line, events)?,
            "assistant" => self.assistant(&mut line, events),
            "user" => self.user(&mut line, events),
            "result" => self.result(&mut line, events),
            known if SILENT.contains(&known) => {}
            other => self.unknown.count(other),
        }
        Ok(())
    }

    fn settled(&self) -> bool {
        self.verdict.is_some() && !self.going_on && self.tasks.is_empty()
    }

    fn unknown(&self) -> Option<&UnknownKinds> {
        Some(&self.unknown)
    }

    fn end(self, over: &Over) -> RunEnd {
        let said = self.message.map(|message| message.text);
        let session_missing = !self.going_on && self.verdict.as_ref().is_some_and(|it| it.session_missing);
        let (outcome, answer) = match self.verdict {
            Some(verdict) if !self.going_on => (verdict.outcome, verdict.answer),
            earlier => {
                let told = self.error.filter(|error| !error.trim().is_empty());
                let missing = if self.named { NO_RESULT } else { NO_SESSION };
                let outcome = told.map_or_else(|| over.without_result("claude", missing), Outcome::Failed);
                (outcome, said.or(earlier.map(|earlier| earlier.answer)).unwrap_or_default())
            }
        };
        RunEnd { usage: self.usage, session_missing, ..RunEnd::new(outcome, answer) }
    }
}

/// Returns whether the model was asked.
fn began(result: &Value) -> bool {
    result["num_turns"].as_u64().is_some_and(|turns| turns > 0)
}

fn session(line: &Value) -> Option<SessionToken> {
    line["session_id"].as_str().and_then(SessionToken::parse)
}

/// Returns what a message consists of; one that is a mere text is one block.
fn blocks(content: Value) -> Vec<Value> {
    match content {
        Value::Array(blocks) => blocks,
        text @ Value::String(_) => vec![serde_json::json!({ "type": "text", "text": text })],
        _ => Vec::new(),
    }
}
