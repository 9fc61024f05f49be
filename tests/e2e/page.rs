//! The page's side of a daemon: what its script asks for over HTTP, without a browser around it.

use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

/// The page of one daemon, let in by its token.
#[derive(Clone)]
pub(crate) struct Page {
    agent: ureq::Agent,
    origin: String,
    cookie: String,
}

impl Page {
    /// Returns the page at the address that the daemon prints.
    pub(crate) fn at(url: &str) -> Self {
        let (origin, token) = url.trim().split_once("/?token=").expect("an address with a token");
        let port = origin.rsplit(':').next().unwrap();
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            .proxy(None)
            .build()
            .into();
        Self { agent, origin: origin.to_owned(), cookie: format!("takopi_{port}={token}") }
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        let request = self.agent.get(format!("{}{path}", self.origin)).header("Cookie", &self.cookie);
        let mut answer = request.call().expect("the page answers");
        assert_eq!(answer.status(), 200, "{path}");
        answer.body_mut().read_json().unwrap()
    }

    /// Asks for something; an error says why it was not granted.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Value, String> {
        let request = self.agent.post(format!("{}{path}", self.origin));
        let request = request.header("Cookie", &self.cookie).header("Origin", &self.origin);
        let mut answer = request.send_json(body).map_err(|error| error.to_string())?;
        let text = answer.body_mut().read_to_string().map_err(|error| error.to_string())?;
        if answer.status() != 200 {
            return Err(format!("{}: {text}", answer.status()));
        }
        serde_json::from_str(&text).map_err(|error| error.to_string())
    }

    /// Submits a message under an identity of the caller's; `Ok` once it is durable.
    pub(crate) fn submit(
        &self,
        conversation: Uuid,
        id: &str,
        text: &str,
        dir: &std::path::Path,
    ) -> Result<(), String> {
        let body = json!({"conversation": conversation, "client_id": id, "text": text, "dir": dir});
        self.post("/api/messages", &body).map(drop)
    }

    /// Returns everything that was said in a conversation, oldest first.
    pub(crate) fn history(&self, conversation: Uuid) -> Vec<Value> {
        let mut items = Vec::new();
        let mut before = String::new();
        loop {
            let mut piece = self.get(&format!("/api/history?conversation={conversation}{before}"));
            let mut earlier = piece["items"].as_array_mut().map(std::mem::take).unwrap();
            earlier.append(&mut items);
            items = earlier;
            match piece["before"].as_i64() {
                Some(inbox) => before = format!("&before={inbox}"),
                None => return items,
            }
        }
    }
}
