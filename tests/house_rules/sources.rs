//! The files of the repository as text: what is tracked, what ships, what is named in them.
//!
//! It only reads: the rules are in `house_rules.rs`.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A text file; the path is relative to the repository, with `/`.
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl File {
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap()
    }

    pub(crate) fn is_under(&self, folder: &str) -> bool {
        Path::new(&self.path).starts_with(folder)
    }

    /// Tells whether the whole file is compiled for tests only, by its place or name.
    pub(crate) fn is_test(&self) -> bool {
        self.path.split('/').any(|part| matches!(part, "testing" | "testing.rs" | "tests" | "tests.rs"))
    }

    /// Returns the code that ships: without the comments and without the tests at the end.
    pub(crate) fn shipped(&self) -> String {
        let is_comment = |line: &&str| line.trim_start().starts_with("//");
        let code: Vec<_> = self.text.lines().filter(|line| !is_comment(line)).collect();
        let tests = code.windows(2).position(|pair| pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod "));
        code[..tests.unwrap_or(code.len())].join("\n")
    }
}

/// Returns every Rust file of the repository.
pub(crate) fn rust() -> Vec<File> {
    texts().into_iter().filter(|file| file.path.ends_with(".rs")).collect()
}

/// Returns every text file of the repository, the new ones that nobody has added yet included.
pub(crate) fn texts() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = tracked(root).unwrap_or_else(|| found(root));
    paths.sort();
    assert!(
        paths.iter().any(|path| path == "Cargo.toml"),
        "the repository was not found at {}",
        root.display()
    );
    let readable = |path: String| Some(File { text: std::fs::read_to_string(root.join(&path)).ok()?, path });
    paths.into_iter().filter_map(readable).collect()
}

fn tracked(root: &Path) -> Option<Vec<String>> {
    let list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let output = Command::new("git").args(list).current_dir(root).output().ok()?;
    if !output.status.success() {
        return None;
    }
    let names = String::from_utf8(output.stdout).unwrap();
    Some(names.split_terminator('\0').map(str::to_owned).collect())
}

/// Walks the folders, for a copy that git doesn't know.
fn found(root: &Path) -> Vec<String> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(root.join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            let kind = entry.file_type().unwrap();
            if kind.is_file() {
                files.push(path.to_str().unwrap().to_owned());
            } else if kind.is_dir() && entry.file_name() != "target" && entry.file_name() != ".git" {
                folders.push(path);
            }
        }
    }
    files
}

/// Returns those of the paths that the code names, spelled out or in a braced import.
pub(crate) fn named<'a>(code: &str, paths: &[&'a str]) -> Vec<&'a str> {
    let dense: String = code.chars().filter(|letter| !letter.is_whitespace()).collect();
    let imported = |path: &str| {
        let (parent, child) = path.rsplit_once("::").unwrap();
        let opening = format!("use{parent}::{{");
        dense.split(&opening).skip(1).any(|rest| first_names(rest).contains(&child))
    };
    paths.iter().copied().filter(|path| dense.contains(path) || imported(path)).collect()
}

/// Returns the first segment of each member of a braced import whose opening brace is already read.
fn first_names(rest: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let (mut depth, mut start) = (0, 0);
    for (at, letter) in rest.char_indices() {
        match letter {
            ',' | '}' if depth == 0 => {
                let member = &rest[start..at];
                names.push(member.split("::").next().unwrap());
                start = at + 1;
                if letter == '}' {
                    break;
                }
            }
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
    }
    names
}

/// Words that no text may hold.
pub(crate) struct Forbidden {
    pub(crate) text: String,
    /// A path counts where it starts only: `docs/work/` is no machine's.
    path: bool,
}

impl Forbidden {
    pub(crate) fn occurs_in(&self, line: &str) -> bool {
        let inside_a_path = |letter: char| letter.is_alphanumeric() || "._-~$}*".contains(letter);
        line.match_indices(&self.text)
            .any(|(at, _)| !self.path || !line[..at].chars().next_back().is_some_and(inside_a_path))
    }
}

/// Returns the hosts of package registries, and the places of machines: the usual ones, and those of this one.
pub(crate) fn forbidden_in_texts() -> Vec<Forbidden> {
    // Put together here, so that this file holds none of them.
    let hosts =
        [["crates", "io"], ["npmjs", "org"], ["pypi", "org"], ["pythonhosted", "org"], ["golang", "org"]];
    let hosts = hosts.map(|parts| Forbidden { text: parts.join("."), path: false });
    let here = [Some(env!("CARGO_MANIFEST_DIR").to_owned()), std::env::var("HOME").ok()];
    let here = here.into_iter().flatten().filter(|path| path.matches('/').count() > 1);
    let usual = ["root", "work", "Users"].map(|folder| format!("/{folder}/"));
    let places = usual.into_iter().chain(here).map(|text| Forbidden { text, path: true });
    hosts.into_iter().chain(places).collect()
}

#[test]
fn a_braced_import_counts_as_naming() {
    let code =
        "use std::{\n    collections::{BTreeMap, fs},\n    net::TcpStream,\n};\nlet now = Instant::now();";
    let paths = ["std::fs", "std::net", "std::process", "Instant::now"];
    assert_eq!(named(code, &paths), ["std::net", "Instant::now"]);
}

#[test]
fn a_path_counts_where_it_starts() {
    let forbidden = Forbidden { text: "/top/".into(), path: true };
    assert!(forbidden.occurs_in("see /top/secret"));
    assert!(!forbidden.occurs_in("see docs/top/secret"));
}
