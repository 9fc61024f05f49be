//! What the house says, as calls: send, edit, delete. One call each, and a second one without formatting where
//! the server would not have the first; when it goes is the pacer's business.

use std::path::Path;

use reqwest::multipart::Form;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use takopi_core::message::{Address, Body, MessageRef, Sender};
use takopi_core::port::transport::{SendError, SendOptions, Sent};
use teloxide::payloads::{
    DeleteMessage, EditMessageText, EditMessageTextSetters as _, GetChatMember, SendMessage,
    SendMessageSetters as _,
};
use teloxide::requests::Payload;
use teloxide::types::{ChatId, LinkPreviewOptions, MessageId, ReplyParameters, ThreadId, UserId};

use crate::api::{Api, CALL_TIMEOUT, CallError};
use crate::callback::Kept;
use crate::document::{Document, document};
use crate::entity;
use crate::failure::{is_about_formatting, is_gone_already, is_unchanged, send_error};
use crate::keyboard::keyboard;
use crate::render::{Rendered, or_something, render};

/// The method that sends files (Bot API).
const SEND_DOCUMENT: &str = "sendDocument";

/// What is read of a message that was sent: nothing else of it can make a sent message seem lost.
#[derive(Deserialize)]
struct Stands {
    message_id: i64,
}

/// What is read of a member of a group (Bot API, ChatMember).
#[derive(Deserialize)]
struct Member {
    status: String,
}

/// The way out.
pub(crate) struct Outbound<'a> {
    pub(crate) api: &'a Api,
    pub(crate) kept: &'a Kept,
    /// Where files on their way out lie.
    pub(crate) spool: &'a Path,
}

impl Outbound<'_> {
    /// Sends a body as a new message: a text, or a file with what the body says below it.
    ///
    /// # Errors
    /// [`SendError`] by what is known of the outcome.
    pub(crate) async fn send(
        &self,
        to: &Address,
        part: &Body,
        options: &SendOptions,
    ) -> Result<Sent, SendError> {
        let sent = match document(part, self.spool) {
            Some(document) => self.send_file(to, part, options, &document).await,
            None => self.send_text(to, part, options).await,
        };
        let stands = sent?;
        let message = MessageRef { address: to.clone(), id: stands.message_id.to_string() };
        Ok(Sent { message, hint: None })
    }

    /// Returns whether somebody is an administrator of a group. Strangers are none.
    ///
    /// # Errors
    /// [`SendError`] when Telegram does not tell.
    pub(crate) async fn is_administrator(&self, group: &Address, person: &Sender) -> Result<bool, SendError> {
        let Ok(id) = person.id.parse::<u64>() else { return Ok(false) };
        let payload = GetChatMember::new(chat(group)?, UserId(id));
        let member: Result<Member, CallError> = self.api.call(&payload, CALL_TIMEOUT).await;
        match member {
            Ok(member) => Ok(matches!(member.status.as_str(), "creator" | "administrator")),
            Err(CallError::Refused { description, .. }) if is_stranger(&description) => Ok(false),
            Err(error) => Err(send_error(error, group)),
        }
    }

    async fn send_text(&self, to: &Address, part: &Body, options: &SendOptions) -> Result<Stands, SendError> {
        let rendered = render(part);
        let plain = self.message(to, part, options, or_something(rendered.without_entities().text))?;
        let payload = SendMessage { text: or_something(rendered.text), ..plain.clone() };
        let payload = payload.entities(entity::to_wire(&rendered.entities));
        self.formatted(&payload, &plain, to).await.map_err(|error| send_error(error, to))
    }

    /// Sends a document, and once more without formatting when the server will not have it.
    async fn send_file(
        &self,
        to: &Address,
        part: &Body,
        options: &SendOptions,
        document: &Document<'_>,
    ) -> Result<Stands, SendError> {
        let caption = render(part);
        let form = self.form(to, part, options, &caption)?;
        let (carried, bytes) = document.open().await?;
        let outcome = self.api.upload(SEND_DOCUMENT, form.part("document", carried), bytes).await;
        match outcome {
            Err(error) if is_about_formatting(&error) && !caption.entities.is_empty() => {
                tracing::warn!(chat = to.chat, %error, "sent without formatting");
                let form = self.form(to, part, options, &caption.without_entities())?;
                let (carried, bytes) = document.open().await?;
                self.api.upload(SEND_DOCUMENT, form.part("document", carried), bytes).await
            }
            outcome => outcome,
        }
        .map_err(|error| send_error(error, to))
    }

    /// Returns what is said with a document.
    fn form(
        &self,
        to: &Address,
        part: &Body,
        options: &SendOptions,
        caption: &Rendered,
    ) -> Result<Form, SendError> {
        let message = self.message(to, part, options, String::new())?;
        let json = |value: Result<String, serde_json::Error>| {
            value.map_err(|error| SendError::Denied(format!("it cannot be written as JSON: {error}")))
        };
        let mut form = Form::new()
            .text("chat_id", to.chat.clone())
            .text("disable_notification", (!options.notify).to_string());
        if !caption.text.is_empty() {
            form = form.text("caption", caption.text.clone());
        }
        if !caption.entities.is_empty() {
            let entities = json(serde_json::to_string(&entity::to_wire(&caption.entities)))?;
            form = form.text("caption_entities", entities);
        }
        if let Some(thread) = &to.thread {
            form = form.text("message_thread_id", thread.clone());
        }
        if let Some(reply) = &message.reply_parameters {
            form = form.text("reply_parameters", json(serde_json::to_string(reply))?);
        }
        if let Some(markup) = &message.reply_markup {
            form = form.text("reply_markup", json(serde_json::to_string(markup))?);
        }
        Ok(form)
    }

    fn message(
        &self,
        to: &Address,
        part: &Body,
        options: &SendOptions,
        text: String,
    ) -> Result<SendMessage, SendError> {
        let mut payload = SendMessage::new(chat(to)?, text)
            .link_preview_options(no_preview())
            .disable_notification(!options.notify);
        if let Some(thread) = &to.thread {
            payload = payload.message_thread_id(ThreadId(MessageId(number(thread)?)));
        }
        // A message elsewhere can't be replied to; what is said stands all the same.
        let replied = options.reply_to.as_ref().filter(|message| message.address.chat == to.chat);
        if let Some(id) = replied.and_then(|message| number(&message.id).ok()) {
            payload =
                payload.reply_parameters(ReplyParameters::new(MessageId(id)).allow_sending_without_reply());
        }
        if !part.buttons.is_empty() {
            payload = payload.reply_markup(keyboard(&part.buttons, self.kept));
        }
        Ok(payload)
    }

    /// Puts a body in the place of a message.
    ///
    /// # Errors
    /// [`SendError`] by what is known of the outcome.
    pub(crate) async fn edit(&self, message: &MessageRef, part: &Body) -> Result<Sent, SendError> {
        let rendered = render(part);
        let to = &message.address;
        let plain = or_something(rendered.without_entities().text);
        let plain = EditMessageText::new(chat(to)?, MessageId(number(&message.id)?), plain)
            .link_preview_options(no_preview())
            // Without a keyboard Telegram takes the buttons away; so does an empty one, which says so.
            .reply_markup(keyboard(&part.buttons, self.kept));
        let payload = EditMessageText { text: or_something(rendered.text), ..plain.clone() };
        let payload = payload.entities(entity::to_wire(&rendered.entities));
        match self.formatted::<_, IgnoredAny>(&payload, &plain, to).await {
            Err(error) if !is_unchanged(&error) => Err(send_error(error, to)),
            _ => Ok(Sent { message: message.clone(), hint: None }),
        }
    }

    /// Deletes a message; one that is gone is a success.
    ///
    /// # Errors
    /// [`SendError`] by what is known of the outcome.
    pub(crate) async fn delete(&self, message: &MessageRef) -> Result<(), SendError> {
        let to = &message.address;
        let payload = DeleteMessage::new(chat(to)?, MessageId(number(&message.id)?));
        match self.api.call::<_, IgnoredAny>(&payload, CALL_TIMEOUT).await {
            Ok(_) => Ok(()),
            Err(error) if is_gone_already(&error) => Ok(()),
            Err(error) => Err(send_error(error, to)),
        }
    }

    /// Calls with formatting, and once more without when the server will not have it.
    async fn formatted<P, R>(&self, payload: &P, plain: &P, to: &Address) -> Result<R, CallError>
    where
        P: Payload + Serialize,
        R: DeserializeOwned,
    {
        match self.api.call(payload, CALL_TIMEOUT).await {
            Err(error) if is_about_formatting(&error) => {
                tracing::warn!(chat = to.chat, %error, "sent without formatting");
                self.api.call(plain, CALL_TIMEOUT).await
            }
            outcome => outcome,
        }
    }
}

/// Returns whether the server says, in any of its words for that, that it knows no such member.
fn is_stranger(description: &str) -> bool {
    let words = ["PARTICIPANT_ID_INVALID", "USER_ID_INVALID", "user not found", "member not found"];
    words.iter().any(|words| description.contains(words))
}

/// Returns the chat an address lies in; one that is none of Telegram's is gone.
pub(crate) fn chat(address: &Address) -> Result<ChatId, SendError> {
    address.chat.parse().map(ChatId).map_err(|_| SendError::Gone)
}

/// Returns the number of a message or topic; one that is none of Telegram's is gone.
pub(crate) fn number(id: &str) -> Result<i32, SendError> {
    id.parse().map_err(|_| SendError::Gone)
}

/// Links in answers are not to be unfolded below them.
fn no_preview() -> LinkPreviewOptions {
    LinkPreviewOptions {
        is_disabled: true,
        url: None,
        prefer_small_media: false,
        prefer_large_media: false,
        show_above_text: false,
    }
}
