//! `takopi plugins config`: a plugin's own config file, written from its schema and healed.
//!
//! What such a file looks like and what healing keeps is `takopi_plugin_host::own_config`.

use takopi_core::id::Distribution;
use takopi_core::settings::Diagnostic;
use takopi_plugin_host::own_config::{self, Head, Healed};
use takopi_plugin_host::schema::Schema;

use super::arguments::ConfigFileArguments;
use super::shelf::{Shelf, Thing};
use crate::place::Place;
use crate::report::{Exit, Failure, remark, say};

pub(super) fn run(arguments: &ConfigFileArguments) -> Result<Exit, Failure> {
    let place = arguments.config.place()?;
    let shelf = Shelf::open(&place)?;
    let thing = shelf.thing(&arguments.id, arguments.kind.map(Into::into))?;
    let head = head(&place, &thing)?;
    if arguments.path {
        say(head.path.display())?;
        return Ok(Exit::Done);
    }
    let schema = thing.schema()?.ok_or_else(|| {
        Failure::told(format_args!("{} says nothing of its settings: it has no config_schema", thing.id))
            .hint(format_args!("set what its documentation names in [{}] of takopi.toml", thing.table()))
    })?;
    let wrong = |diagnostics: Vec<Diagnostic>| Failure::Settings(diagnostics);
    let existing = own_config::text(&head.path, head.home.as_deref()).map_err(wrong)?;
    let healed = own_config::heal(existing.as_deref(), &schema, &head).map_err(wrong)?;
    if arguments.print {
        say(healed.text.trim_end())?;
        return Ok(Exit::Done);
    }
    write(&place, &head, existing.as_deref(), &healed)?;
    Ok(Exit::Done)
}

fn write(place: &Place, head: &Head, existing: Option<&str>, healed: &Healed) -> Result<(), Failure> {
    let shown = place.shown(&head.path);
    if existing == Some(healed.text.as_str()) {
        return say(format_args!("{shown} is up to date"));
    }
    own_config::save(&head.path, &healed.text)
        .map_err(|error| Failure::told(format_args!("failed to write {shown}: {error}")))?;
    if existing.is_some() {
        healed.changes.iter().for_each(remark);
    }
    say(format_args!("{} {shown}", if existing.is_some() { "updated" } else { "wrote" }))
}

fn head(place: &Place, thing: &Thing<'_>) -> Result<Head, Failure> {
    let name = &thing.package.manifest.distribution.name;
    let distribution = Distribution::parse(name)
        .ok_or_else(|| Failure::told(format_args!("{name:?} is no name of a distribution")))?;
    Ok(Head {
        whose: format!("{}, a {} of {name}", thing.id, thing.kind.label()),
        command: format!("takopi plugins config {}", thing.id),
        table: thing.table(),
        path: own_config::path(place.dir(), &distribution, thing.wire_kind(), thing.id.as_str()),
        home: place.home.clone(),
    })
}

impl Thing<'_> {
    /// Returns the schema of its settings, where it has one.
    ///
    /// # Errors
    /// What is wrong with the schema.
    pub(super) fn schema(&self) -> Result<Option<Schema>, Failure> {
        let manifest = &self.package.manifest;
        let id = self.id.as_str();
        let file = match self.kind {
            takopi_core::id::PluginKind::Engine => {
                manifest.engines.get(id).and_then(|table| table.config_schema.as_ref())
            }
            takopi_core::id::PluginKind::Transport => {
                manifest.transports.get(id).and_then(|table| table.config_schema.as_ref())
            }
            takopi_core::id::PluginKind::Command => {
                manifest.commands.get(id).and_then(|table| table.config_schema.as_ref())
            }
        };
        let Some(file) = file else { return Ok(None) };
        Schema::read(&self.package.dir.join(file)).map(Some).map_err(Failure::told)
    }
}
