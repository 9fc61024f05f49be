//! A run without a program: bytes go through a translator as in a run, to its end. The same for recordings, for
//! properties and for fuzzing.

use takopi_core::event::{Outcome, RunEnd, RunEvent};
use takopi_core::id::RunIds;
use takopi_core::port::engine::{EventSink, Job, RunOptions};
use takopi_core::session::{Context, SessionToken};
use takopi_core::time::Timestamp;
use takopi_stdio::{Exit, Lines};

use crate::drift::{MAX_KINDS, UnknownKinds};
use crate::jsonl::{Over, Pause, Reader, Translator};

/// What came of a replay.
pub(crate) struct Played {
    pub(crate) events: Vec<RunEvent>,
    pub(crate) end: RunEnd,
    pub(crate) unknown: UnknownKinds,
    pub(crate) undecodable: u64,
}

/// Returns a job of a run of its own.
pub(crate) fn job(prompt: &str, session: Option<SessionToken>) -> Job {
    Job {
        run: RunIds::new([0; 6]).next(Timestamp::default()),
        prompt: prompt.to_owned(),
        attachments: Vec::new(),
        session,
        host: None,
        context: Context::default(),
        dir: "/".into(),
        options: RunOptions::default(),
    }
}

/// Puts bytes through a translator as a run does.
pub(crate) fn play<T: Translator>(
    bytes: &[u8],
    translator: T,
    resume: Option<SessionToken>,
    over: impl FnOnce(u64) -> Over,
) -> Played {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let Ok(runtime) = runtime else { panic!("no runtime can be built") };
    runtime.block_on(async {
        let mut lines = Lines::new(bytes, 64 << 20);
        let (sink, mut received) = EventSink::new();
        let mut reader = Reader::new(&mut lines, translator, sink, resume);
        let reading = async {
            let pause = reader.read(None).await;
            if pause != Pause::Ended {
                reader.rest().await;
            }
            let undecodable = reader.undecodable();
            let unknown = reader.unknown().cloned().unwrap_or_default();
            (reader.end(&over(undecodable)), unknown, undecodable)
        };
        let listening = async {
            let mut events = Vec::new();
            while let Some(event) = received.recv().await {
                events.push(event);
            }
            events
        };
        let ((end, unknown, undecodable), events) = tokio::join!(reading, listening);
        Played { events, end, unknown, undecodable }
    })
}

/// Checks that a run ends, once and in its own words, whatever was printed.
pub(crate) fn survives<T: Translator>(bytes: &[u8], translator: T, resume: Option<SessionToken>) {
    let over = |undecodable| Over { exit: Exit::Code(0), stderr: String::new(), undecodable, stopped: None };
    let played = play(bytes, translator, resume, over);
    let sessions = played.events.iter().filter(|event| matches!(event, RunEvent::Session(_))).count();
    assert!(sessions <= 1, "the session is told at most once");
    let printed = bytes.split(|byte| *byte == b'\n').count() as u64;
    assert!(played.undecodable <= printed, "a line is counted at most once");
    assert!(played.unknown.kinds.len() <= MAX_KINDS, "what is unknown is kept within bounds");
    if let Outcome::Failed(why) = &played.end.outcome {
        assert!(!why.trim().is_empty(), "a failure has a reason");
    }
}

/// Rehearses an agent as its settings are without a file.
#[cfg(feature = "testing")]
pub(crate) fn of<A: crate::agent::Agent>(bytes: &[u8], resume: Option<SessionToken>) {
    let Ok(spec) = A::spec() else { panic!("an agent without a legal id") };
    let agent = A::new(takopi_core::settings::Settings::default().engine(&spec.id).value);
    let translator = agent.translator(&job("go", resume.clone()), &RunOptions::default());
    survives(bytes, translator, resume);
}

/// Puts bytes through the translator of an agent and checks that the run ends, once and in its own words; the first
/// byte chooses whether an earlier session is continued. What `fuzz/` calls.
///
/// # Panics
/// When it does not, or when there is no agent `id`.
#[cfg(feature = "testing")]
pub fn rehearse(id: &str, bytes: &[u8]) {
    let (first, bytes) = bytes.split_first().map_or((0, bytes), |(first, rest)| (*first, rest));
    let resume =
        if first % 2 == 0 { None } else { SessionToken::parse("0199a213-81c0-7800-8aa1-bbab2a035a53") };
    match crate::AGENTS.iter().find(|agent| (agent.spec)().is_ok_and(|spec| spec.id.as_str() == id)) {
        Some(agent) => (agent.rehearse)(bytes, resume),
        None => panic!("there is no agent {id}"),
    }
}
