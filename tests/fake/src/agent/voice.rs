//! How a run sounds: what each CLI prints when something happens in it.

use std::io;

use super::sheet::{Sheet, text};

/// The lines that something makes a CLI print; often none.
pub(super) type Lines = io::Result<Vec<String>>;

/// A piece of work that the agent does with a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tool {
    pub(super) id: String,
    pub(super) work: Work,
}

/// What a tool does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Work {
    Command(String),
    Write { path: String, content: String },
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Done {
    pub(super) exit: u8,
    pub(super) output: String,
}

/// A CLI's lines, and what it has to remember to print the next ones.
pub(super) trait Voice: Send {
    /// The run begins; `named` tells whether the session is to be named.
    fn opened(&mut self, named: bool) -> Lines;

    /// Another session is named, in the middle of a run.
    fn renamed(&mut self, session: &str) -> Lines;

    /// The agent says something, and goes on.
    fn said(&mut self, words: &str) -> Lines;

    /// The agent thinks.
    fn thought(&mut self, words: &str) -> Lines;

    /// A tool is at work from here on.
    fn began(&mut self, tool: &Tool) -> Lines;

    /// The tool is done.
    fn ended(&mut self, tool: &Tool, done: &Done) -> Lines;

    /// The model's service failed for the `attempt`th time of `of`, and is tried again.
    fn retried(&mut self, attempt: usize, of: usize, reason: &str) -> Lines;

    /// The agent says its answer.
    fn answered(&mut self, answer: &str) -> Lines;

    /// The run is over, and well.
    fn completed(&mut self, answer: &str) -> Lines;

    /// The run is over, by the agent's own error; returns the exit code too.
    fn failed(&mut self, message: &str) -> io::Result<(Vec<String>, u8)>;

    /// A permission nobody can give was refused, which ends the run; returns the words on stderr too.
    fn rejected(&mut self, _tool: &Tool) -> io::Result<(Vec<String>, String)> {
        Err(unheard_of("rejected"))
    }

    /// The run goes on with another turn, after the words that end this one.
    fn next_turn(&mut self, _words: &str) -> Lines {
        Err(unheard_of("turns"))
    }

    /// The user interrupts, perhaps while a tool is at work; returns the exit code too. `None`: nothing is
    /// printed, the signal does what it does.
    fn interrupted(&self, _tool: Option<&Tool>) -> io::Result<Option<(Vec<String>, u8)>> {
        Ok(None)
    }
}

fn unheard_of(directive: &str) -> io::Error {
    io::Error::other(format!("no `{directive}` is known of this one"))
}

/// Fills lines of a sheet that all name the session.
#[derive(Debug, Clone)]
pub(super) struct Of {
    pub(super) sheet: Sheet,
    pub(super) session: String,
}

impl Of {
    /// Returns a line; the places are given as texts.
    pub(super) fn told(&self, name: &str, places: &[(&str, &str)]) -> io::Result<String> {
        let places: Vec<_> = places.iter().map(|(place, words)| (*place, text(words))).collect();
        self.line(name, &places)
    }

    /// Returns a line; the places are given as JSON.
    pub(super) fn line(&self, name: &str, places: &[(&str, String)]) -> io::Result<String> {
        let mut all = vec![("session", text(&self.session))];
        all.extend(places.iter().cloned());
        self.sheet.line(name, &all)
    }
}
