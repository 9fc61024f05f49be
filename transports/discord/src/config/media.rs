//! `[transports.discord.files]` and `[transports.discord.voice_messages]`.

use takopi_core::port::transport::{AutoPut, FilePolicy};
use takopi_core::settings::{ConfigTable, FilesConfig, Secret, Table};

/// Most bytes of one file that is handed out, by default: what a bot may upload to a server without boosts
/// (Discord, "Uploading Files").
const DEFAULT_DOWNLOAD: i64 = 10 << 20;

/// Most bytes of one file that is stored, by default, as in the Python plugin.
const DEFAULT_UPLOAD: i64 = 20 << 20;

/// Most bytes of one file that may be allowed: what Discord takes in the most boosted servers.
const MOST_BYTES: i64 = 100 << 20;

/// Most bytes of a voice message that is fetched, by default.
const DEFAULT_VOICE: i64 = 10 << 20;

/// What `[transports.discord.files]` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscordFiles {
    /// What the tables of all services have in common.
    pub common: FilesConfig,
    /// Most bytes of one file that people store.
    pub max_upload_bytes: u64,
    /// Most bytes of one file that is handed to them.
    pub max_download_bytes: u64,
}

impl DiscordFiles {
    /// Returns what people may do with files; `None` when they are switched off or the table is wrong.
    #[must_use]
    pub fn policy(&self) -> Option<FilePolicy> {
        let mut policy = self.common.policy()?;
        // Where a thread is a conversation, what is written beside a file is meant for the agent.
        if policy.auto_put == AutoPut::Store {
            policy.auto_put = AutoPut::Prompt;
        }
        policy.rules.max_put_bytes = self.max_upload_bytes;
        policy.rules.max_get_bytes = self.max_download_bytes;
        Some(policy)
    }
}

impl ConfigTable for DiscordFiles {
    fn read(table: &mut Table<'_>) -> Self {
        Self {
            common: FilesConfig::read(table),
            max_upload_bytes: bytes(table, "max_upload_bytes", DEFAULT_UPLOAD),
            max_download_bytes: bytes(table, "max_download_bytes", DEFAULT_DOWNLOAD),
        }
    }
}

/// How voice messages become text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscordVoice {
    /// Whether they do.
    pub enabled: bool,
    /// Most bytes of one.
    pub max_bytes: u64,
    /// The model that is asked.
    pub model: String,
    /// Where it is asked, without the method's path; `None` is what the environment says.
    pub base_url: Option<String>,
    /// The key it is asked with; `None` is what the environment says.
    pub api_key: Option<Secret>,
}

impl ConfigTable for DiscordVoice {
    fn read(table: &mut Table<'_>) -> Self {
        let enabled = table.boolean("enabled", false);
        if table.string("whisper_model", "\"base\"").is_some() && enabled {
            table.warn(
                "whisper_model",
                "takopi runs no model of its own, so this is ignored",
                "write voice_transcription_model, and voice_transcription_base_url for a server of your own",
            );
        }
        Self {
            enabled,
            max_bytes: bytes(table, "max_bytes", DEFAULT_VOICE),
            model: table
                .string("voice_transcription_model", "\"gpt-4o-mini-transcribe\"")
                .unwrap_or_else(|| "gpt-4o-mini-transcribe".to_owned()),
            base_url: table.string("voice_transcription_base_url", "\"http://127.0.0.1:8000/v1\""),
            api_key: table.secret("voice_transcription_api_key"),
        }
    }
}

fn bytes(table: &mut Table<'_>, key: &str, default: i64) -> u64 {
    u64::try_from(table.integer(key, 1..=MOST_BYTES, default)).unwrap_or(u64::MAX)
}
