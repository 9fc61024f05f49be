//! What changes or removes a message that is there.

use std::time::Duration;

use serde_json::Value;

use super::super::chats::{Chat, Kind, Message, Role};
use super::super::keyboard;
use super::super::params::{Params, Refusal, bad};
use super::super::view::Version;
use super::super::world::World;
use super::sending;

const NOT_MODIFIED: &str = "message is not modified: specified new message content and reply markup are exactly the \
                            same as a current content and reply markup of the message";

/// What bots may react with: Telegram Bot API, `ReactionTypeEmoji`, the ones a program may want.
const REACTIONS: [&str; 24] = [
    "👍",
    "👎",
    "❤",
    "🔥",
    "🥰",
    "👏",
    "😁",
    "🤔",
    "🤯",
    "😱",
    "🎉",
    "🤩",
    "🙏",
    "👌",
    "🤡",
    "🥱",
    "💯",
    "⚡",
    "🏆",
    "💔",
    "👀",
    "✍",
    "🫡",
    "👨‍💻",
];

pub(super) fn edit_text(world: &mut World, params: &Params, now: Duration) -> Result<Value, Refusal> {
    let message = own(world, params)?;
    if message.media.is_some() {
        return Err(bad("there is no text in the message to edit"));
    }
    let same_text = message.content.clone();
    let same_keyboard = message.keyboard.clone();
    let content = sending::written(params)?;
    let keyboard = keyboard::read(params.object("reply_markup")?)?;
    let preview = sending::preview(params)?;
    if (&content, &keyboard) == (&same_text, &same_keyboard) {
        return Err(bad(NOT_MODIFIED));
    }
    change(world, params, now, |message| {
        message.versions.push(Version { at: now, text: content.text.clone() });
        (message.content, message.keyboard, message.preview) = (content, keyboard, preview);
    })
}

pub(super) fn edit_keyboard(world: &mut World, params: &Params, now: Duration) -> Result<Value, Refusal> {
    let same = own(world, params)?.keyboard.clone();
    let keyboard = keyboard::read(params.object("reply_markup")?)?;
    if keyboard == same {
        return Err(bad(NOT_MODIFIED));
    }
    change(world, params, now, |message| message.keyboard = keyboard)
}

pub(super) fn delete(world: &mut World, params: &Params, now: Duration) -> Result<Value, Refusal> {
    let bot = world.bot_id;
    let chat = world.named(params)?;
    let administers = chat.members.get(&bot).copied().is_some_and(Role::administers);
    let message = message(chat, params).ok_or_else(|| bad("message to delete not found"))?;
    let (id, by_bot) = (message.id, message.by_bot);
    if !by_bot && chat.kind != Kind::Private && !administers {
        return Err(bad("message can't be deleted"));
    }
    remove(chat, id, now);
    Ok(true.into())
}

/// Takes a message out of a chat, if it is there.
pub(in super::super) fn remove(chat: &mut Chat, id: i64, now: Duration) {
    if let Some(message) = chat.messages.remove(&id) {
        chat.deleted.insert(id, Message { deleted: Some(now), ..message });
    }
}

pub(super) fn react(world: &mut World, params: &Params, _: Duration) -> Result<Value, Refusal> {
    let chat = world.named(params)?;
    let message = message(chat, params).ok_or_else(|| bad("message to react not found"))?;
    let given = params.object("reaction")?.unwrap_or_default();
    let emoji = |reaction: &Value| {
        let emoji = reaction["emoji"].as_str().filter(|emoji| REACTIONS.contains(emoji));
        emoji.map(str::to_owned).ok_or_else(|| bad("REACTION_INVALID"))
    };
    let reactions = given.as_array().into_iter().flatten().map(emoji).collect::<Result<Vec<_>, _>>()?;
    if reactions.len() > 1 {
        return Err(bad("REACTIONS_TOO_MANY"));
    }
    message.reactions = reactions;
    Ok(true.into())
}

fn message<'a>(chat: &'a mut Chat, params: &Params) -> Option<&'a mut Message> {
    params.number("message_id").and_then(|id| chat.messages.get_mut(&id))
}

fn own<'a>(world: &'a mut World, params: &Params) -> Result<&'a mut Message, Refusal> {
    let chat = world.named(params)?;
    let message = message(chat, params).ok_or_else(|| bad("message to edit not found"))?;
    if !message.by_bot || message.is_service() {
        return Err(bad("message can't be edited"));
    }
    Ok(message)
}

fn change(
    world: &mut World,
    params: &Params,
    now: Duration,
    change: impl FnOnce(&mut Message),
) -> Result<Value, Refusal> {
    let chat = world.named(params)?.id;
    sending::pace(world, chat, now)?;
    let message = own(world, params)?;
    change(message);
    let message = message.clone();
    Ok(world.named(params)?.describe_message(&message))
}
