//! The Telegram bots of this house: made by the settings, told of what the house can do, greeting when it opens.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use takopi_core::desk::Desk;
use takopi_core::id::InstanceId;
use takopi_core::port::{Clock, CommandSpec, Transcriber, Transport as _};
use takopi_core::route::{FILE, TOPIC};
use takopi_core::session::Context;
use takopi_core::settings::{Instance, Secret, Settings};
use takopi_ledger::{PythonState, SqliteLedger};
use takopi_telegram::{RivalCheck, SessionMode, Telegram, TelegramConfig, TelegramParts, TopicsCheck};

use super::greeting::{self, Greeting};
use super::rooms::told;
use super::voice::ears;
use super::{Opening, warn};
use crate::lock;

/// The instance that a Python takopi's only bot is here.
const PYTHON_INSTANCE: &str = "telegram";

/// A bot that is served, and what its table says.
pub(super) struct Bot {
    pub(super) transport: Arc<Telegram>,
    pub(super) instance: InstanceId,
    config: TelegramConfig,
    token: Secret,
    clock: Arc<dyn Clock>,
}

/// Where bots get what is not theirs.
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

/// Makes the bots that are to be served.
///
/// # Errors
/// With every mistake of a table, or why there is no token.
pub(super) fn bots(settings: &Settings, around: &Surroundings) -> anyhow::Result<Vec<Bot>> {
    settings
        .served()
        .filter(|instance| is_telegram(instance))
        .map(|instance| bot(settings, instance, around))
        .collect()
}

fn bot(settings: &Settings, instance: &Instance, around: &Surroundings) -> anyhow::Result<Bot> {
    let (config, warnings) = match settings.transport::<TelegramConfig>(&instance.id).usable() {
        Ok(read) => read,
        Err(mistakes) => anyhow::bail!(told(&mistakes)),
    };
    warnings.iter().for_each(warn);
    let token = config.token()?;
    let transport = make(settings, &instance.id, config.clone(), token.clone(), around)?;
    Ok(Bot {
        transport: Arc::new(transport),
        instance: instance.id.clone(),
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
            dir: &opening.python_state,
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

    /// Returns who hears the bot's voice notes, by its table as it is now; `None` when nobody does.
    ///
    /// # Errors
    /// When the table or the service's address cannot be used.
    pub(super) fn hearing(&self, settings: &Settings) -> anyhow::Result<Option<Arc<dyn Transcriber>>> {
        let config = match settings.transport::<TelegramConfig>(&self.instance).usable() {
            Ok((config, _)) => config,
            Err(mistakes) => anyhow::bail!(told(&mistakes)),
        };
        let Some(ears) = ears(&self.instance, &config.voice, self.clock.clone())? else { return Ok(None) };
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
                _ => true,
            };
            let commands = commands.filter(here);
            let commands = commands.map(|spec| (spec.id.as_str(), spec.description.as_str()));
            greeting::menu(&engines, projects, commands)
        });
        self.transport.set_menu(menu);
    }

    /// Says in the main chat that takopi is ready, and warns there and in the log of what is dangerous.
    pub(super) async fn greet(&self, desk: &Desk, opening: &Opening) {
        let warnings: Vec<String> =
            open_group_warning(&opening.settings, &self.instance, &self.config).into_iter().collect();
        for warning in &warnings {
            tracing::warn!(instance = %self.instance, "{warning}");
        }
        let Some(chat) = self.transport.main_chat() else { return };
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
        if let Err(error) = desk.tell(&chat, &greeting.body()).await {
            tracing::warn!(instance = %self.instance, %error, "the chat is not told that takopi is ready");
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

    use super::super::known;
    use super::*;

    fn loaded(text: &str) -> Settings {
        let content = Ok(text.as_bytes().to_vec());
        let file = ConfigFile { path: "/home/takopi.toml".into(), named: true, content };
        let input = Input { file: &file, environment: &[], overrides: &[], home: Some(Path::new("/home")) };
        load(&input, &known().unwrap()).unwrap().settings
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
