//! What a child of an engine finds in its environment: the daemon's own, minus what is none of its business.

use std::ffi::OsString;

use takopi_core::id::RunId;
use takopi_stdio::{Marker, Spawn};

/// Marks every child of a daemon, by the ledger's id.
pub const CHILD: &str = "TAKOPI_CHILD";

/// Marks every child of a run.
pub const RUN: &str = "TAKOPI_RUN";

/// What a supervisor tells the daemon alone: a child that answered in its name would mislead it.
/// sd_notify(3) and sd_listen_fds(3).
const SUPERVISOR: [&str; 5] = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID"];

/// What children inherit: the daemon's variables, but for those that are not for engines.
#[derive(Clone)]
pub struct Environment {
    child: String,
    remove: Vec<OsString>,
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Environment").field("child", &self.child).finish_non_exhaustive()
    }
}

impl Environment {
    /// Returns the environment of children of the daemon `child`. `inherited` are the variables the daemon
    /// has; `passes` tells by name and value which of them are for engines. One that is no Unicode is judged
    /// by what of it is.
    #[must_use]
    pub fn new(
        child: impl Into<String>,
        inherited: impl IntoIterator<Item = (OsString, OsString)>,
        passes: impl Fn(&str, &str) -> bool,
    ) -> Self {
        let kept_back = |(name, value): &(OsString, OsString)| {
            let name = name.to_string_lossy();
            SUPERVISOR.contains(&&*name) || !passes(&name, &value.to_string_lossy())
        };
        let remove = inherited.into_iter().filter(kept_back).map(|(name, _)| name).collect();
        Self { child: child.into(), remove }
    }

    /// Applies it to a child of `run`. Its descendants are found again by the marks, after a crash too.
    #[must_use]
    pub fn apply(&self, spawn: Spawn, run: RunId) -> Spawn {
        self.apply_outside_runs(spawn).marker(Marker::new(RUN, run.to_string()))
    }

    /// Applies it to a child that belongs to no run, such as one that is asked for its version.
    #[must_use]
    pub fn apply_outside_runs(&self, spawn: Spawn) -> Spawn {
        let spawn = self.remove.iter().fold(spawn, |spawn, name| spawn.env_remove(name));
        spawn.env(CHILD, &self.child)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_secrets_and_the_supervisors_words_are_kept_back() {
        let inherited = ["PATH", "TAKOPI__X", "NOTIFY_SOCKET", "HOME"].map(|name| (name.into(), "x".into()));
        let environment = Environment::new("daemon", inherited, |name, _| !name.starts_with("TAKOPI__"));
        assert_eq!(environment.remove, ["TAKOPI__X", "NOTIFY_SOCKET"]);
    }
}
