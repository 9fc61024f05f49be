//! What plugins cost: a thousand that are only listed, one that is started and called, and one that crashes all the time.
//!
//! Listing, loading and the crashes are the `release` binary's, each in a HOME of its own; start and round trip are the
//! host's in this process, with one clock. The plugin is `takopi-plugin-rude`, for the most part on its best behaviour.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use takopi_plugin_host::discover::{Named, Places, discover};
use takopi_plugin_host::manifest::Package;
use takopi_plugin_host::{HostParts, Plugin};
use takopi_plugin_protocol::{command, life, message};
use takopi_stdio::rpc::Patience;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::binary::{Daemon, built};
use super::stage::MachineClock;
use super::table::{Amount, Row, Target};
use super::{Wishes, process};

/// Plugins that are listed: every third an engine, a transport, a command.
const LISTED: usize = 1000;
const LISTINGS: u32 = 20;
const LOADS: usize = 10;
const STARTS: usize = 20;
const CALLS: usize = 500;

/// How long a plugin crashes, and how often it is called.
const CRASHING: Duration = Duration::from_secs(60);
const CRASHING_CONFIG: &str = "default_engine = 'shell'\n[transports.local]\n[transports.p002]\n";
const BETWEEN_CRASHES: Duration = Duration::from_secs(1);

/// How long anything here may take.
const BOUND: Duration = Duration::from_secs(30);

#[expect(clippy::disallowed_methods, reason = "the real time is what is measured")]
fn now() -> Instant {
    Instant::now()
}

pub(super) fn rows(root: &Path, wishes: Wishes<'_>) -> anyhow::Result<Vec<Row>> {
    let takopi = built(root, "takopi", "release", wishes)?;
    let rude = built(root, "takopi-plugin-rude", "release", wishes)?;
    let mut rows = listing(&takopi)?;
    rows.push(loading(&takopi, &rude)?);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    rows.extend(runtime.block_on(calling(&rude))?);
    rows.push(crashing(&takopi, &rude)?);
    Ok(rows)
}

/// `takopi plugins` to its end, with a thousand and with none.
fn listing(takopi: &Path) -> anyhow::Result<Vec<Row>> {
    let (home, empty) = (tempfile::tempdir()?, tempfile::tempdir()?);
    for number in 0..LISTED {
        install(&plugins(home.path()).join(format!("p{number:03}")), number)?;
    }
    // What was just written would be put on the disk meanwhile.
    rustix::fs::sync();
    let (mut beyond, mut at_work, mut at_work_without) = (Vec::new(), Duration::ZERO, Duration::ZERO);
    for _ in 0..LISTINGS {
        // One after the other, so that both meet the same noise.
        let (without, worked_without) = timed(takopi, empty.path(), &["plugins"])?;
        let (with, worked) = timed(takopi, home.path(), &["plugins"])?;
        beyond.push(Amount::from(with.saturating_sub(without)));
        at_work += worked;
        at_work_without += worked_without;
    }
    // Linux counts it in steps of 10 ms: only all together say something.
    let each = at_work.saturating_sub(at_work_without) / LISTINGS;
    let what = format!("listing {LISTED} manifests");
    Ok(vec![
        Row::new(what.clone(), Target::AtMost(Amount::Millis(20.0)), beyond),
        Row::new(
            format!("{what}, time on a processor, of {LISTINGS} the mean"),
            Target::Reference,
            vec![Amount::from(each)],
        ),
    ])
}

/// Writes a plugin as an author would.
fn install(folder: &Path, number: usize) -> anyhow::Result<()> {
    let id = format!("p{number:03}");
    let thing = match number % 3 {
        0 => format!("[command.{id}]\ndescription = \"does {id}\"\nusage = \"/{id} <place>\"\n"),
        1 => format!(
            "[engine.{id}]\ntitle = \"Engine {id}\"\nfeatures = [\"ask\", \"images\"]\n[engine.{id}.resume]\n\
             show = \"{id} resume {{token}}\"\nmatch = [\"{id} -r {{token}}\"]\ntoken = \"[A-Za-z0-9_-]{{1,128}}\"\n"
        ),
        _ => format!(
            "[transport.{id}]\ntitle = \"Transport {id}\"\nfeatures = [\"edit\", \"delete\"]\n\
             limits = {{ max = 40000, unit = \"chars\", min_edit_gap_ms = 1500 }}\n"
        ),
    };
    fs::create_dir_all(folder)?;
    let manifest = format!(
        "manifest = 1\n\n[distribution]\nname = \"takopi-{id}\"\nversion = \"1.2.3\"\n\
         requires_takopi = \">=0.1, <2\"\ndescription = \"Does {id}\"\n\n\
         [process]\ncommand = [\"./run\", \"--stdio\"]\nprotocol = \"takopi/1\"\n\
         permissions = [\"run_engine\", \"send_message\"]\n\n{thing}"
    );
    fs::write(folder.join("takopi-plugin.toml"), manifest)?;
    script(&folder.join("run"), "exit 3")
}

fn script(path: &Path, line: &str) -> anyhow::Result<()> {
    fs::write(path, format!("#!/bin/sh\n{line}\n"))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
    Ok(())
}

/// `takopi plugins --load` of three, to its end.
fn loading(takopi: &Path, rude: &Path) -> anyhow::Result<Row> {
    let home = tempfile::tempdir()?;
    for mode in ["polite", "garbage", "prints"] {
        rude_plugin(rude, &plugins(home.path()), mode)?;
    }
    let mut measured = Vec::new();
    for _ in 0..LOADS {
        measured.push(Amount::from(timed(takopi, home.path(), &["plugins", "--load"])?.0));
    }
    Ok(Row::new("`takopi plugins --load` of three plugins", Target::AtMost(Amount::Millis(1000.0)), measured))
}

/// A process that is started until it has shaken hands, and a command that is called until its answer is there.
async fn calling(rude: &Path) -> anyhow::Result<Vec<Row>> {
    let folder = tempfile::tempdir()?;
    let package = package(&rude_plugin(rude, folder.path(), "polite")?)?;
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let parts = Arc::new(HostParts {
        tasks: tasks.clone(),
        stop: stop.clone(),
        clock: Arc::new(MachineClock::start()),
        dress: Arc::new(|spawn, _| spawn),
        passes: Arc::new(|_, _| false),
        mark: ("TAKOPI_CHILD".to_owned(), "measured".to_owned()),
        data: folder.path().join("data"),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    });
    let (mut started, mut called) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let plugin = Plugin::new(package.clone(), life::Settings::default(), parts.clone());
        let begun = now();
        let running = plugin.running().await.map_err(|problem| anyhow::anyhow!("{problem}"))?;
        started.push(Amount::from(begun.elapsed()));
        for _ in 0..CALLS / STARTS {
            let begun = now();
            let answer = running.call(&call(), &Patience::of(BOUND)).await;
            called.push(Amount::from(begun.elapsed()));
            let answer = answer.map_err(|failure| anyhow::anyhow!("{failure}"))?;
            anyhow::ensure!(answer.reply.is_some(), "the plugin answered nothing");
        }
        drop(running);
        plugin.close(BOUND).await;
    }
    stop.cancel();
    tasks.close();
    tasks.wait().await;
    let two = Target::AtMost(Amount::Millis(2.0));
    Ok(vec![
        Row::new("plugin's process started until it has shaken hands", Target::Reference, started),
        Row::new("command of a plugin called until its answer is there", two, called),
    ])
}

fn call() -> command::Call {
    let address = message::Address { instance: "local".into(), chat: "1".into(), thread: None };
    command::Call {
        id: "do_polite".to_owned(),
        context: "c1".to_owned(),
        args_text: "how do you do".to_owned(),
        args: ["how", "do", "you", "do"].map(str::to_owned).to_vec(),
        message: message::MessageRef { address, id: "m1".to_owned() },
        sender: message::Sender { id: "p1".into(), name: "Ada".to_owned(), is_bot: false },
        pressed: false,
        reply_to: None,
        project: None,
        branch: None,
        config: serde_json::Map::new(),
    }
}

/// A minute in which a transport crashes at every start and a command at every call, one a second, while another plugin
/// is asked as often and must answer: what the daemon takes of a processor, all those messages included.
fn crashing(takopi: &Path, rude: &Path) -> anyhow::Result<Row> {
    let home = tempfile::tempdir()?;
    let folder = plugins(home.path());
    for mode in ["polite", "crash"] {
        rude_plugin(rude, &folder, mode)?;
    }
    install(&folder.join("p002"), 2)?;
    fs::write(home.path().join(".takopi/takopi.toml"), CRASHING_CONFIG)?;
    let daemon = Daemon::start(takopi, home.path())?;
    let pid = daemon.pid();
    let (before, begun) = (process::worked(&pid)?, now());
    while begun.elapsed() < CRASHING {
        let next = now();
        said(takopi, home.path(), "/do_crash now", |answer| !answer.is_empty())?;
        said(takopi, home.path(), "/do_polite still there?", |answer| answer == "still there?\n")?;
        std::thread::sleep(BETWEEN_CRASHES.saturating_sub(next.elapsed()));
    }
    let (took, worked) = (begun.elapsed(), process::worked(&pid)?.saturating_sub(before));
    daemon.end().context("the daemon had ended before")?;
    let share = Amount::Percent(100.0 * worked.as_secs_f64() / took.as_secs_f64());
    let what = "plugins that crash for a minute: the daemon's share of a processor";
    Ok(Row::new(what, Target::AtMost(Amount::Percent(1.0)), vec![share]))
}

/// Has a message sent and its answer looked at.
fn said(takopi: &Path, home: &Path, words: &str, is_right: impl Fn(&str) -> bool) -> anyhow::Result<()> {
    let output = program(takopi, home).args(["chat", words]).output()?;
    let answer = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    anyhow::ensure!(is_right(&answer), "`{words}` was answered {answer:?}");
    Ok(())
}

fn plugins(home: &Path) -> PathBuf {
    home.join(".takopi/plugins")
}

fn program(takopi: &Path, home: &Path) -> Command {
    let mut command = Command::new(takopi);
    command.env_clear().env("HOME", home).env("PATH", "/usr/bin:/bin").current_dir(home).stdin(Stdio::null());
    command
}

/// Returns how long a command line takes to its end, and what of that it is at work.
fn timed(takopi: &Path, home: &Path, arguments: &[&str]) -> anyhow::Result<(Duration, Duration)> {
    let mut command = program(takopi, home);
    command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    let (before, begun) = (process::worked_by_children()?, now());
    let status = command.status()?;
    let took = begun.elapsed();
    anyhow::ensure!(status.success(), "takopi {} ended with {status}", arguments.join(" "));
    Ok((took, process::worked_by_children()?.saturating_sub(before)))
}

/// Has `takopi-plugin-rude` write a plugin of a mode, and returns its folder.
fn rude_plugin(rude: &Path, folder: &Path, mode: &str) -> anyhow::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let output = Command::new(rude).arg("--install").arg(folder).arg(mode).output()?;
    anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
}

fn package(folder: &Path) -> anyhow::Result<Arc<Package>> {
    let found = discover(&Places {
        folders: vec![(Named::Settings, folder.to_owned())],
        environments: Vec::new(),
        path: std::env::var_os("PATH").unwrap_or_default(),
        variables: BTreeSet::new(),
        uid: rustix::process::geteuid().as_raw(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    });
    found
        .packages
        .first()
        .cloned()
        .with_context(|| format!("no plugin in {}: {:?}", folder.display(), found.broken))
}
