//! A plugin's engine as core's port wants it.
//!
//! `engine/turn.rs` drives a run, `engine/runs.rs` takes what the plugin tells of it, `engine/order.rs` is the rule of what
//! may be told. An engine that is not `shared` has a process of its own for each run, which ends with it.

mod order;
mod runs;
mod turn;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use takopi_core::event::{Outcome, RunEnd};
use takopi_core::port::SetupIssue;
use takopi_core::port::engine::{Choices, Engine, EngineError, EngineSpec, Job, RunOptions, RunWire, Stop};
use takopi_core::session::SessionToken;
use takopi_plugin_protocol::{engine as wire, life::Kind};
use takopi_stdio::rpc::{CallError, Patience, RpcError};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

pub(crate) use runs::Runs;

use crate::discover::is_on_path;
use crate::problem::{Code, Problem};
use crate::process::{Failure, MEND, Plugin, Running, seconds};
use order::Order;
use runs::Line;
use turn::Turn;

/// An engine of a plugin.
pub struct PluginEngine {
    plugin: Arc<Plugin>,
    spec: EngineSpec,
}

impl PluginEngine {
    /// Returns the engine of `plugin` that its manifest names by the id of `spec`; nothing is started.
    #[must_use]
    pub const fn new(plugin: Arc<Plugin>, spec: EngineSpec) -> Self {
        Self { plugin, spec }
    }

    fn is_shared(&self) -> bool {
        let engines = &self.plugin.package().manifest.engines;
        engines.get(self.spec.id.as_str()).is_some_and(|table| table.shared)
    }

    /// Returns a setting of the engine that is a text.
    fn setting(&self, key: &str) -> Option<String> {
        let table = self.plugin.settings().engine.get(self.spec.id.as_str())?;
        table.get(key).and_then(Value::as_str).map(ToOwned::to_owned)
    }

    /// Returns the process for a run, unless the run is stopped before there is one.
    async fn process(&self, job: &Job, wire: &mut RunWire) -> Result<Result<Arc<Running>, Stop>, Problem> {
        let (until, shared) = (CancellationToken::new(), self.is_shared());
        let start = async {
            let running = match shared {
                true => self.plugin.running().await?,
                false => self.plugin.alone(job.run, &until).await?,
            };
            if let Err(problem) =
                self.plugin.admit(&running, Kind::Engine, self.spec.id.as_str(), &until).await
            {
                if !shared {
                    running.kill().await;
                }
                return Err(problem);
            }
            Ok(running)
        };
        tokio::pin!(start);
        let reason = tokio::select! {
            biased;
            reason = wire.stop.wait() => reason,
            running = &mut start => return running.map(Ok),
        };
        if !shared {
            until.cancel();
            // Bounded: a start that is not wanted any more ends by the ladder.
            if let Ok(running) = start.await {
                running.kill().await;
            }
        }
        Ok(Err(reason))
    }

    fn unavailable(&self, problem: &Problem) -> EngineError {
        let table = self.plugin.package().manifest.engines.get(self.spec.id.as_str());
        let install = table.and_then(|table| table.install.clone());
        let hint = match (problem.code, install) {
            (Code::MissingExecutable, Some(install)) => format!("install it: {install}"),
            _ => MEND.to_owned(),
        };
        let plugin = &self.plugin.package().manifest.distribution.name;
        let told = problem.message.strip_suffix(&format!("; {MEND}")).unwrap_or(&problem.message);
        EngineError::Unavailable { problem: format!("{plugin} cannot be used: {told}"), hint }
    }
}

fn ended_by(reason: Stop, session: Option<SessionToken>) -> RunEnd {
    let outcome = if reason == Stop::Cancel { Outcome::Cancelled } else { Outcome::Interrupted };
    RunEnd { session, ..RunEnd::new(outcome, "") }
}

#[async_trait]
impl Engine for PluginEngine {
    async fn run(&self, job: Job, mut wire: RunWire) -> Result<RunEnd, EngineError> {
        if let Some(reason) = wire.stop.get() {
            return Ok(ended_by(reason, job.session));
        }
        let running = match self.process(&job, &mut wire).await {
            Ok(Ok(running)) => running,
            Ok(Err(reason)) => return Ok(ended_by(reason, job.session)),
            Err(problem) => return Err(self.unavailable(&problem)),
        };
        let RunWire { events, ask, steer, stop } = wire;
        let (clock, bounds, shared) = (&self.plugin.parts().clock, self.plugin.bounds(), self.is_shared());
        let line = Line {
            plugin: self.plugin.package().manifest.distribution.name.clone(),
            sink: events,
            ask,
            clock: clock.clone(),
            room: shared.then_some(bounds.room),
            order: Mutex::new(Order::new(job.session.clone())),
            fault: watch::Sender::new(None),
            heard: watch::Sender::new(clock.moment()),
            ended: CancellationToken::new(),
            given_up: CancellationToken::new(),
            dropped: Mutex::new(0),
        };
        let seat = running.switchboard.runs.seat(job.run.to_string(), line);
        let EngineSpec { id, title, features, .. } = &self.spec;
        let turn =
            Turn { running: &running, line: &seat.line, bounds, shared, title, blank_ok: features.blank_ok };
        Ok(turn.drive(id.to_string(), &job, stop, steer).await)
    }

    async fn check(&self) -> Vec<SetupIssue> {
        let manifest = &self.plugin.package().manifest;
        let table = manifest.engines.get(self.spec.id.as_str());
        let (needs, install) =
            table.map_or((&[][..], None), |table| (&table.needs[..], table.install.as_deref()));
        let programs = needs
            .iter()
            .filter(|program| !is_on_path(program))
            .map(|program| SetupIssue::not_on_path(program, install));
        let variables = manifest.process.needs_env.iter().filter(|name| std::env::var_os(name).is_none());
        let variables = variables.map(|name| SetupIssue {
            title: format!("the variable {name} is not set"),
            remedy: vec![format!("set {name} where takopi is started")],
        });
        let quarantined = self.plugin.problem().filter(|problem| problem.code == Code::Quarantined);
        let quarantined =
            quarantined.map(|problem| SetupIssue { title: problem.message, remedy: Vec::new() });
        programs.chain(variables).chain(quarantined).collect()
    }

    fn configured(&self) -> RunOptions {
        RunOptions { model: self.setting("model"), reasoning: self.setting("reasoning") }
    }

    async fn choices(&self, model: Option<&str>) -> Choices {
        if !self.spec.features.options {
            return Choices::default();
        }
        let ask = wire::AskChoices { id: self.spec.id.to_string(), model: model.map(ToOwned::to_owned) };
        let (plugin, patience) = (self.plugin.clone(), self.plugin.bounds().choices);
        // A task of its own: a process that is slow to start is there for the next who asks.
        let asked = self.plugin.parts().tasks.spawn(async move {
            let running = plugin.running().await.map_err(Failure::Unavailable)?;
            running.call(&ask, &Patience::of(patience)).await
        });
        let told = match timeout(patience, asked).await {
            Ok(Ok(told)) => told,
            Ok(Err(error)) => {
                tracing::error!(engine = %self.spec.id, %error, "asking a plugin for its models crashed");
                return Choices::default();
            }
            Err(_) => Err(Failure::Call(CallError::TimedOut { after: patience })),
        };
        match told {
            Ok(wire::Choices { models, levels, .. }) => Choices { models, levels, untold: None },
            Err(Failure::Call(CallError::Refused(error))) if error.code == RpcError::UNKNOWN_METHOD => {
                Choices::default()
            }
            Err(failure) => {
                tracing::info!(engine = %self.spec.id, %failure, "a plugin cannot be asked for its models");
                let untold = match failure {
                    Failure::Call(CallError::TimedOut { after }) => {
                        format!("did not answer within {}", seconds(after))
                    }
                    _ => "could not be asked".to_owned(),
                };
                Choices { untold: Some(untold), ..Choices::default() }
            }
        }
    }

    async fn close(&self, grace: Duration) {
        self.plugin.rest_if_unused(grace).await;
    }
}
