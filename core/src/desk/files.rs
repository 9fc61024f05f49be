//! A file on its way from the service into a directory: fetched into the ledger's spool, then put in its place
//! by the workspace. And who may do that.
//!
//! It never holds a whole file, never replaces one unasked, and leaves nothing in the spool.

use std::path::Path;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Instance, Shared, door};
use crate::files::{FilePath, UPLOAD_NAME, clean_name};
use crate::message::{Address, Attachment, Sender};
use crate::port::Workspace;
use crate::port::transport::{FetchError, FilePolicy};
use crate::port::workspace::{FileError, FileRules, Place, Put, Saved, Way};
use crate::session::Context;

/// How long a file may take to be fetched: 20 MB, the most the Bot API hands out, over a slow line.
const FETCH_TIMEOUT: Duration = Duration::from_secs(60);

/// Names that are tried for a file that came without one.
const MAX_NAMES: u32 = 100;

/// Returns why somebody may not use files, to be told as it stands; `None` when they may. Nobody may while the
/// service does not tell who manages the chat.
pub(super) async fn refusal(
    desk: &Shared,
    instance: &Instance,
    policy: &FilePolicy,
    chat: &Address,
    sender: &Sender,
) -> Option<String> {
    if !policy.people.is_empty() {
        let refused = "file transfer is not allowed for this user.";
        return (!policy.people.contains(&sender.id)).then(|| refused.to_owned());
    }
    match door::in_time(&*desk.clock, instance.transport.is_manager(chat, sender)).await {
        Ok(true) => None,
        Ok(false) => Some("file transfer is restricted to group admins.".to_owned()),
        Err(error) => Some(format!("failed to verify file transfer permissions. {error}")),
    }
}

/// Where files go.
pub(super) struct Storing<'a> {
    pub(super) desk: &'a Shared,
    pub(super) instance: &'a Instance,
    pub(super) workspace: &'a dyn Workspace,
    pub(super) rules: &'a FileRules,
    pub(super) context: &'a Context,
    pub(super) place: &'a Place,
    pub(super) to: &'a FilePath,
    pub(super) force: bool,
}

impl Storing<'_> {
    /// Fetches a file and stores it.
    ///
    /// # Errors
    /// [`FileError`].
    pub(super) async fn store(
        &self,
        file: &Attachment,
        stop: &CancellationToken,
    ) -> Result<Saved, FileError> {
        let max_bytes = self.rules.max_put_bytes;
        if file.bytes.is_some_and(|bytes| bytes > max_bytes) {
            return Err(FileError::TooLarge { way: Way::Put, max_bytes });
        }
        let failed = |why: String| FileError::Failed { way: Way::Put, path: file.shown(), why };
        let mut spooled = self.desk.ledger.temporary().await.map_err(|error| failed(error.to_string()))?;
        let fetched = tokio::select! {
            fetched = self.instance.transport.fetch(file, max_bytes, &mut *spooled) => fetched,
            () = self.desk.clock.sleep_until(self.desk.now() + FETCH_TIMEOUT) => {
                Err(FetchError::Broken("no answer in time; send it again".to_owned()))
            }
            () = stop.cancelled() => return Err(FileError::Stopped),
        };
        let theirs = fetched.map_err(|error| match error {
            FetchError::TooLarge => FileError::TooLarge { way: Way::Put, max_bytes },
            error => FileError::NotFetched(error.to_string()),
        })?;
        match &file.name {
            Some(name) if clean_name(name).is_some() => self.put(spooled.path(), name, stop).await,
            // A name that is none, such as `..`, is as good as no name.
            _ => self.put_nameless(spooled.path(), &theirs.unwrap_or_default(), stop).await,
        }
    }

    async fn put(&self, spooled: &Path, name: &str, stop: &CancellationToken) -> Result<Saved, FileError> {
        let put = Put {
            context: self.context.clone(),
            place: self.place.clone(),
            from: spooled.to_owned(),
            to: self.to.clone(),
            name: name.to_owned(),
            force: self.force,
            rules: self.rules.clone(),
        };
        self.workspace.put(&put, stop).await
    }

    /// Stores a file that its sender gave no name: a name that is taken is not theirs to mend, so the next one
    /// is tried.
    async fn put_nameless(
        &self,
        spooled: &Path,
        theirs: &str,
        stop: &CancellationToken,
    ) -> Result<Saved, FileError> {
        let name = clean_name(theirs).unwrap_or_else(|| UPLOAD_NAME.to_owned());
        let mut result = self.put(spooled, &name, stop).await;
        for count in 2..MAX_NAMES {
            if !self.to.is_folder() || !matches!(result, Err(FileError::Exists(_))) {
                break;
            }
            result = self.put(spooled, &numbered(&name, count), stop).await;
        }
        result
    }
}

/// Returns a name with a number before its ending: `file_1-2.jpg`.
fn numbered(name: &str, count: u32) -> String {
    match name.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() => format!("{stem}-{count}.{ending}"),
        _ => format!("{name}-{count}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_stands_before_the_ending() {
        let names = [("file_1.jpg", "file_1-2.jpg"), ("file", "file-2"), (".hidden", ".hidden-2")];
        for (name, wanted) in names {
            assert_eq!(numbered(name, 2), wanted);
        }
    }
}
