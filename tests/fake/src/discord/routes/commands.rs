//! Registration of commands.

use serde_json::Value;

use super::{Asking, Outcome, id, nothing};
use crate::discord::refusal::Refusal;
use crate::discord::world::World;

pub(super) fn list_all(world: &mut World, _: &Asking, args: &[&str]) -> Outcome {
    list(world, args, None)
}

pub(super) fn list_of_guild(world: &mut World, _: &Asking, args: &[&str]) -> Outcome {
    list(world, args, Some(id(args, 1)))
}

fn list(world: &World, args: &[&str], guild: Option<u64>) -> Outcome {
    world.scope(id(args, 0), guild)?;
    Ok((200, world.commands.get(&guild).cloned().unwrap_or_default().into()))
}

pub(super) fn overwrite(world: &mut World, asking: &Asking, args: &[&str]) -> Outcome {
    world.scope(id(args, 0), None)?;
    Ok((200, world.overwrite_commands(None, &asking.body)?))
}

pub(super) fn overwrite_of_guild(world: &mut World, asking: &Asking, args: &[&str]) -> Outcome {
    let guild = Some(id(args, 1));
    world.scope(id(args, 0), guild)?;
    Ok((200, world.overwrite_commands(guild, &asking.body)?))
}

pub(super) fn add(world: &mut World, asking: &Asking, args: &[&str]) -> Outcome {
    upsert(world, asking, args, None)
}

pub(super) fn add_to_guild(world: &mut World, asking: &Asking, args: &[&str]) -> Outcome {
    upsert(world, asking, args, Some(id(args, 1)))
}

fn upsert(world: &mut World, asking: &Asking, args: &[&str], guild: Option<u64>) -> Outcome {
    world.scope(id(args, 0), guild)?;
    let (fresh, command) = world.upsert_command(guild, &asking.body)?;
    Ok((if fresh { 201 } else { 200 }, command))
}

pub(super) fn delete(world: &mut World, _: &Asking, args: &[&str]) -> Outcome {
    remove(world, args, None, args.get(1))
}

pub(super) fn delete_of_guild(world: &mut World, _: &Asking, args: &[&str]) -> Outcome {
    remove(world, args, Some(id(args, 1)), args.get(2))
}

fn remove(world: &mut World, args: &[&str], guild: Option<u64>, command: Option<&&str>) -> Outcome {
    world.scope(id(args, 0), guild)?;
    let commands = world.commands.entry(guild).or_default();
    let before = commands.len();
    let is_it = |known: &Value| known["id"].as_str() == command.copied();
    commands.retain(|known| !is_it(known));
    match commands.len() == before {
        true => Err(Refusal::new(404, 10063, "Unknown application command")),
        false => nothing(),
    }
}
