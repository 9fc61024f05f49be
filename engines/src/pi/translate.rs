//! What `pi --print --mode json` prints, as events.
//!
//! Of the agent's messages the last is the answer; those that call tools are steps. The end of the agent is not
//! the end of the run: pi may try again, or make the conversation shorter and go on. While a message is written
//! each line repeats all of it, so those lines are passed over unread.

use std::path::{Path, PathBuf};

use serde_json::Value;
use takopi_core::event::{ActionKind, Level, Note, Outcome, Phase, RunEnd, RunEvent};
use takopi_core::progress::{MAX_ACTION_ID_BYTES, MAX_TITLE_BYTES};
use takopi_core::session::SessionToken;
use takopi_core::text::{clip, head};

use super::session::{continues, is_ambiguous};
use crate::agent::item::{Item, Retries, cut_short, remark, warning};
use crate::agent::json::{error_text, items, take, take_text, text};
use crate::agent::spent::{Call, Spent};
use crate::agent::tool::step;
use crate::drift::UnknownKinds;
use crate::jsonl::{Over, Translator, Undecodable};

/// Lines that tell what others tell as well, and mostly all of it again.
const PASSED_OVER: [&str; 7] = [
    "message_start",
    "message_update",
    "turn_start",
    "turn_end",
    "tool_execution_update",
    "queue_update",
    "entry_appended",
];

/// What it writes to stderr before it asks whether to copy a session of another directory, and then gives up.
const ELSEWHERE: &str = "Session found in different project: ";

/// What it writes to stderr, and nothing to stdout, when no session goes by that name (0.73 and 0.87).
const NOT_FOUND: &str = "No session found matching ";

/// What is said of a run that ended well and never came to its end.
const NO_END: &str = "finished without an agent_end event";

/// Tools at work that are remembered; agents call up to a dozen at once.
const MAX_OPEN: usize = 64;

/// A tool at work.
#[derive(Debug)]
struct Open {
    id: String,
    kind: ActionKind,
    title: String,
}

/// The translator of one run.
#[derive(Debug)]
pub(crate) struct Pi {
    dir: PathBuf,
    /// The session to continue, by any of its names.
    wanted: Option<SessionToken>,
    /// The session of a fresh run until its first message is finished: before that there is nothing to continue.
    unwritten: Option<SessionToken>,
    /// What the newest message says, unless it calls tools.
    answer: Option<String>,
    /// Why the newest message is none.
    error: Option<String>,
    /// Whether the agent came to its end, as far as is known.
    ended: bool,
    /// Whether a message of the model has come since it began.
    heard: bool,
    compacting: bool,
    open: Vec<Open>,
    retries: Retries,
    steps: u32,
    spent: Spent,
    unknown: UnknownKinds,
}

impl Pi {
    pub(crate) fn new(dir: &Path, wanted: Option<SessionToken>) -> Self {
        Self {
            dir: dir.to_owned(),
            wanted,
            unwritten: None,
            answer: None,
            error: None,
            ended: false,
            heard: false,
            compacting: false,
            open: Vec::new(),
            retries: Retries::default(),
            steps: 0,
            spent: Spent::default(),
            unknown: UnknownKinds::default(),
        }
    }

    /// Returns an id for a step that has none.
    fn id(&mut self) -> String {
        self.steps += 1;
        format!("pi.{}", self.steps)
    }

    fn session(&mut self, id: &str, events: &mut Vec<RunEvent>) -> Result<(), Undecodable> {
        let token = SessionToken::parse(id).ok_or(Undecodable)?;
        let Some(wanted) = &self.wanted else {
            self.unwritten = Some(token);
            return Ok(());
        };
        let ambiguous = is_ambiguous(wanted.as_str(), id);
        let text = format!("{wanted} may mean several sessions of pi; this is {token}");
        events.push(RunEvent::Session(token));
        events.extend(ambiguous.then_some(RunEvent::Note(Note { level: Level::Warning, text })));
        Ok(())
    }

    /// Shows the newest message as a step: it was not the answer after all. What a failed try said is not said.
    fn retire(&mut self, events: &mut Vec<RunEvent>) {
        let failed = self.error.take().is_some();
        if let Some(said) = self.answer.take().filter(|_| !failed) {
            let id = self.id();
            events.extend(remark(&id, &said));
        }
    }

    fn message(&mut self, mut message: Value, events: &mut Vec<RunEvent>) {
        if message["role"] != "assistant" {
            return;
        }
        self.heard = true;
        events.extend(self.unwritten.take().map(RunEvent::Session));
        self.retire(events);
        let content = take(&mut message, "content");
        for block in items(&content).iter().filter(|block| block["type"] == "thinking") {
            let id = self.id();
            events.extend(remark(&id, text(block, "thinking")));
        }
        let usage = &message["usage"];
        self.spent.add(&Call {
            input: &[&usage["input"], &usage["cacheRead"], &usage["cacheWrite"]],
            output: &[&usage["output"]],
            cost: &usage["cost"]["total"],
        });
        events.extend(self.spent.usage().map(RunEvent::Usage));
        self.answer = Some(texts(&content, "\n\n"));
        self.error = broken_off(&message);
        match text(&message, "stopReason") {
            _ if self.error.is_some() => {}
            _ if items(&content).iter().any(|block| block["type"] == "toolCall") => self.retire(events),
            reason => {
                let id = self.id();
                events.extend(cut_short(&id, reason));
            }
        }
    }

    fn tool_start(&mut self, line: &Value, events: &mut Vec<RunEvent>) {
        let step = step(text(line, "toolName"), &line["args"], &["path"], &self.dir);
        let id = head(text(line, "toolCallId"), MAX_ACTION_ID_BYTES);
        let item = Item::new(id, step.kind, Phase::Started, &step.title);
        events.push(item.changes(step.changes).event());
        if self.open.len() == MAX_OPEN {
            self.open.remove(0);
        }
        let title = clip(&step.title, MAX_TITLE_BYTES).into_owned();
        self.open.push(Open { id: id.to_owned(), kind: step.kind, title });
    }

    fn tool_end(&mut self, line: &Value, events: &mut Vec<RunEvent>) {
        let id = head(text(line, "toolCallId"), MAX_ACTION_ID_BYTES);
        // What it was called with is not told again.
        let (kind, title) = match self.open.iter().position(|open| open.id == id) {
            Some(place) => {
                let open = self.open.remove(place);
                (open.kind, open.title)
            }
            None => {
                let step = step(text(line, "toolName"), &Value::Null, &[], &self.dir);
                (step.kind, step.title)
            }
        };
        let result = &line["result"];
        let item = Item::new(id, kind, Phase::Completed, &title);
        let item = item.ok(line["isError"] != true);
        let diff = text(&result["details"], "diff");
        let output = if diff.is_empty() { texts(&result["content"], "\n") } else { diff.to_owned() };
        events.push(item.output(&output).event());
    }

    /// Tells that the conversation is made shorter, which may be after the answer and takes a call of the model.
    fn compaction(&mut self, line: &Value, phase: Phase, events: &mut Vec<RunEvent>) {
        const ID: &str = "pi.compaction";
        const TITLE: &str = "making the conversation shorter";
        self.compacting = phase != Phase::Completed;
        if self.compacting {
            events.push(Item::new(ID, ActionKind::Note, phase, TITLE).event());
            return;
        }
        if line["willRetry"] == true {
            self.ended = false;
        }
        let error = text(line, "errorMessage");
        let ok = error.is_empty() && line["aborted"] != true;
        events.push(Item::new(ID, ActionKind::Note, phase, TITLE).ok(ok).event());
        if !error.is_empty() {
            let id = self.id();
            events.push(warning(&id, &failure(error)));
        }
    }

    /// Takes what the end repeats where nothing was heard of it before: an error may stand there alone, or that the
    /// message was broken off.
    fn hear_last(&mut self, line: &mut Value, events: &mut Vec<RunEvent>) {
        let last = line["messages"].as_array_mut().and_then(|messages| {
            messages.iter_mut().rev().find(|message| message["role"] == "assistant").map(Value::take)
        });
        match last {
            Some(message) if self.heard => self.error = self.error.take().or_else(|| broken_off(&message)),
            Some(message) => self.message(message, events),
            None => {}
        }
    }

    fn finish(&mut self, events: &mut Vec<RunEvent>) {
        if !self.ended && self.error.is_none() {
            events.push(RunEvent::Answer(self.answer.clone().unwrap_or_default()));
        }
        self.ended = true;
    }
}

impl Translator for Pi {
    fn line(&mut self, line: &[u8], events: &mut Vec<RunEvent>) -> Result<(), Undecodable> {
        if first_type(line).is_some_and(|kind| PASSED_OVER.contains(&kind)) {
            return Ok(());
        }
        let mut line: Value = serde_json::from_slice(line)?;
        let kind = take_text(&mut line, "type").ok_or(Undecodable)?;
        match kind.as_str() {
            "session" => self.session(text(&line, "id"), events)?,
            "agent_start" => {
                (self.ended, self.heard) = (false, false);
                self.retire(events);
            }
            "message_end" => self.message(take(&mut line, "message"), events),
            "tool_execution_start" => self.tool_start(&line, events),
            "tool_execution_end" => self.tool_end(&line, events),
            "auto_retry_start" => {
                self.ended = false;
                let attempt = line["attempt"].as_u64().unwrap_or(1);
                let reason = failure(text(&line, "errorMessage"));
                events.push(self.retries.again(attempt, line["maxAttempts"].as_u64(), &reason));
            }
            "auto_retry_end" => events.extend(self.retries.over(line["success"] == true)),
            "compaction_start" | "auto_compaction_start" => self.compaction(&line, Phase::Started, events),
            "compaction_end" | "auto_compaction_end" => self.compaction(&line, Phase::Completed, events),
            "agent_end" if line["willRetry"] == true => self.ended = false,
            "agent_end" | "agent_settled" => {
                self.hear_last(&mut line, events);
                self.finish(events);
            }
            known if PASSED_OVER.contains(&known) => {}
            other => self.unknown.count(other),
        }
        Ok(())
    }

    /// An old name of a session is taken for it, and from then on its whole one is the session.
    fn continues(&self, wanted: &SessionToken, told: &SessionToken) -> bool {
        continues(wanted.as_str(), told.as_str())
    }

    fn settled(&self) -> bool {
        self.ended && !self.compacting
    }

    fn unknown(&self) -> Option<&UnknownKinds> {
        Some(&self.unknown)
    }

    fn end(self, over: &Over) -> RunEnd {
        let began = self.ended || self.heard || self.error.is_some();
        let session_missing = self.wanted.is_some()
            && !began
            && over.stderr.lines().any(|line| line.trim().starts_with(NOT_FOUND));
        let answer = self.answer.unwrap_or_default();
        let outcome = match self.error {
            Some(error) => Outcome::Failed(error),
            None if self.ended => Outcome::Answered,
            None => elsewhere(&over.stderr).unwrap_or_else(|| over.without_result("pi", NO_END)),
        };
        RunEnd { usage: self.spent.usage(), session_missing, ..RunEnd::new(outcome, answer) }
    }
}

/// Returns the type of a line that begins with it, as pi writes them, without reading the rest. Any other order
/// or spelling is left to the parser.
fn first_type(line: &[u8]) -> Option<&str> {
    let rest = line.strip_prefix(br#"{"type":""#)?;
    let end = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
    let (kind, rest) = rest.split_at_checked(end)?;
    std::str::from_utf8(kind).ok().filter(|_| rest.starts_with(b"\""))
}

fn texts(content: &Value, between: &str) -> String {
    let texts =
        items(content).iter().filter(|block| block["type"] == "text").map(|block| text(block, "text"));
    texts.filter(|text| !text.trim().is_empty()).collect::<Vec<_>>().join(between)
}

/// Returns why a message of the model is none, if it is none.
fn broken_off(message: &Value) -> Option<String> {
    let reason = text(message, "stopReason");
    if !matches!(reason, "error" | "aborted") {
        return None;
    }
    let said = Some(failure(text(message, "errorMessage"))).filter(|said| !said.is_empty());
    Some(said.unwrap_or_else(|| format!("pi run {reason}")))
}

/// Returns what an error says: `500: {"message": "busy"}` is what a newer pi makes of a service's answer.
fn failure(message: &str) -> String {
    match message.split_at_checked(message.find('{').unwrap_or_default()) {
        Some((status, json)) if !status.is_empty() => format!("{status}{}", error_text(json)),
        _ => error_text(message),
    }
}

/// Returns where the session belongs, if that is why nothing happened: pi calls it a success.
fn elsewhere(stderr: &str) -> Option<Outcome> {
    let dir = stderr.lines().find_map(|line| line.trim().strip_prefix(ELSEWHERE))?;
    Some(Outcome::Failed(format!(
        "this session of pi belongs to {dir}: continue it there, or begin a new one"
    )))
}
