//! A process of a plugin that is tried: started as takopi starts it, and looked at on its way out.

use std::sync::Arc;
use std::time::Duration;

use takopi_plugin_protocol::{Method, Notification, life};
use takopi_stdio::rpc::{CallError, Limits, Patience, Peer, Service, peer};
use takopi_stdio::{Exit, Ladder, Leftover, Marker, Process, StderrTail, end_marked, find_marked};

use super::heard::Heard;
use super::{SOON, Subject};
use crate::problem::{Code, Problem};
use crate::process::{Failure, hello, launch, speaks};

/// Bytes of stderr that are kept to be counted.
const STDERR: usize = 1 << 20;

/// How long a plugin may take to be gone after it was told to go.
const GONE_WITHIN: Duration = Duration::from_secs(5);

/// How often and after which time it is looked again for what is about to end.
const MOMENTS: usize = 10;
const MOMENT: Duration = Duration::from_millis(50);

/// One process.
pub(super) struct Probe {
    peer: Peer,
    process: Process,
    stderr: StderrTail,
    marker: Marker,
    /// All that it says.
    pub(super) heard: Arc<Heard>,
    /// What it says that it registers.
    pub(super) provides: Vec<life::Provided>,
}

/// How a process went.
pub(super) struct Farewell {
    /// Why it did not take the word that it is to end.
    pub(super) refusal: Option<Failure>,
    /// How it ended; `None` when it had to be ended.
    pub(super) exit: Option<Exit>,
    /// What it left running.
    pub(super) left: Vec<Leftover>,
    /// How many lines on stdout were no messages, and the last of them.
    pub(super) garbage: (u64, String),
    /// Bytes it wrote to stderr, as far as they are counted.
    pub(super) stderr_bytes: usize,
    /// The most memory it had, in KiB, where the system tells.
    pub(super) memory_kib: Option<u64>,
    /// What it did that it must not do.
    pub(super) faults: Vec<String>,
}

impl Probe {
    /// Starts a process and shakes hands.
    pub(super) async fn start(subject: &Subject) -> Result<Self, Failure> {
        let failed = |error: &dyn std::fmt::Display| {
            Failure::Unavailable(Problem::new(Code::StartFailed, error.to_string()))
        };
        let (package, parts) = (&subject.package, &subject.parts);
        let data = launch::data_dir(package, parts);
        launch::make_data_dir(&data).await.map_err(|error| failed(&error))?;
        let marker = Marker::new(launch::MARK, uuid::Uuid::new_v4().to_string());
        let spawn =
            launch::spawn(package, parts, None).marker(marker.clone()).stderr_tail(usize::MAX, STDERR);
        let (tasks, stop) = (parts.tasks.clone(), parts.stop.clone());
        let child = spawn.start(&tasks, &stop).map_err(|error| failed(&error))?;
        let stdin = child.stdin.ok_or_else(|| failed(&"it has no stdin"))?;
        let (peer, wire) = peer(Limits::PLUGIN);
        let heard = Arc::new(Heard::new(&package.manifest.process.permissions));
        let service: Arc<dyn Service> = heard.clone();
        let explain = {
            let (process, stderr) = (child.process.clone(), child.stderr.clone());
            async move { format!("{}\n{}", process.wait().await, last(&stderr.text())).trim().to_owned() }
        };
        let (leash, stdout) = (child.leash, child.stdout);
        parts.tasks.spawn(async move {
            let closed = wire.run(stdout, stdin, service, &tasks, &stop, explain).await;
            tracing::debug!(%closed, "the connection to a plugin that is tried is over");
            drop(leash);
        });
        let mut probe =
            Self { peer, process: child.process, stderr: child.stderr, marker, heard, provides: Vec::new() };
        match probe.shake_hands(subject, &data).await {
            Ok(welcome) => {
                probe.provides = welcome.provides;
                Ok(probe)
            }
            Err(failure) => {
                let noise = probe.peer.garbage();
                probe.end().await;
                Err(match noise {
                    (0, _) => failure,
                    (_, line) => {
                        failed(&format_args!("{failure}; it wrote to stdout what is no message: {line}"))
                    }
                })
            }
        }
    }

    async fn shake_hands(
        &self,
        subject: &Subject,
        data: &std::path::Path,
    ) -> Result<life::Initialized, Failure> {
        let hello = hello(&subject.package, &subject.parts, data, &subject.tables.settings);
        let welcome = self.call(&hello, &subject.patience(SOON)).await?;
        // What it provides is a row of its own.
        speaks(&welcome).map_err(Failure::Unavailable)?;
        self.notify(&life::Ready {}).await?;
        Ok(welcome)
    }

    /// Calls a method and waits for its result.
    pub(super) async fn call<M: Method>(
        &self,
        params: &M,
        patience: &Patience,
    ) -> Result<M::Result, Failure> {
        let unreadable = |problem: serde_json::Error| Failure::Unreadable {
            method: M::NAME,
            problem: problem.to_string(),
        };
        let params = serde_json::to_value(params).map_err(unreadable)?;
        let result = self.peer.call(M::NAME, params, patience).await?;
        serde_json::from_value(result).map_err(unreadable)
    }

    /// Calls by a name that is no method.
    pub(super) async fn call_nonsense(&self, patience: &Patience) -> Result<serde_json::Value, CallError> {
        self.peer.call("no/such_method", serde_json::json!({"made": "up"}), patience).await
    }

    /// Tells something that nobody knows.
    pub(super) async fn tell_nonsense(&self) -> Result<(), CallError> {
        self.peer.notify("no/such_notification", serde_json::json!({"made": "up"})).await
    }

    async fn notify<N: Notification>(&self, params: &N) -> Result<(), Failure> {
        let params = serde_json::to_value(params)
            .map_err(|problem| Failure::Unreadable { method: N::NAME, problem: problem.to_string() })?;
        Ok(self.peer.notify(N::NAME, params).await?)
    }

    /// Tells it to end as takopi does, and sees what becomes of it. It is gone afterwards with all below it.
    pub(super) async fn farewell(self) -> Farewell {
        let memory_kib = peak_memory_kib(self.process.pid());
        let told = self.call(&life::Shutdown {}, &Patience::of(GONE_WITHIN)).await;
        let refusal = match told {
            Ok(_) => self.notify(&life::Exit {}).await.err(),
            Err(failure) => Some(failure),
        };
        self.peer.close();
        let exit = tokio::time::timeout(GONE_WITHIN, self.process.wait()).await.ok();
        let left = match exit {
            Some(_) => self.left().await,
            None => Vec::new(),
        };
        let (garbage, faults) = (self.peer.garbage(), self.heard.faults());
        let stderr_bytes = self.stderr.text().len();
        self.end().await;
        Farewell { refusal, exit, left, garbage, stderr_bytes, memory_kib, faults }
    }

    /// Returns what it left running; what is about to end gets a moment to do so.
    async fn left(&self) -> Vec<Leftover> {
        for _ in 0..MOMENTS {
            if find_marked(&self.marker).is_empty() {
                break;
            }
            tokio::time::sleep(MOMENT).await;
        }
        find_marked(&self.marker)
    }

    /// Returns whether it has not ended.
    pub(super) fn is_alive(&self) -> bool {
        self.process.exit().is_none()
    }

    async fn end(&self) {
        self.peer.close();
        self.process.stop(&Ladder::TERMINATE).await;
        end_marked(&self.marker, &Ladder::TERMINATE).await;
    }
}

/// Returns the last lines of what a process wrote to stderr.
fn last(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(8)..).unwrap_or_default().join("\n")
}

/// Returns the most memory a process had in KiB (`VmHWM` of `/proc/<pid>/status`, proc(5)).
fn peak_memory_kib(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}
