//! Homes for agent CLIs: everything they keep lies in one folder, all they ask is the scripted model, and nothing is
//! told to anybody else.
//!
//! [`furnish`] writes the settings and returns the environment to start them in; [`Outside`] shows whether one tries to
//! reach further. The keys are made up: the model doesn't look at them.

mod outside;

use std::io;
use std::path::Path;

use serde_json::json;

pub use outside::Outside;

/// Retries that codex, claude and pi make after a failed request. Their own defaults take minutes.
pub const RETRIES: u32 = 2;

/// Writes the settings of codex, claude, opencode and pi below `place`, so that they ask the model at `url`.
/// Returns the variables of their environment, `HOME` among them and `PATH` not.
///
/// # Errors
/// When the folder cannot be written, or isn't named in UTF-8.
pub fn furnish(place: &Path, url: &str) -> io::Result<Vec<(String, String)>> {
    let place =
        place.to_str().ok_or_else(|| io::Error::other("the folder of homes is not named in UTF-8"))?;
    let write = |path: &str, text: &str| {
        let path = Path::new(place).join(path);
        std::fs::create_dir_all(path.parent().unwrap_or(&path))?;
        std::fs::write(path, text)
    };
    write("codex/config.toml", &codex(url))?;
    write("claude/settings.json", &claude(url).to_string())?;
    write("config/opencode/opencode.json", &opencode(url).to_string())?;
    write("pi/models.json", &pi_models(url).to_string())?;
    write("pi/settings.json", &pi_settings().to_string())?;
    std::fs::create_dir_all(Path::new(place).join("home"))?;

    let folders = [
        ("HOME", "home"),
        ("XDG_CONFIG_HOME", "config"),
        ("XDG_DATA_HOME", "data"),
        ("XDG_CACHE_HOME", "cache"),
        ("XDG_STATE_HOME", "state"),
        ("CODEX_HOME", "codex"),
        ("CLAUDE_CONFIG_DIR", "claude"),
        ("PI_CODING_AGENT_DIR", "pi"),
    ];
    let folders = folders.map(|(name, folder)| (name.to_owned(), format!("{place}/{folder}")));
    let switches = SWITCHES.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Ok(folders.into_iter().chain(switches).collect())
}

/// What turns off updates, telemetry and downloads where no settings file can.
const SWITCHES: [(&str, &str); 10] = [
    ("NO_COLOR", "1"),
    ("SCRIPTED_MODEL_KEY", "made-up"),
    ("OPENCODE_DISABLE_AUTOUPDATE", "1"),
    ("OPENCODE_DISABLE_MODELS_FETCH", "1"),
    ("OPENCODE_DISABLE_LSP_DOWNLOAD", "1"),
    ("OPENCODE_DISABLE_DEFAULT_PLUGINS", "1"),
    ("OPENCODE_DISABLE_SHARE", "1"),
    // It has a part of npm in it, with which it would fetch the types for plugins.
    ("npm_config_offline", "true"),
    ("PI_OFFLINE", "1"),
    ("PI_TELEMETRY", "0"),
];

fn codex(url: &str) -> String {
    // It tells only of the retries that it makes for a whole stream; those for a request alone are silent.
    format!(
        r#"model = "scripted"
model_provider = "scripted"
approval_policy = "never"
sandbox_mode = "danger-full-access"
check_for_update_on_startup = false
[analytics]
enabled = false
[features]
plugins = false
remote_plugin = false
apps = false
[model_providers.scripted]
name = "scripted"
base_url = "{url}/v1"
env_key = "SCRIPTED_MODEL_KEY"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = {RETRIES}
"#
    )
}

fn claude(url: &str) -> serde_json::Value {
    // Here and not in the environment: an engine may take keys and tokens out of that.
    json!({"env": {
        "ANTHROPIC_BASE_URL": url,
        "ANTHROPIC_AUTH_TOKEN": "made-up",
        "CLAUDE_CODE_MAX_RETRIES": RETRIES.to_string(),
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
        "DISABLE_TELEMETRY": "1",
        "DISABLE_ERROR_REPORTING": "1",
    }})
}

fn opencode(url: &str) -> serde_json::Value {
    json!({
        "autoupdate": false,
        "share": "disabled",
        "model": "scripted/scripted",
        "small_model": "scripted/small",
        "provider": {"scripted": {
            "npm": "@ai-sdk/openai-compatible",
            "name": "scripted",
            "options": {"baseURL": format!("{url}/v1"), "apiKey": "made-up"},
            "models": {
                "scripted": {"name": "scripted", "tool_call": true, "limit": {"context": 400_000, "output": 16_000}},
                "small": {"name": "small", "limit": {"context": 400_000, "output": 16_000}},
            },
        }},
    })
}

fn pi_models(url: &str) -> serde_json::Value {
    let model = json!({"id": "scripted", "name": "scripted", "contextWindow": 400_000, "maxTokens": 16_000});
    json!({"providers": {"scripted": {"baseUrl": format!("{url}/v1"), "api": "openai-completions",
        "apiKey": "made-up", "models": [model]}}})
}

fn pi_settings() -> serde_json::Value {
    json!({"defaultProvider": "scripted", "defaultModel": "scripted",
        "retry": {"enabled": true, "maxRetries": RETRIES, "baseDelayMs": 100}})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_written_and_named_lies_below_the_place() {
        let place = tempfile::tempdir().unwrap();
        let environment = furnish(place.path(), "http://127.0.0.1:9").unwrap();
        for (name, value) in environment.iter().filter(|(_, value)| value.contains('/')) {
            assert!(Path::new(value).starts_with(place.path()), "{name}={value}");
        }
        for file in
            ["codex/config.toml", "claude/settings.json", "config/opencode/opencode.json", "pi/models.json"]
        {
            let text = std::fs::read_to_string(place.path().join(file)).unwrap();
            assert!(text.contains("http://127.0.0.1:9"), "{file}: {text}");
        }
    }
}
