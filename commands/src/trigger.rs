//! `/trigger`: shows and sets whether all messages here are answered, or those that address the bot.

use std::sync::Arc;

use async_trait::async_trait;
use takopi_core::id::NameError;
use takopi_core::port::command::{
    Call, Command, CommandError, CommandHost, CommandReply, CommandSpec, OptionKind,
};
use takopi_core::port::ledger::{Preference, PreferenceKey};
use takopi_core::route::MENTIONS;
use tokio_util::sync::CancellationToken;

/// The value where every message is answered. It is kept, so that a topic can have it in a chat that has not.
const ALL: &str = "all";

pub(crate) fn spec() -> Result<CommandSpec, NameError> {
    let mode = crate::option("mode", OptionKind::Text, "all, mentions or clear");
    crate::spec("trigger", "/trigger [MODE | clear]", "set trigger mode", vec![mode])
}

pub(crate) struct Trigger;

#[async_trait]
impl Command for Trigger {
    async fn call(
        &self,
        call: Call,
        host: Arc<dyn CommandHost>,
        _stop: CancellationToken,
    ) -> Result<Option<CommandReply>, CommandError> {
        let words: Vec<String> = crate::words(&call.words).into_iter().map(str::to_lowercase).collect();
        let value = match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            [] => return Ok(Some(CommandReply::markdown(show(&*host).await?))),
            [mode @ (ALL | MENTIONS)] => Some(*mode),
            ["clear"] => None,
            _ => {
                let usage = "usage: /trigger, /trigger all, /trigger mentions, or /trigger clear";
                return Err(CommandError(usage.to_owned()));
            }
        };
        if let Some(refusal) = crate::refusal(&*host, "trigger mode", "trigger").await {
            return Ok(Some(CommandReply::markdown(refusal)));
        }
        host.prefer(PreferenceKey::Trigger, None, value).await?;
        let text = match (value, crate::scope(&*host)) {
            (Some(mode), scope) => format!("{scope} trigger mode set to `{mode}`"),
            (None, "topic") => "topic trigger mode cleared (using chat default).".to_owned(),
            (None, _) => "chat trigger mode reset to all.".to_owned(),
        };
        Ok(Some(CommandReply::markdown(text)))
    }
}

async fn show(host: &dyn CommandHost) -> Result<String, CommandError> {
    let rows = host.preferences().await?;
    let rows: Vec<&Preference> = rows.iter().filter(|row| row.key == PreferenceKey::Trigger).collect();
    let of = |in_thread: bool| rows.iter().find(|row| row.scope.thread.is_some() == in_thread);
    let (topic, chat) = (of(true), of(false));
    let (mode, from) = match (topic, chat) {
        (Some(row), _) => (row.value.as_str(), "topic override"),
        (None, Some(row)) => (row.value.as_str(), "chat default"),
        (None, None) => (ALL, "default"),
    };
    let told = |row: Option<&&Preference>| row.map_or("none", |row| &row.value).to_owned();
    let defaults = format!("defaults: topic: {}, chat: {}", told(topic), told(chat));
    Ok(format!("trigger: `{mode}` ({from})\n\n{defaults}\n\navailable: {ALL}, {MENTIONS}"))
}
