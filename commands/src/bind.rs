//! `/bind` and `/unbind`: say what a whole chat is about, where conversations take place in threads of their own. Said
//! in a thread they mean its chat all the same: `/ctx` and `/agent` are for the thread.

use std::sync::Arc;

use async_trait::async_trait;
use takopi_core::id::{EngineId, NameError};
use takopi_core::port::command::{
    Access, Call, Command, CommandError, CommandHost, CommandReply, CommandSpec, OptionKind,
};
use takopi_core::port::ledger::PreferenceKey;
use takopi_core::render::{code_span, shorten};
use takopi_core::route::{THREADED, format_binding};
use takopi_core::session::Context;
use tokio_util::sync::CancellationToken;

use crate::context;

const USAGE: &str = "usage: /bind <project> [@branch] [engine]";

/// What only those who manage the chat may change.
const WHAT: &str = "the project of a chat";
const RIGHT: &str = "project";

pub(crate) fn spec() -> Result<CommandSpec, NameError> {
    let [bind, _] = THREADED;
    let project = crate::option("project", OptionKind::Project, "the project");
    let branch = crate::option("branch", OptionKind::Branch, "the branch its threads begin on, as @name");
    let engine = crate::option("engine", OptionKind::Engine, "the engine that answers in it");
    let options = vec![project, branch, engine];
    let spec =
        crate::spec(bind, "/bind PROJECT [@BRANCH] [ENGINE]", "set the project of this chat", options)?;
    Ok(CommandSpec { access: Access::Manager, ..spec })
}

pub(crate) fn unbind_spec() -> Result<CommandSpec, NameError> {
    let [_, unbind] = THREADED;
    let spec = crate::spec(unbind, "/unbind", "clear project and settings of this chat", Vec::new())?;
    Ok(CommandSpec { access: Access::Manager, ..spec })
}

pub(crate) struct Bind;

#[async_trait]
impl Command for Bind {
    async fn call(
        &self,
        call: Call,
        host: Arc<dyn CommandHost>,
        _stop: CancellationToken,
    ) -> Result<Option<CommandReply>, CommandError> {
        if let Some(refusal) = crate::refusal(&*host, WHAT, RIGHT).await {
            return Ok(Some(CommandReply::markdown(refusal)));
        }
        let words = crate::words(&call.words);
        let Asked { context, engine, issue } = asked(&*host, &words).await?;
        host.prefer_in_chat(PreferenceKey::Context, None, Some(&format_binding(&context))).await?;
        let mut text = format!("chat bound to {}", code_span(&context::written(&*host, &context)));
        if let Some(id) = engine {
            host.prefer_in_chat(PreferenceKey::Engine, None, Some(id.as_str())).await?;
            text = format!("{text}, answered by `{id}`");
        }
        if let Some(issue) = issue {
            text = format!("{text}, but it cannot run yet: {}", shorten(&issue, 200));
        }
        Ok(Some(CommandReply::markdown(text)))
    }
}

/// What a chat is to be bound to.
struct Asked {
    context: Context,
    engine: Option<EngineId>,
    /// Why that engine cannot be used now.
    issue: Option<String>,
}

async fn asked(host: &dyn CommandHost, words: &[&str]) -> Result<Asked, CommandError> {
    let told = |problem: String| CommandError(format!("{problem}\n{USAGE}"));
    let (place, engine) = match words {
        [] => return Err(CommandError(USAGE.to_owned())),
        [project, branch] if branch.starts_with('@') => (&[*project, *branch][..], None),
        [project, branch, engine] if branch.starts_with('@') => (&[*project, *branch][..], Some(*engine)),
        [project, engine] => (&[*project][..], Some(*engine)),
        place => (place, None),
    };
    let read = context::read(place).map_err(told)?;
    let context = context::settle(host, read, host.chat_project()).map_err(told)?;
    let Some(engine) = engine else { return Ok(Asked { context, engine: None, issue: None }) };
    // A phone's keyboard begins with a capital.
    let wanted = engine.trim_start_matches('/').to_lowercase();
    let engines = host.engines().await;
    let Some(found) = engines.iter().find(|one| one.id.as_str() == wanted) else {
        let ids = engines.iter().map(|one| one.id.as_str());
        return Err(told(crate::unknown_engine(&wanted, ids)));
    };
    Ok(Asked { context, engine: Some(found.id.clone()), issue: found.issue.clone() })
}

pub(crate) struct Unbind;

#[async_trait]
impl Command for Unbind {
    async fn call(
        &self,
        _call: Call,
        host: Arc<dyn CommandHost>,
        _stop: CancellationToken,
    ) -> Result<Option<CommandReply>, CommandError> {
        if let Some(refusal) = crate::refusal(&*host, WHAT, RIGHT).await {
            return Ok(Some(CommandReply::markdown(refusal)));
        }
        let rows = host.preferences().await?;
        let of_chat: Vec<_> = rows.into_iter().filter(|row| row.scope.thread.is_none()).collect();
        if of_chat.is_empty() {
            return Ok(Some(CommandReply::markdown("nothing is set for this chat.")));
        }
        for row in of_chat {
            host.prefer_in_chat(row.key, row.engine.as_ref(), None).await?;
        }
        Ok(Some(CommandReply::markdown(
            "chat unbound; its engine, models, levels and trigger are cleared too.",
        )))
    }
}
