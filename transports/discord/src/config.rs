//! `[transports.discord]`: the table of this transport, typed. Every key of the Python plugin for Discord is read
//! under its own name, so that its config files load unchanged.

mod access;
mod media;

use std::path::PathBuf;
use std::time::Duration;

use takopi_core::port::transport::Trigger;
use takopi_core::settings::{ConfigTable, Secret, Table};

pub use access::{AccessConfig, Id};
pub use media::{DiscordFiles, DiscordVoice};

use crate::error::DiscordError;

/// Where Discord is.
pub(crate) const DEFAULT_API_URL: &str = "https://discord.com";

/// How long files that come one by one wait for each other, by default, as in the Python plugin.
const DEFAULT_BURST: Duration = Duration::from_millis(750);

/// Longest that anything here may be told to wait.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// Longest age a message may be allowed: what is older is not fetched after an absence either.
pub(crate) const LONGEST_BACKLOG: Duration = Duration::from_secs(24 * 3600);

/// Most messages one answer may be cut into: more would fill the screen of whoever else is there.
const MOST_PARTS: i64 = 20;

/// What becomes of answers that one message cannot hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overflow {
    /// They go on in further messages, and beyond `max_parts` in a file.
    Split,
    /// Their end is not shown.
    Trim,
    /// Their end is not shown; the whole of them goes along as a file.
    File,
}

/// Of which messages people's devices are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notify {
    /// Of answers.
    Final,
    /// Of none.
    Never,
}

/// What `[transports.discord]` says.
#[derive(Debug, Clone, PartialEq)]
pub struct DiscordConfig {
    /// The bot's token as it is written; see [`DiscordConfig::token`].
    pub bot_token: Option<Secret>,
    /// A file that holds the token alone.
    pub bot_token_file: Option<PathBuf>,
    /// Where Discord is, without a slash at its end.
    pub api_url: String,
    /// Who may speak where.
    pub access: AccessConfig,
    /// The channel that is told when takopi is ready; where it isn't written, one that has a project.
    pub startup_channel: Option<Id>,
    /// When a message is for the bot where nobody has set it.
    pub trigger: Trigger,
    /// What becomes of long answers.
    pub message_overflow: Overflow,
    /// Most messages one answer is cut into.
    pub max_parts: usize,
    /// Whether a thread continues its conversation: `session_mode = "thread"`.
    pub conversations: bool,
    /// Whether messages of a conversation show their resume line.
    pub show_resume_line: bool,
    /// Of which messages people's devices are told.
    pub notify: Notify,
    /// Whether others see that the bot is at work.
    pub typing: bool,
    /// Whether every new thread gets a worktree and a branch of its own.
    pub auto_worktree: bool,
    /// How long a burst of files waits for its next part.
    pub media_group_debounce: Duration,
    /// Whether messages of the time before the start are fetched.
    pub catch_up: bool,
    /// How old a message that was sent while nobody listened may be and still run by itself.
    pub backlog_max_age: Duration,
    /// Files.
    pub files: DiscordFiles,
    /// Voice messages.
    pub voice: DiscordVoice,
}

impl ConfigTable for DiscordConfig {
    fn read(table: &mut Table<'_>) -> Self {
        let (bot_token, bot_token_file) = read_token(table);
        Self {
            bot_token,
            bot_token_file,
            api_url: read_api_url(table),
            access: AccessConfig::read(table),
            startup_channel: access::read_id(table, "startup_channel_id"),
            trigger: table.choice(
                "trigger_mode_default",
                &[("involved", Trigger::Involved), ("mentions", Trigger::Mentions), ("all", Trigger::All)],
                Trigger::Involved,
            ),
            message_overflow: table.choice(
                "message_overflow",
                &[("split", Overflow::Split), ("trim", Overflow::Trim), ("file", Overflow::File)],
                Overflow::Split,
            ),
            max_parts: usize::try_from(table.integer("max_parts", 1..=MOST_PARTS, 5)).unwrap_or(1),
            conversations: table.choice(
                "session_mode",
                &[("thread", true), ("chat", true), ("stateless", false)],
                true,
            ),
            show_resume_line: table.boolean("show_resume_line", true),
            notify: table.choice(
                "notify",
                &[("final", Notify::Final), ("never", Notify::Never)],
                Notify::Final,
            ),
            typing: table.boolean("typing", true),
            auto_worktree: table.boolean("auto_worktree", false),
            media_group_debounce: table.seconds(
                "media_group_debounce_s",
                Duration::ZERO..=LONGEST_WAIT,
                DEFAULT_BURST,
            ),
            catch_up: table.boolean("catch_up", true),
            backlog_max_age: table.seconds(
                "backlog_max_age",
                Duration::ZERO..=LONGEST_BACKLOG,
                Duration::from_secs(3600),
            ),
            files: table.table("files"),
            voice: table.table("voice_messages"),
        }
    }
}

fn read_token(table: &mut Table<'_>) -> (Option<Secret>, Option<PathBuf>) {
    let token = table.secret("bot_token");
    let file = table.path("bot_token_file", "\"~/.takopi/discord_token\"");
    match (table.has("bot_token"), table.has("bot_token_file")) {
        (false, false) => table.error(
            "bot_token",
            "it is missing",
            "write the token of your application's Bot page (https://discord.com/developers/applications) as \
             bot_token = \"…\", or the path of a file that holds it as bot_token_file = \"…\", or set \
             TAKOPI__TRANSPORTS__DISCORD__BOT_TOKEN",
        ),
        (true, true) => table.warn(
            "bot_token_file",
            "bot_token is written too, so this is ignored",
            "remove one of the two",
        ),
        _ => {}
    }
    let token = token.and_then(|token| {
        let bare = bare_token(token.reveal());
        if bare.is_none() {
            let remedy = "copy it from the Bot page of your application, with Reset Token";
            table.error("bot_token", "this is no bot token", remedy);
        }
        bare
    });
    (token, file)
}

/// Returns a token as it goes into a header: without the word that stands before it there.
fn bare_token(text: &str) -> Option<Secret> {
    let text = text.trim();
    let bare = text.strip_prefix("Bot ").unwrap_or(text).trim_start();
    let legal = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    (!bare.is_empty() && bare.chars().all(legal)).then(|| Secret::new(bare))
}

fn read_api_url(table: &mut Table<'_>) -> String {
    let written = table.string("api_url", "\"http://127.0.0.1:8082\"");
    let Some(written) = written else { return DEFAULT_API_URL.to_owned() };
    let legal = reqwest::Url::parse(&written)
        .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host() && url.query().is_none());
    if !legal {
        let remedy = "write e.g. api_url = \"http://127.0.0.1:8082\", without /api/v10";
        table.error("api_url", "this is no address of a server", remedy);
        return DEFAULT_API_URL.to_owned();
    }
    written.trim_end_matches('/').to_owned()
}

impl DiscordConfig {
    /// Returns the bot's token, read from its file when it is not written itself.
    ///
    /// # Errors
    /// [`DiscordError::Token`] when there is none or the file cannot be used.
    pub fn token(&self) -> Result<Secret, DiscordError> {
        if let Some(token) = &self.bot_token {
            return Ok(token.clone());
        }
        let Some(path) = &self.bot_token_file else {
            return Err(DiscordError::Token("there is no bot token".to_owned()));
        };
        let shown = path.display();
        let text = std::fs::read_to_string(path).map_err(|error| {
            DiscordError::Token(format!("the bot token's file {shown} cannot be read: {error}"))
        })?;
        bare_token(&text)
            .ok_or_else(|| DiscordError::Token(format!("there is no bot token in the file {shown}")))
    }
}

#[cfg(test)]
mod tests;
