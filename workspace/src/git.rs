//! git as a child process: never asking, never longer than its time, gone with its tree when the run is stopped.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use takopi_core::id::RunId;
use takopi_stdio::{Child, Exit, Ladder, Spawn, StdioError};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Problem;
use crate::problem::one_line;

/// Most that is read of git's output: the names of some hundred thousand branches.
const MAX_OUTPUT_BYTES: usize = 16 << 20;

/// Puts on a child what every child of the house has on: a cleaned environment and its marks, those of the run too if
/// it belongs to one.
pub type Dress = Arc<dyn Fn(Spawn, Option<RunId>) -> Spawn + Send + Sync>;

/// How long git may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For a question: 10 s, where an answer takes milliseconds.
    pub question: Duration,
    /// For a checkout: 5 minutes. A big repository takes one, large files from a server more; a run can be
    /// stopped meanwhile.
    pub change: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { question: Duration::from_secs(10), change: Duration::from_secs(300) }
    }
}

/// Variables that would point git at another repository than the one it is started in: git-rev-parse(1),
/// `--local-env-vars`. A daemon that was started by a hook has them.
const ELSEWHERE: [&str; 9] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_COMMON_DIR",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_PREFIX",
    "GIT_NAMESPACE",
];

/// What keeps git from asking, paging, translating and waiting for locks it doesn't need: git(1), ENVIRONMENT VARIABLES.
const QUIET: [(&str, &str); 7] = [
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_ASKPASS", "true"),
    ("SSH_ASKPASS_REQUIRE", "never"),
    ("GIT_PAGER", "cat"),
    ("GIT_EDITOR", "true"),
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("LC_ALL", "C"),
];

/// How git is started here.
pub(crate) struct Git {
    pub(crate) dress: Dress,
    pub(crate) tasks: TaskTracker,
    pub(crate) closing: CancellationToken,
    pub(crate) patience: Patience,
}

/// git at work for one run or question, under its stop signal.
#[derive(Clone, Copy)]
pub(crate) struct Errand<'a> {
    pub(crate) git: &'a Git,
    pub(crate) run: Option<RunId>,
    pub(crate) stop: &'a CancellationToken,
}

/// What git answered.
#[derive(Debug)]
pub(crate) struct Said {
    what: String,
    exit: Exit,
    pub(crate) stdout: Vec<u8>,
    stderr: String,
}

impl Said {
    /// Returns the status it ended with, if it did by itself.
    pub(crate) fn code(&self) -> Option<i32> {
        match self.exit {
            Exit::Code(code) => Some(code),
            Exit::Signal(_) | Exit::Unknown => None,
        }
    }

    /// Returns the first line of its output.
    pub(crate) fn line(&self) -> String {
        let line = self.stdout.split(|byte| *byte == b'\n').next().unwrap_or_default();
        String::from_utf8_lossy(line).into_owned()
    }

    /// Returns whether it said that this is no repository.
    pub(crate) fn is_no_repository(&self) -> bool {
        self.stderr.contains("not a git repository")
    }

    /// Returns what it said when it failed, on one line.
    pub(crate) fn complaint(&self) -> String {
        let said = one_line(&self.stderr);
        if said.is_empty() { self.exit.to_string() } else { said }
    }

    /// Returns itself if it succeeded.
    pub(crate) fn well(self, dir: &Path) -> Result<Self, Problem> {
        if self.exit.is_success() {
            return Ok(self);
        }
        let said = self.complaint();
        Err(Problem::Git { what: self.what, said, dir: dir.to_owned() })
    }
}

impl<'a> Errand<'a> {
    /// Asks git something in `dir`. A failure of its own is an answer.
    pub(crate) async fn ask<A: AsRef<OsStr>>(
        &self,
        dir: &Path,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<Said, Problem> {
        self.run_git(dir, arguments, self.git.patience.question).await
    }

    /// Lets git change something.
    pub(crate) async fn change<A: AsRef<OsStr>>(
        &self,
        dir: &Path,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<Said, Problem> {
        self.run_git(dir, arguments, self.git.patience.change).await
    }

    /// Waits for `work`, but not beyond the stop.
    pub(crate) async fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Result<T, Problem> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(Problem::Stopped),
            done = work => Ok(done),
        }
    }

    async fn run_git<A: AsRef<OsStr>>(
        &self,
        dir: &Path,
        arguments: impl IntoIterator<Item = A>,
        patience: Duration,
    ) -> Result<Said, Problem> {
        let arguments: Vec<OsString> = arguments.into_iter().map(|word| word.as_ref().to_owned()).collect();
        let words = arguments.iter().take_while(|word| !word.as_encoded_bytes().starts_with(b"-")).take(2);
        let what = words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
        if self.stop.is_cancelled() {
            return Err(Problem::Stopped);
        }
        let mut child = self.start(dir, arguments).map_err(|error| explain(error, &what, dir))?;
        let process = child.process.clone();
        let failed = tokio::select! {
            biased;
            () = self.stop.cancelled() => Problem::Stopped,
            answer = tokio::time::timeout(patience, listen(&mut child, &what, dir)) => match answer {
                Ok(Ok(said)) => return Ok(said),
                Ok(Err(problem)) => problem,
                Err(_) => Problem::Slow { what, after: patience, dir: dir.to_owned() },
            },
        };
        let report = process.stop(&Ladder::TERMINATE).await;
        tracing::info!(dir = %dir.display(), problem = %failed, killed = report.killed.len(), "stopped git");
        Err(failed)
    }

    fn start(&self, dir: &Path, arguments: Vec<OsString>) -> Result<Child, StdioError> {
        // Without a file system monitor: it would be left running.
        let spawn = Spawn::new("git").args(["--no-pager", "-c", "core.fsmonitor=false"]);
        let spawn = (self.git.dress)(spawn.args(arguments).dir(dir), self.run);
        let spawn = ELSEWHERE.iter().fold(spawn, |spawn, name| spawn.env_remove(name));
        let spawn = QUIET.iter().fold(spawn, |spawn, (name, value)| spawn.env(name, value));
        spawn.max_line_bytes(MAX_OUTPUT_BYTES).start(&self.git.tasks, &self.git.closing)
    }
}

/// Takes everything git prints until its end.
async fn listen(child: &mut Child, what: &str, dir: &Path) -> Result<Said, Problem> {
    let too_much =
        || Problem::TooMuch { what: what.to_owned(), limit: MAX_OUTPUT_BYTES, dir: dir.to_owned() };
    let mut stdout = Vec::new();
    loop {
        match child.stdout.next_batch().await {
            Ok(Some(batch)) => {
                for line in batch.lines() {
                    stdout.extend_from_slice(line);
                    stdout.push(b'\n');
                }
            }
            Ok(None) => break,
            Err(StdioError::LineTooLong { .. }) => return Err(too_much()),
            Err(error) => return Err(explain(error, what, dir)),
        }
        if stdout.len() > MAX_OUTPUT_BYTES {
            return Err(too_much());
        }
    }
    let exit = child.process.wait().await;
    Ok(Said { what: what.to_owned(), exit, stdout, stderr: child.stderr.text() })
}

fn explain(error: StdioError, what: &str, dir: &Path) -> Problem {
    match error {
        StdioError::NoProgram { .. } => Problem::NoGit,
        StdioError::NoDirectory { dir, .. } => {
            Problem::NoDirectory { path: dir, why: "it is not there".to_owned() }
        }
        StdioError::Start { source, .. } | StdioError::Read(source) => {
            Problem::Git { what: what.to_owned(), said: source.to_string(), dir: dir.to_owned() }
        }
        other => Problem::Git { what: what.to_owned(), said: other.to_string(), dir: dir.to_owned() },
    }
}
