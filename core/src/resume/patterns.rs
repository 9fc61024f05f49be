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
        let is_taken = |(shown_by, taken_by): &(&EngineId, &EngineId)| {
            let (shown, other) = (self.get(shown_by), self.get(taken_by));
            shown.zip(other).is_some_and(|(shown, other)| takes(other, shown))
        };
        let told = |(shown_by, taken_by): (&EngineId, &EngineId)| Ambiguity {
            shown_by: shown_by.clone(),
            taken_by: taken_by.clone(),
        };
        suspects(&self.0).into_iter().filter(is_taken).map(told).collect()
    }
}

/// Returns who shows lines and who else may take them. A line can only be taken for that of an engine whose own begin
/// like it: of a thousand engines few have to be tried with each other.
fn suspects(patterns: &BTreeMap<EngineId, ResumePattern>) -> BTreeSet<(&EngineId, &EngineId)> {
    let mut suspects = BTreeSet::new();
    let mut suspect = |shown_by, taken_by| {
        if shown_by != taken_by {
            suspects.insert((shown_by, taken_by));
        }
    };
    let mut beginnings = Vec::new();
    for (engine, pattern) in patterns {
        for (place, template) in pattern.sources().enumerate() {
            let is_shown = place == 0;
            if let Some(beginning) = beginning(template) {
                beginnings.push((beginning, engine, is_shown));
                continue;
            }
            // Of these case says nothing: other letters fold in ways of their own.
            for other in patterns.keys() {
                suspect(other, engine);
                if is_shown {
                    suspect(engine, other);
                }
            }
        }
    }
    beginnings.sort_unstable();
    // Those that the one looked at begins with, each with all before it.
    let mut shorter: Vec<&(String, &EngineId, bool)> = Vec::new();
    for one in &beginnings {
        let (beginning, engine, is_shown) = one;
        while shorter.last().is_some_and(|(other, ..)| !beginning.starts_with(other)) {
            shorter.pop();
        }
        for (_, other, other_is_shown) in &shorter {
            if *is_shown {
                suspect(*engine, *other);
            }
            if *other_is_shown {
                suspect(*other, *engine);
            }
        }
        shorter.push(one);
    }
    suspects
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
