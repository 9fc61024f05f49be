//! Which files of a run's directory an answer names: Markdown links and pictures that point into it.
//!
//! Nothing is looked up: a name may be of a file that isn't there, or that the rules deny. Who sends one finds out.

use std::collections::HashSet;
use std::path::Path;

use pulldown_cmark::{Event, Options, Parser, Tag};

use super::FilePath;

/// Most files that are offered under one answer: two or three rows of buttons.
pub const MAX_NAMED: usize = 8;

/// A file that an answer names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedFile {
    /// What it is shown as: its name, or its path where another one has that name. Never the text of the link, which
    /// may say anything.
    pub shown: String,
    /// Where it is, from the run's directory.
    pub path: FilePath,
}

impl NamedFile {
    /// Returns 16 hexadecimal digits by which a button finds the file again among those of the same answer. They
    /// depend on the path alone (FNV-1a, 64 bits: draft-eastlake-fnv), so they hold across versions and restarts.
    #[must_use]
    pub fn mark(&self) -> String {
        let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        let hash = self.path.as_str().bytes().fold(0xcbf2_9ce4_8422_2325, mix);
        format!("{hash:016x}")
    }
}

/// Returns the files that `answer` names, in its order, each once, at most [`MAX_NAMED`]. `dirs` are the spellings of
/// the run's directory: as configured, and with links resolved.
#[must_use]
pub fn named_files(answer: &str, dirs: &[&Path]) -> Vec<NamedFile> {
    let mut seen = HashSet::new();
    let paths: Vec<FilePath> = Parser::new_ext(answer, Options::ENABLE_TABLES)
        .filter_map(|event| match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => Some(dest_url),
            _ => None,
        })
        .filter_map(|target| inside(&target, dirs))
        .filter(|path| !path.is_folder() && seen.insert(path.clone()))
        .take(MAX_NAMED)
        .collect();
    let is_only = |path: &FilePath| paths.iter().filter(|other| other.name() == path.name()).count() == 1;
    let shown = |path: &FilePath| if is_only(path) { path.name() } else { path.as_str() }.to_owned();
    paths.iter().map(|path| NamedFile { shown: shown(path), path: path.clone() }).collect()
}

/// Returns the path that a link's target means, if that is one below the run's directory.
fn inside(target: &str, dirs: &[&Path]) -> Option<FilePath> {
    let target = target.split(['#', '?']).next().unwrap_or_default();
    let target = without_line(target);
    let path = match target.split_once(':') {
        Some((scheme, rest)) if is_scheme(scheme) => {
            let path = scheme.eq_ignore_ascii_case("file").then_some(rest)?;
            path.strip_prefix("//localhost").or_else(|| path.strip_prefix("//")).unwrap_or(path)
        }
        _ => target,
    };
    let path = decoded(path)?;
    if !path.starts_with('/') {
        return FilePath::parse(&path);
    }
    let below = dirs.iter().find_map(|dir| Path::new(&path).strip_prefix(dir).ok())?;
    FilePath::parse(below.to_str()?).filter(|_| !path.ends_with('/'))
}

/// Returns the target without the line and column that agents write behind a file: `main.rs:12:3`.
fn without_line(target: &str) -> &str {
    let is_number =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    let cut = |text| match str::rsplit_once(text, ':') {
        Some((before, number)) if is_number(number) => before,
        _ => text,
    };
    cut(cut(target))
}

/// Returns whether a text before a colon is the scheme of an address: RFC 3986, 3.1.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

/// Returns the text with `%20` and its like as what they stand for. A `%` that starts no such mark stays.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = (*first == b'%').then(|| after.get(..2)).flatten().and_then(hex);
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).ok()
}

fn hex(digits: &[u8]) -> Option<u8> {
    let value = |byte: &u8| char::from(*byte).to_digit(16);
    digits
        .iter()
        .try_fold(0, |sum, byte| Some(sum * 16 + value(byte)?))
        .and_then(|code| u8::try_from(code).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn named(answer: &str) -> Vec<(String, String)> {
        let found = named_files(answer, &[Path::new("/p"), Path::new("/real/p")]);
        found.into_iter().map(|file| (file.shown, file.path.to_string())).collect()
    }

    fn paths(answer: &str) -> Vec<String> {
        named(answer).into_iter().map(|(_, path)| path).collect()
    }

    #[test]
    fn links_and_pictures_into_the_directory_are_found_however_they_are_written() {
        let answer = "See [plot](out/plot.png), ![p](./pic%20one.png), [a](/p/a.txt), [b](/real/p/b.txt), \
            [c](file:///p/c.txt), <file:///p/d.txt>, [e](file://localhost/p/e.txt), [f](<my file.md>)\n\n| t |\n|-|\n| [g](g.csv) |";
        assert_eq!(
            paths(answer),
            ["out/plot.png", "pic one.png", "a.txt", "b.txt", "c.txt", "d.txt", "e.txt", "my file.md"]
        );
        assert_eq!(paths("| t |\n|-|\n| [g](g.csv) |"), ["g.csv"]);
    }

    #[test]
    fn a_line_number_or_a_fragment_is_no_part_of_the_name() {
        let answer =
            "[a](src/main.rs:12) [b](/p/src/lib.rs:3:14) [c](doc.md#L10-L20) [d](x.rs:5-9) [e](Makefile:7)";
        assert_eq!(paths(answer), ["src/main.rs", "src/lib.rs", "doc.md", "x.rs", "Makefile"]);
    }

    #[test]
    fn what_lies_elsewhere_is_left_out() {
        let answer = "[a](https://example.org/a.txt) [b](mailto:a@b.c) [c](/etc/passwd) [d](../x) [e](~/x) [f](/p/../x) \
            [g](.git/config) [h](#top) [i](folder/) [j](/p) [k](/pp/x) [l](file:///etc/passwd) [m](data:text/plain,x) \
            [n](%2e%2e/x) [o](a%00b) [p](/p/sub/) `[q](code.txt)` [r](//host/x)";
        assert_eq!(paths(answer), [""; 0]);
    }

    #[test]
    fn each_file_is_offered_once_and_not_too_many() {
        assert_eq!(paths("[a](a.txt) again [a](./a.txt#x)"), ["a.txt"]);
        let many: String = (0..20).map(|n| format!("[x]({n}.txt) ")).collect();
        assert_eq!(paths(&many).len(), MAX_NAMED);
    }

    #[test]
    fn the_mark_of_a_file_is_that_of_its_path_for_ever() {
        let mark = |answer: &str| named_files(answer, &[Path::new("/p")])[0].mark();
        // The digests of "a" and "foobar" that the draft lists.
        assert_eq!([mark("[x](a)"), mark("[x](/p/foobar)")], ["af63dc4c8601ec8c", "85944171f73967e8"]);
        assert_eq!(mark("[x](a.txt)"), mark("![another name](./a.txt#here)"));
    }

    #[test]
    fn files_of_one_name_are_told_apart_by_their_paths() {
        let shown: Vec<_> =
            named("[1](a/x.rs) [2](b/x.rs) [other](c/y.rs)").into_iter().map(|(name, _)| name).collect();
        assert_eq!(shown, ["a/x.rs", "b/x.rs", "y.rs"]);
    }

    proptest! {
        #[test]
        fn no_target_leads_out(target in "[a-z./%~:#0-9?]{0,30}") {
            if let Some(path) = inside(&target, &[Path::new("/p")]) {
                prop_assert!(FilePath::parse(path.as_str()).is_some());
            }
        }
    }
}
