//! The stored forms are promises: a row written today is read by every later takopi. A changed snapshot here
//! means a new schema version and a migration, never just a new snapshot.

use serde_json::{Map, json};
use takopi_core::event::{
    Action, ActionKind, Detail, FileChange, Handle, Level, Note, Outcome, Phase, RunEvent, Usage,
};
use takopi_core::message::{
    Attachment, AttachmentKind, Body, Button, ButtonAction, Chosen, Format, Inbound, Invoke, Modal, Press,
    Reply, SpooledFile,
};
use takopi_core::port::engine::{Answer, Question, QuestionOption};
use takopi_core::port::ledger::{PartState, PostKind, PreferenceKey, RunState, Settled};
use takopi_core::session::{Context, Scope, ThreadKey};
use takopi_core::testing::ledger::{address, id, message, message_ref, run_id, session_row};

/// Checks that values read back from what they are written as, and returns that, one per line.
fn lines<T>(values: &[T]) -> String
where
    T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let line = |value: &T| {
        let text = serde_json::to_string(value).unwrap();
        assert_eq!(&serde_json::from_str::<T>(&text).unwrap(), value);
        text
    };
    values.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn fields() -> Map<String, serde_json::Value> {
    Map::from_iter([("text".to_owned(), json!("hi")), ("n".to_owned(), json!(2))])
}

fn cancel() -> ButtonAction {
    ButtonAction::Cancel { run: run_id(1) }
}

#[test]
fn an_inbound_is_stored_as() {
    let bare = message("chat", "1", "hello");
    let mut rich = message("chat/topic", "2", "look");
    rich.reply_to = Some(Reply {
        message: message_ref("chat/topic", "1"),
        text: Some("hello".to_owned()),
        of_bot: false,
    });
    rich.attachments = [AttachmentKind::Image, AttachmentKind::Voice, AttachmentKind::File]
        .map(|kind| Attachment {
            handle: "h".to_owned(),
            kind,
            name: Some("a.png".to_owned()),
            bytes: Some(9),
        })
        .to_vec();
    rich.album = Some("album".to_owned());
    rich.forwarded = true;
    rich.chosen = Chosen {
        engine: Some(id("codex")),
        context: Context { project: Some("happy".to_owned()), branch: Some("main".to_owned()) },
        session: None,
        dir: Some("/src".into()),
    };
    let (upstream, sender, place) = ("u".to_owned(), bare.sender.clone(), message_ref("chat", "1"));
    let values = [
        Inbound::Message(bare),
        Inbound::Edited(rich),
        Inbound::Deleted { upstream: upstream.clone(), message: place.clone() },
        Inbound::Press(Press {
            upstream: upstream.clone(),
            message: place.clone(),
            sender: sender.clone(),
            action: cancel(),
        }),
        Inbound::Invoke(Invoke {
            upstream: upstream.clone(),
            message: place.clone(),
            sender: sender.clone(),
            command: id("agent"),
            arguments: fields(),
            files: Vec::new(),
        }),
        Inbound::Modal(Modal { upstream, message: place, sender, action: cancel(), fields: fields() }),
    ];
    insta::assert_snapshot!(lines(&values));
}

#[test]
fn a_body_is_stored_as() {
    let button = |action| Button { label: "b".to_owned(), action };
    let command = ButtonAction::Command { command: id("new"), arguments: "now".to_owned() };
    let answer = ButtonAction::Answer { run: run_id(1), question: "q".to_owned(), option: "y".to_owned() };
    let file = ButtonAction::SendFile { run: run_id(1), file: "af63dc4c8601ec8c".to_owned() };
    let full = Body {
        header: Some("**codex**".to_owned()),
        text: "text".to_owned(),
        format: Format::Markdown,
        footer: vec!["ctx: happy".to_owned()],
        buttons: vec![vec![button(cancel()), button(command)], vec![button(answer), button(file)]],
        files: vec![SpooledFile { path: "run/a.zip".into(), name: "a.zip".to_owned() }],
        extra: fields(),
    };
    insta::assert_snapshot!(lines(&[Body::plain("x"), full]));
}

#[test]
fn the_state_of_a_part_is_stored_as() {
    insta::assert_snapshot!(lines(&[
        PartState::Waiting,
        PartState::Trying { unknown: 1 },
        PartState::Unknown { unknown: 2 },
        PartState::Sent { message: message_ref("chat", "1"), unknown: 0 },
        PartState::Refused { reason: "too large".to_owned() },
    ]));
}

#[test]
fn what_a_run_tells_is_stored_as() {
    let action = |kind| Action {
        id: "a".to_owned(),
        kind,
        phase: Phase::Started,
        title: "ls".to_owned(),
        ok: None,
        detail: Detail::default(),
    };
    let kinds = [
        ActionKind::Command,
        ActionKind::Tool,
        ActionKind::FileChange,
        ActionKind::WebSearch,
        ActionKind::Subagent,
        ActionKind::Turn,
        ActionKind::Warning,
        ActionKind::Telemetry,
        ActionKind::Note,
    ];
    let mut events: Vec<RunEvent> = kinds.map(|kind| RunEvent::Action(action(kind))).to_vec();
    events.push(RunEvent::Action(Action {
        phase: Phase::Completed,
        ok: Some(false),
        detail: Detail {
            exit_code: Some(3),
            changes: vec![FileChange { path: "x".to_owned(), verb: "add".to_owned() }],
            output: Some("out".to_owned()),
        },
        ..action(ActionKind::FileChange)
    }));
    events.push(RunEvent::Action(Action { phase: Phase::Updated, ..action(ActionKind::Tool) }));
    events.push(RunEvent::Handle(Handle("pid 7".to_owned())));
    events.push(RunEvent::Session(session_row("0199").session.token));
    events.push(RunEvent::Text("he".to_owned()));
    events.push(RunEvent::Answer("hello".to_owned()));
    events.push(RunEvent::Usage(Usage {
        input_tokens: Some(1),
        output_tokens: Some(2),
        cost_usd: Some(0.5),
    }));
    let note = |level| RunEvent::Note(Note { level, text: "again".to_owned() });
    events.extend([Level::Info, Level::Warning, Level::Error].map(note));
    insta::assert_snapshot!(lines(&events));
    let unknown: ActionKind = serde_json::from_str("\"dance\"").unwrap();
    assert_eq!(unknown, ActionKind::Note, "kinds of a newer takopi read as notes");
}

#[test]
fn outcomes_threads_and_questions_are_stored_as() {
    let outcomes =
        [Outcome::Answered, Outcome::Cancelled, Outcome::Interrupted, Outcome::Failed("why".to_owned())];
    let of_ann = Scope { address: address("chat"), person: Some("ann".to_owned()) };
    let threads = [
        ThreadKey::Token(session_row("0199").session),
        ThreadKey::Run(run_id(1)),
        ThreadKey::Scope(address("chat/topic").into(), id("codex"), 3),
        ThreadKey::Scope(of_ann, id("codex"), 3),
    ];
    let option = QuestionOption { id: "y".to_owned(), label: "Yes".to_owned() };
    let question =
        Question { key: "q".to_owned(), title: "May I?".to_owned(), options: vec![option], free_text: true };
    let answer = Answer { options: vec!["y".to_owned()], text: Some("go".to_owned()) };
    insta::assert_snapshot!(
        [lines(&outcomes), lines(&threads), lines(&[question]), lines(&[answer])].join("\n")
    );
}

#[test]
fn a_scope_without_a_person_is_stored_as_its_address_alone() {
    for place in ["chat", "chat/topic"] {
        let stored = serde_json::to_string(&Scope::from(address(place))).unwrap();
        assert_eq!(stored, serde_json::to_string(&address(place)).unwrap(), "as before there were people");
    }
}

#[test]
fn words_are_stored_as() {
    let states = [RunState::Open, RunState::Answered, RunState::Ended];
    let kinds = [PostKind::Reply, PostKind::Question, PostKind::Final, PostKind::Notice];
    let settled = [Settled::Done, Settled::Ignored, Settled::Cancelled];
    let keys = [
        PreferenceKey::Engine,
        PreferenceKey::Context,
        PreferenceKey::Model,
        PreferenceKey::Reasoning,
        PreferenceKey::Trigger,
    ];
    insta::assert_snapshot!([lines(&states), lines(&kinds), lines(&settled), lines(&keys)].join("\n"));
}
