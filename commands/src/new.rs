//! `/new`: the caller's next plain message here begins a new session. Runs that wait or run go on.

use std::sync::Arc;

use async_trait::async_trait;
use takopi_core::id::NameError;
use takopi_core::port::command::{
    Call, Command, CommandError, CommandHost, CommandReply, CommandSpec, Renewed,
};
use takopi_core::port::transport::Topics;
use tokio_util::sync::CancellationToken;

pub(crate) fn spec() -> Result<CommandSpec, NameError> {
    crate::spec("new", "/new", "start a new thread", Vec::new())
}

const STATELESS: &str = "every message starts a new session here; reply to an answer to continue its session";

pub(crate) struct New;

#[async_trait]
impl Command for New {
    async fn call(
        &self,
        _call: Call,
        host: Arc<dyn CommandHost>,
        _stop: CancellationToken,
    ) -> Result<Option<CommandReply>, CommandError> {
        let text = match host.renew().await? {
            Some(renewed) => told(&renewed),
            None => match host.topics() {
                Topics::Off(_) => STATELESS.to_owned(),
                Topics::Outside(why) => why,
                Topics::Here(_) => "this command only works inside a topic.".to_owned(),
            },
        };
        Ok(Some(CommandReply::markdown(text)))
    }
}

fn told(Renewed { scope, under_way }: &Renewed) -> String {
    let whose = match (&scope.person, &scope.address.thread) {
        (Some(_), _) => "you in this chat",
        (None, Some(_)) => "this topic",
        (None, None) => "this chat",
    };
    let old = match under_way {
        0 => "",
        1 => " The run of the old one goes on, `/cancel` stops it.",
        _ => " The runs of the old one go on, `/cancel` stops them.",
    };
    format!("cleared stored sessions for {whose}.{old}")
}
