//! Where the bot of Discord is measured: a Discord on loopback that keeps Discord's limits, and a shell script in the
//! place of claude, which does a step every quarter of a second until the gate is opened that its prompt names.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use anyhow::bail;
use takopi_fake::discord::{Call, DiscordServer, Shown, TOKEN};
use takopi_fake::telegram::now;

use crate::measure::binary::Daemon;
use crate::measure::gate;

/// How long anything may take; the slowest thing here is ten threads in one channel.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// Between two looks at a gate.
const PAUSE: Duration = Duration::from_millis(1);

/// What says something, what changes it, and what takes it away.
const SEND: &str = "POST /channels/:id/messages";
pub(super) const EDIT: &str = "PATCH /channels/:id/messages/:id";
const DELETE: &str = "DELETE /channels/:id/messages/:id";

/// What an answer contains.
const ANSWER: &str = "all is well";

/// A bot at work.
pub(super) struct Square {
    pub(super) server: DiscordServer,
    home: tempfile::TempDir,
    daemon: Daemon,
}

/// A message to the bot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    /// Its id, which is that of its thread.
    pub(super) thread: u64,
    /// When it was said.
    pub(super) at: Duration,
    /// The number of its gate.
    gate: usize,
}

/// Makes a home whose bot is the server's and serves alice. What is added stands in the table of the bot.
pub(in crate::measure) fn home(
    server: &DiscordServer,
    transports: &str,
    more: &str,
) -> anyhow::Result<tempfile::TempDir> {
    let home = tempfile::tempdir()?;
    for place in ["bin", "gates", ".takopi"] {
        fs::create_dir_all(home.path().join(place))?;
    }
    let claude = home.path().join("bin/claude");
    fs::write(&claude, include_str!("claude.sh"))?;
    fs::set_permissions(claude, fs::Permissions::from_mode(0o755))?;
    let (url, alice) = (server.url(), server.person("alice").id);
    let config = format!(
        "transport = {transports}\ndefault_engine = 'claude'\n\
         [transports.discord]\nbot_token = '{TOKEN}'\napi_url = '{url}'\nallowed_user_ids = ['{alice}']\n{more}"
    );
    fs::write(home.path().join(".takopi/takopi.toml"), config)?;
    Ok(home)
}

impl Square {
    /// Starts a bot in a guild with so many channels besides those it has.
    pub(super) fn open(program: &Path, channels: usize) -> anyhow::Result<Self> {
        let server = DiscordServer::begin()?.patient_for(PATIENCE);
        for channel in 0..channels {
            server.add_channel(&room(channel));
        }
        let home = home(&server, "['discord', 'local']", "")?;
        let daemon = Daemon::start(program, home.path())?;
        server.wait_ready();
        Ok(Self { server, home, daemon })
    }

    pub(super) fn close(self) -> anyhow::Result<()> {
        self.daemon.end()
    }

    /// Asks the bot to work until the gate of this number is opened.
    pub(super) fn ask(&self, channel: &str, gate: usize) -> anyhow::Result<Asked> {
        gate::put_up(&self.home.path().join(format!("gates/gate{gate}")))?;
        let alice = self.server.person("alice");
        let at = now();
        let thread = alice.says(channel, &format!("@takopi work until gate{gate} opens"));
        Ok(Asked { thread, at, gate })
    }

    /// Waits until something is said in the thread of a message; returns when it was sent.
    pub(super) fn painted(&self, asked: Asked) -> Duration {
        self.server.wait_for("the progress message", |log| {
            log.of(SEND).find(|call| call.channel == Some(asked.thread)).map(|call| call.at)
        })
    }

    /// Opens the gate of a message; returns when that was, and when the answer was to be seen.
    pub(super) fn answered(&self, asked: Asked) -> anyhow::Result<(Duration, Duration)> {
        let mut gate = self.standing(asked.gate)?;
        let opened = now();
        gate.write_all(b"\n")?;
        let is_answer = |shown: &&Shown| shown.by_bot && shown.text.contains(ANSWER);
        let seen = self.server.wait_in(asked.thread, "the answer", |shown| {
            let version = shown.iter().find(is_answer)?.versions.iter().find(|one| one.text.contains(ANSWER));
            version.map(|version| version.at)
        });
        Ok((opened, seen))
    }

    fn standing(&self, gate: usize) -> anyhow::Result<File> {
        let path = self.home.path().join(format!("gates/gate{gate}"));
        let begun = now();
        loop {
            if let Some(standing) = gate::standing(&path)? {
                return Ok(standing);
            }
            if now() - begun > PATIENCE {
                bail!("nobody came to gate {gate}; there is:\n{}", self.server.log());
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Returns the calls about a message and its thread so far.
    pub(super) fn calls(&self, asked: Asked) -> Vec<Call> {
        let thread = asked.thread.to_string();
        let calls = self.server.calls().into_iter();
        calls.filter(|call| call.path.split('/').any(|part| part == thread)).collect()
    }

    /// Waits until the progress message of an answered message is deleted, which is the last that its run does.
    pub(super) fn over(&self, asked: Asked) {
        self.server.wait_for("the progress message to go", |log| {
            let is_it = |call: &&Call| call.channel == Some(asked.thread) && call.succeeded();
            log.of(DELETE).find(is_it).map(drop)
        });
    }
}

/// Returns what a channel is called.
pub(super) fn room(channel: usize) -> String {
    format!("room{channel}")
}
