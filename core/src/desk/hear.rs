//! Hearing: what is said in a voice note becomes part of its message's text, in a task of its own, so that
//! nobody's intake waits for it. The message keeps its place in `gather.rs` meanwhile; the clerk is told the
//! outcome by [`Memo::Heard`].

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::clerk::Memo;
use super::{Instance, Shared};
use crate::id::InstanceId;
use crate::message::{Attachment, Body, Message};
use crate::port::Transcriber;
use crate::port::ledger::InboxId;
use crate::port::transport::FetchError;
use crate::speech;

/// Voice notes that are heard at once; each may hold `voice_max_bytes` in memory.
const AT_ONCE: usize = 4;

/// How long a voice note may take to be fetched: 20 MB, the most the Bot API hands out, over a slow line.
const FETCH_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a transcriber may take with all its tries: more than any that keeps its promise.
const TRANSCRIBE_TIMEOUT: Duration = Duration::from_secs(600);

/// Who hears at which instance, and whose turn it is.
pub(super) struct Ears {
    transcribers: RwLock<HashMap<InstanceId, Arc<dyn Transcriber>>>,
    turns: Semaphore,
}

impl Default for Ears {
    fn default() -> Self {
        Self { transcribers: RwLock::default(), turns: Semaphore::new(AT_ONCE) }
    }
}

impl Ears {
    pub(super) fn set(&self, instance: &InstanceId, transcriber: Option<Arc<dyn Transcriber>>) {
        let mut transcribers = self.transcribers.write().unwrap_or_else(PoisonError::into_inner);
        match transcriber {
            Some(transcriber) => transcribers.insert(instance.clone(), transcriber),
            None => transcribers.remove(instance),
        };
    }

    fn at(&self, instance: &InstanceId) -> Option<Arc<dyn Transcriber>> {
        self.transcribers.read().unwrap_or_else(PoisonError::into_inner).get(instance).cloned()
    }
}

/// Hears a message's voice note and tells the clerk. At closing time the message stays accepted, and is heard
/// at the next start.
pub(super) async fn hear(desk: Arc<Shared>, instance: Arc<Instance>, inbox: InboxId, message: Message) {
    let Some(note) = speech::unheard(&message).cloned() else { return };
    let id = message.message.address.instance.clone();
    // In a task of its own, so that its panic is only its own.
    let mut listening = desk.work.spawn(listen(desk.clone(), instance, id, note));
    let heard = tokio::select! {
        heard = &mut listening => heard.unwrap_or_else(|panic| {
            tracing::error!(inbox = inbox.0, %panic, "hearing a voice note crashed");
            Err(Box::new(Body::plain("error: transcribing the voice message crashed inside takopi")))
        }),
        () = desk.closing.cancelled() => return listening.abort(),
    };
    if heard.is_err() {
        // Its text may repeat what a service said of its content.
        tracing::info!(inbox = inbox.0, "a voice note was not transcribed");
    }
    if desk.mailbox.send(Memo::Heard { inbox, message: message.message, said: heard }).await.is_err() {
        tracing::debug!(inbox = inbox.0, "heard after closing time");
    }
}

/// Returns what is said in a voice note, or what its sender is told instead.
async fn listen(
    desk: Arc<Shared>,
    instance: Arc<Instance>,
    id: InstanceId,
    note: Attachment,
) -> Result<String, Box<Body>> {
    let transcriber = desk.ears.at(&id).ok_or_else(|| switched_off(&id))?;
    let closing = |_| Box::new(Body::plain("error: takopi is closing"));
    let _turn = desk.ears.turns.acquire().await.map_err(closing)?;
    let max_bytes = transcriber.max_bytes();
    if note.bytes.is_some_and(|bytes| bytes > max_bytes) {
        return Err(too_large());
    }
    let mut audio = Vec::new();
    let fetched = tokio::select! {
        fetched = instance.transport.fetch(&note, max_bytes, &mut audio) => fetched,
        () = desk.clock.sleep_until(desk.now() + FETCH_TIMEOUT) => {
            Err(FetchError::Broken("no answer in time".to_owned()))
        }
    };
    fetched.map_err(|error| match error {
        FetchError::TooLarge => too_large(),
        FetchError::Denied(why) | FetchError::Unfound(why) => {
            Box::new(Body::plain(format!("failed to fetch voice file. {why}")))
        }
        FetchError::Broken(why) => Box::new(Body::plain(format!("failed to download voice file. {why}"))),
    })?;
    let said = tokio::select! {
        said = transcriber.transcribe(audio, &desk.closing) => said.map_err(|error| error.to_string()),
        () = desk.clock.sleep_until(desk.now() + TRANSCRIBE_TIMEOUT) => {
            Err("transcribing took too long; try again.".to_owned())
        }
    };
    said.map_err(|told| Box::new(Body::plain(told)))
}

fn too_large() -> Box<Body> {
    Box::new(Body::plain("voice message is too large to transcribe."))
}

fn switched_off(instance: &InstanceId) -> Box<Body> {
    Box::new(Body::markdown(format!(
        "voice transcription is disabled. enable it in config:\n\n\
         ```toml\n[transports.{instance}]\nvoice_transcription = true\n```"
    )))
}
