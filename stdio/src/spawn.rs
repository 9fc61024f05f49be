//! What to start and how. Starting is [`Spawn::start`]; what comes of it is a [`Child`].
//!
//! The way from a message to its engine's first instruction is measured: nothing here starts a thread, and the standard
//! library may use `posix_spawn`, which it gives up when it has to search a changed `PATH` itself.

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::child::Stderr;
use crate::tail::{LineByLine, OnLine};
use crate::{Child, DEFAULT_MAX_LINE_BYTES, Marker, StderrTail, StdioError};

/// What a child finds on its stdin.
#[derive(Default)]
pub enum Input {
    /// Nothing: the end of the file at once. Some agents wait for ever on an open pipe.
    #[default]
    Closed,
    /// These bytes, written while its output is read, then the end.
    Bytes(Vec<u8>),
    /// What the caller writes to [`Child::stdin`].
    Piped,
}

/// A program to start, with its arguments, directory, environment and bounds. Not `Debug`: these hold secrets.
pub struct Spawn {
    program: OsString,
    args: Vec<OsString>,
    dir: Option<PathBuf>,
    env: Vec<(OsString, Option<OsString>)>,
    env_only: Option<Vec<OsString>>,
    marker: Option<Marker>,
    input: Input,
    max_line_bytes: usize,
    stderr_lines: usize,
    stderr_bytes: usize,
    on_stderr: Option<OnLine>,
}

impl Spawn {
    /// Prepares `program`, a path or a name on the child's `PATH`, with an inherited environment and closed stdin.
    pub fn new(program: impl Into<OsString>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            dir: None,
            env: Vec::new(),
            env_only: None,
            marker: None,
            input: Input::Closed,
            max_line_bytes: DEFAULT_MAX_LINE_BYTES,
            stderr_lines: 64,
            stderr_bytes: 16 << 10,
            on_stderr: None,
        }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Starts in this directory instead of the caller's.
    #[must_use]
    pub fn dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.dir = Some(dir.into());
        self
    }

    /// Sets a variable; the last word on a name counts.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), Some(value.into())));
        self
    }

    /// Takes a variable away.
    #[must_use]
    pub fn env_remove(mut self, name: impl Into<OsString>) -> Self {
        self.env.push((name.into(), None));
        self
    }

    /// Inherits nothing but these variables; what [`Self::env`] sets is added.
    #[must_use]
    pub fn env_only<N: Into<OsString>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.env_only = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Sets a variable by which the child's descendants are found even after they left its tree. Stopping the child
    /// ends everything that carries it, so no other child may have the same.
    #[must_use]
    pub fn marker(mut self, marker: Marker) -> Self {
        self.marker = Some(marker);
        self
    }

    /// Says what the child finds on its stdin.
    #[must_use]
    pub fn stdin(mut self, input: Input) -> Self {
        self.input = input;
        self
    }

    /// Bounds a line of stdout, in bytes (default 64 MiB).
    #[must_use]
    pub fn max_line_bytes(mut self, max: usize) -> Self {
        self.max_line_bytes = max;
        self
    }

    /// Bounds what is kept of stderr (default 64 lines, 16 KiB).
    #[must_use]
    pub fn stderr_tail(mut self, max_lines: usize, max_bytes: usize) -> Self {
        self.stderr_lines = max_lines;
        self.stderr_bytes = max_bytes;
        self
    }

    /// Shows every line of stderr to `on_line` as it is written, without its line end; of a long one the start.
    /// `on_line` must not wait for anything.
    #[must_use]
    pub fn on_stderr(mut self, on_line: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.on_stderr = Some(Box::new(on_line));
        self
    }

    /// Starts the program. Its one task (stdin, stderr, reaping) is spawned on `tasks` and ends with the child, or, when
    /// something the child left running holds its stderr, at `stop`.
    ///
    /// Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`StdioError::NoProgram`], [`StdioError::NoDirectory`], or [`StdioError::Start`] for everything else.
    pub fn start(self, tasks: &TaskTracker, stop: &CancellationToken) -> Result<Child, StdioError> {
        let mut command = self.command()?;
        let started = command.spawn().map_err(|source| self.explain(source))?;
        let tail = StderrTail::new(self.stderr_lines, self.stderr_bytes);
        let stderr = Stderr { tail, lines: self.on_stderr.map(LineByLine::new) };
        let bytes = match self.input {
            Input::Bytes(bytes) => Some(bytes),
            Input::Closed | Input::Piped => None,
        };
        Child::keep(started, bytes, stderr, self.marker, self.max_line_bytes, tasks, stop).map_err(|source| {
            StdioError::Start { program: self.program.to_string_lossy().into_owned(), source }
        })
    }

    fn command(&self) -> Result<Command, StdioError> {
        let mut command = Command::new(self.resolve()?);
        command.args(&self.args).process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.stdin(if matches!(self.input, Input::Closed) { Stdio::null() } else { Stdio::piped() });
        if let Some(dir) = &self.dir {
            command.current_dir(dir);
        }
        if let Some(names) = &self.env_only {
            command.env_clear();
            command.envs(names.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        }
        for (name, value) in &self.env {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.envs(self.marker.iter().map(|marker| (marker.name(), marker.value())));
        Ok(command)
    }

    /// Finds the program on the `PATH` the child will have, where that isn't simply ours.
    fn resolve(&self) -> Result<OsString, StdioError> {
        let has_slash = self.program.as_encoded_bytes().contains(&b'/');
        let changed = self.env.iter().rev().find(|(name, _)| name == "PATH");
        if has_slash || (changed.is_none() && self.env_only.is_none()) {
            return Ok(self.program.clone());
        }
        let inherited = || {
            let inherits = self.env_only.as_ref().is_none_or(|names| names.iter().any(|name| name == "PATH"));
            inherits.then(|| std::env::var_os("PATH")).flatten()
        };
        let path = changed.map_or_else(inherited, |(_, value)| value.clone());
        // What `execvp` searches when there is no `PATH`.
        let path = path.as_deref().unwrap_or(OsStr::new("/bin:/usr/bin"));
        std::env::split_paths(path)
            .map(|dir| dir.join(&self.program))
            .find(|file| is_executable(file))
            .map(PathBuf::into_os_string)
            .ok_or_else(|| StdioError::NoProgram { program: self.program.to_string_lossy().into_owned() })
    }

    fn explain(&self, source: std::io::Error) -> StdioError {
        let program = self.program.to_string_lossy().into_owned();
        if source.kind() != std::io::ErrorKind::NotFound {
            return StdioError::Start { program, source };
        }
        match &self.dir {
            Some(dir) if !dir.is_dir() => StdioError::NoDirectory { program, dir: dir.clone() },
            _ => StdioError::NoProgram { program },
        }
    }
}

/// Returns whether `file` is a file somebody may execute.
#[must_use]
pub fn is_executable(file: &Path) -> bool {
    file.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}
