//! The composition root: the one file that names every room. It builds the house from settings and takes it
//! down again; what the rooms do, and how they are driven, it does not know.

mod accounts;
mod bot;
mod bots;
mod catalogue;
mod clock;
mod discord;
mod doors;
mod doubles;
mod greeting;
mod inheritance;
mod leftovers;
mod loaders;
mod plugins;
mod rooms;
mod tables;
mod telegram;
mod voice;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use takopi_core::desk::{Desk, DeskEvent, DeskParts};
use takopi_core::id::{EngineId, InstanceId};
use takopi_core::message::Body;
use takopi_core::port::{Clock, Ledger};
use takopi_core::settings::{Diagnostic, PluginSettings, Secret, Settings};
use takopi_core::time::Timestamp;
use takopi_engines::Drifts;
use takopi_ledger::SqliteLedger;
use takopi_local::{Door, DoorParts, Local, LocalConfig, Page, Token};
use takopi_plugin_host::Plugins;
use takopi_plugin_host::discover::Discovery;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use accounts::{BotTable, is_discord, is_telegram};
use bot::Heir;
use bots::Bots;
use catalogue::HouseCatalogue;
pub(crate) use clock::MachineClock;
pub(crate) use discord::{make as discord_bot, managers_only, open_server_warning};
use doors::Doors;
pub(crate) use doubles::Doubles;
pub(crate) use leftovers::MarkedProcesses;
pub(crate) use plugins::{
    PLUGIN_DATA, discover, plugin_folders, plugin_mistakes, plugin_parts, plugin_secrets, plugins_refused,
};
use plugins::{Shelf, Wardrobe};
use rooms::Lasting;
pub(crate) use rooms::{
    engines, is_on_path, known, listing, mistakes, transport_mistakes, transports, workspace,
};
pub(crate) use telegram::{Surroundings, make as telegram_bot, open_group_warning};
pub(crate) use voice::{ears, voice_of};

use crate::config::Ready;
use crate::logs::Logs;

/// Where the page's token is kept in the ledger, so that a browser stays let in over restarts.
const TOKEN_KEY: (&str, &str) = ("local", "token");

/// How often the ledger forgets what is older than retention.
const SWEEP_EVERY: Duration = Duration::from_secs(6 * 3600);

/// How long plugins get to end once nothing needs them any more, before they are ended.
const PLUGIN_GRACE: Duration = Duration::from_secs(5);

/// What of the house is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Serve {
    /// Everything that is configured, the page's port included.
    Everything,
    /// Only the door of this machine's own people, without any port: `takopi chat` without a daemon.
    DoorOnly,
}

/// What the house is built from.
#[derive(Debug, Clone)]
pub(crate) struct Opening {
    /// The settings as they hold.
    pub(crate) settings: Settings,
    /// The plugins there are.
    pub(crate) plugins: Arc<Discovery>,
    /// The engine where nobody says otherwise.
    pub(crate) default_engine: EngineId,
    /// The ledger's file.
    pub(crate) ledger: PathBuf,
    /// Where runs without a project or a caller's directory work.
    pub(crate) dir: PathBuf,
    /// Whether finals are new messages with notification.
    pub(crate) final_notify: bool,
    /// What is opened.
    pub(crate) serve: Serve,
    /// The lock file of a Python takopi that this machine may have beside us.
    pub(crate) python_lock: Option<PathBuf>,
    /// The folder of the config file: a Python takopi kept its state there, plugins keep what is theirs below it.
    pub(crate) config_dir: PathBuf,
}

/// An open house.
pub(crate) struct House {
    desk: Desk,
    ledger: Arc<SqliteLedger>,
    door: Door,
    url: Option<String>,
    bots: Mutex<Bots>,
    /// The transports of plugins.
    doors: Mutex<Doors>,
    /// The plugins that live.
    plugins: Arc<Plugins>,
    wardrobe: Wardrobe,
    /// Where bots get what is not theirs.
    around: Surroundings,
    /// What was last told of settings that cannot be used.
    complaint: Mutex<Option<String>>,
    /// What the desk told since before the first transport received.
    told: Mutex<Option<broadcast::Receiver<DeskEvent>>>,
    in_force: Mutex<Opening>,
    /// What is the same in all generations.
    lasting: Lasting,
    /// Children's keepers, the page, the sweeper: everything that isn't the desk's.
    tasks: TaskTracker,
    /// Ends the page, which must go before the desk stops listening.
    page: CancellationToken,
    /// Ends the rest, once the desk is closed.
    stop: CancellationToken,
}

impl House {
    /// Builds the house: the ledger is opened, the transports are served, what was left undone is taken up.
    ///
    /// # Errors
    /// With what was attempted and what to do: a ledger that cannot be opened, a port that is taken, a room's
    /// table that cannot be used.
    pub(crate) async fn open(opening: Opening) -> anyhow::Result<Self> {
        if let Err(error) = takopi_stdio::become_subreaper() {
            tracing::warn!(%error, "orphans of engines fall to init instead of takopi");
        }
        let ledger = Arc::new(SqliteLedger::open(&opening.ledger)?);
        let clock: Arc<dyn Clock> = Arc::new(MachineClock::start());
        let (tasks, page, stop) = (TaskTracker::new(), CancellationToken::new(), CancellationToken::new());
        let lasting = Lasting::default();
        leftovers::end_plugins(ledger.id()).await;
        let wardrobe = wardrobe(&opening.settings, ledger.id(), &tasks, &stop);
        let data = opening.config_dir.join(PLUGIN_DATA);
        let plugins = Arc::new(Plugins::new(wardrobe.parts(ledger.id(), data, clock.clone(), &tasks, &stop)));
        let desk = Desk::open(DeskParts {
            ledger: ledger.clone(),
            clock: clock.clone(),
            leftovers: Arc::new(MarkedProcesses),
            generation: rooms::generation(&opening, ledger.id(), &tasks, &stop, &lasting, &plugins)?,
            salt: salt(),
        });
        let orphans = takopi_stdio::Orphans::default().run(stop.clone());
        tasks.spawn(async move {
            if let Err(error) = orphans.await {
                tracing::error!(%error, "dead orphans are not reaped");
            }
        });

        let (drifts, runs) = (lasting.drift.clone(), desk.watch());
        tasks.spawn(crate::drift::keep(drifts, ledger.clone(), clock.clone(), runs, stop.clone()));

        let instance = rooms::local_instance(&opening.settings)?;
        let local = Local::new(instance.clone(), clock.clone());
        let catalogue = Arc::new(HouseCatalogue::new(desk.clone(), instance.clone(), opening.dir.clone()));
        let parts = DoorParts { desk: desk.clone(), ledger: ledger.clone(), clock: clock.clone(), catalogue };
        let door = Door::new(&local, parts);
        let listens = opening.serve == Serve::Everything && rooms::serves_local(&opening.settings);
        let url = match listens {
            true => Some(open_page(&opening.settings, &instance, &ledger, &door, &tasks, &page).await?),
            false => None,
        };
        desk.serve(instance, Local::spec(), Arc::new(local)).await;
        let (spool, python_lock) = (ledger.spool(), opening.python_lock.clone());
        let around = Surroundings { clock: clock.clone(), spool, python_lock };
        let bots = match opening.serve {
            Serve::Everything => Bots::default().next(&opening.settings, &around)?,
            Serve::DoorOnly => Bots::default(),
        };
        let doors = next_doors(&opening, &Doors::default(), &plugins, &ledger)?;
        let heir = Heir { desk: &desk, ledger: &ledger, opening: &opening, tasks: &tasks, stop: &stop };
        bots.serve(&Bots::default(), &heir).await;
        doors.serve(&Doors::default(), &desk).await;
        for bot in bots.iter() {
            bot.withdraw_greeting(&ledger).await;
        }
        let told = Mutex::new(Some(desk.watch()));
        desk.recover().await.context("taking up what the last daemon left undone")?;
        let days = u64::from(opening.settings.ledger.retention_days);
        tasks.spawn(sweep(ledger.clone(), clock.clone(), Duration::from_secs(days * 86_400), stop.clone()));
        for bot in bots.iter() {
            bot.greet(&desk, &ledger, &opening).await;
        }
        Ok(Self {
            desk,
            ledger,
            door,
            url,
            bots: Mutex::new(bots.served()),
            doors: Mutex::new(doors.served()),
            plugins,
            wardrobe,
            around,
            complaint: Mutex::default(),
            told,
            in_force: Mutex::new(opening),
            lasting,
            tasks,
            page,
            stop,
        })
    }

    /// Returns the door of this machine's own people.
    pub(crate) fn door(&self) -> &Door {
        &self.door
    }

    /// Returns the desk.
    pub(crate) fn desk(&self) -> &Desk {
        &self.desk
    }

    /// Returns the page's address with its token, for the owner's eyes only.
    pub(crate) fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    /// Returns what tells of transports that end.
    pub(crate) fn watch(&self) -> broadcast::Receiver<DeskEvent> {
        self.desk.watch()
    }

    /// Returns the same, from before anything was received on; the second to ask gets what is told from now on.
    pub(crate) fn watch_from_start(&self) -> broadcast::Receiver<DeskEvent> {
        let first = self.told.lock().unwrap_or_else(PoisonError::into_inner).take();
        first.unwrap_or_else(|| self.watch())
    }

    /// Returns whether any transport that is served could still receive, were those in `ended` given up.
    pub(crate) fn serves_besides(&self, ended: &[InstanceId]) -> bool {
        let in_force = self.in_force.lock().unwrap_or_else(PoisonError::into_inner);
        let doubles = Doubles::among(&in_force.settings);
        in_force.settings.served().any(|instance| !ended.contains(&instance.id) && !doubles.has(&instance.id))
    }

    /// Returns what logs must not show and the settings do not hold.
    pub(crate) fn secrets(&self) -> Vec<Secret> {
        self.bots().secrets()
    }

    fn bots(&self) -> Bots {
        self.bots.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Runs by new settings from now on; running work keeps the old. A transport whose table has changed gives
    /// way to a new one; `logs` hides their secrets. Returns what takes a restart.
    ///
    /// # Errors
    /// When a room's table cannot be used; then everything stays as it is.
    pub(crate) async fn reload(&self, ready: Ready, logs: &Logs) -> anyhow::Result<Vec<String>> {
        let Ready { loaded, default_engine, .. } = ready;
        let (settings, plugins) = (loaded.settings, loaded.plugins);
        let old = self.in_force();
        let fixed = rooms::needs_restart(&old.settings, &settings);
        self.adopt(Opening { settings, plugins, default_engine, ..old }, logs).await?;
        // Somebody may have mended what made a plugin crash.
        self.plugins.pardon();
        Ok(fixed)
    }

    /// Runs by the settings in force, and by the plugins that are there now.
    ///
    /// # Errors
    /// As [`Self::reload`].
    pub(crate) async fn adopt_plugins(&self, plugins: Arc<Discovery>, logs: &Logs) -> anyhow::Result<()> {
        self.adopt(Opening { plugins, ..self.in_force() }, logs).await?;
        self.plugins.pardon();
        Ok(())
    }

    /// Returns the plugins that live.
    pub(crate) fn plugins(&self) -> &Arc<Plugins> {
        &self.plugins
    }

    /// Returns the rules for plugins that hold.
    pub(crate) fn plugin_rules(&self) -> PluginSettings {
        self.in_force().settings.plugins
    }

    async fn adopt(&self, opening: Opening, logs: &Logs) -> anyhow::Result<()> {
        let (tasks, stop, lasting) = (&self.tasks, &self.stop, &self.lasting);
        let generation = rooms::generation(&opening, self.ledger.id(), tasks, stop, lasting, &self.plugins)?;
        let old = self.bots();
        let bots = match opening.serve {
            Serve::Everything => old.next(&opening.settings, &self.around)?,
            Serve::DoorOnly => Bots::default(),
        };
        let old_doors = self.doors.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let doors = next_doors(&opening, &old_doors, &self.plugins, &self.ledger)?;
        logs.hide(&bots.secrets());
        bots.try_new_ones(&old).await?;
        let worn = rooms::parts(&opening.settings, self.ledger.id(), tasks, stop, &lasting.drift).environment;
        self.wardrobe.change(worn, opening.settings.environment.clone());
        self.desk.adopt(generation).await;
        for (bot, _) in bots.new_ones(&old).filter(|(_, is_unmet)| *is_unmet) {
            bot.withdraw_greeting(&self.ledger).await;
        }
        let (desk, ledger) = (&self.desk, &self.ledger);
        bots.serve(&old, &Heir { desk, ledger, opening: &opening, tasks, stop }).await;
        doors.serve(&old_doors, &self.desk).await;
        for (bot, is_unmet) in bots.new_ones(&old) {
            match is_unmet {
                true => bot.greet(&self.desk, &self.ledger, &opening).await,
                false => drop(bot.warn(&opening.settings)),
            }
        }
        self.plugins.retain(&opening.plugins.packages);
        *self.bots.lock().unwrap_or_else(PoisonError::into_inner) = bots.served();
        *self.doors.lock().unwrap_or_else(PoisonError::into_inner) = doors.served();
        *self.in_force.lock().unwrap_or_else(PoisonError::into_inner) = opening;
        *self.complaint.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(())
    }

    fn in_force(&self) -> Opening {
        self.in_force.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Says once in the main chat of every bot why new settings are not used.
    pub(crate) async fn complain(&self, why: &str) {
        let text = format!("the settings stay as they were: {why}");
        let told = self.complaint.lock().unwrap_or_else(PoisonError::into_inner).replace(text.clone());
        if told.as_deref() == Some(&text) {
            return;
        }
        for bot in self.bots().iter() {
            bot.say(&self.desk, &self.ledger, &Body::plain(&text)).await;
        }
    }

    /// Takes the house down: intake first, then runs within `grace`, then everything else. Returns whether
    /// all ended in time.
    pub(crate) async fn close(self, grace: Duration) -> bool {
        let ended = self.desk.close(grace).await;
        self.plugins.close(PLUGIN_GRACE).await;
        self.page.cancel();
        self.stop.cancel();
        self.tasks.close();
        let rest = tokio::time::timeout(grace, self.tasks.wait()).await.is_ok();
        ended && rest
    }
}

/// Returns the doors of plugins that are to be served.
fn next_doors(
    opening: &Opening,
    old: &Doors,
    live: &Arc<Plugins>,
    ledger: &SqliteLedger,
) -> anyhow::Result<Doors> {
    match opening.serve {
        Serve::Everything => old.next(&opening.shelf(live), &ledger.spool()),
        Serve::DoorOnly => Ok(Doors::default()),
    }
}

impl Opening {
    /// Returns the plugins as this generation sees them.
    fn shelf(&self, live: &Arc<Plugins>) -> Shelf {
        let Self { plugins, settings, config_dir, .. } = self.clone();
        Shelf { found: plugins, live: live.clone(), settings, config_dir }
    }
}

/// Returns what children of plugins inherit.
fn wardrobe(settings: &Settings, ledger: &str, tasks: &TaskTracker, stop: &CancellationToken) -> Wardrobe {
    let engines = rooms::parts(settings, ledger, tasks, stop, &Drifts::default()).environment;
    Wardrobe::new(engines, settings.environment.clone())
}

/// Returns random bytes, by the only source the workspace already has.
fn salt() -> [u8; 6] {
    let bytes = uuid::Uuid::new_v4().into_bytes();
    // Bytes 10 to 15 of a version 4 UUID are random throughout.
    [bytes[10], bytes[11], bytes[12], bytes[13], bytes[14], bytes[15]]
}

async fn open_page(
    settings: &Settings,
    instance: &InstanceId,
    ledger: &SqliteLedger,
    door: &Door,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> anyhow::Result<String> {
    let config = match settings.transport::<LocalConfig>(instance).usable() {
        Ok((config, warnings)) => {
            warnings.iter().for_each(warn);
            config
        }
        Err(mistakes) => anyhow::bail!(rooms::told(&mistakes)),
    };
    let (namespace, key) = TOKEN_KEY;
    let kept = ledger.get(namespace, key).await?.as_deref().and_then(Token::parse);
    let token = match kept {
        Some(token) => token,
        None => {
            let token = Token::mint();
            ledger.put(namespace, key, Some(token.expose())).await?;
            token
        }
    };
    let page = Page::bind(&config, token).await?;
    let url = page.url();
    let (door, stop) = (door.clone(), stop.clone());
    tasks.spawn(async move {
        if let Err(error) = page.serve(door, stop).await {
            tracing::error!(%error, "the page is closed");
        }
    });
    Ok(url)
}

fn warn(warning: &Diagnostic) {
    tracing::warn!("{warning}");
}

/// Forgets what is older than retention, now and then.
async fn sweep(ledger: Arc<SqliteLedger>, clock: Arc<dyn Clock>, keep: Duration, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = clock.sleep_until(clock.moment() + SWEEP_EVERY) => {}
        }
        let keep_ms = i64::try_from(keep.as_millis()).unwrap_or(i64::MAX);
        let before = Timestamp::from_unix_ms(clock.now().unix_ms().saturating_sub(keep_ms));
        match ledger.sweep(before).await {
            Ok(0) => {}
            Ok(rows) => tracing::info!(rows, "forgot what is older than retention"),
            Err(error) => tracing::error!(%error, "old rows were not forgotten"),
        }
    }
}

/// Returns the environment as the daemon found it.
pub(crate) fn inherited() -> impl Iterator<Item = (OsString, OsString)> {
    std::env::vars_os()
}
