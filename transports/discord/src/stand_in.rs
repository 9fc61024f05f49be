//! Plain forms of what goes out, until rest's and render's parts are merged: one call each, no dialect.

use serde_json::{Value, json};
use takopi_core::message::{Address, Body, MessageRef};
use takopi_core::port::transport::{SendError, SendOptions, Sent};

use crate::api::{Answer, Api, Call};
use crate::config::Overflow;
use crate::failure::{Doing, is_gone_already, send_error};
use crate::route::Route;
use crate::threads::Starters;

/// Characters one message holds (Discord, "Create Message").
pub(crate) const MAX_TEXT_CHARS: usize = 2000;

// until render's part is merged
/// How bodies are cut.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    pub(crate) max_parts: usize,
    pub(crate) overflow: Overflow,
}

// until render's part is merged
pub(crate) fn lay_out(body: &Body, layout: &Layout) -> Vec<Body> {
    let text = text_of(body);
    let letters: Vec<char> = text.chars().collect();
    let mut parts: Vec<Body> =
        letters.chunks(MAX_TEXT_CHARS).map(|part| Body::markdown(part.iter().collect::<String>())).collect();
    parts.truncate(if layout.overflow == Overflow::Trim { 1 } else { layout.max_parts });
    if parts.is_empty() {
        parts.push(Body::default());
    }
    if let Some(last) = parts.last_mut() {
        (last.buttons, last.files) = (body.buttons.clone(), body.files.clone());
    }
    parts
}

// until render's part is merged
pub(crate) fn text_of(body: &Body) -> String {
    let paragraphs = [body.header.clone().unwrap_or_default(), body.text.clone(), body.footer.join("\n")];
    paragraphs.into_iter().filter(|paragraph| !paragraph.is_empty()).collect::<Vec<_>>().join("\n\n")
}

// until rest's part is merged
/// Makes one call of a laid-out body.
pub(crate) struct Outbound<'a> {
    pub(crate) api: &'a Api,
    pub(crate) starters: &'a Starters,
}

impl Outbound<'_> {
    pub(crate) async fn send(
        &self,
        to: &Address,
        part: &Body,
        options: &SendOptions,
    ) -> Result<Sent, SendError> {
        self.starters.ready(self.api, to).await?;
        let channel = to.thread.as_ref().unwrap_or(&to.chat);
        let mut body =
            json!({"content": text_of(part), "allowed_mentions": {"parse": [], "replied_user": false}});
        if let (Some(reply), Some(body)) = (&options.reply_to, body.as_object_mut())
            && to.thread.as_ref() != Some(&reply.id)
        {
            body.insert(
                "message_reference".to_owned(),
                json!({"message_id": reply.id, "fail_if_not_exists": false}),
            );
        }
        let answer = self.api.call(Call::post(Route::messages(channel), body)).await;
        let Answer { body, left } = answer.map_err(|error| send_error(error, writing(to)))?;
        let id = body.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(Sent { message: MessageRef { address: to.clone(), id }, hint: left })
    }

    pub(crate) async fn edit(&self, message: &MessageRef, part: &Body) -> Result<Sent, SendError> {
        let to = &message.address;
        let body =
            json!({"content": text_of(part), "allowed_mentions": {"parse": [], "replied_user": false}});
        let route = Route::message(to.thread.as_ref().unwrap_or(&to.chat), &message.id);
        let answer = self.api.call(Call::patch(route, body)).await;
        let answer = answer.map_err(|error| send_error(error, writing(to)))?;
        Ok(Sent { message: message.clone(), hint: answer.left })
    }

    pub(crate) async fn delete(&self, message: &MessageRef) -> Result<(), SendError> {
        let to = &message.address;
        let route = Route::message(to.thread.as_ref().unwrap_or(&to.chat), &message.id);
        match self.api.call(Call::new(reqwest::Method::DELETE, route)).await {
            Ok(_) => Ok(()),
            Err(error) if is_gone_already(&error) => Ok(()),
            Err(error) => Err(send_error(error, Doing::Deleting)),
        }
    }
}

fn writing(to: &Address) -> Doing {
    Doing::Writing { in_thread: to.thread.is_some(), files: false }
}
