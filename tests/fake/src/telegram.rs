//! A strict Telegram Bot API server on loopback, and the people who write to the bot there.
//!
//! It serves `/bot<token>/<method>` and `/file/bot<token>/<path>` and refuses what Telegram refuses, with Telegram's
//! words, so that a mistake shows in a test and not in somebody's chat. Tests speak for the people ([`Say`],
//! [`TelegramServer::press`]), look at a chat as a person does ([`Shown`]), make the service fail ([`Injection`]) and
//! read every call with its time ([`Log`]). It knows one bot and never reaches anybody. Start reading at
//! [`TelegramServer`]; what a method does stands in `methods/`.

mod calls;
mod chats;
mod clock;
mod faults;
mod files;
mod http;
mod keyboard;
mod limits;
mod log;
mod methods;
pub(crate) mod multipart;
mod params;
mod people;
mod server;
mod text;
mod updates;
mod view;
pub(crate) mod wire;
mod world;

#[cfg(test)]
mod tests;

pub use chats::Role;
pub use clock::now;
pub use faults::{Fault, Injection};
pub use log::{Call, Delivered, Log};
pub use people::{Attachment, Pressed, Said, Say};
pub use server::{TOKEN, TelegramServer};
pub use text::Entity;
pub use view::{Answer, Button, Sent, Shown, Version};
