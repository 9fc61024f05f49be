//! CommonMark, with tables, strikethrough and task boxes, as text and entities.
//!
//! Line breaks stay line breaks, raw HTML stays what was typed. What nests where Telegram allows none is
//! flattened by `writer.rs` and `entities.rs`.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd};
use takopi_core::render::Table;

use super::table;
use super::writer::Writer;
use super::{EntityKind, Rendered, link, list};

/// Longest name of a language that Telegram is told, in bytes.
const MAX_LANGUAGE_BYTES: usize = 32;

/// How far above a block a blank line is looked for: quotes within quotes have long margins.
const MAX_MARGIN_BYTES: usize = 256;

/// A line across, as wide as looks well on a phone.
const RULE: &str = "⎯⎯⎯⎯⎯⎯⎯⎯⎯⎯";

/// Stands before what a picture shows.
const PICTURE: &str = "\u{1f5bc}\u{fe0f}";

/// Returns a Markdown text as Telegram shows it; the entities are not in order yet.
pub(super) fn rendered(text: &str) -> Rendered {
    if text.trim().is_empty() {
        return Rendered::default();
    }
    let text = list::repaired(text);
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut walk = Walk::new(&text);
    for (event, range) in Parser::new_ext(&text, options).into_offset_iter() {
        walk.take(event, range);
    }
    let (shown, entities) = walk.out.finish();
    if shown.is_empty() {
        // Nothing but markup, such as the definition of a link: better seen than gone.
        return Rendered { text: text.trim().to_owned(), entities: Vec::new() };
    }
    Rendered { text: shown, entities }
}

/// A style or a link that is open.
#[derive(Debug)]
struct Opened {
    start: usize,
    bytes: usize,
    target: Option<String>,
}

/// One way through a text's events.
struct Walk<'a> {
    source: &'a str,
    out: Writer,
    opened: Vec<Opened>,
    /// The next number of each list that is open; none for bullets.
    lists: Vec<Option<u64>>,
    code: Option<(String, Option<String>)>,
    table: Option<Table<'a>>,
    /// Whether letters are written large: a heading of the first level.
    large: bool,
    /// How many links and pictures are open: only the outermost leads anywhere.
    links: usize,
}

impl<'a> Walk<'a> {
    fn new(source: &'a str) -> Self {
        Self {
            source,
            out: Writer::new(),
            opened: Vec::new(),
            lists: Vec::new(),
            code: None,
            table: None,
            large: false,
            links: 0,
        }
    }

    fn take(&mut self, event: Event<'a>, range: Range<usize>) {
        if let Some(mut table) = self.table.take() {
            if matches!(event, Event::End(TagEnd::Table)) {
                table::write(table, &mut self.out, Self::inline);
                self.out.end_block();
            } else {
                table.take(event);
                self.table = Some(table);
            }
            return;
        }
        match event {
            Event::Start(tag) => self.start(tag, &range),
            Event::End(tag) => self.end(tag),
            Event::Rule => {
                self.start_block(&range);
                self.out.push(RULE);
                self.out.end_block();
            }
            Event::Text(text) | Event::Html(text) if self.code.is_some() => {
                if let Some((code, _)) = &mut self.code {
                    code.push_str(&text);
                }
            }
            other => self.span(other),
        }
    }

    /// Writes what one cell of a table holds.
    fn inline(out: &mut Writer, events: Vec<Event<'a>>) {
        let mut walk = Walk::new("");
        std::mem::swap(&mut walk.out, out);
        for event in events {
            match event {
                Event::Start(tag) => walk.start(tag, &(0..0)),
                Event::End(tag) => walk.end(tag),
                other => walk.span(other),
            }
        }
        std::mem::swap(&mut walk.out, out);
    }

    fn span(&mut self, event: Event<'a>) {
        match event {
            Event::Text(text) if self.large => self.out.push(&text.to_uppercase()),
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => self.out.push(&text),
            Event::Code(code) => {
                let start = self.out.place();
                self.out.push(&code);
                self.out.mark(EntityKind::Code, start);
            }
            Event::SoftBreak | Event::HardBreak => self.out.new_line(),
            Event::TaskListMarker(done) => self.out.push(if done { "☑ " } else { "☐ " }),
            // Only with options that are not set.
            Event::InlineMath(text) | Event::DisplayMath(text) | Event::FootnoteReference(text) => {
                self.out.push(&text);
            }
            Event::Rule | Event::Start(_) | Event::End(_) => {}
        }
    }

    fn start_block(&mut self, range: &Range<usize>) {
        let source = self.source;
        self.out.start_block(|| blank_before(source, range.start));
    }

    fn start(&mut self, tag: Tag<'a>, range: &Range<usize>) {
        match tag {
            Tag::Paragraph | Tag::HtmlBlock => self.start_block(range),
            Tag::Heading { level, .. } => {
                self.start_block(range);
                self.large = level == HeadingLevel::H1;
                self.open(None);
            }
            Tag::BlockQuote(_) => {
                self.start_block(range);
                self.out.start_quote();
            }
            Tag::CodeBlock(kind) => {
                self.start_block(range);
                self.code = Some((String::new(), language(&kind)));
            }
            Tag::List(first) => {
                self.start_block(range);
                self.lists.push(first);
            }
            Tag::Item => {
                let is_task = self.is_task(range);
                let marker = match self.lists.last_mut() {
                    Some(Some(number)) => {
                        *number += 1;
                        format!("{}. ", *number - 1)
                    }
                    _ if is_task => String::new(),
                    _ => "- ".to_owned(),
                };
                self.out.start_item(&marker);
            }
            Tag::Table(columns) => {
                self.start_block(range);
                self.table = Some(Table::new(columns));
            }
            Tag::Emphasis | Tag::Strong | Tag::Strikethrough => self.open(None),
            Tag::Link { link_type: LinkType::Email, dest_url, .. } => {
                self.links += 1;
                self.open(Some(format!("mailto:{dest_url}")));
            }
            Tag::Link { dest_url, .. } => {
                self.links += 1;
                self.open(Some(dest_url.into_string()));
            }
            Tag::Image { dest_url, .. } => {
                self.links += 1;
                self.open(Some(dest_url.into_string()));
                self.out.push(PICTURE);
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph | TagEnd::HtmlBlock => self.out.end_block(),
            TagEnd::Heading(level) => {
                self.large = false;
                self.close(heading(level));
                self.out.end_block();
            }
            TagEnd::BlockQuote(_) => self.out.end_quote(),
            TagEnd::CodeBlock => {
                if let Some((code, language)) = self.code.take() {
                    self.out.code_block(&code, language);
                }
                self.out.end_block();
            }
            TagEnd::List(_) => {
                self.lists.pop();
                self.out.end_block();
            }
            TagEnd::Item => self.out.end_item(),
            TagEnd::Emphasis => self.close(&[EntityKind::Italic]),
            TagEnd::Strong => self.close(&[EntityKind::Bold]),
            TagEnd::Strikethrough => self.close(&[EntityKind::Strikethrough]),
            TagEnd::Link | TagEnd::Image => self.close_link(),
            _ => {}
        }
    }

    fn open(&mut self, target: Option<String>) {
        let start = self.out.place();
        self.opened.push(Opened { start, bytes: self.out.bytes(), target });
    }

    fn close(&mut self, kinds: &[EntityKind]) {
        if let Some(Opened { start, .. }) = self.opened.pop() {
            for kind in kinds {
                self.out.mark(kind.clone(), start);
            }
        }
    }

    fn close_link(&mut self) {
        self.links = self.links.saturating_sub(1);
        let Some(Opened { start, bytes, target: Some(target) }) = self.opened.pop() else { return };
        if self.links > 0 {
            return;
        }
        if self.out.since(bytes).trim().is_empty() {
            self.out.push(&target);
        }
        let label = self.out.since(bytes);
        if let Some(kind) = link::to(&target) {
            self.out.mark(kind, start);
        } else if let Some(address) = link::spelled_out(&target, label) {
            let address = format!(" ({address})");
            self.out.push(&address);
        } else if link::is_file(&target)
            && !label.contains(char::is_whitespace)
            && !label.starts_with(PICTURE)
        {
            // The name of a file: as code it is not taken for the name of a host, of which `.rs` and `.md` are some.
            self.out.mark(EntityKind::Code, start);
        }
    }

    /// Returns whether an item is a box to tick, which is its marker.
    fn is_task(&self, range: &Range<usize>) -> bool {
        let item = self.source.get(range.clone()).unwrap_or_default().trim_start_matches(['-', '*', '+']);
        let item = item.trim_start().as_bytes();
        matches!(item, [b'[', b' ' | b'x' | b'X', b']', b' ' | b'\t' | b'\n' | b'\r', ..])
    }
}

fn heading(level: HeadingLevel) -> &'static [EntityKind] {
    match level {
        HeadingLevel::H1 | HeadingLevel::H2 => &[EntityKind::Bold, EntityKind::Underline],
        HeadingLevel::H3 => &[EntityKind::Bold],
        HeadingLevel::H4 => &[EntityKind::Italic, EntityKind::Underline],
        HeadingLevel::H5 | HeadingLevel::H6 => &[EntityKind::Italic],
    }
}

fn language(kind: &CodeBlockKind<'_>) -> Option<String> {
    let CodeBlockKind::Fenced(info) = kind else { return None };
    let name = info.split([' ', '\t', ',', '{']).next().unwrap_or_default();
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"+-_#.".contains(&byte);
    let is_name = !name.is_empty() && name.len() <= MAX_LANGUAGE_BYTES && name.bytes().all(legal);
    is_name.then(|| name.to_owned())
}

/// Returns whether the line above that of `place` is blank, but for the marks of quotes.
fn blank_before(source: &str, place: usize) -> bool {
    let above = source.get(..place).unwrap_or_default().bytes().rev().take(MAX_MARGIN_BYTES);
    let margin = above.take_while(|byte| matches!(byte, b' ' | b'\t' | b'>' | b'\n' | b'\r'));
    margin.filter(|byte| *byte == b'\n').nth(1).is_some()
}
