//! `takopi onboard`: a Telegram bot set up in one go. Everything is asked and tried first; the config file is
//! written at the end, as a whole, or not at all.

use std::io::{self, IsTerminal};
use std::path::PathBuf;

use takopi_core::id::EngineId;
use takopi_core::settings::{KnownEngine, Secret};
use takopi_core::text::visible;
use takopi_telegram::{Heard, Setup};
use toml_edit::{Array, Value};
use uuid::Uuid;

use super::ask;
use super::bot::{self, Keep, Stop};
use super::{OnboardArguments, runtime};
use crate::config::{self, Read};
use crate::draft::Draft;
use crate::place::Place;
use crate::report::{Exit, Failure, remark, say};
use crate::signals::Signals;

/// Where everything of the bot is written.
const TABLE: &str = "transports.telegram";

/// What can hold the token instead of the file, and is left to do so.
const VARIABLE: &str = "TAKOPI__TRANSPORTS__TELEGRAM__BOT_TOKEN";

/// Digits of the code: 48 random bits, for ten minutes.
const CODE_DIGITS: usize = 12;

pub(super) fn run(arguments: &OnboardArguments) -> Result<Exit, Failure> {
    match set_up(arguments) {
        Ok(()) => Ok(Exit::Done),
        Err(Stop::Left) => {
            remark("nothing was written");
            Ok(Exit::Interrupted)
        }
        Err(Stop::Failed(failure)) => Err(failure),
    }
}

fn set_up(arguments: &OnboardArguments) -> Result<(), Stop> {
    if !arguments.yes && !io::stdin().is_terminal() {
        let failure = Failure::told("there is no terminal to ask at");
        return Err(failure.hint("say everything with flags, and --yes").into());
    }
    let place = arguments.config.place()?;
    let before = Draft::open(&place)?;
    let read = match place.config.exists() {
        true => config::read(&place, &[])?,
        false => config::defaults(&place)?,
    };
    let (token, kept) = token(arguments)?;
    let url = arguments.api_url.as_deref();
    let mut setup = bot::free(&place, &read.settings, url, &token)?;
    let runtime = runtime()?;
    runtime.block_on(async {
        let mut signals = Signals::listen()?;
        let heard = introduce(&mut setup, &mut signals).await?;
        let answers = Answers {
            kept,
            url: arguments.api_url.clone(),
            chat: heard.chat,
            user: heard.user,
            engine: engine(arguments, &read)?,
        };
        let draft = answers.written(&place, &before)?;
        if !arguments.yes {
            confirm(&place)?;
        }
        tokio::select! {
            said = setup.say(heard.chat, "takopi can write here. It is ready once it is started on your machine.") => said?,
            _ = signals.stop() => return Err(Stop::Left),
        }
        draft.save(&place)?;
        say(format_args!("{} is written", place.shown(&place.config)))?;
        for mistake in config::mistakes(&place)? {
            remark(mistake);
        }
        say("start it with `takopi`, then write to the bot")?;
        Ok(())
    })
}

/// How the settings come to the token.
enum Kept {
    /// It is written.
    Here(Secret),
    /// It is in a file of its own.
    File(PathBuf),
    /// It is in the environment.
    Environment,
}

fn token(arguments: &OnboardArguments) -> Result<(Secret, Kept), Stop> {
    if let Some(path) = &arguments.bot_token_file {
        let path = std::path::absolute(path)
            .map_err(|error| Failure::told(format_args!("no such path: {error}")))?;
        return Ok((bot::token_in(&path)?, Kept::File(path)));
    }
    if let Some(token) = std::env::var(VARIABLE).ok().filter(|token| !token.trim().is_empty()) {
        return Ok((Secret::new(token.trim()), Kept::Environment));
    }
    remark("write /newbot to @BotFather in Telegram to get a bot; it answers with a token");
    let token = ask::ask_secret("The bot's token", "--bot-token-file PATH")?;
    Ok((token.clone(), Kept::Here(token)))
}

/// Checks the token, and learns the chat and the person from whoever sends the code.
async fn introduce(setup: &mut Setup, signals: &mut Signals) -> Result<Heard, Stop> {
    let name = tokio::select! {
        name = setup.name() => name?,
        _ = signals.stop() => return Err(Stop::Left),
    };
    let name = visible(&name).into_owned();
    let code: String = Uuid::new_v4().simple().to_string().chars().take(CODE_DIGITS).collect();
    say(format_args!("the bot is @{name}; from the chat you will use, send it\n\n    /start {code}\n"))?;
    say(format_args!(
        "or open https://t.me/{name}?start={code} and press Start. Waiting … (Ctrl-C ends this)"
    ))?;
    let wanted =
        |heard: &Heard| heard.user.is_some() && heard.text.split_whitespace().any(|word| word == code);
    let heard = bot::wait_for(setup, Keep::Nothing, signals, wanted).await?;
    // Nobody runs the code as a prompt.
    setup.dismiss().await?;
    say(format_args!("heard you in {}", visible(&heard.to_string())))?;
    Ok(heard)
}

/// Returns the engine for messages that name none: the one that was named or chosen; `None` while none is installed.
fn engine(arguments: &OnboardArguments, read: &Read) -> Result<Option<EngineId>, Stop> {
    let engines = &read.known.engines;
    if let Some(named) = &arguments.engine {
        let Some(engine) = engines.iter().find(|engine| engine.id == *named) else {
            let names: Vec<&str> = engines.iter().map(|engine| engine.id.as_str()).collect();
            return Err(Failure::told(format_args!("there is no engine {named}"))
                .hint(format_args!("engines are: {}", names.join(", ")))
                .into());
        };
        if !engine.installed {
            remark(engine.missing());
        }
        return Ok(Some(named.clone()));
    }
    let agents: Vec<&KnownEngine> = engines.iter().filter(|engine| engine.executable.is_some()).collect();
    let there: Vec<&str> =
        agents.iter().filter(|engine| engine.installed).map(|engine| engine.id.as_str()).collect();
    let usual = read.settings.default_engine.as_ref().map(EngineId::as_str).or(there.first().copied());
    let Some(usual) = usual else {
        remark("no coding agent is installed yet; each of these gets you one:");
        agents.iter().for_each(|engine| remark(engine.missing()));
        return Ok(None);
    };
    say(format_args!("engines found: {}", there.join(", ")))?;
    let mut chosen = usual.to_owned();
    while !arguments.yes && there.len() > 1 {
        let answer = ask::ask(&format!("The one to use [{usual}]"), "--engine ID")?;
        if answer.is_empty() || there.contains(&answer.as_str()) {
            chosen = if answer.is_empty() { chosen } else { answer };
            break;
        }
        remark(format_args!("{} is not among them", visible(&answer)));
    }
    Ok(Some(EngineId::parse(&chosen).map_err(Failure::told)?))
}

fn confirm(place: &Place) -> Result<(), Stop> {
    let question = format!("Write {}? [Y/n]", place.shown(&place.config));
    let answer = ask::ask(&question, "--yes")?.to_lowercase();
    if ["", "y", "yes"].contains(&answer.as_str()) { Ok(()) } else { Err(Stop::Left) }
}

/// What is to be written.
struct Answers {
    kept: Kept,
    url: Option<String>,
    chat: i64,
    user: Option<i64>,
    engine: Option<EngineId>,
}

impl Answers {
    /// Returns the config file with them: with comments where the table is new.
    fn written(&self, place: &Place, before: &Draft) -> Result<Draft, Failure> {
        let mut draft = match before.has(TABLE) {
            true => self.rewritten(before)?,
            false => Draft::parse(place, &self.appended(before))?,
        };
        if let Some(engine) = &self.engine
            && !(before.text().is_empty() && draft.has("default_engine"))
        {
            draft.put("default_engine", engine.as_str().into())?;
        }
        match draft.news(place, before)?.into_iter().next() {
            None => Ok(draft),
            Some(mistake) => Err(Failure::Settings(vec![mistake])),
        }
    }

    /// Returns the keys of the table with why they are there.
    fn keys(&self) -> Vec<(&'static str, Value, &'static str)> {
        let mut keys = Vec::new();
        match &self.kept {
            Kept::Here(token) => {
                keys.push((
                    "bot_token",
                    token.reveal().into(),
                    "From @BotFather. Whoever has it has the bot.",
                ));
            }
            Kept::File(path) => {
                let path = path.display().to_string();
                keys.push(("bot_token_file", path.into(), "A file that holds the token from @BotFather."));
            }
            Kept::Environment => {}
        }
        if let Some(url) = &self.url {
            keys.push((
                "api_url",
                url.as_str().into(),
                "The Bot API server, in the place of Telegram's own.",
            ));
        }
        keys.push(("chat_id", self.chat.into(), "The chat that is told when takopi is ready."));
        let people: Array = self.user.into_iter().collect();
        keys.push((
            "allowed_user_ids",
            people.into(),
            "Who may speak to the bot; everybody else meets silence.",
        ));
        keys
    }

    fn appended(&self, before: &Draft) -> String {
        let mut lines: Vec<String> = Vec::new();
        let old = before.text();
        if old.trim().is_empty() {
            lines.push(
                "# The settings of takopi; what isn't written has its default. `takopi config check` reads"
                    .to_owned(),
            );
            lines.push("# them as a start does.".to_owned());
            if let Some(engine) = &self.engine {
                lines.push("\n# The engine for messages that name none.".to_owned());
                lines.push(format!("default_engine = {}", Value::from(engine.as_str())));
            }
        } else {
            lines.push(old.trim_end().to_owned());
        }
        if !before.has("transports") {
            lines.push("\n# The page and the terminal of this machine.\n[transports.local]".to_owned());
        }
        lines.push(format!("\n# The Telegram bot.\n[{TABLE}]"));
        if matches!(self.kept, Kept::Environment) {
            lines.push(format!("# The token is in {VARIABLE}."));
        }
        lines.extend(self.keys().into_iter().map(|(key, value, why)| format!("# {why}\n{key} = {value}")));
        lines.push(String::new());
        lines.join("\n")
    }

    fn rewritten(&self, before: &Draft) -> Result<Draft, Failure> {
        let mut draft = before.clone();
        // One of the two alone says where the token is.
        ["bot_token", "bot_token_file"].iter().for_each(|key| draft.remove(&format!("{TABLE}.{key}")));
        for (key, value, _) in self.keys() {
            draft.put(&format!("{TABLE}.{key}"), value)?;
        }
        Ok(draft)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(before: &str) -> Result<String, String> {
        let place = Place { config: "/nowhere/takopi.toml".into(), named: false, home: None };
        let answers = Answers {
            kept: Kept::Here(Secret::new("123:abc")),
            url: None,
            chat: -100,
            user: Some(7),
            engine: EngineId::parse("codex").ok(),
        };
        let before = Draft::parse(&place, before).unwrap();
        answers.written(&place, &before).map(|draft| draft.text()).map_err(|failure| failure.to_string())
    }

    #[test]
    fn a_new_file_says_what_its_keys_are_for() {
        insta::assert_snapshot!(written("").unwrap());
    }

    #[test]
    fn what_is_written_already_stays() {
        let old = "# mine\nwatch_config = true\n\n[transports.telegram]\n# old\nbot_token_file = 't'\nchat_id = 5 # main\n";
        assert_eq!(
            written(old).unwrap(),
            "# mine\nwatch_config = true\ndefault_engine = \"codex\"\n\n[transports.telegram]\nchat_id = -100 # main\n\
             bot_token = \"123:abc\"\nallowed_user_ids = [7]\n"
        );
        let other = written("[transports.local]\nport = 9000\n").unwrap();
        assert!(
            other.starts_with("default_engine = \"codex\"\n[transports.local]\nport = 9000\n"),
            "{other}"
        );
        assert_eq!(other.matches("[transports.local]").count(), 1);
    }
}
