//! What people do in their channels, and how the bot hears of it.

use serde_json::{Value, json};

use super::check::list;
use super::files::Attachment;
use super::interactions::{Deed, Kind};
use super::messages::numbered;
use super::objects::{Message, flag, kind};
use super::permissions::bits;
use super::server::{DiscordServer, Place};
use super::threads::Wanted;
use super::view::Seen;
use super::world::World;

/// An interaction that a person began, to look for its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// Its id.
    pub id: u64,
}

/// What a person fills in when they use a command.
#[derive(Debug, Clone, Default)]
pub struct Options {
    values: Vec<(String, Value)>,
    files: Vec<(String, Attachment)>,
}

impl Options {
    /// Returns no options.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Fills in an option; that of a subcommand is written `sub name`.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.values.push((name.to_owned(), value.into()));
        self
    }

    /// Fills in a file.
    #[must_use]
    pub fn file(mut self, name: &str, file: Attachment) -> Self {
        self.files.push((name.to_owned(), file));
        self
    }

    /// Uses a subcommand without options.
    #[must_use]
    pub fn subcommand(self, name: &str) -> Self {
        self.with(name, Value::Null)
    }
}

/// Somebody at a screen. All of it panics, with the whole log, when there is no such thing as the test speaks of.
#[derive(Debug, Clone, Copy)]
pub struct Person<'a> {
    pub(super) server: &'a DiscordServer,
    /// Their id.
    pub id: u64,
}

/// Messages.
impl Person<'_> {
    /// Says something and returns the message's id. `@takopi` in it mentions the bot.
    #[track_caller]
    pub fn says(&self, place: impl Into<Place>, text: &str) -> u64 {
        self.sends(place, text, None, &[])
    }

    /// Answers a message.
    #[track_caller]
    pub fn replies(&self, place: impl Into<Place>, to: u64, text: &str) -> u64 {
        self.sends(place, text, Some(to), &[])
    }

    /// Says something with files, and perhaps as an answer.
    #[track_caller]
    pub fn sends(
        &self,
        place: impl Into<Place>,
        text: &str,
        reply: Option<u64>,
        files: &[Attachment],
    ) -> u64 {
        let channel = self.server.find(place);
        self.server.must("nothing can be said there", |world| world.say(channel, self.id, text, reply, files))
    }

    /// Changes a message of theirs.
    #[track_caller]
    pub fn edits(&self, message: u64, text: &str) {
        self.server.must("there is no such message of theirs", |world| {
            let channel = world.place_of(message)?;
            world.any_message(channel, message).filter(|found| found.author == self.id)?;
            let text = mentioned(text, world.bot);
            world.revise(channel, message, &json!({"content": text}), &[]).ok()
        });
    }

    /// Deletes a message.
    #[track_caller]
    pub fn deletes(&self, message: u64) {
        self.server.must("there is no such message", |world| {
            let channel = world.place_of(message)?;
            world.remove(channel, message)
        });
    }

    /// Reacts to a message.
    #[track_caller]
    pub fn reacts(&self, message: u64, emoji: &str) {
        self.server.must("there is no such message", |world| {
            let channel = world.place_of(message)?;
            world.react(channel, message, self.id, emoji, true)
        });
    }

    /// Opens a thread on a message and returns its id.
    #[track_caller]
    pub fn opens_thread(&self, message: u64, name: &str) -> u64 {
        self.server.must("no thread can be opened there", |world| {
            let parent = world.place_of(message)?;
            let (owner, starter) = (self.id, Some(message));
            let wanted = Wanted { parent, name, owner, private: false, starter, auto_archive: None };
            world.open_thread(&wanted).ok()
        })
    }

    /// Opens a post in a forum and returns its id.
    #[track_caller]
    pub fn posts(&self, forum: impl Into<Place>, name: &str, text: &str) -> u64 {
        let parent = self.server.find(forum);
        self.server.must("no post can be opened there", |world| {
            let owner = self.id;
            let wanted = Wanted { parent, name, owner, private: false, starter: None, auto_archive: None };
            let text = mentioned(text, world.bot);
            let message = world.compose(parent, owner, &json!({"content": text}), &[]).ok()?;
            let thread = world.open_thread(&wanted).ok()?;
            world.keep_first(thread, message);
            Some(thread)
        })
    }
}

/// Commands, buttons and windows.
impl Person<'_> {
    /// Uses a command and waits for its first answer, or until Discord gives it up.
    #[track_caller]
    pub fn uses(&self, place: impl Into<Place>, command: &str, options: Options) -> Seen {
        self.server.wait_ack(self.asks(place, command, options))
    }

    /// Uses a command without waiting.
    #[track_caller]
    pub fn asks(&self, place: impl Into<Place>, command: &str, options: Options) -> Asked {
        self.fill(place.into(), command, options, None)
    }

    /// Types into an option of a command and waits for what is offered.
    #[track_caller]
    pub fn types(&self, place: impl Into<Place>, command: &str, options: Options, focused: &str) -> Seen {
        self.server.wait_ack(self.fill(place.into(), command, options, Some(focused)))
    }

    #[track_caller]
    fn fill(&self, place: Place, command: &str, options: Options, focused: Option<&str>) -> Asked {
        let channel = self.server.find(place);
        let wrong = format!("/{command} can't be used there like this: {options:?}");
        let id = self.server.must(&wrong, |world| world.invoke(channel, self.id, command, options, focused));
        Asked { id }
    }

    /// Uses a command of a message's context menu and waits for its first answer.
    #[track_caller]
    pub fn uses_on(&self, message: u64, command: &str) -> Seen {
        let id = self.server.must(&format!("there is no command {command:?} for that message"), |world| {
            let channel = world.place_of(message)?;
            let registered = world.usable(channel, self.id, command, 3)?;
            let target = world.describe(world.any_message(channel, message)?);
            let data = json!({
                "id": registered["id"], "name": command, "type": 3, "target_id": message.to_string(),
                "guild_id": registered["guild_id"], "resolved": {"messages": {message.to_string(): target}}
            });
            let (kind, user) = (Kind::Command, self.id);
            world.fire(Deed { kind, channel, user, data, message: None })
        });
        self.server.wait_ack(Asked { id })
    }

    /// Clicks the button with this label and waits for what comes of it.
    #[track_caller]
    pub fn clicks(&self, message: u64, label: &str) -> Seen {
        let shown = self.server.message(message);
        let buttons = shown.map(|shown| shown.buttons.concat()).unwrap_or_default();
        let button = buttons.iter().find(|button| button.label == label && !button.disabled);
        let id = button.and_then(|button| button.id.clone());
        let id = id.unwrap_or_else(|| panic!("there is no button {label:?} to click, only {buttons:?}"));
        self.server.wait_ack(self.clicks_id(message, &id))
    }

    /// Clicks what carries this id, whether or not there is such a button now, and doesn't wait.
    #[track_caller]
    pub fn clicks_id(&self, message: u64, id: &str) -> Asked {
        self.component(message, json!({"custom_id": id, "component_type": 2, "id": 2}))
    }

    /// Chooses values in the first menu of a message that has them, and waits for what comes of it.
    #[track_caller]
    pub fn selects(&self, message: u64, values: &[&str]) -> Seen {
        let selects = self.server.message(message).map(|shown| shown.selects).unwrap_or_default();
        let has =
            |value: &&str| selects.iter().any(|select| select.options.iter().any(|(_, one)| one == value));
        let fitting = selects.iter().find(|select| {
            let count = values.len() as u64;
            (select.counts.0..=select.counts.1).contains(&count)
        });
        let Some(select) = fitting.filter(|_| values.iter().all(has)) else {
            panic!("there is no menu for {values:?}, only {selects:?}");
        };
        let data = json!({"custom_id": select.id, "component_type": 3, "id": 2, "values": values});
        self.server.wait_ack(self.component(message, data))
    }

    #[track_caller]
    fn component(&self, message: u64, data: Value) -> Asked {
        let id = self.server.must("there is no such message for them", |world| {
            let channel = world.place_of(message)?;
            let found = world.any_message(channel, message)?;
            found.only_for.is_none_or(|only| only == self.id).then_some(())?;
            let (kind, user, message) = (Kind::Component, self.id, Some(message));
            world.fire(Deed { kind, channel, user, data, message })
        });
        Asked { id }
    }

    /// Sends a window off with these texts, by field, and waits for what comes of it.
    #[track_caller]
    pub fn submits(&self, seen: &Seen, texts: &[(&str, &str)]) -> Seen {
        let id = self.server.must("that opened no window with such fields", |world| {
            let source = world.interactions.get(&seen.id).filter(|source| source.user == self.id)?.clone();
            let modal = source.modal?;
            let shown = seen.modal.as_ref()?;
            let known = |id: &str| shown.fields.iter().any(|field| field.id == id);
            texts.iter().all(|(id, _)| known(id)).then_some(())?;
            let components = numbered(&modal["components"]);
            let components: Value = list(&components).iter().map(|one| filled(one, texts)).collect();
            let data = json!({"custom_id": modal["custom_id"], "components": components});
            let (kind, channel, user, message) = (Kind::Modal, source.channel, self.id, source.message);
            world.fire(Deed { kind, channel, user, data, message })
        });
        self.server.wait_ack(Asked { id })
    }
}

fn filled(component: &Value, texts: &[(&str, &str)]) -> Value {
    let mut kept = json!({"type": component["type"], "id": component["id"]});
    if component["components"].is_array() {
        kept["components"] = list(&component["components"]).iter().map(|one| filled(one, texts)).collect();
    }
    if component["type"] == 4 {
        let id = component["custom_id"].as_str().unwrap_or_default();
        let text = texts.iter().find(|(field, _)| *field == id).map(|(_, text)| *text);
        kept["custom_id"] = id.into();
        kept["value"] = text.or(component["value"].as_str()).unwrap_or_default().into();
    }
    kept
}

/// Writes the bot's mention as clients do.
fn mentioned(text: &str, bot: u64) -> String {
    text.replace("@takopi", &format!("<@{bot}>"))
}

impl World {
    /// Finds where a message stands. The first message of a post has the id of its thread.
    pub(super) fn place_of(&self, message: u64) -> Option<u64> {
        self.messages
            .iter()
            .find(|(_, messages)| messages.contains_key(&message))
            .map(|(&channel, _)| channel)
    }

    /// Puts a person's message into a channel and tells the bot.
    pub(super) fn say(
        &mut self,
        channel: u64,
        user: u64,
        text: &str,
        reply: Option<u64>,
        files: &[Attachment],
    ) -> Option<u64> {
        let place = self.channels.get(&channel)?;
        (![kind::CATEGORY, kind::FORUM].contains(&place.kind)).then_some(())?;
        let mut body = json!({"content": mentioned(text, self.bot)});
        if let Some(reply) = reply {
            body["message_reference"] = json!({"message_id": reply.to_string()});
        }
        let mut message = match text.is_empty() {
            true => Message::new(self.id(), channel, user, self.stamp()),
            false => self.compose(channel, user, &body, &[]).ok()?,
        };
        message.attachments = files.iter().map(|file| self.attach(file)).collect();
        if files.iter().any(|file| file.content_type.starts_with("audio/ogg")) && text.is_empty() {
            message.flags |= flag::VOICE;
        }
        (!text.is_empty() || !files.is_empty()).then_some(())?;
        self.wake(channel);
        Some(self.keep(message))
    }

    /// Finds a command that a person may use in a channel.
    fn usable(&self, channel: u64, user: u64, name: &str, kind: u64) -> Option<Value> {
        let place = self.channels.get(&channel)?;
        let command = self.command(place.guild, name, kind)?;
        let needed = command["default_member_permissions"].as_str().and_then(|bits| bits.parse::<u64>().ok());
        let may = self.may(user, place);
        let allowed = needed.is_none_or(|needed| may & needed == needed);
        (allowed && may & bits::USE_APPLICATION_COMMANDS != 0).then(|| command.clone())
    }

    fn invoke(
        &mut self,
        channel: u64,
        user: u64,
        name: &str,
        options: Options,
        focused: Option<&str>,
    ) -> Option<u64> {
        let command = self.usable(channel, user, name, 1)?;
        let mut resolved = json!({});
        let mut given = options.values;
        for (name, file) in options.files {
            let attached = self.attach(&file);
            resolved["attachments"][attached["id"].as_str()?] = attached.clone();
            given.push((name, attached["id"].clone()));
        }
        let filling = Filling { given: &given, focused };
        given.iter().all(|(name, _)| knows(&command["options"], name)).then_some(())?;
        let mut data = json!({
            "id": command["id"], "name": name, "type": 1, "options": filling.of(&command["options"], "")?
        });
        if !command["guild_id"].is_null() {
            data["guild_id"] = command["guild_id"].clone();
        }
        if resolved != json!({}) {
            data["resolved"] = resolved;
        }
        let kind = if focused.is_some() { Kind::Autocomplete } else { Kind::Command };
        self.fire(Deed { kind, channel, user, data, message: None })
    }
}

/// Tells whether a command has an option, that of a subcommand as `sub name`.
fn knows(options: &Value, path: &str) -> bool {
    let (first, rest) = path.split_once(' ').unwrap_or((path, ""));
    let found = list(options).iter().find(|option| option["name"] == first);
    found.is_some_and(|option| rest.is_empty() || knows(&option["options"], rest))
}

/// What is filled in.
struct Filling<'a> {
    given: &'a [(String, Value)],
    focused: Option<&'a str>,
}

impl Filling<'_> {
    /// Returns the options as the bot gets them; none if they break what the command asks for.
    fn of(&self, specified: &Value, prefix: &str) -> Option<Value> {
        let mut filled = Vec::new();
        for option in list(specified) {
            let name = option["name"].as_str()?;
            let path = format!("{prefix}{name}");
            let value = self.given.iter().find(|(given, _)| *given == path).map(|(_, value)| value);
            if option["type"].as_u64()? <= 2 {
                let inside = format!("{path} ");
                if self.given.iter().any(|(given, _)| *given == path || given.starts_with(&inside)) {
                    let options = self.of(&option["options"], &inside)?;
                    filled.push(json!({"name": name, "type": option["type"], "options": options}));
                }
                continue;
            }
            let Some(value) = value else {
                (option["required"] != true || self.focused.is_some()).then_some(())?;
                continue;
            };
            fits(option, value).then_some(())?;
            let mut one = json!({"name": name, "type": option["type"], "value": value});
            if self.focused == Some(path.as_str()) {
                one["focused"] = true.into();
            }
            filled.push(one);
        }
        Some(filled.into())
    }
}

/// Tells whether a client would let this be filled in.
fn fits(option: &Value, value: &Value) -> bool {
    let choices = list(&option["choices"]);
    let chosen = choices.is_empty() || choices.iter().any(|choice| choice["value"] == *value);
    let long = value.as_str().map_or(0, |text| text.chars().count() as u64);
    let most = option["max_length"].as_u64().unwrap_or(6000);
    let least = option["min_length"].as_u64().unwrap_or_default();
    let sized = !value.is_string() || (least..=most).contains(&long);
    let typed = match option["type"].as_u64() {
        Some(4) => value.is_i64(),
        Some(5) => value.is_boolean(),
        Some(10) => value.is_number(),
        _ => value.is_string(),
    };
    chosen && sized && typed
}
