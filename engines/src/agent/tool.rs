//! The tools of agents, by name: what kind of step one is, and how it is called in a chat. The names of
//! claude, opencode and pi in one list, since they took them from each other.

use std::path::Path;

use serde_json::Value;
use takopi_core::directive::split_words;
use takopi_core::event::{ActionKind, FileChange};

/// A step as a chat shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) kind: ActionKind,
    pub(crate) title: String,
    /// The files it writes.
    pub(crate) changes: Vec<FileChange>,
}

/// Returns the step that calling a tool is. `dir` is where the run works: paths and commands are told as seen
/// from there. `path_keys` are the names under which this agent's tools take a path.
pub(crate) fn step(name: &str, input: &Value, path_keys: &[&str], dir: &Path) -> Step {
    let path = path_keys.iter().find_map(|key| input[key].as_str()).map(|path| relative(path, dir));
    let first = |keys: &[&str]| {
        let text = keys.iter().find_map(|key| input[key].as_str().filter(|text| !text.trim().is_empty()));
        text.map(str::to_owned)
    };
    let lower = name.to_lowercase();
    let (kind, title) = match lower.as_str() {
        "bash" | "shell" | "killshell" => {
            (ActionKind::Command, first(&["command"]).map(|command| command_in(&command, dir)))
        }
        "edit" | "write" | "notebookedit" | "multiedit" => (ActionKind::FileChange, path.clone()),
        "read" | "ls" => (ActionKind::Tool, Some(with_code(&lower, path.as_deref()))),
        "glob" => (ActionKind::Tool, Some(with_code(&lower, first(&["pattern"]).as_deref()))),
        "grep" | "find" => {
            let pattern = first(&["pattern"]);
            (ActionKind::Tool, Some(pattern.map_or_else(|| lower.clone(), |text| format!("{lower}: {text}"))))
        }
        "websearch" | "web_search" => {
            (ActionKind::WebSearch, first(&["query"]).or_else(|| Some("search".to_owned())))
        }
        "webfetch" | "web_fetch" => {
            (ActionKind::WebSearch, first(&["url"]).or_else(|| Some("fetch".to_owned())))
        }
        "todowrite" => (ActionKind::Note, Some("update todos".to_owned())),
        "todoread" => (ActionKind::Note, Some("read todos".to_owned())),
        "askuserquestion" => (ActionKind::Note, Some("ask user".to_owned())),
        "task" | "agent" => (ActionKind::Subagent, first(&["description", "prompt"])),
        _ => (ActionKind::Tool, None),
    };
    let writes = kind == ActionKind::FileChange;
    let changes = path.filter(|_| writes).map(|path| FileChange { path, verb: String::new() });
    Step { kind, title: title.unwrap_or_else(|| name.to_owned()), changes: changes.into_iter().collect() }
}

fn with_code(name: &str, argument: Option<&str>) -> String {
    match argument {
        Some(argument) => format!("{name}: `{argument}`"),
        None => name.to_owned(),
    }
}

/// Returns a path as seen from `dir`.
pub(crate) fn relative(path: &str, dir: &Path) -> String {
    match Path::new(path).strip_prefix(dir) {
        Ok(rest) if rest.as_os_str().is_empty() => ".".to_owned(),
        Ok(rest) => rest.to_string_lossy().into_owned(),
        Err(_) => path.to_owned(),
    }
}

/// Returns a command line without the run's directory in front of its paths.
pub(crate) fn command_in(command: &str, dir: &Path) -> String {
    match dir.to_str() {
        // The root is the beginning of every path.
        Some(dir) if dir.len() > 1 => command.replace(&format!("{dir}/"), ""),
        _ => command.to_owned(),
    }
}

/// Returns the command that a shell is told to run: agents name their shell in front of every command.
pub(crate) fn unwrap_shell(command: &str) -> String {
    let is_shell = |program: &str| {
        let name = program.rsplit('/').next().unwrap_or_default();
        matches!(name, "bash" | "zsh" | "sh" | "dash")
    };
    let words = split_words(command);
    match words.as_slice() {
        [shell, flag, inner] if is_shell(shell) && matches!(flag.as_str(), "-c" | "-lc") => inner.clone(),
        _ => command.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(name: &str, input: &Value) -> (ActionKind, String) {
        let step = step(name, input, &["file_path", "path"], Path::new("/home/me/app"));
        (step.kind, step.title)
    }

    #[test]
    fn every_known_tool_has_its_kind_and_its_title() {
        use ActionKind::{Command, FileChange, Note, Subagent, Tool, WebSearch};
        let cases = [
            ("Bash", json!({ "command": "cat /home/me/app/a.txt" }), Command, "cat a.txt"),
            ("bash", json!({}), Command, "bash"),
            ("Edit", json!({ "file_path": "/home/me/app/src/a.rs" }), FileChange, "src/a.rs"),
            ("Write", json!({ "file_path": "/etc/motd" }), FileChange, "/etc/motd"),
            ("MultiEdit", json!({ "file_path": 7 }), FileChange, "MultiEdit"),
            ("Read", json!({ "file_path": "/home/me/app" }), Tool, "read: `.`"),
            ("ls", json!({}), Tool, "ls"),
            ("Glob", json!({ "pattern": "**/*.rs" }), Tool, "glob: `**/*.rs`"),
            ("Grep", json!({ "pattern": "fn main" }), Tool, "grep: fn main"),
            ("find", json!({}), Tool, "find"),
            ("WebSearch", json!({ "query": "rust" }), WebSearch, "rust"),
            ("web_search", json!({ "query": "" }), WebSearch, "search"),
            ("WebFetch", json!({ "url": "http://x" }), WebSearch, "http://x"),
            ("TodoWrite", json!({}), Note, "update todos"),
            ("AskUserQuestion", json!({}), Note, "ask user"),
            ("Task", json!({ "description": "look", "prompt": "look around" }), Subagent, "look"),
            ("Agent", json!({ "prompt": "look around" }), Subagent, "look around"),
            ("mcp__db__query", json!({ "sql": "x" }), Tool, "mcp__db__query"),
        ];
        for (name, input, kind, title) in cases {
            assert_eq!(told(name, &input), (kind, title.to_owned()), "{name}");
        }
    }

    #[test]
    fn a_change_names_its_file_and_a_sibling_of_the_directory_keeps_its_path() {
        let dir = Path::new("/home/me/app");
        let input = json!({ "path": "/home/me/app/a.txt" });
        assert_eq!(step("write", &input, &["path"], dir).changes[0].path, "a.txt");
        assert_eq!(step("read", &input, &["path"], dir).changes, []);
        assert_eq!(relative("/home/me/app2/x", dir), "/home/me/app2/x");
        assert_eq!(command_in("ls /etc/ /", Path::new("/")), "ls /etc/ /");
    }

    #[test]
    fn the_shell_around_a_command_is_left_out() {
        for (command, bare) in [
            ("/bin/bash -lc 'echo hi'", "echo hi"),
            (r#"bash -c "sed -n '1,9p' a.txt""#, "sed -n '1,9p' a.txt"),
            ("/usr/bin/zsh -lc ls", "ls"),
            ("bash -lc 'a' b", "bash -lc 'a' b"),
            ("python -c 'print(1)'", "python -c 'print(1)'"),
            ("/bin/bash -lc 'not closed", "/bin/bash -lc 'not closed"),
        ] {
            assert_eq!(unwrap_shell(command), bare);
        }
    }
}
