//! What a plugin says of its settings: asked before something of it is used, until it has had nothing against them once.

use serde_json::{Map, Value};
use takopi_core::text::visible;
use takopi_plugin_protocol::life::{CheckConfig, Issue, Kind, Level};
use takopi_stdio::rpc::{CallError, Patience, RpcError};
use tokio_util::sync::CancellationToken;

use super::{Failure, Plugin, Running, lock};
use crate::problem::{Code, Problem};

impl Plugin {
    /// Makes sure that `running`, a process of this plugin, registered something and can use what it is set to. `until`
    /// takes the question back. A plugin that had nothing against the settings is not asked again: they stay as they are.
    ///
    /// # Errors
    /// [`Code::ProvidesMismatch`]; [`Code::BadConfig`] in the plugin's words; [`Code::StartFailed`] when it does not say.
    pub(crate) async fn admit(
        &self,
        running: &Running,
        kind: Kind,
        id: &str,
        until: &CancellationToken,
    ) -> Result<(), Problem> {
        running.must_provide(kind, id)?;
        if lock(&self.sound).contains(&(kind, id.to_owned())) {
            return Ok(());
        }
        let settings = match kind {
            Kind::Engine => self.settings.engine.get(id),
            Kind::Command => self.settings.command.get(id),
            // Each instance has settings of its own, which its start checks.
            Kind::Transport => return Ok(()),
        };
        let config = settings.and_then(Value::as_object).cloned().unwrap_or_default();
        let patience = Patience::of(self.bounds.reply).until(until.clone());
        running.check_settings(kind, id, config, &patience).await?;
        lock(&self.sound).insert((kind, id.to_owned()));
        Ok(())
    }
}

impl Running {
    /// Has the plugin look at what something of it is set to. One that does not know the method has nothing to say.
    ///
    /// # Errors
    /// [`Code::BadConfig`] in the plugin's words, without what is secret; [`Code::StartFailed`] when it does not say.
    pub async fn check_settings(
        &self,
        kind: Kind,
        id: &str,
        config: Map<String, Value>,
        patience: &Patience,
    ) -> Result<(), Problem> {
        let asked = CheckConfig { kind, id: id.to_owned(), config };
        let told = match self.call(&asked, patience).await {
            Ok(told) => told,
            Err(Failure::Call(CallError::Refused(error))) if error.code == RpcError::UNKNOWN_METHOD => {
                return Ok(());
            }
            Err(failure) => {
                let problem = format!("it does not answer config/check: {failure}");
                return Err(Problem::new(Code::StartFailed, problem));
            }
        };
        let wrong: Vec<String> =
            told.issues.iter().filter(|issue| issue.level == Level::Error).map(words).collect();
        if wrong.is_empty() {
            return Ok(());
        }
        let secrets = crate::secrets::among(&asked.config);
        Err(Problem::new(Code::BadConfig, crate::secrets::hidden(wrong.join("; "), &secrets)))
    }
}

/// Returns an issue as one line.
pub(super) fn words(issue: &Issue) -> String {
    let lines = std::iter::once(&issue.title).chain(&issue.lines);
    lines.map(|line| visible(line).trim().to_owned()).collect::<Vec<_>>().join("; ")
}
