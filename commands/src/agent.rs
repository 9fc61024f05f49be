//! `/agent`: shows and sets which engine answers plain messages here.

use std::sync::Arc;

use async_trait::async_trait;
use takopi_core::id::NameError;
use takopi_core::port::command::{
    Call, Command, CommandError, CommandHost, CommandReply, CommandSpec, EngineStatus, OptionKind,
};
use takopi_core::port::ledger::{Preference, PreferenceKey};
use takopi_core::render::shorten;
use tokio_util::sync::CancellationToken;

use crate::{LISTED, model, reasoning};

const USAGE: &str = "usage: /agent, /agent set <engine>, or /agent clear";

pub(crate) fn spec() -> Result<CommandSpec, NameError> {
    let engine = crate::option("engine", OptionKind::Engine, "the engine, or clear");
    crate::spec("agent", "/agent [set ENGINE | clear]", "set default engine", vec![engine])
        .map(crate::private)
}

pub(crate) struct Agent;

#[async_trait]
impl Command for Agent {
    async fn call(
        &self,
        call: Call,
        host: Arc<dyn CommandHost>,
        _stop: CancellationToken,
    ) -> Result<Option<CommandReply>, CommandError> {
        let words = crate::words(&call.words);
        let verb = call.words.first().is_some_and(|word| word.eq_ignore_ascii_case("set"));
        if let ([], false) = (words.as_slice(), verb) {
            return Ok(Some(CommandReply::markdown(show(&*host).await?)));
        }
        let [word] = words.as_slice() else { return Err(CommandError(USAGE.to_owned())) };
        if let Some(refusal) = crate::refusal(&*host, "default engines", "engine").await {
            return Ok(Some(CommandReply::markdown(refusal)));
        }
        let scope = crate::scope(&*host);
        let text = if word.eq_ignore_ascii_case("clear") {
            host.prefer(PreferenceKey::Engine, None, None).await?;
            format!("{scope} default engine cleared.")
        } else {
            set(&*host, word, scope).await?
        };
        Ok(Some(CommandReply::markdown(text)))
    }
}

async fn show(host: &dyn CommandHost) -> Result<String, CommandError> {
    let engines = host.engines().await;
    let mut paragraphs = vec![format!("engine: {}", crate::engine_here(host).await)];
    if let Ok((id, _)) = host.default_engine().await {
        paragraphs.push(model::COMMAND.0.line(host, &id).await?);
        paragraphs.push(reasoning::COMMAND.0.line(host, &id).await?);
    }
    let rows = host.preferences().await?;
    let set = |in_thread: bool| {
        let is_meant =
            |row: &&Preference| row.key == PreferenceKey::Engine && row.scope.thread.is_some() == in_thread;
        rows.iter().find(is_meant).map(|row| row.value.clone())
    };
    // A reply to a message that names a project is about that one.
    let here = match host.directed("").await {
        Ok(meant) => meant.context.project,
        // The project it names is gone: then what is bound counts.
        Err(_) => host.context().await?.project,
    };
    let projects = host.projects();
    let project = projects.iter().find(|project| Some(project.alias.to_lowercase()) == here);
    let project = project.and_then(|project| project.default_engine.as_ref()).map(ToString::to_string);
    let global = host.house_engine().map(|id| id.to_string());
    let told = |engine: Option<String>| engine.unwrap_or_else(|| "none".to_owned());
    let [topic, chat, project, global] = [set(true), set(false), project, global].map(told);
    paragraphs.push(format!("defaults: topic: {topic}, chat: {chat}, project: {project}, global: {global}"));
    let more = engines.len().saturating_sub(LISTED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let ids = crate::list(engines.iter().take(LISTED).map(|engine| &engine.id));
    paragraphs.push(format!("available: {}{more}", if ids.is_empty() { "none" } else { &ids }));
    let broken = engines.iter().take(LISTED).filter_map(|EngineStatus { id, issue, .. }| {
        issue.as_ref().map(|issue| format!("- `{id}` cannot run yet: {}", shorten(issue, 80)))
    });
    let broken = broken.collect::<Vec<_>>().join("\n");
    paragraphs.extend(Some(broken).filter(|lines| !lines.is_empty()));
    Ok(paragraphs.join("\n\n"))
}

async fn set(host: &dyn CommandHost, name: &str, scope: &str) -> Result<String, CommandError> {
    // A phone's keyboard begins with a capital.
    let wanted = name.trim_start_matches('/').to_lowercase();
    let engines = host.engines().await;
    let Some(engine) = engines.iter().find(|engine| engine.id.as_str() == wanted) else {
        let ids = engines.iter().map(|engine| engine.id.as_str());
        return Err(CommandError(format!("{}\n{USAGE}", crate::unknown_engine(&wanted, ids))));
    };
    let id = &engine.id;
    host.prefer(PreferenceKey::Engine, None, Some(id.as_str())).await?;
    let text = format!("{scope} default engine set to `{id}`");
    Ok(match &engine.issue {
        None => text,
        Some(issue) => format!("{text}, but it cannot run yet: {}", shorten(issue, 200)),
    })
}
