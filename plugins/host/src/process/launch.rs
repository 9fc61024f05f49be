//! How a plugin's process is started: its program, its directory, what it finds in its environment.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use takopi_core::id::{Distribution, RunId};
use takopi_plugin_protocol as protocol;
use takopi_stdio::{Input, Marker, Spawn};

use crate::manifest::Package;
use crate::owner;
use crate::parts::HostParts;
use crate::problem::{Code, Problem};

/// The variables every plugin gets.
const USUAL: [&str; 4] = ["PATH", "HOME", "LANG", "TMPDIR"];

/// The variable by which the descendants of a process that serves more than one run are found.
pub const MARK: &str = "TAKOPI_PLUGIN";

/// Returns the folder in which a plugin may keep files.
pub(crate) fn data_dir(package: &Package, parts: &HostParts) -> PathBuf {
    let name = Distribution::parse(&package.manifest.distribution.name);
    parts.data.join(name.map_or_else(|| "unnamed".to_owned(), |name| name.to_string()))
}

/// Makes that folder, for this user alone.
///
/// # Errors
/// When the system refuses.
pub(crate) async fn make_data_dir(dir: &Path) -> std::io::Result<()> {
    tokio::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).await
}

/// Makes sure that a plugin may be started now: what was found of it may be long ago.
///
/// # Errors
/// [`Code::UnsafeOwner`] when others could have changed it since; [`Code::MissingVariable`] when it lacks one.
pub(super) fn look_over(package: &Package, parts: &HostParts) -> Result<(), Problem> {
    owner::check(package, rustix::process::geteuid().as_raw())?;
    let missing = |problem: String| Err(Problem::new(Code::MissingVariable, problem));
    for name in &package.manifest.process.needs_env {
        let Some(value) = std::env::var_os(name) else {
            return missing(format!("the variable {name} is not set; set it where takopi is started"));
        };
        if package.manifest.engines.is_empty() && !(parts.passes)(OsStr::new(name), &value) {
            return missing(format!(
                "the variable {name} holds a secret of the settings, which plugins do not get; give it one of its own"
            ));
        }
    }
    Ok(())
}

/// Returns how the process is started; one of its own for `run`, if that is given.
pub(crate) fn spawn(package: &Package, parts: &HostParts, run: Option<RunId>) -> Spawn {
    let Package { dir, manifest } = package;
    let (program, arguments) = manifest.process.command.split_first().map_or(("", &[][..]), |(a, b)| (a, b));
    let program = if program.contains('/') { dir.join(program).into_os_string() } else { program.into() };
    let spawn = Spawn::new(program).args(arguments).dir(dir).stdin(Input::Piped);
    let spawn = if manifest.engines.is_empty() {
        let declared = manifest.process.env.iter().chain(&manifest.process.needs_env).map(String::as_str);
        let passes = |name: &&str| {
            let name = OsStr::new(name);
            std::env::var_os(name).is_some_and(|value| (parts.passes)(name, &value))
        };
        let (name, value) = &parts.mark;
        spawn.env_only(USUAL.into_iter().chain(declared).filter(passes)).env(name, value)
    } else {
        (parts.dress)(spawn, run)
    };
    let spawn = match run {
        // `dress` marks it by the run.
        Some(_) => spawn,
        None => spawn.marker(Marker::new(MARK, uuid::Uuid::new_v4().to_string())),
    };
    let plugin = manifest.distribution.name.clone();
    spawn
        .env(protocol::COOKIE, protocol::VERSION.to_string())
        .env(protocol::DATA_DIR, data_dir(package, parts))
        .max_line_bytes(protocol::MAX_LINE_BYTES)
        .on_stderr(move |line| tracing::debug!(plugin, "{line}"))
}
