//! The way in for people on this machine. The page and the control socket speak through it.
//!
//! It owns nothing: messages go to the desk's inbox, what was said is read from the ledger, runs are
//! followed at the desk.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use takopi_core::desk::{AcceptError, Desk, FirstResponse, Follow};
use takopi_core::id::{EngineId, RunId};
use takopi_core::message::{self, ButtonAction, Chosen, Inbound, Message, MessageRef, Sender};
use takopi_core::port::clock::Clock;
use takopi_core::port::command::RunSummary;
use takopi_core::port::ledger::{Conversation, InboxId, Ledger, RunRow, Said};
use takopi_core::route::Decision;
use takopi_core::session::{Context, SessionToken};
use takopi_core::time::Timestamp;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::catalogue::{Catalogue, Menu};
use crate::conversation::ConversationId;
use crate::error::LocalError;
use crate::hub::{Hub, Listener, LocalEvent};
use crate::transport::Local;

/// Longest text of one message, in bytes. A prompt is typed or pasted; a bigger one is a file.
pub(crate) const MAX_TEXT_BYTES: usize = 256 * 1024;

/// Longest identity a client may give, in bytes; a UUID has 36.
const MAX_CLIENT_ID_BYTES: usize = 64;

/// How long a client waits for a house that is still opening its doors.
const OPENING: Duration = Duration::from_secs(5);

/// How long something may take to become durable. A healthy disk takes milliseconds; past this the person
/// is told, and may send the same again: it is taken once.
const ACCEPT: Duration = Duration::from_secs(30);

/// How long git may take to list branches: they are a convenience, and any branch can be typed.
const LISTING: Duration = Duration::from_secs(5);

/// Branches that are listed; the others can be typed.
const MAX_BRANCHES: usize = 500;

const TOO_LONG: LocalError =
    LocalError::Refused("a message holds at most 256 KiB: put it into a file and name that");

/// What the house gives a door.
#[derive(Clone)]
pub struct DoorParts {
    /// Where runs are.
    pub desk: Desk,
    /// Where what was said is.
    pub ledger: Arc<dyn Ledger>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What can be chosen.
    pub catalogue: Arc<dyn Catalogue>,
}

/// A message to be submitted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Submit {
    /// Where; `None` begins a conversation.
    pub conversation: Option<ConversationId>,
    /// What is said.
    pub text: String,
    /// The engine chosen with a control.
    pub engine: Option<EngineId>,
    /// Project and branch chosen with controls. The project is meant whatever its case.
    #[serde(skip_serializing_if = "Context::is_empty")]
    pub context: Context,
    /// The directory to run in when no project is known: the client's own.
    pub dir: Option<PathBuf>,
    /// The client's identity of this message: the same one twice is taken once. Minted when `None`.
    pub client_id: Option<String>,
}

/// A pressed button.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Press {
    /// Where.
    pub conversation: ConversationId,
    /// The message that carries the button.
    pub message: String,
    /// What the button does.
    pub action: ButtonAction,
    /// The client's identity of this press: the same one twice is taken once. Minted when `None`.
    #[serde(default)]
    pub client_id: Option<String>,
}

/// What became of something submitted: it is durable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submitted {
    /// Where.
    pub conversation: ConversationId,
    /// Its identity: [`takopi_core::desk::DeskEvent::Accepted`] names it.
    pub upstream: String,
    /// Something to show for a moment.
    pub toast: Option<String>,
}

/// The door. Clones are the same door.
#[derive(Clone)]
pub struct Door {
    hub: Arc<Hub>,
    parts: DoorParts,
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Door").field("instance", &self.hub.instance).finish_non_exhaustive()
    }
}

impl Door {
    /// Returns the door of `local`.
    #[must_use]
    pub fn new(local: &Local, parts: DoorParts) -> Self {
        Self { hub: local.hub.clone(), parts }
    }

    /// Submits a message. Returns once it is durable. Listen before, to miss nothing of what follows.
    ///
    /// # Errors
    /// [`LocalError::Refused`] for a text that cannot be a message, [`LocalError::NotReceiving`] and
    /// [`LocalError::Accept`] when it was not taken; then the same may be submitted again.
    pub async fn submit(&self, submit: Submit) -> Result<Submitted, LocalError> {
        if submit.text.trim().is_empty() {
            return Err(LocalError::Refused("an empty message has nothing to do: type one"));
        }
        if submit.text.len() > MAX_TEXT_BYTES {
            return Err(TOO_LONG);
        }
        let upstream = identity(submit.client_id.clone())?;
        let conversation = submit.conversation.unwrap_or_else(ConversationId::mint);
        let at = self.parts.clock.now();
        let said = LocalEvent::Said {
            conversation,
            upstream: upstream.clone(),
            text: submit.text.clone(),
            engine: submit.engine.clone(),
            at,
        };
        let message = self.message(conversation, &upstream, at, submit);
        let toast = self.accept(Inbound::Message(message)).await?;
        self.hub.tell(said);
        Ok(Submitted { conversation, upstream, toast })
    }

    /// Returns what would be done about a message if it were submitted now; `None` while nobody is served.
    ///
    /// # Errors
    /// [`LocalError::Refused`] for a text that is too long, [`LocalError::Ledger`].
    pub async fn foresee(&self, submit: Submit) -> Result<Option<Decision>, LocalError> {
        if submit.text.len() > MAX_TEXT_BYTES {
            return Err(TOO_LONG);
        }
        let conversation = submit.conversation.unwrap_or_else(ConversationId::mint);
        let message = self.message(conversation, "", self.parts.clock.now(), submit);
        Ok(self.parts.desk.foresee(&Inbound::Message(message)).await?)
    }

    /// Returns the branches of a project, to be chosen from.
    ///
    /// # Errors
    /// [`LocalError::Branches`] when they could not be listed within five seconds.
    pub async fn branches(&self, project: &str, stop: &CancellationToken) -> Result<Vec<String>, LocalError> {
        let listed = tokio::time::timeout(LISTING, self.parts.catalogue.branches(project, stop)).await;
        let mut branches = match listed {
            Ok(listed) => listed.map_err(|error| LocalError::Branches(error.to_string()))?,
            Err(_) => return Err(LocalError::Branches("git took longer than 5 s".to_owned())),
        };
        branches.truncate(MAX_BRANCHES);
        Ok(branches)
    }

    fn message(&self, at: ConversationId, upstream: &str, sent_at: Timestamp, submit: Submit) -> Message {
        let Context { project, branch } = submit.context;
        let context = Context { project: project.map(|alias| alias.to_lowercase()), branch };
        Message {
            upstream: upstream.to_owned(),
            message: self.message_ref(at, upstream.to_owned()),
            sender: owner(),
            text: submit.text,
            reply_to: None,
            attachments: Vec::new(),
            album: None,
            forwarded: false,
            sent_at,
            chosen: Chosen { engine: submit.engine, context, dir: submit.dir, session: None },
        }
    }

    /// Presses a button. Returns once that is durable.
    ///
    /// # Errors
    /// As [`Door::submit`].
    pub async fn press(&self, press: Press) -> Result<Submitted, LocalError> {
        let upstream = identity(press.client_id)?;
        let inbound = Inbound::Press(message::Press {
            upstream: upstream.clone(),
            message: self.message_ref(press.conversation, press.message),
            sender: owner(),
            action: press.action,
        });
        let toast = self.accept(inbound).await?;
        Ok(Submitted { conversation: press.conversation, upstream, toast })
    }

    async fn accept(&self, inbound: Inbound) -> Result<Option<String>, LocalError> {
        let mut opened = self.hub.inbox();
        let inbox = match tokio::time::timeout(OPENING, opened.wait_for(Option::is_some)).await {
            Ok(Ok(inbox)) => inbox.clone(),
            Ok(Err(_)) | Err(_) => None,
        };
        let inbox = inbox.ok_or(LocalError::NotReceiving)?;
        match tokio::time::timeout(ACCEPT, inbox.accept(inbound)).await {
            Ok(Ok(FirstResponse::Toast(text))) => Ok(Some(text)),
            Ok(Ok(FirstResponse::Ack | FirstResponse::Defer { .. })) => Ok(None),
            Ok(Err(AcceptError::Closing)) | Err(_) => Err(LocalError::NotReceiving),
            Ok(Err(error)) => Err(error.into()),
        }
    }

    /// Stops a run, waiting or running; returns whether there was one. Returns once it is signalled.
    pub fn cancel(&self, run: RunId) -> bool {
        self.parts.desk.cancel(run)
    }

    /// Returns a reader of a run; see [`Desk::follow`].
    #[must_use]
    pub fn follow(&self, run: RunId, from_seq: u64) -> Option<Follow> {
        self.parts.desk.follow(run, from_seq)
    }

    /// Returns whether a run without an end on record is over all the same; see [`Desk::is_lost`].
    pub(crate) fn is_lost(&self, run: RunId) -> bool {
        self.parts.desk.is_lost(run)
    }

    /// Returns the runs that wait or run, oldest first, whichever transport they came from.
    #[must_use]
    pub fn runs(&self) -> Vec<RunSummary> {
        self.parts.desk.runs()
    }

    /// Returns the runs of one conversation that wait or run, oldest first.
    #[must_use]
    pub fn runs_in(&self, conversation: ConversationId) -> Vec<RunSummary> {
        let mut runs = self.runs();
        runs.retain(|run| self.conversation_of(run) == Some(conversation));
        runs
    }

    /// Returns the conversation a run shows in; `None` when it is another transport's.
    #[must_use]
    pub fn conversation_of(&self, run: &RunSummary) -> Option<ConversationId> {
        ConversationId::of(&run.address, &self.hub.instance)
    }

    /// Returns a run, finished ones included.
    ///
    /// # Errors
    /// [`LocalError::Ledger`].
    pub async fn run(&self, run: RunId) -> Result<Option<RunRow>, LocalError> {
        Ok(self.parts.ledger.run(run).await?)
    }

    /// Returns a listener to `conversation`, or to all with `None`, from now on.
    #[must_use]
    pub fn listen(&self, conversation: Option<ConversationId>) -> Listener {
        Listener {
            only: conversation,
            instance: self.hub.instance.clone(),
            said: self.hub.listen(),
            desk: self.parts.desk.watch(),
        }
    }

    /// Returns the conversations, the latest first.
    ///
    /// # Errors
    /// [`LocalError::Ledger`].
    pub async fn conversations(
        &self,
        limit: usize,
    ) -> Result<Vec<(ConversationId, Conversation)>, LocalError> {
        let all = self.parts.ledger.conversations(&self.hub.instance, limit).await?;
        let named = |row: Conversation| Some((ConversationId::of(&row.address, &self.hub.instance)?, row));
        Ok(all.into_iter().filter_map(named).collect())
    }

    /// Returns the last `limit` things said in a conversation before `before`, oldest first.
    ///
    /// # Errors
    /// [`LocalError::Ledger`].
    pub async fn history(
        &self,
        conversation: ConversationId,
        before: Option<InboxId>,
        limit: usize,
    ) -> Result<Vec<Said>, LocalError> {
        let address = conversation.address(&self.hub.instance);
        Ok(self.parts.ledger.history(&address, before, limit).await?)
    }

    /// Returns whether a message is neither dealt with nor part of a run yet: a command may be at work for it.
    ///
    /// # Errors
    /// [`LocalError::Ledger`].
    pub async fn is_pending(&self, inbox: InboxId) -> Result<bool, LocalError> {
        let unfinished = self.parts.ledger.unfinished().await?;
        Ok(unfinished.inbox.iter().any(|pending| pending.id == inbox))
    }

    /// Returns what can be chosen.
    pub async fn menu(&self) -> Menu {
        self.parts.catalogue.menu().await
    }

    /// Returns the line that continues a session, here or in the engine's own program; `None` for an engine
    /// without sessions.
    #[must_use]
    pub fn resume_line(&self, engine: &EngineId, session: &SessionToken) -> Option<String> {
        self.parts.catalogue.resume_line(engine, session)
    }

    pub(crate) fn catalogue(&self) -> &dyn Catalogue {
        &*self.parts.catalogue
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.parts.clock
    }

    fn message_ref(&self, conversation: ConversationId, id: String) -> MessageRef {
        MessageRef { address: conversation.address(&self.hub.instance), id }
    }
}

/// Everyone who gets through this door is the person whose machine it is.
fn owner() -> Sender {
    Sender { id: "owner".to_owned(), name: "you".to_owned(), is_bot: false }
}

fn identity(given: Option<String>) -> Result<String, LocalError> {
    let Some(id) = given else { return Ok(Uuid::new_v4().to_string()) };
    if id.is_empty() || id.len() > MAX_CLIENT_ID_BYTES || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(LocalError::Refused("a client id is 1 to 64 visible ASCII characters"));
    }
    Ok(id)
}
