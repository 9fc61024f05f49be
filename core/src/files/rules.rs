//! Which files nobody may put or get through a chat, whatever project they are in: patterns that are matched from the
//! right, so that `.env` also means `deep/.env`, in any case.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::path::is_git;

/// What is denied where nothing is configured.
pub const DENY_GLOBS: [&str; 5] = [".git/**", ".env", ".envrc", "*.pem", ".ssh/**"];

/// The rule that always holds, as it is told.
const GIT: &str = ".git/**";

/// Why a pattern cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{glob}` is no pattern for files: {why}")]
pub struct BadGlob {
    /// The pattern.
    pub glob: String,
    /// What is wrong with it.
    pub why: String,
}

/// The patterns of what is denied. A folder is denied with all that is in it; git's own always is.
#[derive(Debug, Clone)]
pub struct DenyGlobs {
    set: GlobSet,
    /// The pattern as it was written, for each of the set.
    written: Vec<String>,
}

impl PartialEq for DenyGlobs {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

impl Eq for DenyGlobs {}

impl DenyGlobs {
    /// Returns the patterns: `*`, `?` and `[…]` within one name, `**` over folders. `X/**` means X itself too.
    ///
    /// # Errors
    /// [`BadGlob`] for the first that is none.
    pub fn parse<S: AsRef<str>>(globs: impl IntoIterator<Item = S>) -> Result<Self, BadGlob> {
        let mut set = GlobSetBuilder::new();
        let mut written = Vec::new();
        for glob in globs {
            let glob = glob.as_ref();
            let bad =
                |error: &globset::Error| BadGlob { glob: glob.to_owned(), why: error.kind().to_string() };
            let folder = glob.strip_suffix("/**").filter(|folder| !folder.is_empty());
            for pattern in std::iter::once(glob).chain(folder) {
                // The library folds ASCII only.
                let anywhere = format!("**/{}", pattern.trim_start_matches('/').to_lowercase());
                let built =
                    GlobBuilder::new(&anywhere).case_insensitive(true).literal_separator(true).build();
                set.add(built.map_err(|error| bad(&error))?);
                written.push(glob.to_owned());
            }
        }
        let bad = |error: globset::Error| BadGlob { glob: written.join(" "), why: error.to_string() };
        Ok(Self { set: set.build().map_err(bad)?, written })
    }

    /// Returns the rule that denies `path`, which starts at the run's directory and has no links in it.
    #[must_use]
    pub fn denies(&self, path: &str) -> Option<&str> {
        if path.split('/').any(is_git) {
            return Some(GIT);
        }
        let path = path.to_lowercase();
        let folders = path.match_indices('/').map(|(end, _)| &path[..end]);
        let found = folders.chain([path.as_str()]).find_map(|path| self.set.matches(path).first().copied());
        found.and_then(|index| self.written.get(index)).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usual() -> DenyGlobs {
        DenyGlobs::parse(DENY_GLOBS).unwrap()
    }

    #[test]
    fn the_usual_rules_hold_at_every_depth_and_in_any_case() {
        let rules = usual();
        for (path, rule) in [
            (".env", ".env"),
            ("deep/er/.ENV", ".env"),
            (".env/bin/python", ".env"),
            (".envrc", ".envrc"),
            ("keys/Server.PEM", "*.pem"),
            (".ssh", ".ssh/**"),
            ("home/.ssh/a/b", ".ssh/**"),
            (".git", ".git/**"),
            ("sub/.GIT/hooks/x", ".git/**"),
        ] {
            assert_eq!(rules.denies(path), Some(rule), "{path}");
        }
        for path in [".env.example", "env", "pem", "a.pem.txt", ".gitignore", ".github/x.yml", "ssh/config"] {
            assert_eq!(rules.denies(path), None, "{path}");
        }
    }

    #[test]
    fn git_is_denied_without_any_rule() {
        let none = DenyGlobs::parse([""; 0]).unwrap();
        assert_eq!((none.denies("a/.git/config"), none.denies(".env")), (Some(GIT), None));
    }

    #[test]
    fn a_rule_of_several_parts_is_matched_from_the_right() {
        let rules = DenyGlobs::parse(["secrets/*.txt", "/top.key", "SCHLÜSSEL*"]).unwrap();
        assert_eq!(rules.denies("a/secrets/b.txt"), Some("secrets/*.txt"));
        assert_eq!(rules.denies("a/secrets/b/c.txt"), None);
        assert_eq!(rules.denies("deep/top.key"), Some("/top.key"));
        assert_eq!(rules.denies("schlüssel.bin"), Some("SCHLÜSSEL*"));
    }

    #[test]
    fn a_pattern_that_is_none_is_named() {
        let error = DenyGlobs::parse([".env", "[a"]).unwrap_err();
        assert!(error.to_string().starts_with("`[a` is no pattern for files: "), "{error}");
    }
}
