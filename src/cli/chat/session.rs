//! A conversation at the terminal: a prompt with history, an answer, the next prompt.
//!
//! The line is read by `rustyline` on a thread of its own; between two lines the terminal is the person's
//! again, so that Ctrl-C reaches the run.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;
use takopi_core::text::visible;
use takopi_local::Submit;

use super::link::Link;
use super::turn::say_to;
use super::view::View;
use super::{identified, report};
use crate::place::Place;
use crate::report::{Exit, Failure, remark};
use crate::signals::Signals;

/// What stands before the line that is typed.
const PROMPT: &str = "you ▸ ";

/// Lines of history that are kept.
const REMEMBERED: usize = 1000;

/// What was typed.
enum Typed {
    Line(String),
    /// Ctrl-C.
    Interrupted,
    /// Ctrl-D.
    End,
}

/// Holds a conversation until the person leaves.
pub(super) async fn hold(
    link: &mut Link,
    submit: &Submit,
    place: &Place,
    signals: &mut Signals,
) -> Result<Exit, Failure> {
    remark("a conversation with takopi: /help says what it can do, Ctrl-C stops a run, Ctrl-D leaves");
    let history = History { path: place.history() };
    let mut editor = editor(&history)?;
    let mut interrupted = false;
    let mut resume = None;
    let exit = loop {
        let typed;
        (editor, typed) = tokio::task::spawn_blocking(move || read_line(editor))
            .await
            .map_err(|error| Failure::told(format_args!("the prompt failed: {error}")))??;
        let line = match typed {
            Typed::End => break Exit::Done,
            Typed::Interrupted if interrupted => break Exit::Interrupted,
            Typed::Interrupted => {
                interrupted = true;
                remark("Ctrl-C again or Ctrl-D leaves");
                continue;
            }
            Typed::Line(line) => line.trim().to_owned(),
        };
        interrupted = false;
        if line.is_empty() {
            continue;
        }
        if line == "/exit" || line == "/quit" {
            break Exit::Done;
        }
        if let Err(error) = editor.add_history_entry(&line) {
            tracing::debug!(%error, "the line is not in the history");
        }
        history.add(&line);
        let message = identified(Submit { text: line, ..submit.clone() });
        match say_to(link, message, &mut View::for_stderr(), signals).await {
            Ok(ending) => {
                resume = ending.resume().map(str::to_owned).or(resume);
                match report(&ending) {
                    Ok(_) => {}
                    Err(failure @ Failure::Told { .. }) => remark(failure.to_string().trim_end()),
                    Err(failure) => return Err(failure),
                }
            }
            // The next message may fare better; leaving is up to the person.
            Err(failure @ Failure::Told { .. }) => remark(failure.to_string().trim_end()),
            Err(failure) => return Err(failure),
        }
    };
    // The conversation knew it; whoever goes on elsewhere has to.
    if let Some(line) = resume {
        remark(visible(&line));
    }
    Ok(exit)
}

fn editor(history: &History) -> Result<DefaultEditor, Failure> {
    let failed = |error: ReadlineError| Failure::told(format_args!("no prompt on this terminal: {error}"));
    let config = rustyline::Config::builder().max_history_size(REMEMBERED).map_err(failed)?.build();
    let mut editor = DefaultEditor::with_config(config).map_err(failed)?;
    for line in history.lines() {
        if let Err(error) = editor.add_history_entry(line) {
            tracing::debug!(%error, "a line of the history is left out");
        }
    }
    Ok(editor)
}

fn read_line(mut editor: DefaultEditor) -> Result<(DefaultEditor, Typed), Failure> {
    let typed = match editor.readline(PROMPT) {
        Ok(line) => Typed::Line(line),
        Err(ReadlineError::Interrupted) => Typed::Interrupted,
        Err(ReadlineError::Eof) => Typed::End,
        Err(error) => return Err(Failure::told(format_args!("the prompt failed: {error}"))),
    };
    Ok((editor, typed))
}

/// The lines typed so far, in a file for their owner only: people paste secrets.
struct History {
    path: PathBuf,
}

impl History {
    fn lines(&self) -> Vec<String> {
        let text = fs::read_to_string(&self.path).unwrap_or_default();
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let skipped = lines.len().saturating_sub(REMEMBERED);
        if skipped > REMEMBERED {
            self.shorten(&lines[skipped..]);
        }
        lines.into_iter().skip(skipped).collect()
    }

    fn add(&self, line: &str) {
        let line = line.replace(['\n', '\r'], " ");
        let added =
            open(&self.path, |options| options.append(true)).and_then(|mut file| writeln!(file, "{line}"));
        if let Err(error) = added {
            tracing::debug!(%error, "the history is not kept");
        }
    }

    fn shorten(&self, lines: &[String]) {
        let text = lines.join("\n") + "\n";
        let kept = open(&self.path, |options| options.write(true).truncate(true))
            .and_then(|mut file| file.write_all(text.as_bytes()));
        if let Err(error) = kept {
            tracing::debug!(%error, "the history is not shortened");
        }
    }
}

fn open(path: &Path, how: impl FnOnce(&mut OpenOptions) -> &mut OpenOptions) -> std::io::Result<fs::File> {
    let mut options = OpenOptions::new();
    how(options.create(true).mode(0o600)).open(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn history_is_the_owners_and_bounded() {
        let dir = tempfile::tempdir().unwrap();
        let history = History { path: dir.path().join("history") };
        assert!(history.lines().is_empty());
        history.add("two\nlines");
        assert_eq!(history.lines(), ["two lines"]);
        assert_eq!(fs::metadata(&history.path).unwrap().permissions().mode() & 0o777, 0o600);
        let many: String = (0..3000).map(|line| format!("{line}\n")).collect();
        fs::write(&history.path, many).unwrap();
        assert_eq!(history.lines().first().map(String::as_str), Some("2000"));
        assert_eq!(fs::read_to_string(&history.path).unwrap().lines().count(), REMEMBERED);
    }
}
