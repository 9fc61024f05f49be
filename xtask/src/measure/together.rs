//! What a daemon weighs that serves Telegram, Discord and the local page at once, and how fast it starts. Both services
//! are the project's own.

use std::path::Path;
use std::time::Duration;

use takopi_fake::discord::DiscordServer;
use takopi_fake::telegram::{self, TelegramServer};

use super::binary::{self, Daemon, IDLE_AFTER};
use super::table::{Amount, Row, Target};
use super::{Wishes, discord, process};

const STARTS: usize = 20;
const IDLES: usize = 3;

/// How long a service waits for its bot.
const PATIENCE: Duration = Duration::from_secs(30);

/// The chat that Telegram's bot serves.
const CHAT: i64 = 1;

pub(super) fn rows(root: &Path, wishes: Wishes<'_>) -> anyhow::Result<Vec<Row>> {
    let mut rows = vec![started(&binary::built(root, "takopi", "release", wishes)?)?];
    rows.extend(idle(&binary::built(root, "takopi", "dist", wishes)?)?);
    Ok(rows)
}

/// Both services, each with a bot, and the home of a daemon that serves them and the page.
struct Services {
    discord: DiscordServer,
    telegram: TelegramServer,
    home: tempfile::TempDir,
}

impl Services {
    fn begin() -> anyhow::Result<Self> {
        let discord = DiscordServer::begin()?.patient_for(PATIENCE);
        let telegram = TelegramServer::start()?.patient_for(PATIENCE);
        telegram.private(CHAT);
        let (token, url) = (telegram::TOKEN, telegram.url());
        let table =
            format!("[transports.telegram]\nbot_token = '{token}'\nchat_id = {CHAT}\napi_url = '{url}'\n");
        let home = discord::home(&discord, "['telegram', 'discord', 'local']", &table)?;
        Ok(Self { discord, telegram, home })
    }

    /// Starts the daemon, and waits until both services have it.
    fn serve(&self, program: &Path) -> anyhow::Result<Daemon> {
        let daemon = Daemon::start(program, self.home.path())?;
        self.discord.wait_ready();
        self.telegram.wait_for("the bot to poll", |log| log.polling.then_some(()));
        Ok(daemon)
    }
}

/// From the fork to `READY=1`, where a ledger is already.
fn started(program: &Path) -> anyhow::Result<Row> {
    let services = Services::begin()?;
    services.serve(program)?.end()?;
    let mut measured = Vec::new();
    for _ in 0..STARTS {
        let daemon = services.serve(program)?;
        measured.push(Amount::from(daemon.ready_after()));
        daemon.end()?;
    }
    let target = Target::AtMost(Amount::Millis(15.0));
    Ok(Row::new("daemon with Telegram, Discord and the page started until ready", target, measured))
}

/// The memory of the shipped daemon, two seconds after both services have it.
fn idle(program: &Path) -> anyhow::Result<Vec<Row>> {
    let (mut resident, mut proportional) = (Vec::new(), Vec::new());
    for _ in 0..IDLES {
        let services = Services::begin()?;
        let daemon = services.serve(program)?;
        std::thread::sleep(IDLE_AFTER);
        resident.push(process::memory(&daemon.pid(), "status", "VmRSS")?);
        proportional.push(process::memory(&daemon.pid(), "smaps_rollup", "Pss")?);
        daemon.end()?;
    }
    let what = "memory of an idle daemon with Telegram, Discord and the page";
    let target = Target::AtMost(Amount::Mebibytes(20.0));
    Ok(vec![
        Row::new(format!("{what}, resident"), target, resident),
        Row::new(format!("{what}, proportional"), Target::Reference, proportional),
    ])
}
