//! The methods of the Bot API that takopi uses, by name. Everything else is refused.
//!
//! `getUpdates` waits, and so stands in `calls.rs`.

mod about;
mod changing;
mod sending;
mod topics;

use std::time::Duration;

pub(super) use changing::remove;
pub(super) use topics::open as open_topic;

use serde_json::Value;

use super::params::{Params, Refusal};
use super::world::World;

/// What a method does to the world and what it returns.
pub(super) type Method = fn(&mut World, &Params, Duration) -> Result<Value, Refusal>;

const METHODS: [(&str, Method); 20] = [
    ("answerCallbackQuery", about::answer_press),
    ("closeForumTopic", topics::close),
    ("createForumTopic", topics::create),
    ("deleteMessage", changing::delete),
    ("deleteWebhook", about::delete_webhook),
    ("editForumTopic", topics::edit),
    ("editMessageReplyMarkup", changing::edit_keyboard),
    ("editMessageText", changing::edit_text),
    ("getChat", about::chat),
    ("getChatMember", about::member),
    ("getFile", about::file),
    ("getMe", about::me),
    ("getMyCommands", about::menu),
    ("reopenForumTopic", topics::reopen),
    ("sendChatAction", sending::action),
    ("sendDocument", sending::document),
    ("sendMessage", sending::message),
    ("sendPhoto", sending::photo),
    ("setMessageReaction", changing::react),
    ("setMyCommands", about::set_menu),
];

/// Returns a method under the name that the Bot API gives it; clients may write it in any case.
pub(super) fn named(name: &str) -> Option<(&'static str, Method)> {
    METHODS.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name))
}
