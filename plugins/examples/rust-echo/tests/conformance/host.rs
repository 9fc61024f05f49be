//! A small takopi, which starts an example by its manifest and speaks with it.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// An example's folder with its manifest.
pub(crate) struct Example {
    dir: PathBuf,
    manifest: toml::Table,
}

impl Example {
    pub(crate) fn read(name: &str) -> Self {
        Self::at(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name))
    }

    pub(crate) fn at(dir: &Path) -> Self {
        let manifest = std::fs::read_to_string(dir.join("takopi-plugin.toml")).unwrap();
        Self { dir: dir.to_owned(), manifest: manifest.parse().unwrap() }
    }

    /// Returns the command of the manifest, in the folder of the plugin.
    pub(crate) fn command(&self) -> Command {
        let words = self.manifest["process"]["command"].as_array().unwrap();
        let words: Vec<&str> = words.iter().map(|word| word.as_str().unwrap()).collect();
        let program = match words[0] {
            "./rust-echo" | "./rust-folder" => crate::PROGRAM.into(),
            "python3" => std::env::var_os("TAKOPI_TEST_PYTHON").unwrap_or_else(|| "python3".into()),
            "sh" => "sh".into(),
            relative => self.dir.join(relative).into_os_string(),
        };
        let mut command = Command::new(program);
        command.args(&words[1..]).current_dir(&self.dir).env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }

    pub(crate) fn provides(&self) -> Vec<Value> {
        let of = |kind: &'static str| {
            let ids = self.manifest.get(kind).and_then(toml::Value::as_table).into_iter().flatten();
            ids.map(move |(id, _)| json!({"kind": kind, "id": id}))
        };
        of("engine").chain(of("transport")).chain(of("command")).collect()
    }

    /// Returns settings that every part of it takes.
    pub(crate) fn settings(&self) -> Value {
        if self.manifest.contains_key("transport") { json!({"folder": "/chat"}) } else { json!({}) }
    }
}

/// A takopi with one plugin.
pub(crate) struct Host {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    heard: VecDeque<Value>,
    last_session: Option<Value>,
    last_id: u64,
    _data: TempDir,
}

impl Host {
    /// Starts an example without settings, and shakes hands.
    pub(crate) fn starts(example: &Example) -> Self {
        Self::greets(example, &json!({}))
    }

    pub(crate) fn greets(example: &Example, settings: &Value) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut command = example.command();
        command.env("TAKOPI_PLUGIN_PROTOCOL", "1").env("TAKOPI_DATA_DIR", data.path());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let hello = json!({"protocol": 1, "host": {"name": "takopi", "version": "0.1.0"},
            "data_dir": data.path(), "provides": example.provides(), "config": settings,
            "capabilities": {"run": true, "ask": true}});
        let (heard, last_session) = Default::default();
        let mut host = Self { child, stdin, lines, heard, last_session, last_id: 0, _data: data };
        let welcome = host.calls("initialize", &hello).unwrap();
        assert_eq!(welcome["protocol"], 1);
        assert_eq!(welcome["plugin"]["name"].as_str(), example.manifest["distribution"]["name"].as_str());
        assert_eq!(welcome["provides"], json!(example.provides()));
        host.tells("initialized", &json!({}));
        host
    }

    fn write(&mut self, message: &Value) {
        let mut message = message.clone();
        message["jsonrpc"] = "2.0".into();
        writeln!(self.stdin.as_mut().unwrap(), "{message}").unwrap();
    }

    pub(crate) fn tells(&mut self, method: &str, params: &Value) {
        self.write(&json!({"method": method, "params": params}));
    }

    pub(crate) fn asks(&mut self, method: &str, params: &Value) -> u64 {
        self.last_id += 1;
        self.write(&json!({"id": self.last_id, "method": method, "params": params}));
        self.last_id
    }

    /// Calls a method; the error is the plugin's.
    pub(crate) fn calls(&mut self, method: &str, params: &Value) -> Result<Value, Value> {
        let id = self.asks(method, params);
        self.result_of(id)
    }

    pub(crate) fn answers(&mut self, id: u64, result: &Value) {
        self.write(&json!({"id": id, "result": result}));
    }

    pub(crate) fn refuses(&mut self, id: u64, error: &Value) {
        self.write(&json!({"id": id, "error": error}));
    }

    pub(crate) fn result_of(&mut self, id: u64) -> Result<Value, Value> {
        let answer = self.finds(|message| message["id"] == id && message.get("method").is_none());
        answer.get("error").map_or_else(|| Ok(answer["result"].clone()), |error| Err(error.clone()))
    }

    /// Waits for a request of the plugin's, and returns its id and parameters.
    pub(crate) fn is_asked(&mut self, method: &str) -> (u64, Value) {
        let request = self.finds(|message| message["method"] == method);
        (request["id"].as_u64().unwrap(), request["params"].clone())
    }

    /// Waits for a notification, which stays to be told.
    pub(crate) fn hears(&mut self, method: &str) {
        let heard = self.finds(|message| message["method"] == method);
        self.heard.push_front(heard);
    }

    /// Returns the notifications that have come.
    pub(crate) fn told(&mut self, method: &str) -> Vec<Value> {
        let (told, rest) = self.heard.drain(..).partition::<Vec<_>, _>(|message| message["method"] == method);
        self.heard = rest.into();
        let told: Vec<Value> = told.into_iter().map(|message| message["params"].clone()).collect();
        let sessions: Vec<&Value> =
            told.iter().map(|params| &params["event"]["session"]).filter(|s| !s.is_null()).collect();
        assert!(sessions.len() <= 1, "a session is told once: {sessions:?}");
        self.last_session = sessions.first().copied().cloned();
        told
    }

    pub(crate) fn last_session(&self) -> Option<Value> {
        self.last_session.clone()
    }

    fn finds(&mut self, is_it: impl Fn(&Value) -> bool) -> Value {
        if let Some(place) = self.heard.iter().position(&is_it) {
            return self.heard.remove(place).unwrap();
        }
        loop {
            let line = self.lines.recv_timeout(PATIENCE).expect("the plugin says what is waited for");
            let message: Value = serde_json::from_str(&line).expect("stdout is the protocol's");
            assert_eq!(message["jsonrpc"], "2.0", "{line}");
            if is_it(&message) {
                return message;
            }
            self.heard.push_back(message);
        }
    }

    /// Waits for something outside the connection.
    pub(crate) fn until(&self, patience: Duration, is_so: impl Fn() -> bool) {
        let step = Duration::from_millis(20);
        let mut waited = Duration::ZERO;
        while !is_so() {
            assert!(waited < patience, "it never came to pass");
            std::thread::sleep(step);
            waited += step;
        }
    }

    pub(crate) fn hangs_up(mut self) -> Option<i32> {
        self.stdin = None;
        self.ends()
    }

    /// Waits for its end, and returns its status.
    pub(crate) fn ends(mut self) -> Option<i32> {
        // Its stdout ends with it.
        while self.lines.recv_timeout(PATIENCE).is_ok() {}
        self.child.wait().unwrap().code()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.stdin = None;
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
