//! Which session a run goes on with: each of the four looks for it, and doesn't find it, in its own way.

use std::io;

use uuid::Uuid;

use super::arguments::{Call, Cli};
use super::claude;
use super::exit::Exit;
use super::state::{Kept, State};

/// What came of looking for a session.
pub(super) enum Found {
    /// The run is the first of this one.
    Fresh(Kept),
    Known(Kept),
    Not(Exit),
}

/// Finds the session that `call` asks for, from `dir`.
pub(super) fn find(cli: Cli, call: &Call, state: &State, dir: &str) -> io::Result<Found> {
    let fresh = |id: String| Found::Fresh(Kept { id, dir: dir.to_owned(), turns: 0 });
    let Some(asked) = call.resume.as_deref() else {
        return Ok(fresh(call.begin_as.clone().unwrap_or_else(|| fresh_id(cli))));
    };
    Ok(match cli {
        Cli::Codex => match state.session(asked)? {
            Some(kept) => Found::Known(kept),
            // A name of a thread that nobody has begins a new one, without a word.
            None if Uuid::try_parse(asked).is_err() => fresh(fresh_id(cli)),
            None => Found::Not(Exit::saying(
                1,
                format!(
                    "Error: thread/resume: thread/resume failed: no rollout found for thread id {asked} \
                     (code -32600)"
                ),
            )),
        },
        Cli::Claude => match state.session(asked)? {
            Some(kept) if kept.dir == dir => Found::Known(kept),
            _ => Found::Not(claude::not_resumed(asked)?),
        },
        Cli::OpenCode => match state.session(asked)? {
            Some(kept) => Found::Known(kept),
            None => Found::Not(Exit::saying(1, "\u{1b}[91m\u{1b}[1mError: \u{1b}[0mSession not found")),
        },
        Cli::Pi => return pi(asked, state, dir),
    })
}

/// Finds a session of pi: by the path of its file, which begins one when it isn't there, or by the start of
/// its id, which takes the first that fits.
fn pi(asked: &str, state: &State, dir: &str) -> io::Result<Found> {
    let fresh = || Found::Fresh(Kept { id: State::fresh_id(), dir: dir.to_owned(), turns: 0 });
    let start = if asked.contains('/') || asked.ends_with(".jsonl") {
        match std::fs::read_to_string(asked) {
            Ok(id) => id.trim().to_owned(),
            Err(_) => return Ok(fresh()),
        }
    } else {
        asked.to_owned()
    };
    Ok(match state.begins_with(&start)?.into_iter().next() {
        None => Found::Not(Exit::saying(1, format!("No session found matching '{asked}'"))),
        // It asks whether to fork a session of another directory, and nobody answers.
        Some(kept) if kept.dir != dir => Found::Not(Exit::default()),
        Some(kept) => Found::Known(kept),
    })
}

fn fresh_id(cli: Cli) -> String {
    match cli {
        Cli::OpenCode => format!("ses_{}", &Uuid::new_v4().simple().to_string()[..26]),
        Cli::Codex | Cli::Claude | Cli::Pi => State::fresh_id(),
    }
}
