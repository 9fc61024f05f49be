//! Text of engines as people can read it: what was written for a terminal, without what only drives one;
//! and what fits of a long one, without breaking a character.
//!
//! Pure. It is for showing; what is stored stays as it came. How much of a text is shown is `render.rs`.

use std::borrow::Cow;
use std::iter::Peekable;
use std::str::Chars;

/// Returns the longest start of `text` that fits into `max` bytes.
#[must_use]
pub fn head(text: &str, max: usize) -> &str {
    text.split_at(text.floor_char_boundary(max)).0
}

/// Returns the longest end of `text` that fits into `max` bytes.
#[must_use]
pub fn tail(text: &str, max: usize) -> &str {
    text.split_at(text.ceil_char_boundary(text.len().saturating_sub(max))).1
}

/// Returns `text`, its start and `…` if it is longer than `max` bytes.
#[must_use]
pub fn clip(text: &str, max: usize) -> Cow<'_, str> {
    if text.len() <= max { text.into() } else { format!("{}…", head(text, max - "…".len())).into() }
}

/// Returns `text`, its start and its end with `…` on a line between if it is longer than `max` bytes.
#[must_use]
pub fn clip_middle(text: &str, max: usize) -> Cow<'_, str> {
    const MARK: &str = "\n…\n";
    if text.len() <= max {
        return text.into();
    }
    let half = (max - MARK.len()) / 2;
    format!("{}{MARK}{}", head(text, half), tail(text, half)).into()
}

/// Returns whether a character shows nothing or turns the direction of writing: one that makes `exe.txt` of
/// `txt.exe`.
pub(crate) const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
    )
}

/// Returns what `text` leaves on a terminal: escape sequences and control characters are gone, and a line
/// that was redrawn after a carriage return is there once, as it was drawn last. Line ends and tabs stay.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    let drives = |c: char| c.is_control() && c != '\n' && c != '\t';
    if !text.contains(drives) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    // Where the line that is being drawn starts, and whether it is drawn again from there.
    let (mut line, mut again) = (0, false);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\u{1b}' => skip_sequence(&mut rest),
            '\u{9b}' => skip_parameters(&mut rest),
            '\r' => again = true,
            '\n' => {
                shown.push(c);
                (line, again) = (shown.len(), false);
            }
            '\u{8}' if shown.len() > line => drop(shown.pop()),
            c if drives(c) => {}
            c => {
                if std::mem::take(&mut again) {
                    shown.truncate(line);
                }
                shown.push(c);
            }
        }
    }
    Cow::Owned(shown)
}

/// Skips what follows an escape character (ECMA-48, 5.3 to 5.6).
fn skip_sequence(rest: &mut Peekable<Chars<'_>>) {
    match rest.next() {
        Some('[') => skip_parameters(rest),
        // A string up to BEL or ESC \: titles, links.
        Some(']' | 'P' | 'X' | '^' | '_') => {
            while let Some(c) = rest.next() {
                if c == '\u{7}' || (c == '\u{1b}' && rest.next_if_eq(&'\\').is_some()) {
                    return;
                }
            }
        }
        // Such as the choice of a character set, with a final character after this one.
        Some(' '..='/') => while rest.next().is_some_and(|c| (' '..='/').contains(&c)) {},
        _ => {}
    }
}

/// Skips parameters up to their final character; what can be none of them is not part of a sequence.
fn skip_parameters(rest: &mut Peekable<Chars<'_>>) {
    while rest.next_if(|c| (' '..='?').contains(c)).is_some() {}
    rest.next_if(|c| ('@'..='~').contains(c));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_an_engine_writes_drives_a_terminal() {
        for (text, shown) in [
            ("plain\n\ttext", "plain\n\ttext"),
            ("\u{1b}[31mred\u{1b}[0m \u{9b}1mbold\u{9b}m", "red bold"),
            ("\u{1b}[38;5;196mred\u{1b}(B\u{1b}[m\u{1b}[?25l", "red"),
            ("\u{1b}]0;title\u{7}after", "after"),
            ("\u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{1b}\\", "link"),
            ("\u{1b}[2J\u{1b}c\u{1b}", ""),
            ("cut off \u{1b}[3\nnext", "cut off \nnext"),
            ("b\u{7}ell", "bell"),
        ] {
            assert_eq!(visible(text), shown, "{text:?}");
        }
    }

    #[test]
    fn a_line_that_was_redrawn_is_there_once() {
        for (text, shown) in [
            ("10%\r20%\r\u{1b}[K30%\ndone", "30%\ndone"),
            ("dos\r\nlines\r\n", "dos\nlines\n"),
            ("first\n50%\r", "first\n50%"),
            ("typo\u{8}\u{8}\u{8}\u{8}\u{8}word", "word"),
            ("kept\n\u{8}\u{8}x", "kept\nx"),
        ] {
            assert_eq!(visible(text), shown, "{text:?}");
        }
    }
}
