//! How a command ends: an exit code, and for a failure the text and the hints a person reads.
//!
//! What the rooms report is worded there; this only puts it on stderr in one shape. Exit codes are a promise:
//! 0 done or answered, 1 failed, 2 wrong usage, 130 interrupted.

use std::fmt::{self, Display};
use std::io::{self, Write};
use std::process::ExitCode;

use takopi_core::settings::{Diagnostic, Severity};

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, or answered.
    Done,
    /// Failed; whoever failed has said why.
    Failed,
    /// Stopped with Ctrl-C.
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Done => Self::SUCCESS,
            Exit::Failed => Self::FAILURE,
            Exit::Interrupted => Self::from(130),
        }
    }
}

/// Why a command failed, for the person who typed it.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line is wrong.
    Usage(Box<clap::Error>),
    /// The settings are wrong: every mistake, one line each.
    Settings(Vec<Diagnostic>),
    /// Something else, with what to do about it.
    Told {
        /// What happened.
        text: String,
        /// What to type next, a line each.
        hints: Vec<String>,
    },
    /// Nobody reads our output any more, as in `takopi status | head -1`.
    NobodyReads,
}

impl Failure {
    /// Makes a failure with no hint.
    pub(crate) fn told(text: impl Display) -> Self {
        Self::Told { text: text.to_string(), hints: Vec::new() }
    }

    /// Adds what to type next.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Display) -> Self {
        if let Self::Told { hints, .. } = &mut self {
            hints.push(hint.to_string());
        }
        self
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::told(format_args!("{error:#}"))
    }
}

/// Failing to write what was asked for; that the reader has left is no failure worth a word.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe { Self::NobodyReads } else { Self::told(error) }
    }
}

impl From<clap::Error> for Failure {
    fn from(error: clap::Error) -> Self {
        Self::Usage(Box::new(error))
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(error) => write!(f, "{}", error.render()),
            Self::Settings(diagnostics) => {
                diagnostics.iter().try_for_each(|diagnostic| writeln!(f, "{diagnostic}"))?;
                let errors = diagnostics.iter().filter(|one| one.severity == Severity::Error).count();
                let noun = if errors == 1 { "mistake" } else { "mistakes" };
                writeln!(f, "the settings cannot be used with {errors} {noun}")
            }
            Self::Told { text, hints } => {
                // Diagnostics and refusals of the house say already what they are.
                let text = text.trim_end();
                writeln!(f, "error: {}", text.strip_prefix("error: ").unwrap_or(text))?;
                hints.iter().try_for_each(|hint| writeln!(f, "hint: {hint}"))
            }
            Self::NobodyReads => Ok(()),
        }
    }
}

/// Reports how a command ended and returns its exit code.
pub(crate) fn report(ended: Result<Exit, Failure>) -> ExitCode {
    let failure = match ended {
        Ok(exit) => return exit.into(),
        Err(failure) => failure,
    };
    // `--help` and `--version` come through clap's errors too: those belong on stdout, in colour if it has any.
    if let Failure::Usage(error) = &failure {
        if error.print().is_err() {
            tracing::debug!("nobody reads the usage");
        }
        return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
    }
    if write!(io::stderr().lock(), "{failure}").is_err() {
        tracing::debug!("nobody reads the failure");
    }
    match failure {
        Failure::NobodyReads => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// Writes `text` and a line end to stdout, which is for what the person asked for and nothing else.
///
/// # Errors
/// [`Failure::NobodyReads`] when the reader has left.
pub(crate) fn say(text: impl Display) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}")?;
    Ok(stdout.flush()?)
}

/// Writes `text` and a line end to stderr. A closed stderr is no reason to stop working.
pub(crate) fn remark(text: impl Display) {
    if writeln!(io::stderr().lock(), "{text}").is_err() {
        tracing::debug!("nobody reads stderr");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_what_happened_and_what_to_type_next() {
        let failure = Failure::told("takopi is already running (pid 7)").hint("stop it with `kill 7`");
        assert_eq!(
            failure.to_string(),
            "error: takopi is already running (pid 7)\nhint: stop it with `kill 7`\n"
        );
    }

    #[test]
    fn a_reader_that_left_is_met_with_silence() {
        let failure = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(failure.to_string(), "");
        assert_eq!(report(Err(failure)), ExitCode::SUCCESS);
    }

    #[test]
    fn causes_are_told_in_one_line() {
        let cause = anyhow::anyhow!("no space left on device");
        let failure = Failure::from(cause.context("failed to open the ledger"));
        assert_eq!(failure.to_string(), "error: failed to open the ledger: no space left on device\n");
    }
}
