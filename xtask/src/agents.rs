//! The agent CLIs that the tests run, installed by npm from the pinned list in `tests/agents`, and the table of what
//! they did there.
//!
//! What is installed is kept under `target/agents` until the list changes. Whether a missing npm is a failure is
//! decided in `suites`.

pub(crate) mod table;

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::{npm, provision};

/// The pinned list, below `tests`.
const LIST: &str = "agents";

/// An agent CLI: a row of the table.
struct Agent {
    /// The name of its row and of the folder that holds its program.
    row: &'static str,
    /// The name of the program, as engines look for it on `PATH`.
    program: &'static str,
    /// Where npm puts it, below `node_modules`.
    package: &'static str,
    file: &'static str,
    /// What the package runs after its installation: it puts the binary for this platform in place.
    setup: Option<&'static str>,
}

const AGENTS: [Agent; 6] = [
    Agent { row: "codex", program: "codex", package: "@openai/codex", file: "bin/codex.js", setup: None },
    Agent {
        row: "claude",
        program: "claude",
        package: "@anthropic-ai/claude-code",
        file: "bin/claude.exe",
        setup: Some("install.cjs"),
    },
    Agent {
        row: "claude-newer",
        program: "claude",
        package: "claude-code-newer",
        file: "bin/claude.exe",
        setup: Some("install.cjs"),
    },
    Agent {
        row: "opencode",
        program: "opencode",
        package: "opencode-ai",
        file: "bin/opencode.exe",
        setup: Some("postinstall.mjs"),
    },
    Agent {
        row: "pi",
        program: "pi",
        package: "@mariozechner/pi-coding-agent",
        file: "dist/cli.js",
        setup: None,
    },
    Agent { row: "pi-newer", program: "pi", package: "pi-newer", file: "dist/cli.js", setup: None },
];

/// Returns a folder with a folder for each CLI, in which its program and node lie, installing them all when the list has
/// changed since they were.
///
/// # Errors
/// When npm is missing or fails, or node is too old.
pub(crate) fn install(root: &Path) -> anyhow::Result<PathBuf> {
    let folder =
        npm::install(root, LIST, "the agent CLIs", "some 250 MB to fetch, 1.6 GB on disk", |folder| {
            let node = npm::node(folder)?;
            AGENTS.iter().try_for_each(|agent| set_up(agent, folder, &node))
        })?;
    Ok(folder.join("programs"))
}

fn set_up(agent: &Agent, folder: &Path, node: &Path) -> anyhow::Result<()> {
    let package = folder.join("node_modules").join(agent.package);
    if let Some(script) = agent.setup {
        provision::must(Command::new(node).arg(script).current_dir(&package))
            .with_context(|| format!("{} could not be set up", agent.row))?;
    }
    let file = package.join(agent.file);
    if !file.exists() {
        bail!("npm installed {}, yet there is no {}", agent.package, file.display());
    }
    let own = folder.join("programs").join(agent.row);
    std::fs::create_dir_all(&own)?;
    symlink(file, own.join(agent.program))?;
    // Those that are scripts find the node that they were installed with.
    symlink(node, own.join("node"))?;
    Ok(())
}
