//! The directory of a run: made ready under the run's own stop signal, then shared with a word to the person,
//! or had alone, by what `serialize` says.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::{Performance, outcome_of};
use crate::desk::clerk::Memo;
use crate::desk::live::LiveRun;
use crate::event::Outcome;
use crate::event::{Level, Note, RunEnd, RunEvent};
use crate::port::ledger::RunNote;
use crate::port::workspace::{RunDir, Wanted, WorkspaceError};
use crate::settings::SerializeBy;

impl Performance {
    /// Makes the directory ready and returns it.
    pub(super) async fn prepare(&mut self) -> Result<PathBuf, RunEnd> {
        let dir = self.resolve_dir().await?;
        if let Some(text) = dir.warning.clone() {
            self.remark(Level::Warning, text);
        }
        let path = dir.path.clone();
        match self.in_force.by.serialize {
            SerializeBy::Worktree => {
                self.claim(&dir).await?;
                self.live.set_dir(dir);
            }
            SerializeBy::Session => {
                let real = dir.real.clone();
                // Set first, then looked around: of two that begin together one at least sees the other.
                self.live.set_dir(dir);
                self.tell_who_else_works_in(&real);
            }
        }
        self.dir = Some(path.clone());
        if self.plan.place.certain(&self.plan.context) != Some(&path) {
            self.note(RunNote { dir: Some(path.clone()), ..RunNote::default() }).await;
        }
        Ok(path)
    }

    async fn resolve_dir(&mut self) -> Result<RunDir, RunEnd> {
        let stop = CancellationToken::new();
        let mut signal = self.live.signal();
        let workspace = self.in_force.by.workspace.clone();
        let wanted =
            Wanted { run: self.live.id, context: self.plan.context.clone(), place: self.plan.place.clone() };
        let resolve = workspace.resolve(&wanted, &stop);
        tokio::pin!(resolve);
        let resolved = tokio::select! {
            biased;
            reason = signal.wait() => {
                stop.cancel();
                // Let it put away what it began.
                if let Err(WorkspaceError::Refused(text)) = resolve.await {
                    tracing::info!(run = %self.live.id, text, "a directory could not be prepared");
                }
                return Err(RunEnd::new(outcome_of(reason), ""));
            }
            resolved = &mut resolve => resolved,
        };
        resolved.map_err(|error| RunEnd::new(Outcome::Failed(error.to_string()), ""))
    }

    /// Waits until no other run works in the directory, and shows for whom.
    async fn claim(&mut self, dir: &RunDir) -> Result<(), RunEnd> {
        let mut signal = self.live.signal();
        let ((behind, told), (done, mut claimed)) = (oneshot::channel(), oneshot::channel());
        self.memo(Memo::Claim { run: self.live.id, dir: dir.real.clone(), behind, done }).await;
        let before = tokio::select! {
            biased;
            reason = signal.wait() => return Err(RunEnd::new(outcome_of(reason), "")),
            before = told => before,
        };
        // Nobody is named when the directory is free.
        let Ok(before) = before else { return Ok(()) };
        self.type_off().await;
        let who = self.desk.live_run(before).map_or_else(|| "another run".to_owned(), |run| self.who(&run));
        let place = dir.path.display();
        self.remark(Level::Info, format!("waits for {who}, which works in {place}"));
        tokio::select! {
            biased;
            reason = signal.wait() => return Err(RunEnd::new(outcome_of(reason), "")),
            _ = &mut claimed => {}
        }
        self.remark(Level::Info, format!("has {place} for itself now"));
        self.type_on();
        Ok(())
    }

    fn tell_who_else_works_in(&mut self, real: &Path) {
        let mut others: Vec<Arc<LiveRun>> = self.desk.live().values().cloned().collect();
        others.retain(|run| run.id != self.live.id && run.works_in(real));
        others.sort_by_key(|run| run.id);
        let Some(first) = others.first() else { return };
        let more = match others.len() {
            1 => String::new(),
            count => format!(" and {} more", count - 1),
        };
        let verb = if others.len() == 1 { "works" } else { "work" };
        let text = format!("{}{more} {verb} in the same directory now", self.who(first));
        self.remark(Level::Warning, text);
    }

    /// Returns how another run is called to the people of this one: what is asked elsewhere stays there.
    fn who(&self, run: &LiveRun) -> String {
        let place = if run.address == self.live.address { "this chat" } else { "another chat" };
        format!("{} of {place}", run.engine)
    }

    fn remark(&mut self, level: Level, text: String) {
        self.fold(RunEvent::Note(Note { level, text }));
    }
}
