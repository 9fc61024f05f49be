//! What puts something new into a chat.

use std::time::Duration;

use serde_json::Value;

use super::super::chats::{Message, Role};
use super::super::params::{Params, Refusal, bad};
use super::super::text::{self, MAX_CAPTION, MAX_TEXT, Rich};
use super::super::world::World;
use super::super::{clock, keyboard};

/// Bytes that a bot can send at most: Telegram Bot API, "Sending files".
const MAX_UPLOAD: usize = 50 << 20;
const MAX_PHOTO: usize = 10 << 20;

/// What a bot can be seen doing: Telegram Bot API, `sendChatAction`.
const ACTIONS: [&str; 11] = [
    "typing",
    "upload_photo",
    "record_video",
    "upload_video",
    "record_voice",
    "upload_voice",
    "upload_document",
    "choose_sticker",
    "find_location",
    "record_video_note",
    "upload_video_note",
];

/// Where a message goes.
struct Target {
    chat: i64,
    thread: Option<i64>,
    reply_to: Option<i64>,
}

pub(super) fn message(world: &mut World, params: &Params, now: Duration) -> Result<Value, Refusal> {
    let target = target(world, params)?;
    let content = written(params)?;
    send(world, params, now, &target, |_| Message::new(None, true, content, clock::calendar()))
}

pub(super) fn document(world: &mut World, params: &Params, now: Duration) -> Result<Value, Refusal> {
    file(world, params, now, "document", MAX_UPLOAD)
}

pub(super) fn photo(world: &mut World, params: &Params, now: Duration) -> Result<Value, Refusal> {
    file(world, params, now, "photo", MAX_PHOTO)
}

pub(super) fn action(world: &mut World, params: &Params, _: Duration) -> Result<Value, Refusal> {
    target(world, params)?;
    if !ACTIONS.contains(&params.text("action")) {
        return Err(bad("wrong parameter action in request"));
    }
    Ok(true.into())
}

/// Returns the text of a message or of an edit.
pub(super) fn written(params: &Params) -> Result<Rich, Refusal> {
    no_parse_mode(params)?;
    let content = text::read(params.text("text"), params.object("entities")?)?;
    match text::units(&content.text) {
        0 => Err(bad("message text is empty")),
        length if length > MAX_TEXT => Err(bad("message is too long")),
        _ => Ok(content),
    }
}

fn no_parse_mode(params: &Params) -> Result<(), Refusal> {
    match params.text("parse_mode") {
        "" => Ok(()),
        mode => Err(bad(&format!("can't parse entities: send entities, this server reads no {mode}"))),
    }
}

/// Counts a message to a chat.
pub(super) fn pace(world: &mut World, chat: i64, now: Duration) -> Result<(), Refusal> {
    world.limits.take(chat, now).map_err(Refusal::too_many)
}

/// Reads whether links in a text may show a preview.
pub(super) fn preview(params: &Params) -> Result<bool, Refusal> {
    let options = params.object("link_preview_options")?.unwrap_or_default();
    Ok(options["is_disabled"] != true && !params.flag("disable_web_page_preview"))
}

fn file(
    world: &mut World,
    params: &Params,
    now: Duration,
    kind: &'static str,
    max_bytes: usize,
) -> Result<Value, Refusal> {
    let target = target(world, params)?;
    no_parse_mode(params)?;
    let caption = text::read(params.text("caption"), params.object("caption_entities")?)?;
    if text::units(&caption.text) > MAX_CAPTION {
        return Err(bad("message caption is too long"));
    }
    // A file stands in the field itself, or in another part of the form that the field names.
    let part = params.text(kind).strip_prefix("attach://").unwrap_or(kind);
    let upload =
        params.uploads.get(part).ok_or_else(|| bad(&format!("there is no {kind} in the request")))?;
    match upload.bytes.len() {
        0 => return Err(bad("file must be non-empty")),
        length if length > max_bytes => return Err(Refusal::new(413, "Request Entity Too Large")),
        _ => {}
    }
    send(world, params, now, &target, |world| {
        let media = world.files.keep(kind, &upload.name, upload.bytes.clone(), None);
        Message { media: Some(media), ..Message::new(None, true, caption, clock::calendar()) }
    })
}

fn send(
    world: &mut World,
    params: &Params,
    now: Duration,
    target: &Target,
    make: impl FnOnce(&mut World) -> Message,
) -> Result<Value, Refusal> {
    let keyboard = keyboard::read(params.object("reply_markup")?)?;
    let preview = preview(params)?;
    pace(world, target.chat, now)?;
    let message = Message {
        from: Some(world.bot.clone()),
        keyboard,
        preview,
        reply_to: target.reply_to,
        thread: target.thread,
        silent: params.flag("disable_notification"),
        ..make(world)
    };
    let (_, description) = world.keep(target.chat, message, now).ok_or_else(|| bad("chat not found"))?;
    Ok(description)
}

fn target(world: &mut World, params: &Params) -> Result<Target, Refusal> {
    let bot = world.bot_id;
    let chat = world.named(params)?;
    let role = chat.members.get(&bot).copied().unwrap_or(Role::Left);
    let mut thread = params.number("message_thread_id");
    if let Some(thread) = thread {
        let topic = chat.topics.get(&thread).ok_or_else(|| bad("message thread not found"))?;
        if topic.closed && !role.manages_topics() {
            return Err(bad("TOPIC_CLOSED"));
        }
    }
    let reply = params.object("reply_parameters")?.unwrap_or_default();
    let mut reply_to = reply["message_id"].as_i64().or_else(|| params.number("reply_to_message_id"));
    if let Some(id) = reply_to {
        let without =
            reply["allow_sending_without_reply"] == true || params.flag("allow_sending_without_reply");
        match chat.messages.get(&id) {
            // A reply stands in the topic of what it answers.
            Some(earlier) => thread = thread.or(earlier.thread),
            None if without => reply_to = None,
            None => return Err(bad("message to be replied not found")),
        }
    }
    Ok(Target { chat: chat.id, thread, reply_to })
}
