//! Topics of a forum.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::super::chats::{Chat, Kind, Message, Role, Topic};
use super::super::clock;
use super::super::params::{Params, Refusal, bad};
use super::super::text::{Rich, units};
use super::super::world::World;

/// Characters of a topic's name at most: Telegram Bot API, `createForumTopic`.
const MAX_NAME: usize = 128;
const COLOUR: u32 = 7_322_096;

pub(super) fn create(world: &mut World, params: &Params, now: Duration) -> Result<Value, Refusal> {
    let name = name(params)?;
    let chat = managed(world, params)?.id;
    let bot = world.bot.clone();
    let (thread, _) = open(world, chat, Some(bot), &name, now).ok_or_else(|| bad("chat not found"))?;
    Ok(json!({"message_thread_id": thread, "name": name, "icon_color": COLOUR}))
}

/// Opens a topic with the message that tells of it; that message's id is the topic's.
pub(in super::super) fn open(
    world: &mut World,
    chat: i64,
    from: Option<Value>,
    name: &str,
    now: Duration,
) -> Option<(i64, Value)> {
    let by_bot = from.as_ref() == Some(&world.bot);
    let created = json!({"name": name, "icon_color": COLOUR});
    let extra = Map::from_iter([("forum_topic_created".to_owned(), created)]);
    let message = Message { extra, ..Message::new(from, by_bot, Rich::default(), clock::calendar()) };
    let (thread, _) = world.keep(chat, message, now)?;
    let chat = world.chats.get_mut(&chat)?;
    chat.topics.insert(thread, Topic { name: name.to_owned(), closed: false });
    let root = chat.messages.get_mut(&thread)?;
    root.thread = Some(thread);
    let root = root.clone();
    Some((thread, chat.describe_message(&root)))
}

pub(super) fn edit(world: &mut World, params: &Params, _: Duration) -> Result<Value, Refusal> {
    let topic = topic(managed(world, params)?, params)?;
    let name = name(params)?;
    if name == topic.name {
        return Err(bad("TOPIC_NOT_MODIFIED"));
    }
    topic.name = name;
    Ok(true.into())
}

pub(super) fn close(world: &mut World, params: &Params, _: Duration) -> Result<Value, Refusal> {
    set_closed(world, params, true)
}

pub(super) fn reopen(world: &mut World, params: &Params, _: Duration) -> Result<Value, Refusal> {
    set_closed(world, params, false)
}

fn set_closed(world: &mut World, params: &Params, closed: bool) -> Result<Value, Refusal> {
    let topic = topic(managed(world, params)?, params)?;
    if topic.closed == closed {
        return Err(bad("TOPIC_NOT_MODIFIED"));
    }
    topic.closed = closed;
    Ok(true.into())
}

fn name(params: &Params) -> Result<String, Refusal> {
    let name = params.text("name").trim();
    match units(name) {
        0 => Err(bad("topic name is empty")),
        length if length > MAX_NAME => Err(bad("TOPIC_NAME_INVALID")),
        _ => Ok(name.to_owned()),
    }
}

fn topic<'a>(chat: &'a mut Chat, params: &Params) -> Result<&'a mut Topic, Refusal> {
    let id = params.number("message_thread_id");
    id.and_then(|id| chat.topics.get_mut(&id)).ok_or_else(|| bad("TOPIC_ID_INVALID"))
}

/// Returns the chat that a call names, if it has topics and the bot may manage them.
fn managed<'a>(world: &'a mut World, params: &Params) -> Result<&'a mut Chat, Refusal> {
    let bot = world.bot_id;
    let chat = world.named(params)?;
    if chat.kind != Kind::Forum {
        return Err(bad("the chat is not a forum"));
    }
    if !chat.members.get(&bot).copied().is_some_and(Role::manages_topics) {
        return Err(bad("not enough rights to create a topic"));
    }
    Ok(chat)
}
