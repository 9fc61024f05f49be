//! A plugin in a folder of its own, with the host that takopi makes of its manifest.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use takopi_core::testing::clock::TestClock;
use takopi_plugin_host::manifest::{Manifest, Package};
use takopi_plugin_host::{Bounds, HostParts, Plugin};
use takopi_plugin_protocol::life::Settings;
use takopi_stdio::Marker;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Marks what belongs to a run.
pub(crate) const RUN: &str = "TAKOPI_RUN";

/// A plugin that can be started. It ends with this.
pub(crate) struct Stage {
    pub(crate) plugin: Arc<Plugin>,
    stop: CancellationToken,
    pub(crate) _dir: TempDir,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Stage {
    /// Returns an example, set to `settings`; `change` has the last word on its manifest.
    pub(crate) fn example(name: &str, settings: Settings, change: impl FnOnce(&mut Manifest)) -> Self {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
        let dir = tempfile::tempdir().unwrap();
        for entry in from.read_dir().unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                put(&entry.path(), dir.path());
            }
        }
        let (ours, program) = crate::PROGRAM;
        if name == ours {
            put(Path::new(program), dir.path());
        }
        let manifest = std::fs::read_to_string(from.join("takopi-plugin.toml")).unwrap();
        Self::of(dir, &manifest, settings, change)
    }

    /// Returns the plugin of the files, which are named from this crate's folder, and a manifest.
    pub(crate) fn files(files: &[&str], manifest: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for file in files {
            put(&Path::new(env!("CARGO_MANIFEST_DIR")).join(file), dir.path());
        }
        Self::of(dir, manifest, Settings::default(), |_| {})
    }

    fn of(dir: TempDir, manifest: &str, settings: Settings, change: impl FnOnce(&mut Manifest)) -> Self {
        let mut manifest = Manifest::parse(manifest).unwrap();
        if let Some(python) = std::env::var("TAKOPI_TEST_PYTHON").ok().filter(|python| !python.is_empty())
            && manifest.process.command[0] == "python3"
        {
            manifest.process.command[0] = python;
        }
        change(&mut manifest);
        let stop = CancellationToken::new();
        let parts = HostParts {
            tasks: TaskTracker::new(),
            stop: stop.clone(),
            clock: Arc::new(TestClock::new()),
            dress: Arc::new(|spawn, run| match run {
                Some(run) => spawn.marker(Marker::new(RUN, run.to_string())),
                None => spawn,
            }),
            passes: Arc::new(|_, _| true),
            mark: ("TAKOPI_CHILD".to_owned(), "test".to_owned()),
            data: dir.path().join("data"),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        // Waits for what never comes are short, all others as long as they are.
        let ms = Duration::from_millis;
        let bounds = Bounds { cancel: ms(500), deaf: ms(500), exit: ms(500), ..Bounds::default() };
        let package = Arc::new(Package { dir: dir.path().to_owned(), manifest });
        let plugin = Plugin::bounded(package, settings, Arc::new(parts), bounds);
        Self { plugin, stop, _dir: dir }
    }
}

/// Copies a file so that nobody else may write to it.
fn put(file: &Path, dir: &Path) {
    let copy = dir.join(file.file_name().unwrap());
    std::fs::copy(file, &copy).unwrap();
    std::fs::set_permissions(copy, std::fs::Permissions::from_mode(0o755)).unwrap();
}
