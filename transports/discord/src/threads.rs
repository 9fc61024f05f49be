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
    /// It is there; who wrote its starter, where that is known.
    Open(Option<String>),
    /// There can be none.
    Never,
}

/// The messages that start threads, as far as they are remembered.
#[derive(Debug, Default)]
pub(crate) struct Starters(Mutex<Shelf>);

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
        if !matches!(shelf.states.get(message), Some(State::Open(_))) {
            shelf.put(message, State::Fresh(Starter { text, author: Some(author.to_owned()) }));
        }
    }

    /// Learns that a thread is there.
    pub(crate) fn opened(&self, thread: &str) {
        let mut shelf = self.shelf();
        let author = match shelf.states.get(thread) {
            Some(State::Fresh(starter)) => starter.author.clone(),
            Some(State::Open(author)) => author.clone(),
            _ => None,
        };
        shelf.put(thread, State::Open(author));
    }

    /// Learns that a thread, or the message that would start it, is gone.
    pub(crate) fn gone(&self, thread: &str) {
        let mut shelf = self.shelf();
        shelf.states.remove(thread);
        shelf.order.retain(|known| known != thread);
    }

    /// Returns where something written to an address goes now: a thread that is not there yet has its channel.
    fn stands_in<'a>(&self, to: &'a Address) -> &'a str {
        let is_fresh = |thread: &String| matches!(self.state(thread), Some(State::Fresh(_) | State::Never));
        match &to.thread {
            Some(thread) if !is_fresh(thread) => thread,
            _ => &to.chat,
        }
    }

    /// Opens the thread of an address if it is known not to be there yet.
    ///
    /// # Errors
    /// [`SendError::Moved`] to the channel where there can be no thread, else by what is known of the outcome.
    pub(crate) async fn ready(&self, api: &Api, to: &Address) -> Result<(), SendError> {
        let Some(thread) = &to.thread else { return Ok(()) };
        match self.state(thread) {
            None | Some(State::Open(_)) => Ok(()),
            Some(State::Never) => Err(SendError::Moved(to.whole_chat())),
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
            Some(State::Fresh(starter)) => starter,
            Some(State::Never) => return Err(SendError::Moved(to.whole_chat())),
            // Somebody deleted it, and means it.
            Some(State::Open(_)) => return Err(SendError::Gone),
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
            Some(State::Fresh(Starter { author, .. }) | State::Open(author @ Some(_))) => author,
            _ => {
                let asked = ask(api, &starter.address.chat, &starter.id).await;
                let author =
                    asked.inspect_err(|error| tracing::info!(%error, "nobody is mentioned")).ok()?.author;
                self.shelf().put(&starter.id, State::Open(author.clone()));
                author
            }
        }
    }

    async fn open(&self, api: &Api, to: &Address, thread: &str, starter: Starter) -> Result<(), SendError> {
        let name = thread_name(&starter.text).unwrap_or_else(|| NAMELESS.to_owned());
        let body = json!({"name": name, "auto_archive_duration": ARCHIVED_AFTER});
        match api.call(Call::post(Route::thread_at(&to.chat, thread), body)).await {
            Ok(_) => {}
            Err(error) if is_there_already(&error) => {}
            Err(error) => return Err(self.failed(opening_error(error, to), thread)),
        }
        self.shelf().put(thread, State::Open(starter.author));
        Ok(())
    }

    /// Remembers that there can be no thread, so that Discord is not asked again for each message.
    fn failed(&self, error: SendError, thread: &str) -> SendError {
        if matches!(error, SendError::Moved(_)) {
            self.shelf().put(thread, State::Never);
        }
        error
    }

    fn state(&self, thread: &str) -> Option<State> {
        self.shelf().states.get(thread).cloned()
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks Discord for a message that starts a thread.
async fn ask(api: &Api, channel: &str, message: &str) -> Result<Starter, CallError> {
    let found = api.call(Call::get(Route::message(channel, message))).await?.body;
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let author = found.get("author").and_then(|author| author.get("id"));
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

/// Shows for ten seconds that the bot is writing there (Discord docs, "Trigger Typing Indicator").
///
/// # Errors
/// [`SendError`]; nothing depends on it.
pub(crate) async fn show_typing(api: &Api, starters: &Starters, to: &Address) -> Result<(), SendError> {
    let channel = starters.stands_in(to);
    let call = Call::new(reqwest::Method::POST, Route::typing(channel));
    let doing = Doing::Writing { in_thread: to.thread.is_some(), files: false };
    api.call(call).await.map(drop).map_err(|error| send_error(error, doing))
}

#[cfg(test)]
mod tests;
