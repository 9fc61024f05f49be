//! `takopi-plugin.toml`: all that is known of a plugin while nothing of it runs.

mod parse;
mod read;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use takopi_core::port::command::Access;
use takopi_core::port::engine::EngineFeatures;
use takopi_core::port::transport::{Limits, TransportFeatures};
use takopi_core::resume::ResumePattern;
use takopi_plugin_protocol::life::{Kind, Provided};

use crate::problem::Problem;

/// The name of a manifest's file.
pub const FILE: &str = "takopi-plugin.toml";

/// The version of manifests that is read here.
pub const VERSION: i64 = 1;

/// Bytes of the largest manifest.
pub const MAX_BYTES: u64 = 64 << 10;

/// A plugin's manifest.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Manifest {
    /// What `plugins.enabled` names.
    pub distribution: DistributionTable,
    /// How it is started.
    pub process: ProcessTable,
    /// Its engines, by the ids it wants for them, whatever those are.
    pub engines: Things<EngineTable>,
    /// Its transports, likewise.
    pub transports: Things<TransportTable>,
    /// Its commands, likewise.
    pub commands: Things<CommandTable>,
}

/// What a manifest registers of one kind, by id. Boxed, since a map has room for eleven at once and most manifests
/// register one: of a thousand that would be megabytes.
pub type Things<T> = BTreeMap<String, Box<T>>;

/// `[distribution]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DistributionTable {
    /// Its name, as it spells itself.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Which takopi it wants: `>=0.1, <0.2`.
    pub requires_takopi: Option<String>,
    /// What it is, in a few words.
    pub description: Option<String>,
}

/// `[process]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProcessTable {
    /// The program and its arguments; a program with a slash is relative to the manifest's folder, others are looked for
    /// on PATH.
    pub command: Vec<String>,
    /// Variables that are passed through besides the usual ones.
    pub env: Vec<String>,
    /// Variables without which it does not work; passed through too.
    pub needs_env: Vec<String>,
    /// Time without work before it is stopped; `None` is never.
    pub idle_stop: Option<Duration>,
    /// What it may ask takopi for.
    pub permissions: Vec<Permission>,
}

/// What a plugin may ask takopi for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// `host/run`, `host/run_many`, `host/engines`.
    RunEngine,
    /// `host/send`.
    SendMessage,
    /// `host/get` and `host/put`.
    Store,
    /// Using a context after its call was answered. Such a plugin is not stopped for idleness.
    Background,
}

/// `[engine.<id>]`.
#[derive(Debug, Clone, PartialEq)]
pub struct EngineTable {
    /// Its name for people.
    pub title: String,
    /// What to type to install what it needs.
    pub install: Option<String>,
    /// Programs that must be on PATH.
    pub needs: Vec<String>,
    /// What it can do.
    pub features: EngineFeatures,
    /// Whether one process serves all runs; otherwise each run has its own.
    pub shared: bool,
    /// How its sessions look in text.
    pub resume: Option<ResumePattern>,
    /// The JSON schema of `[engines.<id>]`, in the manifest's folder.
    pub config_schema: Option<PathBuf>,
}

/// `[transport.<id>]`.
#[derive(Debug, Clone, PartialEq)]
pub struct TransportTable {
    /// Its name for people.
    pub title: String,
    /// Programs that must be on PATH.
    pub needs: Vec<String>,
    /// What its service allows.
    pub limits: Limits,
    /// What it can do.
    pub features: TransportFeatures,
    /// The JSON schema of `[transports.<instance>]`, in the manifest's folder.
    pub config_schema: Option<PathBuf>,
}

/// `[command.<id>]`.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandTable {
    /// What it does, in a few words.
    pub description: String,
    /// How it is typed.
    pub usage: String,
    /// Programs that must be on PATH.
    pub needs: Vec<String>,
    /// Who may call it: `access = "manager"` is, in groups, only who manages the group.
    pub access: Access,
    /// The JSON schema of `[plugins.<id>]`, in the manifest's folder.
    pub config_schema: Option<PathBuf>,
}

/// A plugin's folder with its manifest.
#[derive(Debug, Clone, PartialEq)]
pub struct Package {
    /// The folder, absolute.
    pub dir: PathBuf,
    /// Its manifest.
    pub manifest: Manifest,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// `unsupported_manifest`, `unsupported_protocol`, or `invalid_manifest` with the keys and what to write.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        Self::parse_with_notes(text).map(|(manifest, _)| manifest)
    }

    /// Reads a manifest, and what its author should know: keys and words that mean nothing here, groups that are not
    /// supported yet.
    ///
    /// # Errors
    /// As [`Manifest::parse`].
    pub fn parse_with_notes(text: &str) -> Result<(Self, Vec<Problem>), Problem> {
        parse::parse(text)
    }

    /// Checks `distribution.requires_takopi` against the version of this takopi. A version before its release counts
    /// as that release; one that is no semantic version is let through.
    ///
    /// # Errors
    /// `unsupported_takopi`.
    pub fn wants(&self, version: &str) -> Result<(), Problem> {
        parse::wants(self, version)
    }

    /// Returns the path of the schema of something it registers, within its folder.
    pub(crate) fn schema(&self, kind: Kind, id: &str) -> Option<&PathBuf> {
        match kind {
            Kind::Engine => self.engines.get(id)?.config_schema.as_ref(),
            Kind::Transport => self.transports.get(id)?.config_schema.as_ref(),
            Kind::Command => self.commands.get(id)?.config_schema.as_ref(),
        }
    }

    /// Returns whether something it registers has a schema for its settings.
    #[must_use]
    pub fn has_schema(&self, kind: Kind, id: &str) -> bool {
        self.schema(kind, id).is_some()
    }

    /// Returns whether anything it registers has one.
    #[must_use]
    pub fn has_schemas(&self) -> bool {
        let mut engines = self.engines.values().map(|table| &table.config_schema);
        let mut transports = self.transports.values().map(|table| &table.config_schema);
        let mut commands = self.commands.values().map(|table| &table.config_schema);
        engines.any(Option::is_some) || transports.any(Option::is_some) || commands.any(Option::is_some)
    }

    /// Returns all that it registers, by kind and id.
    #[must_use]
    pub fn provides(&self) -> Vec<Provided> {
        let of = |kind: Kind| move |id: &String| Provided { kind, id: id.clone() };
        let engines = self.engines.keys().map(of(Kind::Engine));
        let transports = self.transports.keys().map(of(Kind::Transport));
        engines.chain(transports).chain(self.commands.keys().map(of(Kind::Command))).collect()
    }
}

#[cfg(test)]
mod tests;
