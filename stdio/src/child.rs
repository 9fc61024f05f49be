//! A running child: its pipes, its end, and the one task that keeps it.
//!
//! The keeper writes stdin, drains stderr and reaps, all at once, whatever the caller does meanwhile. Stopping is in
//! [`crate::stop`].

use std::fmt;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::orphans::DirectChild;
use crate::tail::LineByLine;
use crate::tree::Tree;
use crate::{Identity, Lines, Marker, Output, Signal, StderrTail};

/// A child with its pipes, to be used whole or taken apart.
#[derive(Debug)]
pub struct Child {
    // Dropped first: a child whose stdin closes ends by itself, and what it leaves is harder to find.
    /// What ties its life to the caller's.
    pub leash: Leash,
    /// The process: wait for it, stop it. Clones are the same process.
    pub process: Process,
    /// What it prints.
    pub stdout: Lines<Output<ChildStdout>>,
    /// Where to write to it, with [`crate::Input::Piped`].
    pub stdin: Option<ChildStdin>,
    /// The last it wrote to stderr.
    pub stderr: StderrTail,
}

/// A child's process, shared by whoever waits for it and whoever stops it.
#[derive(Clone, Debug)]
pub struct Process {
    identity: Identity,
    marker: Option<Marker>,
    exit: watch::Receiver<Option<Exit>>,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It returned this status.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
    /// Nobody knows: somebody else reaped it.
    Unknown,
}

impl Exit {
    /// Tells whether the status is zero.
    #[must_use]
    pub const fn is_success(self) -> bool {
        matches!(self, Self::Code(0))
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(formatter, "exit status {code}"),
            Self::Signal(signal) => match signal_name(*signal) {
                Some(name) => write!(formatter, "ended by {name}"),
                None => write!(formatter, "ended by signal {signal}"),
            },
            Self::Unknown => formatter.write_str("ended with an unknown status"),
        }
    }
}

/// Returns the name of a signal that people meet; numbers differ between systems.
fn signal_name(number: i32) -> Option<&'static str> {
    use rustix::process::Signal as S;
    let named = [
        (S::HUP, "SIGHUP"),
        (S::INT, "SIGINT"),
        (S::QUIT, "SIGQUIT"),
        (S::ILL, "SIGILL"),
        (S::TRAP, "SIGTRAP"),
        (S::ABORT, "SIGABRT"),
        (S::BUS, "SIGBUS"),
        (S::FPE, "SIGFPE"),
        (S::KILL, "SIGKILL"),
        (S::USR1, "SIGUSR1"),
        (S::SEGV, "SIGSEGV"),
        (S::USR2, "SIGUSR2"),
        (S::PIPE, "SIGPIPE"),
        (S::ALARM, "SIGALRM"),
        (S::TERM, "SIGTERM"),
        (S::XCPU, "SIGXCPU"),
        (S::XFSZ, "SIGXFSZ"),
        (S::SYS, "SIGSYS"),
    ];
    named.into_iter().find(|(signal, _)| signal.as_raw() == number).map(|(_, name)| name)
}

impl From<ExitStatus> for Exit {
    fn from(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Code(code),
            (None, Some(signal)) => Self::Signal(signal),
            (None, None) => Self::Unknown,
        }
    }
}

impl Process {
    /// Returns the pid, which is the id of the process group too.
    #[must_use]
    pub const fn pid(&self) -> u32 {
        self.identity.pid()
    }

    /// Returns pid and start time, by which the process can be found again after a restart of the daemon.
    #[must_use]
    pub const fn identity(&self) -> Identity {
        self.identity
    }

    /// Returns how it ended, `None` while it runs.
    #[must_use]
    pub fn exit(&self) -> Option<Exit> {
        *self.exit.borrow()
    }

    /// Waits for its end. By then its stderr tail is complete and everything it printed lies in the stdout pipe.
    pub async fn wait(&self) -> Exit {
        let mut exit = self.exit.clone();
        let known = exit.wait_for(Option::is_some).await;
        known.ok().and_then(|exit| *exit).unwrap_or(Exit::Unknown)
    }

    pub(crate) fn tree(&self) -> Tree {
        Tree::new(Some(self.identity), self.marker.clone())
    }
}

/// Kills the whole tree when it is dropped before the child has ended: a run that is dropped on its way leaves nothing.
#[derive(Debug)]
pub struct Leash(Option<Process>);

impl Leash {
    /// Lets the child live on without its caller.
    pub fn release(mut self) {
        self.0 = None;
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        if let Some(process) = self.0.take()
            && process.exit().is_none()
        {
            let mut tree = process.tree();
            tree.freeze();
            tree.signal(Signal::Kill);
        }
    }
}

impl Child {
    pub(crate) fn keep(
        mut started: tokio::process::Child,
        input: Option<Vec<u8>>,
        stderr: Stderr,
        marker: Option<Marker>,
        max_line_bytes: usize,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> io::Result<Self> {
        let missing = || io::Error::other("a pipe of the child is missing");
        let direct = DirectChild::claim(started.id().ok_or_else(missing)?);
        let identity = Identity::of(direct.pid());
        let exited = CancellationToken::new();
        let stdout = Output::new(started.stdout.take().ok_or_else(missing)?, exited.clone());
        let stderr_pipe = Output::new(started.stderr.take().ok_or_else(missing)?, exited.clone());
        let mut stdin = started.stdin.take();
        let feed = input.and_then(|bytes| Some((stdin.take()?, bytes)));

        let (report, exit) = watch::channel(None);
        let tail = stderr.tail.clone();
        let keeper = Keeper { started, direct, exited, feed, stderr_pipe, stderr, report };
        // What is logged about the child, its stderr above all, then names the run or plugin it belongs to.
        tasks.spawn(keeper.run(stop.clone()).in_current_span());

        let process = Process { identity, marker, exit };
        let leash = Leash(Some(process.clone()));
        Ok(Self { leash, process, stdout: Lines::new(stdout, max_line_bytes), stdin, stderr: tail })
    }
}

/// Where what a child writes to stderr goes.
pub(crate) struct Stderr {
    pub(crate) tail: StderrTail,
    pub(crate) lines: Option<LineByLine>,
}

/// Does for the child what must go on whatever the caller does.
struct Keeper {
    started: tokio::process::Child,
    direct: DirectChild,
    exited: CancellationToken,
    feed: Option<(ChildStdin, Vec<u8>)>,
    stderr_pipe: Output<ChildStderr>,
    stderr: Stderr,
    report: watch::Sender<Option<Exit>>,
}

impl Keeper {
    async fn run(self, stop: CancellationToken) {
        let Self { mut started, direct, exited, feed, mut stderr_pipe, stderr, report } = self;
        let Stderr { tail, mut lines } = stderr;
        let pid = direct.pid();
        let reap = async {
            let exit = started.wait().await.map_or(Exit::Unknown, Exit::from);
            drop(direct);
            exited.cancel();
            exit
        };
        let write = async {
            let Some((mut stdin, bytes)) = feed else { return };
            // A child need not read its input to the end; then the write fails, or nobody waits for it any more.
            let written = tokio::select! {
                written = stdin.write_all(&bytes) => written,
                () = exited.cancelled() => return,
            };
            if let Err(error) = written {
                tracing::debug!(pid, %error, "child closed its stdin early");
            }
        };
        let drain = async {
            let mut buffer = vec![0; 4 << 10];
            while let Ok(read @ 1..) = stderr_pipe.read(&mut buffer).await {
                let new = buffer.get(..read).unwrap_or_default();
                tracing::trace!(pid, text = %String::from_utf8_lossy(new), "stderr");
                tail.push(new);
                if let Some(lines) = &mut lines {
                    lines.push(new);
                }
            }
            if let Some(lines) = &mut lines {
                lines.end();
            }
        };
        let (exit, (), ()) = tokio::join!(reap, write, drain);
        report.send_replace(Some(exit));
        stderr_pipe.drain(&stop).await;
    }
}
