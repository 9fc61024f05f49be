//! The files of the fake house.

use std::path::PathBuf;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::{Deed, FakeHost};
use crate::directive::{Vocabulary, parse_directives};
use crate::files::{FilePath, switched_off};
use crate::message::Attachment;
use crate::port::command::{CommandError, CommandHost, Deposit, Directed, FileHost};
use crate::port::transport::FilePolicy;
use crate::port::workspace::{FileError, FileRules, Saved, Way};
use crate::session::Context;

#[async_trait]
impl FileHost for FakeHost {
    fn files(&self) -> Option<FilePolicy> {
        self.files.clone()
    }

    async fn file_refusal(&self) -> Result<Option<String>, CommandError> {
        let Some(policy) = &self.files else { return Ok(Some(switched_off(&Self::address().instance))) };
        let refused = match policy.people.as_slice() {
            [] => self.is_member.then_some("file transfer is restricted to group admins."),
            people => {
                (!people.contains(&"1".to_owned())).then_some("file transfer is not allowed for this user.")
            }
        };
        Ok(refused.map(str::to_owned))
    }

    async fn directed(&self, text: &str) -> Result<Directed, CommandError> {
        let aliases = self.projects.iter().map(|project| project.alias.as_str());
        let vocabulary = Vocabulary::new(self.engines.iter().map(|engine| engine.id.clone()), aliases);
        let said = parse_directives(text, &vocabulary).map_err(|error| CommandError(error.to_string()))?;
        let usual = self.context().await?;
        let is_said = said.project.is_some() || said.branch.is_some();
        let context =
            Context { project: said.project.or(usual.project), branch: said.branch.or(usual.branch) };
        Ok(Directed { context, said: is_said, text: said.prompt })
    }

    /// Stores a file under its name; what its sender gave no name is called `theirs`.
    async fn store(
        &self,
        file: &Attachment,
        deposit: &Deposit,
        stop: &CancellationToken,
    ) -> Result<Saved, FileError> {
        if stop.is_cancelled() {
            return Err(FileError::Stopped);
        }
        let Some(FilePolicy { rules, .. }) = &self.files else {
            return Err(FileError::NoDirectory("there is none".to_owned()));
        };
        let (bytes, max_bytes) = (file.bytes.unwrap_or_default(), rules.max_put_bytes);
        if bytes > max_bytes {
            return Err(FileError::TooLarge { way: Way::Put, max_bytes });
        }
        let Deposit { context, to, force } = deposit;
        let named = || to.join(file.name.as_deref().unwrap_or("theirs"));
        let path = if to.is_folder() { named() } else { Some(to.clone()) };
        let path = path.ok_or(FileError::Invalid(Way::Put))?;
        if let Some(rule) = rules.deny.denies(path.as_str()) {
            return Err(FileError::Denied(rule.to_owned()));
        }
        let is_there =
            |deed: &Deed| matches!(deed, Deed::Stored(of, at, _) if of == context && at == path.as_str());
        if !force && self.deeds().iter().any(is_there) {
            return Err(FileError::Exists(path.to_string()));
        }
        let failed =
            |error: CommandError| FileError::Failed { way: Way::Put, path: path.to_string(), why: error.0 };
        self.done(Deed::Stored(context.clone(), path.to_string(), *force)).map_err(failed)?;
        Ok(Saved { path, bytes, dir: PathBuf::from("/"), warning: None })
    }

    async fn hand_out(
        &self,
        path: &FilePath,
        context: &Context,
        rules: &FileRules,
        _stop: &CancellationToken,
    ) -> Result<(), FileError> {
        if let Some(rule) = rules.deny.denies(path.as_str()) {
            return Err(FileError::Denied(rule.to_owned()));
        }
        let failed = |why| FileError::Failed { way: Way::Get, path: path.to_string(), why };
        self.done(Deed::HandedOut(path.clone(), context.clone())).map_err(|CommandError(why)| failed(why))
    }
}
