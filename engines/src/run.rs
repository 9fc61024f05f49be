//! What the runs of all engines have in common: the start of the child, the outcome of a stop, and what was
//! left running on purpose.

use std::error::Error;
use std::path::Path;

use takopi_core::event::Outcome;
use takopi_core::id::RunId;
use takopi_core::port::engine::{EngineError, Stop};
use takopi_stdio::{Marker, StdioError, StopReport, find_marked};

use crate::environment::RUN;

/// Returns why a child that was to work in `dir` could not be started.
pub(crate) fn not_started(error: &StdioError, dir: &Path) -> EngineError {
    if matches!(error, StdioError::NoDirectory { .. }) {
        return EngineError::Unavailable {
            problem: format!("the directory {} is not there", dir.display()),
            hint: "make it, or work somewhere else".to_owned(),
        };
    }
    EngineError::Broken(with_causes(error))
}

/// Returns an error's text with those of its causes.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Returns how a stopped run ended.
pub(crate) fn outcome_of(reason: Stop) -> Outcome {
    match reason {
        Stop::Cancel => Outcome::Cancelled,
        Stop::Shutdown | Stop::Detach => Outcome::Interrupted,
    }
}

/// Logs who outlived a stop: held by the kernel, or another user's.
pub(crate) fn warn_of_survivors(run: RunId, report: &StopReport) {
    for survivor in &report.survivors {
        tracing::warn!(%run, ?survivor, "a process could not be ended");
    }
}

/// Names what a run left running on purpose, such as a server: it stays.
pub(crate) async fn left_running(run: RunId) -> Vec<String> {
    let marker = Marker::new(RUN, run.to_string());
    let found = tokio::task::spawn_blocking(move || find_marked(&marker)).await;
    match found {
        Ok(found) => {
            found.iter().map(|left| format!("{} (pid {})", left.command, left.identity.pid())).collect()
        }
        Err(error) => {
            tracing::error!(%run, %error, "could not look for what a run left running");
            Vec::new()
        }
    }
}
