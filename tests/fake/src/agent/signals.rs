//! Signals that are not left to do what they do: those an agent ignores, and the one that claude answers.

use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};

use super::out;

/// What is printed at an interrupt, the process of a tool that dies then, and the exit code.
#[derive(Debug, Clone, Default)]
pub(super) struct LastWords {
    pub(super) lines: Vec<String>,
    pub(super) code: u8,
    pub(super) tool: Option<u32>,
}

/// What an interrupt finds.
pub(super) type AtInterrupt = Arc<Mutex<LastWords>>;

/// Takes care of signals as long as it lives.
pub(super) struct Signals(Runtime);

impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self(Builder::new_multi_thread().worker_threads(1).enable_all().build()?))
    }

    /// Ends the agent by its own words at SIGINT.
    pub(super) fn answer_interrupt(&self, with: AtInterrupt) -> io::Result<()> {
        let signals = self.on(SignalKind::interrupt())?;
        self.0.spawn(async move {
            signals.await;
            let last = with.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let tool = last.tool.and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
            if let Some(tool) = tool {
                // It may be over already, or not lead its group yet.
                kill_process_group(tool, Signal::KILL).or_else(|_| kill_process(tool, Signal::KILL)).ok();
            }
            let printed = out::print(&last.lines);
            std::process::exit(if printed.is_ok() { last.code.into() } else { 1 });
        });
        Ok(())
    }

    /// Ignores what asks the agent to end.
    pub(super) fn ignore(&self) -> io::Result<()> {
        for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
            // A handler that does nothing stays for the life of the process.
            drop(self.on(kind)?);
        }
        Ok(())
    }

    fn on(&self, kind: SignalKind) -> io::Result<impl Future<Output = ()> + Send + use<>> {
        let _within = self.0.enter();
        let mut signals = signal(kind)?;
        Ok(async move {
            signals.recv().await;
        })
    }
}
