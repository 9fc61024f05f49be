//! One run while it waits, works and is looked at: its events folded once, for the painter and for
//! everyone who follows. Memory is bounded: a reader who falls behind gets a snapshot.
//!
//! The run's own task (`perform.rs`) is the only one that folds; `follow.rs` and `door.rs` read.

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{oneshot, watch};

use super::Followed;
use super::script::Look;
use crate::event::{RunEnd, RunEvent};
use crate::id::{EngineId, RunId};
use crate::message::{Address, MessageRef};
use crate::port::command::{CallId, RunSummary};
use crate::port::engine::{Answer, Stop, StopSignal};
use crate::port::ledger::InboxId;
use crate::port::workspace::RunDir;
use crate::progress::Tracker;
use crate::route::{LiveFacts, RunPlan};
use crate::session::{Context, SessionToken, ThreadKey};
use crate::time::Moment;

/// Events kept for readers: a reader further behind than this gets a snapshot instead.
pub(super) const KEPT_EVENTS: usize = 512;

/// Bytes of text in the events kept, at most: a flood of output must not weigh more than its tracker.
const KEPT_TEXT_BYTES: usize = 256 << 10;

/// Characters of a prompt shown in lists.
const PROMPT_CHARS: usize = 80;

/// A run, from the moment it is decided to a while after its end.
#[derive(Debug)]
pub(super) struct LiveRun {
    pub(super) id: RunId,
    pub(super) address: Address,
    pub(super) engine: EngineId,
    /// The thread it was decided to belong to.
    pub(super) thread: ThreadKey,
    /// The message it answers; replying to it or to the progress message means this run. Without one the
    /// chat does not get to see it.
    pub(super) asked_by: Option<MessageRef>,
    /// The first message it answers, by its number.
    pub(super) inbox: Option<InboxId>,
    /// The call of a command that waits for it.
    pub(super) of_call: Option<CallId>,
    pub(super) look: Look,
    prompt: String,
    stop: watch::Sender<Option<Stop>>,
    signal: StopSignal,
    /// The number of the last event, so that readers can wait for a later one.
    seq: watch::Sender<u64>,
    state: Mutex<LiveState>,
}

#[derive(Debug)]
struct LiveState {
    /// Where it works: settled when it starts, as that of the session it continues.
    context: Context,
    context_line: Option<String>,
    queued_at: Moment,
    started_at: Option<Moment>,
    ended_at: Option<Moment>,
    ahead: usize,
    tracker: Tracker,
    recent: VecDeque<(u64, RunEvent)>,
    recent_bytes: usize,
    end: Option<RunEnd>,
    /// Whether the ledger has it as a run.
    opened: bool,
    dir: Option<RunDir>,
    progress: Option<MessageRef>,
    /// Questions that wait for an answer.
    questions: HashMap<String, oneshot::Sender<Answer>>,
}

/// What the painter needs to know besides the tracker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stage {
    Queued { ahead: usize },
    Starting,
    Working,
    Ended,
}

impl LiveRun {
    pub(super) fn new(id: RunId, plan: &RunPlan, inbox: Option<InboxId>, look: Look, now: Moment) -> Self {
        let (stop, signal) = StopSignal::new();
        let context_line = look.context_line.clone();
        Self {
            id,
            address: plan.address.clone(),
            engine: plan.engine.clone(),
            thread: plan.thread.clone().unwrap_or(ThreadKey::Run(id)),
            asked_by: plan.reply_to.clone(),
            inbox,
            of_call: None,
            look,
            prompt: plan.title().chars().take(PROMPT_CHARS).collect(),
            stop,
            signal,
            seq: watch::Sender::new(0),
            state: Mutex::new(LiveState {
                context: plan.context.clone(),
                context_line,
                queued_at: now,
                started_at: None,
                ended_at: None,
                ahead: 0,
                tracker: Tracker::new(None),
                recent: VecDeque::new(),
                recent_bytes: 0,
                end: None,
                opened: false,
                dir: None,
                progress: None,
                questions: HashMap::new(),
            }),
        }
    }

    /// The state is plain data, whole after every statement: a panic elsewhere cannot have torn it.
    fn state(&self) -> MutexGuard<'_, LiveState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the stop signal unless it is set; returns whether the run had not ended.
    pub(super) fn stop(&self, reason: Stop) -> bool {
        if self.state().end.is_some() {
            return false;
        }
        self.stop.send_if_modified(|set| {
            set.is_none() && {
                *set = Some(reason);
                true
            }
        });
        true
    }

    /// Returns whether it still waits for its turn.
    pub(super) fn has_not_started(&self) -> bool {
        self.state().started_at.is_none()
    }

    pub(super) fn signal(&self) -> StopSignal {
        self.signal.clone()
    }

    /// Returns whether the chat gets to see it.
    pub(super) fn is_shown(&self) -> bool {
        self.asked_by.is_some()
    }

    /// Sets how many runs go before it; returns whether that is news.
    pub(super) fn set_ahead(&self, ahead: usize) -> bool {
        std::mem::replace(&mut self.state().ahead, ahead) != ahead
    }

    pub(super) fn start(&self, now: Moment) {
        self.state().started_at = Some(now);
    }

    /// Shows the session the run continues, if it continues one, until the engine names its own.
    pub(super) fn expect_session(&self, token: Option<SessionToken>) {
        self.state().tracker = Tracker::new(token);
    }

    /// Shows no session until the engine names one: that which the run was to continue is not there.
    pub(super) fn forget_session(&self) {
        self.state().tracker.forget_session();
    }

    /// Folds events in, in order; returns whether anything shown has changed.
    pub(super) fn fold(&self, events: &mut Vec<RunEvent>) -> bool {
        let mut state = self.state();
        let mut seq = *self.seq.borrow();
        let mut changed = false;
        for event in events.drain(..) {
            seq += 1;
            changed |= state.tracker.fold(&event);
            state.recent_bytes += text_bytes(&event);
            state.recent.push_back((seq, event));
            while state.recent.len() > KEPT_EVENTS || state.recent_bytes > KEPT_TEXT_BYTES {
                let Some((_, oldest)) = state.recent.pop_front() else { break };
                state.recent_bytes -= text_bytes(&oldest);
            }
        }
        // Under the lock: a reader must never see events above the number it reads.
        self.seq.send_replace(seq);
        drop(state);
        changed
    }

    /// Ends it: nothing is folded in any more.
    pub(super) fn end(&self, end: RunEnd, now: Moment) {
        let mut state = self.state();
        state.end = Some(end);
        state.ended_at = Some(now);
        self.seq.send_modify(|seq| *seq += 1);
        drop(state);
    }

    pub(super) fn ended(&self) -> bool {
        self.state().end.is_some()
    }

    /// Returns what routing may know of it, in the thread it belongs to by now.
    pub(super) fn facts(&self, thread: ThreadKey) -> LiveFacts {
        LiveFacts { run: self.id, thread, engine: self.engine.clone(), context: self.context() }
    }

    pub(super) fn has_answer(&self) -> bool {
        self.state().tracker.answer().is_some()
    }

    pub(super) fn ended_at(&self) -> Option<Moment> {
        self.state().ended_at
    }

    pub(super) fn context(&self) -> Context {
        self.state().context.clone()
    }

    /// Returns the line that tells its project and branch, if it has any.
    pub(super) fn context_line(&self) -> Option<String> {
        self.state().context_line.clone()
    }

    pub(super) fn set_context(&self, context: Context, line: Option<String>) {
        let mut state = self.state();
        state.context = context;
        state.context_line = line;
    }

    pub(super) fn set_dir(&self, dir: RunDir) {
        self.state().dir = Some(dir);
    }

    pub(super) fn dir(&self) -> Option<PathBuf> {
        self.state().dir.as_ref().map(|dir| dir.path.clone())
    }

    /// Returns the directory with both of its spellings.
    pub(super) fn run_dir(&self) -> Option<RunDir> {
        self.state().dir.clone()
    }

    /// Returns whether it is under way in a directory, however that is spelled.
    pub(super) fn works_in(&self, real: &Path) -> bool {
        let state = self.state();
        state.end.is_none() && state.dir.as_ref().is_some_and(|dir| dir.real == real)
    }

    pub(super) fn set_opened(&self) {
        self.state().opened = true;
    }

    pub(super) fn is_opened(&self) -> bool {
        self.state().opened
    }

    pub(super) fn set_progress(&self, message: MessageRef) {
        self.state().progress = Some(message);
    }

    /// Has its progress painted into a new message, should it be painted again.
    pub(super) fn forget_progress(&self) {
        self.state().progress = None;
    }

    pub(super) fn progress(&self) -> Option<MessageRef> {
        self.state().progress.clone()
    }

    /// Lets `reply` wait for the answer to a question.
    pub(super) fn expect_answer(&self, question: String, reply: oneshot::Sender<Answer>) {
        self.state().questions.insert(question, reply);
    }

    /// Answers a question; returns whether somebody still waited for it.
    pub(super) fn answer(&self, question: &str, answer: Answer) -> bool {
        let waiting = self.state().questions.remove(question);
        waiting.is_some_and(|reply| reply.send(answer).is_ok())
    }

    /// Returns whether `message` is this run's: the one it answers, or its progress.
    pub(super) fn is_about(&self, message: &MessageRef) -> bool {
        self.asked_by.as_ref() == Some(message) || self.state().progress.as_ref() == Some(message)
    }

    pub(super) fn stage(&self) -> Stage {
        let state = self.state();
        match (state.end.is_some(), state.started_at) {
            (true, _) => Stage::Ended,
            (false, None) => Stage::Queued { ahead: state.ahead },
            (false, Some(_)) if *self.seq.borrow() == 0 => Stage::Starting,
            (false, Some(_)) => Stage::Working,
        }
    }

    /// Lends the tracker to the painter.
    pub(super) fn with_tracker<T>(&self, read: impl FnOnce(&Tracker) -> T) -> T {
        read(&self.state().tracker)
    }

    /// Returns how long the engine has been at it; zero while the run waits.
    pub(super) fn elapsed(&self, now: Moment) -> std::time::Duration {
        let state = self.state();
        state.started_at.map_or_else(Default::default, |at| state.ended_at.unwrap_or(now).since(at))
    }

    pub(super) fn summary(&self, now: Moment) -> RunSummary {
        let state = self.state();
        let since = state.started_at.unwrap_or(state.queued_at);
        RunSummary {
            id: self.id,
            address: self.address.clone(),
            engine: self.engine.clone(),
            context: state.context.clone(),
            asked_by: self.asked_by.clone(),
            prompt: self.prompt.clone(),
            ahead: state.started_at.is_none().then_some(state.ahead),
            answered: state.tracker.answer().is_some(),
            elapsed_s: now.since(since).as_secs(),
            of_call: self.of_call,
        }
    }

    /// Returns a receiver that changes with every fold.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.seq.subscribe()
    }

    /// Puts into `items` what a reader that has seen everything up to `seen` is missing.
    pub(super) fn read_after(&self, seen: u64, now: Moment, items: &mut VecDeque<Followed>) {
        let elapsed = self.elapsed(now);
        let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        let state = self.state();
        let seq = *self.seq.borrow();
        let last_event = seq - u64::from(state.end.is_some()).min(seq);
        let oldest = state.recent.front().map_or(last_event + 1, |(seq, _)| *seq);
        if seen < oldest.saturating_sub(1) {
            let snapshot = Box::new(state.tracker.snapshot());
            items.push_back(Followed::Snapshot { seq: last_event, elapsed_ms, snapshot });
        } else {
            let missing = state.recent.iter().filter(|(seq, _)| *seq > seen);
            items.extend(missing.map(|(seq, event)| Followed::Event {
                seq: *seq,
                elapsed_ms,
                event: event.clone(),
            }));
        }
        if let Some(end) = &state.end {
            items.push_back(Followed::End { seq: last_event + 1, elapsed_ms, end: Box::new(end.clone()) });
        }
    }
}

/// Returns the bytes of an event that an engine can make as many as it likes.
fn text_bytes(event: &RunEvent) -> usize {
    match event {
        RunEvent::Text(text) | RunEvent::Answer(text) => text.len(),
        RunEvent::Action(action) => action.title.len() + action.detail.output.as_ref().map_or(0, String::len),
        RunEvent::Note(note) => note.text.len(),
        RunEvent::Handle(_) | RunEvent::Session(_) | RunEvent::Usage(_) => 0,
    }
}
