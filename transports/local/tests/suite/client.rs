//! A browser's side of HTTP/1.1, down to the bytes: what is tested is what is on the wire.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::house::Served;

/// Longer than anything here takes; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

impl Served {
    fn cookie(&self) -> String {
        format!("Cookie: takopi_{}={}\r\n", self.port, self.token.expose())
    }

    async fn connect(&self, request: &str) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        BufReader::new(stream)
    }

    /// Sends a request whose headers, beyond `Host`, are the caller's.
    pub(crate) async fn ask(&self, line: &str, headers: &str, body: &str) -> Answer {
        let request = format!(
            "{line} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n{body}",
            self.port,
            body.len()
        );
        let mut stream = self.connect(&request).await;
        let mut answer = String::new();
        tokio::time::timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(&format!("GET {path}"), &self.cookie(), "").await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        let headers = format!(
            "{}Origin: http://127.0.0.1:{}\r\nContent-Type: application/json\r\n",
            self.cookie(),
            self.port
        );
        self.ask(&format!("POST {path}"), &headers, &body.to_string()).await
    }

    /// Opens the stream of a conversation.
    pub(crate) async fn events(&self, conversation: &str) -> Events {
        let request = format!(
            "GET /api/events?conversation={conversation} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n{}\r\n",
            self.port,
            self.cookie()
        );
        let mut lines = self.connect(&request).await;
        let mut line = String::new();
        lines.read_line(&mut line).await.unwrap();
        assert!(line.starts_with("HTTP/1.1 200"), "{line}");
        Events { lines }
    }
}

/// A stream of events.
pub(crate) struct Events {
    lines: BufReader<TcpStream>,
}

impl Events {
    /// Returns the next event, or `None` when the stream is over.
    pub(crate) async fn next(&mut self) -> Option<(String, Value)> {
        let mut name = String::new();
        loop {
            let mut line = String::new();
            let read = tokio::time::timeout(PATIENCE, self.lines.read_line(&mut line)).await.unwrap();
            if read.is_err() || line.is_empty() {
                return None;
            }
            if let Some(event) = line.strip_prefix("event: ") {
                event.trim().clone_into(&mut name);
            }
            if let Some(data) = line.strip_prefix("data: ") {
                return Some((name, serde_json::from_str(data).unwrap()));
            }
        }
    }

    /// Returns the data of the next event of that name for which `wanted` holds; others are skipped.
    pub(crate) async fn wait(&mut self, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let (event, data) = self.next().await.unwrap_or_else(|| panic!("the stream ended before {name}"));
            if event == name && wanted(&data) {
                return data;
            }
        }
    }
}
