//! What is wrong with a plugin: a code that programs know and a sentence for people.

use std::fmt;

use serde::Serialize;

/// What kind of thing is wrong. Printed as its snake-case word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// Its folder or its manifest cannot be read.
    Unreadable,
    /// The manifest is missing something, too large, or no TOML.
    InvalidManifest,
    /// The manifest's version is not one this takopi reads.
    UnsupportedManifest,
    /// It wants another takopi.
    UnsupportedTakopi,
    /// It speaks another protocol.
    UnsupportedProtocol,
    /// Its id breaks the rule for ids.
    InvalidId,
    /// Its id is nobody's to take.
    ReservedId,
    /// Others want its id too, or have it already.
    DuplicateId,
    /// Its distribution is not in `plugins.enabled`.
    NotEnabled,
    /// Somebody else could change what would be run.
    UnsafeOwner,
    /// A program it needs is not on PATH.
    MissingExecutable,
    /// A variable it needs is not set.
    MissingVariable,
    /// Its resume pattern is wrong, or matches another engine's lines.
    AmbiguousResume,
    /// It could not be loaded: its process did not start, or ended at once.
    StartFailed,
    /// Its process did not answer the handshake in time.
    HandshakeTimeout,
    /// Its process does not provide what its manifest says, or more.
    ProvidesMismatch,
    /// Its settings cannot be used.
    BadConfig,
    /// It crashed too often.
    Quarantined,
    /// This version of takopi lists it, and does not run it yet.
    NotRunYet,
    /// Its manifest registers something of a kind that is only reserved so far. Not wrong.
    UnsupportedGroup,
    /// Its manifest has a key or a word that means nothing here. Not wrong.
    UnknownKey,
}

impl Code {
    /// Returns the code as its word: `missing_executable`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::InvalidManifest => "invalid_manifest",
            Self::UnsupportedManifest => "unsupported_manifest",
            Self::UnsupportedTakopi => "unsupported_takopi",
            Self::UnsupportedProtocol => "unsupported_protocol",
            Self::InvalidId => "invalid_id",
            Self::ReservedId => "reserved_id",
            Self::DuplicateId => "duplicate_id",
            Self::NotEnabled => "not_enabled",
            Self::UnsafeOwner => "unsafe_owner",
            Self::MissingExecutable => "missing_executable",
            Self::MissingVariable => "missing_variable",
            Self::AmbiguousResume => "ambiguous_resume",
            Self::StartFailed => "start_failed",
            Self::HandshakeTimeout => "handshake_timeout",
            Self::ProvidesMismatch => "provides_mismatch",
            Self::BadConfig => "bad_config",
            Self::Quarantined => "quarantined",
            Self::NotRunYet => "not_run_yet",
            Self::UnsupportedGroup => "unsupported_group",
            Self::UnknownKey => "unknown_key",
        }
    }

    /// Returns whether it is about who may have the name, which is told of distributions that are not enabled too.
    #[must_use]
    pub const fn is_about_the_name(self) -> bool {
        matches!(self, Self::InvalidId | Self::ReservedId | Self::DuplicateId)
    }
}

/// Something wrong with a plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
pub struct Problem {
    /// What kind of thing.
    pub code: Code,
    /// What exactly, and what to do; one line, without a final stop.
    pub message: String,
}

impl Problem {
    /// Returns a problem.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
