//! The driver against scripted children, the reader against everything an agent could print.

use std::time::Duration;

use proptest::prelude::*;
use serde::Deserialize;
use takopi_core::event::{Action, ActionKind, Detail, Outcome, Phase, RunEnd, RunEvent};
use takopi_core::id::RunIds;
use takopi_core::port::engine::{Asker, EventSink, Job, RunWire, Stop, StopSignal};
use takopi_core::session::{Context, SessionToken};
use takopi_core::time::Timestamp;
use takopi_stdio::{Exit, Ladder, Lines, Signal, Spawn};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::reader::{Pause, Reader};
use super::{Driver, NO_RESULT, Over, Translator, Undecodable};

/// An agent of four words.
#[derive(Default)]
struct Toy {
    result: Option<String>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Word {
    Session {
        id: String,
    },
    Action {
        id: String,
        title: String,
    },
    Result {
        text: String,
    },
    Retry,
    #[serde(other)]
    Unknown,
}

impl Translator for Toy {
    fn line(&mut self, line: &[u8], events: &mut Vec<RunEvent>) -> Result<(), Undecodable> {
        match serde_json::from_slice(line)? {
            Word::Session { id } => {
                let token = SessionToken::parse(&id).ok_or(Undecodable)?;
                events.push(RunEvent::Session(token));
            }
            Word::Action { id, title } => events.push(action(&id, &title)),
            Word::Result { text } => {
                events.push(RunEvent::Answer(text.clone()));
                self.result = Some(text);
            }
            Word::Retry => self.result = None,
            Word::Unknown => {}
        }
        Ok(())
    }

    fn settled(&self) -> bool {
        self.result.is_some()
    }

    fn end(self, over: &Over) -> RunEnd {
        match self.result {
            Some(answer) => RunEnd::new(Outcome::Answered, answer),
            None => RunEnd::new(over.without_result("toy", NO_RESULT), ""),
        }
    }
}

fn action(id: &str, title: &str) -> RunEvent {
    RunEvent::Action(Action {
        id: id.to_owned(),
        kind: ActionKind::Tool,
        phase: Phase::Started,
        title: title.to_owned(),
        ok: None,
        detail: Detail::default(),
    })
}

fn token(text: &str) -> SessionToken {
    SessionToken::parse(text).unwrap()
}

/// A run of a shell script in the place of an agent.
struct Stage {
    session: Option<SessionToken>,
    linger: Duration,
    max_line_bytes: usize,
    /// Whether nobody takes events after the stop.
    deaf: bool,
    stop: watch::Sender<Option<Stop>>,
    signal: StopSignal,
}

impl Stage {
    fn new() -> Self {
        let (stop, signal) = StopSignal::new();
        let linger = Duration::from_secs(60);
        Self { session: None, linger, max_line_bytes: 1 << 20, deaf: false, stop, signal }
    }

    /// Plays the script to the end of its run, and stops it at the first event of this action.
    async fn play(self, script: &str, stop_at: Option<(RunEvent, Stop)>) -> (RunEnd, Vec<RunEvent>) {
        let job = Job {
            run: RunIds::new([0; 6]).next(Timestamp::default()),
            prompt: "play".to_owned(),
            attachments: Vec::new(),
            session: self.session,
            host: None,
            context: Context::default(),
            dir: "/".into(),
            options: Default::default(),
        };
        let (events, mut received) = EventSink::new();
        let (ask, _questions) = Asker::new();
        let (_steers, steer) = mpsc::channel(1);
        let mut wire = RunWire { events, ask, steer, stop: self.signal };
        let driver =
            Driver::new(Ladder::gently(Signal::Interrupt), TaskTracker::new(), CancellationToken::new());
        let driver = driver.linger(self.linger);
        let spawn = Spawn::new("/bin/sh").args(["-c", script]).max_line_bytes(self.max_line_bytes);
        let run = async {
            let end = driver.run(spawn, Toy::default(), &job, &mut wire).await.unwrap();
            drop(wire);
            end
        };
        let listen = async {
            let mut all = Vec::new();
            while let Some(event) = received.recv().await {
                if let Some((at, reason)) = &stop_at
                    && *at == event
                {
                    self.stop.send_replace(Some(*reason));
                    if self.deaf {
                        break;
                    }
                }
                all.push(event);
            }
            all
        };
        tokio::join!(run, listen)
    }
}

#[tokio::test]
async fn lines_become_events_in_order_and_the_last_result_is_the_answer() {
    let script = r#"printf '%s\n' '{"type":"session","id":"s1"}' '' 'Hello!' '{"type":"new_in_v9"}' \
        '{"type":"action","id":"a","title":"ls"}' '{"type":"result","text":"one"}' '{"type":"session","id":"s1"}'
        printf '{"type":"result","text":"two"}'"#;
    let (end, events) = Stage::new().play(script, None).await;
    let answers = ["one", "two"].map(|text| RunEvent::Answer(text.to_owned()));
    let told = [RunEvent::Session(token("s1")), action("a", "ls")];
    assert_eq!(events, told.into_iter().chain(answers).collect::<Vec<_>>());
    assert_eq!((end.outcome, end.answer.as_str()), (Outcome::Answered, "two"));
    assert_eq!(end.session, Some(token("s1")));
}

#[tokio::test]
async fn an_end_without_a_result_tells_what_stderr_said() {
    let script = r"printf 'panic!\n'; printf '\033[31mno such model\033[0m\n' >&2; exit 7";
    let (end, _) = Stage::new().play(script, None).await;
    let text = "toy failed (rc=7).\na line of its output was no JSON\nno such model";
    assert_eq!(end.outcome, Outcome::Failed(text.to_owned()));
}

#[tokio::test]
async fn a_process_that_lingers_after_its_result_is_ended_and_still_heard() {
    let mut stage = Stage::new();
    stage.linger = Duration::ZERO;
    let script = r#"trap 'printf "{\"type\":\"result\",\"text\":\"last\"}\n"; exit 0' INT
        printf '{"type":"result","text":"first"}\n'; while :; do sleep 0.01; done"#;
    let (end, _) = stage.play(script, None).await;
    assert_eq!((end.outcome, end.answer.as_str()), (Outcome::Answered, "last"));
}

#[tokio::test]
async fn a_process_that_closes_its_output_and_stays_is_ended() {
    let mut stage = Stage::new();
    stage.linger = Duration::ZERO;
    let (end, _) = stage.play("exec >&-; while :; do sleep 0.01; done", None).await;
    let text = "toy failed (rc=-2). It was ended by SIGINT";
    assert_eq!(end.outcome, Outcome::Failed(text.to_owned()));
}

#[tokio::test]
async fn a_stop_takes_the_gentle_signal_first_and_hears_the_goodbye() {
    let script = r#"trap 'printf "{\"type\":\"session\",\"id\":\"s1\"}\n"; exit 1' INT
        printf '{"type":"action","id":"a","title":"ls"}\n'; while :; do sleep 0.01; done"#;
    for (reason, outcome) in [(Stop::Cancel, Outcome::Cancelled), (Stop::Shutdown, Outcome::Interrupted)] {
        let (end, events) = Stage::new().play(script, Some((action("a", "ls"), reason))).await;
        assert_eq!(events, [action("a", "ls"), RunEvent::Session(token("s1"))]);
        assert_eq!((end.outcome, end.session), (outcome, Some(token("s1"))));
    }
}

#[tokio::test]
async fn a_run_that_is_stopped_before_it_begins_starts_nothing() {
    let stage = Stage::new();
    stage.stop.send_replace(Some(Stop::Cancel));
    let (end, events) = stage.play(r#"printf '{"type":"result","text":"done"}'"#, None).await;
    assert_eq!((end.outcome, events), (Outcome::Cancelled, Vec::new()));
}

#[tokio::test]
async fn a_stopped_run_ends_though_nobody_takes_its_events() {
    let mut stage = Stage::new();
    stage.deaf = true;
    let script = r#"while :; do printf '{"type":"action","id":"a","title":"ls"}\n'; done"#;
    let (end, _) = stage.play(script, Some((action("a", "ls"), Stop::Cancel))).await;
    assert_eq!(end.outcome, Outcome::Cancelled);
}

#[tokio::test]
async fn an_answer_that_was_there_before_the_stop_stands() {
    let script = r#"printf '{"type":"result","text":"done"}\n'; while :; do sleep 0.01; done"#;
    let at = RunEvent::Answer("done".to_owned());
    let (end, _) = Stage::new().play(script, Some((at, Stop::Cancel))).await;
    assert_eq!((end.outcome, end.answer.as_str()), (Outcome::Answered, "done"));
}

#[tokio::test]
async fn a_line_beyond_the_bound_ends_the_run_and_says_so() {
    let mut stage = Stage::new();
    stage.max_line_bytes = 4096;
    let script = r#"printf '{"type":"action","id":"a","title":"ls"}\n'; while :; do printf '%4096s' x; done"#;
    let (end, events) = stage.play(script, None).await;
    assert_eq!(events, [action("a", "ls")]);
    let text = "it printed a line of more than 4096 bytes, which is more than takopi takes";
    assert_eq!(end.outcome, Outcome::Failed(text.to_owned()));
}

#[tokio::test]
async fn another_session_than_the_one_asked_for_ends_the_run() {
    let mut stage = Stage::new();
    stage.session = Some(token("wanted"));
    let script =
        r#"printf '%s\n' '{"type":"session","id":"other"}' '{"type":"result","text":"x"}'; exec sleep 60"#;
    let (end, events) = stage.play(script, None).await;
    assert_eq!(events, []);
    let text = "it went on in session other instead of wanted";
    assert_eq!((end.outcome, end.session), (Outcome::Failed(text.to_owned()), Some(token("wanted"))));
}

/// A line of the agent, or something it never prints: cut short, of wrong types, binary.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let good = prop_oneof![
        "[ab]".prop_map(|id| format!(r#"{{"type":"action","id":"{id}","title":"t"}}"#)),
        "[ab]".prop_map(|text| format!(r#"{{"type":"result","text":"{text}"}}"#)),
        Just(r#"{"type":"session","id":"s"}"#.to_owned()),
        Just(r#"{"type":"retry"}"#.to_owned()),
    ];
    let good = good.prop_map(String::into_bytes);
    let wrong =
        prop::sample::select(vec!["{}", "[]", "null", r#"{"type":7}"#, r#"{"type":"action","id":{}}"#]);
    prop_oneof![
        4 => good.clone(),
        1 => (good, any::<prop::sample::Index>()).prop_map(|(line, at)| line[..at.index(line.len())].to_vec()),
        1 => wrong.prop_map(|line| line.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>().prop_filter("one line", |byte| *byte != b'\n'), 0..40),
    ]
}

proptest! {
    #[test]
    fn whatever_is_printed_every_good_line_counts_and_all_others_are_counted(
        lines in prop::collection::vec(line(), 0..60),
    ) {
        let (mut expected, mut undecodable, mut toy) = (Vec::new(), 0, Toy::default());
        for line in lines.iter().filter(|line| !line.trim_ascii().is_empty()) {
            undecodable += u64::from(toy.line(line, &mut expected).is_err());
        }
        let mut told = false;
        expected.retain(|event| !matches!(event, RunEvent::Session(_)) || !std::mem::replace(&mut told, true));

        let bytes = lines.join(&b'\n');
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let mut source = Lines::new(&bytes[..], 1 << 20);
            let (sink, mut received) = EventSink::new();
            let mut reader = Reader::new(&mut source, Toy::default(), sink, None);
            assert_eq!(reader.read(Some(Duration::from_secs(60))).await, Pause::Ended);
            reader.rest().await;
            assert_eq!(reader.undecodable(), undecodable);
            let over = Over { exit: Exit::Code(0), stderr: String::new(), undecodable, stopped: None };
            assert_eq!(reader.end(&over).answer, toy.end(&over).answer);
            let mut events = Vec::new();
            received.recv_many(&mut events, usize::MAX >> 8).await;
            assert_eq!(events, expected);
        });
    }
}
