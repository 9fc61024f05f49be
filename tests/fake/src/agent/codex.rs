//! How `codex exec --json` sounds.

use super::sheet::{Sheet, text};
use super::voice::{Done, Lines, Of, Tool, Voice, Work};

const SHEET: Sheet = Sheet(include_str!("lines/codex.lines"));

/// A run of codex.
pub(super) struct Codex {
    of: Of,
    /// Numbers the items of a run.
    items: usize,
    /// The turns of the thread, this one included: its usage is told as a sum.
    turns: u64,
}

impl Codex {
    pub(super) fn new(session: String, turns: u64) -> Self {
        Self { of: Of { sheet: SHEET, session }, items: 0, turns }
    }

    fn next_item(&mut self) -> String {
        let id = format!("item_{}", self.items);
        self.items += 1;
        id
    }

    fn item(&mut self, name: &str, words: &str) -> Lines {
        let id = self.next_item();
        Ok(vec![self.of.told(name, &[("id", &id), ("text", words)])?])
    }
}

/// Returns a command as codex runs it.
fn in_a_shell(command: &str) -> String {
    format!("/bin/bash -lc '{command}'")
}

impl Voice for Codex {
    fn opened(&mut self, named: bool) -> Lines {
        let mut lines = Vec::new();
        if named {
            lines.push(self.of.line("session", &[])?);
        }
        lines.push(self.of.line("began", &[])?);
        Ok(lines)
    }

    fn renamed(&mut self, session: &str) -> Lines {
        session.clone_into(&mut self.of.session);
        Ok(vec![self.of.line("session", &[])?])
    }

    fn said(&mut self, words: &str) -> Lines {
        self.item("message", words)
    }

    fn thought(&mut self, words: &str) -> Lines {
        self.item("thought", words)
    }

    fn began(&mut self, tool: &Tool) -> Lines {
        let id = format!("item_{}", self.items);
        let line = match &tool.work {
            Work::Command(command) => {
                self.of.told("command_began", &[("id", &id), ("command", &in_a_shell(command))])
            }
            Work::Write { path, .. } => self.of.told("write_began", &[("id", &id), ("path", path)]),
        };
        Ok(vec![line?])
    }

    fn ended(&mut self, tool: &Tool, done: &Done) -> Lines {
        let id = self.next_item();
        let line = match &tool.work {
            Work::Command(command) => self.of.line(
                "command_ended",
                &[
                    ("id", text(&id)),
                    ("command", text(&in_a_shell(command))),
                    ("output", text(&done.output)),
                    ("exit", done.exit.to_string()),
                    ("status", text(if done.exit == 0 { "completed" } else { "failed" })),
                ],
            ),
            Work::Write { path, .. } => self.of.told("write_ended", &[("id", &id), ("path", path)]),
        };
        Ok(vec![line?])
    }

    fn retried(&mut self, attempt: usize, of: usize, reason: &str) -> Lines {
        let words = format!("Reconnecting... {attempt}/{of} ({reason})");
        Ok(vec![self.of.told("error", &[("text", &words)])?])
    }

    fn answered(&mut self, answer: &str) -> Lines {
        self.item("message", answer)
    }

    fn completed(&mut self, _answer: &str) -> Lines {
        let usage = [("input", (120 * self.turns).to_string()), ("output", (30 * self.turns).to_string())];
        Ok(vec![self.of.line("completed", &usage)?])
    }

    fn failed(&mut self, message: &str) -> std::io::Result<(Vec<String>, u8)> {
        let words = [("text", message)];
        Ok((vec![self.of.told("error", &words)?, self.of.told("failed", &words)?], 1))
    }
}
