//! One program that plays codex, claude, opencode and pi, by the name it is called under.
//!
//! It takes the command lines the real ones take and no others, prints the lines they print, and keeps
//! sessions as they do. What happens in a run is written in its prompt, as `[[directives]]`: `script.rs` lists
//! them. What it was asked, and what became of it, stands in a log; where it must wait it stands at a gate
//! that the test opens: `state.rs`. It never waits for time, and knows nothing of takopi.

mod arguments;
mod children;
mod choices;
mod claude;
mod codex;
mod exit;
mod opencode;
mod options;
mod out;
mod pi;
mod script;
mod session;
mod sheet;
mod signals;
mod stage;
mod state;
mod voice;

use std::ffi::OsString;
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use arguments::Cli;
use exit::Exit;
use script::Script;
use stage::Stage;
use state::State;

/// The exit code for what is wrong with the test and not with the agent; `EX_SOFTWARE` of sysexits.h.
const BROKEN: u8 = 70;

/// Plays the agent that the program is called as; returns its exit code.
///
/// The log and the gates are in `$SCRIPTED_AGENT_STATE`, by default `.scripted-agent` in `$HOME`.
#[must_use]
pub fn main() -> ExitCode {
    let mut words = std::env::args_os();
    let name = words.next().unwrap_or_default();
    match play(&name, words) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            // The words of last resort: when stderr is gone too, the exit code has to do.
            writeln!(io::stderr(), "scripted-agent: {error}").ok();
            ExitCode::from(BROKEN)
        }
    }
}

fn play(name: &OsString, words: impl Iterator<Item = OsString>) -> io::Result<u8> {
    let name = Path::new(name).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let Some(cli) = Cli::named(&name) else {
        return Err(io::Error::other(format!("nobody to play is called `{name}`")));
    };
    let words: Vec<String> = words.map(|word| word.to_string_lossy().into_owned()).collect();
    let state = State::open(cli)?;
    if words == ["--version"] {
        out::print(&[cli.version().to_owned()])?;
        return Ok(0);
    }
    let call = match cli.parse(&words) {
        Ok(call) => call,
        Err(exit) => {
            state.log("refused", &[("argv", words.into())])?;
            return exit.leave();
        }
    };
    let mut stdin = Vec::new();
    if call.prompt.is_none() {
        io::stdin().read_to_end(&mut stdin)?;
    }
    let prompt = call.prompt.clone().unwrap_or_else(|| String::from_utf8_lossy(&stdin).into_owned());
    state.log_start(&words, &stdin, &prompt, &call)?;
    if prompt.trim().is_empty() {
        return Exit::without_prompt(cli).leave();
    }
    if let Some(warning) = choices::warning(cli, &call) {
        writeln!(io::stderr(), "{warning}")?;
    }
    let script = Script::parse(&prompt);
    let code = match Stage::set(cli, &call, &state, &script, &prompt)? {
        Ok(stage) => stage.play(&script)?,
        Err(exit) => exit.leave()?,
    };
    state.log("exit", &[("code", code.into())])?;
    Ok(code)
}
