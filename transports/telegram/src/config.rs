//! `[transports.telegram]`: the table of this transport, typed. Every key of the Python takopi is read under
//! its own name, so that its config files load unchanged.

mod topics;

use std::path::PathBuf;
use std::time::Duration;

use takopi_core::settings::{ConfigTable, FilesConfig, Secret, SessionMode, Table};

pub use topics::{TopicScope, TopicsConfig};

use crate::error::TelegramError;
use crate::render::Overflow;

/// Where Telegram's own Bot API server is.
pub(crate) const DEFAULT_API_URL: &str = "https://api.telegram.org";

/// Most bytes of a voice note that are fetched, by default: the Bot API hands out files of up to 20 MB.
const DEFAULT_VOICE_BYTES: i64 = 10 * 1024 * 1024;

/// How long a prompt waits for forwarded messages, by default: clients send both in one go, so that they arrive
/// within some milliseconds of each other.
const DEFAULT_FORWARD: Duration = Duration::from_millis(150);

/// Longest that anything here may be told to wait.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// Longest age a message may be allowed: the Bot API keeps updates for 24 hours.
const LONGEST_BACKLOG: Duration = Duration::from_secs(24 * 3600);

/// How voice notes become text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoiceConfig {
    /// Whether they do.
    pub transcription: bool,
    /// Most bytes of one.
    pub max_bytes: u64,
    /// The model that is asked.
    pub model: String,
    /// Where it is asked, without the method's path; `None` is what the environment says.
    pub base_url: Option<String>,
    /// The key it is asked with; `None` is what the environment says.
    pub api_key: Option<Secret>,
}

/// What `[transports.telegram]` says.
#[derive(Debug, Clone, PartialEq)]
pub struct TelegramConfig {
    /// The bot's token as it is written; see [`TelegramConfig::token`].
    pub bot_token: Option<Secret>,
    /// A file that holds the token alone.
    pub bot_token_file: Option<PathBuf>,
    /// The Bot API server, without a slash at its end.
    pub api_url: String,
    /// The main chat, which gets the startup message.
    pub chat_id: Option<i64>,
    /// Who may speak; empty is everybody in the chats that are served.
    pub allowed_user_ids: Vec<i64>,
    /// What becomes of long answers.
    pub(crate) message_overflow: Overflow,
    /// What a plain message continues.
    pub session_mode: SessionMode,
    /// Whether messages of a conversation show their resume line.
    pub show_resume_line: bool,
    /// How long a prompt waits for forwarded messages that belong to it.
    pub forward_coalesce: Duration,
    /// How long an album waits for its next part.
    pub media_group_debounce: Duration,
    /// How old a message that was sent while nobody listened may be and still run by itself.
    pub backlog_max_age: Duration,
    /// Voice notes.
    pub voice: VoiceConfig,
    /// Forum topics.
    pub topics: TopicsConfig,
    /// Files.
    pub files: FilesConfig,
}

impl ConfigTable for TelegramConfig {
    fn read(table: &mut Table<'_>) -> Self {
        let (bot_token, bot_token_file) = read_token(table);
        let main_chat = table.chat_id("chat_id");
        if !table.has("chat_id") {
            table.missing("chat_id", "123456789");
        }
        Self {
            bot_token,
            bot_token_file,
            api_url: read_api_url(table),
            chat_id: main_chat,
            allowed_user_ids: table.integers("allowed_user_ids", "[123456789]").unwrap_or_default(),
            message_overflow: table.choice(
                "message_overflow",
                &[("trim", Overflow::Trim), ("split", Overflow::Split), ("file", Overflow::File)],
                Overflow::Trim,
            ),
            session_mode: SessionMode::read(table),
            show_resume_line: table.boolean("show_resume_line", true),
            forward_coalesce: wait(table, "forward_coalesce_s", DEFAULT_FORWARD),
            media_group_debounce: wait(table, "media_group_debounce_s", Duration::from_secs(1)),
            backlog_max_age: table.seconds(
                "backlog_max_age",
                Duration::ZERO..=LONGEST_BACKLOG,
                Duration::from_secs(3600),
            ),
            voice: read_voice(table),
            topics: table.table("topics"),
            files: table.table("files"),
        }
    }
}

fn wait(table: &mut Table<'_>, key: &str, default: Duration) -> Duration {
    table.seconds(key, Duration::ZERO..=LONGEST_WAIT, default)
}

fn read_token(table: &mut Table<'_>) -> (Option<Secret>, Option<PathBuf>) {
    let token = table.secret("bot_token");
    let file = table.path("bot_token_file", "\"~/.takopi/bot_token\"");
    match (table.has("bot_token"), table.has("bot_token_file")) {
        (false, false) => table.error(
            "bot_token",
            "it is missing",
            "write the token @BotFather gave you as bot_token = \"…\", or the path of a file that holds it as \
             bot_token_file = \"…\", or set TAKOPI__TRANSPORTS__TELEGRAM__BOT_TOKEN",
        ),
        (true, true) => table.warn(
            "bot_token_file",
            "bot_token is written too, so this is ignored",
            "remove one of the two",
        ),
        _ => {}
    }
    let token = token.filter(|token| {
        let looks = looks_like_a_token(token.reveal());
        if !looks {
            table.error("bot_token", "this is no bot token", "write it as @BotFather gave it: 123456789:AA…");
        }
        looks
    });
    (token, file)
}

/// Returns whether `text` can stand in a Bot API path: digits, a colon, and letters of the URL-safe alphabet.
pub(crate) fn looks_like_a_token(text: &str) -> bool {
    let legal =
        |rest: &str| rest.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_".contains(letter));
    text.split_once(':').is_some_and(|(id, rest)| {
        !id.is_empty() && id.chars().all(|digit| digit.is_ascii_digit()) && !rest.is_empty() && legal(rest)
    })
}

fn read_api_url(table: &mut Table<'_>) -> String {
    let written = table.string("api_url", "\"http://127.0.0.1:8081\"");
    let Some(written) = written else { return DEFAULT_API_URL.to_owned() };
    let legal = reqwest::Url::parse(&written)
        .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host() && url.query().is_none());
    if !legal {
        table.error(
            "api_url",
            "this is no address of a server",
            "write e.g. api_url = \"http://127.0.0.1:8081\"",
        );
        return DEFAULT_API_URL.to_owned();
    }
    written.trim_end_matches('/').to_owned()
}

fn read_voice(table: &mut Table<'_>) -> VoiceConfig {
    let bytes = table.integer("voice_max_bytes", 1..=i64::MAX, DEFAULT_VOICE_BYTES);
    VoiceConfig {
        transcription: table.boolean("voice_transcription", false),
        max_bytes: u64::try_from(bytes).unwrap_or(u64::MAX),
        model: table
            .string("voice_transcription_model", "\"gpt-4o-mini-transcribe\"")
            .unwrap_or_else(|| "gpt-4o-mini-transcribe".to_owned()),
        base_url: table.string("voice_transcription_base_url", "\"http://127.0.0.1:8000/v1\""),
        api_key: table.secret("voice_transcription_api_key"),
    }
}

impl TelegramConfig {
    /// Returns the bot's token, read from its file when it is not written itself.
    ///
    /// # Errors
    /// [`TelegramError::Token`] when there is none or the file cannot be used.
    pub fn token(&self) -> Result<Secret, TelegramError> {
        if let Some(token) = &self.bot_token {
            return Ok(token.clone());
        }
        let Some(path) = &self.bot_token_file else {
            return Err(TelegramError::Token("there is no bot token".to_owned()));
        };
        let text = std::fs::read_to_string(path).map_err(|error| {
            TelegramError::Token(format!("the bot token's file {} cannot be read: {error}", path.display()))
        })?;
        let token = text.trim();
        if !looks_like_a_token(token) {
            return Err(TelegramError::Token(format!(
                "there is no bot token in the file {}",
                path.display()
            )));
        }
        Ok(Secret::new(token))
    }

    /// Returns whether anybody in a group could command the agents here: a group is served, by its negative
    /// id, and nobody says who may speak. `chats` are those of projects.
    #[must_use]
    pub fn is_open_to_a_group(&self, chats: &[i64]) -> bool {
        self.allowed_user_ids.is_empty() && self.chat_id.iter().chain(chats).any(|chat| *chat < 0)
    }
}

#[cfg(test)]
mod tests;
