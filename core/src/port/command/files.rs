//! Files as a command sees them: who may use them, where they belong, and their ways in and out.

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::CommandError;
use crate::files::FilePath;
use crate::message::Attachment;
use crate::port::transport::FilePolicy;
use crate::port::workspace::{FileError, FileRules, Saved};
use crate::session::Context;

/// Where a file of a call's message is to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deposit {
    /// The project and branch whose directory gets it.
    pub context: Context,
    /// Its place there, or the folder it goes to under its own name.
    pub to: FilePath,
    /// Whether a file that is there is replaced.
    pub force: bool,
}

/// The directory that a text about files means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directed {
    /// Its project and branch.
    pub context: Context,
    /// Whether directives said so, which bind a topic.
    pub said: bool,
    /// The text without directives.
    pub text: String,
}

/// The part of the house that handles files, bound to one call.
#[async_trait]
pub trait FileHost: Send + Sync {
    /// Returns what people may do with files here; `None` where files are switched off. From memory.
    fn files(&self) -> Option<FilePolicy>;

    /// Returns why the caller may not use files here, to be told as it stands; `None` when they may. Asks the
    /// service where the policy names nobody and the chat is a group.
    ///
    /// # Errors
    /// [`CommandError`] when the service does not tell.
    async fn file_refusal(&self) -> Result<Option<String>, CommandError>;

    /// Reads a text about files: returns the project and branch that are meant, by what the call replies to, else
    /// by the directives the text begins with (which bind the topic it is said in), else as for a plain message; and the text without directives.
    ///
    /// # Errors
    /// [`CommandError`] when no such directory can be meant.
    async fn directed(&self, text: &str) -> Result<Directed, CommandError>;

    /// Fetches a file of the call's message and stores it by the policy's rules. Takes as long as the service
    /// needs, a minute at most, and nothing stays behind when it fails.
    ///
    /// # Errors
    /// [`FileError`]; [`FileError::Stopped`] when `stop` fired first.
    async fn store(
        &self,
        file: &Attachment,
        deposit: &Deposit,
        stop: &CancellationToken,
    ) -> Result<Saved, FileError>;

    /// Sends a file of a project's directory to the caller's chat, for certain, or a folder as a zip archive. It is
    /// copied first, so what becomes of it later changes nothing.
    ///
    /// # Errors
    /// [`FileError`], also when it could not be stored; nothing is sent then.
    async fn hand_out(
        &self,
        path: &FilePath,
        context: &Context,
        rules: &FileRules,
        stop: &CancellationToken,
    ) -> Result<(), FileError>;
}
