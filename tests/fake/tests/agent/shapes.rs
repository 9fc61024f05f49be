//! What the agent prints has the shape of what the real CLIs printed, as the recordings of `engines/fixtures` have it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::cast::Cast;
use crate::shape::{Shape, items, kind};

/// Prompts that all recordings have lines for.
const PLAY: [&str; 3] = [
    "hello [[think hm]] [[note well]] [[tools n=2]] [[edit note.txt]]",
    "badly [[retry n=1 the service failed]] [[fail the service failed]]",
    "nothing [[silent]]",
];

/// A command that fails.
const BROKEN: &str = "broken [[tools n=1 fail=1]]";

/// A service that fails once.
const AGAIN: &str = "again [[retry n=1 the service failed]]";

/// Thoughts and calls as they grow: what they are is told at their end.
const GROWING: [&str; 2] = ["thinking_", "toolcall_"];

/// Recordings that every folder has.
const USUAL: [&str; 5] = ["answer", "tool", "edit", "think", "error"];

/// Returns the lines of the recordings in `folder`: the usual ones, and `more`.
fn recorded(folder: &str, more: &[&str]) -> Vec<Value> {
    let read = |name: &&str| {
        let path = format!("{}/../../engines/fixtures/{folder}/{name}.jsonl", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
    };
    let texts: Vec<String> = USUAL.iter().chain(more).map(read).collect();
    texts.iter().flat_map(|text| text.lines()).map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Plays `name` and compares it with the recordings in the folder `of`; `never` are the kinds it has no words for.
fn compare(name: &str, (of, recordings): (&str, &[&str]), more: &[&str], never: &[&str]) {
    let cast = Cast::new();
    let old = if matches!(of, "claude" | "pi") { " [[old]]" } else { "" };
    let prompts = PLAY.iter().chain(more);
    let printed: Vec<Value> =
        prompts.flat_map(|prompt| cast.ask(name, &[], &format!("{prompt}{old}")).lines).collect();
    let recorded = recorded(of, recordings);
    let printed: Vec<&Value> = printed.iter().flat_map(items).collect();
    let recorded: Vec<&Value> = recorded.iter().flat_map(items).collect();
    for item in &printed {
        let shape = Shape::of(item);
        let fits = recorded.iter().any(|known| kind(known) == kind(item) && shape.fits(&Shape::of(known)));
        assert!(fits, "{of} never printed one of this shape, which is a `{}`: {item}", kind(item));
    }
    let kinds = |items: &[&Value]| items.iter().map(|item| kind(item)).collect::<BTreeSet<_>>();
    let (printed, recorded) = (kinds(&printed), kinds(&recorded));
    let missing = recorded.difference(&printed).map(String::as_str);
    let missing: Vec<&str> = missing.filter(|kind| !GROWING.iter().any(|word| kind.contains(word))).collect();
    assert_eq!(missing, never, "kinds of {of} that are not played");
}

#[test]
fn codex_prints_what_codex_prints() {
    let recordings = ["fail", "midstream"];
    compare("codex", ("codex", &recordings), &[BROKEN, AGAIN], &["item.completed error"]);
}

#[test]
fn claude_prints_what_claude_prints() {
    let recordings = ["fail", "resume_unknown", "empty", "subagent", "cancel_sleep_SIGINT_pid"];
    let never = ["result error_during_execution", "system background_tasks_changed"];
    let play = [BROKEN, AGAIN, "errands [[turns n=2]]"];
    compare("claude", ("claude-2.1.329", &recordings), &play, &never);
}

#[test]
fn claude_prints_what_an_older_claude_prints() {
    let recordings = ["fail", "resume_unknown", "empty", "cancel_sleep_SIGINT_pid"];
    compare("claude", ("claude", &recordings), &[BROKEN, AGAIN], &["result error_during_execution"]);
}

#[test]
fn opencode_prints_what_opencode_prints() {
    let recordings = ["fail", "thinking_flag", "outside_dir", "bad_model"];
    let play = [BROKEN, AGAIN, "outside [[rejected /etc/hostname]]"];
    compare("opencode", ("opencode", &recordings), &play, &[]);
}

#[test]
fn pi_prints_what_pi_prints() {
    compare("pi", ("pi-0.87.1", &["flaky"]), &[AGAIN], &[]);
}

#[test]
fn pi_prints_what_an_older_pi_prints() {
    compare("pi", ("pi", &["fail"]), &[BROKEN], &[]);
}
