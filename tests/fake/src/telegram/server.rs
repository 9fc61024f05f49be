//! The server itself, as a test holds it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use super::calls::Shared;
use super::chats::{Kind, Role};
use super::clock;
use super::faults::Injection;
use super::http::{self, Counter};
use super::log::Log;
use super::methods;
use super::params::Refusal;
use super::people::{Pressed, Said, Say};
use super::view::{self, Answer, Shown};
use super::wire::{Scissors, Wires};
use super::world::World;

/// The token of the bot, which has the id 111 and the name `takopi_test_bot`.
pub const TOKEN: &str = "111:AAA-test-token";

const BOT: i64 = 111;

/// How long anything that is waited for may take; nothing here takes that long on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A Telegram on loopback, for as long as this value lives. It needs no async around it.
#[derive(Debug)]
pub struct TelegramServer {
    shared: Arc<Shared>,
    address: SocketAddr,
    patience: Duration,
    #[expect(dead_code, reason = "the server runs on it, and ends when it is dropped")]
    runtime: Runtime,
}

/// Starting, and what was called.
impl TelegramServer {
    /// Starts a server on a free port of 127.0.0.1, with nobody there yet.
    ///
    /// # Errors
    /// When there is no port or no thread to be had.
    pub fn start() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(World::new(BOT)));
        let counter = Counter { shared: shared.clone(), token: TOKEN.into() };
        let routes = Router::new().fallback(http::serve).with_state(counter);
        let service = routes.into_make_service_with_connect_info::<Scissors>();
        let served = axum::serve(Wires(listener), service);
        // It ends with the runtime, and that with this value.
        runtime.spawn(async move { served.await });
        Ok(Self { shared, address, patience: PATIENCE, runtime })
    }

    /// Waits this long and not a minute in [`wait_for`](Self::wait_for) and [`wait_in`](Self::wait_in).
    #[must_use]
    pub fn patient_for(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Returns where it listens, as `http://127.0.0.1:PORT`: what `transports.telegram.api_url` takes.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns what happened so far.
    #[must_use]
    pub fn log(&self) -> Log {
        self.shared.read().log.clone()
    }

    /// Reads the log as it is now, without a copy of it.
    pub fn look<T>(&self, look: impl FnOnce(&Log) -> T) -> T {
        look(&self.shared.read().log)
    }

    /// Waits until `look` finds in the log what it wants.
    ///
    /// # Panics
    /// With `what` and the whole log, when it doesn't come about.
    #[track_caller]
    pub fn wait_for<T>(&self, what: &str, look: impl Fn(&Log) -> Option<T>) -> T {
        self.wait(what, |world| look(&world.log))
    }

    /// Waits until `look` finds among the messages of a chat what it wants.
    ///
    /// # Panics
    /// With `what` and the whole log, when it doesn't come about.
    #[track_caller]
    pub fn wait_in<T>(&self, chat: i64, what: &str, look: impl Fn(&[Shown]) -> Option<T>) -> T {
        self.wait(what, |world| look(&view::messages(world.chats.get(&chat)?, &world.files)))
    }

    #[track_caller]
    fn wait<T>(&self, what: &str, look: impl Fn(&World) -> Option<T>) -> T {
        let found = self.shared.wait(self.patience, look);
        found.unwrap_or_else(|| panic!("waited in vain for {what}; there is:\n{}", self.log()))
    }

    #[track_caller]
    fn must<T>(&self, what: &str, change: impl FnOnce(&mut World) -> Option<T>) -> T {
        self.shared.change(change).unwrap_or_else(|| panic!("{what}; there is:\n{}", self.log()))
    }
}

/// People and chats.
impl TelegramServer {
    /// Names a user; without it a user 7 is "Person 7" and `person7`.
    pub fn user(&self, id: i64, first_name: &str, username: &str) {
        let user =
            serde_json::json!({"id": id, "is_bot": false, "first_name": first_name, "username": username});
        self.shared.change(|world| world.users.insert(id, user));
    }

    /// Adds the private chat of a user, which has the user's id.
    pub fn private(&self, user: i64) {
        self.shared.change(|world| world.befriend(user));
    }

    /// Adds a small group; the ids of groups are below zero.
    pub fn group(&self, id: i64, title: &str) {
        self.shared.change(|world| world.add_chat(id, Kind::Group, title));
    }

    /// Adds a supergroup.
    pub fn supergroup(&self, id: i64, title: &str) {
        self.shared.change(|world| world.add_chat(id, Kind::Supergroup, title));
    }

    /// Adds a supergroup with topics.
    pub fn forum(&self, id: i64, title: &str) {
        self.shared.change(|world| world.add_chat(id, Kind::Forum, title));
    }

    /// Makes somebody something in a group.
    ///
    /// # Panics
    /// When there is no such chat.
    #[track_caller]
    pub fn role(&self, chat: i64, user: i64, role: Role) {
        self.must("there is no such chat", |world| {
            world.user(user);
            world.chats.get_mut(&chat).map(|chat| chat.members.insert(user, role))
        });
    }

    /// Makes the bot something in a group; it begins as a member.
    ///
    /// # Panics
    /// When there is no such chat.
    #[track_caller]
    pub fn bot_role(&self, chat: i64, role: Role) {
        self.must("there is no such chat", |world| {
            let bot = world.bot_id;
            world.chats.get_mut(&chat).map(|chat| chat.members.insert(bot, role))
        });
    }

    /// Shuts the bot out: it hears this status and description, such as 403 and "Forbidden: bot was blocked by the
    /// user", whenever it turns to the chat. [`let_in`](Self::let_in) undoes it.
    ///
    /// # Panics
    /// When there is no such chat.
    #[track_caller]
    pub fn shut_out(&self, chat: i64, code: u16, description: &str) {
        let refusal = Refusal::new(code, description);
        self.must("there is no such chat", |world| {
            world.chats.get_mut(&chat).map(|chat| chat.shut = Some(refusal))
        });
    }

    /// Lets the bot in again.
    ///
    /// # Panics
    /// When there is no such chat.
    #[track_caller]
    pub fn let_in(&self, chat: i64) {
        self.must("there is no such chat", |world| world.chats.get_mut(&chat).map(|chat| chat.shut = None));
    }
}

/// What people do.
impl TelegramServer {
    /// Says a plain text and returns the message's id.
    ///
    /// # Panics
    /// When there is no such chat.
    #[track_caller]
    pub fn say(&self, chat: i64, user: i64, text: &str) -> i64 {
        self.send(Say::new(chat, user, text)).message
    }

    /// Sends a message.
    ///
    /// # Panics
    /// When there is no such chat.
    #[track_caller]
    pub fn send(&self, say: Say) -> Said {
        self.must("there is no such chat", |world| world.say(say, clock::now()))
    }

    /// Changes a message that a person wrote, and returns the update that tells of it.
    ///
    /// # Panics
    /// When there is no such message of a person.
    #[track_caller]
    pub fn edit(&self, chat: i64, message: i64, text: &str) -> i64 {
        self.must("there is no such message of a person", |world| {
            world.rewrite(chat, message, text, clock::now())
        })
    }

    /// Deletes a message, which Telegram tells nobody.
    ///
    /// # Panics
    /// When there is no such chat.
    #[track_caller]
    pub fn delete(&self, chat: i64, message: i64) {
        self.must("there is no such chat", |world| {
            world.chats.get_mut(&chat).map(|chat| methods::remove(chat, message, clock::now()))
        });
    }

    /// Presses the button with this label under a message that is there.
    ///
    /// # Panics
    /// When there is no such button.
    #[track_caller]
    pub fn press(&self, chat: i64, message: i64, user: i64, label: &str) -> Pressed {
        let shown = self.shown(chat).into_iter().find(|shown| shown.id == message);
        let buttons = shown.map(|shown| shown.buttons.concat()).unwrap_or_default();
        let data = buttons.iter().find(|button| button.label == label).and_then(|button| button.data.clone());
        let found = format!("there is no button {label:?} under message {message}, only {buttons:?}");
        self.must(&found, |world| world.press(chat, message, user, &data?, clock::now()))
    }

    /// Presses what carries `data`, whether or not there is such a button now: a screen may show an old one, also of a
    /// deleted message.
    ///
    /// # Panics
    /// When there never was such a message.
    #[track_caller]
    pub fn press_data(&self, chat: i64, message: i64, user: i64, data: &str) -> Pressed {
        self.must("there never was such a message", |world| {
            world.press(chat, message, user, data, clock::now())
        })
    }

    /// Opens a topic in a forum and returns its id.
    ///
    /// # Panics
    /// When there is no such chat.
    #[track_caller]
    pub fn open_topic(&self, chat: i64, user: i64, name: &str) -> i64 {
        self.must("there is no such chat", |world| {
            let from = world.user(user);
            let (thread, message) = methods::open_topic(world, chat, Some(from), name, clock::now())?;
            world.updates.push("message", message);
            Some(thread)
        })
    }

    /// Closes a topic: only who manages topics may write there.
    ///
    /// # Panics
    /// When there is no such topic.
    #[track_caller]
    pub fn close_topic(&self, chat: i64, thread: i64) {
        self.must("there is no such topic", |world| {
            world.chats.get_mut(&chat)?.topics.get_mut(&thread).map(|topic| topic.closed = true)
        });
    }

    /// Deletes a topic.
    ///
    /// # Panics
    /// When there is no such topic.
    #[track_caller]
    pub fn delete_topic(&self, chat: i64, thread: i64) {
        self.must("there is no such topic", |world| world.chats.get_mut(&chat)?.topics.remove(&thread));
    }
}

/// What people see.
impl TelegramServer {
    /// Returns the messages of a chat, the oldest first.
    #[must_use]
    pub fn shown(&self, chat: i64) -> Vec<Shown> {
        let world = self.shared.read();
        world.chats.get(&chat).map(|chat| view::messages(chat, &world.files)).unwrap_or_default()
    }

    /// Returns the messages of a chat that were deleted.
    #[must_use]
    pub fn deleted(&self, chat: i64) -> Vec<Shown> {
        let world = self.shared.read();
        let gone = world.chats.get(&chat).into_iter().flat_map(|chat| chat.deleted.values());
        gone.map(|message| Shown::of(message, &world.files)).collect()
    }

    /// Returns the name of a topic that is there.
    #[must_use]
    pub fn topic(&self, chat: i64, thread: i64) -> Option<String> {
        let world = self.shared.read();
        Some(world.chats.get(&chat)?.topics.get(&thread)?.name.clone())
    }

    /// Returns what the bot said to a press.
    #[must_use]
    pub fn answers(&self, pressed: &Pressed) -> Vec<Answer> {
        self.shared.read().presses.get(&pressed.id).cloned().unwrap_or_default()
    }

    /// Returns the menu that everybody sees: commands with what they do.
    #[must_use]
    pub fn menu(&self) -> Vec<(String, String)> {
        let world = self.shared.read();
        let commands = world.menus.get("").and_then(Value::as_array).into_iter().flatten();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        commands.map(|command| (text(&command["command"]), text(&command["description"]))).collect()
    }
}

/// What goes wrong.
impl TelegramServer {
    /// Makes calls fail. Of several injections the one that came first meets a call.
    pub fn inject(&self, injection: Injection) {
        self.shared.change(|world| world.injections.push(injection));
    }

    /// Takes back what was injected and has not met its calls; returns how many injections that are.
    pub fn heal(&self) -> usize {
        self.shared.change(|world| std::mem::take(&mut world.injections).len())
    }

    /// Lets every call that hangs now go on.
    pub fn release(&self) {
        self.shared.release();
    }

    /// Switches Telegram's limits on or off: a private chat takes one message a second (three for a moment), a group
    /// twenty a minute, a bot sends thirty a second. Sends and edits count.
    pub fn limit(&self, on: bool) {
        self.shared.change(|world| world.limits.on = on);
    }

    /// Sends an update once more under its id, confirmed or not.
    ///
    /// # Panics
    /// When there was no such update.
    #[track_caller]
    pub fn redeliver(&self, update: i64) {
        self.must("there was no such update", |world| world.updates.again(update, false));
    }

    /// Sends what an update told once more as a new update, and returns its id.
    ///
    /// # Panics
    /// When there was no such update.
    #[track_caller]
    pub fn repeat(&self, update: i64) -> i64 {
        self.must("there was no such update", |world| world.updates.again(update, true))
    }

    /// Sends an update that no client can read, and returns its id.
    pub fn mumble(&self, chat: i64) -> i64 {
        self.shared.change(|world| world.mumble(chat))
    }

    /// Keeps updates back, so that those which come meanwhile arrive in one batch when it is switched off.
    pub fn hold_updates(&self, on: bool) {
        self.shared.change(|world| world.updates.held = on);
    }

    /// Breaks the connection of the poll that waits now.
    pub fn break_poll(&self) {
        self.shared.change(|world| world.updates.broken_poll = world.updates.newest_poll);
    }
}
