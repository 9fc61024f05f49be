//! One step of an engine as one line of Markdown.

use std::path::Path;

use super::shorten::{close_code_spans, code_span, shorten};
use crate::event::{Action, ActionKind, FileChange, Phase};

/// Longest title shown, in characters.
const MAX_TITLE_CHARS: usize = 300;
/// Longest path of a file change shown, in characters.
const MAX_PATH_CHARS: usize = 100;
/// How many files of a file change are named.
const SHOWN_CHANGES: usize = 3;

/// Returns the line of `action`: how it stands, what it is, and the exit status unless that is zero. Paths
/// below `dir` are shown relative to it.
#[must_use]
pub fn action_line(action: &Action, dir: Option<&Path>) -> String {
    let dir = dir.and_then(Path::to_str).map(|dir| dir.trim_end_matches('/')).filter(|dir| !dir.is_empty());
    let failed = action.detail.exit_code.filter(|code| *code != 0);
    let completed = action.phase == Phase::Completed;
    let glyph = match action.phase {
        Phase::Started => '▸',
        Phase::Updated => '↻',
        Phase::Completed if action.ok.unwrap_or(failed.is_none()) => '✓',
        Phase::Completed => '✗',
    };
    let title = title(action, dir);
    match failed.filter(|_| completed) {
        Some(code) => format!("{glyph} {title} (exit {code})"),
        None => format!("{glyph} {title}"),
    }
}

fn title(action: &Action, dir: Option<&str>) -> String {
    let text =
        |prefix: &str| close_code_spans(&shorten(&format!("{prefix}{}", action.title), MAX_TITLE_CHARS));
    match action.kind {
        ActionKind::Command => {
            let command = dir.map_or_else(|| action.title.clone(), |dir| without_dir(&action.title, dir));
            code_span(&shorten(&command, MAX_TITLE_CHARS))
        }
        ActionKind::Tool => text("tool: "),
        ActionKind::WebSearch => text("searched: "),
        ActionKind::Subagent => text("subagent: "),
        ActionKind::FileChange => files(action, dir),
        ActionKind::Turn | ActionKind::Warning | ActionKind::Telemetry | ActionKind::Note => text(""),
    }
}

fn files(action: &Action, dir: Option<&str>) -> String {
    let named: Vec<&FileChange> =
        action.detail.changes.iter().filter(|change| !change.path.is_empty()).collect();
    if named.is_empty() {
        let path = relative(&action.title, dir);
        let is_path = (path != action.title || path.contains('/')) && !path.starts_with('`');
        let short = shorten(path, MAX_TITLE_CHARS);
        return format!("files: {}", if is_path { code_span(&short) } else { close_code_spans(&short) });
    }
    let mut shown: Vec<String> =
        named.iter().take(SHOWN_CHANGES).map(|change| one_file(change, dir)).collect();
    if named.len() > SHOWN_CHANGES {
        shown.push(format!("…({} more)", named.len() - SHOWN_CHANGES));
    }
    format!("files: {}", shown.join(", "))
}

fn one_file(change: &FileChange, dir: Option<&str>) -> String {
    let verb = if change.verb.is_empty() { "update" } else { &change.verb };
    let path = code_span(&shorten(relative(&change.path, dir), MAX_PATH_CHARS));
    format!("{} {path}", close_code_spans(&shorten(verb, MAX_PATH_CHARS)))
}

/// Returns `path` relative to `dir` if it lies in it.
fn relative<'a>(path: &'a str, dir: Option<&str>) -> &'a str {
    match dir.and_then(|dir| path.strip_prefix(dir)) {
        Some("" | "/") => ".",
        Some(inside) => inside.strip_prefix('/').unwrap_or(path),
        None => path,
    }
}

/// Returns `command` without `dir/` wherever a path in it begins so.
fn without_dir(command: &str, dir: &str) -> String {
    let mut out = String::with_capacity(command.len());
    let mut rest = command;
    while let Some(at) = rest.find(dir) {
        let (before, from) = rest.split_at(at);
        let after = from.split_at(dir.len()).1;
        out.push_str(before);
        let goes_on = |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '-' | '_');
        let starts_here = !out.ends_with(goes_on);
        match after.strip_prefix('/').filter(|_| starts_here) {
            Some(inside) => rest = inside,
            None => {
                out.push_str(dir);
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Detail;

    fn line(kind: ActionKind, title: &str) -> String {
        action_line(&action(kind, title), Some(Path::new("/home/u/p/")))
    }

    fn action(kind: ActionKind, title: &str) -> Action {
        let detail = Detail::default();
        Action { id: "a".into(), kind, phase: Phase::Started, title: title.into(), ok: None, detail }
    }

    #[test]
    fn every_kind_reads_as_it_should() {
        let long = format!("curl https://example.org/{}", "x".repeat(400));
        let mut lines = vec![
            line(ActionKind::Command, "cat /home/u/p/a.rs /mnt/home/u/p/b /home/u/pq/c > /home/u/p/d"),
            line(ActionKind::Command, "echo `date`\n  && ls\n\n/home/u/p"),
            line(ActionKind::Command, &long),
            line(ActionKind::Tool, "read: `src/a.rs`"),
            line(ActionKind::WebSearch, "rust proptest"),
            line(ActionKind::Subagent, "look `around"),
            line(ActionKind::Warning, "slow\nnetwork"),
            line(ActionKind::Note, ""),
            line(ActionKind::FileChange, "/home/u/p/src/a.rs"),
            line(ActionKind::FileChange, "/home/u/p"),
            line(ActionKind::FileChange, "/home/u/pq/a"),
            line(ActionKind::FileChange, "two files"),
            line(ActionKind::FileChange, "`a/b`"),
        ];
        let change = |verb: &str, path: &str| FileChange { path: path.into(), verb: verb.into() };
        let mut changed = action(ActionKind::FileChange, "edit");
        changed.detail.changes = vec![change("add", "/home/u/p/a"), change("", "b`c"), change("x", "")];
        lines.push(action_line(&changed, Some(Path::new("/home/u/p"))));
        changed.detail.changes.extend([change("delete", "/d"), change("add", "e"), change("add", "f")]);
        lines.push(action_line(&changed, None));
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn the_glyph_tells_how_it_went() {
        let shown = |phase, ok, exit_code| {
            let detail = Detail { exit_code, ..Detail::default() };
            action_line(&Action { phase, ok, detail, ..action(ActionKind::Note, "x") }, None)
        };
        assert_eq!(shown(Phase::Started, None, None), "▸ x");
        assert_eq!(shown(Phase::Updated, None, Some(1)), "↻ x");
        assert_eq!(shown(Phase::Completed, None, None), "✓ x");
        assert_eq!(shown(Phase::Completed, None, Some(0)), "✓ x");
        assert_eq!(shown(Phase::Completed, None, Some(2)), "✗ x (exit 2)");
        assert_eq!(shown(Phase::Completed, Some(true), Some(2)), "✓ x (exit 2)");
        assert_eq!(shown(Phase::Completed, Some(false), None), "✗ x");
    }
}
