//! A house handed over: from a hosting `chat` to a daemon, with everything that was said still there.

use std::path::Path;

use serde_json::Value;
use takopi_core::desk::Followed;
use takopi_core::event::{Outcome, RunEnd};
use takopi_local::{ConversationId, Submit};
use takopi_stdio::rpc::{CallError, Patience, RpcError};

use super::*;
use crate::config;
use crate::control::client::{Client, ClientError};
use crate::control::wire::{Hello, Subject, Told};
use crate::logs::Logs;

/// Longer than anything here takes; nothing waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(60);

fn place(dir: &Path) -> Place {
    std::fs::write(dir.join("takopi.toml"), "default_engine = \"shell\"\n").unwrap();
    Place { config: dir.join("takopi.toml"), named: true, home: None }
}

async fn open(place: &Place, host: Host) -> Hosting {
    let lock = Lock::take(&place.lock(), host).unwrap();
    let ready = config::ready(place, &[], &Logs::default()).unwrap();
    Hosting::open(place, lock, host, ready, true).await.unwrap()
}

fn message(text: &str) -> (Submit, Subject) {
    let (conversation, id) = (ConversationId::mint(), uuid::Uuid::new_v4().to_string());
    let submit = Submit {
        conversation: Some(conversation),
        text: text.to_owned(),
        client_id: Some(id.clone()),
        dir: Some("/".into()),
        ..Submit::default()
    };
    (submit, Subject::Message { conversation, message: id })
}

/// Follows to the end, from `from_seq` on.
async fn end_of(client: &Client, subject: Subject, from_seq: u64) -> RunEnd {
    let mut following = client.follow(subject, from_seq);
    loop {
        if let Told::Run { item: Followed::End { end, .. }, .. } = following.next().await.unwrap().unwrap() {
            return *end;
        }
    }
}

async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.unwrap()
}

#[tokio::test]
async fn a_busy_chat_keeps_the_house_and_an_idle_one_gives_it_to_the_daemon() {
    in_time(async {
        let dir = tempfile::tempdir().unwrap();
        let place = place(dir.path());
        let fifo = dir.path().join("gate");
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        let chat = open(&place, Host::Chat).await;
        let tasks = TaskTracker::new();
        let client = Client::connect(chat.socket(), &tasks).await.unwrap();
        let (submit, subject) = message(&format!("cat {}", fifo.display()));
        client.submit(&submit).await.unwrap();

        // The run waits at the gate, so the house is busy, whenever it is asked.
        let daemon = Client::connect(chat.socket(), &tasks).await.unwrap();
        let asked = daemon.ask_to_yield().await.unwrap();
        assert!(asked.undecided || asked.busy.len() == 1, "{asked:?}");
        assert!(!chat.handover().is_cancelled());

        tokio::fs::write(&fifo, "through\n").await.unwrap();
        let end = end_of(&client, subject.clone(), 0).await;
        assert_eq!((end.outcome, end.answer.as_str()), (Outcome::Answered, "through"));
        // The end is told before the last trace of the run is gone.
        while !chat.handover().is_cancelled() {
            daemon.ask_to_yield().await.unwrap();
        }
        let (late, _) = message("echo late");
        let refused = client.submit(&late).await.unwrap_err();
        assert!(matches!(refused, ClientError::NotNow(_)), "{refused}");
        assert!(chat.close(PATIENCE).await);

        let daemon = open(&place, Host::Daemon).await;
        let client = Client::connect(daemon.socket(), &tasks).await.unwrap();
        client.submit(&late).await.unwrap();
        let (conversation, id) = (late.conversation.unwrap(), late.client_id.clone().unwrap());
        let end = end_of(&client, Subject::Message { conversation, message: id }, 0).await;
        assert_eq!(end.answer, "late");
        // What the chat answered is known to the daemon, and submitting it again changes nothing.
        client.submit(&submit).await.unwrap();
        assert_eq!(end_of(&client, subject, 0).await.answer, "through");
        let refused = client.ask_to_yield().await.unwrap_err();
        assert!(matches!(refused, ClientError::Refused(_)), "{refused}");
        assert!(daemon.close(PATIENCE).await);
    })
    .await;
}

/// A command that takes its time: nothing but its gate ends it.
const SLOW: &str = r#"#!/bin/sh
while IFS= read -r line; do
  id=${line#*\"id\":}; id=${id%%,*}
  case $line in
    *'"initialize"'*) result='{"protocol":1,"provides":[{"kind":"command","id":"slow"}]}' ;;
    *'"command/call"'*) read -r word < gate; result='{"reply":{"body":{"text":"'"$word"'"}}}' ;;
    *'"exit"'*) exit 0 ;;
    *) result='{"issues":[]}' ;;
  esac
  case $line in *'"id":'*) printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$result" ;; esac
done
"#;

#[tokio::test]
async fn a_chat_in_the_middle_of_a_command_keeps_the_house() {
    in_time(async {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("plugins/slow");
        std::fs::create_dir_all(&folder).unwrap();
        let manifest = "manifest = 1\n[distribution]\nname = 'slow'\nversion = '1'\n[process]\n\
                        command = ['./run']\nprotocol = 'takopi/1'\n[command.slow]\ndescription = 'waits'\nusage = '/slow'\n";
        std::fs::write(folder.join("takopi-plugin.toml"), manifest).unwrap();
        std::fs::write(folder.join("run"), SLOW).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder.join("run"), mode).unwrap();
        let gate = folder.join("gate");
        rustix::fs::mknodat(rustix::fs::CWD, &gate, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        let chat = open(&place(dir.path()), Host::Chat).await;
        let tasks = TaskTracker::new();
        let client = Client::connect(chat.socket(), &tasks).await.unwrap();
        let (submit, subject) = message("/slow");
        let mut following = client.follow(subject, 0);
        client.submit(&submit).await.unwrap();
        let daemon = Client::connect(chat.socket(), &tasks).await.unwrap();
        let commands = loop {
            let asked = daemon.ask_to_yield().await.unwrap();
            if !asked.commands.is_empty() {
                break asked.commands;
            }
            assert!(asked.undecided, "{asked:?}");
        };
        assert_eq!(commands[0].as_str(), "slow");
        assert!(!chat.handover().is_cancelled());
        tokio::fs::write(&gate, "through\n").await.unwrap();
        loop {
            if let Told::Reply { text } = following.next().await.unwrap().unwrap() {
                assert_eq!(text, "through");
                break;
            }
        }
        while !chat.handover().is_cancelled() {
            daemon.ask_to_yield().await.unwrap();
        }
        assert!(chat.close(PATIENCE).await);
    })
    .await;
}

#[tokio::test]
async fn a_lost_connection_is_taken_up_where_it_was() {
    in_time(async {
        let dir = tempfile::tempdir().unwrap();
        let place = place(dir.path());
        let fifo = dir.path().join("gate");
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        let hosting = open(&place, Host::Chat).await;
        let tasks = TaskTracker::new();
        let first = Client::connect(hosting.socket(), &tasks).await.unwrap();
        let (submit, subject) = message(&format!("echo before; cat {}", fifo.display()));
        let mut following = first.follow(subject.clone(), 0);
        let (followed, submitted) = tokio::join!(following.next(), first.submit(&submit));
        submitted.unwrap();
        assert_eq!(followed.unwrap(), Some(Told::Accepted));
        let (mut run, mut seen) = (None, 0);
        while seen == 0 {
            if let Told::Run { run: of, item: Followed::Event { seq, .. }, .. } =
                following.next().await.unwrap().unwrap()
            {
                (run, seen) = (Some(of), seq);
            }
        }
        drop(following);
        drop(first);

        let second = Client::connect(hosting.socket(), &tasks).await.unwrap();
        let run = run.unwrap();
        let mut following = second.follow(Subject::Run { run }, seen);
        tokio::fs::write(&fifo, "after\n").await.unwrap();
        let mut last = seen;
        loop {
            match following.next().await.unwrap().unwrap() {
                Told::Run { item: Followed::Event { seq, .. }, .. } => {
                    assert_eq!(seq, last + 1);
                    last = seq;
                }
                Told::Run { item: Followed::End { end, .. }, .. } => {
                    assert_eq!(end.answer, "before\nafter");
                    break;
                }
                _ => {}
            }
        }
        assert_eq!(following.next().await.unwrap(), None);
        assert!(hosting.close(PATIENCE).await);
    })
    .await;
}

#[tokio::test]
async fn a_command_is_answered_and_nothing_runs() {
    in_time(async {
        let dir = tempfile::tempdir().unwrap();
        let hosting = open(&place(dir.path()), Host::Chat).await;
        let client = Client::connect(hosting.socket(), &TaskTracker::new()).await.unwrap();
        let (submit, subject) = message("/help");
        client.submit(&submit).await.unwrap();
        let mut following = client.follow(subject, 0);
        let mut told = Vec::new();
        while let Some(next) = following.next().await.unwrap() {
            told.push(next);
        }
        let [Told::Accepted, Told::Reply { text }, Told::Settled] = told.as_slice() else {
            panic!("{told:?}")
        };
        assert!(text.contains("/cancel"), "{text}");
        assert_eq!(client.status().await.unwrap().runs, []);
        assert!(hosting.close(PATIENCE).await);
    })
    .await;
}

/// A client that is no takopi: it hears nothing and serves nothing.
struct Deaf;

#[async_trait]
impl takopi_stdio::rpc::Service for Deaf {
    async fn request(&self, method: &str, _: Value, _: CancellationToken) -> Result<Value, RpcError> {
        Err(RpcError::unknown_method(method))
    }

    async fn notify(&self, _: &str, _: Value) {}
}

#[tokio::test]
async fn who_does_not_say_hello_or_speaks_another_version_is_refused() {
    in_time(async {
        let dir = tempfile::tempdir().unwrap();
        let hosting = open(&place(dir.path()), Host::Chat).await;
        let stream = tokio::net::UnixStream::connect(hosting.socket()).await.unwrap();
        let (reader, writer) = stream.into_split();
        let (peer, wire) = takopi_stdio::rpc::peer(takopi_stdio::rpc::Limits::PLUGIN);
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let (served, stopped) = (tasks.clone(), stop.clone());
        tasks.spawn(async move {
            let lines = takopi_stdio::Lines::new(reader, 1 << 20);
            wire.run(lines, writer, Arc::new(Deaf), &served, &stopped, async { String::new() }).await
        });
        let refusal = async |method: &str, params: Value| match peer
            .call(method, params, &Patience::of(PATIENCE))
            .await
        {
            Err(CallError::Refused(refusal)) => refusal.code,
            other => panic!("{other:?}"),
        };
        assert_eq!(refusal("status", Value::Null).await, RpcError::INVALID_REQUEST);
        let newer = serde_json::json!({"protocol": 2, "version": "9.0.0", "pid": 1});
        assert_eq!(refusal("hello", newer).await, crate::control::wire::OTHER_PROTOCOL);
        assert_eq!(refusal("status", Value::Null).await, RpcError::INVALID_REQUEST);
        let ours = serde_json::to_value(Hello::ours(None)).unwrap();
        peer.call("hello", ours, &Patience::of(PATIENCE)).await.unwrap();
        assert_eq!(refusal("nonsense", Value::Null).await, RpcError::UNKNOWN_METHOD);
        let run = serde_json::json!({"id": 1, "run": "01920000-0000-7000-8000-000000000001"});
        assert_eq!(refusal("chat/follow", run).await, crate::control::wire::NOT_FOUND);
        let relative = serde_json::json!({"text": "ls", "dir": "here"});
        assert_eq!(refusal("chat/submit", relative).await, RpcError::INVALID_PARAMS);
        assert!(hosting.close(PATIENCE).await);
    })
    .await;
}
