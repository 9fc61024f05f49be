//! What makes a run continue an earlier one: session tokens, the threads that must not run twice at
//! once, and the lines of text (`codex resume 0199…`) a session is recognised by.
//!
//! Patterns are data, so that routing recognises a session without starting its engine.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::id::{EngineId, RunId};
use crate::message::{Address, Sender};

/// Longest session token accepted, in bytes; real ones are 8 to 40.
pub const MAX_TOKEN_BYTES: usize = 512;

/// What an engine calls one of its sessions. Never empty, no white space, no backtick.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionToken(String);

impl SessionToken {
    /// Returns the token, or `None` when `text` is empty, too long, or could not stand in a resume line.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let legal = |c: char| !c.is_whitespace() && !c.is_control() && c != '`';
        let sized = !text.is_empty() && text.len() <= MAX_TOKEN_BYTES;
        (sized && text.chars().all(legal)).then(|| Self(text.to_owned()))
    }

    /// Returns the token as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A session of an engine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Session {
    /// Whose session it is.
    pub engine: EngineId,
    /// What the engine calls it.
    pub token: SessionToken,
}

/// Whose running conversation: that of a chat, of one of its threads, or of one person in a chat.
///
/// Stored as an address with one more key, so that what belongs to no person is stored as its address alone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Scope {
    /// Where.
    #[serde(flatten)]
    pub address: Address,
    /// Whose, where each person has their own: the service's id of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
}

impl Scope {
    /// Returns the scope of what `sender` says there: in a chat that several people share it is their own, in a
    /// thread that of everybody who writes in it.
    #[must_use]
    pub fn of(address: &Address, sender: Option<&Sender>, shared: bool) -> Self {
        let person = sender.filter(|_| shared && address.thread.is_none()).map(|sender| sender.id.clone());
        Self { address: address.clone(), person }
    }
}

impl From<Address> for Scope {
    fn from(address: Address) -> Self {
        Self { address, person: None }
    }
}

/// How often `/new` was said in a scope: the thread of a chat's running conversation changes with it.
pub type Generation = u32;

/// What must not run twice at once, and in which order it runs: first in, first out per key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThreadKey {
    /// The session is known.
    Token(Session),
    /// A run of its own: stateless, or the thread of a run whose token is not known yet.
    Run(RunId),
    /// The running conversation of a scope.
    Scope(Scope, EngineId, Generation),
}

/// Where work happens: a project and a branch of it, both optional.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Context {
    /// The project's alias, lower case.
    pub project: Option<String>,
    /// The branch, as it was written.
    pub branch: Option<String>,
}

impl Context {
    /// Returns whether neither project nor branch is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.project.is_none() && self.branch.is_none()
    }
}

/// What the ledger keeps of a session. On resume it outranks the chat's own context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRow {
    /// The session.
    pub session: Session,
    /// Where it was started.
    pub context: Context,
    /// The directory it runs in; engines look for their sessions there.
    pub cwd: Option<PathBuf>,
    /// The engine's own mode, where it has several (codex: `exec`, `app_server`).
    pub mode: Option<String>,
    /// The machine it lives on; `None` is this one.
    pub host: Option<String>,
}
