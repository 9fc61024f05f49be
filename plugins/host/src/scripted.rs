//! For tests: plugins that are shell scripts, in a folder that goes with the test.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use takopi_core::port::command::Access;
use takopi_core::port::engine::EngineFeatures;
use takopi_core::testing::clock::TestClock;
use takopi_plugin_protocol::life;
use takopi_stdio::{Ladder, Marker};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::manifest::{CommandTable, DistributionTable, EngineTable, Manifest, Package, ProcessTable};
use crate::{Bounds, HostParts, Plugin};

/// Longest anything may take here.
pub(crate) const BOUND: Duration = Duration::from_secs(20);

/// The beginning of a script that keeps the protocol: `field NAME` puts a text of `$line` into `$value`, `tell EVENT` tells
/// the next event of `$run`, `answer RESULT` answers `$id`. `on_run` is what it does for a run.
const POLITE: &str = r#"#!/bin/sh
field() { value=${line#*"\"$1\":\""}; value=${value%%\"*}; }
answer() { printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$1"; }
tell() { seq=$((seq+1)); printf '{"jsonrpc":"2.0","method":"engine/event","params":{"run":"%s","seq":%s,"event":%s}}\n' "$run" "$seq" "$1"; }
done_with() { answer '{"outcome":"answered","answer":"'"$1"'"}'; }
on_run() { :; }
on_call() { :; }
PROVIDES='{"kind":"engine","id":"acme"}'
CAPABILITIES='{}'
ISSUES=
"#;

const LOOP: &str = r#"
while IFS= read -r line; do
  id=${line#*'"id":'}; id=${id%%,*}
  case $line in
    *'"method":"initialize"'*) answer '{"protocol":1,"provides":['"$PROVIDES"'],"capabilities":'"$CAPABILITIES"'}';;
    *'"method":"engine/run"'*) field run; run=$value; field prompt; seq=0; on_run "$value";;
    *'"method":"ping"'*) answer '{}';;
    *'"method":"config/check"'*) answer "{\"issues\":[$ISSUES]}";;
    *'"method":"shutdown"'*) answer '{}';;
    *'"method":"exit"'*) exit 0;;
    *'"id":'*'"method":'*) on_call;;
  esac
done
"#;

/// A script that keeps the protocol, but for what `words` change.
pub(crate) fn polite(words: &str) -> String {
    format!("{POLITE}{words}{LOOP}")
}

/// A plugin's folder and what its processes are made of. Takes everything with it.
pub(crate) struct Scripted {
    pub(crate) dir: TempDir,
    pub(crate) package: Package,
    pub(crate) parts: Arc<HostParts>,
    pub(crate) bounds: Bounds,
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.parts.stop.cancel();
    }
}

impl Scripted {
    /// A plugin `takopi-acme` with the engine `acme`.
    pub(crate) fn engine(script: &str) -> Self {
        Self::of(script, |manifest| {
            let engine = EngineTable {
                title: "Acme".to_owned(),
                install: Some("npm i -g acme".to_owned()),
                needs: Vec::new(),
                features: EngineFeatures { options: true, ..EngineFeatures::default() },
                shared: false,
                resume: None,
                config_schema: None,
            };
            manifest.engines.insert("acme".to_owned(), Box::new(engine));
        })
    }

    /// A plugin `takopi-acme` with the command `weather`.
    pub(crate) fn command(script: &str) -> Self {
        Self::of(script, |manifest| {
            let command = CommandTable {
                description: "forecast".to_owned(),
                usage: "/weather".to_owned(),
                needs: Vec::new(),
                config_schema: None,
                access: Access::default(),
            };
            manifest.commands.insert("weather".to_owned(), Box::new(command));
        })
    }

    fn of(script: &str, register: impl FnOnce(&mut Manifest)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut manifest = Manifest {
            distribution: DistributionTable {
                name: "takopi-acme".to_owned(),
                version: "0.3.1".to_owned(),
                ..DistributionTable::default()
            },
            process: ProcessTable {
                command: vec!["/bin/sh".to_owned(), "plugin.sh".to_owned()],
                idle_stop: Some(Duration::from_secs(300)),
                ..ProcessTable::default()
            },
            ..Manifest::default()
        };
        register(&mut manifest);
        let plugin_dir = dir.path().join("plugin");
        std::fs::create_dir(&plugin_dir).unwrap();
        let file = plugin_dir.join("plugin.sh");
        std::fs::write(&file, script).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        let package = Package { dir: plugin_dir, manifest };
        let parts = Arc::new(parts(&dir.path().join("data")));
        Self { dir, package, parts, bounds: short() }
    }

    pub(crate) fn plugin(&self) -> Arc<Plugin> {
        let package = Arc::new(self.package.clone());
        Plugin::bounded(package, life::Settings::default(), self.parts.clone(), self.bounds)
    }
}

/// Times short enough for tests, and long enough for a busy machine where something is to come in time.
pub(crate) fn short() -> Bounds {
    let ms = Duration::from_millis;
    Bounds {
        handshake: BOUND,
        cancel: ms(200),
        deaf: ms(200),
        shutdown: BOUND,
        exit: BOUND,
        reply: BOUND,
        choices: BOUND,
        room: ms(50),
        look: ms(20),
        ladder: Ladder { terminate: ms(300), ..Ladder::TERMINATE },
        ..Bounds::default()
    }
}

fn parts(data: &Path) -> HostParts {
    HostParts {
        tasks: TaskTracker::new(),
        stop: CancellationToken::new(),
        clock: Arc::new(TestClock::new()),
        dress: Arc::new(|spawn, run| match run {
            Some(run) => spawn.marker(Marker::new("TAKOPI_RUN", run.to_string())),
            None => spawn,
        }),
        // Cargo sets this one for every test: it stands for a secret.
        passes: Arc::new(|name, _| name != "CARGO_MANIFEST_DIR"),
        mark: ("TAKOPI_CHILD".to_owned(), "daemon-1".to_owned()),
        data: data.to_owned(),
        version: "0.1.0".to_owned(),
    }
}
