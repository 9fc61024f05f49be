//! The files that came with a prompt: stored in the run's directory before its engine starts, under the run's own
//! stop signal. How one file gets there is `desk/files.rs`.
//!
//! A prompt about files of which none could be stored does not run: it would be about nothing.

use std::path::Path;

use tokio_util::sync::CancellationToken;

use super::{Performance, outcome_of};
use crate::desk::files::{self, Storing};
use crate::event::{Outcome, RunEnd};
use crate::files::switched_off;
use crate::message::Body;
use crate::port::ledger::{PostKind, ProgressUse};
use crate::port::transport::FilePolicy;
use crate::port::workspace::{FileError, Place, Way, failed_line};
use crate::route::Enclosed;

/// What became of the files: the paths of those that were stored, and what was wrong with the others.
type Stored = (Vec<String>, Vec<(String, FileError)>);

impl Performance {
    /// Refuses a prompt whose files may not be stored, before a directory is made ready for it.
    pub(super) async fn admit_files(&mut self) -> Result<Option<FilePolicy>, RunEnd> {
        let Some(Enclosed { sender, .. }) = &self.plan.enclosed else { return Ok(None) };
        let Some(policy) = self.instance.transport.files() else {
            return Err(self.refused(switched_off(&self.live.address.instance)));
        };
        let asked = files::refusal(&self.desk, &self.instance, &policy, &self.live.address, sender);
        let mut signal = self.live.signal();
        let refusal = tokio::select! {
            biased;
            reason = signal.wait() => return Err(RunEnd::new(outcome_of(reason), "")),
            asked = asked => asked,
        };
        match refusal {
            Some(refusal) => Err(self.refused(refusal)),
            None if self.plan.context.project.is_none() => {
                Err(self.refused(FileError::NoProject(Way::Put).to_string()))
            }
            None => Ok(Some(policy)),
        }
    }

    /// Stores the files and returns what the engine is told.
    pub(super) async fn enclose(&mut self, policy: &FilePolicy, dir: &Path) -> Result<String, RunEnd> {
        let Some(enclosed) = self.plan.enclosed.clone() else { return Ok(self.plan.prompt.clone()) };
        let mut signal = self.live.signal();
        let (paths, failures) = {
            let stop = CancellationToken::new();
            let mut storing = std::pin::pin!(self.store_all(&enclosed, policy, dir, &stop));
            tokio::select! {
                biased;
                reason = signal.wait() => {
                    stop.cancel();
                    // Let it put away what it began.
                    let (paths, _) = storing.await;
                    tracing::info!(run = %self.live.id, stored = paths.len(), "stopped while files came in");
                    return Err(RunEnd::new(outcome_of(reason), ""));
                }
                stored = &mut storing => stored,
            }
        };
        match failures.as_slice() {
            [] => {}
            [(_, error)] if !enclosed.album => return Err(self.refused(error.to_string())),
            failures if paths.is_empty() => {
                let text = format!("failed to upload files.\n\n{}", failed_line(failures));
                return Err(self.refused(text));
            }
            failures => {
                self.tell(format!("some files failed to upload.\n\n{}", failed_line(failures))).await;
            }
        }
        Ok(enclosed.prompt(&self.plan.prompt, &paths))
    }

    async fn store_all(
        &self,
        enclosed: &Enclosed,
        policy: &FilePolicy,
        dir: &Path,
        stop: &CancellationToken,
    ) -> Stored {
        let storing = Storing {
            desk: &self.desk,
            instance: &self.instance,
            workspace: &*self.in_force.by.workspace,
            rules: &policy.rules,
            context: &self.plan.context,
            // It was made ready just now.
            place: &Place::Session(dir.to_owned()),
            to: &policy.uploads,
            force: false,
        };
        let (mut paths, mut failures) = (Vec::new(), Vec::new());
        for file in &enclosed.files {
            match storing.store(file, stop).await {
                Ok(saved) => paths.push(saved.path.to_string()),
                Err(FileError::Stopped) if stop.is_cancelled() => break,
                Err(error) => failures.push((file.shown(), error)),
            }
        }
        (paths, failures)
    }

    /// Ends the run before its engine was started; the chat gets this text instead of how a run ended.
    fn refused(&mut self, text: String) -> RunEnd {
        self.instead = Some(Body::plain(text.clone()));
        RunEnd::new(Outcome::Failed(text), "")
    }

    async fn tell(&self, text: String) {
        if !self.live.is_shown() {
            return;
        }
        let parts = self.instance.transport.lay_out(&Body::plain(text));
        let post = self.post_of(parts, PostKind::Reply, ProgressUse::Keep, None);
        if let Err(error) = self.desk.post(post).await {
            tracing::error!(run = %self.live.id, %error, "could not tell which files are missing");
        }
    }
}
