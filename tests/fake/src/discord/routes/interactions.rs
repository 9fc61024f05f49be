//! Answers to interactions: the first one, and those that follow by the interaction's token.

use super::{Asking, Outcome, id, nothing};
use crate::discord::refusal::unknown_message;
use crate::discord::world::World;

pub(super) fn callback(world: &mut World, asking: &Asking, args: &[&str]) -> Outcome {
    let token = args.get(1).copied().unwrap_or_default();
    let answer = world.acknowledge(id(args, 0), token, &asking.body, &asking.files)?;
    match asking.query.get("with_response").is_some_and(|wanted| wanted == "true" || wanted == "1") {
        true => Ok((200, answer)),
        false => nothing(),
    }
}

fn described(world: &World, (channel, message): (u64, u64)) -> Outcome {
    let message = world.any_message(channel, message).ok_or_else(unknown_message)?;
    Ok((200, world.describe(message)))
}

fn named(world: &World, args: &[&str]) -> Result<(u64, u64), crate::discord::refusal::Refusal> {
    let part = |place: usize| args.get(place).copied().unwrap_or_default();
    world.hooked_message(id(args, 0), part(1), part(2))
}

pub(super) fn follow_up(world: &mut World, asking: &Asking, args: &[&str]) -> Outcome {
    let token = args.get(1).copied().unwrap_or_default();
    let sent = world.follow_up(id(args, 0), token, &asking.body, &asking.files)?;
    described(world, sent)
}

pub(super) fn get(world: &mut World, _: &Asking, args: &[&str]) -> Outcome {
    let found = named(world, args)?;
    described(world, found)
}

pub(super) fn edit(world: &mut World, asking: &Asking, args: &[&str]) -> Outcome {
    let (channel, message) = named(world, args)?;
    world.revise(channel, message, &asking.body, &asking.files)?;
    described(world, (channel, message))
}

pub(super) fn delete(world: &mut World, _: &Asking, args: &[&str]) -> Outcome {
    let (channel, message) = named(world, args)?;
    world.remove(channel, message);
    nothing()
}
