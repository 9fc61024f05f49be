//! The Telegram bots of this house: made by the settings, told of what the house can do.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use takopi_core::desk::Desk;
use takopi_core::id::InstanceId;
use takopi_core::message::Address;
use takopi_core::port::ledger::LedgerError;
use takopi_core::port::transport::TransportSpec;
use takopi_core::port::{Clock, CommandSpec, Transport};
use takopi_core::route::{FILE, THREADED, TOPIC};
use takopi_core::session::Context;
use takopi_core::settings::{Secret, SessionMode, Settings};
use takopi_ledger::{PythonState, SqliteLedger};
use takopi_telegram::{RivalCheck, Telegram, TelegramConfig, TelegramParts, TopicsCheck};

use super::accounts::BotTable;
use super::bot::{Heir, Own, Ways};
use super::greeting;
use crate::lock;

/// The instance that a Python takopi's only bot is here.
const PYTHON_INSTANCE: &str = "telegram";

/// What a Telegram bot has of its own.
pub(super) struct TelegramBot {
    transport: Arc<Telegram>,
    instance: InstanceId,
    config: TelegramConfig,
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

impl TelegramBot {
    /// Makes a bot of its table and its token, in the place of another one of the same instance, if there was one.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub(super) fn new(
        settings: &Settings,
        (instance, token): (&InstanceId, Secret),
        config: TelegramConfig,
        around: &Surroundings,
        old: Option<&Self>,
    ) -> anyhow::Result<Self> {
        let transport = make(settings, instance, config.clone(), token, around)?;
        let transport = match old {
            Some(old) => transport.instead_of(&old.transport),
            None => transport,
        };
        Ok(Self { transport: Arc::new(transport), instance: instance.clone(), config })
    }

    fn topics(&self) -> String {
        match self.transport.has_topics() {
            true => format!("enabled (scope={})", self.transport.topics_label()),
            false => "disabled".to_owned(),
        }
    }
}

#[async_trait]
impl Own for TelegramBot {
    fn table(&self) -> BotTable {
        BotTable::Telegram(self.config.clone())
    }

    fn transport(&self) -> Arc<dyn Transport> {
        self.transport.clone()
    }

    fn spec(&self) -> TransportSpec {
        self.transport.own_spec()
    }

    async fn refusal(&self, is_stranger: bool) -> Option<String> {
        if is_stranger && let Some(told) = self.transport.disowned().await {
            return Some(told);
        }
        match self.transport.check_topics().await {
            TopicsCheck::Missing(told) => Some(told),
            _ => None,
        }
    }

    async fn inherit(&self, heir: &Heir<'_>) -> Result<(), LedgerError> {
        let Heir { ledger, opening, .. } = heir;
        if self.instance.as_str() != PYTHON_INSTANCE {
            return Ok(());
        }
        let state = PythonState {
            dir: &opening.config_dir,
            instance: &self.instance,
            usual_context: &|chat| usual_context(&opening.settings, chat),
        };
        ledger.import_python_state(&state).await
    }

    async fn learn(&self, desk: &Desk, settings: &Settings) {
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

    fn warnings(&self, settings: &Settings) -> Vec<String> {
        open_group_warning(settings, &self.instance, &self.config).into_iter().collect()
    }

    async fn can_greet(&self) -> bool {
        !matches!(self.transport.check_topics().await, TopicsCheck::Missing(_))
    }

    fn ways(&self) -> Ways {
        Ways {
            mode: match self.config.session_mode {
                SessionMode::Stateless => "stateless",
                SessionMode::Chat => "chat",
            },
            more: ("topics", self.topics()),
            resume_lines: self.config.show_resume_line,
        }
    }

    async fn main_chat(&self, _ledger: &SqliteLedger) -> Option<Address> {
        self.transport.main_chat()
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
