//! `/agent`: shows and sets which engine answers plain messages here.

use std::sync::Arc;

use async_trait::async_trait;
use takopi_core::id::NameError;
use takopi_core::port::command::{
    Call, Command, CommandError, CommandHost, CommandReply, CommandSpec, EngineStatus, OptionKind,
};
use takopi_core::port::ledger::PreferenceKey;
use takopi_core::render::shorten;
use tokio_util::sync::CancellationToken;

use crate::LISTED;

pub(crate) fn spec() -> Result<CommandSpec, NameError> {
    let engine = crate::option("engine", OptionKind::Engine, "the engine, or clear");
    crate::spec("agent", "/agent [ENGINE | clear]", "show or set the engine for this chat", vec![engine])
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
        let text = match words.as_slice() {
            [] => show(&*host).await,
            [word] if word.eq_ignore_ascii_case("clear") => {
                host.prefer(PreferenceKey::Engine, None, None).await?;
                format!("cleared; engine here: {}", crate::engine_here(&*host).await)
            }
            [name] => set(&*host, name).await?,
            _ => return Err(CommandError("write /agent ENGINE or /agent clear".to_owned())),
        };
        Ok(Some(CommandReply::markdown(text)))
    }
}

async fn show(host: &dyn CommandHost) -> String {
    let engines = host.engines().await;
    let line = |EngineStatus { id, title, issue, .. }: &EngineStatus| match issue {
        None => format!("- `{id}` {title}"),
        Some(issue) => format!("- `{id}` {title} · {}", shorten(issue, 80)),
    };
    let mut lines: Vec<String> = engines.iter().take(LISTED).map(line).collect();
    if engines.len() > LISTED {
        lines.push(format!("- … and {} more", engines.len() - LISTED));
    }
    let here = format!("engine here: {}", crate::engine_here(host).await);
    if lines.is_empty() {
        return here;
    }
    let hint = "set one with `/agent ENGINE`; for one message only, begin it with `/ENGINE`";
    [here, lines.join("\n"), hint.to_owned()].join("\n\n")
}

async fn set(host: &dyn CommandHost, name: &str) -> Result<String, CommandError> {
    // A phone's keyboard begins with a capital.
    let wanted = name.trim_start_matches('/').to_lowercase();
    let engines = host.engines().await;
    let Some(engine) = engines.iter().find(|engine| engine.id.as_str() == wanted) else {
        let ids = engines.iter().map(|engine| engine.id.as_str());
        return Err(CommandError(crate::unknown_engine(&wanted, ids)));
    };
    let id = &engine.id;
    host.prefer(PreferenceKey::Engine, None, Some(id.as_str())).await?;
    Ok(match &engine.issue {
        None => format!("engine here: `{id}`, for new sessions"),
        Some(issue) => format!("engine here: `{id}`, but it cannot run yet: {}", shorten(issue, 200)),
    })
}
