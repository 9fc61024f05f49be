//! The built-in agents of the measurements: the real engines, whose programs are played. A program prints the file
//! that its prompt names, so that what is measured is all takopi's.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use takopi_core::port::engine::{Engine, EngineSpec};
use takopi_core::settings::Settings;
use takopi_engines::{BuildError, Drifts, EngineParts, Environment};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The agents that are measured.
pub(super) const PLAYED: [&str; 2] = ["codex", "claude"];

/// Reads the name of a file from stdin and becomes what prints it.
const PROGRAM: &str = "#!/bin/sh\nread -r file\nexec /bin/cat \"$file\"\n";

/// The real engines, over played programs.
pub(super) struct Actors {
    settings: Settings,
    parts: EngineParts,
}

impl Actors {
    /// Puts the programs into `folder`.
    pub(super) fn new(folder: &Path) -> anyhow::Result<Self> {
        let programs = folder.join("bin");
        fs::create_dir_all(&programs)?;
        for name in PLAYED {
            let file = programs.join(name);
            fs::write(&file, PROGRAM)?;
            let executable = fs::Permissions::from_mode(0o755);
            fs::set_permissions(&file, executable).with_context(|| format!("failed to make {name} run"))?;
        }
        let parts = EngineParts {
            environment: Environment::new("measure", std::iter::empty(), |_, _| true),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            path: Some(programs.into_os_string()),
            shell: None,
            drift: Drifts::default(),
        };
        Ok(Self { settings: Settings::default(), parts })
    }

    /// Returns what is known of them.
    pub(super) fn specs(&self) -> anyhow::Result<Vec<EngineSpec>> {
        let specs = takopi_engines::list(&self.settings, &[])?.into_iter().map(|listed| listed.spec);
        Ok(specs.filter(|spec| PLAYED.contains(&spec.id.as_str())).collect())
    }

    /// Makes one; `None` when it is none of them.
    ///
    /// # Errors
    /// When its settings, which are the defaults, cannot be used.
    pub(super) fn engine(&self, spec: &EngineSpec) -> Result<Option<Arc<dyn Engine>>, BuildError> {
        let played = PLAYED.contains(&spec.id.as_str());
        played.then(|| takopi_engines::build(spec, &self.settings, &self.parts)).transpose()
    }
}
