//! `[transports.local]`: the table of this transport, typed.

use takopi_core::settings::{ConfigTable, Table};

/// First port tried when none is configured.
pub(crate) const DEFAULT_PORT: u16 = 8787;

/// What `[transports.local]` says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LocalConfig {
    /// The port of the page. `None` is the first free one from 8787 on.
    pub port: Option<u16>,
}

impl ConfigTable for LocalConfig {
    fn read(table: &mut Table<'_>) -> Self {
        let port = table.optional_integer("port", 1..=i64::from(u16::MAX), i64::from(DEFAULT_PORT));
        Self { port: port.and_then(|port| u16::try_from(port).ok()) }
    }
}
