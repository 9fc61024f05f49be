//! A transcription service on loopback that does what a test wrote down, and a clock that doesn't wait.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use takopi_core::port::Clock;
use takopi_core::time::{Moment, Timestamp};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

/// What becomes of one request.
pub(crate) enum Scene {
    /// This is answered.
    Answer(String),
    /// The connection is closed without a word.
    Reset,
    /// It stays open without a word.
    Silence,
}

impl Scene {
    /// Returns an answer; `headers` end with a line break each.
    pub(crate) fn answer(status: u16, headers: &str, body: &str) -> Self {
        let length = body.len();
        Self::Answer(format!(
            "HTTP/1.1 {status} .\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
        ))
    }
}

/// The service; it plays one scene for each request, then answers no more.
pub(crate) struct FakeService {
    base_url: String,
    requests: watch::Receiver<Vec<String>>,
}

impl FakeService {
    pub(crate) async fn open(scenes: Vec<Scene>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
        let (seen, requests) = watch::channel(Vec::new());
        // It goes with the test's runtime.
        TaskTracker::new().spawn(async move {
            let mut silent = Vec::new();
            for scene in VecDeque::from(scenes) {
                let (mut stream, _) = listener.accept().await.unwrap();
                let request = read(&mut stream).await;
                seen.send_modify(|seen: &mut Vec<String>| seen.push(request));
                match scene {
                    Scene::Answer(answer) => stream.write_all(answer.as_bytes()).await.unwrap(),
                    Scene::Reset => {}
                    Scene::Silence => silent.push(stream),
                }
            }
            std::future::pending::<()>().await;
        });
        Self { base_url, requests }
    }

    pub(crate) fn base_url(&self) -> String {
        self.base_url.clone()
    }

    /// Returns the requests as they came in.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.borrow().clone()
    }

    /// Returns once it was asked something.
    pub(crate) async fn asked(&self) {
        self.requests.clone().wait_for(|requests| !requests.is_empty()).await.unwrap();
    }
}

/// Reads a whole request, as long as it says it is.
async fn read(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let lower = head.to_lowercase();
            let length = lower.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.unwrap().parse().unwrap() {
                return text;
            }
        }
        assert_ne!(stream.read_buf(&mut bytes).await.unwrap(), 0, "it stopped in the middle: {text}");
    }
}

/// A clock whose waits are over at once, and written down.
#[derive(Default)]
pub(crate) struct ImpatientClock(Mutex<Vec<Duration>>);

impl ImpatientClock {
    pub(crate) fn waits(self: &Arc<Self>) -> Vec<Duration> {
        self.0.lock().unwrap().clone()
    }
}

#[async_trait]
impl Clock for ImpatientClock {
    fn now(&self) -> Timestamp {
        Timestamp::default()
    }

    fn moment(&self) -> Moment {
        Moment::START
    }

    async fn sleep_until(&self, until: Moment) {
        self.0.lock().unwrap().push(until.since(Moment::START));
    }
}
