//! `takopi config`: where the settings are, what holds, what is wrong with them, and setting one of them.

use serde_json::Value as Json;
use takopi_core::settings::{Diagnostic, has_errors, names_a_secret};
use takopi_core::text::visible;
use toml_edit::Value;

use super::{ConfigCommand, ConfigGet, ConfigSet};
use crate::config::{self, Read};
use crate::draft::Draft;
use crate::place::Place;
use crate::report::{Exit, Failure, remark, say};

/// What stands for a secret.
const HIDDEN: &str = "•••";

pub(super) fn run(command: &ConfigCommand) -> Result<Exit, Failure> {
    match command {
        ConfigCommand::Path(config) => say(config.place()?.config.display()).map(|()| Exit::Done),
        ConfigCommand::Check(config) => check(&config.place()?),
        ConfigCommand::Get(arguments) => get(&arguments.config.place()?, arguments),
        ConfigCommand::Set(arguments) => set(&arguments.config.place()?, arguments),
    }
}

fn check(place: &Place) -> Result<Exit, Failure> {
    let mistakes = config::mistakes(place)?;
    if has_errors(&mistakes) {
        return Err(Failure::Settings(mistakes));
    }
    mistakes.iter().for_each(remark);
    let shown = place.shown(&place.config);
    say(match place.config.exists() {
        true => format!("{shown} can be used"),
        false => format!("there is no {shown}; everything has its default"),
    })?;
    Ok(Exit::Done)
}

fn get(place: &Place, arguments: &ConfigGet) -> Result<Exit, Failure> {
    let read = config::read(place, &[])?;
    let key = arguments.key.trim();
    let Some(mut value) = standing(place, &read, key).or_else(|| read.settings.raw(key)) else {
        return Err(Failure::told(format_args!("nothing is set at {}", visible(key)))
            .hint("takopi.toml.example lists every setting with its default")
            .hint(format_args!("set it with `takopi config set {} VALUE`", visible(key))));
    };
    if !arguments.reveal {
        hide(&mut value, key.split('.').any(is_secret));
    }
    say(shown(&value)?)?;
    Ok(Exit::Done)
}

/// Returns what holds at a key of the core's own, whether or not it is written.
fn standing(place: &Place, read: &Read, key: &str) -> Option<Json> {
    let settings = &read.settings;
    Some(match key {
        "watch_config" => settings.watch_config.into(),
        "max_parallel_runs" => settings.max_parallel_runs.into(),
        "serialize" => match settings.serialize {
            takopi_core::settings::SerializeBy::Session => "session".into(),
            takopi_core::settings::SerializeBy::Worktree => "worktree".into(),
        },
        "default_engine" => {
            let chosen = takopi_core::settings::default_engine(settings, &read.known.engines).ok();
            chosen.or_else(|| settings.default_engine.clone())?.as_str().into()
        }
        "transport" => settings.served().map(|instance| instance.id.to_string()).collect(),
        "ledger.retention_days" => settings.ledger.retention_days.into(),
        "ledger.path" => {
            let path = settings.ledger.path.clone().unwrap_or_else(|| place.ledger());
            path.display().to_string().into()
        }
        _ => return None,
    })
}

/// Returns whether a value at this part of a key is a secret; the path of a file that holds one is none.
fn is_secret(key: &str) -> bool {
    names_a_secret(key) && !key.ends_with("_file")
}

fn hide(value: &mut Json, secret: bool) {
    match value {
        Json::Object(table) => {
            table.iter_mut().for_each(|(key, value)| hide(value, secret || is_secret(key)));
        }
        Json::Array(items) => items.iter_mut().for_each(|item| hide(item, secret)),
        value if secret => *value = HIDDEN.into(),
        _ => {}
    }
}

/// Returns a text as it is, and anything else as TOML.
fn shown(value: &Json) -> Result<String, Failure> {
    let written = match value {
        Json::String(text) => return Ok(text.clone()),
        Json::Object(table) => toml::to_string(table).map_err(anyhow::Error::from)?,
        value => toml::Value::try_from(value).map_err(anyhow::Error::from)?.to_string(),
    };
    Ok(written.trim_end().to_owned())
}

fn set(place: &Place, arguments: &ConfigSet) -> Result<Exit, Failure> {
    let key = arguments.key.trim();
    let before = Draft::open(place)?;
    let draft = changed(place, &before, key, &arguments.value)?;
    draft.save(place)?;
    let hidden = key.split('.').any(is_secret);
    let value = if hidden { HIDDEN } else { arguments.value.trim() };
    remark(format_args!("{}: {} = {}", place.shown(&place.config), visible(key), visible(value)));
    let variable = format!("TAKOPI__{}", key.replace('.', "__").to_uppercase());
    if std::env::vars_os().any(|(name, _)| name.eq_ignore_ascii_case(&variable)) {
        remark(format_args!("{variable} is set and outranks it"));
    }
    let rest = config::mistakes(place)?;
    rest.iter().for_each(remark);
    Ok(Exit::Done)
}

/// Returns the file with `text` at `key`: as the TOML it spells, or as a text where that is what the key takes.
fn changed(place: &Place, before: &Draft, key: &str, text: &str) -> Result<Draft, Failure> {
    let mut refused = None;
    for value in text.trim().parse::<Value>().into_iter().chain([Value::from(text.trim())]) {
        let mut draft = before.clone();
        draft.put(key, value)?;
        let news = draft.news(place, before)?;
        match news.into_iter().next() {
            None => return Ok(draft),
            Some(mistake) => refused = refused.or(Some(mistake)),
        }
    }
    Err(refused.map_or_else(|| Failure::told("nothing was changed"), |mistake| refusal(&mistake)))
}

fn refusal(mistake: &Diagnostic) -> Failure {
    Failure::told(format_args!("nothing was changed: {}: {}", mistake.key, mistake.problem))
        .hint(&mistake.remedy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn place() -> Place {
        Place { config: "/nowhere/takopi.toml".into(), named: false, home: None }
    }

    fn set_in(text: &str, key: &str, value: &str) -> Result<String, String> {
        let before = Draft::parse(&place(), text).unwrap();
        changed(&place(), &before, key, value)
            .map(|draft| draft.text())
            .map_err(|failure| failure.to_string())
    }

    #[test]
    fn a_value_is_what_its_key_takes() {
        for (key, value, written) in [
            ("max_parallel_runs", "8", "max_parallel_runs = 8\n"),
            ("default_engine", "codex", "default_engine = \"codex\"\n"),
            ("transport", "[\"local\"]", "transport = [\"local\"]\n"),
            ("projects.app.worktree_base", "2", "[projects.app]\nworktree_base = \"2\"\n"),
        ] {
            assert_eq!(set_in("", key, value).as_deref(), Ok(written), "{key}");
        }
    }

    #[test]
    fn a_value_the_settings_would_refuse_is_refused_with_what_to_write() {
        let refused = set_in("", "max_parallel_runs", "many").unwrap_err();
        assert!(refused.contains("max_parallel_runs: expected a whole number"), "{refused}");
        let token = set_in("", "transports.telegram.bot_token", "hunter2!").unwrap_err();
        assert!(token.contains("this is no bot token") && !token.contains("hunter2"), "{token}");
    }

    #[test]
    fn secrets_are_dots_wherever_they_stand() {
        let mut value = json!({"bot_token": "1:x", "bot_token_file": "t", "env": {"API_KEY": "k"}, "n": 1});
        hide(&mut value, false);
        let dots = json!({"bot_token": "•••", "bot_token_file": "t", "env": {"API_KEY": "•••"}, "n": 1});
        assert_eq!(value, dots);
        assert_eq!(shown(&json!([1, "a"])).unwrap(), "[1, \"a\"]");
    }
}
