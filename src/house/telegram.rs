//! The Telegram bots of this house: made by the settings, told of what the house can do, greeting when it opens.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use takopi_core::desk::Desk;
use takopi_core::id::InstanceId;
use takopi_core::message::Body;
use takopi_core::port::ledger::{LedgerError, OutboxId};
use takopi_core::port::{Clock, CommandSpec, Ledger as _, Transcriber, Transport as _};
use takopi_core::route::{FILE, THREADED, TOPIC};
use takopi_core::session::Context;
use takopi_core::settings::{Diagnostic, Instance, Secret, SessionMode, Settings};
use takopi_ledger::{PythonState, SqliteLedger};
use takopi_telegram::{RivalCheck, Telegram, TelegramConfig, TelegramParts, TopicsCheck};

use super::Opening;
use super::greeting::{self, Greeting};
use super::rooms::told;
use super::voice::ears;
use crate::lock;

/// The instance that a Python takopi's only bot is here.
const PYTHON_INSTANCE: &str = "telegram";

/// The namespace that remembers each bot's greeting, by the number of its post.
const GREETING: &str = "greeting";

/// A bot that is served, and what its table says.
pub(super) struct Bot {
    pub(super) transport: Arc<Telegram>,
    pub(super) instance: InstanceId,
    config: TelegramConfig,
    token: Secret,
    clock: Arc<dyn Clock>,
}

/// Where bots get what is not theirs.
#[derive(Clone)]
pub(crate) struct Surroundings {
    /// The time.
    pub(crate) clock: Arc<dyn Clock>,
    /// Where files on their way out lie.
    pub(crate) spool: PathBuf,
    /// The lock file of a Python takopi on this machine, if there is a home.
    pub(crate) python_lock: Option<PathBuf>,
}

/// Returns whether an instance is a Telegram bot.
pub(crate) fn is_telegram(instance: &Instance) -> bool {
    instance.kind == Telegram::spec().kind
}

/// Reads a bot's table. Returns what to warn of with it.
///
/// # Errors
/// With every mistake.
pub(super) fn read(
    settings: &Settings,
    instance: &InstanceId,
) -> anyhow::Result<(TelegramConfig, Vec<Diagnostic>)> {
    settings
        .transport::<TelegramConfig>(instance)
        .usable()
        .map_err(|mistakes| anyhow::anyhow!(told(&mistakes)))
}

/// Makes a bot of its table and its token, in the place of another one of the same instance, if there was one.
///
/// # Errors
/// When no HTTP client can be made.
pub(super) fn bot(
    settings: &Settings,
    instance: &InstanceId,
    (config, token): (TelegramConfig, Secret),
    around: &Surroundings,
    old: Option<&Telegram>,
) -> anyhow::Result<Bot> {
    let transport = make(settings, instance, config.clone(), token.clone(), around)?;
    let transport = match old {
        Some(old) => transport.instead_of(old),
        None => transport,
    };
    Ok(Bot {
        transport: Arc::new(transport),
        instance: instance.clone(),
        config,
        token,
        clock: around.clock.clone(),
    })
}

/// Makes one transport, outside any house too; nothing is asked of the network yet.
///
/// # Errors
/// When no HTTP client can be made.
pub(crate) fn make(
    settings: &Settings,
    instance: &InstanceId,
    config: TelegramConfig,
    token: Secret,
    around: &Surroundings,
) -> anyhow::Result<Telegram> {
    Ok(Telegram::new(TelegramParts {
        instance: instance.clone(),
        config,
        token,
        project_chats: project_chats(settings),
        clock: around.clock.clone(),
        spool: around.spool.clone(),
        rival: rival(around.python_lock.clone()),
    })?)
}

/// Names a Python takopi of this machine as who else may receive a bot's messages.
fn rival(python_lock: Option<PathBuf>) -> RivalCheck {
    Arc::new(move |fingerprint| {
        let path = python_lock.as_deref()?;
        let pid = lock::live_python_with(path, fingerprint)?;
        Some(format!("the Python takopi (pid {pid}, {})", path.display()))
    })
}

/// Returns the chats of projects.
pub(super) fn project_chats(settings: &Settings) -> Vec<i64> {
    settings.projects.iter().filter_map(|project| project.chat_id).collect()
}

/// Returns the context of a chat that isn't bound to one: its own project, else the default one.
fn usual_context(settings: &Settings, chat: &str) -> Context {
    let own =
        settings.projects.iter().find(|project| project.chat_id.is_some_and(|id| id.to_string() == chat));
    let usual = || settings.default_project.as_ref().map(|alias| alias.to_lowercase());
    Context { project: own.map(takopi_core::settings::Project::key).or_else(usual), branch: None }
}

/// Returns what to warn of: a group whose members may all command this machine.
pub(crate) fn open_group_warning(
    settings: &Settings,
    instance: &InstanceId,
    config: &TelegramConfig,
) -> Option<String> {
    config.is_open_to_a_group(&project_chats(settings)).then(|| {
        format!(
            "everybody in the group may command this machine; write those who may into [transports.{instance}]: \
             `allowed_user_ids = [123456789]`"
        )
    })
}

impl Bot {
    /// Returns what logs must not show.
    pub(super) fn secret(&self) -> Secret {
        self.token.clone()
    }

    /// Takes over what a Python takopi knew of this bot's chats. Without it everything works but what people
    /// had chosen, so a failure is told and no more.
    pub(super) async fn inherit(&self, ledger: &SqliteLedger, opening: &Opening) {
        if self.instance.as_str() != PYTHON_INSTANCE {
            return;
        }
        let state = PythonState {
            dir: &opening.config_dir,
            instance: &self.instance,
            usual_context: &|chat| usual_context(&opening.settings, chat),
        };
        if let Err(error) = ledger.import_python_state(&state).await {
            tracing::error!(%error, "the Python takopi's state is not taken over; the next start tries again");
        }
    }

    /// Ends conversations that took place in the directory of a daemon started elsewhere: a plain message means the
    /// directory of this one. What works in a project goes on. Without it they go on where they were, so that a
    /// failure is told and no more.
    pub(super) async fn move_to(&self, dir: &Path, ledger: &SqliteLedger) {
        match ledger.end_conversations_outside(&self.instance, dir).await {
            Ok(0) => {}
            Ok(ended) => {
                tracing::info!(instance = %self.instance, ended, "conversations of another directory do not go on");
            }
            Err(error) => tracing::error!(%error, "conversations of another directory go on there"),
        }
    }

    /// Returns whether it is what this table and this token make.
    pub(super) fn is_by(&self, config: &TelegramConfig, token: &Secret) -> bool {
        self.config == *config && self.token == *token
    }

    /// Returns whether another one is the same bot of the same server.
    pub(super) fn is_same_account(&self, other: &Self) -> bool {
        self.token == other.token && self.config.api_url == other.config.api_url
    }

    /// Returns who hears the bot's voice notes; `None` when nobody does.
    ///
    /// # Errors
    /// When the service's address cannot be used.
    pub(super) fn hearing(&self) -> anyhow::Result<Option<Arc<dyn Transcriber>>> {
        let Some(ears) = ears(&self.instance, &self.config.voice, self.clock.clone())? else {
            return Ok(None);
        };
        if let Some(issue) = ears.check() {
            tracing::warn!(instance = %self.instance, "{issue}");
        }
        Ok(Some(Arc::new(ears)))
    }

    /// Tells the bot what the house can do now.
    pub(super) async fn learn(&self, desk: &Desk, settings: &Settings) {
        self.transport.set_project_chats(project_chats(settings));
        let engines = desk.engines(&self.instance).await;
        let has_files = self.transport.files().is_some();
        let menu = desk.with_generation(|generation| {
            let projects = generation.projects.iter().map(|project| project.alias.as_str());
            let has_topics = self.transport.has_topics();
            let commands = generation.commands.specs();
            let here = |spec: &&CommandSpec| match spec.id.as_str() {
                FILE => has_files,
                TOPIC => has_topics,
                id => !THREADED.contains(&id),
            };
            let commands = commands.filter(here);
            let commands = commands.map(|spec| (spec.id.as_str(), spec.description.as_str()));
            greeting::menu(&engines, projects, commands)
        });
        self.transport.set_menu(menu);
    }

    /// Warns in the log of what is dangerous, and returns what the main chat should know of it.
    pub(super) fn warn(&self, settings: &Settings) -> Vec<String> {
        let warnings: Vec<String> =
            open_group_warning(settings, &self.instance, &self.config).into_iter().collect();
        for warning in &warnings {
            tracing::warn!(instance = %self.instance, "{warning}");
        }
        warnings
    }

    /// Says in the main chat that takopi is ready, and warns there and in the log of what is dangerous.
    pub(super) async fn greet(&self, desk: &Desk, ledger: &SqliteLedger, opening: &Opening) {
        let warnings = self.warn(&opening.settings);
        if let TopicsCheck::Missing(_) = self.transport.check_topics().await {
            // It does not receive, and says why itself.
            return;
        }
        let greeting = Greeting {
            default_engine: opening.default_engine.as_str(),
            engines: &desk.engines(&self.instance).await,
            projects: opening.settings.projects.iter().map(|project| project.alias.as_str()).collect(),
            mode: match self.config.session_mode {
                SessionMode::Stateless => "stateless",
                SessionMode::Chat => "chat",
            },
            topics: &self.topics(),
            resume_lines: self.config.show_resume_line,
            dir: &opening.dir,
            warnings: &warnings,
        };
        let Some(post) = self.say(desk, &greeting.body()).await else { return };
        if let Err(error) = ledger.put(GREETING, self.instance.as_str(), Some(&post.0.to_string())).await {
            tracing::warn!(instance = %self.instance, %error, "this greeting may come beside the next one");
        }
    }

    /// Takes back the last daemon's greeting, should it still wait: a new one is on its way. Call before posts
    /// go on.
    pub(super) async fn withdraw_greeting(&self, ledger: &SqliteLedger) {
        let withdraw = async {
            let number = ledger.get(GREETING, self.instance.as_str()).await?;
            let Some(post) = number.and_then(|number| number.parse().ok()).map(OutboxId) else {
                return Ok(());
            };
            match ledger.outbox(post).await?.filter(|row| !row.closed) {
                Some(_) => ledger.close_post(post).await,
                None => Ok(()),
            }
        };
        let withdrawn: Result<(), LedgerError> = withdraw.await;
        if let Err(error) = withdrawn {
            tracing::warn!(instance = %self.instance, %error, "an old greeting may come beside the new one");
        }
    }

    /// Says something in the main chat, if there is one. Returns the post's number.
    pub(super) async fn say(&self, desk: &Desk, body: &Body) -> Option<OutboxId> {
        let chat = self.transport.main_chat()?;
        match desk.tell(&chat, body).await {
            Ok(post) => post,
            Err(error) => {
                tracing::warn!(instance = %self.instance, %error, "the main chat is not told");
                None
            }
        }
    }

    fn topics(&self) -> String {
        match self.transport.has_topics() {
            true => format!("enabled (scope={})", self.transport.topics_label()),
            false => "disabled".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use takopi_core::settings::{ConfigFile, Input, load};

    use super::super::rooms::built_in;
    use super::*;

    fn loaded(text: &str) -> Settings {
        let content = Ok(text.as_bytes().to_vec());
        let file = ConfigFile { path: "/home/takopi.toml".into(), named: true, content };
        let input = Input { file: &file, environment: &[], overrides: &[], home: Some(Path::new("/home")) };
        load(&input, &built_in().unwrap()).unwrap().settings
    }

    #[test]
    fn a_chat_is_in_its_own_project_else_in_the_default_one() {
        let projects = "[projects.App]\npath = '/app'\n[projects.Web]\npath = '/web'\nchat_id = -8";
        let usual = loaded(&format!("default_project = 'app'\n{projects}"));
        let project = |settings: &Settings, chat: &str| usual_context(settings, chat).project;
        assert_eq!(project(&usual, "-8").as_deref(), Some("web"));
        assert_eq!(project(&usual, "7").as_deref(), Some("app"));
        assert_eq!(project(&loaded(projects), "7"), None);
    }
}
