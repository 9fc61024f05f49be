//! The contract of transports: it starts and stops, and what it is told to show in a chat that is made up is shown or
//! refused, never left open.

use std::fmt::Display;

use takopi_plugin_protocol::life::Kind;
use takopi_plugin_protocol::message::{Address, Body, MessageRef};
use takopi_plugin_protocol::transport::{Delete, Edit, Menu, MenuItem, Send, Start, Stop};
use takopi_plugin_protocol::{Method, code};
use takopi_stdio::rpc::{CallError, RpcError};
use tokio::time::Instant;

use super::probe::{Farewell, Probe};
use super::{RUN, Row, Rows, SLOW, SOON, Subject};
use crate::manifest::TransportTable;
use crate::process::Failure;

/// What the transport is told it is configured as.
const INSTANCE: &str = "check";

const STARTS: &str = "it starts";
const MENU: &str = "it takes the menu of commands";
const SENDS: &str = "a message for a made-up chat is shown or refused";
const EDITS: &str = "that message is edited";
const DELETES: &str = "that message is deleted, and a second time too";
const STOPS: &str = "it stops, and starts again";

/// Tries a transport; returns how its process went too.
pub(super) async fn check(
    subject: &Subject,
    id: &str,
    table: &TransportTable,
    rows: &mut Rows<'_>,
) -> Vec<Farewell> {
    let about = format!("transport {id}");
    let probe = match subject.start().await {
        Ok(probe) => probe,
        Err(failure) => {
            rows.push(Row::failed(&about, STARTS, failure));
            return Vec::new();
        }
    };
    let door = Door { subject, probe: &probe, id, about };
    door.check(table, rows).await;
    vec![probe.farewell().await]
}

struct Door<'a> {
    subject: &'a Subject,
    probe: &'a Probe,
    id: &'a str,
    about: String,
}

impl Door<'_> {
    async fn check(&self, table: &TransportTable, rows: &mut Rows<'_>) {
        self.probe.heard.open_instance(INSTANCE);
        let started = self.call(&self.start(), STARTS).await;
        let is_up = started.1.is_some();
        rows.push(started.0);
        if !is_up {
            return;
        }
        let item = MenuItem { id: "help".to_owned(), description: "what can be typed".to_owned() };
        let menu = Menu { instance: INSTANCE.to_owned(), commands: vec![item] };
        rows.push(match self.call(&menu, MENU).await {
            // A service without menus needs none.
            (_, None) if self.is_alive() => Row::note(&self.about, MENU, "it does not, so people see none"),
            (row, _) => row,
        });
        self.shows(table, rows).await;
        let stop = Stop { instance: INSTANCE.to_owned() };
        let stopped = self.call(&stop, STOPS).await;
        self.probe.heard.close_instance(INSTANCE);
        rows.push(match stopped {
            (_, Some(_)) => {
                self.probe.heard.open_instance(INSTANCE);
                let again = self.call(&self.start(), STOPS).await.0;
                match self.call(&stop, STOPS).await {
                    (_, Some(_)) => again,
                    (row, None) => row,
                }
            }
            (row, None) => row,
        });
    }

    fn is_alive(&self) -> bool {
        self.probe.is_alive()
    }

    fn start(&self) -> Start {
        Start {
            id: self.id.to_owned(),
            instance: INSTANCE.to_owned(),
            config: self.subject.tables.of(Kind::Transport, self.id),
            cursor: None,
        }
    }

    /// Sends, edits and deletes one message.
    async fn shows(&self, table: &TransportTable, rows: &mut Rows<'_>) {
        let address =
            Address { instance: INSTANCE.to_owned(), chat: "takopi-plugins-check".to_owned(), thread: None };
        let send = Send {
            address,
            part: Body::markdown("**takopi** tries this plugin: grüße 🐙"),
            reply_to: None,
            notify: false,
            nonce: Some("check-1".to_owned()),
        };
        let sent = match self.try_call(&send).await {
            Ok((sent, slow)) => {
                let row = slow.map_or_else(|| Row::ok(&self.about, SENDS), |told| self.note(SENDS, told));
                (row, Some(sent.message))
            }
            Err(Failure::Call(CallError::Refused(error))) => (self.refused(&error), None),
            Err(failure) => (
                Row::failed(&self.about, SENDS, failure).remedy(
                    "answer `transport/send` with {\"message\": …}, or with error -32012 for no such chat",
                ),
                None,
            ),
        };
        rows.push(sent.0);
        rows.push(match (table.features.edit, &sent.1) {
            (false, _) => Row::skipped(&self.about, EDITS, "the manifest's features lack `edit`"),
            (true, None) => Row::skipped(&self.about, EDITS, "there is no message"),
            (true, Some(message)) => self.edits(message).await,
        });
        rows.push(match (table.features.delete, &sent.1) {
            (false, _) => Row::skipped(&self.about, DELETES, "the manifest's features lack `delete`"),
            (true, None) => Row::skipped(&self.about, DELETES, "there is no message"),
            (true, Some(message)) => self.deletes(message).await,
        });
    }

    async fn edits(&self, message: &MessageRef) -> Row {
        let part = Body::markdown("takopi has tried this plugin");
        self.call(&Edit { message: message.clone(), part }, EDITS).await.0
    }

    async fn deletes(&self, message: &MessageRef) -> Row {
        let delete = Delete { message: message.clone() };
        match self.call(&delete, DELETES).await {
            (_, Some(_)) => self.call(&delete, DELETES).await.0,
            (row, None) => row,
        }
    }

    fn refused(&self, error: &RpcError) -> Row {
        const KNOWN: [i64; 5] =
            [code::GONE, code::RETRY_LATER, code::NOT_ALLOWED, code::TOO_LONG, code::BUSY];
        if KNOWN.contains(&error.code) {
            return self.note(SENDS, format_args!("refused: {error}"));
        }
        Row::failed(&self.about, SENDS, format_args!("refused with a code that says nothing: {error}"))
            .remedy("say -32012 for a chat that is not there, -32010 for later; takopi tries others again")
    }

    fn note(&self, check: &str, told: impl Display) -> Row {
        Row::note(&self.about, check, told)
    }

    /// Calls, and returns how slow it was where it was.
    async fn try_call<M: Method>(&self, params: &M) -> Result<(M::Result, Option<String>), Failure> {
        let begun = Instant::now();
        let patience = if M::NAME == Start::NAME { RUN } else { SOON };
        let result = self.probe.call(params, &self.subject.patience(patience)).await?;
        let took = begun.elapsed();
        Ok((result, (took > SLOW).then(|| format!("that took {} ms", took.as_millis()))))
    }

    async fn call<M: Method>(&self, params: &M, check: &str) -> (Row, Option<M::Result>) {
        match self.try_call(params).await {
            Ok((result, None)) => (Row::ok(&self.about, check), Some(result)),
            Ok((result, Some(slow))) => (self.note(check, slow), Some(result)),
            Err(failure) => {
                let remedy = format!("answer `{}` with its result", M::NAME);
                (Row::failed(&self.about, check, failure).remedy(remedy), None)
            }
        }
    }
}
