//! The agent CLIs as tests have them: one scripted program, installed under their names in a home of its own.
//!
//! What an agent does is written in its prompt; the directives are listed in `tests/fake/src/agent/script.rs`.

use std::os::unix::fs::symlink;
use std::path::PathBuf;

use serde_json::Value;
use uuid::Uuid;

use crate::built::built;
use crate::gate::Gate;
use crate::house::Home;
use crate::program::{Ended, Program};
use crate::wait::wait_for;

/// The engines whose CLI the scripted program plays.
pub(crate) const ENGINES: [&str; 4] = ["codex", "claude", "opencode", "pi"];

/// A home with agents in it.
pub(crate) struct Agents {
    pub(crate) home: Home,
}

/// What came of a message, as `takopi chat --json` tells it.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) code: i32,
    pub(crate) events: Vec<Value>,
}

impl Agents {
    /// Returns a home with these installed, whose `takopi.toml` says `config`.
    pub(crate) fn with(names: &[&str], config: &str) -> Self {
        let agents = Self { home: Home::with_config(config) };
        std::fs::create_dir_all(agents.state().join("gates")).unwrap();
        names.iter().for_each(|name| agents.install(name));
        agents
    }

    /// Returns a home with all of them.
    pub(crate) fn all() -> Self {
        Self::with(&ENGINES, "")
    }

    pub(crate) fn install(&self, name: &str) {
        symlink(built("takopi-fake", "scripted-agent"), self.home.programs().join(name)).unwrap();
    }

    pub(crate) fn uninstall(&self, name: &str) {
        std::fs::remove_file(self.home.programs().join(name)).unwrap();
    }

    fn state(&self) -> PathBuf {
        self.home.own().join(".scripted-agent")
    }

    /// Puts up a gate for agents to stand at.
    pub(crate) fn gate(&self, name: &str) -> Gate {
        Gate::at(self.state().join("gates").join(name))
    }

    /// Has the agents lose all their sessions, as when somebody cleans up.
    pub(crate) fn lose_sessions(&self) {
        std::fs::remove_dir_all(self.state().join("sessions")).unwrap();
    }

    /// Returns what agents have noted of an event: `start`, `turn`, `child`, `result` or `exit`.
    pub(crate) fn log(&self, event: &str) -> Vec<Value> {
        let log = std::fs::read_to_string(self.state().join("log.jsonl")).unwrap_or_default();
        // The last line may be half written.
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter(|line| line["event"] == event).collect()
    }

    /// Returns how the last agent was started.
    pub(crate) fn last_start(&self) -> Value {
        self.log("start").pop().expect("an agent was started")
    }

    /// Starts `takopi chat --json MESSAGE` in a conversation.
    pub(crate) fn say_in(&self, conversation: Uuid, message: &str) -> Program {
        let conversation = conversation.to_string();
        let arguments = ["chat", "--json", "--conversation", &conversation, message];
        Program::start(&mut self.home.takopi(&arguments))
    }

    /// Asks something in a conversation of its own, and waits for all that comes of it.
    pub(crate) fn ask(&self, message: &str) -> Heard {
        Heard::of(self.say_in(Uuid::new_v4(), message).wait())
    }

    /// Ends what agents left running on purpose.
    pub(crate) fn end_leftovers(&self) {
        for left in self.home.at_work() {
            let pid = rustix::process::Pid::from_raw(left.pid).unwrap();
            // It may have ended by itself.
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).ok();
        }
        wait_for("the end of what was left", || self.home.at_work().is_empty().then_some(()));
    }
}

impl Heard {
    pub(crate) fn of(ended: Ended) -> Self {
        let events = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        Self { code: ended.code, events }
    }

    /// Returns the events of a type.
    pub(crate) fn all(&self, kind: &str) -> Vec<&Value> {
        self.events.iter().filter(|event| event["type"] == kind).collect()
    }

    /// Returns what was told of the steps of a kind, in order.
    pub(crate) fn steps(&self, kind: &str) -> Vec<&Value> {
        let steps = self.all("action").into_iter().map(|event| &event["action"]);
        steps.filter(|step| step["kind"] == kind).collect()
    }

    /// Returns the end of the run.
    #[track_caller]
    pub(crate) fn end(&self) -> &Value {
        self.all("ended").pop().unwrap_or_else(|| panic!("no run has ended: {self:?}"))
    }

    #[track_caller]
    pub(crate) fn answer(&self) -> &str {
        self.end()["answer"].as_str().unwrap()
    }

    /// Returns why the run failed; it did not end well.
    #[track_caller]
    pub(crate) fn reason(&self) -> &str {
        assert_eq!(self.end()["outcome"], "failed", "{self:?}");
        assert_eq!(self.code, 1, "{self:?}");
        self.end()["reason"].as_str().unwrap()
    }

    /// Returns the session that can be gone on with.
    #[track_caller]
    pub(crate) fn session(&self) -> &str {
        self.end()["session"].as_str().unwrap_or_else(|| panic!("no session: {self:?}"))
    }

    /// Checks that the run was answered so.
    #[track_caller]
    pub(crate) fn answered(&self, answer: &str) {
        assert_eq!((self.end()["outcome"].as_str(), self.answer()), (Some("answered"), answer), "{self:?}");
        assert_eq!(self.code, 0, "{self:?}");
    }
}

/// Returns the line by which a message goes on with a session.
pub(crate) fn resume_line(engine: &str, session: &str) -> String {
    match engine {
        "codex" => format!("codex resume {session}"),
        "claude" => format!("claude --resume {session}"),
        _ => format!("{engine} --session {session}"),
    }
}
