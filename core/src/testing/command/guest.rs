//! What third parties' commands ask of the fake house.

use std::path::Path;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::{Deed, FakeHost, lock};
use crate::directive::{Vocabulary, parse_directives};
use crate::files::{FilePath, switched_off};
use crate::id::Distribution;
use crate::message::SpooledFile;
use crate::port::command::{CommandError, CommandHost as _, GuestHost, Resolved};
use crate::port::workspace::{FileError, Way};
use crate::session::Context;

/// Notes that nobody waits for a run any more.
pub(super) struct Left<'a> {
    pub(super) host: &'a FakeHost,
    pub(super) prompt: &'a str,
}

impl Drop for Left<'_> {
    fn drop(&mut self) {
        lock(&self.host.deeds).push(Deed::Left(self.prompt.to_owned()));
    }
}

#[async_trait]
impl GuestHost for FakeHost {
    /// Reads directives only: no session looks like anything here.
    async fn resolve(&self, text: &str, _reply: Option<&str>) -> Result<Resolved, CommandError> {
        let aliases = self.projects.iter().map(|project| project.alias.as_str());
        let vocabulary = Vocabulary::new(self.engines.iter().map(|engine| engine.id.clone()), aliases);
        let said = parse_directives(text, &vocabulary).map_err(|error| CommandError(error.to_string()))?;
        let usual = self.context().await?;
        let context =
            Context { project: said.project.or(usual.project), branch: said.branch.or(usual.branch) };
        Ok(Resolved { prompt: said.prompt, engine: said.engine, session: None, context, dir: None })
    }

    async fn kept(&self, owner: &Distribution, key: &str) -> Result<Option<String>, CommandError> {
        Ok(lock(&self.kept).get(&(owner.clone(), key.to_owned())).cloned())
    }

    async fn keep(&self, owner: &Distribution, key: &str, value: Option<&str>) -> Result<(), CommandError> {
        let value = value.map(str::to_owned);
        self.done(Deed::Kept(owner.clone(), key.to_owned(), value.clone()))?;
        let (mut kept, place) = (lock(&self.kept), (owner.clone(), key.to_owned()));
        match value {
            Some(value) => drop(kept.insert(place, value)),
            None => drop(kept.remove(&place)),
        }
        Ok(())
    }

    /// Finds every file whose name does not begin with `no`.
    async fn enclose(
        &self,
        _dir: &Path,
        file: &FilePath,
        stop: &CancellationToken,
    ) -> Result<SpooledFile, FileError> {
        if stop.is_cancelled() {
            return Err(FileError::Stopped);
        }
        if self.files.is_none() {
            return Err(FileError::NoDirectory(switched_off(&Self::address().instance)));
        }
        if file.name().starts_with("no") {
            return Err(FileError::NotThere(file.to_string()));
        }
        if let Some(why) = &self.broken {
            let (way, path, why) = (Way::Get, file.to_string(), why.clone());
            return Err(FileError::Failed { way, path, why });
        }
        Ok(SpooledFile { path: file.as_str().into(), name: file.name().to_owned() })
    }
}
