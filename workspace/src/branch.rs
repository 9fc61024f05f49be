//! Which words may be a branch. The clear cases are told apart here, in words for people; git has the last one.

use std::path::Path;

use crate::Problem;
use crate::git::Errand;
use crate::problem::shown;

/// Longest name of a branch, in bytes: with `.lock` behind it, it must be a file name (255 bytes on most systems).
const MAX_BYTES: usize = 200;

/// Characters that no ref may have, white space and control characters aside: git-check-ref-format(1).
const FORBIDDEN: [char; 7] = ['~', '^', ':', '?', '*', '[', '\\'];

/// Returns why `name` cannot be a branch, if that is plain to see.
pub(crate) fn objection(name: &str) -> Option<&'static str> {
    let part = |test: fn(&str) -> bool| name.split('/').any(test);
    let rules: [(bool, &'static str); 12] = [
        (name.is_empty(), "a branch name cannot be empty"),
        (name.starts_with('-'), "a branch name cannot start with '-'"),
        (name.starts_with('/'), "a branch name cannot start with '/'"),
        (part(|part| part == ".."), "a branch name cannot contain '..'"),
        (name.contains(char::is_whitespace), "a branch name is one word"),
        (
            name.contains(|c: char| c.is_control() || FORBIDDEN.contains(&c)),
            "git forbids ~ ^ : ? * [ \\ in it",
        ),
        (name.contains("..") || name.contains("@{"), "git reads '..' and '@{' in another way"),
        (part(|part| part.starts_with('.')), "no part of it can start with '.'"),
        (part(|part| part.to_ascii_lowercase().ends_with(".lock")), "no part of it can end with '.lock'"),
        (name == "@" || name == "HEAD", "git has another meaning for it"),
        (name.starts_with("refs/"), "write it without refs/heads/"),
        (name.len() > MAX_BYTES, "it is longer than 200 bytes"),
    ];
    rules.into_iter().find(|(broken, _)| *broken).map(|(_, why)| why)
}

/// Refuses what cannot be a branch without asking git.
pub(crate) fn check(name: &str) -> Result<(), Problem> {
    objection(name).map_or(Ok(()), |why| Err(refusal(name, why)))
}

/// Lets git rule on a name that has passed [`check`]. What git understands as another name is refused: `-` and `@{-1}`
/// mean whatever was checked out before.
pub(crate) async fn confirm(errand: Errand<'_>, root: &Path, name: &str) -> Result<(), Problem> {
    let said = errand.ask(root, ["check-ref-format", "--branch", name]).await?;
    if said.code() == Some(0) && said.line() == name {
        return Ok(());
    }
    Err(refusal(name, "git does not take it as a name"))
}

fn refusal(name: &str, why: &str) -> Problem {
    Problem::Name { name: shown(name), why: why.to_owned() }
}

/// Returns the branch among `names` that git could not have beside a new one: one would be the other's folder.
pub(crate) fn clash<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let is_folder_of =
        |folder: &str, name: &str| name.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
    names.into_iter().find(|name| is_folder_of(name, wanted) || is_folder_of(wanted, name))
}

/// Returns the branch among `names` that differs from a new one by upper and lower case alone.
pub(crate) fn same_but_for_case<'a>(
    wanted: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let folded = wanted.to_lowercase();
    names.into_iter().find(|name| *name != wanted && name.to_lowercase() == folded)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_branch_that_looks_like_an_option_or_a_path_is_refused() {
        for name in [
            "",
            "-",
            "-D",
            "--force",
            "-b",
            "/x",
            "..",
            "../x",
            "a/../b",
            "a..b",
            "@{-1}",
            "@{u}",
            "a b",
            "a\nb",
            "a\u{1b}b",
            "a~1",
            "a^",
            "a:b",
            "a?",
            "a*",
            "a[",
            "a\\b",
            ".git",
            ".GIT/config",
            "a/.git",
            "a/.hidden",
            "x.lock",
            "x.LOCK/y",
            "refs/heads/main",
        ] {
            assert!(objection(name).is_some(), "{name:?} passes");
        }
        assert!(objection(&"x".repeat(201)).is_some());
    }

    #[test]
    fn ordinary_names_pass() {
        for name in
            ["main", "fix-login", "feat/x", "user/feat/x.y", "Grün", "v1.2", "a@b", "#123", "a-D", "HEADS"]
        {
            assert_eq!(objection(name), None, "{name:?}");
        }
    }

    #[test]
    fn a_folder_and_a_branch_of_one_name_clash() {
        let names = ["main", "feat", "fix/a"];
        assert_eq!(clash("feat/x", names), Some("feat"));
        assert_eq!(clash("fix", names), Some("fix/a"));
        assert_eq!(clash("feature", names), None);
        assert_eq!(same_but_for_case("Main", names), Some("main"));
        assert_eq!(same_but_for_case("main", names), None);
    }

    proptest! {
        #[test]
        fn what_passes_stays_below_the_directory_it_is_put_in(name in "[-./@{}a-zA-Z~ ]{0,12}|\\PC{0,20}") {
            prop_assume!(objection(&name).is_none());
            let parts = Path::new(&name).components();
            prop_assert!(parts.clone().all(|part| matches!(part, std::path::Component::Normal(_))), "{:?}", name);
            prop_assert!(parts.count() > 0 && !name.starts_with('-'));
        }
    }
}
