//! A connection of the gateway: what the world has for it goes out, what comes in is told to the world.

use std::sync::Arc;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

use super::calls::Shared;
use super::gateway::End;
use super::log::Gate;
use super::world::World;

/// What a client waits for the answer to its farewell at most.
const FAREWELL: std::time::Duration = std::time::Duration::from_secs(1);

/// Serves a connection to its end.
#[expect(clippy::result_large_err, reason = "the type of a refusal is tungstenite's")]
pub(super) async fn serve(shared: Arc<Shared>, stream: TcpStream) {
    let Some(line) = shared.change(World::open_line) else {
        return refuse(stream).await;
    };
    let mut query = String::new();
    let greeted = accept_hdr_async(stream, |request: &Request, response: Response| {
        query = request.uri().query().unwrap_or_default().to_owned();
        Ok::<_, ErrorResponse>(response)
    });
    let Ok(socket) = greeted.await else {
        return shared.change(|world| world.drop_line(line, Gate::Lost));
    };
    let version = query.split('&').find_map(|pair| pair.strip_prefix("v="));
    let encoding = query.split('&').find_map(|pair| pair.strip_prefix("encoding="));
    if version.is_some_and(|version| version != "10") {
        shared.change(|world| world.gateway.lines.entry(line).or_default().end = Some(End::Close(4012)));
    } else if encoding.is_some_and(|encoding| encoding != "json") {
        shared.change(|world| world.gateway.lines.entry(line).or_default().end = Some(End::Close(4002)));
    }
    let how = talk(&shared, line, socket).await;
    shared.change(|world| world.drop_line(line, how));
}

#[expect(clippy::result_large_err, reason = "the type of a refusal is tungstenite's")]
async fn refuse(stream: TcpStream) {
    let unavailable = |_: &Request, _: Response| {
        let mut response = ErrorResponse::new(None);
        *response.status_mut() = tokio_tungstenite::tungstenite::http::StatusCode::SERVICE_UNAVAILABLE;
        Err(response)
    };
    // It can only fail, and is meant to.
    drop(accept_hdr_async(stream, unavailable).await);
}

/// Talks until one side has enough; returns which, and why.
async fn talk(shared: &Shared, line: u64, mut socket: WebSocketStream<TcpStream>) -> Gate {
    let mut changed = shared.subscribe();
    loop {
        changed.mark_unchanged();
        let (waiting, end) = shared.read().take(line);
        for payload in &waiting {
            if socket.send(Message::Text(payload.to_string())).await.is_err() {
                return Gate::Lost;
            }
        }
        if !waiting.is_empty() {
            // Whoever waits until the bot has heard everything looks again.
            shared.change(|_| ());
        }
        match end {
            Some(End::Close(code)) => return close(shared, line, socket, code).await,
            Some(End::Drop) => return Gate::Lost,
            None => {}
        }
        let deadline = shared.beat_due(line);
        tokio::select! {
            told = changed.changed() => if told.is_err() { return Gate::Lost },
            said = timeout_at(deadline, socket.next()) => match said {
                Err(_late) => return close(shared, line, socket, 4009).await,
                Ok(Some(Ok(Message::Text(text)))) => shared.change(|world| world.hear(line, &text)),
                Ok(Some(Ok(Message::Binary(bytes)))) => {
                    let text = String::from_utf8_lossy(&bytes).into_owned();
                    shared.change(|world| world.hear(line, &text));
                }
                Ok(Some(Ok(Message::Close(frame)))) => return Gate::Left(frame.map(|frame| frame.code.into())),
                Ok(Some(Ok(_ping_or_pong))) => {}
                Ok(Some(Err(Error::Protocol(_))) | None | Some(Err(_))) => return Gate::Lost,
            },
        }
    }
}

async fn close(shared: &Shared, line: u64, mut socket: WebSocketStream<TcpStream>, code: u16) -> Gate {
    // Whoever comes back at once finds a session that this code ends gone.
    shared.change(|world| world.part(line, code));
    let frame = CloseFrame { code: CloseCode::from(code), reason: reason(code).into() };
    if socket.close(Some(frame)).await.is_ok() {
        // The client's own farewell, so that ours is not lost with the connection; it may be gone already.
        let answered = async { while let Some(Ok(_)) = socket.next().await {} };
        drop(timeout_at(Instant::now() + FAREWELL, answered).await);
    }
    Gate::Closed(code)
}

/// Returns the words that go with a close code: Discord developer documentation, "Gateway close event codes".
fn reason(code: u16) -> &'static str {
    match code {
        4000 => "Unknown error.",
        4001 => "Unknown opcode.",
        4002 => "Error while decoding payload.",
        4003 => "Not authenticated.",
        4004 => "Authentication failed.",
        4005 => "Already authenticated.",
        4007 => "Invalid seq.",
        4008 => "Rate limited.",
        4009 => "Session timed out.",
        4010 => "Invalid shard.",
        4012 => "Invalid API version.",
        4013 => "Invalid intent(s).",
        4014 => "Disallowed intent(s).",
        _ => "",
    }
}
