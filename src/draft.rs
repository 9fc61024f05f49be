//! The config file while it is being changed: comments and order stay, what the settings would refuse is refused,
//! and the file is replaced as a whole or not at all.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use takopi_core::settings::{Diagnostic, Severity};
use toml_edit::{DocumentMut, Item, Table, Value};

use crate::config;
use crate::place::Place;
use crate::report::Failure;

/// A config file as it would be.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    document: DocumentMut,
}

impl Draft {
    /// Returns the config file as it is; an empty one where there is none.
    ///
    /// # Errors
    /// When the file cannot be read, with where it isn't TOML.
    pub(crate) fn open(place: &Place) -> Result<Self, Failure> {
        let text = match fs::read_to_string(&place.config) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => {
                let shown = place.shown(&place.config);
                return Err(Failure::told(format_args!("failed to read {shown}: {error}")));
            }
        };
        Self::parse(place, &text)
    }

    /// Returns a config file of this text.
    ///
    /// # Errors
    /// With where it isn't TOML.
    pub(crate) fn parse(place: &Place, text: &str) -> Result<Self, Failure> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        match text.parse() {
            Ok(document) => Ok(Self { document }),
            // Its own message shows the line, which may hold a secret; the settings' does not.
            Err(_) => Err(match config::read_text(place, text) {
                Err(failure) => failure,
                Ok(_) => Failure::told(format_args!("{} is not TOML", place.shown(&place.config))),
            }),
        }
    }

    /// Returns the text of the file.
    pub(crate) fn text(&self) -> String {
        self.document.to_string()
    }

    /// Returns whether anything is written at a dotted key.
    pub(crate) fn has(&self, key: &str) -> bool {
        let mut item = Some(self.document.as_item());
        for part in key.split('.') {
            item = item.and_then(|item| item.get(part));
        }
        item.is_some()
    }

    /// Writes `value` at a dotted key, with whatever comment stands behind the old one.
    ///
    /// # Errors
    /// When a part of the key is no table, or is one where the value would go.
    pub(crate) fn put(&mut self, key: &str, value: Value) -> Result<(), Failure> {
        let mut parts: Vec<&str> = key.split('.').collect();
        let last = parts.pop().unwrap_or_default();
        if last.is_empty() || parts.iter().any(|part| part.is_empty()) {
            return Err(Failure::told(format_args!("{key:?} is no key")).hint("e.g. ledger.retention_days"));
        }
        let mut item = self.document.as_item_mut();
        for part in parts {
            let Some(table) = item.as_table_like_mut() else { return Err(no_table(key)) };
            let new = || {
                let mut table = Table::new();
                table.set_implicit(true);
                Item::Table(table)
            };
            item = table.entry(part).or_insert_with(new);
        }
        let Some(table) = item.as_table_like_mut() else { return Err(no_table(key)) };
        match table.get_mut(last) {
            None => drop(table.insert(last, Item::Value(value))),
            Some(Item::Value(old)) => {
                let decor = old.decor().clone();
                *old = value;
                *old.decor_mut() = decor;
            }
            Some(_) => {
                return Err(Failure::told(format_args!("{key} is a table"))
                    .hint(format_args!("name a key in it: {key}.KEY")));
            }
        }
        Ok(())
    }

    /// Takes a dotted key out, with the comments before it; nothing happens where it isn't written.
    pub(crate) fn remove(&mut self, key: &str) {
        let Some((tables, last)) = key.rsplit_once('.') else { return };
        let mut item = Some(self.document.as_item_mut());
        for part in tables.split('.') {
            item = item.and_then(|item| item.get_mut(part));
        }
        if let Some(table) = item.and_then(Item::as_table_like_mut) {
            drop(table.remove(last));
        }
    }

    /// Returns the errors that this file has and `before` has not, of keys that are written. What is still missing
    /// is no reason to refuse a change: a table is written key by key.
    ///
    /// # Errors
    /// When the settings cannot be looked at.
    pub(crate) fn news(&self, place: &Place, before: &Self) -> Result<Vec<Diagnostic>, Failure> {
        let known = config::mistakes_in(place, &before.text())?;
        let is_known =
            |one: &Diagnostic| known.iter().any(|old| old.key == one.key && old.problem == one.problem);
        let mut mistakes = config::mistakes_in(place, &self.text())?;
        mistakes.retain(|one| one.severity == Severity::Error && self.has(&one.key) && !is_known(one));
        Ok(mistakes)
    }

    /// Puts the file in its place: readers see the old one or this one, after a power cut too. An existing file
    /// keeps who may read it; a new one is its owner's alone, since it may hold tokens.
    ///
    /// # Errors
    /// When the disk will not have it; then the old file stands.
    pub(crate) fn save(&self, place: &Place) -> Result<(), Failure> {
        replace(&place.config, self.text().as_bytes()).map_err(|error| {
            Failure::told(format_args!("failed to write {}: {error}", place.shown(&place.config)))
        })
    }
}

fn no_table(key: &str) -> Failure {
    Failure::told(format_args!("{key} cannot be written: what stands before its last dot is no table"))
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("/"));
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let mode = match fs::metadata(path) {
        Ok(data) => data.permissions().mode() & 0o777,
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0o600,
        Err(error) => return Err(error),
    };
    let temporary = path.with_extension(format!("{}.new", std::process::id()));
    let written = write(&temporary, bytes, mode).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() && fs::remove_file(&temporary).is_err() {
        tracing::debug!(path = %temporary.display(), "the file that failed was never there");
    }
    written?;
    File::open(dir)?.sync_all()
}

fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(dir: &Path) -> Place {
        Place { config: dir.join("sub/takopi.toml"), named: false, home: None }
    }

    fn draft(text: &str) -> Draft {
        Draft { document: text.parse().unwrap() }
    }

    #[test]
    fn a_change_keeps_comments_and_order() {
        let mut file = draft("# mine\nb = 1 # why\na = 2\n\n# bots\n[t.x]\nk = 'v'\n");
        file.put("b", 7.into()).unwrap();
        file.put("t.x.l", "w".into()).unwrap();
        file.put("ledger.retention_days", 3.into()).unwrap();
        assert_eq!(
            file.text(),
            "# mine\nb = 7 # why\na = 2\n\n# bots\n[t.x]\nk = 'v'\nl = \"w\"\n\n[ledger]\nretention_days = 3\n"
        );
        assert!(file.has("t.x.l") && file.has("t") && !file.has("t.y"));
    }

    #[test]
    fn a_key_that_cannot_be_written_changes_nothing() {
        let mut file = draft("a = 2\n[t]\nk = 1\n");
        for key in ["a.b", "t", "", "t.", ".k"] {
            assert!(file.put(key, 1.into()).is_err(), "{key}");
        }
        assert_eq!(file.text(), "a = 2\n[t]\nk = 1\n");
    }

    #[test]
    fn a_new_file_is_its_owners_alone_and_an_old_one_keeps_its_mode() {
        let dir = tempfile::tempdir().unwrap();
        let place = place(dir.path());
        let mode = || fs::metadata(&place.config).unwrap().permissions().mode() & 0o777;
        draft("a = 1\n").save(&place).unwrap();
        assert_eq!(mode(), 0o600);
        fs::set_permissions(&place.config, Permissions::from_mode(0o640)).unwrap();
        draft("a = 2\n").save(&place).unwrap();
        assert_eq!((mode(), fs::read_to_string(&place.config).unwrap().as_str()), (0o640, "a = 2\n"));
        assert_eq!(fs::read_dir(dir.path().join("sub")).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn only_a_new_mistake_at_a_written_key_speaks_against_a_change() {
        let dir = tempfile::tempdir().unwrap();
        let place = place(dir.path());
        let before = draft("[transports.telegram]\nsession_mode = 'odd'\n");
        let mut after = before.clone();
        after.put("transports.telegram.bot_token", "1:abc".into()).unwrap();
        assert_eq!(after.news(&place, &before).unwrap(), [], "chat_id is only missing yet");
        after.put("transports.telegram.chat_id", "x".into()).unwrap();
        let news = after.news(&place, &before).unwrap();
        assert_eq!(
            news.iter().map(|one| one.key.as_str()).collect::<Vec<_>>(),
            ["transports.telegram.chat_id"]
        );
    }
}
