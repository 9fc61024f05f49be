//! `/forget`: what takopi keeps of this chat goes, after it was said what that is and somebody has agreed.

use std::sync::Arc;

use async_trait::async_trait;
use takopi_core::id::NameError;
use takopi_core::message::{Body, Button, ButtonAction};
use takopi_core::port::command::{
    Access, Call, Command, CommandError, CommandHost, CommandReply, CommandSpec,
};
use takopi_core::port::ledger::Remembered;
use tokio_util::sync::CancellationToken;

/// The word that agrees.
const YES: &str = "yes";

/// What is not touched, so that nobody relies on it.
const STAYS: &str = "What is set here stays (`/agent`, `/model`, `/ctx` and the like have a `clear` of their own). The \
                     messages in the chat itself and what agents keep of their sessions are not takopi's: delete \
                     those where they are.";

pub(crate) fn spec() -> Result<CommandSpec, NameError> {
    let spec = crate::spec("forget", "/forget [yes]", "forget what takopi keeps of this chat", Vec::new())?;
    Ok(CommandSpec { access: Access::Manager, ..spec })
}

pub(crate) struct Forget;

#[async_trait]
impl Command for Forget {
    async fn call(
        &self,
        call: Call,
        host: Arc<dyn CommandHost>,
        _stop: CancellationToken,
    ) -> Result<Option<CommandReply>, CommandError> {
        let agreed = match call.words.as_slice() {
            [] => false,
            [word] if word.eq_ignore_ascii_case(YES) => true,
            _ => return Err(CommandError("usage: /forget or /forget yes".to_owned())),
        };
        if let Some(refusal) = crate::refusal(&*host, "what is kept of this chat", "forget").await {
            return Ok(Some(CommandReply::markdown(refusal)));
        }
        let place = crate::scope(&*host);
        if agreed {
            let gone = host.forget().await?;
            let text = match gone.is_nothing() {
                true => format!("nothing was kept of this {place}"),
                false => format!("forgotten: {}", told(&gone)),
            };
            return Ok(Some(CommandReply::markdown(paragraphs([text, left(&gone), STAYS.to_owned()]))));
        }
        let kept = host.remembered().await?;
        if kept.is_nothing() {
            let text = format!("nothing is kept of this {place}");
            return Ok(Some(CommandReply::markdown(paragraphs([text, left(&kept)]))));
        }
        let all = if place == "chat" { ", its topics included" } else { "" };
        let text = format!(
            "takopi keeps of this {place}{all}: {}. `/forget {YES}` forgets it for good; a reply to an older message then \
             begins anew.",
            told(&kept)
        );
        let action = ButtonAction::Command { command: call.command, arguments: YES.to_owned() };
        let button = Button { label: "forget it".to_owned(), action };
        let text = paragraphs([text, left(&kept), STAYS.to_owned()]);
        let body = Body { buttons: vec![vec![button]], ..Body::markdown(text) };
        Ok(Some(CommandReply { body, notify: false }))
    }
}

/// Returns the numbers in words.
fn told(kept: &Remembered) -> String {
    let Remembered { messages, runs, posts, sessions, .. } = kept;
    let all = [
        counted(*messages, "message", "messages"),
        counted(*runs, "run with its answer", "runs with their answers"),
        counted(*posts, "sent message", "sent messages"),
        counted(*sessions, "session", "sessions"),
    ];
    crate::list(all.into_iter().flatten())
}

fn counted(count: u64, one: &str, several: &str) -> Option<String> {
    match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        count => Some(format!("{count} {several}")),
    }
}

/// Says what is not finished, and so stays.
fn left(kept: &Remembered) -> String {
    match kept.unfinished {
        0 => String::new(),
        1 => "1 thing that runs, waits or is on its way stays; write `/forget` again when it is done."
            .to_owned(),
        count => format!(
            "{count} things that run, wait or are on their way stay; write `/forget` again when they are done."
        ),
    }
}

fn paragraphs<const N: usize>(all: [String; N]) -> String {
    let all = all.into_iter().filter(|paragraph| !paragraph.is_empty());
    all.collect::<Vec<_>>().join("\n\n")
}
