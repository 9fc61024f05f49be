//! Write a takopi plugin in Rust: implement a trait, name it in a [`Plugin`], serve it.
//!
//! ```no_run
//! use takopi_plugin::{Answer, Call, Command, Host, Plugin, Result, async_trait};
//!
//! struct Hello;
//!
//! #[async_trait]
//! impl Command for Hello {
//!     async fn call(&self, call: Call, _host: Host) -> Result<Answer> {
//!         let name = if call.args_text.is_empty() { "you" } else { &call.args_text };
//!         Ok(Answer::markdown(format!("Hello, **{name}**!")))
//!     }
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     Plugin::new("takopi-hello", env!("CARGO_PKG_VERSION")).command("hello", Hello).serve()
//! }
//! ```
//!
//! Beside the program lies `takopi-plugin.toml`, which says the same to takopi while nothing runs. One plugin may hold any
//! number of [`Engine`]s, [`Command`]s and [`Transport`]s.
//!
//! What the crate takes care of: the handshake, answering while others work, the numbers of events, cancelling (a future that
//! has not ended 4 s after a cancel is dropped), panics (an error to the one who called), the end when takopi goes
//! away. A `println!` goes to stderr, which takopi logs: it cannot break the connection.

mod command;
mod dispatch;
mod engine;
mod error;
mod life;
mod peer;
mod plugin;
mod serve;
mod transport;

pub use async_trait::async_trait;
pub use command::{Command, Host};
pub use engine::{Engine, Events, Question};
pub use error::{Error, Result};
pub use life::Config;
pub use plugin::Plugin;
pub use serve::End;
pub use takopi_plugin_protocol as protocol;
pub use takopi_plugin_protocol::command::{Answer, Call, CommandReply};
pub use takopi_plugin_protocol::engine::{
    Action, ActionKind, Choice, Choices, Detail, Ended, FileChange, Outcome, Phase, Run as Job, Usage,
};
pub use takopi_plugin_protocol::host::{Engines, Mode, Place, Ran, Request, Resolved};
pub use takopi_plugin_protocol::life::{Issue, Level};
pub use takopi_plugin_protocol::message::{
    Address, Attachment, Body, Button, File, Format, MessageRef, Reply, Sender,
};
pub use takopi_plugin_protocol::transport::{
    Accepted, Delete, Edit, Fetch, Inbound, Menu, Send as Sending, Start, What,
};
pub use tokio_util::sync::CancellationToken;
pub use transport::{Door, Transport};
