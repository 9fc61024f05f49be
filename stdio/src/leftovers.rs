//! Processes found by a variable in their environment: what a dead daemon or a finished run left running.

use crate::proc::Proc;
use crate::stop::{Ladder, Stage, StopReport, end};
use crate::tree::{Identity, Tree};

/// A variable that marks every process of a daemon or of a run, such as `TAKOPI_RUN=<run id>`. It is inherited, so it
/// finds those who left the tree; only a program that clears its environment *and* leaves the tree gets away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    name: String,
    value: String,
}

impl Marker {
    /// Marks by this variable and value.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into() }
    }

    /// Returns the variable's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the variable's value.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    pub(crate) fn entry(&self) -> Vec<u8> {
        format!("{}={}", self.name, self.value).into_bytes()
    }
}

/// A process somebody left running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftover {
    /// Which process.
    pub identity: Identity,
    /// Its command line, at most 120 characters.
    pub command: String,
}

/// Returns the living processes of this user that carry the marker, oldest first, without the caller.
#[must_use]
pub fn find_marked(marker: &Marker) -> Vec<Leftover> {
    let proc = Proc::system();
    let (own, entry) = (std::process::id(), marker.entry());
    let mut found = proc.all();
    found.retain(|stat| {
        let pid = stat.identity.pid();
        pid != own && !stat.dead && proc.environment_has(pid, &entry)
    });
    found.sort_unstable_by_key(|stat| (stat.identity.started(), stat.identity.pid()));
    let name = |identity: Identity| Leftover { identity, command: proc.command_line(identity.pid(), 120) };
    found.into_iter().map(|stat| name(stat.identity)).collect()
}

/// Returns the markers called `name` that living processes carry beside `marker`, each once.
#[must_use]
pub fn markers_beside(marker: &Marker, name: &str) -> Vec<Marker> {
    let proc = Proc::system();
    let value = |left: Leftover| proc.variable(left.identity.pid(), name);
    let values: std::collections::BTreeSet<String> =
        find_marked(marker).into_iter().filter_map(value).collect();
    values.into_iter().map(|value| Marker::new(name, value)).collect()
}

/// Ends every process that carries the marker, and what is below them: SIGTERM, then SIGKILL.
pub async fn end_marked(marker: &Marker, ladder: &Ladder) -> StopReport {
    end(&mut Tree::new(None, Some(marker.clone())), ladder, Stage::OnItsOwn).await
}
