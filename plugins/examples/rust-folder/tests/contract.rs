//! The contract of the transports' port, kept by plugins of each language as takopi itself runs them: the examples in Rust and
//! Python, and the template in shell. The service is the folder: a file put in is a person's message, the files out are
//! what a person sees.
//!
//! Those in Python begin with `python_`: they are a suite of their own, because Python may be missing.

#![expect(clippy::unwrap_used, reason = "a premise that doesn't hold fails the test, and says where")]

#[path = "../../rust-echo/tests/contract/stage.rs"]
mod stage;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Map, Value, json};
use stage::Stage;
use takopi_core::id::{InstanceId, TransportKind};
use takopi_core::message::{Address, MessageRef};
use takopi_core::port::transport::TransportSpec;
use takopi_core::testing::clock::TestClock;
use takopi_core::testing::memory_ledger::MemoryLedger;
use takopi_core::testing::transport::{ServiceView, Shown, TransportSubject, transport_contract};
use takopi_plugin_host::{HouseKeys, People, PluginTransport};
use takopi_plugin_protocol::life::Settings;

/// The example whose program this crate builds.
const PROGRAM: (&str, &str) = ("rust-folder", env!("CARGO_BIN_EXE_rust-folder"));

/// Between two looks at the folder: it is another process that changes it.
const LOOK: Duration = Duration::from_millis(5);

/// A person who puts files into a folder.
struct Person {
    folder: PathBuf,
    /// What names of files end with.
    suffix: &'static str,
    address: Address,
    ledger: Arc<MemoryLedger>,
}

#[async_trait]
impl ServiceView for Person {
    fn address(&self) -> Address {
        self.address.clone()
    }

    /// A file that was taken goes; one that the ledger refused stays.
    async fn say(&self, upstream: &str, text: &str) -> bool {
        let inbox = self.folder.join("in");
        fs::create_dir_all(&inbox).unwrap();
        let (hidden, file) = (inbox.join(".new"), inbox.join(format!("{upstream}{}", self.suffix)));
        let refused = self.ledger.failed_writes();
        fs::write(&hidden, text).unwrap();
        fs::rename(hidden, &file).unwrap();
        while file.exists() {
            if self.ledger.failed_writes() > refused {
                return false;
            }
            tokio::time::sleep(LOOK).await;
        }
        true
    }

    async fn shown(&self) -> Vec<Shown> {
        let Ok(entries) = self.folder.join("out").read_dir() else { return Vec::new() };
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
        names.sort();
        let shown = |name: &String| {
            let text = fs::read_to_string(self.folder.join("out").join(name)).unwrap();
            let id = name.strip_suffix(self.suffix).unwrap().to_owned();
            let message = MessageRef { address: self.address.clone(), id };
            Shown { message, text: text.trim_end().to_owned() }
        };
        names.iter().map(shown).collect()
    }

    fn needs_receiving(&self) -> bool {
        true
    }
}

/// What is particular of a plugin's folder.
struct View<'a> {
    folder: &'a Path,
    chat: &'static str,
    suffix: &'static str,
}

/// Runs the contract over the only transport of a plugin.
async fn keeps_the_contract(stage: &Stage, view: View<'_>, config: Map<String, Value>) {
    let manifest = &stage.plugin.package().manifest;
    let (kind, table) = manifest.transports.first_key_value().unwrap();
    let spec = TransportSpec {
        kind: TransportKind::parse(kind).unwrap(),
        title: table.title.clone(),
        limits: table.limits,
        features: table.features,
    };
    let instance = InstanceId::parse("post").unwrap();
    let people = People::Named(["folder", "me"].map(str::to_owned).to_vec());
    let keys = HouseKeys { people, ..HouseKeys::default() };
    let transport =
        PluginTransport::new(stage.plugin.clone(), instance.clone(), spec, config).with_keys(keys);
    let (ledger, spec) = (Arc::new(MemoryLedger::new()), transport.own_spec());
    let address = Address { instance, chat: view.chat.to_owned(), thread: None };
    let (folder, suffix) = (view.folder.to_owned(), view.suffix);
    let person = Person { folder, suffix, address, ledger: ledger.clone() };
    transport_contract(&TransportSubject {
        transport: Arc::new(transport),
        spec,
        view: Arc::new(person),
        ledger,
        clock: Arc::new(TestClock::new()),
    })
    .await;
}

async fn example_keeps_the_contract(name: &str) {
    let stage = Stage::example(name, Settings::default(), |_| {});
    let folder = tempfile::tempdir().unwrap();
    let config = json!({"folder": folder.path()}).as_object().unwrap().clone();
    let view = View { folder: folder.path(), chat: "folder", suffix: "" };
    keeps_the_contract(&stage, view, config).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rust_example_keeps_the_contract_of_transports() {
    example_keeps_the_contract("rust-folder").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python_example_keeps_the_contract_of_transports() {
    example_keeps_the_contract("folder-transport").await;
}

/// The folder of the template is its data folder.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_shell_template_keeps_the_contract_of_transports() {
    let template = |name: &str| {
        let text = fs::read_to_string(Path::new("../../templates").join(name)).unwrap();
        text.replace("@ID@", "folder").replace("@DISTRIBUTION@", "takopi-folder")
    };
    let dir = tempfile::tempdir().unwrap();
    let (program, helper) = (dir.path().join("transport.sh"), dir.path().join("takopi-plugin.sh"));
    fs::write(&program, template("sh/transport.sh")).unwrap();
    fs::write(&helper, template("sh/takopi-plugin.sh")).unwrap();
    let manifest = template("transport.toml").replace("@COMMAND@", "[\"sh\", \"transport.sh\"]");
    let stage = Stage::files(&[program.to_str().unwrap(), helper.to_str().unwrap()], &manifest);
    let folder = stage._dir.path().join("data/takopi-folder");
    let view = View { folder: &folder, chat: "chat", suffix: ".txt" };
    keeps_the_contract(&stage, view, Map::new()).await;
}
