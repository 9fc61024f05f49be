//! Parts that start inside of a list: alone, the indentation of a nested item would make it code, and a
//! number below a bullet would be taken for more of the bullet's text.

use super::list::{fence_mark, is_item};

/// Moves what hangs in a list of an earlier part to the left edge. No part gets longer.
pub(super) fn outdent(texts: &mut [&mut String]) {
    let mut hanging = false;
    let mut before: Option<String> = None;
    for text in texts {
        let original = text.clone();
        if let Some(before) = &before {
            hanging = hangs(before, &original, hanging);
            if hanging {
                **text = outdented(&original);
            }
        }
        before = Some(original);
    }
}

/// Returns whether a part starts inside of a list: one of the lines further and further left above it
/// is an item. Where none stands at the edge the part before it decides.
fn hangs(before: &str, part: &str, before_hangs: bool) -> bool {
    let Some(first) = outside_code(part).find(|line| !line.trim().is_empty()) else { return before_hangs };
    let mut indent = indent_of(first);
    if indent == 0 || is_item(first.trim_start()) {
        return indent > 0;
    }
    for line in before.lines().rev().filter(|line| !line.trim().is_empty()) {
        if indent_of(line) < indent {
            indent = indent_of(line);
            if is_item(line.trim_start()) {
                return true;
            }
        }
    }
    indent > 0 && before_hangs
}

fn outdented(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut edge: Option<usize> = None;
    let mut fence = Fence::default();
    for line in text.split_inclusive('\n') {
        let inside = fence.holds(line);
        let indent = indent_of(line);
        if !inside && !line.trim().is_empty() && edge.is_none_or(|edge| indent < edge) {
            // What stands further left belongs to an outer list, which starts anew here.
            if edge.is_some() && is_item(line.trim_start()) && !out.ends_with("\n\n") {
                out.push('\n');
            }
            edge = Some(indent);
        }
        out.push_str(line.split_at(indent.min(edge.unwrap_or(0))).1);
    }
    out
}

/// The code a line may stand in.
#[derive(Debug, Default)]
struct Fence(Option<(char, usize)>);

impl Fence {
    /// Returns whether a line is part of fenced code, the fence included if it was opened further up or
    /// stands at the edge already.
    fn holds(&mut self, line: &str) -> bool {
        let mark = fence_mark(line.trim_start_matches(' '));
        match (self.0, mark) {
            (Some((open, length)), Some((character, long, true))) if open == character && long >= length => {
                self.0 = None;
                true
            }
            (Some(_), _) => true,
            (None, Some((character, length, _))) => {
                self.0 = Some((character, length));
                indent_of(line) == 0
            }
            (None, None) => false,
        }
    }
}

fn outside_code(text: &str) -> impl Iterator<Item = &str> {
    let mut fence = Fence::default();
    text.lines().filter(move |line| !fence.holds(line))
}

fn indent_of(line: &str) -> usize {
    line.bytes().take_while(|byte| *byte == b' ').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(first: &str, second: &str) -> String {
        let (mut first, mut second) = (first.to_owned(), second.to_owned());
        outdent(&mut [&mut first, &mut second]);
        second
    }

    #[test]
    fn what_hangs_in_a_list_moves_to_the_edge() {
        assert_eq!(second("1. a\n    - b", "    - c\n      d\n2. e\n   - f"), "- c\n  d\n\n2. e\n   - f");
        assert_eq!(second("- a\n\n  b", "    more of b\n\n- c"), "more of b\n\n- c");
        assert_eq!(second("- a\n  ```\n  x", "```\n  y\n```\n      z"), "```\n  y\n```\nz");
        assert_eq!(second("- a", "  ```\n    y\n  ```\n  z"), "```\n  y\n```\nz");
    }

    #[test]
    fn what_does_not_stays() {
        for part in ["    code\n      more", "text\n- a\n  - b", "", "```\n    x\n```"] {
            assert_eq!(second("Some text:", part), part);
        }
    }

    #[test]
    fn a_part_all_of_one_depth_is_judged_by_those_before_it() {
        let mut texts = ["1. a\n     - b", "     - c", "     - d\n2. e"].map(str::to_owned);
        let [a, b, c] = &mut texts;
        outdent(&mut [a, b, c]);
        assert_eq!(texts, ["1. a\n     - b", "- c", "- d\n\n2. e"]);
    }
}
