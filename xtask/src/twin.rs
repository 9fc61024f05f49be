//! A Discord that others have written, npm's `discord-digital-twin`, installed from the pinned list in `tests/twin`.

use std::path::{Path, PathBuf};

use crate::npm;

/// Returns the folder that it is installed in, and the node that runs it.
///
/// # Errors
/// When npm is missing or fails, or node is too old.
pub(crate) fn install(root: &Path) -> anyhow::Result<(PathBuf, PathBuf)> {
    let size = "360 MB on disk";
    let folder = npm::install(root, "twin", "another's Discord", size, |_| Ok(()))?;
    let node = npm::node(&folder)?;
    Ok((folder, node))
}
