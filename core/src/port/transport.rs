//! The port to chat services: what comes in is accepted durably before it is acknowledged, what goes out
//! is laid out, sent and edited one call at a time. Doors never sleep: the pacer decides when.

mod files;
mod places;
mod topics;

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWrite;
use tokio_util::sync::CancellationToken;

pub use files::{AutoPut, FilePolicy};
pub use places::{PlaceSetting, Trigger};
pub use topics::Topics;

use crate::desk::Inbox;
use crate::gather::Windows;
use crate::id::TransportKind;
use crate::message::{Address, Attachment, Body, Inbound, Message, MessageRef, Sender};
use crate::port::SetupIssue;

/// The most one message may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextLimit {
    /// How many units.
    pub max: usize,
    /// What is counted.
    pub unit: TextUnit,
}

/// What a service counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextUnit {
    /// Unicode scalar values.
    Chars,
    /// UTF-16 code units.
    Utf16,
}

impl TextUnit {
    /// Returns how many units `text` takes.
    #[must_use]
    pub fn count(self, text: &str) -> usize {
        match self {
            Self::Chars => text.chars().count(),
            Self::Utf16 => text.encode_utf16().count(),
        }
    }
}

/// So many calls in any window of that length, or in a burst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Calls.
    pub calls: u32,
    /// The window.
    pub per: Duration,
    /// Whether they may all be made at once, and then one whenever its share of the window has passed: a burst and
    /// what follows it may be twice as many in a window.
    pub bursts: bool,
}

/// What a service allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most one message may hold.
    pub text: TextLimit,
    /// Calls over all chats.
    pub bot: Option<Rate>,
    /// Calls to one chat, unless [`Transport::chat_rate`] knows better.
    pub chat: Option<Rate>,
    /// Shortest time between two edits of one message.
    pub edit_gap: Duration,
}

/// What a transport can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TransportFeatures {
    /// Edits its messages: progress is painted into one. Without it only finals are sent.
    pub edit: bool,
    /// Deletes its messages.
    pub delete: bool,
    /// Shows buttons.
    pub buttons: bool,
    /// Follows runs itself (`Desk::follow`): no progress messages are painted for it.
    pub follows: bool,
    /// A button can open a form for a text: questions that want one get such a button.
    pub forms: bool,
    /// Its people are on this machine: they may say which directory to run in, and the shell is theirs.
    pub caller_dir: bool,
    /// A plain message continues the chat's running conversation instead of starting a session.
    pub conversations: bool,
    /// Leaves the resume lines of conversations out: a plain message continues them anyway.
    pub hides_resume_lines: bool,
    /// Conversations take place in threads of their own, each of which is worked on as its chat is until somebody
    /// says otherwise in it. Chats are bound to projects (`/bind`).
    pub threads: bool,
}

/// What is known of a transport without loading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransportSpec {
    /// Its kind.
    pub kind: TransportKind,
    /// Its name for people.
    pub title: String,
    /// What its service allows.
    pub limits: Limits,
    /// What it can do.
    pub features: TransportFeatures,
}

/// How a message is to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SendOptions {
    /// The message it answers.
    pub reply_to: Option<MessageRef>,
    /// Whether the person's device may make a sound.
    pub notify: bool,
    /// The same for every try of one part: services that know it drop doubles.
    pub nonce: Option<String>,
    /// The id of the person whose message a final answers, where that is known: nobody else need be called.
    pub asked_by: Option<String>,
}

/// A message that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The message.
    pub message: MessageRef,
    /// Calls the service says are left in this chat's window, and when it opens again.
    pub hint: Option<(u32, Duration)>,
}

/// What a rate limit covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryScope {
    /// Everything this bot does.
    Bot,
    /// This chat.
    Chat,
}

/// Why a call to a service failed. Texts never hold secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Too much; nothing was done. Try again after that.
    #[error("rate limited for {after:?}")]
    RetryAfter {
        /// How long.
        after: Duration,
        /// For what.
        scope: RetryScope,
    },
    /// The chat lives elsewhere now.
    #[error("the chat has moved")]
    Moved(Address),
    /// The message or chat is gone.
    #[error("the message or chat is gone")]
    Gone,
    /// The text is too long for this service after all.
    #[error("the text is too long")]
    TooLong,
    /// The service says no, and will again.
    #[error("the service refused: {0}")]
    Denied(String),
    /// It may have arrived.
    #[error("it is unknown whether it arrived: {0}")]
    Unknown(String),
    /// It certainly did not arrive.
    #[error("it did not arrive: {0}")]
    Broken(String),
}

/// Why a transport stopped receiving. Texts never hold secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// It cannot go on as things are: one sentence with what to do. It is not started again.
    #[error("{0}")]
    Fatal(String),
    /// It broke, and is started again after a while.
    #[error("{0}")]
    Broken(String),
}

/// Why a file that came with a message could not be fetched. Texts never hold secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// It has more bytes than were asked for.
    #[error("it is too large")]
    TooLarge,
    /// The service has it no longer, or will not hand it out.
    #[error("failed to fetch file metadata. The service refused: {0}")]
    Denied(String),
    /// The service does not say where it is. It may be had later.
    #[error("failed to fetch file metadata. {0}")]
    Unfound(String),
    /// It did not arrive. It may be had later.
    #[error("failed to download file. {0}")]
    Broken(String),
}

/// Whether somebody is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// Yes.
    Served,
    /// No, and they are told nothing: it is not even written down.
    Silence,
    /// As [`Admission::Silence`], but somebody who sends a pairing code from there is let in by it.
    Stranger,
    /// No, and they are told why.
    Told(String),
    /// Yes, but it came so late that it runs only when its sender says so: they are told this, with a button.
    Late(String),
}

/// A chat service.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Receives until `stop` fires. Acknowledges upstream only what [`Inbox::accept`] has returned for.
    ///
    /// # Errors
    /// [`TransportError::Fatal`] ends this transport, [`TransportError::Broken`] starts it again.
    async fn receive(&self, inbox: Inbox, stop: CancellationToken) -> Result<(), TransportError>;

    /// Returns whether the sender may speak there, by the transport's own settings. From memory.
    fn admits(&self, inbound: &Inbound) -> Admission;

    /// Returns where somebody who was let in by a code is served, for people: `in their private chat`; `None`
    /// where nobody can be let in so. From memory.
    fn pairing(&self) -> Option<String> {
        None
    }

    /// Serves the people of these ids as if the settings named them, from now on and in the place of those it
    /// was told of before.
    fn serve_also(&self, _people: &[String]) {}

    /// Returns whether a message names the bot. From memory.
    fn names_bot(&self, _message: &Message) -> bool {
        false
    }

    /// Returns when a message is for the bot where nobody has set it. From memory.
    fn usual_trigger(&self) -> Trigger {
        Trigger::All
    }

    /// Returns whether a message stands in a conversation that the bot takes part in: where
    /// [`Trigger::Involved`] holds, it is for the bot. From memory.
    fn takes_part(&self, _message: &Message) -> bool {
        false
    }

    /// Returns whether each new thread of a chat that has a project gets a branch of its own. From memory.
    fn branches_threads(&self, _chat: &Address) -> bool {
        false
    }

    /// Learns what is set for its places, from now on and in the place of what it was told before: it need not
    /// write down what is for nobody.
    fn learn_places(&self, _places: &[PlaceSetting]) {}

    /// Returns how often whoever looks on is shown that work goes on there; `None` where a service has no sign
    /// for it.
    fn typing_every(&self) -> Option<Duration> {
        None
    }

    /// Shows for some seconds that work goes on there.
    ///
    /// # Errors
    /// [`SendError`]; nothing depends on it.
    async fn show_typing(&self, _to: &Address) -> Result<(), SendError> {
        Ok(())
    }

    /// Returns whether several people speak in a chat, so that each has a conversation of their own there. From
    /// memory.
    fn shares(&self, _chat: &Address) -> bool {
        false
    }

    /// Returns what the bot is called in messages that name it, without the `@`. From memory.
    fn bot_name(&self) -> Option<String> {
        None
    }

    /// Returns whether somebody may change what holds for everybody in a chat. Asks the service where it has
    /// groups with members who may not.
    ///
    /// # Errors
    /// [`SendError`] when the service does not tell.
    async fn is_manager(&self, _chat: &Address, _sender: &Sender) -> Result<bool, SendError> {
        Ok(true)
    }

    /// Cuts a body into bodies this service takes in one call each. Pure; never empty; no text is lost.
    fn lay_out(&self, body: &Body) -> Vec<Body>;

    /// Returns how long what is said there waits for what belongs with it. From memory.
    fn windows(&self) -> Windows {
        Windows::NONE
    }

    /// Returns the rate of the budget of an address: see [`Self::budget`].
    fn chat_rate(&self, to: &Address) -> Option<Rate>;

    /// Returns the address by which the service counts what is said at an address: its chat, or, where threads have
    /// budgets of their own, the thread. What is counted together is said one after the other.
    fn budget(&self, to: &Address) -> Address {
        to.whole_chat()
    }

    /// Sends one laid-out body as a new message.
    ///
    /// # Errors
    /// [`SendError`] by what is known of the outcome.
    async fn send(&self, to: &Address, part: &Body, options: &SendOptions) -> Result<Sent, SendError>;

    /// Puts a laid-out body in the place of a message. Doing it twice is doing it once.
    ///
    /// # Errors
    /// [`SendError`] by what is known of the outcome.
    async fn edit(&self, message: &MessageRef, part: &Body) -> Result<Sent, SendError>;

    /// Deletes a message. One that is gone already is a success.
    ///
    /// # Errors
    /// [`SendError`] by what is known of the outcome.
    async fn delete(&self, message: &MessageRef) -> Result<(), SendError>;

    /// Returns what its people may do with files; `None` when they are switched off. From memory.
    fn files(&self) -> Option<FilePolicy> {
        None
    }

    /// Fetches a file that came with a message, `max_bytes` of it at most, and writes it `into`. What was
    /// written before an error is of no use. Returns what the service calls the file where it has a name for
    /// it, which may be anything.
    ///
    /// # Errors
    /// [`FetchError`].
    async fn fetch(
        &self,
        _file: &Attachment,
        _max_bytes: u64,
        _into: &mut (dyn AsyncWrite + Send + Unpin),
    ) -> Result<Option<String>, FetchError> {
        Err(FetchError::Denied("files are not sent here".to_owned()))
    }

    /// Returns what the threads of a chat are. From memory.
    fn topics(&self, _chat: &Address) -> Topics {
        Topics::Off("there are no topics here".to_owned())
    }

    /// Opens a thread in a chat and returns where it is.
    ///
    /// # Errors
    /// [`SendError`] by what is known of the outcome.
    async fn create_thread(&self, _chat: &Address, _title: &str) -> Result<Address, SendError> {
        Err(SendError::Denied("there are no topics here".to_owned()))
    }

    /// Gives a thread a title. Doing it twice is doing it once.
    ///
    /// # Errors
    /// [`SendError::Gone`] when the thread is not there any more, else by what is known of the outcome.
    async fn rename_thread(&self, _thread: &Address, _title: &str) -> Result<(), SendError> {
        Err(SendError::Denied("there are no topics here".to_owned()))
    }

    /// Returns what is missing for it to work.
    async fn check(&self) -> Vec<SetupIssue>;

    /// Returns what is in the way while it receives and cannot: whoever asks how the house is, is told so.
    fn trouble(&self) -> Option<String> {
        None
    }

    /// Returns who it is at the service, where it matters: one account cannot edit what another one has sent.
    fn account(&self) -> Option<String> {
        None
    }

    /// Returns what must not be polled twice on this machine, as a fingerprint that tells no secret.
    fn lock_token(&self) -> Option<String> {
        None
    }
}
