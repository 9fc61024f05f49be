//! What the house says, as calls: send, edit, delete. One call each, and a second one without formatting where
//! the server would not have the first; when it goes is the pacer's business.

use serde::Deserialize;
use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use takopi_core::message::{Address, Body, MessageRef};
use takopi_core::port::transport::{SendError, SendOptions, Sent};
use teloxide_core::payloads::{
    DeleteMessage, EditMessageText, EditMessageTextSetters as _, SendMessage, SendMessageSetters as _,
};
use teloxide_core::requests::Payload;
use teloxide_core::types::{ChatId, LinkPreviewOptions, MessageEntity, MessageId, ReplyParameters, ThreadId};

use crate::api::{Api, CALL_TIMEOUT, CallError};
use crate::callback::Kept;
use crate::failure::{is_about_formatting, is_gone_already, is_unchanged, send_error};
use crate::keyboard::keyboard;
use crate::render::render;

/// What is read of a message that was sent: nothing else of it can make a sent message seem lost.
#[derive(Deserialize)]
struct Stands {
    message_id: i64,
}

/// The way out.
pub(crate) struct Outbound<'a> {
    pub(crate) api: &'a Api,
    pub(crate) kept: &'a Kept,
}

impl Outbound<'_> {
    /// Sends a body as a new message.
    ///
    /// # Errors
    /// [`SendError`] by what is known of the outcome.
    pub(crate) async fn send(
        &self,
        to: &Address,
        part: &Body,
        options: &SendOptions,
    ) -> Result<Sent, SendError> {
        let rendered = render(part);
        let payload = self.message(to, part, options, rendered.text)?;
        let with = |payload: SendMessage, entities| payload.entities(entities);
        let sent = self.formatted(payload, rendered.entities, with, to).await;
        let stands: Stands = sent.map_err(|error| send_error(error, to))?;
        let message = MessageRef { address: to.clone(), id: stands.message_id.to_string() };
        Ok(Sent { message, hint: None })
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
        let payload = EditMessageText::new(chat(to)?, MessageId(number(&message.id)?), rendered.text)
            .link_preview_options(no_preview())
            // Without a keyboard Telegram takes the buttons away; so does an empty one, which says so.
            .reply_markup(keyboard(&part.buttons, self.kept));
        let with = |payload: EditMessageText, entities| payload.entities(entities);
        match self.formatted::<_, IgnoredAny>(payload, rendered.entities, with, to).await {
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
    async fn formatted<P, R>(
        &self,
        payload: P,
        entities: Vec<MessageEntity>,
        with: impl Fn(P, Vec<MessageEntity>) -> P,
        to: &Address,
    ) -> Result<R, CallError>
    where
        P: Payload + Serialize + Clone,
        R: DeserializeOwned,
    {
        if entities.is_empty() {
            return self.api.call(&payload, CALL_TIMEOUT).await;
        }
        match self.api.call(&with(payload.clone(), entities), CALL_TIMEOUT).await {
            Err(error) if is_about_formatting(&error) => {
                tracing::warn!(chat = to.chat, %error, "sent without formatting");
                self.api.call(&payload, CALL_TIMEOUT).await
            }
            outcome => outcome,
        }
    }
}

/// Returns the chat an address lies in; one that is none of Telegram's is gone.
fn chat(address: &Address) -> Result<ChatId, SendError> {
    address.chat.parse().map(ChatId).map_err(|_| SendError::Gone)
}

/// Returns the number of a message or topic; one that is none of Telegram's is gone.
fn number(id: &str) -> Result<i32, SendError> {
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
