//! `/help`: what can be typed, from the list of commands itself.

use std::sync::Arc;

use async_trait::async_trait;
use takopi_core::id::NameError;
use takopi_core::port::command::{Call, Command, CommandError, CommandHost, CommandReply, CommandSpec};
use takopi_core::render::code_span;
use tokio_util::sync::CancellationToken;

/// Engines and projects named; who has more knows them.
const LISTED: usize = 12;

pub(crate) fn spec() -> Result<CommandSpec, NameError> {
    crate::spec("help", "/help", "show what can be typed", Vec::new()).map(crate::private)
}

pub(crate) struct Help;

#[async_trait]
impl Command for Help {
    async fn call(
        &self,
        _call: Call,
        host: Arc<dyn CommandHost>,
        _stop: CancellationToken,
    ) -> Result<Option<CommandReply>, CommandError> {
        let commands = host.commands();
        let listed = commands.iter().map(|spec| format!("- `{}` {}", spec.usage, spec.description));
        let mut paragraphs = vec![
            "write what is to be done; reply to an answer to go on from there".to_owned(),
            listed.collect::<Vec<_>>().join("\n"),
        ];
        let engines = host.engines().await;
        if !engines.is_empty() {
            let names = names(engines.iter().map(|engine| engine.id.as_str()));
            paragraphs.push(format!("for one message only, begin it with an engine: {names}"));
        }
        let projects = host.projects();
        if !projects.is_empty() {
            let names = names(projects.iter().map(|project| project.alias.as_str()));
            paragraphs.push(format!("or with a project, and `@BRANCH` after it: {names}"));
        }
        paragraphs.retain(|paragraph| !paragraph.is_empty());
        Ok(Some(CommandReply::markdown(paragraphs.join("\n\n"))))
    }
}

/// Returns the first names as they are typed, and `…` if there are more.
fn names<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let more = if names.len() > LISTED { ", …" } else { "" };
    crate::list(names.take(LISTED).map(|name| code_span(&format!("/{name}")))) + more
}
