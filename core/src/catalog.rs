//! Who may be called what: of all that claims a name, which is visible, and why the others aren't.
//!
//! Claims are data: nothing is started to decide. Built-ins come first, third parties may neither take
//! each other's names nor anybody else's. Next stops: `catalog/load.rs` loads what is visible when it is
//! first needed, `catalog/listing.rs` shows it all.

mod listing;
mod load;

pub use listing::{Listing, Row, render_plugins};
pub use load::{Catalog, LoadError, Loader};

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Serialize;

use crate::id::{Distribution, PluginId, PluginKind};

/// Where something comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// This program.
    BuiltIn,
    /// A folder with a manifest.
    Manifest {
        /// The name of its distribution, as it spells it.
        distribution: Option<String>,
        /// The folder.
        path: PathBuf,
    },
    /// An entry point in a Python environment.
    Python {
        /// The name of its distribution, as it spells it.
        distribution: Option<String>,
        /// The environment.
        environment: PathBuf,
    },
}

impl Origin {
    /// Returns the distribution as it spells itself, or `None` when it has no name.
    #[must_use]
    pub fn distribution(&self) -> Option<&str> {
        match self {
            Self::BuiltIn => Some("takopi"),
            Self::Manifest { distribution, .. } | Self::Python { distribution, .. } => {
                distribution.as_deref().filter(|name| !name.trim().is_empty())
            }
        }
    }

    /// Returns whether `enabled` lets it be used: an empty list lets all, and built-ins are always let.
    #[must_use]
    pub fn is_enabled(&self, enabled: &[Distribution]) -> bool {
        let listed =
            || self.distribution().and_then(Distribution::parse).is_some_and(|name| enabled.contains(&name));
        enabled.is_empty() || *self == Self::BuiltIn || listed()
    }
}

/// Something that wants to be known by a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim<S> {
    /// The name, as the claimant spells it.
    pub id: String,
    /// Where it comes from.
    pub origin: Origin,
    /// What is known of it, or what is wrong with it.
    pub spec: Result<S, String>,
    /// Whether it is a built-in that the Python takopi didn't have: it yields to a project of its name.
    pub late: bool,
}

impl<S> Claim<S> {
    /// Returns the claim of a built-in.
    pub fn built_in(id: &PluginId, spec: S, late: bool) -> Self {
        Self { id: id.to_string(), origin: Origin::BuiltIn, spec: Ok(spec), late }
    }
}

/// Who has a name that a plugin of another kind may not take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// An engine.
    Engine,
    /// A built-in command.
    Command,
    /// A project.
    Project,
}

/// What is decided by settings and by the other kinds.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// The third-party distributions that may be used; empty is all.
    pub enabled: Vec<Distribution>,
    /// Names that are taken already, in lower case, and by whom.
    pub taken: BTreeMap<String, Holder>,
}

/// Something wrong with a plugin, for people to read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PluginError {
    /// What it wants to be.
    pub kind: PluginKind,
    /// The name it wants.
    pub id: String,
    /// Its distribution.
    pub distribution: Option<String>,
    /// What is wrong.
    pub message: String,
}

/// Something that has its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<S> {
    /// Its name.
    pub id: PluginId,
    /// Where it comes from.
    pub origin: Origin,
    /// What is known of it, or what is wrong with it.
    pub spec: Result<S, String>,
}

/// What became of the claims of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey<S> {
    /// What was claimed.
    pub kind: PluginKind,
    /// Those who have their names, by name.
    pub found: Vec<Found<S>>,
    /// Why others haven't, and what is wrong with some who have.
    pub errors: Vec<PluginError>,
}

/// Decides who has which name. Who isn't enabled claims nothing, so disabling one of two that clash
/// gives the name to the other.
#[must_use]
pub fn survey<S>(kind: PluginKind, claims: Vec<Claim<S>>, rules: &Rules) -> Survey<S> {
    let mut claims: Vec<_> =
        claims.into_iter().filter(|claim| claim.origin.is_enabled(&rules.enabled)).collect();
    claims.sort_by(|a, b| sort_key(a).cmp(&sort_key(b)));
    let built_in: BTreeSet<String> =
        claims.iter().filter(|claim| claim.origin == Origin::BuiltIn).map(|claim| claim.id.clone()).collect();
    let mut errors = Errors { kind, told: Vec::new() };
    let mut entitled: Vec<(PluginId, Claim<S>)> = Vec::new();
    for claim in claims {
        match entitle(kind, &claim, &built_in, rules) {
            Ok(id) => entitled.push((id, claim)),
            Err(message) => errors.tell(&claim, message),
        }
    }
    let mut claimants: BTreeMap<PluginId, Vec<String>> = BTreeMap::new();
    for (id, claim) in &entitled {
        let provider = claim.origin.distribution().unwrap_or("<unknown>").to_owned();
        claimants.entry(id.clone()).or_default().push(provider);
    }
    let mut found = Vec::new();
    for (id, claim) in entitled {
        if let Some(providers) = claimants.get(&id).filter(|providers| providers.len() > 1) {
            let mut providers: Vec<&str> = providers.iter().map(String::as_str).collect();
            providers.sort_unstable();
            providers.dedup();
            let name = quoted(&claim.id);
            errors.tell(&claim, format!("duplicate plugin id {name} from {}", providers.join(", ")));
            continue;
        }
        if let Err(problem) = &claim.spec {
            errors.tell(&claim, problem.clone());
        }
        found.push(Found { id, origin: claim.origin, spec: claim.spec });
    }
    Survey { kind, found, errors: errors.told }
}

fn sort_key<S>(claim: &Claim<S>) -> (&str, &str, &Origin) {
    (&claim.id, claim.origin.distribution().unwrap_or(""), &claim.origin)
}

/// Returns the id a claim may have as far as the others of its kind don't matter, or why it may not.
fn entitle<S>(
    kind: PluginKind,
    claim: &Claim<S>,
    built_in: &BTreeSet<String>,
    rules: &Rules,
) -> Result<PluginId, String> {
    let name = quoted(&claim.id);
    let holder = rules.taken.get(&claim.id.to_lowercase()).copied();
    if claim.origin == Origin::BuiltIn {
        if claim.late && holder == Some(Holder::Project) {
            return Err(format!("built-in id {name} yields to the project of that name"));
        }
        return PluginId::parse(&claim.id).map_err(|_| invalid(&name));
    }
    let id = PluginId::parse(&claim.id).map_err(|_| invalid(&name))?;
    if built_in.contains(&claim.id) {
        return Err(format!("plugin id {name} is that of a built-in {}", kind.label()));
    }
    if kind.reserves(&claim.id) {
        return Err(format!("reserved plugin id {name} is not allowed"));
    }
    match holder {
        Some(Holder::Engine) => Err(format!("plugin id {name} is that of an engine")),
        Some(Holder::Command) => Err(format!("plugin id {name} is that of a built-in command")),
        Some(Holder::Project) => Err(format!("plugin id {name} is that of a project")),
        None => Ok(id),
    }
}

fn invalid(name: &str) -> String {
    format!("invalid plugin id {name}; must match ^[a-z0-9_]{{1,32}}$")
}

struct Errors {
    kind: PluginKind,
    told: Vec<PluginError>,
}

impl Errors {
    fn tell<S>(&mut self, claim: &Claim<S>, message: String) {
        let distribution = claim.origin.distribution().map(str::to_owned);
        let error = PluginError { kind: self.kind, id: claim.id.clone(), distribution, message };
        if !self.told.contains(&error) {
            self.told.push(error);
        }
    }
}

/// Returns `text` in single quotes, as the Python takopi's messages have it.
fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut shown = String::from(quote);
    for character in text.chars() {
        match character {
            '\\' => shown.push_str("\\\\"),
            c if c == quote || c.is_control() => shown.extend(c.escape_default()),
            c => shown.push(c),
        }
    }
    shown.push(quote);
    shown
}

#[cfg(test)]
mod tests;
