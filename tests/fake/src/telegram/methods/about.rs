//! What asks about the bot, chats, people and files, and what changes only the bot's own affairs.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::chats::Role;
use super::super::params::{Params, Refusal, bad};
use super::super::view::Answer;
use super::super::world::World;

/// Characters that pop up after a press at most: Telegram Bot API, `answerCallbackQuery`.
const MAX_ANSWER: usize = 200;

/// Commands of a menu at most, and characters of one and of its description: Telegram Bot API, `BotCommand`.
const MAX_COMMANDS: usize = 100;
const MAX_COMMAND: usize = 32;
const MAX_DESCRIPTION: usize = 256;

pub(super) fn me(world: &mut World, _: &Params, _: Duration) -> Result<Value, Refusal> {
    let mut me = world.bot.clone();
    for (can, does) in [
        ("can_join_groups", true),
        ("can_read_all_group_messages", true),
        ("supports_inline_queries", false),
        ("can_connect_to_business", false),
        ("has_main_web_app", false),
    ] {
        me[can] = does.into();
    }
    Ok(me)
}

pub(super) fn delete_webhook(world: &mut World, params: &Params, _: Duration) -> Result<Value, Refusal> {
    if params.flag("drop_pending_updates") {
        world.updates.clear();
    }
    Ok(true.into())
}

pub(super) fn answer_press(world: &mut World, params: &Params, now: Duration) -> Result<Value, Refusal> {
    let answers = world
        .presses
        .get_mut(params.text("callback_query_id"))
        .ok_or_else(|| bad("query is too old and response timeout expired or query ID is invalid"))?;
    let text = params.text("text").to_owned();
    if text.chars().count() > MAX_ANSWER {
        return Err(bad("MESSAGE_TOO_LONG"));
    }
    answers.push(Answer { at: now, text, alert: params.flag("show_alert") });
    Ok(true.into())
}

pub(super) fn menu(world: &mut World, params: &Params, _: Duration) -> Result<Value, Refusal> {
    Ok(world.menus.get(&scope(params)?).cloned().unwrap_or_else(|| json!([])))
}

pub(super) fn set_menu(world: &mut World, params: &Params, _: Duration) -> Result<Value, Refusal> {
    let menu = params.object("commands")?.unwrap_or_default();
    let commands = menu.as_array().ok_or_else(|| bad("can't parse BotCommand: expected an Array"))?;
    if commands.len() > MAX_COMMANDS {
        return Err(bad("BOT_COMMANDS_TOO_MUCH"));
    }
    for command in commands {
        let named = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
        let name = command["command"].as_str().unwrap_or_default();
        if !(1..=MAX_COMMAND).contains(&name.len()) || !name.chars().all(named) {
            return Err(bad("BOT_COMMAND_INVALID"));
        }
        let description = command["description"].as_str().unwrap_or_default().chars().count();
        if !(1..=MAX_DESCRIPTION).contains(&description) {
            return Err(bad("BOT_COMMAND_DESCRIPTION_INVALID"));
        }
    }
    world.menus.insert(scope(params)?, menu);
    Ok(true.into())
}

fn scope(params: &Params) -> Result<String, Refusal> {
    let scope = params.object("scope")?.filter(|scope| scope["type"] != "default");
    Ok(format!(
        "{}{}",
        scope.map(|scope| scope.to_string()).unwrap_or_default(),
        params.text("language_code")
    ))
}

pub(super) fn chat(world: &mut World, params: &Params, _: Duration) -> Result<Value, Refusal> {
    let mut chat = world.named(params)?.describe();
    chat["accent_color_id"] = 0.into();
    chat["max_reaction_count"] = 11.into();
    chat["accepted_gift_types"] = json!({
        "unlimited_gifts": false, "limited_gifts": false, "unique_gifts": false, "premium_subscription": false
    });
    Ok(chat)
}

pub(super) fn member(world: &mut World, params: &Params, _: Duration) -> Result<Value, Refusal> {
    let chat = world.named(params)?;
    let id = params.number("user_id").ok_or_else(|| bad("invalid user_id specified"))?;
    let role = chat.members.get(&id).copied();
    let user = if id == world.bot_id { Some(&world.bot) } else { world.users.get(&id) };
    let user = user.ok_or_else(|| bad("PARTICIPANT_ID_INVALID"))?;
    Ok(role.unwrap_or(Role::Left).describe(user))
}

pub(super) fn file(world: &mut World, params: &Params, _: Duration) -> Result<Value, Refusal> {
    world.files.describe(params.text("file_id"))
}
