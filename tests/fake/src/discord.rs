//! A strict Discord on loopback: REST v10, the gateway, attachments, and the people who write to the bot there.
//!
//! One port serves `/api/v10/…`, `/cdn/…` and the gateway on every other path. It refuses what Discord refuses, with
//! Discord's codes, so that a mistake shows in a test and not in somebody's server. Tests speak for the people
//! ([`Person`]), look at a channel as a person does ([`Shown`]), make the service fail ([`Injection`],
//! [`DiscordServer::close_gateway`] and its neighbours) and read every call with its time ([`Log`]). It knows one bot and
//! never reaches anybody. Start reading at [`DiscordServer`]; what a route does stands in `routes/`.
//!
//! Not modelled: live voice, stickers, polls, link previews, the audit log, webhooks of people.

mod calls;
mod check;
mod commands;
mod door;
mod faults;
mod files;
mod gateway;
mod guilds;
mod http;
mod interactions;
mod limits;
mod log;
mod messages;
mod objects;
mod people;
mod permissions;
mod refusal;
mod routes;
mod seed;
mod server;
mod socket;
mod threads;
mod view;
mod world;

#[cfg(test)]
mod tests;

pub use faults::{Fault, Injection};
pub use files::Attachment;
pub use log::{Call, Gate, Log};
pub use people::{Asked, Options, Person};
pub use permissions::bits as permission;
pub use server::{DiscordServer, Place, TOKEN};
pub use view::{Ack, Button, Field, Modal, Ping, Seen, Select, Sent, Shown, Stats, Thread, Version};
