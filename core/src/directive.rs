//! What people put into the text itself: leading `/engine`, `/project` and `@branch` words, slash commands,
//! the `ctx:` line of a message they reply to, resume lines.
//!
//! Pure and total: any text parses, and no word that is not a directive is lost. What the parts found here
//! mean together is decided in `route.rs`; how sessions look in text is `resume.rs`.

mod words;

use std::collections::BTreeSet;

use crate::id::EngineId;
use crate::resume::small_print;
use crate::session::Context;

pub(crate) use words::lines;
pub use words::split_words;
use words::{is_space, strip, words};

/// The prompt of a message that held nothing but resume lines.
pub const CONTINUE: &str = "continue";

/// Why a text cannot be followed. Texts are shown to the person who wrote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirectiveError {
    /// Two engines were named.
    #[error("multiple engine directives")]
    Engines,
    /// Two projects were named.
    #[error("multiple project directives")]
    Projects,
    /// Two branches were named.
    #[error("multiple @branch directives")]
    Branches,
    /// The message replied to was about a project that is no longer configured.
    #[error("unknown project '{0}' in ctx line; start a new thread or add it back to your config")]
    UnknownProject(String),
}

/// The words that `/name` may mean.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Vocabulary {
    engines: BTreeSet<EngineId>,
    aliases: BTreeSet<String>,
    bot: Option<String>,
}

impl Vocabulary {
    /// Returns the vocabulary of these engines and project aliases.
    pub fn new<A: AsRef<str>>(
        engines: impl IntoIterator<Item = EngineId>,
        aliases: impl IntoIterator<Item = A>,
    ) -> Self {
        let aliases = aliases.into_iter().map(|alias| alias.as_ref().to_lowercase()).collect();
        Self { engines: engines.into_iter().collect(), aliases, bot: None }
    }

    /// Knows what the bot itself is called: `@bot` addresses it and is no branch.
    #[must_use]
    pub fn with_bot(self, bot: Option<String>) -> Self {
        Self { bot, ..self }
    }

    fn is_bot(&self, word: &str) -> bool {
        self.bot.as_deref().is_some_and(|bot| bot.eq_ignore_ascii_case(word))
    }

    /// Returns the engine called `word`, whatever its case.
    #[must_use]
    pub fn engine(&self, word: &str) -> Option<&EngineId> {
        self.engines.get(word.to_lowercase().as_str())
    }

    /// Returns the canonical, lower-case alias of the project called `word`, whatever its case.
    #[must_use]
    pub fn alias(&self, word: &str) -> Option<&str> {
        self.aliases.get(&word.to_lowercase()).map(String::as_str)
    }
}

/// The directives of a text, and what is left of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Directives {
    /// The engine named.
    pub engine: Option<EngineId>,
    /// The project named, as its canonical alias.
    pub project: Option<String>,
    /// The branch named, as written. Any characters: git rules on it later.
    pub branch: Option<String>,
    /// The text without the directives; the text itself, untouched, when there are none.
    pub prompt: String,
}

/// Reads the directives at the start of the first line that is not blank.
///
/// `/name` and `/name@anything` name an engine, else a project; `@branch` names a branch, unless it addresses
/// the bot itself, which means nothing more; any other word ends the directives. The rest of that line loses its inner spacing, the whole prompt its outer one.
///
/// # Errors
/// [`DirectiveError`] when one kind of directive stands twice.
pub fn parse_directives(text: &str, known: &Vocabulary) -> Result<Directives, DirectiveError> {
    let mut found = Directives::default();
    let all: Vec<&str> = lines(text).collect();
    let Some(at) = all.iter().position(|line| !strip(line).is_empty()) else {
        return Ok(Directives { prompt: text.to_owned(), ..found });
    };
    let mut rest = words(all.get(at).copied().unwrap_or_default()).peekable();
    let mut consumed = false;
    while let Some(word) = rest.peek() {
        if !found.take(word, known)? {
            break;
        }
        consumed = true;
        rest.next();
    }
    if !consumed {
        return Ok(Directives { prompt: text.to_owned(), ..found });
    }
    let first = rest.collect::<Vec<_>>().join(" ");
    let later = all.iter().skip(at + 1).copied();
    let kept: Vec<&str> =
        Some(first.as_str()).filter(|line| !line.is_empty()).into_iter().chain(later).collect();
    found.prompt = strip(&kept.join("\n")).to_owned();
    Ok(found)
}

impl Directives {
    /// Takes `word` if it is a directive, and returns whether it is.
    fn take(&mut self, word: &str, known: &Vocabulary) -> Result<bool, DirectiveError> {
        if let Some(branch) = word.strip_prefix('@') {
            return match branch {
                "" => Ok(false),
                name if known.is_bot(name) => Ok(true),
                _ if self.branch.is_some() => Err(DirectiveError::Branches),
                _ => {
                    self.branch = Some(branch.to_owned());
                    Ok(true)
                }
            };
        }
        let Some((name, _)) = slash_name(word) else {
            return Ok(false);
        };
        if let Some(engine) = known.engine(name) {
            if self.engine.replace(engine.clone()).is_some() {
                return Err(DirectiveError::Engines);
            }
        } else if let Some(alias) = known.alias(name) {
            if self.project.replace(alias.to_owned()).is_some() {
                return Err(DirectiveError::Projects);
            }
        } else {
            return Ok(false);
        }
        Ok(true)
    }
}

/// Returns the name and the bot of a word like `/name@bot`; `None` without a name.
fn slash_name(word: &str) -> Option<(&str, Option<&str>)> {
    let name = word.strip_prefix('/')?;
    let (name, bot) = name.split_once('@').map_or((name, None), |(name, bot)| (name, Some(bot)));
    (!name.is_empty()).then_some((name, bot.filter(|bot| !bot.is_empty())))
}

/// A text that starts with a slash command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlashCall {
    /// The command's name, lower case. Not necessarily a legal id.
    pub name: String,
    /// The bot it is addressed to, as written after `@`.
    pub bot: Option<String>,
    /// Everything after the command, further lines included, without outer white space.
    pub arguments: String,
}

/// Returns the slash command that `text` starts with.
#[must_use]
pub fn slash_command(text: &str) -> Option<SlashCall> {
    let text = strip(text);
    let end = text.find(is_space).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    let (name, bot) = slash_name(word)?;
    let arguments = strip(rest).to_owned();
    Some(SlashCall { name: name.to_lowercase(), bot: bot.map(str::to_owned), arguments })
}

/// Returns the line that tells in which project and on which branch a run works. `alias` is spelled as in
/// the config.
#[must_use]
pub fn format_context_line(alias: &str, branch: Option<&str>) -> String {
    match branch.filter(|branch| !branch.is_empty()) {
        Some(branch) => format!("`ctx: {alias} @{branch}`"),
        None => format!("`ctx: {alias}`"),
    }
}

/// Returns the context of the last `ctx:` line of `text`. An `@` with nothing after it names no branch.
///
/// # Errors
/// [`DirectiveError::UnknownProject`] when that line's project is not known.
pub fn parse_context_line(text: &str, known: &Vocabulary) -> Result<Option<Context>, DirectiveError> {
    let Some((project, branch)) = lines(text).filter_map(context_words).last() else {
        return Ok(None);
    };
    let Some(alias) = known.alias(project) else {
        return Err(DirectiveError::UnknownProject(project.to_lowercase()));
    };
    Ok(Some(Context { project: Some(alias.to_owned()), branch: branch.map(str::to_owned) }))
}

/// Returns project and branch of a line that is a `ctx:` line.
fn context_words(line: &str) -> Option<(&str, Option<&str>)> {
    let line = small_print(strip(line));
    let line = line.strip_prefix('`').unwrap_or(line);
    let line = line.strip_suffix('`').unwrap_or(line);
    let (mark, rest) = line.split_at_checked("ctx:".len())?;
    if !mark.eq_ignore_ascii_case("ctx:") {
        return None;
    }
    let mut rest = words(rest);
    let project = rest.next()?;
    let branch = match rest.next().and_then(|word| word.strip_prefix('@')) {
        Some("") => rest.next(),
        named => named,
    };
    Some((project, branch))
}

/// Returns `text` without the lines that are resume lines and without outer white space, or [`CONTINUE`]
/// when nothing is left: somebody who sends a bare resume line wants the session to go on.
pub fn strip_resume_lines(text: &str, is_resume_line: impl Fn(&str) -> bool) -> String {
    let kept: Vec<&str> = lines(text).filter(|line| !is_resume_line(line)).collect();
    // Only a text that lost a line is put together anew: the others keep their line ends.
    let joined = if kept.len() == lines(text).count() { text.to_owned() } else { kept.join("\n") };
    match strip(&joined) {
        "" => CONTINUE.to_owned(),
        prompt => prompt.to_owned(),
    }
}

#[cfg(test)]
mod tests;
