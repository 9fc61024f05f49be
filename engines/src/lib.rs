//! The built-in engines. Each is a file; [`known`] and [`list`] tell of them without starting anything,
//! [`build`] makes one.
//!
//! An engine turns a `Job` into a child process and what that prints into `RunEvent`s. It has never heard of
//! a transport.

mod agent;
mod claude;
mod codex;
#[cfg(test)]
mod comparison;
mod drift;
mod environment;
pub mod jsonl;
mod opencode;
mod output;
mod pi;
#[cfg(any(test, feature = "testing"))]
mod rehearsal;
mod run;
mod shell;
#[cfg(test)]
mod testing;

pub use drift::{Drift, Drifts, MAX_KINDS, UnknownKinds};
pub use environment::{CHILD, Environment, RUN};
#[cfg(feature = "testing")]
pub use rehearsal::rehearse;
pub use shell::Shell;

use std::ffi::OsString;
use std::sync::Arc;

use takopi_core::id::{EngineId, InstanceId, NameError};
use takopi_core::port::engine::{Engine, EngineSpec};
use takopi_core::settings::{Diagnostic, KnownEngine, Settings, Severity, Standing, has_errors};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use agent::{Agent, OneShot};
use claude::Claude;
use codex::Codex;
use opencode::Opencode;
use pi::Pi;
use shell::ShellConfig;

/// What engines are made of.
#[derive(Debug, Clone)]
pub struct EngineParts {
    /// What children inherit.
    pub environment: Environment,
    /// Where children's keepers are spawned.
    pub tasks: TaskTracker,
    /// Fires when the daemon goes down: children's keepers let go of what is still running on purpose.
    pub stop: CancellationToken,
    /// Where programs are looked for, `$PATH`.
    pub path: Option<OsString>,
    /// The user's shell, `$SHELL`.
    pub shell: Option<OsString>,
    /// Where it is noted what agents print that nobody knows here.
    pub drift: Drifts,
}

/// A built-in engine that is an agent, by what the house needs before there is one.
struct BuiltIn {
    spec: fn() -> Result<EngineSpec, NameError>,
    mistakes: fn(&Settings, &EngineId) -> Vec<Diagnostic>,
    build: fn(&EngineSpec, &Settings, &EngineParts) -> Arc<dyn Engine>,
    #[cfg(feature = "testing")]
    rehearse: fn(&[u8], Option<takopi_core::session::SessionToken>),
}

impl BuiltIn {
    const fn agent<A: Agent>() -> Self {
        Self {
            spec: A::spec,
            mistakes: |settings, id| settings.engine::<A::Config>(id).diagnostics,
            build: |spec, settings, parts| {
                let agent = A::new(settings.engine::<A::Config>(&spec.id).value);
                Arc::new(OneShot::new(agent, spec.clone(), parts))
            },
            #[cfg(feature = "testing")]
            rehearse: rehearsal::of::<A>,
        }
    }
}

/// The agents. A new one is a file and a line here.
const AGENTS: [BuiltIn; 4] = [
    BuiltIn::agent::<Codex>(),
    BuiltIn::agent::<Claude>(),
    BuiltIn::agent::<Opencode>(),
    BuiltIn::agent::<Pi>(),
];

/// Returns what settings may say of the built-in engines. `on_path` tells whether an executable is there.
///
/// # Errors
/// [`NameError`] when an engine's id breaks the rule for ids.
pub fn known(on_path: impl Fn(&str) -> bool) -> Result<Vec<KnownEngine>, NameError> {
    let known = |spec: &EngineSpec, standing| {
        KnownEngine::new(spec, standing, spec.executable.as_deref().is_none_or(&on_path))
    };
    let agents = AGENTS.iter().map(|agent| Ok(known(&(agent.spec)()?, Standing::BuiltIn)));
    agents.chain([Ok(known(&shell::spec(None)?, Standing::Late))]).collect()
}

/// An engine as the settings have it.
#[derive(Debug, Clone)]
pub struct Listed {
    /// What is known of it, whatever is wrong with its table: it is asked for by name, and its sessions are
    /// its own, all the same.
    pub spec: EngineSpec,
    /// What is wrong with its table. An error disables this engine alone.
    pub told: Vec<Diagnostic>,
}

impl Listed {
    /// Returns whether it can be made.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        !has_errors(&self.told)
    }
}

/// Returns the engines by the settings. `local` are the instances of the transport that serves this machine's
/// own people.
///
/// # Errors
/// [`NameError`] when an engine's id breaks the rule for ids.
pub fn list(settings: &Settings, local: &[InstanceId]) -> Result<Vec<Listed>, NameError> {
    let listed = AGENTS.iter().map(|agent| {
        let spec = (agent.spec)()?;
        let told = (agent.mistakes)(settings, &spec.id);
        Ok(Listed { spec, told })
    });
    let shell = || {
        let reading = settings.engine::<ShellConfig>(&shell::spec(None)?.id);
        let instances = reading.value.transports.unwrap_or_else(|| local.to_vec());
        Ok(Listed { spec: shell::spec(Some(instances))?, told: reading.diagnostics })
    };
    listed.chain(std::iter::once_with(shell)).collect()
}

/// Why an engine was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// It is none of ours.
    #[error("{0} is no built-in engine")]
    Unknown(EngineId),
    /// Its table cannot be used: the mistakes, without the warnings.
    #[error("{}", told(.0))]
    Table(Vec<Diagnostic>),
}

fn told(mistakes: &[Diagnostic]) -> String {
    let lines = mistakes.iter().map(|mistake| format!("{}; {}", mistake.finding(), mistake.remedy));
    lines.collect::<Vec<_>>().join("\n")
}

/// Makes an engine by the settings.
///
/// # Errors
/// [`BuildError`], by variant.
pub fn build(
    spec: &EngineSpec,
    settings: &Settings,
    parts: &EngineParts,
) -> Result<Arc<dyn Engine>, BuildError> {
    let is_meant = |agent: &&BuiltIn| (agent.spec)().is_ok_and(|known| known.id == spec.id);
    let sound = |mistakes: Vec<Diagnostic>| {
        let errors = mistakes.into_iter().filter(|mistake| mistake.severity == Severity::Error);
        let errors: Vec<_> = errors.collect();
        if errors.is_empty() { Ok(()) } else { Err(BuildError::Table(errors)) }
    };
    if let Some(agent) = AGENTS.iter().find(is_meant) {
        sound((agent.mistakes)(settings, &spec.id))?;
        return Ok((agent.build)(spec, settings, parts));
    }
    if spec.id.as_str() != shell::ID {
        return Err(BuildError::Unknown(spec.id.clone()));
    }
    sound(settings.engine::<ShellConfig>(&spec.id).diagnostics)?;
    let EngineParts { environment, tasks, stop, shell, .. } = parts.clone();
    Ok(Arc::new(Shell::new(shell, environment, tasks, stop)))
}

#[cfg(test)]
mod tests;
