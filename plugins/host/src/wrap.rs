//! Text of strangers laid out in lines of a width.

/// Returns `text` in lines of at most `width` characters, broken between words; a word that is longer has its own line.
/// What drives a terminal is taken out. Always at least one line.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let text = takopi_core::text::visible(text);
    let mut lines = vec![String::new()];
    let mut length = 0;
    for word in text.split_whitespace() {
        let more = word.chars().count();
        if length > 0 && length + 1 + more > width {
            lines.push(String::new());
            length = 0;
        }
        if let Some(line) = lines.last_mut() {
            if length > 0 {
                line.push(' ');
                length += 1;
            }
            line.push_str(word);
            length += more;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_between_words_and_drive_no_terminal() {
        assert_eq!(wrap("one two\n three", 7), ["one two", "three"]);
        assert_eq!(wrap("a longer-than-wide b", 5), ["a", "longer-than-wide", "b"]);
        assert_eq!(wrap("\u{1b}[31mred\u{1b}[0m", 9), ["red"]);
        assert_eq!(wrap(" ", 9), [""]);
    }
}
