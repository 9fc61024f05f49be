//! What the people of a transport may do with files, by its settings.

use crate::files::FilePath;
use crate::port::workspace::FileRules;

/// What becomes of a file that nobody said `/file put` about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AutoPut {
    /// Nothing: its sender is told how to store it.
    Off,
    /// It is stored; a caption is no prompt, and its sender is told how to store it.
    Store,
    /// It is stored, and a caption is a prompt about it.
    Prompt,
}

/// The files of a transport, where they may come and go.
#[derive(Debug, Clone)]
pub struct FilePolicy {
    /// What becomes of a file that nobody said `/file put` about.
    pub auto_put: AutoPut,
    /// The folder that files go to when nobody says where, below the directory of a run.
    pub uploads: FilePath,
    /// The service's ids of the people who may; where it is empty, in groups those who manage the group.
    pub people: Vec<String>,
    /// Which files, and how large.
    pub rules: FileRules,
}
