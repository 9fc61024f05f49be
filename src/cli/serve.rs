//! `takopi`: the daemon, from taking the lock to leaving nothing behind.
//!
//! What people need to know is printed on stdout; the log goes to stderr.

use std::sync::Arc;
use std::time::Duration;

use takopi_core::desk::DeskEvent;
use takopi_core::id::{EngineId, InstanceId};
use takopi_core::settings::{Override, Secret};
use takopi_core::text::visible;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use tracing::level_filters::LevelFilter;

use super::{ServeArguments, runtime};
use crate::config::{self, Folders, Ready, Watch};
use crate::control::client::Client;
use crate::hosting::{self, Hosting};
use crate::house;
use crate::lock::{Holder, Host, Lock, LockError};
use crate::logs::{LogSettings, Logs};
use crate::notify::Notify;
use crate::place::Place;
use crate::report::{Exit, Failure, remark, say};
use crate::signals::{Signal, Signals};

/// How long runs get to end when the daemon is stopped.
const GRACE: Duration = Duration::from_secs(10);

/// For how long after its start the daemon gives up when it has nothing left to serve.
const STARTING: Duration = Duration::from_secs(60);

/// How often a lock that somebody else holds is tried.
const TRY_EVERY: Duration = Duration::from_millis(200);

/// How long somebody may hold the lock without saying who it is.
const NAMELESS: Duration = Duration::from_secs(5);

pub(super) fn run(arguments: &ServeArguments) -> Result<Exit, Failure> {
    let place = arguments.config.place()?;
    let overrides = arguments.overrides()?;
    let logs = Logs::open(&LogSettings::from_environment(arguments.debug, LevelFilter::INFO));
    let daemon = Daemon { place, overrides, logs, notify: Notify::from_environment() };
    // Begun before the file is read: what is saved from then on is noticed.
    let watch = Watch::begin(&daemon.place.config);
    let ready = config::ready(&daemon.place, &daemon.overrides, &daemon.logs)?;
    let runtime = runtime()?;
    let ended = runtime.block_on(daemon.run(ready, watch, !arguments.no_final_notify));
    // A blocked disk must not keep a daemon alive that has said goodbye.
    runtime.shutdown_timeout(Duration::from_secs(1));
    ended
}

/// What a running daemon takes up.
enum News {
    /// The settings may read differently.
    Settings,
    /// Plugins came, changed or went.
    Plugins,
}

struct Daemon {
    place: Place,
    overrides: Vec<Override>,
    logs: Logs,
    notify: Notify,
}

impl Daemon {
    async fn run(&self, ready: Ready, mut watch: Watch<'_>, final_notify: bool) -> Result<Exit, Failure> {
        let mut signals = Signals::listen()?;
        let Some(lock) = take_lock(&self.place, &mut signals).await? else { return Ok(Exit::Interrupted) };
        let mut watching = ready.loaded.settings.watch_config;
        let lines = ready_lines(&ready, &self.place);
        ready.loaded.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
        let hosting = Hosting::open(&self.place, lock, Host::Daemon, ready, final_notify).await?;
        // The page's address lets its reader in: it is printed for its owner, and never logged.
        let token = hosting.house().url().and_then(|url| url.split_once("token=")).map(|(_, token)| token);
        self.logs.hide(&token.map(Secret::new).into_iter().collect::<Vec<_>>());
        self.logs.hide(&hosting.house().secrets());
        announce(&hosting, &lines);
        self.notify.ready();
        match self.attend(&hosting, &mut signals, &mut watch, &mut watching).await {
            Ok(signal) => self.close(hosting, signal, &mut signals).await,
            Err(reason) => {
                self.close(hosting, Signal::Terminate, &mut signals).await?;
                Err(Failure::told(reason))
            }
        }
    }

    /// Looks after the house until it is asked to stop, or, just after the start, nothing is left to serve: then
    /// the error is why.
    async fn attend(
        &self,
        hosting: &Hosting,
        signals: &mut Signals,
        watch: &mut Watch<'_>,
        watching: &mut bool,
    ) -> Result<Signal, String> {
        let mut ends = Ends::new(hosting);
        let folders = || house::plugin_folders(&self.place, &hosting.house().plugin_rules());
        let mut plugins = Folders::begin(folders());
        loop {
            let news = tokio::select! {
                signal = signals.next() => match signal {
                    Signal::Reload => News::Settings,
                    stop => return Ok(stop),
                },
                reason = ends.last() => return Err(reason),
                () = watch.changed(), if *watching => News::Settings,
                () = plugins.changed() => News::Plugins,
                () = self.watchdog() => continue,
            };
            self.notify.reloading();
            match news {
                News::Settings if watch.is_gone() => self.keep(hosting, "the config file is gone").await,
                News::Plugins if !*watching || watch.is_gone() => self.look_for_plugins(hosting).await,
                News::Settings | News::Plugins => self.reload(hosting, watching).await,
            }
            plugins.follow(folders());
            self.notify.ready();
        }
    }

    /// Tells systemd that the daemon is alive, when it wants to know.
    async fn watchdog(&self) {
        match self.notify.watchdog() {
            Some(interval) => {
                self.notify.alive();
                tokio::time::sleep(interval).await;
            }
            None => std::future::pending().await,
        }
    }

    async fn reload(&self, hosting: &Hosting, watching: &mut bool) {
        let read = tokio::task::block_in_place(|| config::ready(&self.place, &self.overrides, &self.logs));
        let ready = match read {
            Ok(ready) => ready,
            Err(failure) => return self.keep(hosting, &failure.to_string()).await,
        };
        ready.loaded.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
        let watch = ready.loaded.settings.watch_config;
        let default =
            || hosting.house().desk().with_generation(|generation| generation.default_engine.clone());
        let before = default();
        match hosting.house().reload(ready, &self.logs).await {
            Ok(fixed) => {
                *watching = watch;
                tracing::info!("the settings were read again");
                if default() != before {
                    tracing::info!(%before, now = %default(), "messages that name no engine go to another one now");
                }
                for what in fixed {
                    tracing::warn!("a change of {what} takes effect after a restart");
                }
            }
            Err(error) => self.keep(hosting, &format!("{error:#}")).await,
        }
    }

    /// Has new plugins used and those that are gone no longer, by the settings as they were read.
    async fn look_for_plugins(&self, hosting: &Hosting) {
        let rules = hosting.house().plugin_rules();
        let found = tokio::task::block_in_place(|| house::discover(&self.place, &rules));
        match hosting.house().adopt_plugins(Arc::new(found), &self.logs).await {
            Ok(()) => tracing::info!("plugins came, changed or went, and are looked up anew"),
            Err(error) => self.keep(hosting, &format!("{error:#}")).await,
        }
    }

    /// Tells the log and the main chats why the settings stay as they were.
    async fn keep(&self, hosting: &Hosting, why: &str) {
        tracing::error!("the settings stay as they were: {}", why.trim_end());
        hosting.house().complain(&self.logs.clean(&in_short(why))).await;
    }

    async fn close(&self, hosting: Hosting, signal: Signal, signals: &mut Signals) -> Result<Exit, Failure> {
        self.notify.stopping();
        let runs = hosting.runs();
        if !runs.is_empty() {
            remark(format_args!("ending {} … (again to end them at once)", count(runs.len(), "run")));
        }
        let ended = tokio::select! {
            ended = hosting.close(GRACE) => ended,
            _ = signals.stop() => {
                hosting::kill(runs).await;
                false
            }
        };
        tracing::info!(ended, "closed");
        Ok(if signal == Signal::Interrupt { Exit::Interrupted } else { Exit::Done })
    }
}

/// Transports that end for good while the daemon is starting.
struct Ends<'a> {
    hosting: &'a Hosting,
    events: broadcast::Receiver<DeskEvent>,
    until: Instant,
    ended: Vec<InstanceId>,
}

impl<'a> Ends<'a> {
    fn new(hosting: &'a Hosting) -> Self {
        let events = hosting.house().watch_from_start();
        Self { hosting, events, until: Instant::now() + STARTING, ended: Vec::new() }
    }

    /// Returns why the last transport that is served has ended. Never, once the daemon has started: then a
    /// transport that ends is a row in `takopi status`. Dropping it is how it is stopped; it may be called again.
    async fn last(&mut self) -> String {
        let starting = async {
            loop {
                let (instance, reason) = match self.events.recv().await {
                    Ok(DeskEvent::TransportEnded { instance, reason }) => (instance, reason),
                    Ok(_) | Err(RecvError::Lagged(_)) => continue,
                    Err(RecvError::Closed) => std::future::pending().await,
                };
                self.ended.push(instance);
                if !self.hosting.house().serves_besides(&self.ended) {
                    return reason;
                }
            }
        };
        match tokio::time::timeout_at(self.until, starting).await {
            Ok(reason) => reason,
            Err(_) => std::future::pending().await,
        }
    }
}

/// Takes the lock, waiting for a hosting `chat` to give it up. `None` when the person would not wait.
async fn take_lock(place: &Place, signals: &mut Signals) -> Result<Option<Lock>, Failure> {
    let mut told = String::new();
    let mut nameless = Duration::ZERO;
    loop {
        match Lock::take(&place.lock(), Host::Daemon) {
            Ok(lock) => return Ok(Some(lock)),
            Err(LockError::Held(Some(holder))) if holder.host == Some(Host::Chat) => {
                let waiting = ask_to_yield(&holder).await;
                if waiting != told {
                    remark(&waiting);
                    told = waiting;
                }
            }
            // It has only just taken the lock, or is just giving it up.
            Err(LockError::Held(None)) if nameless < NAMELESS => nameless += TRY_EVERY,
            Err(refused) => return Err(refusal(refused, place)),
        }
        tokio::select! {
            _ = signals.stop() => return Ok(None),
            () = tokio::time::sleep(TRY_EVERY) => {}
        }
    }
}

/// Asks a hosting `chat` for the ledger and says what it is waiting for.
async fn ask_to_yield(holder: &Holder) -> String {
    let starting =
        format!("waiting for `takopi chat` (pid {}), which is about to start or to end", holder.pid);
    let Some(socket) = &holder.socket else { return starting };
    let tasks = TaskTracker::new();
    let asked = async { Client::connect(socket, &tasks).await?.ask_to_yield().await };
    match asked.await {
        Ok(yielded) => match yielded.busy.first() {
            // Without the time: it is said once per run.
            Some(run) => {
                let prompt = run.prompt.lines().next().unwrap_or_default();
                let prompt: String = visible(prompt).chars().take(60).collect();
                format!("waiting for `takopi chat` (pid {}) to end: {} · {prompt}", holder.pid, run.engine)
            }
            None => match yielded.commands.first() {
                Some(command) => {
                    format!("waiting for `takopi chat` (pid {}) to end: /{command}", holder.pid)
                }
                None => format!("taking over from `takopi chat` (pid {})", holder.pid),
            },
        },
        Err(error) => {
            tracing::debug!(%error, "the hosting chat did not answer");
            starting
        }
    }
}

/// Words a refused lock.
pub(super) fn refusal(refused: LockError, place: &Place) -> Failure {
    match refused {
        LockError::Held(Some(Holder { pid, .. })) => {
            Failure::told(format_args!("takopi is already running (pid {pid})"))
                .hint("see what it does with `takopi status`, talk to it with `takopi chat`")
                .hint(format_args!("stop it with `kill {pid}`"))
        }
        LockError::Held(None) => {
            Failure::told(format_args!("another process holds {}", place.shown(&place.lock())))
                .hint("find it with `fuser` and stop it")
        }
        LockError::Python { pid } => {
            Failure::told(format_args!("the Python takopi is running beside this config file (pid {pid})"))
                .hint(format_args!(
                    "stop it with `kill {pid}`: two takopis on one bot lose each other's messages"
                ))
        }
        LockError::File { .. } => Failure::from(anyhow::Error::from(refused)),
    }
}

/// Returns what to say besides the page's address: what is there, and the next step.
fn ready_lines(ready: &Ready, place: &Place) -> Vec<String> {
    let mut lines = vec![format!("engine  {} answers unless you name another", ready.default_engine)];
    if let Some(installable) = &ready.installable {
        lines.push("next    no coding agent is here, so messages run as commands of your shell".to_owned());
        let names: Vec<&str> = installable.iter().map(EngineId::as_str).collect();
        if !names.is_empty() {
            lines.push(format!("        install one of {}, and choose it by /agent", names.join(", ")));
        }
    }
    if !place.config.exists() {
        lines.push(format!(
            "config  none yet; everything has a default. Yours goes to {}",
            place.shown(&place.config)
        ));
    }
    lines
}

fn announce(hosting: &Hosting, lines: &[String]) {
    let mut text = format!("takopi {} is ready\n", env!("CARGO_PKG_VERSION"));
    if let Some(url) = hosting.house().url() {
        text.push_str("open    ");
        text.push_str(url);
        text.push('\n');
    }
    text.push_str(&lines.join("\n"));
    if let Err(error) = say(text.trim_end()) {
        // Started by something that doesn't listen; the daemon is there all the same.
        tracing::debug!(?error, "nobody reads that takopi is ready");
    }
}

/// Returns the first of the mistakes that a text tells of, a line each, for those who have no log before them.
fn in_short(why: &str) -> String {
    let lines = || why.lines().map(str::trim).filter(|line| !line.is_empty());
    let mistake = lines().find_map(|line| line.strip_prefix("error: ")).or_else(|| lines().next());
    mistake.unwrap_or_default().to_owned()
}

/// Returns `1 run`, `2 runs`.
pub(super) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
