//! A path below a run's directory, as a person writes it in a chat, and the names that services give to files.
//!
//! Parsed here once; behind it no path is absolute, climbs, or names what belongs to git. Links are not known here:
//! who opens the path looks where it leads.

use std::fmt;

use crate::text::is_invisible;

/// Longest path, in bytes: `PATH_MAX` of Linux with room for the directory before it.
pub const MAX_PATH_BYTES: usize = 1024;

/// Longest name of one file, in bytes: `NAME_MAX` of Linux and macOS.
pub const MAX_NAME_BYTES: usize = 255;

/// The name of a file that came without a usable one.
pub const UPLOAD_NAME: &str = "upload.bin";

/// A path that starts at a run's directory: `docs/notes.txt`, or `docs/` for a folder.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FilePath {
    path: String,
    is_folder: bool,
}

impl FilePath {
    /// Returns the path, or `None` for one that is empty, absolute or too long, starts with `~`, has a space at an end,
    /// a part `..` or `.git`, or a control character. `.` and doubled slashes vanish.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.starts_with(['/', '~']) || text.len() > MAX_PATH_BYTES {
            return None;
        }
        let parts: Vec<&str> = text.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
        let is_folder = text.ends_with('/') || text.ends_with("/.");
        let path = parts.join("/");
        // What `./` hid: a home, or a space that would be lost when the path is written again.
        let is_plain = !path.is_empty() && !path.starts_with('~') && path.trim() == path;
        (is_plain && parts.iter().all(|part| is_legal(part))).then_some(Self { path, is_folder })
    }

    /// Returns the directory itself, whose path is empty: only who looks into folders can mean it, so that none of
    /// those that are written does.
    #[must_use]
    pub fn top() -> Self {
        Self { path: String::new(), is_folder: true }
    }

    /// Returns the path as text, without a slash behind it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.path
    }

    /// Returns whether it was written as a folder, with a slash behind it.
    #[must_use]
    pub fn is_folder(&self) -> bool {
        self.is_folder
    }

    /// Returns its last part.
    #[must_use]
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// Returns the path of a file in this folder, by the name a service gave it; `None` when it gets too long.
    #[must_use]
    pub fn join(&self, name: &str) -> Option<Self> {
        let name = clean_name(name);
        Self::parse(&format!("{}/{}", self.path, name.as_deref().unwrap_or(UPLOAD_NAME)))
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)
    }
}

fn is_legal(part: &str) -> bool {
    part != ".." && !is_git(part) && part.len() <= MAX_NAME_BYTES && !part.contains(char::is_control)
}

/// Returns whether a name is git's own, in any case and with characters in it that some file systems pass over
/// (HFS+, CVE-2014-9390).
pub(super) fn is_git(part: &str) -> bool {
    part.chars().filter(|c| !is_invisible(*c)).flat_map(char::to_lowercase).eq(".git".chars())
}

/// Returns a name that a service gave to a file as one that a file can have here; `None` when nothing is left of it.
///
/// What stands before a slash or backslash goes, and so does what cannot be seen. A long one is cut before its ending,
/// to [`MAX_NAME_BYTES`].
#[must_use]
pub fn clean_name(name: &str) -> Option<String> {
    let last = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let seen: String = last.chars().filter(|c| !c.is_control() && !is_invisible(*c)).collect();
    // A space at an end, and `~` before all, would not survive being written by a person.
    let seen = seen.trim_end().trim_start_matches(|c: char| c == '~' || c.is_whitespace());
    if seen.chars().all(|c| c == '.') || is_git(seen) {
        return None;
    }
    if seen.len() <= MAX_NAME_BYTES {
        return Some(seen.to_owned());
    }
    // An ending is short; a dot early in a long name ends no stem.
    let ending = seen.rfind('.').filter(|at| seen.len() - at <= 16).map_or("", |at| &seen[at..]);
    let stem = &seen[..seen.floor_char_boundary(MAX_NAME_BYTES - ending.len())];
    Some(format!("{stem}{ending}").trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> Option<String> {
        FilePath::parse(text).map(|path| path.as_str().to_owned())
    }

    #[test]
    fn a_path_is_written_from_the_top_of_the_project() {
        assert_eq!(parsed(" ./docs//a b.txt "), Some("docs/a b.txt".to_owned()));
        assert_eq!(parsed("Größe/日本語.md"), Some("Größe/日本語.md".to_owned()));
        assert_eq!(parsed("a..b/.gitignore"), Some("a..b/.gitignore".to_owned()));
        let folder = FilePath::parse("docs/").unwrap();
        assert!(folder.is_folder() && !FilePath::parse("docs").unwrap().is_folder());
        assert_eq!(folder.join("n.txt").unwrap().as_str(), "docs/n.txt");
        assert_eq!(folder.join("../n.txt").unwrap().name(), "n.txt");
        assert_eq!(folder.join("..").unwrap().as_str(), "docs/upload.bin");
        assert_eq!(FilePath::parse(&"x/".repeat(511)).unwrap().join("long"), None);
    }

    #[test]
    fn a_path_that_leaves_the_project_or_enters_git_is_refused() {
        let long = "x".repeat(MAX_NAME_BYTES + 1);
        for text in [
            "",
            " ",
            ".",
            "./",
            "/",
            "/etc/passwd",
            "~/x",
            "~",
            "./~/x",
            "..",
            "a/../b",
            "a/..",
            "../a",
            "./ a",
            "./ ",
        ] {
            assert_eq!(parsed(text), None, "{text:?}");
        }
        for text in [".git", ".GIT/config", "a/.Git/x", ".g\u{200c}it/config", "a\0b", "a\nb", long.as_str()]
        {
            assert_eq!(parsed(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_name_of_a_service_becomes_a_name_of_a_file() {
        let cleaned = |name: &str| clean_name(name);
        assert_eq!(cleaned("../../etc/passwd").as_deref(), Some("passwd"));
        assert_eq!(cleaned("C:\\temp\\a.txt").as_deref(), Some("a.txt"));
        assert_eq!(cleaned(" in\0voice\u{202e}.pdf\n").as_deref(), Some("invoice.pdf"));
        assert_eq!(cleaned("~.eslintrc").as_deref(), Some(".eslintrc"));
        for name in ["", ".", "..", "a/..", "dir/", ".GIT", "\u{202e}"] {
            assert_eq!(cleaned(name), None, "{name:?}");
        }
        let cut = cleaned(&format!("{}.tar", "ü".repeat(200))).unwrap();
        assert!(cut.len() <= MAX_NAME_BYTES && cut.ends_with("ü.tar"), "{cut}");
    }

    proptest! {
        #[test]
        fn a_parsed_path_stays_below_and_parses_to_itself(text in "[a-z./~ü\u{200d}\\\\ gitGIT\0-]{0,40}") {
            if let Some(path) = FilePath::parse(&text) {
                let parts: Vec<&str> = path.as_str().split('/').collect();
                prop_assert!(parts.iter().all(|part| !matches!(*part, "" | "." | "..") && !is_git(part)));
                prop_assert_eq!(parsed(path.as_str()), Some(path.as_str().to_owned()));
            }
        }

        #[test]
        fn a_clean_name_is_one_legal_part(name in any::<String>()) {
            if let Some(clean) = clean_name(&name) {
                prop_assert_eq!(parsed(&clean), Some(clean));
            }
        }
    }
}
