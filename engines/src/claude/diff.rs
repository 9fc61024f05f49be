//! What a tool of claude wrote, as a short diff: by what the tool says it did, else by what it was asked to do.

use serde_json::Value;
use takopi_core::progress::MAX_OUTPUT_BYTES;
use takopi_core::text::head;

use crate::agent::json::{items, text};

/// Returns the diff by a tool's own account: hunks, or the whole of a new file. Empty when it gives none.
pub(super) fn done(result: &Value) -> String {
    let mut diff = Diff::default();
    for hunk in items(&result["structuredPatch"]) {
        let at = |key: &str| hunk[key].as_u64().unwrap_or_default();
        let (old, new) = ((at("oldStart"), at("oldLines")), (at("newStart"), at("newLines")));
        diff.line("", &format!("@@ -{},{} +{},{} @@", old.0, old.1, new.0, new.1));
        for line in items(&hunk["lines"]) {
            diff.line("", line.as_str().unwrap_or_default());
        }
    }
    if diff.0.is_empty() && result["type"] == "create" {
        diff.lines("+", text(result, "content"));
    }
    diff.0
}

/// Returns the diff by what a tool is asked to do: the texts it is to put in the place of others, without the
/// lines around them.
pub(super) fn asked(input: &Value) -> String {
    let mut diff = Diff::default();
    let edits = items(&input["edits"]);
    for edit in edits.iter().chain(edits.is_empty().then_some(input)) {
        diff.lines("-", text(edit, "old_string"));
        diff.lines("+", text(edit, "new_string"));
    }
    for key in ["content", "new_source"] {
        diff.lines("+", text(input, key));
    }
    diff.0
}

/// A diff being written. It ends where nobody would be shown more.
#[derive(Default)]
struct Diff(String);

impl Diff {
    fn lines(&mut self, mark: &str, text: &str) {
        text.lines().for_each(|line| self.line(mark, line));
    }

    fn line(&mut self, mark: &str, line: &str) {
        if self.0.len() <= MAX_OUTPUT_BYTES {
            self.0.extend([mark, head(line, MAX_OUTPUT_BYTES), "\n"]);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn hunks_are_told_as_hunks_and_a_new_file_as_its_lines() {
        let hunk = json!({ "oldStart": 3, "oldLines": 2, "newStart": 3, "newLines": 2,
            "lines": [" a", "-b", "+c"] });
        let update = json!({ "type": "update", "structuredPatch": [hunk], "content": "all of it" });
        assert_eq!(done(&update), "@@ -3,2 +3,2 @@\n a\n-b\n+c\n");
        assert_eq!(
            done(&json!({ "type": "create", "structuredPatch": [], "content": "a\nb\n" })),
            "+a\n+b\n"
        );
        for nothing in [json!(null), json!("Error: no"), json!({ "structuredPatch": 7 })] {
            assert_eq!(done(&nothing), "");
        }
    }

    #[test]
    fn what_was_asked_is_the_texts_and_is_bounded() {
        assert_eq!(asked(&json!({ "old_string": "a\nb", "new_string": "c" })), "-a\n-b\n+c\n");
        let edits = json!({ "edits": [{ "old_string": "a", "new_string": "b" }, { "new_string": "c" }] });
        assert_eq!(asked(&edits), "-a\n+b\n+c\n");
        assert_eq!(asked(&json!({ "new_source": "x = 1" })), "+x = 1\n");
        let long = asked(&json!({ "content": "line\n".repeat(1_000_000) }));
        assert!(long.len() <= MAX_OUTPUT_BYTES + 10);
    }
}
