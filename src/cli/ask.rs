//! Questions at the terminal, for commands that set something up. What is secret shows as dots while it is typed.

use std::borrow::Cow;
use std::io::{self, IsTerminal};

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::Validator;
use rustyline::{Editor, Helper};
use takopi_core::settings::Secret;

use super::bot::Stop;
use crate::report::Failure;

/// Asks a question at the terminal and returns the answer without white space around it.
///
/// # Errors
/// When there is nobody to ask: then `flag` is what would have said it.
pub(super) fn ask(question: &str, flag: &str) -> Result<String, Stop> {
    typed(question, flag, None::<()>)
}

/// Asks for something that nobody else should read from the screen.
///
/// # Errors
/// As [`ask`].
pub(super) fn ask_secret(question: &str, flag: &str) -> Result<Secret, Stop> {
    typed(question, flag, Some(Dots)).map(Secret::new)
}

fn typed<H: Helper>(question: &str, flag: &str, helper: Option<H>) -> Result<String, Stop> {
    if !io::stdin().is_terminal() {
        let failure = Failure::told(format_args!("there is no terminal to ask at: {question}"));
        return Err(failure.hint(format_args!("say it with {flag}")).into());
    }
    let failed = |error: ReadlineError| match error {
        ReadlineError::Interrupted | ReadlineError::Eof => Stop::Left,
        error => Failure::told(format_args!("nothing can be asked: {error}")).into(),
    };
    let mut editor = Editor::<H, DefaultHistory>::new().map_err(failed)?;
    editor.set_helper(helper);
    editor.readline(&format!("{question}: ")).map(|line| line.trim().to_owned()).map_err(failed)
}

/// Shows a dot for each character.
struct Dots;

impl Highlighter for Dots {
    fn highlight<'l>(&self, line: &'l str, _pos: usize) -> Cow<'l, str> {
        Cow::Owned("•".repeat(line.chars().count()))
    }

    fn highlight_char(&self, _line: &str, _pos: usize, _kind: CmdKind) -> bool {
        true
    }
}

impl Completer for Dots {
    type Candidate = String;
}

impl Hinter for Dots {
    type Hint = String;
}

impl Validator for Dots {}

impl Helper for Dots {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_as_many_dots_as_it_has_characters() {
        assert_eq!(Dots.highlight("1:Aä", 4), "••••");
        assert!(Dots.highlight_char("", 0, CmdKind::Other));
    }
}
