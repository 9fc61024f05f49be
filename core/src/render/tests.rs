//! How messages of runs read: snapshots to be looked at.

use super::*;
use crate::event::{ActionKind, Detail, Phase};
use crate::id::RunIds;
use crate::time::Timestamp;

fn shown(body: &Body) -> String {
    let buttons =
        body.buttons.concat().iter().map(|button| format!("\n[{}]", button.label)).collect::<String>();
    flatten(body) + &buttons
}

fn view<'a>(engine: &'a EngineId, steps: u64) -> View<'a> {
    View {
        run: RunIds::new([0; 6]).next(Timestamp::default()),
        engine,
        elapsed: Duration::from_secs(185),
        steps,
        dir: Some(Path::new("/home/u/p")),
        context_line: Some("`ctx: Takopi @main`"),
        resume_line: Some("`codex resume 0199`"),
    }
}

fn codex() -> EngineId {
    EngineId::parse("codex").unwrap()
}

#[test]
fn progress_shows_label_actions_note_footer_and_a_cancel_button() {
    let codex = codex();
    let action = |id: &str, phase, exit_code| Action {
        id: id.into(),
        kind: ActionKind::Command,
        phase,
        title: format!("cat /home/u/p/{id}"),
        ok: None,
        detail: Detail { exit_code, ..Detail::default() },
    };
    let actions = [action("a", Phase::Completed, Some(1)), action("b", Phase::Started, None)];
    let note = Note { level: Level::Warning, text: "retrying `in\n5 s".into() };
    let bare = View { context_line: None, resume_line: None, elapsed: Duration::ZERO, ..view(&codex, 0) };
    let all = [
        render_progress(&bare, Label::Queued { ahead: 2 }, [], None),
        render_progress(&bare, Label::Queued { ahead: 0 }, [], None),
        render_progress(&bare, Label::Starting, [], None),
        render_progress(&view(&codex, 7), Label::Working, &actions, Some(&note)),
        render_progress(&view(&codex, 7), Label::Cancelled, &actions, None),
        render_progress(&view(&codex, 7), Label::Interrupted, &actions, None),
    ];
    insta::assert_snapshot!(all.iter().map(shown).collect::<Vec<_>>().join("\n=====\n"));
}

#[test]
fn a_final_shows_the_answer_then_why_it_failed_then_what_is_left() {
    let codex = codex();
    let failed = || Outcome::Failed("codex failed (rc=2).\n".into());
    let left = RunEnd {
        left_running: vec!["npm run dev (pid 7)".into(), " ".into(), "sleep `x`".into()],
        ..RunEnd::new(Outcome::Answered, "```sh\nunclosed")
    };
    let all = [
        render_final(&view(&codex, 2), &RunEnd::new(Outcome::Answered, "\n The answer.\n\n"), false),
        render_final(&view(&codex, 0), &RunEnd::new(Outcome::Answered, " \n"), false),
        render_final(&view(&codex, 0), &RunEnd::new(Outcome::Answered, ""), true),
        render_final(&view(&codex, 2), &RunEnd::new(failed(), "So far:\n\n~~~\ncode"), false),
        render_final(&view(&codex, 2), &RunEnd::new(failed(), ""), false),
        render_final(&view(&codex, 2), &RunEnd::new(Outcome::Cancelled, "half"), false),
        render_final(&view(&codex, 2), &RunEnd::new(Outcome::Interrupted, ""), false),
        render_final(&view(&codex, 2), &left, false),
    ];
    assert!(all.iter().all(|body| body.buttons.is_empty()));
    insta::assert_snapshot!(all.iter().map(shown).collect::<Vec<_>>().join("\n=====\n"));
}
