//! Where things are: the config file, and beside it the lock, the socket, the ledger and the history.
//!
//! Reads the environment once and touches no file. What the config file says is read in `config.rs`.

use std::env;
use std::path::{Path, PathBuf};

use crate::report::Failure;

/// Variable that names the config file, unless `--config` does.
const CONFIG: &str = "TAKOPI_CONFIG";

/// Where one takopi lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The config file, absolute.
    pub(crate) config: PathBuf,
    /// Whether a person named it: then it must exist.
    pub(crate) named: bool,
    /// The home directory, for `~`.
    pub(crate) home: Option<PathBuf>,
}

impl Place {
    /// Returns the place that `--config`, the environment or the home directory names, in this order.
    ///
    /// # Errors
    /// When none of them does.
    pub(crate) fn find(flag: Option<&Path>) -> Result<Self, Failure> {
        let home = env::var_os("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
        let variable = env::var_os(CONFIG).filter(|path| !path.is_empty()).map(PathBuf::from);
        let named = flag.map(Path::to_path_buf).or(variable);
        let is_named = named.is_some();
        let Some(config) = named.or_else(|| home.as_ref().map(|home| home.join(".takopi/takopi.toml")))
        else {
            return Err(Failure::told("there is no HOME to look for .takopi/takopi.toml in")
                .hint("name the config file: `--config PATH`"));
        };
        let config = std::path::absolute(&config).map_err(|error| {
            Failure::told(format_args!("no such config path {}: {error}", config.display()))
        })?;
        // Two names of one file are one place: one lock, one ledger.
        let config = config.canonicalize().unwrap_or(config);
        Ok(Self { config, named: is_named, home })
    }

    /// Returns the directory everything lies in.
    pub(crate) fn dir(&self) -> &Path {
        self.config.parent().unwrap_or(Path::new("/"))
    }

    /// Returns the lock file.
    pub(crate) fn lock(&self) -> PathBuf {
        self.config.with_extension("lock")
    }

    /// Returns the control socket, where its path is short enough.
    pub(crate) fn socket(&self) -> PathBuf {
        self.config.with_extension("sock")
    }

    /// Returns the ledger, unless the settings name another.
    pub(crate) fn ledger(&self) -> PathBuf {
        self.config.with_extension("db")
    }

    /// Returns the lines typed into `takopi chat`.
    pub(crate) fn history(&self) -> PathBuf {
        self.dir().join("history")
    }

    /// Returns `path` as people write it: with `~` for the home directory.
    pub(crate) fn shown(&self, path: &Path) -> String {
        let below = self.home.as_ref().and_then(|home| path.strip_prefix(home).ok());
        below.map_or_else(|| path.display().to_string(), |below| format!("~/{}", below.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_lies_beside_the_config_under_its_name() {
        let place = Place { config: "/h/.takopi/takopi.toml".into(), named: false, home: Some("/h".into()) };
        assert_eq!(place.lock(), Path::new("/h/.takopi/takopi.lock"));
        assert_eq!(place.socket(), Path::new("/h/.takopi/takopi.sock"));
        assert_eq!(place.ledger(), Path::new("/h/.takopi/takopi.db"));
        assert_eq!(place.shown(&place.history()), "~/.takopi/history");
        assert_eq!(place.shown(Path::new("/etc/x")), "/etc/x");
    }
}
