//! The agent under a name, in a home of its own.

use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The four as JSON lines are asked of them, and how each is told to go on.
pub(crate) const CAST: [(&str, &[&str]); 4] = [
    ("codex", &["-c", "notify=[]", "exec", "--json", "--skip-git-repo-check", "--color=never"]),
    ("claude", &["-p", "--output-format", "stream-json", "--verbose"]),
    ("opencode", &["run", "--format", "json"]),
    ("pi", &["--print", "--mode", "json"]),
];

/// A folder with the four in it, and a directory to work in.
pub(crate) struct Cast {
    dir: TempDir,
}

/// What a run printed.
pub(crate) struct Told {
    pub(crate) code: Option<i32>,
    pub(crate) lines: Vec<Value>,
    pub(crate) stderr: String,
}

impl Cast {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for (name, _) in CAST {
            symlink(env!("CARGO_BIN_EXE_scripted-agent"), dir.path().join(name)).unwrap();
        }
        for folder in ["work", "elsewhere", "gates"] {
            std::fs::create_dir(dir.path().join(folder)).unwrap();
        }
        Self { dir }
    }

    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Makes a command of the agent called `name`.
    pub(crate) fn command(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.dir.path().join(name));
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("SCRIPTED_AGENT_STATE", self.dir.path())
            .args(arguments)
            .current_dir(self.folder("work"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Starts `command` and gives it `prompt`.
    pub(crate) fn start(mut command: Command, prompt: &str) -> Child {
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(prompt.as_bytes()).unwrap();
        child
    }

    /// Runs `command` to its end.
    pub(crate) fn told(command: Command, prompt: &str) -> Told {
        let Output { status, stdout, stderr } = Self::start(command, prompt).wait_with_output().unwrap();
        let lines = String::from_utf8(stdout).unwrap();
        Told {
            code: status.code(),
            lines: lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
            stderr: String::from_utf8(stderr).unwrap(),
        }
    }

    /// Asks the agent called `name`, with more arguments at the end of the usual ones.
    pub(crate) fn ask(&self, name: &str, more: &[&str], prompt: &str) -> Told {
        Self::told(self.command(name, &arguments(name, more)), prompt)
    }

    /// Returns the events of the log that are called `event`.
    pub(crate) fn logged(&self, event: &str) -> Vec<Value> {
        let log = std::fs::read_to_string(self.dir.path().join("log.jsonl")).unwrap();
        let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["event"] == event).collect()
    }
}

/// Returns the usual arguments of the agent called `name`, with more at their end.
pub(crate) fn arguments<'a>(name: &str, more: &[&'a str]) -> Vec<&'a str> {
    let usual = CAST.iter().find(|(named, _)| *named == name).unwrap().1;
    usual.iter().chain(more).copied().collect()
}

impl Told {
    /// Returns the session that the lines name first.
    pub(crate) fn session(&self) -> String {
        let named = |line: &Value| {
            let names = ["thread_id", "session_id", "sessionID", "id"];
            names.iter().find_map(|name| line[name].as_str().map(str::to_owned))
        };
        self.lines.iter().find_map(named).unwrap()
    }

    /// Tells whether a line holds `text`.
    pub(crate) fn holds(&self, text: &str) -> bool {
        self.lines.iter().any(|line| line.to_string().contains(text))
    }
}
