//! Where one agent CLI is tried: a home whose settings point it at a scripted model, and the binary to speak through.
//!
//! Nothing leaves loopback: what isn't for the model goes to a proxy that refuses it, and fails the test.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use takopi_fake::homes::{Outside, furnish};
use takopi_fake::model::ModelServer;

use crate::house::Home;
use crate::program::{Ended, Program};

/// A CLI, in the version of its row of the table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    /// The folder of its program, and of its cells.
    pub(super) name: &'static str,
    /// The engine, which is also what its program is called.
    pub(super) engine: &'static str,
    /// What comes before the session in its resume line.
    pub(super) resume: &'static str,
    /// Whether it has a session, told and kept, before its first answer is complete. Otherwise a run that is cancelled
    /// until then cannot be continued.
    pub(super) keeps_unfinished: bool,
}

impl Row {
    pub(super) fn resume_line(self, session: &str) -> String {
        format!("`{} {session}`", self.resume)
    }
}

/// A machine with one CLI, and a model for it.
pub(super) struct Bed {
    pub(super) home: Home,
    pub(super) model: ModelServer,
    outside: Outside,
    row: Row,
    environment: Vec<(String, String)>,
}

impl Bed {
    /// Makes a bed. `None`, with a line that says why, where the CLIs aren't installed; in CI that is a failure.
    pub(super) fn make(row: Row) -> Option<Self> {
        let Some(programs) = std::env::var_os("TAKOPI_TEST_AGENTS") else {
            let why = "no TAKOPI_TEST_AGENTS; `cargo xtask test agents` installs the agent CLIs and names it";
            assert!(std::env::var_os("CI").is_none(), "{why}");
            eprintln!("SKIPPED: {why}");
            return None;
        };
        let home = Home::with_config(&format!("default_engine = \"{}\"\n", row.engine));
        let (model, outside) = (ModelServer::start().unwrap(), Outside::start().unwrap());
        let place = home.work().parent().unwrap().join("agents");
        let mut environment = furnish(&place, &model.url()).unwrap();
        environment.retain(|(name, _)| name != "HOME");
        environment.extend(outside.environment());
        let program = PathBuf::from(programs).join(row.name);
        environment.push(("PATH".to_owned(), format!("{}:/usr/bin:/bin", program.display())));
        Some(Self { home, model, outside, row, environment })
    }

    /// Writes down what was found, for the table.
    pub(super) fn found(&self, column: &str, cell: &str) {
        if let Some(cells) = std::env::var_os("TAKOPI_TEST_AGENT_CELLS") {
            let row = Path::new(&cells).join(self.row.name);
            std::fs::create_dir_all(&row).unwrap();
            std::fs::write(row.join(column), cell).unwrap();
        }
    }

    /// Returns the version that the CLI tells of itself.
    pub(super) fn version(&self) -> String {
        let mut command = self.home.command(self.row.engine);
        let ended = Program::start(command.envs(self.environment.clone()).arg("--version")).wait();
        let told = format!("{} {}", ended.stdout, ended.stderr);
        let words = told.split_whitespace();
        let mut versions = words.filter(|word| word.starts_with(|letter: char| letter.is_ascii_digit()));
        versions.next().unwrap_or_else(|| panic!("{ended:?}")).to_owned()
    }

    fn takopi(&self, arguments: &[&str]) -> Command {
        let mut command = self.home.takopi(arguments);
        command.envs(self.environment.clone());
        command
    }

    /// Begins to say `message` to the CLI, in a conversation of its own.
    pub(super) fn begin(&self, message: &str) -> Program {
        self.start(&["chat", "--json", "-"], message)
    }

    /// Says `message` and waits for what comes of it.
    pub(super) fn say(&self, message: &str) -> Said {
        self.end(self.begin(message))
    }

    pub(super) fn end(&self, saying: Program) -> Said {
        let ended = saying.wait();
        self.nobody_was_asked();
        let read = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        Said { events: ended.stdout.lines().map(read).collect(), stderr: ended.stderr }
    }

    /// Says `message` and returns what a person sees.
    pub(super) fn shown(&self, message: &str) -> Ended {
        let ended = self.start(&["chat", "-"], message).wait();
        self.nobody_was_asked();
        ended
    }

    fn start(&self, arguments: &[&str], message: &str) -> Program {
        let mut stdin = tempfile::tempfile().unwrap();
        stdin.write_all(message.as_bytes()).unwrap();
        std::io::Seek::rewind(&mut stdin).unwrap();
        Program::start(self.takopi(arguments).stdin(Stdio::from(stdin)))
    }

    /// Checks that nobody was asked but the model, and that for what it is for.
    fn nobody_was_asked(&self) {
        assert_eq!(self.outside.wanted(), [""; 0]);
        assert_eq!(self.model.log().other, [""; 0]);
    }
}

/// What came of a message, as `takopi chat --json` tells it.
#[derive(Debug)]
pub(super) struct Said {
    events: Vec<Value>,
    #[expect(dead_code, reason = "a failing test shows it")]
    stderr: String,
}

impl Said {
    fn end(&self) -> &Value {
        let last = self.events.last().unwrap_or_else(|| panic!("{self:?}"));
        assert_eq!(last["type"], "ended", "{self:?}");
        last
    }

    pub(super) fn outcome(&self) -> &str {
        self.end()["outcome"].as_str().unwrap()
    }

    pub(super) fn answer(&self) -> &str {
        self.end()["answer"].as_str().unwrap().trim()
    }

    pub(super) fn reason(&self) -> &str {
        self.end()["reason"].as_str().unwrap_or_default()
    }

    pub(super) fn session(&self) -> Option<&str> {
        self.end()["session"].as_str()
    }

    fn every(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.events.iter().filter(move |event| event["type"] == kind)
    }

    /// Returns the steps that are over.
    pub(super) fn steps(&self) -> Vec<&Value> {
        self.every("action")
            .map(|event| &event["action"])
            .filter(|step| step["phase"] == "completed")
            .collect()
    }

    /// Tells whether a step or a note holds this word.
    pub(super) fn tells_of(&self, word: &str) -> bool {
        let steps = self.every("action").map(|event| &event["action"]["title"]);
        let mut texts = self.every("note").map(|event| &event["text"]).chain(steps);
        texts.any(|text| text.as_str().is_some_and(|text| text.to_lowercase().contains(word)))
    }
}
