//! The lines around an answer: small, below or above it, one line each.

use takopi_core::message::Format;
use takopi_core::render::shorten;

use super::cut::count;
use super::dialect::{flat, tokens};
use super::token::Token;
use super::words;

/// Makes a line small.
const SUBTEXT: &str = "-# ";

/// Most characters of one such line.
const MAX_LINE: usize = 400;

/// Most characters of all lines below an answer.
const MAX_FOOTER: usize = 900;

/// Returns a line of Markdown as a small one of at most [`MAX_LINE`] characters; nothing for nothing.
pub(super) fn line(text: &str) -> String {
    if text.trim().is_empty() {
        return String::new();
    }
    let shown = |text: &str| {
        let pieces = tokens(text);
        let pieces = pieces.iter().skip_while(|piece| matches!(piece, Token::Break(_) | Token::Space(_)));
        let said = flat(&pieces.cloned().collect::<Vec<_>>());
        format!("{SUBTEXT}{}", said.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    let whole = shown(text);
    if count(&whole) <= MAX_LINE {
        return whole;
    }
    // What is cut may have lost an end of its markup: it is shown as it stands.
    let mut pieces = Vec::new();
    words::write(&shorten(text, MAX_LINE / 3), false, Format::Plain, &mut pieces);
    format!("{SUBTEXT}{}", flat(&pieces))
}

/// Returns the lines below an answer, each with a line end before it. Where they are too long the first ones go:
/// the last names the session.
pub(super) fn footer(lines: &[String]) -> String {
    let shown = lines.iter().map(|text| line(text)).filter(|line| !line.is_empty());
    let mut shown: Vec<String> = shown.map(|line| format!("\n{line}")).collect();
    while shown.iter().map(|line| count(line)).sum::<usize>() > MAX_FOOTER {
        shown.remove(0);
    }
    shown.concat()
}

/// Returns the text of a message of the bot as the house wrote it, as far as it will read it again: the lines around
/// an answer without what makes them small.
pub(crate) fn as_written(content: &str) -> String {
    let line = |line: &'_ str| line.strip_prefix(SUBTEXT).unwrap_or(line).to_owned();
    content.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_line_is_small_and_on_one_line() {
        assert_eq!(line("done · codex · 12s"), "-# done · codex · 12s");
        assert_eq!(line("a\nb  \n*c* `d`"), "-# a b *c* `d`");
        assert_eq!((line(" ").as_str(), line("# x").as_str()), ("", "-# x"));
        assert!(count(&line(&"*`_".repeat(4000))) <= MAX_LINE);
    }

    #[test]
    fn a_footer_too_long_keeps_its_last_lines() {
        let lines: Vec<String> = (0..9).map(|n| format!("{n}{}", "x".repeat(200))).collect();
        let shown = footer(&lines);
        assert!(count(&shown) <= MAX_FOOTER && shown.contains("\n-# 8x") && !shown.contains("-# 0x"));
    }

    #[test]
    fn the_house_reads_the_line_that_it_wrote() {
        let shown = footer(&["`codex resume 0199`".to_owned()]);
        assert_eq!(shown, "\n-# `codex resume 0199`");
        assert_eq!(as_written(&format!("text{shown}")), "text\n`codex resume 0199`");
    }
}
