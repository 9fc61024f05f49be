//! What `codex exec --json` prints, as events.
//!
//! Of an agent's messages the last is the answer; an earlier one shows as a step once something follows it. A
//! stream that breaks off is tried again, and then its message comes again too: what was said before a try is
//! not said.

use std::path::{Path, PathBuf};

use serde_json::Value;
use takopi_core::event::{ActionKind, FileChange, Outcome, Phase, RunEnd, RunEvent, Usage};
use takopi_core::session::SessionToken;

use crate::agent::item::{Item, Retries, remark, warning};
use crate::agent::json::{error_text, items, take, take_text, text};
use crate::agent::tool::{command_in, relative, unwrap_shell};
use crate::drift::UnknownKinds;
use crate::jsonl::{NO_RESULT, Over, Translator, Undecodable};

/// What is said of a run that ended well and told of no thread.
const NO_THREAD: &str = "finished but no session_id/thread_id was captured";

/// What codex writes to stderr, before anything else is told, of a thread it does not have (0.169).
const NO_ROLLOUT: &str = "no rollout found for thread id";

/// A message of the agent.
#[derive(Debug, Default)]
struct Message {
    id: String,
    text: String,
}

/// How the turn ended, as codex tells it.
#[derive(Debug)]
enum Verdict {
    Completed(Option<Usage>),
    Failed(String),
}

/// The translator of one run.
#[derive(Debug)]
pub(crate) struct Codex {
    dir: PathBuf,
    /// Whether an earlier session is continued: its usage is counted from its beginning.
    resumed: bool,
    /// Whether it has named its thread: before that nothing it says is an answer.
    named: bool,
    /// The newest message: the answer, unless another follows.
    message: Option<Message>,
    /// A message that came with the name of the final answer: no later one without it takes its place.
    named_final: bool,
    verdict: Option<Verdict>,
    /// The last error line: a failure repeats it.
    error: Option<String>,
    retries: Retries,
    notes: u32,
    unknown: UnknownKinds,
}

impl Codex {
    pub(crate) fn new(dir: &Path, resumed: bool) -> Self {
        Self {
            dir: dir.to_owned(),
            resumed,
            named: false,
            message: None,
            named_final: false,
            verdict: None,
            error: None,
            retries: Retries::default(),
            notes: 0,
            unknown: UnknownKinds::default(),
        }
    }

    fn answer(&self) -> &str {
        self.message.as_ref().map_or("", |message| &message.text)
    }

    /// Shows the newest message as a step: it was not the answer after all.
    fn retire_message(&mut self, events: &mut Vec<RunEvent>) {
        if !self.named_final
            && let Some(message) = self.message.take()
        {
            events.extend(remark(&message.id, &message.text));
        }
    }

    /// Tells an error line that no failure followed.
    fn tell_error(&mut self, events: &mut Vec<RunEvent>) {
        if let Some(error) = self.error.take() {
            self.notes += 1;
            events.push(warning(&format!("codex.error.{}", self.notes), &error));
        }
    }

    fn item(&mut self, phase: Phase, item: &mut Value, events: &mut Vec<RunEvent>) {
        let kind = take_text(item, "type").unwrap_or_default();
        if kind == "agent_message" {
            return self.agent_message(phase, item, events);
        }
        let done = phase == Phase::Completed;
        let id = text(item, "id");
        let text = |key: &str| text(item, key);
        let completed = item["status"] == "completed";
        let told = match kind.as_str() {
            "command_execution" => {
                let title = command_in(&unwrap_shell(text("command")), &self.dir);
                let told = Item::new(id, ActionKind::Command, phase, &title);
                let code = item["exit_code"].as_i64();
                match done {
                    true => told
                        .ok(completed && code.is_none_or(|code| code == 0))
                        .exit_code(code)
                        .output(text("aggregated_output")),
                    false => told,
                }
            }
            "mcp_tool_call" => {
                let title = format!("{}.{}", text("server"), text("tool"));
                let told = Item::new(id, ActionKind::Tool, phase, &title);
                let error = item["error"]["message"].as_str();
                if done { told.ok(completed && error.is_none()).output(error.unwrap_or("")) } else { told }
            }
            "web_search" => {
                let query = text("query");
                let told =
                    Item::new(id, ActionKind::WebSearch, phase, if query.is_empty() { "…" } else { query });
                if done { told.ok(true) } else { told }
            }
            "file_change" => {
                let changes = changes(&item["changes"], &self.dir);
                let title = title_of(&changes);
                let told = Item::new(id, ActionKind::FileChange, phase, &title).changes(changes);
                if done { told.ok(completed) } else { told }
            }
            "todo_list" => {
                let told = Item::new(id, ActionKind::Note, phase, &todo(&item["items"]));
                if done { told.ok(true) } else { told }
            }
            "reasoning" if text("text").trim().is_empty() => return,
            "reasoning" => Item::new(id, ActionKind::Note, phase, text("text")),
            "error" if done => return self.notice(id, text("message"), events),
            "error" => return,
            other => return self.unknown.count(&format!("item.{other}")),
        };
        events.push(told.event());
    }

    fn agent_message(&mut self, phase: Phase, item: &mut Value, events: &mut Vec<RunEvent>) {
        let id = text(item, "id").to_owned();
        if item["phase"] == "commentary" {
            events.push(Item::new(&id, ActionKind::Note, phase, text(item, "text")).event());
            return;
        }
        if phase != Phase::Completed {
            return;
        }
        let named_final = item["phase"] == "final_answer";
        let text = take_text(item, "text").unwrap_or_default();
        if named_final || !self.named_final {
            self.named_final = named_final;
            self.message = Some(Message { id, text });
        }
    }

    /// A completed error item is no failure: codex goes on.
    fn notice(&self, id: &str, text: &str, events: &mut Vec<RunEvent>) {
        events.push(warning(id, text));
    }

    fn error(&mut self, message: &str, events: &mut Vec<RunEvent>) {
        let Some((attempt, of, reason)) = reconnecting(message) else {
            self.tell_error(events);
            self.error = Some(message.to_owned());
            return;
        };
        (self.message, self.named_final) = (None, false);
        let colon = if reason.is_empty() { "" } else { ": " };
        events.push(self.retries.told(format!("Reconnecting... {attempt}/{of}{colon}{reason}")));
    }
}

impl Translator for Codex {
    fn line(&mut self, line: &[u8], events: &mut Vec<RunEvent>) -> Result<(), Undecodable> {
        // Some lines hold a key twice; the last one counts.
        let mut line: Value = serde_json::from_slice(line)?;
        let kind = take_text(&mut line, "type").ok_or(Undecodable)?;
        let phase = match kind.as_str() {
            "item.started" => Some(Phase::Started),
            "item.updated" => Some(Phase::Updated),
            "item.completed" => Some(Phase::Completed),
            _ => None,
        };
        if let Some(phase) = phase {
            let mut item = take(&mut line, "item");
            // A try that breaks off again tells the message again: only a step shows that it goes on.
            match item["type"].as_str() {
                Some("error") => {}
                Some("agent_message") => self.retire_message(events),
                _ => {
                    self.tell_error(events);
                    events.extend(self.retries.over(true));
                    self.retire_message(events);
                }
            }
            self.item(phase, &mut item, events);
            return Ok(());
        }
        match kind.as_str() {
            "thread.started" => {
                let token = line["thread_id"].as_str().and_then(SessionToken::parse).ok_or(Undecodable)?;
                self.named = true;
                events.push(RunEvent::Session(token));
            }
            "turn.started" => self.verdict = None,
            "turn.completed" => {
                self.tell_error(events);
                events.extend(self.retries.over(true));
                let usage = (!self.resumed).then(|| usage(&line["usage"])).flatten();
                events.extend(usage.clone().map(RunEvent::Usage));
                events.push(RunEvent::Answer(self.answer().to_owned()));
                self.verdict = Some(Verdict::Completed(usage));
            }
            "turn.failed" => {
                let message = text(&line["error"], "message");
                if self.error.as_deref() == Some(message) {
                    self.error = None;
                }
                self.tell_error(events);
                events.extend(self.retries.over(false));
                let told = error_text(message);
                let told = if told.is_empty() { "the turn failed".to_owned() } else { told };
                self.verdict = Some(Verdict::Failed(told));
            }
            "error" => self.error(text(&line, "message"), events),
            other => self.unknown.count(other),
        }
        Ok(())
    }

    fn settled(&self) -> bool {
        self.verdict.is_some()
    }

    fn unknown(&self) -> Option<&UnknownKinds> {
        Some(&self.unknown)
    }

    fn end(mut self, over: &Over) -> RunEnd {
        let answer = self.message.take().map(|message| message.text).unwrap_or_default();
        let session_missing =
            self.resumed && !self.named && self.verdict.is_none() && is_missing(&over.stderr);
        let (outcome, usage) = match self.verdict {
            Some(Verdict::Completed(usage)) => (Outcome::Answered, usage),
            Some(Verdict::Failed(why)) => (Outcome::Failed(why), None),
            None if over.exit.is_success() && self.named && !answer.is_empty() => (Outcome::Answered, None),
            None => {
                let told = self.error.filter(|error| !error.trim().is_empty());
                let told = told.map(|error| Outcome::Failed(error_text(&error)));
                let missing = if self.named { NO_RESULT } else { NO_THREAD };
                (told.unwrap_or_else(|| over.without_result("codex exec", missing)), None)
            }
        };
        RunEnd { usage, session_missing, ..RunEnd::new(outcome, answer) }
    }
}

/// Returns whether that is why nothing happened. Log lines of codex may tell of other threads.
fn is_missing(stderr: &str) -> bool {
    stderr.lines().any(|line| line.starts_with("Error: ") && line.contains(NO_ROLLOUT))
}

/// Reads `Reconnecting... 1/2 (reason)`; older versions tell no reason.
fn reconnecting(message: &str) -> Option<(u64, u64, &str)> {
    let (word, rest) = message.trim().split_once("...")?;
    if !word.eq_ignore_ascii_case("reconnecting") {
        return None;
    }
    let (counts, reason) = rest.trim_start().split_once(' ').unwrap_or((rest.trim(), ""));
    let (attempt, of) = counts.split_once('/')?;
    let reason = reason.trim();
    let bare = reason.strip_prefix('(').and_then(|reason| reason.strip_suffix(')'));
    Some((attempt.parse().ok()?, of.parse().ok()?, bare.unwrap_or(reason)))
}

fn changes(changes: &Value, dir: &Path) -> Vec<FileChange> {
    let change = |change: &Value| {
        let path = relative(change["path"].as_str().filter(|path| !path.is_empty())?, dir);
        // A newer version may tell the kind as an object.
        let verb = change["kind"].as_str().or_else(|| change["kind"]["type"].as_str());
        Some(FileChange { path, verb: verb.unwrap_or_default().to_owned() })
    };
    items(changes).iter().filter_map(change).collect()
}

fn title_of(changes: &[FileChange]) -> String {
    let paths: Vec<&str> = changes.iter().map(|change| change.path.as_str()).collect();
    if paths.is_empty() { "files".to_owned() } else { paths.join(", ") }
}

/// Returns `todo 2/5: next step`.
fn todo(list: &Value) -> String {
    let items = items(list);
    let done = items.iter().filter(|item| item["completed"] == true).count();
    let next = items.iter().find(|item| item["completed"] != true).and_then(|item| item["text"].as_str());
    match (items.len(), next) {
        (0, _) => "todo".to_owned(),
        (total, Some(next)) => format!("todo {done}/{total}: {next}"),
        (total, None) => format!("todo {done}/{total}: done"),
    }
}

fn usage(usage: &Value) -> Option<Usage> {
    let usage = Usage {
        input_tokens: usage["input_tokens"].as_u64(),
        output_tokens: usage["output_tokens"].as_u64(),
        cost_usd: None,
    };
    (usage != Usage::default()).then_some(usage)
}
