//! The resume patterns of all engines: whose session a text names, and which patterns get in each other's way.

use std::collections::{BTreeMap, BTreeSet};

use super::{DEFAULT_TOKEN, ResumePattern, compile_line, line_regex};
use crate::id::EngineId;
use crate::session::{Session, SessionToken};

/// Tokens of the forms that agents use, to see what a pattern would take.
const SAMPLES: [&str; 7] = [
    "0199a213-81c0-7800-8aa1-bbab2a035a53",
    "ses_494719016ffe85dkDMj0FPRbHK",
    "a1b2c3d4e5f60718",
    "12345678",
    "session-42.x",
    "/home/user/.agent/sessions/2026-01-01_x.jsonl",
    "T",
];

/// The resume patterns of all engines, asked in the order of the engines' ids.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResumePatterns(BTreeMap<EngineId, ResumePattern>);

/// A line of one engine that another engine takes for its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ambiguity {
    /// Whose line it is.
    pub shown_by: EngineId,
    /// Who recognises it too.
    pub taken_by: EngineId,
}

impl FromIterator<(EngineId, ResumePattern)> for ResumePatterns {
    fn from_iter<I: IntoIterator<Item = (EngineId, ResumePattern)>>(patterns: I) -> Self {
        Self(patterns.into_iter().collect())
    }
}

impl ResumePatterns {
    /// Returns the pattern of an engine.
    #[must_use]
    pub fn get(&self, engine: &EngineId) -> Option<&ResumePattern> {
        self.0.get(engine)
    }

    /// Returns the session that `text` names: of the first engine that finds one, its last.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<Session> {
        self.0.iter().find_map(|(engine, pattern)| {
            Some(Session { engine: engine.clone(), token: pattern.find(text)? })
        })
    }

    /// Returns whether `line` names a session of any engine and nothing else.
    #[must_use]
    pub fn is_line(&self, line: &str) -> bool {
        self.0.values().any(|pattern| pattern.is_line(line))
    }

    /// Returns the line that shows `session` as code, or `None` when its engine has no pattern.
    #[must_use]
    pub fn show(&self, session: &Session) -> Option<String> {
        Some(self.get(&session.engine)?.show_as_code(&session.token))
    }

    /// Returns whose lines would be taken for another engine's. Tried with tokens of common forms; for a
    /// pattern that takes none of them the words around the token decide.
    #[must_use]
    pub fn ambiguities(&self) -> Vec<Ambiguity> {
        let beginnings = Beginnings::of(&self.0);
        let mut found = Vec::new();
        for (shown_by, shown) in &self.0 {
            for taken_by in beginnings.near(shown) {
                let takes = |other| *taken_by != *shown_by && takes(other, shown);
                if self.0.get(taken_by).is_some_and(takes) {
                    found.push(Ambiguity { shown_by: shown_by.clone(), taken_by: taken_by.clone() });
                }
            }
        }
        found
    }
}

/// Engines by what their lines begin with: a line can only be taken for that of an engine whose own begin like it. Of
/// a thousand engines few have to be tried with each other.
struct Beginnings<'a> {
    known: BTreeMap<String, BTreeSet<&'a EngineId>>,
    all: BTreeSet<&'a EngineId>,
    /// Those of which case says nothing: other letters fold in ways of their own.
    foreign: BTreeSet<&'a EngineId>,
}

impl<'a> Beginnings<'a> {
    fn of(patterns: &'a BTreeMap<EngineId, ResumePattern>) -> Self {
        let mut beginnings =
            Self { known: BTreeMap::new(), all: patterns.keys().collect(), foreign: BTreeSet::new() };
        for (engine, pattern) in patterns {
            for beginning in pattern.sources().map(beginning) {
                match beginning {
                    Some(beginning) => beginnings.known.entry(beginning).or_default().insert(engine),
                    None => beginnings.foreign.insert(engine),
                };
            }
        }
        beginnings
    }

    /// Returns the engines that may take lines that `shown` shows.
    fn near(&self, shown: &ResumePattern) -> BTreeSet<&'a EngineId> {
        let Some(own) = beginning(&shown.show) else { return self.all.clone() };
        let shorter = (0..own.len()).filter_map(|length| self.known.get(&own[..length]));
        let longer = self.known.range(own.clone()..).take_while(|(other, _)| other.starts_with(&own));
        let known = shorter.chain(longer.map(|(_, engines)| engines)).flatten();
        known.chain(&self.foreign).copied().collect()
    }
}

/// Returns the words before the token without case and white space; `None` where they aren't ASCII.
fn beginning(template: &str) -> Option<String> {
    let before = template.split("{token}").next().unwrap_or(template);
    let letters = before.chars().filter(|letter| !letter.is_whitespace());
    before.is_ascii().then(|| letters.map(|letter| letter.to_ascii_lowercase()).collect())
}

/// Returns whether `other` recognises lines that `shown` shows.
fn takes(other: &ResumePattern, shown: &ResumePattern) -> bool {
    let samples = SAMPLES.into_iter().filter_map(SessionToken::parse).map(|token| shown.show(&token));
    let mut own = samples.clone().filter(|line| shown.is_line(line)).peekable();
    if own.peek().is_some() {
        return own.any(|line| other.is_line(&line));
    }
    let loose =
        other.sources().filter_map(|template| compile_line(&line_regex(template, DEFAULT_TOKEN).ok()?).ok());
    let loose: Vec<regex::Regex> = loose.collect();
    samples.into_iter().any(|line| loose.iter().any(|regex| regex.is_match(&line)))
}
