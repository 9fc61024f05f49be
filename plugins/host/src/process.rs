//! A plugin's process: started when it is first needed, spoken with, started anew after it ended.

use std::sync::Arc;
use std::time::Duration;

use takopi_core::id::RunId;
use takopi_plugin_protocol::{self as protocol, Method, Notification, life};
use takopi_stdio::rpc::{CallError, Closed, Limits, Patience, Peer, Service, peer};
use takopi_stdio::{Input, Ladder, Marker, Process, Spawn, StderrTail, StopReport};
use tokio::sync::Mutex;

use crate::manifest::Package;
use crate::parts::HostParts;
use crate::problem::{Code, Problem};
use crate::switchboard::Switchboard;

/// How long a plugin may take from its start to the answer of the handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// The variables every plugin gets.
const USUAL: [&str; 4] = ["PATH", "HOME", "LANG", "TMPDIR"];

/// The variable by which a plugin's descendants are found.
pub(crate) const MARK: &str = "TAKOPI_PLUGIN";

/// Why a call of a plugin brought no result.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Failure {
    /// Its process cannot be had.
    #[error("{0}")]
    Unavailable(Problem),
    /// The call failed.
    #[error(transparent)]
    Call(#[from] CallError),
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
    package: Arc<Package>,
    settings: life::Settings,
    parts: Arc<HostParts>,
    running: Mutex<Option<Arc<Running>>>,
}

/// A process that has shaken hands. It is killed with all its descendants when the last of these is dropped.
pub struct Running {
    peer: Peer,
    process: Process,
    stderr: StderrTail,
    provides: Vec<life::Provided>,
    /// What takes the calls of the process.
    pub(crate) switchboard: Arc<Switchboard>,
}

impl Plugin {
    /// Returns the plugin of a package; nothing is started.
    #[must_use]
    pub fn new(package: Arc<Package>, settings: life::Settings, parts: Arc<HostParts>) -> Arc<Self> {
        Arc::new(Self { package, settings, parts, running: Mutex::default() })
    }

    /// Returns its package.
    #[must_use]
    pub fn package(&self) -> &Arc<Package> {
        &self.package
    }

    /// Returns what its processes are made of.
    pub(crate) fn parts(&self) -> &HostParts {
        &self.parts
    }

    /// Returns the process that serves everything but runs of engines that are not `shared`; started if there is none.
    ///
    /// # Errors
    /// [`Problem`] when it cannot be started.
    pub async fn running(&self) -> Result<Arc<Running>, Problem> {
        let mut current = self.running.lock().await;
        if let Some(running) = current.as_ref().filter(|running| running.is_alive()) {
            return Ok(running.clone());
        }
        let running = self.start(None).await?;
        *current = Some(running.clone());
        Ok(running)
    }

    /// Starts a process for one run.
    ///
    /// # Errors
    /// [`Problem`] when it cannot be started.
    pub async fn alone(&self, run: RunId) -> Result<Arc<Running>, Problem> {
        self.start(Some(run)).await
    }

    /// Ends its process: asked first, then by the ladder.
    pub async fn close(&self, grace: Duration) {
        if let Some(running) = self.running.lock().await.take() {
            running.close(grace).await;
        }
    }

    pub(crate) fn spawn(&self, run: Option<RunId>) -> Spawn {
        let Package { dir, manifest } = &*self.package;
        let (program, arguments) =
            manifest.process.command.split_first().map_or(("", &[][..]), |(a, b)| (a, b));
        let program = if program.contains('/') { dir.join(program).into_os_string() } else { program.into() };
        let spawn = Spawn::new(program).args(arguments).dir(dir).stdin(Input::Piped);
        let spawn = if manifest.engines.is_empty() {
            let process = &manifest.process;
            let named = process.env.iter().chain(&process.needs_env).map(String::as_str);
            let passes = |name: &&str| {
                let name = std::ffi::OsStr::new(name);
                std::env::var_os(name).is_some_and(|value| (self.parts.passes)(name, &value))
            };
            let (name, value) = &self.parts.mark;
            spawn.env_only(USUAL.into_iter().chain(named).filter(passes)).env(name, value)
        } else {
            (self.parts.dress)(spawn, run)
        };
        let spawn = match run {
            Some(_) => spawn,
            None => spawn.marker(Marker::new(MARK, uuid::Uuid::new_v4().to_string())),
        };
        spawn
            .env(protocol::COOKIE, protocol::VERSION.to_string())
            .env(protocol::DATA_DIR, self.data_dir())
            .max_line_bytes(protocol::MAX_LINE_BYTES)
    }

    pub(crate) fn data_dir(&self) -> std::path::PathBuf {
        let name = takopi_core::id::Distribution::parse(&self.package.manifest.distribution.name);
        self.parts.data.join(name.map_or_else(|| "unnamed".to_owned(), |name| name.to_string()))
    }

    async fn start(&self, run: Option<RunId>) -> Result<Arc<Running>, Problem> {
        let failed = |error: &dyn std::fmt::Display| Problem::new(Code::StartFailed, error.to_string());
        let data = self.data_dir();
        tokio::fs::create_dir_all(&data).await.map_err(|error| failed(&error))?;
        let child =
            self.spawn(run).start(&self.parts.tasks, &self.parts.stop).map_err(|error| failed(&error))?;
        let Some(stdin) = child.stdin else {
            return Err(failed(&"it has no stdin"));
        };
        let (peer, wire) = peer(Limits::PLUGIN);
        let switchboard = Arc::new(Switchboard { package: self.package.clone() });
        let service: Arc<dyn Service> = switchboard.clone();
        let (process, stderr, stop) = (child.process.clone(), child.stderr.clone(), self.parts.stop.clone());
        let (tasks, leash, stdout) = (self.parts.tasks.clone(), child.leash, child.stdout);
        let explain = {
            let (process, stderr) = (process.clone(), stderr.clone());
            async move { format!("{}\n{}", process.wait().await, stderr.text()).trim().to_owned() }
        };
        self.parts.tasks.spawn(async move {
            let closed: Closed = wire.run(stdout, stdin, service, &tasks, &stop, explain).await;
            tracing::debug!(%closed, "a plugin's connection is over");
            drop(leash);
        });
        let running = self.shake_hands(peer, process.clone(), stderr, switchboard, &data).await;
        if running.is_err() {
            process.stop(&Ladder::TERMINATE).await;
        }
        running.map(Arc::new)
    }

    async fn shake_hands(
        &self,
        peer: Peer,
        process: Process,
        stderr: StderrTail,
        switchboard: Arc<Switchboard>,
        data: &std::path::Path,
    ) -> Result<Running, Problem> {
        let hello = life::Initialize {
            protocol: protocol::VERSION,
            host: life::Named { name: "takopi".to_owned(), version: self.parts.version.clone() },
            data_dir: data.to_string_lossy().into_owned(),
            provides: self.package.manifest.provides(),
            config: self.settings.clone(),
            capabilities: life::HostCapabilities { run: true, ask: true },
        };
        let mut running = Running { peer, process, stderr, provides: Vec::new(), switchboard };
        let patience = Patience::of(HANDSHAKE).until(self.parts.stop.clone());
        let answer = running.call(&hello, &patience).await.map_err(|failure| match failure {
            Failure::Call(CallError::TimedOut { after }) => Problem::new(
                Code::HandshakeTimeout,
                format!("no answer to initialize within {} s", after.as_secs()),
            ),
            other => Problem::new(Code::StartFailed, other.to_string()),
        })?;
        if answer.protocol != protocol::VERSION {
            let problem = format!("it speaks protocol {}, takopi {}", answer.protocol, protocol::VERSION);
            return Err(Problem::new(Code::UnsupportedProtocol, problem));
        }
        if let Some(extra) = answer.provides.iter().find(|one| !hello.provides.contains(one)) {
            let problem = format!("it provides {} which its manifest does not name", extra.id);
            return Err(Problem::new(Code::ProvidesMismatch, problem));
        }
        running.provides = answer.provides;
        running
            .notify(&life::Ready {})
            .await
            .map_err(|failure| Problem::new(Code::StartFailed, failure.to_string()))?;
        Ok(running)
    }
}

impl Running {
    /// Calls a method and waits for its result.
    ///
    /// # Errors
    /// [`Failure`], by variant.
    pub async fn call<M: Method>(&self, params: &M, patience: &Patience) -> Result<M::Result, Failure> {
        let unreadable = |problem: serde_json::Error| Failure::Unreadable {
            method: M::NAME,
            problem: problem.to_string(),
        };
        let params = serde_json::to_value(params).map_err(unreadable)?;
        let result = self.peer.call(M::NAME, params, patience).await?;
        serde_json::from_value(result).map_err(unreadable)
    }

    /// Sends a notification.
    ///
    /// # Errors
    /// [`Failure`], by variant.
    pub async fn notify<N: Notification>(&self, params: &N) -> Result<(), Failure> {
        let unreadable = |problem: serde_json::Error| Failure::Unreadable {
            method: N::NAME,
            problem: problem.to_string(),
        };
        let params = serde_json::to_value(params).map_err(unreadable)?;
        Ok(self.peer.notify(N::NAME, params).await?)
    }

    /// Returns whether it registered something.
    #[must_use]
    pub fn provides(&self, kind: life::Kind, id: &str) -> bool {
        self.provides.iter().any(|one| one.kind == kind && one.id == id)
    }

    /// Returns whether it has not ended.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.process.exit().is_none()
    }

    /// Waits until the connection is over, and returns how the process ended and the last it wrote to stderr.
    pub async fn ended(&self) -> String {
        self.peer.closed().await;
        format!("{}\n{}", self.process.wait().await, self.stderr.text()).trim().to_owned()
    }

    /// Ends it with everything below it.
    pub async fn stop(&self, ladder: &Ladder) -> StopReport {
        self.process.stop(ladder).await
    }

    /// Asks it to end within `grace`, then ends it.
    pub async fn close(&self, grace: Duration) {
        if let Err(failure) = self.call(&life::Shutdown {}, &Patience::of(grace)).await {
            tracing::debug!(%failure, "a plugin did not take the word that it is to end");
        } else if let Err(failure) = self.notify(&life::Exit {}).await {
            tracing::debug!(%failure, "a plugin was gone before it was told to");
        }
        self.peer.close();
        self.process.stop(&Ladder::TERMINATE).await;
    }
}
