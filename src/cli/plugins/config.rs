//! `takopi plugins config`: a plugin's own config file, written from its schema and healed.
//!
//! What such a file looks like and what healing keeps is `takopi_plugin_host::own_config`.

use takopi_plugin_host::own_config;

use super::arguments::ConfigFileArguments;
use super::shelf::Shelf;
use crate::report::{Exit, Failure, remark, say};

pub(super) fn run(arguments: &ConfigFileArguments) -> Result<Exit, Failure> {
    let shelf = Shelf::open(&arguments.config.place()?)?;
    let thing = shelf.thing(&arguments.id, arguments.kind.map(Into::into))?;
    let configured = shelf.configured(&thing.package, &thing.subject).map_err(Failure::told)?;
    let head = &configured.head;
    if arguments.path {
        say(head.path.display())?;
        return Ok(Exit::Done);
    }
    let Some(schema) = &configured.schema else {
        let id = &arguments.id;
        return Err(Failure::told(format_args!(
            "{id} does not say what its settings are: it has no config_schema"
        ))
        .hint(format_args!("write what its documentation names into [{}] of takopi.toml", head.table)));
    };
    if arguments.print {
        let existing = own_config::text(&head.path, head.home.as_deref()).map_err(Failure::Settings)?;
        let healed = own_config::heal(existing.as_deref(), schema, head).map_err(Failure::Settings)?;
        say(healed.text.trim_end())?;
        return Ok(Exit::Done);
    }
    let renewed = own_config::renew(schema, head).map_err(Failure::Settings)?;
    let done = match (renewed.written, configured.there) {
        (false, _) => "is up to date",
        (true, false) => "is written",
        (true, true) => {
            renewed.changes.iter().for_each(remark);
            "is brought up to date"
        }
    };
    say(format_args!("{} {done}", head.shown()))?;
    Ok(Exit::Done)
}
