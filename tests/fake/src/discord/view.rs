//! A channel as a person sees it, and what became of what they did.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::check::{all, list};
use super::interactions::Interaction;
use super::objects::{Message, flag};
use super::refusal::Refusal;
use super::world::World;

/// What a message said since a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// When it came to say this, by the fake's clock.
    pub at: Duration,
    /// The content.
    pub text: String,
}

/// A button under a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Button {
    /// What stands on it; its emoji, if that is all.
    pub label: String,
    /// What a click brings back; none for a link.
    pub id: Option<String>,
    /// Where it leads; none for one that is clicked.
    pub url: Option<String>,
    /// 1 blurple, 2 grey, 3 green, 4 red, 5 a link.
    pub style: u64,
    /// Whether it can't be clicked.
    pub disabled: bool,
}

/// A menu under a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Select {
    /// What a choice brings back.
    pub id: String,
    /// What stands in it as long as nothing is chosen.
    pub placeholder: String,
    /// What can be chosen: label and value.
    pub options: Vec<(String, String)>,
    /// How many must and may be chosen.
    pub counts: (u64, u64),
}

/// A file of a message.
#[derive(Clone, PartialEq, Eq)]
pub struct Sent {
    /// Its name.
    pub name: String,
    /// What is in it.
    pub bytes: Arc<[u8]>,
}

impl fmt::Debug for Sent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?} of {} bytes", self.name, self.bytes.len())
    }
}

/// A message as a person sees it.
#[derive(Debug, Clone)]
pub struct Shown {
    /// Its id.
    pub id: u64,
    /// The channel or thread it stands in.
    pub channel: u64,
    /// Who wrote it.
    pub author: String,
    /// Whether takopi wrote it.
    pub by_bot: bool,
    /// The content.
    pub text: String,
    /// The message it answers.
    pub reply_to: Option<u64>,
    /// The thread that hangs on it.
    pub thread: Option<u64>,
    /// The only one who sees it.
    pub only_for: Option<String>,
    /// Whether it says that the bot is thinking.
    pub loading: bool,
    /// The buttons, row by row.
    pub buttons: Vec<Vec<Button>>,
    /// The menus.
    pub selects: Vec<Select>,
    /// The files that came with it.
    pub files: Vec<Sent>,
    /// Whether it came without a sound.
    pub silent: bool,
    /// Whether links in it may show a preview.
    pub preview: bool,
    /// How often its text was changed.
    pub edits: usize,
    /// Every text it had, the first one included; the last is what it says now.
    pub versions: Vec<Version>,
    /// Emoji, and how many reacted with each.
    pub reactions: Vec<(String, usize)>,
    /// Whether it only tells that something happened, such as a thread that was opened.
    pub service: bool,
    /// When it was deleted.
    pub deleted: Option<Duration>,
}

impl Shown {
    pub(super) fn of(message: &Message, world: &World) -> Self {
        let hangs = message.flags & flag::HAS_THREAD != 0 && world.channels.contains_key(&message.id);
        Self {
            id: message.id,
            channel: message.channel,
            author: world.name_of(message.author),
            by_bot: message.author == world.bot,
            text: message.content.clone(),
            reply_to: message.reply_to,
            thread: hangs.then_some(message.id),
            only_for: message.only_for.map(|user| world.name_of(user)),
            loading: message.flags & flag::LOADING != 0,
            buttons: buttons(&message.components),
            selects: selects(&message.components),
            files: message.attachments.iter().filter_map(|one| file(one, world)).collect(),
            silent: message.flags & flag::SILENT != 0,
            preview: message.flags & flag::SUPPRESS_EMBEDS == 0,
            edits: message.versions.len().saturating_sub(1),
            versions: message.versions.clone(),
            reactions: message.reactions.iter().map(|(emoji, users)| (emoji.clone(), users.len())).collect(),
            service: message.is_system(),
            deleted: message.deleted,
        }
    }

    /// Returns what stands on the buttons, from the first to the last.
    #[must_use]
    pub fn labels(&self) -> Vec<&str> {
        self.buttons.iter().flatten().map(|button| button.label.as_str()).collect()
    }
}

fn file(attachment: &Value, world: &World) -> Option<Sent> {
    let kept = world.files.get(attachment["id"].as_str()?.parse().ok()?)?;
    Some(Sent { name: kept.name.clone(), bytes: kept.bytes.clone() })
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn buttons(components: &Value) -> Vec<Vec<Button>> {
    let button = |one: &Value| Button {
        label: one["label"].as_str().or(one["emoji"]["name"].as_str()).unwrap_or_default().to_owned(),
        id: one["custom_id"].as_str().map(str::to_owned),
        url: one["url"].as_str().map(str::to_owned),
        style: one["style"].as_u64().unwrap_or_default(),
        disabled: one["disabled"] == true,
    };
    let row = |row: &Value| -> Vec<Button> {
        list(&row["components"]).iter().filter(|one| one["type"] == 2).map(button).collect()
    };
    list(components).iter().map(row).filter(|row: &Vec<Button>| !row.is_empty()).collect()
}

fn selects(components: &Value) -> Vec<Select> {
    let option = |one: &Value| (text(&one["label"]), text(&one["value"]));
    let select = |one: &Value| Select {
        id: text(&one["custom_id"]),
        placeholder: text(&one["placeholder"]),
        options: list(&one["options"]).iter().map(option).collect(),
        counts: (one["min_values"].as_u64().unwrap_or(1), one["max_values"].as_u64().unwrap_or(1)),
    };
    all(components).into_iter().filter(|one| one["type"] == 3).map(select).collect()
}

/// Shows the messages of a channel, the oldest first.
pub(super) fn messages(channel: u64, world: &World) -> Vec<Shown> {
    let messages = world.messages.get(&channel).into_iter().flat_map(|messages| messages.values());
    messages.map(|message| Shown::of(message, world)).collect()
}

/// A thread as a person sees it in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thread {
    /// Its id; that of the message it hangs on, if there is one.
    pub id: u64,
    /// The channel it belongs to.
    pub parent: u64,
    /// Its name.
    pub name: String,
    /// Who opened it.
    pub owner: String,
    /// Whether it is in the archive.
    pub archived: bool,
    /// Whether only who manages threads may speak in it.
    pub locked: bool,
    /// Whether only its members see it.
    pub private: bool,
}

/// Shows threads, the oldest first.
pub(super) fn threads(world: &World, of: impl Fn(u64) -> bool) -> Vec<Thread> {
    let thread = |channel: &super::objects::Channel| {
        let state = channel.thread.as_ref()?;
        Some(Thread {
            id: channel.id,
            parent: channel.parent?,
            name: channel.name.clone(),
            owner: world.name_of(state.owner),
            archived: state.archived,
            locked: state.locked,
            private: state.private,
        })
    };
    world.channels.values().filter_map(thread).filter(|thread| of(thread.parent)).collect()
}

/// How an interaction was answered at first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ack {
    /// With a message.
    Message,
    /// "takopi is thinking…", to be filled later.
    Deferred,
    /// By nothing that can be seen; the message may be changed later.
    DeferredUpdate,
    /// By changing the message.
    Update,
    /// With choices for what is being typed.
    Choices,
    /// With a window.
    Modal,
}

/// A field of a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// What its text comes back under.
    pub id: String,
    /// What stands above it.
    pub label: String,
    /// What stands in it already.
    pub value: String,
    /// Whether it has several lines.
    pub paragraph: bool,
    /// Whether it must be filled.
    pub required: bool,
}

/// A window with fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Modal {
    /// What it comes back as.
    pub id: String,
    /// What stands above it.
    pub title: String,
    /// Its fields.
    pub fields: Vec<Field>,
}

/// What a person sees of what they did.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The interaction.
    pub id: u64,
    /// How it was answered; none as long as it was not.
    pub ack: Option<Ack>,
    /// How long the first answer took.
    pub took: Option<Duration>,
    /// Whether they read "The application did not respond".
    pub failed: bool,
    /// Whether the answer is for them alone.
    pub ephemeral: bool,
    /// The first answer as it is now, or the message that the click was under.
    pub message: Option<Shown>,
    /// All answers that are there: the first one and those that followed.
    pub answers: Vec<Shown>,
    /// What is offered for what they type: name and value.
    pub choices: Vec<(String, Value)>,
    /// The window that opened.
    pub modal: Option<Modal>,
}

impl Seen {
    pub(super) fn of(interaction: &Interaction, world: &World) -> Self {
        let ack = interaction.acked.map(|(_, kind)| match kind {
            4 => Ack::Message,
            5 => Ack::Deferred,
            6 => Ack::DeferredUpdate,
            7 => Ack::Update,
            8 => Ack::Choices,
            _ => Ack::Modal,
        });
        let show = |&id: &u64| {
            let message = world.any_message(interaction.channel, id)?;
            Some(Shown::of(message, world))
        };
        Self {
            id: interaction.id,
            ack,
            took: interaction.acked.map(|(at, _)| at.saturating_sub(interaction.created)),
            failed: interaction.failed(world),
            ephemeral: interaction.ephemeral,
            message: interaction.original.as_ref().and_then(show),
            answers: interaction.responses.iter().filter_map(show).collect(),
            choices: interaction
                .choices
                .iter()
                .map(|one| (text(&one["name"]), one["value"].clone()))
                .collect(),
            modal: interaction.modal.as_ref().map(modal),
        }
    }

    /// Returns the text of all answers that are there, one below the other.
    #[must_use]
    pub fn text(&self) -> String {
        self.answers.iter().map(|shown| shown.text.as_str()).collect::<Vec<_>>().join("\n")
    }
}

fn modal(modal: &Value) -> Modal {
    let inputs = all(&modal["components"]).into_iter().filter(|one| one["type"] == 4);
    let field = |one: &Value| Field {
        id: text(&one["custom_id"]),
        label: text(&one["label"]),
        value: text(&one["value"]),
        paragraph: one["style"] == 2,
        required: one["required"] != false,
    };
    Modal { id: text(&modal["custom_id"]), title: text(&modal["title"]), fields: inputs.map(field).collect() }
}

/// Somebody who was really notified by a message of the bot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ping {
    /// The message that did it.
    pub message: u64,
    /// Where it stands.
    pub channel: u64,
    /// The people.
    pub users: Vec<String>,
    /// The roles.
    pub roles: Vec<String>,
    /// Whether it was everyone.
    pub everyone: bool,
}

/// What was counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// Calls that came too early: HTTP 429.
    pub too_many: usize,
    /// Those of them that were over the limit for the whole bot.
    pub too_many_global: usize,
    /// Calls that count as invalid: HTTP 401, 403 and 429. Ten thousand in ten minutes shut a bot out.
    pub invalid: usize,
    /// Messages that were not sent twice thanks to their nonce.
    pub nonces_met: usize,
    /// Calls whose `User-Agent` doesn't begin with `DiscordBot (`.
    pub nameless: usize,
    /// Edits of messages that succeeded, by channel. It is filled when the stats are read.
    pub edits: BTreeMap<u64, usize>,
}

impl Stats {
    pub(super) fn count(&mut self, refusal: &Refusal) {
        self.invalid += usize::from([401, 403, 429].contains(&refusal.status));
        self.too_many += usize::from(refusal.status == 429);
        self.too_many_global += usize::from(refusal.limit.is_some_and(|(_, global)| global));
    }
}
