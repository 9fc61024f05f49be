//! What outlives a run of the agent: its log, its sessions, and the gates a test put up.
//!
//! `log.jsonl` gets a line for each start, turn, child and end, with its time in seconds on the machine's
//! monotonic clock: a result's is that before its last lines. `sessions/CLI/ID` counts the turns of a session. A
//! gate is a FIFO in `gates/` that is read to its end: who opens it for writing sees the agent standing there, and
//! lets it pass by closing it.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::arguments::{Call, Cli};

/// The first half of every session's id: sessions begun within a minute share it.
const SHARED: &str = "01a1fbe1";

/// The folder of one machine's agents.
#[derive(Debug, Clone)]
pub(super) struct State {
    folder: PathBuf,
    cli: Cli,
}

/// A session that is on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) id: String,
    /// Where it was begun.
    pub(super) dir: String,
    pub(super) turns: u64,
}

impl State {
    /// Opens the folder, making it when it isn't there.
    pub(super) fn open(cli: Cli) -> io::Result<Self> {
        let folder = match (std::env::var_os("SCRIPTED_AGENT_STATE"), std::env::var_os("HOME")) {
            (Some(folder), _) => PathBuf::from(folder),
            (None, Some(home)) => Path::new(&home).join(".scripted-agent"),
            (None, None) => return Err(io::Error::other("neither SCRIPTED_AGENT_STATE nor HOME is set")),
        };
        let state = Self { folder, cli };
        std::fs::create_dir_all(state.sessions())?;
        Ok(state)
    }

    fn sessions(&self) -> PathBuf {
        self.folder.join("sessions").join(self.cli.name())
    }

    /// Appends a line to the log, in one write, so that the lines of several agents don't mix.
    pub(super) fn log(&self, event: &str, fields: &[(&str, Value)]) -> io::Result<()> {
        let mut line = Map::new();
        line.insert("event".to_owned(), event.into());
        line.insert("cli".to_owned(), self.cli.name().into());
        line.insert("pid".to_owned(), std::process::id().into());
        line.insert("at".to_owned(), crate::telegram::now().as_secs_f64().into());
        line.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        let mut log = OpenOptions::new().append(true).create(true).open(self.folder.join("log.jsonl"))?;
        log.write_all(format!("{}\n", Value::Object(line)).as_bytes())
    }

    /// Writes down how it was started. Of the environment the names, and the values of a few harmless ones.
    pub(super) fn log_start(
        &self,
        words: &[String],
        stdin: &[u8],
        prompt: &str,
        call: &Call,
    ) -> io::Result<()> {
        const HARMLESS: [&str; 4] = ["PWD", "NO_COLOR", "CI", "TAKOPI_RUN"];
        let names: Vec<String> =
            std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned()).collect();
        let values: Map<String, Value> = HARMLESS
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?.into())))
            .collect();
        let group = rustix::process::getpgid(None)?.as_raw_nonzero().get();
        self.log(
            "start",
            &[
                ("argv", words.into()),
                ("cwd", json!(std::env::current_dir()?)),
                ("environment", names.into()),
                ("values", Value::Object(values)),
                ("pgid", group.into()),
                ("stdin_bytes", stdin.len().into()),
                ("prompt", prompt.into()),
                ("resume", call.resume.clone().into()),
                ("model", call.model.clone().into()),
                ("effort", call.effort.clone().into()),
            ],
        )
    }

    /// Stands at the gate called `name` until it is opened and closed again.
    pub(super) fn stand_at(&self, name: &str) -> io::Result<()> {
        let path = self.folder.join("gates").join(name);
        let told = |error: io::Error| io::Error::new(error.kind(), format!("the gate `{name}`: {error}"));
        File::open(path).map_err(told)?.read_to_end(&mut Vec::new())?;
        Ok(())
    }

    /// Returns the path of the gate called `name`, for a child to stand at.
    pub(super) fn gate(&self, name: &str) -> PathBuf {
        self.folder.join("gates").join(name)
    }

    /// Returns an id that no session has yet, in the form that codex, claude and pi give theirs.
    pub(super) fn fresh_id() -> String {
        let fresh = Uuid::new_v4().to_string();
        format!("{SHARED}{}", &fresh[SHARED.len()..])
    }

    /// Returns the sessions whose id begins with `start`, the oldest id first.
    pub(super) fn begins_with(&self, start: &str) -> io::Result<Vec<Kept>> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(self.sessions())? {
            let id = entry?.file_name().to_string_lossy().into_owned();
            if id.starts_with(start) {
                found.extend(self.session(&id)?);
            }
        }
        found.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(found)
    }

    /// Returns the session called `id`, if there is one.
    pub(super) fn session(&self, id: &str) -> io::Result<Option<Kept>> {
        if id.contains('/') {
            return Ok(None);
        }
        let text = match std::fs::read_to_string(self.sessions().join(id)) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let (turns, dir) = text.split_once('\n').unwrap_or((&text, ""));
        Ok(Some(Kept { id: id.to_owned(), dir: dir.to_owned(), turns: turns.parse().unwrap_or(0) }))
    }

    /// Keeps a session. A signal may end the agent in the middle of it: then it is kept as it was.
    pub(super) fn keep(&self, session: &Kept) -> io::Result<()> {
        let beside = self.folder.join(format!("kept-by-{}", std::process::id()));
        std::fs::write(&beside, format!("{}\n{}", session.turns, session.dir))?;
        std::fs::rename(beside, self.sessions().join(&session.id))
    }
}
