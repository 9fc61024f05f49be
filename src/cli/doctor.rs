//! `takopi doctor`: looks whether everything is there that takopi needs, and says what to do where it isn't.

use std::io::{self, IsTerminal};

use super::{DoctorArguments, runtime};
use crate::doctor::look;
use crate::report::{Exit, Failure, say};

pub(super) fn run(arguments: &DoctorArguments) -> Result<Exit, Failure> {
    let place = arguments.config.place()?;
    let checkup = runtime()?.block_on(look(&place))?;
    if arguments.json {
        say(serde_json::to_string_pretty(&checkup).map_err(anyhow::Error::from)?)?;
    } else {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        say(checkup.render(io::stdout().is_terminal() && !plain, columns()))?;
    }
    Ok(if checkup.is_ok() { Exit::Done } else { Exit::Failed })
}

/// Returns how wide the terminal is. What goes elsewhere is not broken into lines.
fn columns() -> usize {
    let size = rustix::termios::tcgetwinsize(io::stdout()).map(|size| usize::from(size.ws_col));
    size.ok().filter(|columns| *columns > 0).unwrap_or(usize::MAX)
}
