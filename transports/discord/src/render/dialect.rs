//! CommonMark, with tables, strikethrough and task boxes, in the dialect that Discord reads. Line breaks stay line
//! breaks, and what Discord would take for markup of its own is escaped (`words.rs`).

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd};
use takopi_core::message::Format;
use takopi_core::render::{Table, code_span};

use super::cut::apart;
use super::html::{self, Piece};
use super::link;
use super::table;
use super::token::{Break, Mark, Token};
use super::words;

/// Longest name of a language that is kept, in bytes.
const MAX_LANGUAGE_BYTES: usize = 32;

/// How far above a block a blank line is looked for: quotes within quotes have long margins.
const MAX_MARGIN_BYTES: usize = 256;

/// Deepest indentation of a nested list; Discord shows fewer levels.
const MAX_INDENT: usize = 20;

/// Breaks up what would end code: Discord ends it at the first marker that it meets.
const APART: &str = "`\u{200b}";

/// Returns a Markdown text in Discord's dialect.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut walk = Walk::new(text);
    for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
        walk.take(event, &range);
    }
    walk.say();
    let says = |token: &Token| matches!(token, Token::Word(_) | Token::Code(_) | Token::Raw(_));
    // Nothing but markup, such as the definition of a link: better seen than gone.
    if walk.out.iter().any(says) { walk.out } else { plain(text.trim()) }
}

/// Returns a text that is shown as it stands.
pub(super) fn plain(text: &str) -> Vec<Token> {
    let mut out = Vec::new();
    let mut blank = false;
    for line in text.lines() {
        if line.trim().is_empty() {
            blank = true;
            continue;
        }
        out.push(Token::Break(Break { blank, ..Break::default() }));
        words::write(line, true, Format::Plain, &mut out);
        blank = false;
    }
    out
}

/// Returns lines of code in a fence. `again` is repeated wherever it is opened again.
pub(super) fn fenced(code: &str, info: String, again: String, out: &mut Vec<Token>, edge: &Break) {
    out.push(Token::Open(Mark::Fence { info, again }));
    // Discord takes no empty code.
    let code = if code.trim().is_empty() { " " } else { code };
    for (number, line) in code.trim_end_matches(['\n', '\r']).split('\n').enumerate() {
        if number > 0 {
            out.push(Token::Break(Break { blank: false, indent: 0, bullet: String::new(), ..edge.clone() }));
        }
        let line = line.trim_end_matches('\r');
        out.push(Token::Raw(if line.contains("```") { line.replace('`', APART) } else { line.to_owned() }));
    }
    out.push(Token::Close);
}

/// A link that is open, or an emphasis.
#[derive(Debug)]
enum Opened {
    /// What opened a style is to be closed.
    Style,
    /// The style holds already.
    Nothing,
    /// A link to there, with what was written before it.
    Link(String, Vec<Token>),
}

/// One way through a text's events.
pub(super) struct Walk<'a> {
    source: &'a str,
    pub(super) out: Vec<Token>,
    /// Text that is not over yet: the parser hands it out in pieces.
    text: String,
    opened: Vec<Opened>,
    styles: Vec<&'static str>,
    /// The next number of each list that is open (none for bullets), and how far its items' text stands from it.
    lists: Vec<(Option<u64>, usize)>,
    quotes: usize,
    /// Whether a line was just begun for what comes.
    fresh: bool,
    /// Whether what comes needs a line of its own.
    ended: bool,
    /// Whether a blank line is due, whatever the source says.
    blank: bool,
    heading: bool,
    code: Option<(String, String)>,
    table: Option<Table<'a>>,
    links: usize,
    /// Where the links of raw HTML lead.
    anchors: Vec<String>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(source: &'a str) -> Self {
        Self {
            source,
            out: Vec::new(),
            text: String::new(),
            opened: Vec::new(),
            styles: Vec::new(),
            lists: Vec::new(),
            quotes: 0,
            fresh: false,
            ended: false,
            blank: false,
            heading: false,
            code: None,
            table: None,
            links: 0,
            anchors: Vec::new(),
        }
    }

    fn take(&mut self, event: Event<'a>, range: &Range<usize>) {
        if let Some(mut table) = self.table.take() {
            if matches!(event, Event::End(TagEnd::Table)) {
                let edge = self.edge();
                table::write(table, &mut self.out, &edge);
                self.end_block();
            } else {
                table.take(event);
                self.table = Some(table);
            }
            return;
        }
        if let (Some((code, _)), Event::Text(text) | Event::Html(text)) = (&mut self.code, &event) {
            code.push_str(text);
            return;
        }
        match event {
            Event::Text(text) => self.text.push_str(&text),
            Event::Start(tag) => {
                self.say();
                self.start(tag, range);
            }
            Event::End(tag) => {
                self.say();
                self.end(tag);
            }
            Event::Rule => {
                self.say();
                self.blank = true;
                self.ended = true;
            }
            other => self.span(other),
        }
    }

    /// Takes what may stand in a cell of a table.
    pub(super) fn inline(&mut self, event: Event<'a>) {
        match event {
            Event::Text(text) => self.text.push_str(&text),
            Event::Start(tag) => {
                self.say();
                self.start(tag, &(0..0));
            }
            Event::End(tag) => {
                self.say();
                self.end(tag);
            }
            other => self.span(other),
        }
    }

    fn span(&mut self, event: Event<'a>) {
        self.say();
        match event {
            Event::Code(code) => {
                self.ready();
                let code = if code.contains("``") { code.replace('`', APART) } else { code.into_string() };
                self.out.push(Token::Code(code));
            }
            Event::SoftBreak | Event::HardBreak if self.heading || self.links > 0 => {
                self.out.push(Token::Space(" ".to_owned()));
            }
            Event::SoftBreak | Event::HardBreak => self.line(),
            Event::TaskListMarker(done) => {
                self.ready();
                self.out.push(Token::Word(if done { "☑" } else { "☐" }.to_owned()));
                self.out.push(Token::Space(" ".to_owned()));
            }
            Event::Html(text) | Event::InlineHtml(text) => self.html(&text),
            // Only with options that are not set.
            Event::InlineMath(text) | Event::DisplayMath(text) | Event::FootnoteReference(text) => {
                self.text.push_str(&text);
            }
            Event::Text(_) | Event::Rule | Event::Start(_) | Event::End(_) => {}
        }
    }

    /// Writes the text that the parser handed out so far.
    fn say(&mut self) {
        let text = std::mem::take(&mut self.text);
        if text.is_empty() {
            return;
        }
        self.ready();
        for (number, line) in text.split('\n').enumerate() {
            if number > 0 {
                self.line();
            }
            let at_start = matches!(self.out.last(), None | Some(Token::Break(_)));
            words::write(line, at_start, Format::Markdown, &mut self.out);
        }
    }

    /// Begins a line where what came before had one of its own.
    fn ready(&mut self) {
        if self.ended {
            self.new_block(false);
        }
        self.fresh = false;
    }

    fn line(&mut self) {
        let edge = self.edge();
        self.out.push(Token::Break(edge));
    }

    fn edge(&self) -> Break {
        let indent = self.lists.iter().map(|(_, width)| width).sum::<usize>().min(MAX_INDENT);
        Break { blank: false, quoted: self.quotes > 0, indent, bullet: String::new() }
    }

    fn new_block(&mut self, blank: bool) {
        self.ended = false;
        if std::mem::take(&mut self.fresh) && !self.out.is_empty() {
            return;
        }
        let blank = (blank || std::mem::take(&mut self.blank)) && !self.out.is_empty();
        let edge = Break { blank, ..self.edge() };
        self.out.push(Token::Break(edge));
    }

    fn start_block(&mut self, range: &Range<usize>) {
        self.new_block(blank_before(self.source, range.start));
    }

    fn end_block(&mut self) {
        self.ended = true;
        self.fresh = false;
    }

    fn start(&mut self, tag: Tag<'a>, range: &Range<usize>) {
        match tag {
            Tag::Paragraph | Tag::HtmlBlock => self.start_block(range),
            Tag::Heading { level, .. } => {
                self.start_block(range);
                self.heading = true;
                match marker(level) {
                    Some(marker) => {
                        if let Some(Token::Break(edge)) = self.out.last_mut() {
                            edge.bullet.push_str(marker);
                        }
                    }
                    None => self.open("**"),
                }
            }
            Tag::BlockQuote(_) => {
                self.quotes += 1;
                if self.fresh
                    && let Some(Token::Break(edge)) = self.out.last_mut()
                {
                    edge.quoted = true;
                }
            }
            Tag::CodeBlock(kind) => {
                self.start_block(range);
                self.code = Some((String::new(), language(&kind)));
            }
            Tag::List(first) => {
                self.blank |= blank_before(self.source, range.start) && !self.fresh;
                self.lists.push((first, 0));
            }
            Tag::Item => self.start_item(range),
            Tag::Table(columns) => {
                self.start_block(range);
                self.table = Some(Table::new(columns));
            }
            Tag::Emphasis => self.open("*"),
            Tag::Strong => self.open("**"),
            Tag::Strikethrough => self.open("~~"),
            Tag::Link { link_type: LinkType::Email, dest_url, .. } => {
                self.open_link(format!("mailto:{dest_url}"));
            }
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
                self.open_link(dest_url.into_string());
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph | TagEnd::HtmlBlock | TagEnd::Item => self.end_block(),
            TagEnd::Heading(level) => {
                if marker(level).is_none() {
                    self.close();
                }
                self.heading = false;
                self.end_block();
            }
            TagEnd::BlockQuote(_) => {
                self.quotes = self.quotes.saturating_sub(1);
                // Discord, too, would take a line right below for more of some quotes.
                self.blank |= self.quotes == 0;
                self.end_block();
            }
            TagEnd::CodeBlock => {
                if let Some((code, info)) = self.code.take() {
                    if let Some(Token::Break(edge)) = self.out.last_mut()
                        && edge.bullet.is_empty()
                    {
                        edge.indent = 0;
                    }
                    let edge = self.edge();
                    fenced(&code, info, String::new(), &mut self.out, &edge);
                }
                self.end_block();
            }
            TagEnd::List(_) => {
                self.lists.pop();
                self.end_block();
            }
            TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough => self.close(),
            TagEnd::Link | TagEnd::Image => self.close_link(),
            _ => {}
        }
    }

    fn start_item(&mut self, range: &Range<usize>) {
        let blank = std::mem::take(&mut self.blank) || blank_before(self.source, range.start);
        let bullet = match self.lists.last_mut() {
            Some((Some(number), _)) => {
                *number += 1;
                format!("{}. ", *number - 1)
            }
            _ => "- ".to_owned(),
        };
        if let Some((_, width)) = self.lists.last_mut() {
            *width = 0;
        }
        let edge = Break { blank: blank && !self.out.is_empty(), bullet: bullet.clone(), ..self.edge() };
        if let Some((_, width)) = self.lists.last_mut() {
            *width = bullet.len();
        }
        self.out.push(Token::Break(edge));
        (self.fresh, self.ended) = (true, false);
    }

    fn open(&mut self, marker: &'static str) {
        self.ready();
        let is_new = !self.styles.contains(&marker);
        if is_new {
            self.styles.push(marker);
            self.out.push(Token::Open(Mark::Style(marker)));
        }
        self.opened.push(if is_new { Opened::Style } else { Opened::Nothing });
    }

    fn close(&mut self) {
        if let Some(Opened::Style) = self.opened.pop() {
            self.styles.pop();
            match self.out.last() {
                // Nothing stands in it: its marks alone would be read.
                Some(Token::Open(_)) => drop(self.out.pop()),
                _ => self.out.push(Token::Close),
            }
        }
    }

    fn open_link(&mut self, target: String) {
        self.ready();
        self.links += 1;
        self.opened.push(Opened::Link(target, std::mem::take(&mut self.out)));
        // Nothing but the label stands here, and it is no line's start.
        self.out.push(Token::Space(String::new()));
    }

    fn close_link(&mut self) {
        self.links = self.links.saturating_sub(1);
        let Some(Opened::Link(target, before)) = self.opened.pop() else { return };
        let label = std::mem::replace(&mut self.out, before);
        if self.links > 0 {
            // Only the outermost leads anywhere.
            match label.iter().any(|token| !matches!(token, Token::Space(_))) {
                true => self.out.extend(label),
                false => words::write(&target, false, Format::Plain, &mut self.out),
            }
        } else {
            link::write(&target, label, &mut self.out);
        }
    }

    fn html(&mut self, text: &str) {
        for piece in html::pieces(text) {
            match piece {
                Piece::Text(text) => self.text.push_str(text),
                Piece::LineBreak => {
                    self.say();
                    self.ready();
                    self.line();
                }
                Piece::Image { source, label } => {
                    self.say();
                    self.open_link(source);
                    self.text.push_str(&label);
                    self.say();
                    self.close_link();
                }
                Piece::Anchor(target) => self.anchors.push(target),
                Piece::AnchorEnd => {
                    self.say();
                    if let Some(target) = self.anchors.pop().filter(|target| !target.is_empty()) {
                        self.text.extend([" (", &target, ")"]);
                        self.say();
                    }
                }
            }
        }
        if text.ends_with('\n') && self.text.ends_with('\n') {
            self.text.pop();
            self.say();
            self.ended = true;
        }
    }
}

/// Returns what a run of pieces without fences and lines is when written down.
pub(super) fn flat(tokens: &[Token]) -> String {
    let mut open: Vec<&Mark> = Vec::new();
    let piece = |token: &'_ Token| match token {
        Token::Word(text) | Token::Raw(text) | Token::Space(text) => text.clone(),
        Token::Code(code) => code_span(code),
        Token::Break(_) => " ".to_owned(),
        Token::Open(_) | Token::Close => String::new(),
    };
    let mut out = String::new();
    for token in tokens {
        match token {
            Token::Open(mark @ Mark::Style(_)) => {
                out.push_str(&mark.opening(false));
                open.push(mark);
            }
            Token::Close => {
                if let Some(mark) = open.pop() {
                    out.push_str(&mark.closing(false));
                }
            }
            other => {
                if matches!(other, Token::Code(_)) {
                    out.push_str(apart(&out));
                }
                out.push_str(&piece(other));
            }
        }
    }
    out
}

fn marker(level: HeadingLevel) -> Option<&'static str> {
    match level {
        HeadingLevel::H1 => Some("# "),
        HeadingLevel::H2 => Some("## "),
        HeadingLevel::H3 => Some("### "),
        HeadingLevel::H4 | HeadingLevel::H5 | HeadingLevel::H6 => None,
    }
}

/// Returns the language of code: Discord takes one word for it, and shows what else stands there as code.
fn language(kind: &CodeBlockKind<'_>) -> String {
    let CodeBlockKind::Fenced(info) = kind else { return String::new() };
    let legal = |c: &char| c.is_ascii_alphanumeric() || "+-_#.".contains(*c);
    let name: String = info.chars().take_while(legal).take(MAX_LANGUAGE_BYTES).collect();
    name
}

/// Returns whether the line above that of `place` is blank, but for the marks of quotes.
fn blank_before(source: &str, place: usize) -> bool {
    let above = source.get(..place).unwrap_or_default().bytes().rev().take(MAX_MARGIN_BYTES);
    let margin = above.take_while(|byte| matches!(byte, b' ' | b'\t' | b'>' | b'\n' | b'\r'));
    margin.filter(|byte| *byte == b'\n').nth(1).is_some()
}
