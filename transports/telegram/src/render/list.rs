//! Lists as models mean them, for a parser that takes them as they are: bullets right below a number belong
//! to it, and a list goes on counting where it is cut.

use std::borrow::Cow;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// Returns `text` with each bullet that directly follows a numbered item at the same indentation moved in, so
/// that it becomes part of that item instead of ending its list. Code is left alone.
pub(super) fn repaired(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut fence: Option<(char, usize)> = None;
    // The indentation of the numbered item above, and what its text is indented by.
    let mut above: Option<(usize, usize)> = None;
    let mut moving = false;
    let mut done = 0;
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let rest = line.trim_start_matches(' ');
        let indent = line.len() - rest.len();
        let mark = fence_mark(rest);
        let mut moved = moving && indent > above.map_or(0, |(at, _)| at) && !rest.trim().is_empty();
        match fence {
            Some((character, length)) => {
                if mark.is_some_and(|(closing, long, bare)| closing == character && long >= length && bare) {
                    fence = None;
                }
            }
            None => {
                if let Some((character, length, _)) = mark {
                    fence = Some((character, length));
                }
                if rest.trim().is_empty() {
                    (above, moving) = (None, false);
                } else if let Some(width) = numbered(rest).filter(|_| !moved) {
                    (above, moving) = (Some((indent, width)), false);
                } else if is_bullet(rest) && above.is_some_and(|(at, _)| at == indent) {
                    (moving, moved) = (true, true);
                } else if !moved {
                    moving = false;
                }
            }
        }
        if let Some((_, width)) = above.filter(|_| moved) {
            out.push_str(text.get(done..start).unwrap_or_default());
            out.push_str(&" ".repeat(width));
            done = start;
        }
        start += line.len();
    }
    if done == 0 && out.is_empty() {
        return Cow::Borrowed(text);
    }
    out.push_str(text.get(done..).unwrap_or_default());
    Cow::Owned(out)
}

/// Returns `text` with every item of a numbered list under its own number, whatever its writer counted: in
/// the next message the parser starts counting at what it finds.
pub(super) fn renumbered(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut done = 0;
    let mut lists: Vec<Option<u64>> = Vec::new();
    for (event, range) in Parser::new_ext(text, Options::empty()).into_offset_iter() {
        match event {
            Event::Start(Tag::List(first)) => lists.push(first),
            Event::End(TagEnd::List(_)) => {
                lists.pop();
            }
            Event::Start(Tag::Item) => {
                let Some(Some(number)) = lists.last_mut() else { continue };
                let expected = number.to_string();
                *number += 1;
                let item = text.get(range.start..).unwrap_or_default();
                let written = item.split_at(item.bytes().take_while(u8::is_ascii_digit).count()).0;
                // A longer number would leave what is indented below it outside of its item.
                if written.len() == expected.len() && written != expected && range.start >= done {
                    out.push_str(text.get(done..range.start).unwrap_or_default());
                    out.push_str(&expected);
                    done = range.start + written.len();
                }
            }
            _ => {}
        }
    }
    if out.is_empty() {
        return Cow::Borrowed(text);
    }
    out.push_str(text.get(done..).unwrap_or_default());
    Cow::Owned(out)
}

/// Returns the character and the length of the fence a line starts with, and whether nothing follows it.
pub(super) fn fence_mark(line: &str) -> Option<(char, usize, bool)> {
    let character = line.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let rest = line.trim_start_matches(character);
    let length = line.len() - rest.len();
    (length >= 3 && !(character == '`' && rest.contains('`')))
        .then(|| (character, length, rest.trim().is_empty()))
}

/// Returns how far the text of a numbered item stands from its start.
fn numbered(line: &str) -> Option<usize> {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let rest = line.get(digits..)?.strip_prefix(['.', ')'])?;
    ((1..=9).contains(&digits) && rest.starts_with([' ', '\t'])).then_some((digits + 2).max(3))
}

/// Returns whether an item of a list starts with this line.
pub(super) fn is_item(line: &str) -> bool {
    is_bullet(line) || numbered(line).is_some()
}

fn is_bullet(line: &str) -> bool {
    line.strip_prefix(['-', '*', '+']).is_some_and(|rest| rest.starts_with([' ', '\t']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bullets_right_below_a_number_become_part_of_it() {
        assert_eq!(
            repaired("1. a\n- x\n  more\n- y\n2. b\n\n- z\n"),
            "1. a\n   - x\n     more\n   - y\n2. b\n\n- z\n"
        );
        assert_eq!(repaired("10) a\n* x"), "10) a\n    * x");
        assert_eq!(repaired("  1. a\n  - x\n- y"), "  1. a\n     - x\n- y");
        for fine in
            ["1. a\n   - x\n2. b", "```\n1. a\n- x\n```", "1. a\n\n- x", "- x\n- y", "1. a\n---\n", ""]
        {
            assert_eq!(repaired(fine), fine);
        }
    }

    #[test]
    fn a_lazily_counted_list_gets_its_numbers() {
        assert_eq!(renumbered("1. a\n1. b\n   1. c\n   1. d\n1. e"), "1. a\n2. b\n   1. c\n   2. d\n3. e");
        assert_eq!(renumbered("7. a\n9. b\n\n```\n1. a\n1. b\n```"), "7. a\n8. b\n\n```\n1. a\n1. b\n```");
        let many = "1. a\n".repeat(12);
        assert!(renumbered(&many).contains("9. a\n1. a\n"), "a number that gets longer stays");
    }
}
