//! Notices that plugins came, changed or went: by the times of their folders and manifests, which is all that is looked
//! at, so that a plugin that was just put there is known to the next message, and none costs anything.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use takopi_plugin_host::manifest;
use tokio::time::Instant;

/// How often the folders are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How long they have to rest before plugins are looked for: one that is half copied is no plugin yet.
const REST: Duration = Duration::from_millis(300);

/// The folders of plugins, as they were when they were last looked at.
#[derive(Debug)]
pub(crate) struct Folders {
    places: Vec<PathBuf>,
    seen: Vec<Mark>,
    /// Whether something has changed that was not told of since.
    untold: bool,
    due: Instant,
}

/// A folder or a manifest, and when it was last changed in any way: seconds and nanoseconds.
type Mark = (PathBuf, i64, i64);

impl Folders {
    /// Begins with the folders as they are.
    pub(crate) fn begin(places: Vec<PathBuf>) -> Self {
        let seen = marks(&places);
        Self { places, seen, untold: false, due: Instant::now() + LOOK_EVERY }
    }

    /// Looks at these from now on; what changes by that was read already.
    pub(crate) fn follow(&mut self, places: Vec<PathBuf>) {
        if places != self.places {
            (self.seen, self.places) = (marks(&places), places);
        }
    }

    /// Returns once something has changed and rests. Dropping it is how it is stopped; it may be called again.
    pub(crate) async fn changed(&mut self) {
        loop {
            tokio::time::sleep_until(self.due).await;
            if tokio::task::block_in_place(|| self.is_to_be_told()) {
                return;
            }
        }
    }

    fn is_to_be_told(&mut self) -> bool {
        let now = marks(&self.places);
        if now != self.seen {
            (self.seen, self.untold) = (now, true);
            self.due = Instant::now() + REST;
            return false;
        }
        self.due = Instant::now() + LOOK_EVERY;
        std::mem::take(&mut self.untold)
    }
}

/// Returns the marks of the places, of the folders in them, and of their manifests.
fn marks(places: &[PathBuf]) -> Vec<Mark> {
    let mut marks = Vec::new();
    for place in places {
        let Some(found) = mark(place) else { continue };
        marks.push(found);
        marks.extend(mark(&place.join(manifest::FILE)));
        let Ok(entries) = fs::read_dir(place) else { continue };
        for folder in entries.flatten().map(|entry| entry.path()) {
            marks.extend(mark(&folder));
            marks.extend(mark(&folder.join(manifest::FILE)));
        }
    }
    marks.sort_unstable();
    marks
}

fn mark(path: &Path) -> Option<Mark> {
    let data = fs::metadata(path).ok()?;
    Some((path.to_path_buf(), data.ctime(), data.ctime_nsec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_that_came_changed_or_went_is_told_once_it_rests() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("plugins");
        let mut folders = Folders::begin(vec![place.clone()]);
        assert!(!folders.is_to_be_told(), "there is not even a folder");
        let plugin = place.join("weather");
        fs::create_dir_all(&plugin).unwrap();
        assert!(!folders.is_to_be_told(), "it is being made");
        fs::write(plugin.join(manifest::FILE), "manifest = 1").unwrap();
        assert!(!folders.is_to_be_told(), "it changes still");
        assert!(folders.is_to_be_told() && !folders.is_to_be_told(), "it rests, and is told once");
        fs::write(plugin.join("run"), "").unwrap();
        assert!(!folders.is_to_be_told() && folders.is_to_be_told(), "a program came");
        fs::remove_dir_all(&plugin).unwrap();
        assert!(!folders.is_to_be_told() && folders.is_to_be_told(), "it is gone");
    }
}
