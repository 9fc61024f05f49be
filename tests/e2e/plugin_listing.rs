//! What `takopi plugins` prints of a Python environment, word by word, and that neither it nor a hundred idle plugins
//! cost a process.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rustix::process::Signal;

use crate::house::{Daemon, Home};
use crate::plugin::{FORECAST, Plugin, WEATHER};
use crate::program::Program;
use crate::wait::wait_for;

/// Distributions as installers leave them: the name in `METADATA`, the folder's, and the entry points. The good ones have
/// the names of real ones.
const SITE: [(Option<&str>, &str, &str); 11] = [
    (Some("takopi"), "takopi-0.23.4", "[takopi.engine_backends]\ncodex = takopi.runners.codex:BACKEND"),
    (
        Some("takopi-engine-kimi"),
        "takopi_engine_kimi-0.1.0",
        "[takopi.engine_backends]\nkimi = takopi_engine_kimi:BACKEND",
    ),
    (
        Some("takopi-ralph"),
        "takopi_ralph-0.3.0",
        "[takopi.command_backends]\nralph = takopi_ralph.command:BACKEND\n\
         [takopi.engine_backends]\nralph = takopi_ralph.engine:BACKEND",
    ),
    (
        Some("takopi-discord"),
        "takopi_discord-0.6.0",
        "[takopi.transport_backends]\ndiscord = takopi_discord:BACKEND",
    ),
    (
        Some("Bad.IDs"),
        "bad_ids-1.0",
        "[takopi.engine_backends]\nUpper = a:B\nit's = a:B\n[takopi.transport_backends]\na b = c:D\n\
         [takopi.command_backends]\n = a:B\n\u{fc}mlaut = a:B",
    ),
    (
        Some("reserved"),
        "reserved-1.0",
        "[takopi.engine_backends]\ndoctor = a:B\n[takopi.command_backends]\nnew = a:B\nplugins = a:B\n\
         [takopi.transport_backends]\nconfig = a:B",
    ),
    (
        Some("dup-a"),
        "dup_a-1.0",
        "[takopi.command_backends]\nsame = a:B\n[takopi.engine_backends]\ntwin = a:B",
    ),
    (
        Some("Dup_B"),
        "dup_b-1.0",
        "[takopi.command_backends]\nsame = b:B\n[takopi.engine_backends]\ntwin = b:B",
    ),
    (None, "noname-1.0", "[takopi.command_backends]\nnameless = a:B\nsame = c:C"),
    (Some(""), "emptyname-1.0", "[takopi.command_backends]\nempty = a:B"),
    (Some("takes-builtin"), "takes_builtin-1.0", "[takopi.transport_backends]\ntelegram = a:B"),
];

/// What the Python takopi 0.23.4 says of the same, but that there `discord` would be this plugin's.
const ERRORS: &str = "\
errors:
  engine Upper (Bad.IDs): invalid plugin id 'Upper'; must match ^[a-z0-9_]{1,32}$
  engine doctor (reserved): reserved plugin id 'doctor' is not allowed
  engine it's (Bad.IDs): invalid plugin id \"it's\"; must match ^[a-z0-9_]{1,32}$
  engine twin (Dup_B): duplicate plugin id 'twin' from Dup_B, dup-a
  engine twin (dup-a): duplicate plugin id 'twin' from Dup_B, dup-a
  transport a b (Bad.IDs): invalid plugin id 'a b'; must match ^[a-z0-9_]{1,32}$
  transport discord (takopi-discord): plugin id 'discord' is that of a built-in transport
  transport telegram (takes-builtin): plugin id 'telegram' is that of a built-in transport
  command  (Bad.IDs): invalid plugin id ''; must match ^[a-z0-9_]{1,32}$
  command new (reserved): reserved plugin id 'new' is not allowed
  command plugins (reserved): reserved plugin id 'plugins' is not allowed
  command \u{fc}mlaut (Bad.IDs): invalid plugin id '\u{fc}mlaut'; must match ^[a-z0-9_]{1,32}$
  command same (unknown): duplicate plugin id 'same' from <unknown>, Dup_B, dup-a
  command same (Dup_B): duplicate plugin id 'same' from <unknown>, Dup_B, dup-a
  command same (dup-a): duplicate plugin id 'same' from <unknown>, Dup_B, dup-a
";

/// Those that are no built-ins.
const ROWS: [&str; 7] = [
    "  kimi (takopi-engine-kimi)",
    "  ralph (takopi-ralph)",
    "transport backends:",
    "  config (reserved)",
    "command backends:",
    "  empty (unknown)",
    "  nameless (unknown)",
];

/// Makes an environment whose interpreter tells when it is started, and returns the settings that name it.
fn environment(home: &Home) -> String {
    let root = home.own().join("venv");
    let (bin, site) = (root.join("bin"), root.join("lib/python3.14/site-packages"));
    for (name, folder, entries) in SITE {
        let info = site.join(format!("{folder}.dist-info"));
        fs::create_dir_all(&info).unwrap();
        let name = name.map_or_else(String::new, |name| format!("Name: {name}\n"));
        fs::write(info.join("METADATA"), format!("Metadata-Version: 2.4\n{name}Version: 1.0\n")).unwrap();
        fs::write(info.join("entry_points.txt"), format!("{entries}\n")).unwrap();
    }
    fs::create_dir(&bin).unwrap();
    fs::write(root.join("pyvenv.cfg"), "version = 3.14.0\n").unwrap();
    program(&bin.join("python"), "exit 1");
    format!("[[plugins.environments]]\npython = '{}'\n", bin.join("python").display())
}

/// Writes a program that tells that it was started.
fn program(path: &Path, then: &str) {
    fs::write(path, format!("#!/bin/sh\necho $$ >>\"$HOME/started\"\n{then}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn started(home: &Home) -> usize {
    fs::read_to_string(home.own().join("started")).map_or(0, |text| text.lines().count())
}

/// Returns the rows of a listing that are not built in, and what follows them.
fn theirs(text: &str) -> (Vec<&str>, &str) {
    let at = text.find("errors:\n").unwrap();
    let (rows, rest) = text.split_at(at);
    (rows.lines().skip(1).filter(|row| !row.ends_with(" (takopi)")).collect(), rest)
}

#[test]
fn plugins_of_python_are_listed_as_python_lists_them_and_no_process_is_started() {
    let home = Home::new();
    home.configure(&environment(&home));
    for agent in ["codex", "claude", "opencode", "pi"] {
        program(&home.programs().join(agent), "exit 1");
    }
    let listed = home.run(&["plugins"]);
    assert_eq!((listed.code, listed.stderr.as_str()), (0, ""));
    let (rows, errors) = theirs(&listed.stdout);
    let ralph = ["  ralph (takopi-ralph)"];
    assert_eq!((rows, errors), ([&ROWS[..], &ralph].concat(), ERRORS));
    assert!(listed.stdout.starts_with("engine backends:\n  claude (takopi)\n  codex (takopi)\n"));

    let loaded = home.run(&["plugins", "--load"]);
    assert_eq!((loaded.code, loaded.stderr.as_str()), (1, ""));
    let (_, rest) = theirs(&loaded.stdout);
    let (errors, notes) = rest.split_once("notes:\n").unwrap();
    let sorted = |text: &str| text.lines().map(str::to_owned).collect::<std::collections::BTreeSet<_>>();
    assert_eq!(sorted(errors), sorted(ERRORS), "nothing of theirs is loaded, so nothing more can be wrong");
    let not_yet =
        "this version of takopi lists plugins written for the Python takopi, and does not run them yet";
    let of = |what| format!("  {what}: {not_yet}\n");
    let expected = [
        "engine kimi (takopi-engine-kimi)",
        "engine ralph (takopi-ralph)",
        "transport config (reserved)",
        "command empty (unknown)",
        "command nameless (unknown)",
        "command ralph (takopi-ralph)",
    ];
    assert_eq!(notes, expected.map(of).concat());
    assert_eq!(started(&home), 0, "somebody was started");
}

#[test]
fn plugins_that_are_idle_cost_no_process() {
    let home = Home::with_config("default_engine = 'shell'\n");
    let ids: Vec<String> = (0..100).map(|number| format!("idle_{number}")).collect();
    let (_, keys) = WEATHER;
    for id in &ids {
        Plugin::install(&home, id, &[(&format!("command.{id}"), keys)], FORECAST);
    }
    let plugin = Plugin::install(&home, "weather", &[WEATHER], FORECAST);
    let daemon = Daemon::start(&home);
    let help = home.run(&["chat", "/help"]).stdout;
    assert_eq!(help.matches("forecast for a place").count(), 101, "{help}");
    assert_eq!(home.run(&["chat", "/weather here"]).stdout, "fair in here\n");
    let data = home.place().join("plugin-data");
    let used: Vec<_> = fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!((used, plugin.started().len()), (vec!["weather".into()], 1));
    let alive = home.alive();
    assert_eq!(alive.len(), 2, "the daemon and the one that was called: {alive:#?}");
    daemon.stop();
}

#[test]
fn plugins_that_are_being_loaded_are_gone_at_once_after_ctrl_c() {
    let home = Home::new();
    // It neither answers nor heeds what ends it, and neither does its child.
    const STUBBORN: &str =
        "trap '' TERM INT\nsleep 3600 &\necho up >\"$TAKOPI_DATA_DIR/up\"\nwait\nsleep 3600\n";
    let plugins = ["one", "three", "two"].map(|name| Plugin::install(&home, name, &[WEATHER], ""));
    for (plugin, id) in plugins.iter().zip(["one", "three", "two"]) {
        let manifest = plugin.dir().join("takopi-plugin.toml");
        let text = fs::read_to_string(&manifest).unwrap();
        fs::write(&manifest, text.replace("command.weather", &format!("command.{id}"))).unwrap();
        fs::write(plugin.dir().join("run"), format!("#!/bin/sh\n{STUBBORN}")).unwrap();
    }
    let mut loading = Program::start(&mut home.takopi(&["plugins", "--load"]));
    wait_for("all three", || plugins.iter().all(|plugin| plugin.own("up").exists()).then_some(()));
    assert!(loading.ended().is_none());
    loading.signal(Signal::INT);
    let ended = loading.wait();
    assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (130, "", ""));
    assert_eq!(home.alive(), []);
}
