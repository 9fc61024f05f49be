//! How `claude -p --output-format stream-json --verbose` sounds, in 2.1.329 and in 2.1.197.

use std::io;

use serde_json::{Value, json};

use super::exit::Exit;
use super::sheet::{Sheet, text};
use super::state::State;
use super::voice::{Done, Lines, Of, Tool, Voice, Work};

/// How an older version begins what it says of a command it does not know; the model is not asked.
pub(super) const UNKNOWN: &str = "Unknown command: /";

const SHEET: Sheet = Sheet(include_str!("lines/claude.lines"));
const OLD: Sheet = Sheet(include_str!("lines/claude_old.lines"));

/// A run of claude.
pub(super) struct Claude {
    of: Of,
    old: bool,
    dir: String,
    model: String,
    /// The answers of the turns before the last one.
    earlier: Vec<String>,
    turns: usize,
}

impl Claude {
    pub(super) fn new(session: String, old: bool, dir: String, model: Option<String>) -> Self {
        let usual = if old { "claude-opus-4-8" } else { "claude-opus-5-5" };
        let model = model.unwrap_or_else(|| usual.to_owned());
        let of = Of { sheet: if old { OLD } else { SHEET }, session };
        Self { of, old, dir, model, earlier: Vec::new(), turns: 1 }
    }

    fn init(&self) -> io::Result<String> {
        // Who pays: a key in the environment is taken before the login.
        let key = if std::env::var_os("ANTHROPIC_API_KEY").is_some() { "ANTHROPIC_API_KEY" } else { "none" };
        self.of.told("init", &[("cwd", &self.dir), ("model", &self.model), ("key", key)])
    }

    fn spoken(&self, name: &str, words: &str) -> Lines {
        Ok(vec![self.of.told(name, &[("model", &self.model), ("text", words)])?])
    }

    fn tool(&self, id: &str, name: &str, input: &Value) -> io::Result<String> {
        let places = [
            ("model", text(&self.model)),
            ("id", text(id)),
            ("name", text(name)),
            ("input", input.to_string()),
        ];
        self.of.line("tool", &places)
    }
}

/// Returns what claude says when `asked` is no session of the directory it is in.
pub(super) fn not_resumed(asked: &str) -> io::Result<Exit> {
    let known = uuid::Uuid::try_parse(asked).is_ok();
    let (session, words) = if known {
        (asked.to_owned(), format!("No conversation found with session ID: {asked}"))
    } else {
        let words = "Error: --resume requires a valid session ID or session title when used with --print.";
        let why = "is not a UUID and does not match any session title.";
        (State::fresh_id(), format!("{words} Provided value \"{asked}\" {why}"))
    };
    let line = Of { sheet: SHEET, session }.told("not_resumed", &[("text", &words)])?;
    Ok(Exit { lines: vec![line], stderr: words, code: 1 })
}

impl Voice for Claude {
    fn opened(&mut self, named: bool) -> Lines {
        if named { Ok(vec![self.init()?]) } else { Ok(Vec::new()) }
    }

    fn renamed(&mut self, session: &str) -> Lines {
        session.clone_into(&mut self.of.session);
        Ok(vec![self.init()?])
    }

    fn said(&mut self, words: &str) -> Lines {
        self.spoken("text", words)
    }

    fn thought(&mut self, words: &str) -> Lines {
        self.spoken("thought", words)
    }

    fn began(&mut self, tool: &Tool) -> Lines {
        self.turns += 1;
        let line = match &tool.work {
            Work::Command(command) => {
                self.tool(&tool.id, "Bash", &json!({"command": command, "description": "Run a command"}))
            }
            Work::Write { path, content } => {
                self.tool(&tool.id, "Write", &json!({"file_path": path, "content": content}))
            }
        };
        Ok(vec![line?])
    }

    fn ended(&mut self, tool: &Tool, done: &Done) -> Lines {
        let id = tool.id.as_str();
        let line = match &tool.work {
            Work::Write { path, content } => {
                let output = format!("File created successfully at: {path}");
                let places = [("id", id), ("output", output.as_str()), ("path", path), ("content", content)];
                self.of.told("write_done", &places)
            }
            Work::Command(_) if done.exit == 0 => {
                self.of.told("tool_done", &[("id", id), ("output", done.output.trim_end())])
            }
            Work::Command(_) => {
                let output = format!("Exit code {}\n{}", done.exit, done.output.trim_end());
                let error = format!("Error: {output}");
                self.of.told("tool_failed", &[("id", id), ("output", &output), ("error", &error)])
            }
        };
        Ok(vec![line?])
    }

    fn copies(&self) -> usize {
        2
    }

    fn retried(&mut self, attempt: usize, of: usize, reason: &str) -> Lines {
        let places = [("attempt", attempt.to_string()), ("of", of.to_string()), ("text", text(reason))];
        Ok(vec![self.of.line("retry", &places)?])
    }

    fn answered(&mut self, answer: &str) -> Lines {
        if answer.is_empty() {
            return Ok(vec![self.of.line("synthetic", &[])?]);
        }
        self.said(answer)
    }

    fn completed(&mut self, answer: &str) -> Lines {
        let turns = if answer.starts_with(UNKNOWN) { 0 } else { self.turns };
        let result = |name, index: usize, words: &str| {
            let places = [("text", text(words)), ("index", index.to_string()), ("turns", turns.to_string())];
            self.of.line(name, &places)
        };
        let earlier = self.earlier.iter().enumerate();
        let mut lines = earlier.map(|(index, words)| result("result", index, words)).collect::<Lines>()?;
        let last = if lines.is_empty() { "result" } else { "later_result" };
        lines.push(result(last, lines.len(), answer)?);
        Ok(lines)
    }

    fn failed(&mut self, message: &str) -> io::Result<(Vec<String>, u8)> {
        let words = [("text", message)];
        Ok((vec![self.of.told("api_error", &words)?, self.of.told("error_result", &words)?], 1))
    }

    fn next_turn(&mut self, words: &str) -> Lines {
        let id = format!("toolu_{}", self.earlier.len());
        let input = json!({"description": "an errand", "prompt": "look around"});
        let mut lines = vec![self.tool(&id, "Agent", &input)?];
        lines.push(self.of.told("task_started", &[("id", &id), ("text", "an errand")])?);
        lines.push(
            self.of.told("tool_done", &[("id", &id), ("output", "Async agent launched successfully.")])?,
        );
        lines.extend(self.said(words)?);
        let errand = [("model", self.model.as_str()), ("id", &id), ("text", "what the errand brought")];
        lines.push(self.of.told("subagent_text", &errand)?);
        lines.push(self.of.line("task_updated", &[])?);
        lines.push(self.of.told("task_told", &[("id", &id), ("text", "what the errand brought")])?);
        lines.push(self.init()?);
        self.earlier.push(words.to_owned());
        Ok(lines)
    }

    fn interrupted(&self, tool: Option<&Tool>) -> io::Result<Option<(Vec<String>, u8)>> {
        let mut lines = Vec::new();
        if let Some(tool) = tool {
            lines.push(self.of.told("tool_interrupted", &[("id", &tool.id)])?);
        }
        lines.push(self.of.line("interruption", &[])?);
        lines.push(self.of.line("interrupted", &[])?);
        Ok(Some((lines, u8::from(self.old && tool.is_some()))))
    }
}
