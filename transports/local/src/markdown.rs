//! Markdown of engines and commands as HTML that can do nothing but be read: raw HTML shows as text, links
//! lead to the web or to mail only, pictures become links, no attribute carries a style or a script.
//!
//! The content security policy of the page would stop what slipped through; nothing should.

use pulldown_cmark::{CodeBlockKind, CowStr, Event, LinkType, Options, Parser, Tag, TagEnd, html};
use takopi_core::message::Format;

/// Longest text rendered as Markdown, in bytes. A longer one is data: it is shown as it stands.
const MAX_MARKDOWN_BYTES: usize = 512 * 1024;

/// Longest language name of a code block, in bytes.
const MAX_LANGUAGE_BYTES: usize = 32;

/// Returns `text` as HTML.
pub(crate) fn render(text: &str, format: Format) -> String {
    match format {
        Format::Markdown if text.len() <= MAX_MARKDOWN_BYTES => markdown(text),
        Format::Markdown | Format::Plain => format!("<pre class=\"plain\">{}</pre>\n", escape(text)),
    }
}

fn markdown(text: &str) -> String {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut links = Links::default();
    let mut out = String::with_capacity(text.len() + text.len() / 2);
    html::push_html(&mut out, Parser::new_ext(text, options).map(|event| harmless(event, &mut links)));
    out
}

/// The anchors that are open: a link that leads nowhere has no closing tag either, and anchors do not nest.
#[derive(Default)]
struct Links {
    opened: Vec<bool>,
}

impl Links {
    fn open(&mut self, target: &str, class: &str) -> Event<'static> {
        let shown = leads_out(target) && !self.opened.contains(&true);
        self.opened.push(shown);
        if !shown {
            return Event::Html(CowStr::Borrowed(""));
        }
        let target = escape(target);
        let tag = format!("<a{class} href=\"{target}\" rel=\"noopener noreferrer\" target=\"_blank\">");
        Event::InlineHtml(tag.into())
    }

    fn close(&mut self) -> Event<'static> {
        let shown = self.opened.pop().unwrap_or(false);
        Event::InlineHtml(CowStr::Borrowed(if shown { "</a>" } else { "" }))
    }
}

fn harmless<'a>(event: Event<'a>, links: &mut Links) -> Event<'a> {
    match event {
        Event::Html(raw) | Event::InlineHtml(raw) => Event::Text(raw),
        // Raw HTML between paragraphs is a paragraph of text.
        Event::Start(Tag::HtmlBlock) => Event::Start(Tag::Paragraph),
        Event::End(TagEnd::HtmlBlock) => Event::End(TagEnd::Paragraph),
        Event::Start(Tag::Link { link_type: LinkType::Email, dest_url, .. }) => {
            links.open(&format!("mailto:{dest_url}"), "")
        }
        Event::Start(Tag::Link { dest_url, .. }) => links.open(&dest_url, ""),
        Event::Start(Tag::Image { dest_url, .. }) => links.open(&dest_url, " class=\"picture\""),
        Event::End(TagEnd::Link | TagEnd::Image) => links.close(),
        Event::Start(Tag::CodeBlock(kind)) => Event::Html(code_block(&kind).into()),
        Event::End(TagEnd::CodeBlock) => Event::Html(CowStr::Borrowed("</code></pre>\n")),
        // Alignment is written as a style, which the page's policy refuses.
        Event::Start(Tag::Table(columns)) => {
            Event::Start(Tag::Table(vec![pulldown_cmark::Alignment::None; columns.len()]))
        }
        other => other,
    }
}

fn code_block(kind: &CodeBlockKind<'_>) -> String {
    let language = match kind {
        CodeBlockKind::Fenced(info) => info.split([' ', '\t', ',']).next().unwrap_or_default(),
        CodeBlockKind::Indented => "",
    };
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"+-_#.".contains(&byte);
    if language.is_empty() || language.len() > MAX_LANGUAGE_BYTES || !language.bytes().all(legal) {
        return "<pre><code>".to_owned();
    }
    format!("<pre><code class=\"language-{language}\">")
}

/// Returns whether a link leads to the web or to mail. Anything else has no meaning on this page, or a bad
/// one; white space and control characters inside a scheme, which browsers skip, make it none of the three.
fn leads_out(target: &str) -> bool {
    let Some((scheme, rest)) = target.split_once(':') else { return false };
    match scheme.to_ascii_lowercase().as_str() {
        "http" | "https" => rest.starts_with("//"),
        "mailto" => !rest.is_empty(),
        _ => false,
    }
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(cases: &[&str]) -> String {
        let shown =
            cases.iter().map(|case| format!("{case}\n----\n{}", render(case, Format::Markdown).trim_end()));
        shown.collect::<Vec<_>>().join("\n====\n")
    }

    #[test]
    fn hostile_markdown_becomes_harmless() {
        insta::assert_snapshot!(show(&[
            "<script>alert(1)</script>",
            "a <img src=x onerror=alert(1)> b",
            "<div onclick=\"x\">\n\n**bold**\n\n</div>",
            "[a](javascript:alert(1)) [b](JaVaScRiPt:alert(1)) [c](java\tscript:x) [d](&#106;avascript:x)",
            "[e](data:text/html,x) [f](vbscript:x) [g](file:///etc/passwd) [h](//evil.example) [i](/api/cancel)",
            "[j](https://example.com/\"onmouseover=\"alert(1)) [k](<https://example.com/\" onclick=\"x>)",
            "<javascript:alert(1)> <https://ok.example/?a=1&b='2'> <me@example.com>",
            "![alt <b>](https://example.com/a.png) ![x](javascript:alert(1))",
            "[![inner](https://example.com/i.png)](https://example.com/)",
            "```rust\" onclick=\"alert(1)\nlet x = \"<b>\";\n```",
            "```\"><script>alert(1)</script>\nx\n```",
            "`<b>&amp;</b>`",
        ]));
    }

    #[test]
    fn everyday_markdown_reads_well() {
        insta::assert_snapshot!(show(&[
            "# Title\n\nOne *two* **three** ~~four~~ `five`.  \nnext line",
            "```c++ title=x\nint a;\n```",
            "| a | b |\n|--:|:-:|\n| 1 | 2 |",
            "- [x] done\n- [ ] open\n\n1. one\n2. two",
            "See [docs](https://example.com/a_b) or <mailto:me@example.com>.",
        ]));
    }

    #[test]
    fn plain_text_is_shown_as_it_stands() {
        let shown = render("*not bold* <b>\n  x", Format::Plain);
        assert_eq!(shown, "<pre class=\"plain\">*not bold* &lt;b&gt;\n  x</pre>\n");
    }

    #[test]
    fn no_tag_but_ours_survives_any_text() {
        use std::collections::BTreeSet;
        // Every opening tag in the output must be one this file or the renderer writes by itself.
        let allowed: BTreeSet<&str> = [
            "p",
            "a",
            "pre",
            "code",
            "em",
            "strong",
            "del",
            "ul",
            "ol",
            "li",
            "input",
            "table",
            "thead",
            "tbody",
            "tr",
            "th",
            "td",
            "blockquote",
            "hr",
            "br",
            "h1",
            "h2",
            "h3",
            "h4",
            "h5",
            "h6",
        ]
        .into();
        let pieces = [
            "<",
            ">",
            "a",
            "\"",
            "'",
            "`",
            "```",
            "\n",
            "[",
            "](",
            ")",
            "!",
            "javascript:",
            "http://x",
            " on=",
            "|",
            "-",
        ];
        // A small generator with a fixed seed: 2,000 texts of pieces that matter to the parser.
        let mut state = 7_u64;
        for _ in 0..2_000 {
            let mut text = String::new();
            for _ in 0..24 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                text.push_str(pieces[usize::try_from(state >> 33).unwrap() % pieces.len()]);
            }
            let html = render(&text, Format::Markdown);
            for tag in html.split('<').skip(1).filter(|tag| !tag.starts_with('/')) {
                let tag = tag.split('>').next().unwrap();
                let name = tag.split([' ', '/']).next().unwrap();
                assert!(allowed.contains(name), "{text:?} gave <{tag}");
                assert!(!tag.contains("\"javascript:") && !tag.contains(" on="), "{text:?} gave <{tag}");
            }
        }
    }
}
