//! What each mode does in answer to each line. Pure: it returns what is to be done.

use serde_json::{Value, json};
use takopi_plugin_protocol::{Method, Notification, command, engine, life};

use crate::mode::Mode;

/// Something to do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Act {
    /// Writes a message.
    Say(Value),
    /// Writes bytes as they are.
    Write(Vec<u8>),
    /// Writes a line to stderr.
    Complain(&'static str),
    /// Waits for so many ms.
    Wait(u64),
    /// Takes so many MiB of memory and keeps them.
    Take(u64),
    /// Starts a process that outlives this one.
    LeaveBehind,
    /// Ends.
    Exit(i32),
}

/// Milliseconds that `slow` takes.
const SLOW_MS: u64 = 3000;

/// MiB that `hog` takes: more than takopi leaves to a plugin without engines.
const HOG_MIB: u64 = 1100;

/// Events that `flood` tells.
const FLOOD: u64 = 20_000;

/// Twice what a line may have.
const LONG_LINE: usize = 2 << 20;

/// What it says its version is.
pub(crate) const VERSION: &str = "1.0.0";

/// A mode at work.
pub(crate) struct Script {
    mode: Mode,
    number: Option<u64>,
    /// Requests that wait for a cancel.
    pending: Vec<Value>,
}

impl Script {
    pub(crate) const fn new(mode: Mode, number: Option<u64>) -> Self {
        Self { mode, number, pending: Vec::new() }
    }

    /// Returns what comes before the first line.
    pub(crate) fn begin(&self) -> Vec<Act> {
        match self.mode {
            Mode::CrashAtStart => vec![Act::Complain("there is no settings file"), Act::Exit(3)],
            _ => self.noise(),
        }
    }

    /// Returns what a line brings about.
    pub(crate) fn answer(&mut self, line: &str) -> Vec<Act> {
        let Ok(message) = serde_json::from_str::<Value>(line) else { return Vec::new() };
        let (method, params) = (message["method"].as_str().unwrap_or_default(), &message["params"]);
        let id = &message["id"];
        let mut acts = match method {
            life::Initialize::NAME => self.initialize(id, params),
            life::Ready::NAME if self.mode == Mode::ExitLoop => {
                return vec![Act::Complain("I have seen enough"), Act::Exit(1)];
            }
            life::Cancel::NAME => self.cancel(&params["id"]),
            life::Shutdown::NAME | life::Exit::NAME if self.mode == Mode::IgnoresCancel => Vec::new(),
            life::Exit::NAME => vec![Act::Exit(0)],
            life::CheckConfig::NAME => vec![result(id, &json!({ "issues": self.issues() }))],
            engine::Run::NAME => self.run(id, params),
            command::Call::NAME => self.call(id, params),
            life::Ping::NAME | life::Shutdown::NAME => vec![result(id, &json!({}))],
            _ if id.is_null() => Vec::new(),
            _ => vec![Act::Say(json!({"jsonrpc": "2.0", "id": id,
                "error": {"code": -32601, "message": "unknown method"}}))],
        };
        if self.mode == Mode::Slow && !id.is_null() && method != life::Initialize::NAME {
            acts.insert(0, Act::Wait(self.number.unwrap_or(SLOW_MS)));
        }
        acts
    }

    fn initialize(&self, id: &Value, params: &Value) -> Vec<Act> {
        let mut provides = params["provides"].as_array().cloned().unwrap_or_default();
        match self.mode {
            Mode::NoHandshake => return Vec::new(),
            Mode::Undeclared => provides.push(json!({"kind": "command", "id": "undeclared"})),
            Mode::ProvidesLess => provides.clear(),
            _ => {}
        }
        let protocol = if self.mode == Mode::WrongVersion { 99 } else { 1 };
        let plugin = json!({"name": "takopi-rude", "version": VERSION});
        let mut acts = self.noise();
        acts.push(result(id, &json!({"protocol": protocol, "plugin": plugin, "provides": provides})));
        acts
    }

    fn issues(&self) -> Value {
        match self.mode {
            Mode::BadConfig => {
                json!([{"level": "error", "title": "no settings are good enough", "lines": ["give up"]}])
            }
            _ => json!([]),
        }
    }

    fn cancel(&mut self, id: &Value) -> Vec<Act> {
        if self.mode == Mode::IgnoresCancel {
            return Vec::new();
        }
        let waiting = self.pending.iter().position(|pending| pending == id);
        waiting.map(|place| self.pending.remove(place)).map_or_else(Vec::new, |id| {
            vec![Act::Say(
                json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32800, "message": "cancelled"}}),
            )]
        })
    }

    /// A polite run tells its session and a step, and answers its prompt; `wait` waits for the cancel.
    fn run(&mut self, id: &Value, params: &Value) -> Vec<Act> {
        let run = params["run"].as_str().unwrap_or_default();
        let prompt = params["prompt"].as_str().unwrap_or_default();
        let event = |seq: u64, event: Value| {
            Act::Say(json!({"jsonrpc": "2.0", "method": "engine/event",
                "params": {"run": run, "seq": seq, "event": event}}))
        };
        let step = |number: u64| {
            json!({"type": "action", "id": number.to_string(), "kind": "tool", "phase": "completed",
            "title": "misbehave", "ok": true})
        };
        let end = result(id, &json!({"outcome": "answered", "answer": prompt, "session": "rude-1"}));
        let mut acts = vec![event(1, json!({"type": "session", "session": "rude-1"}))];
        match self.mode {
            Mode::SeqGap => acts.extend([event(3, step(1)), end]),
            Mode::EventAfterEnd => acts.extend([end, event(2, step(1))]),
            Mode::Flood => {
                acts.extend((2..self.number.unwrap_or(FLOOD) + 2).map(|seq| event(seq, step(seq))));
                acts.push(end);
            }
            _ => {
                acts.push(event(2, step(1)));
                acts.extend(self.misbehave());
                acts.extend(self.finish(id, prompt, end));
            }
        }
        acts
    }

    /// A polite call answers with its arguments; `wait` waits for the cancel.
    fn call(&mut self, id: &Value, params: &Value) -> Vec<Act> {
        let text = params["args_text"].as_str().unwrap_or_default();
        let end = result(id, &json!({"reply": {"body": {"text": text, "format": "plain"}, "notify": false}}));
        let mut acts = match self.mode {
            Mode::Flood => {
                let log = json!({"jsonrpc": "2.0", "method": "log",
                    "params": {"level": "debug", "message": "misbehave"}});
                let many = usize::try_from(self.number.unwrap_or(FLOOD)).unwrap_or(usize::MAX);
                std::iter::repeat_n(Act::Say(log), many).collect()
            }
            Mode::EventAfterEnd => vec![end.clone()],
            _ => self.misbehave(),
        };
        acts.extend(self.finish(id, text, end));
        acts
    }

    fn finish(&mut self, id: &Value, text: &str, end: Act) -> Option<Act> {
        if self.mode == Mode::IgnoresCancel {
            return None;
        }
        if text == "wait" || self.mode == Mode::Hog {
            self.pending.push(id.clone());
            return None;
        }
        Some(end)
    }

    /// Returns what goes wrong in the middle of any work.
    fn misbehave(&self) -> Vec<Act> {
        match self.mode {
            Mode::LongLine => {
                let mut line = vec![b'x'; LONG_LINE];
                line.push(b'\n');
                vec![Act::Write(line)]
            }
            Mode::Crash => vec![Act::Complain("something went terribly wrong"), Act::Exit(7)],
            Mode::Grandchild => vec![Act::LeaveBehind],
            Mode::Hog => vec![Act::Take(self.number.unwrap_or(HOG_MIB))],
            _ => self.noise(),
        }
    }

    /// Returns what does not belong on stdout.
    fn noise(&self) -> Vec<Act> {
        match self.mode {
            Mode::Garbage => vec![
                Act::Write(b"{\"jsonrpc\": \"2.0\", \"id\":\n".to_vec()),
                Act::Write(b"\xff\xfe\x00\n".to_vec()),
                Act::Write(b"[]\n\n".to_vec()),
            ],
            Mode::Prints => vec![Act::Write(b"I got here\n".to_vec())],
            _ => Vec::new(),
        }
    }
}

fn result(id: &Value, result: &Value) -> Act {
    Act::Say(json!({"jsonrpc": "2.0", "id": id, "result": result}))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(mode: Mode, message: &Value) -> Vec<Act> {
        Script::new(mode, Some(2)).answer(&message.to_string())
    }

    fn run() -> Value {
        json!({"id": 2, "method": "engine/run", "params": {"id": "x", "run": "r", "prompt": "hi", "cwd": "/"}})
    }

    fn hello() -> Value {
        json!({"id": 1, "method": "initialize", "params": {"protocol": 1,
            "provides": [{"kind": "engine", "id": "x"}]}})
    }

    fn call() -> Value {
        json!({"id": 3, "method": "command/call", "params": {"id": "x", "args_text": "hi"}})
    }

    fn shown(acts: &[Act]) -> String {
        let line = |act: &Act| match act {
            Act::Say(message) => message.to_string(),
            Act::Write(bytes) if bytes.len() > 100 => format!("{} bytes", bytes.len()),
            Act::Write(bytes) => format!("raw {:?}", String::from_utf8_lossy(bytes)),
            other => format!("{other:?}"),
        };
        acts.iter().map(|act| format!("  {}\n", line(act))).collect()
    }

    #[test]
    fn each_mode_is_rude_in_its_own_way() {
        let mut text = String::new();
        for mode in Mode::ALL {
            let polite = |message: &Value| said(Mode::Polite, message) == said(*mode, message);
            text.extend([mode.word(), "\n"]);
            for (name, message) in [("initialize", hello()), ("run", run()), ("call", call())] {
                if *mode == Mode::Polite || !polite(&message) {
                    text.extend([" ", name, "\n", &shown(&said(*mode, &message))]);
                }
            }
        }
        insta::assert_snapshot!(text);
    }

    #[test]
    fn some_are_rude_before_and_after() {
        assert_eq!(Script::new(Mode::CrashAtStart, None).begin().last(), Some(&Act::Exit(3)));
        let ready = json!({"method": "initialized"});
        assert_eq!(said(Mode::ExitLoop, &ready).last(), Some(&Act::Exit(1)));
        assert!(said(Mode::Polite, &ready).is_empty());
        let shutdown = json!({"id": 9, "method": "shutdown"});
        assert!(said(Mode::IgnoresCancel, &shutdown).is_empty());
        assert_eq!(said(Mode::Polite, &shutdown), [result(&json!(9), &json!({}))]);
        assert_eq!(said(Mode::Slow, &shutdown).first(), Some(&Act::Wait(2)));
        let check = json!({"id": 9, "method": "config/check", "params": {"kind": "engine", "id": "x"}});
        assert_ne!(said(Mode::BadConfig, &check), said(Mode::Polite, &check));
    }

    #[test]
    fn work_that_waits_ends_by_the_cancel() {
        let mut script = Script::new(Mode::Polite, None);
        let mut call = call();
        call["params"]["args_text"] = "wait".into();
        assert!(script.answer(&call.to_string()).is_empty());
        let cancel = json!({"method": "$/cancel_request", "params": {"id": 3}}).to_string();
        let cancelled = json!({"jsonrpc": "2.0", "id": 3, "error": {"code": -32800, "message": "cancelled"}});
        assert_eq!(script.answer(&cancel), [Act::Say(cancelled)]);
        assert!(script.answer(&cancel).is_empty());
    }
}
