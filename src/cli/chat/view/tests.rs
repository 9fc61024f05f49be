//! What a run looks like while it works, on a terminal and for programs.

use takopi_core::event::{Detail, FileChange, Note, RunEnd};
use takopi_core::id::{EngineId, RunId};

use super::*;

fn run() -> RunId {
    RunId::parse("01920000-0000-7000-8000-000000000001").unwrap()
}

fn event(seq: u64, event: RunEvent) -> Told {
    Told::Run { run: run(), item: Followed::Event { seq, elapsed_ms: seq * 1000, event }, resume: None }
}

fn action(id: u64, phase: Phase, ok: Option<bool>) -> RunEvent {
    let detail = Detail { exit_code: ok.map(|ok| if ok { 0 } else { 2 }), ..Detail::default() };
    let title = format!("step {id}\n\u{1b}[31mwith a second line and a long, long title");
    RunEvent::Action(Action { id: id.to_string(), kind: ActionKind::Command, phase, title, ok, detail })
}

fn story() -> Vec<Told> {
    let engine = EngineId::parse("codex").unwrap();
    let mut story = vec![
        Told::Accepted,
        Told::Queued { run: run(), engine, ahead: 1 },
        Told::Started { run: run() },
        event(1, action(1, Phase::Started, None)),
        event(2, RunEvent::Text("a first line\nand a".to_owned())),
        event(3, action(1, Phase::Completed, Some(true))),
        event(4, RunEvent::Note(Note { level: Level::Warning, text: "slow network".to_owned() })),
        event(5, RunEvent::Text(" second one\n".to_owned())),
    ];
    story.extend((2..8).map(|id| event(4 + id, action(id, Phase::Completed, Some(id % 2 == 0)))));
    story.push(event(12, action(8, Phase::Started, None)));
    let end = RunEnd::new(Outcome::Failed("exit status 2".to_owned()), "so far");
    story.push(Told::Run {
        run: run(),
        item: Followed::End { seq: 13, elapsed_ms: 13_000, end: Box::new(end) },
        resume: Some("codex resume thread-1".to_owned()),
    });
    story
}

#[test]
fn a_terminal_shows_how_it_is_and_the_last_steps() {
    let mut progress = Progress::default();
    let mut frames = String::new();
    for told in story() {
        progress.hear(&told);
        frames += &progress.lines(progress.elapsed(), 40).join("\n");
        frames += "\n────\n";
    }
    insta::assert_snapshot!(frames);
}

#[test]
fn a_snapshot_takes_the_place_of_what_was_missed() {
    let mut progress = Progress::default();
    let snapshot = takopi_core::progress::Snapshot {
        steps: 70_000,
        actions: vec![Action {
            id: "9".to_owned(),
            kind: ActionKind::Tool,
            phase: Phase::Started,
            title: "read".to_owned(),
            ok: None,
            detail: Detail::default(),
        }],
        ..Default::default()
    };
    let item = Followed::Snapshot { seq: 99, elapsed_ms: 61_500, snapshot: Box::new(snapshot) };
    progress.hear(&Told::Run { run: run(), item, resume: None });
    assert_eq!(progress.lines(progress.elapsed(), 80), ["working · 61 s · step 70000", "▸ tool: read"]);
}

#[test]
fn a_step_says_its_kind_and_how_it_stands_but_not_what_it_printed() {
    let act = |kind, phase, ok, detail| {
        step(&Action { id: "1".to_owned(), kind, phase, title: "it".to_owned(), ok, detail })
    };
    let output = Some("line\n".repeat(1000));
    let failed = Detail { exit_code: Some(2), output: output.clone(), ..Detail::default() };
    let change = |path: &str| FileChange { path: path.to_owned(), verb: String::new() };
    let changes = ["a", "b", "c", "d"].map(change).into();
    let edit = Detail { changes, output, ..Detail::default() };
    let lines = [
        act(ActionKind::Command, Phase::Started, None, Detail::default()),
        act(ActionKind::Subagent, Phase::Updated, None, Detail::default()),
        act(ActionKind::Command, Phase::Completed, None, failed.clone()),
        act(ActionKind::Tool, Phase::Completed, Some(false), Detail::default()),
        act(ActionKind::WebSearch, Phase::Completed, Some(true), Detail::default()),
        act(ActionKind::FileChange, Phase::Completed, None, edit),
    ];
    assert_eq!(
        lines,
        [
            "▸ it",
            "↻ subagent: it",
            "✗ it (exit 2)",
            "✗ tool: it",
            "✓ searched: it",
            "✓ files: update a, update b, update c, …(1 more)"
        ]
    );
}

#[test]
fn memory_stays_small_however_much_is_written() {
    let mut progress = Progress::default();
    for id in 0..10_000 {
        progress.hear(&event(id, action(id + 1, Phase::Started, None)));
        progress.hear(&event(id, RunEvent::Text("é".repeat(500))));
    }
    let lines = progress.lines(Duration::ZERO, 80);
    assert_eq!(lines.first().map(String::as_str), Some("working · 0 s · step 10000"));
    assert!(lines.len() <= 11);
}

#[test]
fn programs_get_one_object_per_event() {
    let conversation = ConversationId::parse("11111111-2222-4333-8444-555555555555");
    let mut told = story();
    told.extend([Told::Reply { text: "queue is empty".to_owned() }, Told::Settled]);
    let lines: Vec<String> =
        told.iter().filter_map(|told| object(told, conversation)).map(|object| object.to_string()).collect();
    insta::assert_snapshot!(lines.join("\n"));
}
