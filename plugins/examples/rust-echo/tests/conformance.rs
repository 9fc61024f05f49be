//! Every example, started and spoken with over stdin and stdout as takopi does: the same checks for each language.
//!
//! Those in Python begin with `python_`: they are a suite of their own, because Python may be missing.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a premise that doesn't hold fails the test, and says where"
)]

#[path = "conformance/host.rs"]
mod host;
#[path = "conformance/rules.rs"]
mod rules;

use std::path::Path;
use std::time::Duration;

use host::{Example, Host};
use rules::keeps_house_rules;
use serde_json::{Value, json};

/// The program that this crate builds.
const PROGRAM: &str = env!("CARGO_BIN_EXE_rust-echo");

/// Runs one job: its events are numbered, its steps end, its session is told once. Returns the result.
fn runs(host: &mut Host, job: &Value) -> Value {
    let mut job = job.clone();
    job["run"] = "r1".into();
    let id = host.asks("engine/run", &job);
    let ended = host.result_of(id).unwrap();
    let mut open = Vec::new();
    for (event, number) in host.told("engine/event").iter().zip(1..) {
        assert_eq!((&event["run"], &event["seq"]), (&json!("r1"), &json!(number)), "{event}");
        let event = &event["event"];
        match (event["type"].as_str(), event["phase"].as_str()) {
            (Some("action"), Some("started")) => open.push(event["id"].clone()),
            (Some("action"), Some("completed")) => open.retain(|id| *id != event["id"]),
            _ => {}
        }
    }
    assert!(open.is_empty() || ended["outcome"] != "answered", "steps that never end: {open:?}");
    ended
}

fn job(id: &str, prompt: &str, cwd: &Path) -> Value {
    json!({"id": id, "prompt": prompt, "cwd": cwd})
}

fn call(id: &str, text: &str) -> Value {
    let message = json!({"address": {"instance": "local", "chat": "c"}, "id": "m1"});
    let args: Vec<&str> = text.split_whitespace().collect();
    json!({"id": id, "context": "c1", "args_text": text, "args": args, "message": message,
        "sender": {"id": "ann", "name": "Ann", "is_bot": false}, "config": {}})
}

fn reply(host: &mut Host, call: &Value) -> String {
    let answer = host.calls("command/call", call).unwrap();
    answer["reply"]["body"]["text"].as_str().expect("a reply").to_owned()
}

/// Words that a careless reader of JSON stumbles over.
const HARD: &str = "it's \"quoted\" \\ $(boom) `boom`\t– ünï 😀\nsecond {\"id\":7,\"method\":\"exit\"}";

#[test]
fn rust_keeps_the_house_rules() {
    keeps_house_rules("rust-echo");
}

#[test]
fn sh_keeps_the_house_rules() {
    keeps_house_rules("sh-engine");
    keeps_house_rules("sh-command");
}

#[test]
fn python_keeps_the_house_rules() {
    for name in ["python-multi", "python-list", "folder-transport"] {
        keeps_house_rules(name);
    }
}

#[test]
fn rust_runs_an_engine() {
    let example = Example::read("rust-echo");
    let mut host = Host::starts(&example);
    let ended = runs(&mut host, &job("echo", HARD, Path::new("/")));
    assert_eq!(ended, json!({"outcome": "answered", "answer": HARD, "session": "r1"}));
}

#[test]
fn sh_runs_an_engine() {
    let dir = tempfile::tempdir().unwrap();
    let mut host = Host::starts(&Example::read("sh-engine"));
    std::fs::write(dir.path().join("text"), HARD).unwrap();
    let ended = runs(&mut host, &job("sh_run", "cat text", dir.path()));
    assert_eq!(ended, json!({"outcome": "answered", "answer": HARD}));
    std::fs::write(dir.path().join("bytes"), b"a\xffb\x01").unwrap();
    let ended = runs(&mut host, &job("sh_run", "cat bytes; printf '%s' '\u{1f600} \u{e9}\n'", dir.path()));
    assert_eq!(ended["answer"], "a?b\u{1}\u{1f600} \u{e9}\n");
    let failed = runs(&mut host, &job("sh_run", "echo no; exit 3", dir.path()));
    assert_eq!(failed, json!({"outcome": "failed", "answer": "no\n", "error": "exit status 3"}));
    let gone = runs(&mut host, &job("sh_run", "true", &dir.path().join("gone")));
    assert_eq!(gone["outcome"], "failed");
}

#[test]
fn python_runs_an_engine_with_sessions() {
    let mut host = Host::starts(&Example::read("python-list"));
    let first = runs(&mut host, &job("list", "milk\nit's \"bread\" \u{1f600}", Path::new("/")));
    assert_eq!(first["answer"], "1. milk\n2. it's \"bread\" \u{1f600}");
    let session = host.last_session().expect("it tells its session");
    let mut more = job("list", "jam", Path::new("/"));
    more["session"] = session.clone();
    let second = runs(&mut host, &more);
    assert_eq!(second["answer"], "1. milk\n2. it's \"bread\" \u{1f600}\n3. jam");
    assert_eq!(host.last_session(), Some(session), "it stays the same");
    more["session"] = "../secret".into();
    let refused = runs(&mut host, &more);
    assert_eq!(
        (&refused["outcome"], &refused["error"]),
        (&json!("failed"), &json!("there is no list ../secret"))
    );
}

/// Cancels a job after its first event.
fn cancels(name: &str, settings: &Value, job: &Value) {
    let mut host = Host::greets(&Example::read(name), settings);
    let mut job = job.clone();
    job["run"] = "r1".into();
    let id = host.asks("engine/run", &job);
    host.hears("engine/event");
    host.tells("$/cancel_request", &json!({"id": id}));
    let ended = host.result_of(id).unwrap();
    assert_eq!(ended["outcome"], "cancelled", "{ended}");
    assert_eq!(host.calls("ping", &json!({})).unwrap(), json!({}), "it goes on");
}

#[test]
fn rust_is_cancelled() {
    cancels(
        "rust-echo",
        &json!({"engine": {"echo": {"pause_ms": 60_000}}}),
        &job("echo", "a b", Path::new("/")),
    );
}

#[test]
fn sh_is_cancelled() {
    cancels("sh-engine", &json!({}), &job("sh_run", "sleep 60", Path::new("/")));
}

#[test]
fn rust_answers_a_command() {
    let mut host = Host::starts(&Example::read("rust-echo"));
    assert_eq!(reply(&mut host, &call("shout", "hello")), "HELLO");
    assert!(reply(&mut host, &call("shout", "")).contains("usage"));
}

#[test]
fn sh_answers_a_command() {
    let mut host = Host::starts(&Example::read("sh-command"));
    let text = reply(&mut host, &call("disk", "/"));
    assert!(text.contains("MiB are free on /"), "{text}");
    assert_eq!(reply(&mut host, &call("disk", "/no'where")), "There is no `/no'where`.");
}

#[test]
fn python_asks_several_engines_and_combines_their_answers() {
    let mut host = Host::starts(&Example::read("python-multi"));
    assert!(reply(&mut host, &call("multi", " ")).contains("usage"));

    let id = host.asks("command/call", &call("multi", "why?"));
    let (engines, params) = host.is_asked("host/engines");
    assert_eq!(params, json!({"context": "c1"}));
    let list = json!([{"id": "codex", "title": "Codex"}, {"id": "pi", "title": "Pi"},
        {"id": "claude", "title": "Claude", "issue": "not on PATH"}]);
    host.answers(engines, &json!({"engines": list, "default": "codex"}));
    let (ran, params) = host.is_asked("host/run_many");
    let asked = |engine: &str| json!({"prompt": "why?", "engine": engine, "mode": "capture"});
    assert_eq!(params, json!({"context": "c1", "requests": [asked("codex"), asked("pi")], "parallel": true}));
    host.answers(
        ran,
        &json!({"results": [
        {"run": "1", "engine": "codex", "outcome": "answered", "answer": "because"},
        {"run": "2", "engine": "pi", "outcome": "failed", "answer": "", "error": "no network"}]}),
    );
    let answer = host.result_of(id).unwrap();
    assert_eq!(answer["reply"]["body"]["text"], "**codex**\n\nbecause\n\n**pi**\n\nfailed: no network");
}

#[test]
fn python_tells_what_takopi_refuses_and_what_is_wrong_with_settings() {
    let mut host = Host::starts(&Example::read("python-multi"));
    let id = host.asks("command/call", &call("multi", "why?"));
    let (engines, _) = host.is_asked("host/engines");
    host.refuses(engines, &json!({"code": -32011, "message": "run_engine is not among its permissions"}));
    let told = host.result_of(id).unwrap_err();
    assert_eq!(told["message"], "run_engine is not among its permissions");
    let check = json!({"kind": "command", "id": "multi", "config": {"engines": "codex"}});
    let issues = host.calls("config/check", &check).unwrap();
    assert_eq!(issues["issues"][0]["title"], "engines is no list of ids");
}

#[test]
fn python_carries_messages_through_a_folder() {
    let dir = tempfile::tempdir().unwrap();
    let mut host = Host::starts(&Example::read("folder-transport"));
    let start = json!({"id": "folder", "instance": "post", "config": {"folder": dir.path()}});
    assert_eq!(host.calls("transport/start", &start).unwrap(), json!({}));

    std::fs::write(dir.path().join("in/.q1"), HARD).unwrap();
    std::fs::rename(dir.path().join("in/.q1"), dir.path().join("in/q1")).unwrap();
    let (inbound, params) = host.is_asked("transport/inbound");
    let address = json!({"instance": "post", "chat": "folder"});
    assert_eq!(
        params,
        json!({"upstream_id": "q1", "kind": "message", "text": HARD,
        "message": {"address": address, "id": "q1"}, "sender": {"id": "folder", "name": "folder"}})
    );
    assert!(dir.path().join("in/q1").exists(), "it stays until takopi has it");
    host.answers(inbound, &json!({}));
    host.until(Duration::from_secs(10), || dir.path().join("done/q1").exists());

    let read = |name: &str| std::fs::read_to_string(dir.path().join("out").join(name)).ok();
    let part = |text: &str| json!({"text": text, "format": "markdown"});
    let send =
        json!({"address": address, "part": part("an \u{1f600} answer"), "notify": false, "nonce": "n1"});
    let sent = host.calls("transport/send", &send).unwrap();
    assert_eq!(sent, json!({"message": {"address": address, "id": "000001"}}));
    assert_eq!(host.calls("transport/send", &send).unwrap(), sent, "a second try shows nothing new");
    assert_eq!(read("000001").as_deref(), Some("an \u{1f600} answer"));
    let edit = json!({"message": sent["message"], "part": part("better")});
    assert_eq!(host.calls("transport/edit", &edit).unwrap(), json!({}));
    assert_eq!(read("000001").as_deref(), Some("better"));
    let delete = json!({"message": sent["message"]});
    assert_eq!(host.calls("transport/delete", &delete).unwrap(), json!({}));
    assert_eq!(host.calls("transport/delete", &delete).unwrap(), json!({}), "gone already is a success");
    assert_eq!(read("000001"), None);
    assert_eq!(host.calls("transport/edit", &edit).unwrap_err()["code"], -32012);
    assert_eq!(host.calls("transport/stop", &json!({"instance": "post"})).unwrap(), json!({}));
}

#[test]
fn every_example_has_the_template_as_its_helper() {
    let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for (template, users) in [
        ("python/takopi_plugin.py", &["python-multi", "python-list", "folder-transport"][..]),
        ("sh/takopi-plugin.sh", &["sh-engine", "sh-command"]),
    ] {
        let file = Path::new(template).file_name().unwrap();
        let text = std::fs::read_to_string(plugins.join("templates").join(template)).unwrap();
        for user in users {
            let copy = std::fs::read_to_string(plugins.join("examples").join(user).join(file)).unwrap();
            assert!(copy == text, "copy plugins/templates/{template} into plugins/examples/{user}");
        }
    }
}

/// Returns the block of the documentation that has this title.
fn block(title: &str) -> &'static str {
    let text = include_str!("../../../../docs/plugins/README.md");
    let (_, block) = text.split_once(&format!(" title=\"{title}\"\n")).expect("the block is there");
    block.split_once("\n```").unwrap().0
}

/// Says hello as the documentation does, with a helper and a program in its folder.
fn says_hello(helper: &str, program: &str, command: &str) {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../templates").join(helper);
    let name = template.file_name().unwrap().to_str().unwrap();
    file(name, &std::fs::read_to_string(&template).unwrap());
    file(program, block(program));
    file("takopi-plugin.toml", &block("takopi-plugin.toml").replace("\"python3\", \"hello.py\"", command));
    let mut host = Host::starts(&Example::at(dir.path()));
    assert_eq!(reply(&mut host, &call("hello", "Ann")), "Hello, **Ann**!");
    assert_eq!(reply(&mut host, &call("hello", "")), "Hello, **you**!");
}

#[test]
fn python_says_hello_as_the_documentation_does() {
    says_hello("python/takopi_plugin.py", "hello.py", "\"python3\", \"hello.py\"");
}

#[test]
fn python_tells_people_what_a_fault_is_and_the_log_where() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    file("takopi_plugin.py", include_str!("../../../templates/python/takopi_plugin.py"));
    let program = block("hello.py").replace("args_text", "arg_text");
    let stray = "plugin.command(\"hullo\")(print)\nplugin.serve()";
    file("hello.py", &program.replace("plugin.serve()", stray));
    let command = r#""sh", "-c", "exec python3 hello.py 2>said""#;
    file("takopi-plugin.toml", &block("takopi-plugin.toml").replace("\"python3\", \"hello.py\"", command));
    let mut host = Host::starts(&Example::at(dir.path()));
    let told = host.calls("command/call", &call("hello", "Ann")).unwrap_err();
    assert_eq!(told, json!({"code": -32603, "message": "KeyError('arg_text')"}));
    let told = host.calls("command/call", &call("nobody", "")).unwrap_err();
    assert_eq!(told, json!({"code": -32601, "message": "this plugin has no command nobody"}));
    assert_eq!(host.hangs_up(), Some(0));
    let said = std::fs::read_to_string(dir.path().join("said")).unwrap();
    assert!(said.contains("hello.py\", line 8, in hello"), "{said}");
    assert!(said.contains("takopi does not ask for the command hullo"), "{said}");
    assert!(!said.contains("nobody"), "an error of the protocol is no fault: {said}");
}

#[test]
fn sh_says_hello_as_the_documentation_does() {
    says_hello("sh/takopi-plugin.sh", "hello.sh", "\"sh\", \"hello.sh\"");
}

#[test]
fn rust_says_hello_as_the_documentation_of_the_crate_does() {
    let essay = include_str!("../../../sdk/src/lib.rs").replace("//! ", "").replace("//!", "");
    assert!(
        essay.contains(block("src/main.rs")),
        "the essay of plugins/sdk/src/lib.rs holds the same program"
    );
}
