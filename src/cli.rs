//! The command line: what can be typed, and which file acts on it.
//!
//! Parsing touches nothing: `--help` and `--version` read no config and start no runtime.

mod ask;
mod bot;
mod chat;
mod chat_id;
mod completions;
mod config;
mod doctor;
mod onboard;
mod pair;
mod plugins;
mod serve;
mod status;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, CommandFactory, Parser, Subcommand};
use takopi_core::id::{EngineId, PluginId};
use takopi_core::settings::{Override, closest};
use takopi_local::ConversationId;

pub(crate) use status::elapsed;

use crate::place::Place;
use crate::report::{Exit, Failure};

/// Write to a chat, and a coding agent works on your machine.
#[derive(Debug, Parser)]
#[command(
    name = "takopi",
    version,
    disable_help_subcommand = true,
    args_conflicts_with_subcommands = true,
    max_term_width = 100,
    after_help = "Without a command the daemon runs: it serves the page on this machine and every transport that is \
                  configured.\nThe settings are in ~/.takopi/takopi.toml; without that file everything has a default."
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeArguments,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Send a message from this terminal, or talk to an engine
    Chat(ChatArguments),
    /// Show what runs, what waits and what is served
    Status(StatusArguments),
    /// Look whether everything is there, and say what to do where it isn't
    Doctor(DoctorArguments),
    /// List engines, transports and commands, and what is wrong with them
    Plugins(plugins::PluginsArguments),
    /// Set up a bot of Telegram or Discord: token, chat, engine
    Onboard(OnboardArguments),
    /// Print the id of the chat that a message to the Telegram bot comes from
    ChatId(ChatIdArguments),
    /// Let a person in: show a code for them to send to the bot; list and revoke who was
    Pair(PairArguments),
    /// Show, check and change the settings
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print a completion script for a shell
    Completions(CompletionsArguments),
}

/// Which config file; every command that has one to read takes it.
#[derive(Debug, Clone, Default, Args)]
struct ConfigArgument {
    /// The config file [env: TAKOPI_CONFIG] [default: ~/.takopi/takopi.toml]
    #[arg(long, value_name = "PATH")]
    config: Option<PathBuf>,
}

impl ConfigArgument {
    fn place(&self) -> Result<Place, Failure> {
        Place::find(self.config.as_deref())
    }
}

/// Run the daemon.
#[derive(Debug, Default, Args)]
struct ServeArguments {
    /// The engine for messages that name none: codex, claude, shell, …
    engine: Option<String>,
    /// Serve this transport only; can be given more than once
    #[arg(long, value_name = "ID", value_parser = plugin_id)]
    transport: Vec<PluginId>,
    /// Send answers as new messages, with a notification (default)
    #[arg(long, overrides_with = "no_final_notify")]
    final_notify: bool,
    /// Edit answers into the progress message instead
    #[arg(long)]
    no_final_notify: bool,
    #[command(flatten)]
    config: ConfigArgument,
    /// Log more, also into debug.log
    #[arg(long)]
    debug: bool,
}

/// Send a message from this terminal, or talk to an engine.
#[derive(Debug, Args)]
#[command(
    after_help = "The answer goes to stdout and nothing else does; progress goes to stderr. Exit codes: 0 answered, \
                        1 failed, 130 interrupted. Ctrl-C stops the run.\n\
                        Without MESSAGE a conversation begins, or stdin is the message if it is no terminal."
)]
struct ChatArguments {
    /// What to say, as you would in a chat; `-` reads it from stdin
    message: Option<String>,
    /// The engine to ask
    #[arg(long, value_name = "ID", value_parser = plugin_id)]
    engine: Option<EngineId>,
    /// Go on with this conversation
    #[arg(long, value_name = "ID", value_parser = conversation_id, conflicts_with = "new")]
    conversation: Option<ConversationId>,
    /// Begin a new conversation (default)
    #[arg(long)]
    new: bool,
    /// Print one JSON object per event instead of the answer
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgument,
    /// Log more, also into debug.log
    #[arg(long)]
    debug: bool,
}

/// Show what runs, what waits and what is served.
#[derive(Debug, Args)]
struct StatusArguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgument,
}

/// Look whether everything is there, and say what to do where it isn't.
#[derive(Debug, Args)]
#[command(
    after_help = "Engines with their versions, projects, the ledger, transports. Nothing is changed. Exit codes: \
                        0 nothing fails, 1 something does; a program that isn't installed is no failure."
)]
struct DoctorArguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgument,
}

/// Set up a bot of Telegram or Discord: token, chat, engine.
#[derive(Debug, Args)]
#[command(
    after_help = "What isn't said here is asked. The config file is written at the end, after everything was tried; one \
                  that is there keeps its other settings and its comments.\nThe token is also taken from \
                  TAKOPI__TRANSPORTS__TELEGRAM__BOT_TOKEN or TAKOPI__TRANSPORTS__DISCORD__BOT_TOKEN, and then not \
                  written.\n\nExamples:\n  takopi onboard\n  takopi onboard --bot-token-file ~/.takopi/bot_token \
                  --engine claude --yes\n  takopi onboard --discord --bot-token-file ~/.takopi/discord_token"
)]
struct OnboardArguments {
    /// A Telegram bot (with --yes the default)
    #[arg(long, conflicts_with = "discord")]
    telegram: bool,
    /// A Discord bot
    #[arg(long)]
    discord: bool,
    /// A file that holds the bot's token and stays where it is
    #[arg(long, value_name = "PATH")]
    bot_token_file: Option<PathBuf>,
    /// Another server than Telegram's or Discord's own
    #[arg(long, value_name = "URL")]
    api_url: Option<String>,
    /// Who may speak to the Discord bot, in place of who sends it the code
    #[arg(long, value_name = "ID", requires = "discord", value_parser = clap::value_parser!(u64).range(1..))]
    user_id: Option<u64>,
    /// The engine for messages that name none
    #[arg(long, value_name = "ID", value_parser = plugin_id)]
    engine: Option<EngineId>,
    /// Ask nothing
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    config: ConfigArgument,
}

/// Print the id of the chat that a message to the Telegram bot comes from.
#[derive(Debug, Args)]
#[command(
    after_help = "The newest message that waits at the bot is told, or the next one that comes. It goes on waiting for \
                  takopi. takopi must not be running with that bot.\n\nExamples:\n  takopi chat-id\n  takopi chat-id \
                  --bot-token-file ~/other-token"
)]
struct ChatIdArguments {
    /// A file that holds the bot's token; otherwise the settings' token, or one that is asked for
    #[arg(long, value_name = "PATH")]
    bot_token_file: Option<PathBuf>,
    /// Another Bot API server than that of the settings
    #[arg(long, value_name = "URL")]
    api_url: Option<String>,
    #[command(flatten)]
    config: ConfigArgument,
}

/// Let a person in: show a code for them to send to the bot; list and revoke who was.
#[derive(Debug, Args)]
#[command(
    disable_help_subcommand = true,
    args_conflicts_with_subcommands = true,
    after_help = "takopi must be running. The code is good for ten minutes and one person; everybody else meets silence. Who \
                  sends it is served as if allowed_user_ids named them: in their private chat, and in groups where that \
                  list says who may speak.\n\nExamples:\n  takopi pair\n  takopi pair list\n  takopi pair revoke 123456789"
)]
struct PairArguments {
    #[command(subcommand)]
    command: Option<PairCommand>,
    #[command(flatten)]
    new: PairNew,
}

#[derive(Debug, Subcommand)]
enum PairCommand {
    /// List who is paired
    List(PairList),
    /// Stop serving somebody who was paired, at once
    Revoke(PairRevoke),
}

/// Show a code and wait until somebody has sent it.
#[derive(Debug, Args)]
struct PairNew {
    /// The bot, by its table's name, when several are served
    #[arg(long, value_name = "ID", value_parser = plugin_id)]
    instance: Option<PluginId>,
    /// Print JSON: the code, then who sent it
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgument,
}

/// List who is paired.
#[derive(Debug, Args)]
struct PairList {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgument,
}

/// Stop serving somebody who was paired, at once. What they started goes on.
#[derive(Debug, Args)]
struct PairRevoke {
    /// Their id, as `takopi pair list` shows it
    id: String,
    /// Only on this bot
    #[arg(long, value_name = "ID", value_parser = plugin_id)]
    instance: Option<PluginId>,
    #[command(flatten)]
    config: ConfigArgument,
}

/// Show, check and change the settings.
#[derive(Debug, Subcommand)]
#[command(
    disable_help_subcommand = true,
    after_help = "Examples:\n  takopi config get max_parallel_runs\n  takopi config set default_engine claude\n  \
                  takopi config set projects.app.path ~/code/app\n  takopi config check && takopi"
)]
enum ConfigCommand {
    /// Print where the config file is, or would be
    Path(ConfigArgument),
    /// Print what holds at a key, wherever it is set
    Get(ConfigGet),
    /// Write a value into the config file; comments and order stay
    Set(ConfigSet),
    /// Say everything that is wrong with the settings; exit code 1 when takopi would not start
    Check(ConfigArgument),
}

/// Print what holds at a key, wherever it is set.
#[derive(Debug, Args)]
struct ConfigGet {
    /// The dotted key of a setting or a table: `ledger.retention_days`, `transports.telegram`
    key: String,
    /// Show secrets instead of dots
    #[arg(long)]
    reveal: bool,
    #[command(flatten)]
    config: ConfigArgument,
}

/// Write a value into the config file; comments and order stay.
#[derive(Debug, Args)]
#[command(
    after_help = "What takopi would refuse is not written. Others on this machine can see what is typed here: write a \
                  secret with an editor instead."
)]
struct ConfigSet {
    /// The dotted key of the setting
    key: String,
    /// The value, as text or as TOML: `claude`, `8`, `["telegram", "local"]`
    #[arg(allow_hyphen_values = true)]
    value: String,
    #[command(flatten)]
    config: ConfigArgument,
}

/// Print a completion script for a shell.
#[derive(Debug, Args)]
struct CompletionsArguments {
    /// Which shell
    shell: clap_complete::Shell,
}

/// Runs the command that `arguments` spell.
///
/// # Errors
/// [`Failure`], with what the person is told.
pub(crate) fn run(arguments: impl IntoIterator<Item = OsString>) -> Result<Exit, Failure> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        // Just the version, for scripts.
        Err(error) if error.kind() == ErrorKind::DisplayVersion => {
            return crate::report::say(env!("CARGO_PKG_VERSION")).map(|()| Exit::Done);
        }
        Err(error) => return Err(with_flag(error, &arguments).into()),
    };
    match cli.command {
        Some(Command::Chat(arguments)) => chat::run(&arguments),
        Some(Command::Status(arguments)) => status::run(&arguments),
        Some(Command::Doctor(arguments)) => doctor::run(&arguments),
        Some(Command::Plugins(arguments)) => plugins::run(&arguments),
        Some(Command::Onboard(arguments)) => onboard::run(&arguments),
        Some(Command::ChatId(arguments)) => chat_id::run(&arguments),
        Some(Command::Pair(arguments)) => pair::run(&arguments),
        Some(Command::Config(command)) => config::run(&command),
        Some(Command::Completions(arguments)) => completions::run(&arguments),
        None => serve::run(&cli.serve),
    }
}

/// Adds to what is wrong with a word that is no command the flag that was meant: `takopi plugins load`.
fn with_flag(mut error: clap::Error, arguments: &[OsString]) -> clap::Error {
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) else { return error };
    if error.get(ContextKind::SuggestedSubcommand).is_some() {
        return error;
    }
    let cli = Cli::command();
    let within = |command, word| clap::Command::find_subcommand(command, word).unwrap_or(command);
    let command = arguments.iter().skip(1).fold(&cli, within);
    let flags = command.get_arguments().filter_map(clap::Arg::get_long);
    if let Some(flag) = closest(word, flags).map(|flag| format!("--{flag}")) {
        error.insert(ContextKind::SuggestedArg, ContextValue::String(flag));
    }
    error
}

fn plugin_id(text: &str) -> Result<PluginId, String> {
    PluginId::parse(text.trim()).map_err(|error| error.to_string())
}

fn conversation_id(text: &str) -> Result<ConversationId, String> {
    ConversationId::parse(text)
        .ok_or_else(|| "a conversation is named by a UUID, as `--json` prints it".to_owned())
}

impl ServeArguments {
    /// Returns the engine that was named.
    ///
    /// # Errors
    /// A usage error for a word that is neither an engine nor a command: then a command was meant as often.
    fn engine(&self) -> Result<Option<EngineId>, Failure> {
        let Some(word) = &self.engine else { return Ok(None) };
        let engines = crate::config::engines(&self.config.place()?)?;
        let engines: Vec<EngineId> = engines.into_iter().map(|engine| engine.id).collect();
        if let Some(engine) = engines.iter().find(|engine| engine.as_str() == word) {
            return Ok(Some(engine.clone()));
        }
        Err(unknown_word(word, &engines).into())
    }

    /// Returns what the command line sets over file and environment.
    fn overrides(&self) -> Result<Vec<Override>, Failure> {
        let set = |flag: &str, key: &str, value: String| Override {
            flag: flag.to_owned(),
            key: key.to_owned(),
            value,
        };
        let mut overrides = Vec::new();
        if let Some(engine) = self.engine()? {
            overrides.push(set("takopi ENGINE", "default_engine", engine.to_string()));
        }
        match self.transport.as_slice() {
            [] => {}
            [one] => overrides.push(set("--transport", "transport", one.to_string())),
            several => {
                let ids: Vec<&str> = several.iter().map(PluginId::as_str).collect();
                overrides.push(set("--transport", "transport", serde_json::json!(ids).to_string()));
            }
        }
        Ok(overrides)
    }
}

fn unknown_word(word: &str, engines: &[EngineId]) -> clap::Error {
    let mut cli = Cli::command();
    cli.build();
    let commands: Vec<String> = cli.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    let known = engines.iter().map(EngineId::as_str).chain(commands.iter().map(String::as_str));
    let mut error = clap::Error::new(ErrorKind::InvalidSubcommand).with_cmd(&cli);
    error.insert(ContextKind::InvalidSubcommand, ContextValue::String(word.to_owned()));
    let tips = |tip: String| ContextValue::StyledStrs(vec![StyledStr::from(tip)]);
    if commands.iter().any(|command| command == word) {
        let tip = format!("the command comes first, its flags after it, e.g. takopi {word} --config PATH");
        error.insert(ContextKind::Suggested, tips(tip));
    } else if let Some(near) = closest(word, known) {
        let near = ContextValue::Strings(vec![near.to_owned()]);
        error.insert(ContextKind::SuggestedSubcommand, near);
    } else {
        let names: Vec<&str> = engines.iter().map(EngineId::as_str).collect();
        error.insert(ContextKind::Suggested, tips(format!("engines are: {}", names.join(", "))));
    }
    error
}

/// Builds the runtime a command works on.
///
/// # Errors
/// When the system has no threads left.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    // Two are enough for what the house does itself; engines are processes of their own.
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::told(format_args!("failed to start the runtime: {error}")))
}

#[cfg(test)]
mod tests;
