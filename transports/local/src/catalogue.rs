//! What the door tells its clients about the house: engines, commands, projects. The house implements
//! [`Catalogue`] over its own lists; nothing here loads or checks anything.

use std::path::PathBuf;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use takopi_core::id::{CommandId, EngineId};
use takopi_core::message::Format;
use takopi_core::port::command::{EngineStatus, ProjectStatus};
use takopi_core::port::workspace::WorkspaceError;
use takopi_core::session::SessionToken;
use tokio_util::sync::CancellationToken;

/// A slash command, for menus and completion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandItem {
    /// Its id.
    pub id: CommandId,
    /// How it is typed.
    pub usage: String,
    /// What it does, in a few words.
    pub description: String,
}

/// What a person can choose from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Menu {
    /// The engines that serve this transport, those that cannot be used now included.
    pub engines: Vec<EngineStatus>,
    /// The engine a plain message gets where nothing else is set.
    pub default_engine: Option<EngineId>,
    /// The slash commands.
    pub commands: Vec<CommandItem>,
    /// The projects.
    pub projects: Vec<ProjectStatus>,
    /// Where a message without a project is worked on, unless its client says another directory.
    pub dir: PathBuf,
}

/// The house's lists, as the door needs them.
#[async_trait]
pub trait Catalogue: Send + Sync {
    /// Returns what can be chosen now.
    async fn menu(&self) -> Menu;

    /// Returns the branches of a project, by its alias, those worked on last first; it may ask git.
    ///
    /// # Errors
    /// [`WorkspaceError::Refused`] when they cannot be told, [`WorkspaceError::Stopped`] when `stop` fired first.
    async fn branches(&self, project: &str, stop: &CancellationToken) -> Result<Vec<String>, WorkspaceError>;

    /// Returns the line that continues a session, or `None` when the engine has no such line.
    fn resume_line(&self, engine: &EngineId, token: &SessionToken) -> Option<String>;

    /// Returns how an engine's answers are to be read: a shell's output is no Markdown.
    fn answer_format(&self, engine: &EngineId) -> Format;
}
