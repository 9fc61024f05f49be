//! Models and levels of thinking that a CLI doesn't have, and what it does about them. A model that nobody has
//! is called `no-such-model`. Pure.

use std::io;

use super::arguments::{Call, Cli};
use super::exit::Exit;
use super::opencode::OpenCode;

/// A model that nobody has.
const NOBODYS: &str = "no-such-model";

/// Returns the warning about a level of thinking that is not known. codex and opencode hand on what they get.
pub(super) fn warning(cli: Cli, call: &Call) -> Option<String> {
    let level = call.effort.as_deref()?;
    let (levels, words) = match cli {
        Cli::Claude => (
            "low, medium, high, xhigh, max",
            format!("Warning: Unknown --effort value '{level}' — ignoring it and using the default effort."),
        ),
        Cli::Pi => (
            "off, minimal, low, medium, high, xhigh, max",
            format!("Warning: Invalid thinking level \"{level}\"."),
        ),
        Cli::Codex | Cli::OpenCode => return None,
    };
    let known = levels.split(", ").any(|known| known == level);
    (!known).then(|| format!("{words} Valid values: {levels}"))
}

/// Returns the end that a model nobody has brings about. codex and claude hand on what they get.
pub(super) fn refusal(cli: Cli, call: &Call, session: &str) -> io::Result<Option<Exit>> {
    let Some(model) = call.model.as_deref().filter(|model| model.contains(NOBODYS)) else { return Ok(None) };
    Ok(match cli {
        Cli::Pi => {
            let words =
                format!("Error: Model \"{model}\" not found. Use --list-models to see available models.");
            Some(Exit::saying(1, words))
        }
        Cli::OpenCode => {
            let line = OpenCode::server_error(session)?;
            Some(Exit { lines: vec![line], code: 1, ..Exit::default() })
        }
        Cli::Codex | Cli::Claude => None,
    })
}
