//! `/trigger`: shows and sets whether all messages here are answered, those that address the bot, or those and what
//! is said where it takes part.

use std::sync::Arc;

use async_trait::async_trait;
use takopi_core::id::NameError;
use takopi_core::port::command::{
    Call, Command, CommandError, CommandHost, CommandReply, CommandSpec, OptionKind,
};
use takopi_core::port::ledger::{Preference, PreferenceKey};
use takopi_core::port::transport::Trigger as Mode;
use tokio_util::sync::CancellationToken;

pub(crate) fn spec() -> Result<CommandSpec, NameError> {
    let mode = crate::option("mode", OptionKind::Text, "all, involved, mentions or clear");
    crate::spec("trigger", "/trigger [MODE | clear]", "set trigger mode", vec![mode]).map(crate::private)
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
        let triggers = host.triggers();
        let value = match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            [] => return Ok(Some(CommandReply::markdown(show(&*host).await?))),
            ["clear"] => None,
            // What is usual is kept as well, so that a topic can have it in a chat that has not.
            [word] => match Mode::of_word(word).filter(|mode| triggers.contains(mode)) {
                Some(mode) => Some(mode.word()),
                None => return Err(usage(&triggers)),
            },
            _ => return Err(usage(&triggers)),
        };
        if let Some(refusal) = crate::refusal(&*host, "trigger mode", "trigger").await {
            return Ok(Some(CommandReply::markdown(refusal)));
        }
        host.prefer(PreferenceKey::Trigger, None, value).await?;
        let text = match (value, crate::scope(&*host)) {
            (Some(mode), scope) => format!("{scope} trigger mode set to `{mode}`"),
            (None, "topic") => "topic trigger mode cleared (using chat default).".to_owned(),
            (None, _) => format!("chat trigger mode reset to {}.", usual(&triggers)),
        };
        Ok(Some(CommandReply::markdown(text)))
    }
}

/// Returns the word for what holds where nothing is set.
fn usual(triggers: &[Mode]) -> &'static str {
    triggers.first().copied().unwrap_or_default().word()
}

/// Returns the words for what can be set, in the order of lists.
fn offered(triggers: &[Mode]) -> impl Iterator<Item = &'static str> {
    Mode::EACH.into_iter().filter(|mode| triggers.contains(mode)).map(Mode::word)
}

fn usage(triggers: &[Mode]) -> CommandError {
    let each = offered(triggers).map(|word| format!("/trigger {word}, ")).collect::<String>();
    CommandError(format!("usage: /trigger, {each}or /trigger clear"))
}

async fn show(host: &dyn CommandHost) -> Result<String, CommandError> {
    let triggers = host.triggers();
    let rows = host.preferences().await?;
    let rows: Vec<&Preference> = rows.iter().filter(|row| row.key == PreferenceKey::Trigger).collect();
    let of = |in_thread: bool| rows.iter().find(|row| row.scope.thread.is_some() == in_thread);
    let (topic, chat) = (of(true), of(false));
    let (mode, from) = match (topic, chat) {
        (Some(row), _) => (row.value.as_str(), "topic override"),
        (None, Some(row)) => (row.value.as_str(), "chat default"),
        (None, None) => (usual(&triggers), "default"),
    };
    let told = |row: Option<&&Preference>| row.map_or("none", |row| &row.value).to_owned();
    let defaults = format!("defaults: topic: {}, chat: {}", told(topic), told(chat));
    Ok(format!("trigger: `{mode}` ({from})\n\n{defaults}\n\navailable: {}", crate::list(offered(&triggers))))
}
