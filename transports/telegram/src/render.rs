//! What a body looks like in Telegram: a text, and entities that say which stretches of it are bold, code or
//! a link.
//!
//! Pure, and free of the client library's types. Markup is never sent as `parse_mode`: an answer cut in two
//! or a stray asterisk cannot make Telegram refuse it. How a body becomes messages: `layout.rs`.

mod blank;
mod entities;
mod layout;
mod link;
mod list;
mod markdown;
mod mention;
mod outdent;
mod table;
mod thought;
mod writer;

use takopi_core::message::{Body, Format};
use takopi_core::port::transport::TextUnit;
use takopi_core::render::flatten;

pub(crate) use blank::or_something;
pub(crate) use layout::{Attachment, Overflow, attachment, lay_out};

/// Longest text of a message in UTF-16 units: Telegram Bot API, sendMessage (4096 characters after entities
/// parsing; clients and server count UTF-16 units).
pub(crate) const MAX_TEXT_UNITS: usize = 4096;

/// Most entities of a message; Telegram drops what is more without a word.
pub(crate) const MAX_ENTITIES: usize = 100;

/// Between header, text and footer: a blank line.
const GAP: &str = "\n\n";

/// A stretch of text and what it is, counted in UTF-16 units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entity {
    /// What it is.
    pub(crate) kind: EntityKind,
    /// Where it starts.
    pub(crate) offset: usize,
    /// How long it is; never zero.
    pub(crate) length: usize,
}

impl Entity {
    fn new(kind: EntityKind, start: usize, end: usize) -> Self {
        Self { kind, offset: start, length: end.saturating_sub(start) }
    }

    fn end(&self) -> usize {
        self.offset + self.length
    }
}

/// What a stretch of text is: the kinds of Telegram's `MessageEntity` that are written here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum EntityKind {
    /// Bold.
    Bold,
    /// Italic.
    Italic,
    /// Underlined.
    Underline,
    /// Struck through.
    Strikethrough,
    /// Hidden until tapped.
    Spoiler,
    /// A quote.
    Blockquote,
    /// A quote that shows its first lines until tapped.
    ExpandableBlockquote,
    /// Code within a line.
    Code,
    /// A block of code.
    Pre {
        /// The language, where the block names one.
        language: Option<String>,
    },
    /// A label that opens something.
    TextLink {
        /// What it opens.
        url: String,
    },
}

impl EntityKind {
    /// Returns whether it is code, which no other style may cover.
    fn is_code(&self) -> bool {
        matches!(self, Self::Code | Self::Pre { .. })
    }

    fn is_quote(&self) -> bool {
        matches!(self, Self::Blockquote | Self::ExpandableBlockquote)
    }

    fn is_link(&self) -> bool {
        matches!(self, Self::TextLink { .. })
    }
}

/// A text as Telegram takes it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Rendered {
    /// The text, without white space at its end. Empty for an empty body, which Telegram refuses.
    pub(crate) text: String,
    /// Its entities: sorted, each inside of another or apart from it, at most [`MAX_ENTITIES`].
    pub(crate) entities: Vec<Entity>,
}

impl Rendered {
    /// Returns the text for a second try where Telegram refused the entities. What they kept from being read
    /// as the mention of a person is written so that it is none.
    #[must_use]
    pub(crate) fn without_entities(&self) -> Self {
        Self { text: mention::disarm_all(&self.text), entities: Vec::new() }
    }

    fn units(&self) -> usize {
        TextUnit::Utf16.count(&self.text)
    }

    /// Appends another one as a paragraph of its own.
    fn append(&mut self, other: Self) {
        if other.text.is_empty() {
            return;
        }
        if !self.text.is_empty() {
            self.text.push_str(GAP);
        }
        let from = self.units();
        self.text.push_str(&other.text);
        self.entities.extend(other.entities.into_iter().map(|entity| {
            let offset = entity.offset + from;
            Entity { offset, ..entity }
        }));
    }
}

/// Returns what `body` looks like. One that [`lay_out`] returned has at most [`MAX_TEXT_UNITS`]: where its
/// formatting would make it longer, it is shown as it stands.
#[must_use]
pub(crate) fn render(body: &Body) -> Rendered {
    let mut shown = formatted(body);
    if shown.units() > MAX_TEXT_UNITS {
        let text = flatten(body).trim().to_owned();
        return Rendered { text, entities: Vec::new() }.without_entities();
    }
    entities::keep_most_telling(&mut shown);
    shown
}

/// Returns what `body` looks like, however many entities that takes.
fn formatted(body: &Body) -> Rendered {
    let mut whole = Rendered::default();
    whole.append(markdown::rendered(body.header.as_deref().unwrap_or_default()));
    if let (Format::Markdown, Some((thought, answer))) = (body.format, thought::leading(&body.text)) {
        whole.append(thought::rendered(thought));
        whole.append(markdown::rendered(answer));
    } else {
        whole.append(match body.format {
            Format::Markdown => markdown::rendered(&body.text),
            Format::Plain => plain(&body.text),
        });
    }
    let mut footer = Rendered::default();
    for line in &body.footer {
        let line = markdown::rendered(line);
        let from = footer.units() + 1;
        if footer.text.is_empty() {
            footer = line;
        } else if !line.text.is_empty() {
            footer.text.push('\n');
            footer.text.push_str(&line.text);
            let moved = |entity: Entity| Entity { offset: entity.offset + from, ..entity };
            footer.entities.extend(line.entities.into_iter().map(moved));
        }
    }
    whole.append(footer);
    entities::put_in_order(&mut whole);
    mention::mark(&mut whole);
    entities::put_in_order(&mut whole);
    whole
}

fn plain(text: &str) -> Rendered {
    let text = text.trim_end().trim_start_matches(['\n', '\r']);
    Rendered { text: text.to_owned(), entities: Vec::new() }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
