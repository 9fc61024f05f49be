//! What a terminal shows of a run while it works: how it is, and the last few steps. Pure.

use std::collections::VecDeque;
use std::time::Duration;

use takopi_core::desk::Followed;
use takopi_core::event::{Action, ActionKind, FileChange, Phase, RunEvent};
use takopi_core::id::EngineId;

use super::paint::fit;
use crate::control::wire::Told;

/// Steps that are shown.
const SHOWN: usize = 5;

/// Files of a step that are named.
const SHOWN_FILES: usize = 3;

/// Steps that are remembered, so that one that ends late isn't counted again.
const REMEMBERED: usize = 64;

/// A run as a terminal shows it.
#[derive(Debug, Default)]
pub(super) struct Progress {
    engine: Option<EngineId>,
    ahead: Option<usize>,
    started: bool,
    steps: u64,
    actions: VecDeque<Action>,
    text: String,
    elapsed: Duration,
}

impl Progress {
    /// Takes in what happened.
    pub(super) fn hear(&mut self, told: &Told) {
        match told {
            Told::Queued { engine, ahead, .. } => {
                self.engine = Some(engine.clone());
                self.ahead = Some(*ahead);
            }
            Told::Started { .. } => self.started = true,
            Told::Run { item, .. } => self.follow(item),
            Told::Accepted | Told::Reply { .. } | Told::Settled => {}
        }
    }

    fn follow(&mut self, item: &Followed) {
        self.started = true;
        match item {
            Followed::Snapshot { elapsed_ms, snapshot, .. } => {
                self.elapsed = Duration::from_millis(*elapsed_ms);
                self.steps = snapshot.steps;
                let skipped = snapshot.actions.len().saturating_sub(REMEMBERED);
                self.actions = snapshot.actions.iter().skip(skipped).cloned().collect();
                self.text.clone_from(&snapshot.text);
            }
            Followed::Event { elapsed_ms, event, .. } => {
                self.elapsed = Duration::from_millis(*elapsed_ms);
                match event {
                    RunEvent::Action(action) => self.act(action),
                    RunEvent::Text(text) => self.write(text),
                    _ => {}
                }
            }
            Followed::End { elapsed_ms, .. } => self.elapsed = Duration::from_millis(*elapsed_ms),
        }
    }

    fn act(&mut self, action: &Action) {
        if action.id.is_empty() || matches!(action.kind, ActionKind::Turn | ActionKind::Telemetry) {
            return;
        }
        if let Some(known) = self.actions.iter_mut().find(|known| known.id == action.id) {
            *known = action.clone();
            return;
        }
        self.steps += 1;
        self.actions.push_back(action.clone());
        if self.actions.len() > REMEMBERED {
            self.actions.pop_front();
        }
    }

    /// Keeps the end of what is written: more than a few lines are never shown.
    fn write(&mut self, text: &str) {
        self.text.push_str(text);
        let lines = self.text.match_indices('\n').rev().nth(SHOWN).map(|(at, _)| at + 1);
        let long = self.text.len().saturating_sub(8 << 10);
        let cut = self.text.ceil_char_boundary(lines.unwrap_or(0).max(long));
        self.text.drain(..cut);
    }

    /// Returns the time the run has taken, as last told.
    pub(super) fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// Returns whether the run's engine works.
    pub(super) fn started(&self) -> bool {
        self.started
    }

    /// Returns the lines to show, each at most `columns` wide.
    pub(super) fn lines(&self, elapsed: Duration, columns: usize) -> Vec<String> {
        let state = match (self.started, self.ahead) {
            (true, _) => "working".to_owned(),
            (false, Some(ahead)) if ahead > 0 => format!("waiting behind {ahead}"),
            _ => "starting".to_owned(),
        };
        let mut header = vec![state];
        header.extend(self.engine.as_ref().map(ToString::to_string));
        if self.started {
            header.push(format!("{} s", elapsed.as_secs()));
        }
        if self.steps > 0 {
            header.push(format!("step {}", self.steps));
        }
        let mut lines = vec![header.join(" · ")];
        lines.extend(self.actions.iter().rev().take(SHOWN).rev().map(step));
        let written: Vec<&str> = self.text.trim_end().lines().rev().take(SHOWN).collect();
        lines.extend(written.into_iter().rev().map(|line| format!("  {line}")));
        lines.into_iter().map(|line| fit(&line, columns)).collect()
    }
}

/// Returns a step in one line: how it stands, what kind of thing it is, what it is. Its output is not told.
pub(super) fn step(action: &Action) -> String {
    let exit = action.detail.exit_code.filter(|code| *code != 0);
    let glyph = match action.phase {
        Phase::Started => '▸',
        Phase::Updated => '↻',
        Phase::Completed if action.ok.unwrap_or(exit.is_none()) => '✓',
        Phase::Completed => '✗',
    };
    let line = format!("{glyph} {}{}", kind(action.kind), title(action));
    match exit.filter(|_| action.phase == Phase::Completed) {
        Some(code) => format!("{line} (exit {code})"),
        None => line,
    }
}

/// Returns the word for a kind, the same as in chats; a command is known by its looks.
fn kind(kind: ActionKind) -> &'static str {
    match kind {
        ActionKind::Tool => "tool: ",
        ActionKind::WebSearch => "searched: ",
        ActionKind::Subagent => "subagent: ",
        ActionKind::FileChange => "files: ",
        ActionKind::Warning => "warning: ",
        ActionKind::Command | ActionKind::Turn | ActionKind::Telemetry | ActionKind::Note => "",
    }
}

fn title(action: &Action) -> String {
    let verb = |change: &FileChange| if change.verb.is_empty() { "update" } else { &change.verb }.to_owned();
    let named = action.detail.changes.iter().filter(|change| !change.path.is_empty());
    let mut files: Vec<String> = named.map(|change| format!("{} {}", verb(change), change.path)).collect();
    let more = files.len().saturating_sub(SHOWN_FILES);
    files.truncate(SHOWN_FILES);
    if more > 0 {
        files.push(format!("…({more} more)"));
    }
    let named_by_files = action.kind == ActionKind::FileChange && !files.is_empty();
    let title = if named_by_files { files.join(", ") } else { action.title.clone() };
    title.split_whitespace().collect::<Vec<_>>().join(" ")
}
