//! One line out of any text, at most so long, and text as inline code that no backtick in it can break.

/// Returns `text` on one line of at most `max_chars`: cut at a word if one ends in the second half, else
/// between characters, and then with `…` at its end. White space collapses only where it must.
#[must_use]
pub fn shorten(text: &str, max_chars: usize) -> String {
    let fits = |text: &str| text.chars().nth(max_chars).is_none();
    if fits(text) && !text.contains(['\n', '\r']) {
        return text.to_owned();
    }
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if fits(&line) {
        return line;
    }
    let Some(kept) = max_chars.checked_sub(1) else {
        return String::new();
    };
    let end = line.char_indices().nth(kept).map_or(line.len(), |(at, _)| at);
    let word = match line.get(..=end) {
        Some(with_next) => with_next.rfind(' '),
        None => line.get(..end).and_then(|head| head.rfind(' ')),
    };
    let end = word.filter(|at| *at > end / 2).unwrap_or_else(|| whole_character(&line, end));
    format!("{}…", line.split_at(end).0.trim_end())
}

/// Returns `at`, or the place before it where no character that people see as one is cut in two.
pub(super) fn whole_character(text: &str, at: usize) -> usize {
    let mut place = at;
    // Nothing people write joins more than a dozen code points; text that does may be cut anywhere.
    for _ in 0..16 {
        let (head, rest) = text.split_at(place);
        let (Some(before), Some(after)) = (head.chars().next_back(), rest.chars().next()) else {
            return place;
        };
        if !joins(before, after) {
            return place;
        }
        place -= before.len_utf8();
    }
    at
}

fn joins(before: char, after: char) -> bool {
    const JOINER: char = '\u{200d}';
    let is_flag = |c: char| ('\u{1f1e6}'..='\u{1f1ff}').contains(&c);
    let extends = matches!(after,
        JOINER | '\u{300}'..='\u{36f}' | '\u{20d0}'..='\u{20ff}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0020}'..='\u{e007f}');
    extends || before == JOINER || (is_flag(before) && is_flag(after))
}

/// Returns `text` as inline code: in a fence of backticks longer than any in it. Nothing stays nothing.
#[must_use]
pub fn code_span(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    // A blank keeps a backtick at the edge apart from the fence; readers take one away on each side.
    let edge = |c: char| c == '`' || c == ' ';
    let pad = if text.starts_with(edge) || text.ends_with(edge) { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// Returns `text` with the backticks that neither open nor close inline code escaped, so that they cannot
/// pair with those of another line.
pub(super) fn close_code_spans(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('`') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let (run, after) = from.split_at(from.find(|c| c != '`').unwrap_or(from.len()));
        if before.ends_with('\\') && out.chars().rev().take_while(|c| *c == '\\').count() % 2 == 1 {
            out.push('`');
            rest = from.split_at(1).1;
            continue;
        }
        match end_of_span(after, run.len()) {
            Some(end) => {
                let (span, later) = after.split_at(end);
                out.push_str(run);
                out.push_str(span);
                rest = later;
            }
            None => {
                out.push_str(&"\\`".repeat(run.len()));
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// Returns where, behind its closing run of `length` backticks, inline code ends.
fn end_of_span(text: &str, length: usize) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = text.get(from..)?.find('`') {
        let start = from + at;
        let run = text.get(start..)?;
        let run = run.find(|c| c != '`').unwrap_or(run.len());
        from = start + run;
        if run == length {
            return Some(from);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn long_text_is_cut_at_a_word_and_a_long_word_between_characters() {
        assert_eq!(shorten("a  b", 4), "a  b");
        assert_eq!(shorten("a\n b", 9), "a b");
        assert_eq!(shorten("one two  three", 11), "one two…");
        assert_eq!(shorten("one two three", 8), "one two…");
        assert_eq!(shorten("https://example.org/a/very/long/path", 12), "https://exa…");
        assert_eq!(shorten("x https://example.org/a/very/long/path", 12), "x https://e…");
        assert_eq!((shorten("abc", 0), shorten("abc", 1)), (String::new(), "…".to_owned()));
        assert_eq!(shorten("ab👩‍👩‍👧cd", 5), "ab…");
    }

    #[test]
    fn inline_code_holds_any_text() {
        assert_eq!((code_span("ls").as_str(), code_span("").as_str()), ("`ls`", ""));
        assert_eq!(code_span("echo `date` ``x``"), "``` echo `date` ``x`` ```");
        assert_eq!(code_span("a`b"), "``a`b``");
    }

    #[test]
    fn lone_backticks_are_escaped() {
        assert_eq!(close_code_spans("read `a.rs` ok"), "read `a.rs` ok");
        assert_eq!(close_code_spans("read `a.r…"), "read \\`a.r…");
        assert_eq!(close_code_spans("``a`b`` \\` `"), "``a`b`` \\` \\`");
    }

    proptest! {
        #[test]
        fn a_shortened_text_fits(text in "([a`é👩\u{200d} \n]{0,12}){0,4}", max in 0..30_usize) {
            let short = shorten(&text, max);
            prop_assert!(short.chars().count() <= max && !short.contains('\n'));
            prop_assert!(max < 2 || text.trim().is_empty() || !short.is_empty());
            let closed = close_code_spans(&text);
            prop_assert_eq!(closed.replace('\\', ""), text);
        }
    }
}
