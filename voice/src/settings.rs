//! What the endpoint is set up with: what is written, and where nothing is, what the environment says, as
//! clients of OpenAI read it.

use reqwest::Url;
use takopi_core::port::SetupIssue;
use takopi_core::settings::Secret;

/// Where OpenAI's own API is: what its clients ask unless told otherwise.
const OPENAI_BASE_URL: &str = "https://api.openai.com/v1";

/// Why the endpoint cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum VoiceError {
    /// The base URL, from the config or from `OPENAI_BASE_URL`, is none.
    #[error("{from} is no address of a server; write e.g. http://127.0.0.1:8000/v1")]
    BaseUrl {
        /// Where it is written.
        from: &'static str,
    },
    /// The HTTP client cannot be made.
    #[error("the HTTP client for voice transcription cannot be made: {0}")]
    Client(String),
}

/// What is written about voice transcription; `None` is what the environment says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoiceSettings {
    /// The model: `voice_transcription_model`.
    pub model: String,
    /// Most bytes of one voice note: `voice_max_bytes`.
    pub max_bytes: u64,
    /// The API without the method's path: `voice_transcription_base_url`, else `OPENAI_BASE_URL`, else
    /// OpenAI's own.
    pub base_url: Option<String>,
    /// The key: `voice_transcription_api_key`, else `OPENAI_API_KEY`, else none, which OpenAI refuses and a
    /// server of one's own may not.
    pub api_key: Option<Secret>,
}

/// Whom to ask, with which key.
#[derive(Debug)]
pub(crate) struct Target {
    /// The method's address.
    pub(crate) url: Url,
    pub(crate) key: Option<Secret>,
    /// Whether nothing can be asked there without a key.
    pub(crate) wants_key: bool,
}

impl Target {
    /// Reads settings and environment.
    ///
    /// # Errors
    /// [`VoiceError::BaseUrl`].
    pub(crate) fn new(
        settings: &VoiceSettings,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, VoiceError> {
        let said =
            |name: &str| environment(name).map(|text| text.trim().to_owned()).filter(|t| !t.is_empty());
        let (from, base) = match (&settings.base_url, said("OPENAI_BASE_URL")) {
            (Some(written), _) => ("voice_transcription_base_url", written.trim().to_owned()),
            (None, Some(said)) => ("OPENAI_BASE_URL", said),
            (None, None) => ("voice_transcription_base_url", OPENAI_BASE_URL.to_owned()),
        };
        let base = base.trim_end_matches('/');
        let url = Url::parse(&format!("{base}/audio/transcriptions"))
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or(VoiceError::BaseUrl { from })?;
        let key = settings.api_key.clone().or_else(|| said("OPENAI_API_KEY").map(Secret::new));
        Ok(Self { url, key, wants_key: base == OPENAI_BASE_URL })
    }

    /// Returns what is missing.
    pub(crate) fn check(&self) -> Option<SetupIssue> {
        (self.wants_key && self.key.is_none()).then(|| SetupIssue {
            title: "there is no API key for voice transcription".to_owned(),
            remedy: vec![
                "write voice_transcription_api_key = \"…\" beside voice_transcription, or set OPENAI_API_KEY"
                    .to_owned(),
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(base_url: Option<&str>, key: Option<&str>, environment: &[(&str, &str)]) -> Target {
        asked(base_url, key, environment).unwrap()
    }

    fn asked(
        base_url: Option<&str>,
        key: Option<&str>,
        environment: &[(&str, &str)],
    ) -> Result<Target, VoiceError> {
        let settings = VoiceSettings {
            model: "m".to_owned(),
            max_bytes: 1,
            base_url: base_url.map(str::to_owned),
            api_key: key.map(Secret::new),
        };
        let said = |name: &str| {
            environment.iter().find(|(said, _)| *said == name).map(|(_, value)| (*value).to_owned())
        };
        Target::new(&settings, said)
    }

    #[test]
    fn what_is_written_outranks_the_environment_and_that_the_default() {
        let said = [("OPENAI_BASE_URL", "http://b/v1/"), ("OPENAI_API_KEY", " from-environment\n")];
        let written = target(Some("http://a:1/v1"), Some("written"), &said);
        assert_eq!(written.url.as_str(), "http://a:1/v1/audio/transcriptions");
        assert_eq!(written.key.unwrap().reveal(), "written");
        let found = target(None, None, &said);
        assert_eq!(found.url.as_str(), "http://b/v1/audio/transcriptions");
        assert_eq!(found.key.unwrap().reveal(), "from-environment");
        let usual = target(None, None, &[("OPENAI_BASE_URL", " ")]);
        assert_eq!(usual.url.as_str(), "https://api.openai.com/v1/audio/transcriptions");
    }

    #[test]
    fn only_openai_itself_needs_a_key() {
        assert!(target(None, None, &[]).check().is_some());
        assert!(target(None, Some("k"), &[]).check().is_none());
        assert!(target(Some("http://127.0.0.1:8000/v1"), None, &[]).check().is_none());
    }

    #[test]
    fn a_base_url_that_is_none_is_told_by_its_place() {
        for (written, said, place) in [
            (Some("127.0.0.1:8000"), "http://b", "voice_transcription_base_url"),
            (Some("file:///v1"), "http://b", "voice_transcription_base_url"),
            (None, "nowhere", "OPENAI_BASE_URL"),
        ] {
            let error = asked(written, None, &[("OPENAI_BASE_URL", said)]).unwrap_err();
            assert!(error.to_string().starts_with(place), "{error}");
        }
    }

    #[test]
    fn the_key_is_not_shown() {
        assert!(!format!("{:?}", target(None, Some("sk-1234567"), &[])).contains("sk-1234567"));
    }
}
