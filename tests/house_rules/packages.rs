//! The packages of the house and of those it stands on, as `cargo metadata` tells them.
//!
//! It only reads: the rules are in `house_rules.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde::Deserialize;

/// Everything that was resolved, for every platform.
#[derive(Deserialize)]
pub(crate) struct House {
    packages: Vec<Package>,
    workspace_members: Vec<String>,
    resolve: Resolve,
}

#[derive(Deserialize)]
pub(crate) struct Package {
    id: String,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) license: Option<String>,
    pub(crate) dependencies: Vec<Dependency>,
    manifest_path: String,
}

#[derive(Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) features: Vec<String>,
}

/// What a dependency is for; cargo writes null for the code that ships.
#[derive(Deserialize, PartialEq, Eq, Clone, Copy)]
#[serde(from = "Option<String>")]
pub(crate) enum Kind {
    Normal,
    Build,
    Dev,
}

impl From<Option<String>> for Kind {
    fn from(kind: Option<String>) -> Self {
        match kind.as_deref() {
            None => Self::Normal,
            Some("build") => Self::Build,
            Some(_) => Self::Dev,
        }
    }
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Edge>,
}

#[derive(Deserialize)]
struct Edge {
    pkg: String,
    dep_kinds: Vec<DepKind>,
}

#[derive(Deserialize)]
struct DepKind {
    kind: Kind,
}

impl House {
    /// Asks cargo; over the network only when a package for another platform was never downloaded.
    pub(crate) fn read() -> Self {
        let text = metadata(&["--offline"]).or_else(|_| metadata(&[])).unwrap();
        serde_json::from_slice(&text).unwrap()
    }

    pub(crate) fn packages(&self) -> &[Package] {
        &self.packages
    }

    pub(crate) fn ours(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| self.workspace_members.contains(&package.id))
    }

    pub(crate) fn is_ours(&self, name: &str) -> bool {
        self.ours().any(|package| package.name == name)
    }

    /// Returns the names of all packages that the shipped code of this one stands on.
    pub(crate) fn reached_from(&self, name: &str) -> BTreeSet<&str> {
        let names: BTreeMap<&str, &str> =
            self.packages.iter().map(|package| (package.id.as_str(), package.name.as_str())).collect();
        let mut reached = BTreeSet::new();
        let mut waiting: Vec<&str> =
            names.iter().filter(|(_, its_name)| **its_name == name).map(|(id, _)| *id).collect();
        assert_eq!(waiting.len(), 1, "one package is called {name}");
        while let Some(id) = waiting.pop() {
            let node = self.resolve.nodes.iter().find(|node| node.id == id).unwrap();
            for edge in &node.deps {
                let ships = edge.dep_kinds.iter().any(|dependency| dependency.kind == Kind::Normal);
                if ships && reached.insert(edge.pkg.as_str()) {
                    waiting.push(&edge.pkg);
                }
            }
        }
        reached.into_iter().map(|id| names[id]).collect()
    }
}

impl Package {
    /// Returns the manifest as it is written: metadata no longer tells what was inherited.
    pub(crate) fn manifest(&self) -> toml::Table {
        std::fs::read_to_string(&self.manifest_path).unwrap().parse().unwrap()
    }
}

/// Tells whether a key is written as `workspace = true`.
pub(crate) fn inherits(value: Option<&toml::Value>) -> bool {
    value.and_then(|value| value.get("workspace")).and_then(toml::Value::as_bool) == Some(true)
}

fn metadata(more: &[&str]) -> Result<Vec<u8>, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked"])
        .args(more)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .map_err(|error| format!("failed to start cargo: {error}"))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned())
}
