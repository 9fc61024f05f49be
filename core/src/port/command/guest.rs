//! What commands of third parties ask for besides: how a text would be read, values to keep, files of their own.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::CommandError;
use crate::files::FilePath;
use crate::id::{CommandId, Distribution, EngineId};
use crate::message::{MessageRef, SpooledFile};
use crate::port::workspace::FileError;
use crate::session::{Context, SessionToken};

/// What a text means that is read as a message would be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resolved {
    /// The text without its directives and resume lines.
    pub prompt: String,
    /// The engine, where one is named or a session is continued.
    pub engine: Option<EngineId>,
    /// The session, where one is continued.
    pub session: Option<SessionToken>,
    /// Where.
    pub context: Context,
    /// The directory of that place, as far as it is there already.
    pub dir: Option<PathBuf>,
}

/// The number of a call, which no other call of this daemon has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct CallId(pub u64);

/// A call of a command that is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallSummary {
    /// Which.
    pub id: CallId,
    /// Of which command.
    pub command: CommandId,
    /// The message that called, and those the call has sent.
    pub messages: Vec<MessageRef>,
}

/// The part of the house that is there for commands of third parties, bound to one call.
#[async_trait]
pub trait GuestHost: Send + Sync {
    /// Reads a text as a message in the place of the call would be that replies to one with `reply`. Nothing is made
    /// or changed.
    ///
    /// # Errors
    /// [`CommandError`] in the words that the sender of such a message would get.
    async fn resolve(&self, text: &str, reply: Option<&str>) -> Result<Resolved, CommandError>;

    /// Returns a value that a distribution has put away, whichever chat it was called from.
    ///
    /// # Errors
    /// [`CommandError`] when the ledger could not be read.
    async fn kept(&self, owner: &Distribution, key: &str) -> Result<Option<String>, CommandError>;

    /// Puts a value away, or takes it away with `None`.
    ///
    /// # Errors
    /// [`CommandError`] when it could not be stored.
    async fn keep(&self, owner: &Distribution, key: &str, value: Option<&str>) -> Result<(), CommandError>;

    /// Copies a file of a folder of this machine to where messages take their files from, by the policy's rules: nothing
    /// outside the folder, links included. A copy that is not sent goes when takopi is started again.
    ///
    /// # Errors
    /// [`FileError`], also where files are switched off; [`FileError::Stopped`] when `stop` fired first.
    async fn enclose(
        &self,
        dir: &Path,
        file: &FilePath,
        stop: &CancellationToken,
    ) -> Result<SpooledFile, FileError>;
}
