//! A plugin whose process is a shell that hands lines on, so that the test itself plays the plugin, line by line, and
//! can still have it crash.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Map, Value, json};
use takopi_core::desk::Desk;
use takopi_core::id::{InstanceId, TransportKind};
use takopi_core::message::Address;
use takopi_core::port::transport::{
    Limits, TextLimit, TextUnit, Transport, TransportError, TransportFeatures, TransportSpec,
};
use takopi_core::testing::clock::TestClock;
use takopi_core::testing::desk::bare_desk;
use takopi_core::testing::memory_ledger::MemoryLedger;
use takopi_core::testing::transport::FakeTransport;
use takopi_plugin_protocol::life;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::unix::pipe;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::super::{HouseKeys, People, PluginTransport, Waits};
use crate::manifest::{DistributionTable, Manifest, Package, ProcessTable, TransportTable};
use crate::parts::HostParts;
use crate::process::Plugin;

/// What takopi says goes to `out`; what stands in `in` is said to takopi. `die` ends it, `long` says more than a line
/// may hold.
const SCRIPT: &str = r#"
cd "$1" && exec 3<&0
cat <&3 > out 2>/dev/null &
exec 3<&-
while IFS= read -r line; do
    case $line in
    die) echo "out of luck" >&2; exit 3;;
    long) head -c 1100000 /dev/zero | tr '\0' x; echo;;
    *) printf '%s\n' "$line";;
    esac
done < in
"#;

/// What the plugin does when it is asked something.
#[derive(Debug, Clone)]
pub(super) enum Rule {
    /// It answers so.
    Answers(Value),
    /// It refuses.
    Refuses(i64, &'static str, Value),
    /// It says nothing.
    IsSilent,
    /// It ends.
    Dies,
}

/// The service behind the plugin, and what the plugin was asked.
#[derive(Default)]
pub(super) struct Service {
    rules: HashMap<String, Rule>,
    pub(super) asked: Vec<(String, Value)>,
    pub(super) messages: BTreeMap<u64, String>,
    next: u64,
    waiting: HashMap<String, oneshot::Sender<Result<Value, i64>>>,
}

impl Service {
    fn answer(&mut self, method: &str, params: &Value) -> Rule {
        self.asked.push((method.to_owned(), params.clone()));
        if let Some(rule) = self.rules.get(method) {
            return rule.clone();
        }
        let message = |id: u64| json!({ "address": params["address"], "id": id.to_string() });
        let meant = || params["message"]["id"].as_str().and_then(|id| id.parse::<u64>().ok()).unwrap_or(0);
        let text = || params["part"]["text"].as_str().unwrap_or_default().to_owned();
        let gone = Rule::Refuses(-32012, "it is gone", Value::Null);
        match method {
            "initialize" => Rule::Answers(json!({
                "protocol": 1, "provides": [{ "kind": "transport", "id": "folder" }],
            })),
            "transport/send" => {
                self.next += 1;
                self.messages.insert(self.next, text());
                Rule::Answers(json!({ "message": message(self.next) }))
            }
            "transport/edit" => match self.messages.get_mut(&meant()) {
                Some(shown) => {
                    *shown = text();
                    Rule::Answers(json!({}))
                }
                None => gone,
            },
            "transport/delete" if self.messages.remove(&meant()).is_none() => gone,
            _ => Rule::Answers(json!({})),
        }
    }
}

/// The plugin as the test plays it.
pub(super) struct Player {
    service: Mutex<Service>,
    changes: watch::Sender<u64>,
    lines: tokio::sync::Mutex<pipe::Sender>,
    calls: Mutex<u64>,
}

impl Player {
    pub(super) fn service(&self) -> std::sync::MutexGuard<'_, Service> {
        self.service.lock().unwrap()
    }

    /// Has the plugin do something else when it is asked `method`; `None` is what it does by itself.
    pub(super) fn rule(&self, method: &str, rule: impl Into<Option<Rule>>) {
        match rule.into() {
            Some(rule) => self.service().rules.insert(method.to_owned(), rule),
            None => self.service().rules.remove(method),
        };
    }

    pub(super) async fn write(&self, line: &str) {
        let mut lines = self.lines.lock().await;
        lines.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    /// Hands something in and waits for the answer: its result, or the code of its error.
    pub(super) async fn hand_in(&self, params: Value) -> Result<Value, i64> {
        self.begin(params).await.await.unwrap()
    }

    /// Hands something in; the answer comes later.
    pub(super) async fn begin(&self, params: Value) -> oneshot::Receiver<Result<Value, i64>> {
        let id = {
            let mut calls = self.calls.lock().unwrap();
            *calls += 1;
            format!("p{calls}")
        };
        let (answer, answered) = oneshot::channel();
        self.service().waiting.insert(id.clone(), answer);
        let line = json!({ "jsonrpc": "2.0", "id": id, "method": "transport/inbound", "params": params });
        self.write(&line.to_string()).await;
        answered
    }

    /// Waits until the plugin was asked `method` for the `count`th time, and returns with what.
    pub(super) async fn asked(&self, method: &str, count: usize) -> Value {
        let mut changes = self.changes.subscribe();
        let find = || {
            let service = self.service();
            service.asked.iter().filter(|(asked, _)| asked == method).nth(count - 1).cloned()
        };
        let asked = async {
            loop {
                if let Some((_, params)) = find() {
                    return params;
                }
                changes.changed().await.unwrap();
            }
        };
        tokio::time::timeout(Duration::from_secs(10), asked).await.unwrap_or_else(|_| panic!("no {method}"))
    }

    async fn play(self: Arc<Self>, heard: pipe::Receiver) {
        let mut heard = BufReader::new(heard).lines();
        while let Ok(Some(line)) = heard.next_line().await {
            let Ok(told) = serde_json::from_str::<Value>(&line) else { continue };
            match told["method"].as_str() {
                Some(method) if told.get("id").is_some() => {
                    let rule = self.service().answer(method, &told["params"]);
                    let answer = match rule {
                        Rule::Answers(result) => {
                            json!({ "jsonrpc": "2.0", "id": told["id"], "result": result })
                        }
                        Rule::Refuses(code, message, data) => {
                            let error = json!({ "code": code, "message": message, "data": data });
                            json!({ "jsonrpc": "2.0", "id": told["id"], "error": error })
                        }
                        Rule::Dies => Value::Null,
                        Rule::IsSilent => {
                            self.changes.send_modify(|count| *count += 1);
                            continue;
                        }
                    };
                    let line = if answer.is_null() { "die".to_owned() } else { answer.to_string() };
                    self.write(&line).await;
                }
                Some(_) => {}
                None => {
                    let id = told["id"].as_str().unwrap_or_default();
                    let outcome = match told.get("error") {
                        Some(error) => Err(error["code"].as_i64().unwrap()),
                        None => Ok(told["result"].clone()),
                    };
                    let waiting = self.service().waiting.remove(id);
                    waiting.into_iter().for_each(|waiting| drop(waiting.send(outcome.clone())));
                }
            }
            self.changes.send_modify(|count| *count += 1);
        }
    }
}

/// A transport over such a plugin.
pub(super) struct Stage {
    pub(super) dir: TempDir,
    pub(super) player: Arc<Player>,
    pub(super) plugin: Arc<Plugin>,
    pub(super) transport: Arc<PluginTransport>,
    pub(super) ledger: Arc<MemoryLedger>,
    pub(super) clock: Arc<TestClock>,
    pub(super) tasks: TaskTracker,
    stop: CancellationToken,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub(super) fn instance() -> InstanceId {
    InstanceId::parse("work").unwrap()
}

pub(super) fn address() -> Address {
    Address { instance: instance(), chat: "room".to_owned(), thread: None }
}

/// What Ada writes, or does.
pub(super) fn said(upstream: &str, text: &str) -> Value {
    json!({
        "kind": "message", "upstream_id": upstream, "text": text, "sender": { "id": "ada", "name": "Ada" },
        "message": { "address": { "instance": "work", "chat": "room" }, "id": upstream },
    })
}

pub(super) fn with(mut told: Value, changes: Value) -> Value {
    let fields = changes.as_object().unwrap().clone();
    told.as_object_mut().unwrap().extend(fields);
    told
}

impl Stage {
    pub(super) fn new() -> Self {
        Self::made(|_| {})
    }

    pub(super) fn made(change: impl FnOnce(&mut TransportTable)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (inward, outward) = (dir.path().join("in"), dir.path().join("out"));
        for path in [&inward, &outward] {
            let mode = rustix::fs::Mode::from_raw_mode(0o600);
            rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        }
        // For both ends, so that a process that comes or goes is no end of the file.
        let heard = pipe::OpenOptions::new().read_write(true).open_receiver(&outward).unwrap();
        let lines = pipe::OpenOptions::new().read_write(true).open_sender(&inward).unwrap();
        let player = Arc::new(Player {
            service: Mutex::default(),
            changes: watch::Sender::new(0),
            lines: tokio::sync::Mutex::new(lines),
            calls: Mutex::new(0),
        });
        let tasks = TaskTracker::new();
        tasks.spawn(player.clone().play(heard));
        let (clock, stop) = (Arc::new(TestClock::new()), CancellationToken::new());
        let mut table = TransportTable {
            title: "Folder".to_owned(),
            needs: Vec::new(),
            limits: Limits {
                text: TextLimit { max: 1000, unit: TextUnit::Chars },
                bot: None,
                chat: None,
                edit_gap: Duration::ZERO,
            },
            features: TransportFeatures { edit: true, delete: true, buttons: true, ..Default::default() },
            config_schema: None,
        };
        change(&mut table);
        let parts = HostParts {
            tasks: tasks.clone(),
            stop: stop.clone(),
            clock: clock.clone(),
            dress: Arc::new(|spawn, _| spawn),
            passes: Arc::new(|_, _| true),
            mark: ("TAKOPI_CHILD".to_owned(), "test".to_owned()),
            data: dir.path().join("data"),
            version: "0.1.0".to_owned(),
        };
        let plugin =
            Plugin::new(package(dir.path().to_owned(), &table), life::Settings::default(), Arc::new(parts));
        let spec = TransportSpec {
            kind: TransportKind::parse("folder").unwrap(),
            title: table.title,
            limits: table.limits,
            features: table.features,
        };
        let people = People::Named(vec!["ada".to_owned()]);
        let config = Map::from_iter([("server".to_owned(), json!("here"))]);
        let mut transport = PluginTransport::new(plugin.clone(), instance(), spec, config)
            .with_keys(HouseKeys { people, ..HouseKeys::default() })
            .with_spool(dir.path());
        let short = Duration::from_millis(200);
        transport.waits = Waits { stop: short, ..Waits::USUAL };
        Self {
            dir,
            player,
            plugin,
            transport: Arc::new(transport),
            ledger: Arc::default(),
            clock,
            tasks,
            stop,
        }
    }

    /// Changes the transport before anybody uses it.
    pub(super) fn changed(mut self, change: impl FnOnce(&mut PluginTransport)) -> Self {
        change(Arc::get_mut(&mut self.transport).unwrap());
        self
    }

    /// Has a desk serve the transport.
    pub(super) async fn serve(&self) -> Desk {
        let desk = bare_desk(self.ledger.clone(), self.clock.clone());
        desk.serve(instance(), self.transport.own_spec(), self.transport.clone()).await;
        desk.recover().await.unwrap();
        desk
    }

    /// Has the transport receive, for a desk that lets everybody in.
    pub(super) async fn receive(&self) -> Receiving {
        self.receive_by(self.transport.clone()).await
    }

    /// Has another transport of the same plugin receive.
    pub(super) async fn receive_by(&self, transport: Arc<PluginTransport>) -> Receiving {
        let desk = bare_desk(self.ledger.clone(), self.clock.clone());
        let stand_in = FakeTransport::new();
        desk.serve(instance(), self.transport.own_spec(), Arc::new(stand_in.clone())).await;
        desk.recover().await.unwrap();
        let inbox = stand_in.inbox().await;
        let stop = CancellationToken::new();
        let until = stop.clone();
        let task = self.tasks.spawn(async move { transport.receive(inbox, until).await });
        Receiving { task, stop, desk }
    }

    /// Has it receive, and waits until it was told to start.
    pub(super) async fn started(&self) -> Receiving {
        let receiving = self.receive().await;
        self.player.asked("transport/start", 1).await;
        receiving
    }

    pub(super) fn accepted(&self) -> Vec<String> {
        self.ledger.accepted().iter().map(|inbound| inbound.upstream().to_owned()).collect()
    }
}

/// Receiving under way.
pub(super) struct Receiving {
    pub(super) task: JoinHandle<Result<(), TransportError>>,
    pub(super) stop: CancellationToken,
    #[expect(dead_code, reason = "what comes in goes there")]
    desk: Desk,
}

impl Receiving {
    /// Waits for its end.
    pub(super) async fn ended(self) -> Result<(), TransportError> {
        tokio::time::timeout(Duration::from_secs(10), self.task).await.unwrap().unwrap()
    }

    pub(super) async fn stopped(self) -> Result<(), TransportError> {
        self.stop.cancel();
        self.ended().await
    }
}

fn package(dir: PathBuf, table: &TransportTable) -> Arc<Package> {
    let command = ["/bin/sh", "-c", SCRIPT, "plugin"].map(str::to_owned);
    let here = dir.to_string_lossy().into_owned();
    let process =
        ProcessTable { command: command.into_iter().chain([here]).collect(), ..ProcessTable::default() };
    let distribution = DistributionTable {
        name: "takopi-folder".to_owned(),
        version: "1".to_owned(),
        ..DistributionTable::default()
    };
    let transports = [("folder".to_owned(), Box::new(table.clone()))].into();
    Arc::new(Package { dir, manifest: Manifest { distribution, process, transports, ..Manifest::default() } })
}
