//! Recordings of the real programs, replayed: what a chat would be told of each, as text to be read; and lines
//! made of theirs that no program prints, for `rehearsal.rs`.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::Value;
use takopi_core::event::{Action, Phase, RunEnd, RunEvent};
use takopi_core::port::engine::{RunOptions, Stop};
use takopi_core::session::SessionToken;
use takopi_core::settings::Settings;
use takopi_stdio::Exit;

use crate::agent::{Agent, judged};
use crate::jsonl::{Over, Translator};
use crate::rehearsal;
pub(crate) use crate::rehearsal::{play, survives};

/// One recording: `fixtures/<folder>/<case>.jsonl` with its `.meta.json` and `.stderr`.
pub(crate) struct Recording {
    /// Its name.
    pub(crate) case: String,
    /// The session it was to continue.
    pub(crate) resume: Option<SessionToken>,
    lines: Vec<u8>,
    stderr: String,
    exit: Exit,
    stopped: bool,
}

/// Returns the recordings of a folder, by name.
pub(crate) fn recordings(folder: &str) -> Vec<Recording> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(folder);
    let mut files: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort();
    assert!(!files.is_empty(), "no recordings in {}", folder.display());
    files.iter().map(|file| read(file)).collect()
}

fn read(file: &Path) -> Recording {
    let meta: Value = serde_json::from_slice(&fs::read(file.with_extension("meta.json")).unwrap()).unwrap();
    let rc = i32::try_from(meta["rc"].as_i64().unwrap()).unwrap();
    Recording {
        case: file.file_stem().unwrap().to_str().unwrap().to_owned(),
        resume: meta["resume"].as_str().and_then(SessionToken::parse),
        lines: fs::read(file).unwrap(),
        stderr: fs::read_to_string(file.with_extension("stderr")).unwrap_or_default(),
        exit: if rc < 0 { Exit::Signal(-rc) } else { Exit::Code(rc) },
        stopped: meta["signal"].is_string(),
    }
}

impl Recording {
    /// Returns the lines of its stdout.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &[u8]> {
        self.lines.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty())
    }

    /// Returns the end of its run, of an agent with the settings it has without a file.
    pub(crate) fn end_of<A: Agent>(&self, folder: &str) -> RunEnd {
        let agent = A::new(Settings::default().engine(&A::spec().unwrap().id).value);
        let mut job = rehearsal::job("go", self.resume.clone());
        job.dir = format!("/home/dev/{folder}/proj").into();
        let translator = agent.translator(&job, &RunOptions::default());
        play(&self.lines, translator, self.resume.clone(), |undecodable| self.over(undecodable)).end
    }

    fn over(&self, undecodable: u64) -> Over {
        Over {
            exit: self.exit,
            stderr: crate::jsonl::plain(&self.stderr),
            undecodable,
            stopped: self.stopped.then_some(Stop::Cancel),
        }
    }

    /// Replays it and returns what is told, a line per event, and the end.
    pub(crate) fn replay<T: Translator>(&self, translator: T) -> String {
        let played = play(&self.lines, translator, self.resume.clone(), |undecodable| self.over(undecodable));
        let mut text = String::new();
        for event in &played.events {
            text.push_str(&told(event));
            text.push('\n');
        }
        text.push_str(&ended(&judged(played.end, "The agent"), self.stopped));
        if !played.unknown.kinds.is_empty() {
            writeln!(text, "unknown: {:?}", played.unknown.kinds).unwrap();
        }
        if played.undecodable > 0 {
            writeln!(text, "undecodable: {}", played.undecodable).unwrap();
        }
        text
    }
}

fn told(event: &RunEvent) -> String {
    match event {
        RunEvent::Session(token) => format!("session {token}"),
        RunEvent::Action(action) => step(action),
        RunEvent::Text(text) => format!("text {text:?}"),
        RunEvent::Answer(text) => format!("answer {:?}", short(text)),
        RunEvent::Usage(usage) => format!("usage {usage:?}"),
        RunEvent::Note(note) => format!("note {:?} {:?}", note.level, note.text),
        RunEvent::Handle(_) => "handle".to_owned(),
    }
}

fn step(action: &Action) -> String {
    let mark = match (action.phase, action.ok) {
        (Phase::Started, _) => "▸",
        (Phase::Updated, _) => "↻",
        (Phase::Completed, Some(false)) => "✗",
        (Phase::Completed, _) => "✓",
    };
    let mut text = format!("{mark} {:?} {:?}", action.kind, short(&action.title));
    if let Some(code) = action.detail.exit_code {
        write!(text, " exit {code}").unwrap();
    }
    for change in &action.detail.changes {
        write!(text, " {}:{}", change.verb, change.path).unwrap();
    }
    if let Some(output) = &action.detail.output {
        write!(text, " output {:?}", short(output)).unwrap();
    }
    write!(text, " #{}", short(&action.id)).unwrap();
    text
}

fn ended(end: &RunEnd, stopped: bool) -> String {
    let outcome = if stopped { "stopped".to_owned() } else { format!("{:?}", end.outcome) };
    let session = end.session.as_ref().map_or("none".to_owned(), ToString::to_string);
    let mut text = format!("end {outcome}\nsession {session}\nanswer {:?}\n", short(&end.answer));
    if end.session_missing {
        text.push_str("session missing\n");
    }
    if let Some(usage) = &end.usage {
        writeln!(text, "usage {usage:?}").unwrap();
    }
    text
}

fn short(text: &str) -> String {
    match text.char_indices().nth(160) {
        Some((at, _)) => format!("{}… ({} bytes)", &text[..at], text.len()),
        None => text.to_owned(),
    }
}

/// Checks the recordings of a folder against their snapshots; `translator` makes one per run.
pub(crate) fn check<T: Translator>(folder: &str, translator: impl Fn(&Recording) -> T) {
    let mut text = String::new();
    for recording in recordings(folder) {
        writeln!(text, "== {}", recording.case).unwrap();
        writeln!(text, "{}", recording.replay(translator(&recording))).unwrap();
    }
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(folder.replace('.', "_"), text);
    });
}

/// Something a program might print: lines of its recordings as they are, cut short, with a value of another
/// type or a huge one in the place of one of theirs, in any order; and what was never JSON.
pub(crate) fn noise(folder: &str) -> impl Strategy<Value = Vec<u8>> + use<> {
    let lines: Vec<Vec<u8>> = recordings(folder)
        .iter()
        .flat_map(|recording| recording.lines().map(<[u8]>::to_vec).collect::<Vec<_>>())
        .filter(|line| line.len() < 4096)
        .collect();
    let good = prop::sample::select(lines);
    let wrong = prop::sample::select(vec!["null", "7", "\"\"", "[]", "{}", "true", "-1.5e300", "[[]]"]);
    let line = prop_oneof![
        4 => good.clone(),
        1 => (good.clone(), any::<prop::sample::Index>())
            .prop_map(|(line, at)| line[..at.index(line.len())].to_vec()),
        3 => (good.clone(), any::<prop::sample::Index>(), wrong).prop_map(|(line, at, wrong)| {
            replace(&line, at, &serde_json::from_str(wrong).unwrap())
        }),
        1 => (good, any::<prop::sample::Index>())
            .prop_map(|(line, at)| replace(&line, at, &Value::String("ä".repeat(40_000)))),
        1 => prop::collection::vec(any::<u8>(), 0..40),
    ];
    prop::collection::vec(line, 0..40).prop_map(|lines| lines.join(&b'\n'))
}

/// Puts `value` in the place of one of the values of a line.
fn replace(line: &[u8], at: prop::sample::Index, value: &Value) -> Vec<u8> {
    let Ok(mut json) = serde_json::from_slice::<Value>(line) else { return line.to_vec() };
    let mut places = Vec::new();
    collect(&json, String::new(), &mut places);
    if let Some(place) = places.get(at.index(places.len().max(1))) {
        *json.pointer_mut(place).unwrap() = value.clone();
    }
    serde_json::to_vec(&json).unwrap()
}

fn collect(json: &Value, path: String, places: &mut Vec<String>) {
    let children: Vec<(String, &Value)> = match json {
        Value::Object(map) => {
            map.iter().map(|(key, value)| (key.replace('~', "~0").replace('/', "~1"), value)).collect()
        }
        Value::Array(items) => items.iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect(),
        _ => Vec::new(),
    };
    for (key, value) in children {
        collect(value, format!("{path}/{key}"), places);
    }
    places.push(path);
}
