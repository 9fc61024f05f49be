//! `takopi onboard`: a bot set up in one go, of Telegram or of Discord. Everything is asked and tried first; the config
//! file is written at the end, as a whole, or not at all.

mod discord;
mod telegram;

use std::io::{self, IsTerminal};
use std::path::PathBuf;

use takopi_core::id::EngineId;
use takopi_core::settings::{KnownEngine, Secret};
use takopi_core::text::visible;
use toml_edit::Value;
use uuid::Uuid;

use super::ask;
use super::bot::{self, Stop};
use super::{OnboardArguments, runtime};
use crate::config::{self, Read};
use crate::draft::Draft;
use crate::place::Place;
use crate::report::{Exit, Failure, remark, say};
use crate::signals::Signals;

/// Digits of the code: 48 random bits, for ten minutes.
const CODE_DIGITS: usize = 12;

/// What is said and written of a service.
struct Service {
    /// Its name.
    name: &'static str,
    /// Where everything of the bot is written.
    table: &'static str,
    /// What can hold the token instead of the file, and is left to do so.
    variable: &'static str,
    /// Where people get a bot.
    where_from: &'static str,
    /// What stands over the token, its file, and the address of another server.
    comments: [&'static str; 3],
}

/// A key of a bot's table with why it is there.
type Key = (&'static str, Value, &'static str);

/// The bot and the person, once they have met.
enum Met {
    Telegram(telegram::Met),
    Discord(Box<discord::Met>),
}

impl Met {
    fn keys(&self) -> Vec<Key> {
        match self {
            Self::Telegram(met) => met.keys(),
            Self::Discord(met) => met.keys(),
        }
    }

    /// Says to the person that the bot can write to them.
    async fn say(&self) -> Result<(), Stop> {
        let text = "takopi can write here. It is ready once it is started on your machine.";
        match self {
            Self::Telegram(met) => met.say(text).await,
            Self::Discord(met) => met.say(text).await,
        }
    }
}

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
    let service = service(arguments)?;
    let place = arguments.config.place()?;
    let before = Draft::open(&place)?;
    let read = match place.config.exists() {
        true => config::read(&place, &[])?,
        false => config::defaults(&place)?,
    };
    let (token, kept) = token(arguments, service)?;
    let set = read.settings.raw(&format!("{}.api_url", service.table));
    let url = arguments.api_url.as_deref().or_else(|| set.as_ref()?.as_str());
    let runtime = runtime()?;
    runtime.block_on(async {
        let mut signals = Signals::listen()?;
        let met = match service.name {
            "Discord" => {
                Met::Discord(Box::new(discord::meet((url, &token), arguments.user_id, &mut signals).await?))
            }
            _ => {
                let setup = bot::free(&place, &read.settings, url, &token)?;
                Met::Telegram(telegram::meet(setup, &mut signals).await?)
            }
        };
        let answers = Answers {
            service,
            kept,
            url: arguments.api_url.clone(),
            keys: met.keys(),
            engine: engine(arguments, service, &read)?,
        };
        let draft = answers.written(&place, &before)?;
        if !arguments.yes {
            confirm(&place)?;
        }
        tokio::select! {
            said = met.say() => said?,
            _ = signals.stop() => return Err(Stop::Left),
        }
        draft.save(&place)?;
        say(format_args!("{} is written", place.shown(&place.config)))?;
        for mistake in config::mistakes(&place)? {
            remark(mistake);
        }
        say(match &met {
            Met::Telegram(_) => "start it with `takopi`, then write to the bot",
            Met::Discord(_) => "start it with `takopi`, then mention the bot in a channel",
        })?;
        Ok(())
    })
}

/// Returns the service that was named or chosen.
fn service(arguments: &OnboardArguments) -> Result<&'static Service, Stop> {
    if arguments.discord {
        return Ok(&discord::SERVICE);
    }
    if arguments.telegram || arguments.yes {
        return Ok(&telegram::SERVICE);
    }
    loop {
        let answer = ask::ask("Telegram or Discord? [Telegram]", "--telegram or --discord")?.to_lowercase();
        match answer.as_str() {
            "" | "telegram" | "t" => return Ok(&telegram::SERVICE),
            "discord" | "d" => return Ok(&discord::SERVICE),
            other => remark(format_args!("{} is neither", visible(other))),
        }
    }
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

fn token(arguments: &OnboardArguments, service: &Service) -> Result<(Secret, Kept), Stop> {
    if let Some(path) = &arguments.bot_token_file {
        let path = std::path::absolute(path)
            .map_err(|error| Failure::told(format_args!("no such path: {error}")))?;
        return Ok((bot::token_in(&path)?, Kept::File(path)));
    }
    if let Some(token) = std::env::var(service.variable).ok().filter(|token| !token.trim().is_empty()) {
        return Ok((Secret::new(token.trim()), Kept::Environment));
    }
    remark(service.where_from);
    let token = ask::ask_secret("The bot's token", "--bot-token-file PATH")?;
    Ok((token.clone(), Kept::Here(token)))
}

/// Returns a code that nobody guesses.
fn code() -> String {
    Uuid::new_v4().simple().to_string().chars().take(CODE_DIGITS).collect()
}

/// Returns the engine for messages that name none: the one that was named or chosen; `None` while none is installed.
fn engine(arguments: &OnboardArguments, service: &Service, read: &Read) -> Result<Option<EngineId>, Stop> {
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
        if named.as_str() == "shell" {
            tell_how_to_let_in(service, read);
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
        remark(
            "or let those who may use the bot run commands of your shell: type this again with --engine shell",
        );
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

/// Tells what the file lacks for the bot's people to use the shell, which is for this machine alone at first.
fn tell_how_to_let_in(service: &Service, read: &Read) {
    let instance = service.table.trim_start_matches("transports.");
    let let_in = read.settings.raw("engines.shell.transports");
    let let_in = let_in.as_ref().and_then(|names| names.as_array());
    if !let_in.is_some_and(|names| names.iter().any(|name| name.as_str() == Some(instance))) {
        remark("until the file lets the bot in, a shell is for this machine alone; write into it:");
        remark(format_args!("[engines.shell]\ntransports = [\"local\", \"{instance}\"]"));
    }
}

fn confirm(place: &Place) -> Result<(), Stop> {
    let question = format!("Write {}? [Y/n]", place.shown(&place.config));
    let answer = ask::ask(&question, "--yes")?.to_lowercase();
    if ["", "y", "yes"].contains(&answer.as_str()) { Ok(()) } else { Err(Stop::Left) }
}

/// What is to be written.
struct Answers {
    service: &'static Service,
    kept: Kept,
    url: Option<String>,
    /// What is the service's own.
    keys: Vec<Key>,
    engine: Option<EngineId>,
}

impl Answers {
    /// Returns the config file with them: with comments where the table is new.
    fn written(&self, place: &Place, before: &Draft) -> Result<Draft, Failure> {
        let mut draft = match before.has(self.service.table) {
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
    fn keys(&self) -> Vec<Key> {
        let [of_token, of_file, of_url] = self.service.comments;
        let token: Option<Key> = match &self.kept {
            Kept::Here(token) => Some(("bot_token", token.reveal().into(), of_token)),
            Kept::File(path) => Some(("bot_token_file", path.display().to_string().into(), of_file)),
            Kept::Environment => None,
        };
        let url: Option<Key> = self.url.as_ref().map(|url| ("api_url", url.as_str().into(), of_url));
        token.into_iter().chain(url).chain(self.keys.iter().cloned()).collect()
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
        lines.push(format!("\n# The {} bot.\n[{}]", self.service.name, self.service.table));
        if matches!(self.kept, Kept::Environment) {
            lines.push(format!("# The token is in {}.", self.service.variable));
        }
        lines.extend(self.keys().into_iter().map(|(key, value, why)| format!("# {why}\n{key} = {value}")));
        lines.push(String::new());
        lines.join("\n")
    }

    fn rewritten(&self, before: &Draft) -> Result<Draft, Failure> {
        let mut draft = before.clone();
        let table = self.service.table;
        // One of the two alone says where the token is.
        ["bot_token", "bot_token_file"].iter().for_each(|key| draft.remove(&format!("{table}.{key}")));
        for (key, value, _) in self.keys() {
            draft.put(&format!("{table}.{key}"), value)?;
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
            service: &telegram::SERVICE,
            kept: Kept::Here(Secret::new("123:abc")),
            url: None,
            keys: telegram::keys(-100, Some(7)),
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
