//! A plugin that is a shell script: it shakes hands, and does for each call what a test wants.

use std::path::PathBuf;
use std::sync::Arc;

use takopi_core::id::CommandId;
use takopi_core::port::command::{Access, Command as _, CommandError, CommandReply};
use takopi_core::testing::clock::TestClock;
use takopi_core::testing::command::FakeHost;
use takopi_plugin_host::manifest::{
    CommandTable, DistributionTable, Manifest, Package, Permission, ProcessTable,
};
use takopi_plugin_host::{HostParts, Plugin, PluginCommand};
use takopi_plugin_protocol::life::Settings;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What every script begins with: `say` writes a line, `answer` a reply with a text, `ask` asks takopi and puts what
/// it says into `got`, `quoted` is for text within JSON. `on_other` gets the lines that are no calls.
const BEFORE: &str = r#"
say() { printf '%s\n' "$1"; }
quoted() { printf '%s' "$1" | sed 's/[\\"]/\\&/g'; }
answer() { say "{\"id\":$id,\"result\":{\"reply\":{\"body\":{\"text\":\"$1\"}}}}"; }
ask() { say "{\"id\":\"q\",\"method\":\"$1\",\"params\":{\"context\":\"$ctx\"$2}}"; read -r got; }
on_other() { :; }
"#;

const AFTER: &str = r#"
while read -r line; do
    id=${line#*'"id":'}
    id=${id%%,*}
    case $line in
    *'"method":"initialize"'*)
        say '{"id":1,"result":{"protocol":1,"provides":[{"kind":"command","id":"poll"}]}}' ;;
    *'"method":"config/check"'*) say "{\"id\":$id,\"result\":{\"issues\":[]}}" ;;
    *'"method":"command/call"'*)
        ctx=$(printf '%s' "$line" | sed 's/.*"context":"\([^"]*\)".*/\1/')
        on_call ;;
    *) on_other ;;
    esac
done
"#;

/// The plugin and its one command. It ends with this.
pub(crate) struct Script {
    pub(crate) command: PluginCommand,
    dir: tempfile::TempDir,
    stop: CancellationToken,
}

pub(crate) fn id(text: &str) -> CommandId {
    CommandId::parse(text).unwrap()
}

impl Script {
    /// Returns a plugin that does this for each call.
    pub(crate) fn new(permissions: &[Permission], on_call: &str) -> Self {
        Self::with(permissions, Access::Everyone, on_call)
    }

    pub(crate) fn with(permissions: &[Permission], access: Access, on_call: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let script = format!("{BEFORE}\non_call() {{\n{on_call}\n}}\n{AFTER}");
        std::fs::write(dir.path().join("plugin.sh"), script).unwrap();
        let table = CommandTable {
            description: "asks people".to_owned(),
            usage: "/poll [QUESTION]".to_owned(),
            needs: Vec::new(),
            access,
            config_schema: None,
        };
        let manifest = Manifest {
            distribution: DistributionTable {
                name: "takopi-poll".to_owned(),
                version: "1".to_owned(),
                ..DistributionTable::default()
            },
            process: ProcessTable {
                command: vec!["/bin/sh".to_owned(), "plugin.sh".to_owned()],
                permissions: permissions.to_vec(),
                ..ProcessTable::default()
            },
            commands: [("poll".to_owned(), Box::new(table))].into(),
            ..Manifest::default()
        };
        let stop = CancellationToken::new();
        let parts = HostParts {
            tasks: TaskTracker::new(),
            stop: stop.clone(),
            clock: Arc::new(TestClock::new()),
            dress: Arc::new(|spawn, _| spawn),
            passes: Arc::new(|_, _| true),
            mark: ("TAKOPI_CHILD".to_owned(), "test".to_owned()),
            data: dir.path().join("data"),
            version: "0".to_owned(),
        };
        let package = Arc::new(Package { dir: dir.path().to_owned(), manifest });
        let plugin = Plugin::new(package, Settings::default(), Arc::new(parts));
        Self { command: PluginCommand::new(plugin, id("poll")), dir, stop }
    }

    /// Returns the folder in which it may keep files.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data/takopi-poll")
    }

    pub(crate) async fn call(
        &self,
        text: &str,
        host: FakeHost,
    ) -> Result<Option<CommandReply>, CommandError> {
        self.call_in(text, &Arc::new(host)).await
    }

    pub(crate) async fn call_in(
        &self,
        text: &str,
        host: &Arc<FakeHost>,
    ) -> Result<Option<CommandReply>, CommandError> {
        let call = FakeHost::call(&id("poll"), text);
        self.command.call(call, host.clone(), CancellationToken::new()).await
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
