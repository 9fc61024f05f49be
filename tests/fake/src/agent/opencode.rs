//! How `opencode run --format json` sounds. It says nothing before the model has answered for the first time,
//! and tells of a tool only when that is done.

use std::io;
use std::path::Path;

use super::sheet::{Sheet, text};
use super::voice::{Done, Lines, Of, Tool, Voice, Work};

const SHEET: Sheet = Sheet(include_str!("lines/opencode.lines"));

/// A run of opencode.
pub(super) struct OpenCode {
    of: Of,
    named: bool,
    in_step: bool,
}

impl OpenCode {
    pub(super) fn new(session: String) -> Self {
        Self { of: Of { sheet: SHEET, session }, named: true, in_step: false }
    }

    /// Returns what is printed instead of a run when there is no such model.
    pub(super) fn server_error(session: &str) -> io::Result<String> {
        Of { sheet: SHEET, session: session.to_owned() }.line("server_error", &[])
    }

    /// Returns the start of a step, when none is under way.
    fn step(&mut self) -> Lines {
        let begins = self.named && !self.in_step;
        self.in_step = true;
        if begins { Ok(vec![self.of.line("began", &[])?]) } else { Ok(Vec::new()) }
    }

    /// Returns a line within a step.
    fn within(&mut self, line: io::Result<String>) -> Lines {
        let mut lines = self.step()?;
        lines.push(line?);
        Ok(lines)
    }

    fn step_ended(&mut self, reason: &str) -> io::Result<String> {
        self.in_step = false;
        self.of.told("ended", &[("reason", reason)])
    }
}

impl Voice for OpenCode {
    fn opened(&mut self, named: bool) -> Lines {
        self.named = named;
        Ok(Vec::new())
    }

    fn renamed(&mut self, session: &str) -> Lines {
        session.clone_into(&mut self.of.session);
        Ok(vec![self.of.line("began", &[])?])
    }

    fn said(&mut self, words: &str) -> Lines {
        let line = self.of.told("text", &[("text", words)]);
        self.within(line)
    }

    fn thought(&mut self, words: &str) -> Lines {
        let line = self.of.told("reasoning", &[("text", words)]);
        self.within(line)
    }

    fn began(&mut self, _tool: &Tool) -> Lines {
        self.step()
    }

    fn ended(&mut self, tool: &Tool, done: &Done) -> Lines {
        let line = match &tool.work {
            Work::Command(command) => self.of.line(
                "command",
                &[
                    ("id", text(&tool.id)),
                    ("command", text(command)),
                    ("output", text(&done.output)),
                    ("exit", done.exit.to_string()),
                ],
            ),
            Work::Write { path, content } => {
                let title = Path::new(path).file_name().unwrap_or_default().to_string_lossy();
                let places =
                    [("id", tool.id.as_str()), ("path", path), ("content", content), ("title", &title)];
                self.of.told("write", &places)
            }
        };
        let mut lines = self.within(line)?;
        lines.push(self.step_ended("tool-calls")?);
        Ok(lines)
    }

    fn retried(&mut self, _attempt: usize, _of: usize, _reason: &str) -> Lines {
        // A stream that breaks begins the step again, without a word about why.
        self.in_step = false;
        self.step()
    }

    fn answered(&mut self, answer: &str) -> Lines {
        if answer.is_empty() { self.step() } else { self.said(answer) }
    }

    fn completed(&mut self, _answer: &str) -> Lines {
        Ok(vec![self.step_ended("stop")?])
    }

    fn failed(&mut self, message: &str) -> io::Result<(Vec<String>, u8)> {
        Ok((vec![self.of.told("error", &[("text", message)])?], 1))
    }

    fn rejected(&mut self, tool: &Tool) -> io::Result<(Vec<String>, String)> {
        let path = match &tool.work {
            Work::Command(path) | Work::Write { path, .. } => path,
        };
        let line = self.of.told("rejected", &[("id", &tool.id), ("path", path)]);
        let mut lines = self.within(line)?;
        lines.push(self.step_ended("tool-calls")?);
        let words = format!(
            "\u{1b}[93m\u{1b}[1m! \u{1b}[0mpermission requested: external_directory ({path}); auto-rejecting"
        );
        Ok((lines, words))
    }
}
