//! Who hears the voice notes that a bot gets: the speech-to-text service that its table names.

use std::sync::Arc;

use anyhow::Context as _;
use takopi_core::id::InstanceId;
use takopi_core::port::Clock;
use takopi_discord::DiscordVoice;
use takopi_telegram::VoiceConfig;
use takopi_voice::{SpeechEndpoint, VoiceSettings};

use super::accounts::BotTable;

/// Returns the service that hears an instance's voice notes; `None` while transcription is switched off.
/// Nothing is asked of the network.
///
/// # Errors
/// When its address is none, with the key that names it.
pub(crate) fn ears(
    instance: &InstanceId,
    table: &BotTable,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Option<SpeechEndpoint>> {
    let Some(settings) = voice_of(table) else { return Ok(None) };
    let endpoint = SpeechEndpoint::new(settings, |name| std::env::var(name).ok(), clock)
        .with_context(|| format!("voice notes of [transports.{instance}] cannot be heard"))?;
    Ok(Some(endpoint))
}

/// Returns what a table says of voice notes; `None` while they are not heard.
pub(crate) fn voice_of(table: &BotTable) -> Option<VoiceSettings> {
    match table {
        BotTable::Telegram(config) => {
            let VoiceConfig { max_bytes, model, base_url, api_key, .. } = config.voice.clone();
            config.voice.transcription.then_some(VoiceSettings { model, max_bytes, base_url, api_key })
        }
        BotTable::Discord(config) => {
            let DiscordVoice { max_bytes, model, base_url, api_key, .. } = config.voice.clone();
            config.voice.enabled.then_some(VoiceSettings { model, max_bytes, base_url, api_key })
        }
    }
}
