//! For tests: a server on loopback that answers each request as the test wrote down beforehand, and remembers
//! what it heard. It knows nothing of Discord.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What becomes of one request.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// It is answered.
    Says(u16, Vec<(&'static str, String)>, String),
    /// It is heard, and the connection breaks.
    Breaks,
    /// It is heard, and nothing comes.
    Hangs,
}

impl Step {
    /// Returns an answer of JSON.
    pub(crate) fn says(status: u16, body: Value) -> Self {
        Self::Says(status, Vec::new(), body.to_string())
    }

    /// Returns Discord's refusal of a code.
    pub(crate) fn refuses(status: u16, code: u32, message: &str) -> Self {
        Self::says(status, serde_json::json!({"code": code, "message": message}))
    }

    /// Returns the same answer with a further header.
    pub(crate) fn with(self, name: &'static str, value: impl ToString) -> Self {
        match self {
            Self::Says(status, mut headers, body) => {
                headers.push((name, value.to_string()));
                Self::Says(status, headers, body)
            }
            other => other,
        }
    }
}

/// A request that was heard.
#[derive(Debug, Clone, Default)]
pub(crate) struct Heard {
    /// `POST /channels/1/messages`, without `/api/v10`.
    pub(crate) line: String,
    /// The headers, names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// The body as text.
    pub(crate) text: String,
}

impl Heard {
    /// Returns the body, which is JSON; of a form its `payload_json`.
    pub(crate) fn json(&self) -> Value {
        let form = self.text.split("name=\"payload_json\"\r\n\r\n").nth(1);
        let text = form.and_then(|rest| rest.split("\r\n").next()).unwrap_or(&self.text);
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// Returns a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

#[derive(Debug, Default)]
struct State {
    script: VecDeque<Step>,
    heard: Vec<Heard>,
}

/// The server. Dropped, it is gone.
pub(crate) struct Server {
    /// Where it is, as `api_url`.
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
    _tasks: JoinSet<()>,
}

impl Server {
    /// Starts a server with a script.
    pub(crate) async fn start(script: impl IntoIterator<Item = Step>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State { script: script.into_iter().collect(), heard: Vec::new() }));
        let mut tasks = JoinSet::new();
        let served = Arc::clone(&state);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                connections.spawn(serve(stream, Arc::clone(&served)));
            }
        });
        Self { url, state, _tasks: tasks }
    }

    /// Returns the requests so far: `POST /channels/1/messages`.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.heard().into_iter().map(|heard| heard.line).collect()
    }

    /// Returns what was heard so far.
    pub(crate) fn heard(&self) -> Vec<Heard> {
        locked(&self.state).heard.clone()
    }

    /// Returns how many steps nobody asked for.
    pub(crate) fn steps_left(&self) -> usize {
        locked(&self.state).script.len()
    }
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(stream: TcpStream, state: Arc<Mutex<State>>) {
    let mut stream = BufReader::new(stream);
    while let Some(heard) = read(&mut stream).await {
        let step = {
            let mut state = locked(&state);
            state.heard.push(heard);
            state.script.pop_front().unwrap_or(Step::Says(418, Vec::new(), "not in the script".to_owned()))
        };
        let (status, headers, body) = match step {
            Step::Says(status, headers, body) => (status, headers, body),
            Step::Breaks => return,
            Step::Hangs => std::future::pending().await,
        };
        let mut answer = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in headers {
            answer.extend([name, ": ", &value, "\r\n"]);
        }
        answer.extend(["\r\n", &body]);
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<Heard> {
    let mut heard = Heard::default();
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let mut words = lines.first()?.split(' ');
    let (method, path) = (words.next()?, words.next()?);
    heard.line = format!("{method} {}", path.strip_prefix("/api/v10").unwrap_or(path));
    let headers = lines.iter().skip(1).filter_map(|line| line.split_once(": "));
    heard.headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    let length = heard.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    heard.text = String::from_utf8_lossy(&body).into_owned();
    Some(heard)
}
