//! Channels themselves: asked about, changed, deleted, typed in.

use std::time::Duration;

use serde_json::json;

use super::{Asking, Outcome, id, nothing};
use crate::discord::gateway::intent;
use crate::discord::permissions::bits;
use crate::discord::refusal::unknown_channel;
use crate::discord::world::World;

/// How long somebody is shown as typing.
const TYPING: Duration = Duration::from_secs(10);

pub(super) fn get(world: &mut World, _: &Asking, args: &[&str]) -> Outcome {
    let channel = world.channel(id(args, 0))?;
    world.need(channel, 0)?;
    Ok((200, channel.describe(world.bot)))
}

pub(super) fn change(world: &mut World, asking: &Asking, args: &[&str]) -> Outcome {
    let channel = world.channel(id(args, 0))?;
    let own = channel.thread.as_ref().is_some_and(|thread| thread.owner == world.bot);
    let locks = asking.body.get("locked").is_some();
    let needed = match &channel.thread {
        Some(_) if own && !locks => 0,
        Some(_) => bits::MANAGE_THREADS,
        None => bits::MANAGE_CHANNELS,
    };
    world.need(channel, needed)?;
    let id = channel.id;
    world.change_channel(id, &asking.body)?;
    Ok((200, world.describe_channel(id)))
}

pub(super) fn delete(world: &mut World, _: &Asking, args: &[&str]) -> Outcome {
    let channel = world.channel(id(args, 0))?;
    let needed = if channel.thread.is_some() { bits::MANAGE_THREADS } else { bits::MANAGE_CHANNELS };
    world.need(channel, needed)?;
    let id = channel.id;
    Ok((200, world.delete_channel(id).ok_or_else(unknown_channel)?))
}

pub(super) fn typing(world: &mut World, _: &Asking, args: &[&str]) -> Outcome {
    let channel = world.channel(id(args, 0))?;
    let inside = channel.thread.is_some();
    world.need(channel, if inside { bits::SEND_MESSAGES_IN_THREADS } else { bits::SEND_MESSAGES })?;
    let (id, guild) = (channel.id, channel.guild.map(|guild| guild.to_string()));
    let until = world.now + TYPING;
    world.typing.insert((id, world.bot), until);
    let told = json!({
        "channel_id": id.to_string(), "guild_id": guild, "user_id": world.bot.to_string(),
        "timestamp": world.calendar_ms / 1000
    });
    world.tell("TYPING_START", told, intent::TYPING, Some(id));
    nothing()
}
