//! Setting a bot up, outside any house: who it is, who writes to it, whether it can write there. Nothing here runs
//! what people write; whether what was heard is acknowledged is for the caller to say.

use std::fmt;
use std::time::Duration;

use serde::de::IgnoredAny;
use serde_json::Value;
use takopi_core::settings::Secret;
use teloxide::payloads::{GetMe, SendMessage};
use teloxide::types::ChatId;

use crate::api::{Api, CALL_TIMEOUT, CallError};
use crate::config::{DEFAULT_API_URL, looks_like_a_token};
use crate::error::TelegramError;
use crate::fingerprint;
use crate::inbound::{Me, WANTED, update_id};
use crate::poll::{POLL_SLACK, Poll};

/// How long the server holds a poll open: short, so that whoever waits is soon told of a server that is away.
const HEARING: Duration = Duration::from_secs(20);

/// A bot that is being set up.
#[derive(Debug)]
pub struct Setup {
    api: Api,
    server: String,
    next: Option<i64>,
}

/// A message that a bot got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// The chat's id.
    pub chat: i64,
    /// `private`, `group`, `supergroup` or `channel`.
    pub kind: String,
    /// The group's title, or the name of the person.
    pub title: String,
    /// Who wrote it; nobody when a group's administrator hides behind the group.
    pub user: Option<i64>,
    /// What was written.
    pub text: String,
}

/// Why a bot could not be asked or heard.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// The token is nobody's.
    #[error("{0} does not know this bot token")]
    Token(String),
    /// Another program receives the bot's messages.
    #[error("another program receives this bot's messages")]
    Rival,
    /// Something else; the text never holds the token.
    #[error("{0}")]
    Failed(String),
    /// Too much was asked; nothing was done.
    #[error("the server wants silence for {} s", .0.as_secs())]
    Wait(Duration),
}

impl Setup {
    /// Returns the bot of `token` at the Bot API server `url`, Telegram's own where that is `None`.
    ///
    /// # Errors
    /// [`TelegramError`] when this is no token or no HTTP client can be made.
    pub fn new(url: Option<&str>, token: &Secret) -> Result<Self, TelegramError> {
        if !looks_like_a_token(token.reveal()) {
            let text = "this is no bot token; @BotFather gives one like 123456789:AA…";
            return Err(TelegramError::Token(text.to_owned()));
        }
        let base = url.unwrap_or(DEFAULT_API_URL).trim_end_matches('/');
        let server = if base == DEFAULT_API_URL { "Telegram" } else { base };
        Ok(Self { api: Api::new(base, token.clone())?, server: server.to_owned(), next: None })
    }

    /// Returns the fingerprint by which lock files name the bot.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        fingerprint::of_token(self.api.token())
    }

    /// Asks who the bot is; returns its name, without the `@`. At most 40 s.
    ///
    /// # Errors
    /// [`SetupError`], by variant.
    pub async fn name(&self) -> Result<String, SetupError> {
        let me: Me = self.api.call(&GetMe::new(), CALL_TIMEOUT).await.map_err(|error| self.failed(error))?;
        Ok(me.username.unwrap_or_else(|| me.id.to_string()))
    }

    /// Waits up to 20 s for messages; returns those that wait, the oldest first. They go on waiting until they
    /// are [dismissed](Self::dismiss).
    ///
    /// # Errors
    /// [`SetupError`], by variant.
    pub async fn hear(&mut self) -> Result<Vec<Heard>, SetupError> {
        let (updates, _) = self.poll(HEARING).await?;
        Ok(updates.iter().filter_map(heard).collect())
    }

    /// Waits up to 20 s for messages as [`hear`](Self::hear) does, and lets go those that the last call returned.
    ///
    /// # Errors
    /// [`SetupError`], by variant.
    pub async fn hear_next(&mut self) -> Result<Vec<Heard>, SetupError> {
        let (updates, next) = self.poll(HEARING).await?;
        self.next = next.or(self.next);
        Ok(updates.iter().filter_map(heard).collect())
    }

    /// Lets go what [`hear_next`](Self::hear_next) returned last: takopi is not to run it.
    ///
    /// # Errors
    /// [`SetupError`], by variant.
    pub async fn dismiss(&mut self) -> Result<(), SetupError> {
        self.poll(Duration::ZERO).await.map(drop)
    }

    /// Says something in a chat. At most 40 s.
    ///
    /// # Errors
    /// [`SetupError`], by variant.
    pub async fn say(&self, chat: i64, text: &str) -> Result<(), SetupError> {
        let message = SendMessage::new(ChatId(chat), text);
        let said = self.api.call::<_, IgnoredAny>(&message, CALL_TIMEOUT).await;
        said.map(drop).map_err(|error| self.failed(error))
    }

    async fn poll(&self, patience: Duration) -> Result<(Vec<Value>, Option<i64>), SetupError> {
        let poll = Poll { offset: self.next, timeout: patience.as_secs(), allowed_updates: &WANTED };
        let updates: Vec<Value> =
            self.api.call(&poll, patience + POLL_SLACK).await.map_err(|error| self.failed(error))?;
        let next = updates.iter().filter_map(update_id).max().map(|last| last.saturating_add(1));
        Ok((updates, next))
    }

    fn failed(&self, error: CallError) -> SetupError {
        match error {
            CallError::Refused { code: 401 | 404, .. } => SetupError::Token(self.server.clone()),
            CallError::Refused { code: 409, .. } => SetupError::Rival,
            CallError::Limited(after) => SetupError::Wait(after),
            error => SetupError::Failed(format!("{}: {error}", self.server)),
        }
    }
}

/// Returns the message in an update, if it holds one.
fn heard(update: &Value) -> Option<Heard> {
    let message = update.get("message")?;
    let chat = message.get("chat")?;
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let name = || {
        let parts = [text(chat, "first_name"), text(chat, "last_name")];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
    };
    let user = message.get("from").filter(|from| from.get("is_bot") != Some(&Value::Bool(true)));
    Some(Heard {
        chat: chat.get("id")?.as_i64()?,
        kind: text(chat, "type").unwrap_or_default(),
        title: text(chat, "title").unwrap_or_else(name),
        user: user.and_then(|from| from.get("id")?.as_i64()),
        text: text(message, "text").unwrap_or_default(),
    })
}

impl fmt::Display for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} \"{}\")", self.chat, self.kind, self.title)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_message_tells_chat_and_person_and_a_hidden_administrator_is_nobody() {
        let person = json!({"update_id": 1, "message": {"message_id": 1, "date": 0, "text": "hi",
            "chat": {"id": 7, "type": "private", "first_name": "Ada", "last_name": "L"},
            "from": {"id": 7, "is_bot": false, "first_name": "Ada"}}});
        let told = heard(&person).unwrap();
        assert_eq!((told.chat, told.user, told.text.as_str()), (7, Some(7), "hi"));
        assert_eq!(told.to_string(), "7 (private \"Ada L\")");
        let hidden = json!({"message": {"chat": {"id": -100, "type": "supergroup", "title": "team"},
            "from": {"id": 1_087_968_824, "is_bot": true}}});
        let told = heard(&hidden).unwrap();
        assert_eq!((told.user, told.title.as_str(), told.text.as_str()), (None, "team", ""));
        assert_eq!(heard(&json!({"update_id": 3, "callback_query": {}})), None);
    }

    #[test]
    fn what_is_no_token_is_not_sent_anywhere() {
        let refused = Setup::new(None, &Secret::new("hunter2/../x")).unwrap_err();
        assert!(!refused.to_string().contains("hunter2"));
    }
}
