//! Threads: made from a message, alone or as a post of a forum; joined and listed.

use serde_json::{Value, json};

use super::{Asking, Outcome, id, nothing};
use crate::discord::objects::kind;
use crate::discord::permissions::bits;
use crate::discord::refusal::{Refusal, no_choice, required};
use crate::discord::threads::Wanted;
use crate::discord::world::World;

fn wrong_type() -> Refusal {
    Refusal::new(400, 50024, "Cannot execute action on this channel type")
}

fn wanted<'a>(world: &World, asking: &'a Asking, parent: u64) -> Wanted<'a> {
    Wanted {
        parent,
        name: asking.body["name"].as_str().unwrap_or_default(),
        owner: world.bot,
        private: false,
        starter: None,
        auto_archive: asking.body["auto_archive_duration"].as_u64(),
    }
}

pub(super) fn from_message(world: &mut World, asking: &Asking, args: &[&str]) -> Outcome {
    let channel = world.channel(id(args, 0))?;
    world.need(channel, bits::CREATE_PUBLIC_THREADS)?;
    if channel.kind != kind::TEXT {
        return Err(wrong_type());
    }
    let wanted = Wanted { starter: Some(id(args, 1)), ..wanted(world, asking, channel.id) };
    let thread = world.open_thread(&wanted)?;
    Ok((201, world.describe_channel(thread)))
}

pub(super) fn create(world: &mut World, asking: &Asking, args: &[&str]) -> Outcome {
    let channel = world.channel(id(args, 0))?;
    let (parent, kind) = (channel.id, channel.kind);
    match kind {
        kind::FORUM => return post(world, asking, parent),
        kind::TEXT => {}
        _ => return Err(wrong_type()),
    }
    // Without a type it is a private one.
    let (private, needed) = match asking.body["type"].as_u64() {
        Some(10 | 11) => (false, bits::CREATE_PUBLIC_THREADS),
        None | Some(12) => (true, bits::CREATE_PRIVATE_THREADS),
        Some(_) => return Err(no_choice("type", "10, 11, 12")),
    };
    world.need(channel, needed)?;
    let wanted = Wanted { private, ..wanted(world, asking, parent) };
    let thread = world.open_thread(&wanted)?;
    if !private {
        world.announce(parent, thread, wanted.name);
    }
    Ok((201, world.describe_channel(thread)))
}

/// Opens a post: a thread with its first message, which has the thread's id.
fn post(world: &mut World, asking: &Asking, forum: u64) -> Outcome {
    world.need(world.channel(forum)?, bits::SEND_MESSAGES)?;
    let first = &asking.body["message"];
    if !first.is_object() {
        return Err(required("message"));
    }
    let message = world.compose(forum, world.bot, first, &asking.files)?;
    let thread = world.open_thread(&wanted(world, asking, forum))?;
    world.keep_first(thread, message);
    let mut described = world.describe_channel(thread);
    described["message"] =
        world.any_message(thread, thread).map_or(Value::Null, |message| world.describe(message));
    Ok((201, described))
}

pub(super) fn join(world: &mut World, _: &Asking, args: &[&str]) -> Outcome {
    let bot = world.bot;
    world.need(world.channel(id(args, 0))?, 0)?;
    world.join_thread(id(args, 0), bot, true)?;
    nothing()
}

pub(super) fn leave(world: &mut World, _: &Asking, args: &[&str]) -> Outcome {
    let bot = world.bot;
    world.join_thread(id(args, 0), bot, false)?;
    nothing()
}

pub(super) fn add(world: &mut World, _: &Asking, args: &[&str]) -> Outcome {
    world.need(world.channel(id(args, 0))?, bits::SEND_MESSAGES_IN_THREADS)?;
    if !world.users.contains_key(&id(args, 1)) {
        return Err(Refusal::new(404, 10013, "Unknown User"));
    }
    world.join_thread(id(args, 0), id(args, 1), true)?;
    nothing()
}

pub(super) fn members(world: &mut World, _: &Asking, args: &[&str]) -> Outcome {
    let channel = world.channel(id(args, 0))?;
    let thread = channel.thread.as_ref().ok_or_else(wrong_type)?;
    let member = |user: &u64| {
        json!({
            "id": channel.id.to_string(), "user_id": user.to_string(), "join_timestamp": thread.created,
            "flags": 0
        })
    };
    Ok((200, thread.members.iter().map(member).collect()))
}

pub(super) fn archived(world: &mut World, _: &Asking, args: &[&str]) -> Outcome {
    let parent = world.channel(id(args, 0))?.id;
    let threads = world.channels.values().filter(|one| one.parent == Some(parent));
    let asleep = threads.filter(|one| one.thread.as_ref().is_some_and(|thread| thread.archived));
    let asleep: Vec<Value> = asleep.map(|one| one.describe(world.bot)).collect();
    Ok((200, json!({"threads": asleep, "members": [], "has_more": false})))
}

pub(super) fn active(world: &mut World, _: &Asking, args: &[&str]) -> Outcome {
    let guild = Some(id(args, 0));
    let threads = world.channels.values().filter(|one| one.guild == guild && world.sees(one));
    let awake = threads.filter(|one| one.thread.as_ref().is_some_and(|thread| !thread.archived));
    let awake: Vec<Value> = awake.map(|one| one.describe(world.bot)).collect();
    let members: Vec<Value> =
        awake.iter().map(|one| one["member"].clone()).filter(|member| !member.is_null()).collect();
    Ok((200, json!({"threads": awake, "members": members, "has_more": false})))
}
