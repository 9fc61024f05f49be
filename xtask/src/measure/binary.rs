//! The built program as a person has it: how fast it answers and starts, what it weighs on disk and in memory, how
//! long its first build takes. Every daemon gets a HOME of its own and an empty environment.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use super::table::{Amount, Row, Target};
use super::{Wishes, latency, process};
use crate::provision::cargo;

const VERSIONS: usize = 200;
const STARTS: usize = 20;
const IDLES: usize = 3;

/// How long a daemon may take to say that it is ready, and to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// When a daemon counts as idle.
pub(super) const IDLE_AFTER: Duration = Duration::from_secs(2);

#[expect(clippy::disallowed_methods, reason = "the real time is what is measured")]
fn now() -> Instant {
    Instant::now()
}

/// `--version` to its end, less a bare fork and exec of `/bin/true`.
pub(super) fn version(root: &Path, wishes: Wishes<'_>) -> anyhow::Result<Vec<Row>> {
    let program = built(root, "takopi", "release", wishes)?;
    let program = program.to_str().context("the path of the binary is no Unicode")?;
    let mut measured = Vec::new();
    for _ in 0..VERSIONS {
        // One after the other, so that both meet the same noise.
        let bare = latency::bare("/bin/true", &[])?.as_secs_f64();
        let whole = latency::bare(program, &["--version"])?.as_secs_f64();
        measured.push(Amount::Millis((whole - bare) * 1000.0));
    }
    let target = Target::AtMost(Amount::Millis(5.0));
    Ok(vec![Row::new("`takopi --version` beyond a fork and exec", target, measured)])
}

/// From the fork to `READY=1`: in a new HOME, and where a ledger is already.
pub(super) fn start(root: &Path, wishes: Wishes<'_>) -> anyhow::Result<Vec<Row>> {
    let program = built(root, "takopi", "release", wishes)?;
    let (mut first, mut again) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let home = tempfile::tempdir()?;
        for measured in [&mut first, &mut again] {
            let daemon = Daemon::start(&program, home.path())?;
            measured.push(Amount::from(daemon.ready_after));
            daemon.end()?;
        }
    }
    let target = Target::AtMost(Amount::Millis(15.0));
    Ok(vec![
        Row::new("daemon started until ready", target, again),
        Row::new("daemon started until ready, first start of all", Target::Reference, first),
    ])
}

/// The memory of the shipped daemon, two seconds after it was ready: `VmRSS`, and `Pss`, which counts shared pages once.
pub(super) fn idle(root: &Path, wishes: Wishes<'_>) -> anyhow::Result<Vec<Row>> {
    let program = built(root, "takopi", "dist", wishes)?;
    let (mut resident, mut proportional) = (Vec::new(), Vec::new());
    for _ in 0..IDLES {
        let home = tempfile::tempdir()?;
        let daemon = Daemon::start(&program, home.path())?;
        std::thread::sleep(IDLE_AFTER);
        let pid = daemon.child.id().to_string();
        resident.push(process::memory(&pid, "status", "VmRSS")?);
        proportional.push(process::memory(&pid, "smaps_rollup", "Pss")?);
        daemon.end()?;
    }
    let target = Target::AtMost(Amount::Mebibytes(12.0));
    Ok(vec![
        Row::new("memory of an idle daemon, resident", target, resident),
        Row::new("memory of an idle daemon, proportional", Target::Reference, proportional),
    ])
}

/// The file that is shipped.
pub(super) fn size(root: &Path, wishes: Wishes<'_>) -> anyhow::Result<Vec<Row>> {
    let bytes = fs::metadata(built(root, "takopi", "dist", wishes)?)?.len();
    let target = Target::AtMost(Amount::Mebibytes(10.0));
    Ok(vec![Row::new("size of the shipped binary", target, vec![Amount::bytes(bytes)])])
}

/// The first build a person does, with the crates already downloaded.
pub(super) fn cold(root: &Path, _wishes: Wishes<'_>) -> anyhow::Result<Vec<Row>> {
    let folder = tempfile::tempdir()?;
    let took = build(cargo().args(["build", "--release", "--target-dir"]).arg(folder.path()), root)?;
    let measured = vec![Amount::Seconds(took.as_secs_f64())];
    Ok(vec![Row::new("cold `cargo build --release`", Target::Reference, measured)])
}

/// Returns a program of ours, built in a profile: `takopi`, `scripted-agent` or `takopi-plugin-rude`.
pub(super) fn built(root: &Path, name: &str, profile: &str, wishes: Wishes<'_>) -> anyhow::Result<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let program = target.join(profile).join(name);
    if wishes.skip_build {
        anyhow::ensure!(program.exists(), "{} is not there: leave --skip-build out", program.display());
        return Ok(program);
    }
    let package = if name == "scripted-agent" { "takopi-fake" } else { name };
    let arguments = ["build", "--locked", "--package", package, "--bin", name, "--profile", profile];
    let took = build(cargo().args(arguments), root)?;
    eprintln!("built {name} ({profile}) in {:.0} s", took.as_secs_f64());
    Ok(program)
}

fn build(command: &mut Command, root: &Path) -> anyhow::Result<Duration> {
    let begun = now();
    let status = command.current_dir(root).stdin(Stdio::null()).status().context("failed to start cargo")?;
    anyhow::ensure!(status.success(), "the build ended with {status}");
    Ok(begun.elapsed())
}

/// A running daemon; killed when it is let go.
pub(super) struct Daemon {
    child: Child,
    ready_after: Duration,
}

impl Daemon {
    /// Starts it and waits until it says, as systemd would hear it, that it is ready.
    pub(super) fn start(program: &Path, home: &Path) -> anyhow::Result<Self> {
        let path = home.join("notify");
        let socket = UnixDatagram::bind(&path).context("failed to bind the socket for READY=1")?;
        socket.set_read_timeout(Some(PATIENCE))?;
        let mut command = Command::new(program);
        command.env_clear().env("HOME", home).env("NOTIFY_SOCKET", &path);
        // Its engines may be played ones.
        command.env("PATH", format!("{}:/usr/bin:/bin", home.join("bin").display()));
        command.current_dir(home).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let begun = now();
        let mut daemon = Self { child: command.spawn()?, ready_after: Duration::ZERO };
        let mut told = [0; 512];
        loop {
            let length = socket.recv(&mut told).context("the daemon did not say that it is ready")?;
            if told.get(..length).is_some_and(|told| told.starts_with(b"READY=1")) {
                break;
            }
        }
        daemon.ready_after = begun.elapsed();
        fs::remove_file(path)?;
        Ok(daemon)
    }

    /// Returns how long it took until it said that it is ready.
    pub(super) const fn ready_after(&self) -> Duration {
        self.ready_after
    }

    /// Returns its process's id.
    pub(super) fn pid(&self) -> String {
        self.child.id().to_string()
    }

    /// Ends it as systemd would, so that the next one finds things in order.
    pub(super) fn end(mut self) -> anyhow::Result<()> {
        latency::bare("/bin/kill", &["-TERM", &self.child.id().to_string()])?;
        let begun = now();
        while begun.elapsed() < PATIENCE {
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        bail!("the daemon did not end");
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait()) {
            eprintln!("a daemon could not be ended: {error}");
        }
    }
}
