//! What is needed of a message, whichever form it comes in; and how to read one that has something in it which
//! the library does not know.

use std::borrow::Cow;

use serde_json::{Map, Value, json};
use serenity::all::{Attachment, MessageReferenceKind, MessageType, MessageUpdateEvent, User};
use serenity::model::Timestamp;
use serenity::model::channel::{Message, MessageFlags, MessageSnapshot};

use crate::config::Id;

/// Who wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Author {
    pub(crate) id: Id,
    /// What people call them there.
    pub(crate) name: String,
    pub(crate) is_bot: bool,
}

/// What it replies to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Replied {
    pub(crate) id: Id,
    pub(crate) author: Option<Id>,
    pub(crate) text: Option<String>,
}

/// A message.
#[derive(Debug, Clone)]
pub(crate) struct Said<'a> {
    pub(crate) id: Id,
    pub(crate) channel: Id,
    pub(crate) guild: Option<Id>,
    pub(crate) author: Author,
    /// The author's roles, where they came with it.
    pub(crate) roles: Option<Vec<Id>>,
    pub(crate) content: Cow<'a, str>,
    pub(crate) mentions: &'a [User],
    pub(crate) role_mentions: Vec<Id>,
    pub(crate) attachments: Vec<&'a Attachment>,
    pub(crate) edited_us: Option<i64>,
    pub(crate) is_voice: bool,
    pub(crate) reply: Option<Replied>,
    kind: MessageType,
    of_webhook: bool,
    forwarded: bool,
}

impl<'a> Said<'a> {
    pub(crate) fn of(message: &'a Message) -> Self {
        let member = message.member.as_deref();
        let snapshot = message.message_snapshots.first();
        let reference = message.message_reference.as_ref();
        let is_reply = reference.is_some_and(|reference| reference.kind == MessageReferenceKind::Default);
        let replied = reference.filter(|_| is_reply).and_then(|reference| reference.message_id);
        Self {
            id: message.id.get(),
            channel: message.channel_id.get(),
            guild: message.guild_id.map(serenity::all::GuildId::get),
            author: author(&message.author, member.and_then(|member| member.nick.as_deref())),
            roles: member.map(|member| member.roles.iter().map(|role| role.get()).collect()),
            content: content(&message.content, snapshot),
            mentions: &message.mentions,
            role_mentions: message.mention_roles.iter().map(|role| role.get()).collect(),
            attachments: message
                .attachments
                .iter()
                .chain(snapshot.into_iter().flat_map(|snapshot| &snapshot.attachments))
                .collect(),
            edited_us: message.edited_timestamp.map(micros),
            is_voice: message.flags.is_some_and(|flags| flags.contains(MessageFlags::IS_VOICE_MESSAGE)),
            reply: replied.map(|id| replied_to(id.get(), message.referenced_message.as_deref())),
            kind: message.kind,
            of_webhook: message.webhook_id.is_some(),
            forwarded: snapshot.is_some(),
        }
    }

    /// Reads an edit that says what the message is now; one that says only what changed is none by a person.
    pub(crate) fn of_edit(event: &'a MessageUpdateEvent) -> Option<Self> {
        let user = event.author.as_ref()?;
        let member = event.member.as_ref().and_then(|member| member.as_deref());
        let replied = event.referenced_message.as_ref().and_then(|message| message.as_deref());
        let flags = event.flags.flatten();
        Some(Self {
            id: event.id.get(),
            channel: event.channel_id.get(),
            guild: event.guild_id.map(serenity::all::GuildId::get),
            author: author(user, member.and_then(|member| member.nick.as_deref())),
            roles: member.map(|member| member.roles.iter().map(|role| role.get()).collect()),
            content: Cow::Borrowed(event.content.as_deref()?),
            mentions: event.mentions.as_deref().unwrap_or_default(),
            role_mentions: event.mention_roles.iter().flatten().map(|role| role.get()).collect(),
            attachments: event.attachments.iter().flatten().collect(),
            edited_us: event.edited_timestamp.map(micros),
            is_voice: flags.is_some_and(|flags| flags.contains(MessageFlags::IS_VOICE_MESSAGE)),
            reply: replied.map(|message| replied_to(message.id.get(), Some(message))),
            kind: event.kind.unwrap_or(MessageType::Regular),
            of_webhook: event.webhook_id.flatten().is_some(),
            forwarded: false,
        })
    }

    /// Returns whether a person or a bot has written it: no webhook, and no news of the service itself.
    pub(super) fn is_written(&self) -> bool {
        !self.of_webhook && matches!(self.kind, MessageType::Regular | MessageType::InlineReply)
    }

    pub(super) fn is_forwarded(&self) -> bool {
        self.forwarded
    }
}

/// Returns a time in microseconds, as Discord tells it: one message may be edited several times in a second.
fn micros(at: Timestamp) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1000).unwrap_or(i64::MAX)
}

fn author(user: &User, nick: Option<&str>) -> Author {
    let names = [nick, user.global_name.as_deref(), Some(user.name.as_str())];
    let name = names.into_iter().flatten().find(|name| !name.trim().is_empty()).unwrap_or_default();
    Author { id: user.id.get(), name: name.to_owned(), is_bot: user.bot }
}

fn replied_to(id: Id, message: Option<&Message>) -> Replied {
    Replied {
        id,
        author: message.map(|message| message.author.id.get()),
        text: message.map(|message| message.content.clone()).filter(|text| !text.is_empty()),
    }
}

/// Returns what a message says; a forwarded one says what it carries.
fn content<'a>(own: &'a str, snapshot: Option<&'a MessageSnapshot>) -> Cow<'a, str> {
    match snapshot.map(|snapshot| snapshot.content.as_str()) {
        Some(carried) if own.is_empty() => Cow::Borrowed(carried),
        Some(carried) if !carried.is_empty() => Cow::Owned(format!("{own}\n\n{carried}")),
        _ => Cow::Borrowed(own),
    }
}

/// What of a message is kept when it cannot be read as a whole.
const KEPT: [&str; 16] = [
    "id",
    "channel_id",
    "guild_id",
    "content",
    "timestamp",
    "edited_timestamp",
    "mention_everyone",
    "mention_roles",
    "pinned",
    "tts",
    "webhook_id",
    "flags",
    "attachments",
    "message_reference",
    "type",
    "author",
];

/// What of a person is kept then.
const KEPT_OF_PERSON: [&str; 5] = ["id", "username", "discriminator", "global_name", "bot"];

/// Reads of a message, as JSON, what is needed to answer it, and nothing of what may be new in it.
pub(crate) fn lean(message: &Value) -> Option<Message> {
    let whole = message.as_object()?;
    let mut rest = kept(whole, &KEPT);
    let person = |value: &Value| value.as_object().map(|person| Value::Object(kept(person, &KEPT_OF_PERSON)));
    rest.insert("author".to_owned(), person(whole.get("author")?)?);
    let mentions = whole.get("mentions").and_then(Value::as_array).into_iter().flatten().filter_map(person);
    rest.insert("mentions".to_owned(), mentions.collect());
    if let Some(member) = whole.get("member").and_then(Value::as_object) {
        rest.insert("member".to_owned(), Value::Object(kept(member, &["nick", "roles"])));
    }
    if let Some(replied) = whole.get("referenced_message").filter(|replied| replied.is_object())
        && let Some(Ok(replied)) = lean(replied).map(serde_json::to_value)
    {
        rest.insert("referenced_message".to_owned(), replied);
    }
    for (key, usual) in [
        ("embeds", json!([])),
        ("mention_roles", json!([])),
        ("attachments", json!([])),
        ("mention_everyone", json!(false)),
        ("pinned", json!(false)),
        ("tts", json!(false)),
        ("edited_timestamp", Value::Null),
    ] {
        rest.entry(key).or_insert(usual);
    }
    serde_json::from_value(Value::Object(rest)).ok()
}

fn kept(whole: &Map<String, Value>, keys: &[&str]) -> Map<String, Value> {
    whole
        .iter()
        .filter(|(key, _)| keys.contains(&key.as_str()))
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect()
}
