//! What the tests of several engines share.

use takopi_core::event::Outcome;
use takopi_core::id::TransportKind;
use takopi_core::port::engine::Job;
use takopi_core::settings::{ConfigFile, ConfigTable, Input, Known, Reading, load};
use takopi_stdio::Exit;

use crate::jsonl::{Over, Translator};
use crate::rehearsal::{self, play};

/// Returns a job of a run of its own.
pub(crate) fn job(prompt: &str) -> Job {
    rehearsal::job(prompt, None)
}

fn reading<T: ConfigTable>(table: &str) -> Reading<T> {
    let text = format!("[engines.codex]\n{table}\n");
    let file = ConfigFile { path: "/takopi.toml".into(), named: true, content: Ok(text.into_bytes()) };
    let engines = crate::known(|_| true).unwrap();
    let codex = engines.iter().find(|engine| engine.id.as_str() == "codex").unwrap().id.clone();
    let local = TransportKind::parse("local").unwrap();
    let known = Known { engines, transports: vec![local], ..Known::default() };
    let input = Input { file: &file, environment: &[], overrides: &[], home: None };
    load(&input, &known).unwrap().settings.engine(&codex)
}

/// Reads the keys of an engine's table that has nothing wrong with it.
pub(crate) fn read<T: ConfigTable>(table: &str) -> T {
    reading(table).usable().unwrap().0
}

/// Returns what is told of an engine's table, a line each.
pub(crate) fn mistakes<T: ConfigTable>(table: &str) -> String {
    let told = reading::<T>(table).diagnostics;
    told.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Returns the outcome and the answer of a run that printed these lines.
pub(crate) fn end<T: Translator>(translator: T, lines: &[&str], exit: i32) -> (Outcome, String) {
    let over =
        |undecodable| Over { exit: Exit::Code(exit), stderr: String::new(), undecodable, stopped: None };
    let end = play(lines.join("\n").as_bytes(), translator, None, over).end;
    (end.outcome, end.answer)
}
