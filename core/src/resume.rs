//! Resume patterns as data: how an engine's sessions look in text, read and written without the engine.
//!
//! A pattern shows a session as one line (`` `codex resume 0199…` ``) and finds it again in whatever a
//! person replies to or pastes. Patterns come from third parties too: the regex engine is linear in the
//! text, and the size of an expression and the length of a line are limited, so none makes routing slow.
//! Which session a message continues is decided in `route.rs`.

mod patterns;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use regex::{Regex, RegexBuilder};

use crate::directive::lines;
use crate::session::{MAX_TOKEN_BYTES, SessionToken};

pub use patterns::{Ambiguity, ResumePatterns};

/// What a token looks like when a pattern does not say: anything but white space and backticks.
pub const DEFAULT_TOKEN: &str = r"[^`\s]+";

/// Longest template, and longest token expression, in bytes.
pub const MAX_EXPRESSION_BYTES: usize = 1024;

/// Limit of a compiled token expression, in bytes; a whole line has as much again for its words. Unicode's `\w` takes
/// some 20 KiB for each time a `{8,64}` repeats it, `[A-Za-z0-9_]` next to nothing.
const SIZE_LIMIT: usize = 1024 * 1024;

/// Groups within groups of a token expression.
const NEST_LIMIT: u32 = 50;

/// Lines longer than this, in bytes, name no session: a template and a token, with room for white space.
const MAX_LINE_BYTES: usize = MAX_EXPRESSION_BYTES + MAX_TOKEN_BYTES + 512;

/// The group that holds the token; a name that no token expression of its own would use.
const GROUP: &str = "takopi_session_token";

/// Why a pattern is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// A template is not one line with words and one `{token}`.
    #[error(
        "resume template {0:?} must be one line that holds {{token}} exactly once, other words beside it, \
         and no backtick"
    )]
    Template(String),
    /// The token's expression is none.
    #[error("resume token expression {expression:?} is no usable regex: {reason}")]
    Expression {
        /// The expression.
        expression: String,
        /// What the regex compiler says.
        reason: String,
    },
}

/// How an engine's sessions look in text. Copies share it.
#[derive(Clone)]
pub struct ResumePattern(Arc<Pattern>);

struct Pattern {
    templates: Vec<Template>,
    show: String,
    token: String,
}

/// The line is compiled when it is first looked for: of a thousand plugins' engines most are never asked. `None` is a
/// line that cannot be compiled, which matches nothing; the limits leave none.
struct Template {
    text: String,
    line: OnceLock<Option<Regex>>,
}

impl Template {
    fn line(&self, token: &str) -> Option<&Regex> {
        let compiled = || compile_line(&line_regex(&self.text, token).ok()?).ok();
        self.line.get_or_init(compiled).as_ref()
    }
}

impl ResumePattern {
    /// Returns the pattern that shows a session as `show` and recognises it in any of `show` and `also`:
    /// templates with one `{token}`, whose tokens match `token`. White space in a template matches any
    /// run of it; case does not matter outside the token. A line may stand in backticks, and in small print
    /// (`-# …`).
    ///
    /// # Errors
    /// [`PatternError::Template`] for a template that would match any word, or that could not be written as
    /// one line of code; [`PatternError::Expression`] for a `token` that is no regex or too big a one.
    pub fn new(show: &str, also: &[&str], token: &str) -> Result<Self, PatternError> {
        let expression = |reason: String| PatternError::Expression { expression: token.to_owned(), reason };
        if token.len() > MAX_EXPRESSION_BYTES {
            return Err(expression(format!("longer than {MAX_EXPRESSION_BYTES} bytes")));
        }
        // Alone first: `a)|(b` is none, though it would be one between the parentheses of a group.
        check(token).map_err(|error| expression(error.to_string()))?;
        let mut templates = Vec::with_capacity(also.len() + 1);
        for text in std::iter::once(show).chain(also.iter().copied()) {
            around(text)?;
            // Flags and names reach beyond the token: `(?x)a #` would make a comment of the rest of the line.
            if token.contains("(?") {
                compile_line(&line_regex(text, token)?).map_err(|error| expression(error.to_string()))?;
            }
            templates.push(Template { text: text.to_owned(), line: OnceLock::new() });
        }
        let (show, token) = (show.trim().to_owned(), token.to_owned());
        Ok(Self(Arc::new(Pattern { templates, show, token })))
    }

    /// Returns the line that shows `token`, without backticks.
    #[must_use]
    pub fn show(&self, token: &SessionToken) -> String {
        self.0.show.replace("{token}", token.as_str())
    }

    /// Returns the line that shows `token` as code: what stands below a message.
    #[must_use]
    pub fn show_as_code(&self, token: &SessionToken) -> String {
        format!("`{}`", self.show(token))
    }

    /// Returns the token of the last line of `text` that names a session.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<SessionToken> {
        lines(text).filter_map(|line| self.token_of(line)).last()
    }

    /// Returns whether `line` names a session and nothing else.
    #[must_use]
    pub fn is_line(&self, line: &str) -> bool {
        self.token_of(line).is_some()
    }

    fn token_of(&self, line: &str) -> Option<SessionToken> {
        let line = small_print(line.trim());
        if line.len() > MAX_LINE_BYTES {
            return None;
        }
        let token = |template: &Template| {
            SessionToken::parse(template.line(&self.0.token)?.captures(line)?.name(GROUP)?.as_str())
        };
        self.0.templates.iter().find_map(token)
    }

    fn sources(&self) -> impl Iterator<Item = &str> {
        self.0.templates.iter().map(|template| template.text.as_str())
    }
}

/// Returns a line without the mark by which Discord sets it small: who copies a message there copies the mark, too.
pub(crate) fn small_print(line: &str) -> &str {
    line.strip_prefix("-# ").map_or(line, str::trim_start)
}

impl PartialEq for ResumePattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.token == other.0.token && self.sources().eq(other.sources())
    }
}

impl Eq for ResumePattern {}

impl fmt::Debug for ResumePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ResumePattern({:?})", self.0.show)
    }
}

/// Expressions of tokens that compile. Nearly all plugins write one of a few, and compiling is what takes longest in
/// listing a thousand.
static SOUND: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Expressions kept in [`SOUND`]: more than people think of, and no more than 64 KiB of what strangers write.
const MAX_SOUND: usize = 64;

/// Checks a token's expression; one that was sound is so for good.
fn check(expression: &str) -> Result<(), regex::Error> {
    if SOUND.lock().unwrap_or_else(PoisonError::into_inner).contains(expression) {
        return Ok(());
    }
    compile(expression)?;
    let mut sound = SOUND.lock().unwrap_or_else(PoisonError::into_inner);
    if sound.len() < MAX_SOUND {
        sound.insert(expression.to_owned());
    }
    Ok(())
}

/// Compiles a token's expression.
fn compile(expression: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(expression).size_limit(SIZE_LIMIT).nest_limit(NEST_LIMIT).build()
}

/// Compiles a line's, with room for its words around what [`compile`] took.
fn compile_line(expression: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(expression).size_limit(2 * SIZE_LIMIT).nest_limit(2 * NEST_LIMIT).build()
}

/// Returns the words of a template before its token, and those behind it.
fn around(template: &str) -> Result<(&str, &str), PatternError> {
    let wrong = || PatternError::Template(template.to_owned());
    let text = template.trim();
    let (before, after) = text.split_once("{token}").ok_or_else(wrong)?;
    let one_line = lines(text).count() == 1 && !text.contains(['`', '\0']);
    let has_words = !(before.trim().is_empty() && after.trim().is_empty());
    if after.contains("{token}") || !one_line || !has_words || text.len() > MAX_EXPRESSION_BYTES {
        return Err(wrong());
    }
    Ok((before, after))
}

/// Returns the expression of a whole line of a template, with the token in [`GROUP`]. Each template is an
/// expression of its own, so that the groups of `token` cannot be taken for it.
fn line_regex(template: &str, token: &str) -> Result<String, PatternError> {
    let (before, after) = around(template)?;
    let (before, after) = (literal(before), literal(after));
    Ok(format!(r"\A`?\s*{before}(?P<{GROUP}>{token}){after}\s*`?\z"))
}

fn literal(text: &str) -> String {
    let parts: Vec<String> = text.split(char::is_whitespace).map(regex::escape).collect();
    let mut expression = String::from("(?i:");
    for (at, part) in parts.iter().enumerate() {
        // Two blanks in a row leave an empty part between them: still one gap.
        if at > 0 && !(part.is_empty() && at + 1 < parts.len()) {
            expression.push_str(r"\s+");
        }
        expression.push_str(part);
    }
    expression.push(')');
    expression
}

#[cfg(test)]
mod tests;
