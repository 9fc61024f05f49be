//! The steps of claude: what a tool was asked, put together with what it gave back.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use takopi_core::event::{ActionKind, Phase, RunEvent};
use takopi_core::progress::MAX_OUTPUT_BYTES;
use takopi_core::text::clip_middle;

use super::diff;
use crate::agent::item::Item;
use crate::agent::json::{items, take, take_text, text};
use crate::agent::tool::{Step, step};

/// Under which names claude's tools take a path.
const PATH_KEYS: [&str; 3] = ["file_path", "notebook_path", "path"];

/// Steps that are kept while they run; further ones lose their titles. Real runs have up to some dozens.
const MAX_OPEN: usize = 1000;

/// What a tool says of itself that was running when claude was stopped.
const STOPPED: &str = "User rejected tool use";

/// Pieces of what a tool gave back that are looked at.
const MAX_PIECES: usize = 100;

/// A step that runs.
#[derive(Debug)]
struct Open {
    step: Step,
    /// What it is asked to write.
    diff: String,
    /// Whether what it gives back is not worth showing.
    silent: bool,
    /// Whether it goes on after it has given something back.
    in_background: bool,
}

/// The steps of one run.
#[derive(Debug)]
pub(super) struct Steps {
    dir: PathBuf,
    open: HashMap<String, Open>,
}

impl Steps {
    pub(super) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), open: HashMap::new() }
    }

    /// Tells that a tool is used.
    pub(super) fn begin(&mut self, block: &mut Value) -> RunEvent {
        let id = take_text(block, "id").unwrap_or_default();
        let name = take_text(block, "name").unwrap_or_default();
        let input = take(block, "input");
        let mut step = step(&name, &input, &PATH_KEYS, &self.dir);
        if let Some(title) = todo(&name, &input) {
            (step.kind, step.title) = (ActionKind::Note, title);
        }
        let writes = step.kind == ActionKind::FileChange;
        let diff = if writes { diff::asked(&input) } else { String::new() };
        // What it reads is the project's; what it notes is in the title.
        let silent = step.kind == ActionKind::Note || name == "Read";
        let event = told(&id, &step, Phase::Started).event();
        if self.open.len() < MAX_OPEN {
            self.open.insert(id, Open { step, diff, silent, in_background: false });
        }
        event
    }

    /// Tells what a tool gave back. `account` is what it says of itself beside the text for the model. `None`:
    /// it has only begun.
    pub(super) fn end(&mut self, block: &Value, account: &Value) -> Option<RunEvent> {
        let id = text(block, "tool_use_id");
        if account["isAsync"] == true
            && let Some(open) = self.open.get_mut(id)
        {
            open.in_background = true;
            return None;
        }
        let Open { mut step, diff, silent, .. } = self.open.remove(id).unwrap_or_else(unknown);
        let ok = block["is_error"] != true;
        let given = flat(&block["content"]);
        if !ok {
            let (code, output) = failure(&given);
            // After a stop it is a lecture to the model.
            let output = if account == STOPPED { "" } else { output };
            let code = code.filter(|_| step.kind == ActionKind::Command);
            return Some(told(id, &step, Phase::Completed).ok(false).exit_code(code).output(output).event());
        }
        if let (Some(change), true) = (step.changes.first_mut(), account["type"] == "create") {
            change.verb = "add".to_owned();
        }
        let done = told(id, &step, Phase::Completed).ok(true);
        let done = match step.kind {
            ActionKind::FileChange => {
                let by_itself = diff::done(account);
                done.output(if by_itself.is_empty() { &diff } else { &by_itself })
            }
            // To the model it is told how to go on with that agent, too.
            ActionKind::Subagent if !items(&account["content"]).is_empty() => {
                done.output(&flat(&account["content"]))
            }
            _ if silent => done,
            _ => done.output(&given),
        };
        Some(done.event())
    }

    /// Tells that an agent in the background is done.
    pub(super) fn task_over(&mut self, line: &Value) -> Option<RunEvent> {
        let id = text(line, "tool_use_id");
        // One in the foreground gives its own result.
        self.open.get(id).filter(|open| open.in_background)?;
        let open = self.open.remove(id)?;
        let ok = line["status"] == "completed";
        Some(told(id, &open.step, Phase::Completed).ok(ok).output(text(line, "summary")).event())
    }
}

fn unknown() -> Open {
    let step = Step { kind: ActionKind::Tool, title: "tool result".to_owned(), changes: Vec::new() };
    Open { step, diff: String::new(), silent: false, in_background: false }
}

fn told(id: &str, step: &Step, phase: Phase) -> Item {
    Item::new(id, step.kind, phase, &step.title).changes(step.changes.iter().cloned())
}

/// Returns how a step of the list of todos is called, which the tool's name does not tell.
fn todo(name: &str, input: &Value) -> Option<String> {
    match name {
        "TaskCreate" => Some(format!("todo: {}", text(input, "subject"))),
        "TaskUpdate" => Some(format!("todo {}: {}", text(input, "taskId"), text(input, "status"))),
        "TaskGet" | "TaskList" => Some("read todos".to_owned()),
        _ => None,
    }
}

/// Returns what a tool gave back as text: a text, or several, each no longer than what is kept of all.
fn flat(content: &Value) -> Cow<'_, str> {
    let piece = |block: &'_ Value| match text(block, "type") {
        "image" => "[image]".to_owned(),
        _ => clip_middle(text(block, "text"), MAX_OUTPUT_BYTES).into_owned(),
    };
    match content {
        Value::String(text) => Cow::Borrowed(text),
        blocks => {
            let pieces = items(blocks).iter().take(MAX_PIECES).map(piece).filter(|piece| !piece.is_empty());
            Cow::Owned(pieces.collect::<Vec<_>>().join("\n"))
        }
    }
}

/// Returns the status of a failed command, where its output begins with it, and the output without what is
/// written around it for the model.
fn failure(given: &str) -> (Option<i64>, &str) {
    let bare = given.trim();
    let bare = bare.strip_prefix("<tool_use_error>").unwrap_or(bare);
    let bare = bare.strip_suffix("</tool_use_error>").unwrap_or(bare);
    let Some(rest) = bare.strip_prefix("Exit code ") else { return (None, bare) };
    let (code, output) = rest.split_once('\n').unwrap_or((rest, ""));
    match code.trim().parse() {
        Ok(code) => (Some(code), output),
        Err(_) => (None, bare),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_failure_is_told_without_its_wrapping() {
        assert_eq!(failure("Exit code 3\nboom\n"), (Some(3), "boom"));
        assert_eq!(failure("Exit code 1"), (Some(1), ""));
        assert_eq!(failure("Exit code none"), (None, "Exit code none"));
        assert_eq!(failure("<tool_use_error>not read</tool_use_error>"), (None, "not read"));
    }

    #[test]
    fn what_was_given_back_is_flattened_and_a_single_text_is_not_copied() {
        let content = json!("text");
        assert!(matches!(flat(&content), Cow::Borrowed("text")));
        let blocks =
            json!([{ "type": "text", "text": "a" }, { "type": "image" }, 7, { "type": "text", "text": "b" }]);
        assert_eq!(flat(&blocks), "a\n[image]\nb");
        assert_eq!(flat(&json!(null)), "");
        let long = json!([{ "type": "text", "text": "x".repeat(10_000_000) }]);
        assert!(flat(&long).len() <= MAX_OUTPUT_BYTES);
    }
}
