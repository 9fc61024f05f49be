//! Threads: one is opened at the message that starts it, when the first thing is to be said there, and not before.
//! Discord gives it the id of that message, so that its address is known from the start.
//!
//! What is remembered of starters is a convenience: after a restart Discord is asked. What stands in a thread is the
//! desk's business; `threads/name.rs` makes names.

mod name;

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use takopi_core::message::{Address, MessageRef};
use takopi_core::port::transport::SendError;
use tokio::sync::Notify;

use self::name::thread_name;
use crate::api::{Api, Call, CallError};
use crate::failure::{Doing, is_about, is_archived, is_there_already, opening_error, send_error};
use crate::route::Route;

/// Minutes without a message after which Discord puts a thread away: what the Python takopi set.
const ARCHIVED_AFTER: u32 = 1440;

/// The kind of thread that everybody in the channel sees (Discord docs, "Channel Types").
const PUBLIC_THREAD: u8 = 11;

/// What a thread is called whose starter says nothing.
const NAMELESS: &str = "new session";

/// Characters that are remembered of a starter: more than a name takes, for its markup.
const REMEMBERED: usize = 300;

/// Starters that are remembered; the oldest goes first. Some hundred bytes each.
const MANY: usize = 4096;

/// A message that may start a thread.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Starter {
    text: String,
    author: Option<String>,
}

/// What is known of a thread.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// It is not there yet.
    Fresh(Starter),
    /// Its starter was asked for; whether it is there is not known.
    Asked(Starter),
    /// It is there; who wrote its starter, where that is known.
    Open(Option<String>),
    /// There can be none.
    Never,
    /// Somebody deleted it, and means it.
    Gone,
}

/// The messages that start threads, as far as they are remembered.
#[derive(Debug, Default)]
pub(crate) struct Starters {
    shelf: Mutex<Shelf>,
    /// Told of every change.
    changed: Notify,
}

#[derive(Debug, Default)]
struct Shelf {
    /// By the id of the message, which is the thread's.
    states: HashMap<String, State>,
    order: VecDeque<String>,
}

impl Shelf {
    fn put(&mut self, id: &str, state: State) {
        if self.states.insert(id.to_owned(), state).is_none() {
            self.order.push_back(id.to_owned());
        }
        while self.order.len() > MANY {
            if let Some(oldest) = self.order.pop_front() {
                self.states.remove(&oldest);
            }
        }
    }
}

impl Starters {
    /// Learns of a message that starts a thread when something is said there.
    pub(crate) fn expect(&self, message: &str, text: &str, author: &str) {
        let text = text.chars().take(REMEMBERED).collect();
        let mut shelf = self.shelf();
        if !matches!(shelf.states.get(message), Some(State::Open(_) | State::Gone)) {
            shelf.put(message, State::Fresh(Starter { text, author: Some(author.to_owned()) }));
        }
    }

    /// Learns that a thread is there.
    pub(crate) fn opened(&self, thread: &str) {
        let mut shelf = self.shelf();
        let author = match shelf.states.get(thread) {
            Some(State::Fresh(starter) | State::Asked(starter)) => starter.author.clone(),
            Some(State::Open(author)) => author.clone(),
            _ => None,
        };
        shelf.put(thread, State::Open(author));
        drop(shelf);
        self.changed.notify_waiters();
    }

    /// Learns that a thread was deleted: nothing is said there any more.
    pub(crate) fn gone(&self, thread: &str) {
        self.settle(thread, State::Gone);
    }

    /// Learns that a message was deleted: it starts no thread any more. One that is there stays.
    pub(crate) fn starter_gone(&self, message: &str) {
        let mut shelf = self.shelf();
        if matches!(shelf.states.get(message), Some(State::Fresh(_))) {
            shelf.put(message, State::Never);
        }
        drop(shelf);
        self.changed.notify_waiters();
    }

    /// Waits until the thread of an address is there, or it is known that there is none; returns the channel in
    /// which something written to the address stands, `None` for a thread that was deleted. Whoever calls bounds the
    /// wait.
    async fn settled<'a>(&self, to: &'a Address) -> Option<&'a str> {
        let Some(thread) = &to.thread else { return Some(&to.chat) };
        loop {
            let changed = self.changed.notified();
            match self.state(thread) {
                Some(State::Fresh(_)) => changed.await,
                Some(State::Never) => return Some(&to.chat),
                Some(State::Gone) => return None,
                None | Some(State::Open(_) | State::Asked(_)) => return Some(thread),
            }
        }
    }

    /// Opens the thread of an address if it is known not to be there yet.
    ///
    /// # Errors
    /// [`SendError::Moved`] to the channel where there can be no thread, else by what is known of the outcome.
    pub(crate) async fn ready(&self, api: &Api, to: &Address) -> Result<(), SendError> {
        let Some(thread) = &to.thread else { return Ok(()) };
        match self.state(thread) {
            None | Some(State::Open(_) | State::Asked(_)) => Ok(()),
            Some(State::Never) => Err(SendError::Moved(to.whole_chat())),
            Some(State::Gone) => Err(SendError::Gone),
            Some(State::Fresh(starter)) => self.open(api, to, thread, starter).await,
        }
    }

    /// Opens the thread of an address that Discord says is not there. Its starter is asked for if it is forgotten.
    ///
    /// # Errors
    /// As [`Starters::ready`]; [`SendError::Gone`] for a thread that was there.
    pub(crate) async fn make(&self, api: &Api, to: &Address) -> Result<(), SendError> {
        let Some(thread) = &to.thread else { return Err(SendError::Gone) };
        let starter = match self.state(thread) {
            Some(State::Fresh(starter) | State::Asked(starter)) => starter,
            Some(State::Never) => return Err(SendError::Moved(to.whole_chat())),
            Some(State::Open(_) | State::Gone) => return Err(SendError::Gone),
            None => match ask(api, &to.chat, thread).await {
                Ok(starter) => starter,
                Err(error) => return Err(self.failed(opening_error(error, to), thread)),
            },
        };
        self.open(api, to, thread, starter).await
    }

    /// Returns who wrote the message that started a thread; after a restart Discord is asked, once.
    pub(crate) async fn author(&self, api: &Api, starter: &MessageRef) -> Option<String> {
        match self.state(&starter.id) {
            Some(State::Fresh(known) | State::Asked(known)) => return known.author,
            Some(State::Open(Some(author))) => return Some(author),
            _ => {}
        }
        let asked = match ask(api, &starter.address.chat, &starter.id).await {
            Ok(asked) => asked,
            Err(error @ CallError::Refused { .. }) => {
                tracing::info!(%error, "nobody is mentioned");
                Starter::default()
            }
            Err(error) => {
                tracing::info!(%error, "nobody is mentioned");
                return None;
            }
        };
        let author = asked.author.clone();
        let mut shelf = self.shelf();
        let state = match shelf.states.get(&starter.id) {
            None => State::Asked(asked),
            Some(State::Open(_)) => State::Open(author.clone()),
            Some(other) => other.clone(),
        };
        shelf.put(&starter.id, state);
        author
    }

    async fn open(&self, api: &Api, to: &Address, thread: &str, starter: Starter) -> Result<(), SendError> {
        let name = thread_name(&starter.text).unwrap_or_else(|| NAMELESS.to_owned());
        let body = json!({"name": name, "auto_archive_duration": ARCHIVED_AFTER});
        match api.call(Call::post(Route::thread_at(&to.chat, thread), body)).await {
            Ok(_) => {}
            Err(error) if is_there_already(&error) => {}
            Err(error) => return Err(self.failed(opening_error(error, to), thread)),
        }
        self.settle(thread, State::Open(starter.author));
        Ok(())
    }

    /// Remembers that there can be no thread, so that Discord is not asked again for each message.
    fn failed(&self, error: SendError, thread: &str) -> SendError {
        if matches!(error, SendError::Moved(_)) {
            self.settle(thread, State::Never);
        }
        error
    }

    fn settle(&self, thread: &str, state: State) {
        self.shelf().put(thread, state);
        self.changed.notify_waiters();
    }

    fn state(&self, thread: &str) -> Option<State> {
        self.shelf().states.get(thread).cloned()
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks Discord for a message that starts a thread.
async fn ask(api: &Api, channel: &str, message: &str) -> Result<Starter, CallError> {
    let found = api.call(Call::get(Route::message(channel, message))).await?.body;
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    // What a native command was answered with is the bot's, and for whoever gave it.
    let author = found.pointer("/interaction_metadata/user/id").or_else(|| found.pointer("/author/id"));
    Ok(Starter { text: text(found.get("content")), author: Some(text(author)).filter(|id| !id.is_empty()) })
}

/// Opens a thread in a channel without a message, or a post in a forum.
///
/// # Errors
/// [`SendError`] by what is known of the outcome.
pub(crate) async fn create(
    api: &Api,
    starters: &Starters,
    channel: &Address,
    title: &str,
) -> Result<Address, SendError> {
    let name = thread_name(title).unwrap_or_else(|| NAMELESS.to_owned());
    let thread = json!({"name": name, "type": PUBLIC_THREAD, "auto_archive_duration": ARCHIVED_AFTER});
    let opened = match api.call(Call::post(Route::threads(&channel.chat), thread)).await {
        Err(error) if is_about(&error, "message") => {
            let message = json!({"content": name, "allowed_mentions": {"parse": []}});
            let post = json!({"name": name, "message": message, "auto_archive_duration": ARCHIVED_AFTER});
            api.call(Call::post(Route::threads(&channel.chat), post)).await
        }
        outcome => outcome,
    };
    let opened = opened.map_err(|error| send_error(error, Doing::Opening))?.body;
    let id = opened.get("id").and_then(Value::as_str);
    let id = id.ok_or_else(|| SendError::Unknown("the answer names no thread".to_owned()))?;
    starters.opened(id);
    Ok(Address { thread: Some(id.to_owned()), ..channel.clone() })
}

/// Gives a thread a name. Nothing happens where a title has no letters left: the thread keeps its name.
///
/// # Errors
/// [`SendError::Gone`] when there is no such thread any more, else by what is known of the outcome.
pub(crate) async fn rename(api: &Api, thread: &Address, title: &str) -> Result<(), SendError> {
    let id = thread.thread.as_deref().ok_or(SendError::Gone)?;
    let Some(name) = thread_name(title) else { return Ok(()) };
    let outcome = match api.call(Call::patch(Route::channel_name(id), json!({"name": name}))).await {
        Err(error) if is_archived(&error) => {
            api.call(Call::patch(Route::channel_name(id), json!({"name": name, "archived": false}))).await
        }
        outcome => outcome,
    };
    outcome.map(drop).map_err(|error| send_error(error, Doing::Changing))
}

/// Takes a thread out of the archive.
///
/// # Errors
/// [`CallError`]: a closed thread is for those who may manage threads.
pub(crate) async fn reopen(api: &Api, thread: &str) -> Result<(), CallError> {
    api.call(Call::patch(Route::channel(thread), json!({"archived": false}))).await.map(drop)
}

/// Shows for ten seconds that the bot is writing there (Discord docs, "Trigger Typing Indicator"): once the thread is
/// open, as nobody looks for it in the channel.
///
/// # Errors
/// [`SendError`]; nothing depends on it.
pub(crate) async fn show_typing(api: &Api, starters: &Starters, to: &Address) -> Result<(), SendError> {
    let channel = starters.settled(to).await.ok_or(SendError::Gone)?;
    let call = Call::new(reqwest::Method::POST, Route::typing(channel));
    let doing = Doing::Writing { in_thread: to.thread.is_some(), files: false };
    api.call(call).await.map(drop).map_err(|error| send_error(error, doing))
}

#[cfg(test)]
mod tests;
