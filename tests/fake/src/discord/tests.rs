//! The server as a client sees it.

mod commands;
mod faults;
mod gateway;
mod interactions;
mod messages;
mod threads;

use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

use super::{DiscordServer, TOKEN};

/// Intents of a bot that reads messages and their content, in guilds and in private.
const INTENTS: u64 = 1 | 1 << 9 | 1 << 12 | 1 << 15;

/// A client of the REST API. It can be sent to another thread.
#[derive(Clone)]
struct Client {
    agent: ureq::Agent,
    url: String,
}

impl Client {
    fn of(server: &DiscordServer) -> Self {
        let config = ureq::Agent::config_builder().http_status_as_error(false).build();
        Self { agent: config.into(), url: server.url() }
    }

    /// Returns the HTTP status and the body of an answer, or the error of a connection that broke.
    fn try_call(&self, method: &str, path: &str, body: &Value) -> Result<(u16, Value), ureq::Error> {
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}/api/v10{path}", self.url))
            .header("authorization", format!("Bot {TOKEN}"))
            .header("user-agent", "DiscordBot (test, 1)")
            .header("content-type", "application/json");
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let mut response = self.agent.run(request.body(text).unwrap())?;
        let status = response.status().as_u16();
        let text = response.body_mut().read_to_string()?;
        Ok((status, serde_json::from_str(&text).unwrap_or(Value::Null)))
    }

    fn call(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, answer) = self.try_call(method, path, &body).unwrap();
        assert!((200..300).contains(&status), "{method} {path} {body}: {status} {answer}");
        answer
    }

    /// Returns status and code of a refusal.
    fn refused(&self, method: &str, path: &str, body: Value) -> (u16, u64) {
        let (status, answer) = self.try_call(method, path, &body).unwrap();
        assert!(status >= 400, "{method} {path} {body}: {status} {answer}");
        (status, answer["code"].as_u64().unwrap_or_default())
    }

    fn send(&self, channel: u64, text: &str) -> u64 {
        id(&self.call("POST", &format!("/channels/{channel}/messages"), json!({"content": text})))
    }
}

fn id(described: &Value) -> u64 {
    described["id"].as_str().unwrap().parse().unwrap()
}

/// A bot at the gateway.
struct Bot(WebSocket<TcpStream>);

impl Bot {
    fn connect(server: &DiscordServer) -> Self {
        Self::try_connect(server).unwrap()
    }

    fn try_connect(server: &DiscordServer) -> Result<Self, String> {
        let address = server.url().replace("http://", "");
        let stream = TcpStream::connect(&address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let url = format!("ws://{address}/?v=10&encoding=json");
        tungstenite::client(url, stream).map(|(socket, _)| Self(socket)).map_err(|error| error.to_string())
    }

    fn say(&mut self, op: u8, data: Value) {
        self.0.send(Message::Text(json!({"op": op, "d": data}).to_string())).unwrap();
    }

    /// Returns the next payload, or the code with which the connection was closed; 0 for none.
    fn hear(&mut self) -> Result<Value, u16> {
        loop {
            match self.0.read() {
                Ok(Message::Text(text)) => return Ok(serde_json::from_str(&text).unwrap()),
                Ok(Message::Close(frame)) => return Err(frame.map_or(0, |frame| frame.code.into())),
                Ok(_) => {}
                Err(_) => return Err(0),
            }
        }
    }

    /// Skips to the next event of this name and returns its data.
    fn event(&mut self, name: &str) -> Value {
        loop {
            let payload = self.hear().unwrap();
            if payload["t"] == name {
                return payload["d"].clone();
            }
        }
    }

    fn identify(&mut self, intents: u64) {
        let properties = json!({"os": "linux", "browser": "test", "device": "test"});
        self.say(2, json!({"token": TOKEN, "intents": intents, "properties": properties}));
    }

    /// Connects and identifies; returns the bot and its session's id. Both guilds have been told of.
    fn ready(server: &DiscordServer) -> (Self, String) {
        let mut bot = Self::connect(server);
        assert_eq!(bot.hear().unwrap()["op"], 10);
        bot.identify(INTENTS);
        let session = bot.event("READY")["session_id"].as_str().unwrap().to_owned();
        for _ in 0..2 {
            bot.event("GUILD_CREATE");
        }
        (bot, session)
    }
}
