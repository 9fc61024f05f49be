//! What a translator judges its end by, and the text of a failure, the same for all agents.

use takopi_core::event::Outcome;
use takopi_core::port::engine::Stop;
use takopi_stdio::Exit;

/// How the process of a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Over {
    /// How it ended. Agents that fail may well say 0.
    pub exit: Exit,
    /// The last it wrote to stderr, as plain text. Agents write warnings there when all is well.
    pub stderr: String,
    /// How many lines were not understood.
    pub undecodable: u64,
    /// Why it was stopped, if it was, before its result was there.
    pub stopped: Option<Stop>,
}

impl Over {
    /// Returns the outcome of a run whose agent, called `name`, ended without a result. `missing` is what to say of
    /// one that calls this a success: `finished without a result event`. The first line is as the Python takopi has
    /// it, since people look for it; stderr follows.
    #[must_use]
    pub fn without_result(&self, name: &str, missing: &str) -> Outcome {
        let how = match self.exit {
            Exit::Code(0) => missing.to_owned(),
            Exit::Code(code) => format!("failed (rc={code})."),
            Exit::Signal(number) => format!("failed (rc=-{number}). It was {}", self.exit),
            Exit::Unknown => format!("failed. It {}", self.exit),
        };
        let noise = match self.undecodable {
            0 => String::new(),
            1 => "\na line of its output was no JSON".to_owned(),
            lines => format!("\n{lines} lines of its output were no JSON"),
        };
        let said = if self.stderr.is_empty() { String::new() } else { format!("\n{}", self.stderr) };
        Outcome::Failed(format!("{name} {how}{noise}{said}"))
    }
}

/// What an agent lacks that names its sessions: without one nothing can be continued.
pub(crate) const NO_SESSION: &str = "finished but no session_id was captured";

/// What it lacks that told its session.
pub(crate) const NO_RESULT: &str = "finished without a result event";

/// Returns `text` without escape sequences of terminals (ECMA-48: CSI, OSC and the two-character ones).
pub(crate) fn plain(text: &str) -> String {
    const ESCAPE: char = '\u{1b}';
    const BELL: char = '\u{7}';
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(char) = rest.next() {
        if char != ESCAPE {
            plain.push(char);
            continue;
        }
        match rest.next() {
            // Up to its final byte.
            Some('[') => drop(rest.find(|char| matches!(char, '@'..='~'))),
            // Up to the bell, or to the escape of its two-character terminator.
            Some(']') => {
                if rest.find(|char| matches!(*char, BELL | ESCAPE)) == Some(ESCAPE) {
                    rest.next();
                }
            }
            Some(_) | None => {}
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_how_it_ended_and_repeats_stderr() {
        let over =
            Over { exit: Exit::Code(1), stderr: "no such model".to_owned(), undecodable: 0, stopped: None };
        let text = "codex failed (rc=1).\nno such model";
        assert_eq!(over.without_result("codex", NO_RESULT), Outcome::Failed(text.to_owned()));
        let silent = Over { exit: Exit::Code(0), stderr: String::new(), undecodable: 2, ..over };
        let text = "pi finished without a result event\n2 lines of its output were no JSON";
        assert_eq!(silent.without_result("pi", NO_RESULT), Outcome::Failed(text.to_owned()));
        let killed = Over { exit: Exit::Signal(9), undecodable: 0, ..silent };
        let text = "pi failed (rc=-9). It was ended by SIGKILL";
        assert_eq!(killed.without_result("pi", NO_RESULT), Outcome::Failed(text.to_owned()));
    }

    #[test]
    fn colours_titles_and_links_leave_only_their_text() {
        let bright = "\u{1b}[91m\u{1b}[1mError: \u{1b}[0mno session";
        let titled =
            "\u{1b}]0;title\u{7}\u{1b}]8;;http://x\u{1b}\\a link\u{1b}]8;;\u{1b}\\\u{1b}7 end\u{1b}[";
        assert_eq!(plain(bright), "Error: no session");
        assert_eq!(plain(titled), "a link end");
    }
}
