//! `/topic`: a topic of its own for a project and branch, opened unless there is one.

use std::sync::Arc;

use async_trait::async_trait;
use takopi_core::id::NameError;
use takopi_core::message::Body;
use takopi_core::port::command::{
    Call, Command, CommandError, CommandHost, CommandReply, CommandSpec, OptionKind,
};
use takopi_core::port::transport::Topics;
use takopi_core::render::code_span;
use takopi_core::route::TOPIC;
use takopi_core::session::Context;
use tokio_util::sync::CancellationToken;

use crate::context;

pub(crate) fn spec() -> Result<CommandSpec, NameError> {
    let project = crate::option("project", OptionKind::Project, "the project; in its own chat not needed");
    let branch = crate::option("branch", OptionKind::Branch, "its branch, as @name");
    crate::spec(TOPIC, "/topic [PROJECT] @BRANCH", "create or bind a topic", vec![project, branch])
}

pub(crate) struct Topic;

#[async_trait]
impl Command for Topic {
    async fn call(
        &self,
        call: Call,
        host: Arc<dyn CommandHost>,
        stop: CancellationToken,
    ) -> Result<Option<CommandReply>, CommandError> {
        if let Topics::Off(why) | Topics::Outside(why) = host.topics() {
            return Ok(Some(CommandReply::markdown(why)));
        }
        let own = host.chat_project();
        let usage = match own {
            Some(_) => "usage: /topic @branch",
            None => "usage: /topic <project> @branch",
        };
        let context = asked(&*host, &crate::words(&call.words), own)
            .map_err(|CommandError(problem)| CommandError(format!("{problem}{usage}")))?;
        let opening = open(&*host, &context);
        match stop.run_until_cancelled(opening).await {
            Some(told) => told.map(|text| Some(CommandReply::markdown(text))),
            None => Err(CommandError("the topic was not opened".to_owned())),
        }
    }
}

/// Returns what the topic is to be about.
///
/// # Errors
/// With what is wrong, as lines above the usage.
fn asked(host: &dyn CommandHost, words: &[&str], own: Option<String>) -> Result<Context, CommandError> {
    if words.is_empty() {
        return Err(CommandError(String::new()));
    }
    let told = |problem: String| CommandError(format!("{problem}\n"));
    let context = context::read(words).and_then(|asked| context::settle(host, asked, own)).map_err(told)?;
    match context.branch {
        Some(_) => Ok(context),
        None => Err(told("branch is required".to_owned())),
    }
}

async fn open(host: &dyn CommandHost, context: &Context) -> Result<String, CommandError> {
    let shown = code_span(&context::written(host, context));
    let exists = || Ok(format!("topic already exists for {shown} in this chat."));
    for topic in host.topics_of(context).await? {
        if host.has_topic(&topic, context).await? {
            return exists();
        }
        host.forget_topic(&topic).await?;
    }
    let topic = match host.open_topic(context).await {
        Ok(Some(topic)) => topic,
        Ok(None) => return exists(),
        Err(CommandError(why)) => return Ok(format!("failed to create topic. {}", code_span(&why))),
    };
    host.say_in(&topic, Body::markdown(format!("topic bound to {shown}"))).await?;
    Ok(format!("created topic {shown}."))
}
