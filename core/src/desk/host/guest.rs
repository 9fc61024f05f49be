//! What commands of third parties ask for: a text read as a message would be, values of theirs, files of their own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::Host;
use crate::desk::outgoing;
use crate::files::{FilePath, switched_off};
use crate::id::Distribution;
use crate::message::SpooledFile;
use crate::port::command::{CommandError, FileHost as _, GuestHost, Resolved};
use crate::port::ledger::{FactsQuery, LedgerError};
use crate::port::workspace::{FileError, Place, Wanted};
use crate::route::AsMessage;
use crate::session::Context;

/// How long a project's directory may be looked for before it is told as unknown.
const LOOK_TIMEOUT: Duration = Duration::from_secs(5);

fn unread(error: LedgerError) -> CommandError {
    CommandError(error.to_string())
}

/// Returns where a distribution's values are kept.
fn namespace(owner: &Distribution) -> String {
    format!("plugin:{owner}")
}

impl Host {
    /// Returns the directory of a place where looking for it makes none: a branch may need a worktree.
    async fn existing_dir(&self, context: &Context) -> Option<PathBuf> {
        if context.branch.is_some() {
            return None;
        }
        let run = self.desk.ids.next(self.desk.clock.now());
        let wanted = Wanted { run, context: context.clone(), place: Place::Open };
        let house = self.house();
        let looking = house.by.workspace.resolve(&wanted, &self.desk.closing);
        tokio::select! {
            found = looking => found.ok().map(|dir| dir.path),
            () = self.desk.clock.sleep_until(self.desk.now() + LOOK_TIMEOUT) => None,
        }
    }
}

#[async_trait]
impl GuestHost for Host {
    async fn resolve(&self, text: &str, reply: Option<&str>) -> Result<Resolved, CommandError> {
        let known = self.known();
        let message = AsMessage::read(text, reply, &self.caller.message, &self.caller.sender, &known);
        let message = message.map_err(CommandError)?;
        let query = FactsQuery { scope: self.scope(), about: None, session: message.session().cloned() };
        let stored = self.desk.ledger.facts(&query).await.map_err(unread)?;
        let facts = self.desk.facts_at(self.address(), stored);
        let mut resolved = message.resolved(&facts, &known).map_err(CommandError)?;
        if resolved.dir.is_none() {
            resolved.dir = self.existing_dir(&resolved.context).await;
        }
        Ok(resolved)
    }

    async fn kept(&self, owner: &Distribution, key: &str) -> Result<Option<String>, CommandError> {
        self.desk.ledger.get(&namespace(owner), key).await.map_err(unread)
    }

    async fn keep(&self, owner: &Distribution, key: &str, value: Option<&str>) -> Result<(), CommandError> {
        self.desk.ledger.put(&namespace(owner), key, value).await.map_err(unread)
    }

    async fn enclose(
        &self,
        dir: &Path,
        file: &FilePath,
        stop: &CancellationToken,
    ) -> Result<SpooledFile, FileError> {
        let Some(policy) = self.files() else {
            return Err(FileError::NoDirectory(switched_off(&self.address().instance)));
        };
        let (context, place) = (Context::default(), Place::Session(dir.to_owned()));
        let (house, rules) = (self.house(), policy.rules);
        let workspace = &*house.by.workspace;
        let (copy, _) = outgoing::spooled(&self.desk, workspace, context, place, file, rules, stop).await?;
        Ok(copy)
    }
}
