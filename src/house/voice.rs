//! Who hears the voice notes of a Telegram bot: the speech-to-text service that its table names.

use std::sync::Arc;

use anyhow::Context as _;
use takopi_core::id::InstanceId;
use takopi_core::port::Clock;
use takopi_telegram::VoiceConfig;
use takopi_voice::{SpeechEndpoint, VoiceSettings};

/// Returns the service that hears an instance's voice notes; `None` while transcription is switched off.
/// Nothing is asked of the network.
///
/// # Errors
/// When its address is none, with the key that names it.
pub(crate) fn ears(
    instance: &InstanceId,
    config: &VoiceConfig,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Option<SpeechEndpoint>> {
    if !config.transcription {
        return Ok(None);
    }
    let VoiceConfig { max_bytes, model, base_url, api_key, .. } = config.clone();
    let settings = VoiceSettings { model, max_bytes, base_url, api_key };
    let endpoint = SpeechEndpoint::new(settings, |name| std::env::var(name).ok(), clock)
        .with_context(|| format!("voice notes of [transports.{instance}] cannot be heard"))?;
    Ok(Some(endpoint))
}
