//! What the house says, as calls: send, edit, delete. One call each, and another where Discord will not have the
//! first: without a reply that cannot be, without buttons it refuses, out of the archive. When it goes is the
//! pacer's business.
//!
//! Nobody is mentioned but whom this file adds: the person an answer is for.

mod files;

use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};
use takopi_core::message::{Address, Body, MessageRef};
use takopi_core::port::transport::{RetryScope, SendError, SendOptions, Sent};
use takopi_core::time::Moment;

use self::files::{fit, named, uploads};
use crate::answers::{Answers, Next};
use crate::api::{Answer, Api, Call, CallError, Upload};
use crate::components::{Kept, hex};
use crate::failure::{
    Doing, is_about, is_archived, is_gone_already, is_over, is_unknown_channel, send_error,
};
use crate::places::{Kind, Places};
use crate::render::{MAX_TEXT, text_of};
use crate::route::Route;
use crate::threads::{Starters, reopen};

/// Flags of a message (Discord docs, "Message Flags"): links unfold nothing below it; it makes no sound.
const SUPPRESS_EMBEDS: u64 = 1 << 2;
const SUPPRESS_NOTIFICATIONS: u64 = 1 << 12;

/// Longest nonce is 25 characters (Discord docs, "Create Message").
const NONCE_CHARS: usize = 24;

/// What a message says that says nothing: Discord takes no empty ones.
const NOTHING: &str = "…";

/// The way out.
pub(crate) struct Outbound<'a> {
    pub(crate) api: &'a Api,
    pub(crate) kept: &'a Kept,
    pub(crate) starters: &'a Starters,
    pub(crate) places: &'a Places,
    pub(crate) answers: &'a Answers,
    /// The time.
    pub(crate) now: Moment,
    /// Where files on their way out lie.
    pub(crate) spool: &'a Path,
}

impl Outbound<'_> {
    /// Sends a laid-out body as a new message, in a thread that is opened for it where it is not there yet. A reply
    /// to an interaction is the answer to it.
    ///
    /// # Errors
    /// [`SendError`] by what is known of the outcome.
    pub(crate) async fn send(
        &self,
        to: &Address,
        part: &Body,
        options: &SendOptions,
    ) -> Result<Sent, SendError> {
        let files = uploads(part, self.spool).await?;
        let mut body = self.body(part, &files);
        if let Some(sent) = self.respond(to, &body, &files, options).await? {
            return Ok(sent);
        }
        self.starters.ready(self.api, to).await?;
        self.address(&mut body, to, options).await;
        let call = Call { files, ..Call::post(Route::messages(channel(to)), body) };
        let outcome = match self.fitting(call.clone(), to).await {
            Err(error) if is_unknown_channel(&error) && to.thread.is_some() => {
                self.starters.make(self.api, to).await?;
                self.fitting(call, to).await
            }
            outcome => outcome,
        };
        stands(to, outcome.map_err(|error| send_error(error, writing(to, part)))?)
    }

    /// Puts a laid-out body in the place of a message.
    ///
    /// # Errors
    /// [`SendError`] by what is known of the outcome.
    pub(crate) async fn edit(&self, message: &MessageRef, part: &Body) -> Result<Sent, SendError> {
        let to = &message.address;
        let mut body = self.body(part, &[]);
        // Without the key the buttons would stay.
        body["components"] = json!(self.kept.components(&part.buttons));
        let made = |route, body| Call::patch(route, body);
        let outcome = match self.answers.of(message, self.now) {
            Some(webhook) => match self.fitting(made(webhook.route(), body.clone()), to).await {
                Err(error) if is_over(&error) => self.fitting(made(self.plain(message), body), to).await,
                outcome => outcome,
            },
            None => self.fitting(made(self.plain(message), body), to).await,
        };
        let answer = outcome.map_err(|error| send_error(error, writing(to, part)))?;
        Ok(Sent { message: message.clone(), hint: answer.left })
    }

    /// Deletes a message; one that is gone is a success.
    ///
    /// # Errors
    /// [`SendError`] by what is known of the outcome.
    pub(crate) async fn delete(&self, message: &MessageRef) -> Result<(), SendError> {
        let made = |route| self.fitting(Call::new(Method::DELETE, route), &message.address);
        let outcome = match self.answers.of(message, self.now) {
            Some(webhook) => match made(webhook.route()).await {
                Err(error) if is_over(&error) => made(self.plain(message)).await,
                outcome => outcome,
            },
            None => made(self.plain(message)).await,
        };
        match outcome {
            Ok(_) => Ok(()),
            Err(error) if is_gone_already(&error) => Ok(()),
            Err(error) => Err(send_error(error, Doing::Deleting)),
        }
    }

    /// Answers an interaction, if that is what a message replies to and it can still be answered.
    async fn respond(
        &self,
        to: &Address,
        body: &Value,
        files: &[Upload],
        options: &SendOptions,
    ) -> Result<Option<Sent>, SendError> {
        let Some(asked) = &options.reply_to else { return Ok(None) };
        let claim = match self.answers.first(asked, self.now) {
            None => return Ok(None),
            Some(Next::Wait(after)) => {
                return Err(SendError::RetryAfter { after, scope: RetryScope::Chat });
            }
            Some(Next::Call(claim)) => claim,
        };
        fit(files, claim.max_upload())?;
        let (method, webhook) = claim.call();
        let call = Call {
            query: vec![("wait", "true".to_owned())],
            body: Some(claim.body(body.clone())),
            files: files.to_vec(),
            ..Call::new(method, webhook.route())
        };
        match self.fitting(call, to).await {
            Ok(answer) => {
                let sent = stands(to, answer)?;
                claim.stands(&sent.message);
                Ok(Some(sent))
            }
            // Too late, or deleted: what was to be said is said all the same.
            Err(error) if is_over(&error) || is_gone_already(&error) => {
                tracing::info!(%error, "an interaction is answered with a message");
                drop(claim);
                self.answers.lost(&asked.id);
                Ok(None)
            }
            Err(error) => {
                Err(send_error(error, Doing::Writing { in_thread: false, files: !files.is_empty() }))
            }
        }
    }

    /// Returns what every message has.
    fn body(&self, part: &Body, files: &[Upload]) -> Value {
        let text = text_of(part);
        let text = if text.trim().is_empty() && files.is_empty() { NOTHING.to_owned() } else { text };
        let mut body = json!({
            "content": text,
            "flags": SUPPRESS_EMBEDS,
            "allowed_mentions": {"parse": [], "replied_user": false},
        });
        if !part.buttons.is_empty() {
            body["components"] = json!(self.kept.components(&part.buttons));
        }
        if !files.is_empty() {
            body["attachments"] = named(files);
        }
        body
    }

    /// Adds what a new message has: whom it is for, whether they hear of it, and by what doubles are known.
    async fn address(&self, body: &mut Value, to: &Address, options: &SendOptions) {
        if !options.notify {
            body["flags"] = json!(SUPPRESS_EMBEDS | SUPPRESS_NOTIFICATIONS);
        }
        if let Some(nonce) = &options.nonce {
            let digits = hex(format!("{} {nonce}", channel(to)).as_bytes());
            body["nonce"] = json!(digits.chars().take(NONCE_CHARS).collect::<String>());
            body["enforce_nonce"] = json!(true);
        }
        let Some(reply) = &options.reply_to else { return };
        if self.home(reply) == channel(to) {
            body["message_reference"] = json!({"message_id": reply.id, "fail_if_not_exists": false});
            body["allowed_mentions"]["replied_user"] = json!(options.notify);
        } else if options.notify && to.thread.as_deref() == Some(&*reply.id) {
            // A message in the channel cannot be replied to from within the thread that it started.
            let asker = match &options.asked_by {
                Some(asker) => Some(asker.clone()),
                None => self.starters.author(self.api, reply).await,
            };
            if let Some(asker) = asker {
                mention(body, &asker);
            }
        }
    }

    /// Returns the channel in which a message stands. One that started a thread is addressed as in it, and has its
    /// id; only in a forum it stands there.
    fn home<'m>(&self, message: &'m MessageRef) -> &'m str {
        let chat = &message.address.chat;
        let is_forum = || {
            let facts = chat.parse().ok().and_then(|chat| self.places.channel(chat));
            facts.is_some_and(|facts| facts.kind == Kind::Forum)
        };
        match &message.address.thread {
            Some(thread) if *thread != message.id || is_forum() => thread,
            _ => chat,
        }
    }

    fn plain(&self, message: &MessageRef) -> Route {
        Route::message(self.home(message), &message.id)
    }

    /// Makes a call, and makes it fit where Discord refuses what can be left out.
    async fn fitting(&self, mut call: Call, at: &Address) -> Result<Answer, CallError> {
        let mut thread = at.thread.as_deref();
        loop {
            let error = match self.api.call(call.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let body = call.body.as_mut().and_then(Value::as_object_mut);
            let mended = if is_archived(&error) {
                match thread.take() {
                    Some(thread) => self.reopened(thread).await?,
                    None => false,
                }
            } else if is_about(&error, "message_reference") {
                body.is_some_and(|body| body.remove("message_reference").is_some())
            } else if is_about(&error, "components") {
                tracing::warn!(%error, "sent without buttons");
                body.and_then(|body| body.insert("components".to_owned(), json!([])))
                    .is_some_and(|buttons| buttons != json!([]))
            } else {
                false
            };
            if !mended {
                return Err(error);
            }
        }
    }

    /// Takes a thread out of the archive; returns whether that worked.
    async fn reopened(&self, thread: &str) -> Result<bool, CallError> {
        match reopen(self.api, thread).await {
            Ok(()) => Ok(true),
            Err(CallError::Refused { .. }) => Ok(false),
            // The call that follows was not made.
            Err(CallError::Unknown(text)) => Err(CallError::Unreachable(text)),
            Err(error) => Err(error),
        }
    }
}

/// Returns the channel or thread in which something written to an address stands.
fn channel(to: &Address) -> &str {
    to.thread.as_deref().unwrap_or(&to.chat)
}

fn writing(to: &Address, part: &Body) -> Doing {
    Doing::Writing { in_thread: to.thread.is_some(), files: !part.files.is_empty() }
}

/// Puts a mention above a text that has room for it.
fn mention(body: &mut Value, person: &str) {
    let text = body["content"].as_str().unwrap_or_default();
    let text = format!("<@{person}>\n{text}");
    if text.chars().nth(MAX_TEXT).is_none() {
        body["content"] = json!(text);
        body["allowed_mentions"]["users"] = json!([person]);
    }
}

/// Reads which message stands now.
fn stands(to: &Address, answer: Answer) -> Result<Sent, SendError> {
    let id = answer.body.get("id").and_then(Value::as_str);
    let id = id.ok_or_else(|| SendError::Unknown("the answer names no message".to_owned()))?;
    let message = MessageRef { address: to.clone(), id: id.to_owned() };
    Ok(Sent { message, hint: answer.left })
}

#[cfg(test)]
mod tests;
