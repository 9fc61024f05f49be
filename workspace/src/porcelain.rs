//! What `git worktree list --porcelain` says, as data: git-worktree(1), "LIST OUTPUT FORMAT". Any bytes parse; lines
//! that are not known are passed over, as that page asks for.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// A worktree as git has it on its list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// What is checked out there.
    pub(crate) head: Head,
    /// Whether it is locked, and why.
    pub(crate) locked: Option<String>,
}

/// What is checked out in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Head {
    /// A branch, by its short name.
    Branch(String),
    /// A commit.
    Detached,
    /// Nothing: it has no files.
    Bare,
}

impl Head {
    /// Returns whether it is that branch.
    pub(crate) fn is(&self, branch: &str) -> bool {
        matches!(self, Self::Branch(name) if name == branch)
    }
}

/// Reads the list, whose lines end with `end`: a NUL byte (`-z`), or a line end in git before 2.36.
pub(crate) fn parse(bytes: &[u8], end: u8) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut open = false;
    for line in bytes.split(|byte| *byte == end) {
        let space = line.iter().position(|byte| *byte == b' ');
        let (key, value) = match space {
            Some(at) => (line.get(..at).unwrap_or_default(), line.get(at + 1..).unwrap_or_default()),
            None => (line, &[][..]),
        };
        if key == b"worktree" && !value.is_empty() {
            let path = PathBuf::from(OsStr::from_bytes(value));
            entries.push(Entry { path, head: Head::Detached, locked: None });
            open = true;
        } else if line.is_empty() {
            open = false;
        } else if open && let Some(entry) = entries.last_mut() {
            let value = String::from_utf8_lossy(value);
            match key {
                b"branch" => {
                    let name = value.strip_prefix("refs/heads/").unwrap_or(&value);
                    entry.head = Head::Branch(name.to_owned());
                }
                b"detached" => entry.head = Head::Detached,
                b"bare" => entry.head = Head::Bare,
                b"locked" => entry.locked = Some(value.into_owned()),
                _ => {}
            }
        }
    }
    entries
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIST: &str = "worktree /src/app\nHEAD 1f0c\nbranch refs/heads/main\n\n\
        worktree /src/app/.worktrees/feat/x\nHEAD 1f0c\nbranch refs/heads/feat/x\nlocked initializing\n\n\
        worktree /src/a b\nHEAD 77aa\ndetached\nlocked\nprunable gitdir file points to non-existent location\n\n\
        worktree /src/app.git\nbare\n\n";

    #[test]
    fn a_list_of_every_kind_is_read() {
        insta::assert_debug_snapshot!(parse(LIST.as_bytes(), b'\n'));
        let nul = LIST.replace('\n', "\0");
        assert_eq!(parse(nul.as_bytes(), 0), parse(LIST.as_bytes(), b'\n'));
    }

    #[test]
    fn a_path_with_a_line_end_is_one_path() {
        let list = b"worktree /a\nb\0HEAD 1\0branch refs/heads/x\0\0\n";
        let entries = parse(list, 0);
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0].path, PathBuf::from("/a\nb"));
        assert!(entries[0].head.is("x"));
    }

    fn entry() -> impl Strategy<Value = Entry> {
        let head = prop_oneof!["[a-z/]{1,9}".prop_map(Head::Branch), Just(Head::Detached), Just(Head::Bare),];
        let locked = prop::option::of("[a-z ]{0,9}");
        ("/[^\0]{0,12}", head, locked).prop_map(|(path, head, locked)| Entry {
            path: path.into(),
            head,
            locked,
        })
    }

    fn written(entries: &[Entry]) -> Vec<u8> {
        let mut list = Vec::new();
        for Entry { path, head, locked } in entries {
            list.extend_from_slice(b"worktree ");
            list.extend_from_slice(path.as_os_str().as_bytes());
            list.extend_from_slice(b"\0HEAD 00\0");
            list.extend_from_slice(
                match head {
                    Head::Branch(name) => format!("branch refs/heads/{name}\0"),
                    Head::Detached => "detached\0".to_owned(),
                    Head::Bare => "bare\0".to_owned(),
                }
                .as_bytes(),
            );
            if let Some(why) = locked {
                let line = if why.is_empty() { "locked\0".to_owned() } else { format!("locked {why}\0") };
                list.extend_from_slice(line.as_bytes());
            }
            list.push(0);
        }
        list
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(entries in prop::collection::vec(entry(), 0..6)) {
            prop_assert_eq!(parse(&written(&entries), 0), entries);
        }

        #[test]
        fn any_bytes_are_read_and_a_cut_list_has_no_made_up_worktree(
            entries in prop::collection::vec(entry(), 0..4),
            cut in 0..400_usize,
            noise in prop::collection::vec(any::<u8>(), 0..60),
        ) {
            let mut list = written(&entries);
            list.truncate(cut);
            prop_assert!(parse(&list, 0).len() <= entries.len());
            list.extend(noise);
            parse(&list, b'\n');
            parse(&list, 0);
        }
    }
}
