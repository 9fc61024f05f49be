//! A plugin and its processes: started when they are first needed, spoken with, started anew after they ended.
//!
//! One process is kept for everything but the runs of engines that are not `shared`, which have one each. What a process
//! goes through is in `process/`: `launch` starts it, `handshake` introduces takopi, `running` speaks with it, `keeper`
//! sees it to its end, `warden` looks after the one that is kept.

mod handshake;
mod keeper;
pub(crate) mod launch;
mod life;
mod running;
mod sound;
mod warden;

#[cfg(test)]
mod tests;

pub(crate) use handshake::{hello, speaks};
pub(crate) use life::seconds;
pub(crate) use running::too_long;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex as StdMutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use takopi_core::id::RunId;
use takopi_plugin_protocol::{self as protocol, life as wire};
use takopi_stdio::rpc::{CallError, Limits, Service, peer};
use takopi_stdio::{Child, StdioError};
use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;

pub use running::{Hold, Running};

use crate::bounds::Bounds;
use crate::health::{CRASHES, Health, WITHIN};
use crate::manifest::{Package, Permission};
use crate::parts::HostParts;
use crate::problem::{Code, Problem};
use crate::switchboard::Switchboard;
use keeper::{Keeper, Word};
use life::Life;

pub use launch::MARK;

/// What a person does about a plugin that does not work.
pub(crate) const MEND: &str = "mend it, then type: takopi plugins --load";

/// Why a call of a plugin brought no result.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Failure {
    /// Its process cannot be had.
    #[error("{0}")]
    Unavailable(Problem),
    /// The call failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// Its process ended under the call; the text says how.
    #[error("{0}")]
    Gone(String),
    /// A line came in that is too long; it may have been the answer.
    #[error("{}", too_long("the plugin"))]
    Overlong,
    /// Its answer is none.
    #[error("the plugin's answer to {method} cannot be read: {problem}")]
    Unreadable {
        /// What was asked.
        method: &'static str,
        /// What is wrong with the answer.
        problem: String,
    },
}

/// A plugin's package, and the process of it where there is one.
pub struct Plugin {
    me: Weak<Self>,
    package: Arc<Package>,
    settings: wire::Settings,
    parts: Arc<HostParts>,
    bounds: Bounds,
    health: Arc<StdMutex<Health>>,
    /// Locked while the process is being started: whoever needs it too waits for that.
    kept: Mutex<Option<Arc<Running>>>,
    /// How often that has come to an end.
    tries: AtomicU64,
    /// Why the last start failed, if it did.
    last: StdMutex<Option<Problem>>,
    /// What it has nothing against the settings of.
    sound: StdMutex<BTreeSet<(wire::Kind, String)>>,
    /// Fires when it is closed for good, or the daemon goes down: no start goes on.
    closing: CancellationToken,
}

impl Plugin {
    /// Returns the plugin of a package; nothing is started.
    #[must_use]
    pub fn new(package: Arc<Package>, settings: wire::Settings, parts: Arc<HostParts>) -> Arc<Self> {
        Self::bounded(package, settings, parts, Bounds::default())
    }

    /// Returns the plugin of a package whose processes may take no more than `bounds`; nothing is started.
    #[must_use]
    pub fn bounded(
        package: Arc<Package>,
        settings: wire::Settings,
        parts: Arc<HostParts>,
        bounds: Bounds,
    ) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            me: me.clone(),
            package,
            settings,
            closing: parts.stop.child_token(),
            parts,
            bounds,
            health: Arc::default(),
            kept: Mutex::default(),
            tries: AtomicU64::new(0),
            last: StdMutex::default(),
            sound: StdMutex::default(),
        })
    }

    /// Returns its package.
    #[must_use]
    pub fn package(&self) -> &Arc<Package> {
        &self.package
    }

    /// Returns the settings its processes are started with.
    #[must_use]
    pub fn settings(&self) -> &wire::Settings {
        &self.settings
    }

    /// Returns what its processes are made of.
    pub(crate) fn parts(&self) -> &HostParts {
        &self.parts
    }

    /// Returns what its processes may take.
    pub(crate) const fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// Returns the process that serves everything but runs of engines that are not `shared`; started if there is none.
    /// Those who ask while it is being started share what comes of it.
    ///
    /// # Errors
    /// [`Problem`] when it cannot be started, or crashed too often.
    pub async fn running(&self) -> Result<Arc<Running>, Problem> {
        let before = self.tries.load(Ordering::Acquire);
        let mut kept = self.kept.lock().await;
        if let Some(running) = kept.as_ref().filter(|running| running.is_alive()) {
            return Ok(running.clone());
        }
        if self.tries.load(Ordering::Acquire) != before
            && let Some(problem) = self.problem()
        {
            return Err(problem);
        }
        let started = self.start(None, &CancellationToken::new()).await;
        self.note(&started);
        self.tries.fetch_add(1, Ordering::Release);
        let running = started?;
        *kept = Some(running.clone());
        let (over, stop) = (running.life.over.clone(), self.parts.stop.clone());
        let watched = Arc::downgrade(&running);
        self.parts.tasks.spawn(warden::guard(self.me.clone(), watched, self.bounds, over, stop));
        Ok(running)
    }

    /// Returns the kept process, if there is one and it is not just being started.
    #[cfg(test)]
    pub(crate) fn current(&self) -> Option<Arc<Running>> {
        self.kept.try_lock().ok()?.clone()
    }

    /// Starts a process for one run. When `until` fires before it has shaken hands it is ended, and a problem returned.
    ///
    /// # Errors
    /// [`Problem`] when it cannot be started, or crashed too often.
    pub async fn alone(&self, run: RunId, until: &CancellationToken) -> Result<Arc<Running>, Problem> {
        let started = self.start(Some(run), until).await;
        if !until.is_cancelled() {
            self.note(&started);
        }
        started
    }

    /// Notes how a start went; that none was tried is no news.
    fn note(&self, started: &Result<Arc<Running>, Problem>) {
        match started {
            Ok(_) => *lock(&self.last) = None,
            Err(problem) if problem.code == Code::Quarantined => {}
            Err(problem) => *lock(&self.last) = Some(problem.clone()),
        }
    }

    /// Returns why its process is not to be had: it crashed too often, or could not be started the last time.
    #[must_use]
    pub fn problem(&self) -> Option<Problem> {
        self.quarantine().or_else(|| lock(&self.last).clone())
    }

    /// Returns that it is not started any more, if it crashed too often; with what it said where it could not be started.
    fn quarantine(&self) -> Option<Problem> {
        if !lock(&self.health).is_quarantined() {
            return None;
        }
        let minutes = WITHIN.as_secs() / 60;
        let last = lock(&self.last).as_ref().map(|problem| {
            let told = problem.message.strip_suffix(MEND).unwrap_or(&problem.message);
            format!(" (the last time: {})", told.trim_end_matches("; "))
        });
        let last = last.unwrap_or_default();
        Some(Problem::new(
            Code::Quarantined,
            format!(
                "it crashed {CRASHES} times within {minutes} minutes and is not started any more{last}; {MEND}"
            ),
        ))
    }

    /// Returns how long whoever starts it unasked, after a crash, waits before that: 1, 2, 4 … 64 s; jitter is the
    /// caller's.
    #[must_use]
    pub fn backoff(&self) -> Duration {
        lock(&self.health).backoff(self.parts.clock.moment())
    }

    /// Forgets its crashes: somebody has looked at it.
    pub fn pardon(&self) {
        lock(&self.health).pardon();
        *lock(&self.last) = None;
    }

    /// Ends its process unless somebody still uses it, as another engine or a command of it may. It is started again
    /// when it is needed. Returns whether there was one to end.
    pub(crate) async fn rest_if_unused(&self, grace: Duration) -> bool {
        if self.package.manifest.process.permissions.contains(&Permission::Background) {
            return false;
        }
        // Whoever is starting it wants it.
        let Ok(mut kept) = self.kept.try_lock() else { return false };
        let running = kept.take_if(|running| Arc::strong_count(running) == 1);
        drop(kept);
        if let Some(running) = &running {
            running.close(grace).await;
        }
        running.is_some()
    }

    /// Returns the folder in which it may keep files.
    pub(crate) fn data_dir(&self) -> std::path::PathBuf {
        launch::data_dir(&self.package, &self.parts)
    }

    /// Ends its process for good; one that is being started is given up at once.
    pub async fn close(&self, grace: Duration) {
        self.closing.cancel();
        let running = self.kept.lock().await.take();
        if let Some(running) = running {
            running.close(grace).await;
        }
    }

    /// Ends its process if nobody has wanted anything of it for long enough.
    async fn rest_when_idle(&self, running: Arc<Running>) {
        let process = &self.package.manifest.process;
        let Some(idle_stop) = process.idle_stop else { return };
        if process.permissions.contains(&Permission::Background) || running.idle_for() < idle_stop {
            return;
        }
        {
            // Who wants it gets it under this lock: nobody can come in between.
            let mut kept = self.kept.lock().await;
            let is_kept = kept.as_ref().is_some_and(|kept| Arc::ptr_eq(kept, &running));
            if !is_kept || !warden::is_forgotten(&running) || running.idle_for() < idle_stop {
                return;
            }
            *kept = None;
        }
        tracing::debug!(plugin = self.package.manifest.distribution.name, "an idle plugin is stopped");
        running.close(self.bounds.shutdown).await;
    }

    async fn start(&self, run: Option<RunId>, until: &CancellationToken) -> Result<Arc<Running>, Problem> {
        if let Some(problem) = self.quarantine() {
            return Err(problem);
        }
        let closed = || Problem::new(Code::StartFailed, "takopi is going down, or has loaded it anew");
        if self.closing.is_cancelled() {
            return Err(closed());
        }
        launch::look_over(&self.package, &self.parts)?;
        let data = launch::data_dir(&self.package, &self.parts);
        launch::make_data_dir(&data).await.map_err(|error| {
            Problem::new(Code::StartFailed, format!("cannot make {}: {error}", data.display()))
        })?;
        let spawn = launch::spawn(&self.package, &self.parts, run);
        let child = spawn.start(&self.parts.tasks, &self.parts.stop).map_err(|error| not_started(&error))?;
        let hello = handshake::hello(&self.package, &self.parts, &data, &self.settings);
        let mut running = self.connect(child, run.is_none())?;
        let (answer, is_its_fault) = tokio::select! {
            answer = handshake::shake_hands(&running.peer, &running.life, &hello, &self.bounds) => (answer, true),
            () = until.cancelled() => (Err(Problem::new(Code::StartFailed, "it is not wanted any more")), false),
            () = self.closing.cancelled() => (Err(closed()), false),
        };
        match answer {
            Ok(answer) => {
                running.answer = answer;
                Ok(Arc::new(running))
            }
            Err(problem) => {
                // Whatever went wrong with the handshake would go wrong at the next call too.
                if is_its_fault {
                    running.life.crashed(&self.health, self.parts.clock.moment());
                }
                running.kill().await;
                Err(problem)
            }
        }
    }

    /// Joins a child with what carries its messages and sees it to its end.
    fn connect(&self, child: Child, is_kept: bool) -> Result<Running, Problem> {
        let Child { leash, process, stdout, stdin, stderr } = child;
        let Some(stdin) = stdin else {
            return Err(Problem::new(Code::StartFailed, "it has no stdin"));
        };
        let (peer, wire) = peer(Limits::PLUGIN);
        let plugin = self.package.manifest.distribution.name.clone();
        let life = Life {
            plugin,
            process,
            stderr,
            doom: OnceLock::new(),
            holds: AtomicUsize::new(0),
            was_wanted: AtomicBool::new(false),
            was_noted: AtomicBool::new(false),
            over: CancellationToken::new(),
        };
        let (life, (word, told)) = (Arc::new(life), watch::channel(Word::Stay));
        let switchboard = Arc::new(Switchboard::new(self.package.clone()));
        let service: Arc<dyn Service> = switchboard.clone();
        let keeper = Keeper {
            life: life.clone(),
            peer: peer.clone(),
            leash,
            word: told,
            health: is_kept.then(|| self.health.clone()),
            clock: self.parts.clock.clone(),
            bounds: self.bounds,
            tasks: self.parts.tasks.clone(),
            stop: self.parts.stop.clone(),
        };
        self.parts.tasks.spawn(keeper.keep(wire, stdout, stdin, service));
        let answer = wire::Initialized {
            protocol: protocol::VERSION,
            plugin: wire::Named::default(),
            provides: Vec::new(),
            capabilities: wire::Capabilities::default(),
        };
        let clock = self.parts.clock.clone();
        let work = StdMutex::new(running::Work::none(clock.moment()));
        Ok(Running { peer, life, word, answer, bounds: self.bounds, clock, work, switchboard })
    }
}

impl Drop for Plugin {
    fn drop(&mut self) {
        // Nobody can use it any more; its keeper says goodbye.
        if let Some(running) = self.kept.get_mut().take() {
            running.dismiss(Word::Close(self.bounds.shutdown));
        }
    }
}

fn lock<T>(mutex: &StdMutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn not_started(error: &StdioError) -> Problem {
    if let StdioError::NoProgram { program } = error {
        return Problem::new(Code::MissingExecutable, format!("there is no program {program}"));
    }
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    Problem::new(Code::StartFailed, text)
}

/// Returns what people are told of something registered: `engine acme`.
pub(crate) fn named(kind: wire::Kind, id: &str) -> String {
    let kind = match kind {
        wire::Kind::Engine => "engine",
        wire::Kind::Transport => "transport",
        wire::Kind::Command => "command",
    };
    format!("{kind} {id}")
}
