//! Messages: read, sent, changed, deleted, reacted to.

use serde_json::Value;

use super::{Asking, Outcome, id, nothing};
use crate::discord::gateway::intent;
use crate::discord::objects::Message;
use crate::discord::permissions::bits;
use crate::discord::refusal::{Refusal, archived, form, unknown_message};
use crate::discord::world::World;

fn described(world: &World, channel: u64, id: u64) -> Outcome {
    let message = world.any_message(channel, id).ok_or_else(unknown_message)?;
    Ok((200, for_bot(world, message)))
}

fn for_bot(world: &World, message: &Message) -> Value {
    world.describe_for_bot(message, world.settings.intents & intent::CONTENT != 0)
}

pub(super) fn list(world: &mut World, asking: &Asking, args: &[&str]) -> Outcome {
    let channel = world.channel(id(args, 0))?;
    world.need(channel, 0)?;
    let number = |name: &str| asking.query.get(name).and_then(|value| value.parse::<u64>().ok());
    let limit = number("limit").unwrap_or(50);
    let limit = match limit {
        1..=100 => usize::try_from(limit).unwrap_or(100),
        0 => return Err(form("limit", "NUMBER_TYPE_MIN", "int value should be greater than or equal to 1.")),
        _ => return Err(form("limit", "NUMBER_TYPE_MAX", "int value should be less than or equal to 100.")),
    };
    if world.may(world.bot, channel) & bits::READ_MESSAGE_HISTORY == 0 {
        return Ok((200, Value::Array(Vec::new())));
    }
    let (after, before) = (number("after"), number("before"));
    let all = world.messages.get(&channel.id).into_iter().flat_map(|messages| messages.values());
    let fitting = all.filter(|message| {
        message.only_for.is_none()
            && after.is_none_or(|after| message.id > after)
            && before.is_none_or(|before| message.id < before)
    });
    let mut found: Vec<&Message> = fitting.collect();
    if after.is_some() {
        found.truncate(limit);
    }
    // The newest come first.
    Ok((200, found.into_iter().rev().take(limit).map(|message| for_bot(world, message)).collect()))
}

pub(super) fn get(world: &mut World, _: &Asking, args: &[&str]) -> Outcome {
    world.need(world.channel(id(args, 0))?, bits::READ_MESSAGE_HISTORY)?;
    let message = world.message(id(args, 0), id(args, 1))?;
    Ok((200, for_bot(world, message)))
}

pub(super) fn send(world: &mut World, asking: &Asking, args: &[&str]) -> Outcome {
    let sent = world.send(id(args, 0), &asking.body, &asking.files)?;
    described(world, id(args, 0), sent)
}

pub(super) fn edit(world: &mut World, asking: &Asking, args: &[&str]) -> Outcome {
    let channel = world.channel(id(args, 0))?;
    world.need(channel, 0)?;
    let message = world.message(channel.id, id(args, 1))?;
    if message.author != world.bot {
        return Err(Refusal::new(403, 50005, "Cannot edit a message authored by another user"));
    }
    if channel.thread.as_ref().is_some_and(|thread| thread.archived) {
        return Err(archived());
    }
    let (channel, message) = (channel.id, message.id);
    world.revise(channel, message, &asking.body, &asking.files)?;
    described(world, channel, message)
}

pub(super) fn delete(world: &mut World, _: &Asking, args: &[&str]) -> Outcome {
    let channel = world.channel(id(args, 0))?;
    let message = world.message(channel.id, id(args, 1))?;
    let needed = if message.author == world.bot { 0 } else { bits::MANAGE_MESSAGES };
    world.need(channel, needed)?;
    let (channel, message) = (channel.id, message.id);
    world.remove(channel, message);
    nothing()
}

pub(super) fn delete_many(world: &mut World, asking: &Asking, args: &[&str]) -> Outcome {
    let channel = world.channel(id(args, 0))?;
    world.need(channel, bits::MANAGE_MESSAGES)?;
    let channel = channel.id;
    let named = asking.body["messages"].as_array().cloned().unwrap_or_default();
    for message in named.iter().filter_map(|id| id.as_str()?.parse().ok()) {
        world.remove(channel, message);
    }
    nothing()
}

pub(super) fn react(world: &mut World, _: &Asking, args: &[&str]) -> Outcome {
    set(world, args, true)
}

pub(super) fn take_back(world: &mut World, _: &Asking, args: &[&str]) -> Outcome {
    set(world, args, false)
}

fn set(world: &mut World, args: &[&str], on: bool) -> Outcome {
    let channel = world.channel(id(args, 0))?;
    world.need(channel, bits::READ_MESSAGE_HISTORY | bits::ADD_REACTIONS)?;
    if channel.thread.as_ref().is_some_and(|thread| thread.archived) {
        return Err(archived());
    }
    let message = world.message(channel.id, id(args, 1))?;
    let emoji = unescaped(args.get(2).copied().unwrap_or_default());
    if emoji.is_empty() || emoji.is_ascii() {
        return Err(Refusal::new(400, 10014, "Unknown Emoji"));
    }
    let (channel, message, bot) = (channel.id, message.id, world.bot);
    world.react(channel, message, bot, &emoji, on);
    nothing()
}

/// Undoes percent-encoding.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let byte = hex.filter(|_| first == b'%').and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(byte.unwrap_or(first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
