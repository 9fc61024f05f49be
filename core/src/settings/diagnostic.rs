//! What is wrong with a setting, in one line for people: where, which key, what, and what to write.
//!
//! No diagnostic holds a value that may be a secret; `table.rs` and `source.rs` see to that.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

/// Where a setting was written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// In the config file; lines and columns count from 1. No position is the file as a whole.
    File {
        /// The file, as people write it (`~/…`).
        path: Arc<str>,
        /// Line and column, in characters.
        at: Option<(usize, usize)>,
    },
    /// In an environment variable of this name.
    Variable(Arc<str>),
    /// On the command line, in this flag or argument.
    Flag(Arc<str>),
}

impl Place {
    /// Returns how to write `key` with the TOML literal `example` at such a place.
    #[must_use]
    pub fn instruct(&self, key: &str, example: &str) -> String {
        let plain = example.trim_matches('"');
        match self {
            Self::File { .. } => {
                let last = key.rsplit('.').next().unwrap_or(key);
                format!("write e.g. {last} = {example}")
            }
            Self::Variable(name) if plain.starts_with(['[', '{']) => format!("set e.g. {name}='{plain}'"),
            Self::Variable(name) => format!("set e.g. {name}={plain}"),
            Self::Flag(name) => format!("write e.g. {name} {plain}"),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, at: Some((line, column)) } => write!(f, "{path}:{line}:{column}"),
            Self::File { path: name, at: None } | Self::Variable(name) | Self::Flag(name) => {
                f.write_str(name)
            }
        }
    }
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The setting cannot be used.
    Error,
    /// The rest works; this part is ignored or not what it seems.
    Warning,
}

/// One mistake in the settings.
///
/// `Display` is the whole line:
/// `error: ~/.takopi/takopi.toml:12:1: max_parallel_runs: expected …, found "many"; write e.g. …`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Where it was written.
    pub place: Place,
    /// The dotted key; empty when the whole file is meant.
    pub key: String,
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub remedy: String,
}

impl Diagnostic {
    /// Returns where it is and what is wrong there, without how bad it is and what to do:
    /// `~/.takopi/takopi.toml:12:1: max_parallel_runs: expected …, found "many"`.
    #[must_use]
    pub fn finding(&self) -> String {
        let Self { place, key, problem, .. } = self;
        if key.is_empty() { format!("{place}: {problem}") } else { format!("{place}: {key}: {problem}") }
    }
}

impl Diagnostic {
    /// Returns it without its severity: what is wrong where, and what to do. For where it is clear how bad that is.
    #[must_use]
    pub fn told(&self) -> String {
        format!("{}; {}", self.finding(), self.remedy)
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{severity}: {}", self.told())
    }
}

/// Returns whether any of them is an error.
#[must_use]
pub fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
}

/// Returns the one of `known` that `word` was most likely meant to be.
#[must_use]
pub fn closest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let most = (word.chars().count() / 3).clamp(1, 3);
    let near = known.into_iter().map(|candidate| (distance(&word, &candidate.to_lowercase()), candidate));
    near.filter(|(far, _)| *far <= most).min_by_key(|(far, _)| *far).map(|(_, candidate)| candidate)
}

/// How many letters must be put in, taken out, replaced or swapped with a neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, &x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, &y) in b.iter().enumerate() {
            let mut cost = (last[j] + usize::from(x != y)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && x == b[j - 1] && a[i - 1] == y {
                cost = cost.min(before[j - 1] + 1);
            }
            row.push(cost);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_fingers_is_near_and_another_word_is_not() {
        let known = ["max_parallel_runs", "serialize", "watch_config"];
        assert_eq!(closest("max_paralel_runs", known), Some("max_parallel_runs"));
        assert_eq!(closest("serialise", known), Some("serialize"));
        assert_eq!(closest("Watch_Cofnig", known), Some("watch_config"));
        assert_eq!(closest("retention", known), None);
        assert_eq!(distance("ab", "ba"), 1);
        assert_eq!(distance("", "abc"), 3);
    }
}
