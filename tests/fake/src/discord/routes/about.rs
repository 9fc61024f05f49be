//! What the bot asks about itself, people and guilds.

use serde_json::{Value, json};

use super::{Asking, Outcome, id};
use crate::discord::objects::Guild;
use crate::discord::refusal::Refusal;
use crate::discord::world::World;

pub(super) fn gateway(world: &mut World, _: &Asking, _: &[&str]) -> Outcome {
    Ok((200, json!({"url": world.url.replacen("http", "ws", 1)})))
}

pub(super) fn gateway_bot(world: &mut World, _: &Asking, _: &[&str]) -> Outcome {
    let limit = json!({
        "total": 1000, "remaining": world.settings.session_starts, "reset_after": 86_400_000,
        "max_concurrency": 1
    });
    let url = world.url.replacen("http", "ws", 1);
    Ok((200, json!({"url": url, "shards": 1, "session_start_limit": limit})))
}

pub(super) fn me(world: &mut World, _: &Asking, _: &[&str]) -> Outcome {
    Ok((200, world.describe_bot()))
}

pub(super) fn my_guilds(world: &mut World, _: &Asking, _: &[&str]) -> Outcome {
    let short = |guild: &Guild| {
        json!({
            "id": guild.id.to_string(), "name": guild.name, "icon": null, "owner": false,
            "permissions": world.bot_permissions(guild).to_string(), "features": []
        })
    };
    Ok((200, world.guilds.values().map(short).collect()))
}

pub(super) fn user(world: &mut World, _: &Asking, args: &[&str]) -> Outcome {
    match world.users.get(&id(args, 0)) {
        Some(user) => Ok((200, user.describe())),
        None => Err(Refusal::new(404, 10013, "Unknown User")),
    }
}

pub(super) fn private(world: &mut World, asking: &Asking, _: &[&str]) -> Outcome {
    let recipient = asking.body["recipient_id"].as_str().and_then(|id| id.parse().ok());
    let Some(user) = recipient.filter(|user| world.users.contains_key(user)) else {
        return Err(Refusal::new(400, 50033, "Invalid Recipient(s)"));
    };
    let channel = world.private(user);
    Ok((200, world.describe_channel(channel)))
}

pub(super) fn application(world: &mut World, _: &Asking, _: &[&str]) -> Outcome {
    let owner = world.user_named("alice").map(|owner| world.describe_user(owner));
    Ok((
        200,
        json!({
            "id": world.bot.to_string(), "name": "takopi", "icon": null, "description": "", "summary": "",
            "bot_public": false, "bot_require_code_grant": false, "rpc_origins": [], "team": null,
            "verify_key": "00".repeat(32), "flags": world.application_flags(), "owner": owner,
            "bot": world.describe_bot(), "redirect_uris": [],
            "approximate_guild_count": world.guilds.len(), "integration_types_config": {}
        }),
    ))
}

fn known(world: &World, id: u64) -> Result<&Guild, Refusal> {
    world.guilds.get(&id).ok_or_else(|| Refusal::new(404, 10004, "Unknown Guild"))
}

pub(super) fn guild(world: &mut World, _: &Asking, args: &[&str]) -> Outcome {
    let guild = known(world, id(args, 0))?;
    let mut described = world.describe_guild(guild, false);
    described["approximate_member_count"] = guild.members.len().into();
    Ok((200, described))
}

pub(super) fn guild_channels(world: &mut World, _: &Asking, args: &[&str]) -> Outcome {
    let guild = known(world, id(args, 0))?.id;
    let channels = world.channels.values().filter(|one| one.guild == Some(guild) && one.thread.is_none());
    Ok((200, channels.map(|one| one.describe(world.bot)).collect()))
}

pub(super) fn roles(world: &mut World, _: &Asking, args: &[&str]) -> Outcome {
    let roles = known(world, id(args, 0))?.roles.values().enumerate();
    Ok((200, roles.map(|(position, role)| role.describe(position)).collect()))
}

pub(super) fn member(world: &mut World, _: &Asking, args: &[&str]) -> Outcome {
    let guild = known(world, id(args, 0))?.id;
    let user = if args.get(1) == Some(&"@me") { world.bot } else { id(args, 1) };
    match world.describe_member(guild, user) {
        Some(member) => Ok((200, member)),
        None => Err(Refusal::new(404, 10007, "Unknown Member")),
    }
}

/// Needs the privileged intent, as at Discord.
pub(super) fn members(world: &mut World, asking: &Asking, args: &[&str]) -> Outcome {
    let guild = known(world, id(args, 0))?;
    if world.settings.intents & crate::discord::gateway::intent::MEMBERS == 0 {
        return Err(Refusal::new(403, 50001, "Missing Access"));
    }
    let limit = asking.query.get("limit").and_then(|limit| limit.parse().ok()).unwrap_or(1);
    let described = guild.members.keys().filter_map(|&user| world.describe_member(guild.id, user));
    Ok((200, described.take(limit).collect::<Value>()))
}
