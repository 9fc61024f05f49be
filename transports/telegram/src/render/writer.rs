//! A text that grows line by line, with the entities opened and closed in it.
//!
//! Knows lists and quotes as what stands before a line; blocks keep the distance that their writer gave them.

use takopi_core::port::transport::TextUnit;

use super::{Entity, EntityKind};

/// Before each line of a list's item, and twice before those of a list in it. Telegram takes blanks away
/// from the start of a message, these it keeps.
const INDENT: &str = "\u{a0}\u{a0}";

/// How many lists and quotes inside of each other are shown as such.
const MAX_SHOWN_DEPTH: usize = 8;

/// A quote of more lines shows only the first until it is tapped.
const MAX_QUOTE_LINES: usize = 8;

/// A quote of more UTF-16 units shows only the first until it is tapped: about eight lines on a phone.
const MAX_QUOTE_UNITS: usize = 320;

/// What a line stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Container {
    Quote,
    Item,
}

/// How far the next line stands from what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    None,
    Line,
    Blank,
}

/// A text that is being written.
#[derive(Debug)]
pub(super) struct Writer {
    text: String,
    units: usize,
    entities: Vec<Entity>,
    containers: Vec<Container>,
    /// The outermost quote: its place among the containers, and where its text starts in units and bytes.
    quote: Option<(usize, usize, usize)>,
    gap: Gap,
    /// Whether nothing, not even what stands before it, was written of the current line.
    fresh: bool,
    after_block: bool,
}

impl Writer {
    pub(super) fn new() -> Self {
        Self {
            text: String::new(),
            units: 0,
            entities: Vec::new(),
            containers: Vec::new(),
            quote: None,
            gap: Gap::None,
            fresh: true,
            after_block: false,
        }
    }

    /// Returns the text, without white space at its end, and the entities as they were closed, within the text.
    pub(super) fn finish(mut self) -> (String, Vec<Entity>) {
        self.text.truncate(self.text.trim_end().len());
        let units = TextUnit::Utf16.count(&self.text);
        for entity in &mut self.entities {
            entity.length = entity.length.min(units.saturating_sub(entity.offset));
        }
        self.entities.retain(|entity| entity.length > 0);
        (self.text, self.entities)
    }

    /// Returns where the next character will stand, in units, and writes what comes before it.
    pub(super) fn place(&mut self) -> usize {
        self.open_line();
        self.units
    }

    /// Returns how much was written, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.text.len()
    }

    /// Returns what was written since then.
    pub(super) fn since(&self, bytes: usize) -> &str {
        self.text.get(bytes..).unwrap_or_default()
    }

    /// Marks what was written from `start` on.
    pub(super) fn mark(&mut self, kind: EntityKind, start: usize) {
        self.entities.push(Entity::new(kind, start, self.units));
    }

    /// Starts a block, with a blank line before it if its writer left one. Items of lists stand close.
    pub(super) fn start_block(&mut self, blank_before: impl FnOnce() -> bool) {
        if self.after_block {
            let close = self.containers.last() == Some(&Container::Item) || !blank_before();
            self.gap = self.gap.max(if close { Gap::Line } else { Gap::Blank });
        }
        self.after_block = false;
    }

    pub(super) fn end_block(&mut self) {
        self.after_block = true;
    }

    /// Starts an item of a list with its marker.
    pub(super) fn start_item(&mut self, marker: &str) {
        self.gap = self.gap.max(Gap::Line);
        self.after_block = false;
        self.open_line();
        self.raw(marker);
        self.containers.push(Container::Item);
    }

    pub(super) fn end_item(&mut self) {
        self.containers.pop();
        self.end_block();
    }

    /// Starts a quote. Telegram knows none inside of another: that one is shown by `>` before its lines.
    pub(super) fn start_quote(&mut self) {
        if self.quote.is_none() {
            self.open_bare_line();
            self.quote = Some((self.containers.len(), self.units, self.text.len()));
        } else {
            self.gap = self.gap.max(Gap::Line);
        }
        self.containers.push(Container::Quote);
    }

    pub(super) fn end_quote(&mut self) {
        self.containers.pop();
        if let Some((_, start, bytes)) = self.quote.take_if(|(depth, ..)| *depth == self.containers.len()) {
            let long =
                self.units - start > MAX_QUOTE_UNITS || self.since(bytes).lines().count() > MAX_QUOTE_LINES;
            self.mark(if long { EntityKind::ExpandableBlockquote } else { EntityKind::Blockquote }, start);
        }
        self.end_block();
    }

    /// Writes a block of code: at the edge, so that what is copied is what was written.
    pub(super) fn code_block(&mut self, code: &str, language: Option<String>) {
        let code = code.trim_end().trim_start_matches(['\n', '\r']);
        self.open_bare_line();
        let start = self.units;
        self.raw(code);
        self.mark(EntityKind::Pre { language }, start);
        self.gap = Gap::Line;
    }

    pub(super) fn push(&mut self, text: &str) {
        for (index, line) in text.split('\n').enumerate() {
            if index > 0 {
                self.new_line();
            }
            if !line.is_empty() {
                self.open_line();
                self.raw(line);
            }
        }
    }

    pub(super) fn new_line(&mut self) {
        self.open_line();
        self.raw("\n");
        self.fresh = true;
    }

    fn open_line(&mut self) {
        self.bridge_gap();
        if self.fresh {
            self.fresh = false;
            let prefix = self.prefix();
            self.raw(&prefix);
        }
    }

    /// Opens a line without what would stand before it.
    fn open_bare_line(&mut self) {
        self.gap = self.gap.max(Gap::Line);
        self.bridge_gap();
        self.fresh = true;
    }

    fn bridge_gap(&mut self) {
        let wanted = match std::mem::replace(&mut self.gap, Gap::None) {
            Gap::None => return,
            Gap::Line => 1,
            Gap::Blank => 2,
        };
        if self.text.is_empty() {
            return;
        }
        let there = self.text.bytes().rev().take(wanted).take_while(|byte| *byte == b'\n').count();
        self.raw(&"\n".repeat(wanted - there));
        self.fresh = true;
    }

    fn prefix(&self) -> String {
        // Telegram indents a quote by itself.
        let outside = self.quote.map_or(0, |(at, ..)| at + 1);
        let shown = self.containers.iter().skip(outside).take(MAX_SHOWN_DEPTH);
        shown.map(|container| if *container == Container::Item { INDENT } else { "> " }).collect()
    }

    fn raw(&mut self, text: &str) {
        self.text.push_str(text);
        self.units += TextUnit::Utf16.count(text);
        if !text.is_empty() && !text.ends_with('\n') {
            self.fresh = false;
        }
    }
}
