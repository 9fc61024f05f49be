//! `/new`: the next plain message here begins a new session. Runs that wait or run go on.

use std::sync::Arc;

use async_trait::async_trait;
use takopi_core::id::NameError;
use takopi_core::port::command::{Call, Command, CommandError, CommandHost, CommandReply, CommandSpec};
use tokio_util::sync::CancellationToken;

pub(crate) fn spec() -> Result<CommandSpec, NameError> {
    crate::spec("new", "/new", "start a new session with the next message", Vec::new())
}

pub(crate) struct New;

#[async_trait]
impl Command for New {
    async fn call(
        &self,
        _call: Call,
        host: Arc<dyn CommandHost>,
        _stop: CancellationToken,
    ) -> Result<Option<CommandReply>, CommandError> {
        host.renew().await?;
        let under_way = host.runs(false).await.len();
        let old = match under_way {
            0 => "",
            1 => "; the run of the old one goes on, `/cancel` stops it",
            _ => "; the runs of the old one go on, `/cancel` stops them",
        };
        let text = format!("the next message starts a new session{old}");
        Ok(Some(CommandReply::markdown(text)))
    }
}
