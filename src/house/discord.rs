//! The Discord bots of this house: made by the settings, told of what the house can do.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use takopi_core::desk::{Desk, Generation};
use takopi_core::id::InstanceId;
use takopi_core::message::Address;
use takopi_core::port::command::{Access, EngineStatus};
use takopi_core::port::ledger::{Ledger as _, LedgerError, PreferenceKey};
use takopi_core::port::transport::TransportSpec;
use takopi_core::port::{CommandSpec, Transport};
use takopi_core::route::FILE;
use takopi_core::settings::{Secret, Settings};
use takopi_discord::{Discord, DiscordConfig, DiscordParts, Id, NativeCommand, NativeKind};
use takopi_ledger::{SqliteLedger, python_discord_startup};

use super::accounts::BotTable;
use super::bot::{Heir, Own, Ways};
use super::greeting;
use super::inheritance::Inheritance;
use super::telegram::Surroundings;
use crate::lock;

/// The instance that a Python takopi's Discord bot is here.
const PYTHON_INSTANCE: &str = "discord";

/// What a Discord bot has of its own.
pub(super) struct DiscordBot {
    transport: Arc<Discord>,
    instance: InstanceId,
    config: DiscordConfig,
    token: Secret,
    python_lock: Option<PathBuf>,
    /// The channel that a Python takopi told of its starts.
    python_channel: Mutex<Option<Id>>,
}

/// Makes one transport, outside any house too; nothing is asked of the network yet.
///
/// # Errors
/// When no HTTP client can be made.
pub(crate) fn make(
    instance: &InstanceId,
    config: DiscordConfig,
    token: Secret,
    around: &Surroundings,
) -> anyhow::Result<Discord> {
    Ok(Discord::new(DiscordParts {
        instance: instance.clone(),
        config,
        token,
        clock: around.clock.clone(),
        spool: around.spool.clone(),
    })?)
}

/// Returns what to warn of: servers whose members may all command this machine.
pub(crate) fn open_server_warning(instance: &InstanceId, config: &DiscordConfig) -> Option<String> {
    matches!(served(config), Served::Everybody).then(|| {
        format!(
            "everybody in the bot's servers may command this machine; write those who may into \
             [transports.{instance}], in the place of allow_everyone: `allowed_user_ids = [\"1234567890123456789\"]`"
        )
    })
}

/// Returns what to say where nobody is named: who may manage a server alone is served.
pub(crate) fn managers_only(instance: &InstanceId, config: &DiscordConfig) -> Option<String> {
    matches!(served(config), Served::Managers).then(|| {
        format!(
            "only members who may manage the server are served, as nobody is named in [transports.{instance}]; write \
             who else may command this machine: `allowed_user_ids = [\"1234567890123456789\"]`"
        )
    })
}

/// Who is served, by the table.
enum Served {
    Everybody,
    Managers,
    Named { people: usize, roles: usize },
}

fn served(config: &DiscordConfig) -> Served {
    let (people, roles) = (config.access.users.len(), config.access.roles.len());
    match (people + roles, config.access.everyone) {
        (0, true) => Served::Everybody,
        (0, false) => Served::Managers,
        _ => Served::Named { people, roles },
    }
}

impl Served {
    /// Returns it in the greeting's words.
    fn text(&self) -> String {
        let counted = |count: usize, one: &str, more: &str| match count {
            0 => None,
            1 => Some(format!("1 {one}")),
            count => Some(format!("{count} {more}")),
        };
        match self {
            Self::Everybody => "everybody in the server".to_owned(),
            Self::Managers => "who manages the server".to_owned(),
            Self::Named { people, roles } => {
                let parts = [counted(*people, "person", "people"), counted(*roles, "role", "roles")];
                parts.into_iter().flatten().collect::<Vec<_>>().join(" and ")
            }
        }
    }
}

/// Returns the commands in the order of importance, which is that in which they keep a place among Discord's own: the
/// built-in ones, then engines, then those of plugins.
fn commands<'a>(
    engines: &[EngineStatus],
    specs: impl Iterator<Item = &'a CommandSpec>,
) -> Vec<NativeCommand> {
    let (built_in, others): (Vec<_>, Vec<_>) =
        specs.partition(|spec| greeting::is_built_in(spec.id.as_str()));
    let command = |spec: &CommandSpec| NativeCommand {
        name: spec.id.to_string(),
        description: spec.description.clone(),
        options: spec.options.clone(),
        kind: NativeKind::Command(spec.id.clone()),
        access: spec.access,
        ephemeral: spec.ephemeral,
    };
    let engine = |engine: &EngineStatus| NativeCommand {
        name: engine.id.to_string(),
        description: format!("run a prompt with {}", engine.title),
        options: Vec::new(),
        kind: NativeKind::Engine(engine.id.clone()),
        access: Access::Everyone,
        ephemeral: false,
    };
    let usable = engines.iter().filter(|engine| engine.issue.is_none());
    let mut all: Vec<_> = built_in.into_iter().map(command).collect();
    all.extend(usable.map(engine));
    all.extend(others.into_iter().map(command));
    all
}

/// Returns the words that a message can begin with and still be a prompt: engines and projects.
fn directives(engines: &[EngineStatus], generation: &Generation) -> Vec<String> {
    let engines = engines.iter().map(|engine| engine.id.to_string());
    engines.chain(generation.projects.iter().map(|project| project.key.clone())).collect()
}

impl DiscordBot {
    /// Makes a bot of its table and its token, in the place of another one of the same instance, if there was one.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub(super) fn new(
        (instance, token): (&InstanceId, Secret),
        config: DiscordConfig,
        around: &Surroundings,
        old: Option<&Self>,
    ) -> anyhow::Result<Self> {
        let transport = make(instance, config.clone(), token.clone(), around)?;
        let transport = match old {
            Some(old) => transport.instead_of(&old.transport),
            None => transport,
        };
        let python_lock = around.python_lock.clone();
        let (transport, instance) = (Arc::new(transport), instance.clone());
        Ok(Self { transport, instance, config, token, python_lock, python_channel: Mutex::default() })
    }

    /// Warns of a Python takopi with the same bot: Discord hands each of them every message.
    fn rival_warning(&self) -> Option<String> {
        let path = self.python_lock.as_deref()?;
        let pid = lock::live_python_with(path, &self.transport.lock_token()?)?;
        Some(format!(
            "the Python takopi (pid {pid}, {}) serves this bot too, so that everything is answered twice; stop it \
             with `kill {pid}`",
            path.display()
        ))
    }

    fn address(&self, channel: String) -> Address {
        Address { instance: self.instance.clone(), chat: channel, thread: None }
    }
}

#[async_trait]
impl Own for DiscordBot {
    fn table(&self) -> BotTable {
        BotTable::Discord(self.config.clone())
    }

    fn transport(&self) -> Arc<dyn Transport> {
        self.transport.clone()
    }

    fn spec(&self) -> TransportSpec {
        self.transport.own_spec()
    }

    async fn refusal(&self, is_stranger: bool) -> Option<String> {
        if is_stranger { self.transport.disowned().await } else { None }
    }

    async fn inherit(&self, heir: &Heir<'_>) -> Result<(), LedgerError> {
        if self.instance.as_str() != PYTHON_INSTANCE {
            return Ok(());
        }
        let dir = &heir.opening.config_dir;
        let is_served =
            |guild: &Id| self.config.access.guilds.is_empty() || self.config.access.guilds.contains(guild);
        let told = python_discord_startup(dir).into_iter().find(|(guild, _)| is_served(guild));
        *self.python_channel.lock().unwrap_or_else(PoisonError::into_inner) =
            told.map(|(_, channel)| channel);
        if !heir.ledger.awaits_python_discord(dir, &self.instance).await? {
            return Ok(());
        }
        let inheritance = Inheritance {
            config: self.config.clone(),
            token: self.token.clone(),
            instance: self.instance.clone(),
            dir: dir.clone(),
            usual_project: heir.opening.settings.default_project.as_ref().map(|alias| alias.to_lowercase()),
            ledger: heir.ledger.clone(),
        };
        let (main_chat, desk, stop) =
            (self.main_chat(heir.ledger).await, heir.desk.clone(), heir.stop.clone());
        heir.tasks.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = inheritance.take(&desk, main_chat) => {}
            }
        });
        Ok(())
    }

    async fn learn(&self, desk: &Desk, _settings: &Settings) {
        let engines = desk.engines(&self.instance).await;
        let has_files = self.transport.files().is_some();
        let (commands, words, directives) = desk.with_generation(|generation| {
            let spec = self.transport.own_spec();
            let here = |spec: &&CommandSpec| has_files || spec.id.as_str() != FILE;
            let commands = commands(&engines, generation.commands_at(&spec).filter(here));
            let words = generation.commands_at(&spec).map(|spec| spec.id.to_string()).collect();
            (commands, words, directives(&engines, generation))
        });
        self.transport.set_words(words, directives);
        self.transport.set_commands(commands);
    }

    fn warnings(&self, _settings: &Settings) -> Vec<String> {
        let access = open_server_warning(&self.instance, &self.config);
        let access = access.or_else(|| managers_only(&self.instance, &self.config));
        access.into_iter().chain(self.rival_warning()).collect()
    }

    fn ways(&self) -> Ways {
        Ways {
            mode: if self.config.conversations { "thread" } else { "stateless" },
            more: ("served", served(&self.config).text()),
            resume_lines: self.config.show_resume_line,
        }
    }

    /// Returns the channel that its table names, else the one that a Python takopi told, else the first one that somebody
    /// has bound to a project.
    async fn main_chat(&self, ledger: &SqliteLedger) -> Option<Address> {
        let python = *self.python_channel.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(channel) = self.config.startup_channel.or(python) {
            return Some(self.address(channel.to_string()));
        }
        let set = match ledger.preferences_of(&self.instance).await {
            Ok(set) => set,
            Err(error) => {
                tracing::warn!(instance = %self.instance, %error, "no channel is told that takopi is ready");
                return None;
            }
        };
        let bound =
            set.into_iter().filter(|row| row.key == PreferenceKey::Context && row.scope.thread.is_none());
        bound.map(|row| row.scope.chat).min().map(|channel| self.address(channel))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use takopi_core::id::{CommandId, EngineId};
    use takopi_core::settings::{ConfigFile, Input, load};

    use super::super::rooms::built_in;

    use super::*;

    #[test]
    fn built_in_commands_keep_their_place_before_engines_and_those_of_plugins() {
        let engine = |id: &str, issue: Option<&str>| EngineStatus {
            id: EngineId::parse(id).unwrap(),
            title: id.to_uppercase(),
            issue: issue.map(str::to_owned),
            options: true,
        };
        let engines = [engine("codex", None), engine("pi", Some("not installed"))];
        let all = takopi_commands::all().unwrap();
        let mut specs: Vec<CommandSpec> = all.into_iter().map(|(spec, _)| spec).collect();
        let plugin = CommandSpec { id: CommandId::parse("backlog").unwrap(), ..specs[0].clone() };
        specs.insert(0, plugin);
        let commands = commands(&engines, specs.iter());
        let names: Vec<&str> = commands.iter().map(|command| command.name.as_str()).collect();
        let (last, built_in) = names.split_at(names.len() - 2);
        assert_eq!(built_in, ["codex", "backlog"]);
        assert!(last.contains(&"status") && last.contains(&"cancel"), "{last:?}");
        let status = commands.iter().find(|command| command.name == "status").unwrap();
        assert_eq!((status.access, &status.options), (Access::Everyone, &Vec::new()));
    }

    fn loaded(text: &str) -> Settings {
        let content = Ok(text.as_bytes().to_vec());
        let file = ConfigFile { path: "/home/takopi.toml".into(), named: true, content };
        let input = Input { file: &file, environment: &[], overrides: &[], home: Some(Path::new("/home")) };
        load(&input, &built_in().unwrap()).unwrap().settings
    }

    fn table(more: &str) -> DiscordConfig {
        let settings = loaded(&format!("[transports.discord]\nbot_token = 'a.b.c'\n{more}"));
        settings.transport(&InstanceId::parse("discord").unwrap()).value
    }

    #[test]
    fn only_servers_that_are_open_to_everybody_are_warned_of() {
        let who = |more: &str| {
            let config = table(more);
            let warned = open_server_warning(&InstanceId::parse("discord").unwrap(), &config).is_some();
            (served(&config).text(), warned)
        };
        assert_eq!(who(""), ("who manages the server".to_owned(), false));
        assert_eq!(who("allow_everyone = true"), ("everybody in the server".to_owned(), true));
        let named = "allowed_user_ids = ['1', '2']\nallowed_role_ids = ['3']";
        assert_eq!(who(named), ("2 people and 1 role".to_owned(), false));
    }

    #[test]
    fn the_example_names_every_setting_of_a_discord_bot() {
        let example = include_str!("../../takopi.toml.example");
        let blocks: Vec<&str> = example.split("\n\n").collect();
        for name in ["discord", "discord.files", "discord.voice_messages"] {
            let header = format!("# [transports.{name}]\n");
            let told = blocks.iter().find(|block| block.contains(&header)).unwrap();
            let settings = loaded(
                &format!("[transports.discord]\nbot_token = 'a.b'\n[transports.{name}]\nzz = 1")
                    .replace("[transports.discord]\nzz", "zz"),
            );
            let reading = settings.transport::<DiscordConfig>(&InstanceId::parse("discord").unwrap());
            let unknown = reading.diagnostics.iter().find(|told| told.key.ends_with(".zz")).unwrap();
            let keys = unknown.remedy.split_once("known here: ").unwrap().1;
            // Those of the house, of older files, and the tables inside.
            let others = ["enabled", "kind", "guild_id", "files", "voice_messages", "whisper_model"];
            for key in keys.split(", ").filter(|key| !others.contains(key)) {
                let is_told = told.lines().any(|line| line.starts_with(&format!("# {key} = ")));
                assert!(is_told, "the example doesn't tell of {key} in [transports.{name}]");
            }
        }
    }
}
