//! takopi beside the Python takopi 0.23.4, on the same recordings: what each says to the person. Every difference is
//! meant and has its reason here; `docs/compared.md` is the table of them.
//!
//! What the Python takopi says was taken from itself, run over programs that print the recordings.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde::Deserialize;
use takopi_core::event::Outcome;

use crate::agent::recording::{Recording, recordings};
use crate::claude::Claude;
use crate::codex::Codex;
use crate::opencode::Opencode;
use crate::pi::Pi;

/// What one of the two says at the end of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Said {
    /// Whether the person is told that it went well.
    done: bool,
    /// What stands in the message.
    text: String,
    session: Option<String>,
}

/// What the Python takopi made of a recording.
#[derive(Debug, Deserialize)]
struct Peer {
    outcome: String,
    answer: String,
    error: String,
    session: Option<String>,
}

/// Why takopi says something else.
struct Reason {
    /// What stands in the table.
    why: &'static str,
    /// The recordings it holds for.
    recordings: &'static [&'static str],
}

const REASONS: &[Reason] = &[
    Reason {
        why: "an error is told once, not as the answer and as the error",
        recordings: &[
            "claude/error",
            "claude/error_400",
            "claude/error_401",
            "claude/error_429",
            "claude-2.1.329/error",
        ],
    },
    Reason {
        why: "an error is told once, and what was said before it is kept",
        recordings: &["claude/drop", "claude/midstream"],
    },
    Reason {
        why: "an error that is JSON says its message",
        recordings: &["codex/error_400", "opencode/midstream", "pi-0.87.1/error"],
    },
    Reason {
        why: "the program's own words are shown, not only its status",
        recordings: &[
            "codex/resume_unknown",
            "claude/resume_unknown",
            "claude-2.1.329/resume_unknown",
            "opencode/numeric_prompt",
            "opencode/numeric_prompt_dot",
            "opencode/resume_garbage",
            "opencode/resume_unknown",
            "pi/cancel_slow_then_resume",
            "pi/resume_garbage",
            "pi/resume_unknown",
            "pi-0.87.1/cancel_slow_then_resume",
            "pi-0.87.1/resume_garbage",
            "pi-0.87.1/resume_unknown",
        ],
    },
    Reason {
        why: "the program's own words are shown; a session that was never made is not named",
        recordings: &["pi/bad_model", "pi-0.87.1/bad_model"],
    },
    Reason {
        why: "the program's own words are shown, and the id of a failed resume is not taken for a session",
        recordings: &["claude/resume_garbage", "claude-2.1.329/resume_garbage"],
    },
    Reason { why: "the same refusal, in words for people", recordings: &["codex/resume_garbage"] },
    Reason {
        why: "what was said on the way is a step; the answer is what came after the last tool",
        recordings: &["opencode/multi", "opencode/tool"],
    },
    Reason {
        why: "a permission that was refused in silence is named, with what to do",
        recordings: &["opencode/outside_dir"],
    },
    Reason {
        why: "a retry that ends well is no failure: the first `agent_end` is not the end",
        recordings: &["pi-0.87.1/flaky"],
    },
];

const FOLDERS: [&str; 6] = ["codex", "claude", "claude-2.1.329", "opencode", "pi", "pi-0.87.1"];

/// Longest text that was kept of the Python takopi's, in characters.
const KEPT: usize = 400;

fn ours(folder: &str, recording: &Recording) -> Said {
    let end = match folder.split('-').next() {
        Some("codex") => recording.end_of::<Codex>(folder),
        Some("claude") => recording.end_of::<Claude>(folder),
        Some("opencode") => recording.end_of::<Opencode>(folder),
        _ => recording.end_of::<Pi>(folder),
    };
    let (done, why) = match end.outcome {
        Outcome::Answered => (!end.answer.trim().is_empty(), String::new()),
        Outcome::Failed(why) => (false, why),
        other => panic!("{folder}/{} ended as {other:?}", recording.case),
    };
    Said { done, text: shown(&end.answer, &why), session: end.session.map(|token| token.to_string()) }
}

impl Peer {
    /// What its bridge shows: the answer, then the error.
    fn said(&self) -> Said {
        let done = self.outcome == "answered" && !self.answer.trim().is_empty();
        Said { done, text: shown(&self.answer, &self.error), session: self.session.clone() }
    }
}

/// What a message says: the answer, and below it why it failed.
fn shown(answer: &str, why: &str) -> String {
    let parts = [answer.trim(), why.trim()];
    let text = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n");
    match text.char_indices().nth(KEPT) {
        Some((at, _)) => text[..at].to_owned(),
        None => text,
    }
}

/// Tells whether the one names a session by the beginning of what the other calls it.
fn is_beginning(theirs: Option<&str>, ours: Option<&str>) -> bool {
    matches!((theirs, ours), (Some(theirs), Some(ours)) if theirs != ours && ours.starts_with(theirs))
}

fn peers() -> BTreeMap<String, BTreeMap<String, Peer>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/takopi-0.23.4.json");
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

fn cell(said: &Said) -> String {
    const WIDTH: usize = 150;
    let text: String = said.text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|");
    let text = match text.char_indices().nth(WIDTH) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    };
    let mark = if said.done { "done" } else { "error" };
    if text.is_empty() { format!("**{mark}**, nothing") } else { format!("**{mark}** {text}") }
}

#[test]
fn every_difference_from_the_python_takopi_is_meant() {
    let peers = peers();
    let (mut table, mut unexplained, mut unneeded) = (String::new(), Vec::new(), Vec::new());
    let (mut same, mut shortened, mut all) = (0, 0, 0);
    for folder in FOLDERS {
        for recording in recordings(folder) {
            let Some(peer) = peers[folder].get(&recording.case) else { continue };
            all += 1;
            let name = format!("{folder}/{}", recording.case);
            let (mut theirs, ours) = (peer.said(), ours(folder, &recording));
            if is_beginning(theirs.session.as_deref(), ours.session.as_deref()) {
                shortened += 1;
                theirs.session.clone_from(&ours.session);
            }
            let reason = REASONS.iter().find(|reason| reason.recordings.contains(&name.as_str()));
            match (theirs == ours, reason) {
                (true, None) => same += 1,
                (true, Some(_)) => unneeded.push(name),
                (false, None) => unexplained.push(format!("{name}\n  {theirs:?}\n  {ours:?}")),
                (false, Some(Reason { why, .. })) => {
                    writeln!(table, "| {name} | {} | {} | {why} |", cell(&theirs), cell(&ours)).unwrap();
                }
            }
        }
    }
    assert!(unexplained.is_empty(), "differences without a reason:\n{}", unexplained.join("\n"));
    assert!(unneeded.is_empty(), "reasons without a difference: {unneeded:?}");
    let text = format!(
        "# takopi beside the Python takopi 0.23.4\n\n\
         Both over the same {all} recordings of the real programs (`engines/fixtures`), with codex in its mode `exec`; what\n\
         the message at the end of the run says. Of {same} they say the same. The others, each meant:\n\n\
         | recording | Python takopi | takopi | why |\n| --- | --- | --- | --- |\n{table}\n\
         In {shortened} runs of pi the Python takopi names the session by the first eight digits of its id, which sessions\n\
         begun within about a minute share; takopi names it by all of it.\n\n\
         Stopped runs are left out: there both show the progress and the resume line. This file is written by\n\
         `TAKOPI_WRITE_DOCS=1 cargo nextest run -p takopi-engines comparison`; without the variable that test compares it.\n"
    );
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/compared.md");
    if std::env::var_os("TAKOPI_WRITE_DOCS").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap_or_default(), text, "write docs/compared.md anew");
}
