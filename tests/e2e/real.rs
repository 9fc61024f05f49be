//! The agent CLIs that people use, as npm installs them, behind the built binary: each is told the same things and asks
//! a scripted model on loopback. What they did stands in the table of docs/engines.md.
//!
//! The stage is `real/bed.rs`; what a model says to which prompt stands in `takopi_fake::model::script`. Where the CLIs
//! aren't installed these tests say so and pass, in CI they fail; `cargo xtask test agents` installs them.

#[path = "real/bed.rs"]
mod bed;

use rustix::process::Signal;
use takopi_fake::model::script::{AFTER, HELD, RECOVERED, refusal};

use crate::gate::Gate;

use bed::{Bed, Row};

/// Bytes of the large prompt: more than Linux lets a program have as one argument (128 KiB).
const LARGE: usize = 200_000;

fn version(row: Row) {
    let Some(bed) = Bed::make(row) else { return };
    let version = bed.version();
    assert!(version.starts_with(|letter: char| letter.is_ascii_digit()), "{version}");
    bed.found("version", &version);
}

fn answer(row: Row) {
    let Some(bed) = Bed::make(row) else { return };
    let said = bed.say("[[answer hello from the model]]");
    assert_eq!((said.outcome(), said.answer()), ("answered", "hello from the model"), "{said:?}");
    assert!(said.session().is_some(), "{said:?}");
    assert_eq!(bed.model.log().turns().count(), 1);
    bed.found("answer", "✓");
}

fn tool(row: Row) {
    let Some(bed) = Bed::make(row) else { return };
    let said = bed.say("[[tool echo made > by-the-tool; echo from the tool]]");
    assert_eq!(said.outcome(), "answered", "{said:?}");
    assert!(said.answer().starts_with("The command said: "), "{said:?}");
    assert_eq!(said.answer().matches("from the tool").count(), 1, "{said:?}");
    assert_eq!(bed.home.lines("by-the-tool"), ["made"]);
    let steps = said.steps();
    assert!(steps.iter().any(|step| step["kind"] == "command" && step["ok"] == true), "{steps:#?}");
    bed.found("tool", "✓");
}

fn edit(row: Row) {
    let Some(bed) = Bed::make(row) else { return };
    let said = bed.say("[[edit note.txt]]");
    assert_eq!((said.outcome(), said.answer()), ("answered", "note.txt is changed."), "{said:?}");
    assert_eq!(bed.home.lines("note.txt"), [AFTER]);
    let steps = said.steps();
    let changed = |step: &&&serde_json::Value| step["kind"] == "file_change" && step["ok"] == true;
    assert_eq!(steps.iter().filter(changed).count(), 2, "{steps:#?}");
    bed.found("edit", "✓");
}

fn resume(row: Row) {
    let Some(bed) = Bed::make(row) else { return };
    let first = bed.say("[[answer the word is quince]]");
    let session = first.session().unwrap();
    let second = bed.say(&format!("{}\n[[recall]]", row.resume_line(session)));
    assert_eq!((second.outcome(), second.session()), ("answered", Some(session)), "{second:?}");
    let recalled = second.answer();
    assert!(recalled.contains("Before this you asked: [[answer the word is quince]]"), "{second:?}");
    bed.found("resume", "✓");
}

/// A cancel while the tool runs, in a session of its own: nothing is left, and the session goes on.
fn cancel(row: Row) {
    let Some(bed) = Bed::make(row) else { return };
    let gate = Gate::new(&bed.home, "gate");
    let saying = bed.begin("[[tool cat gate]]");
    let standing = gate.reached();
    saying.signal(Signal::INT);
    let said = bed.end(saying);
    assert_eq!(said.outcome(), "cancelled", "{said:?}");
    assert_eq!(bed.home.at_work(), []);
    drop(standing);
    assert!(!gate.is_reached(), "the tool is still there");

    let again = bed.say(&format!("{}\n[[recall]]", row.resume_line(said.session().unwrap())));
    assert_eq!((again.outcome(), again.session()), ("answered", said.session()), "{again:?}");
    assert!(again.answer().contains("[[tool cat gate]]"), "{again:?}");
    bed.found("cancel", "✓");
}

/// A cancel while the model speaks for the first time: the request is given up, and the session goes on, or it is said
/// that it can't.
fn cancel_of_the_first_answer(row: Row) {
    let Some(bed) = Bed::make(row) else { return };
    let mut saying = bed.begin("[[hold]]");
    bed.model.wait_for("a held answer", |log| (log.holding == 1).then_some(())).unwrap();
    if row.keeps_unfinished {
        saying.says("\"type\":\"session\"");
    }
    saying.signal(Signal::INT);
    let said = bed.end(saying);
    assert_eq!(said.outcome(), "cancelled", "{said:?}");
    assert_eq!(bed.home.at_work(), []);
    bed.model.wait_for("the client's leaving", |log| (log.hung_up == 1).then_some(())).unwrap();
    assert!(!said.answer().contains(&format!("{HELD} {HELD}")), "{said:?}");

    if row.keeps_unfinished {
        let again = bed.say(&format!("{}\n[[answer back again]]", row.resume_line(said.session().unwrap())));
        assert_eq!((again.outcome(), again.answer()), ("answered", "back again"), "{again:?}");
    } else {
        assert_eq!(said.session(), None, "{said:?}");
        assert!(said.tells_of("kept no session"), "{said:?}");
    }
}

fn error(row: Row) {
    let Some(bed) = Bed::make(row) else { return };
    for status in [400, 401] {
        let said = bed.say(&format!("[[refuse {status}]]"));
        assert_eq!(said.outcome(), "failed", "{said:?}");
        let told = format!("{}\n{}", said.answer(), said.reason());
        assert_eq!(told.matches(&refusal(status)).count(), 1, "{said:?}");
    }
    // Nothing is tried again here, so a person sees it once from the beginning to the end.
    let ended = bed.shown("[[refuse 400]]");
    assert_eq!(ended.code, 1, "{ended:?}");
    let seen = format!("{}\n{}", ended.stdout, ended.stderr);
    assert_eq!(seen.matches(&refusal(400)).count(), 1, "{ended:?}");
    bed.found("error", "✓");
}

fn retry(row: Row) {
    let Some(bed) = Bed::make(row) else { return };
    let said = bed.say("[[flaky 1]]");
    assert_eq!((said.outcome(), said.answer()), ("answered", RECOVERED), "{said:?}");
    let statuses: Vec<u16> = bed.model.log().turns().map(|asked| asked.status).collect();
    assert_eq!(statuses, [500, 200]);
    // Not every CLI tells that it tries again.
    let is_told = said.tells_of("retry") || said.tells_of("reconnecting");
    bed.found("retry", if is_told { "✓, told" } else { "✓, in silence" });
}

fn large(row: Row) {
    let Some(bed) = Bed::make(row) else { return };
    let text = format!("[[answer read to the end]]\n{}\nthe end", "0123456789 ".repeat(LARGE / 11));
    let said = bed.say(&text);
    assert_eq!((said.outcome(), said.answer()), ("answered", "read to the end"), "{said:?}");
    let log = bed.model.log();
    assert!(log.turns().any(|asked| asked.prompt.contains(&text)), "the prompt did not arrive complete");
    bed.found("large", "✓");
}

/// A text that begins with a slash is no command: the model gets it.
fn slash(row: Row) {
    let Some(bed) = Bed::make(row) else { return };
    let said = bed.say("/frobnicate [[answer as a text]]");
    assert_eq!((said.outcome(), said.answer()), ("answered", "as a text"), "{said:?}");
}

macro_rules! rows {
    ($($module:ident: $row:expr;)*) => {
        $(mod $module {
            use super::Row;

            const ROW: Row = $row;

            #[test]
            fn tells_its_version() {
                super::version(ROW);
            }

            #[test]
            fn answers() {
                super::answer(ROW);
            }

            #[test]
            fn runs_a_tool() {
                super::tool(ROW);
            }

            #[test]
            fn edits_a_file() {
                super::edit(ROW);
            }

            #[test]
            fn resumes_its_session() {
                super::resume(ROW);
            }

            #[test]
            fn leaves_nothing_when_cancelled() {
                super::cancel(ROW);
            }

            #[test]
            fn gives_up_its_first_answer_when_cancelled() {
                super::cancel_of_the_first_answer(ROW);
            }

            #[test]
            fn tells_an_error_once() {
                super::error(ROW);
            }

            #[test]
            fn tries_again() {
                super::retry(ROW);
            }

            #[test]
            fn takes_a_text_behind_a_slash() {
                super::slash(ROW);
            }

            #[test]
            fn takes_a_large_prompt() {
                super::large(ROW);
            }
        })*
    };
}

rows! {
    codex: Row { name: "codex", engine: "codex", resume: "codex resume", keeps_unfinished: true };
    claude: Row { name: "claude", engine: "claude", resume: "claude --resume", keeps_unfinished: true };
    claude_newer: Row { name: "claude-newer", engine: "claude", resume: "claude --resume", keeps_unfinished: true };
    opencode: Row { name: "opencode", engine: "opencode", resume: "opencode --session", keeps_unfinished: true };
    pi: Row { name: "pi", engine: "pi", resume: "pi --session", keeps_unfinished: false };
    pi_newer: Row { name: "pi-newer", engine: "pi", resume: "pi --session", keeps_unfinished: false };
}
