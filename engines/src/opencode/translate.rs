//! What `opencode run --format json` prints, as events.
//!
//! It tells of a tool when it is over, and of a text when it is written. The answer is the texts after the last
//! tool; the earlier ones are steps. A step that begins again without having ended is another try to reach the
//! model: what was said in the first is not said.

use std::path::{Path, PathBuf};

use serde_json::Value;
use takopi_core::event::{ActionKind, FileChange, Outcome, Phase, RunEnd, RunEvent};
use takopi_core::session::SessionToken;

use crate::agent::item::{Item, Retries, cut_short, remark, warning};
use crate::agent::json::{error_text, items, take, take_text, text};
use crate::agent::spent::{Call, Spent};
use crate::agent::tool::{self, Step, command_in, relative};
use crate::drift::UnknownKinds;
use crate::jsonl::{NO_RESULT, NO_SESSION, Over, Translator, Undecodable};

/// What it writes to stderr when a tool needs a permission, which nobody is there to give.
const REJECTED: (&str, &str) = ("permission requested: ", "; auto-rejecting");

/// What it writes to stderr, and nothing to stdout, of a session it does not have (1.18).
const NOT_FOUND: &str = "Error: Session not found";

/// The names under which its tools take a path.
const PATHS: [&str; 3] = ["filePath", "file_path", "path"];

/// A text of the agent.
#[derive(Debug)]
struct Said {
    id: String,
    text: String,
}

/// How the run ended, as opencode tells it.
#[derive(Debug)]
enum Verdict {
    Completed,
    Failed(String),
}

/// The translator of one run.
#[derive(Debug)]
pub(crate) struct Opencode {
    dir: PathBuf,
    /// The session it told of last.
    session: Option<SessionToken>,
    /// Texts since the last tool.
    texts: Vec<Said>,
    /// How many of them were there when the step began; `None` between steps.
    step_from: Option<usize>,
    /// Whether a step has ended: before that nothing it says is an answer.
    stepped: bool,
    verdict: Option<Verdict>,
    tries: u64,
    retries: Retries,
    notes: u32,
    spent: Spent,
    unknown: UnknownKinds,
}

impl Opencode {
    pub(crate) fn new(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            session: None,
            texts: Vec::new(),
            step_from: None,
            stepped: false,
            verdict: None,
            tries: 0,
            retries: Retries::default(),
            notes: 0,
            spent: Spent::default(),
            unknown: UnknownKinds::default(),
        }
    }

    fn answer(&self) -> String {
        self.texts.iter().map(|said| said.text.trim()).collect::<Vec<_>>().join("\n\n")
    }

    /// Goes on after what looked like the end. An error that was none is told as a warning.
    fn go_on(&mut self, events: &mut Vec<RunEvent>) {
        if let Some(Verdict::Failed(error)) = self.verdict.take() {
            events.push(self.warn(&error));
        }
    }

    fn warn(&mut self, text: &str) -> RunEvent {
        self.notes += 1;
        warning(&format!("opencode.warning.{}", self.notes), text)
    }

    fn step_start(&mut self, events: &mut Vec<RunEvent>) {
        self.go_on(events);
        if let Some(from) = self.step_from {
            self.texts.truncate(from);
            self.tries += 1;
            events.push(self.retries.again(self.tries, None, "the model broke off"));
        }
        self.step_from = Some(self.texts.len());
    }

    fn step_finish(&mut self, part: &Value, events: &mut Vec<RunEvent>) {
        self.step_from = None;
        self.stepped = true;
        self.tries = 0;
        events.extend(self.retries.over(true));
        let tokens = &part["tokens"];
        let cache = &tokens["cache"];
        self.spent.add(&Call {
            input: &[&tokens["input"], &cache["read"], &cache["write"]],
            output: &[&tokens["output"], &tokens["reasoning"]],
            cost: &part["cost"],
        });
        events.extend(self.spent.usage().map(RunEvent::Usage));
        let reason = text(part, "reason");
        self.notes += 1;
        events.extend(cut_short(&format!("opencode.warning.{}", self.notes), reason));
        if reason == "stop" {
            events.push(RunEvent::Answer(self.answer()));
            self.verdict = Some(Verdict::Completed);
        }
    }

    fn tool_use(&mut self, part: &mut Value, events: &mut Vec<RunEvent>) {
        for said in self.texts.drain(..) {
            events.extend(remark(&said.id, &said.text));
        }
        self.step_from = self.step_from.map(|_| 0);
        let mut state = take(part, "state");
        let (name, input) = (text(part, "tool"), take(&mut state, "input"));
        let id = [text(part, "callID"), text(part, "id")].into_iter().find(|id| !id.is_empty());
        let Step { kind, title, changes } = self.step(name, &input, &state);
        let item = |phase| Item::new(id.unwrap_or_default(), kind, phase, &title).changes(changes);
        events.push(match text(&state, "status") {
            "completed" => {
                let metadata = &state["metadata"];
                let exit = metadata["exit"].as_i64();
                let outputs = [text(metadata, "diff"), text(&state, "output")];
                let output = outputs.into_iter().find(|output| !output.trim().is_empty());
                let item = item(Phase::Completed).ok(exit.is_none_or(|exit| exit == 0)).exit_code(exit);
                item.output(output.unwrap_or_default()).event()
            }
            "error" => {
                let exit = state["metadata"]["exit"].as_i64();
                item(Phase::Completed).ok(false).exit_code(exit).output(text(&state, "error")).event()
            }
            _ => item(Phase::Started).event(),
        });
    }

    /// Returns a tool's step, with opencode's own title where it has one. Of a file it tells the path as seen from
    /// the repository, not from where the run works: there the run's view stands, as code.
    fn step(&self, name: &str, input: &Value, state: &Value) -> Step {
        let mut step = tool::step(name, input, &PATHS, &self.dir);
        let title = text(state, "title").trim();
        let path = PATHS.iter().find_map(|key| input[*key].as_str());
        if let Some(path) = path.filter(|path| names(title, path)) {
            step.title =
                if step.kind == ActionKind::FileChange { step.title } else { as_code(path, &self.dir) };
        } else if !title.is_empty() {
            step.title = command_in(title, &self.dir);
        }
        // Its sub-agents are tools by its own account.
        if step.kind == ActionKind::Subagent {
            step.kind = ActionKind::Tool;
        }
        if name == "apply_patch" {
            step.kind = ActionKind::FileChange;
            step.changes = self.patched(&state["metadata"]["files"]);
            let paths: Vec<&str> = step.changes.iter().map(|change| change.path.as_str()).collect();
            if !paths.is_empty() {
                step.title = paths.join(", ");
            }
        }
        step
    }

    fn patched(&self, files: &Value) -> Vec<FileChange> {
        let change = |file: &Value| {
            let path =
                [text(file, "filePath"), text(file, "relativePath")].into_iter().find(|p| !p.is_empty());
            Some(FileChange { path: relative(path?, &self.dir), verb: text(file, "type").to_owned() })
        };
        items(files).iter().filter_map(change).collect()
    }

    fn error(&mut self, error: &Value, events: &mut Vec<RunEvent>) {
        let said = [&error["data"]["message"], &error["message"], &error["name"], error];
        let told = said.into_iter().find_map(|said| said.as_str().filter(|text| !text.trim().is_empty()));
        let told = error_text(told.unwrap_or("it told of an error without saying which"));
        if !matches!(&self.verdict, Some(Verdict::Failed(known)) if *known == told) {
            self.go_on(events);
        }
        events.extend(self.retries.over(false));
        self.verdict = Some(Verdict::Failed(told));
    }
}

impl Translator for Opencode {
    fn line(&mut self, line: &[u8], events: &mut Vec<RunEvent>) -> Result<(), Undecodable> {
        let mut line: Value = serde_json::from_slice(line)?;
        let kind = take_text(&mut line, "type").ok_or(Undecodable)?;
        // Every line tells it: an error may be all that is printed.
        let session = text(&line, "sessionID");
        if self.session.as_ref().is_none_or(|told| told.as_str() != session)
            && let Some(token) = SessionToken::parse(session)
        {
            self.session = Some(token.clone());
            events.push(RunEvent::Session(token));
        }
        let mut part = take(&mut line, "part");
        match kind.as_str() {
            "step_start" => self.step_start(events),
            "step_finish" => self.step_finish(&part, events),
            "tool_use" => {
                self.go_on(events);
                self.tool_use(&mut part, events);
            }
            "text" => {
                self.go_on(events);
                let (id, said) = (text(&part, "id").to_owned(), take_text(&mut part, "text"));
                let said = said.filter(|said| !said.trim().is_empty());
                self.texts.extend(said.map(|text| Said { id, text }));
            }
            "reasoning" => events.extend(remark(text(&part, "id"), text(&part, "text"))),
            "error" => {
                let error = [take(&mut line, "error"), take(&mut line, "message")];
                let error = error.into_iter().find(|error| !error.is_null()).unwrap_or_default();
                self.error(&error, events);
            }
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

    fn end(self, over: &Over) -> RunEnd {
        let answer = self.answer();
        let usage = self.spent.usage();
        let session_missing = self.session.is_none()
            && self.verdict.is_none()
            && over.stderr.lines().any(|line| line.trim() == NOT_FOUND);
        let outcome = match self.verdict {
            Some(Verdict::Completed) => Outcome::Answered,
            Some(Verdict::Failed(why)) => Outcome::Failed(why),
            None if over.exit.is_success() && self.stepped && !answer.is_empty() => Outcome::Answered,
            None => {
                let missing = if self.session.is_some() { NO_RESULT } else { NO_SESSION };
                rejected(&over.stderr).unwrap_or_else(|| over.without_result("opencode", missing))
            }
        };
        RunEnd { usage, session_missing, ..RunEnd::new(outcome, answer) }
    }
}

/// Returns what was rejected and what to do, if that is how it ended: opencode says it on stderr alone, stops
/// there and calls it a success.
fn rejected(stderr: &str) -> Option<Outcome> {
    let (before, after) = REJECTED;
    let mut wanted = stderr.lines().filter_map(|line| line.split_once(before)?.1.split_once(after));
    let (wanted, _) = wanted.next_back()?;
    Some(Outcome::Failed(format!(
        "opencode needed a permission that nobody was asked for: {wanted}. Allow it under \"permission\" in \
         opencode.json, or everything with extra_args = [\"--auto\"] under [engines.opencode]"
    )))
}

/// Returns whether `title` is `path`, as seen from anywhere.
fn names(title: &str, path: &str) -> bool {
    !title.is_empty() && Path::new(path).ends_with(title.trim_start_matches("../"))
}

fn as_code(path: &str, dir: &Path) -> String {
    format!("`{}`", relative(path, dir))
}
