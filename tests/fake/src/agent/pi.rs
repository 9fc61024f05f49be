//! How `pi --print --mode json` sounds, in 0.87.1 and in 0.73.1.

use std::io;

use serde_json::json;

use super::sheet::{Place, Sheet, text};
use super::voice::{Done, Lines, Of, Tool, Voice, Work};

const SHEET: Sheet = Sheet(include_str!("lines/pi.lines"));
const OLD: Sheet = Sheet(include_str!("lines/pi_old.lines"));

/// A run of pi.
pub(super) struct Pi {
    of: Of,
    old: bool,
    fresh: bool,
    dir: String,
    prompt: String,
    model: String,
    provider: String,
    /// The messages since the agent began, as JSON: it tells them all at its end.
    messages: Vec<String>,
    /// The message that called the tool at work.
    calling: String,
    /// How often the model's service has failed.
    retries: usize,
}

/// What a run of pi is told before it begins.
pub(super) struct Before {
    pub(super) session: String,
    pub(super) old: bool,
    /// Whether the session begins with this run.
    pub(super) fresh: bool,
    pub(super) dir: String,
    pub(super) prompt: String,
    pub(super) model: Option<String>,
    pub(super) provider: Option<String>,
}

impl Pi {
    pub(super) fn new(before: Before) -> Self {
        Self {
            of: Of { sheet: if before.old { OLD } else { SHEET }, session: before.session },
            old: before.old,
            fresh: before.fresh,
            dir: before.dir,
            prompt: before.prompt,
            model: before.model.unwrap_or_else(|| "a-model".to_owned()),
            provider: before.provider.unwrap_or_else(|| "a-provider".to_owned()),
            messages: Vec::new(),
            calling: String::new(),
            retries: 0,
        }
    }

    fn assistant(&self, name: &str, places: &[Place<'_>]) -> io::Result<String> {
        let mut all = vec![("model", text(&self.model)), ("provider", text(&self.provider))];
        all.extend(places.iter().cloned());
        self.of.line(name, &all)
    }

    /// Returns a message of the agent, with the lines of its coming.
    fn message(&mut self, words: &str, blocks: &[String], stop: &str) -> io::Result<(Vec<String>, String)> {
        let content = format!("[{}]", blocks.join(","));
        let message = self.assistant("assistant", &[("content", content), ("stop", text(stop))])?;
        let mut lines = vec![self.whole("message_start", &self.assistant("assistant_begins", &[])?)?];
        if !words.is_empty() {
            for part in ["text_start", "text_delta", "text_end"] {
                lines.push(self.of.line(part, &[("message", message.clone()), ("text", text(words))])?);
            }
        }
        lines.push(self.whole("message_end", &message)?);
        self.messages.push(message.clone());
        Ok((lines, message))
    }

    fn whole(&self, name: &str, message: &str) -> io::Result<String> {
        self.of.line(name, &[("message", message.to_owned())])
    }

    fn both(&self, message: &str) -> Lines {
        Ok(vec![self.whole("message_start", message)?, self.whole("message_end", message)?])
    }

    fn turn_ended(&self, message: &str, results: &[String]) -> io::Result<String> {
        let results = format!("[{}]", results.join(","));
        self.of.line("turn_end", &[("message", message.to_owned()), ("results", results)])
    }

    fn agent_ended(&mut self, again: bool) -> io::Result<String> {
        let messages = format!("[{}]", std::mem::take(&mut self.messages).join(","));
        self.of.line("agent_end", &[("messages", messages), ("again", again.to_string())])
    }

    fn begins_again(&self) -> Lines {
        Ok(vec![self.of.line("agent_start", &[])?, self.of.line("turn_start", &[])?])
    }

    fn broke(&mut self, reason: &str) -> Lines {
        let message = self.assistant("assistant_failed", &[("text", text(reason))])?;
        let mut lines = self.both(&message)?;
        lines.push(self.turn_ended(&message, &[])?);
        self.messages.push(message);
        Ok(lines)
    }
}

/// Returns a tool's name, and its input as JSON.
fn call_of(tool: &Tool) -> (&'static str, String) {
    let (name, input) = match &tool.work {
        Work::Command(command) => ("bash", json!({"command": command, "description": "Run a command"})),
        Work::Write { path, content } => ("write", json!({"path": path, "content": content})),
    };
    (name, input.to_string())
}

fn block(words: &str) -> String {
    json!({"type": "text", "text": words}).to_string()
}

impl Voice for Pi {
    fn opened(&mut self, named: bool) -> Lines {
        let mut lines = Vec::new();
        if named {
            lines.push(self.of.told("session", &[("cwd", &self.dir)])?);
        }
        lines.extend(self.begins_again()?);
        if self.fresh && !self.old {
            let system = self.of.line("system", &[])?;
            lines.extend(self.both(&system)?);
            self.messages.push(system);
        }
        let user = self.of.told("user", &[("text", &self.prompt)])?;
        lines.extend(self.both(&user)?);
        self.messages.push(user);
        Ok(lines)
    }

    fn renamed(&mut self, session: &str) -> Lines {
        session.clone_into(&mut self.of.session);
        Ok(vec![self.of.told("session", &[("cwd", &self.dir)])?])
    }

    fn said(&mut self, words: &str) -> Lines {
        let (mut lines, message) = self.message(words, &[block(words)], "toolUse")?;
        lines.push(self.turn_ended(&message, &[])?);
        lines.push(self.of.line("turn_start", &[])?);
        Ok(lines)
    }

    fn thought(&mut self, words: &str) -> Lines {
        let thought = self.of.told("thought", &[("text", words)])?;
        let (mut lines, message) = self.message("", &[thought], "toolUse")?;
        lines.push(self.turn_ended(&message, &[])?);
        lines.push(self.of.line("turn_start", &[])?);
        Ok(lines)
    }

    fn began(&mut self, tool: &Tool) -> Lines {
        let (name, input) = call_of(tool);
        let places = [("id", text(&tool.id)), ("name", text(name)), ("input", input)];
        let call = self.of.line("tool_call", &places)?;
        let (mut lines, message) = self.message("", &[call], "toolUse")?;
        lines.push(self.of.line("tool_began", &places)?);
        self.calling = message;
        Ok(lines)
    }

    fn ended(&mut self, tool: &Tool, done: &Done) -> Lines {
        let (name, input) = call_of(tool);
        let failed = done.exit != 0;
        let output = match (&tool.work, failed) {
            (Work::Write { path, content }, _) => {
                format!("Successfully wrote {} bytes to {path}", content.len())
            }
            (Work::Command(_), false) => done.output.clone(),
            (Work::Command(_), true) => {
                format!("{}\n\nCommand exited with code {}", done.output, done.exit)
            }
        };
        let places =
            [("id", text(&tool.id)), ("name", text(name)), ("input", input), ("output", text(&output))];
        let mut lines = Vec::new();
        if matches!(tool.work, Work::Command(_)) {
            lines.push(self.of.line("tool_works", &places)?);
        }
        lines.push(self.of.line(if failed { "tool_failed" } else { "tool_ended" }, &places)?);
        let result = self.of.line(if failed { "bad_result" } else { "tool_result" }, &places)?;
        lines.extend(self.both(&result)?);
        let calling = std::mem::take(&mut self.calling);
        lines.push(self.turn_ended(&calling, std::slice::from_ref(&result))?);
        lines.push(self.of.line("turn_start", &[])?);
        self.messages.push(result);
        Ok(lines)
    }

    fn retried(&mut self, attempt: usize, of: usize, reason: &str) -> Lines {
        self.retries = attempt;
        let mut lines = self.broke(reason)?;
        lines.push(self.agent_ended(true)?);
        let places = [("attempt", attempt.to_string()), ("of", of.to_string()), ("text", text(reason))];
        lines.push(self.of.line("retry_began", &places)?);
        if !self.old {
            lines.push(self.of.line("entry_appended", &[])?);
        }
        lines.extend(self.begins_again()?);
        Ok(lines)
    }

    fn answered(&mut self, answer: &str) -> Lines {
        let blocks = if answer.is_empty() { Vec::new() } else { vec![block(answer)] };
        let (mut lines, message) = self.message(answer, &blocks, "stop")?;
        if self.retries > 0 {
            lines.push(self.of.line("retry_ended", &[("attempt", self.retries.to_string())])?);
        }
        lines.push(self.turn_ended(&message, &[])?);
        Ok(lines)
    }

    fn completed(&mut self, _answer: &str) -> Lines {
        let mut lines = vec![self.agent_ended(false)?];
        if !self.old {
            lines.push(self.of.line("settled", &[])?);
        }
        Ok(lines)
    }

    fn failed(&mut self, message: &str) -> io::Result<(Vec<String>, u8)> {
        let mut lines = self.broke(message)?;
        lines.push(self.agent_ended(false)?);
        if self.retries > 0 {
            let places = [("attempt", self.retries.to_string()), ("text", text(message))];
            lines.push(self.of.line("retry_failed", &places)?);
        }
        if !self.old {
            lines.push(self.of.line("settled", &[])?);
        }
        // What the model's service refused is no failure of the program's.
        Ok((lines, 0))
    }
}
