//! Events of a run, folded into what is worth showing. Pure; memory is bounded whatever the engine tells.
//!
//! Of the actions the first and the last [`KEPT_ACTIONS`] are kept and every text is cut, so a run of
//! 200,000 steps weighs what one of 400 does. Only the answer is kept whole: it is the point of the run.
//! How a snapshot looks in a chat is `render.rs`.

use std::collections::{HashMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::event::{Action, ActionKind, Detail, FileChange, Note, Phase, RunEvent, Usage};
use crate::port::ledger::KEPT_ACTIONS;
use crate::session::SessionToken;
use crate::text::{clip, clip_middle, head, tail};

mod bound;

use bound::{assign, set};

/// Longest action id told apart, in bytes: ids that are alike so far are the same step.
pub const MAX_ACTION_ID_BYTES: usize = 256;
/// Longest title of an action that is kept, in bytes.
pub const MAX_TITLE_BYTES: usize = 2048;
/// Longest output of an action that is kept, in bytes: its start and its end.
pub const MAX_OUTPUT_BYTES: usize = 4096;
/// How many files of a file change are kept.
pub const MAX_CHANGES: usize = 50;
/// Longest path and verb of a file change that is kept, in bytes.
pub const MAX_PATH_BYTES: usize = 1024;
/// How much of the text written so far is kept, in bytes: its end.
pub const MAX_TEXT_BYTES: usize = 64 * 1024;
/// How many notes are kept.
pub const MAX_NOTES: usize = 20;
/// Longest note that is kept, in bytes.
pub const MAX_NOTE_BYTES: usize = 2048;
/// How many open actions are remembered by id alone after they fell between the first and the last ones.
const MAX_OPEN_LEFT_OUT: usize = 1000;

/// What is known of a run at one moment: enough to show it to somebody who just came.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Snapshot {
    /// How many distinct actions there were; turns and telemetry do not count.
    pub steps: u64,
    /// The first actions and the last ones, by first appearance, each as last heard of.
    pub actions: Vec<Action>,
    /// How many actions between them are not kept.
    pub left_out: u64,
    /// The session.
    pub session: Option<SessionToken>,
    /// The text written so far, its end if it is long.
    pub text: String,
    /// The answer, once there is one.
    pub answer: Option<String>,
    /// The last notes, oldest first.
    pub notes: Vec<Note>,
    /// What was used.
    pub usage: Option<Usage>,
}

/// Folds the events of one run.
///
/// Events of one id are one step, in the place of its first appearance. A step that began again while open
/// shows as updated, one that began again after its end is open again and not counted again. A step that is
/// not kept any more and was over is forgotten: another event of its id counts as a new step.
#[derive(Debug, Clone)]
pub struct Tracker {
    kept: usize,
    steps: u64,
    first: Vec<Action>,
    last: VecDeque<Action>,
    /// Which step, counted from 0, an id stands for: those kept, and those left out while they were open.
    known: HashMap<String, u64>,
    open_left_out: usize,
    session: Option<SessionToken>,
    session_told: bool,
    text: String,
    answer: Option<String>,
    notes: VecDeque<Note>,
    usage: Option<Usage>,
}

impl Tracker {
    /// Returns a tracker of a run that has not told anything. `session` is the one it continues: shown until
    /// the engine names its own.
    #[must_use]
    pub fn new(session: Option<SessionToken>) -> Self {
        Self::keeping(KEPT_ACTIONS, session)
    }

    fn keeping(kept: usize, session: Option<SessionToken>) -> Self {
        Self {
            kept,
            steps: 0,
            first: Vec::new(),
            last: VecDeque::new(),
            known: HashMap::new(),
            open_left_out: 0,
            session,
            session_told: false,
            text: String::new(),
            answer: None,
            notes: VecDeque::new(),
            usage: None,
        }
    }

    /// Takes an event in, and returns whether the snapshot differs from the one before.
    pub fn fold(&mut self, event: &RunEvent) -> bool {
        match event {
            RunEvent::Handle(_) => false,
            RunEvent::Session(token) => self.fold_session(token),
            RunEvent::Action(action) => self.fold_action(action),
            RunEvent::Text(piece) => self.fold_text(piece),
            RunEvent::Answer(answer) => set(&mut self.answer, answer),
            RunEvent::Usage(usage) => set(&mut self.usage, usage),
            RunEvent::Note(note) => {
                if self.notes.len() == MAX_NOTES {
                    self.notes.pop_front();
                }
                let text = clip(&note.text, MAX_NOTE_BYTES).into_owned();
                self.notes.push_back(Note { level: note.level, text });
                true
            }
        }
    }

    /// Returns what is known.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            steps: self.steps,
            actions: self.first.iter().chain(&self.last).cloned().collect(),
            left_out: self.steps - (self.first.len() + self.last.len()) as u64,
            session: self.session.clone(),
            text: tail(&self.text, MAX_TEXT_BYTES).to_owned(),
            answer: self.answer.clone(),
            notes: self.notes.iter().cloned().collect(),
            usage: self.usage.clone(),
        }
    }

    /// Returns the last `count` actions by first appearance, oldest first.
    pub fn recent(&self, count: usize) -> impl Iterator<Item = &Action> {
        let skipped = (self.first.len() + self.last.len()).saturating_sub(count);
        self.first.iter().chain(&self.last).skip(skipped)
    }

    /// Returns how many distinct actions there were.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Returns the session: the one the engine named, else the one the run continues.
    #[must_use]
    pub fn session(&self) -> Option<&SessionToken> {
        self.session.as_ref()
    }

    /// Returns the answer, once there is one.
    #[must_use]
    pub fn answer(&self) -> Option<&str> {
        self.answer.as_deref()
    }

    /// Returns the last notes, oldest first.
    pub fn notes(&self) -> impl Iterator<Item = &Note> {
        self.notes.iter()
    }

    /// Returns what the run has used so far.
    #[must_use]
    pub fn usage(&self) -> Option<&Usage> {
        self.usage.as_ref()
    }

    /// Returns whether the engine has done or said anything of what it was asked.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.steps > 0 || self.answer.is_some() || !self.text.is_empty()
    }

    /// Forgets the session: another one is begun in its place.
    pub fn forget_session(&mut self) {
        (self.session, self.session_told) = (None, false);
    }

    fn fold_session(&mut self, token: &SessionToken) -> bool {
        if std::mem::replace(&mut self.session_told, true) {
            return false;
        }
        set(&mut self.session, token)
    }

    fn fold_text(&mut self, piece: &str) -> bool {
        if piece.len() > MAX_TEXT_BYTES {
            self.text.clear();
        }
        self.text.push_str(tail(piece, MAX_TEXT_BYTES));
        // Cut at twice the bound, so that a long text is moved once per bound and not once per piece.
        if self.text.len() > 2 * MAX_TEXT_BYTES {
            let surplus = self.text.len() - tail(&self.text, MAX_TEXT_BYTES).len();
            self.text.drain(..surplus);
        }
        !piece.is_empty()
    }

    fn fold_action(&mut self, action: &Action) -> bool {
        if action.id.is_empty() || matches!(action.kind, ActionKind::Turn | ActionKind::Telemetry) {
            return false;
        }
        let id = head(&action.id, MAX_ACTION_ID_BYTES);
        let Some(&step) = self.known.get(id) else {
            self.append(id, action);
            return true;
        };
        if let Some(kept) = self.kept_at(step) {
            return merge(kept, action);
        }
        if action.phase == Phase::Completed {
            self.known.remove(id);
            self.open_left_out -= 1;
        }
        false
    }

    /// Returns the action kept of a step; `None` for one between the first and the last.
    fn kept_at(&mut self, step: u64) -> Option<&mut Action> {
        let first_of_last = self.steps - self.last.len() as u64;
        match step.checked_sub(first_of_last) {
            Some(place) => self.last.get_mut(usize::try_from(place).ok()?),
            None => self.first.get_mut(usize::try_from(step).ok()?),
        }
    }

    fn append(&mut self, id: &str, action: &Action) {
        let (mut key, mut place) = self.make_room();
        assign(&mut key, id);
        assign(&mut place.id, id);
        // As after an end: nothing of the step that had this place before stays.
        place.phase = Phase::Completed;
        place.title.clear();
        merge(&mut place, action);
        self.known.insert(key, self.steps);
        self.steps += 1;
        if self.first.len() < self.kept {
            self.first.push(place);
        } else {
            self.last.push_back(place);
        }
    }

    /// Returns memory for a key and an action: that of the oldest of the last ones when those are many enough,
    /// so that a long run does not allocate for every step.
    fn make_room(&mut self) -> (String, Action) {
        let oldest = if self.last.len() < self.kept { None } else { self.last.pop_front() };
        let Some(oldest) = oldest else {
            return (String::new(), blank());
        };
        if oldest.phase != Phase::Completed && self.open_left_out < MAX_OPEN_LEFT_OUT {
            self.open_left_out += 1;
            return (String::new(), oldest);
        }
        let key = self.known.remove_entry(&oldest.id).map(|(key, _)| key).unwrap_or_default();
        (key, oldest)
    }
}

/// Puts what `news` tells into `kept`, and returns whether that changed anything. What `news` leaves out
/// stays, unless the step was over: then it begins anew.
fn merge(kept: &mut Action, news: &Action) -> bool {
    let anew = kept.phase == Phase::Completed && news.phase != Phase::Completed;
    let phase = match (kept.phase, news.phase) {
        (Phase::Started | Phase::Updated, Phase::Started) => Phase::Updated,
        (_, phase) => phase,
    };
    let mut changed = assign(&mut kept.phase, &phase);
    changed |= assign(&mut kept.kind, &news.kind);
    changed |= assign(&mut kept.ok, &news.ok);
    changed |= assign(&mut kept.detail.exit_code, &news.detail.exit_code);
    if !news.title.is_empty() {
        changed |= assign(&mut kept.title, &*clip(&news.title, MAX_TITLE_BYTES));
    }
    if anew || !news.detail.changes.is_empty() {
        let changes = news.detail.changes.iter().take(MAX_CHANGES).map(|change| FileChange {
            path: clip(&change.path, MAX_PATH_BYTES).into_owned(),
            verb: clip(&change.verb, MAX_PATH_BYTES).into_owned(),
        });
        changed |= assign(&mut kept.detail.changes, &changes.collect::<Vec<_>>());
    }
    if anew || news.detail.output.is_some() {
        let output =
            news.detail.output.as_deref().map(|output| clip_middle(output, MAX_OUTPUT_BYTES).into_owned());
        changed |= assign(&mut kept.detail.output, &output);
    }
    changed
}

fn blank() -> Action {
    Action {
        id: String::new(),
        kind: ActionKind::Note,
        phase: Phase::Completed,
        title: String::new(),
        ok: None,
        detail: Detail::default(),
    }
}

#[cfg(test)]
mod tests;
