//! The built-in engines. Each is a file; [`known`] and [`specs`] tell of them without starting anything,
//! [`build`] makes one.
//!
//! An engine turns a `Job` into a child process and what that prints into `RunEvent`s. It has never heard of
//! a transport.

mod environment;
pub mod jsonl;
mod output;
mod run;
mod shell;

pub use environment::{CHILD, Environment, RUN};
pub use shell::Shell;

use std::ffi::OsString;
use std::sync::Arc;

use takopi_core::id::{EngineId, InstanceId, NameError};
use takopi_core::port::engine::{Engine, EngineSpec};
use takopi_core::settings::{Diagnostic, KnownEngine, Settings, Standing};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What engines are made of.
#[derive(Debug, Clone)]
pub struct EngineParts {
    /// What children inherit.
    pub environment: Environment,
    /// Where children's keepers are spawned.
    pub tasks: TaskTracker,
    /// Fires when the daemon goes down: children's keepers let go of what is still running on purpose.
    pub stop: CancellationToken,
    /// The user's shell, `$SHELL`.
    pub shell: Option<OsString>,
}

/// Returns what settings may say of the built-in engines. `on_path` tells whether an executable is there.
///
/// # Errors
/// [`NameError`] when an engine's id breaks the rule for ids.
pub fn known(on_path: impl Fn(&str) -> bool) -> Result<Vec<KnownEngine>, NameError> {
    let shell = shell::spec(None)?;
    let installed = shell.executable.as_deref().is_none_or(on_path);
    Ok(vec![KnownEngine::new(&shell, Standing::Late, installed)])
}

/// Returns the specs by the settings, and what is wrong with the engines' tables: an engine whose table has
/// an error is left out. `local` are the instances of the transport that serves this machine's own people.
///
/// # Errors
/// [`NameError`] when an engine's id breaks the rule for ids.
pub fn specs(
    settings: &Settings,
    local: &[InstanceId],
) -> Result<(Vec<EngineSpec>, Vec<Diagnostic>), NameError> {
    let id = shell::spec(None)?.id;
    match settings.engine::<shell::ShellConfig>(&id).usable() {
        Ok((config, warnings)) => {
            let instances = config.transports.unwrap_or_else(|| local.to_vec());
            Ok((vec![shell::spec(Some(instances))?], warnings))
        }
        Err(errors) => Ok((Vec::new(), errors)),
    }
}

/// Makes an engine; `None` when it is none of ours.
#[must_use]
pub fn build(id: &EngineId, parts: &EngineParts) -> Option<Arc<dyn Engine>> {
    match id.as_str() {
        "shell" => Some(Arc::new(Shell::new(
            parts.shell.clone(),
            parts.environment.clone(),
            parts.tasks.clone(),
            parts.stop.clone(),
        ))),
        _ => None,
    }
}
