//! What takopi and its plugins say to each other: the wire types of protocol 1.
//!
//! JSON-RPC 2.0 in UTF-8, one message per line of at most [`MAX_LINE_BYTES`], over the plugin's stdin and stdout. Both sides
//! call each other. Fields and notifications that nobody knows are ignored; methods that begin with `_` are free for
//! experiments. Every method is a type that implements [`Method`] or [`Notification`]; next stops are the files, one
//! per group.

pub mod command;
mod discreet;
pub mod engine;
pub mod host;
pub mod life;
pub mod message;
#[cfg(any(test, feature = "schema"))]
mod methods;
#[cfg(feature = "schema")]
pub mod schema;
pub mod transport;

#[cfg(test)]
mod documented;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The version of this protocol; it rises only by what an older side could not ignore.
pub const VERSION: u32 = 1;

/// Bytes of the longest line, without its end. What is larger goes through files.
pub const MAX_LINE_BYTES: usize = 1 << 20;

/// The variable by which a plugin knows that takopi started it: [`VERSION`]. Started by hand it should say so and end.
pub const COOKIE: &str = "TAKOPI_PLUGIN_PROTOCOL";

/// The variable with the folder in which a plugin may keep files.
pub const DATA_DIR: &str = "TAKOPI_DATA_DIR";

/// Codes of errors besides JSON-RPC's own.
pub mod code {
    /// The request was cancelled.
    pub const CANCELLED: i64 = -32800;
    /// Not now, and nothing was done: `data.retry_after_ms` tells when. From a transport it is about one chat, unless
    /// `data.scope` is `"bot"`.
    pub const RETRY_LATER: i64 = -32010;
    /// The plugin's permissions do not allow it.
    pub const NOT_ALLOWED: i64 = -32011;
    /// The message, chat or context is gone.
    pub const GONE: i64 = -32012;
    /// The text is longer than the service takes.
    pub const TOO_LONG: i64 = -32013;
    /// The settings cannot be used: `data.issues` tells why.
    pub const BAD_CONFIG: i64 = -32014;
    /// Too much is under way.
    pub const BUSY: i64 = -32015;
}

/// A request and its result.
pub trait Method: Serialize + DeserializeOwned {
    /// The method's name on the wire.
    const NAME: &'static str;
    /// What answers it.
    type Result: Serialize + DeserializeOwned;
}

/// A message that nobody answers.
pub trait Notification: Serialize + DeserializeOwned {
    /// The method's name on the wire.
    const NAME: &'static str;
}

/// Implements [`Method`] and [`Notification`] by tables of types and names.
macro_rules! wire {
    ($($params:ty, $name:literal $(=> $result:ty)?;)*) => {
        $(wire!(@ $params, $name $(=> $result)?);)*

        /// The names of this group's methods.
        #[cfg(test)]
        pub(crate) const NAMES: &[&str] = &[$($name),*];
    };
    (@ $params:ty, $name:literal => $result:ty) => {
        impl $crate::Method for $params {
            const NAME: &'static str = $name;
            type Result = $result;
        }
    };
    (@ $params:ty, $name:literal) => {
        impl $crate::Notification for $params {
            const NAME: &'static str = $name;
        }
    };
}
pub(crate) use wire;

/// A result without content: `{}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Done {}
