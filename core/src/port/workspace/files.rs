//! What is said to the workspace about files, and what it answers. The errors are told to people as they are.

use std::fmt;
use std::path::PathBuf;

use super::{Place, WorkspaceError};
use crate::files::{BadGlob, DENY_GLOBS, DenyGlobs, FilePath, shown_size};
use crate::session::Context;

/// Which files may go in and out.
#[derive(Debug, Clone)]
pub struct FileRules {
    /// What is denied.
    pub deny: DenyGlobs,
    /// Largest file that is stored, in bytes.
    pub max_put_bytes: u64,
    /// Largest file or archive that is handed out, in bytes.
    pub max_get_bytes: u64,
    /// Most files and folders that are looked at for one archive.
    pub max_entries: usize,
}

impl FileRules {
    /// Returns the rules with `deny` and the usual limits: 20 MiB in, which is what bots can download (Telegram Bot
    /// API, getFile); 50 MiB out, which is what they can upload (sendDocument); 10,000 entries.
    #[must_use]
    pub fn new(deny: DenyGlobs) -> Self {
        Self { deny, max_put_bytes: 20 << 20, max_get_bytes: 50 << 20, max_entries: 10_000 }
    }

    /// Returns the usual rules: [`DENY_GLOBS`] and the limits of [`Self::new`].
    ///
    /// # Errors
    /// Never, as long as those are patterns.
    pub fn usual() -> Result<Self, BadGlob> {
        DenyGlobs::parse(DENY_GLOBS).map(Self::new)
    }
}

/// A file to be stored.
#[derive(Debug, Clone)]
pub struct Put {
    /// The project and branch whose directory gets it.
    pub context: Context,
    /// What else is known of the directory.
    pub place: Place,
    /// Where its bytes are: a file of ours, which stays there.
    pub from: PathBuf,
    /// Where it belongs; below it, under `name`, when it is written as a folder.
    pub to: FilePath,
    /// The name it came with.
    pub name: String,
    /// Whether a file that is there is replaced.
    pub force: bool,
    /// What is allowed.
    pub rules: FileRules,
}

impl Put {
    /// Returns where the file goes.
    ///
    /// # Errors
    /// [`FileError::Invalid`] when that gets too long.
    pub fn target(&self) -> Result<FilePath, FileError> {
        let path = if self.to.is_folder() { self.to.join(&self.name) } else { Some(self.to.clone()) };
        path.ok_or(FileError::Invalid(Way::Put))
    }
}

/// A stored file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    /// Where it was asked to be, with its name.
    pub path: FilePath,
    /// Its size.
    pub bytes: u64,
    /// The directory that `path` starts from.
    pub dir: PathBuf,
    /// Something the person should know about that directory.
    pub warning: Option<String>,
}

/// A file or folder to be handed out.
#[derive(Debug, Clone)]
pub struct Get {
    /// The project and branch whose directory has it.
    pub context: Context,
    /// What else is known of the directory.
    pub place: Place,
    /// Which.
    pub path: FilePath,
    /// Where the copy is made: a path in the ledger's spool at which nothing is yet.
    pub into: PathBuf,
    /// What is allowed.
    pub rules: FileRules,
}

/// A copy on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Got {
    /// The name people see: that of a folder ends in `.zip`.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Something the person should know about the directory it is from.
    pub warning: Option<String>,
}

/// A folder to be looked into.
#[derive(Debug, Clone)]
pub struct List {
    /// The project and branch whose directory has it.
    pub context: Context,
    /// Which.
    pub folder: FilePath,
    /// What is allowed.
    pub rules: FileRules,
}

/// Which way a file was to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Into the directory.
    Put,
    /// Out of it.
    Get,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Put => "upload",
            Self::Get => "download",
        })
    }
}

/// Why a file was not stored or handed out. The first sentence of those that end in a full stop is what the Python
/// takopi says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// What was written cannot be a path here. Said by who parses it.
    #[error(
        "invalid {0} path. Write one that starts in the project, such as docs/notes.txt, without ~, .. and .git"
    )]
    Invalid(Way),
    /// No project is meant. Said by who knows which one is.
    #[error(
        "no project context available for file {0}. Bind this chat to one with /ctx set PROJECT, or name it: /PROJECT"
    )]
    NoProject(Way),
    /// A link on the way leads out of the directory.
    #[error("{0} path escapes the repo root. Name a path whose links stay inside it")]
    Escapes(Way),
    /// A rule forbids it.
    #[error(
        "path denied by rule: {0}; name another file (the rules are deny_globs in takopi.toml; .git is always denied)"
    )]
    Denied(String),
    /// There is one already.
    #[error("file already exists; use --force to overwrite. To keep {0}, name another path")]
    Exists(String),
    /// A folder stands where the file was to be.
    #[error("upload target is a directory. Write {0}/ to put the file into it")]
    IsFolder(String),
    /// Something that is no folder stands on the way.
    #[error("a part of {0} is no folder; name another path")]
    NoFolder(String),
    /// Nothing is there.
    #[error("file does not exist. Paths start at the top of the project, and case matters: {0}")]
    NotThere(String),
    /// It is a device, a pipe or a socket.
    #[error("{0} is neither a file nor a folder; name one that is")]
    Special(String),
    /// A folder with nothing in it that may be sent.
    #[error("{0} holds nothing that can be sent: denied files and links are left out; name a file in it")]
    Empty(String),
    /// It is larger than may go this way.
    #[error("file is too large to {}. At most {} can be; make it smaller or split it", verb(*.way), shown_size(*.max_bytes))]
    TooLarge {
        /// Which way.
        way: Way,
        /// The limit.
        max_bytes: u64,
    },
    /// A folder of too many files.
    #[error(
        "file is too large to send. {path} has more than {max_entries} entries, or too deep ones; name a folder in it"
    )]
    TooMany {
        /// The folder.
        path: String,
        /// The limit.
        max_entries: usize,
    },
    /// Somebody changed the path while it was walked.
    #[error("{0} was changed meanwhile; try again")]
    Changed(String),
    /// The system said no.
    #[error("failed to {} file. {path}: {why}", if *.way == Way::Put { "save" } else { "send" })]
    Failed {
        /// Which way.
        way: Way,
        /// Which file.
        path: String,
        /// What the system says.
        why: String,
    },
    /// What was to be stored never came; the text says why.
    #[error("{0}")]
    NotFetched(String),
    /// There is no directory to look in.
    #[error("{0}")]
    NoDirectory(String),
    /// It was stopped on the way.
    #[error("stopped before the file was done; try again")]
    Stopped,
}

impl FileError {
    /// Returns the text without what to do about it, for lists of several.
    #[must_use]
    pub fn brief(&self) -> String {
        let text = self.to_string();
        let end = match self {
            Self::Denied(_) => text.rfind("; name another file"),
            Self::Invalid(_)
            | Self::Escapes(_)
            | Self::Exists(_)
            | Self::IsFolder(_)
            | Self::TooLarge { .. }
            | Self::NotFetched(_) => text.find(". ").map(|stop| stop + 1),
            _ => None,
        };
        text.get(..end.unwrap_or(text.len())).unwrap_or(&text).to_owned()
    }
}

/// Returns the line that tells of files that were not stored, each by what it is known as.
#[must_use]
pub fn failed_line(failures: &[(String, FileError)]) -> String {
    let told = failures.iter().map(|(name, error)| format!("{name} ({})", error.brief()));
    format!("failed: {}", told.collect::<Vec<_>>().join(", "))
}

fn verb(way: Way) -> &'static str {
    match way {
        Way::Put => "upload",
        Way::Get => "send",
    }
}

impl From<WorkspaceError> for FileError {
    fn from(error: WorkspaceError) -> Self {
        match error {
            WorkspaceError::Refused(why) => Self::NoDirectory(why),
            WorkspaceError::Stopped => Self::Stopped,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_begins_as_people_know_it_and_says_what_to_do() {
        let large = |way, max_bytes| FileError::TooLarge { way, max_bytes }.to_string();
        let told = [
            (FileError::Invalid(Way::Put).to_string(), "invalid upload path. Write"),
            (FileError::Invalid(Way::Get).to_string(), "invalid download path. Write"),
            (
                FileError::NoProject(Way::Get).to_string(),
                "no project context available for file download. Bind",
            ),
            (FileError::Escapes(Way::Put).to_string(), "upload path escapes the repo root. Name"),
            (FileError::Escapes(Way::Get).to_string(), "download path escapes the repo root. Name"),
            (FileError::Denied("*.pem".into()).to_string(), "path denied by rule: *.pem; name"),
            (
                FileError::Exists("a".into()).to_string(),
                "file already exists; use --force to overwrite. To keep a",
            ),
            (FileError::IsFolder("a".into()).to_string(), "upload target is a directory. Write a/"),
            (FileError::NotThere("a".into()).to_string(), "file does not exist. Paths start"),
            (large(Way::Get, 50 << 20), "file is too large to send. At most 50 mb"),
            (large(Way::Put, 20 << 20), "file is too large to upload. At most 20 mb"),
        ];
        for (text, start) in told {
            assert!(text.starts_with(start), "{text}");
        }
        let failed = |way| FileError::Failed { way, path: "a".into(), why: "no room".into() }.to_string();
        assert_eq!(failed(Way::Get), "failed to send file. a: no room");
        assert_eq!(failed(Way::Put), "failed to save file. a: no room");
    }

    #[test]
    fn in_a_list_a_refusal_is_told_without_what_to_do() {
        let told = [
            FileError::Denied("a; b".into()),
            FileError::Exists("a. b".into()),
            FileError::TooLarge { way: Way::Put, max_bytes: 20 << 20 },
            FileError::NoFolder("a. b".into()),
        ];
        let wanted = [
            "path denied by rule: a; b",
            "file already exists; use --force to overwrite.",
            "file is too large to upload.",
            "a part of a. b is no folder; name another path",
        ];
        assert_eq!(told.map(|error| error.brief()), wanted);
    }

    #[test]
    fn the_usual_rules_are_rules() {
        let rules = FileRules::usual().unwrap();
        assert_eq!((rules.deny.denies("a/.env"), rules.max_put_bytes), (Some(".env"), 20_971_520));
    }
}
