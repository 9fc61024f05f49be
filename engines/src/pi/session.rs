//! The names of pi's sessions. The whole one is a UUID. Its beginning names it too, and since that is a clock
//! it names its neighbours as well: the Python takopi showed the first eight digits, which all sessions begun
//! within a minute share. A session's file names it exactly.

use std::path::Path;

/// Digits of the shortest beginning that is taken for a name: what the Python takopi showed.
const SHORTEST: usize = 8;

/// Returns whether pi takes a name for that of a file.
pub(crate) fn is_file(name: &str) -> bool {
    name.contains(['/', '\\']) || name.ends_with(".jsonl") || name.starts_with('~')
}

/// Returns whether `wanted` names the session `told`, which is a whole name.
pub(crate) fn continues(wanted: &str, told: &str) -> bool {
    if !is_file(wanted) {
        return wanted == told || (wanted.len() >= SHORTEST && told.starts_with(wanted));
    }
    let stem = Path::new(wanted).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let id = stem.rsplit('_').next().unwrap_or_default();
    // A file the Python takopi named has a number of its own. pi opens what it is given, so it is the one.
    !id.contains('-') || id == told
}

/// Returns whether `wanted` may name other sessions than `told` too.
pub(crate) fn is_ambiguous(wanted: &str, told: &str) -> bool {
    !is_file(wanted) && wanted != told
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01a1fbe1-e2c4-7368-8190-21d3f4771ebd";

    #[test]
    fn a_session_is_named_by_all_of_its_id_by_its_beginning_or_by_its_file() {
        let file = format!("/home/me/sessions/--app--/2026-11-21T15-15-14-198Z_{ID}.jsonl");
        let of_python = "/home/me/s/2026-11-21T02-14-05-649723_48a341fa84eb4deaaa9186511dd3cbcc.jsonl";
        for wanted in [ID, "01a1fbe1", "01a1fbe1-e2c4", &file, of_python] {
            assert!(continues(wanted, ID), "{wanted}");
        }
        let other = file.replace("01a1", "02b2");
        for wanted in ["01a1fbe", "01a1fbe2", "21d3f4771ebd", &other, ""] {
            assert!(!continues(wanted, ID), "{wanted}");
        }
    }

    #[test]
    fn only_a_beginning_may_mean_another_session_too() {
        assert!(is_ambiguous("01a1fbe1", ID));
        assert!(!is_ambiguous(ID, ID) && !is_ambiguous("/home/me/x.jsonl", ID));
    }
}
