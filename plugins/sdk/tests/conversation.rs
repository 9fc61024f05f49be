//! A plugin over pipes in memory, with a takopi that plays from a script.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a premise that doesn't hold fails the test, and says where"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use takopi_plugin::{
    Action, ActionKind, Answer, Body, Call, Command, Config, Door, End, Ended, Engine, Error, Events, Host,
    Inbound, Issue, Job, MessageRef, Plugin, Question, Request, Result, Sender, Sending, Start, Transport,
    async_trait,
};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, ReadHalf, WriteHalf};
use tokio::task::JoinHandle;

/// An engine that does what its prompt says.
#[derive(Default)]
struct Acme {
    cleaned: Arc<AtomicUsize>,
}

#[async_trait]
impl Engine for Acme {
    async fn run(&self, job: Job, events: Events) -> Result<Ended> {
        events.session("s1").await?;
        match job.prompt.as_str() {
            "panic" => panic!("a fault of the author's"),
            "fail" => Err(Error::failed("no network")),
            "wait" => {
                events.cancelled().await;
                Ok(Ended { answer: "half".into(), ..Ended::cancelled() })
            }
            "ignore" => std::future::pending().await,
            "ask" => {
                let question = Question::choice("Delete?", [("y", "Yes"), ("n", "No")]);
                Ok(Ended::answered(events.ask(question).await?.options.join(",")))
            }
            prompt => {
                let step = Action::started("1", ActionKind::Command, "echo");
                events.action(step.clone()).await?;
                events.action(step.completed(true)).await?;
                events.text(prompt).await?;
                assert!(events.session("s2").await.is_err());
                Ok(Ended::answered(prompt))
            }
        }
    }

    async fn configure(&self, config: &Config) -> Result<()> {
        if config.get("broken").is_some() {
            Err(Error::bad_config(&[Issue::error("broken is set")]))
        } else {
            Ok(())
        }
    }

    async fn validate(&self, config: &Config) -> Vec<Issue> {
        if config.text("key").is_none() { vec![Issue::error("key is missing")] } else { Vec::new() }
    }

    async fn cleanup(&self) {
        self.cleaned.fetch_add(1, Ordering::SeqCst);
    }
}

struct Weather;

#[async_trait]
impl Command for Weather {
    async fn call(&self, call: Call, host: Host) -> Result<Answer> {
        host.send(Body::plain("looking out of the window")).await?;
        let request = Request { prompt: call.args_text, ..Request::default() };
        let ran = host.run_many(vec![request.clone(), request], true).await?;
        host.clone().release().await?;
        Ok(Answer::markdown(ran.into_iter().map(|ran| ran.answer).collect::<Vec<_>>().join(" and ")))
    }
}

struct Mail;

#[async_trait]
impl Transport for Mail {
    async fn receive(&self, start: Start, door: Door) -> Result<()> {
        if start.config.contains_key("fails") {
            return Err(Error::failed("the line is cut"));
        }
        let sender = Sender { id: "ann".into(), name: "Ann".into(), is_bot: false };
        door.inbound(Inbound::text(door.message("inbox", "m1"), sender, "hello")).await?;
        door.closed().await;
        Ok(())
    }

    async fn send(&self, sending: Sending) -> Result<MessageRef> {
        Ok(MessageRef { address: sending.address, id: "m2".into() })
    }
}

/// Takopi, by hand.
struct Takopi {
    out: WriteHalf<DuplexStream>,
    lines: tokio::io::Lines<BufReader<ReadHalf<DuplexStream>>>,
    plugin: JoinHandle<End>,
}

impl Takopi {
    fn starts(plugin: Plugin) -> Self {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let (reader, writer) = tokio::io::split(theirs);
        let (ours, out) = tokio::io::split(ours);
        #[expect(clippy::disallowed_methods, reason = "the test waits for it")]
        let plugin = tokio::spawn(plugin.serve_on(reader, writer));
        Self { out, lines: BufReader::new(ours).lines(), plugin }
    }

    async fn greets(plugin: Plugin) -> Self {
        let mut takopi = Self::starts(plugin);
        takopi.says(&hello(&json!({}))).await;
        takopi
            .hears(&json!({"id": 1, "result": {
                "protocol": 1,
                "plugin": {"name": "takopi-acme", "version": "1.2.3"},
                "provides": [{"kind": "engine", "id": "acme"}],
                "capabilities": {"ping": true},
            }}))
            .await;
        takopi.says(&json!({"method": "initialized"})).await;
        takopi
    }

    async fn says(&mut self, message: &Value) {
        self.out.write_all(format!("{message}\n").as_bytes()).await.unwrap();
    }

    async fn next(&mut self) -> Value {
        let line = self.lines.next_line().await.unwrap().expect("the plugin says something");
        serde_json::from_str(&line).unwrap()
    }

    #[track_caller]
    fn hears(&mut self, expected: &Value) -> impl Future<Output = ()> {
        let mut expected = expected.clone();
        expected["jsonrpc"] = "2.0".into();
        async move { assert_eq!(self.next().await, expected) }
    }

    async fn says_goodbye(mut self) {
        self.says(&json!({"id": 99, "method": "shutdown", "params": {}})).await;
        self.hears(&json!({"id": 99, "result": {}})).await;
        self.says(&json!({"method": "exit"})).await;
        assert_eq!(self.plugin.await.unwrap(), End::Exit);
    }
}

fn hello(config: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocol": 1, "host": {"name": "takopi", "version": "0.1.0"}, "data_dir": "/data",
        "provides": [{"kind": "engine", "id": "acme"}, {"kind": "engine", "id": "other"}], "config": config,
    }})
}

fn acme() -> Plugin {
    Plugin::new("takopi-acme", "1.2.3").engine("acme", Acme::default())
}

fn run(id: u64, prompt: &str) -> Value {
    json!({"id": id, "method": "engine/run",
        "params": {"id": "acme", "run": "r1", "prompt": prompt, "cwd": "/"}})
}

fn event(seq: u64, event: &Value) -> Value {
    json!({"method": "engine/event", "params": {"run": "r1", "seq": seq, "event": event}})
}

fn session() -> Value {
    event(1, &json!({"type": "session", "session": "s1"}))
}

#[tokio::test]
async fn a_run_tells_its_steps_in_order_and_ends_with_the_session() {
    let mut takopi = Takopi::greets(acme()).await;
    takopi.says(&run(2, "hi")).await;
    takopi.hears(&session()).await;
    let step = json!({"type": "action", "id": "1", "kind": "command", "phase": "started", "title": "echo"});
    takopi.hears(&event(2, &step)).await;
    let step = json!({"type": "action", "id": "1", "kind": "command", "phase": "completed", "title": "echo",
        "ok": true});
    takopi.hears(&event(3, &step)).await;
    takopi.hears(&event(4, &json!({"type": "text", "delta": "hi"}))).await;
    takopi.hears(&json!({"id": 2, "result": {"outcome": "answered", "answer": "hi", "session": "s1"}})).await;
    takopi.says_goodbye().await;
}

#[tokio::test]
async fn a_failing_run_keeps_its_session() {
    let mut takopi = Takopi::greets(acme()).await;
    takopi.says(&run(2, "fail")).await;
    takopi.hears(&session()).await;
    let failed = json!({"outcome": "failed", "answer": "", "session": "s1", "error": "no network"});
    takopi.hears(&json!({"id": 2, "result": failed})).await;
}

#[tokio::test]
async fn a_panic_is_an_error_and_the_plugin_goes_on() {
    let mut takopi = Takopi::greets(acme()).await;
    takopi.says(&run(2, "panic")).await;
    takopi.hears(&session()).await;
    takopi.hears(&json!({"id": 2, "error": {"code": -32603, "message": "the plugin panicked"}})).await;
    takopi.says(&json!({"id": 3, "method": "ping", "params": {}})).await;
    takopi.hears(&json!({"id": 3, "result": {}})).await;
}

#[tokio::test]
async fn a_cancelled_run_may_end_by_itself() {
    let mut takopi = Takopi::greets(acme()).await;
    takopi.says(&run(2, "wait")).await;
    takopi.hears(&session()).await;
    takopi.says(&json!({"method": "$/cancel_request", "params": {"id": 2}})).await;
    let cancelled = json!({"outcome": "cancelled", "answer": "half", "session": "s1"});
    takopi.hears(&json!({"id": 2, "result": cancelled})).await;
}

#[tokio::test(start_paused = true)]
async fn a_run_that_ignores_the_cancel_is_dropped_with_its_session() {
    let mut takopi = Takopi::greets(acme()).await;
    takopi.says(&run(2, "ignore")).await;
    takopi.hears(&session()).await;
    takopi.says(&json!({"method": "$/cancel_request", "params": {"id": 2}})).await;
    let cancelled = json!({"outcome": "cancelled", "answer": "", "session": "s1"});
    takopi.hears(&json!({"id": 2, "result": cancelled})).await;
}

#[tokio::test]
async fn a_question_waits_for_its_answer() {
    let mut takopi = Takopi::greets(acme()).await;
    takopi.says(&run(2, "ask")).await;
    takopi.hears(&session()).await;
    let ask = json!({"run": "r1", "key": "q1", "title": "Delete?", "free_text": false,
        "options": [{"id": "y", "label": "Yes"}, {"id": "n", "label": "No"}]});
    takopi.hears(&json!({"id": 1, "method": "engine/ask", "params": ask})).await;
    takopi.says(&json!({"id": 1, "result": {"options": ["y"]}})).await;
    takopi.hears(&json!({"id": 2, "result": {"outcome": "answered", "answer": "y", "session": "s1"}})).await;
}

#[tokio::test]
async fn a_question_of_a_cancelled_run_is_withdrawn() {
    let mut takopi = Takopi::greets(acme()).await;
    tokio::time::pause();
    takopi.says(&run(2, "ask")).await;
    takopi.hears(&session()).await;
    assert_eq!(takopi.next().await["method"], "engine/ask");
    takopi.says(&json!({"method": "$/cancel_request", "params": {"id": 2}})).await;
    let heard = [takopi.next().await, takopi.next().await];
    let withdrawn = json!({"jsonrpc": "2.0", "method": "$/cancel_request", "params": {"id": 1}});
    assert!(heard.contains(&withdrawn), "{heard:?}");
    assert!(heard.iter().any(|heard| heard["result"]["outcome"] == "cancelled"), "{heard:?}");
}

#[tokio::test]
async fn settings_are_checked_and_a_refusal_ends_the_handshake() {
    let mut takopi = Takopi::greets(acme()).await;
    takopi
        .says(&json!({"id": 2, "method": "config/check", "params": {"kind": "engine", "id": "acme"}}))
        .await;
    let issue = json!({"level": "error", "title": "key is missing", "lines": []});
    takopi.hears(&json!({"id": 2, "result": {"issues": [issue]}})).await;

    let mut takopi = Takopi::starts(acme());
    takopi.says(&hello(&json!({"engine": {"acme": {"broken": true}}}))).await;
    let heard = takopi.next().await;
    assert_eq!(
        (&heard["error"]["code"], &heard["error"]["message"]),
        (&json!(-32014), &json!("broken is set"))
    );
}

#[tokio::test]
async fn what_comes_before_the_greeting_or_twice_is_refused() {
    let mut takopi = Takopi::starts(acme());
    takopi.says(&json!({"id": 7, "method": "ping"})).await;
    let error = json!({"code": -32600, "message": "initialize comes first"});
    takopi.hears(&json!({"id": 7, "error": error})).await;
    let mut takopi = Takopi::greets(acme()).await;
    takopi.says(&hello(&json!({}))).await;
    let error = json!({"code": -32600, "message": "initialize comes once"});
    takopi.hears(&json!({"id": 1, "error": error})).await;
}

#[tokio::test]
async fn garbage_is_ignored_and_unknown_methods_are_refused() {
    let mut takopi = Takopi::greets(acme()).await;
    takopi.out.write_all(b"what?\n[1]\n{}\n").await.unwrap();
    takopi.says(&json!({"method": "_new/thing"})).await;
    takopi.says(&json!({"id": "x", "method": "_new/thing"})).await;
    let error = json!({"code": -32601, "message": "this plugin does not know `_new/thing`"});
    takopi.hears(&json!({"id": "x", "error": error})).await;
}

#[tokio::test]
async fn a_command_sends_runs_many_and_answers() {
    let mut takopi = Takopi::greets(acme().command("weather", Weather)).await;
    let message = json!({"address": {"instance": "local", "chat": "c"}, "id": "m"});
    takopi
        .says(&json!({"id": 2, "method": "command/call", "params": {"id": "weather", "context": "c1",
        "args_text": "Kyoto", "args": ["Kyoto"], "message": message, "sender": {"id": "ann"}}}))
        .await;
    takopi
        .hears(&json!({"id": 1, "method": "host/send", "params": {"context": "c1", "notify": false,
        "body": {"text": "looking out of the window", "format": "plain"}}}))
        .await;
    takopi.says(&json!({"id": 1, "result": {}})).await;
    let request = json!({"prompt": "Kyoto", "mode": "capture"});
    takopi
        .hears(&json!({"id": 2, "method": "host/run_many", "params": {"context": "c1", "parallel": true,
        "requests": [request, request]}}))
        .await;
    let ran = |answer: &str| json!({"run": "r", "engine": "acme", "outcome": "answered", "answer": answer});
    takopi.says(&json!({"id": 2, "result": {"results": [ran("rain"), ran("snow")]}})).await;
    takopi.hears(&json!({"method": "context/release", "params": {"context": "c1"}})).await;
    let reply = json!({"body": {"text": "rain and snow", "format": "markdown"}, "notify": false});
    takopi.hears(&json!({"id": 2, "result": {"reply": reply}})).await;
    takopi.says_goodbye().await;
}

#[tokio::test]
async fn what_takopi_refuses_is_what_the_person_is_told() {
    let mut takopi = Takopi::greets(acme().command("weather", Weather)).await;
    let message = json!({"address": {"instance": "local", "chat": "c"}, "id": "m"});
    takopi
        .says(&json!({"id": 2, "method": "command/call", "params": {"id": "weather", "context": "c1",
        "args_text": "", "message": message, "sender": {"id": "ann"}}}))
        .await;
    assert_eq!(takopi.next().await["method"], "host/send");
    let refused = json!({"code": -32011, "message": "send_message is not among its permissions"});
    takopi.says(&json!({"id": 1, "error": refused})).await;
    takopi.hears(&json!({"id": 2, "error": refused})).await;
}

fn start(config: &Value) -> Value {
    json!({"id": 2, "method": "transport/start", "params": {"id": "mail", "instance": "post", "config": config}})
}

#[tokio::test]
async fn a_transport_hands_in_sends_and_stops() {
    let mut takopi = Takopi::greets(acme().transport("mail", Mail)).await;
    takopi.says(&start(&json!({}))).await;
    let message = json!({"address": {"instance": "post", "chat": "inbox"}, "id": "m1"});
    let inbound = json!({"jsonrpc": "2.0", "id": 1, "method": "transport/inbound", "params": {
        "upstream_id": "m1", "kind": "message", "text": "hello", "message": message,
        "sender": {"id": "ann", "name": "Ann", "is_bot": false}}});
    let started = json!({"jsonrpc": "2.0", "id": 2, "result": {}});
    // It may receive before the start is answered.
    let heard = [takopi.next().await, takopi.next().await];
    assert!(heard.contains(&inbound) && heard.contains(&started), "{heard:?}");
    takopi.says(&json!({"id": 1, "result": {}})).await;

    let send = json!({"address": {"instance": "post", "chat": "inbox"}, "part": {"text": "well?"}});
    takopi.says(&json!({"id": 3, "method": "transport/send", "params": send})).await;
    let sent = json!({"message": {"address": {"instance": "post", "chat": "inbox"}, "id": "m2"}});
    takopi.hears(&json!({"id": 3, "result": sent})).await;
    takopi.says(&json!({"id": 4, "method": "transport/stop", "params": {"instance": "post"}})).await;
    takopi.hears(&json!({"id": 4, "result": {}})).await;
    takopi.says(&json!({"id": 5, "method": "transport/send", "params": send})).await;
    takopi.hears(&json!({"id": 5, "error": {"code": -32600, "message": "post is not started"}})).await;
}

#[tokio::test]
async fn a_transport_that_cannot_go_on_says_why_and_ends_the_plugin() {
    let mut takopi = Takopi::greets(acme().transport("mail", Mail)).await;
    takopi.says(&start(&json!({"fails": true}))).await;
    let heard = [takopi.next().await, takopi.next().await];
    let log = json!({"jsonrpc": "2.0", "method": "log", "params": {"level": "error",
        "message": "receiving ended: the line is cut", "fields": {"instance": "post"}}});
    assert!(heard.contains(&log), "{heard:?}");
    assert_eq!(takopi.plugin.await.unwrap(), End::Broken);
}

#[tokio::test(start_paused = true)]
async fn a_parent_that_vanishes_ends_it_after_the_clean_up() {
    let engine = Acme::default();
    let cleaned = engine.cleaned.clone();
    let mut takopi = Takopi::greets(Plugin::new("takopi-acme", "1.2.3").engine("acme", engine)).await;
    takopi.says(&run(2, "ignore")).await;
    takopi.hears(&session()).await;
    takopi.out.shutdown().await.unwrap();
    assert_eq!(takopi.plugin.await.unwrap(), End::Gone);
    assert_eq!(cleaned.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_line_without_end_is_hung_up_on() {
    let mut takopi = Takopi::greets(acme()).await;
    // The plugin may hang up before it has read everything.
    drop(takopi.out.write_all(&vec![b' '; 2 << 20]).await);
    assert_eq!(takopi.plugin.await.unwrap(), End::Gone);
}
