//! Who may be called what: of all that claims a name, which is visible, and why the others aren't.
//!
//! Claims are data: nothing is started to decide. Built-ins come first, third parties may neither take
//! each other's names nor anybody else's. Next stops: `catalog/load.rs` loads what is visible when it is
//! first needed, `catalog/listing.rs` shows it all.

mod listing;
mod load;
mod problem;
mod spec;

pub use listing::{Listing, Row, render_plugins};
pub use load::{Catalog, LoadError, Loader};
pub use problem::{Code, Problem};
pub use spec::Spec;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::id::{Distribution, PluginId, PluginKind};
use crate::text::is_invisible;

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

    /// Returns the folder it is in; `None` is this program.
    #[must_use]
    pub fn place(&self) -> Option<&Path> {
        match self {
            Self::BuiltIn => None,
            Self::Manifest { path, .. } => Some(path),
            Self::Python { environment, .. } => Some(environment),
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
    pub spec: Result<S, Problem>,
    /// Whether it is a built-in that the Python takopi didn't have: it yields to a project of its name.
    pub late: bool,
}

impl<S> Claim<S> {
    /// Returns the claim of a built-in.
    pub fn built_in(id: &PluginId, spec: S, late: bool) -> Self {
        Self { id: id.to_string(), origin: Origin::BuiltIn, spec: Ok(spec), late }
    }

    /// Returns the claim for a survey that leaves the spec where it is.
    pub fn borrowed(&self) -> Claim<&S> {
        let Self { id, origin, spec, late } = self;
        Claim {
            id: id.clone(),
            origin: origin.clone(),
            spec: spec.as_ref().map_err(Clone::clone),
            late: *late,
        }
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
    /// What it wants to be; `None` where that cannot be read.
    pub kind: Option<PluginKind>,
    /// The name it wants, or that of its folder.
    pub id: String,
    /// Its distribution.
    pub distribution: Option<String>,
    /// What kind of thing is wrong.
    pub code: Code,
    /// What is wrong.
    pub message: String,
}

impl PluginError {
    /// Returns what is wrong with something that wants the name `id`.
    pub fn new(kind: Option<PluginKind>, id: impl Into<String>, origin: &Origin, problem: Problem) -> Self {
        let distribution = origin.distribution().map(str::to_owned);
        Self { kind, id: id.into(), distribution, code: problem.code, message: problem.message }
    }
}

/// Something that has its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<S> {
    /// Its name.
    pub id: PluginId,
    /// Where it comes from.
    pub origin: Origin,
    /// What is known of it, or what is wrong with it.
    pub spec: Result<S, Problem>,
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
    /// What this version lists and does not run: nothing is wrong with it until somebody wants to use it.
    pub not_run: Vec<PluginError>,
}

impl<S> Survey<S> {
    /// Returns the names of those that can be used: the ones that nobody of another kind may take.
    pub fn usable(&self) -> impl Iterator<Item = &PluginId> {
        self.found.iter().filter(|found| found.spec.is_ok()).map(|found| &found.id)
    }
}

/// Decides who has which name, and which resume patterns get in each other's way. Who isn't enabled claims nothing, so
/// disabling one of two that clash gives the name to the other.
#[must_use]
pub fn survey<S: Spec>(kind: PluginKind, claims: Vec<Claim<S>>, rules: &Rules) -> Survey<S> {
    let mut claims: Vec<_> =
        claims.into_iter().filter(|claim| claim.origin.is_enabled(&rules.enabled)).collect();
    claims.sort_by(|a, b| sort_key(a).cmp(&sort_key(b)));
    let built_in: BTreeSet<String> =
        claims.iter().filter(|claim| claim.origin == Origin::BuiltIn).map(|claim| claim.id.clone()).collect();
    let mut survey = Survey { kind, found: Vec::new(), errors: Vec::new(), not_run: Vec::new() };
    let mut entitled = Vec::with_capacity(claims.len());
    for claim in claims {
        match entitle(kind, &claim, &built_in, rules) {
            Ok(id) => entitled.push(Found { id, origin: claim.origin, spec: claim.spec }),
            Err(problem) => survey.tell(&claim.id, &claim.origin, problem),
        }
    }
    // Sorted, those who want the same name stand beside each other.
    let mut entitled = entitled.into_iter().peekable();
    while let Some(found) = entitled.next() {
        let same: Vec<Found<S>> =
            std::iter::from_fn(|| entitled.next_if(|next| next.id == found.id)).collect();
        if same.is_empty() {
            survey.found.push(found);
            continue;
        }
        let claimants: Vec<&Found<S>> = std::iter::once(&found).chain(&same).collect();
        let problem = duplicate(&claimants);
        claimants.iter().for_each(|one| survey.tell(one.id.as_str(), &one.origin, problem.clone()));
    }
    spec::refuse_ambiguous(&mut survey.found);
    let broken = survey.found.iter().filter_map(|found| Some((found, found.spec.as_ref().err()?)));
    let broken: Vec<_> =
        broken.map(|(found, problem)| (found.id.clone(), found.origin.clone(), problem.clone())).collect();
    for (id, origin, problem) in broken {
        survey.tell(id.as_str(), &origin, problem);
    }
    survey
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
) -> Result<PluginId, Problem> {
    let name = || quoted(&claim.id);
    let holder = rules.taken.get(&claim.id.to_lowercase()).copied();
    let taken = |text: String| Err(Problem::new(Code::DuplicateId, text));
    if claim.origin == Origin::BuiltIn {
        if claim.late && holder == Some(Holder::Project) {
            return taken(format!("built-in id {} yields to the project of that name", name()));
        }
        return PluginId::parse(&claim.id).map_err(|_| invalid(&name()));
    }
    let id = PluginId::parse(&claim.id).map_err(|_| invalid(&name()))?;
    // First, as in the Python takopi: `new` is a word nobody may have, besides being a command.
    if kind.reserves(&claim.id) {
        return Err(Problem::new(Code::ReservedId, format!("reserved plugin id {} is not allowed", name())));
    }
    if built_in.contains(&claim.id) {
        return taken(format!("plugin id {} is that of a built-in {}", name(), kind.label()));
    }
    match holder {
        Some(Holder::Engine) => taken(format!("plugin id {} is that of an engine", name())),
        Some(Holder::Command) => taken(format!("plugin id {} is that of a built-in command", name())),
        Some(Holder::Project) => taken(format!("plugin id {} is that of a project", name())),
        None => Ok(id),
    }
}

fn invalid(name: &str) -> Problem {
    Problem::new(Code::InvalidId, format!("invalid plugin id {name}; must match ^[a-z0-9_]{{1,32}}$"))
}

/// Names all who want an id; copies of one distribution by their folders too.
fn duplicate<S>(claimants: &[&Found<S>]) -> Problem {
    let mut places: BTreeMap<&str, BTreeSet<&Path>> = BTreeMap::new();
    for claimant in claimants {
        let provider = claimant.origin.distribution().unwrap_or("<unknown>");
        places.entry(provider).or_default().extend(claimant.origin.place());
    }
    let mut providers = Vec::new();
    for (provider, places) in &places {
        // Of nameless ones the Python takopi says no more than that, and it knows no two copies of one name.
        if places.len() < 2 || *provider == "<unknown>" {
            providers.push((*provider).to_owned());
        } else {
            providers.extend(places.iter().map(|place| format!("{provider} ({})", place.display())));
        }
    }
    let name = claimants.first().map(|claimant| quoted(claimant.id.as_str())).unwrap_or_default();
    Problem::new(Code::DuplicateId, format!("duplicate plugin id {name} from {}", providers.join(", ")))
}

impl<S> Survey<S> {
    fn tell(&mut self, id: &str, origin: &Origin, problem: Problem) {
        let told = if problem.code == Code::NotRunYet { &mut self.not_run } else { &mut self.errors };
        told.push(PluginError::new(Some(self.kind), id, origin, problem));
    }
}

/// Returns `text` in single quotes, as the Python takopi's messages have it.
fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut shown = String::from(quote);
    for character in text.chars() {
        match character {
            '\\' => shown.push_str("\\\\"),
            c if c == quote || c.is_control() || is_invisible(c) => shown.extend(c.escape_default()),
            c => shown.push(c),
        }
    }
    shown.push(quote);
    shown
}

#[cfg(test)]
mod tests;
