//! Reads the settings for a command: the file's bytes, the environment and the command line, handed to core.
//!
//! What they mean and what is wrong with them is core's to say. Also notices when the file has changed.

mod folders;

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use takopi_core::id::EngineId;
use takopi_core::settings::{
    self, ConfigFile, Diagnostic, Input, Known, KnownEngine, Loaded, Override, Settings, Standing,
    default_engine, load,
};
use takopi_plugin_host::discover::Discovery;
use tokio::time::Instant;

pub(crate) use folders::Folders;

use crate::house;
use crate::logs::Logs;
use crate::place::Place;
use crate::report::Failure;

/// How often the file is looked at. A person who saves it waits about that long.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How long the file has to rest before it is read: of one that is half written, who may speak could be missing.
const REST: Duration = Duration::from_millis(200);

/// Settings, and what they could name as they were read.
#[derive(Debug, Clone)]
pub(crate) struct Read {
    /// The settings.
    pub(crate) settings: Settings,
    /// What to warn of.
    pub(crate) warnings: Vec<Diagnostic>,
    /// What settings may name.
    pub(crate) known: Known,
    /// The plugins there are.
    pub(crate) plugins: Arc<Discovery>,
}

/// Settings that hold, with the engine they come to.
#[derive(Debug)]
pub(crate) struct Ready {
    /// The settings and what to warn of.
    pub(crate) loaded: Read,
    /// The engine for messages that name none.
    pub(crate) default_engine: EngineId,
    /// The engines that could be installed; `None` when a coding agent is there already.
    pub(crate) installable: Option<Vec<EngineId>>,
}

/// Reads the settings.
///
/// # Errors
/// [`Failure::Settings`] with every mistake.
pub(crate) fn read(place: &Place, overrides: &[Override]) -> Result<Read, Failure> {
    with_input(place, overrides, |input| read_input(place, input))
}

/// Returns the engines there are, whatever else the settings say.
///
/// # Errors
/// When this program's own names are not sound, which never happens.
pub(crate) fn engines(place: &Place) -> Result<Vec<KnownEngine>, Failure> {
    with_input(place, &[], |input| {
        let rules = settings::plugins(input);
        Ok(house::known(&house::discover(place, &rules), &rules)?.engines)
    })
}

fn with_input<T>(
    place: &Place,
    overrides: &[Override],
    use_it: impl FnOnce(&Input<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let content = match fs::read(&place.config) {
        Ok(bytes) => Ok(bytes),
        Err(error) => Err(error.kind()),
    };
    let file = ConfigFile { path: place.config.clone(), named: place.named, content };
    let environment: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let home = place.home.as_deref();
    use_it(&Input { file: &file, environment: &environment, overrides, home })
}

/// Finds the plugins first: what other tables may name depends on them.
fn read_input(place: &Place, input: &Input<'_>) -> Result<Read, Failure> {
    let rules = settings::plugins(input);
    let plugins = Arc::new(house::discover(place, &rules));
    let known = house::known(&plugins, &rules)?;
    let Loaded { settings, warnings } = load(input, &known).map_err(Failure::Settings)?;
    Ok(Read { settings, warnings, known, plugins })
}

/// Reads the settings and chooses the default engine; the log learns the secrets.
///
/// # Errors
/// [`Failure::Settings`] with every mistake.
pub(crate) fn ready(place: &Place, overrides: &[Override], logs: &Logs) -> Result<Ready, Failure> {
    let loaded = read(place, overrides)?;
    logs.hide(loaded.settings.environment.secrets());
    logs.hide(&house::plugin_secrets(place, &loaded.settings, &loaded.plugins));
    let known = &loaded.known.engines;
    let default_engine =
        default_engine(&loaded.settings, known).map_err(|mistake| Failure::Settings(vec![mistake]))?;
    let agents = || known.iter().filter(|engine| engine.executable.is_some());
    let missing = || agents().map(|engine| engine.id.clone()).collect();
    // A plugin's engine that answers is what there is, whatever it needs.
    let is_plugin =
        |engine: &KnownEngine| engine.id == default_engine && engine.standing == Standing::ThirdParty;
    let is_served = agents().any(|engine| engine.installed) || known.iter().any(is_plugin);
    let installable = (!is_served).then(missing);
    Ok(Ready { loaded, default_engine, installable })
}

/// Returns the settings of somebody who has set nothing.
///
/// # Errors
/// Never, unless the defaults are wrong.
pub(crate) fn defaults(place: &Place) -> Result<Read, Failure> {
    read_text(place, "")
}

/// Reads settings of this text alone, as the config file at `place` would be read.
///
/// # Errors
/// [`Failure::Settings`] with every mistake.
pub(crate) fn read_text(place: &Place, text: &str) -> Result<Read, Failure> {
    let content = Ok(text.as_bytes().to_vec());
    let file = ConfigFile { path: place.config.clone(), named: false, content };
    let input = Input { file: &file, environment: &[], overrides: &[], home: place.home.as_deref() };
    read_input(place, &input)
}

/// Returns everything that a start would say of the settings as they are: of the tables of all rooms, and of the
/// engine that is missing.
///
/// # Errors
/// When they cannot be looked at.
pub(crate) fn mistakes(place: &Place) -> Result<Vec<Diagnostic>, Failure> {
    all_mistakes(place, read(place, &[]), |read| default_engine(&read.settings, &read.known.engines).err())
}

/// Returns what is wrong with settings of this text alone; whether an engine is installed is another matter.
///
/// # Errors
/// When they cannot be looked at.
pub(crate) fn mistakes_in(place: &Place, text: &str) -> Result<Vec<Diagnostic>, Failure> {
    all_mistakes(place, read_text(place, text), |_| None)
}

fn all_mistakes(
    place: &Place,
    read: Result<Read, Failure>,
    more: impl FnOnce(&Read) -> Option<Diagnostic>,
) -> Result<Vec<Diagnostic>, Failure> {
    let read = match read {
        Ok(read) => read,
        Err(Failure::Settings(mistakes)) => return Ok(mistakes),
        Err(failure) => return Err(failure),
    };
    let mut told = read.warnings.clone();
    told.extend(house::mistakes(&read.settings)?);
    told.extend(house::transport_mistakes(&read.settings));
    told.extend(house::plugin_mistakes(place, &read.settings, &read.plugins));
    told.extend(more(&read));
    told.sort_by(|a, b| a.place.cmp(&b.place));
    Ok(told)
}

/// What tells one state of a file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

fn mark(path: &Path) -> io::Result<Mark> {
    let mark = |data: Metadata| Mark {
        inode: data.ino(),
        size: data.len(),
        modified: (data.mtime(), data.mtime_nsec()),
    };
    fs::metadata(path).map(mark)
}

/// Notices that the config file has changed, been removed or come back.
#[derive(Debug)]
pub(crate) struct Watch<'a> {
    path: &'a Path,
    seen: Option<Mark>,
    /// Whether it has been there at all.
    known: bool,
    /// Whether it has changed and was not read since.
    unread: bool,
    /// When to look next, whoever else is waited for in between.
    due: Instant,
}

impl<'a> Watch<'a> {
    /// Begins with the file as it is.
    pub(crate) fn begin(path: &'a Path) -> Self {
        let seen = mark(path).ok();
        Self { path, seen, known: seen.is_some(), unread: false, due: Instant::now() + LOOK_EVERY }
    }

    /// Returns once the file reads differently and rests. Dropping it is how it is stopped; it may be called again.
    pub(crate) async fn changed(&mut self) {
        loop {
            tokio::time::sleep_until(self.due).await;
            if self.is_to_be_read() {
                return;
            }
        }
    }

    /// Looks, and returns whether the file has changed and was found at rest since.
    fn is_to_be_read(&mut self) -> bool {
        if self.look() {
            self.unread = true;
            self.due = Instant::now() + REST;
            return false;
        }
        self.due = Instant::now() + LOOK_EVERY;
        self.seen.is_some() && std::mem::take(&mut self.unread)
    }

    /// Returns whether the file has been there and is gone: then nothing is read, which would mean the defaults.
    pub(crate) fn is_gone(&self) -> bool {
        self.known && mark(self.path).is_err()
    }

    /// Returns whether there is something new to read. A file that is gone for a moment is being replaced.
    fn look(&mut self) -> bool {
        match mark(self.path) {
            Ok(now) if self.seen != Some(now) => {
                (self.seen, self.known) = (Some(now), true);
                true
            }
            Err(error) if self.seen.is_some() => {
                self.seen = None;
                tracing::warn!(path = %self.path.display(), %error, "the config file is gone; the settings stay as they are");
                false
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_saved_a_replaced_and_a_returning_file_are_noticed_once_each() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("takopi.toml");
        let mut watch = Watch::begin(&path);
        assert!(!watch.look());
        fs::write(&path, "a = 1").unwrap();
        assert!(watch.look() && !watch.look());
        let other = dir.path().join("other");
        fs::write(&other, "a = 2").unwrap();
        fs::rename(&other, &path).unwrap();
        assert!(watch.look() && !watch.look());
        fs::remove_file(&path).unwrap();
        assert!(!watch.look());
        fs::write(&path, "a = 2").unwrap();
        assert!(watch.look());
    }

    #[test]
    fn a_file_is_read_when_nobody_writes_on_it_any_more() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("takopi.toml");
        fs::write(&path, "a = 1").unwrap();
        let mut watch = Watch::begin(&path);
        fs::write(&path, "").unwrap();
        assert!(!watch.is_to_be_read(), "it was emptied, and may be filled at once");
        fs::write(&path, "a = 123").unwrap();
        assert!(!watch.is_to_be_read(), "it changes still");
        assert!(watch.is_to_be_read() && !watch.is_to_be_read(), "it rests, and is told once");
        fs::write(&path, "a = 2").unwrap();
        assert!(!watch.is_to_be_read());
        fs::remove_file(&path).unwrap();
        assert!(!watch.is_to_be_read(), "it is gone");
        fs::write(&path, "a = 21").unwrap();
        assert!(!watch.is_to_be_read() && watch.is_to_be_read());
    }

    #[test]
    fn a_file_that_was_there_is_missed_and_one_that_never_was_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("takopi.toml");
        assert!(!Watch::begin(&path).is_gone());
        fs::write(&path, "a = 1").unwrap();
        let watch = Watch::begin(&path);
        assert!(!watch.is_gone());
        fs::remove_file(&path).unwrap();
        assert!(watch.is_gone());
    }
}
