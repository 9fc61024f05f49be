//! The contract of the engines' port, as a suite every implementation runs: real processes by the real clock,
//! scripts by a paused one.

#![expect(clippy::unwrap_used, reason = "a contract suite fails by panicking")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::event::{Outcome, RunEnd, RunEvent};
use crate::id::RunId;
use crate::port::engine::{
    Answer, Asker, EVENT_BOUND, Engine, EngineError, EventSink, Job, Question, RunOptions, RunWire,
    STEER_BOUND, Steer, Stop, StopSignal,
};
use crate::session::Context;

/// What a prompt of [`EngineSubject::hangs`] tells, as text, answer or note, once it has come to the point of
/// hanging.
pub const READY: &str = "ready";

/// Longest a run may take to end, with or without a stop: the slowest ladder of signals, and some.
const END_BOUND: Duration = Duration::from_secs(30);

/// How often the outside is looked at while waiting for it.
const LOOK: Duration = Duration::from_millis(5);

/// An engine to be tested, and prompts that make it do things.
pub struct EngineSubject {
    /// The engine.
    pub engine: Arc<dyn Engine>,
    /// Where its runs work.
    pub dir: PathBuf,
    /// Returns a prompt whose answer is that word.
    pub answers: fn(&str) -> String,
    /// Tells far more than the sink holds, and ends.
    pub talks: String,
    /// Fails.
    pub fails: String,
    /// Each tells [`READY`] and then goes on until it is stopped: plainly, with children, deaf to signals.
    pub hangs: Vec<String>,
    /// Tells events without end, until it is stopped.
    pub floods: String,
    /// Returns what of a run is still alive, by name.
    pub leftovers: Box<dyn Fn(RunId) -> Vec<String> + Send + Sync>,
}

/// Checks everything the port promises of any engine.
///
/// # Panics
/// Where a promise is broken.
pub async fn engine_contract(subject: &EngineSubject) {
    events_come_before_the_end_and_none_after_it(subject).await;
    a_failure_says_why(subject).await;
    runs_at_the_same_time_do_not_mix(subject).await;
    a_run_nobody_listens_to_still_ends(subject).await;
    a_stop_before_the_start_is_heeded(subject).await;
    a_stop_ends_a_run_and_all_that_is_part_of_it(subject).await;
    a_stop_is_heeded_though_nobody_takes_the_events(subject).await;
    a_stop_after_the_end_changes_nothing(subject).await;
    a_run_that_is_dropped_leaves_nothing(subject).await;
}

/// A run under way.
struct Going {
    run: RunId,
    end: JoinHandle<Result<RunEnd, EngineError>>,
    events: mpsc::Receiver<RunEvent>,
    stop: watch::Sender<Option<Stop>>,
    _questions: mpsc::Receiver<(Question, oneshot::Sender<Answer>)>,
    _steers: mpsc::Sender<Steer>,
}

impl EngineSubject {
    fn start(&self, prompt: &str) -> Going {
        self.start_stopped(prompt, None)
    }

    fn start_stopped(&self, prompt: &str, stopped: Option<Stop>) -> Going {
        // Unlike any other test's, though they run at the same time: processes are found by it.
        let run = RunId::parse(&Uuid::new_v4().to_string()).unwrap();
        let job = Job {
            run,
            prompt: prompt.to_owned(),
            attachments: Vec::new(),
            session: None,
            host: None,
            context: Context::default(),
            dir: self.dir.clone(),
            options: RunOptions::default(),
        };
        let (sink, events) = EventSink::new();
        let (ask, questions) = Asker::new();
        let (steers, steer) = mpsc::channel(STEER_BOUND);
        let (stop, signal) = StopSignal::new();
        stop.send_replace(stopped);
        let engine = self.engine.clone();
        let wire = RunWire { events: sink, ask, steer, stop: signal };
        let end = TaskTracker::new().spawn(async move { engine.run(job, wire).await });
        Going { run, end, events, stop, _questions: questions, _steers: steers }
    }

    fn leaves_nothing(&self, run: RunId, prompt: &str) {
        let left = (self.leftovers)(run);
        assert!(left.is_empty(), "{prompt:?} has ended, and this is still alive: {left:?}");
    }
}

impl Going {
    /// Reads the run to its end.
    async fn finish(self) -> (Vec<RunEvent>, Result<RunEnd, EngineError>) {
        let Self { end, mut events, stop: _stop, _questions, _steers, .. } = self;
        let mut seen = Vec::new();
        // Ends only once the engine has let go of its sink.
        let read = async {
            while let Some(event) = events.recv().await {
                seen.push(event);
            }
        };
        let (end, ()) = within("a run", async { tokio::join!(end, read) }).await;
        (seen, end.unwrap())
    }

    /// Waits for the end without taking any more events.
    async fn end(&mut self) -> RunEnd {
        within("a run", &mut self.end).await.unwrap().unwrap()
    }

    async fn ready(&mut self) {
        let ready = async {
            loop {
                match self.events.recv().await {
                    Some(RunEvent::Text(text) | RunEvent::Answer(text)) if text.contains(READY) => return,
                    Some(RunEvent::Note(note)) if note.text.contains(READY) => return,
                    Some(_) => {}
                    None => panic!("the run ended before it was ready: {:?}", (&mut self.end).await),
                }
            }
        };
        within("getting ready", ready).await;
    }
}

async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    match tokio::time::timeout(END_BOUND, work).await {
        Ok(done) => done,
        Err(_) => panic!("{what} took longer than {END_BOUND:?}"),
    }
}

async fn events_come_before_the_end_and_none_after_it(subject: &EngineSubject) {
    let (events, end) = subject.start(&(subject.answers)("word")).finish().await;
    let end = end.unwrap();
    assert_eq!((&end.outcome, end.answer.as_str()), (&Outcome::Answered, "word"));
    assert!(!events.is_empty(), "something is told of a run");
    let session = |event: &RunEvent| match event {
        RunEvent::Session(token) => Some(token.clone()),
        _ => None,
    };
    let sessions: Vec<_> = events.iter().filter_map(session).collect();
    assert!(sessions.len() <= 1, "the session is told once: {sessions:?}");
    assert_eq!(sessions.first(), end.session.as_ref(), "the end names the session that was told");
}

async fn a_failure_says_why(subject: &EngineSubject) {
    let going = subject.start(&subject.fails);
    let run = going.run;
    let why = match going.finish().await.1 {
        Ok(RunEnd { outcome: Outcome::Failed(why), .. }) => why,
        Ok(end) => panic!("{:?} did not fail: {end:?}", subject.fails),
        Err(error) => error.to_string(),
    };
    assert!(!why.trim().is_empty(), "a failure says why");
    subject.leaves_nothing(run, &subject.fails);
}

async fn runs_at_the_same_time_do_not_mix(subject: &EngineSubject) {
    let words = ["alpha", "bravo", "charlie", "delta", "foxtrot", "golf"];
    let going: Vec<_> = words.iter().map(|word| subject.start(&(subject.answers)(word))).collect();
    for (word, going) in words.iter().zip(going) {
        let (events, end) = going.finish().await;
        assert_eq!(end.unwrap().answer, *word);
        let told = format!("{events:?}");
        for other in words.iter().filter(|other| *other != word) {
            assert!(!told.contains(other), "{word} was told of {other}: {told}");
        }
    }
}

async fn a_run_nobody_listens_to_still_ends(subject: &EngineSubject) {
    let mut going = subject.start(&subject.talks);
    going.events.close();
    while going.events.try_recv().is_ok() {}
    assert_eq!(going.end().await.outcome, Outcome::Answered);
}

async fn a_stop_before_the_start_is_heeded(subject: &EngineSubject) {
    for prompt in &subject.hangs {
        let mut going = subject.start_stopped(prompt, Some(Stop::Cancel));
        assert_eq!(going.end().await.outcome, Outcome::Cancelled, "{prompt:?}");
        subject.leaves_nothing(going.run, prompt);
    }
}

async fn a_stop_ends_a_run_and_all_that_is_part_of_it(subject: &EngineSubject) {
    for prompt in &subject.hangs {
        for (stop, outcome) in [(Stop::Cancel, Outcome::Cancelled), (Stop::Shutdown, Outcome::Interrupted)] {
            let mut going = subject.start(prompt);
            going.ready().await;
            assert!(!(subject.leftovers)(going.run).is_empty(), "a run under way is seen: {prompt:?}");
            going.stop.send_replace(Some(stop));
            assert_eq!(going.end().await.outcome, outcome, "{prompt:?}");
            subject.leaves_nothing(going.run, prompt);
        }
    }
}

async fn a_stop_is_heeded_though_nobody_takes_the_events(subject: &EngineSubject) {
    let mut going = subject.start(&subject.floods);
    let full = async {
        while going.events.len() < EVENT_BOUND {
            tokio::time::sleep(LOOK).await;
        }
    };
    within("filling the sink", full).await;
    going.stop.send_replace(Some(Stop::Cancel));
    assert_eq!(going.end().await.outcome, Outcome::Cancelled);
    subject.leaves_nothing(going.run, &subject.floods);
}

async fn a_stop_after_the_end_changes_nothing(subject: &EngineSubject) {
    let mut going = subject.start(&(subject.answers)("word"));
    let end = going.end().await;
    going.stop.send_replace(Some(Stop::Cancel));
    assert_eq!(end.outcome, Outcome::Answered);
    subject.leaves_nothing(going.run, "a prompt that was answered");
}

async fn a_run_that_is_dropped_leaves_nothing(subject: &EngineSubject) {
    for prompt in &subject.hangs {
        let mut going = subject.start(prompt);
        going.ready().await;
        going.end.abort();
        let gone = async {
            while !(subject.leftovers)(going.run).is_empty() {
                tokio::time::sleep(LOOK).await;
            }
        };
        within("the end of what a dropped run was doing", gone).await;
    }
}
