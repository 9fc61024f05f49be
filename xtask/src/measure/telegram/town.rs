//! Where a bot is measured: a Telegram on loopback that keeps Telegram's limits, the scripted agent in the place of
//! claude, and a bot with the settings it has by default, ours or the Python one, which plays by the same rules.
//!
//! All times are of one clock, `CLOCK_MONOTONIC`: the server and the agent note them.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::Value;
use takopi_fake::telegram::{Log, TOKEN, TelegramServer, now};

use crate::measure::gate;

/// The chat that gets the startup message; nothing is measured there.
const MAIN: i64 = 1;

/// The first of the private chats that are measured.
const FIRST: i64 = 1001;

/// How long anything may take: fifty answers into one chat take a bot two minutes that says more than it must.
const PATIENCE: Duration = Duration::from_secs(300);

/// Between two looks at what the agents have noted; their times don't depend on it.
const PAUSE: Duration = Duration::from_millis(1);

const PEER: &str = include_str!("peer.py");

/// Who is measured.
#[derive(Debug, Clone, Copy)]
pub(super) enum Bot<'a> {
    Ours { program: &'a Path },
    Peer { python: &'a Path },
}

/// A bot at work, ended when it is let go.
pub(super) struct Town {
    pub(super) server: TelegramServer,
    folder: tempfile::TempDir,
    bot: Child,
}

impl Town {
    /// Starts a bot that serves so many private chats besides its main one, and waits until it is ready and polls.
    pub(super) fn open(bot: Bot<'_>, agent: &Path, chats: usize) -> anyhow::Result<Self> {
        let server = TelegramServer::start()?.patient_for(PATIENCE);
        server.limit(true);
        server.private(MAIN);
        let folder = tempfile::tempdir()?;
        let work = folder.path().join("work");
        for place in ["bin", "work", "home/.takopi", "agents/gates"] {
            fs::create_dir_all(folder.path().join(place))?;
        }
        symlink(agent, folder.path().join("bin/claude"))?;
        // The Python bot knows no such key; `peer.py` tells it where to go.
        let api_url = match bot {
            Bot::Ours { .. } => format!("api_url = '{}'\n", server.url()),
            Bot::Peer { .. } => String::new(),
        };
        let mut config = format!(
            "transport = 'telegram'\ndefault_engine = 'claude'\n\
             [transports.telegram]\nbot_token = '{TOKEN}'\nchat_id = {MAIN}\n{api_url}"
        );
        for chat in Self::chats(chats) {
            server.private(chat);
            writeln!(config, "[projects.of{chat}]\npath = '{}'\nchat_id = {chat}", work.display())?;
        }
        fs::write(folder.path().join("home/.takopi/takopi.toml"), config)?;
        let mut command = match bot {
            Bot::Ours { program } => Command::new(program),
            Bot::Peer { python } => {
                let script = folder.path().join("peer.py");
                fs::write(&script, PEER)?;
                let mut command = Command::new(python);
                command.arg(script);
                command
            }
        };
        command.env_clear().env("HOME", folder.path().join("home")).env("TAKOPI_MEASURE_API", server.url());
        command.env("PATH", format!("{}:/usr/bin:/bin", folder.path().join("bin").display()));
        command.env("SCRIPTED_AGENT_STATE", folder.path().join("agents"));
        let said = File::create(folder.path().join("said"))?;
        command.current_dir(&work).stdin(Stdio::null()).stdout(said.try_clone()?).stderr(said);
        let mut town = Self { server, folder, bot: command.spawn().context("failed to start the bot")? };
        town.await_poll()?;
        Ok(town)
    }

    /// Returns the chats that are measured.
    pub(super) fn chats(count: usize) -> impl Iterator<Item = i64> + Clone {
        (FIRST..).take(count)
    }

    fn await_poll(&mut self) -> anyhow::Result<()> {
        let begun = now();
        // The Python bot throws away what it finds before it has said that it is ready.
        let said_ready =
            |log: &Log| log.of("sendMessage").any(|call| call.chat == Some(MAIN) && call.succeeded());
        while !self.server.look(|log| log.polling && said_ready(log)) {
            if self.bot.try_wait()?.is_some() || now() - begun > PATIENCE {
                let said = fs::read_to_string(self.folder.path().join("said"))?;
                bail!("the bot did not start: {said}");
            }
            std::thread::sleep(PAUSE);
        }
        Ok(())
    }

    /// Returns when an update was handed to the bot.
    pub(super) fn delivered(&self, update: i64) -> Duration {
        self.server.wait_for("the delivery of an update", |log| {
            log.delivered.iter().find(|delivered| delivered.update == update).map(|delivered| delivered.at)
        })
    }

    /// Returns when the agent noted an event of the run whose prompt begins with this word.
    pub(super) fn noted(&self, word: &str, event: &str) -> anyhow::Result<Duration> {
        self.until(&format!("the {event} of {word}"), || self.look_up(word, event))
    }

    fn look_up(&self, word: &str, event: &str) -> anyhow::Result<Option<Duration>> {
        let log = match fs::read_to_string(self.folder.path().join("agents/log.jsonl")) {
            Ok(log) => log,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        // The last line may be half written.
        let lines: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let is_its_start = |line: &&Value| {
            let prompt = line["prompt"].as_str().unwrap_or_default();
            line["event"] == "start" && prompt.split_whitespace().next() == Some(word)
        };
        let Some(start) = lines.iter().find(is_its_start) else { return Ok(None) };
        let found = lines.iter().find(|line| line["event"] == event && line["pid"] == start["pid"]);
        Ok(found.and_then(|line| line["at"].as_f64()).map(Duration::from_secs_f64))
    }

    /// Puts up a gate for an agent to stand at.
    pub(super) fn gate(&self, name: &str) -> anyhow::Result<PathBuf> {
        let path = self.folder.path().join("agents/gates").join(name);
        gate::put_up(&path)?;
        Ok(path)
    }

    /// Waits until an agent stands at a gate; it passes when what this returns is dropped.
    pub(super) fn standing(&self, gate: &Path) -> anyhow::Result<File> {
        self.until("an agent at its gate", || gate::standing(gate))
    }

    fn until<T>(&self, what: &str, look: impl Fn() -> anyhow::Result<Option<T>>) -> anyhow::Result<T> {
        let begun = now();
        loop {
            if let Some(found) = look()? {
                return Ok(found);
            }
            if now() - begun > PATIENCE {
                bail!("waited in vain for {what}; there is:\n{}", self.server.log());
            }
            std::thread::sleep(PAUSE);
        }
    }
}

/// Waits until nobody stands at a gate any more, and returns when that was.
pub(super) fn gone(standing: &File) -> anyhow::Result<Duration> {
    let mut ends = [PollFd::new(standing, PollFlags::empty())];
    let patience = Timespec::try_from(PATIENCE)?;
    let ended = poll(&mut ends, Some(&patience))?;
    let at = now();
    anyhow::ensure!(ended == 1, "the agent did not end");
    Ok(at)
}

impl Drop for Town {
    fn drop(&mut self) {
        if let Err(error) = self.bot.kill().and_then(|()| self.bot.wait()) {
            eprintln!("a bot could not be ended: {error}");
        }
    }
}
